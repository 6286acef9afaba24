//! That a record is a fact from elsewhere: two columns that are empty where it is none. And who tells of such facts.

use domain::elsewhere::{Elsewhere, Origin};
use domain::time::Timestamp;

use super::{INT, Stored, TEXT, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Origin {
    const TABLE: &'static Table = &table(
        "origin",
        2,
        false,
        &[("merchant_id", TEXT), ("name", TEXT), ("map_hash", TEXT), ("created_at", INT), ("version", INT)],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.merchant),
            Cell::text(&self.name),
            Cell::text(&self.map_hash),
            Cell::Int(self.created_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            merchant: row.parse()?,
            name: row.text()?,
            map_hash: row.text()?,
            created_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}

/// Who told it.
pub(super) fn origin_cell(elsewhere: Option<&Elsewhere>) -> Cell<'_> {
    Cell::option(elsewhere, |told| Cell::text(&told.origin))
}

/// When the hub learned of it.
pub(super) fn recorded_at_cell<'a>(elsewhere: Option<&Elsewhere>) -> Cell<'a> {
    Cell::option(elsewhere, |told| Cell::Int(told.recorded_at.0))
}

/// Both columns, which are filled together.
pub(super) fn elsewhere(row: &mut RowReader) -> Result<Option<Elsewhere>, Corrupt> {
    match (row.text_option()?, row.int_option()?) {
        (None, None) => Ok(None),
        (Some(origin), Some(at)) => Ok(Some(Elsewhere { origin, recorded_at: Timestamp(at) })),
        _ => row.make_no_sense(),
    }
}
