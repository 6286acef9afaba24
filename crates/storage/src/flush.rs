//! Writes what a batch changed: records set-wise, answers, and last the merchants' counters with the events and the
//! audit chain that they number.

use std::collections::{BTreeMap, BTreeSet};

use domain::event::Event;
use domain::id::MerchantId;
use domain::time::Timestamp;
use domain::work::{Table as Loaded, UnitOfWork};
use sha2::{Digest, Sha256};

use crate::batch::{Changed, Entry};
use crate::cell::Cell;
use crate::engine::{Engine, Read, Write};
use crate::error::EngineError;
use crate::idempotency;
use crate::record::{
    AUDIT, EVENT, JOURNAL_ENTRY, MERCHANT_COUNTER, MOVEMENT, Stored, event_cells, journal_entry_cells, movement_cells,
};
use crate::table::{RowReader, Rows, Table};

/// What is left to write with the commit.
pub(crate) struct Last<'a> {
    pub writes: Vec<Write<'a>>,
    /// The merchants that have new events.
    pub touched: Vec<MerchantId>,
}

/// Writes the records and the answers; what the counters number comes last, and is left to the caller.
pub(crate) fn flush<'a>(
    engine: &mut dyn Engine,
    entries: &'a [Entry],
    work: &'a UnitOfWork,
    changed: &'a [Changed],
    now: Timestamp,
) -> Result<Last<'a>, EngineError> {
    let mut writes = Vec::new();
    records(&work.merchants, &mut writes);
    records(&work.locations, &mut writes);
    records(&work.registers, &mut writes);
    records(&work.articles, &mut writes);
    records(&work.article_details, &mut writes);
    records(&work.labels, &mut writes);
    records(&work.promotions, &mut writes);
    records(&work.coupons, &mut writes);
    records(&work.external_refs, &mut writes);
    records(&work.origins, &mut writes);
    records(&work.connections, &mut writes);
    records(&work.api_keys, &mut writes);
    records(&work.printers, &mut writes);
    records(&work.mpos_endpoints, &mut writes);
    records(&work.mpos_closes, &mut writes);
    records(&work.provider_notices, &mut writes);
    records(&work.customers, &mut writes);
    records(&work.external_ids, &mut writes);
    records(&work.operators, &mut writes);
    records(&work.sales, &mut writes);
    records(&work.payments, &mut writes);
    records(&work.stocktakes, &mut writes);
    records(&work.transfers, &mut writes);
    records(&work.unreferenced_returns, &mut writes);
    records(&work.webhook_endpoints, &mut writes);
    records(&work.webhook_deliveries, &mut writes);
    records(&work.print_jobs, &mut writes);
    records(&work.terminals, &mut writes);
    records(&work.pairings, &mut writes);
    records(&work.terminal_entries, &mut writes);
    records(&work.smartconnect_access, &mut writes);
    records(&work.pos_registers, &mut writes);
    records(&work.smartconnect_transactions, &mut writes);
    records(&work.mpos_orders, &mut writes);
    records(&work.jobs, &mut writes);
    records(&work.receipt_series, &mut writes);
    records(&work.shifts, &mut writes);
    records(&work.cash_movements, &mut writes);
    records(&work.stock_levels, &mut writes);
    records(&work.balances, &mut writes);
    records(&work.points_balances, &mut writes);
    records(&work.points_entries, &mut writes);
    records(&work.sale_lines, &mut writes);
    records(&work.tenders, &mut writes);
    records(&work.reservations, &mut writes);
    records(&work.parked_sales, &mut writes);
    records(&work.returns, &mut writes);
    records(&work.return_lines, &mut writes);
    records(&work.refunds, &mut writes);
    records(&work.receipts, &mut writes);
    records(&work.stocktake_lines, &mut writes);
    records(&work.transfer_lines, &mut writes);
    records(&work.operations, &mut writes);
    records(&work.exceptions, &mut writes);
    log(&MOVEMENT, work.movements.rows(), movement_cells, &mut writes);
    log(&JOURNAL_ENTRY, work.journal_entries.rows(), journal_entry_cells, &mut writes);
    writes.append(&mut idempotency::writes(entries, now));
    if changed.is_empty() {
        return Ok(Last { writes, touched: Vec::new() });
    }
    let counters = lock_counters(engine, &writes, changed)?;
    number(counters, work.events.rows(), changed, now)
}

fn records<'a, R: Stored>(table: &'a Loaded<R>, writes: &mut Vec<Write<'a>>) {
    let width = R::TABLE.columns.len();
    let (mut inserts, mut updates) = (Vec::new(), Rows::new(width + 1));
    for slot in table.changes() {
        match slot.stored_version {
            None => {
                let mut row = Vec::with_capacity(width);
                slot.record.write(&mut row);
                inserts.push(row);
            }
            Some(version) => {
                slot.record.write(&mut updates.cells);
                updates.cells.push(Cell::Int(version));
            }
        }
    }
    if !inserts.is_empty() {
        sort_by_business_key(R::TABLE, &mut inserts);
        let mut rows = Rows::with_room(width, inserts.len());
        rows.cells.extend(inserts.into_iter().flatten());
        writes.push(Write::Insert(R::TABLE, rows));
    }
    if !updates.is_empty() {
        writes.push(Write::Update(R::TABLE, updates));
    }
}

/// Puts new rows into the order of their unique constraint. Their ids are fresh and nobody waits for them; for a sku two
/// hubs do wait, and would for ever if each took them in the order of its own ids.
fn sort_by_business_key(table: &Table, rows: &mut [Vec<Cell<'_>>]) {
    if let Some((_, columns)) = table.unique.first() {
        let places: Vec<usize> = columns.iter().filter_map(|column| table.position(column)).collect();
        rows.sort_by(|one, other| places.iter().map(|i| one.get(*i)).cmp(places.iter().map(|i| other.get(*i))));
    }
}

fn log<'a, T>(table: &'static Table, rows: &'a [T], cells: fn(&'a T, &mut Vec<Cell<'a>>), writes: &mut Vec<Write<'a>>) {
    if rows.is_empty() {
        return;
    }
    let mut inserts = Rows::with_room(table.columns.len(), rows.len());
    for row in rows {
        cells(row, &mut inserts.cells);
    }
    writes.push(Write::Insert(table, inserts));
}

/// A merchant's counter row.
struct Counter {
    event_number: i64,
    audit_number: i64,
    audit_hash: Vec<u8>,
    version: i64,
}

/// Numbers the events and chains the audit rows. The counter rows were locked at the end, in merchant order, so that two
/// hubs hold them only while they commit.
fn number<'a>(
    mut counters: BTreeMap<MerchantId, Counter>,
    events: &'a [Event],
    changed: &'a [Changed],
    now: Timestamp,
) -> Result<Last<'a>, EngineError> {
    let mut event_rows = Rows::with_room(EVENT.columns.len(), events.len());
    let mut audit_rows = Rows::with_room(AUDIT.columns.len(), changed.len());
    let mut first_event = 0;
    for change in changed {
        let Some(counter) = counters.get_mut(&change.merchant) else {
            return Err(EngineError::Engine(format!("no counter row for {}", change.merchant)));
        };
        let own = events.get(first_event..change.events_end).unwrap_or_default();
        first_event = change.events_end;
        for event in own {
            counter.event_number += 1;
            event_cells(event, counter.event_number, &mut event_rows.cells);
        }
        let content_hash =
            content_hash(own.iter().map(|event| (event.kind, event.subject.as_str(), event.data.as_str())));
        counter.audit_number += 1;
        counter.audit_hash = chain_hash(&Link {
            before: &counter.audit_hash,
            number: counter.audit_number,
            command: change.command,
            actor: &change.actor,
            request_id: &change.request_id,
            recorded_at: now.0,
            last_event: counter.event_number,
            content_hash: &content_hash,
        });
        audit_rows.cells.extend([
            Cell::display(change.merchant),
            Cell::Int(counter.audit_number),
            Cell::text(change.command),
            Cell::text(&change.actor),
            Cell::text(&change.request_id),
            Cell::Int(now.0),
            Cell::Int(counter.event_number),
            Cell::bytes(&content_hash).into_owned(),
            Cell::bytes(&counter.audit_hash).into_owned(),
        ]);
    }
    let mut counter_rows = Rows::new(MERCHANT_COUNTER.columns.len() + 1);
    for (merchant, counter) in &counters {
        counter_rows.cells.extend([
            Cell::display(merchant),
            Cell::Int(counter.event_number),
            Cell::Int(counter.audit_number),
            Cell::bytes(&counter.audit_hash).into_owned(),
            Cell::Int(counter.version + 1),
            Cell::Int(counter.version),
        ]);
    }
    let writes = vec![
        Write::Insert(&EVENT, event_rows),
        Write::Insert(&AUDIT, audit_rows),
        Write::Update(&MERCHANT_COUNTER, counter_rows),
    ];
    Ok(Last { writes, touched: counters.into_keys().collect() })
}

/// Writes, and then locks and reads the counters of the merchants that change.
fn lock_counters(
    engine: &mut dyn Engine,
    writes: &[Write<'_>],
    changed: &[Changed],
) -> Result<BTreeMap<MerchantId, Counter>, EngineError> {
    let merchants: BTreeSet<MerchantId> = changed.iter().map(|change| change.merchant).collect();
    let counters = read_counters(engine, writes, &merchants)?;
    let missing: Vec<&MerchantId> = merchants.iter().filter(|merchant| !counters.contains_key(*merchant)).collect();
    if missing.is_empty() {
        return Ok(counters);
    }
    // A merchant's first change ever.
    let mut rows = Rows::with_room(MERCHANT_COUNTER.columns.len(), missing.len());
    for merchant in missing {
        rows.cells.extend([Cell::display(merchant), Cell::Int(0), Cell::Int(0), Cell::bytes(&[]), Cell::Int(1)]);
    }
    read_counters(engine, &[Write::InsertMissing(&MERCHANT_COUNTER, rows)], &merchants)
}

fn read_counters(
    engine: &mut dyn Engine,
    writes: &[Write<'_>],
    merchants: &BTreeSet<MerchantId>,
) -> Result<BTreeMap<MerchantId, Counter>, EngineError> {
    let mut keys = Rows::with_room(1, merchants.len());
    keys.cells.extend(merchants.iter().map(Cell::display));
    let answers =
        engine.write_and_read(writes, &[Read { table: &MERCHANT_COUNTER, keys, is_locking: true, parent: None }])?;
    let mut counters = BTreeMap::new();
    for row in answers.into_iter().flatten() {
        let mut row = RowReader::new(&MERCHANT_COUNTER, row);
        let merchant = row.parse()?;
        counters.insert(
            merchant,
            Counter {
                event_number: row.int()?,
                audit_number: row.int()?,
                audit_hash: row.bytes()?,
                version: row.int()?,
            },
        );
    }
    Ok(counters)
}

/// A hash over the events of one command: kind, subject and data of each, every part with its length before it.
pub(crate) fn content_hash<'a>(events: impl Iterator<Item = (&'a str, &'a str, &'a str)>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (kind, subject, data) in events {
        for part in [kind, subject, data] {
            add(&mut hash, part.as_bytes());
        }
    }
    hash.finalize().into()
}

/// What one audit row binds.
pub(crate) struct Link<'a> {
    pub before: &'a [u8],
    pub number: i64,
    pub command: &'a str,
    pub actor: &'a str,
    pub request_id: &'a str,
    pub recorded_at: i64,
    pub last_event: i64,
    pub content_hash: &'a [u8],
}

/// The hash of an audit row over the one before it.
pub(crate) fn chain_hash(link: &Link<'_>) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in [
        link.before,
        &link.number.to_be_bytes(),
        link.command.as_bytes(),
        link.actor.as_bytes(),
        link.request_id.as_bytes(),
        &link.recorded_at.to_be_bytes(),
        &link.last_event.to_be_bytes(),
        link.content_hash,
    ] {
        add(&mut hash, part);
    }
    hash.finalize().to_vec()
}

/// Adds a part with its length, so that no two lists of parts hash alike.
fn add(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_be_bytes());
    hash.update(part);
}
