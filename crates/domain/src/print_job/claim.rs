//! Somebody takes a job in hand: a hub that sends to a printer in the network, or the agent beside one that fetches. From
//! then on bytes may be on their way.

use super::{CLAIM_MS, PrintJob, State, Trouble, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{PrintJobId, PrinterId};
use crate::printer::{Way, find_printer};
use crate::work::{Key, Stop, UnitOfWork};

/// Most jobs that one claim may choose from.
pub const CANDIDATES_MAX: usize = 16;

/// Claims the first of these jobs that still waits; none where others were faster. What waited too long ends here.
#[derive(Debug, Clone)]
pub struct ClaimPrint {
    /// Of which printer.
    pub printer: PrinterId,
    /// Which jobs, the oldest first; those beyond [`CANDIDATES_MAX`] are not looked at.
    pub jobs: Vec<PrintJobId>,
}

impl Command for ClaimPrint {
    type Reply = Option<PrintJob>;

    fn name(&self) -> &'static str {
        "print_job.claim"
    }

    fn keys(&self) -> Vec<Key> {
        let jobs = self.jobs.iter().take(CANDIDATES_MAX).map(|job| Key::PrintJob(*job));
        [Key::Printer(self.printer)].into_iter().chain(jobs).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Option<PrintJob>, Stop<command::Refusal>> {
        work.require(self.keys())?;
        let printer = find_printer(work, call.merchant, self.printer)?.clone();
        // What the hub sends by itself nobody fetches: it would be printed twice.
        require_role(call, if printer.way == Way::Pull { Role::Cashier } else { Role::System })?;
        for id in self.jobs.iter().take(CANDIDATES_MAX) {
            let Some(job) = work.print_jobs.find(call.merchant, id).filter(|job| job.printer == printer.id).cloned()
            else {
                continue;
            };
            let State::Queued { due_at } = job.state else { continue };
            if call.now >= job.stale_at() {
                store(work, call, PrintJob { state: State::Failed(Trouble::TooLate), ..job })?;
            } else if !printer.is_active {
                store(work, call, PrintJob { state: State::Failed(Trouble::PrinterInactive), ..job })?;
            } else if due_at <= call.now {
                let (until, attempts) = (call.now.plus_ms(CLAIM_MS), job.attempts.saturating_add(1));
                return store(work, call, PrintJob { state: State::Sending { until }, attempts, ..job }).map(Some);
            }
        }
        Ok(None)
    }
}
