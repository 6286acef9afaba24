//! The gateway's words: forms in, and out a form whose values end in a line feed, or JSON where the caller accepts it.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value};

/// What a caller accepts who wants JSON.
pub(super) const JSON: &str = "application/vnd.pay+json";
/// Fields of one form.
const FIELDS_MAX: usize = 100;

/// A form as it came. Blanks at the ends of values are dropped, as the documents say.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub fn read(body: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(body).take(FIELDS_MAX);
        Self(pairs.map(|(name, value)| (name.into_owned(), value.trim().to_owned())).collect())
    }

    pub fn pairs(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter()
    }

    /// A value that is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// A value that a command cannot do without.
    pub fn required(&self, name: &'static str) -> Result<&str, Problem> {
        self.get(name).ok_or_else(|| Problem::new(1, format!("Parameter {name} is required")))
    }
}

/// A rejected request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub code: u32,
    pub message: String,
}

impl Problem {
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub fn not_found() -> Self {
        Self::new(2, "Order not found")
    }

    pub fn control() -> Self {
        Self::new(3, "Control is wrong")
    }

    pub fn state(message: &'static str) -> Self {
        Self::new(4, message)
    }

    pub fn invalid(name: &str) -> Self {
        Self::new(5, format!("Parameter {name} is invalid"))
    }
}

/// Names and values of a reply, in order.
pub(super) type Fields = Vec<(&'static str, String)>;

/// The reply in the form that is wanted. A rejected request is 400 with JSON, and 200 without.
pub(super) fn respond(fields: &Fields, is_json: bool) -> Response {
    let is_rejected = fields.iter().any(|(name, value)| *name == "type" && value == "validation-error");
    let (kind, body) = if is_json {
        let object: Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), json(name, value))).collect();
        (JSON, Value::Object(object).to_string())
    } else {
        let pairs = fields.iter().map(|(name, value)| {
            let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            format!("{name}={value}\n")
        });
        ("text/html;charset=utf-8", pairs.collect::<Vec<_>>().join("&"))
    };
    let status = if is_json && is_rejected { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    with(status, kind, body)
}

/// Numbers are numbers in some replies and texts in others; a reader has to bear both.
fn json(name: &str, value: &str) -> Value {
    match value.parse::<u64>() {
        Ok(number) if matches!(name, "paynet-order-id" | "error-code") => Value::from(number),
        _ => Value::from(value),
    }
}

pub(super) fn with(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// How many decimals a currency has, of those that tests use.
fn decimals(currency: &str) -> usize {
    match currency {
        "JPY" | "KRW" | "VND" => 0,
        "KWD" | "BHD" => 3,
        _ => 2,
    }
}

/// Minor units of an amount in major ones.
pub(super) fn minor(text: &str, currency: &str) -> Option<i64> {
    let places = decimals(currency);
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if fraction.len() == places && places > 0 => (whole, fraction),
        None if places == 0 => (text, ""),
        _ => return None,
    };
    let digits = format!("{whole}{fraction}");
    let is_number = (1..=12).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|minor| is_number && *minor > 0)
}

/// Major units of an amount in minor ones.
pub(super) fn major(minor: i64, currency: &str) -> String {
    let places = decimals(currency);
    let digits = format!("{minor:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    if places == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        assert_eq!(
            (minor("10.42", "EUR"), minor("0.94", "EUR"), minor("1200", "JPY")),
            (Some(1_042), Some(94), Some(1_200))
        );
        for (text, currency) in
            [("10.4", "EUR"), ("10", "EUR"), ("1200.00", "JPY"), ("0.00", "EUR"), ("-1.00", "EUR"), ("x", "JPY")]
        {
            assert_eq!(minor(text, currency), None, "{text} {currency}");
        }
        assert_eq!(
            (major(5, "EUR"), major(1_042, "EUR"), major(7, "JPY")),
            ("0.05".into(), "10.42".into(), "7".into())
        );
    }
}
