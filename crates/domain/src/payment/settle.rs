//! The job that brings a payment to an end: it asks, repeats, undoes, and when nothing is left to do it asks a person.

use super::change::{Change, Report, find_payment};
use super::news::{OperationText, PersonAsked};
use super::rules::Ask;
use super::task::settle_job;
use super::{Action, Kind, Moved, Operation, OperationState, Outcome, Step, Why, Witness, exceptions, is_overdue};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::exception;
use crate::id::{OperationId, PaymentId};
use crate::work::{Key, Stop, UnitOfWork};

/// Takes the next step of each operation that has no end yet.
#[derive(Debug, Clone)]
pub struct Settle {
    /// Which payment.
    pub payment: PaymentId,
    /// A worker comes because the job is due, and does nothing if it is not any more. Without it: somebody wants to
    /// know now.
    pub expected_due: bool,
}

impl Command for Settle {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.settle"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Payment(self.payment), Key::Job(settle_job(self.payment))]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let payment = find_payment(work, call, self.payment)?;
        let mut change = Change::begin(work, call, payment)?;
        let job = work.jobs.find(call.merchant, &settle_job(self.payment));
        let is_due = job.and_then(|job| job.due_at).is_some_and(|due_at| due_at <= call.now);
        // Who runs a job that is due holds its lease; who is only curious leaves a lease that runs alone.
        let fence = job.filter(|_| is_due).map(|job| job.fence);
        if is_due || !self.expected_due {
            let operations: Vec<Operation> = change.operations(work).into_iter().cloned().collect();
            for operation in &operations {
                take_step(&mut change, work, call, operation);
            }
            let cause = OperationId { payment: self.payment, number: 1 };
            return change.finish(work, call, cause, fence);
        }
        Ok(change.leave(work))
    }
}

fn take_step(change: &mut Change, work: &mut UnitOfWork, call: &mut Call<'_>, operation: &Operation) {
    let step = change.step(work, operation, call.now);
    if step != Step::Done && is_overdue(operation, change.profile(), call.now) {
        open_overdue(work, call, operation);
    }
    match step {
        Step::Wait { .. } | Step::Done => {}
        Step::Inquire => {
            give_up_reply(change, work, call, operation);
            count_asked(work, operation);
            change.hand_out(Action::Inquire, operation.id);
        }
        Step::Send => {
            count_asked(work, operation);
            change.hand_out(Action::Send, operation.id);
        }
        Step::Reverse => {
            give_up_reply(change, work, call, operation);
            let target = Some(operation.id.number);
            let ask = Ask { kind: Kind::Reversal, target, asked_minor: operation.asked_minor };
            change.record(work, call, ask, "no outcome in time");
        }
        Step::AskPerson(why) => {
            if why != Why::KeyedByHand {
                give_up_reply(change, work, call, operation);
            }
            ask_person(work, call, operation, why);
        }
    }
}

/// A request whose sender never told how it went may or may not have left: it is in doubt, and never sent again if it is
/// a charge.
fn give_up_reply(change: &Change, work: &mut UnitOfWork, call: &mut Call<'_>, operation: &Operation) {
    if matches!(operation.state, OperationState::Recorded | OperationState::Sent) {
        let report = Report { witness: Witness::Reply, outcome: Outcome::Unknown, is_unreachable: false };
        change.tell(work, call, operation, report);
    }
}

fn count_asked(work: &mut UnitOfWork, operation: &Operation) {
    if let Some(known) = work.operations.find_mut(operation.merchant, &operation.id) {
        known.asked_count = known.asked_count.saturating_add(1);
        known.mark_sent();
    }
}

fn ask_person(work: &mut UnitOfWork, call: &mut Call<'_>, operation: &Operation, why: Why) {
    if let Some(known) = work.operations.find_mut(operation.merchant, &operation.id) {
        known.is_left_to_person = true;
    }
    let Operation { id, asked_minor, .. } = *operation;
    exceptions::open(work, call, id.payment, exception::Kind::PaymentInDoubt, why.to_string(), asked_minor);
    let asked = PersonAsked { operation: OperationText(id), why: why.as_str() };
    work.emit(call, "payment.person_asked", id.payment, &asked);
}

/// The machine goes on; the person may be faster. What a person was told already stays.
fn open_overdue(work: &mut UnitOfWork, call: &mut Call<'_>, operation: &Operation) {
    let Operation { id, asked_minor, kind, .. } = operation;
    if exceptions::find_open(work, call, id.payment, exception::Kind::PaymentInDoubt).is_some() {
        return;
    }
    let reason = format!(
        "It could not be found out in time how operation {} ({}) ended. The hub keeps asking. Do not charge again; if \
         the customer cannot wait, check the provider's portal and record the result.",
        id.number,
        kind.as_str(),
    );
    exceptions::open(work, call, id.payment, exception::Kind::PaymentInDoubt, reason, *asked_minor);
}
