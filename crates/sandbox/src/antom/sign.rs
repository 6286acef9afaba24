//! Who may come in, and what the played Antom signs, with code of its own (RSA256). Requests, answers and notifications have
//! one form.

use std::fmt::Write;

use axum::http::HeaderMap;

use super::wire::Problem;
use crate::rsa::Keys;

/// How far the caller's clock may be off.
const SKEW_MS_MAX: u64 = 15 * 60 * 1_000;
/// What stands before a signature.
const HEAD: &str = "algorithm=RSA256,keyVersion=1,signature=";

/// A request as it came.
pub(super) struct Came<'a> {
    pub path: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

impl Came<'_> {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether the caller may come in. A time is in milliseconds, or in words that say their own zone.
    pub fn let_in(&self, client_id: &str, keys: &Keys, now_ms: i64) -> Result<(), Problem> {
        if self.header("client-id") != client_id {
            return Err(Problem::CLIENT);
        }
        let time = self.header("request-time");
        let is_now = match time.parse::<i64>() {
            Ok(told_ms) => told_ms.abs_diff(now_ms) <= SKEW_MS_MAX,
            Err(_) => time.contains('T'),
        };
        let mut text = format!("POST {}\n{client_id}.{time}.", self.path).into_bytes();
        text.extend_from_slice(self.body);
        let signature = self.header("signature").strip_prefix(HEAD).map(unescape).unwrap_or_default();
        if is_now && keys.is_signed(&text, &signature) { Ok(()) } else { Err(Problem::SIGNATURE) }
    }
}

/// The value of the header of a signature.
pub(super) fn header(path: &str, client_id: &str, time: &str, body: &str, sign: impl Fn(&str) -> String) -> String {
    let signature = sign(&format!("POST {path}\n{client_id}.{time}.{body}"));
    signature.chars().fold(HEAD.to_owned(), |mut text, letter| {
        if letter.is_ascii_alphanumeric() {
            text.push(letter);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{:02X}", u32::from(letter));
        }
        text
    })
}

/// The three letters of base64 that an address has other uses for.
fn unescape(text: &str) -> String {
    text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rsa::forge;

    #[test]
    fn what_the_merchant_signed_is_let_in_and_what_was_altered_is_not() {
        let keys = Keys::for_play();
        let (path, client, time) = ("/ams/api/v1/payments/pay", "SANDBOX_1", "1685599933871");
        let mut headers = HeaderMap::new();
        headers.insert("client-id", client.parse().unwrap());
        headers.insert("request-time", time.parse().unwrap());
        // The merchant signs.
        headers.insert("signature", header(path, client, time, "{}", forge).parse().unwrap());
        let tried = |path: &str, body: &[u8], client_id: &str, now_ms| {
            Came { path, headers: &headers, body }.let_in(client_id, &keys, now_ms)
        };
        let now_ms = 1_685_599_933_871 + 15 * 60 * 1_000;
        assert_eq!(tried(path, b"{}", client, now_ms), Ok(()));
        assert_eq!(tried(path, b"{}", client, now_ms + 1), Err(Problem::SIGNATURE));
        assert_eq!(tried(path, b"{} ", client, now_ms), Err(Problem::SIGNATURE));
        assert_eq!(tried("/ams/api/v1/payments/cancel", b"{}", client, now_ms), Err(Problem::SIGNATURE));
        assert_eq!(tried(path, b"{}", "SANDBOX_2", now_ms), Err(Problem::CLIENT));
    }
}
