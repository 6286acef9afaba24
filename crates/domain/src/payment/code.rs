//! The code that a shop shows and the customer pays. It is the shop's own, so it is stored and shown again; a code that the
//! customer shows is a one-time input and never comes here.

use super::Operation;
use super::change::Change;
use super::news::CodePresented;
use crate::call::Call;
use crate::time::Timestamp;
use crate::work::UnitOfWork;

/// Longest text of a code: more than a QR code of a size that a phone reads from a screen can hold.
pub const CODE_CHARS_MAX: usize = 1_000;

/// A code to be shown to the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedCode {
    /// What the QR code says.
    pub text: String,
    /// The provider's id of it, by which it is withdrawn.
    pub provider_code_id: String,
    /// Until when it can be paid, where the provider says so.
    pub expires_at: Option<Timestamp>,
}

impl Change {
    /// Keeps the code that came with the reply. A second one is none: the customer may be looking at the first.
    pub fn present(&self, work: &mut UnitOfWork, call: &mut Call<'_>, charge: &Operation, code: &PresentedCode) {
        let is_wanted = charge.kind.is_charge() && !charge.state.is_definite() && self.payment.presented_code.is_none();
        if !is_wanted || code.text.chars().count() > CODE_CHARS_MAX {
            return;
        }
        if let Some(payment) = work.payments.find_mut(self.payment.merchant, &self.payment.id) {
            payment.presented_code = Some(code.clone());
            payment.updated_at = call.now;
        }
        let expires_at_ms = code.expires_at.map(|at| at.0);
        work.emit(call, "payment.code_presented", self.payment.id, &CodePresented { expires_at_ms });
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{approved, declined};
    use super::super::shop::{Shop, a_payment};
    use super::super::{CreatePayment, Outcome, Profile, RecordOutcome, State, Waiting, Witness, waiting};
    use super::*;
    use crate::testing::NOW;

    const WALLET: Profile = Profile { has_present: true, has_scan: true, ..Profile::sandbox() };

    fn a_code(text: &str) -> PresentedCode {
        PresentedCode {
            text: text.to_owned(),
            provider_code_id: "code-1".to_owned(),
            expires_at: Some(NOW.plus_ms(300_000)),
        }
    }

    fn told(shop: &Shop, operation: crate::id::OperationId, outcome: Outcome, text: &str) -> RecordOutcome {
        RecordOutcome { presented: Some(a_code(text)), ..shop.told(operation, Witness::Reply, outcome) }
    }

    #[test]
    fn a_code_is_kept_once_and_told_of() {
        let mut shop = Shop::with_profile(WALLET);
        let created = shop.create(None, Some(1_000));
        let id = created.operations[0].id;
        assert_eq!(waiting(&created.payment, &created.operations), Waiting::ForProvider);
        let first = told(&shop, id, Outcome::Pending, "https://qr.test/1");
        let moved = shop.run(&first).unwrap();
        assert_eq!(moved.payment.presented_code, Some(a_code("https://qr.test/1")));
        assert_eq!(waiting(&moved.payment, &moved.operations), Waiting::ForCodeShown);
        let second = told(&shop, id, Outcome::Pending, "https://qr.test/2");
        assert!(!shop.writes(|shop| drop(shop.run(&second).unwrap())));
        assert_eq!(shop.events(id.payment), ["payment.created", "payment.code_presented"]);
        shop.tell(id, Witness::Inquiry, approved(1_000));
        assert_eq!(shop.payment(id.payment).state, State::Captured);
    }

    #[test]
    fn a_code_for_what_has_ended_or_one_too_long_is_not_kept() {
        let mut shop = Shop::with_profile(WALLET);
        let id = shop.create(None, Some(1_000)).operations[0].id;
        let long = told(&shop, id, Outcome::Pending, &"x".repeat(CODE_CHARS_MAX + 1));
        assert_eq!(shop.run(&long).unwrap().payment.presented_code, None);
        shop.tell(id, Witness::Inquiry, declined("limit"));
        let late = told(&shop, id, Outcome::Pending, "late");
        assert_eq!(shop.run(&late).unwrap().payment.presented_code, None);
    }

    #[test]
    fn a_scanned_code_is_taken_where_the_provider_takes_one_and_nowhere_else() {
        let scanned = CreatePayment { is_scanned: true, ..a_payment() };
        let mut shop = Shop::with_profile(WALLET);
        let moved = shop.run(&scanned).unwrap();
        let moved = shop.tell(moved.operations[0].id, Witness::Reply, Outcome::Pending);
        assert_eq!(waiting(&moved.payment, &moved.operations), Waiting::ForCustomer);
        assert_eq!(Shop::new().refused(&scanned), "customer_code_not_supported");
        let mut shop = Shop::with_profile(Profile { has_present: false, ..WALLET });
        assert_eq!(shop.refused(&a_payment()), "customer_code_missing");
    }
}
