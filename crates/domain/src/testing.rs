//! A small shop for tests. [`World::run`] treats a command as the committer does: it loads only what was named, lets the
//! command come again with what it needs, undoes a refused one and checks that no trace is left, and after each command
//! holds the whole shop to the invariants.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::article::{Article, Barcode, Label, Unit};
use crate::call::{Actor, Call, Role};
use crate::command::{Command, Refusal};
use crate::customer::CustomerRules;
use crate::id::{
    ArticleId, ConnectionId, IdSource, LocationId, MerchantId, MovementId, OperationId, OperatorId, PaymentId,
    RegisterId, ReturnId, SaleId, TenderId, TerminalId,
};
use crate::journal::{Balance, LedgerAccount, entry_sum};
use crate::merchant::{Contact, DISCOUNT_LIMIT_DEFAULT, Issuer, Location, Merchant, ReceiptSeries, Register};
use crate::money::{Currency, Quantity, UnitPrice};
use crate::operator::SignedIn;
use crate::promotion::promotions_of;
use crate::receipt::receipts_of;
use crate::sale::{
    self, Consumption, NewLine, NewSale, OpenSale, Sale, Settled, Standing, State, TenderState, lines_of,
    reservations_of, tenders_of,
};
use crate::smartconnect::Access;
use crate::stock::{Movement, MovementKind, StockLevel};
use crate::tax::TaxRules;
use crate::terminal::{self, Pairing, Terminal};
use crate::time::Timestamp;
use crate::work::{Key, Record, Stop, Table, UnitOfWork};

pub const MERCHANT: MerchantId = MerchantId::from_uuid(Uuid::from_u128(1));
pub const OTHER_MERCHANT: MerchantId = MerchantId::from_uuid(Uuid::from_u128(2));
pub const LOCATION: LocationId = LocationId::from_uuid(Uuid::from_u128(3));
pub const OTHER_LOCATION: LocationId = LocationId::from_uuid(Uuid::from_u128(4));
pub const REGISTER: RegisterId = RegisterId::from_uuid(Uuid::from_u128(5));
/// The terminal of that register.
pub const TERMINAL: TerminalId = TerminalId::from_uuid(Uuid::from_u128(0x7d));
/// 150 yen, 8 % tax, [`TEA_ON_HAND`].
pub const TEA: ArticleId = ArticleId::from_uuid(Uuid::from_u128(6));
/// 500 yen a kilogram, 8 % tax, stocked and without a level.
pub const RICE: ArticleId = ArticleId::from_uuid(Uuid::from_u128(7));
/// 3 yen a metre of it, 10 % tax, not stocked.
pub const BAG: ArticleId = ArticleId::from_uuid(Uuid::from_u128(8));

pub const TEA_ON_HAND: i64 = 10_000;
pub const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// How often the committer lets a command come back with more keys.
const ROUNDS_MAX: usize = 3;

/// Ids that count up.
#[derive(Clone)]
struct CountingIds(u128);

impl IdSource for CountingIds {
    fn next(&mut self, _: Timestamp) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(self.0)
    }
}

/// The shop: everything that is stored, who acts, and when.
#[derive(Clone)]
pub struct World {
    pub database: UnitOfWork,
    /// How many rounds the last command took.
    pub rounds: usize,
    now: Timestamp,
    merchant: MerchantId,
    actor: Actor,
    ids: CountingIds,
}

impl World {
    /// A shop with a register, three articles and some tea; a manager acts.
    pub fn new() -> Self {
        let actor = Actor::new("test", Role::Manager);
        let ids = CountingIds(1 << 64);
        Self { database: a_shop(), rounds: 0, now: NOW, merchant: MERCHANT, actor, ids }
    }

    pub fn with_open_sale(lines: &[NewLine]) -> Self {
        Self::new().opening_sale(lines)
    }

    pub fn opening_sale(mut self, lines: &[NewLine]) -> Self {
        self.open_sale(1, lines);
        self
    }

    /// A terminal that has enrolled beside the register, set up for the connection of the tests of payments.
    pub fn with_a_terminal(mut self) -> Self {
        let identity_key = [7; terminal::IDENTITY_KEY_BYTES];
        let text = || "1".to_owned();
        let (model, serial, firmware, software) = (text(), text(), text(), text());
        let device = terminal::Device { model, serial, firmware, software, identity_key, enrolled_at: NOW };
        let pairing = Some(terminal::Paired { register: REGISTER, since: NOW });
        self.database.terminals.put_loaded(Terminal {
            id: TERMINAL,
            merchant: MERCHANT,
            location: LOCATION,
            connection: ConnectionId::from_uuid(Uuid::from_u128(9)),
            name: "Counter".to_owned(),
            state: terminal::State::Enrolled(device),
            pairing,
            offer: None,
            proved_at: None,
            epoch: 0,
            last_seen_at: None,
            live: terminal::Live::default(),
            entry_count: 0,
            created_at: NOW,
            version: 1,
        });
        let place = Pairing { terminal: Some(TERMINAL), ..Pairing::empty(REGISTER, MERCHANT) };
        self.database.pairings.put_loaded(place);
        self
    }

    pub fn acting_as(mut self, role: Role) -> Self {
        self.actor.role = role;
        self
    }

    /// An operator is signed in at a register.
    pub fn signed_in(mut self, operator: OperatorId, register: RegisterId) -> Self {
        self.actor.operator = Some(SignedIn { operator, register });
        self
    }

    /// Another role acts from now on.
    pub fn act_as(&mut self, role: Role) {
        self.actor.role = role;
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub fn of_other_merchant(mut self) -> Self {
        self.merchant = OTHER_MERCHANT;
        self
    }

    pub fn open_sale(&mut self, number: u128, lines: &[NewLine]) {
        self.run(&OpenSale { id: Some(sale_id(number)), sale: a_sale(lines) }).unwrap();
    }

    pub fn advance_ms(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
    }

    /// Runs a command as the committer does.
    pub fn run<C: Command>(&mut self, command: &C) -> Result<C::Reply, Refusal> {
        let mut keys: BTreeSet<Key> = command.keys().into_iter().collect();
        for round in 1..=ROUNDS_MAX {
            self.rounds = round;
            let mut work = self.load(&keys);
            work.begin_command();
            let before = format!("{work:?}");
            let mut call = Call::new(self.now, self.merchant, &self.actor, &mut self.ids);
            let stop = match command.decide(&mut work, &mut call) {
                Ok(reply) => {
                    self.store(&work);
                    self.check();
                    return Ok(reply);
                }
                Err(stop) => stop,
            };
            work.undo_command();
            assert_eq!(format!("{work:?}"), before, "a stop leaves no trace");
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

    /// The refusal of a command that has to be refused.
    pub fn refused<C: Command>(&mut self, command: &C) -> Refusal {
        match self.run(command) {
            Ok(_) => panic!("{} was not refused", command.name()),
            Err(refusal) => refusal,
        }
    }

    pub fn article(&self, id: ArticleId) -> Article {
        self.database.articles.find(MERCHANT, &id).unwrap().clone()
    }

    pub fn put_label(&mut self, barcode: &str, article: ArticleId) {
        let barcode = Barcode::parse(barcode).unwrap();
        self.database.labels.put_loaded(Label { merchant: MERCHANT, barcode, article: Some(article), version: 1 });
    }

    pub fn change_article(&mut self, id: ArticleId, change: impl FnOnce(&mut Article)) {
        let mut article = self.article(id);
        change(&mut article);
        self.database.articles.put_loaded(article);
    }

    pub fn change_tax(&mut self, tax: TaxRules) {
        let merchant = self.database.merchants.find(MERCHANT, &MERCHANT).unwrap().clone();
        self.database.merchants.put_loaded(Merchant { tax, ..merchant });
    }

    /// Makes another currency than yen the merchant's, and that of its articles.
    pub fn trade_in(&mut self, currency: Currency) {
        let merchant = self.database.merchants.find(MERCHANT, &MERCHANT).unwrap().clone();
        self.database.merchants.put_loaded(Merchant { currency, ..merchant });
        for article in [TEA, RICE, BAG] {
            self.change_article(article, |article| article.currency = currency);
        }
    }

    pub fn level(&self, article: ArticleId) -> StockLevel {
        self.database.stock_levels.find(MERCHANT, &(LOCATION, article)).unwrap().clone()
    }

    pub fn balance(&self, account: LedgerAccount) -> i64 {
        let balance = self.database.balances.find(MERCHANT, &(MERCHANT, account, Currency::JPY));
        balance.map_or(0, |balance| balance.amount_minor)
    }

    pub fn standing(&self, sale: SaleId) -> Standing {
        let mut work = self.database.clone();
        work.set_known(Key::Sale(sale));
        sale::standing(&work, MERCHANT, sale).unwrap()
    }

    pub fn expiry_due(&self, sale: SaleId) -> Option<Timestamp> {
        self.database.jobs.find(MERCHANT, &Sale::expiry_job(sale))?.due_at
    }

    pub fn event_kinds(&self) -> Vec<&'static str> {
        self.database.events.rows().iter().map(|event| event.kind).collect()
    }

    /// A unit of work with what was named and nothing else.
    fn load(&mut self, keys: &BTreeSet<Key>) -> UnitOfWork {
        let mut work = UnitOfWork::default();
        for key in keys {
            self.load_key(&mut work, key);
            if work.may_make_zero(self.merchant, key) {
                self.make_zero(key);
                self.load_key(&mut work, key);
            }
            work.set_known(key.clone());
        }
        work
    }

    fn load_key(&self, work: &mut UnitOfWork, key: &Key) {
        let (database, owner) = (&self.database, self.merchant);
        match key {
            Key::Merchant(id) => copy(&database.merchants, &mut work.merchants, owner, id),
            Key::Location(id) => copy(&database.locations, &mut work.locations, owner, id),
            Key::Register(id) => copy(&database.registers, &mut work.registers, owner, id),
            Key::Article(id) => copy(&database.articles, &mut work.articles, owner, id),
            Key::ArticleDetails(id) => copy(&database.article_details, &mut work.article_details, owner, id),
            Key::Barcode(merchant, barcode) => {
                copy(&database.labels, &mut work.labels, owner, &(*merchant, barcode.clone()));
            }
            Key::Promotions(merchant) => {
                let theirs = promotions_of(database, *merchant).filter(|one| one.merchant == owner);
                theirs.for_each(|one| work.promotions.put_loaded(one.clone()));
            }
            Key::Coupon(merchant, code) => {
                copy(&database.coupons, &mut work.coupons, owner, &(*merchant, code.clone()));
            }
            Key::Origin(merchant, name) => {
                copy(&database.origins, &mut work.origins, owner, &(*merchant, name.clone()))
            }
            Key::ExternalRef(merchant, external, kind) => {
                copy(&database.external_refs, &mut work.external_refs, owner, &(*merchant, external.clone(), *kind));
            }
            Key::Sale(id) => self.load_sale(work, *id),
            Key::ParkedSale(sale) => copy(&database.parked_sales, &mut work.parked_sales, owner, sale),
            Key::Returns(sale) => self.load_returns(work, *sale),
            Key::Receipts(sale) => {
                receipts_of(database, owner, *sale).for_each(|receipt| work.receipts.put_loaded(receipt.clone()));
            }
            Key::Printer(id) => copy(&database.printers, &mut work.printers, owner, id),
            Key::MposEndpoint(id) => copy(&database.mpos_endpoints, &mut work.mpos_endpoints, owner, id),
            Key::MposClose(id, request) => {
                copy(&database.mpos_closes, &mut work.mpos_closes, owner, &(*id, request.clone()));
            }
            Key::ProviderNotice(connection, id) => {
                copy(&database.provider_notices, &mut work.provider_notices, owner, &(*connection, id.clone()));
            }
            Key::MposOrder(id, order) => {
                copy(&database.mpos_orders, &mut work.mpos_orders, owner, &(*id, order.clone()));
            }
            Key::PrintJob(id) => {
                copy(&database.print_jobs, &mut work.print_jobs, owner, id);
                self.load_exceptions(work, &id.to_string());
            }
            Key::Terminal(id) => {
                copy(&database.terminals, &mut work.terminals, owner, id);
                self.load_exceptions(work, &id.to_string());
            }
            Key::PosRegister(id) => copy(&database.pos_registers, &mut work.pos_registers, owner, id),
            Key::SmartconnectAccess(id) => {
                copy(&database.smartconnect_access, &mut work.smartconnect_access, owner, id);
            }
            Key::Pairing(register) => copy(&database.pairings, &mut work.pairings, owner, register),
            Key::Job(id) => copy(&database.jobs, &mut work.jobs, owner, id),
            Key::ReceiptSeries(id) => copy(&database.receipt_series, &mut work.receipt_series, owner, id),
            Key::Shift(id) => copy(&database.shifts, &mut work.shifts, owner, id),
            Key::StockLevel(at, of) => copy(&database.stock_levels, &mut work.stock_levels, owner, &(*at, *of)),
            Key::Balance(merchant, account, currency) => {
                copy(&database.balances, &mut work.balances, owner, &(*merchant, *account, *currency));
            }
            Key::Connection(id) => copy(&database.connections, &mut work.connections, owner, id),
            Key::Customer(id) => copy(&database.customers, &mut work.customers, owner, id),
            Key::ExternalIds(id) => {
                let slots = database.external_ids.range(owner, (*id, 0)..=(*id, u32::MAX));
                slots.for_each(|slot| work.external_ids.put_loaded(slot.clone()));
            }
            Key::Points(id) => copy(&database.points_balances, &mut work.points_balances, owner, id),
            Key::Operator(id) => copy(&database.operators, &mut work.operators, owner, id),
            Key::Payment(id) => self.load_payment(work, *id),
            Key::Stocktake(id) => {
                copy(&database.stocktakes, &mut work.stocktakes, owner, id);
                self.load_exceptions(work, &id.to_string());
            }
            Key::StocktakeLine(id, of) => {
                copy(&database.stocktake_lines, &mut work.stocktake_lines, owner, &(*id, *of));
            }
            Key::Transfer(id) => {
                copy(&database.transfers, &mut work.transfers, owner, id);
                let lines =
                    database.transfer_lines.iter().filter(|line| line.transfer == *id && line.merchant == owner);
                lines.for_each(|line| work.transfer_lines.put_loaded(line.clone()));
            }
            Key::WebhookEndpoint(id) => copy(&database.webhook_endpoints, &mut work.webhook_endpoints, owner, id),
            Key::WebhookDelivery(id) => copy(&database.webhook_deliveries, &mut work.webhook_deliveries, owner, id),
            _ => panic!("no command of this shop names {key:?}"),
        }
    }

    fn load_sale(&self, work: &mut UnitOfWork, id: SaleId) {
        let (database, owner) = (&self.database, self.merchant);
        copy(&database.sales, &mut work.sales, owner, &id);
        lines_of(database, owner, id).for_each(|line| work.sale_lines.put_loaded(line.clone()));
        tenders_of(database, owner, id).for_each(|tender| work.tenders.put_loaded(tender.clone()));
        reservations_of(database, owner, id).for_each(|held| work.reservations.put_loaded(held.clone()));
        self.load_exceptions(work, &id.to_string());
    }

    fn load_returns(&self, work: &mut UnitOfWork, sale: SaleId) {
        let (database, owner) = (&self.database, self.merchant);
        let (first, last) = (ReturnId { sale, number: 0 }, ReturnId { sale, number: u32::MAX });
        database.returns.range(owner, first..=last).for_each(|row| work.returns.put_loaded(row.clone()));
        let (first, last) = ((first, 0), (last, u32::MAX));
        database.return_lines.range(owner, first..=last).for_each(|row| work.return_lines.put_loaded(row.clone()));
        database.refunds.range(owner, first..=last).for_each(|row| work.refunds.put_loaded(row.clone()));
    }

    fn load_payment(&self, work: &mut UnitOfWork, payment: PaymentId) {
        let (database, owner) = (&self.database, self.merchant);
        copy(&database.payments, &mut work.payments, owner, &payment);
        let (first, last) = (OperationId { payment, number: 0 }, OperationId { payment, number: u32::MAX });
        let operations = database.operations.range(owner, first..=last);
        operations.for_each(|operation| work.operations.put_loaded(operation.clone()));
        self.load_exceptions(work, &payment.to_string());
    }

    fn load_exceptions(&self, work: &mut UnitOfWork, subject: &str) {
        let exceptions = self.database.exceptions.iter().filter(|exception| exception.subject == subject);
        exceptions.for_each(|exception| work.exceptions.put_loaded(exception.clone()));
    }

    fn make_zero(&mut self, key: &Key) {
        let (merchant, version) = (self.merchant, 1);
        match *key {
            Key::ReceiptSeries(register) => {
                put_new(&mut self.database.receipt_series, ReceiptSeries::new(register, merchant));
            }
            Key::SmartconnectAccess(merchant) => {
                put_new(&mut self.database.smartconnect_access, Access::off(merchant));
            }
            Key::Pairing(register) => {
                put_new(&mut self.database.pairings, Pairing::empty(register, merchant));
            }
            Key::StockLevel(location, article) => {
                put_new(&mut self.database.stock_levels, StockLevel::zero(location, article, merchant));
            }
            Key::Balance(merchant, account, currency) => {
                put_new(&mut self.database.balances, Balance { merchant, account, currency, amount_minor: 0, version });
            }
            _ => panic!("{key:?} is no counter"),
        }
    }

    fn store(&mut self, work: &UnitOfWork) {
        let database = &mut self.database;
        write(&work.merchants, &mut database.merchants);
        write(&work.locations, &mut database.locations);
        write(&work.registers, &mut database.registers);
        write(&work.connections, &mut database.connections);
        write(&work.articles, &mut database.articles);
        write(&work.article_details, &mut database.article_details);
        write(&work.labels, &mut database.labels);
        write(&work.promotions, &mut database.promotions);
        write(&work.coupons, &mut database.coupons);
        write(&work.external_refs, &mut database.external_refs);
        write(&work.origins, &mut database.origins);
        write(&work.customers, &mut database.customers);
        write(&work.external_ids, &mut database.external_ids);
        write(&work.operators, &mut database.operators);
        write(&work.sales, &mut database.sales);
        write(&work.sale_lines, &mut database.sale_lines);
        write(&work.tenders, &mut database.tenders);
        write(&work.reservations, &mut database.reservations);
        write(&work.parked_sales, &mut database.parked_sales);
        write(&work.returns, &mut database.returns);
        write(&work.return_lines, &mut database.return_lines);
        write(&work.refunds, &mut database.refunds);
        write(&work.receipts, &mut database.receipts);
        write(&work.payments, &mut database.payments);
        write(&work.operations, &mut database.operations);
        write(&work.exceptions, &mut database.exceptions);
        write(&work.stocktakes, &mut database.stocktakes);
        write(&work.stocktake_lines, &mut database.stocktake_lines);
        write(&work.unreferenced_returns, &mut database.unreferenced_returns);
        write(&work.transfers, &mut database.transfers);
        write(&work.transfer_lines, &mut database.transfer_lines);
        write(&work.webhook_endpoints, &mut database.webhook_endpoints);
        write(&work.webhook_deliveries, &mut database.webhook_deliveries);
        write(&work.printers, &mut database.printers);
        write(&work.mpos_endpoints, &mut database.mpos_endpoints);
        write(&work.mpos_closes, &mut database.mpos_closes);
        write(&work.mpos_orders, &mut database.mpos_orders);
        write(&work.provider_notices, &mut database.provider_notices);
        write(&work.print_jobs, &mut database.print_jobs);
        write(&work.terminals, &mut database.terminals);
        write(&work.terminal_entries, &mut database.terminal_entries);
        write(&work.pairings, &mut database.pairings);
        write(&work.smartconnect_access, &mut database.smartconnect_access);
        write(&work.pos_registers, &mut database.pos_registers);
        write(&work.smartconnect_transactions, &mut database.smartconnect_transactions);
        write(&work.jobs, &mut database.jobs);
        write(&work.receipt_series, &mut database.receipt_series);
        write(&work.shifts, &mut database.shifts);
        write(&work.cash_movements, &mut database.cash_movements);
        write(&work.stock_levels, &mut database.stock_levels);
        write(&work.balances, &mut database.balances);
        write(&work.points_balances, &mut database.points_balances);
        write(&work.points_entries, &mut database.points_entries);
        work.movements.rows().iter().for_each(|row| database.movements.append(row.clone()));
        work.journal_entries.rows().iter().for_each(|row| database.journal_entries.append(row.clone()));
        work.events.rows().iter().for_each(|row| database.events.append(row.clone()));
    }

    fn check(&self) {
        self.check_stock();
        self.check_journal();
        self.check_points();
        self.database.sales.iter().for_each(|sale| self.check_sale(sale));
        let sold = self.database.sales.iter().filter_map(|sale| sale.receipt_number.as_ref());
        let unreferenced = self.database.unreferenced_returns.iter().map(|one| &one.receipt_number);
        let returned = self.database.returns.iter().map(|one| &one.receipt_number).chain(unreferenced);
        let receipts: Vec<_> = sold.chain(returned).collect();
        assert_eq!(receipts.len(), receipts.iter().collect::<BTreeSet<_>>().len(), "receipt numbers are unique");
    }

    fn check_stock(&self) {
        for level in self.database.stock_levels.iter() {
            let is_here = |location, article| (location, article) == (level.location, level.article);
            let movements = self.database.movements.rows().iter();
            let moved = movements.filter(|row| is_here(row.location, row.article)).map(|row| row.quantity.0);
            assert_eq!(level.on_hand.0, moved.sum::<i64>(), "on hand is the sum of the movements");
            let reservations = self.database.reservations.iter();
            let held = reservations.filter(|row| is_here(row.location, row.article)).map(|row| row.quantity.0);
            assert_eq!(level.reserved.0, held.sum::<i64>(), "reserved is the sum of the reservations");
        }
        assert!(self.database.reservations.iter().all(|row| row.quantity >= Quantity::ZERO));
    }

    fn check_journal(&self) {
        let mut sums: BTreeMap<(LedgerAccount, Currency), i64> = BTreeMap::new();
        for entry in self.database.journal_entries.rows() {
            assert_eq!(entry_sum(&entry.postings), 0, "an entry sums to zero");
            for (account, amount_minor) in &entry.postings {
                *sums.entry((*account, entry.currency)).or_default() += amount_minor;
            }
        }
        for balance in self.database.balances.iter() {
            let sum = sums.remove(&(balance.account, balance.currency)).unwrap_or_default();
            assert_eq!(balance.amount_minor, sum, "a balance is the sum of its postings");
        }
        assert!(sums.is_empty(), "each posting has its balance");
        let completed = self.database.sales.iter().filter(|sale| sale.state == State::Completed);
        let sold = completed.map(|sale| (sale.total_minor, sale.tax_minor));
        let unreferenced = self.database.unreferenced_returns.iter().map(|one| (-one.total_minor, -one.tax_minor));
        let returned = self.database.returns.iter().map(|one| (-one.total_minor, -one.tax_minor)).chain(unreferenced);
        let (total_minor, tax_minor) =
            sold.chain(returned).fold((0, 0), |(total, tax), one| (total + one.0, tax + one.1));
        assert_eq!(self.balance(LedgerAccount::Revenue), tax_minor - total_minor, "what was sold and kept was earned");
        assert_eq!(self.balance(LedgerAccount::Tax), -tax_minor);
    }

    fn check_points(&self) {
        for balance in self.database.points_balances.iter() {
            let of_customer = (balance.customer, 0)..=(balance.customer, u32::MAX);
            let mut sum = 0;
            for (number, entry) in (1..).zip(self.database.points_entries.range(balance.merchant, of_customer)) {
                sum += entry.points;
                assert_eq!((entry.number, entry.balance), (number, sum), "each entry says what is there after it");
                assert!(sum >= 0, "points are never below zero");
            }
            assert_eq!(balance.points, sum, "a balance is the sum of its entries");
        }
    }

    fn check_sale(&self, sale: &Sale) {
        let Standing { due_minor, lines, tenders, .. } = self.standing(sale.id);
        assert_eq!(Ok(sale.discounts.clone()), sale.discounts.over(&lines), "discounts come to what they do");
        for line in &lines {
            let shares: i64 = sale.discounts.of_line(line.number).map(|(_, amount_minor)| amount_minor).sum();
            assert_eq!(line.discount_minor, shares, "a line keeps what its shares come to");
        }
        let paid = tenders.iter().filter(|tender| tender.state == TenderState::Paid);
        let paid_minor: i64 = paid.map(|tender| tender.amount_minor).sum();
        let is_held = reservations_of(&self.database, MERCHANT, sale.id).any(|row| row.quantity > Quantity::ZERO);
        match sale.state {
            State::Open => assert!(due_minor >= 0, "nobody pays more than is due"),
            State::Parked => assert_eq!((paid_minor, due_minor), (0, sale.total_minor)),
            State::Completed => assert_eq!((paid_minor, is_held), (sale.total_minor, false)),
            State::Voided => assert_eq!((paid_minor, is_held), (0, false)),
        }
        let is_job_due = self.expiry_due(sale.id).is_some();
        assert!(matches!(sale.state, State::Open | State::Parked) || !is_job_due, "a closed sale has no job");
        assert!(is_job_due || !is_held, "what is held has a job that ends it");
    }
}

fn copy<R: Record>(from: &Table<R>, to: &mut Table<R>, owner: MerchantId, key: &R::Key) {
    if let Some(record) = from.find(owner, key) {
        to.put_loaded(record.clone());
    }
}

fn put_new<R: Record>(table: &mut Table<R>, record: R) {
    if !table.is_taken(&record.key()) {
        table.put_loaded(record);
    }
}

fn write<R: Record>(from: &Table<R>, to: &mut Table<R>) {
    for slot in from.changes() {
        let stored = to.find(slot.record.merchant(), &slot.record.key()).cloned();
        let stored_version = stored.map(|mut record| *record.version_mut());
        assert_eq!(slot.stored_version, stored_version, "each row is written over the version that was read");
        assert_eq!(*slot.record.clone().version_mut(), stored_version.unwrap_or(0) + 1);
        to.put_loaded(slot.record.clone());
    }
}

pub fn sale_id(number: u128) -> SaleId {
    SaleId::from_uuid(Uuid::from_u128(1_000 + number))
}

pub fn payment_id(number: u128) -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(2_000 + number))
}

pub fn line(article: ArticleId, quantity: i64) -> NewLine {
    NewLine { article: article.into(), quantity: Quantity(quantity) }
}

pub fn a_sale(lines: &[NewLine]) -> NewSale {
    let note = "table 4".to_owned();
    NewSale {
        merchant: MERCHANT,
        location: LOCATION,
        register: REGISTER,
        lines: lines.to_vec(),
        consumption: Consumption::TakeAway,
        coupons: Vec::new(),
        customer: None,
        discounts: Vec::new(),
        note,
    }
}

/// [`sale::hold_tender`] as a command.
pub struct Hold {
    pub sale: SaleId,
    pub payment: PaymentId,
    pub amount_minor: Option<i64>,
}

impl Command for Hold {
    type Reply = TenderId;

    fn name(&self) -> &'static str {
        "test.hold"
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<TenderId, Stop<Refusal>> {
        sale::hold_tender(work, call, self.sale, self.payment, self.amount_minor)
    }
}

/// [`sale::settle_tender`] as a command.
pub struct Settle {
    pub sale: SaleId,
    pub tender: TenderId,
    pub state: TenderState,
    pub approved_minor: i64,
}

impl Command for Settle {
    type Reply = Settled;

    fn name(&self) -> &'static str {
        "test.settle"
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Settled, Stop<Refusal>> {
        sale::settle_tender(work, call, self.sale, self.tender, self.state, self.approved_minor)
    }
}

/// [`sale::complete`] as a command.
pub struct Complete {
    pub sale: SaleId,
}

impl Command for Complete {
    type Reply = ();

    fn name(&self) -> &'static str {
        "test.complete"
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<(), Stop<Refusal>> {
        sale::complete(work, call, self.sale)
    }
}

fn a_shop() -> UnitOfWork {
    let mut shop = UnitOfWork::default();
    for id in [MERCHANT, OTHER_MERCHANT] {
        shop.merchants.put_loaded(a_merchant(id));
    }
    for id in [LOCATION, OTHER_LOCATION] {
        shop.locations.put_loaded(Location {
            id,
            merchant: MERCHANT,
            name: "Ueno".to_owned(),
            contact: Contact::default(),
            version: 1,
        });
    }
    let name = "K1".to_owned();
    shop.registers.put_loaded(Register { id: REGISTER, merchant: MERCHANT, location: LOCATION, name, version: 1 });
    shop.articles.put_loaded(an_article(TEA, 150, "reduced"));
    shop.articles.put_loaded(Article { unit: Unit::Kilogram, ..an_article(RICE, 500, "reduced") });
    shop.articles.put_loaded(Article { is_stocked: false, unit: Unit::Metre, ..an_article(BAG, 3, "standard") });
    stock_up(&mut shop);
    shop
}

fn stock_up(shop: &mut UnitOfWork) {
    let (location, article, merchant, on_hand) = (LOCATION, TEA, MERCHANT, Quantity(TEA_ON_HAND));
    shop.stock_levels.put_loaded(StockLevel { on_hand, ..StockLevel::zero(location, article, merchant) });
    shop.movements.append(Movement {
        id: MovementId::from_uuid(Uuid::nil()),
        merchant,
        location,
        article,
        kind: MovementKind::Receipt,
        quantity: on_hand,
        reason: "opening".to_owned(),
        document: None,
        occurred_at: None,
        origin: None,
        recorded_at: NOW,
    });
}

fn a_merchant(id: MerchantId) -> Merchant {
    Merchant {
        id,
        name: "Chaya".to_owned(),
        currency: Currency::JPY,
        zone: "Asia/Tokyo".to_owned(),
        tax: TaxRules::japan(),
        discount_limit: DISCOUNT_LIMIT_DEFAULT,
        customers: CustomerRules::default(),
        issuer: Issuer::default(),
        created_at: NOW,
        version: 1,
    }
}

fn an_article(id: ArticleId, yen: i64, tax_class: &str) -> Article {
    Article {
        id,
        merchant: MERCHANT,
        sku: id.to_string(),
        barcodes: Vec::new(),
        name: "Article".to_owned(),
        unit: Unit::Piece,
        unit_price: UnitPrice(yen * 10_000),
        prices: Vec::new(),
        currency: Currency::JPY,
        tax_class: tax_class.to_owned(),
        eat_in_tax_class: None,
        is_stocked: true,
        is_active: true,
        variant: None,
        metadata: crate::metadata::Metadata::default(),
        has_variants: false,
        created_at: NOW,
        version: 1,
    }
}
