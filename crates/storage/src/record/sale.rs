//! Sale, line, tender.

use domain::money::{Currency, Quantity, UnitPrice};
use domain::sale::{Buyer, Consumption, Sale, SaleLine, State, Tender, TenderKind, TenderState};
use domain::tax::{PriceMode, Rounding, TaxRate, TaxTerms};
use domain::time::Timestamp;

use super::elsewhere::{elsewhere, origin_cell, recorded_at_cell};
use super::merchant::points_rule;
use super::{BOOL, INT, Stored, TEXT, json, metadata, metadata_cell, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Sale {
    const TABLE: &'static Table = &table(
        "sale",
        1,
        true,
        &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("location_id", TEXT),
            ("register_id", TEXT),
            ("currency", TEXT),
            ("state", TEXT),
            ("total_minor", INT),
            ("tax_minor", INT),
            ("line_count", INT),
            ("receipt_number", TEXT),
            ("note", TEXT),
            ("opened_at", INT),
            ("closed_at", INT),
            ("reserved_until", INT),
            ("operator_id", TEXT),
            ("price_mode", TEXT),
            ("tax_rounding", TEXT),
            ("discounts", TEXT),
            ("shift_number", INT),
            ("consumption", TEXT),
            ("customer_id", TEXT),
            ("minor_per_point", INT),
            ("origin", TEXT),
            ("recorded_at", INT),
            ("metadata", TEXT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::display(self.location),
            Cell::display(self.register),
            Cell::display(self.currency),
            Cell::text(self.state.as_str()),
            Cell::Int(self.total_minor),
            Cell::Int(self.tax_minor),
            Cell::Int(i64::from(self.line_count)),
            Cell::option(self.receipt_number.as_deref(), Cell::text),
            Cell::text(&self.note),
            Cell::Int(self.opened_at.0),
            Cell::option(self.closed_at, |at| Cell::Int(at.0)),
            Cell::Int(self.reserved_until.0),
            Cell::option(self.operator, Cell::display),
            Cell::text(self.tax_terms.price_mode.as_str()),
            Cell::text(self.tax_terms.rounding.as_str()),
            Cell::option((!self.discounts.is_empty()).then_some(&self.discounts), json),
            Cell::option(self.shift, |number| Cell::Int(i64::from(number))),
            Cell::text(self.consumption.as_str()),
            Cell::option(self.customer(), Cell::display),
            Cell::option(self.buyer.and_then(|buyer| buyer.points), |rule| Cell::Int(rule.minor_per_point())),
            origin_cell(self.elsewhere.as_ref()),
            recorded_at_cell(self.elsewhere.as_ref()),
            metadata_cell(&self.metadata),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            id: row.parse()?,
            merchant: row.parse()?,
            location: row.parse()?,
            register: row.parse()?,
            currency: row.word(Currency::parse)?,
            state: row.word(State::parse)?,
            total_minor: row.int()?,
            tax_minor: row.int()?,
            line_count: row.small()?,
            receipt_number: row.text_option()?,
            note: row.text()?,
            opened_at: Timestamp(row.int()?),
            closed_at: row.int_option()?.map(Timestamp),
            reserved_until: Timestamp(row.int()?),
            operator: row.parse_option()?,
            tax_terms: TaxTerms { price_mode: row.word(PriceMode::parse)?, rounding: row.word(Rounding::parse)? },
            discounts: row.word_option(|text| serde_json::from_str(text).ok())?.unwrap_or_default(),
            shift: row.small_option()?,
            consumption: row.word(Consumption::parse)?,
            buyer: buyer(row)?,
            elsewhere: elsewhere(row)?,
            metadata: metadata(row)?,
            version: row.int()?,
        })
    }
}

fn buyer(row: &mut RowReader) -> Result<Option<Buyer>, Corrupt> {
    match (row.parse_option()?, points_rule(row)?) {
        (None, None) => Ok(None),
        (Some(customer), points) => Ok(Some(Buyer { customer, points })),
        (None, Some(_)) => row.make_no_sense(),
    }
}

impl Stored for SaleLine {
    const TABLE: &'static Table = &table(
        "sale_line",
        2,
        false,
        &[
            ("sale_id", TEXT),
            ("number", INT),
            ("merchant_id", TEXT),
            ("article_id", TEXT),
            ("name", TEXT),
            ("quantity", INT),
            ("unit_price", INT),
            ("tax_class", TEXT),
            ("tax_rate", INT),
            ("amount_minor", INT),
            ("is_stocked", BOOL),
            ("is_removed", BOOL),
            ("discount_minor", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.sale),
            Cell::Int(i64::from(self.number)),
            Cell::display(self.merchant),
            Cell::display(self.article),
            Cell::text(&self.name),
            Cell::Int(self.quantity.0),
            Cell::Int(self.unit_price.0),
            Cell::text(&self.tax_class),
            Cell::Int(i64::from(self.tax_rate.0)),
            Cell::Int(self.amount_minor),
            Cell::Bool(self.is_stocked),
            Cell::Bool(self.is_removed),
            Cell::Int(self.discount_minor),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            sale: row.parse()?,
            number: row.small()?,
            merchant: row.parse()?,
            article: row.parse()?,
            name: row.text()?,
            quantity: Quantity(row.int()?),
            unit_price: UnitPrice(row.int()?),
            tax_class: row.text()?,
            tax_rate: TaxRate(row.small()?),
            amount_minor: row.int()?,
            is_stocked: row.bool()?,
            is_removed: row.bool()?,
            discount_minor: row.int()?,
            version: row.int()?,
        })
    }
}

impl Stored for Tender {
    const TABLE: &'static Table = &table(
        "tender",
        2,
        false,
        &[
            ("sale_id", TEXT),
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("kind", TEXT),
            ("given_minor", INT),
            ("change_minor", INT),
            ("payment_id", TEXT),
            ("amount_minor", INT),
            ("state", TEXT),
            ("return_id", TEXT),
            ("cash_minor", INT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        const NONE: Cell<'_> = Cell::Null;
        let (cash, payment, credit) = match self.kind {
            TenderKind::Cash { given_minor, change_minor } => {
                ([Cell::Int(given_minor), Cell::Int(change_minor)], NONE, [NONE, NONE])
            }
            TenderKind::Electronic { payment } => ([NONE, NONE], Cell::display(payment), [NONE, NONE]),
            TenderKind::ReturnCredit { origin, cash_minor } => {
                ([NONE, NONE], NONE, [Cell::display(origin), Cell::Int(cash_minor)])
            }
            TenderKind::Recorded => ([NONE, NONE], NONE, [NONE, NONE]),
        };
        cells.extend([
            Cell::display(self.sale),
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::text(self.kind.as_str()),
        ]);
        cells.extend(cash);
        cells.extend([payment, Cell::Int(self.amount_minor), Cell::text(self.state.as_str())]);
        cells.extend(credit);
        cells.push(Cell::Int(self.version));
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (sale, id, merchant) = (row.parse()?, row.parse()?, row.parse()?);
        let kind = row.text()?;
        let (given, change, payment) = (row.int_option()?, row.int_option()?, row.parse_option()?);
        let (amount_minor, state) = (row.int()?, row.word(TenderState::parse)?);
        let kind = match (kind.as_str(), (given, change), payment, (row.parse_option()?, row.int_option()?)) {
            ("cash", (Some(given_minor), Some(change_minor)), None, (None, None)) => {
                TenderKind::Cash { given_minor, change_minor }
            }
            ("electronic", (None, None), Some(payment), (None, None)) => TenderKind::Electronic { payment },
            ("return_credit", (None, None), None, (Some(origin), Some(cash_minor))) => {
                TenderKind::ReturnCredit { origin, cash_minor }
            }
            ("recorded", (None, None), None, (None, None)) => TenderKind::Recorded,
            _ => return row.make_no_sense(),
        };
        Ok(Self { sale, id, merchant, kind, amount_minor, state, version: row.int()? })
    }
}
