//! The proof of a terminal's identity: an Ed25519 signature over the challenge of this connection. The name of the hub, as the
//! terminal calls it, stands in it, so that a hub in the middle cannot hand a proof on to another one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};

/// What the signed text begins with: the same key signs nothing else that looks like it.
const PURPOSE: &str = "tillbridge terminal channel v1";

/// The text that a terminal signs.
pub fn signed_text(terminal_id: &str, hub: &str, nonce: &str, at_ms: i64) -> String {
    format!("{PURPOSE}\n{terminal_id}\n{hub}\n{nonce}\n{at_ms}")
}

/// Whether the signature, in base64, is that of the text under the public key of 32 bytes.
pub fn is_proof(public_key: &[u8], text: &str, signature: &str) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    UnparsedPublicKey::new(&ED25519, public_key).verify(text.as_bytes(), &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    #[test]
    fn a_proof_is_for_one_connection_of_one_terminal_with_one_hub() {
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let text = signed_text("trm_1", "hub.test:8443", "bm9uY2U=", 1_000);
        let signature = STANDARD.encode(key.sign(text.as_bytes()));
        let public = key.public_key().as_ref();
        assert!(is_proof(public, &text, &signature));
        let others = [
            signed_text("trm_2", "hub.test:8443", "bm9uY2U=", 1_000),
            signed_text("trm_1", "other.test:8443", "bm9uY2U=", 1_000),
            signed_text("trm_1", "hub.test:8443", "b3RoZXI=", 1_000),
            signed_text("trm_1", "hub.test:8443", "bm9uY2U=", 1_001),
        ];
        assert!(others.iter().all(|other| !is_proof(public, other, &signature)));
        assert!(!is_proof(&[0; 32], &text, &signature) && !is_proof(&[], &text, &signature));
        assert!(!is_proof(public, &text, "no base64") && !is_proof(public, &text, ""));
    }
}
