//! Operator.

use domain::operator::{Operator, OperatorRole, PinHash};
use domain::time::Timestamp;

use super::{BOOL, INT, Stored, TEXT};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Operator {
    const TABLE: &'static Table = &Table {
        name: "operator",
        key_len: 1,
        is_locked: true,
        unique: &[("operator_code", &["merchant_id", "code"]), ("operator_badge", &["merchant_id", "badge"])],
        columns: &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("code", TEXT),
            ("name", TEXT),
            ("role", TEXT),
            ("pin_hash", TEXT),
            ("badge", TEXT),
            ("is_active", BOOL),
            ("attempts", INT),
            ("locked_until", INT),
            ("created_at", INT),
            ("version", INT),
        ],
    };

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::text(&self.code),
            Cell::text(&self.name),
            Cell::text(self.role.as_str()),
            Cell::text(self.pin.expose()),
            Cell::option(self.badge.as_deref(), Cell::text),
            Cell::Bool(self.is_active),
            Cell::Int(i64::from(self.attempts)),
            Cell::option(self.locked_until, |at| Cell::Int(at.0)),
            Cell::Int(self.created_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            id: row.parse()?,
            merchant: row.parse()?,
            code: row.text()?,
            name: row.text()?,
            role: row.word(OperatorRole::parse)?,
            pin: PinHash::new(row.text()?),
            badge: row.text_option()?,
            is_active: row.bool()?,
            attempts: row.small()?,
            locked_until: row.int_option()?.map(Timestamp),
            created_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}
