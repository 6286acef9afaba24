//! `Idempotency-Key`: the same key with the same content is answered with the first answer, byte for byte.

use axum::http::{HeaderMap, HeaderName};
use storage::{Claim, Idempotency};

use super::error::{Kind, Problem};

/// The header's name.
pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest key, in characters.
const KEY_CHARS_MAX: usize = 255;

/// Whether a route can do without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    /// It moves money or stock: without a key nobody could repeat it safely.
    Required,
    /// A repeat is harmless; a key is honoured.
    Optional,
}

/// The key of a request, if it has one: bare, or quoted as the draft of the standard has it.
pub fn key(headers: &HeaderMap, rule: KeyRule) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return match rule {
            KeyRule::Optional => Ok(None),
            KeyRule::Required => Err(Problem::new(
                Kind::IdempotencyKeyMissing,
                "Send `Idempotency-Key`, a fresh one for each sale, payment, movement or receipt, and the same when you repeat.",
            )),
        };
    };
    let key = value.to_str().ok().map(unquote).filter(|key| is_key(key) && values.next().is_none());
    key.map(Some).ok_or_else(|| {
        Problem::new(Kind::IdempotencyKeyInvalid, "An idempotency key has 1 to 255 visible ASCII characters.")
    })
}

/// What the committer does with the key.
pub fn claim(key: Option<&str>, fingerprint: impl FnOnce() -> [u8; 32]) -> Idempotency {
    key.map_or(Idempotency::None, |key| Idempotency::Answer(Claim { key: key.to_owned(), fingerprint: fingerprint() }))
}

fn unquote(text: &str) -> &str {
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

fn is_key(key: &str) -> bool {
    (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Option<String>, Kind> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, value.parse().unwrap());
        }
        key(&headers, KeyRule::Required).map(|key| key.map(str::to_owned)).map_err(|problem| problem.kind())
    }

    #[test]
    fn a_key_is_bare_or_quoted() {
        assert_eq!(of(&["abc"]), Ok(Some("abc".to_owned())));
        assert_eq!(of(&["\"abc\""]), Ok(Some("abc".to_owned())));
        assert_eq!(of(&[&"x".repeat(255)]), Ok(Some("x".repeat(255))));
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(of(&[]), Err(Kind::IdempotencyKeyMissing));
        for wrong in [&[""][..], &["a b"], &["\"\""], &["a", "b"], &[&"x".repeat(256)], &["ключ"]] {
            assert_eq!(of(wrong), Err(Kind::IdempotencyKeyInvalid), "{wrong:?}");
        }
    }
}
