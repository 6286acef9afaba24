//! Loads what the commands of a batch have named, in the order in which locks are taken everywhere.

use std::collections::BTreeSet;

use domain::article::{Article, ArticleDetails, Label};
use domain::customer::{Customer, ExternalIdSlot};
use domain::elsewhere::Origin;
use domain::exception::Exception;
use domain::external_ref::ExternalRef;
use domain::id::MerchantId;
use domain::job::Job;
use domain::journal::Balance;
use domain::merchant::{ApiKey, Connection, Location, Merchant, ReceiptSeries, Register};
use domain::operator::Operator;
use domain::payment::{Operation, Payment};
use domain::points::PointsBalance;
use domain::print_job::PrintJob;
use domain::printer::Printer;
use domain::promotion::{Coupon, Promotion};
use domain::receipt::IssuedReceipt;
use domain::returns::{Refund, Return, ReturnLine};
use domain::sale::{ParkedSale, Sale, SaleLine, Tender};
use domain::shift::Shift;
use domain::stock::{Reservation, StockLevel};
use domain::stocktake::{Stocktake, StocktakeLine};
use domain::transfer::{Transfer, TransferLine};
use domain::webhook_delivery::WebhookDelivery;
use domain::webhook_endpoint::WebhookEndpoint;
use domain::work::{Key, Table as Loaded, UnitOfWork};

use crate::batch::{Entry, Verdict};
use crate::cell::Cell;
use crate::engine::{Engine, Read, Row, Write};
use crate::error::{Corrupt, EngineError};
use crate::record::Stored;
use crate::table::{RowReader, Rows, Table};

/// What the open entries have named, each with the merchant that asks for it.
type Named = BTreeSet<(Key, MerchantId)>;

fn named(entries: &[Entry], is_wanted: fn(&Key) -> bool) -> Named {
    let open = entries.iter().filter(|entry| entry.verdict == Verdict::Open);
    open.flat_map(|entry| {
        entry.keys.iter().filter(|key| is_wanted(key)).map(|key| (key.clone(), entry.envelope.merchant))
    })
    .collect()
}

/// The reads of the reference data: prices, tax classes, settings. They lock nothing.
pub(crate) fn references(entries: &[Entry]) -> Plan {
    Plan::of(named(entries, is_reference))
}

/// Loads what a decision changes or depends on, and locks it.
pub(crate) fn load_locked(
    engine: &mut dyn Engine,
    entries: &[Entry],
    work: &mut UnitOfWork,
) -> Result<(), EngineError> {
    let rest = named(entries, |key| !is_reference(key));
    make_counters(engine, work, &rest)?;
    let plan = Plan::of(rest);
    let answers = if plan.reads.is_empty() { Vec::new() } else { engine.read(&plan.reads)? };
    plan.put(answers.into_iter(), work)
}

/// Whether a record is only read: it is not locked.
pub(crate) fn is_reference(key: &Key) -> bool {
    matches!(
        key,
        Key::Merchant(_)
            | Key::Location(_)
            | Key::Register(_)
            | Key::Article(_)
            | Key::ArticleDetails(_)
            | Key::Barcode(..)
            | Key::Promotions(_)
            | Key::ExternalRef(..)
            | Key::Origin(..)
            | Key::Connection(_)
            | Key::ApiKey(_)
            | Key::Printer(_)
            | Key::Customer(_)
            | Key::ExternalIds(_)
    )
}

/// Brings the counters into being that are named for the first time, so that there is a row to lock.
fn make_counters(engine: &mut dyn Engine, work: &UnitOfWork, named: &Named) -> Result<(), EngineError> {
    let mut series = Rows::new(ReceiptSeries::TABLE.columns.len());
    let mut levels = Rows::new(StockLevel::TABLE.columns.len());
    let mut balances = Rows::new(Balance::TABLE.columns.len());
    for (key, merchant) in named {
        if !work.may_make_zero(*merchant, key) {
            continue;
        }
        match key {
            Key::ReceiptSeries(register) => push(&mut series, &ReceiptSeries::new(*register, *merchant)),
            Key::StockLevel(location, article) => push(&mut levels, &StockLevel::zero(*location, *article, *merchant)),
            Key::Balance(_, account, currency) => push(
                &mut balances,
                &Balance { merchant: *merchant, account: *account, currency: *currency, amount_minor: 0, version: 1 },
            ),
            _ => {}
        }
    }
    let writes: Vec<Write<'_>> =
        [(ReceiptSeries::TABLE, series), (StockLevel::TABLE, levels), (Balance::TABLE, balances)]
            .into_iter()
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(table, rows)| Write::InsertMissing(table, rows))
            .collect();
    if writes.is_empty() { Ok(()) } else { engine.write(&writes) }
}

fn push<R: Stored>(rows: &mut Rows<'static>, record: &R) {
    let mut cells = Vec::with_capacity(rows.width);
    record.write(&mut cells);
    rows.cells.extend(cells.into_iter().map(Cell::into_owned));
}

/// Puts a row into the table of the unit of work that it belongs to.
type Put = fn(&mut UnitOfWork, Row) -> Result<(), Corrupt>;

fn put<R: Stored>(table: &mut Loaded<R>, row: Row) -> Result<(), Corrupt> {
    table.put_loaded(R::read(&mut RowReader::new(R::TABLE, row))?);
    Ok(())
}

/// The reads of one call, each with where its rows go.
#[derive(Default)]
pub(crate) struct Plan {
    pub reads: Vec<Read<'static>>,
    puts: Vec<Put>,
    named: Named,
}

impl Plan {
    fn read(&mut self, table: &'static Table, keys: &BTreeSet<Vec<Cell<'static>>>, put: Put) {
        let Some(width) = keys.first().map(Vec::len) else { return };
        let mut rows = Rows::with_room(width, keys.len());
        rows.cells.extend(keys.iter().flatten().cloned());
        self.reads.push(Read { table, keys: rows, is_locking: table.is_locked });
        self.puts.push(put);
    }

    /// Puts what was read into `work`, where from now on all that was named is known.
    pub(crate) fn put(self, answers: impl Iterator<Item = Vec<Row>>, work: &mut UnitOfWork) -> Result<(), EngineError> {
        for (put, rows) in self.puts.into_iter().zip(answers) {
            for row in rows {
                put(work, row)?;
            }
        }
        for (key, _) in self.named {
            work.set_known(key);
        }
        Ok(())
    }

    /// Reads in the order of the ranks: a table's rows are locked before those of the next, and children after the parent
    /// whose lock covers them.
    fn of(named: Named) -> Self {
        let keys = KeySets::of(&named);
        let mut plan = Self { named, ..Self::default() };
        plan.read(Merchant::TABLE, &keys.merchants, |work, row| put(&mut work.merchants, row));
        plan.read(Location::TABLE, &keys.locations, |work, row| put(&mut work.locations, row));
        plan.read(Register::TABLE, &keys.registers, |work, row| put(&mut work.registers, row));
        plan.read(Article::TABLE, &keys.articles, |work, row| put(&mut work.articles, row));
        plan.read(ArticleDetails::TABLE, &keys.article_details, |work, row| put(&mut work.article_details, row));
        plan.read(Label::TABLE, &keys.labels, |work, row| put(&mut work.labels, row));
        plan.read(Promotion::TABLE, &keys.promotions, |work, row| put(&mut work.promotions, row));
        plan.read(Origin::TABLE, &keys.origins, |work, row| put(&mut work.origins, row));
        plan.read(ExternalRef::TABLE, &keys.external_refs, |work, row| put(&mut work.external_refs, row));
        plan.read(Connection::TABLE, &keys.connections, |work, row| put(&mut work.connections, row));
        plan.read(ApiKey::TABLE, &keys.api_keys, |work, row| put(&mut work.api_keys, row));
        plan.read(Printer::TABLE, &keys.printers, |work, row| put(&mut work.printers, row));
        plan.read(Customer::TABLE, &keys.customers, |work, row| put(&mut work.customers, row));
        plan.read(ExternalIdSlot::TABLE, &keys.external_ids, |work, row| put(&mut work.external_ids, row));
        plan.read(Operator::TABLE, &keys.operators, |work, row| put(&mut work.operators, row));
        plan.read(Sale::TABLE, &keys.sales, |work, row| put(&mut work.sales, row));
        plan.read(Payment::TABLE, &keys.payments, |work, row| put(&mut work.payments, row));
        plan.read(Stocktake::TABLE, &keys.stocktakes, |work, row| put(&mut work.stocktakes, row));
        plan.read(Transfer::TABLE, &keys.transfers, |work, row| put(&mut work.transfers, row));
        plan.read(WebhookEndpoint::TABLE, &keys.webhook_endpoints, |work, row| put(&mut work.webhook_endpoints, row));
        plan.read(WebhookDelivery::TABLE, &keys.webhook_deliveries, |work, row| put(&mut work.webhook_deliveries, row));
        plan.read(PrintJob::TABLE, &keys.print_jobs, |work, row| put(&mut work.print_jobs, row));
        plan.read(Job::TABLE, &keys.jobs, |work, row| put(&mut work.jobs, row));
        plan.read(ReceiptSeries::TABLE, &keys.receipt_series, |work, row| put(&mut work.receipt_series, row));
        plan.read(Shift::TABLE, &keys.shifts, |work, row| put(&mut work.shifts, row));
        plan.read(Coupon::TABLE, &keys.coupons, |work, row| put(&mut work.coupons, row));
        plan.read(StockLevel::TABLE, &keys.stock_levels, |work, row| put(&mut work.stock_levels, row));
        plan.read(Balance::TABLE, &keys.balances, |work, row| put(&mut work.balances, row));
        plan.read(PointsBalance::TABLE, &keys.points, |work, row| put(&mut work.points_balances, row));
        plan.read(SaleLine::TABLE, &keys.sales, |work, row| put(&mut work.sale_lines, row));
        plan.read(Tender::TABLE, &keys.sales, |work, row| put(&mut work.tenders, row));
        plan.read(Reservation::TABLE, &keys.sales, |work, row| put(&mut work.reservations, row));
        plan.read(ParkedSale::TABLE, &keys.parked_sales, |work, row| put(&mut work.parked_sales, row));
        plan.read(Return::TABLE, &keys.returns, |work, row| put(&mut work.returns, row));
        plan.read(ReturnLine::TABLE, &keys.returns, |work, row| put(&mut work.return_lines, row));
        plan.read(Refund::TABLE, &keys.returns, |work, row| put(&mut work.refunds, row));
        plan.read(IssuedReceipt::TABLE, &keys.receipts, |work, row| put(&mut work.receipts, row));
        plan.read(StocktakeLine::TABLE, &keys.stocktake_lines, |work, row| put(&mut work.stocktake_lines, row));
        plan.read(TransferLine::TABLE, &keys.transfers, |work, row| put(&mut work.transfer_lines, row));
        plan.read(Operation::TABLE, &keys.payments, |work, row| put(&mut work.operations, row));
        plan.read(Exception::TABLE, &keys.exception_subjects, |work, row| put(&mut work.exceptions, row));
        plan
    }
}

/// The named keys by table, as cells, sorted and without repeats.
#[derive(Default)]
struct KeySets {
    merchants: BTreeSet<Vec<Cell<'static>>>,
    locations: BTreeSet<Vec<Cell<'static>>>,
    registers: BTreeSet<Vec<Cell<'static>>>,
    articles: BTreeSet<Vec<Cell<'static>>>,
    article_details: BTreeSet<Vec<Cell<'static>>>,
    labels: BTreeSet<Vec<Cell<'static>>>,
    promotions: BTreeSet<Vec<Cell<'static>>>,
    external_refs: BTreeSet<Vec<Cell<'static>>>,
    origins: BTreeSet<Vec<Cell<'static>>>,
    connections: BTreeSet<Vec<Cell<'static>>>,
    api_keys: BTreeSet<Vec<Cell<'static>>>,
    customers: BTreeSet<Vec<Cell<'static>>>,
    external_ids: BTreeSet<Vec<Cell<'static>>>,
    operators: BTreeSet<Vec<Cell<'static>>>,
    sales: BTreeSet<Vec<Cell<'static>>>,
    parked_sales: BTreeSet<Vec<Cell<'static>>>,
    returns: BTreeSet<Vec<Cell<'static>>>,
    receipts: BTreeSet<Vec<Cell<'static>>>,
    payments: BTreeSet<Vec<Cell<'static>>>,
    stocktakes: BTreeSet<Vec<Cell<'static>>>,
    stocktake_lines: BTreeSet<Vec<Cell<'static>>>,
    transfers: BTreeSet<Vec<Cell<'static>>>,
    webhook_endpoints: BTreeSet<Vec<Cell<'static>>>,
    webhook_deliveries: BTreeSet<Vec<Cell<'static>>>,
    printers: BTreeSet<Vec<Cell<'static>>>,
    print_jobs: BTreeSet<Vec<Cell<'static>>>,
    jobs: BTreeSet<Vec<Cell<'static>>>,
    receipt_series: BTreeSet<Vec<Cell<'static>>>,
    shifts: BTreeSet<Vec<Cell<'static>>>,
    coupons: BTreeSet<Vec<Cell<'static>>>,
    stock_levels: BTreeSet<Vec<Cell<'static>>>,
    balances: BTreeSet<Vec<Cell<'static>>>,
    points: BTreeSet<Vec<Cell<'static>>>,
    exception_subjects: BTreeSet<Vec<Cell<'static>>>,
}

impl KeySets {
    fn of(named: &Named) -> Self {
        let mut sets = Self::default();
        for (key, _) in named {
            match key {
                Key::Merchant(id) => sets.merchants.insert(vec![Cell::display(id)]),
                Key::Location(id) => sets.locations.insert(vec![Cell::display(id)]),
                Key::Register(id) => sets.registers.insert(vec![Cell::display(id)]),
                Key::Article(id) => sets.articles.insert(vec![Cell::display(id)]),
                Key::ArticleDetails(id) => sets.article_details.insert(vec![Cell::display(id)]),
                Key::Barcode(merchant, barcode) => {
                    sets.labels.insert(vec![Cell::display(merchant), Cell::display(barcode)])
                }
                Key::Promotions(merchant) => sets.promotions.insert(vec![Cell::display(merchant)]),
                Key::Origin(merchant, name) => {
                    sets.origins.insert(vec![Cell::display(merchant), Cell::Text(name.clone().into())])
                }
                Key::ExternalRef(merchant, external, kind) => {
                    let (system, id) = (Cell::display(external.system()), Cell::display(external.id()));
                    sets.external_refs.insert(vec![Cell::display(merchant), system, id, Cell::text(kind.as_str())])
                }
                Key::Connection(id) => sets.connections.insert(vec![Cell::display(id)]),
                Key::ApiKey(id) => sets.api_keys.insert(vec![Cell::display(id)]),
                Key::Customer(id) => sets.customers.insert(vec![Cell::display(id)]),
                Key::ExternalIds(customer) => sets.external_ids.insert(vec![Cell::display(customer)]),
                Key::Points(customer) => sets.points.insert(vec![Cell::display(customer)]),
                Key::Operator(id) => sets.operators.insert(vec![Cell::display(id)]),
                Key::Sale(id) => {
                    sets.exception_subjects.insert(vec![Cell::display(id)]);
                    sets.sales.insert(vec![Cell::display(id)])
                }
                Key::ParkedSale(sale) => sets.parked_sales.insert(vec![Cell::display(sale)]),
                Key::Returns(sale) => sets.returns.insert(vec![Cell::display(sale)]),
                Key::Receipts(sale) => sets.receipts.insert(vec![Cell::display(sale)]),
                Key::Payment(id) => {
                    sets.exception_subjects.insert(vec![Cell::display(id)]);
                    sets.payments.insert(vec![Cell::display(id)])
                }
                Key::Stocktake(id) => {
                    sets.exception_subjects.insert(vec![Cell::display(id)]);
                    sets.stocktakes.insert(vec![Cell::display(id)])
                }
                Key::StocktakeLine(id, article) => {
                    sets.stocktake_lines.insert(vec![Cell::display(id), Cell::display(article)])
                }
                Key::Transfer(id) => sets.transfers.insert(vec![Cell::display(id)]),
                Key::WebhookEndpoint(id) => sets.webhook_endpoints.insert(vec![Cell::display(id)]),
                Key::WebhookDelivery(id) => sets.webhook_deliveries.insert(vec![Cell::display(id)]),
                Key::Printer(id) => sets.printers.insert(vec![Cell::display(id)]),
                Key::PrintJob(id) => {
                    sets.exception_subjects.insert(vec![Cell::display(id)]);
                    sets.print_jobs.insert(vec![Cell::display(id)])
                }
                Key::Job(id) => sets.jobs.insert(vec![Cell::text(id.kind.as_str()), Cell::display(&id.subject)]),
                Key::ReceiptSeries(id) => sets.receipt_series.insert(vec![Cell::display(id)]),
                Key::Shift(id) => sets.shifts.insert(vec![Cell::display(id.register), Cell::Int(i64::from(id.number))]),
                Key::Coupon(merchant, code) => sets.coupons.insert(vec![Cell::display(merchant), Cell::display(code)]),
                Key::StockLevel(location, article) => {
                    sets.stock_levels.insert(vec![Cell::display(location), Cell::display(article)])
                }
                Key::Balance(merchant, account, currency) => {
                    sets.balances.insert(vec![Cell::display(merchant), Cell::display(account), Cell::display(currency)])
                }
            };
        }
        sets
    }
}
