//! Who may come in: OAuth 1.0a with HMAC-SHA1 (RFC 5849) for `mapi` and `close-day`, whose parameters may stand in the
//! `Authorization` header, in the form, or in both; and the SHA-1 `control` of the other commands.

use axum::http::{HeaderMap, header};
use connectors::gateway_signature::{is_same, percent_decoded, signature};
use domain::mpos::MposEndpoint;

use super::form::{Form, Stop};
use crate::app::App;
use crate::http::error::{Kind, Problem};
use crate::mpos::nonce::{SKEW_MS_MAX, Taken};
use crate::mpos::open_key;

/// Milliseconds of a second: timestamps count those.
const SECOND_MS: i64 = 1_000;
/// Longest nonce: a remembered one costs its length.
const NONCE_CHARS_MAX: usize = 128;

/// Goes on only with a request that is signed right, in time, and for the first time.
pub fn require_oauth(
    app: &App,
    endpoint: &MposEndpoint,
    headers: &HeaderMap,
    path: &str,
    form: &Form,
) -> Result<(), Stop> {
    let mut parameters = in_header(headers)?;
    let twice = |pair: &&(String, String)| !(pair.0.starts_with("oauth_") && parameters.contains(pair));
    let in_form: Vec<(String, String)> = form.pairs().iter().filter(twice).cloned().collect();
    parameters.extend(in_form);
    let given = one(&parameters, "oauth_signature")?.to_owned();
    parameters.retain(|(name, _)| name != "oauth_signature");
    if one(&parameters, "oauth_signature_method")? != "HMAC-SHA1" {
        return Err(Stop::forbidden("The signature method is HMAC-SHA1"));
    }
    let key = open_key(&app.pepper.seal, endpoint);
    let key = key.ok_or_else(|| Problem::new(Kind::Internal, "The control key cannot be read. Draw a new one."))?;
    let pairs: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let is_signed = urls(app, headers, path).iter().any(|url| is_same(&given, &signature(url, &pairs, &key)));
    if one(&parameters, "oauth_consumer_key")? != endpoint.login || !is_signed {
        return Err(Stop::forbidden("The signature is wrong: check login, control key and the URL that is signed"));
    }
    require_fresh(app, endpoint, &parameters)
}

/// A signed request is believed for minutes, and once.
fn require_fresh(app: &App, endpoint: &MposEndpoint, parameters: &[(String, String)]) -> Result<(), Stop> {
    let now = app.clock.now();
    let at_s: Option<i64> = one(parameters, "oauth_timestamp")?.parse().ok();
    let off_ms = at_s.and_then(|at| at.checked_mul(SECOND_MS)).map(|at| now.0.abs_diff(at));
    if off_ms.is_none_or(|off| off > SKEW_MS_MAX.unsigned_abs()) {
        return Err(Stop::forbidden("The timestamp is more than five minutes off: set the clock"));
    }
    let nonce = one(parameters, "oauth_nonce")?;
    if nonce.is_empty() || nonce.len() > NONCE_CHARS_MAX {
        return Err(Stop::forbidden("A nonce has 1 to 128 characters"));
    }
    match app.mpos.nonces.take(endpoint.id, nonce, now) {
        Taken::Fresh => Ok(()),
        Taken::Used => Err(Stop::forbidden("The nonce was used before: draw one for each request")),
        Taken::Full => Err(Problem::new(Kind::Overloaded, "Too many signed requests came lately. Ask again.").into()),
    }
}

/// The addresses by which the caller may have called: as the settings say it, or as the request itself does.
fn urls(app: &App, headers: &HeaderMap, path: &str) -> Vec<String> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let host = host.to_ascii_lowercase();
    let told = app.providers.public_base().map(|base| format!("{base}{path}"));
    let [https, http] = [("https", ":443"), ("http", ":80")]
        .map(|(scheme, port)| format!("{scheme}://{}{path}", host.strip_suffix(port).unwrap_or(&host)));
    told.into_iter().chain([https, http]).collect()
}

fn in_header(headers: &HeaderMap) -> Result<Vec<(String, String)>, Stop> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(Vec::new()) };
    let unreadable = || Stop::forbidden("The Authorization header is not that of OAuth 1.0a");
    let list = value.to_str().ok().and_then(|value| value.strip_prefix("OAuth")).ok_or_else(unreadable)?;
    let pair = |pair: &str| {
        let (name, value) = pair.trim().split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        Some((percent_decoded(name)?, percent_decoded(value)?))
    };
    let pairs: Option<Vec<_>> = list.split(',').map(pair).collect();
    let mut pairs = pairs.ok_or_else(unreadable)?;
    pairs.retain(|(name, _)| name != "realm");
    Ok(pairs)
}

/// A parameter that has to be there, once.
fn one<'a>(parameters: &'a [(String, String)], name: &str) -> Result<&'a str, Stop> {
    let mut found = parameters.iter().filter(|(known, _)| known == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Ok(value),
        _ => Err(Stop::forbidden(&format!("{name} is missing, or there twice with other values"))),
    }
}
