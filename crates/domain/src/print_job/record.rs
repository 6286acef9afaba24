//! What came of a job that somebody had claimed.

use super::{ATTEMPTS_MAX, PrintJob, Refusal, State, Trouble, find_job, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::PrintJobId;
use crate::work::{Key, Stop, UnitOfWork};

/// The pause after the first attempt that failed, in milliseconds; it doubles.
const PAUSE_MS: i64 = 2_000;
/// The longest pause.
const PAUSE_MS_MAX: i64 = 60_000;

/// What whoever claimed a job says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It is out.
    Printed,
    /// The printer took all of it.
    Sent,
    /// Nothing came out, for certain.
    Nothing(Trouble),
    /// Something may have come out.
    Unsure(Trouble),
}

/// Records what came of an attempt, under the number of the claim that it was made under.
#[derive(Debug, Clone)]
pub struct RecordPrint {
    /// Which job.
    pub job: PrintJobId,
    /// The number of the claim.
    pub attempt: u32,
    /// What came of it.
    pub told: Told,
}

/// Ends what nobody said anything about in time: a claim whose hub or agent died is a doubt, and is not repeated; a job that
/// waited too long has failed.
#[derive(Debug, Clone)]
pub struct ExpirePrint {
    /// Which job.
    pub job: PrintJobId,
}

impl Command for RecordPrint {
    type Reply = PrintJob;

    fn name(&self) -> &'static str {
        "print_job.record"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::PrintJob(self.job)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<PrintJob, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        work.require(self.keys())?;
        let job = find_job(work, call.merchant, self.job)?.clone();
        // Who comes late with something certain ends the doubt that the lateness has made.
        let is_its = job.attempts == self.attempt && matches!(job.state, State::Sending { .. } | State::Unknown(_));
        if !is_its {
            return Err(Refusal::ClaimLost.into());
        }
        let state = match self.told {
            Told::Printed => State::Printed,
            Told::Sent => State::Sent,
            Told::Unsure(trouble) => State::Unknown(trouble),
            Told::Nothing(trouble) => after_nothing(&job, call, trouble),
        };
        if state == job.state { Ok(job) } else { store(work, call, PrintJob { state, ..job }) }
    }
}

/// It is tried again, as often and as long as makes sense; never after a doubt, about which a person has been told.
fn after_nothing(job: &PrintJob, call: &Call<'_>, trouble: Trouble) -> State {
    let doublings = job.attempts.saturating_sub(1).min(16);
    let due_at = call.now.plus_ms(PAUSE_MS.saturating_mul(1 << doublings).min(PAUSE_MS_MAX));
    let is_sending = matches!(job.state, State::Sending { .. });
    if is_sending && trouble.is_passing() && job.attempts < ATTEMPTS_MAX && due_at < job.stale_at() {
        State::Queued { due_at }
    } else {
        State::Failed(trouble)
    }
}

impl Command for ExpirePrint {
    type Reply = PrintJob;

    fn name(&self) -> &'static str {
        "print_job.expire"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::PrintJob(self.job)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<PrintJob, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        work.require(self.keys())?;
        let job = find_job(work, call.merchant, self.job)?.clone();
        let state = match job.state {
            State::Sending { until } if until <= call.now => State::Unknown(Trouble::NotAcknowledged),
            State::Queued { .. } if job.stale_at() <= call.now => State::Failed(Trouble::TooLate),
            _ => return Ok(job),
        };
        store(work, call, PrintJob { state, ..job })
    }
}
