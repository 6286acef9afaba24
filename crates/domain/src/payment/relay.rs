//! Payments on a terminal. The terminal hangs on one hub, the register perhaps on another: an operation waits as recorded, the
//! hub at which its terminal hangs claims it and sends it, and what nobody claimed was certainly not sent. Two hubs that claim
//! the same operation meet at its row, and one of them gets it.

use super::change::{Change, find_payment};
use super::task::settle_job;
use super::{Action, Kind, Moved, Operation, OperationState, RecordOutcome, Slip};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{PaymentId, TerminalId};
use crate::terminal;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Takes what a payment has for a terminal, on behalf of the hub at which it hangs. Answers one task at most: a terminal does
/// one thing at a time.
#[derive(Debug, Clone)]
pub struct ClaimForTerminal {
    /// Which payment.
    pub payment: PaymentId,
    /// Which terminal.
    pub terminal: TerminalId,
    /// The number of the connection through which it will be asked: an older one claims nothing.
    pub epoch: u32,
}

impl Command for ClaimForTerminal {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.claim_for_terminal"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Payment(self.payment), Key::Job(settle_job(self.payment)), Key::Terminal(self.terminal)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let terminal = work.terminals.find(call.merchant, &self.terminal);
        let terminal = terminal.ok_or_else(|| not_found("terminal", self.terminal))?;
        if terminal.epoch != self.epoch {
            return Err(terminal::Refusal::ConnectionReplaced.into());
        }
        let payment = find_payment(work, call, self.payment)?;
        let mut change = Change::begin(work, call, payment)?;
        let is_wanted = |operation: &&&Operation| {
            operation.terminal == Some(self.terminal) && change.may_be_claimed(operation, call.now)
        };
        // A call-off does not wait for what it calls off.
        let urgency = |operation: &&&Operation| (operation.kind != Kind::Reversal, operation.id.number);
        let operations = change.operations(work);
        let Some(id) = operations.iter().filter(is_wanted).min_by_key(urgency).map(|operation| operation.id) else {
            return Ok(change.leave(work));
        };
        if let Some(claimed) = work.operations.find_mut(call.merchant, &id) {
            claimed.mark_sent();
        }
        let fence = work.jobs.find(call.merchant, &settle_job(self.payment)).map(|job| job.fence);
        change.hand_out(Action::Send, id);
        change.finish(work, call, id, fence)
    }
}

impl Change {
    /// Whether an operation still waits for the hub of its terminal.
    pub(super) fn is_unclaimed(&self, operation: &Operation) -> bool {
        self.profile().is_relayed && operation.state == OperationState::Recorded
    }

    /// What was not claimed in time is told as not sent at any moment: nobody may begin with it any more.
    fn may_be_claimed(&self, operation: &Operation, now: Timestamp) -> bool {
        let is_in_time = now.ms_since(operation.recorded_at) < self.profile().answer_timeout_ms;
        self.is_unclaimed(operation) && (is_in_time || operation.kind == Kind::Reversal)
    }
}

/// Records what a terminal tells of an operation, and what it tells for the receipt.
#[derive(Debug, Clone)]
pub struct RecordResult {
    /// Which terminal tells it, or did not tell anything.
    pub terminal: Option<TerminalId>,
    /// What.
    pub told: RecordOutcome,
    /// For the receipt, if it tells something.
    pub slip: Option<Box<Slip>>,
}

impl Command for RecordResult {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.record_result"
    }

    fn keys(&self) -> Vec<Key> {
        self.told.keys()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let id = self.told.operation;
        find_payment(work, call, id.payment)?;
        // A terminal speaks for itself alone: what it tells of another's operation is not believed.
        if work.operations.find(call.merchant, &id).is_none_or(|known| known.terminal != self.terminal) {
            return Err(not_found("operation", id));
        }
        let mut moved = self.told.decide(work, call)?;
        let Some(slip) = &self.slip else { return Ok(moved) };
        if let Some(operation) = work.operations.find_mut(call.merchant, &id)
            && operation.slip.is_none()
        {
            operation.slip = Some(slip.clone());
        }
        for operation in moved.operations.iter_mut().filter(|operation| operation.id == id) {
            operation.slip.get_or_insert_with(|| slip.clone());
        }
        Ok(moved)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::fixture::{approved, declined};
    use super::super::shop::{Shop, a_payment};
    use super::super::{AskCancel, AskRefund, Outcome, Profile, State, Witness};
    use super::*;
    use crate::exception;
    use crate::id::ConnectionId;
    use crate::testing::{MERCHANT, TERMINAL};

    const OTHER: TerminalId = TerminalId::from_uuid(Uuid::from_u128(0x7e));

    impl Shop {
        fn with_a_terminal() -> Self {
            let mut shop = Self::with_profile(Profile::terminal());
            shop.world = shop.world.with_a_terminal();
            shop
        }

        fn claim(&mut self, payment: PaymentId) -> Moved {
            self.run(&ClaimForTerminal { payment, terminal: TERMINAL, epoch: 0 }).unwrap()
        }

        fn cancel(&mut self, payment: PaymentId) -> Moved {
            self.run(&AskCancel { payment, reason: String::new() }).unwrap()
        }
    }

    #[test]
    fn a_payment_waits_for_its_terminal_and_is_claimed_once() {
        let mut shop = Shop::with_a_terminal();
        let Moved { payment, operations, tasks } = shop.create(None, Some(1_000));
        assert_eq!((tasks.len(), operations[0].terminal), (0, Some(TERMINAL)));
        let claim = ClaimForTerminal { payment: payment.id, terminal: TERMINAL, epoch: 0 };
        assert_eq!(shop.refused(&ClaimForTerminal { terminal: OTHER, ..claim.clone() }), "terminal_not_found");
        assert_eq!(shop.refused(&ClaimForTerminal { epoch: 1, ..claim }), "terminal_connection_replaced");
        let claimed = shop.claim(payment.id);
        assert_eq!((claimed.tasks.len(), claimed.operations[0].state.clone()), (1, OperationState::Sent));
        assert_eq!(shop.claim(payment.id).tasks.len(), 0);
        let taken = shop.reply(&claimed.tasks[0], approved(1_000));
        assert_eq!(taken.payment.state, State::Captured);
    }

    #[test]
    fn a_register_pays_on_the_terminal_beside_it_and_on_the_connection_of_that() {
        let mut shop = Shop::with_profile(Profile::terminal());
        assert_eq!(shop.refused(&a_payment()), "register_has_no_terminal");
        shop.world = shop.world.with_a_terminal();
        let mut other = shop.world.database.terminals.find(MERCHANT, &TERMINAL).unwrap().clone();
        other.connection = ConnectionId::from_uuid(Uuid::from_u128(0x99));
        shop.world.database.terminals.put_loaded(other);
        assert_eq!(shop.refused(&a_payment()), "terminal_of_other_connection");
    }

    #[test]
    fn what_nobody_claimed_in_time_was_not_sent_and_cannot_be_claimed_any_more() {
        let mut shop = Shop::with_a_terminal();
        let id = shop.create(None, Some(1_000)).payment.id;
        shop.advance_ms(Profile::terminal().answer_timeout_ms);
        assert_eq!(shop.claim(id).tasks.len(), 0);
        let settled = shop.settle_when_due(id);
        assert_eq!((settled.payment.state, settled.tasks.len()), (State::NotSent, 0));
        assert_eq!(shop.claim(id).tasks.len(), 0);
    }

    #[test]
    fn a_claimed_charge_that_nobody_tells_of_is_asked_after_and_never_sent_again() {
        let mut shop = Shop::with_a_terminal();
        let id = shop.create(None, Some(1_000)).payment.id;
        shop.claim(id);
        for _ in 0..3 {
            let settled = shop.settle_when_due(id);
            assert_eq!(settled.payment.state, State::InDoubt);
            assert!(settled.tasks.iter().all(|task| task.what == Action::Inquire));
            shop.reply(&settled.tasks[0], Outcome::Unknown);
        }
    }

    #[test]
    fn a_charge_that_is_called_off_before_it_was_claimed_is_over_at_once() {
        let mut shop = Shop::with_a_terminal();
        let id = shop.create(None, Some(1_000)).payment.id;
        let cancelled = shop.cancel(id);
        assert_eq!((cancelled.payment.state, cancelled.operations.len()), (State::Cancelled, 1));
        assert_eq!(shop.claim(id).tasks.len(), 0);
    }

    #[test]
    fn a_charge_that_was_claimed_is_called_off_at_the_terminal_however_late_it_comes_back() {
        let mut shop = Shop::with_a_terminal();
        let id = shop.create(None, Some(1_000)).payment.id;
        shop.claim(id);
        assert_eq!(shop.cancel(id).operations[1].kind, Kind::Reversal);
        shop.advance_ms(60_000);
        let claimed = shop.claim(id);
        assert_eq!((claimed.tasks[0].operation.kind, claimed.tasks[0].what), (Kind::Reversal, Action::Send));
    }

    #[test]
    fn a_call_off_that_came_too_late_changes_nothing() {
        let mut shop = Shop::with_a_terminal();
        let id = shop.create(None, Some(1_000)).payment.id;
        let charge = shop.claim(id).tasks.remove(0);
        shop.cancel(id);
        let call_off = shop.claim(id).tasks.remove(0);
        shop.reply(&call_off, declined("too_late"));
        let taken = shop.reply(&charge, approved(1_000)).payment;
        assert_eq!((taken.state, taken.is_closed_uncharged), (State::Captured, false));
    }

    #[test]
    fn a_refund_goes_to_the_terminal_of_the_charge() {
        let mut shop = Shop::with_a_terminal();
        let id = shop.create(None, Some(1_000)).payment.id;
        let charge = shop.claim(id).tasks.remove(0);
        shop.reply(&charge, approved(1_000));
        let refund = shop.run(&AskRefund { payment: id, amount_minor: None, reason: String::new() }).unwrap();
        assert_eq!((refund.tasks.len(), refund.operations[1].terminal), (0, Some(TERMINAL)));
        let settled = shop.settle_when_due(id);
        assert_eq!(settled.operations[1].state.as_str(), "not_sent");
        assert_eq!(shop.open_exceptions(id), [exception::Kind::RefundFailed]);
    }

    #[test]
    fn a_terminal_is_not_believed_about_the_operation_of_another() {
        let mut shop = Shop::with_a_terminal();
        let charge = shop.create(None, Some(1_000)).operations.remove(0);
        let told = shop.told(charge.id, Witness::Notification, approved(1_000));
        let slip = Some(Box::new(Slip::of(0, 0, [("scheme", "Visa")])));
        let forged = RecordResult { terminal: Some(OTHER), told: told.clone(), slip: slip.clone() };
        assert_eq!(shop.refused(&forged), "operation_not_found");
        let honest = RecordResult { terminal: Some(TERMINAL), told, slip: slip.clone() };
        let moved = shop.run(&honest).unwrap();
        assert_eq!((moved.payment.state, moved.operations[0].slip.clone()), (State::Captured, slip.clone()));
        let again = RecordResult { slip: Some(Box::default()), ..honest };
        assert_eq!(shop.run(&again).unwrap().operations[0].slip, slip);
    }
}
