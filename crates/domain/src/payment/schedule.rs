//! When the job of a payment comes next. The lease is a fence that grows and a due time after which the work counts as
//! lost.

use super::change::Change;
use super::task::{SEND_GRACE_MS, settle_job};
use super::{Step, due_after};
use crate::job::Job;
use crate::time::Timestamp;
use crate::work::UnitOfWork;

impl Change {
    /// Sets when the job comes next, and says under which fence the tasks are handed out. Tasks take the lease. Whoever
    /// holds none leaves a lease that runs alone, unless there is nothing left to do, or something new.
    pub(super) fn schedule(&self, work: &mut UnitOfWork, now: Timestamp, fence: Option<i64>) -> i64 {
        let id = settle_job(self.payment.id);
        let merchant = self.payment.merchant;
        let found = work.jobs.find(merchant, &id).cloned();
        let mut job = found.clone().unwrap_or(Job { id, merchant, due_at: None, fence: 0, attempts: 0, version: 1 });
        let due_at = self.due_at(work, now);
        let is_own = fence == Some(job.fence) || job.due_at.is_none();
        let others_due_at = if is_own { due_at } else { job.due_at };
        if !self.tasks.is_empty() {
            let lease_end = now.plus_ms(self.profile().answer_timeout_ms).plus_ms(SEND_GRACE_MS);
            job.due_at = Some(others_due_at.map_or(lease_end, |others| others.min(lease_end)));
            job.fence = job.fence.saturating_add(1);
            job.attempts = job.attempts.saturating_add(1);
        } else if self.has_recorded {
            job.due_at = others_due_at.into_iter().chain(due_at).min();
        } else {
            job.due_at = due_at.and(others_due_at);
        }
        let fence = job.fence;
        match found {
            Some(found) if found == job => {}
            Some(_) => {
                work.jobs.replace(job);
            }
            None if job.due_at.is_some() => work.jobs.insert(job),
            None => {}
        }
        fence
    }

    /// When the machine has to look at the operations that nobody is asking about just now; `None` when it never has to.
    fn due_at(&self, work: &UnitOfWork, now: Timestamp) -> Option<Timestamp> {
        let operations = self.operations(work).into_iter();
        let others = operations.filter(|operation| self.tasks.iter().all(|(_, tasked)| *tasked != operation.id));
        let dues = others.filter_map(|operation| match self.step(work, operation, now) {
            Step::Done => None,
            Step::Wait { at } => Some(at),
            Step::Inquire | Step::Send | Step::NotClaimed | Step::Reverse | Step::AskPerson(_) => {
                Some(due_after(operation, self.profile(), now))
            }
        });
        dues.min()
    }
}
