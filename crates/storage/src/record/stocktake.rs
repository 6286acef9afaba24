//! Stocktake, line.

use domain::money::Quantity;
use domain::stocktake::{Base, Count, LineState, State, Stocktake, StocktakeLine, Tally, Uncounted};
use domain::time::Timestamp;

use super::{BOOL, INT, Stored, TEXT, metadata, metadata_cell, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Stocktake {
    const TABLE: &'static Table = &table(
        "stocktake",
        1,
        true,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("location_id", TEXT),
            ("note", TEXT),
            ("is_everything", BOOL),
            ("state", TEXT),
            ("uncounted", TEXT),
            ("close_asked_at", INT),
            ("is_listed", BOOL),
            ("ended_at", INT),
            ("uncounted_lines", INT),
            ("counted_lines", INT),
            ("finished_lines", INT),
            ("different_lines", INT),
            ("opened_at", INT),
            ("metadata", TEXT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let (asked_at, is_listed, ended_at) = match self.state {
            State::Open => (None, false, None),
            State::Closing { asked_at, is_listed, .. } => (Some(asked_at), is_listed, None),
            State::Closed { at, .. } | State::Cancelled { at } => (None, false, Some(at)),
        };
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::display(self.location),
            Cell::text(&self.note),
            Cell::Bool(self.is_everything),
            Cell::text(self.state.as_str()),
            Cell::option(self.state.uncounted(), |uncounted| Cell::text(uncounted.as_str())),
            Cell::option(asked_at, |at| Cell::Int(at.0)),
            Cell::Bool(is_listed),
            Cell::option(ended_at, |at| Cell::Int(at.0)),
            Cell::Int(self.tally.uncounted),
            Cell::Int(self.tally.counted),
            Cell::Int(self.tally.finished),
            Cell::Int(self.tally.different),
            Cell::Int(self.opened_at.0),
            metadata_cell(&self.metadata),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (id, merchant, location, note) = (row.parse()?, row.parse()?, row.parse()?, row.text()?);
        let (is_everything, word) = (row.bool()?, row.text()?);
        let (uncounted, asked_at) = (row.word_option(Uncounted::parse)?, row.int_option()?.map(Timestamp));
        let (is_listed, ended_at) = (row.bool()?, row.int_option()?.map(Timestamp));
        let state = match (word.as_str(), uncounted, asked_at, ended_at) {
            ("open", None, None, None) => State::Open,
            ("closing", Some(uncounted), Some(asked_at), None) => State::Closing { uncounted, asked_at, is_listed },
            ("closed", Some(uncounted), None, Some(at)) => State::Closed { uncounted, at },
            ("cancelled", None, None, Some(at)) => State::Cancelled { at },
            _ => return row.make_no_sense(),
        };
        let tally = Tally { uncounted: row.int()?, counted: row.int()?, finished: row.int()?, different: row.int()? };
        let (opened_at, metadata, version) = (Timestamp(row.int()?), metadata(row)?, row.int()?);
        Ok(Self { id, merchant, location, note, is_everything, state, tally, metadata, opened_at, version })
    }
}

impl Stored for StocktakeLine {
    const TABLE: &'static Table = &table(
        "stocktake_line",
        2,
        false,
        &[
            ("stocktake_id", TEXT),
            ("article_id", TEXT),
            ("merchant_id", TEXT),
            ("state", TEXT),
            ("counted", INT),
            ("counted_at", INT),
            ("counted_by", TEXT),
            ("base_on_hand", INT),
            ("base_backdated", INT),
            ("expected", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let count = self.state.count();
        let base = count.and_then(|count| count.base);
        let expected = if let LineState::Booked { expected, .. } = self.state { Some(expected) } else { None };
        cells.extend([
            Cell::display(self.stocktake),
            Cell::display(self.article),
            Cell::display(self.merchant),
            Cell::text(self.state.as_str()),
            Cell::option(count, |count| Cell::Int(count.quantity.0)),
            Cell::option(count, |count| Cell::Int(count.at.0)),
            Cell::option(count, |count| Cell::text(&count.by)),
            Cell::option(base, |base| Cell::Int(base.on_hand.0)),
            Cell::option(base, |base| Cell::Int(base.backdated)),
            Cell::option(expected, |expected| Cell::Int(expected.0)),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (stocktake, article, merchant, word) = (row.parse()?, row.parse()?, row.parse()?, row.text()?);
        let count = match (row.int_option()?, row.int_option()?, row.text_option()?) {
            (Some(quantity), Some(at), Some(by)) => {
                Some(Count { quantity: Quantity(quantity), at: Timestamp(at), by, base: None })
            }
            (None, None, None) => None,
            _ => return row.make_no_sense(),
        };
        let base = match (row.int_option()?, row.int_option()?) {
            (Some(on_hand), Some(backdated)) => Some(Base { on_hand: Quantity(on_hand), backdated }),
            (None, None) => None,
            _ => return row.make_no_sense(),
        };
        let count = count.map(|count| Count { base, ..count });
        let expected = row.int_option()?.map(Quantity);
        let state = match (word.as_str(), count, expected) {
            ("uncounted", None, None) => LineState::Uncounted,
            ("counted", Some(count), None) => LineState::Counted(count),
            ("booked", Some(count), Some(expected)) => LineState::Booked { count, expected },
            ("superseded", Some(count), None) => LineState::Superseded(count),
            _ => return row.make_no_sense(),
        };
        Ok(Self { stocktake, article, merchant, state, version: row.int()? })
    }
}
