//! Shift, cash movement.

use domain::id::{RegisterId, ShiftId};
use domain::money::Currency;
use domain::shift::{CashMovement, Closing, Direction, Purpose, Shift};
use domain::time::Timestamp;

use super::{INT, Stored, TEXT, json, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

fn id_cells<'a>(id: ShiftId) -> [Cell<'a>; 2] {
    [Cell::display(id.register), Cell::Int(i64::from(id.number))]
}

fn read_id(row: &mut RowReader) -> Result<ShiftId, Corrupt> {
    Ok(ShiftId { register: row.parse::<RegisterId>()?, number: row.small()? })
}

impl Stored for Shift {
    const TABLE: &'static Table = &table(
        "shift",
        2,
        false,
        &[
            ("register_id", TEXT),
            ("number", INT),
            ("merchant_id", TEXT),
            ("location_id", TEXT),
            ("currency", TEXT),
            ("opened_by", TEXT),
            ("opened_at", INT),
            ("carried_minor", INT),
            ("brought_minor", INT),
            ("float_count", TEXT),
            ("opening_difference_minor", INT),
            ("paid_in_minor", INT),
            ("paid_out_minor", INT),
            ("movement_count", INT),
            ("closing_count", TEXT),
            ("expected_minor", INT),
            ("deposited_minor", INT),
            ("note", TEXT),
            ("closed_by", TEXT),
            ("closed_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let closing = self.closing.as_ref();
        cells.extend(id_cells(self.id));
        cells.extend([
            Cell::display(self.merchant),
            Cell::display(self.location),
            Cell::display(self.currency),
            Cell::text(&self.opened_by),
            Cell::Int(self.opened_at.0),
            Cell::Int(self.carried_minor),
            Cell::Int(self.brought_minor),
            json(&self.float),
            Cell::Int(self.opening_difference_minor),
            Cell::Int(self.paid_in_minor),
            Cell::Int(self.paid_out_minor),
            Cell::Int(i64::from(self.movement_count)),
            Cell::option(closing, |closing| json(&closing.count)),
            Cell::option(closing, |closing| Cell::Int(closing.expected_minor)),
            Cell::option(closing, |closing| Cell::Int(closing.deposited_minor)),
            Cell::option(closing, |closing| Cell::text(&closing.note)),
            Cell::option(closing, |closing| Cell::text(&closing.closed_by)),
            Cell::option(closing, |closing| Cell::Int(closing.closed_at.0)),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            id: read_id(row)?,
            merchant: row.parse()?,
            location: row.parse()?,
            currency: row.word(Currency::parse)?,
            opened_by: row.text()?,
            opened_at: Timestamp(row.int()?),
            carried_minor: row.int()?,
            brought_minor: row.int()?,
            float: row.json()?,
            opening_difference_minor: row.int()?,
            paid_in_minor: row.int()?,
            paid_out_minor: row.int()?,
            movement_count: row.small()?,
            closing: closing(row)?,
            version: row.int()?,
        })
    }
}

fn closing(row: &mut RowReader) -> Result<Option<Closing>, Corrupt> {
    let (count, expected, deposited) = (row.text_option()?, row.int_option()?, row.int_option()?);
    let (note, closed_by, closed_at) = (row.text_option()?, row.text_option()?, row.int_option()?);
    match (count, expected, deposited, note, closed_by, closed_at) {
        (None, None, None, None, None, None) => Ok(None),
        (Some(count), Some(expected_minor), Some(deposited_minor), Some(note), Some(closed_by), Some(at)) => {
            let Ok(count) = serde_json::from_str(&count) else { return row.make_no_sense() };
            let closed_at = Timestamp(at);
            Ok(Some(Closing { count, expected_minor, deposited_minor, note, closed_by, closed_at }))
        }
        _ => row.make_no_sense(),
    }
}

impl Stored for CashMovement {
    const TABLE: &'static Table = &table(
        "cash_movement",
        3,
        false,
        &[
            ("register_id", TEXT),
            ("shift_number", INT),
            ("number", INT),
            ("merchant_id", TEXT),
            ("direction", TEXT),
            ("purpose", TEXT),
            ("amount_minor", INT),
            ("reason", TEXT),
            ("moved_by", TEXT),
            ("moved_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend(id_cells(self.shift));
        cells.extend([
            Cell::Int(i64::from(self.number)),
            Cell::display(self.merchant),
            Cell::text(self.direction.as_str()),
            Cell::text(self.purpose.as_str()),
            Cell::Int(self.amount_minor),
            Cell::text(&self.reason),
            Cell::text(&self.moved_by),
            Cell::Int(self.moved_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            shift: read_id(row)?,
            number: row.small()?,
            merchant: row.parse()?,
            direction: row.word(Direction::parse)?,
            purpose: row.word(Purpose::parse)?,
            amount_minor: row.int()?,
            reason: row.text()?,
            moved_by: row.text()?,
            moved_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}
