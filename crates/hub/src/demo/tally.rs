//! What the registers remember of the day: their side of the books, held against the hub's at the end.

use std::collections::BTreeMap;

use domain::decimal;
use domain::money::QUANTITY_PLACES;

use super::api::{Return, Sale};

/// A sum.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    pub count: u64,
    pub amount_minor: i64,
}

impl Sum {
    /// One more.
    pub const fn add(&mut self, amount_minor: i64) {
        self.count += 1;
        self.amount_minor += amount_minor;
    }
}

/// What one tax rate came to.
#[derive(Debug, Default, Clone, Copy)]
pub struct TaxSum {
    pub net_minor: i64,
    pub tax_minor: i64,
    pub gross_minor: i64,
}

/// How the truth about a payment was found.
#[derive(Debug, Clone)]
pub struct Found {
    pub ms: u128,
    pub witness: String,
}

/// Who took the money of an electronic tender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tender {
    Cash,
    Sandbox,
    Manual,
}

/// The day.
#[derive(Debug, Default)]
pub struct Tally {
    pub sales: u64,
    pub total_minor: i64,
    pub tenders: BTreeMap<Tender, Sum>,
    /// By rate in basis points.
    pub taxes: BTreeMap<u32, TaxSum>,
    /// Less what came back, in thousandths, by article id.
    pub sold: BTreeMap<String, i64>,
    pub declined: Sum,
    pub lost_reply: Option<Found>,
    pub pending: Option<Found>,
    /// The payment that was approved late, and what was asked.
    pub late: Option<(String, i64)>,
    pub returns: Sum,
    /// The numbers on the receipts of returns.
    pub return_numbers: Vec<String>,
    pub steps: u64,
    pub stock_outs: u64,
    pub repeats: u64,
    /// How long each cash sale took, in microseconds.
    pub cash_us: Vec<u128>,
    /// Where the hub did something else than the register expected.
    pub surprises: Vec<String>,
}

impl Tally {
    /// A sale that is over.
    pub fn note_sale(&mut self, sale: &Sale, electronic: Tender) {
        self.sales += 1;
        self.total_minor += sale.total_minor;
        for tender in sale.tenders.iter().filter(|tender| tender.state == "paid") {
            let kind = if tender.kind == "cash" { Tender::Cash } else { electronic };
            self.tenders.entry(kind).or_default().add(tender.amount_minor);
        }
        for tax in &sale.taxes {
            let sum = self.taxes.entry(tax.rate_basis_points).or_default();
            sum.net_minor += tax.net_minor;
            sum.tax_minor += tax.tax_minor;
            sum.gross_minor += tax.gross_minor;
        }
        for line in &sale.lines {
            *self.sold.entry(line.article_id.clone()).or_default() += thousandths(&line.quantity).unwrap_or(0);
        }
    }

    /// Goods that came back.
    pub fn note_return(&mut self, back: &Return) {
        self.returns.add(back.total_minor);
        self.return_numbers.push(back.receipt_number.clone());
        for line in &back.lines {
            *self.sold.entry(line.article_id.clone()).or_default() -= thousandths(&line.quantity).unwrap_or(0);
        }
    }

    /// A cash sale's time that so many of a hundred did not exceed, in microseconds.
    pub fn cash_percentile_us(&self, percent: usize) -> u128 {
        let mut sorted = self.cash_us.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(place).copied().unwrap_or(0)
    }
}

/// The thousandths of a decimal text of a quantity.
pub fn thousandths(text: &str) -> Option<i64> {
    decimal::parse(text, QUANTITY_PLACES)
}

/// The decimal text of a quantity in thousandths.
pub fn quantity(thousandths: i64) -> String {
    decimal::format(thousandths, QUANTITY_PLACES)
}
