//! How APIv3 signs: our requests with the merchant's RSA key, WeChat's answers and notifications with one of its own, and what
//! notifications are sealed with. All of it over the very bytes that go over the wire.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::time::Timestamp;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::SystemRandom;
use ring::signature::RSA_PKCS1_SHA256;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use webpki::ring::RSA_PKCS1_2048_8192_SHA256;
use webpki::{EndEntityCert, RawPublicKeyEntity};

use super::super::credentials::V3;
use crate::contract::{CannotAsk, Method, Rejected, Stamp};

/// What stands before the parts of the header.
const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";
/// WeChat sends such signatures to see whether somebody verifies them at all. They must be refused.
const PROBE: &str = "WECHATPAY/SIGNTEST/";
/// How old or how far ahead a signature may be.
const SKEW_S_MAX: u64 = 300;
/// Milliseconds of the epoch that the provider counts in seconds.
const SECOND_MS: i64 = 1_000;

/// A request as it is signed.
pub(in super::super) struct Signed<'a> {
    pub method: Method,
    /// With the query.
    pub path: &'a str,
    pub body: &'a [u8],
}

/// The value of the `Authorization` header.
pub(in super::super) fn authorization(by: &V3, request: &Signed<'_>, stamp: &Stamp) -> Result<String, CannotAsk> {
    let timestamp = stamp.at.0.div_euclid(SECOND_MS).to_string();
    let message = message(&[request.method.as_str(), request.path, &timestamp, &stamp.nonce], request.body);
    let key = by.key()?;
    let mut signature = vec![0; key.public().modulus_len()];
    // The random numbers hide the key from whoever listens to the processor; the signature is always the same.
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature).map_err(|_| CannotAsk::Credentials)?;
    Ok(header(by, &timestamp, &stamp.nonce, &BASE64.encode(signature)))
}

fn header(by: &V3, timestamp: &str, nonce: &str, signature: &str) -> String {
    format!(
        "{SCHEME} mchid=\"{}\",nonce_str=\"{nonce}\",timestamp=\"{timestamp}\",serial_no=\"{}\",signature=\"{signature}\"",
        by.mchid, by.serial_no
    )
}

/// Lines, each with its end, and the body with one, too.
fn message(lines: &[&str], body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(body.len() + 256);
    for line in lines {
        message.extend_from_slice(line.as_bytes());
        message.push(b'\n');
    }
    message.extend_from_slice(body);
    message.push(b'\n');
    message
}

/// Accepts what one of WeChat's keys has signed within the last minutes.
pub(in super::super) fn verify(
    keys: &BTreeMap<String, String>,
    headers: &[(&str, &str)],
    body: &[u8],
    now: Timestamp,
) -> Result<(), Rejected> {
    let signature = only(headers, "wechatpay-signature")?;
    let (timestamp, nonce) = (only(headers, "wechatpay-timestamp")?, only(headers, "wechatpay-nonce")?);
    let serial = only(headers, "wechatpay-serial")?;
    if signature.starts_with(PROBE) {
        return Err(Rejected::SignatureWrong);
    }
    let seconds: i64 = timestamp.parse().map_err(|_| Rejected::SignatureWrong)?;
    if now.0.div_euclid(SECOND_MS).abs_diff(seconds) > SKEW_S_MAX {
        return Err(Rejected::SignatureWrong);
    }
    let key = keys.get(serial).ok_or(Rejected::SignatureWrong)?;
    let signature = BASE64.decode(signature).map_err(|_| Rejected::SignatureWrong)?;
    verify_by(key, &message(&[timestamp, nonce], body), &signature)
}

/// The value of a header that stands there once: of two, a proxy could check one and we the other.
fn only<'a>(headers: &[(&str, &'a str)], name: &str) -> Result<&'a str, Rejected> {
    let mut found = headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Ok(value),
        _ => Err(Rejected::SignatureMissing),
    }
}

/// A platform certificate, or a public key by itself: WeChat is on its way from the one to the other.
fn verify_by(pem: &str, message: &[u8], signature: &[u8]) -> Result<(), Rejected> {
    let (pem, algorithm) = (pem.as_bytes(), RSA_PKCS1_2048_8192_SHA256);
    let verified = if let Ok(certificate) = CertificateDer::from_pem_slice(pem) {
        let certificate = EndEntityCert::try_from(&certificate).map_err(|_| Rejected::Credentials)?;
        certificate.verify_signature(algorithm, message, signature)
    } else {
        let key = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| Rejected::Credentials)?;
        let key = RawPublicKeyEntity::try_from(&key).map_err(|_| Rejected::Credentials)?;
        key.verify_signature(algorithm, message, signature)
    };
    verified.map_err(|_| Rejected::SignatureWrong)
}

/// Opens what a notification seals: AES-256-GCM, the tag at the end. `None` if it was altered, or sealed with another key.
pub(in super::super) fn open(apiv3_key: &str, nonce: &str, associated_data: &str, ciphertext: &str) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, apiv3_key.as_bytes()).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(nonce.as_bytes()).ok()?;
    let mut bytes = BASE64.decode(ciphertext).ok()?;
    let opened = key.open_in_place(nonce, Aad::from(associated_data.as_bytes()), &mut bytes).ok()?;
    Some(opened.to_vec())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::wechat::tests::{self as words, vectors};

    const NOW: Timestamp = Timestamp(1_652_750_623_500);

    fn text<'a>(value: &'a Value, name: &str) -> &'a str {
        value[name].as_str().expect("a text")
    }

    fn headers_of(case: &Value) -> Vec<(&str, &str)> {
        let headers = case["headers"].as_object().expect("headers");
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("a text"))).collect()
    }

    fn key_of(vectors: &Value) -> BTreeMap<String, String> {
        let official = &vectors["v3_rsa_official"];
        let serial = text(official, "certificate_serial").to_owned();
        BTreeMap::from([(serial, text(official, "public_key_pem").to_owned())])
    }

    #[test]
    fn what_is_signed_is_what_the_vectors_sign() {
        let Some(vectors) = vectors() else { return };
        let pem = text(&vectors["v3_rsa_official"], "public_key_pem");
        let official = &vectors["v3_rsa_official"];
        let signature = BASE64.decode(text(official, "signature")).expect("base64");
        assert_eq!(verify_by(pem, text(official, "message").as_bytes(), &signature), Ok(()));
        let cases = vectors["v3_derived"]["cases"].as_array().expect("cases");
        assert!(cases.len() >= 3);
        let by = V3 {
            mchid: "1234567890".to_owned(),
            serial_no: text(official, "certificate_serial").to_owned(),
            ..words::v3()
        };
        for case in cases {
            let lines = [text(case, "method"), text(case, "url"), text(case, "timestamp"), text(case, "nonce")];
            let message = message(&lines, text(case, "body").as_bytes());
            assert_eq!(message, text(case, "string_to_sign").as_bytes());
            let signature = text(case, "signature");
            assert_eq!(verify_by(pem, &message, &BASE64.decode(signature).expect("base64")), Ok(()));
            assert_eq!(header(&by, lines[2], lines[3], signature), text(case, "authorization"));
        }
    }

    #[test]
    fn our_own_signature_verifies_and_is_always_the_same() {
        let by = words::v3();
        let stamp = Stamp { at: NOW, nonce: "n".to_owned() };
        let request = Signed { method: Method::Post, path: "/v3/pay/transactions/native", body: b"{}" };
        let words = authorization(&by, &request, &stamp).expect("a header");
        assert_eq!(authorization(&by, &request, &stamp), Ok(words.clone()));
        let (_, signature) = words.rsplit_once("signature=\"").expect("a signature");
        let signature = BASE64.decode(signature.trim_end_matches('"')).expect("base64");
        let message = b"POST\n/v3/pay/transactions/native\n1652750623\nn\n{}\n";
        assert_eq!(verify_by(words::MERCHANT_PUBLIC, message, &signature), Ok(()));
        assert_eq!(verify_by(words::MERCHANT_PUBLIC, b"another", &signature), Err(Rejected::SignatureWrong));
    }

    #[test]
    fn a_notification_verifies_within_five_minutes_and_by_its_own_key_only() {
        let Some(vectors) = vectors() else { return };
        let (case, keys) = (&vectors["v3_callback_derived"], key_of(&vectors));
        let (headers, body) = (headers_of(case), text(case, "body").as_bytes());
        let after = |seconds: i64| Timestamp(1_652_750_623_000 + seconds * 1_000);
        for seconds in [-300, 0, 300] {
            assert_eq!(verify(&keys, &headers, body, after(seconds)), Ok(()), "{seconds}");
        }
        for seconds in [-301, 301, 86_400] {
            assert_eq!(verify(&keys, &headers, body, after(seconds)), Err(Rejected::SignatureWrong), "{seconds}");
        }
        let altered = [body, b" "].concat();
        assert_eq!(verify(&keys, &headers, &altered, NOW), Err(Rejected::SignatureWrong));
        let with = |name: &str, value: &'static str| {
            let mut headers = headers.clone();
            headers.iter_mut().filter(|(known, _)| *known == name).for_each(|header| header.1 = value);
            verify(&keys, &headers, body, NOW)
        };
        for (name, value) in [
            ("Wechatpay-Signature", "WECHATPAY/SIGNTEST/abcd"),
            ("Wechatpay-Signature", "AAAA"),
            ("Wechatpay-Signature", ""),
            ("Wechatpay-Nonce", "another"),
            ("Wechatpay-Timestamp", "1652750624"),
            ("Wechatpay-Timestamp", "now"),
            ("Wechatpay-Serial", "PUB_KEY_ID_0114"),
        ] {
            assert_eq!(with(name, value), Err(Rejected::SignatureWrong), "{name} {value}");
        }
        let without =
            |name: &str| -> Vec<(&str, &str)> { headers.iter().copied().filter(|(known, _)| *known != name).collect() };
        for name in ["Wechatpay-Signature", "Wechatpay-Nonce", "Wechatpay-Timestamp", "Wechatpay-Serial"] {
            assert_eq!(verify(&keys, &without(name), body, NOW), Err(Rejected::SignatureMissing), "{name}");
        }
        let twice = [headers.clone(), headers.clone()].concat();
        assert_eq!(verify(&keys, &twice, body, NOW), Err(Rejected::SignatureMissing));
    }

    #[test]
    fn the_official_notification_verifies_by_its_platform_certificate() {
        let Some(vectors) = vectors() else { return };
        let case = &vectors["v3_notify_official"];
        let certificate = text(case, "platform_certificate_pem").to_owned();
        let mut keys = key_of(&vectors);
        // Several at once: WeChat is replacing one.
        keys.insert("D7CE59D1F522D701".to_owned(), certificate);
        let at = Timestamp(1_624_523_846_000);
        assert_eq!(verify(&keys, &headers_of(case), text(case, "body").as_bytes(), at), Ok(()));
        keys.insert("D7CE59D1F522D701".to_owned(), words::MERCHANT_PUBLIC.to_owned());
        let refused = verify(&keys, &headers_of(case), text(case, "body").as_bytes(), at);
        assert_eq!(refused, Err(Rejected::SignatureWrong));
        keys.insert("D7CE59D1F522D701".to_owned(), "no key".to_owned());
        let refused = verify(&keys, &headers_of(case), text(case, "body").as_bytes(), at);
        assert_eq!(refused, Err(Rejected::Credentials));
    }

    #[test]
    fn what_is_sealed_with_32_bytes_is_opened_and_with_16_it_is_not() {
        let Some(vectors) = vectors() else { return };
        let opened = |case: &Value, key: &str| {
            let [nonce, data, sealed] = ["nonce", "associated_data", "ciphertext_base64"].map(|name| text(case, name));
            open(key, nonce, data, sealed)
        };
        let official = &vectors["aead_256_official"];
        let plain = text(official, "plaintext").as_bytes().to_vec();
        assert_eq!(opened(official, text(official, "key")), Some(plain));
        assert_eq!(opened(official, "00000000000000000000000000000000"), None);
        let short = &vectors["aead_128_official"];
        assert_eq!(opened(short, text(short, "key")), None, "a key of 16 bytes");
        let mut altered = official.clone();
        altered["associated_data"] = Value::from("other");
        assert_eq!(opened(&altered, text(official, "key")), None);
    }
}
