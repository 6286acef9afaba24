//! Return, line, refund.

use domain::id::{OperationId, ReturnId, SaleId};
use domain::money::{Currency, Quantity};
use domain::returns::{Refund, RefundKind, Return, ReturnLine};
use domain::tax::TaxRate;
use domain::time::Timestamp;

use super::elsewhere::{elsewhere, origin_cell, recorded_at_cell};
use super::{BOOL, INT, Stored, TEXT, metadata, metadata_cell, table};
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
            ("metadata", TEXT),
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
            metadata_cell(&self.metadata),
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
            metadata: metadata(row)?,
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
            ("credit_sale_id", TEXT),
            ("credit_tender_id", TEXT),
            ("cash_minor", INT),
            ("released_at", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        const NONE: Cell<'_> = Cell::Null;
        let (way, shift, credit) = match self.kind {
            RefundKind::Cash { register, shift } => {
                ([Cell::display(register), NONE, NONE], shift, [NONE, NONE, NONE, NONE])
            }
            RefundKind::Electronic { operation: OperationId { payment, number } } => {
                ([NONE, Cell::display(payment), Cell::Int(i64::from(number))], None, [NONE, NONE, NONE, NONE])
            }
            RefundKind::ReturnCredit { sale, tender, cash_minor, released_at } => {
                let released = Cell::option(released_at, |at| Cell::Int(at.0));
                let credit = [Cell::display(sale), Cell::display(tender), Cell::Int(cash_minor), released];
                ([NONE, NONE, NONE], None, credit)
            }
            RefundKind::Recorded => ([NONE, NONE, NONE], None, [NONE, NONE, NONE, NONE]),
        };
        cells.extend(id_cells(self.origin));
        cells.extend([Cell::Int(i64::from(self.number)), Cell::display(self.merchant)]);
        cells.extend(way);
        cells.extend([
            Cell::Int(self.amount_minor),
            Cell::Int(self.created_at.0),
            Cell::option(shift, |number| Cell::Int(i64::from(number))),
        ]);
        cells.extend(credit);
        cells.push(Cell::Int(self.version));
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (origin, number, merchant) = (read_id(row)?, row.small()?, row.parse()?);
        let (register, payment, operation) = (row.parse_option()?, row.parse_option()?, row.small_option()?);
        let (amount_minor, created_at, shift) = (row.int()?, Timestamp(row.int()?), row.small_option()?);
        let kind = match (register, (payment, operation), credit(row)?) {
            (Some(register), (None, None), None) => RefundKind::Cash { register, shift },
            (None, (Some(payment), Some(number)), None) if shift.is_none() => {
                RefundKind::Electronic { operation: OperationId { payment, number } }
            }
            (None, (None, None), Some(credit)) if shift.is_none() => credit,
            (None, (None, None), None) if shift.is_none() => RefundKind::Recorded,
            _ => return row.make_no_sense(),
        };
        Ok(Self { origin, number, merchant, kind, amount_minor, created_at, version: row.int()? })
    }
}

/// What a refund gave to a sale, if it did.
fn credit(row: &mut RowReader) -> Result<Option<RefundKind>, Corrupt> {
    let (sale, tender) = (row.parse_option()?, row.parse_option()?);
    let (cash_minor, released_at) = (row.int_option()?, row.int_option()?.map(Timestamp));
    match (sale, tender, cash_minor, released_at) {
        (None, None, None, None) => Ok(None),
        (Some(sale), Some(tender), Some(cash_minor), released_at) => {
            Ok(Some(RefundKind::ReturnCredit { sale, tender, cash_minor, released_at }))
        }
        _ => row.make_no_sense(),
    }
}
