//! Transfer, line.

use domain::money::Quantity;
use domain::stock::WriteOffReason;
use domain::time::Timestamp;
use domain::transfer::{Fate, State, Tally, Transfer, TransferLine};

use super::{INT, Stored, TEXT, metadata, metadata_cell, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Transfer {
    const TABLE: &'static Table = &table(
        "transfer",
        1,
        true,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("from_location_id", TEXT),
            ("to_location_id", TEXT),
            ("note", TEXT),
            ("state", TEXT),
            ("sent_at", INT),
            ("ended_at", INT),
            ("fate", TEXT),
            ("write_off_reason", TEXT),
            ("reason", TEXT),
            ("lines", INT),
            ("lines_in_transit", INT),
            ("lines_missing", INT),
            ("opened_at", INT),
            ("metadata", TEXT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let fate = self.state.fate();
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::display(self.from),
            Cell::display(self.to),
            Cell::text(&self.note),
            Cell::text(self.state.as_str()),
            Cell::option(self.state.sent_at(), |at| Cell::Int(at.0)),
            Cell::option(self.state.ended_at(), |at| Cell::Int(at.0)),
            Cell::option(fate, |fate| Cell::text(fate.as_str())),
            Cell::option(fate.and_then(Fate::write_off_reason), |why| Cell::text(why.as_str())),
            Cell::text(&self.reason),
            Cell::Int(self.tally.lines),
            Cell::Int(self.tally.in_transit),
            Cell::Int(self.tally.missing),
            Cell::Int(self.opened_at.0),
            metadata_cell(&self.metadata),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (id, merchant, from, to) = (row.parse()?, row.parse()?, row.parse()?, row.parse()?);
        let (note, word) = (row.text()?, row.text()?);
        let (sent_at, ended_at) = (row.int_option()?.map(Timestamp), row.int_option()?.map(Timestamp));
        let (fate, why) = (row.text_option()?, row.word_option(WriteOffReason::parse)?);
        let fate = match (fate, why) {
            (None, None) => None,
            (Some(word), why) => match Fate::parse(&word, why) {
                Some(fate) => Some(fate),
                None => return row.make_no_sense(),
            },
            (None, Some(_)) => return row.make_no_sense(),
        };
        let state = match (word.as_str(), sent_at, ended_at, fate) {
            ("draft", None, None, None) => State::Draft,
            ("sent", Some(at), None, None) => State::Sent { at },
            ("closed", Some(sent_at), Some(at), fate) => State::Closed { sent_at, at, fate },
            ("cancelled", None, Some(at), None) => State::Cancelled { at },
            _ => return row.make_no_sense(),
        };
        let reason = row.text()?;
        let tally = Tally { lines: row.int()?, in_transit: row.int()?, missing: row.int()? };
        let (opened_at, metadata, version) = (Timestamp(row.int()?), metadata(row)?, row.int()?);
        Ok(Self { id, merchant, from, to, note, state, tally, reason, metadata, opened_at, version })
    }
}

impl Stored for TransferLine {
    const TABLE: &'static Table = &table(
        "transfer_line",
        2,
        false,
        &[
            ("transfer_id", TEXT),
            ("article_id", TEXT),
            ("merchant_id", TEXT),
            ("quantity", INT),
            ("received", INT),
            ("missing", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.transfer),
            Cell::display(self.article),
            Cell::display(self.merchant),
            Cell::Int(self.quantity.0),
            Cell::Int(self.received.0),
            Cell::Int(self.missing.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            transfer: row.parse()?,
            article: row.parse()?,
            merchant: row.parse()?,
            quantity: Quantity(row.int()?),
            received: Quantity(row.int()?),
            missing: Quantity(row.int()?),
            version: row.int()?,
        })
    }
}
