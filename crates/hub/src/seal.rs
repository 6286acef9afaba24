//! Seals what has to be read again at rest: AES-256-GCM under a key that is beside the database and never in it. What a
//! sealed text is for is bound to it, so that one never stands in for another.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit, Nonce};

use crate::clock::random_bytes;

/// The first byte of a sealed text: how it is sealed. Another way of sealing will have another one.
const FORM: u8 = 1;
/// Bytes of the nonce, which is drawn for each seal and stands behind the form.
const NONCE_BYTES: usize = 12;

/// Seals and opens. Cheap to clone.
#[derive(Clone)]
pub struct Seal(Aes256Gcm);

impl Seal {
    /// Under this key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(key)))
    }

    /// Seals bytes for a purpose, for example `mer_…|whe_…|secret`.
    pub fn close(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let nonce = random_bytes::<NONCE_BYTES>();
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        let sealed = self.0.encrypt(Nonce::from_slice(&nonce), payload);
        let sealed = sealed.expect("a secret is shorter than the 64 GiB that one nonce seals");
        [&[FORM], &nonce[..], &sealed[..]].concat()
    }

    /// Opens what was sealed for this purpose under this key; `None` for anything else.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (form, rest) = sealed.split_first()?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES)?;
        if *form != FORM {
            return None;
        }
        self.0.decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: purpose.as_bytes() }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_opened_for_its_purpose_only() {
        let seal = Seal::new(&[7; 32]);
        let sealed = seal.close("mer|whe|secret", b"hunter2");
        assert_eq!(seal.open("mer|whe|secret", &sealed).as_deref(), Some(&b"hunter2"[..]));
        assert_eq!(seal.open("mer|other|secret", &sealed), None);
        assert_eq!(Seal::new(&[8; 32]).open("mer|whe|secret", &sealed), None);
        assert_ne!(seal.close("mer|whe|secret", b"hunter2"), sealed, "each seal has a nonce of its own");
    }

    #[test]
    fn a_changed_byte_is_seen() {
        let seal = Seal::new(&[7; 32]);
        let sealed = seal.close("p", b"hunter2");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(seal.open("p", &changed), None, "{at}");
        }
        assert_eq!(seal.open("p", &sealed[..5]), None);
        assert_eq!(seal.open("p", &[]), None);
    }
}
