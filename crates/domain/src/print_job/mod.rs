//! Print jobs: what is to come out of a printer, durable before the first byte leaves. What may have come out is never printed
//! again by itself: a person asks for another one, which says that it is a copy. A print that fails never fails the sale.

mod claim;
mod drawer;
mod print;
mod record;
mod refusal;
mod state;
#[cfg(test)]
mod tests;

pub use claim::{CANDIDATES_MAX, ClaimPrint};
pub use drawer::{DrawerReason, OpenDrawer};
pub use print::{PRINTS_MAX, PrintReceipt, RetryPrint};
pub use record::{ExpirePrint, RecordPrint, Told};
pub use refusal::Refusal;
pub use state::{State, Trouble};

use serde::Serialize;

use crate::call::Call;
use crate::command::{self, not_found};
use crate::exception;
use crate::id::{LocationId, MerchantId, PrintJobId, PrinterId, ReceiptId, RegisterId};
use crate::printer::Printer;
use crate::time::Timestamp;
use crate::work::{Stop, UnitOfWork};

/// How long whoever claims a job may take to say what came of it, in milliseconds: a long receipt prints in ten seconds.
pub const CLAIM_MS: i64 = 60_000;
/// How long a receipt waits for its printer, in milliseconds. What comes out later is found by nobody's customer.
pub const QUEUED_MS_MAX: i64 = 15 * 60_000;
/// How long a drawer waits to be opened, in milliseconds: it must not spring open when everybody has gone.
pub const DRAWER_MS_MAX: i64 = 10_000;
/// Most attempts at reaching a printer: three minutes with the pauses between them.
pub const ATTEMPTS_MAX: u32 = 8;

/// One thing that is to come out of a printer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintJob {
    /// Its id.
    pub id: PrintJobId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Where the printer stands.
    pub location: LocationId,
    /// The printer.
    pub printer: PrinterId,
    /// What it is.
    pub content: Content,
    /// Where it stands.
    pub state: State,
    /// How often it was claimed. The number of the last claim is its fence: what another reports changes nothing.
    pub attempts: u32,
    /// Who asked for it: the id of the API key, as a rule.
    pub asked_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was asked for or asked for again: from here on its time runs.
    pub queued_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// What comes out of a printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A receipt.
    Receipt {
        /// Which one.
        receipt: ReceiptId,
        /// It says that it is a copy: this receipt was sent to a printer before.
        is_copy: bool,
    },
    /// The pulse that opens the drawer.
    Drawer {
        /// Whose drawer.
        register: RegisterId,
        /// Why.
        reason: DrawerReason,
    },
}

impl Content {
    /// The word in the database and in the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Receipt { .. } => "receipt",
            Self::Drawer { .. } => "drawer",
        }
    }
}

impl PrintJob {
    fn new(call: &mut Call<'_>, printer: &Printer, content: Content) -> Self {
        Self {
            id: PrintJobId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            location: printer.location,
            printer: printer.id,
            content,
            state: State::Queued { due_at: call.now },
            attempts: 0,
            asked_by: call.actor.name.clone(),
            created_at: call.now,
            queued_at: call.now,
            updated_at: call.now,
            version: 1,
        }
    }

    /// From when on it is not printed any more.
    pub fn stale_at(&self) -> Timestamp {
        self.queued_at.plus_ms(match self.content {
            Content::Receipt { .. } => QUEUED_MS_MAX,
            Content::Drawer { .. } => DRAWER_MS_MAX,
        })
    }
}

fn find_job(work: &UnitOfWork, merchant: MerchantId, id: PrintJobId) -> Result<&PrintJob, Stop<command::Refusal>> {
    work.print_jobs.find(merchant, &id).ok_or_else(|| not_found("print_job", id))
}

/// Puts a job where it stands now, tells of its end, and calls a person or sends one away again.
fn store(work: &mut UnitOfWork, call: &mut Call<'_>, mut job: PrintJob) -> Result<PrintJob, Stop<command::Refusal>> {
    job.updated_at = call.now;
    let id = job.id;
    let job = work.print_jobs.replace(job).cloned().ok_or_else(|| not_found("print_job", id))?;
    if let Some(kind) = state::end_event(job.state) {
        let reason = job.state.trouble().map(Trouble::as_str);
        let ended = Ended { printer: job.printer, content: job.content.as_str(), attempts: job.attempts, reason };
        work.emit(call, kind, id, &ended);
    }
    match job.state {
        State::Failed(trouble) | State::Unknown(trouble) => {
            let is_unknown = matches!(job.state, State::Unknown(_));
            exception::open(work, call, id, exception::Kind::PrintFailed, trouble.advice(&job.content, is_unknown), 0);
        }
        State::Queued { .. } | State::Sent | State::Printed => {
            let resolution = if job.state == State::Printed { "It was printed." } else { "It is printed again." };
            exception::resolve(work, call, id, exception::Kind::PrintFailed, resolution);
        }
        State::Sending { .. } => {}
    }
    Ok(job)
}

/// `print_job.printed`, `.sent`, `.failed` and `.doubted`.
#[derive(Serialize)]
struct Ended {
    printer: PrinterId,
    content: &'static str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}
