//! Goods that came back without their sale.

use domain::money::{Currency, Rounding};
use domain::tax::{PriceMode, TaxTerms};
use domain::time::Timestamp;
use domain::unreferenced_return::UnreferencedReturn;

use super::elsewhere::{elsewhere, origin_cell, recorded_at_cell};
use super::{INT, Stored, TEXT, json, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for UnreferencedReturn {
    const TABLE: &'static Table = &table(
        "unreferenced_return",
        1,
        false,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("location_id", TEXT),
            ("register_id", TEXT),
            ("shift_number", INT),
            ("operator_id", TEXT),
            ("currency", TEXT),
            ("price_mode", TEXT),
            ("tax_rounding", TEXT),
            ("lines", TEXT),
            ("total_minor", INT),
            ("tax_minor", INT),
            ("receipt_number", TEXT),
            ("reason", TEXT),
            ("created_at", INT),
            ("origin", TEXT),
            ("recorded_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::display(self.location),
            Cell::display(self.register),
            Cell::option(self.shift, |number| Cell::Int(i64::from(number))),
            Cell::option(self.operator, Cell::display),
            Cell::display(self.currency),
            Cell::text(self.tax_terms.price_mode.as_str()),
            Cell::text(self.tax_terms.rounding.as_str()),
            json(&self.lines),
            Cell::Int(self.total_minor),
            Cell::Int(self.tax_minor),
            Cell::text(&self.receipt_number),
            Cell::text(&self.reason),
            Cell::Int(self.created_at.0),
            origin_cell(self.elsewhere.as_ref()),
            recorded_at_cell(self.elsewhere.as_ref()),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            id: row.parse()?,
            merchant: row.parse()?,
            location: row.parse()?,
            register: row.parse()?,
            shift: row.small_option()?,
            operator: row.parse_option()?,
            currency: row.word(Currency::parse)?,
            tax_terms: TaxTerms { price_mode: row.word(PriceMode::parse)?, rounding: row.word(Rounding::parse)? },
            lines: row.json()?,
            total_minor: row.int()?,
            tax_minor: row.int()?,
            receipt_number: row.text()?,
            reason: row.text()?,
            created_at: Timestamp(row.int()?),
            elsewhere: elsewhere(row)?,
            version: row.int()?,
        })
    }
}
