//! Receipts: each belongs to a completed sale of its merchant or to a return of it, their numbers have no gap, and only the
//! first of a kind is an original.

use std::collections::BTreeSet;

use domain::receipt::IssuedReceipt;
use domain::returns::Return;
use domain::sale::{Sale, State};

use super::Report;
use super::source::{Records, Source};
use crate::error::EngineError;

/// The receipts of each sale.
pub fn receipts(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut sales = Records::<Sale>::new(source, report)?;
    let mut returns = Records::<Return>::new(source, report)?;
    let mut receipts = Records::<IssuedReceipt>::new(source, report)?;
    while let Some(sale) = sales.next(source, report)? {
        let receipts = receipts.children(&sale.id, |receipt| receipt.sale, source, report)?;
        let returns = returns.children(&sale.id, |one| one.id.sale, source, report)?;
        check_receipts(&sale, &returns, &receipts, report);
    }
    while let Some(receipt) = receipts.next(source, report)? {
        report.find("child_has_parent", receipt.sale, "a row of receipt has no parent".to_owned());
    }
    Ok(())
}

fn check_receipts(sale: &Sale, returns: &[Return], receipts: &[IssuedReceipt], report: &mut Report) {
    if !receipts.is_empty() && sale.state != State::Completed {
        report.find("receipt_sale_completed", sale.id, format!("has receipts and is {}", sale.state.as_str()));
    }
    let mut kinds = BTreeSet::new();
    for (receipt, number) in receipts.iter().zip(1_u32..) {
        report.expect_equal("receipts_gapless", receipt.id, &receipt.number, &number);
        report.expect_equal("receipt_merchant", receipt.id, &receipt.merchant, &sale.merchant);
        let about = receipt.kind.return_number();
        if about.is_some_and(|number| !returns.iter().any(|one| one.id.number == number)) {
            report.find("receipt_return_exists", receipt.id, format!("of the return {about:?}, which is not there"));
        }
        let is_first = kinds.insert((receipt.kind.as_str(), about));
        report.expect_equal("receipt_one_original", receipt.id, &receipt.is_copy, &!is_first);
    }
}
