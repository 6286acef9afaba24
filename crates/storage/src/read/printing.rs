//! What the hub reads of printing: the printers of a merchant, what is to be sent or ended, and the pages that people look at.

use domain::id::{MerchantId, PrintJobId, PrinterId, RegisterId};
use domain::print_job::{PrintJob, QUEUED_MS_MAX};
use domain::printer::Printer;
use domain::time::Timestamp;

use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;

/// Which print jobs a page has.
#[derive(Debug, Clone, Default)]
pub struct PrintJobFilter {
    /// Those of one printer.
    pub printer: Option<PrinterId>,
    /// Those in one state.
    pub state: Option<&'static str>,
}

impl Reader {
    /// One printer.
    pub async fn find_printer(&self, merchant: MerchantId, id: PrinterId) -> Result<Option<Printer>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// A page of the merchant's printers after an id.
    pub async fn list_printers(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Printer>, EngineError> {
        self.page(merchant, after, limit).await
    }

    /// How many printers the merchant has.
    pub async fn count_printers(&self, merchant: MerchantId) -> Result<i64, EngineError> {
        let sql = "SELECT COUNT(*) FROM printer WHERE merchant_id = $1";
        self.count(sql, vec![Cell::display(merchant)]).await
    }

    /// The printer that the drawer of a register hangs on: of several the first that is switched on.
    pub async fn find_drawer_printer(
        &self,
        merchant: MerchantId,
        register: RegisterId,
    ) -> Result<Option<Printer>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::display(register)];
        let tail = "WHERE merchant_id = $1 AND drawer_register_id = $2 ORDER BY is_active DESC, id LIMIT 1";
        Ok(self.list(tail, params).await?.into_iter().next())
    }

    /// One print job.
    pub async fn find_print_job(&self, merchant: MerchantId, id: PrintJobId) -> Result<Option<PrintJob>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// A page of the merchant's print jobs after an id.
    pub async fn list_print_jobs(
        &self,
        merchant: MerchantId,
        filter: &PrintJobFilter,
        after: &str,
        limit: i64,
    ) -> Result<Vec<PrintJob>, EngineError> {
        let wanted = [("printer_id", filter.printer.map(Cell::display)), ("state", filter.state.map(Cell::text))];
        self.page_of(merchant, wanted, after, limit).await
    }

    /// What waits for one of the merchant's printers at `now`, the oldest first.
    pub async fn list_waiting_print_jobs(
        &self,
        merchant: MerchantId,
        printer: PrinterId,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<PrintJob>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::display(printer), Cell::Int(now.0), Cell::Int(limit)];
        let tail = "WHERE merchant_id = $1 AND printer_id = $2 AND state = 'queued' AND due_at <= $3 \
                    ORDER BY due_at, id LIMIT $4";
        self.list(tail, params).await
    }

    /// What the hub itself has to see to at `now`, of all merchants: what waits for printers in the network, claims that
    /// nobody acknowledged, and what waited too long.
    pub async fn list_due_print_jobs(&self, now: Timestamp, limit: i64) -> Result<Vec<PrintJob>, EngineError> {
        let params = vec![Cell::Int(now.0), Cell::Int(now.plus_ms(-QUEUED_MS_MAX).0), Cell::Int(limit)];
        let tail = "WHERE due_at <= $1 AND (state = 'sending' OR queued_at <= $2 \
                    OR printer_id IN (SELECT id FROM printer WHERE kind = 'network')) ORDER BY due_at, id LIMIT $3";
        self.list(tail, params).await
    }
}
