//! Why the rules of webhook deliveries say no.

use std::fmt;

use super::REDRIVE_MAX;
use crate::command;
use crate::work::Stop;

/// A rule of webhook deliveries that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// More deliveries than one request redrives.
    TooMany,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooMany => "webhook_redrive_too_many",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => {
                write!(f, "One request redrives at most {REDRIVE_MAX} deliveries. Send the rest by another.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::WebhookDelivery(refusal))
    }
}
