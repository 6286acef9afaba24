//! Loads what the commands of a batch have named, in the order in which locks are taken everywhere.

use domain::article::{Article, ArticleDetails, Label};
use domain::customer::{Customer, ExternalIdSlot};
use domain::elsewhere::Origin;
use domain::exception::Exception;
use domain::external_ref::ExternalRef;
use domain::id::MerchantId;
use domain::job::Job;
use domain::journal::Balance;
use domain::merchant::{ApiKey, Connection, Location, Merchant, ReceiptSeries, Register};
use domain::mpos::{MposClose, MposEndpoint, MposOrder};
use domain::operator::Operator;
use domain::payment::{Operation, Payment};
use domain::points::PointsBalance;
use domain::print_job::PrintJob;
use domain::printer::Printer;
use domain::promotion::{Coupon, Promotion};
use domain::provider_notice::ProviderNotice;
use domain::receipt::IssuedReceipt;
use domain::returns::{Refund, Return, ReturnLine};
use domain::sale::{ParkedSale, Sale, SaleLine, Tender};
use domain::shift::Shift;
use domain::smartconnect::{Access, PosRegister};
use domain::stock::{Reservation, StockLevel};
use domain::stocktake::{Stocktake, StocktakeLine};
use domain::terminal::{Pairing, Terminal};
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

/// What the open entries have named, each with the merchant that asks for it, sorted and without repeats.
type Named = Vec<(Key, MerchantId)>;

fn named(entries: &[Entry], is_wanted: fn(&Key) -> bool) -> Named {
    // Most commands of a batch name the same records: they are sorted where they lie, and only what is left is copied.
    let mut wanted: Vec<(&Key, MerchantId)> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.verdict == Verdict::Open) {
        wanted.extend(entry.keys.iter().filter(|key| is_wanted(key)).map(|key| (key, entry.envelope.merchant)));
    }
    wanted.sort_unstable();
    wanted.dedup();
    wanted.into_iter().map(|(key, merchant)| (key.clone(), merchant)).collect()
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
            | Key::PosRegister(_)
            | Key::MposEndpoint(_)
            | Key::MposClose(..)
            | Key::ProviderNotice(..)
            | Key::Customer(_)
            | Key::ExternalIds(_)
    )
}

/// Brings the counters into being that are named for the first time, so that there is a row to lock.
fn make_counters(engine: &mut dyn Engine, work: &UnitOfWork, named: &Named) -> Result<(), EngineError> {
    let mut series = Rows::new(ReceiptSeries::TABLE.columns.len());
    let mut levels = Rows::new(StockLevel::TABLE.columns.len());
    let mut balances = Rows::new(Balance::TABLE.columns.len());
    let mut pairings = Rows::new(Pairing::TABLE.columns.len());
    let mut access = Rows::new(Access::TABLE.columns.len());
    for (key, merchant) in named {
        if !work.may_make_zero(*merchant, key) {
            continue;
        }
        match key {
            Key::ReceiptSeries(register) => push(&mut series, &ReceiptSeries::new(*register, *merchant)),
            Key::SmartconnectAccess(owner) => push(&mut access, &Access::off(*owner)),
            Key::Pairing(register) => push(&mut pairings, &Pairing::empty(*register, *merchant)),
            Key::StockLevel(location, article) => push(&mut levels, &StockLevel::zero(*location, *article, *merchant)),
            Key::Balance(_, account, currency) => push(
                &mut balances,
                &Balance { merchant: *merchant, account: *account, currency: *currency, amount_minor: 0, version: 1 },
            ),
            _ => {}
        }
    }
    let writes: Vec<Write<'_>> = [
        (Pairing::TABLE, pairings),
        (Access::TABLE, access),
        (ReceiptSeries::TABLE, series),
        (StockLevel::TABLE, levels),
        (Balance::TABLE, balances),
    ]
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
    fn read(&mut self, table: &'static Table, keys: &[Vec<Cell<'static>>], put: Put) {
        self.read_parts(table, None, keys, put);
    }

    /// Reads the parts of the records of `parent` that have these keys and are read before.
    fn read_parts(
        &mut self,
        table: &'static Table,
        parent: Option<&'static Table>,
        keys: &[Vec<Cell<'static>>],
        put: Put,
    ) {
        let Some(width) = keys.first().map(Vec::len) else { return };
        let mut sorted: Vec<&Vec<Cell<'static>>> = keys.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut rows = Rows::with_room(width, sorted.len());
        rows.cells.extend(sorted.into_iter().flatten().cloned());
        self.reads.push(Read { table, keys: rows, is_locking: table.is_locked, parent });
        self.puts.push(put);
    }

    /// Puts what was read into `work`, where from now on all that was named is known.
    pub(crate) fn put(self, answers: impl Iterator<Item = Vec<Row>>, work: &mut UnitOfWork) -> Result<(), EngineError> {
        for (put, rows) in self.puts.into_iter().zip(answers) {
            for row in rows {
                put(work, row)?;
            }
        }
        work.set_all_known(self.named.into_iter().map(|(key, _)| key));
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
        plan.read(PosRegister::TABLE, &keys.pos_registers, |work, row| put(&mut work.pos_registers, row));
        plan.read(MposEndpoint::TABLE, &keys.mpos_endpoints, |work, row| put(&mut work.mpos_endpoints, row));
        plan.read(MposClose::TABLE, &keys.mpos_closes, |work, row| put(&mut work.mpos_closes, row));
        plan.read(ProviderNotice::TABLE, &keys.provider_notices, |work, row| put(&mut work.provider_notices, row));
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
        plan.read(Terminal::TABLE, &keys.terminals, |work, row| put(&mut work.terminals, row));
        plan.read(Pairing::TABLE, &keys.pairings, |work, row| put(&mut work.pairings, row));
        plan.read(Access::TABLE, &keys.smartconnect_access, |work, row| put(&mut work.smartconnect_access, row));
        plan.read(MposOrder::TABLE, &keys.mpos_orders, |work, row| put(&mut work.mpos_orders, row));
        plan.read(Job::TABLE, &keys.jobs, |work, row| put(&mut work.jobs, row));
        plan.read(ReceiptSeries::TABLE, &keys.receipt_series, |work, row| put(&mut work.receipt_series, row));
        plan.read(Shift::TABLE, &keys.shifts, |work, row| put(&mut work.shifts, row));
        plan.read(Coupon::TABLE, &keys.coupons, |work, row| put(&mut work.coupons, row));
        plan.read(StockLevel::TABLE, &keys.stock_levels, |work, row| put(&mut work.stock_levels, row));
        plan.read(Balance::TABLE, &keys.balances, |work, row| put(&mut work.balances, row));
        plan.read(PointsBalance::TABLE, &keys.points, |work, row| put(&mut work.points_balances, row));
        plan.read_parts(SaleLine::TABLE, Some(Sale::TABLE), &keys.sales, |work, row| put(&mut work.sale_lines, row));
        plan.read_parts(Tender::TABLE, Some(Sale::TABLE), &keys.sales, |work, row| put(&mut work.tenders, row));
        plan.read_parts(Reservation::TABLE, Some(Sale::TABLE), &keys.sales, |work, row| {
            put(&mut work.reservations, row)
        });
        plan.read(ParkedSale::TABLE, &keys.parked_sales, |work, row| put(&mut work.parked_sales, row));
        plan.read(Return::TABLE, &keys.returns, |work, row| put(&mut work.returns, row));
        plan.read(ReturnLine::TABLE, &keys.returns, |work, row| put(&mut work.return_lines, row));
        plan.read(Refund::TABLE, &keys.returns, |work, row| put(&mut work.refunds, row));
        plan.read(IssuedReceipt::TABLE, &keys.receipts, |work, row| put(&mut work.receipts, row));
        plan.read(StocktakeLine::TABLE, &keys.stocktake_lines, |work, row| put(&mut work.stocktake_lines, row));
        plan.read_parts(TransferLine::TABLE, Some(Transfer::TABLE), &keys.transfers, |work, row| {
            put(&mut work.transfer_lines, row)
        });
        plan.read_parts(Operation::TABLE, Some(Payment::TABLE), &keys.payments, |work, row| {
            put(&mut work.operations, row)
        });
        plan.read(Exception::TABLE, &keys.exception_subjects, |work, row| put(&mut work.exceptions, row));
        plan
    }
}

/// The named keys by table, as cells.
#[derive(Default)]
struct KeySets {
    merchants: Vec<Vec<Cell<'static>>>,
    locations: Vec<Vec<Cell<'static>>>,
    registers: Vec<Vec<Cell<'static>>>,
    articles: Vec<Vec<Cell<'static>>>,
    article_details: Vec<Vec<Cell<'static>>>,
    labels: Vec<Vec<Cell<'static>>>,
    promotions: Vec<Vec<Cell<'static>>>,
    external_refs: Vec<Vec<Cell<'static>>>,
    origins: Vec<Vec<Cell<'static>>>,
    connections: Vec<Vec<Cell<'static>>>,
    api_keys: Vec<Vec<Cell<'static>>>,
    customers: Vec<Vec<Cell<'static>>>,
    external_ids: Vec<Vec<Cell<'static>>>,
    operators: Vec<Vec<Cell<'static>>>,
    sales: Vec<Vec<Cell<'static>>>,
    parked_sales: Vec<Vec<Cell<'static>>>,
    returns: Vec<Vec<Cell<'static>>>,
    receipts: Vec<Vec<Cell<'static>>>,
    payments: Vec<Vec<Cell<'static>>>,
    stocktakes: Vec<Vec<Cell<'static>>>,
    stocktake_lines: Vec<Vec<Cell<'static>>>,
    transfers: Vec<Vec<Cell<'static>>>,
    webhook_endpoints: Vec<Vec<Cell<'static>>>,
    webhook_deliveries: Vec<Vec<Cell<'static>>>,
    printers: Vec<Vec<Cell<'static>>>,
    mpos_endpoints: Vec<Vec<Cell<'static>>>,
    mpos_closes: Vec<Vec<Cell<'static>>>,
    provider_notices: Vec<Vec<Cell<'static>>>,
    mpos_orders: Vec<Vec<Cell<'static>>>,
    print_jobs: Vec<Vec<Cell<'static>>>,
    terminals: Vec<Vec<Cell<'static>>>,
    pairings: Vec<Vec<Cell<'static>>>,
    smartconnect_access: Vec<Vec<Cell<'static>>>,
    pos_registers: Vec<Vec<Cell<'static>>>,
    jobs: Vec<Vec<Cell<'static>>>,
    receipt_series: Vec<Vec<Cell<'static>>>,
    shifts: Vec<Vec<Cell<'static>>>,
    coupons: Vec<Vec<Cell<'static>>>,
    stock_levels: Vec<Vec<Cell<'static>>>,
    balances: Vec<Vec<Cell<'static>>>,
    points: Vec<Vec<Cell<'static>>>,
    exception_subjects: Vec<Vec<Cell<'static>>>,
}

impl KeySets {
    fn of(named: &Named) -> Self {
        let mut sets = Self::default();
        for (key, _) in named {
            match key {
                Key::Merchant(id) => sets.merchants.push(vec![Cell::display(id)]),
                Key::Location(id) => sets.locations.push(vec![Cell::display(id)]),
                Key::Register(id) => sets.registers.push(vec![Cell::display(id)]),
                Key::Article(id) => sets.articles.push(vec![Cell::display(id)]),
                Key::ArticleDetails(id) => sets.article_details.push(vec![Cell::display(id)]),
                Key::Barcode(merchant, barcode) => {
                    sets.labels.push(vec![Cell::display(merchant), Cell::display(barcode)])
                }
                Key::Promotions(merchant) => sets.promotions.push(vec![Cell::display(merchant)]),
                Key::Origin(merchant, name) => {
                    sets.origins.push(vec![Cell::display(merchant), Cell::Text(name.clone().into())])
                }
                Key::ExternalRef(merchant, external, kind) => {
                    let (system, id) = (Cell::display(external.system()), Cell::display(external.id()));
                    sets.external_refs.push(vec![Cell::display(merchant), system, id, Cell::text(kind.as_str())])
                }
                Key::Connection(id) => sets.connections.push(vec![Cell::display(id)]),
                Key::ApiKey(id) => sets.api_keys.push(vec![Cell::display(id)]),
                Key::Customer(id) => sets.customers.push(vec![Cell::display(id)]),
                Key::ExternalIds(customer) => sets.external_ids.push(vec![Cell::display(customer)]),
                Key::Points(customer) => sets.points.push(vec![Cell::display(customer)]),
                Key::Operator(id) => sets.operators.push(vec![Cell::display(id)]),
                Key::Sale(id) => {
                    sets.exception_subjects.push(vec![Cell::display(id)]);
                    sets.sales.push(vec![Cell::display(id)])
                }
                Key::ParkedSale(sale) => sets.parked_sales.push(vec![Cell::display(sale)]),
                Key::Returns(sale) => sets.returns.push(vec![Cell::display(sale)]),
                Key::Receipts(sale) => sets.receipts.push(vec![Cell::display(sale)]),
                Key::Payment(id) => {
                    sets.exception_subjects.push(vec![Cell::display(id)]);
                    sets.payments.push(vec![Cell::display(id)])
                }
                Key::Stocktake(id) => {
                    sets.exception_subjects.push(vec![Cell::display(id)]);
                    sets.stocktakes.push(vec![Cell::display(id)])
                }
                Key::StocktakeLine(id, article) => {
                    sets.stocktake_lines.push(vec![Cell::display(id), Cell::display(article)])
                }
                Key::Transfer(id) => sets.transfers.push(vec![Cell::display(id)]),
                Key::WebhookEndpoint(id) => sets.webhook_endpoints.push(vec![Cell::display(id)]),
                Key::WebhookDelivery(id) => sets.webhook_deliveries.push(vec![Cell::display(id)]),
                Key::Printer(id) => sets.printers.push(vec![Cell::display(id)]),
                Key::MposEndpoint(id) => sets.mpos_endpoints.push(vec![Cell::display(id)]),
                Key::MposClose(id, request) => {
                    sets.mpos_closes.push(vec![Cell::display(id), Cell::Text(request.clone().into())])
                }
                Key::ProviderNotice(connection, id) => {
                    sets.provider_notices.push(vec![Cell::display(connection), Cell::Text(id.clone().into())])
                }
                Key::MposOrder(id, order) => {
                    sets.mpos_orders.push(vec![Cell::display(id), Cell::Text(order.clone().into())])
                }
                Key::PrintJob(id) => {
                    sets.exception_subjects.push(vec![Cell::display(id)]);
                    sets.print_jobs.push(vec![Cell::display(id)])
                }
                Key::Terminal(id) => {
                    sets.exception_subjects.push(vec![Cell::display(id)]);
                    sets.terminals.push(vec![Cell::display(id)])
                }
                Key::SmartconnectAccess(merchant) => sets.smartconnect_access.push(vec![Cell::display(merchant)]),
                Key::PosRegister(register) => sets.pos_registers.push(vec![Cell::display(register)]),
                Key::Pairing(register) => sets.pairings.push(vec![Cell::display(register)]),
                Key::Job(id) => sets.jobs.push(vec![Cell::text(id.kind.as_str()), Cell::display(&id.subject)]),
                Key::ReceiptSeries(id) => sets.receipt_series.push(vec![Cell::display(id)]),
                Key::Shift(id) => sets.shifts.push(vec![Cell::display(id.register), Cell::Int(i64::from(id.number))]),
                Key::Coupon(merchant, code) => sets.coupons.push(vec![Cell::display(merchant), Cell::display(code)]),
                Key::StockLevel(location, article) => {
                    sets.stock_levels.push(vec![Cell::display(location), Cell::display(article)])
                }
                Key::Balance(merchant, account, currency) => {
                    sets.balances.push(vec![Cell::display(merchant), Cell::display(account), Cell::display(currency)])
                }
            };
        }
        sets
    }
}
