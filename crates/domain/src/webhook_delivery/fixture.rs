//! An endpoint and events for tests.

use uuid::Uuid;

use super::{Fact, FanOut};
use crate::id::{EventId, WebhookEndpointId};
use crate::testing::MERCHANT;
use crate::webhook_endpoint::CreateEndpoint;

pub const ENDPOINT: WebhookEndpointId = WebhookEndpointId::from_uuid(Uuid::from_u128(0xe0));

/// An endpoint that wants everything after event 7.
pub fn a_create() -> CreateEndpoint {
    CreateEndpoint {
        id: ENDPOINT,
        merchant: MERCHANT,
        url: "https://example.jp/hook".to_owned(),
        kinds: Vec::new(),
        description: String::new(),
        is_active: true,
        is_ordered: false,
        cursor: 7,
        secret: b"first".to_vec(),
    }
}

pub fn a_fact(number: i64, kind: &str) -> Fact {
    let event = EventId::from_uuid(Uuid::from_u128(number.unsigned_abs().into()));
    Fact { number, event, kind: kind.to_owned(), subject: "sal_1".to_owned() }
}

pub fn a_fan_out(after: i64) -> FanOut {
    FanOut { endpoint: ENDPOINT, after, facts: Vec::new() }
}
