//! The one command that moves a payment, whoever tells of it: the sender, a notification, an inquiry, a person, or the
//! settlement file.

use super::change::{Change, Report, find_payment};
use super::task::{keys_for_outcome, operations_of, settle_job};
use super::{Moved, Outcome, Payment, PresentedCode, Refusal, Witness, read_inquiry};
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
    /// The code to be shown to the customer, if the reply brought one.
    pub presented: Option<PresentedCode>,
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
            return Ok(self.open_not_asked_for(work, call, change.payment.clone()));
        };
        let outcome = read_inquiry(self.outcome.clone(), &operation, change.profile(), self.asked_at);
        let report = Report { witness: self.witness, outcome, is_unreachable: self.is_unreachable };
        change.tell(work, call, &operation, report);
        if let Some(code) = &self.presented {
            change.present(work, call, &operation, code);
        }
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
        exception::open(work, call, payment.id, exception::Kind::NotAskedFor, reason, at_risk_minor);
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

#[cfg(test)]
mod tests {
    use super::super::fixture::{approved, declined, not_sent};
    use super::super::shop::{Shop, a_payment};
    use super::super::{
        Action, Approval, AskCancel, AskCapture, AskRefund, Charged, CreatePayment, Kind, LateApproval, OperationState,
        Profile, SEND_GRACE_MS, Settle, State, summarize,
    };
    use super::*;
    use crate::exception::Kind::{
        LateApproval as Late, NotAskedFor, PaymentInDoubt, RefundFailed, WitnessesContradict,
    };
    use crate::id::PaymentId;
    use crate::journal::LedgerAccount;
    use crate::sale::{self, ExpireReservation, RESERVATION_MS, TenderState};
    use crate::testing::{NOW, sale_id};
    use Witness::{Inquiry, Notification, Person, Reply, Settlement};

    fn undid(approved_minor: i64) -> Outcome {
        Outcome::Approved(Approval { approved_minor, provider_reference: None, funding: None })
    }

    #[test]
    fn an_approval_pays_the_tender_completes_the_sale_and_ends_the_job() {
        let mut shop = Shop::with_a_sale();
        let created = shop.create(Some(1), None);
        let moved = shop.reply(&created.tasks[0], approved(300));
        assert_eq!((moved.payment.state, moved.payment.captured_minor), (State::Captured, 300));
        assert_eq!(moved.tasks, []);
        // The sale is named early; what completing it needs is not.
        assert_eq!(shop.world.rounds, 2);
        assert_eq!(shop.world.standing(sale_id(1)).sale.state, sale::State::Completed);
        assert_eq!((shop.receivable(), shop.world.balance(LedgerAccount::Clearing)), (300, 0));
        assert_eq!(shop.job(moved.payment.id).due_at, None);
        assert_eq!(shop.events(moved.payment.id), ["payment.created", "payment.captured"]);
        let kinds: Vec<_> = shop.world.event_kinds();
        assert_eq!(kinds, ["sale.opened", "payment.created", "payment.captured", "sale.completed"]);
    }

    #[test]
    fn without_a_sale_a_sender_that_names_the_keys_needs_one_round() {
        let mut shop = Shop::new();
        let created = shop.create(None, Some(1_000));
        shop.reply(&created.tasks[0], approved(1_000));
        assert_eq!(shop.world.rounds, 1);
        let data = &shop.world.database.events.rows().last().unwrap().data;
        let expected = r#"{"state":"captured","currency":"JPY","asked_minor":1000,"approved_minor":1000,"captured_minor":1000,"refunded_minor":0,"customer_charged":"yes"}"#;
        assert_eq!(data, expected);
    }

    #[test]
    fn a_witness_without_keys_needs_three_rounds_at_most() {
        let mut shop = Shop::with_a_sale();
        let created = shop.create(Some(1), None);
        shop.tell(created.operations[0].id, Notification, approved(300));
        assert_eq!(shop.world.rounds, 3);
    }

    #[test]
    fn a_decline_makes_the_amount_due_again() {
        let mut shop = Shop::with_a_sale();
        let created = shop.create(Some(1), None);
        let payment = shop.reply(&created.tasks[0], declined("limit")).payment;
        assert_eq!((payment.state, payment.is_closed_uncharged), (State::Declined, true));
        assert_eq!(shop.tender(&payment).state, TenderState::Failed);
        assert!(shop.world.database.events.rows().last().unwrap().data.contains(r#""reason":"limit""#));
        assert_eq!(shop.pay_cash(), sale::State::Completed);
    }

    #[test]
    fn an_authorization_holds_the_tender_and_its_capture_pays() {
        let mut shop = Shop::with_a_sale();
        let two_step = CreatePayment { is_two_step: true, sale: Some(sale_id(1)), amount_minor: None, ..a_payment() };
        let created = shop.run(&two_step).unwrap();
        let payment = shop.reply(&created.tasks[0], approved(300)).payment;
        assert_eq!((payment.state, shop.receivable()), (State::Authorized, 0));
        assert_eq!(shop.tender(&payment).state, TenderState::Pending);
        let capture = shop.run(&AskCapture { payment: payment.id, amount_minor: Some(200) }).unwrap();
        assert_eq!(capture.tasks[0].target.as_ref().map(|target| target.id.number), Some(1));
        shop.reply(&capture.tasks[0], approved(200));
        assert_eq!(shop.tender(&payment).amount_minor, 200);
        assert_eq!(shop.world.standing(sale_id(1)).due_minor, 100);
        assert_eq!(shop.receivable(), 200);
    }

    #[test]
    fn a_capture_that_came_to_nothing_is_told_of() {
        let mut shop = Shop::new();
        let created = shop.run(&CreatePayment { is_two_step: true, ..a_payment() }).unwrap();
        let payment = shop.reply(&created.tasks[0], approved(1_000)).payment.id;
        let capture = shop.run(&AskCapture { payment, amount_minor: None }).unwrap();
        shop.reply(&capture.tasks[0], declined("too_late"));
        assert_eq!(shop.payment(payment).state, State::Authorized);
        assert_eq!(shop.events(payment).last(), Some(&"payment.capture_declined"));
    }

    #[test]
    fn notification_before_reply() {
        let mut shop = Shop::with_a_sale();
        let created = shop.create(Some(1), None);
        let id = created.operations[0].id;
        let told = shop.tell(id, Notification, approved(300));
        assert_eq!((told.payment.state, shop.job(id.payment).due_at), (State::Captured, None));
        let entries = shop.world.database.journal_entries.rows().len();
        assert!(!shop.writes(|shop| assert_eq!(shop.reply(&created.tasks[0], approved(300)).payment, told.payment)));
        assert_eq!(shop.world.database.journal_entries.rows().len(), entries);
        assert_eq!(shop.operations(id.payment)[0].witness, Some(Notification));
    }

    #[test]
    fn duplicate_notification_changes_nothing() {
        let mut shop = Shop::with_a_sale();
        let created = shop.create(Some(1), None);
        let id = created.operations[0].id;
        for outcome in [Outcome::Pending, approved(300)] {
            assert!(shop.writes(|shop| shop.tell(id, Notification, outcome.clone())));
            assert!(!shop.writes(|shop| shop.tell(id, Notification, outcome)));
        }
        assert!(!shop.writes(|shop| shop.tell(id, Notification, Outcome::Unknown)));
    }

    #[test]
    fn a_witness_without_the_lease_leaves_it_to_whom_it_belongs() {
        let mut shop = Shop::new();
        let created = shop.create(None, Some(1_000));
        let id = created.operations[0].id;
        let lease_end = Some(NOW.plus_ms(1_000 + SEND_GRACE_MS));
        shop.tell(id, Notification, Outcome::Pending);
        assert_eq!(shop.job(id.payment).due_at, lease_end);
        let lost = RecordOutcome { fence: Some(7), ..shop.told(id, Reply, Outcome::Unknown) };
        shop.run(&lost).unwrap();
        assert_eq!(shop.job(id.payment).due_at, lease_end);
        shop.reply(&created.tasks[0], Outcome::Unknown);
        assert_eq!(shop.job(id.payment).due_at, Some(NOW.plus_ms(200)));
    }

    #[test]
    fn news_of_what_was_thought_over_wakes_the_job() {
        let mut shop = Shop::with_a_sale();
        let id = reversed(&mut shop);
        shop.advance_ms(2_000);
        shop.tell(id, Inquiry, Outcome::NotFound);
        assert_eq!(shop.job(id.payment).due_at, None);
        shop.tell(id, Notification, Outcome::Pending);
        assert_eq!(shop.job(id.payment).due_at, Some(shop.now.plus_ms(250)));
        assert_eq!(shop.settle_when_due(id.payment).tasks[0].what, Action::Inquire);
    }

    #[test]
    fn the_doubt_counts_from_when_the_provider_could_last_not_be_reached() {
        let mut shop = Shop::new();
        let created = shop.create(None, Some(1_000));
        let id = created.operations[0].id;
        shop.advance_ms(40_000);
        let unreachable = RecordOutcome { is_unreachable: true, ..shop.told(id, Reply, Outcome::Unknown) };
        shop.run(&unreachable).unwrap();
        assert_eq!(shop.operations(id.payment)[0].doubt_since, NOW.plus_ms(40_000));
        shop.run(&Settle { payment: id.payment, expected_due: true }).unwrap();
        assert_eq!(shop.open_exceptions(id.payment), []);
    }

    #[test]
    fn not_found_before_the_finality_window_proves_nothing() {
        let mut shop = Shop::new();
        let created = shop.create(None, Some(1_000));
        let id = created.operations[0].id;
        shop.advance_ms(10_000);
        let early = RecordOutcome { asked_at: NOW.plus_ms(1_499), ..shop.told(id, Inquiry, Outcome::NotFound) };
        assert_eq!(shop.run(&early).unwrap().operations[0].state, OperationState::Unknown);
        assert_eq!(shop.tell(id, Inquiry, Outcome::NotFound).operations[0].state, OperationState::NotFound);
    }

    /// A payment of sale 1 that was undone without a trace of the charge.
    fn reversed(shop: &mut Shop) -> OperationId {
        let created = shop.create(Some(1), None);
        let id = created.operations[0].id;
        shop.reply(&created.tasks[0], Outcome::Unknown);
        let cancelled = shop.run(&AskCancel { payment: id.payment, reason: String::new() }).unwrap();
        let payment = shop.reply(&cancelled.tasks[0], undid(0)).payment;
        assert_eq!((payment.state, payment.is_closed_uncharged), (State::Reversed, true));
        assert_eq!(shop.tender(&payment).state, TenderState::Failed);
        id
    }

    #[test]
    fn late_approval_after_reversal_is_refunded_in_the_same_commit() {
        let mut shop = Shop::with_a_sale();
        let id = reversed(&mut shop);
        let moved = shop.tell(id, Notification, approved(300));
        assert_eq!((moved.payment.state, shop.receivable()), (State::Captured, 300));
        let [_, _, refund] = moved.operations.as_slice() else { panic!("charge, reversal, refund") };
        assert_eq!((refund.kind, refund.asked_minor, refund.target), (Kind::Refund, 300, Some(1)));
        let [task] = moved.tasks.as_slice() else { panic!("the refund is sent") };
        assert_eq!((task.what, &task.operation), (Action::Send, refund));
        assert_eq!(task.fence, shop.job(id.payment).fence);
        let late = shop.exception(id.payment, Late);
        assert_eq!((late.at_risk_minor, late.owner.as_str(), late.resolved_at), (300, "manager", None));
        // The register was told that nothing was charged: the sale does not hear of it.
        assert_eq!(shop.tender(&moved.payment).state, TenderState::Failed);
        let tail = ["payment.captured", "payment.approved_late", "payment.refund_asked"];
        assert_eq!(shop.events(id.payment)[4..], tail);

        let refunded = shop.reply(task, approved(300)).payment;
        assert_eq!((refunded.state, shop.receivable()), (State::Refunded, 0));
        assert_eq!(shop.open_exceptions(id.payment), []);
        assert_eq!(shop.job(id.payment).due_at, None);
    }

    #[test]
    fn a_late_approval_leaves_a_sale_that_was_paid_otherwise_alone() {
        let mut shop = Shop::with_a_sale();
        let id = reversed(&mut shop);
        shop.pay_cash();
        let before = shop.world.standing(sale_id(1));
        let moved = shop.tell(id, Settlement, approved(300));
        assert_eq!(moved.tasks[0].operation.kind, Kind::Refund);
        assert_eq!(shop.world.standing(sale_id(1)), before);
        assert_eq!(shop.open_exceptions(id.payment), [Late]);
    }

    #[test]
    fn a_late_authorization_is_voided() {
        let mut shop = Shop::new();
        let created = shop.run(&CreatePayment { is_two_step: true, ..a_payment() }).unwrap();
        shop.reply(&created.tasks[0], declined("limit"));
        let moved = shop.tell(created.operations[0].id, Notification, approved(1_000));
        assert_eq!(moved.tasks[0].operation.kind, Kind::Void);
        assert_eq!(shop.open_exceptions(moved.payment.id), [Late, WitnessesContradict]);
        // A provider that cannot make up its mind is not asked again and again.
        shop.reply(&moved.tasks[0], Outcome::Unknown);
        let moved = shop.tell(moved.tasks[0].operation.id, Inquiry, declined("too_late"));
        assert_eq!((moved.payment.state, moved.tasks.len()), (State::Authorized, 0));
        assert_eq!(shop.open_exceptions(moved.payment.id), [Late, WitnessesContradict, RefundFailed]);
    }

    #[test]
    fn a_late_approval_may_be_left_to_a_person() {
        let mut shop = Shop::with_profile(Profile { late_approval: LateApproval::AskPerson, ..Profile::sandbox() });
        let created = shop.create(None, Some(1_000));
        shop.reply(&created.tasks[0], Outcome::Cancelled);
        let moved = shop.tell(created.operations[0].id, Notification, approved(1_000));
        assert_eq!((moved.operations.len(), moved.tasks.len()), (1, 0));
        assert_eq!(shop.open_exceptions(moved.payment.id), [Late, WitnessesContradict]);
        let ask = AskRefund { payment: moved.payment.id, amount_minor: None, reason: "late".to_owned() };
        let refund = shop.run(&ask).unwrap();
        shop.reply(&refund.tasks[0], approved(1_000));
        assert_eq!(shop.open_exceptions(moved.payment.id), [WitnessesContradict]);
    }

    #[test]
    fn a_refund_that_came_to_nothing_is_a_managers() {
        let mut shop = Shop::new();
        let payment = shop.captured().id;
        let ask = AskRefund { payment, amount_minor: Some(400), reason: String::new() };
        let refund = shop.run(&ask).unwrap();
        let moved = shop.reply(&refund.tasks[0], declined("closed_account"));
        assert_eq!(moved.payment.state, State::Captured);
        let failed = shop.exception(payment, RefundFailed);
        assert_eq!((failed.at_risk_minor, failed.resolved_at), (400, None));
        assert!(failed.reason.contains("closed_account"), "{}", failed.reason);
        let all = AskRefund { amount_minor: None, ..ask };
        let refund = shop.run(&all).unwrap();
        shop.reply(&refund.tasks[0], approved(1_000));
        assert_eq!(shop.open_exceptions(payment), []);
    }

    #[test]
    fn contradicting_witnesses_are_a_managers() {
        let mut shop = Shop::new();
        let payment = shop.captured().id;
        shop.tell(OperationId { payment, number: 1 }, Settlement, approved(900));
        assert_eq!((shop.payment(payment).captured_minor, shop.receivable()), (900, 900));
        assert_eq!(shop.exception(payment, WitnessesContradict).at_risk_minor, 1_000);
    }

    #[test]
    fn what_was_not_asked_for_is_kept_and_not_adopted() {
        let mut shop = Shop::new();
        let before = shop.captured();
        let unknown = OperationId { payment: before.id, number: 9 };
        let moved = shop.tell(unknown, Notification, approved(700));
        assert_eq!((&moved.payment, moved.operations.len()), (&before, 1));
        assert_eq!(shop.exception(before.id, NotAskedFor).at_risk_minor, 700);
        assert!(!shop.writes(|shop| shop.tell(unknown, Notification, approved(700))));
        let nowhere = OperationId { payment: PaymentId::from_uuid(uuid::Uuid::nil()), number: 1 };
        let told = shop.told(nowhere, Notification, approved(1));
        assert_eq!(shop.refused(&told), "payment_not_found");
    }

    #[test]
    fn a_doubt_that_was_found_out_needs_nobody_any_more() {
        let mut shop = Shop::new();
        let created = shop.create(None, Some(1_000));
        let id = created.operations[0].id;
        shop.reply(&created.tasks[0], Outcome::Unknown);
        shop.advance_ms(30_000);
        shop.run(&Settle { payment: id.payment, expected_due: true }).unwrap();
        assert_eq!(shop.open_exceptions(id.payment), [PaymentInDoubt]);
        // The reversal that the job has sent meanwhile still has to end.
        shop.tell(id, Notification, declined("limit"));
        assert_eq!(shop.open_exceptions(id.payment), [PaymentInDoubt]);
        shop.tell(OperationId { number: 2, ..id }, Notification, undid(0));
        assert_eq!(shop.open_exceptions(id.payment), []);
        let resolution = shop.exception(id.payment, PaymentInDoubt).resolution;
        assert_eq!(resolution.as_deref(), Some("It was found out: the payment is reversed."));
    }

    #[test]
    fn a_payment_that_comes_after_its_promise_of_stock_still_completes_the_sale() {
        let mut shop = Shop::with_a_sale();
        let created = shop.create(Some(1), None);
        shop.advance_ms(RESERVATION_MS);
        shop.world.run(&ExpireReservation { sale: sale_id(1), fence: None }).unwrap();
        shop.reply(&created.tasks[0], approved(300));
        assert_eq!(shop.world.standing(sale_id(1)).sale.state, sale::State::Completed);
    }

    #[test]
    fn a_request_that_never_left_is_over_at_once() {
        let mut shop = Shop::new();
        let created = shop.create(None, Some(1_000));
        let payment = shop.reply(&created.tasks[0], not_sent("no_route")).payment;
        assert_eq!((payment.state, shop.job(payment.id).due_at), (State::NotSent, None));
        let operations = shop.operations(payment.id);
        assert_eq!(summarize(&operations.iter().collect::<Vec<_>>()).customer_charged, Charged::No);
    }

    #[test]
    fn a_person_tells_of_a_keyed_terminal_and_overrides_elsewhere() {
        let mut shop = Shop::with_profile(Profile::manual());
        let id = shop.create(None, Some(1_000)).operations[0].id;
        let told = shop.told(id, Person, approved(1_000));
        let moved = shop.acting_as(Role::Cashier).run(&told).unwrap();
        assert_eq!((moved.payment.state, shop.job(id.payment).due_at), (State::Captured, None));

        let mut shop = Shop::new();
        let id = shop.create(None, Some(1_000)).operations[0].id;
        let told = shop.told(id, Person, approved(1_000));
        assert_eq!(shop.acting_as(Role::Cashier).refused(&told), "role_too_low");
        let told = shop.told(id, Inquiry, approved(1_000));
        assert_eq!(shop.acting_as(Role::Manager).refused(&told), "role_too_low");
        let told = shop.told(id, Inquiry, approved(-1));
        assert_eq!(shop.acting_as(Role::System).refused(&told), "amount_out_of_range");
        let told = shop.told(id, Inquiry, approved(1));
        assert_eq!(shop.of_other_merchant().refused(&told), "payment_not_found");
    }
}
