//! A receipt is given, of a sale or of a return of it. The sale's lock decides which one is the original, also when two are asked for at the same time.

use serde::Serialize;

use super::{ADDRESSEE_CHARS_MAX, IssuedReceipt, Kind, PROVISO_CHARS_MAX, RECEIPTS_MAX, Refusal, receipts_of};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::guard;
use crate::id::{ReceiptId, ReturnId, SaleId};
use crate::locale::Locale;
use crate::sale::{State, find_sale};
use crate::text;
use crate::work::{Key, Stop, UnitOfWork};

/// Gives a receipt of a completed sale, or of a return of it. The first of its kind is the original, each later one a copy.
#[derive(Debug, Clone)]
pub struct IssueReceipt {
    /// Of which sale.
    pub sale: SaleId,
    /// What is given.
    pub kind: Kind,
    /// In which language.
    pub locale: Locale,
}

impl IssueReceipt {
    fn check_texts(&self) -> Result<(), Refusal> {
        let (addressee, proviso) = self.kind.texts();
        let is_wrong = |text: Option<&str>, chars_max| text.is_some_and(|text| !text::is_line(text, chars_max));
        if is_wrong(addressee, ADDRESSEE_CHARS_MAX) {
            return Err(Refusal::AddresseeInvalid);
        }
        if is_wrong(proviso, PROVISO_CHARS_MAX) {
            return Err(Refusal::ProvisoInvalid);
        }
        if addressee.into_iter().chain(proviso).any(guard::looks_like_card_number) {
            return Err(Refusal::TextLooksLikeCardNumber);
        }
        Ok(())
    }

    /// Those of each return are counted by themselves: a sale with many returns has a receipt for each.
    fn check_count(&self, work: &UnitOfWork, call: &Call<'_>) -> Result<(), Refusal> {
        let about = self.kind.return_number();
        let given = receipts_of(work, call.merchant, self.sale).filter(|receipt| receipt.kind.return_number() == about);
        match (given.count() < RECEIPTS_MAX as usize, about) {
            (true, _) => Ok(()),
            (false, None) => Err(Refusal::TooMany),
            (false, Some(_)) => Err(Refusal::ReturnTooMany),
        }
    }

    /// The number on the document: of the sale, if it is completed, or of the return.
    fn receipt_number(&self, work: &UnitOfWork, call: &Call<'_>) -> Result<String, Stop<command::Refusal>> {
        if let Some(number) = self.kind.return_number() {
            let id = ReturnId { sale: self.sale, number };
            let origin = work.returns.find(call.merchant, &id).ok_or_else(|| not_found("return", id))?;
            return Ok(origin.receipt_number.clone());
        }
        let sale = find_sale(work, call.merchant, self.sale)?;
        match (sale.state, sale.receipt_number.clone()) {
            (State::Completed, Some(receipt_number)) => Ok(receipt_number),
            (state, _) => Err(Refusal::SaleNotCompleted { state }.into()),
        }
    }

    fn issue(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        receipt_number: &str,
    ) -> Result<IssuedReceipt, Stop<command::Refusal>> {
        self.check_count(work, call)?;
        let last = receipts_of(work, call.merchant, self.sale).last().map_or(0, |receipt| receipt.number);
        let name = self.kind.as_str();
        let is_copy = receipts_of(work, call.merchant, self.sale).any(|receipt| receipt.kind.is_same(&self.kind));
        let receipt = IssuedReceipt {
            sale: self.sale,
            number: last.saturating_add(1),
            id: ReceiptId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            kind: self.kind.clone(),
            is_copy,
            locale: self.locale,
            print_count: 0,
            issued_by: call.actor.name.clone(),
            issued_at: call.now,
            version: 1,
        };
        work.receipts.insert(receipt.clone());
        let origin = self.kind.return_number().map(|number| ReturnId { sale: self.sale, number });
        let data = Issued { sale: self.sale, origin, receipt_number, number: receipt.number, kind: name, is_copy };
        work.emit(call, "receipt.issued", receipt.id, &data);
        Ok(receipt)
    }
}

impl Command for IssueReceipt {
    type Reply = IssuedReceipt;

    fn name(&self) -> &'static str {
        "receipt.issue"
    }

    fn keys(&self) -> Vec<Key> {
        let returns = self.kind.return_number().map(|_| Key::Returns(self.sale));
        [Key::Sale(self.sale), Key::Receipts(self.sale)].into_iter().chain(returns).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<IssuedReceipt, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        self.check_texts()?;
        work.require(self.keys())?;
        let receipt_number = self.receipt_number(work, call)?;
        self.issue(work, call, &receipt_number)
    }
}

/// What the event tells. To whom it was made out stays in the record.
#[derive(Serialize)]
struct Issued<'a> {
    sale: SaleId,
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    origin: Option<ReturnId>,
    receipt_number: &'a str,
    number: u32,
    kind: &'static str,
    is_copy: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Quantity;
    use crate::returns::{CreateReturn, NewReturnLine};
    use crate::sale::{AddCash, VoidSale};
    use crate::testing::{LOCATION, MERCHANT, REGISTER, TEA, World, line, sale_id};

    fn a_paid_sale() -> World {
        let mut world = World::with_open_sale(&[line(TEA, 1_000)]);
        world.run(&AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: None, given_minor: 200 }).unwrap();
        world
    }

    fn a_receipt() -> IssueReceipt {
        IssueReceipt { sale: sale_id(1), kind: Kind::Receipt, locale: Locale::Ja }
    }

    fn formal(addressee: Option<&str>, proviso: Option<&str>) -> IssueReceipt {
        let (addressee, proviso) = (addressee.map(str::to_owned), proviso.map(str::to_owned));
        IssueReceipt { kind: Kind::Formal { addressee, proviso }, ..a_receipt() }
    }

    #[test]
    fn the_first_of_a_kind_is_the_original() {
        let mut world = a_paid_sale();
        let mut issue = |issue: &IssueReceipt| {
            let receipt = world.run(issue).unwrap();
            (receipt.number, receipt.kind.as_str(), receipt.is_copy)
        };
        assert_eq!(issue(&a_receipt()), (1, "receipt", false));
        assert_eq!(issue(&a_receipt()), (2, "receipt", true));
        assert_eq!(issue(&formal(Some("株式会社橋"), None)), (3, "formal", false));
        assert_eq!(issue(&formal(None, None)), (4, "formal", true));
        assert_eq!(issue(&a_receipt()), (5, "receipt", true));
    }

    #[test]
    fn each_return_has_an_original_of_its_own() {
        let mut world = a_paid_sale();
        let mut give_back = |number: u32| {
            let line = NewReturnLine { number: 1, quantity: Quantity(500), is_restocked: true };
            let reason = String::new();
            let (merchant, location, register, sale) = (MERCHANT, LOCATION, REGISTER, sale_id(1));
            let lines = vec![line];
            let (refunds, foreseen) = (None, Vec::new());
            world.run(&CreateReturn { merchant, location, register, sale, lines, reason, refunds, foreseen }).unwrap();
            let issue = IssueReceipt { kind: Kind::Return { number }, ..a_receipt() };
            [world.run(&issue).unwrap(), world.run(&issue).unwrap()].map(|given| (given.number, given.is_copy))
        };
        assert_eq!(give_back(1), [(1, false), (2, true)]);
        assert_eq!(give_back(2), [(3, false), (4, true)]);
        assert!(!world.run(&a_receipt()).unwrap().is_copy);
        let event = &world.database.events.rows()[world.database.events.rows().len() - 2];
        let id = ReturnId { sale: sale_id(1), number: 2 };
        assert!(event.data.contains(&format!(r#""return":"{id}","receipt_number":"K1-00000003""#)), "{}", event.data);
        let unknown = IssueReceipt { kind: Kind::Return { number: 3 }, ..a_receipt() };
        assert_eq!(world.refused(&unknown).code(), "return_not_found");
        let known = IssueReceipt { kind: Kind::Return { number: 1 }, ..a_receipt() };
        assert_eq!(world.clone().of_other_merchant().refused(&known).code(), "return_not_found");
        for _ in 2..RECEIPTS_MAX {
            world.run(&known).unwrap();
        }
        assert_eq!(world.refused(&known).code(), "return_too_many_receipts");
        world.run(&IssueReceipt { kind: Kind::Return { number: 2 }, ..a_receipt() }).unwrap();
    }

    #[test]
    fn the_event_does_not_say_to_whom() {
        let mut world = a_paid_sale();
        let receipt = world.run(&formal(Some("株式会社橋"), Some("お茶代"))).unwrap();
        let event = world.database.events.rows().last().unwrap();
        assert_eq!((event.kind, event.subject.clone()), ("receipt.issued", receipt.id.to_string()));
        let data = format!(
            r#"{{"sale":"{}","receipt_number":"K1-00000001","number":1,"kind":"formal","is_copy":false}}"#,
            sale_id(1)
        );
        assert_eq!(event.data, data);
    }

    #[test]
    fn only_a_completed_sale_has_receipts() {
        let mut world = World::with_open_sale(&[line(TEA, 1_000)]);
        assert_eq!(world.refused(&a_receipt()).code(), "sale_not_completed");
        world.run(&VoidSale { merchant: MERCHANT, sale: sale_id(1) }).unwrap();
        assert_eq!(world.refused(&a_receipt()).code(), "sale_not_completed");
        assert_eq!(world.refused(&IssueReceipt { sale: sale_id(2), ..a_receipt() }).code(), "sale_not_found");
        assert_eq!(a_paid_sale().of_other_merchant().refused(&a_receipt()).code(), "sale_not_found");
        assert_eq!(a_paid_sale().acting_as(Role::Viewer).refused(&a_receipt()).code(), "role_too_low");
    }

    #[test]
    fn texts_are_single_lines_without_card_numbers() {
        let long = "橋".repeat(61);
        for (code, wrong) in [
            ("receipt_addressee_invalid", formal(Some(" "), None)),
            ("receipt_addressee_invalid", formal(Some(&long), None)),
            ("receipt_addressee_invalid", formal(Some("a\nb"), None)),
            ("receipt_proviso_invalid", formal(None, Some(""))),
            ("receipt_proviso_invalid", formal(None, Some(&long))),
            ("receipt_proviso_invalid", formal(None, Some("\u{1b}p0"))),
            ("text_looks_like_card_number", formal(Some("４１１１ 1111 1111 1111"), None)),
            ("text_looks_like_card_number", formal(None, Some("4111-1111-1111-1111"))),
        ] {
            let refusal = a_paid_sale().refused(&wrong);
            assert_eq!(refusal.code(), code);
            assert!(!refusal.to_string().contains("1111"));
        }
    }

    #[test]
    fn a_printer_that_loops_is_stopped() {
        let mut world = a_paid_sale();
        for _ in 0..RECEIPTS_MAX {
            world.run(&a_receipt()).unwrap();
        }
        assert_eq!(world.refused(&a_receipt()).code(), "sale_too_many_receipts");
    }
}
