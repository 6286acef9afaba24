//! How requests are signed: OAuth 1.0a with HMAC-SHA1 (RFC 5849) for `mapi`, and the SHA-1 `control` for `api/v2` and for
//! callbacks (integration documents: general API usage, request authentication methods).

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use sha1::{Digest, Sha1};

use crate::contract::Stamp;

/// Milliseconds of the epoch that the provider counts in seconds.
const SECOND_MS: i64 = 1_000;

/// A form field.
pub type Field<'a> = (&'a str, &'a str);

/// The lower-case hex of the SHA-1 of these parts and the key, without anything between them.
pub fn control(parts: &[&str], key: &str) -> String {
    let mut hash = Sha1::new();
    for part in parts {
        hash.update(part.as_bytes());
    }
    hash.update(key.as_bytes());
    hash.finalize().iter().fold(String::with_capacity(40), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Whether what was given is what was expected. The comparison takes the same time wherever they differ.
pub fn is_same(given: &str, expected: &str) -> bool {
    let (given, expected) = (given.as_bytes(), expected.as_bytes());
    given.len() == expected.len() && given.iter().zip(expected).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// The signature of a POST to `url` with these parameters, in base64. The key has an empty token secret behind it.
pub fn signature(url: &str, parameters: &[Field<'_>], key: &str) -> String {
    let mac = Hmac::<Sha1>::new_from_slice(format!("{}&", percent(key)).as_bytes());
    let mac = mac.expect("HMAC takes a key of any length").chain_update(base_string("POST", url, parameters));
    BASE64.encode(mac.finalize().into_bytes())
}

/// The text behind an escaped one.
pub fn percent_decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                rest = tail;
            }
            (b'%', _) => return None,
            (byte, tail) => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// The OAuth parameters of a request, without the signature.
pub(super) fn oauth_parameters(login: &str, stamp: &Stamp) -> Vec<(&'static str, String)> {
    vec![
        ("oauth_consumer_key", login.to_owned()),
        ("oauth_nonce", stamp.nonce.clone()),
        ("oauth_signature_method", "HMAC-SHA1".to_owned()),
        ("oauth_timestamp", stamp.at.0.div_euclid(SECOND_MS).to_string()),
        ("oauth_version", "1.0".to_owned()),
    ]
}

/// The value of the `Authorization` header.
pub(super) fn authorization(url: &str, body: &[Field<'_>], oauth: &[(&'static str, String)], key: &str) -> String {
    let all: Vec<Field<'_>> =
        body.iter().copied().chain(oauth.iter().map(|(name, value)| (*name, value.as_str()))).collect();
    let mut header = "OAuth realm=\"\"".to_owned();
    for (name, value) in oauth.iter().map(|(name, value)| (*name, value.as_str())) {
        // Writing to a String cannot fail.
        let _ = write!(header, ", {name}=\"{}\"", percent(value));
    }
    let _ = write!(header, ", oauth_signature=\"{}\"", percent(&signature(url, &all, key)));
    header
}

/// RFC 5849, 3.4.1: what is signed.
fn base_string(method: &str, url: &str, parameters: &[Field<'_>]) -> String {
    let mut pairs: Vec<(String, String)> =
        parameters.iter().map(|(name, value)| (percent(name), percent(value))).collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}&{}&{}", percent(url), percent(&pairs.join("&")))
}

/// RFC 5849, 3.6: everything but letters, digits, `-`, `.`, `_` and `~` is escaped.
fn percent(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use domain::time::Timestamp;

    use super::*;

    const KEY: &str = "B17F59B4-A7DC-41B4-8FF9-37D986B43D20";
    const TEST_KEY: &str = "D5F82EC1-8575-4482-AD89-97X6X0X20X22";

    #[test]
    fn the_published_controls_are_made() {
        let (login, client, order) = ("test-login", "CLIENT-112233", "PAYNET-112233");
        let cases: [(&[&str], &str, &str); 12] = [
            (&["test string to sha1"], "", "bd4c24bb656d161a66d89a45f50bf52cb7134851"),
            (&["1111", "902B4FF5", "1042", "john.smith@gmail.com"], KEY, "c6bdd88a78834ef4b863b088827a459f039e8257"),
            (&["789", client, "99", "vass.pupkin@example.com"], TEST_KEY, "9ae745207ca7de4543703ea8c334286d57b5d1d4"),
            (&[login, client, order], TEST_KEY, "a1e4d9ff23f0243c45b93733ea028d6eed82328a"),
            (&[login, client, order, "9910", "EUR"], TEST_KEY, "d7d8c0175aa763419f8e5049d2989564343fcf30"),
            (&["approved", order, client], TEST_KEY, "37c8a69743d496de0a88c29b062950d21f16a46c"),
            (&["declined", order, client], TEST_KEY, "0f939aa5203be6c7efa6d03de139f0653edd36e6"),
            (&["filtered", order, client], TEST_KEY, "312a3c1832bf612b4390dd7b72e53766d321eb03"),
            (&["error", order, client], TEST_KEY, "ed9f584c0fb231833f3d26fba96370d11b0c3faf"),
            (&["approved", "1234567", "hf-abc"], "test-merchant-control", "652ace404c4dfe8bba069ecee594ec23a89340e1"),
            (&["", "", ""], "test-merchant-control", "1a66987ac24e927ff2979f83a41cb818936a9e62"),
            (&[], "test-merchant-control", "1a66987ac24e927ff2979f83a41cb818936a9e62"),
        ];
        for (parts, key, expected) in cases {
            assert_eq!(control(parts, key), expected, "{parts:?}");
            assert!(is_same(expected, &control(parts, key)));
            assert!(!is_same(&expected.replace('a', "b"), &control(parts, key)), "{parts:?}");
            assert!(!is_same("", &control(parts, key)) && !is_same(&expected[1..], &control(parts, key)));
        }
    }

    #[test]
    fn texts_are_escaped_as_published() {
        let cases = [("!'()*", "%21%27%28%29%2A"), ("John Smith", "John%20Smith"), ("a+b", "a%2Bb"), ("é", "%C3%A9")];
        for (text, expected) in cases {
            assert_eq!(percent(text), expected);
            assert_eq!(percent_decoded(expected).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_not_escaped_right_is_not_read() {
        for text in ["%", "%2", "%zz", "%FF"] {
            assert_eq!(percent_decoded(text), None, "{text}");
        }
    }

    #[test]
    fn the_published_base_string_is_made() {
        let parameters = [("oauth_consumer_key", "merchant"), ("amount", "1.00"), ("client_orderid", "hf-1")];
        let expected = "POST&https%3A%2F%2Fgateway.example%2Fpaynet%2Fapi%2Fv4%2Fsale%2F123&amount%3D1.00%26client_orderid\
                        %3Dhf-1%26oauth_consumer_key%3Dmerchant";
        assert_eq!(base_string("POST", "https://gateway.example/paynet/api/v4/sale/123", &parameters), expected);
    }

    #[test]
    fn a_request_is_signed_with_hmac_sha1() {
        let stamp = Stamp { at: Timestamp(1_669_966_913_000), nonce: "y3qlvMPky7g".to_owned() };
        let oauth = oauth_parameters("merchantlogin", &stamp);
        let body =
            [("amount", "10.42"), ("client_orderid", "902B4FF5"), ("currency", "USD"), ("order_desc", "Test order")];
        let url = "https://gateway.example/paynet/mapi/v1/sale/1111";
        let header = authorization(url, &body, &oauth, KEY);
        let expected = "OAuth realm=\"\", oauth_consumer_key=\"merchantlogin\", oauth_nonce=\"y3qlvMPky7g\", \
                        oauth_signature_method=\"HMAC-SHA1\", oauth_timestamp=\"1669966913\", oauth_version=\"1.0\", \
                        oauth_signature=\"njTV6Ili8obYvkkU5MbGMmytqwM%3D\"";
        assert_eq!(header, expected);
    }
}
