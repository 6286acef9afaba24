//! The idempotency keys whose first request waits for its answer in this hub right now. A copy that comes meanwhile is told
//! that the key is in flight; a key that nobody waits for any more is given its answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::call::Actor;
use domain::id::MerchantId;
use storage::{Claim, Envelope, Idempotency, Lane};

use crate::provider::OneTime;

/// The keys that are waited for, and how often.
#[derive(Default, Clone)]
pub struct Waits(Arc<Mutex<HashMap<(MerchantId, String), usize>>>);

impl Waits {
    /// Says that somebody waits for the answer of a key, until the guard is dropped.
    pub fn enter(&self, merchant: MerchantId, key: &str) -> Waiting {
        let key = (merchant, key.to_owned());
        *self.lock().entry(key.clone()).or_default() += 1;
        Waiting { waits: self.clone(), key }
    }

    /// How many wait for the answer of a key.
    pub fn count(&self, merchant: MerchantId, key: &str) -> usize {
        self.lock().get(&(merchant, key.to_owned())).copied().unwrap_or(0)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(MerchantId, String), usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody waits, as long as this lives.
pub struct Waiting {
    waits: Waits,
    key: (MerchantId, String),
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waits = self.waits.lock();
        if let Some(count) = waits.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                waits.remove(&self.key);
            }
        }
    }
}

/// What a request that waits for its answer has to remember of itself.
pub struct Wait {
    /// Whose request it is.
    pub merchant: MerchantId,
    /// Who sends it.
    pub actor: Arc<Actor>,
    /// What follows it through the log.
    pub request_id: String,
    /// Its idempotency key, if it has one.
    pub key: Option<String>,
    /// The status of its answer.
    pub status: u16,
    /// What it hands on to the provider.
    pub one_time: OneTime,
}

impl Wait {
    /// What an envelope says.
    pub fn of(envelope: &Envelope) -> Self {
        let key = match &envelope.idempotency {
            Idempotency::Answer(Claim { key, .. }) | Idempotency::AnswerLater(Claim { key, .. }) => Some(key.clone()),
            Idempotency::None | Idempotency::Settle(_) => None,
        };
        Self {
            merchant: envelope.merchant,
            actor: Arc::clone(&envelope.actor),
            request_id: envelope.request_id.clone(),
            key,
            status: 200,
            one_time: OneTime::default(),
        }
    }

    /// Fills in the answer of the key.
    pub fn settles(&self) -> Idempotency {
        self.key.clone().map_or(Idempotency::None, Idempotency::Settle)
    }

    /// The envelope of a command that gives the answer.
    pub fn envelope(&self) -> Envelope {
        Envelope {
            merchant: self.merchant,
            actor: Arc::clone(&self.actor),
            request_id: self.request_id.clone(),
            idempotency: self.settles(),
            lane: Lane::Interactive,
            weight: 0,
        }
    }
}
