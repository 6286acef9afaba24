//! PINs of operators: Argon2id under the pepper. One look takes tens of milliseconds and 19 MiB on purpose, so it happens
//! off the threads that serve, a few at a time.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use domain::operator::PinHash;
use tokio::sync::Semaphore;

use crate::clock::random_bytes;

/// Memory of one hash, in KiB: with the passes below the smallest that OWASP's "Password Storage Cheat Sheet" names.
const MEMORY_KIB: u32 = 19 * 1_024;
/// Passes over it.
const PASSES: u32 = 2;
/// Hashes at the same time: two cores, and 38 MiB. Who comes later waits for a place.
const PLACES: usize = 2;
/// Bytes of the salt, one for each hash.
const SALT_BYTES: usize = 16;

/// Makes and compares hashes of PINs. Cheap to clone.
#[derive(Clone)]
pub struct Pins {
    secret: Arc<[u8; 32]>,
    places: Arc<Semaphore>,
}

impl Pins {
    /// Under this key.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret: Arc::new(secret), places: Arc::new(Semaphore::new(PLACES)) }
    }

    /// The hash of a PIN. `None` means that the hub is stopping.
    pub async fn hash(&self, pin: String) -> Option<PinHash> {
        self.work(move |argon| {
            let salt = SaltString::encode_b64(&random_bytes::<SALT_BYTES>()).ok()?;
            argon.hash_password(pin.as_bytes(), &salt).ok().map(|hash| PinHash::new(hash.to_string()))
        })
        .await
    }

    /// Whether the hash is of this PIN. `None` means that the hub is stopping.
    pub async fn matches(&self, pin: String, hash: PinHash) -> Option<bool> {
        self.work(move |argon| {
            let parsed = PasswordHash::new(hash.expose());
            Some(parsed.is_ok_and(|parsed| argon.verify_password(pin.as_bytes(), &parsed).is_ok()))
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce(Argon2<'_>) -> Option<T> + Send + 'static) -> Option<T> {
        let _place = self.places.acquire().await.ok()?;
        let secret = Arc::clone(&self.secret);
        let work = move || {
            let params = Params::new(MEMORY_KIB, PASSES, 1, None).ok()?;
            work(Argon2::new_with_secret(&*secret, Algorithm::Argon2id, Version::V0x13, params).ok()?)
        };
        tokio::task::spawn_blocking(work).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_of_one_pin_under_one_pepper() {
        let pins = Pins::new([7; 32]);
        let hash = pins.hash("1234".to_owned()).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        assert_eq!(pins.matches("1234".to_owned(), hash.clone()).await, Some(true));
        assert_eq!(pins.matches("1235".to_owned(), hash.clone()).await, Some(false));
        assert_eq!(Pins::new([8; 32]).matches("1234".to_owned(), hash).await, Some(false));
        assert_eq!(pins.matches("1234".to_owned(), PinHash::new("ruined".to_owned())).await, Some(false));
        let again = pins.hash("1234".to_owned()).await.unwrap();
        assert_ne!(again, pins.hash("1234".to_owned()).await.unwrap(), "two salts");
    }
}
