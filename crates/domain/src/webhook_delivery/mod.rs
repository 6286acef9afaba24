//! One event on its way to one endpoint: how often it was tried, what came of it, and when it is tried again. It is made
//! from the outbox behind the endpoint's cursor, and sent by the hub that holds the endpoint's lease.

mod attempt;
mod fan_out;
#[cfg(test)]
pub(crate) mod fixture;
mod redrive;
mod refusal;
mod schedule;
mod test_event;
mod turn;

pub use attempt::{Attempt, RecordAttempts, Recorded, Told};
pub use fan_out::{FACTS_MAX, Fact, FanOut, FannedOut};
pub use redrive::{REDRIVE_MAX, Redrive};
pub use refusal::Refusal;
pub use schedule::{ATTEMPTS_MAX, PAUSE_MS_MAX, RETRY_AFTER_MS_MAX};
pub use test_event::{SendTest, TEST_KIND};
pub use turn::{BeginTurn, EndTurn, LEASE_MS, Turn};

use crate::call::Call;
use crate::id::{EventId, MerchantId, WebhookDeliveryId, WebhookEndpointId};
use crate::time::Timestamp;

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// Its id.
    pub id: WebhookDeliveryId,
    /// Whose event it is.
    pub merchant: MerchantId,
    /// Where it goes.
    pub endpoint: WebhookEndpointId,
    /// The number of the event; `None` for a test event, which is in no outbox.
    pub number: Option<i64>,
    /// The id of the event: the id of the message, too, the same at each attempt.
    pub event: EventId,
    /// The kind of the event.
    pub kind: String,
    /// What the event is about.
    pub subject: String,
    /// Where it stands.
    pub state: State,
    /// How often it was tried since it was made or redriven.
    pub attempts: u32,
    /// The HTTP status of the last answer.
    pub status: Option<u16>,
    /// Why the last attempt failed.
    pub reason: Option<Reason>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was tried last, or made.
    pub updated_at: Timestamp,
    /// Row version.
    pub version: i64,
}

impl WebhookDelivery {
    /// One that was never tried and is due at once.
    fn fresh(call: &mut Call<'_>, endpoint: WebhookEndpointId, number: Option<i64>, told: About<'_>) -> Self {
        Self {
            id: WebhookDeliveryId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            endpoint,
            number,
            event: told.event,
            kind: told.kind.to_owned(),
            subject: told.subject.to_owned(),
            state: State::Pending { due_at: call.now },
            attempts: 0,
            status: None,
            reason: None,
            created_at: call.now,
            updated_at: call.now,
            version: 1,
        }
    }
}

/// The event of a fresh delivery.
struct About<'a> {
    event: EventId,
    kind: &'a str,
    subject: &'a str,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is tried from then on.
    Pending {
        /// Not before.
        due_at: Timestamp,
    },
    /// The receiver said that it has it.
    Delivered,
    /// Given up; it is sent again when somebody redrives it.
    Dead,
}

impl State {
    /// The words in the database and in the API.
    pub const ALL: [&'static str; 3] = ["pending", "delivered", "dead"];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// When it is tried next; `None` when never.
    pub const fn due_at(self) -> Option<Timestamp> {
        match self {
            Self::Pending { due_at } => Some(due_at),
            Self::Delivered | Self::Dead => None,
        }
    }

    /// The state of that name; only a pending one is due.
    pub fn parse(text: &str, due_at: Option<Timestamp>) -> Option<Self> {
        match (text, due_at) {
            ("pending", Some(due_at)) => Some(Self::Pending { due_at }),
            ("delivered", None) => Some(Self::Delivered),
            ("dead", None) => Some(Self::Dead),
            _ => None,
        }
    }
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The receiver answered with a status that is no success.
    StatusNotSuccess,
    /// The receiver answered with a redirect; none is followed.
    Redirected,
    /// The receiver is overloaded, or what stands before it cannot reach it: 429, 502, 503, 504.
    Overloaded,
    /// The receiver answered 410: the endpoint is switched off.
    Gone,
    /// No answer in time.
    Timeout,
    /// No connection, or it broke off.
    NotReached,
    /// The name leads to an address that is not called: inside this network, or of no machine.
    AddressRefused,
    /// The endpoint was deleted before the event was sent.
    EndpointDeleted,
}

impl Reason {
    const ALL: [Self; 8] = [
        Self::StatusNotSuccess,
        Self::Redirected,
        Self::Overloaded,
        Self::Gone,
        Self::Timeout,
        Self::NotReached,
        Self::AddressRefused,
        Self::EndpointDeleted,
    ];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StatusNotSuccess => "status_not_success",
            Self::Redirected => "redirected",
            Self::Overloaded => "overloaded",
            Self::Gone => "gone",
            Self::Timeout => "timeout",
            Self::NotReached => "not_reached",
            Self::AddressRefused => "address_refused",
            Self::EndpointDeleted => "endpoint_deleted",
        }
    }

    /// The reason of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}
