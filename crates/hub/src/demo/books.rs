//! The day in the hub's books: the Z reports of its registers added up.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answers::Counted;
use super::answers::{Payment, ShiftReport};
use super::shop::Place;
use super::tally::{Sum, Tally, TaxSum, Tender};
use super::wallet::WALLETS;

/// One register after its day: what it remembers, and what the hub says.
pub struct ClosedRegister {
    pub place: Place,
    pub tally: Tally,
    pub report: ShiftReport,
}

/// What there is to say about the day.
#[derive(Default)]
pub struct Day {
    pub registers: Vec<ClosedRegister>,
    /// What all registers remember together.
    pub tally: Tally,
    /// All payments, at rest.
    pub payments: Vec<Payment>,
    /// What was counted on the shelves.
    pub counted: Vec<Counted>,
    pub books: Books,
    /// From the first customer to the last.
    pub sold_in: Duration,
    /// From then until nothing was open and the drawers were counted.
    pub closed_in: Duration,
}

/// The Z reports together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Books {
    pub sales: Sum,
    pub tenders: BTreeMap<Tender, Sum>,
    /// By rate in basis points.
    pub taxes: BTreeMap<u32, TaxSum>,
    pub off_minor: i64,
    pub returns: Sum,
    /// What providers gave back for what came back.
    pub refunds: Sum,
    /// Payments that nobody can tell the outcome of.
    pub in_doubt: usize,
}

impl Books {
    /// Adds the reports up.
    pub fn of<'a>(reports: impl Iterator<Item = &'a ShiftReport>) -> Self {
        let mut books = Self::default();
        reports.for_each(|report| books.add(report));
        books
    }

    fn add(&mut self, report: &ShiftReport) {
        let totals = &report.totals;
        self.sales.plus(Sum { count: totals.sales.count, amount_minor: totals.sales.gross_minor });
        self.returns.plus(Sum { count: totals.returns.count, amount_minor: totals.returns.gross_minor });
        self.refunds.plus(Sum { count: totals.refunds.count, amount_minor: totals.refunds.amount_minor });
        self.off_minor += totals.discounts.amount_minor;
        self.in_doubt += report.in_doubt.len();
        let cash = totals.tenders.cash;
        let cash = Sum { count: cash.count, amount_minor: cash.given_minor - cash.change_minor };
        self.tenders.entry(Tender::Cash).or_default().plus(cash);
        for one in &totals.tenders.electronic {
            let wallet = WALLETS.iter().find(|wallet| wallet.provider == one.provider);
            let tender = match (wallet, one.provider.as_str()) {
                (Some(wallet), _) => Tender::Wallet(*wallet),
                (None, "manual") => Tender::Manual,
                (None, "terminal") => Tender::Terminal,
                (None, _) => Tender::Sandbox,
            };
            let sum = Sum { count: one.count, amount_minor: one.amount_minor };
            self.tenders.entry(tender).or_default().plus(sum);
        }
        for tax in &totals.taxes {
            let sum = self.taxes.entry(tax.rate_basis_points).or_default();
            sum.net_minor += tax.net_minor;
            sum.tax_minor += tax.tax_minor;
            sum.gross_minor += tax.gross_minor;
        }
    }

    /// Whether they say what the registers remember.
    pub fn agree_with(&self, tally: &Tally) -> bool {
        self.sales == tally.sales
            && self.tenders == tally.tenders
            && self.taxes == tally.taxes
            && self.returns == tally.returns
            && self.off_minor == tally.promotions.amount_minor + tally.discounts.amount_minor
    }
}
