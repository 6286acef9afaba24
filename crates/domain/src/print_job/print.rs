//! A receipt is sent to a printer, or once more after nothing came out.

use super::{Content, PrintJob, Refusal, State, find_job, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{PrintJobId, PrinterId, ReceiptId, SaleId};
use crate::printer::find_printer;
use crate::receipt::receipts_of;
use crate::work::{Key, Stop, UnitOfWork};

/// Most times that one receipt is sent to a printer: one that jams is tried again, a program that loops is not.
pub const PRINTS_MAX: u32 = 50;

/// Sends a receipt to a printer. The first print of an original is an original; each later one says that it is a copy,
/// because nobody can tell for certain that the first did not come out.
#[derive(Debug, Clone)]
pub struct PrintReceipt {
    /// The sale of the receipt.
    pub sale: SaleId,
    /// Which receipt.
    pub receipt: ReceiptId,
    /// To which printer.
    pub printer: PrinterId,
}

/// Tries a job again of which nothing came out, with the document that it had.
#[derive(Debug, Clone)]
pub struct RetryPrint {
    /// Which job.
    pub job: PrintJobId,
}

impl Command for PrintReceipt {
    type Reply = PrintJob;

    fn name(&self) -> &'static str {
        "print_job.print_receipt"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Printer(self.printer), Key::Sale(self.sale), Key::Receipts(self.sale)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<PrintJob, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        work.require(self.keys())?;
        let printer = find_printer(work, call.merchant, self.printer)?.clone();
        if !printer.is_active {
            return Err(Refusal::PrinterInactive.into());
        }
        let known = receipts_of(work, call.merchant, self.sale).find(|receipt| receipt.id == self.receipt);
        let known = known.ok_or_else(|| not_found("receipt", self.receipt))?;
        if known.print_count >= PRINTS_MAX {
            return Err(Refusal::TooManyPrints.into());
        }
        let (key, is_copy) = ((known.sale, known.number), known.is_copy || known.print_count > 0);
        if let Some(known) = work.receipts.find_mut(call.merchant, &key) {
            known.print_count = known.print_count.saturating_add(1);
        }
        let job = PrintJob::new(call, &printer, Content::Receipt { receipt: self.receipt, is_copy });
        work.print_jobs.insert(job.clone());
        Ok(job)
    }
}

impl Command for RetryPrint {
    type Reply = PrintJob;

    fn name(&self) -> &'static str {
        "print_job.retry"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::PrintJob(self.job)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<PrintJob, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        work.require(self.keys())?;
        let mut job = find_job(work, call.merchant, self.job)?.clone();
        match (job.state, job.content) {
            (State::Failed(_), Content::Receipt { .. }) => {}
            _ => return Err(Refusal::NotRetryable { state: job.state }.into()),
        }
        (job.state, job.queued_at) = (State::Queued { due_at: call.now }, call.now);
        store(work, call, job)
    }
}
