//! The shop of [`crate::testing`] with a provider, for the tests of commands about payments. After each command every
//! payment is held to the invariants.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;
use crate::call::Role;
use crate::command::{self, Command};
use crate::exception;
use crate::id::OperationId;
use crate::job::Job;
use crate::journal::LedgerAccount;
use crate::merchant::{Connection, ConnectionSettings};
use crate::sale::{self, AddCash, Tender, TenderState};
use crate::testing::{LOCATION, MERCHANT, NOW, REGISTER, TEA, World, line, sale_id};

pub const CONNECTION: ConnectionId = ConnectionId::from_uuid(Uuid::from_u128(9));

#[derive(Clone)]
pub struct Shop {
    pub world: World,
    /// The time of the world.
    pub now: Timestamp,
    profile: Profile,
}

impl Shop {
    pub fn new() -> Self {
        Self::with_profile(Profile::sandbox())
    }

    /// The hub itself acts, so that every command may run.
    pub fn with_profile(profile: Profile) -> Self {
        let mut world = World::new().acting_as(Role::System);
        world.database.connections.put_loaded(Connection {
            id: CONNECTION,
            merchant: MERCHANT,
            provider: "sandbox".to_owned(),
            settings: ConnectionSettings::default(),
            profile: profile.clone(),
            credentials: None,
            version: 1,
        });
        Self { world, now: NOW, profile }
    }

    /// With an open sale of 300 yen.
    pub fn with_a_sale() -> Self {
        let mut shop = Self::new();
        shop.world.open_sale(1, &[line(TEA, 2_000)]);
        shop
    }

    /// The same, with its connection at another provider.
    pub fn through(mut self, provider: &str, profile: Profile) -> Self {
        let known = self.world.database.connections.find(MERCHANT, &CONNECTION).unwrap().clone();
        let connection = Connection { provider: provider.to_owned(), profile: profile.clone(), ..known };
        self.world.database.connections.put_loaded(connection);
        Self { profile, ..self }
    }

    pub fn acting_as(&mut self, role: Role) -> &mut Self {
        self.world = self.world.clone().acting_as(role);
        self
    }

    pub fn of_other_merchant(&mut self) -> &mut Self {
        self.world = self.world.clone().of_other_merchant();
        self
    }

    pub fn advance_ms(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
        self.world.advance_ms(ms);
    }

    pub fn run<C: Command>(&mut self, command: &C) -> Result<C::Reply, command::Refusal> {
        let reply = self.world.run(command);
        self.check();
        reply
    }

    /// Whether what is done writes anything.
    pub fn writes<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> bool {
        let before = format!("{:?}", self.world.database);
        act(self);
        before != format!("{:?}", self.world.database)
    }

    /// The sale is paid with coins.
    pub fn pay_cash(&mut self) -> sale::State {
        let cash = AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: None, given_minor: 1_000 };
        self.run(&cash).unwrap().sale.state
    }

    /// The refusal code of a command that has to be refused.
    pub fn refused<C: Command>(&mut self, command: &C) -> String {
        match self.run(command) {
            Ok(_) => panic!("{} was not refused", command.name()),
            Err(refusal) => {
                assert!(!refusal.to_string().is_empty());
                refusal.code()
            }
        }
    }

    /// Asks for 1000 yen without a sale, or for `amount_minor` of sale 1.
    pub fn create(&mut self, sale: Option<u128>, amount_minor: Option<i64>) -> Moved {
        self.run(&CreatePayment { sale: sale.map(sale_id), amount_minor, ..a_payment() }).unwrap()
    }

    /// A payment of 1000 yen without a sale that was taken.
    pub fn captured(&mut self) -> Payment {
        let created = self.create(None, Some(1_000));
        self.reply(&created.tasks[0], fixture::approved(1_000)).payment
    }

    /// What the sender does with the outcome of a task.
    pub fn reply(&mut self, task: &Task, outcome: Outcome) -> Moved {
        let witness = match task.what {
            Action::Send => Witness::Reply,
            Action::Inquire => Witness::Inquiry,
        };
        let hint = keys_for_outcome(&task.payment);
        let told = RecordOutcome { fence: Some(task.fence), hint, ..self.told(task.operation.id, witness, outcome) };
        self.run(&told).unwrap()
    }

    /// A witness without a lease.
    pub fn tell(&mut self, operation: OperationId, witness: Witness, outcome: Outcome) -> Moved {
        let told = self.told(operation, witness, outcome);
        self.run(&told).unwrap()
    }

    pub fn told(&self, operation: OperationId, witness: Witness, outcome: Outcome) -> RecordOutcome {
        let (asked_at, is_unreachable, fence, hint) = (self.now, false, None, Vec::new());
        RecordOutcome { operation, witness, outcome, presented: None, asked_at, is_unreachable, fence, hint }
    }

    /// Turns the clock to when the job is due, and runs it.
    pub fn settle_when_due(&mut self, payment: PaymentId) -> Moved {
        let due_at = self.job(payment).due_at.expect("the job is due some time");
        self.advance_ms(due_at.ms_since(self.now).max(0));
        self.run(&Settle { payment, expected_due: true }).unwrap()
    }

    pub fn payment(&self, id: PaymentId) -> Payment {
        self.world.database.payments.find(MERCHANT, &id).unwrap().clone()
    }

    pub fn payments(&self) -> Vec<Payment> {
        self.world.database.payments.iter().cloned().collect()
    }

    pub fn operations(&self, id: PaymentId) -> Vec<Operation> {
        operations_of(&self.world.database, MERCHANT, id).cloned().collect()
    }

    pub fn job(&self, id: PaymentId) -> Job {
        self.world.database.jobs.find(MERCHANT, &settle_job(id)).unwrap().clone()
    }

    pub fn tender(&self, payment: &Payment) -> Tender {
        let key = payment.tender.expect("the payment of a sale");
        self.world.database.tenders.find(MERCHANT, &key).unwrap().clone()
    }

    /// The kinds of the payment's exceptions that somebody has to act on.
    pub fn open_exceptions(&self, id: PaymentId) -> Vec<exception::Kind> {
        let subject = id.to_string();
        let of_payment = self.world.database.exceptions.iter().filter(|one| one.subject == subject);
        of_payment.filter(|one| one.resolved_at.is_none()).map(|one| one.kind).collect()
    }

    pub fn exception(&self, id: PaymentId, kind: exception::Kind) -> exception::Exception {
        self.world.database.exceptions.find(MERCHANT, &(id.to_string(), kind)).unwrap().clone()
    }

    /// The kinds of the payment's events.
    pub fn events(&self, id: PaymentId) -> Vec<&'static str> {
        let subject = id.to_string();
        let rows = self.world.database.events.rows().iter();
        rows.filter(|event| event.subject == subject).map(|event| event.kind).collect()
    }

    pub fn receivable(&self) -> i64 {
        self.world.balance(LedgerAccount::Receivable(CONNECTION))
    }

    /// What the world does not check: each payment, and what the provider owes for all.
    fn check(&self) {
        let mut receivable = 0;
        for payment in self.payments() {
            self.check_payment(&payment);
            receivable += payment.captured_minor - payment.refunded_minor;
        }
        assert_eq!(self.receivable(), receivable, "the provider owes what is with us");
        let events = self.world.database.events.rows();
        assert_eq!(events.iter().map(|one| one.id).collect::<BTreeSet<_>>().len(), events.len(), "ids are unique");
    }

    fn check_payment(&self, payment: &Payment) {
        let operations = self.operations(payment.id);
        let refs: Vec<&Operation> = operations.iter().collect();
        let summary = summarize(&refs);
        let amounts = (summary.approved_minor, summary.captured_minor, summary.refunded_minor);
        assert_eq!((payment.state, payment.operation_count as usize), (summary.state, operations.len()));
        assert_eq!((payment.approved_minor, payment.captured_minor, payment.refunded_minor), amounts);
        assert!(amounts.2 <= amounts.1 && amounts.1 <= amounts.0, "{summary:?}");
        assert_eq!(operations.iter().filter(|one| one.kind.is_charge()).count(), 1, "a charge is asked for once");
        self.check_late(payment, &summary, &refs);
        self.check_job(payment, &refs);
        if payment.tender.is_some() {
            self.check_tender(payment, &summary);
        }
        let open = self.open_exceptions(payment.id);
        let is_contradicted = operations.iter().any(|one| one.is_contradicted);
        assert!(!is_contradicted || open.contains(&exception::Kind::WitnessesContradict));
        let needs_person = payment.state == State::NeedsPerson;
        assert!(!needs_person || open.contains(&exception::Kind::PaymentInDoubt), "{operations:?}");
    }

    fn check_late(&self, payment: &Payment, summary: &Summary, operations: &[&Operation]) {
        if payment.is_closed_uncharged && summary.customer_charged == Charged::Yes {
            let open = self.open_exceptions(payment.id);
            assert!(open.contains(&exception::Kind::LateApproval), "{operations:?}");
            let gives_back = |one: &&Operation| matches!(one.kind, Kind::Refund | Kind::Void);
            let is_given_back = operations.iter().any(gives_back);
            let is_asked = self.profile.late_approval == LateApproval::Refund
                && matches!(summary.state, State::Captured | State::Authorized);
            assert!(!is_asked || is_given_back, "{operations:?}");
        }
    }

    fn check_job(&self, payment: &Payment, operations: &[&Operation]) {
        let job = self.job(payment.id);
        let is_done = |one: &&Operation| {
            let reversal = reversal_of(operations, one.id.number).map(|reversal| &reversal.state);
            next_step(one, reversal, &self.profile, self.now) == Step::Done
        };
        assert!(job.due_at.is_some() || operations.iter().all(is_done), "{operations:?}");
        assert!(job.fence == job.attempts);
    }

    fn check_tender(&self, payment: &Payment, summary: &Summary) {
        let tender = self.tender(payment);
        let sale = self.world.standing(tender.sale).sale;
        let is_open = sale.state == sale::State::Open;
        let is_taken = matches!(summary.state, State::Captured | State::PartiallyRefunded)
            && summary.customer_charged == Charged::Yes;
        let is_off = summary.state.is_final() && summary.customer_charged == Charged::No;
        match tender.state {
            TenderState::Paid => assert!(!payment.is_closed_uncharged && (!is_open || !is_off), "{summary:?}"),
            TenderState::Failed => assert!(
                !is_taken
                    || payment.is_closed_uncharged
                    || self.open_exceptions(payment.id).contains(&exception::Kind::LateApproval),
                "{summary:?}"
            ),
            TenderState::Pending => assert!(is_open && !is_off && !is_taken, "{summary:?}"),
        }
    }
}

/// 1000 yen, no sale, in one step.
pub fn a_payment() -> CreatePayment {
    CreatePayment {
        merchant: MERCHANT,
        location: LOCATION,
        register: REGISTER,
        connection: CONNECTION,
        sale: None,
        amount_minor: Some(1_000),
        currency: Currency::JPY,
        is_two_step: false,
        reference: "order 7".to_owned(),
        is_scanned: false,
    }
}
