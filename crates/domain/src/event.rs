//! Events: committed facts. The number is given when the batch is written, without a gap per merchant.

use crate::id::{EventId, MerchantId};
use crate::time::Timestamp;

/// A fact that a command made true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id, for consumers that dedupe.
    pub id: EventId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// `noun.past_verb`, for example `payment.captured`.
    pub kind: &'static str,
    /// The id of the record it is about; order holds per subject.
    pub subject: String,
    /// JSON, an object.
    pub data: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}
