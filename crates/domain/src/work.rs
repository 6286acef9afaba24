//! The unit of work: the records that a batch has loaded, what its commands changed and what they appended. A command
//! that is refused, or that panics, is undone without a trace; a later command of the batch sees what an earlier one did.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use serde::Serialize;

use crate::article::{Article, ArticleDetails, Barcode, Label};
use crate::call::Call;
use crate::customer::{Customer, ExternalIdSlot};
use crate::elsewhere::Origin;
use crate::event::Event;
use crate::exception::{self, Exception};
use crate::external_ref::{self, ExternalId, ExternalRef};
use crate::id::{
    ApiKeyId, ArticleId, ConnectionId, CustomerId, EventId, LocationId, MerchantId, MposEndpointId, OperationId,
    OperatorId, PaymentId, PrintJobId, PrinterId, PromotionId, RegisterId, ReturnId, SaleId, ShiftId, SmartconnectId,
    StocktakeId, TenderId, TerminalId, TransferId, UnreferencedReturnId, WebhookDeliveryId, WebhookEndpointId,
};
use crate::job::{Job, JobId};
use crate::journal::{Balance, JournalEntry, LedgerAccount};
use crate::merchant::{ApiKey, Connection, Location, Merchant, ReceiptSeries, Register};
use crate::money::{Currency, Overflow};
use crate::mpos::{MposClose, MposEndpoint, MposOrder};
use crate::operator::Operator;
use crate::payment::{Operation, Payment};
use crate::points::{PointsBalance, PointsEntry};
use crate::print_job::PrintJob;
use crate::printer::Printer;
use crate::promotion::{Coupon, CouponCode, Promotion};
use crate::provider_notice::ProviderNotice;
use crate::receipt::IssuedReceipt;
use crate::returns::{Refund, Return, ReturnLine};
use crate::sale::{ParkedSale, Sale, SaleLine, Tender};
use crate::shift::{CashMovement, Shift};
use crate::smartconnect::{self, PosRegister};
use crate::stock::{Movement, Reservation, StockLevel};
use crate::stocktake::{Stocktake, StocktakeLine};
use crate::terminal::{self, Pairing, Terminal};
use crate::transfer::{Transfer, TransferLine};
use crate::unreferenced_return::UnreferencedReturn;
use crate::webhook_delivery::WebhookDelivery;
use crate::webhook_endpoint::WebhookEndpoint;

/// What a command names. The order of the variants is the rank in which locks are taken, the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Reference data, read unlocked.
    Merchant(MerchantId),
    /// Reference data, read unlocked.
    Location(LocationId),
    /// Reference data, read unlocked.
    Register(RegisterId),
    /// Reference data, read unlocked; a change of it is guarded by its version.
    Article(ArticleId),
    /// Reference data, read unlocked; a change of it is guarded by its version, and by that of the article.
    ArticleDetails(ArticleId),
    /// Reference data, read unlocked; a change of it is guarded by its version.
    Barcode(MerchantId, Barcode),
    /// All promotions of a merchant. Reference data, read unlocked; a change of one is guarded by its version.
    Promotions(MerchantId),
    /// Reference data, read unlocked. A row is made once and never changed; that it is made once is seen by its key.
    ExternalRef(MerchantId, ExternalId, external_ref::Kind),
    /// Reference data, read unlocked. A row is made once and never changed; that it is made once is seen by its key.
    Origin(MerchantId, String),
    /// Reference data, read unlocked.
    Connection(ConnectionId),
    /// Reference data, read unlocked; a change of it is guarded by its version.
    ApiKey(ApiKeyId),
    /// Reference data, read unlocked; a change of it is guarded by its version.
    Printer(PrinterId),
    /// What a register of ours goes by. Reference data, read unlocked; a change of it is guarded by its version.
    PosRegister(RegisterId),
    /// Reference data, read unlocked; a change of it is guarded by its version.
    MposEndpoint(MposEndpointId),
    /// Reference data, read unlocked. A row is made once and never changed; that it is made once is seen by its key.
    MposClose(MposEndpointId, String),
    /// Reference data, read unlocked. A row is made once and never changed; that it is made once is seen by its key.
    ProviderNotice(ConnectionId, String),
    /// Reference data, read unlocked; a change of it is guarded by its version.
    Customer(CustomerId),
    /// What other systems call a customer. Reference data, read unlocked; a change of it is guarded by the versions of the
    /// rows, and by that of the customer, which is named with it.
    ExternalIds(CustomerId),
    /// Who works at a register.
    Operator(OperatorId),
    /// The sale with its lines, tenders, reservations and exceptions.
    Sale(SaleId),
    /// That the sale was parked. The lock of the sale covers it: it is named with it.
    ParkedSale(SaleId),
    /// All returns of a sale with their lines and refunds. The lock of the sale covers them: it is named with them.
    Returns(SaleId),
    /// The receipts of a sale. The sale is named beside them: its lock covers them.
    Receipts(SaleId),
    /// The payment with its operations and exceptions.
    Payment(PaymentId),
    /// The head of a stocktake, with its exceptions.
    Stocktake(StocktakeId),
    /// One article of a stocktake. The head is named beside it: its lock covers it.
    StocktakeLine(StocktakeId, ArticleId),
    /// The transfer with its lines.
    Transfer(TransferId),
    /// Where a subscriber is told of events, and how far it was told.
    WebhookEndpoint(WebhookEndpointId),
    /// One event on its way to one endpoint.
    WebhookDelivery(WebhookDeliveryId),
    /// What is to come out of a printer, with its exceptions.
    PrintJob(PrintJobId),
    /// The terminal, with its exceptions.
    Terminal(TerminalId),
    /// The place of a terminal beside a register; it comes into being when it is first named.
    Pairing(RegisterId),
    /// Whether POS software without a key is let in; it comes into being when it is first named.
    SmartconnectAccess(MerchantId),
    /// The order of an endpoint under the id of the software that asked.
    MposOrder(MposEndpointId, String),
    /// One job.
    Job(JobId),
    /// A counter that comes into being when it is first named.
    ReceiptSeries(RegisterId),
    /// One shift of a register. The series of the register is named with it: its lock covers the shift.
    Shift(ShiftId),
    /// A coupon with the number of its uses.
    Coupon(MerchantId, CouponCode),
    /// A counter that comes into being when it is first named.
    StockLevel(LocationId, ArticleId),
    /// A counter that comes into being when it is first named.
    Balance(MerchantId, LedgerAccount, Currency),
    /// What a customer has of points; it is made with the customer.
    Points(CustomerId),
}

/// A record with a key of its own, an owner and a version.
pub trait Record: Clone {
    /// What it is found by.
    type Key: Ord + Clone;
    /// Its key.
    fn key(&self) -> Self::Key;
    /// Whose it is.
    fn merchant(&self) -> MerchantId;
    /// Its version: 1 when it is made, one more with each command that changes it.
    fn version_mut(&mut self) -> &mut i64;
}

macro_rules! records {
    ($($record:ty, $key:ty, |$r:ident| $key_of:expr, $owner:expr;)*) => {$(
        impl Record for $record {
            type Key = $key;
            fn key(&self) -> $key {
                let $r = self;
                $key_of
            }
            fn merchant(&self) -> MerchantId {
                let $r = self;
                $owner
            }
            fn version_mut(&mut self) -> &mut i64 {
                &mut self.version
            }
        }
    )*};
}

records! {
    Merchant, MerchantId, |r| r.id, r.id;
    Location, LocationId, |r| r.id, r.merchant;
    Register, RegisterId, |r| r.id, r.merchant;
    Article, ArticleId, |r| r.id, r.merchant;
    ArticleDetails, ArticleId, |r| r.article, r.merchant;
    Label, (MerchantId, Barcode), |r| (r.merchant, r.barcode.clone()), r.merchant;
    Promotion, (MerchantId, PromotionId), |r| (r.merchant, r.id), r.merchant;
    Coupon, (MerchantId, CouponCode), |r| (r.merchant, r.code.clone()), r.merchant;
    ExternalRef, (MerchantId, ExternalId, external_ref::Kind),
        |r| (r.merchant, r.external.clone(), r.subject.kind()), r.merchant;
    Origin, (MerchantId, String), |r| (r.merchant, r.name.clone()), r.merchant;
    Connection, ConnectionId, |r| r.id, r.merchant;
    ApiKey, ApiKeyId, |r| r.id, r.merchant;
    Printer, PrinterId, |r| r.id, r.merchant;
    PrintJob, PrintJobId, |r| r.id, r.merchant;
    Terminal, TerminalId, |r| r.id, r.merchant;
    terminal::Entry, (TerminalId, u32), |r| (r.terminal, r.number), r.merchant;
    Pairing, RegisterId, |r| r.register, r.merchant;
    smartconnect::Access, MerchantId, |r| r.merchant, r.merchant;
    PosRegister, RegisterId, |r| r.register, r.merchant;
    smartconnect::Transaction, SmartconnectId, |r| r.id, r.merchant;
    MposEndpoint, MposEndpointId, |r| r.id, r.merchant;
    MposOrder, (MposEndpointId, String), |r| (r.endpoint, r.client_order_id.clone()), r.merchant;
    MposClose, (MposEndpointId, String), |r| (r.endpoint, r.request_id.clone()), r.merchant;
    ProviderNotice, (ConnectionId, String), |r| (r.connection, r.notice_id.clone()), r.merchant;
    Customer, CustomerId, |r| r.id, r.merchant;
    ExternalIdSlot, (CustomerId, u32), |r| (r.customer, r.number), r.merchant;
    Operator, OperatorId, |r| r.id, r.merchant;
    Sale, SaleId, |r| r.id, r.merchant;
    SaleLine, (SaleId, u32), |r| (r.sale, r.number), r.merchant;
    Tender, (SaleId, TenderId), |r| (r.sale, r.id), r.merchant;
    Reservation, (SaleId, ArticleId), |r| (r.sale, r.article), r.merchant;
    ParkedSale, SaleId, |r| r.sale, r.merchant;
    Return, ReturnId, |r| r.id, r.merchant;
    ReturnLine, (ReturnId, u32), |r| (r.origin, r.number), r.merchant;
    Refund, (ReturnId, u32), |r| (r.origin, r.number), r.merchant;
    IssuedReceipt, (SaleId, u32), |r| (r.sale, r.number), r.merchant;
    Payment, PaymentId, |r| r.id, r.merchant;
    Operation, OperationId, |r| r.id, r.merchant;
    Exception, (String, exception::Kind), |r| (r.subject.clone(), r.kind), r.merchant;
    Stocktake, StocktakeId, |r| r.id, r.merchant;
    StocktakeLine, (StocktakeId, ArticleId), |r| (r.stocktake, r.article), r.merchant;
    UnreferencedReturn, UnreferencedReturnId, |r| r.id, r.merchant;
    Transfer, TransferId, |r| r.id, r.merchant;
    TransferLine, (TransferId, ArticleId), |r| (r.transfer, r.article), r.merchant;
    WebhookEndpoint, WebhookEndpointId, |r| r.id, r.merchant;
    WebhookDelivery, WebhookDeliveryId, |r| r.id, r.merchant;
    Job, JobId, |r| r.id.clone(), r.merchant;
    ReceiptSeries, RegisterId, |r| r.register, r.merchant;
    Shift, ShiftId, |r| r.id, r.merchant;
    CashMovement, (ShiftId, u32), |r| (r.shift, r.number), r.merchant;
    StockLevel, (LocationId, ArticleId), |r| (r.location, r.article), r.merchant;
    Balance, (MerchantId, LedgerAccount, Currency), |r| (r.merchant, r.account, r.currency), r.merchant;
    PointsBalance, CustomerId, |r| r.customer, r.merchant;
    PointsEntry, (CustomerId, u32), |r| (r.customer, r.number), r.merchant;
}

/// One record in a table of the unit of work.
#[derive(Debug, Clone)]
pub struct Slot<R> {
    /// As the commands left it.
    pub record: R,
    /// The version it has in the database; `None` for a record that this batch makes.
    pub stored_version: Option<i64>,
    /// Whether it has to be written.
    pub is_changed: bool,
}

/// The records of one kind.
#[derive(Debug, Clone)]
pub struct Table<R: Record> {
    slots: BTreeMap<R::Key, Slot<R>>,
    /// What stood under each key that the running command touched, before it did.
    undo: Vec<(R::Key, Option<Slot<R>>)>,
}

impl<R: Record> Default for Table<R> {
    fn default() -> Self {
        Self { slots: BTreeMap::new(), undo: Vec::new() }
    }
}

impl<R: Record> Table<R> {
    /// The record under `key`, if the merchant has it. Another merchant's record is not there.
    pub fn find(&self, merchant: MerchantId, key: &R::Key) -> Option<&R> {
        self.slots.get(key).map(|slot| &slot.record).filter(|record| record.merchant() == merchant)
    }

    /// Whether a record stands under `key`, whoever owns it: a command that is given the id of a record it makes asks
    /// here, so that it never writes over another merchant's.
    pub fn is_taken(&self, key: &R::Key) -> bool {
        self.slots.contains_key(key)
    }

    /// The record under `key` for changing, if the merchant has it.
    pub fn find_mut(&mut self, merchant: MerchantId, key: &R::Key) -> Option<&mut R> {
        self.find(merchant, key)?;
        let is_first_touch = self.remember(key);
        let slot = self.slots.get_mut(key)?;
        slot.is_changed = true;
        if is_first_touch {
            let version = slot.record.version_mut();
            *version = version.saturating_add(1);
        }
        Some(&mut slot.record)
    }

    /// Puts a changed copy in the place of the record it was made from, and gives it as it now stands: its version is
    /// the table's business. `None` if its merchant has no such record.
    pub fn replace(&mut self, mut changed: R) -> Option<&R> {
        let record = self.find_mut(changed.merchant(), &changed.key())?;
        *changed.version_mut() = *record.version_mut();
        *record = changed;
        Some(record)
    }

    /// Adds a record that this command makes; its version becomes 1. The caller has made sure, by a fresh id or a
    /// named key, that none stands there.
    pub fn insert(&mut self, mut record: R) {
        let key = record.key();
        self.remember(&key);
        *record.version_mut() = 1;
        self.slots.insert(key, Slot { record, stored_version: None, is_changed: true });
    }

    /// The merchant's records between two keys, in key order.
    pub fn range(&self, merchant: MerchantId, keys: RangeInclusive<R::Key>) -> impl Iterator<Item = &R> {
        self.slots.range(keys).map(|(_, slot)| &slot.record).filter(move |record| record.merchant() == merchant)
    }

    /// Puts a record as it stands in the database.
    pub fn put_loaded(&mut self, mut record: R) {
        let version = *record.version_mut();
        self.slots.insert(record.key(), Slot { record, stored_version: Some(version), is_changed: false });
    }

    /// What has to be written, in key order.
    pub fn changes(&self) -> impl Iterator<Item = &Slot<R>> {
        self.slots.values().filter(|slot| slot.is_changed)
    }

    /// All records, in key order.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.slots.values().map(|slot| &slot.record)
    }

    fn remember(&mut self, key: &R::Key) -> bool {
        if self.undo.iter().any(|(touched, _)| touched == key) {
            return false;
        }
        self.undo.push((key.clone(), self.slots.get(key).cloned()));
        true
    }

    fn undo(&mut self) {
        for (key, before) in self.undo.drain(..).rev() {
            match before {
                Some(slot) => self.slots.insert(key, slot),
                None => self.slots.remove(&key),
            };
        }
    }
}

/// Rows that are only ever added.
#[derive(Debug, Clone)]
pub struct Log<T> {
    rows: Vec<T>,
    mark: usize,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), mark: 0 }
    }
}

impl<T> Log<T> {
    /// Adds a row.
    pub fn append(&mut self, row: T) {
        self.rows.push(row);
    }

    /// All rows, in the order they were added.
    pub fn rows(&self) -> &[T] {
        &self.rows
    }
}

/// Applies one expression to every table and to every log.
macro_rules! each {
    ($work:expr, |$table:ident| $on_table:expr, |$log:ident| $on_log:expr) => {{
        let work = $work;
        each!(@ $table $on_table; work; merchants locations registers articles article_details labels external_refs origins promotions coupons connections api_keys printers mpos_endpoints mpos_closes mpos_orders provider_notices
            customers external_ids operators sales sale_lines tenders reservations parked_sales returns return_lines refunds receipts
            payments operations exceptions stocktakes stocktake_lines unreferenced_returns transfers transfer_lines webhook_endpoints webhook_deliveries print_jobs terminals terminal_entries pairings smartconnect_access pos_registers smartconnect_transactions jobs receipt_series shifts
            cash_movements stock_levels balances points_balances points_entries);
        each!(@ $log $on_log; work; movements journal_entries events);
    }};
    (@ $part:ident $on:expr; $work:ident; $($field:ident)*) => {$({ let $part = &mut $work.$field; $on; })*};
}

/// The records that a batch has loaded, changed and appended.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "each field is the table of the record it names")]
pub struct UnitOfWork {
    pub merchants: Table<Merchant>,
    pub locations: Table<Location>,
    pub registers: Table<Register>,
    pub articles: Table<Article>,
    pub article_details: Table<ArticleDetails>,
    pub labels: Table<Label>,
    pub promotions: Table<Promotion>,
    pub coupons: Table<Coupon>,
    pub external_refs: Table<ExternalRef>,
    pub origins: Table<Origin>,
    pub connections: Table<Connection>,
    pub api_keys: Table<ApiKey>,
    pub printers: Table<Printer>,
    pub mpos_endpoints: Table<MposEndpoint>,
    pub mpos_closes: Table<MposClose>,
    pub mpos_orders: Table<MposOrder>,
    pub provider_notices: Table<ProviderNotice>,
    pub customers: Table<Customer>,
    pub external_ids: Table<ExternalIdSlot>,
    pub operators: Table<Operator>,
    pub sales: Table<Sale>,
    pub sale_lines: Table<SaleLine>,
    pub tenders: Table<Tender>,
    pub reservations: Table<Reservation>,
    pub parked_sales: Table<ParkedSale>,
    pub returns: Table<Return>,
    pub return_lines: Table<ReturnLine>,
    pub refunds: Table<Refund>,
    pub receipts: Table<IssuedReceipt>,
    pub payments: Table<Payment>,
    pub operations: Table<Operation>,
    pub exceptions: Table<Exception>,
    pub stocktakes: Table<Stocktake>,
    pub stocktake_lines: Table<StocktakeLine>,
    pub unreferenced_returns: Table<UnreferencedReturn>,
    pub transfers: Table<Transfer>,
    pub transfer_lines: Table<TransferLine>,
    pub webhook_endpoints: Table<WebhookEndpoint>,
    pub webhook_deliveries: Table<WebhookDelivery>,
    pub print_jobs: Table<PrintJob>,
    pub terminals: Table<Terminal>,
    pub terminal_entries: Table<terminal::Entry>,
    pub pairings: Table<Pairing>,
    pub smartconnect_access: Table<smartconnect::Access>,
    pub pos_registers: Table<PosRegister>,
    pub smartconnect_transactions: Table<smartconnect::Transaction>,
    pub jobs: Table<Job>,
    pub receipt_series: Table<ReceiptSeries>,
    pub shifts: Table<Shift>,
    pub cash_movements: Table<CashMovement>,
    pub stock_levels: Table<StockLevel>,
    pub balances: Table<Balance>,
    pub points_balances: Table<PointsBalance>,
    pub points_entries: Table<PointsEntry>,
    pub movements: Log<Movement>,
    pub journal_entries: Log<JournalEntry>,
    pub events: Log<Event>,
    known: BTreeSet<Key>,
}

/// Why a command did not decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop<R> {
    /// The rules say no. The answer is stored like any other.
    Refused(R),
    /// It met records that it had not named; it comes again with these.
    Needs(Vec<Key>),
}

impl<R> Stop<R> {
    /// The same stop, with the refusal in other words.
    pub fn map<S>(self, in_words: impl FnOnce(R) -> S) -> Stop<S> {
        match self {
            Self::Refused(refusal) => Stop::Refused(in_words(refusal)),
            Self::Needs(keys) => Stop::Needs(keys),
        }
    }
}

impl UnitOfWork {
    /// Says that `key` was looked for: what is not in the tables now is not in the database.
    pub fn set_known(&mut self, key: Key) {
        self.known.insert(key);
    }

    /// Says it of all these keys, which are sorted.
    pub fn set_all_known(&mut self, keys: impl Iterator<Item = Key>) {
        // In one go: a set of what is sorted is built without looking for the place of each.
        self.known.append(&mut keys.collect());
    }

    /// Whether `key` was looked for.
    pub fn is_known(&self, key: &Key) -> bool {
        self.known.contains(key)
    }

    /// Goes on only if all `keys` were looked for. If one was not, all are named: the others may be here only because
    /// another command of this batch named them, and in the next batch it is gone.
    pub fn require<R>(&self, keys: impl IntoIterator<Item = Key>) -> Result<(), Stop<R>> {
        let keys: Vec<Key> = keys.into_iter().collect();
        if keys.iter().all(|key| self.is_known(key)) { Ok(()) } else { Err(Stop::Needs(keys)) }
    }

    /// Whether a zero record may be made for `key`: it names a counter, and the records that the counter belongs to are
    /// loaded and are the merchant's. Somebody else's ids never bring a row into being.
    pub fn may_make_zero(&self, merchant: MerchantId, key: &Key) -> bool {
        match key {
            Key::ReceiptSeries(register) | Key::Pairing(register) => self.registers.find(merchant, register).is_some(),
            Key::StockLevel(location, article) => {
                self.locations.find(merchant, location).is_some() && self.articles.find(merchant, article).is_some()
            }
            Key::SmartconnectAccess(owner) => *owner == merchant && self.merchants.find(merchant, owner).is_some(),
            Key::Balance(owner, _, _) if *owner != merchant => false,
            Key::Balance(_, account, _) => match account {
                LedgerAccount::Drawer(register) => self.registers.find(merchant, register).is_some(),
                LedgerAccount::Receivable(connection) => self.connections.find(merchant, connection).is_some(),
                LedgerAccount::Clearing
                | LedgerAccount::Revenue
                | LedgerAccount::Tax
                | LedgerAccount::Safe
                | LedgerAccount::Bank
                | LedgerAccount::Expense
                | LedgerAccount::Sundry
                | LedgerAccount::OverShort
                | LedgerAccount::Recorded => true,
            },
            _ => false,
        }
    }

    /// Appends a journal entry and adds its postings to the merchant's balances, which the command has named.
    pub fn post(&mut self, entry: JournalEntry) -> Result<(), Stop<Overflow>> {
        let balance_key = |account| (entry.merchant, account, entry.currency);
        // The table is asked, not the set of known keys: a balance that was named and could not be made is not posted to.
        let has_balance = |account| self.balances.find(entry.merchant, &balance_key(account)).is_some();
        let missing: Vec<Key> = (entry.postings.iter().map(|(account, _)| *account))
            .filter(|account| !has_balance(*account))
            .map(|account| Key::Balance(entry.merchant, account, entry.currency))
            .collect();
        if !missing.is_empty() {
            return Err(Stop::Needs(missing));
        }
        for (account, amount_minor) in &entry.postings {
            if let Some(balance) = self.balances.find_mut(entry.merchant, &balance_key(*account)) {
                balance.amount_minor =
                    balance.amount_minor.checked_add(*amount_minor).ok_or(Stop::Refused(Overflow))?;
            }
        }
        self.journal_entries.append(entry);
        Ok(())
    }

    /// Appends the event that `kind` became true of `subject`.
    pub fn emit(&mut self, call: &mut Call<'_>, kind: &'static str, subject: impl fmt::Display, data: &impl Serialize) {
        self.events.append(Event {
            id: EventId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            kind,
            subject: subject.to_string(),
            // Writing a struct with named fields to a string cannot fail; an empty object is the honest rest.
            data: serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned()),
            recorded_at: call.now,
        });
    }

    /// From here on changes belong to the next command.
    pub fn begin_command(&mut self) {
        each!(self, |table| table.undo.clear(), |log| log.mark = log.rows.len());
    }

    /// Takes back all that the running command changed and appended.
    pub fn undo_command(&mut self) {
        each!(self, |table| table.undo(), |log| log.rows.truncate(log.mark));
    }

    /// How many rows the running command changed or appended.
    pub fn count_command_changes(&mut self) -> usize {
        let mut count: usize = 0;
        each!(&mut *self, |table| count = count.saturating_add(table.undo.len()), |log| count =
            count.saturating_add(log.rows.len().saturating_sub(log.mark)));
        count
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::JournalEntryId;
    use crate::testing::{MERCHANT, NOW, OTHER_MERCHANT, REGISTER, World};

    const DRAWER: LedgerAccount = LedgerAccount::Drawer(REGISTER);

    fn an_entry(postings: &[(LedgerAccount, i64)]) -> JournalEntry {
        JournalEntry {
            id: JournalEntryId::from_uuid(Uuid::nil()),
            merchant: MERCHANT,
            subject: "test".to_owned(),
            currency: Currency::JPY,
            postings: postings.to_vec(),
            recorded_at: NOW,
        }
    }

    fn a_balance(account: LedgerAccount, amount_minor: i64) -> Balance {
        Balance { merchant: MERCHANT, account, currency: Currency::JPY, amount_minor, version: 1 }
    }

    #[test]
    fn nobody_makes_a_counter_for_another_merchant() {
        let work = World::new().database;
        for (owner, account, may_make) in [
            (MERCHANT, DRAWER, true),
            (MERCHANT, LedgerAccount::Tax, true),
            (OTHER_MERCHANT, DRAWER, false),
            (OTHER_MERCHANT, LedgerAccount::Tax, false),
        ] {
            assert_eq!(work.may_make_zero(MERCHANT, &Key::Balance(owner, account, Currency::JPY)), may_make);
        }
        assert!(work.may_make_zero(MERCHANT, &Key::ReceiptSeries(REGISTER)));
        assert!(!work.may_make_zero(OTHER_MERCHANT, &Key::ReceiptSeries(REGISTER)));
    }

    #[test]
    fn an_entry_moves_the_balances_it_names() {
        let mut work = UnitOfWork::default();
        work.balances.put_loaded(a_balance(DRAWER, 5));
        let entry = an_entry(&[(DRAWER, 500), (DRAWER, -200), (LedgerAccount::Tax, -300)]);
        let needs = Stop::Needs(vec![Key::Balance(MERCHANT, LedgerAccount::Tax, Currency::JPY)]);
        assert_eq!(work.post(entry.clone()), Err(needs));
        assert_eq!(work.count_command_changes(), 0);

        work.balances.put_loaded(a_balance(LedgerAccount::Tax, 0));
        assert_eq!(work.post(entry), Ok(()));
        let amounts: Vec<i64> = work.balances.iter().map(|balance| balance.amount_minor).collect();
        assert_eq!((amounts, work.journal_entries.rows().len()), (vec![305, -300], 1));
    }

    #[test]
    fn a_balance_does_not_wrap_around() {
        let mut work = UnitOfWork::default();
        work.balances.put_loaded(a_balance(DRAWER, i64::MAX));
        assert_eq!(work.post(an_entry(&[(DRAWER, 1)])), Err(Stop::Refused(Overflow)));
        work.undo_command();
        assert!(work.journal_entries.rows().is_empty());
    }
}
