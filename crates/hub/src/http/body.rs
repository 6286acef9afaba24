//! What a request brings: the caller, the idempotency key, the JSON of the body, the query. Nothing that a client wrote
//! is repeated in a problem, only the names of fields.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use domain::call::Role;
use domain::guard;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use storage::{Envelope, Lane};

use super::auth::{Principal, authenticate};
use super::error::{Kind, Problem};
use super::idempotency::{self, KeyRule};
use super::request_id::RequestId;
use crate::app::App;

/// Largest body of a command: a sale of 500 lines with room to spare.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// From the head of a request to the last byte of its body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a refused body that are taken and thrown away, so that the client sees why.
const DRAIN_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long that may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// What a command weighs in a batch besides its body.
const ENVELOPE_BYTES: usize = 512;
/// Longest name of a field that a problem repeats; ours are shorter.
const FIELD_CHARS_MAX: usize = 100;

/// The body of a request that says all by its path.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A request that changes something.
pub struct Asked<T> {
    /// Who sends it, for the committer.
    pub envelope: Envelope,
    /// Who sends it.
    pub principal: Arc<Principal>,
    /// The names and values of its head.
    pub headers: HeaderMap,
    /// What it asks.
    pub body: T,
}

impl<T: DeserializeOwned> Asked<T> {
    /// Takes a request apart, in this order: who is calling and may they, the key, the body. An empty body stands for an
    /// empty object.
    pub async fn read(app: &App, request: Request, role: Role, rule: KeyRule) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let principal = authenticate(app, &parts.headers).await?;
        principal.require(role)?;
        let key = idempotency::key(&parts.headers, rule)?;
        let bytes = read_body(&parts.headers, body).await?;
        let body = parse(&parts.headers, &bytes)?;
        let fingerprint = || app.pepper.fingerprint(parts.method.as_str(), parts.uri.path(), &bytes);
        let envelope = Envelope {
            merchant: principal.merchant,
            actor: Arc::clone(&principal.actor),
            request_id: RequestId::of(&parts),
            idempotency: idempotency::claim(key, fingerprint),
            lane: Lane::Interactive,
            weight: bytes.len() + ENVELOPE_BYTES,
        };
        Ok(Self { envelope, principal, headers: parts.headers, body })
    }
}

/// The bytes of a body, if they are not too many and come in time.
pub async fn read_body(headers: &HeaderMap, mut body: Body) -> Result<Bytes, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > BODY_BYTES_MAX as u64) {
        drain(body).await;
        return Err(too_large());
    }
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(&mut body, BODY_BYTES_MAX).collect()).await;
    let slow = || Problem::new(Kind::BodyTimeout, "The body did not arrive in time. Send it in one go.");
    match collected.map_err(|_| slow())? {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            drain(body).await;
            Err(too_large())
        }
        Err(_) => Err(Problem::new(Kind::BodyInvalid, "The body broke off.")),
    }
}

/// Takes the rest of a body that is refused, for a while: a client whose bytes are not taken is told nothing but that the
/// connection broke.
async fn drain(mut body: Body) {
    let taking = async {
        let mut taken = 0;
        while let Some(Ok(frame)) = body.frame().await {
            taken += frame.data_ref().map_or(0, Bytes::len);
            if taken > DRAIN_BYTES_MAX {
                break;
            }
        }
    };
    // When the time is over the answer is given all the same.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, taking).await;
}

fn too_large() -> Problem {
    Problem::new(Kind::BodyTooLarge, format!("A body has at most {BODY_BYTES_MAX} bytes."))
}

/// The JSON of a body.
pub fn parse<T: DeserializeOwned>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, Problem> {
    let bytes = if bytes.is_empty() { &b"{}"[..] } else { check_content_type(headers).map(|()| bytes)? };
    if has_nul(bytes) {
        return Err(Problem::new(
            Kind::BodyInvalid,
            "A text holds the character NUL. Leave it out: no database keeps it.",
        ));
    }
    // The fast way first; the place of an error is looked for only when there is one.
    serde_json::from_slice(bytes).map_err(|_| describe_json::<T>(bytes))
}

/// Whether a text of the JSON has the character NUL, which PostgreSQL cannot store. Only its escape can be there: the bare
/// byte is not JSON.
fn has_nul(json: &[u8]) -> bool {
    const ESCAPE: &[u8] = b"u0000";
    if !json.contains(&b'\\') {
        return false;
    }
    let is_escape = |at: usize| json[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
    json.windows(ESCAPE.len()).enumerate().any(|(at, bytes)| bytes == ESCAPE && is_escape(at))
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(Kind::ContentTypeUnsupported, "Send the body as `Content-Type: application/json`."))
}

fn describe_json<T: DeserializeOwned>(bytes: &[u8]) -> Problem {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let detail = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(error) if error.inner().is_data() => describe(&error.path().to_string(), &error.inner().to_string()),
        Err(error) => {
            format!("The body is not JSON: look at line {}, column {}.", error.inner().line(), error.inner().column())
        }
        Ok(_) => "The body has more than one JSON value.".to_owned(),
    };
    Problem::new(Kind::BodyInvalid, detail)
}

/// What serde says about a value, without the value. Its words end in what was expected, which are ours; what stands
/// before may be the client's.
fn describe(path: &str, words: &str) -> String {
    let words = words.rsplit_once(" at line ").map_or(words, |(words, _)| words);
    let place = if path == "." { "The body".to_owned() } else { format!("The field `{}`", field(path)) };
    if let Some(name) = quoted(words, "unknown field `") {
        return format!("There is no field `{}` here.", field(name));
    }
    if let Some(name) = quoted(words, "missing field `") {
        return format!("{place} lacks `{}`.", field(name));
    }
    if let Some(name) = quoted(words, "duplicate field `") {
        return format!("{place} has `{}` twice.", field(name));
    }
    match words.rsplit_once("expected ") {
        Some((_, expected)) => format!("{place} is not what it should be: expected {expected}."),
        None => format!("{place} is not what it should be."),
    }
}

fn quoted<'a>(words: &'a str, head: &str) -> Option<&'a str> {
    words.strip_prefix(head)?.split('`').next()
}

/// A field's name as far as it is safe to repeat.
fn field(name: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '[' | ']');
    let is_safe = name.len() <= FIELD_CHARS_MAX && name.chars().all(is_plain) && !guard::looks_like_card_number(name);
    if is_safe { name } else { "…" }
}

/// The query parameters of a request.
pub fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    let parsed = Query::<T>::try_from_uri(uri);
    parsed.map(|Query(query)| query).map_err(|error| {
        let words = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        // The words may begin with the name of the parameter: `limit: invalid digit …`.
        let (name, rest) = words.split_once(": ").unwrap_or(("", &words));
        let detail = match (quoted(rest, "unknown field `"), quoted(rest, "missing field `")) {
            (Some(name), _) => format!("There is no parameter `{}` here.", field(name)),
            (None, Some(name)) => format!("The parameter `{}` is missing.", field(name)),
            (None, None) if name.is_empty() => "The parameters are not what they should be.".to_owned(),
            (None, None) => format!("The parameter `{}` is not what it should be.", field(name)),
        };
        Problem::new(Kind::QueryInvalid, detail)
    })
}

/// The variable parts of a path, in order.
pub struct Segments(Vec<String>);

impl Segments {
    /// The id at `place`; what is no id of the kind is not found.
    pub fn id<T: std::str::FromStr>(&self, place: usize, noun: &'static str) -> Result<T, Problem> {
        let text = self.0.get(place).map(String::as_str).unwrap_or_default();
        text.parse().map_err(|_| Problem::not_found(noun))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Segments {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Problem::new(Kind::RouteNotFound, "There is no such path."))?;
        Ok(Self(params.iter().map(|(_, value)| value.to_owned()).collect()))
    }
}

/// The names and values of a request's head: taken out of it, where `HeaderMap` is a copy.
pub struct Head(pub HeaderMap);

impl<S: Send + Sync> FromRequestParts<S> for Head {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(std::mem::take(&mut parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use domain::id::ArticleId;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Line {
        article_id: ArticleId,
        quantity: super::super::json::QuantityIn,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Cart {
        lines: Vec<Line>,
        #[serde(default)]
        amount_minor: i64,
    }

    fn detail(text: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let problem = parse::<Cart>(&headers, text.as_bytes()).unwrap_err();
        format!("{problem:?}")
    }

    #[test]
    fn a_problem_names_the_field_and_never_the_value() {
        for (text, words) in [
            (r#"{"lines":[],"colour":"4111111111111111"}"#, "There is no field `colour` here."),
            (r#"{"lines":[],"4111111111111111":1}"#, "There is no field `…` here."),
            (r#"{"amount_minor":1}"#, "The body lacks `lines`."),
            (
                r#"{"lines":[{"article_id":"4111111111111111"}]}"#,
                "The field `lines[0].article_id` is not what it should be: expected art_ and 32 hexadecimal digits.",
            ),
            (r#"{"lines":[],"amount_minor":1.5}"#, "The field `amount_minor` is not what it should be: expected i64."),
            (
                r#"{"lines":[],"amount_minor":"4111 expected 1111"}"#,
                "The field `amount_minor` is not what it should be: expected i64.",
            ),
            (r#"{"lines":[],"amount_minor":99999999999999999999}"#, "expected i64."),
            (r#"{"lines":"#, "The body is not JSON: look at line 1, column 9."),
            (r#"{"lines":[]} x"#, "The body has more than one JSON value."),
            (r#"{"lines":[],"lines":[]}"#, "The body has `lines` twice."),
            (r#"{"lines":["a\u0000b"]}"#, "A text holds the character NUL."),
            (r#"{"lines":["\\\u0000b"]}"#, "A text holds the character NUL."),
            (r#"{"lines":["\\u0000b"]}"#, "The field `lines[0]` is not what it should be"),
            ("[1]", "The field `…`"),
        ] {
            let detail = detail(text);
            assert!(text == "[1]" || detail.contains(words), "{text}: {detail}");
            assert!(!detail.contains("4111"), "{detail}");
        }
    }

    #[test]
    fn a_query_problem_names_the_parameter_and_never_the_value() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only parsed")]
        struct Page {
            limit: u32,
        }
        for (text, words) in [
            ("/?limit=4111111111111111", "limit"),
            ("/?limit=1&colour=4111111111111111", "There is no parameter `colour` here."),
            ("/", "The parameter `limit` is missing."),
        ] {
            let problem = format!("{:?}", query::<Page>(&text.parse().unwrap()).unwrap_err());
            assert!(problem.contains(words), "{text}: {problem}");
            assert!(!problem.contains("4111"), "{problem}");
        }
    }
}
