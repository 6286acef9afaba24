//! Return, line, refund.

use domain::id::{OperationId, ReturnId, SaleId};
use domain::money::{Currency, Quantity};
use domain::returns::{Refund, RefundKind, Return, ReturnLine};
use domain::tax::TaxRate;
use domain::time::Timestamp;

use super::elsewhere::{elsewhere, origin_cell, recorded_at_cell};
use super::{BOOL, INT, Stored, TEXT, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

fn id_cells<'a>(id: ReturnId) -> [Cell<'a>; 2] {
    [Cell::display(id.sale), Cell::Int(i64::from(id.number))]
}

fn read_id(row: &mut RowReader) -> Result<ReturnId, Corrupt> {
    Ok(ReturnId { sale: row.parse::<SaleId>()?, number: row.small()? })
}

impl Stored for Return {
    const TABLE: &'static Table = &table(
        "return",
        2,
        false,
        &[
            ("sale_id", TEXT),
            ("number", INT),
            ("merchant_id", TEXT),
            ("location_id", TEXT),
            ("register_id", TEXT),
            ("currency", TEXT),
            ("total_minor", INT),
            ("tax_minor", INT),
            ("receipt_number", TEXT),
            ("reason", TEXT),
            ("created_at", INT),
            ("shift_number", INT),
            ("origin", TEXT),
            ("recorded_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend(id_cells(self.id));
        cells.extend([
            Cell::display(self.merchant),
            Cell::display(self.location),
            Cell::display(self.register),
            Cell::display(self.currency),
            Cell::Int(self.total_minor),
            Cell::Int(self.tax_minor),
            Cell::text(&self.receipt_number),
            Cell::text(&self.reason),
            Cell::Int(self.created_at.0),
            Cell::option(self.shift, |number| Cell::Int(i64::from(number))),
            origin_cell(self.elsewhere.as_ref()),
            recorded_at_cell(self.elsewhere.as_ref()),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            id: read_id(row)?,
            merchant: row.parse()?,
            location: row.parse()?,
            register: row.parse()?,
            currency: row.word(Currency::parse)?,
            total_minor: row.int()?,
            tax_minor: row.int()?,
            receipt_number: row.text()?,
            reason: row.text()?,
            created_at: Timestamp(row.int()?),
            shift: row.small_option()?,
            elsewhere: elsewhere(row)?,
            version: row.int()?,
        })
    }
}

impl Stored for ReturnLine {
    const TABLE: &'static Table = &table(
        "return_line",
        3,
        false,
        &[
            ("sale_id", TEXT),
            ("return_number", INT),
            ("number", INT),
            ("merchant_id", TEXT),
            ("article_id", TEXT),
            ("name", TEXT),
            ("quantity", INT),
            ("tax_rate", INT),
            ("amount_minor", INT),
            ("is_restocked", BOOL),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend(id_cells(self.origin));
        cells.extend([
            Cell::Int(i64::from(self.number)),
            Cell::display(self.merchant),
            Cell::display(self.article),
            Cell::text(&self.name),
            Cell::Int(self.quantity.0),
            Cell::Int(i64::from(self.tax_rate.0)),
            Cell::Int(self.amount_minor),
            Cell::Bool(self.is_restocked),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            origin: read_id(row)?,
            number: row.small()?,
            merchant: row.parse()?,
            article: row.parse()?,
            name: row.text()?,
            quantity: Quantity(row.int()?),
            tax_rate: TaxRate(row.small()?),
            amount_minor: row.int()?,
            is_restocked: row.bool()?,
            version: row.int()?,
        })
    }
}

impl Stored for Refund {
    const TABLE: &'static Table = &table(
        "refund",
        3,
        false,
        &[
            ("sale_id", TEXT),
            ("return_number", INT),
            ("number", INT),
            ("merchant_id", TEXT),
            ("register_id", TEXT),
            ("payment_id", TEXT),
            ("operation_number", INT),
            ("amount_minor", INT),
            ("created_at", INT),
            ("shift_number", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let (way, shift) = match self.kind {
            RefundKind::Cash { register, shift } => ([Cell::display(register), Cell::Null, Cell::Null], shift),
            RefundKind::Electronic { operation: OperationId { payment, number } } => {
                ([Cell::Null, Cell::display(payment), Cell::Int(i64::from(number))], None)
            }
            RefundKind::Recorded => ([Cell::Null, Cell::Null, Cell::Null], None),
        };
        cells.extend(id_cells(self.origin));
        cells.extend([Cell::Int(i64::from(self.number)), Cell::display(self.merchant)]);
        cells.extend(way);
        cells.extend([
            Cell::Int(self.amount_minor),
            Cell::Int(self.created_at.0),
            Cell::option(shift, |number| Cell::Int(i64::from(number))),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (origin, number, merchant) = (read_id(row)?, row.small()?, row.parse()?);
        let (register, payment, operation) = (row.parse_option()?, row.parse_option()?, row.small_option()?);
        let (amount_minor, created_at) = (row.int()?, Timestamp(row.int()?));
        let kind = match (register, row.small_option()?, payment, operation) {
            (Some(register), shift, None, None) => RefundKind::Cash { register, shift },
            (None, None, Some(payment), Some(number)) => {
                RefundKind::Electronic { operation: OperationId { payment, number } }
            }
            (None, None, None, None) => RefundKind::Recorded,
            _ => return row.make_no_sense(),
        };
        Ok(Self { origin, number, merchant, kind, amount_minor, created_at, version: row.int()? })
    }
}
