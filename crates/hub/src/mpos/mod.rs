//! The mPOS gateway API behind its routes: the nonces that were used, the control keys, and the callbacks.

pub mod callback;
pub mod nonce;

use std::sync::Arc;

use domain::call::{Actor, Role};
use domain::id::{MerchantId, MposEndpointId};
use domain::mpos::MposEndpoint;

use self::nonce::Nonces;
use crate::rounds::AtWork;
use crate::seal::Seal;

/// Orders that are seen to at the same time: each holds a socket for as long as a receiver takes.
const ORDERS_MAX: usize = 128;

/// What the routes and the callbacks share.
pub struct Mpos {
    /// The nonces that were used lately.
    pub nonces: Nonces,
    /// The payments whose callbacks are being seen to.
    pub at_work: AtWork<domain::id::PaymentId>,
    actor: Arc<Actor>,
}

impl Default for Mpos {
    fn default() -> Self {
        Self {
            nonces: Nonces::default(),
            at_work: AtWork::new(ORDERS_MAX),
            actor: Arc::new(Actor::new("mpos", Role::System)),
        }
    }
}

/// The control key of an endpoint; `None` if it was sealed under another pepper.
pub fn open_key(seal: &Seal, endpoint: &MposEndpoint) -> Option<String> {
    open_sealed(seal, endpoint.merchant, endpoint.id, &endpoint.control_key)
}

/// A control key that was sealed for an endpoint.
pub fn open_sealed(seal: &Seal, merchant: MerchantId, id: MposEndpointId, sealed: &[u8]) -> Option<String> {
    String::from_utf8(seal.open(&sealed_for(merchant, id), sealed)?).ok()
}

/// What the control key of an endpoint is sealed for.
pub fn sealed_for(merchant: MerchantId, id: MposEndpointId) -> String {
    format!("{merchant}|{id}|control_key")
}
