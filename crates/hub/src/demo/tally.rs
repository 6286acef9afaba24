//! What the registers remember of the day: their side of the books, held against the hub's at the end.

use std::collections::BTreeMap;

use domain::decimal;
use domain::money::QUANTITY_PLACES;

use super::answers::{Payment, Return, Sale};
use super::wallet::Name;

/// A sum.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    pub count: u64,
    pub amount_minor: i64,
}

impl Sum {
    /// One more.
    pub const fn add(&mut self, amount_minor: i64) {
        self.plus(Self { count: 1, amount_minor });
    }

    /// So many more.
    pub const fn plus(&mut self, other: Self) {
        self.count += other.count;
        self.amount_minor += other.amount_minor;
    }
}

/// What one tax rate came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
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

impl Found {
    /// How that about the charge of this payment was found, after so long.
    pub fn of(payment: &Payment, ms: u128) -> Self {
        let witness = payment.operations.first().and_then(|operation| operation.witness.clone());
        Self { ms, witness: witness.unwrap_or_default() }
    }
}

/// How it was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tender {
    Cash,
    Sandbox,
    Terminal,
    Wallet(Name),
    Manual,
}

/// What one register remembers.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    pub sales: Sum,
    pub tenders: BTreeMap<Tender, Sum>,
    /// By rate in basis points.
    pub taxes: BTreeMap<u32, TaxSum>,
    /// Less what came back, in thousandths, by article id.
    pub sold: BTreeMap<String, i64>,
    /// What the drawer holds.
    pub drawer_minor: i64,
    pub promotions: Sum,
    pub discounts: Sum,
    pub returns: Sum,
    /// The numbers on the receipts of returns.
    pub return_numbers: Vec<String>,
    pub declined: Sum,
    /// Paid by a wallet's code that the shop showed, and that the customer showed.
    pub codes_shown: Sum,
    pub codes_scanned: Sum,
    pub lost_reply: Option<Found>,
    pub lost_wallet_reply: Option<Found>,
    pub confirmed: Option<Found>,
    /// The payment on the terminal whose plug was pulled.
    pub plug_pulled: Option<Found>,
    /// The payment that was approved late, and what was asked.
    pub late: Option<(String, i64)>,
    pub lines_taken_off: u64,
    pub stock_outs: u64,
    pub last_piece_sold: u64,
    pub last_piece_refused: u64,
    pub repeats: u64,
    pub taken_up: u64,
    pub eaten_in: Sum,
    pub points_earned: i64,
    pub points_redeemed: i64,
    /// How long each cash sale took, in microseconds.
    pub cash_us: Vec<u128>,
    /// Where the hub did something else than the register expected.
    pub surprises: Vec<String>,
}

impl Tally {
    /// A sale that is over.
    pub fn note_sale(&mut self, sale: &Sale, electronic: Tender) {
        self.sales.add(sale.total_minor);
        for tender in sale.tenders.iter().filter(|tender| tender.state == "paid") {
            let kind = if tender.kind == "cash" { Tender::Cash } else { electronic };
            self.tenders.entry(kind).or_default().add(tender.amount_minor);
            if kind == Tender::Cash {
                self.drawer_minor += tender.amount_minor;
            }
        }
        for tax in &sale.taxes {
            let sum = self.taxes.entry(tax.rate_basis_points).or_default();
            sum.net_minor += tax.net_minor;
            sum.tax_minor += tax.tax_minor;
            sum.gross_minor += tax.gross_minor;
        }
        for discount in &sale.discounts {
            let sum = if discount.kind == "promotion" { &mut self.promotions } else { &mut self.discounts };
            sum.add(discount.amount_minor);
        }
        for line in &sale.lines {
            *self.sold.entry(line.article_id.clone()).or_default() += thousandths(&line.quantity).unwrap_or(0);
        }
        self.points_earned += sale.points_earned.unwrap_or(0);
    }

    /// Goods that came back.
    pub fn note_return(&mut self, back: &Return) {
        self.returns.add(back.total_minor);
        self.return_numbers.push(back.receipt_number.clone());
        if back.refunds.iter().all(|refund| refund.kind == "cash") {
            self.drawer_minor -= back.total_minor;
        }
        for line in &back.lines {
            *self.sold.entry(line.article_id.clone()).or_default() -= thousandths(&line.quantity).unwrap_or(0);
        }
    }

    /// Both registers together.
    pub fn plus(mut self, other: Self) -> Self {
        self.sales.plus(other.sales);
        for (tender, sum) in other.tenders {
            self.tenders.entry(tender).or_default().plus(sum);
        }
        for (rate, more) in other.taxes {
            let sum = self.taxes.entry(rate).or_default();
            sum.net_minor += more.net_minor;
            sum.tax_minor += more.tax_minor;
            sum.gross_minor += more.gross_minor;
        }
        for (article, quantity) in other.sold {
            *self.sold.entry(article).or_default() += quantity;
        }
        for (own, more) in [
            (&mut self.promotions, other.promotions),
            (&mut self.discounts, other.discounts),
            (&mut self.returns, other.returns),
            (&mut self.declined, other.declined),
            (&mut self.codes_shown, other.codes_shown),
            (&mut self.codes_scanned, other.codes_scanned),
            (&mut self.eaten_in, other.eaten_in),
        ] {
            own.plus(more);
        }
        self.return_numbers.extend(other.return_numbers);
        self.cash_us.extend(other.cash_us);
        self.surprises.extend(other.surprises);
        Self {
            drawer_minor: self.drawer_minor + other.drawer_minor,
            lost_reply: self.lost_reply.or(other.lost_reply),
            lost_wallet_reply: self.lost_wallet_reply.or(other.lost_wallet_reply),
            confirmed: self.confirmed.or(other.confirmed),
            plug_pulled: self.plug_pulled.or(other.plug_pulled),
            late: self.late.or(other.late),
            lines_taken_off: self.lines_taken_off + other.lines_taken_off,
            stock_outs: self.stock_outs + other.stock_outs,
            last_piece_sold: self.last_piece_sold + other.last_piece_sold,
            last_piece_refused: self.last_piece_refused + other.last_piece_refused,
            repeats: self.repeats + other.repeats,
            taken_up: self.taken_up + other.taken_up,
            points_earned: self.points_earned + other.points_earned,
            points_redeemed: self.points_redeemed + other.points_redeemed,
            ..self
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
