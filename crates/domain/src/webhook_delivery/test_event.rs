//! A test event: a message that looks like any other, so that a receiver can be tried out. It is in no outbox.

use super::{About, WebhookDelivery};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{EventId, WebhookEndpointId};
use crate::webhook_endpoint::{self, find_endpoint};
use crate::work::{Key, Stop, UnitOfWork};

/// The kind of test events.
pub const TEST_KIND: &str = "webhook_endpoint.test";

/// Sends a test event to an endpoint, whatever kinds it wants.
#[derive(Debug, Clone)]
pub struct SendTest {
    /// Which endpoint.
    pub endpoint: WebhookEndpointId,
}

impl Command for SendTest {
    type Reply = WebhookDelivery;

    fn name(&self) -> &'static str {
        "webhook_endpoint.test"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::WebhookEndpoint(self.endpoint)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WebhookDelivery, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        if find_endpoint(work, call.merchant, self.endpoint)?.state != webhook_endpoint::State::Active {
            return Err(webhook_endpoint::Refusal::Inactive.into());
        }
        let event = EventId::from_uuid(call.next_uuid());
        let about = About { event, kind: TEST_KIND, subject: &self.endpoint.to_string() };
        let delivery = WebhookDelivery::fresh(call, self.endpoint, None, about);
        work.webhook_deliveries.insert(delivery.clone());
        Ok(delivery)
    }
}
