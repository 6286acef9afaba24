//! Dead deliveries are sent again.

use std::collections::BTreeSet;

use super::{Refusal, State};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::WebhookDeliveryId;
use crate::webhook_endpoint::find_endpoint;
use crate::work::{Key, Stop, UnitOfWork};

/// Most deliveries in one request: half of what a command may lock.
pub const REDRIVE_MAX: usize = 500;

/// Lets dead deliveries begin anew, with all their attempts. What is not dead stays as it is.
#[derive(Debug, Clone)]
pub struct Redrive {
    /// Which deliveries.
    pub deliveries: Vec<WebhookDeliveryId>,
}

impl Command for Redrive {
    /// How many deliveries were dead and are pending now.
    type Reply = usize;

    fn name(&self) -> &'static str {
        "webhook_delivery.redrive"
    }

    fn keys(&self) -> Vec<Key> {
        // What is too much is refused before its rows are named.
        if self.deliveries.len() > REDRIVE_MAX {
            return Vec::new();
        }
        self.deliveries.iter().copied().map(Key::WebhookDelivery).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<usize, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        if self.deliveries.len() > REDRIVE_MAX {
            return Err(Refusal::TooMany.into());
        }
        let mut endpoints = BTreeSet::new();
        for id in &self.deliveries {
            let delivery = work.webhook_deliveries.find(call.merchant, id);
            endpoints.insert(delivery.ok_or_else(|| not_found("webhook_delivery", id))?.endpoint);
        }
        work.require(endpoints.iter().copied().map(Key::WebhookEndpoint))?;
        for endpoint in endpoints {
            find_endpoint(work, call.merchant, endpoint)?;
        }
        let mut count: usize = 0;
        for id in &self.deliveries {
            count = count.saturating_add(usize::from(begin_anew(work, call, id)));
        }
        Ok(count)
    }
}

fn begin_anew(work: &mut UnitOfWork, call: &Call<'_>, id: &WebhookDeliveryId) -> bool {
    if work.webhook_deliveries.find(call.merchant, id).is_none_or(|delivery| delivery.state != State::Dead) {
        return false;
    }
    if let Some(delivery) = work.webhook_deliveries.find_mut(call.merchant, id) {
        delivery.state = State::Pending { due_at: call.now };
        delivery.attempts = 0;
        delivery.updated_at = call.now;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ENDPOINT, a_create, a_fact, a_fan_out};
    use super::super::{Attempt, BeginTurn, FanOut, RecordAttempts, Told};
    use super::*;
    use crate::testing::World;
    use crate::webhook_endpoint::DeleteEndpoint;

    /// Three deliveries, of which the first is dead.
    fn world() -> (World, Vec<WebhookDeliveryId>) {
        let mut world = World::new();
        world.run(&a_create()).unwrap();
        let mut world = world.acting_as(Role::System);
        let facts = (8..11).map(|number| a_fact(number, "sale.opened")).collect();
        world.run(&FanOut { facts, ..a_fan_out(7) }).unwrap();
        let fence = world.run(&BeginTurn { endpoint: ENDPOINT }).unwrap().unwrap().fence;
        let ids: Vec<_> = world.database.webhook_deliveries.iter().map(|delivery| delivery.id).collect();
        let told = Told::Answered { status: 410, retry_after_ms: None };
        let attempts = vec![Attempt { delivery: ids[0], told }];
        world.run(&RecordAttempts { endpoint: ENDPOINT, fence, attempts }).unwrap();
        (world.acting_as(Role::Manager), ids)
    }

    #[test]
    fn dead_ones_begin_anew_and_the_others_stay() {
        let (mut world, ids) = world();
        assert_eq!(world.run(&Redrive { deliveries: ids.clone() }).unwrap(), 1);
        assert_eq!(world.run(&Redrive { deliveries: ids }).unwrap(), 0);
        let states: Vec<&str> =
            world.database.webhook_deliveries.iter().map(|delivery| delivery.state.as_str()).collect();
        assert_eq!(states, ["pending"; 3]);
        assert!(world.database.webhook_deliveries.iter().all(|delivery| delivery.attempts == 0));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let (world, ids) = world();
        let redrive = Redrive { deliveries: ids.clone() };
        assert_eq!(world.clone().of_other_merchant().refused(&redrive).code(), "webhook_delivery_not_found");
        assert_eq!(world.clone().acting_as(Role::Cashier).refused(&redrive).code(), "role_too_low");
        let many = Redrive { deliveries: vec![ids[0]; REDRIVE_MAX + 1] };
        assert_eq!(world.clone().refused(&many).code(), "webhook_redrive_too_many");
        let mut world = world;
        world.run(&DeleteEndpoint { id: ENDPOINT }).unwrap();
        assert_eq!(world.refused(&redrive).code(), "webhook_endpoint_not_found");
    }
}
