//! Webhooks: what we send to subscribers. `worker` takes up the events behind each endpoint's cursor and sends what is due,
//! `sender` makes the request, `address` says who may be called, `signature` signs after Standard Webhooks 1.0.

pub mod address;
pub mod message;
pub mod sender;
pub mod signature;
pub mod worker;

use std::sync::Arc;

use domain::call::{Actor, Role};
use domain::id::{MerchantId, WebhookEndpointId};
use domain::time::Timestamp;
use domain::webhook_delivery::Told;
use domain::webhook_endpoint::WebhookEndpoint;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use self::address::Addresses;
use self::sender::{Sender, SystemLookup};
use self::signature::SigningKeys;
use crate::rounds::AtWork;
use crate::seal::Seal;

/// Requests to receivers at the same time, of all endpoints: each holds a socket and a few kilobytes.
const REQUESTS_MAX: usize = 1_024;
/// Endpoints that are seen to at the same time: one that is away holds its place for one request in minutes.
const ENDPOINTS_MAX: usize = 512;

/// Who may be called.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Networks of one's own that receivers may stand in, without TLS too. Everything that is not public is refused
    /// otherwise.
    pub allowed_networks: Vec<IpNet>,
}

/// The hub's side of all receivers.
pub struct Webhooks {
    /// Who may be called.
    pub addresses: Addresses,
    sender: Sender,
    actor: Arc<Actor>,
    places: Semaphore,
    /// A hub that stops gives its turns back. What is still under way then is sent again by whoever takes the turn over.
    pub at_work: AtWork<WebhookEndpointId>,
}

impl Webhooks {
    /// Calls an address with GET, under the same guard as every receiver.
    pub async fn call(&self, url: &str, now: Timestamp) -> Told {
        self.sender.call(url, now).await
    }

    /// Ready to call.
    pub fn try_new(config: &Config) -> Result<Self, reqwest::Error> {
        let addresses = Addresses::new(config.allowed_networks.clone());
        Ok(Self {
            sender: Sender::try_new(addresses.clone(), Arc::new(SystemLookup))?,
            addresses,
            actor: Arc::new(Actor::new("webhooks", Role::System)),
            places: Semaphore::new(REQUESTS_MAX),
            at_work: AtWork::new(ENDPOINTS_MAX),
        })
    }
}

/// Opens what an endpoint's messages are signed with; `None` if it was sealed under another pepper.
pub fn open_keys(seal: &Seal, endpoint: &WebhookEndpoint, sealed: &[u8]) -> Option<SigningKeys> {
    SigningKeys::of(&seal.open(&sealed_for(endpoint.merchant, endpoint.id), sealed)?)
}

/// What the secret of an endpoint is sealed for.
pub fn sealed_for(merchant: MerchantId, endpoint: WebhookEndpointId) -> String {
    format!("{merchant}|{endpoint}|secret")
}
