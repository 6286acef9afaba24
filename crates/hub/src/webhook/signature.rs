//! Signatures after Standard Webhooks 1.0: `v1`, an HMAC that the receiver verifies with the shared secret, and `v1a`, an
//! Ed25519 signature that anybody can verify with the public key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha2::Sha256;

use crate::clock::random_bytes;

/// Bytes of the shared secret; the standard asks for 24 to 64.
const SECRET_BYTES: usize = 32;
/// Bytes from which the key pair is made.
const SEED_BYTES: usize = 32;
/// What is sealed for an endpoint: the secret, and the seed behind it.
const MATERIAL_BYTES: usize = SECRET_BYTES + SEED_BYTES;
/// How the standard marks a shared secret.
const SECRET_PREFIX: &str = "whsec_";
/// How the standard marks a public key.
const PUBLIC_PREFIX: &str = "whpk_";

/// Draws what an endpoint signs with.
pub fn draw() -> [u8; MATERIAL_BYTES] {
    random_bytes()
}

/// What a message is signed with.
pub struct SigningKeys {
    secret: [u8; SECRET_BYTES],
    pair: Ed25519KeyPair,
}

impl SigningKeys {
    /// The keys of what was drawn; `None` for anything else.
    pub fn of(material: &[u8]) -> Option<Self> {
        let (secret, seed) = material.split_first_chunk::<SECRET_BYTES>()?;
        Some(Self { secret: *secret, pair: Ed25519KeyPair::from_seed_unchecked(seed).ok()? })
    }

    /// The keys of a shared secret in the words that a receiver is given, with a fresh key pair; `None` for other words.
    pub fn of_words(words: &str) -> Option<Self> {
        let secret = STANDARD.decode(words.strip_prefix(SECRET_PREFIX)?).ok()?;
        let seed: [u8; SEED_BYTES] = random_bytes();
        let is_whole = secret.len() == SECRET_BYTES;
        is_whole.then(|| Self::of(&[secret, seed.to_vec()].concat())).flatten()
    }

    /// The shared secret as the receiver is given it, once.
    pub fn secret_words(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(self.secret))
    }

    /// The public key. Everybody may know it.
    pub fn public_words(&self) -> String {
        format!("{PUBLIC_PREFIX}{}", STANDARD.encode(self.pair.public_key()))
    }

    /// Both signatures of a message.
    fn sign(&self, signed: &[u8]) -> String {
        format!("v1,{} v1a,{}", hmac_of(&self.secret, signed), STANDARD.encode(self.pair.sign(signed)))
    }
}

/// The header `webhook-signature`: the signatures of all keys that are live, the newest first.
pub fn header(keys: &[SigningKeys], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let signed = signed_content(id, timestamp_s, body);
    keys.iter().map(|keys| keys.sign(&signed)).collect::<Vec<_>>().join(" ")
}

fn signed_content(id: &str, timestamp_s: i64, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{timestamp_s}.").as_bytes(), body].concat()
}

fn hmac_of(secret: &[u8], signed: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    STANDARD.encode(mac.chain_update(signed).finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ring::signature::{ED25519, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;

    /// The cases of the standard's own libraries, which are not part of this repository.
    const VECTORS: &str = "../../../shared/data/vectors/webhooks.json";

    #[test]
    fn the_vectors_of_the_standard_pass() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(VECTORS);
        let Ok(text) = std::fs::read_to_string(&path) else {
            println!("skipped: there are no vectors at {}", path.display());
            return;
        };
        let vectors: Value = serde_json::from_str(&text).unwrap();
        let official = vectors["official"]["cases"].as_array().unwrap();
        let cases: Vec<&Value> = official.iter().chain(vectors["derived"].as_array().unwrap()).collect();
        assert!(cases.len() >= 3);
        for case in cases {
            let text = |name: &str| case[name].as_str().unwrap();
            let secret = STANDARD.decode(text("secret").strip_prefix(SECRET_PREFIX).unwrap()).unwrap();
            let signed = signed_content(text("id"), case["timestamp"].as_i64().unwrap(), text("payload").as_bytes());
            assert_eq!(format!("v1,{}", hmac_of(&secret, &signed)), text("signature"));
        }
    }

    /// A case of the standard that stands here, for a machine without the vectors.
    #[test]
    fn a_message_of_the_standard_is_signed() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signed_content("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(hmac_of(&secret, &signed), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_live_key_signs_twice() {
        let keys = [SigningKeys::of(&draw()).unwrap(), SigningKeys::of(&draw()).unwrap()];
        let header = header(&keys, "evt_1", 1_700_000_000, b"{}");
        let parts: Vec<(&str, &str)> = header.split(' ').map(|part| part.split_once(',').unwrap()).collect();
        assert_eq!(parts.iter().map(|(version, _)| *version).collect::<Vec<_>>(), ["v1", "v1a", "v1", "v1a"]);
        let signed = signed_content("evt_1", 1_700_000_000, b"{}");
        for (keys, parts) in keys.iter().zip(parts.chunks(2)) {
            assert_eq!(parts[0].1, hmac_of(&keys.secret, &signed));
            let public = STANDARD.decode(keys.public_words().strip_prefix(PUBLIC_PREFIX).unwrap()).unwrap();
            let signature = STANDARD.decode(parts[1].1).unwrap();
            assert!(UnparsedPublicKey::new(&ED25519, public).verify(&signed, &signature).is_ok());
        }
    }

    #[test]
    fn a_secret_in_words_signs_as_the_one_that_was_drawn() {
        let drawn = SigningKeys::of(&draw()).unwrap();
        let told = SigningKeys::of_words(&drawn.secret_words()).unwrap();
        assert_eq!(told.secret, drawn.secret);
        for words in ["", "whsec_", "whsec_AAAA", "hunter2"] {
            assert!(SigningKeys::of_words(words).is_none(), "{words}");
        }
    }

    #[test]
    fn what_was_not_drawn_is_no_key() {
        assert!(SigningKeys::of(&[]).is_none());
        assert!(SigningKeys::of(&[1; MATERIAL_BYTES - 1]).is_none());
    }
}
