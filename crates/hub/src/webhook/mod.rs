//! Webhooks: what we send to subscribers. `worker` takes up the events behind each endpoint's cursor and sends what is due,
//! `sender` makes the request, `address` says who may be called, `signature` signs after Standard Webhooks 1.0.

pub mod address;
pub mod message;
pub mod sender;
pub mod signature;
pub mod worker;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::call::{Actor, Role};
use domain::id::{MerchantId, WebhookEndpointId};
use domain::webhook_endpoint::WebhookEndpoint;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};

use self::address::Addresses;
use self::sender::{Sender, SystemLookup};
use self::signature::SigningKeys;
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
    at_work: watch::Sender<BTreeSet<WebhookEndpointId>>,
}

impl Webhooks {
    /// Ready to call.
    pub fn try_new(config: &Config) -> Result<Self, reqwest::Error> {
        let addresses = Addresses::new(config.allowed_networks.clone());
        Ok(Self {
            sender: Sender::try_new(addresses.clone(), Arc::new(SystemLookup))?,
            addresses,
            actor: Arc::new(Actor::new("webhooks", Role::System)),
            places: Semaphore::new(REQUESTS_MAX),
            at_work: watch::Sender::new(BTreeSet::new()),
        })
    }

    /// Begins to see to an endpoint, until the guard is dropped; `None` while somebody is at it, or at too many others.
    fn enter(&self, endpoint: WebhookEndpointId) -> Option<AtWork> {
        let has_entered = |endpoints: &mut BTreeSet<_>| endpoints.len() < ENDPOINTS_MAX && endpoints.insert(endpoint);
        let is_mine = self.at_work.send_if_modified(has_entered);
        is_mine.then(|| AtWork { at_work: self.at_work.clone(), endpoint })
    }

    /// Waits until nothing is under way, but not for longer than this: a hub that stops gives its turns back.
    pub async fn wait_for_rest(&self, longest: Duration) {
        let mut at_work = self.at_work.subscribe();
        // What is still under way then is sent again by whoever takes the turn over.
        let _ = tokio::time::timeout(longest, at_work.wait_for(BTreeSet::is_empty)).await;
    }
}

/// Somebody sees to an endpoint, as long as this lives.
struct AtWork {
    at_work: watch::Sender<BTreeSet<WebhookEndpointId>>,
    endpoint: WebhookEndpointId,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.at_work.send_modify(|endpoints| {
            endpoints.remove(&self.endpoint);
        });
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
