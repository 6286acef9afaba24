//! `tillbridge check`: recomputes what can be recomputed and names every difference. It reads each table once in key
//! order, in pages, so a shop of any age is checked in bounded memory; the same code checks the simulator's memory.

mod books;
mod catalogue;
mod chain;
mod customers;
mod external_refs;
mod merchants;
mod mpos;
mod parked_sales;
mod points;
mod printing;
mod promotions;
mod provider_notices;
mod receipts;
mod returns;
mod shifts;
mod source;
mod stocktakes;
mod terminals;
mod trade;
mod transfers;
mod unreferenced_returns;
mod webhooks;

pub use source::{Snapshot, Source};

use crate::error::EngineError;

/// Something that must hold and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule, for example `stock_on_hand`.
    pub rule: &'static str,
    /// The id of the record.
    pub subject: String,
    /// What stands there and what should.
    pub words: String,
}

/// What was checked and what was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Rows read.
    pub rows: u64,
    /// What is wrong; at most [`FINDINGS_MAX`] are kept.
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    pub findings_total: u64,
}

/// Findings that are kept: the first hundred say what is wrong, the rest only how much.
pub const FINDINGS_MAX: usize = 100;

impl Report {
    /// Whether everything holds.
    pub fn is_clean(&self) -> bool {
        self.findings_total == 0
    }

    fn find(&mut self, rule: &'static str, subject: impl ToString, words: String) {
        self.findings_total += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { rule, subject: subject.to_string(), words });
        }
    }

    /// Notes a finding unless the two are equal.
    fn expect_equal<T: PartialEq + std::fmt::Debug + ?Sized>(
        &mut self,
        rule: &'static str,
        subject: impl ToString,
        stored: &T,
        computed: &T,
    ) {
        if stored != computed {
            self.find(rule, subject, format!("stored {stored:?}, recomputed {computed:?}"));
        }
    }
}

/// Checks everything. A row that cannot be read is a finding of its own and ends its part of the check.
pub fn check(source: &mut dyn Source) -> Result<Report, EngineError> {
    let mut report = Report::default();
    for part in [
        catalogue::barcodes,
        trade::stock,
        stocktakes::stocktakes,
        transfers::transfers,
        unreferenced_returns::unreferenced_returns,
        external_refs::subjects,
        trade::sales,
        merchants::issuers,
        customers::customers,
        points::points,
        parked_sales::parked_sales,
        receipts::receipts,
        printing::print_jobs,
        terminals::terminals,
        mpos::orders,
        provider_notices::notices,
        trade::payments,
        trade::attention,
        books::journal,
        shifts::drawers,
        webhooks::deliveries,
        chain::events_and_audit,
    ] {
        match part(source, &mut report) {
            Ok(()) => {}
            Err(EngineError::Corrupt(corrupt)) => report.find("row_readable", &corrupt.id, corrupt.to_string()),
            Err(error) => return Err(error),
        }
    }
    Ok(report)
}
