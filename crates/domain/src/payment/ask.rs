//! What people ask of a payment after its charge: each becomes a durable operation first, and is sent after the commit.

use super::change::{Change, Report, find_payment};
use super::create::CHARGE_NUMBER;
use super::rules::{Ask, Refusal as RuleRefusal, may_cancel, may_capture, may_refund, may_void};
use super::task::settle_job;
use super::text::check_reason;
use super::{Moved, Operation, Outcome, Profile, Task, Witness};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{OperationId, PaymentId};
use crate::work::{Key, Stop, UnitOfWork};

/// Gives money back: a part of what was taken, or all that is left.
#[derive(Debug, Clone)]
pub struct AskRefund {
    /// Of which payment.
    pub payment: PaymentId,
    /// How much, in minor units; all that is left where it is left out.
    pub amount_minor: Option<i64>,
    /// Why, if the operator says; guarded against card numbers.
    pub reason: String,
}

impl Command for AskRefund {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.refund"
    }

    fn keys(&self) -> Vec<Key> {
        keys(self.payment)
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let now = call.now;
        ask(work, call, self.payment, &self.reason, |operations, profile| {
            may_refund(operations, profile, self.amount_minor, now)
        })
    }
}

/// Undoes the whole charge before cut-off.
#[derive(Debug, Clone)]
pub struct AskVoid {
    /// Of which payment.
    pub payment: PaymentId,
    /// Why, if the operator says; guarded against card numbers.
    pub reason: String,
}

impl Command for AskVoid {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.void"
    }

    fn keys(&self) -> Vec<Key> {
        keys(self.payment)
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let now = call.now;
        ask(work, call, self.payment, &self.reason, |operations, profile| may_void(operations, profile, now))
    }
}

/// Calls off a charge that has not ended: a reversal, which is right whatever became of the charge, even if the request
/// is still on its way out.
#[derive(Debug, Clone)]
pub struct AskCancel {
    /// Of which payment.
    pub payment: PaymentId,
    /// Why, if the operator says; guarded against card numbers.
    pub reason: String,
}

impl Command for AskCancel {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.cancel"
    }

    fn keys(&self) -> Vec<Key> {
        keys(self.payment)
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        if let Some(called_off) = call_off_unclaimed(work, call, self)? {
            return Ok(called_off);
        }
        ask(work, call, self.payment, &self.reason, may_cancel)
    }
}

/// Takes what was promised: a part of it, or all.
#[derive(Debug, Clone)]
pub struct AskCapture {
    /// Of which payment.
    pub payment: PaymentId,
    /// How much, in minor units; all that was promised where it is left out.
    pub amount_minor: Option<i64>,
}

impl Command for AskCapture {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.capture"
    }

    fn keys(&self) -> Vec<Key> {
        keys(self.payment)
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let now = call.now;
        ask(work, call, self.payment, "", |operations, profile| {
            may_capture(operations, profile, self.amount_minor, now)
        })
    }
}

/// A charge that no hub has claimed for its terminal is over at once: whoever would claim it finds it ended.
fn call_off_unclaimed(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    asked: &AskCancel,
) -> Result<Option<Moved>, Stop<command::Refusal>> {
    check_reason(&asked.reason)?;
    let payment = find_payment(work, call, asked.payment)?;
    let change = Change::begin(work, call, payment)?;
    let Some(charge) = change.find(work, CHARGE_NUMBER).filter(|charge| change.is_unclaimed(charge)) else {
        return Ok(None);
    };
    let report = Report { witness: Witness::Reply, outcome: Outcome::Cancelled, is_unreachable: false };
    change.tell(work, call, &charge, report);
    change.finish(work, call, charge.id, None).map(Some)
}

fn keys(payment: PaymentId) -> Vec<Key> {
    vec![Key::Payment(payment), Key::Job(settle_job(payment))]
}

/// How much of a payment may be given back now, in minor units; zero where the rules allow nothing.
pub(crate) fn refundable_minor(
    work: &UnitOfWork,
    call: &Call<'_>,
    payment: PaymentId,
) -> Result<i64, Stop<command::Refusal>> {
    let change = Change::begin(work, call, find_payment(work, call, payment)?)?;
    let may = may_refund(&change.operations(work), change.profile(), None, call.now);
    Ok(may.map_or(0, |ask| ask.asked_minor))
}

/// Gives a part of a payment back in the course of another command, which has seen to who may. Answers the operation and
/// what the sender has to do.
pub(crate) fn ask_refund(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    payment: PaymentId,
    amount_minor: i64,
    reason: &str,
) -> Result<(OperationId, Vec<Task>), Stop<command::Refusal>> {
    let now = call.now;
    let moved = ask(work, call, payment, reason, |operations, profile| {
        may_refund(operations, profile, Some(amount_minor), now)
    })?;
    // What was asked last is the last of its operations.
    Ok((OperationId { payment, number: moved.payment.operation_count }, moved.tasks))
}

fn ask(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    payment: PaymentId,
    reason: &str,
    may: impl FnOnce(&[&Operation], &Profile) -> Result<Ask, RuleRefusal>,
) -> Result<Moved, Stop<command::Refusal>> {
    check_reason(reason)?;
    let payment = find_payment(work, call, payment)?;
    let mut change = Change::begin(work, call, payment)?;
    let ask = may(&change.operations(work), change.profile())?;
    let operation = change.record(work, call, ask, reason);
    change.finish(work, call, operation, None)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{approved, declined};
    use super::super::shop::Shop;
    use super::super::{Action, Kind, OPERATIONS_MAX, Outcome, Profile, SEND_GRACE_MS, State, Witness};
    use super::*;
    use crate::sale;
    use crate::testing::{NOW, sale_id};

    fn refund(payment: PaymentId, amount_minor: Option<i64>) -> AskRefund {
        AskRefund { payment, amount_minor, reason: "spoiled".to_owned() }
    }

    #[test]
    fn a_refund_is_recorded_sent_and_posted_when_it_is_approved() {
        let mut shop = Shop::new();
        let payment = shop.captured().id;
        let asked = shop.run(&refund(payment, Some(400))).unwrap();
        let [task] = asked.tasks.as_slice() else { panic!("one task") };
        assert_eq!((task.what, task.operation.kind, task.operation.asked_minor), (Action::Send, Kind::Refund, 400));
        assert_eq!(task.target.as_ref().map(|target| target.id.number), Some(1));
        assert_eq!((asked.payment.operation_count, task.operation.id.number), (2, 2));
        let job = shop.job(payment);
        assert_eq!((job.due_at, job.fence), (Some(NOW.plus_ms(1_000 + SEND_GRACE_MS)), task.fence));
        assert_eq!(shop.receivable(), 1_000);
        let data = &shop.world.database.events.rows().last().unwrap().data;
        let expected = format!(r#"{{"operation":"{payment}-2","asked_minor":400,"by":"test","reason":"spoiled"}}"#);
        assert_eq!(data, &expected);
        let moved = shop.reply(task, approved(400));
        assert_eq!((moved.payment.state, shop.receivable()), (State::PartiallyRefunded, 600));
        let events = ["payment.created", "payment.captured", "payment.refund_asked", "payment.partially_refunded"];
        assert_eq!(shop.events(payment), events);
    }

    #[test]
    fn refund_twice_never_exceeds_captured() {
        let mut shop = Shop::new();
        let payment = shop.captured().id;
        let first = shop.run(&refund(payment, Some(600))).unwrap();
        assert_eq!(shop.refused(&refund(payment, Some(600))), "refund_exceeds_captured");
        // In doubt it still counts as spent.
        shop.reply(&first.tasks[0], Outcome::Unknown);
        assert_eq!(shop.refused(&refund(payment, Some(401))), "refund_exceeds_captured");
        let second = shop.run(&refund(payment, None)).unwrap();
        assert_eq!(second.tasks[0].operation.asked_minor, 400);
        shop.reply(&second.tasks[0], approved(400));
        shop.tell(first.tasks[0].operation.id, Witness::Notification, approved(600));
        assert_eq!((shop.payment(payment).refunded_minor, shop.receivable()), (1_000, 0));
        assert_eq!(shop.refused(&refund(payment, None)), "refund_exceeds_captured");
    }

    #[test]
    fn a_void_of_a_tender_makes_its_part_of_an_open_sale_due_again() {
        let mut shop = Shop::with_a_sale();
        let created = shop.create(Some(1), Some(100));
        let payment = shop.reply(&created.tasks[0], approved(100)).payment.id;
        let asked = shop.run(&AskVoid { payment, reason: String::new() }).unwrap();
        let moved = shop.reply(&asked.tasks[0], approved(100));
        assert_eq!((moved.payment.state, moved.payment.is_closed_uncharged), (State::Voided, false));
        assert_eq!((shop.world.standing(sale_id(1)).due_minor, shop.receivable()), (300, 0));
    }

    #[test]
    fn a_refund_leaves_a_completed_sale_as_it_is() {
        let mut shop = Shop::with_a_sale();
        let created = shop.create(Some(1), None);
        let payment = shop.reply(&created.tasks[0], approved(300)).payment.id;
        let before = shop.world.standing(sale_id(1));
        assert_eq!(before.sale.state, sale::State::Completed);
        let asked = shop.run(&refund(payment, None)).unwrap();
        shop.reply(&asked.tasks[0], approved(300));
        assert_eq!(shop.world.standing(sale_id(1)), before);
        assert_eq!(shop.receivable(), 0);
    }

    #[test]
    fn a_charge_may_be_cancelled_while_it_is_on_its_way_out() {
        let mut shop = Shop::new();
        let created = shop.create(None, Some(1_000));
        let cancel = AskCancel { payment: created.payment.id, reason: "customer left".to_owned() };
        let asked = shop.acting_as(Role::Cashier).run(&cancel).unwrap();
        assert_eq!(asked.payment.state, State::InProgress);
        assert_eq!(asked.tasks[0].operation.kind, Kind::Reversal);
        // The charge's sender has lost the lease to the reversal's.
        assert_eq!((created.tasks[0].fence, asked.tasks[0].fence), (1, 2));
        assert_eq!(shop.refused(&cancel), "operation_in_flight");
        shop.acting_as(Role::System).reply(&created.tasks[0], approved(1_000));
        assert_eq!(shop.job(created.payment.id).due_at, Some(NOW.plus_ms(1_000 + SEND_GRACE_MS)));
        let moved = shop.reply(&asked.tasks[0], approved(1_000));
        assert_eq!((moved.payment.state, shop.receivable()), (State::Reversed, 0));
        assert_eq!(shop.job(created.payment.id).due_at, None);
    }

    #[test]
    fn what_a_person_does_on_a_terminal_is_not_sent() {
        let mut shop = Shop::with_profile(Profile::manual());
        let created = shop.create(None, Some(1_000));
        shop.tell(created.operations[0].id, Witness::Person, approved(1_000));
        let asked = shop.run(&refund(created.payment.id, None)).unwrap();
        assert_eq!((asked.operations.len(), asked.tasks.len()), (2, 0));
        assert!(shop.job(created.payment.id).due_at.is_some());
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let captured = || {
            let mut shop = Shop::new();
            let payment = shop.captured().id;
            (shop, payment)
        };
        let (mut shop, payment) = captured();
        let reason = |reason: &str| AskRefund { reason: reason.to_owned(), ..refund(payment, None) };
        assert_eq!(shop.refused(&reason(&"x".repeat(501))), "reason_invalid");
        assert_eq!(shop.refused(&reason("4111 1111 1111 1111")), "text_looks_like_card_number");
        assert_eq!(shop.refused(&refund(payment, Some(1_001))), "refund_exceeds_captured");
        assert_eq!(shop.refused(&AskCapture { payment, amount_minor: None }), "payment_not_authorized");
        assert_eq!(shop.refused(&AskCancel { payment, reason: String::new() }), "payment_already_final");
        let unknown = PaymentId::from_uuid(uuid::Uuid::nil());
        assert_eq!(shop.refused(&refund(unknown, None)), "payment_not_found");
        let void = AskVoid { payment, reason: String::new() };
        shop.acting_as(Role::Cashier);
        assert_eq!(shop.refused(&refund(payment, None)), "role_too_low");
        assert_eq!(shop.refused(&void), "role_too_low");
        shop.acting_as(Role::Viewer);
        assert_eq!(shop.refused(&AskCapture { payment, amount_minor: None }), "role_too_low");
        assert_eq!(shop.refused(&AskCancel { payment, reason: String::new() }), "role_too_low");
        let (mut shop, payment) = captured();
        assert_eq!(shop.of_other_merchant().refused(&refund(payment, None)), "payment_not_found");
    }

    #[test]
    fn a_payment_has_a_limit_of_operations() {
        let mut shop = Shop::new();
        let payment = shop.captured().id;
        for number in 2..=OPERATIONS_MAX {
            shop.run(&refund(payment, Some(1))).unwrap();
            let number = u32::try_from(number).unwrap();
            shop.tell(OperationId { payment, number }, Witness::Reply, declined("limit"));
        }
        assert_eq!(shop.refused(&refund(payment, Some(1))), "operation_limit_reached");
    }
}
