//! The SmartConnect-compatible API: who is let in, registers that go by name, transactions.

use domain::smartconnect::{About, Access, Inquiry, PosIdentity, PosRegister, Transaction, TransactionType};
use domain::time::Timestamp;

use super::{BOOL, INT, Stored, TEXT, json, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Access {
    const TABLE: &'static Table = &table(
        "smartconnect_access",
        1,
        true,
        &[("merchant_id", TEXT), ("is_on", BOOL), ("networks", TEXT), ("version", INT)],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.merchant),
            Cell::Bool(self.is_on),
            json(&self.networks),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self { merchant: row.parse()?, is_on: row.bool()?, networks: row.json()?, version: row.int()? })
    }
}

impl Stored for PosRegister {
    const TABLE: &'static Table = &Table {
        name: "pos_register",
        key_len: 1,
        is_locked: false,
        unique: &[("pos_register_identity", &["pos_register_id", "business_name", "vendor_name"])],
        columns: &[
            ("register_id", TEXT),
            ("merchant_id", TEXT),
            ("pos_register_id", TEXT),
            ("business_name", TEXT),
            ("vendor_name", TEXT),
            ("name", TEXT),
            ("created_at", INT),
            ("version", INT),
        ],
    };

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let PosIdentity { register, business, vendor } = &self.identity;
        cells.extend([
            Cell::display(self.register),
            Cell::display(self.merchant),
            Cell::text(register),
            Cell::text(business),
            Cell::text(vendor),
            Cell::text(&self.name),
            Cell::Int(self.created_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            register: row.parse()?,
            merchant: row.parse()?,
            identity: PosIdentity { register: row.text()?, business: row.text()?, vendor: row.text()? },
            name: row.text()?,
            created_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}

impl Stored for Transaction {
    const TABLE: &'static Table = &table(
        "smartconnect_transaction",
        1,
        false,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("register_id", TEXT),
            ("terminal_id", TEXT),
            ("kind", TEXT),
            ("amount_minor", INT),
            ("cash_minor", INT),
            ("operation_id", TEXT),
            ("earlier_id", TEXT),
            ("known", TEXT),
            ("sale_id", TEXT),
            ("sale_data", TEXT),
            ("created_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::display(self.register),
            Cell::display(self.terminal),
            Cell::text(self.kind.as_str()),
            Cell::option(self.amount_minor, Cell::Int),
            Cell::option(self.cash_minor, Cell::Int),
        ]);
        cells.extend(match self.about {
            About::Money(operation) => [Cell::display(operation), Cell::Null, Cell::Null],
            About::Earlier(earlier) => [Cell::Null, Cell::option(earlier, Cell::display), Cell::Null],
            About::Known(inquiry) => [Cell::Null, Cell::Null, Cell::text(inquiry.as_str())],
        });
        cells.extend([
            Cell::option(self.sale_id.as_deref(), Cell::text),
            Cell::option(self.sale_data.as_deref(), Cell::text),
            Cell::Int(self.created_at.0),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (id, merchant, register, terminal) = (row.parse()?, row.parse()?, row.parse()?, row.parse()?);
        let kind = row.word(TransactionType::parse)?;
        let (amount_minor, cash_minor) = (row.int_option()?, row.int_option()?);
        let about = match (row.parse_option()?, row.parse_option()?, row.word_option(Inquiry::parse)?) {
            (Some(operation), None, None) => About::Money(operation),
            (None, earlier, None) => About::Earlier(earlier),
            (None, None, Some(inquiry)) => About::Known(inquiry),
            _ => return row.make_no_sense(),
        };
        Ok(Self {
            id,
            merchant,
            register,
            terminal,
            kind,
            amount_minor,
            cash_minor,
            about,
            sale_id: row.text_option()?,
            sale_data: row.text_option()?,
            created_at: Timestamp(row.int()?),
            version: row.int()?,
        })
    }
}
