//! The bytes of a print job.

use domain::print_job::{Content, PrintJob};
use domain::receipt::{DRAWER_PULSE, escpos};

use crate::app::App;
use crate::http::error::{Kind, Problem};
use crate::http::receipt;

/// What goes to the printer. The same each time that it is asked for.
pub async fn bytes(app: &App, job: &PrintJob) -> Result<Vec<u8>, Problem> {
    let Content::Receipt { receipt, is_copy } = job.content else { return Ok(DRAWER_PULSE.to_vec()) };
    let printer = app.reader.find_printer(job.merchant, job.printer).await?;
    let printer = printer.ok_or_else(|| Problem::not_found("printer"))?;
    let whole = app.reader.find_receipt(job.merchant, receipt).await?;
    let whole = whole.ok_or_else(|| Problem::new(Kind::Internal, "The receipt of the print job is not there."))?;
    let mut content = receipt::content(&whole)?;
    content.is_copy |= is_copy;
    Ok(escpos(&content, whole.issued.locale, printer.columns))
}
