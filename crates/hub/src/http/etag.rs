//! The version of a record as an `ETag`, and the one that a change was made from in `If-Match`.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use super::error::{Kind, Problem};
use super::submit::ok;

/// A body of JSON with its version.
pub fn tagged(body: Vec<u8>, version: i64) -> Response {
    let mut response = ok(body);
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The version in `If-Match`; without it, or with `*`, the last one to write wins.
pub fn expected_version(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    if value == "*" {
        return Ok(None);
    }
    let version = value.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
    version.map(Some).ok_or_else(|| Problem::new(Kind::IfMatchInvalid, "`If-Match` is the `ETag` of the record."))
}
