//! The JSON of what tells that a record is a fact from elsewhere.

use domain::elsewhere::Elsewhere;
use domain::time::Timestamp;
use serde::Serialize;

use super::json;

/// Who told of it, when it happened, and when the hub learned of it.
#[derive(Serialize)]
pub struct ElsewhereOut<'a> {
    origin: &'a str,
    #[serde(serialize_with = "json::instant")]
    occurred_at: Timestamp,
    #[serde(serialize_with = "json::instant")]
    recorded_at: Timestamp,
}

impl<'a> ElsewhereOut<'a> {
    /// Of a record that says when it happened.
    pub fn of(told: &'a Elsewhere, occurred_at: Timestamp) -> Self {
        Self { origin: &told.origin, occurred_at, recorded_at: told.recorded_at }
    }
}
