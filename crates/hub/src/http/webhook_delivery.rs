//! `/v1/webhook-deliveries`: what was sent to whom, what came of it, and what is sent again.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::id::{EventId, MerchantId, WebhookDeliveryId, WebhookEndpointId};
use domain::time::Timestamp;
use domain::webhook_delivery::{self, REDRIVE_MAX, Redrive, WebhookDelivery};
use serde::{Deserialize, Serialize};
use storage::Answer;
use storage::read::webhook::DeliveryFilter;

use super::Route;
use super::body::{Asked, Segments, query};
use super::error::{Kind, Problem};
use super::idempotency::KeyRule;
use super::json::{self, Page};
use super::submit::{ok, submit};
use super::webhook_endpoint::managed_by;
use crate::app::App;

/// The routes of webhook deliveries.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/webhook-deliveries", list),
        Route::get("/v1/webhook-deliveries/{id}", get),
        Route::post("/v1/webhook-deliveries/redrive", redrive),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    endpoint_id: Option<WebhookEndpointId>,
    state: Option<String>,
    event_id: Option<EventId>,
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = managed_by(&app, &headers).await?;
    let Wanted { endpoint_id, state, event_id, cursor, limit } = query(&uri)?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<WebhookDeliveryId>()?, page.limit()?);
    let filter = DeliveryFilter { endpoint: endpoint_id, state: state_of(state.as_deref())?, event: event_id };
    let found = app.reader.list_webhook_deliveries(merchant, &filter, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |delivery| delivery.id.to_string(), Shape::of))))
}

fn state_of(text: Option<&str>) -> Result<Option<&'static str>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let state = webhook_delivery::State::ALL.into_iter().find(|state| *state == text);
    state.map(Some).ok_or_else(|| {
        Problem::new(Kind::QueryInvalid, "The parameter `state` is one of `pending`, `delivered` and `dead`.")
    })
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = managed_by(&app, &headers).await?;
    let found = app.reader.find_webhook_delivery(merchant, segments.id(0, "webhook_delivery")?).await?;
    let delivery = found.ok_or_else(|| Problem::not_found("webhook_delivery"))?;
    Ok(ok(json::to_bytes(&Shape::of(&delivery))))
}

/// Which dead deliveries are sent again: those to one endpoint, or these.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Again {
    endpoint_id: Option<WebhookEndpointId>,
    ids: Option<Vec<WebhookDeliveryId>>,
}

async fn redrive(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Again>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let (deliveries, has_more) = match asked.body {
        Again { endpoint_id: Some(endpoint), ids: None } => dead_of(&app, asked.principal.merchant, endpoint).await?,
        Again { endpoint_id: None, ids: Some(ids) } => (ids, false),
        _ => return Err(Problem::new(Kind::BodyInvalid, "Give either `endpoint_id` or `ids`.")),
    };
    submit(&app, asked.envelope, Redrive { deliveries }, move |count| {
        let redriven = Redriven { object: "webhook_redrive", redriven: *count, has_more };
        json::answer(200, "", json::to_bytes(&redriven))
    })
    .await
}

/// The first dead deliveries of an endpoint, as many as one command takes, and whether there are more.
async fn dead_of(
    app: &App,
    merchant: MerchantId,
    endpoint: WebhookEndpointId,
) -> Result<(Vec<WebhookDeliveryId>, bool), Problem> {
    if app.reader.find_webhook_endpoint(merchant, endpoint).await?.is_none() {
        return Err(Problem::not_found("webhook_endpoint"));
    }
    let mut dead = app.reader.list_dead_deliveries(merchant, endpoint, REDRIVE_MAX + 1).await?;
    let has_more = dead.len() > REDRIVE_MAX;
    dead.truncate(REDRIVE_MAX);
    Ok((dead, has_more))
}

#[derive(Serialize)]
struct Redriven {
    object: &'static str,
    redriven: usize,
    has_more: bool,
}

/// A delivery as an answer.
pub(super) fn encode(status: u16, delivery: &WebhookDelivery) -> Answer {
    json::answer(status, delivery.id, json::to_bytes(&Shape::of(delivery)))
}

#[derive(Serialize)]
struct Shape<'a> {
    id: WebhookDeliveryId,
    object: &'static str,
    endpoint_id: WebhookEndpointId,
    event_id: EventId,
    number: Option<i64>,
    kind: &'a str,
    subject: &'a str,
    state: &'static str,
    #[serde(serialize_with = "json::instant_option")]
    due_at: Option<Timestamp>,
    attempts: u32,
    status: Option<u16>,
    reason: Option<&'static str>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    #[serde(serialize_with = "json::instant")]
    updated_at: Timestamp,
}

impl<'a> Shape<'a> {
    fn of(delivery: &'a WebhookDelivery) -> Self {
        let WebhookDelivery { id, endpoint, event, number, state, attempts, status, .. } = *delivery;
        Self {
            id,
            object: "webhook_delivery",
            endpoint_id: endpoint,
            event_id: event,
            number,
            kind: &delivery.kind,
            subject: &delivery.subject,
            state: state.as_str(),
            due_at: state.due_at(),
            attempts,
            status,
            reason: delivery.reason.map(|reason| reason.as_str()),
            created_at: delivery.created_at,
            updated_at: delivery.updated_at,
        }
    }
}
