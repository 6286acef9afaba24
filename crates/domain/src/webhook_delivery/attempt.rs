//! What came of attempts, and what follows from it for the deliveries and for their endpoint.

use serde::Serialize;

use super::schedule::{next_attempt, relieve, strain};
use super::turn::{has_turn, job_of};
use super::{Reason, State, WebhookDelivery};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{WebhookDeliveryId, WebhookEndpointId};
use crate::webhook_endpoint::{self, WebhookEndpoint};
use crate::work::{Key, Stop, UnitOfWork};

/// What an attempt met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// An answer of the receiver.
    Answered {
        /// Its HTTP status.
        status: u16,
        /// When it wants to be asked again, in milliseconds from now.
        retry_after_ms: Option<i64>,
    },
    /// No answer in time.
    TimedOut,
    /// No connection, or it broke off.
    NotReached,
    /// An address that is not called.
    AddressRefused,
    /// Nothing was sent: the endpoint is not there any more.
    EndpointDeleted,
}

/// One attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Which delivery.
    pub delivery: WebhookDeliveryId,
    /// What came of it.
    pub told: Told,
}

/// Records what came of attempts at one endpoint, in their order, under the lease that they were made under.
#[derive(Debug, Clone)]
pub struct RecordAttempts {
    /// Where they went.
    pub endpoint: WebhookEndpointId,
    /// The lease.
    pub fence: i64,
    /// The attempts.
    pub attempts: Vec<Attempt>,
}

/// What became of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// They count, but for those that were recorded before.
    Counted {
        /// The deliveries as they are now.
        deliveries: Vec<WebhookDelivery>,
        /// The endpoint as it is now.
        endpoint: WebhookEndpoint,
    },
    /// Another hub has the turn, and sends the deliveries itself.
    LeaseLost,
}

/// What an attempt means.
enum Verdict {
    Delivered,
    /// It is tried again, or given up after the last attempt.
    Failed {
        reason: Reason,
        /// Whether the receiver as a whole is away, and not this event the trouble.
        is_away: bool,
    },
    /// It is given up at once.
    GivenUp(Reason),
}

impl Told {
    const fn verdict(self) -> Verdict {
        match self {
            Self::Answered { status, .. } => of_status(status),
            Self::TimedOut => Verdict::Failed { reason: Reason::Timeout, is_away: true },
            Self::NotReached => Verdict::Failed { reason: Reason::NotReached, is_away: true },
            Self::AddressRefused => Verdict::Failed { reason: Reason::AddressRefused, is_away: true },
            Self::EndpointDeleted => Verdict::GivenUp(Reason::EndpointDeleted),
        }
    }

    const fn status(self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(status),
            _ => None,
        }
    }

    const fn retry_after_ms(self) -> Option<i64> {
        match self {
            Self::Answered { retry_after_ms, .. } => retry_after_ms,
            _ => None,
        }
    }
}

const fn of_status(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Delivered,
        300..=399 => Verdict::Failed { reason: Reason::Redirected, is_away: false },
        410 => Verdict::GivenUp(Reason::Gone),
        429 | 502..=504 => Verdict::Failed { reason: Reason::Overloaded, is_away: true },
        _ => Verdict::Failed { reason: Reason::StatusNotSuccess, is_away: false },
    }
}

/// `webhook_endpoint.disabled`.
#[derive(Serialize)]
struct Disabled {
    reason: &'static str,
}

impl Command for RecordAttempts {
    type Reply = Recorded;

    fn name(&self) -> &'static str {
        "webhook_delivery.record_attempts"
    }

    fn keys(&self) -> Vec<Key> {
        let deliveries = self.attempts.iter().map(|attempt| Key::WebhookDelivery(attempt.delivery));
        deliveries.chain([Key::WebhookEndpoint(self.endpoint), Key::Job(job_of(self.endpoint))]).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Recorded, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        if !has_turn(work, call, self.endpoint, self.fence) {
            return Ok(Recorded::LeaseLost);
        }
        let endpoint = work.webhook_endpoints.find(call.merchant, &self.endpoint);
        let mut endpoint = endpoint.ok_or_else(|| not_found("webhook_endpoint", self.endpoint))?.clone();
        let mut deliveries = Vec::with_capacity(self.attempts.len());
        for attempt in &self.attempts {
            let delivery = work.webhook_deliveries.find(call.merchant, &attempt.delivery);
            let delivery = delivery.filter(|delivery| delivery.endpoint == self.endpoint);
            let mut delivery = delivery.ok_or_else(|| not_found("webhook_delivery", attempt.delivery))?.clone();
            // One that is not pending under our own lease was recorded by an earlier try of this command.
            if matches!(delivery.state, State::Pending { .. }) {
                attempt.apply(call, &mut delivery, &mut endpoint);
                deliveries.extend(work.webhook_deliveries.replace(delivery).cloned());
            }
        }
        Ok(Recorded::Counted { deliveries, endpoint: store_endpoint(work, call, endpoint)? })
    }
}

impl Attempt {
    fn apply(&self, call: &mut Call<'_>, delivery: &mut WebhookDelivery, endpoint: &mut WebhookEndpoint) {
        delivery.attempts = delivery.attempts.saturating_add(1);
        delivery.status = self.told.status();
        delivery.updated_at = call.now;
        match self.told.verdict() {
            Verdict::Delivered => {
                (delivery.state, delivery.reason) = (State::Delivered, None);
                relieve(endpoint, call.now);
            }
            Verdict::Failed { reason, is_away } => {
                let retry_after_ms = self.told.retry_after_ms();
                let next = next_attempt(call.now, delivery.attempts, retry_after_ms, call.next_uuid());
                delivery.state = next.map_or(State::Dead, |due_at| State::Pending { due_at });
                delivery.reason = Some(reason);
                strain(endpoint, call.now, is_away, retry_after_ms);
            }
            Verdict::GivenUp(reason) => {
                (delivery.state, delivery.reason) = (State::Dead, Some(reason));
                if reason == Reason::Gone && endpoint.state == webhook_endpoint::State::Active {
                    endpoint.state = webhook_endpoint::State::Gone;
                }
            }
        }
    }
}

/// Most attempts leave the endpoint as it was: its row is written only when they do not.
fn store_endpoint(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    changed: WebhookEndpoint,
) -> Result<WebhookEndpoint, Stop<command::Refusal>> {
    let before = work.webhook_endpoints.find(call.merchant, &changed.id);
    if before == Some(&changed) {
        return Ok(changed);
    }
    let is_switched_off = before.is_some_and(|before| before.state != changed.state);
    let endpoint = webhook_endpoint::store(work, changed)?;
    if is_switched_off {
        let reason = endpoint.state.as_str();
        work.emit(call, "webhook_endpoint.disabled", endpoint.id, &Disabled { reason });
    }
    Ok(endpoint)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ENDPOINT, a_create, a_fact, a_fan_out};
    use super::super::{ATTEMPTS_MAX, BeginTurn, EndTurn, FanOut, LEASE_MS, PAUSE_MS_MAX};
    use super::*;
    use crate::testing::{MERCHANT, World};
    use crate::time::Timestamp;

    const HOUR_MS: i64 = 3_600_000;

    /// An endpoint with so many deliveries that wait.
    struct Shop {
        world: World,
        fence: i64,
    }

    impl Shop {
        fn new(deliveries: i64) -> Self {
            let mut world = World::new();
            world.run(&a_create()).unwrap();
            let mut world = world.acting_as(Role::System);
            let facts = (8..8 + deliveries).map(|number| a_fact(number, "sale.opened")).collect();
            world.run(&FanOut { facts, ..a_fan_out(7) }).unwrap();
            let mut shop = Self { world, fence: 0 };
            shop.begin();
            shop
        }

        fn begin(&mut self) {
            self.fence = self.world.run(&BeginTurn { endpoint: ENDPOINT }).unwrap().unwrap().fence;
        }

        fn command(&self, index: usize, told: Told) -> RecordAttempts {
            self.commands(&[(index, told)])
        }

        fn commands(&self, attempts: &[(usize, Told)]) -> RecordAttempts {
            let delivery = |index| self.world.database.webhook_deliveries.iter().nth(index).unwrap().id;
            let attempts = attempts.iter().map(|(index, told)| Attempt { delivery: delivery(*index), told: *told });
            RecordAttempts { endpoint: ENDPOINT, fence: self.fence, attempts: attempts.collect() }
        }

        fn record(&mut self, index: usize, told: Told) -> (WebhookDelivery, WebhookEndpoint) {
            let command = self.command(index, told);
            match self.world.run(&command).unwrap() {
                Recorded::Counted { mut deliveries, endpoint } => (deliveries.remove(0), endpoint),
                Recorded::LeaseLost => panic!("the lease is lost"),
            }
        }

        /// Lets time pass and takes the turn again.
        fn wait_ms(&mut self, ms: i64) {
            self.world.run(&EndTurn { endpoint: ENDPOINT, fence: Some(self.fence) }).unwrap();
            self.world.advance_ms(ms);
            self.begin();
        }
    }

    const fn answered(status: u16) -> Told {
        Told::Answered { status, retry_after_ms: None }
    }

    #[test]
    fn a_success_is_the_end() {
        for status in [200, 202, 204, 299] {
            let mut shop = Shop::new(1);
            let (delivery, endpoint) = shop.record(0, answered(status));
            assert_eq!((delivery.state, delivery.reason, delivery.attempts), (State::Delivered, None, 1));
            assert_eq!((delivery.status, endpoint.strain), (Some(status), 0));
            let again = shop.command(0, answered(500));
            assert_eq!(shop.world.run(&again).unwrap(), Recorded::Counted { deliveries: Vec::new(), endpoint });
        }
    }

    #[test]
    fn several_recorded_at_once_are_as_one_after_the_other() {
        let attempts = [(0, answered(200)), (1, answered(500)), (2, Told::TimedOut), (3, Told::NotReached)];
        let mut one_by_one = Shop::new(5);
        let endpoints: Vec<_> = attempts.iter().map(|(index, told)| one_by_one.record(*index, *told).1).collect();
        let mut at_once = Shop::new(5);
        let command = at_once.commands(&attempts);
        let Recorded::Counted { deliveries, endpoint } = at_once.world.run(&command).unwrap() else { panic!("lost") };
        assert_eq!(deliveries.len(), attempts.len());
        let states = |shop: &Shop| -> Vec<_> {
            shop.world.database.webhook_deliveries.iter().map(|one| (one.state.as_str(), one.reason)).collect()
        };
        assert_eq!(states(&at_once), states(&one_by_one));
        let last = endpoints.last().unwrap();
        assert_eq!((endpoint.strain, endpoint.paused_until), (last.strain, last.paused_until));
    }

    #[test]
    fn what_fails_is_tried_sixteen_times_and_kept_with_its_reason() {
        let mut shop = Shop::new(1);
        for attempts in 1..=ATTEMPTS_MAX {
            let (delivery, _) = shop.record(0, answered(500));
            assert_eq!((delivery.attempts, delivery.reason), (attempts, Some(Reason::StatusNotSuccess)));
            assert_eq!(delivery.state == State::Dead, attempts == ATTEMPTS_MAX, "{delivery:?}");
            shop.wait_ms(40 * HOUR_MS);
        }
    }

    #[test]
    fn each_failure_has_its_reason_and_only_some_mean_that_the_receiver_is_away() {
        for (told, reason, is_away) in [
            (answered(301), Reason::Redirected, false),
            (answered(404), Reason::StatusNotSuccess, false),
            (answered(500), Reason::StatusNotSuccess, false),
            (answered(429), Reason::Overloaded, true),
            (answered(502), Reason::Overloaded, true),
            (answered(504), Reason::Overloaded, true),
            (Told::TimedOut, Reason::Timeout, true),
            (Told::NotReached, Reason::NotReached, true),
            (Told::AddressRefused, Reason::AddressRefused, true),
        ] {
            let mut shop = Shop::new(1);
            let (delivery, endpoint) = shop.record(0, told);
            assert_eq!((delivery.reason, endpoint.paused_until.is_some()), (Some(reason), is_away), "{told:?}");
            assert!(matches!(delivery.state, State::Pending { .. }));
        }
    }

    #[test]
    fn a_receiver_that_asks_for_time_gets_it() {
        let mut shop = Shop::new(1);
        let told = Told::Answered { status: 503, retry_after_ms: Some(HOUR_MS) };
        let (delivery, endpoint) = shop.record(0, told);
        let due_at = delivery.state.due_at().unwrap();
        assert_eq!((endpoint.paused_until, due_at.ms_since(delivery.updated_at)), (Some(due_at), HOUR_MS));
    }

    #[test]
    fn what_fails_at_the_same_time_strains_once_and_a_success_ends_the_pause() {
        let mut shop = Shop::new(5);
        let first = shop.record(0, Told::TimedOut).1;
        for index in 1..4 {
            assert_eq!(shop.record(index, Told::TimedOut).1, first);
        }
        assert_eq!(first.strain, 1);
        shop.wait_ms(LEASE_MS);
        assert_eq!(shop.record(0, Told::TimedOut).1.strain, 2);
        shop.wait_ms(LEASE_MS);
        let (_, endpoint) = shop.record(4, answered(200));
        assert_eq!((endpoint.strain, endpoint.paused_until), (0, None));
    }

    #[test]
    fn what_was_under_way_does_not_end_a_pause() {
        let mut shop = Shop::new(2);
        let paused = shop.record(0, Told::Answered { status: 429, retry_after_ms: Some(HOUR_MS) }).1;
        assert_eq!(shop.record(1, answered(200)).1, paused);
    }

    #[test]
    fn an_endpoint_that_keeps_failing_is_left_alone_for_longer_and_longer() {
        let mut shop = Shop::new(12);
        let mut last = Timestamp(0);
        for index in 0..12 {
            let (delivery, endpoint) = shop.record(index, answered(500));
            assert_eq!(endpoint.paused_until.is_some(), index >= 2, "{index}");
            if let Some(until) = endpoint.paused_until {
                assert!(until > last && until.ms_since(delivery.updated_at) <= PAUSE_MS_MAX);
                last = until;
            }
            shop.wait_ms(PAUSE_MS_MAX);
        }
    }

    #[test]
    fn an_endpoint_that_is_gone_is_switched_off_and_keeps_what_waits() {
        let mut shop = Shop::new(2);
        let (delivery, endpoint) = shop.record(0, answered(410));
        assert_eq!((delivery.state, delivery.reason), (State::Dead, Some(Reason::Gone)));
        assert_eq!(endpoint.state, webhook_endpoint::State::Gone);
        assert_eq!(shop.world.event_kinds(), ["webhook_endpoint.created", "webhook_endpoint.disabled"]);
        // One that was under way at the same moment says the same, and the event is told once.
        shop.record(1, answered(410));
        assert_eq!(shop.world.event_kinds().len(), 2);
        shop.world.run(&EndTurn { endpoint: ENDPOINT, fence: Some(1) }).unwrap();
        assert_eq!(shop.world.run(&BeginTurn { endpoint: ENDPOINT }).unwrap(), None);
    }

    #[test]
    fn a_hub_that_lost_its_turn_changes_nothing() {
        let mut shop = Shop::new(1);
        let late = shop.command(0, answered(200));
        shop.world.advance_ms(LEASE_MS);
        shop.begin();
        assert_eq!(shop.world.run(&late).unwrap(), Recorded::LeaseLost);
        let delivery = shop.world.database.webhook_deliveries.iter().next().unwrap();
        assert_eq!((delivery.attempts, delivery.merchant), (0, MERCHANT));
    }
}
