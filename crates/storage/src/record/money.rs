//! Journal entry, balance, event, exception, job.

use std::borrow::Cow;

use domain::event::Event;
use domain::exception::{self, Exception};
use domain::job::{self, Job, JobId};
use domain::journal::{Balance, JournalEntry, LedgerAccount};
use domain::money::Currency;
use domain::time::Timestamp;

use super::{INT, Stored, TEXT, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Balance {
    const TABLE: &'static Table = &table(
        "balance",
        3,
        true,
        &[("merchant_id", TEXT), ("account", TEXT), ("currency", TEXT), ("amount_minor", INT), ("version", INT)],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.merchant),
            Cell::display(self.account),
            Cell::display(self.currency),
            Cell::Int(self.amount_minor),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            merchant: row.parse()?,
            account: row.word(LedgerAccount::parse)?,
            currency: row.word(Currency::parse)?,
            amount_minor: row.int()?,
            version: row.int()?,
        })
    }
}

impl Stored for Exception {
    const TABLE: &'static Table = &table(
        "exception",
        2,
        false,
        &[
            ("subject", TEXT),
            ("kind", TEXT),
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("reason", TEXT),
            ("owner", TEXT),
            ("at_risk_minor", INT),
            ("resolution", TEXT),
            ("opened_at", INT),
            ("resolved_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::text(&self.subject),
            Cell::text(self.kind.as_str()),
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::text(&self.reason),
            Cell::text(&self.owner),
            Cell::Int(self.at_risk_minor),
            Cell::option(self.resolution.as_deref(), Cell::text),
            Cell::Int(self.opened_at.0),
            Cell::option(self.resolved_at, |at| Cell::Int(at.0)),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            subject: row.text()?,
            kind: row.word(exception::Kind::parse)?,
            id: row.parse()?,
            merchant: row.parse()?,
            reason: row.text()?,
            owner: row.text()?,
            at_risk_minor: row.int()?,
            resolution: row.text_option()?,
            opened_at: Timestamp(row.int()?),
            resolved_at: row.int_option()?.map(Timestamp),
            version: row.int()?,
        })
    }
}

impl Stored for Job {
    const TABLE: &'static Table = &table(
        "job",
        2,
        true,
        &[
            ("kind", TEXT),
            ("subject", TEXT),
            ("merchant_id", TEXT),
            ("due_at", INT),
            ("fence", INT),
            ("attempts", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::text(self.id.kind.as_str()),
            Cell::text(&self.id.subject),
            Cell::display(self.merchant),
            Cell::option(self.due_at, |at| Cell::Int(at.0)),
            Cell::Int(self.fence),
            Cell::Int(self.attempts),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            id: JobId { kind: row.word(job::Kind::parse)?, subject: row.text()? },
            merchant: row.parse()?,
            due_at: row.int_option()?.map(Timestamp),
            fence: row.int()?,
            attempts: row.int()?,
            version: row.int()?,
        })
    }
}

/// The journal.
pub static JOURNAL_ENTRY: Table = table(
    "journal_entry",
    1,
    false,
    &[
        ("id", TEXT),
        ("merchant_id", TEXT),
        ("subject", TEXT),
        ("currency", TEXT),
        ("postings", TEXT),
        ("recorded_at", INT),
    ],
);

/// The cells of a journal entry.
pub fn journal_entry_cells<'a>(entry: &'a JournalEntry, cells: &mut Vec<Cell<'a>>) {
    cells.extend([
        Cell::display(entry.id),
        Cell::display(entry.merchant),
        Cell::text(&entry.subject),
        Cell::display(entry.currency),
        Cell::Text(Cow::Owned(serde_json::to_string(&entry.postings).unwrap_or_default())),
        Cell::Int(entry.recorded_at.0),
    ]);
}

/// A journal entry as it was written.
pub fn journal_entry(row: &mut RowReader) -> Result<JournalEntry, Corrupt> {
    Ok(JournalEntry {
        id: row.parse()?,
        merchant: row.parse()?,
        subject: row.text()?,
        currency: row.word(Currency::parse)?,
        postings: row.json()?,
        recorded_at: Timestamp(row.int()?),
    })
}

/// The outbox.
pub static EVENT: Table = table(
    "event",
    2,
    false,
    &[
        ("merchant_id", TEXT),
        ("number", INT),
        ("id", TEXT),
        ("kind", TEXT),
        ("subject", TEXT),
        ("data", TEXT),
        ("recorded_at", INT),
    ],
);

/// The cells of an event under its number.
pub fn event_cells<'a>(event: &'a Event, number: i64, cells: &mut Vec<Cell<'a>>) {
    cells.extend([
        Cell::display(event.merchant),
        Cell::Int(number),
        Cell::display(event.id),
        Cell::text(event.kind),
        Cell::text(&event.subject),
        Cell::text(&event.data),
        Cell::Int(event.recorded_at.0),
    ]);
}
