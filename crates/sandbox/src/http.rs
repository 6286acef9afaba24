//! The routes. Each handler reads, asks the ledger, and lets the fault, if one was asked for, spoil the answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use crate::fault::{FAULT_HEADER, Fault};
use crate::ledger::{OperationAsk, Refusal};
use crate::line::Cut;
use crate::shared::Shared;
use crate::wire::{
    CaptureBody, ChargeBody, LedgerPage, LedgerQuery, Problem, RefundBody, ReverseBody, Told, UnreachableBody,
    VoidBody, check_reference, decode, encode,
};

/// The largest request body: ten times the largest honest one.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Charges on one page of the ledger.
const LEDGER_PAGE: usize = 10_000;

/// One server in front of the shared state.
#[derive(Debug)]
pub(crate) struct Front {
    pub shared: Arc<Shared>,
    /// True once the server is to stop: what holds a connection lets go.
    pub stopping: watch::Receiver<bool>,
}

type App = Arc<Front>;

/// All routes.
pub(crate) fn router(front: Front) -> Router {
    Router::new()
        .route("/charges", post(post_charge))
        .route("/charges/{reference}", get(get_charge))
        .route("/charges/{reference}/capture", post(post_capture))
        .route("/charges/{reference}/reverse", post(post_reverse))
        .route("/charges/{reference}/void", post(post_void))
        .route("/refunds", post(post_refund))
        .route("/operations/{reference}", get(get_operation))
        .route("/ledger", get(get_ledger))
        .route("/control/charges/{reference}/approve", post(control_approve))
        .route("/control/charges/{reference}/decline", post(control_decline))
        .route("/control/unreachable", post(control_unreachable))
        .fallback(async || Reply::from(Problem::NO_ROUTE))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::new(front))
}

/// What a handler gives back.
#[derive(Debug)]
enum Reply {
    Json(StatusCode, Vec<u8>),
    /// No answer: the connection is reset.
    Cut(Cut),
}

impl Reply {
    fn ok(body: Vec<u8>) -> Self {
        Self::Json(StatusCode::OK, body)
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        Self::Json(problem.status, problem.to_json())
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        match self {
            Self::Json(status, body) => {
                (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
            }
            Self::Cut(cut) => {
                cut.cut();
                // Never seen: writing it is what ends the connection.
                Response::new(Body::empty())
            }
        }
    }
}

/// Who is allowed to control the sandbox: anybody with the secret.
struct Controller;

impl FromRequestParts<App> for Controller {
    type Rejection = Reply;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Reply> {
        check_secret(&parts.headers, app)?;
        Ok(Self)
    }
}

/// One call of the provider's API, past the door: the secret is right and the provider can be reached.
struct Call {
    fault: Option<Fault>,
    cut: Cut,
}

impl FromRequestParts<App> for Call {
    type Rejection = Reply;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Reply> {
        let ConnectInfo(cut) =
            ConnectInfo::<Cut>::from_request_parts(parts, app).await.map_err(|_| Reply::from(Problem::INTERNAL))?;
        if app.shared.is_unreachable(Instant::now()) {
            return Err(Reply::Cut(cut));
        }
        check_secret(&parts.headers, app)?;
        if parts.method == Method::POST {
            check_content_type(&parts.headers)?;
        }
        app.pause(app.shared.options.latency()).await;
        Ok(Self { fault: asked_fault(&parts.headers)?, cut })
    }
}

fn check_secret(headers: &HeaderMap, app: &App) -> Result<(), Problem> {
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    // A plain comparison: the secret of a sandbox guards no money.
    if given == Some(app.shared.authorization.as_bytes()) { Ok(()) } else { Err(Problem::UNAUTHORIZED) }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if is_json { Ok(()) } else { Err(Problem::NOT_JSON) }
}

fn asked_fault(headers: &HeaderMap) -> Result<Option<Fault>, Problem> {
    let Some(value) = headers.get(FAULT_HEADER) else { return Ok(None) };
    let fault = value.to_str().ok().and_then(Fault::parse);
    fault.map(Some).ok_or(Problem::FAULT_UNKNOWN)
}

/// Whether the handler goes on or this is all the answer there is. A problem and a cut connection are alike here.
type Step<T> = Result<T, Reply>;

async fn post_charge(State(app): State<App>, call: Call, body: Bytes) -> Step<Reply> {
    let charge: ChargeBody<'_> = decode(&body)?;
    let ask = charge.ask()?;
    let fault = call.fault.unwrap_or_else(|| Fault::of_amount(ask.amount));
    app.spoil_request(&call, fault, ask.reference).await?;
    let place = if fault.has_sequel() { Some(app.shared.place()?) } else { None };
    let answer = match app.shared.ledger().charge(&ask, fault.plan()) {
        Err(Refusal::Hidden) => return Err(Reply::Cut(call.cut)),
        other => other.map_err(Problem::from)?,
    };
    let reply = Reply::ok(encode(&Told::new(app.shared.boot, ask.reference, None, &answer.view)));
    if !answer.is_new {
        return Ok(reply);
    }
    app.play_sequel(fault, ask.reference, place).await;
    app.spoil_reply(&call, fault, reply).await
}

async fn post_capture(State(app): State<App>, call: Call, Path(charge): Path<String>, body: Bytes) -> Step<Reply> {
    let capture: CaptureBody<'_> = decode(&body)?;
    app.operate(&call, &capture.ask(&charge)?).await
}

async fn post_reverse(State(app): State<App>, call: Call, Path(charge): Path<String>, body: Bytes) -> Step<Reply> {
    let reverse: ReverseBody<'_> = decode(&body)?;
    app.operate(&call, &reverse.ask(&charge)?).await
}

async fn post_void(State(app): State<App>, call: Call, Path(charge): Path<String>, body: Bytes) -> Step<Reply> {
    let void: VoidBody<'_> = decode(&body)?;
    app.operate(&call, &void.ask(&charge)?).await
}

async fn post_refund(State(app): State<App>, call: Call, body: Bytes) -> Step<Reply> {
    let refund: RefundBody<'_> = decode(&body)?;
    app.operate(&call, &refund.ask()?).await
}

async fn get_charge(State(app): State<App>, call: Call, Path(reference): Path<String>) -> Step<Reply> {
    app.check_present(&call, check_reference(&reference)?)?;
    let view = app.shared.ledger().find_charge(&reference).ok_or(Problem::NOT_FOUND)?;
    Ok(Reply::ok(encode(&Told::new(app.shared.boot, &reference, None, &view))))
}

async fn get_operation(State(app): State<App>, call: Call, Path(reference): Path<String>) -> Step<Reply> {
    app.check_present(&call, check_reference(&reference)?)?;
    let ledger = app.shared.ledger();
    let (view, charge) = ledger.find(&reference).ok_or(Problem::NOT_FOUND)?;
    Ok(Reply::ok(encode(&Told::new(app.shared.boot, &reference, charge, &view))))
}

async fn get_ledger(State(app): State<App>, _: Controller, Query(query): Query<LedgerQuery>) -> Reply {
    let ledger = app.shared.ledger();
    let charged = ledger.entries(query.after.as_deref(), LEDGER_PAGE);
    let next = charged.last().filter(|_| charged.len() == LEDGER_PAGE).map(|last| last.reference.clone());
    let totals = ledger.totals();
    drop(ledger);
    Reply::ok(encode(&LedgerPage { charged, totals, next }))
}

async fn control_approve(State(app): State<App>, _: Controller, Path(reference): Path<String>) -> Step<Reply> {
    app.play_customer(&reference, None)
}

async fn control_decline(State(app): State<App>, _: Controller, Path(reference): Path<String>) -> Step<Reply> {
    app.play_customer(&reference, Some("customer_declined"))
}

async fn control_unreachable(State(app): State<App>, _: Controller, body: Bytes) -> Step<Reply> {
    let UnreachableBody { ms } = decode(&body)?;
    if !app.shared.go_unreachable(ms) {
        return Err(Problem::DELAY_TOO_LONG.into());
    }
    Ok(Reply::ok(body.to_vec()))
}

impl Front {
    /// Waits, but not longer than the server lives.
    async fn pause(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let mut stopping = self.stopping.clone();
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            _ = stopping.wait_for(|is_stopping| *is_stopping) => {}
        }
    }

    fn check_present(&self, call: &Call, reference: &str) -> Step<()> {
        let is_absent = self.shared.ledger().is_absent(reference, Instant::now());
        if is_absent { Err(Reply::Cut(call.cut.clone())) } else { Ok(()) }
    }

    /// Faults that strike before anything is recorded.
    async fn spoil_request(&self, call: &Call, fault: Fault, reference: &str) -> Step<()> {
        self.check_present(call, reference)?;
        match fault {
            Fault::NeverAnswer if !self.shared.ledger().is_known(reference) => {
                self.pause(self.shared.options.hold()).await;
                Err(Reply::Cut(call.cut.clone()))
            }
            Fault::Unreachable => {
                let until = Instant::now() + self.shared.options.unreachable();
                let is_struck = self.shared.ledger().go_absent(reference, until).map_err(Problem::from)?;
                if is_struck { Err(Reply::Cut(call.cut.clone())) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Faults that strike the answer, after all is recorded.
    async fn spoil_reply(&self, call: &Call, fault: Fault, reply: Reply) -> Step<Reply> {
        match fault {
            Fault::LoseReply | Fault::LateApproval => Err(Reply::Cut(call.cut.clone())),
            Fault::ErrorAfterCharge => Err(Problem::INTERNAL.into()),
            Fault::SlowReply => {
                self.pause(self.shared.options.slow()).await;
                Ok(reply)
            }
            _ => Ok(reply),
        }
    }

    /// Starts what happens by itself later; what has to happen before the reply is waited for.
    async fn play_sequel(&self, fault: Fault, reference: &str, place: Option<OwnedSemaphorePermit>) {
        let Some(place) = place else { return };
        let sequel = tokio::spawn(Arc::clone(&self.shared).sequel(fault, reference.to_owned(), place));
        if fault == Fault::NotificationFirst {
            // In a task of its own, so that the notification is retried even if the caller goes away.
            let _ = sequel.await;
        }
    }

    async fn operate(&self, call: &Call, ask: &OperationAsk<'_>) -> Step<Reply> {
        let fault = call.fault.unwrap_or(Fault::None);
        if !fault.is_for_operations() {
            return Err(Problem::FAULT_UNKNOWN.into());
        }
        self.check_present(call, ask.charge)?;
        self.spoil_request(call, fault, ask.reference).await?;
        let answer = self.shared.ledger().operate(ask, fault == Fault::Decline).map_err(Problem::from)?;
        if answer.has_ended_pending {
            self.shared.announce(ask.charge);
        }
        let reply = Reply::ok(encode(&Told::new(self.shared.boot, ask.reference, Some(ask.charge), &answer.view)));
        if answer.is_new { self.spoil_reply(call, fault, reply).await } else { Ok(reply) }
    }

    fn play_customer(&self, reference: &str, reason: Option<&'static str>) -> Step<Reply> {
        let view = self.shared.play(reference, reason).map_err(Problem::from)?;
        Ok(Reply::ok(encode(&Told::new(self.shared.boot, reference, None, &view))))
    }
}
