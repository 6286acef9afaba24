//! Forms in, and out a form whose values end in a line feed, or JSON where the caller accepts it. A rejected request is
//! answered with 200 in a form and with 400 in JSON, as the documents of the API have it.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use domain::command::Refusal;
use serde_json::{Map, Value};

use crate::http::error::Problem;

/// What a caller accepts who wants JSON.
const JSON: &str = "application/vnd.pay+json";
/// What everybody else gets.
const FORM: &str = "text/html;charset=utf-8";
/// Fields of one form: three times as many as the longest request of the documents has.
const FIELDS_MAX: usize = 100;

/// The numbers of errors. The vendor's list is not published; 1 is its own, the others are ours.
pub const MISSING: u32 = 1;
pub const INVALID: u32 = 2;
pub const CONTROL_WRONG: u32 = 3;
pub const ORDER_NOT_FOUND: u32 = 4;
pub const REFUSED: u32 = 5;
pub const SIGNATURE_WRONG: u32 = 6;
pub const NOT_TAKEN: u32 = 7;

/// A form as it came.
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body. `None` for one with more fields than any request has, or with what no database keeps.
    pub fn read(body: &[u8]) -> Option<Self> {
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(body).take(FIELDS_MAX + 1).map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        let is_fine = pairs.len() <= FIELDS_MAX && !pairs.iter().any(|(_, value)| value.contains('\0'));
        is_fine.then_some(Self(pairs))
    }

    /// All fields, as they came.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// A value that is there and not empty, without the blanks around it: the API drops them.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// A value, empty where there is none.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// A value that the command cannot do without.
    pub fn required(&self, name: &str) -> Result<&str, Stop> {
        self.get(name).ok_or_else(|| Stop::said(MISSING, format!("Parameter {name} is required")))
    }
}

/// Names and values of a reply, in order.
pub type Fields = Vec<(&'static str, String)>;

/// Why a request gets nothing but a reply.
pub enum Stop {
    /// In the words of the API.
    Said { status: StatusCode, code: u32, message: String },
    /// In the hub's own words: nothing that the caller has said is at fault.
    Problem(Problem),
}

impl Stop {
    /// A rejected request.
    pub fn said(code: u32, message: impl Into<String>) -> Self {
        Self::Said { status: StatusCode::OK, code, message: message.into() }
    }

    /// A parameter that is not what it should be.
    pub fn invalid(name: &str, what: &str) -> Self {
        Self::said(INVALID, format!("Parameter {name} is invalid: {what}"))
    }

    /// A request that is not signed as it has to be.
    pub fn forbidden(message: &str) -> Self {
        Self::Said { status: StatusCode::FORBIDDEN, code: SIGNATURE_WRONG, message: message.to_owned() }
    }

    /// The request was not carried out, and is sent again.
    pub fn again(message: &str) -> Self {
        Self::Said { status: StatusCode::SERVICE_UNAVAILABLE, code: NOT_TAKEN, message: message.to_owned() }
    }

    /// The order is not there.
    pub fn not_found() -> Self {
        Self::said(ORDER_NOT_FOUND, "Order not found")
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<storage::Failure> for Stop {
    fn from(failure: storage::Failure) -> Self {
        Self::Problem(failure.into())
    }
}

impl From<storage::EngineError> for Stop {
    fn from(error: storage::EngineError) -> Self {
        Self::Problem(error.into())
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::said(REFUSED, format!("{}: {refusal}", refusal.code()))
    }
}

/// Whether the caller wants JSON.
pub fn wants_json(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(JSON))
}

/// A reply in the form that is wanted.
pub fn respond(status: StatusCode, fields: &Fields, is_json: bool) -> Response {
    let (kind, body) = if is_json {
        let object: Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
        (JSON, Value::Object(object).to_string())
    } else {
        let pairs = fields.iter().map(|(name, value)| {
            let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            format!("{name}={value}\n")
        });
        (FORM, pairs.collect::<Vec<_>>().join("&"))
    };
    let is_rejected = fields.iter().any(|(name, value)| *name == "type" && value == "validation-error");
    let status = if is_json && is_rejected && status == StatusCode::OK { StatusCode::BAD_REQUEST } else { status };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_values_are_dropped_and_what_is_signed_keeps_them() {
        let form = Form::read(b"a=+x+&b=&c=%20").unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.get("c"), form.get("d")), (Some("x"), None, None, None));
        assert_eq!(form.pairs()[0].1, " x ");
        assert!(Form::read(b"a=%00").is_none());
        assert!(Form::read("a=1&".repeat(FIELDS_MAX + 1).as_bytes()).is_none());
    }

    #[tokio::test]
    async fn values_of_a_form_end_in_a_line_feed() {
        let fields: Fields = vec![("type", "async-response".to_owned()), ("x", "a&b c".to_owned())];
        let response = respond(StatusCode::OK, &fields, false);
        assert_eq!(response.headers()[header::CONTENT_TYPE], FORM);
        let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
        assert_eq!(&body[..], b"type=async-response\n&x=a%26b+c\n");
        let rejected: Fields = vec![("type", "validation-error".to_owned())];
        assert_eq!(respond(StatusCode::OK, &rejected, false).status(), StatusCode::OK);
        assert_eq!(respond(StatusCode::OK, &rejected, true).status(), StatusCode::BAD_REQUEST);
        assert_eq!(respond(StatusCode::FORBIDDEN, &rejected, true).status(), StatusCode::FORBIDDEN);
    }
}
