//! One change of a payment. All commands begin it, change operations through it and finish it, so that payment, journal,
//! tender, exceptions, events and job always follow from the operations in the commit that changed them.

use super::news::{Asked, Ended, Late, OperationText, Standing, asked_event, ended_event, reason_of, state_event};
use super::rules::Ask;
use super::state::charge_of;
use super::task::{SEND_GRACE_MS, operations_of, settle_job};
use super::{
    Action, Charged, Effect, Kind, Moved, Operation, OperationState, Outcome, Payment, Profile, Refusal, State, Step,
    Summary, Task, Witness, due_after, exceptions, late_approval_ask, next_step, record_outcome, reversal_of,
    summarize,
};
use crate::call::Call;
use crate::command::{self, not_found};
use crate::exception;
use crate::id::{JournalEntryId, OperationId, PaymentId};
use crate::job::Job;
use crate::journal::{JournalEntry, capture_postings};
use crate::merchant::Connection;
use crate::money::{Overflow, format_minor};
use crate::sale::{self, Settled, TenderState};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// A change that has begun.
pub(super) struct Change {
    /// The payment as it was found.
    payment: Payment,
    connection: Connection,
    /// What its operations amounted to then.
    before: Summary,
    /// What is to be asked of the provider.
    tasks: Vec<(Action, OperationId)>,
    has_recorded: bool,
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
        Ok(Self { payment, connection, before, tasks: Vec::new(), has_recorded: false })
    }

    /// The payment as it was found.
    pub const fn payment(&self) -> &Payment {
        &self.payment
    }

    /// The timings and capabilities of its provider.
    pub const fn profile(&self) -> &Profile {
        &self.connection.profile
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
        let operations = self.operations(work);
        let reversal = reversal_of(&operations, operation.id.number).map(|reversal| &reversal.state);
        next_step(operation, reversal, self.profile(), now)
    }

    /// Hands an operation to the sender.
    pub fn hand_out(&mut self, what: Action, operation: OperationId) {
        self.tasks.push((what, operation));
    }

    /// Records what is to be asked and hands it to the sender; where a terminal is keyed by hand, a person does it.
    pub fn record(&mut self, work: &mut UnitOfWork, call: &mut Call<'_>, ask: Ask, reason: &str) -> OperationId {
        let last = self.operations(work).last().map_or(0, |operation| operation.id.number);
        let operation = new_operation(&self.payment, ask, last.saturating_add(1), call.now);
        let id = operation.id;
        let asked = Asked { operation: OperationText(id), asked_minor: ask.asked_minor, by: &call.actor.name, reason };
        work.emit(call, asked_event(ask.kind), self.payment.id, &asked);
        work.operations.insert(operation);
        if let Some(payment) = work.payments.find_mut(self.payment.merchant, &self.payment.id) {
            payment.operation_count = id.number;
            payment.updated_at = call.now;
        }
        self.has_recorded = true;
        if !self.profile().is_keyed_by_hand {
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
                self.end_without_approval(work, call, &told);
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
        Ok(self.moved(work, fence))
    }

    /// Ends a change that changed nothing.
    pub fn leave(self, work: &UnitOfWork) -> Moved {
        self.moved(work, 0)
    }

    /// What is with us of this payment is what the provider owes for it: the entry is the change of that, so no order of
    /// witnesses can make the two differ.
    fn post(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        cause: OperationId,
        after: &Summary,
    ) -> Result<(), Stop<command::Refusal>> {
        let change_minor = taken_minor(after).saturating_sub(taken_minor(&self.before));
        if change_minor == 0 {
            return Ok(());
        }
        let entry = JournalEntry {
            id: JournalEntryId::from_uuid(call.next_uuid()),
            merchant: self.payment.merchant,
            subject: cause.to_string(),
            currency: self.payment.currency,
            // Of a negative change these are the postings of a refund.
            postings: capture_postings(self.payment.connection, change_minor),
            recorded_at: call.now,
        };
        work.post(entry).map_err(|stop| stop.map(|Overflow| command::Refusal::Payment(Refusal::AmountOutOfRange)))
    }

    fn update(&self, work: &mut UnitOfWork, call: &mut Call<'_>, after: &Summary) {
        let has_become_uncharged = after.state != self.before.state
            && after.state.is_final()
            && after.customer_charged == Charged::No
            && self.before.captured_minor == 0
            && after.captured_minor == 0;
        if let Some(payment) = work.payments.find_mut(self.payment.merchant, &self.payment.id) {
            payment.state = after.state;
            payment.approved_minor = after.approved_minor;
            payment.captured_minor = after.captured_minor;
            payment.refunded_minor = after.refunded_minor;
            payment.is_closed_uncharged |= has_become_uncharged;
            payment.updated_at = call.now;
        }
        let operations = self.operations(work);
        let reason = charge_of(&operations).and_then(|charge| reason_of(&charge.state)).map(ToOwned::to_owned);
        let standing = Standing {
            state: after.state.as_str(),
            currency: self.payment.currency,
            asked_minor: self.payment.asked_minor,
            approved_minor: after.approved_minor,
            captured_minor: after.captured_minor,
            refunded_minor: after.refunded_minor,
            customer_charged: after.customer_charged.as_str(),
            sale: self.payment.tender.map(|(sale, _)| sale),
            reason: reason.as_deref(),
        };
        work.emit(call, state_event(after.state), self.payment.id, &standing);
    }

    /// Tells the sale for certain what became of its tender. True when money was taken that the sale has no use for.
    ///
    /// An authorization holds the tender and does not pay it. A late approval never reaches the sale: the register was
    /// told that nothing was charged, and may have been paid otherwise.
    fn settle_tender(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        after: &Summary,
    ) -> Result<bool, Stop<command::Refusal>> {
        let Some((sale, tender)) = self.payment.tender else { return Ok(false) };
        let (state, amount_minor) = match (after.customer_charged, after.state) {
            (Charged::No, state) if state.is_final() => (TenderState::Failed, 0),
            (Charged::Yes, State::Captured | State::PartiallyRefunded) if !self.payment.is_closed_uncharged => {
                (TenderState::Paid, taken_minor(after))
            }
            (Charged::Yes | Charged::No | Charged::Unknown, _) => return Ok(false),
        };
        let settled = sale::settle_tender(work, call, sale, tender, state, amount_minor)?;
        Ok(state == TenderState::Paid && settled != Settled::Applied)
    }

    /// Money that moved after everybody was told it did not: an exception and, if the profile says so, the intent to
    /// give it back, in the very commit that learned of it. Asked for once: if the provider refuses, it is a person's.
    fn give_back_late(&mut self, work: &mut UnitOfWork, call: &mut Call<'_>, after: &Summary, is_unclaimed: bool) {
        let at_risk_minor = with_us_minor(after);
        let is_late = self.payment.is_closed_uncharged || is_unclaimed;
        let has_grown = at_risk_minor > with_us_minor(&self.before);
        let is_known = exceptions::find_open(work, call, self.payment.id, exception::Kind::LateApproval)
            .is_some_and(|known| known.at_risk_minor >= at_risk_minor);
        if !is_late || !has_grown || is_known {
            return;
        }
        let ask = late_approval_ask(&self.operations(work), self.profile());
        let what_to_do = match ask {
            Some(_) => "The hub asks the provider to give it back: see that it arrives.",
            None => "Give it back, or agree with the customer what it is for.",
        };
        let amount = format_minor(at_risk_minor, self.payment.currency);
        let currency = self.payment.currency;
        let reason =
            format!("{amount} {currency} came after the register was told that nothing was charged. {what_to_do}");
        exceptions::open(work, call, self.payment.id, exception::Kind::LateApproval, reason, at_risk_minor);
        let late = Late { at_risk_minor, is_given_back: ask.is_some() };
        work.emit(call, "payment.approved_late", self.payment.id, &late);
        if let Some(ask) = ask {
            self.record(work, call, ask, "late approval");
        }
    }

    fn open_contradiction(&self, work: &mut UnitOfWork, call: &mut Call<'_>, known: &Operation, told: &Operation) {
        let reason = format!(
            "Operation {} ({}) was {} for {}, and another witness says otherwise; it now counts as {} for {}. Compare it \
             with the provider's portal and the sale, and settle the difference with the customer.",
            told.id.number,
            told.kind.as_str(),
            known.state.as_str(),
            format_minor(known.approved_minor(), self.payment.currency),
            told.state.as_str(),
            format_minor(told.approved_minor(), self.payment.currency),
        );
        let at_risk_minor = known.approved_minor().max(told.approved_minor()).max(told.asked_minor);
        exceptions::open(work, call, self.payment.id, exception::Kind::WitnessesContradict, reason, at_risk_minor);
    }

    fn end_without_approval(&self, work: &mut UnitOfWork, call: &mut Call<'_>, told: &Operation) {
        let ended =
            Ended { operation: OperationText(told.id), state: told.state.as_str(), reason: reason_of(&told.state) };
        if let Some(kind) = ended_event(told.kind) {
            work.emit(call, kind, self.payment.id, &ended);
        }
        if !matches!(told.kind, Kind::Refund | Kind::Void) {
            return;
        }
        let reason = format!(
            "The {} of {} {} did not happen: {} {}. The customer still waits for the money: try again, or give it back \
             in another way.",
            told.kind.as_str(),
            format_minor(told.asked_minor, self.payment.currency),
            self.payment.currency,
            told.state.as_str(),
            reason_of(&told.state).unwrap_or_default(),
        );
        exceptions::open(work, call, self.payment.id, exception::Kind::RefundFailed, reason, told.asked_minor);
    }

    /// Closes what no longer needs a person.
    fn resolve(&self, work: &mut UnitOfWork, call: &Call<'_>, after: &Summary) {
        if !after.state.is_final() {
            return;
        }
        if after.customer_charged == Charged::No {
            let resolution = "None of the customer's money is with us any more.";
            for kind in [exception::Kind::LateApproval, exception::Kind::RefundFailed] {
                exceptions::resolve(work, call, self.payment.id, kind, resolution);
            }
        }
        if self.operations(work).into_iter().all(|operation| self.is_at_rest(work, operation, call.now)) {
            let resolution = format!("It was found out: the payment is {}.", after.state.as_str());
            exceptions::resolve(work, call, self.payment.id, exception::Kind::PaymentInDoubt, &resolution);
        }
    }

    /// A charge that a reversal has undone may stay without an end of its own.
    fn is_at_rest(&self, work: &UnitOfWork, operation: &Operation, now: Timestamp) -> bool {
        let operations = self.operations(work);
        let is_reversed =
            reversal_of(&operations, operation.id.number).is_some_and(|reversal| reversal.state.approval().is_some());
        operation.state.is_definite() || (is_reversed && self.step(work, operation, now) == Step::Done)
    }

    /// Sets when the job comes next, and says under which fence the tasks are handed out. Tasks take the lease. Whoever
    /// holds none leaves a lease that runs alone, unless there is nothing left to do, or something new.
    fn schedule(&self, work: &mut UnitOfWork, now: Timestamp, fence: Option<i64>) -> i64 {
        let id = settle_job(self.payment.id);
        let merchant = self.payment.merchant;
        let found = work.jobs.find(merchant, &id).cloned();
        let mut job = found.clone().unwrap_or(Job { id, merchant, due_at: None, fence: 0, attempts: 0, version: 1 });
        let due_at = self.due_at(work, now);
        let is_own = fence == Some(job.fence) || job.due_at.is_none();
        let others_due_at = if is_own { due_at } else { job.due_at };
        if !self.tasks.is_empty() {
            let lease_end = now.plus_ms(self.profile().answer_timeout_ms).plus_ms(SEND_GRACE_MS);
            job.due_at = Some(others_due_at.map_or(lease_end, |others| others.min(lease_end)));
            job.fence = job.fence.saturating_add(1);
            job.attempts = job.attempts.saturating_add(1);
        } else if self.has_recorded {
            job.due_at = others_due_at.into_iter().chain(due_at).min();
        } else {
            job.due_at = due_at.and(others_due_at);
        }
        let fence = job.fence;
        match found {
            Some(found) if found == job => {}
            Some(_) => {
                if let Some(known) = work.jobs.find_mut(merchant, &job.id) {
                    *known = Job { version: known.version, ..job };
                }
            }
            None if job.due_at.is_some() => work.jobs.insert(job),
            None => {}
        }
        fence
    }

    /// When the machine has to look at the operations that nobody is asking about just now; `None` when it never has to.
    fn due_at(&self, work: &UnitOfWork, now: Timestamp) -> Option<Timestamp> {
        let operations = self.operations(work).into_iter();
        let others = operations.filter(|operation| self.tasks.iter().all(|(_, tasked)| *tasked != operation.id));
        let dues = others.filter_map(|operation| match self.step(work, operation, now) {
            Step::Done => None,
            Step::Wait { at } => Some(at),
            Step::Inquire | Step::Send | Step::Reverse | Step::AskPerson(_) => {
                Some(due_after(operation, self.profile(), now))
            }
        });
        dues.min()
    }

    fn moved(self, work: &UnitOfWork, fence: i64) -> Moved {
        let Self { payment, connection, tasks, .. } = self;
        let payment = work.payments.find(payment.merchant, &payment.id).cloned().unwrap_or(payment);
        let operations: Vec<Operation> = operations_of(work, payment.merchant, payment.id).cloned().collect();
        let find = |number| operations.iter().find(|operation| operation.id.number == number).cloned();
        let tasks = tasks.into_iter().filter_map(|(what, id)| {
            let operation = find(id.number)?;
            let target = operation.target.and_then(find);
            Some(Task { what, operation, target, payment: payment.clone(), connection: connection.clone(), fence })
        });
        let tasks = tasks.collect();
        Moved { payment, operations, tasks }
    }

    const fn id_of(&self, number: u32) -> OperationId {
        OperationId { payment: self.payment.id, number }
    }
}

/// Writes an operation back if it changed; its version is the table's business.
fn save(work: &mut UnitOfWork, before: &Operation, after: &Operation) {
    if before == after {
        return;
    }
    if let Some(record) = work.operations.find_mut(after.merchant, &after.id) {
        *record = Operation { version: record.version, ..after.clone() };
    }
}

/// What was taken and not given back.
const fn taken_minor(summary: &Summary) -> i64 {
    summary.captured_minor.saturating_sub(summary.refunded_minor)
}

/// What of the customer's money is with us, promised or taken; zero as long as nobody can tell.
const fn with_us_minor(summary: &Summary) -> i64 {
    match (summary.customer_charged, summary.state) {
        (Charged::Yes, State::Captured | State::PartiallyRefunded | State::Refunded) => taken_minor(summary),
        (Charged::Yes, _) => summary.approved_minor,
        (Charged::No | Charged::Unknown, _) => 0,
    }
}
