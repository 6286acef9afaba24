//! Where subscribers are told of events: a URL, the kinds of events it wants, and how far it was told. Fan-out follows
//! the cursor behind the outbox, so that a merchant's own commands cost the same with endpoints and without.

mod change;
mod create;
mod kinds;
mod refusal;

pub use change::{DeleteEndpoint, RotateSecret, UpdateEndpoint};
pub use create::CreateEndpoint;
pub use kinds::{KINDS_MAX, Kinds};
pub use refusal::Refusal;

use crate::command::{self, not_found};
use crate::guard;
use crate::id::{MerchantId, WebhookEndpointId};
use crate::time::Timestamp;
use crate::work::{Stop, UnitOfWork};

/// Longest URL, in characters: what every server takes.
pub const URL_CHARS_MAX: usize = 2_000;
/// Longest description, in characters: one line of a list.
pub const DESCRIPTION_CHARS_MAX: usize = 200;
/// How long the secret before the last one still signs, in milliseconds: a day to bring the new one to the receiver.
pub const OLD_SECRET_MS: i64 = 24 * 60 * 60 * 1_000;

/// Where a subscriber wants to be told of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Whose events it is told.
    pub merchant: MerchantId,
    /// Where it is. Whether the address may be called is seen at each connection.
    pub url: String,
    /// What it wants to be told.
    pub kinds: Kinds,
    /// What it is for, in the merchant's words.
    pub description: String,
    /// Whether anything is sent.
    pub state: State,
    /// Whether the events of one subject are sent one after the other, each only when the one before has its end.
    pub is_ordered: bool,
    /// The number of the last event that it was looked at for.
    pub cursor: i64,
    /// What its messages are signed with, sealed.
    pub secret: Vec<u8>,
    /// The secret before that one.
    pub old_secret: Option<OldSecret>,
    /// Attempts that failed since the last one that succeeded, as far as they were made at different times.
    pub strain: u32,
    /// Until when nothing is sent, because it is away or asked for it.
    pub paused_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// A secret that was replaced and still signs, beside the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldSecret {
    /// The secret, sealed.
    pub secret: Vec<u8>,
    /// Until when it signs.
    pub until: Timestamp,
}

/// Whether anything is sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// What it wants is sent.
    Active,
    /// Nothing is sent; its events wait in the outbox.
    Inactive,
    /// As inactive: it answered 410.
    Gone,
    /// It is not there any more. Its row stays for the deliveries that name it.
    Deleted,
}

impl State {
    const ALL: [Self; 4] = [Self::Active, Self::Inactive, Self::Gone, Self::Deleted];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Gone => "gone",
            Self::Deleted => "deleted",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl WebhookEndpoint {
    /// What a message of `now` is signed with, the newest first.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &[u8]> {
        let old = self.old_secret.as_ref().filter(|old| now < old.until);
        std::iter::once(&*self.secret).chain(old.map(|old| &*old.secret))
    }

    /// Whether it is left alone for a while.
    pub fn is_paused(&self, now: Timestamp) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }
}

/// The merchant's endpoint, if it was not deleted.
pub(crate) fn find_endpoint(
    work: &UnitOfWork,
    merchant: MerchantId,
    id: WebhookEndpointId,
) -> Result<&WebhookEndpoint, Stop<command::Refusal>> {
    let found = work.webhook_endpoints.find(merchant, &id).filter(|endpoint| endpoint.state != State::Deleted);
    found.ok_or_else(|| not_found("webhook_endpoint", id))
}

/// Puts a changed endpoint in the place of the one that was loaded.
pub(crate) fn store(
    work: &mut UnitOfWork,
    changed: WebhookEndpoint,
) -> Result<WebhookEndpoint, Stop<command::Refusal>> {
    let id = changed.id;
    work.webhook_endpoints.replace(changed).cloned().ok_or_else(|| not_found("webhook_endpoint", id))
}

fn check_url(url: &str) -> Result<(), Refusal> {
    if (1..=URL_CHARS_MAX).contains(&url.chars().count()) { Ok(()) } else { Err(Refusal::UrlTooLong) }
}

fn check_description(description: &str) -> Result<(), Refusal> {
    if description.chars().count() > DESCRIPTION_CHARS_MAX {
        return Err(Refusal::DescriptionTooLong);
    }
    if guard::looks_like_card_number(description) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}
