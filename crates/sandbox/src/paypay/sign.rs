//! Who may come in, with code of its own: hmac OPA-Auth over the header and the body as they came, and bearer tokens.

use std::fmt::Write;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;

/// How far the caller's clock may be off, in seconds.
const SKEW_S_MAX: i64 = 120;
/// What is hashed where there is no body.
const EMPTY: &str = "empty";

/// Which protocol a caller speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// As it is deployed.
    Opa,
    /// As document 004 has it.
    OAuth,
}

/// A request as it came.
pub(super) struct Came<'a> {
    pub method: &'a str,
    /// Without the query.
    pub path: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// The credentials that let in.
pub(super) struct Keys<'a> {
    pub api_key: &'a str,
    pub api_secret: &'a str,
}

/// Whether a request is signed as the deployed API wants it.
pub(super) fn is_signed(came: &Came<'_>, keys: &Keys<'_>, now_s: i64) -> bool {
    signed(came, keys, now_s).is_some()
}

fn signed(came: &Came<'_>, keys: &Keys<'_>, now_s: i64) -> Option<()> {
    let value = came.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let mut parts = value.strip_prefix("hmac OPA-Auth:")?.split(':');
    let (key, mac, nonce, epoch, hash) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let seconds: i64 = epoch.parse().ok()?;
    if parts.next().is_some() || key != keys.api_key || nonce.is_empty() {
        return None;
    }
    if now_s.abs_diff(seconds) >= SKEW_S_MAX.unsigned_abs() {
        return None;
    }
    // Without a body the type counts as empty, even if a header names one.
    let (content_type, expected_hash) = if came.body.is_empty() {
        (EMPTY, EMPTY.to_owned())
    } else {
        let content_type = came.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let digest = Md5::new().chain_update(content_type).chain_update(came.body).finalize();
        (content_type, BASE64.encode(digest.as_slice()))
    };
    if hash != expected_hash {
        return None;
    }
    let text = format!("{}\n{}\n{nonce}\n{epoch}\n{content_type}\n{hash}", came.path, came.method);
    let hmac = Hmac::<Sha256>::new_from_slice(keys.api_secret.as_bytes()).ok()?;
    hmac.chain_update(text).verify_slice(&BASE64.decode(mac).ok()?).ok()
}

/// The signature of a notification of document 004.
pub(super) fn notification(secret: &str, body: &[u8]) -> String {
    let hmac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    let mac = hmac.chain_update(body).finalize().into_bytes();
    mac.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The credentials that a client presents to get a token.
pub(super) fn is_client(headers: &HeaderMap, id: &str, secret: &str) -> bool {
    let expected = format!("Basic {}", BASE64.encode(format!("{id}:{secret}")));
    headers.get(AUTHORIZATION).is_some_and(|value| value.as_bytes() == expected.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn is_admitted(case: &Value, key: &str, secret: &str, change: impl Fn(&mut HeaderMap, &mut Vec<u8>)) -> bool {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, text("authorization").parse().unwrap());
        // The official clients send a type without a body, too.
        let content_type = case["content_type"].as_str().unwrap_or("application/json");
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        let mut body = text("body").as_bytes().to_vec();
        change(&mut headers, &mut body);
        let came = Came { method: text("method"), path: text("path"), headers: &headers, body: &body };
        let now_s = text("epoch").parse::<i64>().unwrap() + 119;
        is_signed(&came, &Keys { api_key: key, api_secret: secret }, now_s)
    }

    #[test]
    fn what_official_clients_sign_is_let_in_and_what_was_altered_is_not() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/vectors/paypay-opa.json");
        let Ok(text) = std::fs::read_to_string(path) else { return eprintln!("skipped: {path} is not there") };
        let vectors: Value = serde_json::from_str(&text).unwrap();
        let made = &vectors["sdk_generated"];
        let (key, secret) = (made["key"].as_str().unwrap(), made["secret"].as_str().unwrap());
        let cases = made["cases"].as_array().unwrap().iter().chain([&vectors["official_documentation_vector"]]);
        for case in cases {
            assert!(is_admitted(case, key, secret, |_, _| {}), "{case}");
            assert!(!is_admitted(case, key, "another", |_, _| {}), "{case}");
            assert!(!is_admitted(case, key, secret, |_, body| body.push(b' ')), "{case}");
            if case["body"].is_string() {
                let other = |headers: &mut HeaderMap, _: &mut Vec<u8>| {
                    headers.insert(CONTENT_TYPE, "application/json; charset=utf-8".parse().unwrap());
                };
                assert!(!is_admitted(case, key, secret, other), "{case}");
            }
        }
    }
}
