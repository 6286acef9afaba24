//! From the outbox to the endpoints: one delivery for each event that an endpoint wants.

use super::{About, WebhookDelivery};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{EventId, WebhookEndpointId};
use crate::webhook_endpoint;
use crate::work::{Key, Stop, UnitOfWork};

/// Most events in one command: a batch has room for other work beside it.
pub const FACTS_MAX: usize = 200;

/// A committed event, as the outbox has it. It never changes, so that it may be read before the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Its number within the merchant.
    pub number: i64,
    /// Its id.
    pub event: EventId,
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub subject: String,
}

/// Makes the deliveries of the events that follow the endpoint's cursor. Two hubs may try at once: the one that comes
/// second finds the cursor moved and changes nothing.
#[derive(Debug, Clone)]
pub struct FanOut {
    /// For which endpoint.
    pub endpoint: WebhookEndpointId,
    /// Where its cursor was when the events were read.
    pub after: i64,
    /// The events after it, in order.
    pub facts: Vec<Fact>,
}

/// How far the endpoint was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FannedOut {
    /// The number of the last event that it was looked at for.
    pub cursor: i64,
    /// Whether this command moved it.
    pub is_moved: bool,
}

impl Command for FanOut {
    type Reply = FannedOut;

    fn name(&self) -> &'static str {
        "webhook_delivery.fan_out"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::WebhookEndpoint(self.endpoint)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<FannedOut, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let endpoint = work.webhook_endpoints.find(call.merchant, &self.endpoint);
        let endpoint = endpoint.ok_or_else(|| not_found("webhook_endpoint", self.endpoint))?;
        let is_wanted = endpoint.state == webhook_endpoint::State::Active && endpoint.cursor == self.after;
        let facts = if is_wanted { self.without_gap() } else { &[] };
        let Some(last) = facts.last() else { return Ok(FannedOut { cursor: endpoint.cursor, is_moved: false }) };
        let kinds = endpoint.kinds.clone();
        for fact in facts.iter().filter(|fact| kinds.accepts(&fact.kind)) {
            let about = About { event: fact.event, kind: &fact.kind, subject: &fact.subject };
            let delivery = WebhookDelivery::fresh(call, self.endpoint, Some(fact.number), about);
            work.webhook_deliveries.insert(delivery);
        }
        if let Some(endpoint) = work.webhook_endpoints.find_mut(call.merchant, &self.endpoint) {
            endpoint.cursor = last.number;
        }
        Ok(FannedOut { cursor: last.number, is_moved: true })
    }
}

impl FanOut {
    /// The events that follow the cursor one after the other: none is ever passed over.
    fn without_gap(&self) -> &[Fact] {
        let follows = |(index, fact): &(usize, &Fact)| {
            let distance = i64::try_from(*index).unwrap_or(i64::MAX).saturating_add(1);
            fact.number == self.after.saturating_add(distance)
        };
        let count = self.facts.iter().enumerate().take_while(follows).count();
        self.facts.get(..count.min(FACTS_MAX)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ENDPOINT, a_create, a_fact, a_fan_out};
    use super::*;
    use crate::call::Role;
    use crate::testing::World;
    use crate::webhook_endpoint::{CreateEndpoint, UpdateEndpoint};

    fn numbers(world: &World) -> Vec<Option<i64>> {
        world.database.webhook_deliveries.iter().map(|delivery| delivery.number).collect()
    }

    #[test]
    fn what_is_wanted_is_taken_up_once() {
        let mut world = World::new();
        world.run(&CreateEndpoint { kinds: vec!["sale.completed".to_owned()], ..a_create() }).unwrap();
        let mut world = world.acting_as(Role::System);
        let facts = vec![a_fact(8, "sale.completed"), a_fact(9, "sale.opened"), a_fact(10, "sale.completed")];
        let fan_out = FanOut { facts, ..a_fan_out(7) };
        assert_eq!(world.run(&fan_out).unwrap(), FannedOut { cursor: 10, is_moved: true });
        assert_eq!(world.run(&fan_out).unwrap(), FannedOut { cursor: 10, is_moved: false });
        assert_eq!(numbers(&world), [Some(8), Some(10)]);
    }

    #[test]
    fn a_gap_is_never_stepped_over() {
        let mut world = World::new();
        world.run(&a_create()).unwrap();
        let mut world = world.acting_as(Role::System);
        let facts = vec![a_fact(8, "sale.opened"), a_fact(10, "sale.opened")];
        assert_eq!(world.run(&FanOut { facts, ..a_fan_out(7) }).unwrap().cursor, 8);
        let late = FanOut { facts: vec![a_fact(10, "sale.opened")], ..a_fan_out(8) };
        assert_eq!(world.run(&late).unwrap(), FannedOut { cursor: 8, is_moved: false });
        assert_eq!(numbers(&world), [Some(8)]);
    }

    #[test]
    fn an_inactive_endpoint_stays_where_it_is() {
        let mut world = World::new();
        world.run(&a_create()).unwrap();
        let (url, kinds, description, is_ordered) = (None, None, None, None);
        let off = UpdateEndpoint { id: ENDPOINT, url, kinds, description, is_active: Some(false), is_ordered };
        world.run(&off).unwrap();
        let mut world = world.acting_as(Role::System);
        let fan_out = FanOut { facts: vec![a_fact(8, "sale.opened")], ..a_fan_out(7) };
        assert_eq!(world.run(&fan_out).unwrap(), FannedOut { cursor: 7, is_moved: false });
    }

    #[test]
    fn only_the_hub_itself_fans_out() {
        let mut world = World::new();
        world.run(&a_create()).unwrap();
        assert_eq!(world.refused(&a_fan_out(7)).code(), "role_too_low");
    }
}
