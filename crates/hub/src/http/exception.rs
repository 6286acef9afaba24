//! `/v1/exceptions`: what needs a person, most money at risk first.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::exception::Exception;
use domain::id::ExceptionId;
use domain::money::Currency;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Route;
use super::auth::authenticate;
use super::body::query;
use super::error::Problem;
use super::json::{self, Page};
use super::submit::ok;
use crate::app::App;

/// The routes of exceptions.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/v1/exceptions", list)]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    limit: Option<i64>,
}

/// The open ones, in the order of what they may cost. There is no next page: who has more than fit works off the first.
async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { limit } = query(&uri)?;
    let limit = Page::new(None, limit).limit()?;
    let owner = app.reader.find_merchant(merchant).await?.ok_or_else(|| Problem::not_found("merchant"))?;
    let found = app.reader.list_open_exceptions(merchant, limit).await?;
    let shape = |exception| Shape::of(exception, owner.currency);
    Ok(ok(json::to_bytes(&json::list(&found, limit, |exception| exception.id.to_string(), shape))))
}

#[derive(Serialize)]
struct Shape<'a> {
    id: ExceptionId,
    object: &'static str,
    kind: &'static str,
    subject: &'a str,
    reason: &'a str,
    owner: &'a str,
    at_risk_minor: i64,
    currency: Currency,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    version: i64,
}

impl<'a> Shape<'a> {
    fn of(exception: &'a Exception, currency: Currency) -> Self {
        let Exception { id, at_risk_minor, opened_at, version, .. } = *exception;
        let Exception { subject, reason, owner, .. } = exception;
        let kind = exception.kind.as_str();
        Self {
            id,
            object: "exception",
            kind,
            subject,
            reason,
            owner,
            at_risk_minor,
            currency,
            created_at: opened_at,
            version,
        }
    }
}
