//! `/v1/mpos-endpoints`: where software that speaks the mPOS gateway API is let in. For managers: who has a control key takes and
//! gives back money.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::call::Role;
use domain::id::{ConnectionId, LocationId, MerchantId, MposEndpointId, RegisterId};
use domain::money::Currency;
use domain::mpos::{CreateMposEndpoint, MposEndpoint, RotateControlKey, UpdateMposEndpoint};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::Answer;

use super::Route;
use super::body::{Asked, Nothing, Segments, query};
use super::error::{Kind, Problem};
use super::idempotency::KeyRule;
use super::json::{self, Page};
use super::payment::check_environment;
use super::submit::{commit, ok, respond, submit};
use super::webhook_endpoint::managed_by;
use crate::app::App;
use crate::clock::random_bytes;
use crate::mpos::{open_sealed, sealed_for};

/// Most endpoints of a merchant, those that are switched off included: a chain has one for each shop. They are counted before the
/// decision, so that two requests at the same moment may make one more, which harms nobody.
pub const ENDPOINTS_MAX: i64 = 200;
/// Digits of a number: it stands in URLs and in people's settings, and nobody guesses the next one.
const NUMBER_BELOW: i64 = 1_000_000_000_000;
/// Random bytes of a control key: as many as its form, that of a UUID, has room for.
const KEY_BYTES: usize = 16;
/// What stands before a control key in a stored answer: it is sealed there, and opened on the way out.
const SEALED: &str = "\"control_key\":\"sealed:";

/// The routes of endpoints.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/mpos-endpoints", create),
        Route::get("/v1/mpos-endpoints", list),
        Route::get("/v1/mpos-endpoints/{id}", get),
        Route::patch("/v1/mpos-endpoints/{id}", update),
        Route::post("/v1/mpos-endpoints/{id}/rotate-control-key", rotate),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: String,
    login: String,
    register_id: RegisterId,
    connection_id: ConnectionId,
    group: Option<String>,
    notify_url: Option<String>,
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<New>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let New { name, login, register_id, connection_id, group, notify_url } = asked.body;
    let merchant = asked.principal.merchant;
    let shop = app.shops.find(&app.reader, merchant, register_id).await?;
    let shop = shop.ok_or_else(|| Problem::not_found("register"))?;
    check_environment(&app, &asked.principal, connection_id).await?;
    check_url(&app, notify_url.as_deref())?;
    if app.reader.count_mpos_endpoints(merchant).await? >= ENDPOINTS_MAX {
        let detail = format!("A merchant has at most {ENDPOINTS_MAX} endpoints. Use one that is switched off.");
        return Err(Problem::new(Kind::MposEndpointLimitReached, detail));
    }
    let group = match group {
        Some(group) => own_group(&app, merchant, &group).await?,
        None => draw_number(),
    };
    let id = MposEndpointId::from_uuid(app.next_uuid());
    let command = CreateMposEndpoint {
        id,
        merchant,
        number: draw_number(),
        group,
        name,
        login,
        control_key: draw_key(&app, merchant, id),
        location: shop.location,
        register: register_id,
        connection: connection_id,
        currency: shop.currency,
        notify_url,
    };
    let (answer, is_replay) = commit(&app, asked.envelope, command, |endpoint| with_key(201, endpoint)).await?;
    Ok(respond(revealed(&app, merchant, answer), is_replay))
}

/// A group that an endpoint of the merchant has.
async fn own_group(app: &App, merchant: MerchantId, group: &str) -> Result<i64, Problem> {
    let not_found = || Problem::not_found("mpos_endpoint");
    let number: i64 = group.parse().map_err(|_| not_found())?;
    let members = app.reader.list_mpos_endpoints_of_group(number, ENDPOINTS_MAX).await?;
    if members.iter().any(|member| member.merchant == merchant) { Ok(number) } else { Err(not_found()) }
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = managed_by(&app, &headers).await?;
    let page: Page = query(&uri)?;
    let (after, limit) = (page.after::<MposEndpointId>()?, page.limit()?);
    let found = app.reader.list_mpos_endpoints(merchant, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |endpoint| endpoint.id.to_string(), Shape::of))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = managed_by(&app, &headers).await?;
    let found = app.reader.find_mpos_endpoint(merchant, segments.id(0, "mpos_endpoint")?).await?;
    let endpoint = found.ok_or_else(|| Problem::not_found("mpos_endpoint"))?;
    Ok(ok(json::to_bytes(&Shape::of(&endpoint))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    name: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    notify_url: Option<Option<String>>,
    is_active: Option<bool>,
}

async fn update(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Changes>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let Changes { name, notify_url, is_active } = asked.body;
    check_url(&app, notify_url.as_ref().and_then(Option::as_deref))?;
    let command = UpdateMposEndpoint { id: segments.id(0, "mpos_endpoint")?, name, notify_url, is_active };
    submit(&app, asked.envelope, command, |endpoint| {
        json::answer(200, endpoint.id, json::to_bytes(&Shape::of(endpoint)))
    })
    .await
}

async fn rotate(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let (merchant, id) = (asked.principal.merchant, segments.id(0, "mpos_endpoint")?);
    let command = RotateControlKey { id, control_key: draw_key(&app, merchant, id) };
    let (answer, is_replay) = commit(&app, asked.envelope, command, |endpoint| with_key(200, endpoint)).await?;
    Ok(respond(revealed(&app, merchant, answer), is_replay))
}

fn check_url(app: &App, url: Option<&str>) -> Result<(), Problem> {
    let Some(url) = url else { return Ok(()) };
    let judged = app.webhooks.addresses.judge(url);
    judged.map(drop).map_err(|unfit| Problem::new(Kind::MposNotifyUrlInvalid, unfit.to_string()))
}

/// A number that nobody has: of so many the same is drawn twice by nobody, and refused by the database then.
fn draw_number() -> i64 {
    let random = i64::from_be_bytes(random_bytes()) & i64::MAX;
    random % (NUMBER_BELOW - 1) + 1
}

/// A fresh control key, sealed: in the form of a UUID, as the vendor's are.
fn draw_key(app: &App, merchant: MerchantId, id: MposEndpointId) -> Vec<u8> {
    let hex: String = random_bytes::<KEY_BYTES>().iter().map(|byte| format!("{byte:02X}")).collect();
    let key = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    app.pepper.seal.close(&sealed_for(merchant, id), key.as_bytes())
}

/// The answer as it is stored, with the key sealed: it lies in the database for thirty days.
fn with_key(status: u16, endpoint: &MposEndpoint) -> Answer {
    let sealed = format!("sealed:{}:{}", endpoint.id, STANDARD.encode(&endpoint.control_key));
    let shape = Shape { control_key: Some(sealed), ..Shape::of(endpoint) };
    json::answer(status, endpoint.id, json::to_bytes(&shape))
}

/// The answer as it is given: the same bytes each time. A problem has no key and stays as it is.
fn revealed(app: &App, merchant: MerchantId, mut answer: Answer) -> Answer {
    let Ok(text) = std::str::from_utf8(&answer.body) else { return answer };
    // No text of a client can look like this: the quotes in it are escaped.
    let Some((head, rest)) = text.split_once(SEALED) else { return answer };
    let Some((sealed, tail)) = rest.split_once('"') else { return answer };
    let key = open_words(app, merchant, sealed).unwrap_or_default();
    answer.body = format!("{head}\"control_key\":\"{key}\"{tail}").into_bytes();
    answer
}

fn open_words(app: &App, merchant: MerchantId, sealed: &str) -> Option<String> {
    let (endpoint, sealed) = sealed.split_once(':')?;
    open_sealed(&app.pepper.seal, merchant, endpoint.parse().ok()?, &STANDARD.decode(sealed).ok()?)
}

#[derive(Serialize)]
struct Shape<'a> {
    id: MposEndpointId,
    object: &'static str,
    /// ENDPOINTID.
    number: String,
    /// ENDPOINTGROUPID.
    group: String,
    name: &'a str,
    login: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_key: Option<String>,
    location_id: LocationId,
    register_id: RegisterId,
    connection_id: ConnectionId,
    currency: Currency,
    notify_url: Option<&'a str>,
    is_active: bool,
    #[serde(serialize_with = "json::instant_option")]
    last_closed_at: Option<Timestamp>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
}

impl<'a> Shape<'a> {
    fn of(endpoint: &'a MposEndpoint) -> Self {
        let MposEndpoint {
            id, location, register, connection, currency, is_active, last_closed_at, created_at, ..
        } = *endpoint;
        Self {
            id,
            object: "mpos_endpoint",
            number: endpoint.number.to_string(),
            group: endpoint.group.to_string(),
            name: &endpoint.name,
            login: &endpoint.login,
            control_key: None,
            location_id: location,
            register_id: register,
            connection_id: connection,
            currency,
            notify_url: endpoint.notify_url.as_deref(),
            is_active,
            last_closed_at,
            created_at,
        }
    }
}
