//! A new endpoint.

use serde::Serialize;

use super::{Kinds, State, WebhookEndpoint, check_description, check_url};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{MerchantId, WebhookEndpointId};
use crate::work::{Key, Stop, UnitOfWork};

/// Makes an endpoint. Its id and its sealed secret come from the caller, because the seal names the id.
#[derive(Debug, Clone)]
pub struct CreateEndpoint {
    /// The new endpoint's id.
    pub id: WebhookEndpointId,
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where it is.
    pub url: String,
    /// The kinds of events that it wants.
    pub kinds: Vec<String>,
    /// What it is for.
    pub description: String,
    /// Whether anything is sent from the beginning.
    pub is_active: bool,
    /// Whether the events of one subject are sent in order.
    pub is_ordered: bool,
    /// The number of the merchant's last event: it is told what comes after it.
    pub cursor: i64,
    /// What its messages are signed with, sealed.
    pub secret: Vec<u8>,
}

/// `webhook_endpoint.created`. The URL may hold a password of the receiver and is not told.
#[derive(Serialize)]
struct Created<'a> {
    kinds: &'a Kinds,
    is_active: bool,
    is_ordered: bool,
}

impl Command for CreateEndpoint {
    type Reply = WebhookEndpoint;

    fn name(&self) -> &'static str {
        "webhook_endpoint.create"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant), Key::WebhookEndpoint(self.id)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WebhookEndpoint, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        if work.merchants.find(call.merchant, &self.merchant).is_none() {
            return Err(not_found("merchant", self.merchant));
        }
        if work.webhook_endpoints.is_taken(&self.id) {
            return Err(not_found("webhook_endpoint", self.id));
        }
        check_url(&self.url)?;
        check_description(&self.description)?;
        let endpoint = WebhookEndpoint {
            id: self.id,
            merchant: call.merchant,
            url: self.url.clone(),
            kinds: Kinds::parse(&self.kinds)?,
            description: self.description.clone(),
            state: if self.is_active { State::Active } else { State::Inactive },
            is_ordered: self.is_ordered,
            cursor: self.cursor,
            secret: self.secret.clone(),
            old_secret: None,
            strain: 0,
            paused_until: None,
            created_at: call.now,
            version: 1,
        };
        work.webhook_endpoints.insert(endpoint.clone());
        let WebhookEndpoint { kinds, is_ordered, .. } = &endpoint;
        let created = Created { kinds, is_active: self.is_active, is_ordered: *is_ordered };
        work.emit(call, "webhook_endpoint.created", self.id, &created);
        Ok(endpoint)
    }
}
