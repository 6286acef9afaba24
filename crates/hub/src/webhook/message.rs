//! The body of a webhook: the form that Standard Webhooks recommends, with the event's number, so that a receiver sees what
//! it missed, and asks for it.

use domain::id::{EventId, MerchantId};
use domain::time::Timestamp;
use domain::webhook_delivery::WebhookDelivery;
use serde::Serialize;
use serde_json::value::RawValue;
use storage::read::webhook::DueDelivery;

use crate::http::json;

/// The data of a test.
const NOTHING: &str = "{}";

/// What a receiver reads.
#[derive(Serialize)]
pub struct Message<'a> {
    /// The kind of the event.
    pub r#type: &'a str,
    /// When it was recorded.
    #[serde(serialize_with = "json::instant")]
    pub timestamp: Timestamp,
    /// Its id.
    pub id: EventId,
    /// The number of the event; a test has none.
    pub seq: Option<i64>,
    /// The id of the record it is about.
    pub subject: &'a str,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Stored as JSON; what is not would be a broken row, and is sent as null.
    pub data: Option<&'a RawValue>,
}

/// The bytes of a message: the same at each attempt.
pub fn body(due: &DueDelivery) -> Vec<u8> {
    let WebhookDelivery { event, number, ref kind, ref subject, merchant, created_at, .. } = due.delivery;
    json::to_bytes(&Message {
        r#type: kind,
        timestamp: due.recorded_at.unwrap_or(created_at),
        id: event,
        seq: number,
        subject,
        merchant,
        data: serde_json::from_str(due.data.as_deref().unwrap_or(NOTHING)).ok(),
    })
}
