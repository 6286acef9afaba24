//! `/v1/exceptions`: what needs a person, most money at risk first.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::exception::{AssignException, Exception, Place, ResolveException};
use domain::id::{ExceptionId, MerchantId};
use domain::money::Currency;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::Answer;

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Segments, query};
use super::error::{Kind, Problem};
use super::idempotency::KeyRule;
use super::json::{self, Page};
use super::submit::{ok, submit};
use crate::app::App;

/// The routes of exceptions.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/exceptions", list),
        Route::get("/v1/exceptions/{id}", get),
        Route::post("/v1/exceptions/{id}/assign", assign),
        Route::post("/v1/exceptions/{id}/resolve", resolve),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    state: WantedState,
    cursor: Option<String>,
    limit: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WantedState {
    #[default]
    Open,
    Resolved,
}

/// The open ones in the order of what they may cost, without a next page: who has more than fit works off the first. The
/// resolved ones page by page, in the order they were opened first.
async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { state, cursor, limit } = query(&uri)?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<ExceptionId>()?, page.limit()?);
    let found = match state {
        WantedState::Open if !after.is_empty() => {
            return Err(Problem::new(Kind::QueryInvalid, "The open exceptions have no next page: leave out `cursor`."));
        }
        WantedState::Open => app.reader.list_open_exceptions(merchant, limit).await?,
        WantedState::Resolved => app.reader.list_resolved_exceptions(merchant, after, limit + 1).await?,
    };
    let currency = currency_of(&app, merchant).await?;
    let shape = |exception| Shape::of(exception, currency);
    Ok(ok(json::to_bytes(&json::list(&found, limit, |exception| exception.id.to_string(), shape))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let exception = find(&app, merchant, &segments).await?;
    let currency = currency_of(&app, merchant).await?;
    Ok(ok(json::to_bytes(&Shape::of(&exception, currency))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assignment {
    owner: String,
}

async fn assign(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Assignment>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let (place, currency) = place_of(&app, asked.principal.merchant, &segments).await?;
    let command = AssignException { place, owner: asked.body.owner };
    submit(&app, asked.envelope, command, move |exception| encode(exception, currency)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolution {
    reason: String,
}

async fn resolve(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Resolution>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let (place, currency) = place_of(&app, asked.principal.merchant, &segments).await?;
    let command = ResolveException { place, reason: asked.body.reason };
    submit(&app, asked.envelope, command, move |exception| encode(exception, currency)).await
}

async fn find(app: &App, merchant: MerchantId, segments: &Segments) -> Result<Exception, Problem> {
    let found = app.reader.find_exception(merchant, segments.id(0, "exception")?).await?;
    found.ok_or_else(|| Problem::not_found("exception"))
}

/// Under what the rules keep it, for the decision that loads it again, and the currency of its answer.
async fn place_of(app: &App, merchant: MerchantId, segments: &Segments) -> Result<(Place, Currency), Problem> {
    let Exception { subject, kind, .. } = find(app, merchant, segments).await?;
    Ok((Place { subject, kind }, currency_of(app, merchant).await?))
}

async fn currency_of(app: &App, merchant: MerchantId) -> Result<Currency, Problem> {
    let found = app.reader.find_merchant(merchant).await?;
    found.map(|merchant| merchant.currency).ok_or_else(|| Problem::not_found("merchant"))
}

fn encode(exception: &Exception, currency: Currency) -> Answer {
    json::answer(200, exception.id, json::to_bytes(&Shape::of(exception, currency)))
}

#[derive(Serialize)]
struct Shape<'a> {
    id: ExceptionId,
    object: &'static str,
    state: &'static str,
    kind: &'static str,
    subject: &'a str,
    reason: &'a str,
    owner: &'a str,
    at_risk_minor: i64,
    currency: Currency,
    resolution: Option<&'a str>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    #[serde(serialize_with = "json::instant_option")]
    resolved_at: Option<Timestamp>,
    version: i64,
}

impl<'a> Shape<'a> {
    fn of(exception: &'a Exception, currency: Currency) -> Self {
        let Exception { id, at_risk_minor, opened_at, resolved_at, version, .. } = *exception;
        let Exception { subject, reason, owner, resolution, .. } = exception;
        Self {
            id,
            object: "exception",
            state: if resolved_at.is_some() { "resolved" } else { "open" },
            kind: exception.kind.as_str(),
            subject,
            reason,
            owner,
            at_risk_minor,
            currency,
            resolution: resolution.as_deref(),
            created_at: opened_at,
            resolved_at,
            version,
        }
    }
}
