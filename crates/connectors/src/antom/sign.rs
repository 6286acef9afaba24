//! How Antom's requests, answers and notifications are signed (RSA256: SHA256withRSA). The three have one form.

use std::borrow::Cow;

use crate::contract::{CannotAsk, Rejected};
use crate::signature::{PrivateKey, PublicKey};

/// The header of the signature, in requests, answers and notifications.
pub(super) const SIGNATURE: &str = "signature";
const ALGORITHM: &str = "RSA256";

/// A message as it is signed.
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    /// As it was called: of a notification, on our side.
    pub path: &'a str,
    pub client_id: &'a str,
    /// The very text of the header `request-time` or `response-time`.
    pub time: &'a str,
    pub body: &'a [u8],
}

impl Signed<'_> {
    fn content(&self) -> Vec<u8> {
        let head = format!("POST {}\n{}.{}.", self.path, self.client_id, self.time);
        [head.as_bytes(), self.body].concat()
    }

    /// The value of the header.
    pub fn sign(&self, key: &PrivateKey) -> Result<String, CannotAsk> {
        let signature = key.sign(&self.content())?;
        let encoded: String = form_urlencoded::byte_serialize(signature.as_bytes()).collect();
        Ok(format!("algorithm={ALGORITHM},keyVersion=1,signature={encoded}"))
    }

    /// Accepts the message only if this is its signature.
    pub fn verify(&self, header: &str, key: &PublicKey) -> Result<(), Rejected> {
        let part = |name: &str| header.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        let signature = part("signature").ok_or(Rejected::SignatureMissing)?;
        let is_right = part("algorithm") == Some(ALGORITHM) && key.verifies(&self.content(), &decode(signature));
        if is_right { Ok(()) } else { Err(Rejected::SignatureWrong) }
    }
}

/// Base64 has letters that stand for something else in an address: they are encoded as there.
fn decode(encoded: &str) -> Cow<'_, str> {
    let mut pairs = form_urlencoded::parse(encoded.as_bytes());
    pairs.next().map_or(Cow::Borrowed(""), |(text, _)| text)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::signature::tests::{PRIVATE, PUBLIC};

    fn vectors() -> Option<(Value, PublicKey)> {
        let read = |name: &str| {
            let path = format!("{}/../../../shared/data/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
            let Ok(text) = std::fs::read_to_string(&path) else {
                eprintln!("skipped: {path} is not there");
                return None;
            };
            Some(serde_json::from_str::<Value>(&text).expect("JSON"))
        };
        let keys = read("wechatpay.json")?;
        let key = keys["v3_rsa_official"]["public_key_pem"].as_str().expect("a key");
        Some((read("alipay.json")?, PublicKey::read(key).expect("a key")))
    }

    #[test]
    fn what_the_official_client_signed_verifies_and_nothing_else() {
        let Some((vectors, key)) = vectors() else { return };
        let made = &vectors["antom_request_sdk_generated"];
        let text = |name: &str| made[name].as_str().expect("a text");
        let signed = Signed {
            path: text("path"),
            client_id: text("client_id"),
            time: text("request_time"),
            body: text("body").as_bytes(),
        };
        assert_eq!(String::from_utf8_lossy(&signed.content()), text("content_to_sign"));
        let header = text("signature_header");
        assert_eq!(signed.verify(header, &key), Ok(()));
        let wrong = Err(Rejected::SignatureWrong);
        for other in [
            Signed { path: "/ams/api/v1/payments/cancel", ..signed },
            Signed { client_id: "SANDBOX_5X00000000000001", ..signed },
            Signed { time: "1685599933872", ..signed },
            Signed { body: b"{}", ..signed },
        ] {
            assert_eq!(other.verify(header, &key), wrong);
        }
        assert_eq!(signed.verify(&header.replace("RSA256", "RSA512"), &key), wrong);
        assert_eq!(signed.verify("algorithm=RSA256,keyVersion=1", &key), Err(Rejected::SignatureMissing));
    }

    #[test]
    fn an_answer_verifies() {
        let Some((vectors, key)) = vectors() else { return };
        let derived = &vectors["antom_response_derived"];
        let (head, body) = derived["content"].as_str().expect("a text").split_once(".{").expect("a body");
        let (path, head) = head.strip_prefix("POST ").expect("a method").split_once('\n').expect("two lines");
        let (client_id, time) = head.split_once('.').expect("a time");
        let body = format!("{{{body}");
        let signed = Signed { path, client_id, time, body: body.as_bytes() };
        assert_eq!(signed.verify(derived["signature_header"].as_str().expect("a text"), &key), Ok(()));
    }

    #[test]
    fn what_we_sign_verifies() {
        let signed = Signed { path: "/a", client_id: "c", time: "1", body: b"{}" };
        let header = signed.sign(&PrivateKey::read(PRIVATE).expect("a key")).expect("it is signed");
        assert!(!header.contains(['+', '/']), "{header}");
        assert_eq!(signed.verify(&header, &PublicKey::read(PUBLIC).expect("a key")), Ok(()));
    }
}
