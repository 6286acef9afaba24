//! What becomes of an endpoint: other settings, another secret, its end.

use serde::Serialize;

use super::{
    Kinds, OLD_SECRET_MS, OldSecret, State, WebhookEndpoint, check_description, check_url, find_endpoint, store,
};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::WebhookEndpointId;
use crate::work::{Key, Stop, UnitOfWork};

/// Changes the fields that are given.
#[derive(Debug, Clone)]
pub struct UpdateEndpoint {
    /// Which endpoint.
    pub id: WebhookEndpointId,
    /// Where it is from now on. What waits is sent there, too.
    pub url: Option<String>,
    /// The kinds of events that it wants from now on.
    pub kinds: Option<Vec<String>>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether anything is sent from now on. What came meanwhile follows.
    pub is_active: Option<bool>,
    /// Whether the events of one subject are sent in order from now on.
    pub is_ordered: Option<bool>,
}

/// `webhook_endpoint.updated`.
#[derive(Serialize)]
struct Updated<'a> {
    kinds: &'a Kinds,
    is_active: bool,
    is_ordered: bool,
}

impl UpdateEndpoint {
    fn apply(&self, mut endpoint: WebhookEndpoint) -> Result<WebhookEndpoint, Stop<command::Refusal>> {
        if let Some(url) = &self.url {
            check_url(url)?;
            endpoint.url.clone_from(url);
        }
        if let Some(kinds) = &self.kinds {
            endpoint.kinds = Kinds::parse(kinds)?;
        }
        if let Some(description) = &self.description {
            check_description(description)?;
            endpoint.description.clone_from(description);
        }
        endpoint.is_ordered = self.is_ordered.unwrap_or(endpoint.is_ordered);
        match self.is_active {
            Some(true) => endpoint.state = State::Active,
            Some(false) if endpoint.state == State::Active => endpoint.state = State::Inactive,
            Some(false) | None => {}
        }
        Ok(endpoint)
    }
}

impl Command for UpdateEndpoint {
    type Reply = WebhookEndpoint;

    fn name(&self) -> &'static str {
        "webhook_endpoint.update"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::WebhookEndpoint(self.id)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WebhookEndpoint, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let before = find_endpoint(work, call.merchant, self.id)?.clone();
        let mut changed = self.apply(before.clone())?;
        if changed == before {
            return Ok(changed);
        }
        if changed.url != before.url || changed.state != before.state {
            // Somebody has seen to it: it is tried at once.
            (changed.strain, changed.paused_until) = (0, None);
        }
        let endpoint = store(work, changed)?;
        let WebhookEndpoint { kinds, is_ordered, .. } = &endpoint;
        let is_active = endpoint.state == State::Active;
        work.emit(call, "webhook_endpoint.updated", self.id, &Updated { kinds, is_active, is_ordered: *is_ordered });
        Ok(endpoint)
    }
}

/// Gives an endpoint another secret. The one that it replaces signs on for a day, beside the new one; one that was
/// replaced before signs no more.
#[derive(Debug, Clone)]
pub struct RotateSecret {
    /// Which endpoint.
    pub id: WebhookEndpointId,
    /// The new secret, sealed.
    pub secret: Vec<u8>,
}

impl Command for RotateSecret {
    type Reply = WebhookEndpoint;

    fn name(&self) -> &'static str {
        "webhook_endpoint.rotate_secret"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::WebhookEndpoint(self.id)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WebhookEndpoint, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let mut endpoint = find_endpoint(work, call.merchant, self.id)?.clone();
        let replaced = std::mem::replace(&mut endpoint.secret, self.secret.clone());
        endpoint.old_secret = Some(OldSecret { secret: replaced, until: call.now.plus_ms(OLD_SECRET_MS) });
        let endpoint = store(work, endpoint)?;
        work.emit(call, "webhook_endpoint.secret_rotated", self.id, &serde_json::json!({}));
        Ok(endpoint)
    }
}

/// Takes an endpoint away, and its secrets with it.
#[derive(Debug, Clone)]
pub struct DeleteEndpoint {
    /// Which endpoint.
    pub id: WebhookEndpointId,
}

impl Command for DeleteEndpoint {
    type Reply = WebhookEndpoint;

    fn name(&self) -> &'static str {
        "webhook_endpoint.delete"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::WebhookEndpoint(self.id)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WebhookEndpoint, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let endpoint = find_endpoint(work, call.merchant, self.id)?.clone();
        let deleted = WebhookEndpoint {
            state: State::Deleted,
            secret: Vec::new(),
            old_secret: None,
            paused_until: None,
            ..endpoint
        };
        let deleted = store(work, deleted)?;
        work.emit(call, "webhook_endpoint.deleted", self.id, &serde_json::json!({}));
        Ok(deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MERCHANT, NOW, World};
    use crate::time::Timestamp;
    use crate::webhook_delivery::fixture::{ENDPOINT, a_create};

    fn world() -> World {
        let mut world = World::new();
        world.run(&a_create()).unwrap();
        world
    }

    fn an_update() -> UpdateEndpoint {
        UpdateEndpoint { id: ENDPOINT, url: None, kinds: None, description: None, is_active: None, is_ordered: None }
    }

    #[test]
    fn only_given_fields_change() {
        let mut world = world();
        let before = world.database.webhook_endpoints.find(MERCHANT, &ENDPOINT).unwrap().clone();
        assert_eq!(world.run(&UpdateEndpoint { is_active: Some(true), ..an_update() }).unwrap(), before);
        let changed = world.run(&UpdateEndpoint { is_active: Some(false), ..an_update() }).unwrap();
        assert_eq!(changed, WebhookEndpoint { state: State::Inactive, version: 2, ..before });
        assert_eq!(world.event_kinds(), ["webhook_endpoint.created", "webhook_endpoint.updated"]);
    }

    #[test]
    fn two_secrets_live_for_a_day() {
        let mut world = world();
        world.run(&RotateSecret { id: ENDPOINT, secret: b"second".to_vec() }).unwrap();
        let endpoint = world.run(&RotateSecret { id: ENDPOINT, secret: b"third".to_vec() }).unwrap();
        let signing = |at: Timestamp| endpoint.secrets(at).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(signing(NOW.plus_ms(OLD_SECRET_MS - 1)), [b"third".to_vec(), b"second".to_vec()]);
        assert_eq!(signing(NOW.plus_ms(OLD_SECRET_MS)), [b"third".to_vec()]);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let update = an_update;
        for (code, wrong) in [
            ("webhook_url_too_long", UpdateEndpoint { url: Some(String::new()), ..update() }),
            ("webhook_url_too_long", UpdateEndpoint { url: Some("x".repeat(2_001)), ..update() }),
            ("webhook_kinds_invalid", UpdateEndpoint { kinds: Some(vec!["sale".to_owned()]), ..update() }),
            ("webhook_description_too_long", UpdateEndpoint { description: Some("x".repeat(201)), ..update() }),
            (
                "text_looks_like_card_number",
                UpdateEndpoint { description: Some("4111 1111 1111 1111".to_owned()), ..update() },
            ),
        ] {
            assert_eq!(world().refused(&wrong).code(), code);
        }
        let cashier = world().acting_as(Role::Cashier).refused(&an_update());
        assert_eq!(cashier.code(), "role_too_low");
        let stranger = world().of_other_merchant().refused(&DeleteEndpoint { id: ENDPOINT });
        assert_eq!(stranger.code(), "webhook_endpoint_not_found");
    }

    #[test]
    fn a_deleted_endpoint_is_gone_with_its_secrets() {
        let mut world = world();
        world.run(&RotateSecret { id: ENDPOINT, secret: b"second".to_vec() }).unwrap();
        let deleted = world.run(&DeleteEndpoint { id: ENDPOINT }).unwrap();
        assert_eq!((deleted.secret.len(), deleted.old_secret), (0, None));
        for again in [world.refused(&DeleteEndpoint { id: ENDPOINT }), world.refused(&an_update())] {
            assert_eq!(again.code(), "webhook_endpoint_not_found");
        }
    }
}
