//! `/mapi/v1/...` and `/api/v2/...`, with and without `/paynet`: the mPOS gateway API of requirement document 002, for existing
//! software. It has no key of ours: an endpoint's control key signs each request. What it asks becomes ordinary payments.

mod charge;
mod close;
mod form;
mod order;
mod signed;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::call::{Actor, Role};
use domain::command::Command;
use domain::id::{MerchantId, OperationId};
use domain::mpos::{MposEndpoint, MposOrder};
use storage::{Answer, Envelope, Idempotency, Lane};

use self::form::{Fields, Form, Stop, respond, wants_json};
use super::Route;
use super::body::{Segments, read_body};
use super::error::{Kind, Problem};
use super::request_id::RequestId;
use crate::app::App;

/// What a command weighs in a batch besides its body.
const ENVELOPE_BYTES: usize = 512;

/// The routes of the API.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/mapi/v1/{command}/{endpoint_id}", mapi),
        Route::post("/paynet/mapi/v1/{command}/{endpoint_id}", mapi),
        Route::post("/api/v2/{command}/{endpoint_id}", api),
        Route::post("/paynet/api/v2/{command}/{endpoint_id}", api),
        Route::post("/api/v2/{command}/group/{group_id}", api_of_group),
        Route::post("/paynet/api/v2/{command}/group/{group_id}", api_of_group),
    ]
}

/// A request as it came.
struct Came {
    path: String,
    headers: HeaderMap,
    form: Form,
    bytes: usize,
    request_id: String,
}

impl Came {
    async fn read(request: Request) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if parts.uri.query().is_some() {
            return Err(Problem::new(
                Kind::QueryInvalid,
                "There are no parameters in the URL here. Send them as a form.",
            ));
        }
        let body = read_body(&parts.headers, body).await?;
        let unreadable =
            || Problem::new(Kind::BodyInvalid, "The body is not a form, or has more fields than a request has.");
        let form = Form::read(&body).ok_or_else(unreadable)?;
        let (path, request_id) = (parts.uri.path().to_owned(), RequestId::of(&parts));
        Ok(Self { path, headers: parts.headers, form, bytes: body.len(), request_id })
    }

    /// A command of the endpoint: its control key is that of a manager.
    fn envelope(&self, endpoint: &MposEndpoint) -> Envelope {
        Envelope {
            merchant: endpoint.merchant,
            actor: Arc::new(Actor::new(endpoint.id.to_string(), Role::Manager)),
            request_id: self.request_id.clone(),
            idempotency: Idempotency::None,
            lane: Lane::Interactive,
            weight: self.bytes + ENVELOPE_BYTES,
        }
    }

    fn answer(&self, done: Result<Fields, Stop>) -> Response {
        let is_json = wants_json(&self.headers);
        match done {
            Ok(fields) => respond(StatusCode::OK, &fields, is_json),
            Err(Stop::Problem(problem)) => problem.into_response(),
            Err(Stop::Said { status, code, message }) => {
                let fields = vec![
                    ("type", "validation-error".to_owned()),
                    ("serial-number", self.request_id.clone()),
                    ("merchant-order-id", self.form.text("client_orderid").to_owned()),
                    ("error-message", message),
                    ("error-code", code.to_string()),
                ];
                respond(status, &fields, is_json)
            }
        }
    }
}

async fn mapi(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let command: String = segments.id(0, "mpos_endpoint")?;
    if !matches!(command.as_str(), "sale" | "preauth" | "emv-advice") {
        return Err(no_route());
    }
    let endpoint = find_endpoint(&app, &segments).await?;
    let came = Came::read(request).await?;
    let done = async {
        signed::require_oauth(&app, &endpoint, &came.headers, &came.path, &came.form)?;
        match command.as_str() {
            "sale" => charge::charge(&app, &came, &endpoint, false).await,
            "preauth" => charge::charge(&app, &came, &endpoint, true).await,
            _ => charge::advise(&app, &came, &endpoint).await,
        }
    };
    let done = done.await;
    Ok(came.answer(done))
}

async fn api(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let command: String = segments.id(0, "mpos_endpoint")?;
    let asked = order::Asked::parse(&command);
    if asked.is_none() && command != "close-day" {
        return Err(no_route());
    }
    let endpoint = find_endpoint(&app, &segments).await?;
    let came = Came::read(request).await?;
    let done = match asked {
        Some(asked) => order::answer(&app, &came, asked, vec![endpoint]).await,
        None => close::close_day(&app, &came, &endpoint).await,
    };
    Ok(came.answer(done))
}

async fn api_of_group(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = order::Asked::parse(&segments.id::<String>(0, "mpos_endpoint")?).ok_or_else(no_route)?;
    let group = segments.id(1, "mpos_endpoint")?;
    let mut endpoints = app.reader.list_mpos_endpoints_of_group(group, super::mpos_endpoint::ENDPOINTS_MAX).await?;
    endpoints.retain(|endpoint| endpoint.is_active);
    if endpoints.is_empty() {
        return Err(Problem::not_found("mpos_endpoint"));
    }
    let came = Came::read(request).await?;
    let done = order::answer(&app, &came, asked, endpoints).await;
    Ok(came.answer(done))
}

fn no_route() -> Problem {
    Problem::new(Kind::RouteNotFound, "There is no such path.")
}

/// The endpoint that a path names, if anybody is let in there.
async fn find_endpoint(app: &App, segments: &Segments) -> Result<MposEndpoint, Problem> {
    let found = app.reader.find_mpos_endpoint_by_number(segments.id(1, "mpos_endpoint")?).await?;
    found.filter(|endpoint| endpoint.is_active).ok_or_else(|| Problem::not_found("mpos_endpoint"))
}

/// Runs a command of the endpoint.
async fn run<C>(app: &App, envelope: Envelope, command: C) -> Result<C::Reply, Stop>
where
    C: Command + Send + 'static,
    C::Reply: Send + 'static,
{
    let committed = app.committer.submit(envelope, command, |_| Answer::default()).await?;
    match committed.reply {
        Some(Ok(reply)) => Ok(reply),
        Some(Err(refusal)) => Err(refusal.into()),
        None => Err(Problem::new(Kind::Internal, "The hub made a mistake. Report the request id.").into()),
    }
}

/// What a request was taken as.
fn taken(order: &MposOrder, operation: OperationId) -> Fields {
    vec![
        ("type", "async-response".to_owned()),
        ("serial-number", serial(operation)),
        ("merchant-order-id", order.client_order_id.clone()),
        ("paynet-order-id", order.number.to_string()),
    ]
}

/// The id of one request of an order.
fn serial(operation: OperationId) -> String {
    format!("{}-{}", operation.payment.uuid().hyphenated(), operation.number)
}

/// A payment that an order must have.
async fn payment_of(app: &App, merchant: MerchantId, order: &MposOrder) -> Result<storage::read::WholePayment, Stop> {
    app.reader.find_payment(merchant, order.payment).await?.ok_or_else(Stop::not_found)
}
