//! What a database is made of, for whoever helps from afar: its schema, and how many rows and bytes each table has. Nothing
//! here reads what stands in a row.

use crate::cell::Cell;
use crate::check::Snapshot;
use crate::error::EngineError;
use crate::{postgres, sqlite};

/// The number of the last migration.
pub(crate) const SCHEMA: &str = "SELECT CAST(MAX(version) AS BIGINT) FROM refinery_schema_history";

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSize {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: i64,
    /// Its bytes on the disk, with its indexes.
    pub bytes: i64,
}

/// A database as seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// What the engine says of its version.
    pub engine: String,
    /// The number of the last migration.
    pub schema: i64,
    /// Its tables, by name.
    pub tables: Vec<TableSize>,
}

/// Takes the inventory. Walks through the whole database. Blocks.
pub fn take(snapshot: &mut Snapshot) -> Result<Inventory, EngineError> {
    let is_embedded = matches!(snapshot, Snapshot::Sqlite(_));
    let (version, tables) =
        if is_embedded { (sqlite::VERSION, sqlite::TABLES) } else { (postgres::VERSION, postgres::TABLES) };
    let engine = snapshot.query(version)?.into_iter().flatten().find_map(text).unwrap_or_default();
    let schema = snapshot.query(SCHEMA)?;
    let schema = schema.into_iter().flatten().find_map(|cell| number(&cell)).unwrap_or_default();
    let mut found = Vec::new();
    for row in snapshot.query(tables)? {
        let mut cells = row.into_iter();
        let name = cells.next().and_then(text).unwrap_or_default();
        let bytes = cells.next().as_ref().and_then(number).unwrap_or_default();
        // The name is one of the schema, not of a user.
        let rows = snapshot.query(&format!("SELECT COUNT(*) FROM {name}"))?;
        let rows = rows.into_iter().flatten().find_map(|cell| number(&cell)).unwrap_or_default();
        found.push(TableSize { name, rows, bytes });
    }
    Ok(Inventory { engine, schema, tables: found })
}

fn text(cell: Cell<'static>) -> Option<String> {
    if let Cell::Text(text) = cell { Some(text.into_owned()) } else { None }
}

const fn number(cell: &Cell<'static>) -> Option<i64> {
    if let Cell::Int(number) = cell { Some(*number) } else { None }
}
