//! The job that brings a payment to an end: it asks, repeats, undoes, and when nothing is left to do it asks a person.

use super::change::{Change, Report, find_payment};
use super::news::{OperationText, PersonAsked};
use super::rules::Ask;
use super::task::settle_job;
use super::{Action, Kind, Moved, Operation, OperationState, Outcome, Reason, Step, Why, Witness, is_overdue};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::exception;
use crate::id::{OperationId, PaymentId};
use crate::work::{Key, Stop, UnitOfWork};

/// Why an operation was not sent that no hub claimed for its terminal.
const TERMINAL_NOT_REACHED: &str = "terminal_not_reached";

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
        Step::NotClaimed => {
            let outcome = Outcome::NotSent(Reason(TERMINAL_NOT_REACHED.to_owned()));
            change.tell(work, call, operation, Report { witness: Witness::Reply, outcome, is_unreachable: false });
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

pub(super) fn ask_person(work: &mut UnitOfWork, call: &mut Call<'_>, operation: &Operation, why: Why) {
    if let Some(known) = work.operations.find_mut(operation.merchant, &operation.id) {
        known.is_left_to_person = true;
    }
    let Operation { id, asked_minor, .. } = *operation;
    exception::open(work, call, id.payment, exception::Kind::PaymentInDoubt, why.to_string(), asked_minor);
    let asked = PersonAsked { operation: OperationText(id), why: why.as_str() };
    work.emit(call, "payment.person_asked", id.payment, &asked);
}

/// The machine goes on; the person may be faster. What a person was told already stays.
fn open_overdue(work: &mut UnitOfWork, call: &mut Call<'_>, operation: &Operation) {
    let Operation { id, asked_minor, kind, .. } = operation;
    if exception::find_open(work, call, id.payment, exception::Kind::PaymentInDoubt).is_some() {
        return;
    }
    let reason = format!(
        "It could not be found out in time how operation {} ({}) ended. The hub keeps asking. Do not charge again; if \
         the customer cannot wait, check the provider's portal and record the result.",
        id.number,
        kind.as_str(),
    );
    exception::open(work, call, id.payment, exception::Kind::PaymentInDoubt, reason, *asked_minor);
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{approved, declined};
    use super::super::shop::{Shop, a_payment};
    use super::super::{AskCancel, AskRefund, AskVoid, CreatePayment, Profile, SEND_GRACE_MS, State};
    use super::*;
    use crate::exception::Kind::PaymentInDoubt;
    use crate::testing::NOW;

    const WITHOUT_INQUIRY: Profile = Profile { has_inquiry: false, ..Profile::sandbox() };

    fn settle(payment: PaymentId) -> Settle {
        Settle { payment, expected_due: true }
    }

    fn now(payment: PaymentId) -> Settle {
        Settle { payment, expected_due: false }
    }

    const WITH_HOLD: Profile =
        Profile { has_scan: true, scan_horizon_ms: Some(30_000), undo_hold_ms: Some(15_000), ..Profile::sandbox() };

    #[test]
    fn a_reversal_that_is_asked_for_too_early_waits_and_is_then_sent() {
        let mut shop = Shop::with_profile(WITH_HOLD);
        let created = shop.run(&CreatePayment { is_scanned: true, ..a_payment() }).unwrap();
        let id = created.payment.id;
        shop.reply(&created.tasks[0], Outcome::Pending);
        shop.advance_ms(4_000);
        let asked = shop.run(&AskCancel { payment: id, reason: String::new() }).unwrap();
        assert_eq!((asked.tasks.len(), asked.operations[1].kind), (0, Kind::Reversal));
        let sent = loop {
            let moved = shop.settle_when_due(id);
            if let Some(task) = moved.tasks.iter().find(|task| task.operation.kind == Kind::Reversal) {
                break task.clone();
            }
            let [charge] = moved.tasks.as_slice() else { panic!("{:?}", moved.tasks) };
            assert!(shop.now < NOW.plus_ms(15_000) && charge.what == Action::Inquire);
            shop.reply(charge, Outcome::Pending);
        };
        assert_eq!((shop.now, sent.what), (NOW.plus_ms(15_000), Action::Send));
        shop.reply(&sent, approved(1_000));
        assert_eq!(shop.payment(id).state, State::Reversed);
    }

    #[test]
    fn a_void_waits_too_and_what_was_shown_does_not() {
        let mut shop = Shop::with_profile(Profile { has_present: true, ..WITH_HOLD });
        let created = shop.run(&CreatePayment { is_scanned: true, ..a_payment() }).unwrap();
        let id = shop.reply(&created.tasks[0], approved(1_000)).payment.id;
        let asked = shop.run(&AskVoid { payment: id, reason: String::new() }).unwrap();
        assert_eq!((asked.tasks.len(), shop.job(id).due_at), (0, Some(NOW.plus_ms(15_000))));
        let moved = shop.settle_when_due(id);
        assert_eq!((moved.tasks[0].what, moved.tasks[0].operation.kind), (Action::Send, Kind::Void));
        let shown = shop.create(None, Some(1_000));
        let asked = shop.run(&AskCancel { payment: shown.payment.id, reason: String::new() }).unwrap();
        assert_eq!(asked.tasks[0].operation.kind, Kind::Reversal);
    }

    #[test]
    fn a_scanned_charge_is_given_up_by_a_horizon_of_its_own() {
        let mut shop = Shop::with_profile(WITH_HOLD);
        let created = shop.run(&CreatePayment { is_scanned: true, ..a_payment() }).unwrap();
        shop.reply(&created.tasks[0], Outcome::Pending);
        let reversal = loop {
            let moved = shop.settle_when_due(created.payment.id);
            let task = moved.tasks[0].clone();
            if task.operation.kind == Kind::Reversal {
                break task;
            }
            shop.reply(&task, Outcome::Pending);
        };
        assert_eq!((shop.now, reversal.what), (NOW.plus_ms(30_000), Action::Send));
    }

    #[test]
    fn a_charge_whose_sender_never_told_is_in_doubt_and_asked_after_and_never_sent_again() {
        let mut shop = Shop::new();
        let id = shop.create(None, Some(1_000)).payment.id;
        let moved = shop.settle_when_due(id);
        assert_eq!(moved.payment.state, State::InDoubt);
        let [task] = moved.tasks.as_slice() else { panic!("one task") };
        assert_eq!((task.what, task.fence, task.operation.asked_count), (Action::Inquire, 2, 1));
        assert_eq!(task.operation.state, OperationState::Unknown);
        assert_eq!(shop.job(id).due_at, Some(shop.now.plus_ms(1_000 + SEND_GRACE_MS)));
        let moved = shop.reply(task, approved(1_000));
        assert_eq!((moved.payment.state, shop.job(id).due_at), (State::Captured, None));
        assert_eq!(shop.events(id), ["payment.created", "payment.in_doubt", "payment.captured"]);
    }

    #[test]
    fn a_job_that_is_not_due_is_left_and_whoever_wants_to_know_asks_now() {
        let mut shop = Shop::new();
        let created = shop.create(None, Some(1_000));
        let id = created.payment.id;
        assert!(!shop.writes(|shop| assert_eq!(shop.run(&settle(id)).unwrap().tasks, [])));
        // The request is on its way: there is nothing to ask yet.
        assert!(!shop.writes(|shop| assert_eq!(shop.run(&now(id)).unwrap().tasks, [])));
        shop.reply(&created.tasks[0], Outcome::Unknown);
        let moved = shop.acting_as(Role::Cashier).run(&now(id)).unwrap();
        assert_eq!((moved.tasks[0].what, moved.tasks[0].fence), (Action::Inquire, 2));
        shop.acting_as(Role::System).reply(&moved.tasks[0], approved(1_000));
        assert!(!shop.writes(|shop| assert_eq!(shop.run(&now(id)).unwrap().tasks, [])));
        assert!(!shop.writes(|shop| assert_eq!(shop.run(&settle(id)).unwrap().tasks, [])));
    }

    #[test]
    fn two_workers_do_not_get_the_same_lease() {
        let mut shop = Shop::new();
        let id = shop.create(None, Some(1_000)).payment.id;
        assert_eq!(shop.settle_when_due(id).tasks.len(), 1);
        assert_eq!(shop.run(&settle(id)).unwrap().tasks, []);
    }

    #[test]
    fn a_charge_that_the_provider_does_not_know_is_undone_after_the_finality_window() {
        let mut shop = Shop::new();
        let id = shop.create(None, Some(1_000)).payment.id;
        let asked = shop.settle_when_due(id);
        shop.reply(&asked.tasks[0], Outcome::NotFound);
        let moved = shop.settle_when_due(id);
        let [task] = moved.tasks.as_slice() else { panic!("one task") };
        assert_eq!((task.what, task.operation.kind), (Action::Send, Kind::Reversal));
        assert_eq!(task.target.as_ref().map(|target| target.id.number), Some(1));
        let moved = shop.reply(task, approved(0));
        assert_eq!((moved.payment.state, shop.job(id).due_at), (State::Reversed, None));
    }

    #[test]
    fn a_refund_in_doubt_is_repeated_under_its_reference_where_nobody_can_be_asked() {
        let mut shop = Shop::with_profile(WITHOUT_INQUIRY);
        let payment = shop.captured().id;
        let asked = shop.run(&AskRefund { payment, amount_minor: None, reason: String::new() }).unwrap();
        let moved = shop.settle_when_due(payment);
        let [task] = moved.tasks.as_slice() else { panic!("one task") };
        assert_eq!((task.what, task.operation.id), (Action::Send, asked.tasks[0].operation.id));
        assert_eq!((task.operation.asked_count, &task.operation.state), (1, &OperationState::Sent));
        assert_eq!(shop.operations(payment).len(), 2);
        shop.reply(task, approved(1_000));
        assert_eq!((shop.receivable(), shop.job(payment).due_at), (0, None));
    }

    #[test]
    fn a_person_is_asked_when_the_rules_have_no_further_step() {
        let mut shop = Shop::with_profile(Profile { has_reversal: false, ..WITHOUT_INQUIRY });
        let id = shop.create(None, Some(1_000)).payment.id;
        let moved = shop.settle_when_due(id);
        assert_eq!((moved.payment.state, moved.tasks.len()), (State::NeedsPerson, 0));
        let exception = shop.exception(id, PaymentInDoubt);
        assert_eq!((exception.owner.as_str(), exception.at_risk_minor), ("manager", 1_000));
        assert_eq!(exception.reason, Why::NoInquiry.to_string());
        assert_eq!(shop.job(id).due_at, None);
        assert_eq!(shop.events(id)[1..], ["payment.person_asked", "payment.needs_person"]);
    }

    #[test]
    fn a_terminal_keyed_by_hand_is_a_persons_from_the_start() {
        let mut shop = Shop::with_profile(Profile::manual());
        let id = shop.create(None, Some(1_000)).payment.id;
        let moved = shop.settle_when_due(id);
        assert_eq!(moved.payment.state, State::NeedsPerson);
        assert_eq!(moved.operations[0].state, OperationState::Recorded);
        assert_eq!(shop.exception(id, PaymentInDoubt).reason, Why::KeyedByHand.to_string());
        let moved = shop.tell(moved.operations[0].id, Witness::Person, declined("card_refused"));
        assert_eq!((moved.payment.state, shop.open_exceptions(id)), (State::Declined, Vec::new()));
    }

    #[test]
    fn a_person_hears_of_it_by_resolve_by_while_the_machine_goes_on() {
        let mut shop = Shop::new();
        let id = shop.create(None, Some(1_000)).payment.id;
        let mut moved = shop.settle_when_due(id);
        while shop.open_exceptions(id).is_empty() {
            assert!(shop.now < NOW.plus_ms(30_000), "nobody was told");
            moved.tasks.iter().for_each(|task| drop(shop.reply(task, Outcome::Unknown)));
            moved = shop.settle_when_due(id);
        }
        assert_eq!(shop.now, NOW.plus_ms(30_000));
        assert!(!moved.tasks.is_empty() && moved.payment.state == State::InDoubt);
    }

    #[test]
    fn against_a_silent_provider_the_job_ends_with_a_person() {
        for profile in [Profile::sandbox(), WITHOUT_INQUIRY, Profile { has_reversal: false, ..Profile::sandbox() }] {
            let mut shop = Shop::with_profile(Profile { give_up_ms: 60_000, ..profile });
            let id = shop.run(&CreatePayment { is_two_step: true, ..a_payment() }).unwrap().payment.id;
            for _ in 0..100 {
                if shop.job(id).due_at.is_some() {
                    shop.settle_when_due(id);
                }
            }
            assert_eq!((shop.job(id).due_at, shop.payment(id).state), (None, State::NeedsPerson));
            assert_eq!(shop.open_exceptions(id), [PaymentInDoubt]);
        }
    }

    #[test]
    fn only_an_own_payment_is_settled() {
        let mut shop = Shop::new();
        let id = shop.create(None, Some(1_000)).payment.id;
        assert_eq!(shop.clone().acting_as(Role::Viewer).refused(&now(id)), "role_too_low");
        assert_eq!(shop.of_other_merchant().refused(&now(id)), "payment_not_found");
    }
}
