//! Why the rules of print jobs say no.

use std::fmt;

use super::{PRINTS_MAX, State};
use crate::command;
use crate::work::Stop;

/// A rule of print jobs that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing is printed on a printer that is switched off.
    PrinterInactive,
    /// The receipt was sent to printers as often as one may be.
    TooManyPrints,
    /// Only a receipt of which nothing came out is tried again as it is.
    NotRetryable {
        /// Where the job stands.
        state: State,
    },
    /// Another claim has the job, or it has ended.
    ClaimLost,
    /// No drawer of that register hangs on the printer.
    DrawerMissing,
    /// The sale is not paid in cash at that register.
    DrawerSaleWithoutCash,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PrinterInactive => "printer_inactive",
            Self::TooManyPrints => "receipt_too_many_prints",
            Self::NotRetryable { .. } => "print_job_not_retryable",
            Self::ClaimLost => "print_job_claim_lost",
            Self::DrawerMissing => "drawer_missing",
            Self::DrawerSaleWithoutCash => "drawer_sale_without_cash",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PrinterInactive => f.write_str("The printer is switched off in the hub. Set `is_active`, or use another."),
            Self::TooManyPrints => {
                write!(f, "A receipt is sent to printers at most {PRINTS_MAX} times. Give another one, or show it on a screen.")
            }
            Self::NotRetryable { state } => write!(
                f,
                "The print job is {}. Only a receipt of which nothing came out is retried; print the receipt again for a copy.",
                state.as_str()
            ),
            Self::ClaimLost => {
                f.write_str("The claim is not the last one of this job, or the job has ended. Do not print it; claim the next.")
            }
            Self::DrawerMissing => {
                f.write_str("No drawer of this register hangs on a printer. Set `drawer_register_id` of the printer that it hangs on.")
            }
            Self::DrawerSaleWithoutCash => {
                f.write_str("The sale is not paid in cash at this register. Give another reason for opening the drawer.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::PrintJob(refusal))
    }
}
