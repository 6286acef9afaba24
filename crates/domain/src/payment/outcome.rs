//! The one command that moves a payment, whoever tells of it: the sender, a notification, an inquiry, a person, or the
//! settlement file.

use super::change::{Change, Report, find_payment};
use super::task::{keys_for_outcome, operations_of, settle_job};
use super::{Moved, Outcome, Payment, Refusal, Witness, exceptions, read_inquiry};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::exception;
use crate::id::OperationId;
use crate::money::{AMOUNT_MINOR_MAX, format_minor};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Records what a witness says about an operation. Any order and any repetition of the same words ends the same.
#[derive(Debug, Clone)]
pub struct RecordOutcome {
    /// Which operation.
    pub operation: OperationId,
    /// Who says it.
    pub witness: Witness,
    /// What.
    pub outcome: Outcome,
    /// When the question was asked that this answers: before the finality window `NotFound` proves nothing.
    pub asked_at: Timestamp,
    /// The provider was not to be had: `resolve_by` counts from when it was last so.
    pub is_unreachable: bool,
    /// The fence of the task that this is the outcome of; `None` from whoever has no lease.
    pub fence: Option<i64>,
    /// [`keys_for_outcome`] of the payment, from a caller that has it: saves a round, changes nothing else.
    pub hint: Vec<Key>,
}

impl Command for RecordOutcome {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.record_outcome"
    }

    fn keys(&self) -> Vec<Key> {
        let payment = self.operation.payment;
        let keys = [Key::Payment(payment), Key::Job(settle_job(payment))];
        keys.into_iter().chain(self.hint.iter().cloned()).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        let is_person = self.witness == Witness::Person;
        require_role(call, if is_person { Role::Cashier } else { Role::System })?;
        check_amount(&self.outcome)?;
        let payment = find_payment(work, call, self.operation.payment)?;
        work.require(keys_for_outcome(&payment))?;
        let change = Change::begin(work, call, payment)?;
        if is_person && !change.profile().is_keyed_by_hand {
            // Where the provider is asked by machine, a person's word against it is an override's.
            require_role(call, Role::Manager)?;
        }
        let Some(operation) = change.find(work, self.operation.number) else {
            return Ok(self.open_not_asked_for(work, call, change.payment().clone()));
        };
        let outcome = read_inquiry(self.outcome.clone(), &operation, change.profile(), self.asked_at);
        let report = Report { witness: self.witness, outcome, is_unreachable: self.is_unreachable };
        change.tell(work, call, &operation, report);
        change.finish(work, call, self.operation, self.fence)
    }
}

impl RecordOutcome {
    /// What the provider knows and we did not ask for is neither dropped nor adopted.
    fn open_not_asked_for(&self, work: &mut UnitOfWork, call: &mut Call<'_>, payment: Payment) -> Moved {
        let at_risk_minor = match &self.outcome {
            Outcome::Approved(approval) => approval.approved_minor.max(0),
            Outcome::Pending
            | Outcome::Declined(_)
            | Outcome::Cancelled
            | Outcome::NotSent(_)
            | Outcome::Unknown
            | Outcome::NotFound => 0,
        };
        let reason = format!(
            "A {} tells of operation {} of this payment, which this hub did not ask for ({} {}). Look it up in the \
             provider's portal and find out who did.",
            self.witness.as_str(),
            self.operation.number,
            format_minor(at_risk_minor, payment.currency),
            payment.currency,
        );
        exceptions::open(work, call, payment.id, exception::Kind::NotAskedFor, reason, at_risk_minor);
        let operations = operations_of(work, call.merchant, payment.id).cloned().collect();
        Moved { payment, operations, tasks: Vec::new() }
    }
}

/// An amount that no journal could hold is no amount: the operation stays in doubt, and a person sees it in time.
fn check_amount(outcome: &Outcome) -> Result<(), Refusal> {
    match outcome {
        Outcome::Approved(approval) if !(0..=AMOUNT_MINOR_MAX).contains(&approval.approved_minor) => {
            Err(Refusal::AmountOutOfRange)
        }
        Outcome::Approved(_)
        | Outcome::Pending
        | Outcome::Declined(_)
        | Outcome::Cancelled
        | Outcome::NotSent(_)
        | Outcome::Unknown
        | Outcome::NotFound => Ok(()),
    }
}
