//! Under which id another system knows a record.

use domain::external_ref::{ExternalId, ExternalRef, Subject};
use domain::time::Timestamp;

use super::{INT, Stored, TEXT, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for ExternalRef {
    const TABLE: &'static Table = &table(
        "external_ref",
        4,
        false,
        &[
            ("merchant_id", TEXT),
            ("system", TEXT),
            ("external_id", TEXT),
            ("kind", TEXT),
            ("subject_id", TEXT),
            ("read_with", TEXT),
            ("created_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.merchant),
            Cell::text(self.external.system()),
            Cell::text(self.external.id()),
            Cell::text(self.subject.kind().as_str()),
            Cell::display(self.subject),
            Cell::display(self.subject.read_with()),
            Cell::Int(self.created_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (merchant, external) = (row.parse()?, ExternalId::stored(row.text()?, row.text()?));
        let (kind, subject) = (row.text()?, row.word(Subject::parse)?);
        let read_with = row.text()?;
        if kind != subject.kind().as_str() || read_with != subject.read_with() {
            return row.make_no_sense();
        }
        Ok(Self { merchant, external, subject, created_at: Timestamp(row.int()?), version: row.int()? })
    }
}
