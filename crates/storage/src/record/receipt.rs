//! That a receipt was given.

use domain::locale::Locale;
use domain::receipt::{IssuedReceipt, Kind};
use domain::time::Timestamp;

use super::{BOOL, INT, Stored, TEXT, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for IssuedReceipt {
    const TABLE: &'static Table = &table(
        "receipt",
        2,
        false,
        &[
            ("sale_id", TEXT),
            ("number", INT),
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("kind", TEXT),
            ("return_number", INT),
            ("addressee", TEXT),
            ("proviso", TEXT),
            ("is_copy", BOOL),
            ("locale", TEXT),
            ("print_count", INT),
            ("issued_by", TEXT),
            ("issued_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let (addressee, proviso) = self.kind.texts();
        cells.extend([
            Cell::display(self.sale),
            Cell::Int(i64::from(self.number)),
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::text(self.kind.as_str()),
            Cell::option(self.kind.return_number(), |number| Cell::Int(i64::from(number))),
            Cell::option(addressee, Cell::text),
            Cell::option(proviso, Cell::text),
            Cell::Bool(self.is_copy),
            Cell::text(self.locale.as_str()),
            Cell::Int(i64::from(self.print_count)),
            Cell::text(&self.issued_by),
            Cell::Int(self.issued_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (sale, number, id, merchant) = (row.parse()?, row.small()?, row.parse()?, row.parse()?);
        let (name, return_number) = (row.text()?, row.small_option()?);
        let (addressee, proviso) = (row.text_option()?, row.text_option()?);
        let Some(kind) = Kind::parse(&name, addressee, proviso, return_number) else { return row.make_no_sense() };
        Ok(Self {
            sale,
            number,
            id,
            merchant,
            kind,
            is_copy: row.bool()?,
            locale: row.word(Locale::parse)?,
            print_count: row.small()?,
            issued_by: row.text()?,
            issued_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}
