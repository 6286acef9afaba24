//! Nonces of signed requests: each is taken once. They are remembered for as long as a timestamp is believed, by the hub that
//! took them; a request that is repeated at another hub makes no second order, because its order is known by its id.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use domain::id::MposEndpointId;
use domain::time::Timestamp;

/// How far the clock of a caller may be off, to both sides.
pub const SKEW_MS_MAX: i64 = 5 * 60 * 1_000;
/// Nonces remembered: a hundred requests a second for as long as they are. Beyond it nobody is let in for a while, for to forget
/// one would let it in twice.
const NONCES_MAX: usize = 100_000;

/// The nonces that were used lately, and until when they are remembered.
#[derive(Default)]
pub struct Nonces(Mutex<BTreeMap<(MposEndpointId, String), Timestamp>>);

/// What becomes of a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is used for the first time.
    Fresh,
    /// It was used before.
    Used,
    /// There is no room to remember it.
    Full,
}

impl Nonces {
    /// Takes a nonce whose timestamp is believed at `now`.
    pub fn take(&self, endpoint: MposEndpointId, nonce: &str, now: Timestamp) -> Taken {
        let mut nonces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (endpoint, nonce.to_owned());
        if nonces.get(&key).is_some_and(|until| *until > now) {
            return Taken::Used;
        }
        if nonces.len() >= NONCES_MAX {
            nonces.retain(|_, until| *until > now);
        }
        if nonces.len() >= NONCES_MAX {
            return Taken::Full;
        }
        // A timestamp may be ahead by the skew, and is believed for the skew behind that.
        nonces.insert(key, now.plus_ms(2 * SKEW_MS_MAX + 1));
        Taken::Fresh
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_nonce_is_taken_once_for_each_endpoint() {
        let nonces = Nonces::default();
        let [one, other] = [1, 2].map(|number| MposEndpointId::from_uuid(Uuid::from_u128(number)));
        let at = Timestamp;
        assert_eq!(nonces.take(one, "a", at(0)), Taken::Fresh);
        assert_eq!(nonces.take(one, "a", at(2 * SKEW_MS_MAX)), Taken::Used);
        assert_eq!(nonces.take(other, "a", at(0)), Taken::Fresh);
        assert_eq!(nonces.take(one, "b", at(0)), Taken::Fresh);
        // By now its timestamp is refused.
        assert_eq!(nonces.take(one, "a", at(2 * SKEW_MS_MAX + 1)), Taken::Fresh);
    }

    #[test]
    fn what_cannot_be_remembered_is_not_let_in() {
        let nonces = Nonces::default();
        let one = MposEndpointId::from_uuid(Uuid::from_u128(1));
        for number in 0..NONCES_MAX {
            assert_eq!(nonces.take(one, &number.to_string(), Timestamp(0)), Taken::Fresh);
        }
        assert_eq!(nonces.take(one, "one more", Timestamp(0)), Taken::Full);
        assert_eq!(nonces.take(one, "one more", Timestamp(2 * SKEW_MS_MAX + 1)), Taken::Fresh);
    }
}
