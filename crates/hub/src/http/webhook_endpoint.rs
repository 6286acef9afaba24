//! `/v1/webhook-endpoints`: where subscribers are told of events. For managers: a URL may hold a password.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::call::Role;
use domain::id::{MerchantId, WebhookEndpointId};
use domain::time::Timestamp;
use domain::webhook_delivery::SendTest;
use domain::webhook_endpoint::{
    self, CreateEndpoint, DeleteEndpoint, Kinds, RotateSecret, UpdateEndpoint, WebhookEndpoint,
};
use serde::{Deserialize, Serialize};
use storage::Answer;

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Nothing, Segments, query};
use super::error::{Kind, Problem};
use super::idempotency::KeyRule;
use super::json::{self, Page};
use super::submit::{commit, ok, respond, submit};
use super::webhook_delivery;
use crate::app::App;
use crate::webhook::address::Unfit;
use crate::webhook::signature::{self, SigningKeys};
use crate::webhook::{open_keys, sealed_for};

/// Endpoints of one merchant: each costs a row per event. They are counted before the decision, so that two requests at the
/// same moment may make one more, which harms nobody.
const ENDPOINTS_MAX: i64 = 100;
/// What stands before a secret in a stored answer: it is sealed there, and opened on the way out.
const SEALED: &str = "\"secret\":\"sealed:";

/// The routes of webhook endpoints.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/webhook-endpoints", create),
        Route::get("/v1/webhook-endpoints", list),
        Route::get("/v1/webhook-endpoints/{id}", get),
        Route::patch("/v1/webhook-endpoints/{id}", update),
        Route::delete("/v1/webhook-endpoints/{id}", delete),
        Route::post("/v1/webhook-endpoints/{id}/rotate-secret", rotate_secret),
        Route::post("/v1/webhook-endpoints/{id}/test", test),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEndpoint {
    url: String,
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    description: String,
    #[serde(default = "json::yes")]
    is_active: bool,
    #[serde(default)]
    is_ordered: bool,
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewEndpoint>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let NewEndpoint { url, kinds, description, is_active, is_ordered } = asked.body;
    let merchant = asked.principal.merchant;
    check_url(&app, &url)?;
    if app.reader.count_webhook_endpoints(merchant).await? >= ENDPOINTS_MAX {
        let detail = format!("A merchant has at most {ENDPOINTS_MAX} endpoints. Delete one that is not used.");
        return Err(Problem::new(Kind::WebhookEndpointLimitReached, detail));
    }
    let id = WebhookEndpointId::from_uuid(app.next_uuid());
    let secret = draw_secret(&app, merchant, id);
    let cursor = app.reader.last_event_number(merchant).await?;
    let command = CreateEndpoint { id, merchant, url, kinds, description, is_active, is_ordered, cursor, secret };
    let encoder = app.clone();
    let (answer, is_replay) =
        commit(&app, asked.envelope, command, move |endpoint| with_secret(&encoder, 201, endpoint)).await?;
    Ok(respond(revealed(&app, merchant, answer), is_replay))
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = managed_by(&app, &headers).await?;
    let page: Page = query(&uri)?;
    let (after, limit) = (page.after::<WebhookEndpointId>()?, page.limit()?);
    let found = app.reader.list_webhook_endpoints(merchant, after, limit + 1).await?;
    let shape = |endpoint| Shape::of(&app, endpoint);
    Ok(ok(json::to_bytes(&json::list(&found, limit, |endpoint| endpoint.id.to_string(), shape))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = managed_by(&app, &headers).await?;
    let found = app.reader.find_webhook_endpoint(merchant, segments.id(0, "webhook_endpoint")?).await?;
    let endpoint = found.ok_or_else(|| Problem::not_found("webhook_endpoint"))?;
    Ok(ok(json::to_bytes(&Shape::of(&app, &endpoint))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    url: Option<String>,
    kinds: Option<Vec<String>>,
    description: Option<String>,
    is_active: Option<bool>,
    is_ordered: Option<bool>,
}

async fn update(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Changes>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let Changes { url, kinds, description, is_active, is_ordered } = asked.body;
    if let Some(url) = &url {
        check_url(&app, url)?;
    }
    let id = segments.id(0, "webhook_endpoint")?;
    let command = UpdateEndpoint { id, url, kinds, description, is_active, is_ordered };
    let encoder = app.clone();
    submit(&app, asked.envelope, command, move |endpoint| without_secret(&encoder, endpoint)).await
}

async fn delete(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let command = DeleteEndpoint { id: segments.id(0, "webhook_endpoint")? };
    let encoder = app.clone();
    submit(&app, asked.envelope, command, move |endpoint| without_secret(&encoder, endpoint)).await
}

async fn rotate_secret(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let (merchant, id) = (asked.principal.merchant, segments.id(0, "webhook_endpoint")?);
    let command = RotateSecret { id, secret: draw_secret(&app, merchant, id) };
    let encoder = app.clone();
    let (answer, is_replay) =
        commit(&app, asked.envelope, command, move |endpoint| with_secret(&encoder, 200, endpoint)).await?;
    Ok(respond(revealed(&app, merchant, answer), is_replay))
}

async fn test(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let command = SendTest { endpoint: segments.id(0, "webhook_endpoint")? };
    submit(&app, asked.envelope, command, |delivery| webhook_delivery::encode(201, delivery)).await
}

/// The merchant of a manager's key.
pub(super) async fn managed_by(app: &App, headers: &HeaderMap) -> Result<MerchantId, Problem> {
    let principal = authenticate(app, headers).await?;
    principal.require(Role::Manager)?;
    Ok(principal.merchant)
}

fn check_url(app: &App, url: &str) -> Result<(), Problem> {
    let judged = app.webhooks.addresses.judge(url);
    judged.map(drop).map_err(|unfit| {
        let kind = match unfit {
            Unfit::Invalid => Kind::WebhookUrlInvalid,
            Unfit::Refused => Kind::WebhookUrlRefused,
        };
        Problem::new(kind, unfit.to_string())
    })
}

fn draw_secret(app: &App, merchant: MerchantId, id: WebhookEndpointId) -> Vec<u8> {
    app.pepper.seal.close(&sealed_for(merchant, id), &signature::draw())
}

fn without_secret(app: &App, endpoint: &WebhookEndpoint) -> Answer {
    json::answer(200, endpoint.id, json::to_bytes(&Shape::of(app, endpoint)))
}

/// The answer as it is stored, with the secret sealed: it lies in the database for thirty days.
fn with_secret(app: &App, status: u16, endpoint: &WebhookEndpoint) -> Answer {
    let sealed = format!("sealed:{}:{}", endpoint.id, STANDARD.encode(&endpoint.secret));
    let shape = Shape { secret: Some(sealed), ..Shape::of(app, endpoint) };
    json::answer(status, endpoint.id, json::to_bytes(&shape))
}

/// The answer as it is given: the same bytes each time. A problem has no secret and stays as it is.
fn revealed(app: &App, merchant: MerchantId, mut answer: Answer) -> Answer {
    let Ok(text) = std::str::from_utf8(&answer.body) else { return answer };
    // No text of a client can look like this: the quotes in it are escaped.
    let Some((head, rest)) = text.split_once(SEALED) else { return answer };
    let Some((sealed, tail)) = rest.split_once('"') else { return answer };
    let words = open_words(app, merchant, sealed).unwrap_or_default();
    answer.body = format!("{head}\"secret\":\"{words}\"{tail}").into_bytes();
    answer
}

fn open_words(app: &App, merchant: MerchantId, sealed: &str) -> Option<String> {
    let (endpoint, sealed) = sealed.split_once(':')?;
    let purpose = sealed_for(merchant, endpoint.parse().ok()?);
    let material = app.pepper.seal.open(&purpose, &STANDARD.decode(sealed).ok()?)?;
    Some(SigningKeys::of(&material)?.secret_words())
}

#[derive(Serialize)]
struct Shape<'a> {
    id: WebhookEndpointId,
    object: &'static str,
    url: &'a str,
    kinds: &'a Kinds,
    description: &'a str,
    is_active: bool,
    /// `gone`: the endpoint answered 410.
    disabled_reason: Option<&'static str>,
    is_ordered: bool,
    cursor: i64,
    public_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(serialize_with = "json::instant_option")]
    old_secret_until: Option<Timestamp>,
    #[serde(serialize_with = "json::instant_option")]
    paused_until: Option<Timestamp>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
}

impl<'a> Shape<'a> {
    fn of(app: &App, endpoint: &'a WebhookEndpoint) -> Self {
        let WebhookEndpoint { id, state, is_ordered, cursor, paused_until, created_at, .. } = *endpoint;
        let WebhookEndpoint { url, kinds, description, .. } = endpoint;
        Self {
            id,
            object: "webhook_endpoint",
            url,
            kinds,
            description,
            is_active: state == webhook_endpoint::State::Active,
            disabled_reason: (state == webhook_endpoint::State::Gone).then_some(state.as_str()),
            is_ordered,
            cursor,
            public_key: open_keys(&app.pepper.seal, endpoint, &endpoint.secret).map(|keys| keys.public_words()),
            secret: None,
            old_secret_until: endpoint.old_secret.as_ref().map(|old| old.until),
            paused_until,
            created_at,
        }
    }
}
