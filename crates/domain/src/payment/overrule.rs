//! A manager's word on what nobody could find out. It is a witness like any other: if the provider later says that the
//! customer was charged all the same, the late approval is given back.

use super::change::{Change, Report, find_payment};
use super::news::{OperationText, Overridden};
use super::rules::Refusal as RuleRefusal;
use super::state::charge_of;
use super::task::{keys_for_outcome, settle_job};
use super::text::check_reason;
use super::{Approval, Kind, Moved, Operation, Outcome, Reason, Refusal, Witness, exceptions};
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
        Outcome::Approved(Approval { approved_minor, provider_reference: None })
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
        let state = change.payment().state;
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
    fn resolve_doubt(&self, work: &mut UnitOfWork, call: &Call<'_>, change: &Change) {
        let is_left = |one: &Operation| one.is_left_to_person && !one.state.is_definite();
        if !change.operations(work).into_iter().any(is_left) {
            let resolution = format!("{} overrode it as {}: {}", call.actor.name, self.verdict.as_str(), self.reason);
            exceptions::resolve(work, call, self.payment, exception::Kind::PaymentInDoubt, &resolution);
        }
    }
}
