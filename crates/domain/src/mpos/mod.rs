//! The mPOS gateway API's side of payments: endpoints that existing software is let in by, and orders, each of which is one
//! payment under the `client_orderid` of that software. What happens to the money is the payment's business.

mod callback;
mod close;
mod create;
mod order;
mod refusal;
mod standing;

pub use callback::{CALLBACK_TRIES_MAX, ClaimCallback, EndCallback, Followed, Told, told_now, waiting_since};
pub use close::{CloseDay, MposClose};
pub use create::{CreateMposEndpoint, RotateControlKey, UpdateMposEndpoint};
pub use order::{BeginOrder, Begun, CLIENT_ORDER_ID_CHARS_MAX, MposOrder};
pub use refusal::Refusal;
pub use standing::{Stage, Standing, Status, standing, standing_of};

use crate::command::{self, not_found};
use crate::id::{ConnectionId, LocationId, MerchantId, MposEndpointId, RegisterId};
use crate::money::Currency;
use crate::time::Timestamp;
use crate::work::{Stop, UnitOfWork};

/// Longest name, in characters: a few words.
pub const NAME_CHARS_MAX: usize = 80;
/// Longest login: what the documents of the API allow.
pub const LOGIN_CHARS_MAX: usize = 20;
/// Longest address that is called back, in characters: what every server takes.
pub const URL_CHARS_MAX: usize = 2_000;

/// Where software that speaks the mPOS gateway API is let in, and what its orders become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MposEndpoint {
    /// Its id.
    pub id: MposEndpointId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// ENDPOINTID: what stands in the URL. Of all merchants one only has it.
    pub number: i64,
    /// ENDPOINTGROUPID: what the endpoints of a group have in common.
    pub group: i64,
    /// Its name.
    pub name: String,
    /// What its software calls itself: the consumer key of a signature.
    pub login: String,
    /// The control key, sealed.
    pub control_key: Vec<u8>,
    /// Where its payments are taken.
    pub location: LocationId,
    /// On which register.
    pub register: RegisterId,
    /// With which credentials.
    pub connection: ConnectionId,
    /// The currency of its orders.
    pub currency: Currency,
    /// Where it is told of the end of an order that names no address itself, and of what happens to an order later.
    pub notify_url: Option<String>,
    /// Whether anybody is let in.
    pub is_active: bool,
    /// When its day was closed last.
    pub last_closed_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// The merchant's endpoint.
pub(crate) fn find_endpoint(
    work: &UnitOfWork,
    merchant: MerchantId,
    id: MposEndpointId,
) -> Result<&MposEndpoint, Stop<command::Refusal>> {
    work.mpos_endpoints.find(merchant, &id).ok_or_else(|| not_found("mpos_endpoint", id))
}
