//! That a sale was set aside.

use domain::sale::ParkedSale;
use domain::time::Timestamp;

use super::{INT, Stored, TEXT, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for ParkedSale {
    const TABLE: &'static Table = &table(
        "parked_sale",
        1,
        false,
        &[
            ("sale_id", TEXT),
            ("merchant_id", TEXT),
            ("location_id", TEXT),
            ("name", TEXT),
            ("parked_by", TEXT),
            ("parked_at", INT),
            ("taken_up_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.sale),
            Cell::display(self.merchant),
            Cell::display(self.location),
            Cell::text(&self.name),
            Cell::text(&self.parked_by),
            Cell::Int(self.parked_at.0),
            Cell::option(self.taken_up_at, |at| Cell::Int(at.0)),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            sale: row.parse()?,
            merchant: row.parse()?,
            location: row.parse()?,
            name: row.text()?,
            parked_by: row.text()?,
            parked_at: Timestamp(row.int()?),
            taken_up_at: row.int_option()?.map(Timestamp),
            version: row.int()?,
        })
    }
}
