//! How v2 signs: what is said and not empty, sorted by its name, with the API key behind it. Answers are signed in the same
//! way.

use std::collections::BTreeMap;
use std::fmt::Write;

use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::super::credentials::SignType;

/// What is said, by name. Names are of ASCII letters, so their order is that of their bytes.
pub(in super::super) type Words = BTreeMap<String, String>;

/// The signature of what is said.
pub(in super::super) fn sign(words: &Words, api_key: &str, sign_type: SignType) -> String {
    let text = to_sign(words, api_key);
    match sign_type {
        SignType::Md5 => hex(Md5::digest(text.as_bytes()).as_slice()),
        SignType::HmacSha256 => match hmac(&text, api_key) {
            Some(mac) => hex(&mac.finalize().into_bytes()),
            None => String::new(),
        },
    }
}

/// Whether what is said has the signature that it should have.
pub(in super::super) fn is_signed(words: &Words, api_key: &str, sign_type: SignType) -> bool {
    let told = words.get("sign").map(String::as_str).unwrap_or_default();
    let expected = sign(words, api_key, sign_type);
    // Takes the same time wherever they differ.
    !expected.is_empty() && bool::from(told.as_bytes().ct_eq(expected.as_bytes()))
}

fn to_sign(words: &Words, api_key: &str) -> String {
    let mut text = String::new();
    for (name, value) in words.iter().filter(|(name, value)| *name != "sign" && !value.is_empty()) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{name}={value}&");
    }
    let _ = write!(text, "key={api_key}");
    text
}

fn hmac(text: &str, api_key: &str) -> Option<Hmac<Sha256>> {
    Some(Hmac::<Sha256>::new_from_slice(api_key.as_bytes()).ok()?.chain_update(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wechat::tests::vectors;

    #[test]
    fn the_published_example_is_reproduced_both_ways() {
        let Some(vectors) = vectors() else { return };
        let case = &vectors["v2_sign"];
        let of = |name: &str| case[name].as_str().expect("a text").to_owned();
        let params = case["params"].as_object().expect("params");
        let mut words: Words =
            params.iter().map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect();
        let key = of("api_key");
        assert_eq!(to_sign(&words, &key), format!("{}&key={key}", of("sorted")));
        for (sign_type, expected) in [(SignType::Md5, of("md5")), (SignType::HmacSha256, of("hmac_sha256"))] {
            // What is empty, and the signature itself, are not signed.
            words.insert("attach".to_owned(), String::new());
            words.insert("sign".to_owned(), expected.clone());
            assert_eq!(sign(&words, &key, sign_type), expected);
            assert!(is_signed(&words, &key, sign_type));
            assert!(!is_signed(&words, "another", sign_type));
            words.insert("sign".to_owned(), expected.to_lowercase());
            assert!(!is_signed(&words, &key, sign_type));
        }
        words.remove("sign");
        assert!(!is_signed(&words, &key, SignType::Md5));
    }
}
