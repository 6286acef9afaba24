//! How each record lies in its table: a list of columns and two functions, written out.

mod article;
mod customer;
mod elsewhere;
mod external_ref;
mod merchant;
mod money;
mod mpos;
mod parked_sale;
mod payment;
mod people;
mod points;
mod printing;
mod promotion;
mod provider_notice;
mod receipt;
mod returns;
mod sale;
mod shift;
mod smartconnect;
mod stock;
mod stocktake;
mod terminal;
mod transfer;
mod unreferenced_return;
mod webhook;

use std::borrow::Cow;

use domain::metadata::Metadata;
use domain::work::Record;
use serde::Serialize;

use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{Kind, RowReader, Table};

pub use money::{EVENT, JOURNAL_ENTRY, event_cells, journal_entry, journal_entry_cells};
pub use stock::{MOVEMENT, movement, movement_cells};

/// A record that has a table.
pub trait Stored: Record {
    /// Its table. The columns are in the order in which `write` gives them and `read` takes them.
    const TABLE: &'static Table;

    /// Appends its cells, the version last.
    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>);

    /// Reads a row back.
    fn read(row: &mut RowReader) -> Result<Self, Corrupt>;
}

/// A document as it stands in a TEXT column. The types that are written this way hold nothing that JSON cannot.
fn json<'a>(value: &impl Serialize) -> Cell<'a> {
    Cell::Text(Cow::Owned(serde_json::to_string(value).unwrap_or_default()))
}

/// Metadata is one column on every record that may have some, and null where there is none.
fn metadata_cell(metadata: &Metadata) -> Cell<'_> {
    Cell::option((!metadata.is_empty()).then_some(metadata), json)
}

fn metadata(row: &mut RowReader) -> Result<Metadata, Corrupt> {
    Ok(row.word_option(|text| serde_json::from_str(text).ok())?.unwrap_or_default())
}

const TEXT: Kind = Kind::Text;
const INT: Kind = Kind::Int;
const BOOL: Kind = Kind::Bool;
const BYTES: Kind = Kind::Bytes;

/// A table whose rows carry a version and are changed by batches.
const fn table(name: &'static str, key_len: usize, is_locked: bool, columns: &'static [(&'static str, Kind)]) -> Table {
    Table { name, columns, key_len, is_locked, unique: &[] }
}

/// One transaction of the committer; its row tells whether it has committed.
pub static BATCH: Table = table("batch", 1, false, &[("id", TEXT), ("created_at", INT)]);

/// The tables with unique constraints that a command may run into.
pub static WITH_UNIQUE: &[&Table] = &[
    <domain::merchant::Register as Stored>::TABLE,
    <domain::article::Article as Stored>::TABLE,
    <domain::operator::Operator as Stored>::TABLE,
    <domain::customer::ExternalIdSlot as Stored>::TABLE,
    <domain::points::PointsEntry as Stored>::TABLE,
    <domain::terminal::Terminal as Stored>::TABLE,
    <domain::smartconnect::PosRegister as Stored>::TABLE,
];

/// Answers by merchant and idempotency key.
pub static IDEMPOTENCY: Table = table(
    "idempotency",
    2,
    false,
    &[
        ("merchant_id", TEXT),
        ("key", TEXT),
        ("fingerprint", BYTES),
        ("subject", TEXT),
        ("status", INT),
        ("content_type", TEXT),
        ("body", BYTES),
        ("created_at", INT),
    ],
);

/// The heads of a merchant's event numbers and audit chain.
pub static MERCHANT_COUNTER: Table = table(
    "merchant_counter",
    1,
    true,
    &[("merchant_id", TEXT), ("event_number", INT), ("audit_number", INT), ("audit_hash", BYTES), ("version", INT)],
);

/// One row per command that changed something, chained by hashes per merchant.
pub static AUDIT: Table = table(
    "audit",
    2,
    false,
    &[
        ("merchant_id", TEXT),
        ("number", INT),
        ("command", TEXT),
        ("actor", TEXT),
        ("request_id", TEXT),
        ("recorded_at", INT),
        ("last_event", INT),
        ("content_hash", BYTES),
        ("hash", BYTES),
    ],
);
