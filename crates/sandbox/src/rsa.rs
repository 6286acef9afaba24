//! RSA with SHA-256 for the played providers that sign with it, with code of its own. The keys in `keys/` are for play: they
//! stand in the open and open nothing.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};

/// What the merchant's program signs with, and what the played provider verifies it by: PKCS#8 and SPKI in base64.
pub(crate) const MERCHANT: &str = include_str!("keys/merchant");
pub(crate) const MERCHANT_PUBLIC: &str = include_str!("keys/merchant_public");
/// What the played provider signs with, and what the merchant's program verifies it by.
pub(crate) const PROVIDER: &str = include_str!("keys/provider");
pub(crate) const PROVIDER_PUBLIC: &str = include_str!("keys/provider_public");

/// How the SPKI of a key of 2048 bits begins: the algorithm, and the lengths of what follows.
const SPKI_HEAD: [u8; 24] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    0x03, 0x82, 0x01, 0x0f, 0x00,
];

/// The two halves that the played provider has: its own to sign with, the merchant's to verify by.
pub(crate) struct Keys {
    own: RsaKeyPair,
    merchant: Vec<u8>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// The keys for play.
    pub fn for_play() -> Self {
        let bytes = |text: &str| BASE64.decode(text.trim()).expect("the keys for play are base64");
        let spki = bytes(MERCHANT_PUBLIC);
        let merchant = spki.strip_prefix(&SPKI_HEAD).expect("the keys for play have 2048 bits").to_vec();
        let own = RsaKeyPair::from_pkcs8(&bytes(PROVIDER)).expect("the keys for play are PKCS#8");
        Self { own, merchant }
    }

    /// The provider's signature, in base64.
    pub fn sign(&self, message: &str) -> String {
        let mut signature = vec![0_u8; self.own.public().modulus_len()];
        let outcome = self.own.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature);
        outcome.expect("a whole key signs");
        BASE64.encode(signature)
    }

    /// Whether this is the merchant's signature, in base64.
    pub fn is_signed(&self, message: &[u8], signature: &str) -> bool {
        let Ok(signature) = BASE64.decode(signature) else { return false };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.merchant).verify(message, &signature).is_ok()
    }
}

/// A signature by somebody else than the provider, of the same length: the merchant's own.
pub(crate) fn forge(message: &str) -> String {
    let bytes = BASE64.decode(MERCHANT.trim()).expect("the keys for play are base64");
    let own = RsaKeyPair::from_pkcs8(&bytes).expect("the keys for play are PKCS#8");
    Keys { own, merchant: Vec::new() }.sign(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_verifies_the_other_and_nobody_else() {
        let keys = Keys::for_play();
        // The merchant signs what is forged here.
        let by_merchant = forge("text");
        assert!(keys.is_signed(b"text", &by_merchant) && !keys.is_signed(b"texts", &by_merchant));
        assert!(!keys.is_signed(b"text", &keys.sign("text")) && !keys.is_signed(b"text", "?"));
        let spki = BASE64.decode(PROVIDER_PUBLIC.trim()).unwrap();
        let provider = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki.strip_prefix(&SPKI_HEAD).unwrap());
        let by_provider = BASE64.decode(keys.sign("text")).unwrap();
        assert!(provider.verify(b"text", &by_provider).is_ok());
    }
}
