//! What came back of a sale is no more than was sold, and no more is given back for it than it is worth.

use std::collections::BTreeMap;

use domain::returns::{Refund, RefundKind, Return, ReturnLine};
use domain::sale::{Sale, SaleLine, State};

use super::Report;
use super::source::{Records, Source};
use super::trade::ReceiptNumbers;
use crate::error::EngineError;

/// The returns of all sales, read along with the sales.
pub(super) struct Returns {
    returns: Records<Return>,
    lines: Records<ReturnLine>,
    refunds: Records<Refund>,
}

impl Returns {
    pub fn new(source: &mut dyn Source, report: &mut Report) -> Result<Self, EngineError> {
        Ok(Self {
            returns: Records::new(source, report)?,
            lines: Records::new(source, report)?,
            refunds: Records::new(source, report)?,
        })
    }

    /// Checks the returns of the next sale.
    pub fn check(
        &mut self,
        sale: &Sale,
        sold: &[SaleLine],
        receipts: &mut ReceiptNumbers,
        source: &mut dyn Source,
        report: &mut Report,
    ) -> Result<(), EngineError> {
        let returns = self.returns.children(&sale.id, |one| one.id.sale, source, report)?;
        let lines = self.lines.children(&sale.id, |line| line.origin.sale, source, report)?;
        let refunds = self.refunds.children(&sale.id, |refund| refund.origin.sale, source, report)?;
        for (number, one) in (1..).zip(&returns) {
            report.expect_equal("return_number_gapless", one.id, &one.id.number, &number);
            if one.elsewhere.is_none() {
                receipts.note(one.merchant, one.register, &one.receipt_number, report);
            }
            check_recorded(one, &refunds, report);
            check_amounts(one, &lines, &refunds, report);
        }
        if !returns.is_empty() && sale.state != State::Completed {
            report.find("return_of_completed_sale", sale.id, format!("goods of a sale that is {:?}", sale.state));
        }
        let known = |number| returns.iter().any(|one| one.id.number == number);
        let origins = lines.iter().map(|line| line.origin).chain(refunds.iter().map(|refund| refund.origin));
        for origin in origins.filter(|origin| !known(origin.number)) {
            report.find("child_has_parent", origin, "a row of a return that is not there".to_owned());
        }
        check_quantities(sale, sold, &lines, report);
        let returned_minor: i64 = returns.iter().map(|one| one.total_minor).sum();
        if returned_minor > sale.total_minor {
            report.find("return_within_sale", sale.id, format!("{returned_minor} came back of {}", sale.total_minor));
        }
        Ok(())
    }
}

/// A refund by a provider may fail and be asked for again; what left a drawer did not fail.
fn check_amounts(one: &Return, lines: &[ReturnLine], refunds: &[Refund], report: &mut Report) {
    let of_return = lines.iter().filter(|line| line.origin == one.id).map(|line| line.amount_minor);
    let amount: i64 = of_return.sum();
    // Where tax comes on top the total is larger than its lines by exactly that tax.
    if one.total_minor != amount && one.total_minor != amount + one.tax_minor {
        report.find(
            "return_total",
            one.id,
            format!("total {}, lines {amount}, tax {}", one.total_minor, one.tax_minor),
        );
    }
    let cash = refunds.iter().filter(|refund| refund.origin == one.id);
    let cash = cash.filter(|refund| matches!(refund.kind, RefundKind::Cash { .. })).map(|refund| refund.amount_minor);
    let cash_minor: i64 = cash.sum();
    if cash_minor > one.total_minor {
        report.find("refund_within_return", one.id, format!("{cash_minor} in cash for {}", one.total_minor));
    }
}

/// What came back elsewhere was given back there, all of it, and what came back here was not.
fn check_recorded(one: &Return, refunds: &[Refund], report: &mut Report) {
    let recorded = refunds.iter().filter(|refund| refund.origin == one.id && refund.kind == RefundKind::Recorded);
    let recorded_minor: i64 = recorded.map(|refund| refund.amount_minor).sum();
    let owed_minor = if one.elsewhere.is_some() { one.total_minor } else { 0 };
    report.expect_equal("return_given_back_where_made", one.id, &recorded_minor, &owed_minor);
}

fn check_quantities(sale: &Sale, sold: &[SaleLine], lines: &[ReturnLine], report: &mut Report) {
    let mut returned: BTreeMap<u32, i64> = BTreeMap::new();
    for line in lines {
        *returned.entry(line.number).or_default() += line.quantity.0;
    }
    for (number, quantity) in returned {
        let sold = sold.iter().find(|line| line.number == number && !line.is_removed);
        let sold = sold.map_or(0, |line| line.quantity.0);
        if quantity > sold {
            report.find("return_within_line", sale.id, format!("{quantity} came back of line {number}, sold {sold}"));
        }
    }
}
