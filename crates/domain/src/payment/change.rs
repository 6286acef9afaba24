//! One change of a payment. All commands begin it, change operations through it and finish it, so that payment, journal,
//! tender, exceptions, events and job always follow from the operations in the commit that changed them.

use super::create::CHARGE_NUMBER;
use super::news::{Asked, Ended, OperationText, asked_event, ended_event, reason_of};
use super::rules::Ask;
use super::task::{operations_of, settle_job};
use super::{
    Action, Effect, Kind, Moved, Operation, OperationState, Outcome, Payment, Profile, Step, Summary, Task, Witness,
    next_step, record_outcome, reversal_of, summarize,
};
use crate::call::Call;
use crate::command::{self, not_found};
use crate::id::{OperationId, PaymentId};
use crate::merchant::Connection;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// A change that has begun.
pub(super) struct Change {
    /// The payment as it was found.
    pub payment: Payment,
    /// The connection that it is taken with.
    pub connection: Connection,
    /// The connection's profile, with the timings that hold for this payment.
    profile: Profile,
    /// What its operations amounted to then.
    pub before: Summary,
    /// What is to be asked of the provider.
    pub tasks: Vec<(Action, OperationId)>,
    /// An operation was added to it.
    pub has_recorded: bool,
}

/// What a witness says about an operation.
pub(super) struct Report {
    pub witness: Witness,
    pub outcome: Outcome,
    /// The provider was not to be had: the time by which the doubt has to be settled counts from now on.
    pub is_unreachable: bool,
}

/// The payment, once it was looked for together with its job.
pub(super) fn find_payment(
    work: &UnitOfWork,
    call: &Call<'_>,
    id: PaymentId,
) -> Result<Payment, Stop<command::Refusal>> {
    work.require([Key::Payment(id), Key::Job(settle_job(id))])?;
    work.payments.find(call.merchant, &id).cloned().ok_or_else(|| not_found("payment", id))
}

/// An operation that nobody has spoken about.
pub(super) fn new_operation(payment: &Payment, ask: Ask, number: u32, now: Timestamp) -> Operation {
    Operation {
        id: OperationId { payment: payment.id, number },
        merchant: payment.merchant,
        connection: payment.connection,
        kind: ask.kind,
        target: ask.target,
        asked_minor: ask.asked_minor,
        state: OperationState::Recorded,
        witness: None,
        is_contradicted: false,
        is_left_to_person: false,
        recorded_at: now,
        doubt_since: now,
        asked_count: 0,
        terminal: None,
        slip: None,
        version: 1,
    }
}

impl Change {
    /// Begins a change of the payment as it stands.
    pub fn begin(work: &UnitOfWork, call: &Call<'_>, payment: Payment) -> Result<Self, Stop<command::Refusal>> {
        work.require([Key::Connection(payment.connection)])?;
        let connection = work.connections.find(call.merchant, &payment.connection).cloned();
        let connection = connection.ok_or_else(|| not_found("connection", payment.connection))?;
        let operations: Vec<&Operation> = operations_of(work, call.merchant, payment.id).collect();
        let before = summarize(&operations);
        let profile = connection.profile.of_payment(payment.is_scanned);
        Ok(Self { payment, connection, profile, before, tasks: Vec::new(), has_recorded: false })
    }

    /// The timings and capabilities of its provider.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Its operations as they stand now.
    pub fn operations<'a>(&self, work: &'a UnitOfWork) -> Vec<&'a Operation> {
        operations_of(work, self.payment.merchant, self.payment.id).collect()
    }

    /// One of its operations, if it has that one.
    pub fn find(&self, work: &UnitOfWork, number: u32) -> Option<Operation> {
        work.operations.find(self.payment.merchant, &self.id_of(number)).cloned()
    }

    /// What the machine would do next about an operation.
    pub fn step(&self, work: &UnitOfWork, operation: &Operation, now: Timestamp) -> Step {
        match self.held_until(work, operation) {
            Some(until) if now < until => return Step::Wait { at: until },
            Some(_) => return Step::Send,
            None => {}
        }
        let operations = self.operations(work);
        let reversal = reversal_of(&operations, operation.id.number).map(|reversal| &reversal.state);
        next_step(operation, reversal, self.profile(), now)
    }

    /// Until when an undoing that was asked for too early has to wait; `None` for one that was not, or that has been sent.
    fn held_until(&self, work: &UnitOfWork, operation: &Operation) -> Option<Timestamp> {
        let is_undoing = matches!(operation.kind, Kind::Reversal | Kind::Void);
        if !is_undoing || operation.state != OperationState::Recorded {
            return None;
        }
        let charge = self.find(work, operation.target?)?;
        let until = charge.recorded_at.plus_ms(self.profile.undo_hold_ms?);
        (operation.recorded_at < until).then_some(until)
    }

    /// Hands an operation to the sender.
    pub fn hand_out(&mut self, what: Action, operation: OperationId) {
        self.tasks.push((what, operation));
    }

    /// Records what is to be asked and hands it to the sender; where a terminal is keyed by hand, a person does
    /// it, and where it is relayed, the hub that claims it.
    pub fn record(&mut self, work: &mut UnitOfWork, call: &mut Call<'_>, ask: Ask, reason: &str) -> OperationId {
        let last = self.operations(work).last().map_or(0, |operation| operation.id.number);
        let mut operation = new_operation(&self.payment, ask, last.saturating_add(1), call.now);
        // What is done to a charge is done where the charge was made.
        operation.terminal = self.find(work, CHARGE_NUMBER).and_then(|charge| charge.terminal);
        let id = operation.id;
        let asked = Asked { operation: OperationText(id), asked_minor: ask.asked_minor, by: &call.actor.name, reason };
        work.emit(call, asked_event(ask.kind), self.payment.id, &asked);
        let is_held = self.held_until(work, &operation).is_some();
        work.operations.insert(operation);
        if let Some(payment) = work.payments.find_mut(self.payment.merchant, &self.payment.id) {
            payment.operation_count = id.number;
            payment.updated_at = call.now;
        }
        self.has_recorded = true;
        let is_sent_here = !self.profile().is_keyed_by_hand && !self.profile().is_relayed;
        if is_sent_here && !is_held {
            self.hand_out(Action::Send, id);
        }
        id
    }

    /// Merges what a witness says about one of its operations, and tells of what only the operation shows.
    pub fn tell(&self, work: &mut UnitOfWork, call: &mut Call<'_>, operation: &Operation, report: Report) {
        let mut told = operation.clone();
        let effect = record_outcome(&mut told, report.witness, report.outcome);
        if report.is_unreachable && !told.state.is_definite() {
            told.doubt_since = told.doubt_since.max(call.now);
        }
        save(work, operation, &told);
        match effect {
            Effect::Contradicted => self.open_contradiction(work, call, operation, &told),
            Effect::Ended if !told.kind.is_charge() && told.state.approval().is_none() => {
                self.emit_ended(work, call, &told);
                self.open_refund_failed(work, call, &told);
            }
            Effect::Ended | Effect::Noted | Effect::Nothing => {}
        }
    }

    /// Draws all consequences. `cause` is the operation that changed, `fence` that of the caller's lease, if it has one.
    pub fn finish(
        mut self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        cause: OperationId,
        fence: Option<i64>,
    ) -> Result<Moved, Stop<command::Refusal>> {
        let after = summarize(&self.operations(work));
        if after != self.before {
            self.post(work, call, cause, &after)?;
            self.update(work, call, &after);
            let is_unclaimed = self.settle_tender(work, call, &after)?;
            self.give_back_late(work, call, &after, is_unclaimed);
        }
        self.resolve(work, call, &after);
        let fence = self.schedule(work, call.now, fence);
        Ok(self.moved(work, fence, call.now))
    }

    /// Ends a change that changed nothing.
    pub fn leave(self, work: &UnitOfWork) -> Moved {
        let now = self.payment.updated_at;
        self.moved(work, 0, now)
    }

    /// Of a charge the payment's own event tells.
    fn emit_ended(&self, work: &mut UnitOfWork, call: &mut Call<'_>, told: &Operation) {
        let ended =
            Ended { operation: OperationText(told.id), state: told.state.as_str(), reason: reason_of(&told.state) };
        if let Some(kind) = ended_event(told.kind) {
            work.emit(call, kind, self.payment.id, &ended);
        }
    }

    fn moved(self, work: &UnitOfWork, fence: i64, now: Timestamp) -> Moved {
        let Self { payment, connection, tasks, .. } = self;
        let payment = work.payments.find(payment.merchant, &payment.id).cloned().unwrap_or(payment);
        let operations: Vec<Operation> = operations_of(work, payment.merchant, payment.id).cloned().collect();
        let find = |number| operations.iter().find(|operation| operation.id.number == number).cloned();
        let tasks = tasks.into_iter().filter_map(|(what, id)| {
            let operation = find(id.number)?;
            let target = operation.target.and_then(find);
            let (payment, connection) = (payment.clone(), connection.clone());
            Some(Task { what, operation, target, payment, connection, fence, handed_out_at: now })
        });
        let tasks = tasks.collect();
        Moved { payment, operations, tasks }
    }

    const fn id_of(&self, number: u32) -> OperationId {
        OperationId { payment: self.payment.id, number }
    }
}

/// Writes an operation back if it changed.
fn save(work: &mut UnitOfWork, before: &Operation, after: &Operation) {
    if before != after {
        work.operations.replace(after.clone());
    }
}
