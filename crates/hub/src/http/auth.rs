//! Who is calling: the API key of `Authorization: Bearer`, what it may do, and who is signed in at its register. What was found is kept for a few seconds,
//! so that a revoked key is out by then and a busy one costs no read per request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use domain::call::{Actor, Role};
use domain::id::{ApiKeyId, MerchantId};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::error::{Kind, Problem};
use super::limit::{self, Bucket};
use super::operator_token;
use crate::api_key::{self, Environment};
use crate::app::App;
use crate::config::Hidden;

/// How long a key that was found is believed without looking again.
pub const BELIEVED_FOR: Duration = Duration::from_secs(5);
/// From this age on one request looks again while the others still believe, so that they do not all wait.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(3);
/// Keys that are remembered. Beyond it the memory begins anew.
const REMEMBERED_MAX: usize = 10_000;

/// Who is let in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What API keys are hashed with; without it a file in the data folder.
    pub pepper: Option<Hidden>,
}

/// Who is calling.
#[derive(Debug)]
pub struct Principal {
    /// The key.
    pub key: ApiKeyId,
    /// Whose records it opens.
    pub merchant: MerchantId,
    /// Who answers for it in the audit chain.
    pub actor: Arc<Actor>,
    /// What it may reach.
    pub environment: Environment,
    /// The keyed hash of its words.
    hash: [u8; 32],
    /// The requests that it may make.
    bucket: Arc<Bucket>,
}

impl Principal {
    /// The same key, with somebody who is signed in at its register.
    fn speaking(&self, actor: Actor) -> Self {
        let Self { key, merchant, environment, hash, .. } = *self;
        Self { key, merchant, actor: Arc::new(actor), environment, hash, bucket: Arc::clone(&self.bucket) }
    }

    /// Goes on only if the key has at least the role `needed`.
    pub fn require(&self, needed: Role) -> Result<(), Problem> {
        if self.actor.role >= needed {
            return Ok(());
        }
        Err(Problem::new(Kind::RoleTooLow, format!("This needs the role {needed}. Use a key of that role.")))
    }
}

/// The keys that were found lately.
#[derive(Default)]
pub struct Auth {
    remembered: Mutex<HashMap<[u8; 32], Remembered>>,
}

struct Remembered {
    principal: Arc<Principal>,
    found_at: Duration,
    is_looked_at_again: bool,
}

impl Auth {
    fn recall(&self, hash: &[u8; 32], now: Duration) -> Option<Arc<Principal>> {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = remembered.get_mut(hash)?;
        let age = now.saturating_sub(entry.found_at);
        if age >= BELIEVED_FOR {
            return None;
        }
        if age >= LOOK_AGAIN_AFTER && !entry.is_looked_at_again {
            entry.is_looked_at_again = true;
            return None;
        }
        Some(Arc::clone(&entry.principal))
    }

    fn remember(&self, principal: &Arc<Principal>, now: Duration) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        let entry = Remembered { principal: Arc::clone(principal), found_at: now, is_looked_at_again: false };
        remembered.insert(principal.hash, entry);
    }

    /// The bucket of a key, which outlives what is believed of it.
    fn bucket(&self, hash: &[u8; 32]) -> Arc<Bucket> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(hash).map(|entry| Arc::clone(&entry.principal.bucket)).unwrap_or_default()
    }

    fn forget(&self, hash: &[u8; 32]) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).remove(hash);
    }
}

/// Who sent a request with these headers; it costs the key a token.
pub async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Arc<Principal>, Problem> {
    let words = bearer(headers)?;
    let hash = app.pepper.api_key(words);
    let now = app.clock.uptime();
    let principal = match app.auth.recall(&hash, now) {
        Some(principal) => principal,
        None => {
            let malformed = || Problem::new(Kind::KeyMalformed, "This is not a whole API key. Copy it again.");
            let (environment, id) = api_key::parse(words).ok_or_else(malformed)?;
            find(app, id, environment, hash, now).await?
        }
    };
    limit::admit(app.rate_limit.as_ref(), &principal.bucket, now)?;
    let speaker = operator_token::speaker(app, principal.key, principal.merchant, headers).await?;
    Ok(match speaker {
        None => principal,
        Some(actor) => Arc::new(principal.speaking(actor)),
    })
}

/// Whether a principal that was let in a while ago still is: for what lasts longer than a request.
pub async fn check_again(app: &App, principal: &Principal) -> Result<(), Problem> {
    let now = app.clock.uptime();
    if app.auth.recall(&principal.hash, now).is_some() {
        return Ok(());
    }
    find(app, principal.key, principal.environment, principal.hash, now).await.map(drop)
}

/// Reads a key. `now` is from before the read: what is read later than this is not older than this.
async fn find(
    app: &App,
    id: ApiKeyId,
    environment: Environment,
    hash: [u8; 32],
    now: Duration,
) -> Result<Arc<Principal>, Problem> {
    let key = app.reader.find_api_key(id).await?;
    let Some(key) = key.filter(|key| bool::from(key.hash.as_slice().ct_eq(&hash))) else {
        return Err(Problem::new(Kind::KeyUnknown, "This hub does not know the API key. Check which hub it is for."));
    };
    if key.revoked_at.is_some() {
        app.auth.forget(&hash);
        return Err(Problem::new(Kind::KeyRevoked, "This API key was revoked. Use another."));
    }
    let actor = Arc::new(Actor::new(key.id.to_string(), key.role));
    let bucket = app.auth.bucket(&hash);
    let principal = Arc::new(Principal { key: key.id, merchant: key.merchant, actor, environment, hash, bucket });
    app.auth.remember(&principal, now);
    Ok(principal)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || Problem::new(Kind::KeyMissing, "Send your API key: `Authorization: Bearer tb_…`.");
    let value = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let (scheme, words) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(words.trim()) } else { Err(missing()) }
}
