//! The request's id: the client's own, if it is a decent one, or a fresh one. It is answered in `X-Request-Id` and stands
//! in logs and in the audit chain. It never stands in a body, because bodies are repeated byte for byte.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use domain::guard;

use crate::app::App;

/// The header's name.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken from a client: a UUID with a prefix and some more.
const CHARS_MAX: usize = 64;

/// The id of the request in which it travels.
#[derive(Debug, Clone)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id that the client sent, or a fresh one.
    pub fn choose(headers: &HeaderMap, app: &App) -> Self {
        let sent = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(|text| is_decent(text));
        match sent {
            Some(text) => Self(text.into()),
            None => Self(format!("req_{}", app.next_uuid().simple()).into()),
        }
    }

    /// The id that travels with a request.
    pub fn of(parts: &Parts) -> String {
        parts.extensions.get::<Self>().map(|id| id.0.to_string()).unwrap_or_default()
    }

    /// Its form in a header.
    pub fn header_value(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

fn is_decent(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    (1..=CHARS_MAX).contains(&text.len()) && text.bytes().all(is_plain) && !guard::looks_like_card_number(text)
}
