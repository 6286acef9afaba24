//! The hub's side of the SmartConnect-compatible API: how polling URLs begin, and who polled when.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::id::SmartconnectId;

/// The least pause between two polls of one transaction, as the original has it.
pub const POLL_PAUSE: Duration = Duration::from_secs(2);
/// Transactions whose last poll is remembered: those that are under way. Beyond it the memory begins anew.
const POLLS_MAX: usize = 50_000;

/// The hub's side of it.
pub struct Smartconnect {
    is_secure: bool,
    polls: Mutex<HashMap<SmartconnectId, Duration>>,
}

impl Smartconnect {
    /// `is_secure`: the hub, or a proxy in front of it, speaks TLS.
    pub fn new(is_secure: bool) -> Self {
        Self { is_secure, polls: Mutex::default() }
    }

    /// How a URL that leads back here begins.
    pub const fn scheme(&self) -> &'static str {
        if self.is_secure { "https" } else { "http" }
    }

    /// Notes a poll at `now`, the uptime; false if it came too soon after the one before, which is not noted.
    pub fn may_poll(&self, id: SmartconnectId, now: Duration) -> bool {
        let mut polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        if polls.get(&id).is_some_and(|last| now.saturating_sub(*last) < POLL_PAUSE) {
            return false;
        }
        if polls.len() >= POLLS_MAX {
            polls.clear();
        }
        polls.insert(id, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_that_comes_too_soon_is_not_noted() {
        let side = Smartconnect::new(false);
        let id = SmartconnectId::from_uuid(uuid::Uuid::from_u128(1));
        let other = SmartconnectId::from_uuid(uuid::Uuid::from_u128(2));
        let at = Duration::from_millis;
        assert!(side.may_poll(id, at(0)) && side.may_poll(other, at(0)));
        assert!(!side.may_poll(id, at(1_999)) && side.may_poll(id, at(2_000)) && !side.may_poll(id, at(3_000)));
    }
}
