//! The shop of [`crate::testing`] with a provider: for the tests of commands about payments. [`Shop::run`] treats a
//! command as the committer does, and after each holds every payment to the invariants.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::*;
use crate::call::{Actor, Call, Role};
use crate::command::{self, Command};
use crate::exception;
use crate::id::{IdSource, OperationId};
use crate::job::Job;
use crate::journal::{Balance, LedgerAccount};
use crate::merchant::{Connection, ConnectionSettings};
use crate::sale::{self, Tender, TenderState};
use crate::testing::{LOCATION, MERCHANT, NOW, OTHER_MERCHANT, REGISTER, World, sale_id};
use crate::work::{Key, Record, Stop, Table, UnitOfWork};

pub const CONNECTION: ConnectionId = ConnectionId::from_uuid(Uuid::from_u128(9));

/// How often the committer lets a command come back with more keys.
const ROUNDS_MAX: usize = 3;

#[derive(Clone)]
pub struct Shop {
    /// The sales side; its clock is turned together with this one.
    pub world: World,
    pub now: Timestamp,
    /// How many rounds the last command took.
    pub rounds: usize,
    /// Whether the last command changed anything.
    pub has_written: bool,
    merchant: MerchantId,
    actor: Actor,
    ids: CountingIds,
}

/// Ids that count up, far from those of the world.
#[derive(Clone)]
struct CountingIds(u128);

impl IdSource for CountingIds {
    fn next(&mut self, _: Timestamp) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(self.0)
    }
}

/// Runs the checks of the world.
struct Nothing;

impl Command for Nothing {
    type Reply = ();

    fn name(&self) -> &'static str {
        "test.nothing"
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn decide(&self, _: &mut UnitOfWork, _: &mut Call<'_>) -> Result<(), Stop<command::Refusal>> {
        Ok(())
    }
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
            settings: ConnectionSettings { base_url: String::new() },
            profile,
            version: 1,
        });
        let actor = Actor { name: "test".to_owned(), role: Role::System };
        let ids = CountingIds(1 << 80);
        Self { world, now: NOW, rounds: 0, has_written: false, merchant: MERCHANT, actor, ids }
    }

    pub fn acting_as(&mut self, role: Role) -> &mut Self {
        self.actor.role = role;
        self
    }

    pub fn of_other_merchant(&mut self) -> &mut Self {
        self.merchant = OTHER_MERCHANT;
        self
    }

    pub fn advance_ms(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
        self.world.advance_ms(ms);
    }

    pub fn run<C: Command>(&mut self, command: &C) -> Result<C::Reply, command::Refusal> {
        let mut keys: BTreeSet<Key> = command.keys().into_iter().collect();
        for round in 1..=ROUNDS_MAX {
            self.rounds = round;
            let mut work = self.load(&keys);
            work.begin_command();
            let mut call = Call::new(self.now, self.merchant, &self.actor, &mut self.ids);
            let stop = match command.decide(&mut work, &mut call) {
                Ok(reply) => {
                    self.has_written = work.has_command_changes();
                    self.store(&work);
                    self.check();
                    return Ok(reply);
                }
                Err(stop) => stop,
            };
            work.undo_command();
            assert!(!work.has_command_changes(), "a stop leaves no trace");
            assert_eq!(format!("{work:?}"), format!("{:?}", self.load(&keys)), "a stop leaves no trace");
            match stop {
                Stop::Refused(refusal) => return Err(refusal),
                Stop::Needs(more) => {
                    assert!(more.iter().any(|key| !keys.contains(key)), "{more:?} were named");
                    keys.extend(more);
                }
            }
        }
        panic!("{} needs more than {ROUNDS_MAX} rounds", command.name());
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
        RecordOutcome { operation, witness, outcome, asked_at, is_unreachable, fence, hint }
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

    /// A unit of work with what was named and nothing else.
    fn load(&mut self, keys: &BTreeSet<Key>) -> UnitOfWork {
        let mut work = UnitOfWork::default();
        for key in keys {
            if let Key::Balance(merchant, account, currency) = *key
                && work.may_make_zero(self.merchant, key)
                && !self.world.database.balances.is_taken(&(merchant, account, currency))
            {
                let zero = Balance { merchant, account, currency, amount_minor: 0, version: 1 };
                self.world.database.balances.put_loaded(zero);
            }
            self.load_key(&mut work, key);
            work.set_known(key.clone());
        }
        work
    }

    fn load_key(&self, work: &mut UnitOfWork, key: &Key) {
        let database = &self.world.database;
        match key {
            Key::Merchant(id) => copy(&database.merchants, &mut work.merchants, |one| one.id == *id),
            Key::Location(id) => copy(&database.locations, &mut work.locations, |one| one.id == *id),
            Key::Register(id) => copy(&database.registers, &mut work.registers, |one| one.id == *id),
            Key::Article(id) => copy(&database.articles, &mut work.articles, |one| one.id == *id),
            Key::Connection(id) => copy(&database.connections, &mut work.connections, |one| one.id == *id),
            Key::Sale(id) => {
                copy(&database.sales, &mut work.sales, |one| one.id == *id);
                copy(&database.sale_lines, &mut work.sale_lines, |one| one.sale == *id);
                copy(&database.tenders, &mut work.tenders, |one| one.sale == *id);
                copy(&database.reservations, &mut work.reservations, |one| one.sale == *id);
                copy(&database.exceptions, &mut work.exceptions, |one| one.subject == id.to_string());
            }
            Key::Payment(id) => {
                copy(&database.payments, &mut work.payments, |one| one.id == *id);
                copy(&database.operations, &mut work.operations, |one| one.id.payment == *id);
                copy(&database.exceptions, &mut work.exceptions, |one| one.subject == id.to_string());
            }
            Key::Job(id) => copy(&database.jobs, &mut work.jobs, |one| one.id == *id),
            Key::ReceiptSeries(id) => {
                let series = sale_series(*id);
                if !database.receipt_series.is_taken(id) {
                    work.receipt_series.put_loaded(series);
                }
                copy(&database.receipt_series, &mut work.receipt_series, |one| one.register == *id);
            }
            Key::StockLevel(at, of) => {
                copy(&database.stock_levels, &mut work.stock_levels, |one| (one.location, one.article) == (*at, *of));
            }
            Key::Balance(merchant, account, currency) => copy(&database.balances, &mut work.balances, |one| {
                (one.merchant, one.account, one.currency) == (*merchant, *account, *currency)
            }),
        }
    }

    fn store(&mut self, work: &UnitOfWork) {
        let database = &mut self.world.database;
        write(&work.sales, &mut database.sales);
        write(&work.tenders, &mut database.tenders);
        write(&work.reservations, &mut database.reservations);
        write(&work.payments, &mut database.payments);
        write(&work.operations, &mut database.operations);
        write(&work.exceptions, &mut database.exceptions);
        write(&work.jobs, &mut database.jobs);
        write(&work.receipt_series, &mut database.receipt_series);
        write(&work.stock_levels, &mut database.stock_levels);
        write(&work.balances, &mut database.balances);
        work.movements.rows().iter().for_each(|row| database.movements.append(row.clone()));
        work.journal_entries.rows().iter().for_each(|row| database.journal_entries.append(row.clone()));
        work.events.rows().iter().for_each(|row| database.events.append(row.clone()));
    }

    /// Stock, journal, sales and tenders by the world; then each payment, and what the provider owes for all.
    pub fn check(&mut self) {
        self.world.run(&Nothing).unwrap();
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
            let is_given_back = operations.iter().any(|one| gives_back(one));
            let is_asked = self.profile().late_approval == LateApproval::Refund
                && matches!(summary.state, State::Captured | State::Authorized);
            assert!(!is_asked || is_given_back, "{operations:?}");
        }
    }

    fn check_job(&self, payment: &Payment, operations: &[&Operation]) {
        let job = self.job(payment.id);
        let is_done = |one: &&Operation| {
            let reversal = reversal_of(operations, one.id.number).map(|reversal| &reversal.state);
            next_step(one, reversal, &self.profile(), self.now) == Step::Done
        };
        assert!(job.due_at.is_some() || operations.iter().all(|one| is_done(one)), "{operations:?}");
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
            TenderState::Paid => assert!(!is_open || !is_off, "{summary:?}"),
            TenderState::Failed => assert!(
                !is_taken
                    || payment.is_closed_uncharged
                    || self.open_exceptions(payment.id).contains(&exception::Kind::LateApproval),
                "{summary:?}"
            ),
            TenderState::Pending => assert!(is_open && !is_off && !is_taken, "{summary:?}"),
        }
    }

    pub fn profile(&self) -> Profile {
        self.world.database.connections.find(MERCHANT, &CONNECTION).unwrap().profile.clone()
    }

    /// What each open sale is held for, by payment: no two for one tender.
    pub fn tenders_by_payment(&self) -> BTreeMap<PaymentId, usize> {
        let mut count = BTreeMap::new();
        for tender in self.world.database.tenders.iter() {
            if let sale::TenderKind::Electronic { payment } = tender.kind {
                *count.entry(payment).or_default() += 1;
            }
        }
        count
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
    }
}

fn sale_series(register: RegisterId) -> crate::merchant::ReceiptSeries {
    crate::merchant::ReceiptSeries { register, merchant: MERCHANT, last_number: 0, version: 1 }
}

fn copy<R: Record>(from: &Table<R>, to: &mut Table<R>, is_named: impl Fn(&R) -> bool) {
    from.iter().filter(|record| is_named(record)).for_each(|record| to.put_loaded(record.clone()));
}

fn write<R: Record>(from: &Table<R>, to: &mut Table<R>) {
    for slot in from.changes() {
        let record = slot.record.clone();
        let stored = to.find(record.merchant(), &record.key()).cloned();
        let stored_version = stored.map(|mut record| *record.version_mut());
        let is_zero_counter = stored_version.is_none() && slot.stored_version == Some(1);
        assert!(is_zero_counter || slot.stored_version == stored_version, "written over the version that was read");
        to.put_loaded(record);
    }
}
