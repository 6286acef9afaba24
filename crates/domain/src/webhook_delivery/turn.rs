//! A hub's turn at an endpoint: the lease of the endpoint's job. Only its holder sends, and only what it reports counts.

use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::WebhookEndpointId;
use crate::job::{self, Job, JobId};
use crate::webhook_endpoint::{State, WebhookEndpoint};
use crate::work::{Key, Stop, UnitOfWork};

/// How long a turn may last, in milliseconds: time for sending, for the last answer, and for its way through a busy
/// committer. After it another hub takes over.
pub const LEASE_MS: i64 = 60_000;

/// Takes the turn at an endpoint, if nobody has it and there is anything to be done for it.
#[derive(Debug, Clone)]
pub struct BeginTurn {
    /// Which endpoint.
    pub endpoint: WebhookEndpointId,
}

/// A turn that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The endpoint as it is now.
    pub endpoint: WebhookEndpoint,
    /// The number of the lease.
    pub fence: i64,
}

/// Gives a turn back.
#[derive(Debug, Clone)]
pub struct EndTurn {
    /// Which endpoint.
    pub endpoint: WebhookEndpointId,
    /// The lease that ends; without it: whichever has run out, because its hub died.
    pub fence: Option<i64>,
}

/// The job of an endpoint.
pub(super) fn job_of(endpoint: WebhookEndpointId) -> JobId {
    JobId { kind: job::Kind::DeliverWebhooks, subject: endpoint.to_string() }
}

/// Whether the lease of that number is the one that runs.
pub(super) fn has_turn(work: &UnitOfWork, call: &Call<'_>, endpoint: WebhookEndpointId, fence: i64) -> bool {
    let job = work.jobs.find(call.merchant, &job_of(endpoint));
    job.is_some_and(|job| job.fence == fence && job.due_at.is_some())
}

impl Command for BeginTurn {
    type Reply = Option<Turn>;

    fn name(&self) -> &'static str {
        "webhook_delivery.begin_turn"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::WebhookEndpoint(self.endpoint), Key::Job(job_of(self.endpoint))]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Option<Turn>, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let endpoint = work.webhook_endpoints.find(call.merchant, &self.endpoint);
        let endpoint = endpoint.ok_or_else(|| not_found("webhook_endpoint", self.endpoint))?.clone();
        let is_wanted = match endpoint.state {
            State::Active => !endpoint.is_paused(call.now),
            State::Inactive | State::Gone => false,
            // What was on its way to it is given up.
            State::Deleted => true,
        };
        let id = job_of(self.endpoint);
        let known = work.jobs.find(call.merchant, &id);
        let is_taken = known.and_then(|job| job.due_at).is_some_and(|lease_end| call.now < lease_end);
        if !is_wanted || is_taken {
            return Ok(None);
        }
        let due_at = Some(call.now.plus_ms(LEASE_MS));
        let fence = match work.jobs.find_mut(call.merchant, &id) {
            Some(job) => {
                job.due_at = due_at;
                job.fence = job.fence.saturating_add(1);
                job.attempts = job.attempts.saturating_add(1);
                job.fence
            }
            None => {
                work.jobs.insert(Job { id, merchant: call.merchant, due_at, fence: 1, attempts: 1, version: 1 });
                1
            }
        };
        Ok(Some(Turn { endpoint, fence }))
    }
}

impl Command for EndTurn {
    type Reply = ();

    fn name(&self) -> &'static str {
        "webhook_delivery.end_turn"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Job(job_of(self.endpoint))]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<(), Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let is_over = match self.fence {
            Some(fence) => has_turn(work, call, self.endpoint, fence),
            None => {
                let job = work.jobs.find(call.merchant, &job_of(self.endpoint));
                job.and_then(|job| job.due_at).is_some_and(|lease_end| lease_end <= call.now)
            }
        };
        if is_over && let Some(job) = work.jobs.find_mut(call.merchant, &job_of(self.endpoint)) {
            job.due_at = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ENDPOINT, a_create};
    use super::*;
    use crate::testing::World;

    const BEGIN: BeginTurn = BeginTurn { endpoint: ENDPOINT };

    fn world() -> World {
        let mut world = World::new();
        world.run(&a_create()).unwrap();
        world.acting_as(Role::System)
    }

    #[test]
    fn one_hub_at_a_time_has_the_turn() {
        let mut world = world();
        assert_eq!(world.run(&BEGIN).unwrap().unwrap().fence, 1);
        assert_eq!(world.run(&BEGIN).unwrap(), None);
        world.run(&EndTurn { endpoint: ENDPOINT, fence: Some(1) }).unwrap();
        assert_eq!(world.run(&BEGIN).unwrap().unwrap().fence, 2);
    }

    #[test]
    fn a_turn_whose_hub_died_is_given_to_another() {
        let mut world = world();
        world.run(&BEGIN).unwrap();
        world.advance_ms(LEASE_MS - 1);
        world.run(&EndTurn { endpoint: ENDPOINT, fence: None }).unwrap();
        assert_eq!(world.run(&BEGIN).unwrap(), None);
        world.advance_ms(1);
        assert_eq!(world.run(&BEGIN).unwrap().unwrap().fence, 2);
        // The first one comes back, and ends nothing that is not its own.
        world.run(&EndTurn { endpoint: ENDPOINT, fence: Some(1) }).unwrap();
        assert_eq!(world.run(&BEGIN).unwrap(), None);
        world.advance_ms(LEASE_MS);
        world.run(&EndTurn { endpoint: ENDPOINT, fence: None }).unwrap();
        let job = world.database.jobs.iter().next().unwrap();
        assert_eq!((job.due_at, job.fence, job.attempts), (None, 2, 2));
    }
}
