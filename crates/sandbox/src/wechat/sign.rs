//! Signatures of both protocols, with code of its own: RSA of APIv3 in both directions, what notifications are sealed with, and
//! the keyed hashes of v2.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use sha2::Sha256;

/// How far the caller's clock may be off, in seconds.
const SKEW_S_MAX: u64 = 300;

/// An RSA key, and under which name it is known.
pub(super) struct Key {
    pub serial: String,
    pair: KeyPair,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("serial", &self.serial).finish_non_exhaustive()
    }
}

impl Key {
    /// One of the keys of this sandbox, which are right: a test reads them all.
    pub fn new(serial: &str, pem: &str) -> Self {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).expect("a key of the sandbox");
        let pair = KeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("a key of the sandbox");
        Self { serial: serial.to_owned(), pair }
    }

    /// The signature of a text, in base64.
    pub fn sign(&self, text: &[u8]) -> String {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
            .expect("the buffer is as long as the key");
        BASE64.encode(signature)
    }

    fn is_signature(&self, text: &[u8], signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public().as_ref());
        BASE64.decode(signature).is_ok_and(|signature| key.verify(text, &signature).is_ok())
    }
}

/// A request as it came.
pub(super) struct Came<'a> {
    pub method: &'a str,
    /// With the query.
    pub path: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// Whether a request is signed as APIv3 wants it, by this merchant's key and not long ago.
pub(super) fn is_signed(came: &Came<'_>, mchid: &str, key: &Key, now_s: i64) -> bool {
    signed(came, mchid, key, now_s).is_some()
}

fn signed(came: &Came<'_>, mchid: &str, key: &Key, now_s: i64) -> Option<()> {
    let words = came.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("WECHATPAY2-SHA256-RSA2048 ")?;
    let mut parts = BTreeMap::new();
    for part in words.split(',') {
        let (name, value) = part.trim().split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        parts.insert(name, value).is_none().then_some(())?;
    }
    let of = |name: &str| parts.get(name).copied();
    let (timestamp, nonce) = (of("timestamp")?, of("nonce_str")?);
    let seconds: i64 = timestamp.parse().ok()?;
    let is_known = of("mchid")? == mchid && of("serial_no")? == key.serial && parts.len() == 5;
    if !is_known || nonce.is_empty() || nonce.len() > 32 || now_s.abs_diff(seconds) > SKEW_S_MAX {
        return None;
    }
    let mut text = format!("{}\n{}\n{timestamp}\n{nonce}\n", came.method, came.path).into_bytes();
    text.extend_from_slice(came.body);
    text.push(b'\n');
    key.is_signature(&text, of("signature")?).then_some(())
}

/// The headers of an answer or a notification.
pub(super) fn headers(key: &Key, nonce: &str, body: &[u8], at_s: i64) -> [(&'static str, String); 4] {
    let mut text = format!("{at_s}\n{nonce}\n").into_bytes();
    text.extend_from_slice(body);
    text.push(b'\n');
    [
        ("wechatpay-timestamp", at_s.to_string()),
        ("wechatpay-nonce", nonce.to_owned()),
        ("wechatpay-serial", key.serial.clone()),
        ("wechatpay-signature", key.sign(&text)),
    ]
}

/// Seals what a notification tells; the nonce has twelve bytes.
pub(super) fn seal(apiv3_key: &str, nonce: &str, associated_data: &str, text: &str) -> String {
    let cipher = Aes256Gcm::new_from_slice(apiv3_key.as_bytes()).expect("a key of 32 bytes");
    let payload = Payload { msg: text.as_bytes(), aad: associated_data.as_bytes() };
    let sealed = cipher.encrypt(Nonce::from_slice(nonce.as_bytes()), payload).expect("a short text");
    BASE64.encode(sealed)
}

/// The signature of v2 over what is said, with the hash that it names.
pub(super) fn v2(words: &BTreeMap<String, String>, api_key: &str) -> String {
    let said = words.iter().filter(|(name, value)| name.as_str() != "sign" && !value.is_empty());
    let mut text: Vec<String> = said.map(|(name, value)| format!("{name}={value}")).collect();
    text.push(format!("key={api_key}"));
    let text = text.join("&");
    let bytes: Vec<u8> = if words.get("sign_type").is_some_and(|sign_type| sign_type == "HMAC-SHA256") {
        let hmac = <Hmac<Sha256> as Mac>::new_from_slice(api_key.as_bytes()).expect("HMAC takes a key of any length");
        hmac.chain_update(text).finalize().into_bytes().to_vec()
    } else {
        Md5::digest(text.as_bytes()).as_slice().to_vec()
    };
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::keys;
    use super::*;

    fn vectors() -> Option<Value> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/vectors/wechatpay.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("skipped: {path} is not there");
            return None;
        };
        Some(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn what_is_signed_is_let_in_and_what_was_altered_is_not() {
        let key = keys::merchant("SERIAL");
        let text = |path: &str, body: &str| format!("POST\n{path}\n1000\nnonce\n{body}\n").into_bytes();
        let signature = key.sign(&text("/v3/x?y=1", "{}"));
        let is_admitted = |mchid: &str, path: &str, body: &str, words: &str, now_s: i64| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, words.parse().unwrap());
            let came = Came { method: "POST", path, headers: &headers, body: body.as_bytes() };
            is_signed(&came, mchid, &key, now_s)
        };
        let words = |serial: &str| {
            format!(
                "WECHATPAY2-SHA256-RSA2048 mchid=\"M\",nonce_str=\"nonce\",timestamp=\"1000\",serial_no=\"{serial}\",signature=\"{signature}\""
            )
        };
        let right = words("SERIAL");
        for now_s in [700, 1_000, 1_300] {
            assert!(is_admitted("M", "/v3/x?y=1", "{}", &right, now_s));
        }
        assert!(!is_admitted("M", "/v3/x?y=1", "{}", &right, 1_301));
        assert!(!is_admitted("N", "/v3/x?y=1", "{}", &right, 1_000));
        assert!(!is_admitted("M", "/v3/x", "{}", &right, 1_000));
        assert!(!is_admitted("M", "/v3/x?y=1", "{ }", &right, 1_000));
        assert!(!is_admitted("M", "/v3/x?y=1", "{}", &words("OTHER"), 1_000));
        assert!(!is_admitted("M", "/v3/x?y=1", "{}", &right.replace("SHA256-RSA2048", "SM2"), 1_000));
        assert!(!is_admitted("M", "/v3/x?y=1", "{}", &format!("{right},extra=\"1\""), 1_000));
    }

    #[test]
    fn the_vectors_of_sealing_and_of_v2_are_reproduced() {
        let Some(vectors) = vectors() else { return };
        let of = |case: &Value, name: &str| case[name].as_str().unwrap().to_owned();
        let case = &vectors["aead_256_official"];
        let sealed = seal(&of(case, "key"), &of(case, "nonce"), &of(case, "associated_data"), &of(case, "plaintext"));
        assert_eq!(sealed, of(case, "ciphertext_base64"));
        let case = &vectors["v2_sign"];
        let params = case["params"].as_object().unwrap();
        let words: BTreeMap<String, String> =
            params.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        assert_eq!(v2(&words, &of(case, "api_key")), of(case, "md5"));
    }
}
