//! Printing: each receipt was sent to printers as often as it says, of an original at most one print is none of a copy, and
//! each printer and its jobs are of one merchant.

use std::collections::BTreeMap;

use domain::id::ReceiptId;
use domain::print_job::{Content, PrintJob};
use domain::printer::Printer;
use domain::receipt::IssuedReceipt;

use super::Report;
use super::source::{Records, Source};
use crate::error::EngineError;

/// Compares print jobs with printers and receipts. Jobs of receipts are deleted after a while: there may be fewer than the
/// receipt counts, never more.
pub fn print_jobs(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut printers = BTreeMap::new();
    let mut records = Records::<Printer>::new(source, report)?;
    while let Some(printer) = records.next(source, report)? {
        printers.insert(printer.id, (printer.merchant, printer.location));
    }
    let mut prints: BTreeMap<ReceiptId, (u32, u32)> = BTreeMap::new();
    let mut records = Records::<PrintJob>::new(source, report)?;
    while let Some(job) = records.next(source, report)? {
        if printers.get(&job.printer) != Some(&(job.merchant, job.location)) {
            report.find("print_job_printer", job.id, "its merchant has no such printer there".to_owned());
        }
        if let Content::Receipt { receipt, is_copy } = job.content {
            let (all, originals) = prints.entry(receipt).or_default();
            *all += 1;
            *originals += u32::from(!is_copy);
        }
    }
    let mut records = Records::<IssuedReceipt>::new(source, report)?;
    while let Some(receipt) = records.next(source, report)? {
        let Some((all, originals)) = prints.remove(&receipt.id) else { continue };
        if all > receipt.print_count || originals > u32::from(!receipt.is_copy) {
            let words = format!("counts {}, has {all} print jobs, {originals} of the original", receipt.print_count);
            report.find("receipt_print_count", receipt.id, words);
        }
    }
    for receipt in prints.into_keys() {
        report.find("print_job_receipt", receipt, "was printed and is not there".to_owned());
    }
    Ok(())
}
