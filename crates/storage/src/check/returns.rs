//! What came back of a sale is no more than was sold, and no more is given back for it than it is worth.

use std::collections::BTreeMap;

use domain::id::{MerchantId, ReturnId, SaleId, TenderId};
use domain::returns::{Refund, RefundKind, Return, ReturnLine, is_wholly_returned, returned};
use domain::sale::{Sale, SaleLine, State, Tender, TenderKind, TenderState};

use super::Report;
use super::source::{Records, Source};
use super::trade::ReceiptNumbers;
use crate::error::EngineError;

/// The returns of all sales, read along with the sales.
pub(super) struct Returns {
    returns: Records<Return>,
    lines: Records<ReturnLine>,
    refunds: Records<Refund>,
    credits: Credits,
}

impl Returns {
    pub fn new(source: &mut dyn Source, report: &mut Report) -> Result<Self, EngineError> {
        Ok(Self {
            returns: Records::new(source, report)?,
            lines: Records::new(source, report)?,
            refunds: Records::new(source, report)?,
            credits: Credits::default(),
        })
    }

    /// Checks the returns of the next sale; gives whether anything of it is kept.
    pub fn check(
        &mut self,
        sale: &Sale,
        sold: &[SaleLine],
        tenders: &[Tender],
        receipts: &mut ReceiptNumbers,
        source: &mut dyn Source,
        report: &mut Report,
    ) -> Result<bool, EngineError> {
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
        tenders.iter().for_each(|tender| self.credits.note_tender(tender, report));
        refunds.iter().for_each(|refund| self.credits.note_refund(refund, report));
        let returned_minor: i64 = returns.iter().map(|one| one.total_minor).sum();
        if returned_minor > sale.total_minor {
            report.find("return_within_sale", sale.id, format!("{returned_minor} came back of {}", sale.total_minor));
        }
        Ok(lines.is_empty() || !is_wholly_returned(sold, &returned(&lines)))
    }

    /// After the last sale: what stands on one side only.
    pub fn check_credits(&self, report: &mut Report) {
        for (tender, half) in &self.credits.open {
            report.find("return_credit_has_both_sides", tender.1, format!("only one side has {half:?}"));
        }
    }
}

/// Each return credit stands twice: among the tenders of a sale and among the refunds of a return. Kept are those of which
/// one side was read; the other may be the child of a later sale.
#[derive(Default)]
struct Credits {
    open: BTreeMap<(SaleId, TenderId), Half>,
}

/// One side of a return credit.
#[derive(Debug, PartialEq, Eq)]
struct Half {
    merchant: MerchantId,
    origin: ReturnId,
    amount_minor: i64,
    cash_minor: i64,
    is_spent: bool,
}

impl Credits {
    fn note_tender(&mut self, tender: &Tender, report: &mut Report) {
        let TenderKind::ReturnCredit { origin, cash_minor } = tender.kind else { return };
        let Tender { sale, id, merchant, amount_minor, .. } = *tender;
        let is_spent = tender.state == TenderState::Paid;
        self.match_up((sale, id), Half { merchant, origin, amount_minor, cash_minor, is_spent }, report);
    }

    fn note_refund(&mut self, refund: &Refund, report: &mut Report) {
        let RefundKind::ReturnCredit { sale, tender, cash_minor, released_at } = refund.kind else { return };
        let Refund { origin, merchant, amount_minor, .. } = *refund;
        let is_spent = released_at.is_none();
        self.match_up((sale, tender), Half { merchant, origin, amount_minor, cash_minor, is_spent }, report);
    }

    fn match_up(&mut self, tender: (SaleId, TenderId), half: Half, report: &mut Report) {
        match self.open.remove(&tender) {
            Some(other) => report.expect_equal("return_credit_has_both_sides", tender.1, &half, &other),
            None => drop(self.open.insert(tender, half)),
        }
    }
}

/// A refund by a provider may fail and be asked for again; what left a drawer, or paid other goods, did not fail.
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
    let given = refunds.iter().filter(|refund| refund.origin == one.id).filter(|refund| match refund.kind {
        RefundKind::Cash { .. } | RefundKind::ReturnCredit { released_at: None, .. } | RefundKind::Recorded => true,
        RefundKind::Electronic { .. } | RefundKind::ReturnCredit { released_at: Some(_), .. } => false,
    });
    let given_minor: i64 = given.map(|refund| refund.amount_minor).sum();
    if given_minor > one.total_minor {
        report.find("refund_within_return", one.id, format!("{given_minor} given for {}", one.total_minor));
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
