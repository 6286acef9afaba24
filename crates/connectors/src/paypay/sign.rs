//! How PayPay's requests are signed (hmac OPA-Auth) and how the notifications of document 004 are verified. Both are made
//! over the very bytes that go over the wire, never over something that was parsed and written again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;

use crate::contract::{CannotAsk, Rejected, Stamp};
use crate::signature::verify_hmac_hex;

/// The header of a notification's signature, as document 004 has it.
const SIGNATURE_HEADER: &str = "x-paypay-signature";
/// What stands in the place of the content type and of the body's hash where there is no body.
const EMPTY: &str = "empty";
/// Milliseconds of the epoch that the provider counts in seconds.
const SECOND_MS: i64 = 1_000;

/// A request as it is signed.
pub(super) struct Signed<'a> {
    /// Without the query.
    pub path: &'a str,
    /// In capital letters.
    pub method: &'a str,
    /// The very value of the header, and the very bytes.
    pub body: Option<(&'a str, &'a [u8])>,
}

/// The value of the `Authorization` header.
pub(super) fn authorization(key: &str, secret: &str, request: &Signed<'_>, stamp: &Stamp) -> Result<String, CannotAsk> {
    let (content_type, hash) = match request.body {
        Some((content_type, bytes)) => (content_type, body_hash(content_type, bytes)),
        None => (EMPTY, EMPTY.to_owned()),
    };
    let (nonce, epoch) = (stamp.nonce.as_str(), stamp.at.0.div_euclid(SECOND_MS).to_string());
    let to_sign = [request.path, request.method, nonce, &epoch, content_type, &hash].join("\n");
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| CannotAsk::Credentials)?;
    let mac = BASE64.encode(mac.chain_update(to_sign).finalize().into_bytes());
    Ok(format!("hmac OPA-Auth:{key}:{mac}:{nonce}:{epoch}:{hash}"))
}

fn body_hash(content_type: &str, body: &[u8]) -> String {
    let digest = Md5::new().chain_update(content_type.as_bytes()).chain_update(body).finalize();
    BASE64.encode(digest.as_slice())
}

/// The value of the `Authorization` header by which a token is asked for (RFC 6749, 2.3.1).
pub(super) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{id}:{secret}")))
}

/// The path of an address, without its query.
pub(super) fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.find('/').map_or("/", |at| &after_scheme[at..]);
    path.split_once('?').map_or(path, |(path, _)| path)
}

/// Accepts the body only if its one signature is right.
pub(super) fn verify(secret: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<(), Rejected> {
    verify_hmac_hex(secret.as_bytes(), SIGNATURE_HEADER, headers, body)
}

#[cfg(test)]
mod tests {
    use domain::time::Timestamp;
    use serde_json::Value;

    use super::*;

    fn vectors() -> Option<Value> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/vectors/paypay-opa.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("skipped: {path} is not there");
            return None;
        };
        Some(serde_json::from_str(&text).expect("JSON"))
    }

    fn check(case: &Value, key: &str, secret: &str) {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let body = case["body"].as_str().map(|body| (text("content_type"), body.as_bytes()));
        let request = Signed { path: text("path"), method: text("method"), body };
        let epoch: i64 = text("epoch").parse().expect("seconds");
        let stamp = Stamp { at: Timestamp(epoch * SECOND_MS + 999), nonce: text("nonce").to_owned() };
        assert_eq!(authorization(key, secret, &request, &stamp), Ok(text("authorization").to_owned()), "{case}");
    }

    #[test]
    fn the_published_vectors_are_reproduced() {
        let Some(vectors) = vectors() else { return };
        let of = |value: &Value| value.as_str().expect("a text").to_owned();
        let official = &vectors["official_documentation_vector"];
        check(official, &of(&official["key"]), &of(&official["secret"]));
        let made = &vectors["sdk_generated"];
        let cases = made["cases"].as_array().expect("cases");
        assert!(cases.len() >= 6);
        cases.iter().for_each(|case| check(case, &of(&made["key"]), &of(&made["secret"])));
    }

    #[test]
    fn the_notification_of_document_004_verifies_and_no_other() {
        let Some(vectors) = vectors() else { return };
        let seed = &vectors["seed_webhook_signature"];
        let of = |name: &str| seed[name].as_str().expect("a text");
        let (secret, body, signature) = (of("secret"), of("body").as_bytes(), of("x_paypay_signature"));
        assert_eq!(verify(secret, &[("X-PayPay-Signature", signature)], body), Ok(()));
        let mut altered = body.to_vec();
        altered.push(b' ');
        let headers = [("X-PayPay-Signature", signature)];
        assert_eq!(verify(secret, &headers, &altered), Err(Rejected::SignatureWrong));
        assert_eq!(verify("another", &headers, body), Err(Rejected::SignatureWrong));
        assert_eq!(verify(secret, &[], body), Err(Rejected::SignatureMissing));
    }
}
