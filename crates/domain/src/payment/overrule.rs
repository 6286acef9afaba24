//! A manager's word on what nobody could find out. It is a witness like any other: if the provider later says that the
//! customer was charged all the same, the late approval is given back.

use super::change::{Change, Report, find_payment};
use super::news::{OperationText, Overridden};
use super::rules::Refusal as RuleRefusal;
use super::state::charge_of;
use super::task::{keys_for_outcome, settle_job};
use super::text::check_reason;
use super::{Approval, Kind, Moved, Operation, Outcome, Reason, Refusal, Witness};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::exception;
use crate::id::PaymentId;
use crate::work::{Key, Stop, UnitOfWork};

/// Shortest reason for an override, in characters: less says nothing.
pub const OVERRIDE_REASON_CHARS_MIN: usize = 3;

/// What stands as the reason of an operation that a manager declared not to have happened.
const REASON_CODE: &str = "operator_override";

/// Says whether the customer was charged, of a payment that has no end.
#[derive(Debug, Clone)]
pub struct Override {
    /// Which payment.
    pub payment: PaymentId,
    /// What the manager found out.
    pub verdict: Verdict,
    /// How: a slip, the portal, the customer's statement.
    pub reason: String,
}

/// What a manager can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The customer was charged.
    Charged,
    /// The customer was not charged.
    NotCharged,
}

impl Verdict {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Charged => "charged",
            Self::NotCharged => "not_charged",
        }
    }

    /// The verdict of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Charged, Self::NotCharged].into_iter().find(|verdict| verdict.as_str() == text)
    }

    /// What it says about the operation that is in doubt. An undoing in doubt happened if the customer is not charged.
    fn outcome(self, operation: &Operation, charge: &Operation) -> Outcome {
        let is_undoing = matches!(operation.kind, Kind::Void | Kind::Reversal);
        let has_happened = (self == Self::Charged) != is_undoing;
        if !has_happened {
            return Outcome::Declined(Reason(REASON_CODE.to_owned()));
        }
        let approved_minor = if is_undoing { charge.approved_minor() } else { operation.asked_minor };
        Outcome::Approved(Approval { approved_minor, provider_reference: None, funding: None })
    }
}

impl Command for Override {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.override"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Payment(self.payment), Key::Job(settle_job(self.payment))]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        check_reason(&self.reason)?;
        if self.reason.trim().chars().count() < OVERRIDE_REASON_CHARS_MIN {
            return Err(Refusal::ReasonInvalid.into());
        }
        let payment = find_payment(work, call, self.payment)?;
        work.require(keys_for_outcome(&payment))?;
        let change = Change::begin(work, call, payment)?;
        let (operation, outcome) = self.find_doubt(work, &change)?;
        change.tell(work, call, &operation, Report { witness: Witness::Person, outcome, is_unreachable: false });
        let by = call.actor.name.as_str();
        let (verdict, reason) = (self.verdict.as_str(), self.reason.as_str());
        let overridden = Overridden { operation: OperationText(operation.id), verdict, by, reason };
        work.emit(call, "payment.overridden", self.payment, &overridden);
        self.resolve_doubt(work, call, &change);
        change.finish(work, call, operation.id, None)
    }
}

impl Override {
    /// The operation that the verdict is about, and what it says of it: the charge, or if that has ended what else keeps
    /// the payment from its end.
    fn find_doubt(&self, work: &UnitOfWork, change: &Change) -> Result<(Operation, Outcome), Stop<command::Refusal>> {
        let state = change.payment.state;
        let final_refusal = || Stop::from(RuleRefusal::AlreadyFinal { state });
        if state.is_final() {
            return Err(final_refusal());
        }
        let operations = change.operations(work);
        let charge = charge_of(&operations).ok_or_else(final_refusal)?;
        let open_of = |kind| operations.iter().find(|one| one.kind == kind && !one.state.is_definite());
        let follow_ups = [Kind::Reversal, Kind::Void, Kind::Capture];
        let doubt = if charge.state.is_definite() { follow_ups.into_iter().find_map(open_of) } else { Some(&charge) };
        let doubt = doubt.ok_or_else(final_refusal)?;
        Ok(((*doubt).clone(), self.verdict.outcome(doubt, charge)))
    }

    /// The person has done what the exception asked for, unless something else was left to them. If a reversal goes on
    /// and does not end in time, it is opened again.
    fn resolve_doubt(&self, work: &mut UnitOfWork, call: &mut Call<'_>, change: &Change) {
        let is_left = |one: &Operation| one.is_left_to_person && !one.state.is_definite();
        if !change.operations(work).into_iter().any(is_left) {
            let resolution = format!("{} overrode it as {}: {}", call.actor.name, self.verdict.as_str(), self.reason);
            exception::resolve(work, call, self.payment, exception::Kind::PaymentInDoubt, &resolution);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::approved;
    use super::super::shop::{Shop, a_payment};
    use super::super::{AskCancel, AskCapture, AskVoid, CreatePayment, Profile, State};
    use super::*;
    use crate::exception::Kind::{LateApproval, PaymentInDoubt, WitnessesContradict};
    use crate::id::OperationId;
    use crate::sale::{self, TenderState};
    use crate::testing::sale_id;

    fn overrule(payment: PaymentId, verdict: Verdict) -> Override {
        Override { payment, verdict, reason: "looked at the slip".to_owned() }
    }

    #[test]
    fn a_payment_left_to_a_person_is_ended_by_one() {
        let silent = Profile { has_inquiry: false, has_reversal: false, ..Profile::sandbox() };
        for (verdict, state) in [(Verdict::Charged, State::Captured), (Verdict::NotCharged, State::Declined)] {
            let mut shop = Shop::with_profile(silent.clone());
            let id = shop.create(None, Some(1_000)).payment.id;
            shop.settle_when_due(id);
            assert_eq!(shop.open_exceptions(id), [PaymentInDoubt]);
            let moved = shop.acting_as(Role::Manager).run(&overrule(id, verdict)).unwrap();
            assert_eq!((moved.payment.state, shop.open_exceptions(id)), (state, Vec::new()));
            let resolution = shop.exception(id, PaymentInDoubt).resolution.unwrap();
            assert_eq!(resolution, format!("test overrode it as {}: looked at the slip", verdict.as_str()));
            assert!(shop.events(id).contains(&"payment.overridden"));
            assert_eq!(shop.refused(&overrule(id, verdict)), "payment_already_final");
            assert_eq!(Verdict::parse(verdict.as_str()), Some(verdict));
        }
    }

    #[test]
    fn override_not_charged_then_approval_is_refunded() {
        let mut shop = Shop::with_a_sale();
        let created = shop.create(Some(1), None);
        let (id, charge) = (created.payment.id, created.operations[0].id);
        shop.reply(&created.tasks[0], Outcome::Unknown);
        let moved = shop.run(&overrule(id, Verdict::NotCharged)).unwrap();
        assert_eq!((moved.payment.state, shop.tender(&moved.payment).state), (State::Declined, TenderState::Failed));
        assert_eq!(shop.pay_cash(), sale::State::Completed);
        let sold = shop.world.standing(sale_id(1));
        let moved = shop.tell(charge, Witness::Notification, approved(300));
        assert_eq!((moved.tasks[0].operation.kind, moved.tasks[0].operation.asked_minor), (Kind::Refund, 300));
        assert_eq!(shop.open_exceptions(id), [LateApproval, WitnessesContradict]);
        assert_eq!(shop.world.standing(sale_id(1)), sold);
        let moved = shop.reply(&moved.tasks[0], approved(300));
        assert_eq!((moved.payment.state, shop.receivable()), (State::Refunded, 0));
        assert_eq!(shop.open_exceptions(id), [WitnessesContradict]);
    }

    #[test]
    fn an_override_pays_the_sale() {
        let mut shop = Shop::with_a_sale();
        let created = shop.create(Some(1), None);
        shop.reply(&created.tasks[0], Outcome::Unknown);
        shop.run(&overrule(created.payment.id, Verdict::Charged)).unwrap();
        assert_eq!(shop.world.standing(sale_id(1)).sale.state, sale::State::Completed);
        assert_eq!(shop.receivable(), 300);
    }

    #[test]
    fn a_reversal_in_doubt_goes_on_beside_an_override() {
        let mut shop = Shop::new();
        let created = shop.create(None, Some(1_000));
        let id = created.payment.id;
        shop.reply(&created.tasks[0], Outcome::Unknown);
        let cancelled = shop.run(&AskCancel { payment: id, reason: String::new() }).unwrap();
        shop.reply(&cancelled.tasks[0], Outcome::Unknown);
        let moved = shop.run(&overrule(id, Verdict::NotCharged)).unwrap();
        assert_eq!(moved.payment.state, State::Declined);
        let asked = shop.settle_when_due(id);
        assert_eq!(asked.tasks[0].operation.kind, Kind::Reversal);
    }

    #[test]
    fn what_else_was_left_to_a_person_stays_with_one() {
        let mut shop = Shop::with_profile(Profile { has_inquiry: false, give_up_ms: 60_000, ..Profile::sandbox() });
        let id = shop.create(None, Some(1_000)).payment.id;
        while shop.job(id).due_at.is_some() {
            shop.settle_when_due(id);
        }
        let moved = shop.run(&overrule(id, Verdict::NotCharged)).unwrap();
        assert_eq!((moved.payment.state, shop.open_exceptions(id)), (State::Declined, vec![PaymentInDoubt]));
        let reversal = moved.operations[1].id;
        shop.tell(reversal, Witness::Person, Outcome::Declined(Reason("not_done".to_owned())));
        assert_eq!(shop.open_exceptions(id), []);
    }

    #[test]
    fn what_was_done_to_a_charge_may_be_overridden_too() {
        let void = |payment| AskVoid { payment, reason: String::new() };
        for (verdict, state) in [(Verdict::Charged, State::Captured), (Verdict::NotCharged, State::Voided)] {
            let mut shop = Shop::new();
            let payment = shop.captured().id;
            let asked = shop.run(&void(payment)).unwrap();
            shop.reply(&asked.tasks[0], Outcome::Unknown);
            assert_eq!(shop.run(&overrule(payment, verdict)).unwrap().payment.state, state);
        }
        for (verdict, state) in [(Verdict::Charged, State::Captured), (Verdict::NotCharged, State::Authorized)] {
            let mut shop = Shop::new();
            let created = shop.run(&CreatePayment { is_two_step: true, ..a_payment() }).unwrap();
            let payment = shop.reply(&created.tasks[0], approved(1_000)).payment.id;
            let asked = shop.run(&AskCapture { payment, amount_minor: None }).unwrap();
            shop.reply(&asked.tasks[0], Outcome::Unknown);
            assert_eq!(shop.run(&overrule(payment, verdict)).unwrap().payment.state, state);
        }
        for (verdict, state) in [(Verdict::Charged, State::Captured), (Verdict::NotCharged, State::Reversed)] {
            let mut shop = Shop::new();
            let created = shop.create(None, Some(1_000));
            let payment = created.payment.id;
            shop.run(&AskCancel { payment, reason: String::new() }).unwrap();
            shop.tell(OperationId { payment, number: 1 }, Witness::Notification, approved(1_000));
            assert_eq!(shop.run(&overrule(payment, verdict)).unwrap().payment.state, state);
        }
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let mut shop = Shop::new();
        let id = shop.create(None, Some(1_000)).payment.id;
        let because = |reason: &str| Override { reason: reason.to_owned(), ..overrule(id, Verdict::Charged) };
        assert_eq!(shop.refused(&because("  ok  ")), "reason_invalid");
        assert_eq!(shop.refused(&because(&"x".repeat(501))), "reason_invalid");
        assert_eq!(shop.refused(&because("card 4111111111111111")), "text_looks_like_card_number");
        assert_eq!(shop.clone().acting_as(Role::Cashier).refused(&because("the slip")), "role_too_low");
        assert_eq!(shop.of_other_merchant().refused(&because("the slip")), "payment_not_found");
    }
}
