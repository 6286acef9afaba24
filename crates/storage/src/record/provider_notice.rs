//! What a provider told by itself and no rule makes an outcome of.

use domain::provider_notice::{Kind, ProviderNotice};
use domain::time::Timestamp;

use super::{BOOL, INT, Stored, TEXT, json, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for ProviderNotice {
    const TABLE: &'static Table = &table(
        "provider_notice",
        2,
        false,
        &[
            ("connection_id", TEXT),
            ("notice_id", TEXT),
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("kind", TEXT),
            ("payment_id", TEXT),
            ("amount_minor", INT),
            ("is_signed", BOOL),
            ("fields", TEXT),
            ("received_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.connection),
            Cell::text(&self.notice_id),
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::text(self.kind.as_str()),
            Cell::option(self.payment, Cell::display),
            Cell::option(self.amount_minor, Cell::Int),
            Cell::Bool(self.is_signed),
            json(&self.fields),
            Cell::Int(self.received_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            connection: row.parse()?,
            notice_id: row.text()?,
            id: row.parse()?,
            merchant: row.parse()?,
            kind: row.word(Kind::parse)?,
            payment: row.parse_option()?,
            amount_minor: row.int_option()?,
            is_signed: row.bool()?,
            fields: row.json()?,
            received_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}
