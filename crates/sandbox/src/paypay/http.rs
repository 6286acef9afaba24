//! The routes of the played PayPay. A request is read whole, as bytes; it is let in by its signature or token; the ledger
//! is asked; and the fault, if the amount asks for one, spoils it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use super::fault::Fault;
use super::ledger::{Order, Wanted};
use super::sign::{self, Came, Keys, Protocol};
use super::wire::{self, Problem, parse_id, success};
use super::{Shared, bounded, lock, now};
use crate::line::Cut;

/// The largest request body: ten times the largest honest one.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// One server in front of the shared state.
#[derive(Debug)]
struct Front {
    shared: Arc<Shared>,
    /// True once the server is to stop: what holds a connection lets go.
    stopping: watch::Receiver<bool>,
}

pub(super) fn router(shared: Arc<Shared>, stopping: watch::Receiver<bool>) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(Front { shared, stopping }))
}

/// An answer before it is spoilt.
struct Reply {
    status: StatusCode,
    body: Value,
    /// What happens to it on its way.
    fault: Fault,
}

impl Reply {
    const fn new(status: StatusCode, body: Value) -> Self {
        Self { status, body, fault: Fault::None }
    }

    const fn ok(body: Value) -> Self {
        Self::new(StatusCode::OK, body)
    }

    fn spoilt_by(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }
}

/// A request past the door.
struct Call<'a> {
    protocol: Protocol,
    query: &'a str,
    body: &'a [u8],
}

impl Call<'_> {
    fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        serde_json::from_slice(self.body).map_err(|_| Problem::INVALID)
    }

    fn success(&self, status: StatusCode, data: Value) -> Reply {
        Reply::new(status, success(self.protocol, "SUCCESS", data))
    }

    fn accepted(&self) -> Reply {
        Reply::new(StatusCode::ACCEPTED, success(self.protocol, "REQUEST_ACCEPTED", Value::Null))
    }
}

async fn answer(State(front): State<Arc<Front>>, ConnectInfo(cut): ConnectInfo<Cut>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return write(StatusCode::PAYLOAD_TOO_LARGE, &Problem::INVALID.to_json(Protocol::Opa));
    };
    let came = Came { method: parts.method.as_str(), path: parts.uri.path(), headers: &parts.headers, body: &body };
    let shared = &front.shared;
    if came.path == "/oauth2/token" {
        return shared.token(&came);
    }
    let protocol = match shared.let_in(&came) {
        Ok(protocol) => protocol,
        Err(protocol) => return write(StatusCode::UNAUTHORIZED, &Problem::UNAUTHORIZED.to_json(protocol)),
    };
    let call = Call { protocol, query: parts.uri.query().unwrap_or_default(), body: &body };
    match shared.route(&call, came.method, came.path.trim_end_matches('/')) {
        Ok(reply) => front.send(reply, &cut).await,
        Err(Spoilt::Problem(problem)) => write(problem.status, &problem.to_json(protocol)),
        Err(Spoilt::Cut) => {
            cut.cut();
            Response::new(Body::empty())
        }
    }
}

/// Why a request got nowhere.
enum Spoilt {
    Problem(Problem),
    /// The connection is reset.
    Cut,
}

impl From<Problem> for Spoilt {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

fn write(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, axum::http::HeaderValue::from_static("application/json"));
    response
}

impl Front {
    async fn send(&self, reply: Reply, cut: &Cut) -> Response {
        match reply.fault {
            Fault::LoseReply => {
                cut.cut();
                Response::new(Body::empty())
            }
            Fault::ErrorAfterCommit => write(Problem::INTERNAL.status, &Problem::INTERNAL.to_json(Protocol::Opa)),
            Fault::SlowReply => {
                let mut stopping = self.stopping.clone();
                tokio::select! {
                    () = sleep(bounded(self.shared.options.slow_ms)) => {}
                    _ = stopping.wait_for(|is_stopping| *is_stopping) => {}
                }
                write(reply.status, &reply.body)
            }
            _ => write(reply.status, &reply.body),
        }
    }
}

impl Shared {
    fn token(&self, came: &Came<'_>) -> Response {
        let (options, refused) = (&self.options, json!({ "error": "invalid_client" }));
        if came.method != "POST" || came.body != b"grant_type=client_credentials" {
            return write(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_request" }));
        }
        if !sign::is_client(came.headers, &options.client_id, &options.client_secret) {
            return write(StatusCode::UNAUTHORIZED, &refused);
        }
        let mut tokens = lock(&self.tokens);
        tokens.given.push(now().s() + options.token_lives_s);
        let words = format!("{:08x}-{}", tokens.boot, tokens.given.len() - 1);
        let body = json!({ "access_token": words, "token_type": "Bearer", "expires_in": options.token_lives_s });
        write(StatusCode::OK, &body)
    }

    /// The protocol of a caller who may come in; else that of one who may not.
    fn let_in(&self, came: &Came<'_>) -> Result<Protocol, Protocol> {
        let words = came.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if let Some(token) = words.strip_prefix("Bearer ") {
            return if self.is_token(token) { Ok(Protocol::OAuth) } else { Err(Protocol::OAuth) };
        }
        let keys = Keys { api_key: &self.options.api_key, api_secret: &self.options.api_secret };
        if sign::is_signed(came, &keys, now().s()) { Ok(Protocol::Opa) } else { Err(Protocol::Opa) }
    }

    fn is_token(&self, words: &str) -> bool {
        let tokens = lock(&self.tokens);
        let number = words.strip_prefix(&format!("{:08x}-", tokens.boot)).and_then(|rest| rest.parse::<usize>().ok());
        number.and_then(|number| tokens.given.get(number)).is_some_and(|until_s| now().s() < *until_s)
    }

    fn route(self: &Arc<Self>, call: &Call<'_>, method: &str, path: &str) -> Result<Reply, Spoilt> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match (method, segments.as_slice()) {
            ("POST", ["v2", "codes"]) => self.make_code(call),
            ("DELETE", ["v2", "codes", id]) => self.delete_code(call, id),
            ("GET", ["v2", "codes", "payments", reference]) => {
                let mut ledger = self.ledger();
                let order = ledger.find_by_code(reference, now())?;
                Ok(call.success(StatusCode::OK, wire::payment(reference, order)))
            }
            ("POST", ["v2", "payments"]) => self.charge(call, false),
            ("POST", ["v2", "payments", "preauthorize"]) => self.charge(call, true),
            ("POST", ["v2", "payments", "preauthorize", "revert"]) => self.revert(call),
            ("POST", ["v2", "payments", "capture"]) => self.capture(call),
            ("GET", ["v2", "payments", id]) => self.payment(call, id),
            ("DELETE", ["v2", "payments", reference]) => self.cancel(call, reference),
            ("POST", ["v2", "refunds"]) => self.refund(call),
            ("GET", ["v2", "refunds", id]) => self.find_refund(call, id),
            ("POST", ["control", "payments", reference, "pay"]) => {
                let order = self.pay(reference)?;
                Ok(call.success(StatusCode::OK, wire::payment(reference, &order)))
            }
            ("POST", ["control", "payments", reference, "call-off"]) => {
                let order = self.call_off(reference)?;
                Ok(call.success(StatusCode::OK, wire::payment(reference, &order)))
            }
            ("GET", ["control", "ledger"]) => Ok(Reply::ok(self.told_ledger())),
            ("POST", ["control", "notify"]) => self.set_addresses(call),
            _ => Err(Problem::OUT_OF_SCOPE.into()),
        }
    }

    /// Plays what spoils a request before anything is done, once for what it is about.
    fn spoil(&self, fault: Fault, what: &str) -> Result<(), Spoilt> {
        let spoilt = match fault {
            Fault::LoseRequest => Spoilt::Cut,
            Fault::Maintenance => Problem::MAINTENANCE.into(),
            Fault::RateLimit => Problem::RATE_LIMIT.into(),
            Fault::ClockSkew => Problem::UNAUTHORIZED.into(),
            _ => return Ok(()),
        };
        if self.is_first(format!("{fault:?} {what}")) { Err(spoilt) } else { Ok(()) }
    }

    /// What spoils the answer, once for what it is about.
    fn fault_of_reply(&self, fault: Fault, what: &str) -> Fault {
        let is_of_reply = matches!(fault, Fault::LoseReply | Fault::SlowReply | Fault::ErrorAfterCommit);
        if is_of_reply && self.is_first(format!("{fault:?} {what}")) { fault } else { Fault::None }
    }

    fn make_code(self: &Arc<Self>, call: &Call<'_>) -> Result<Reply, Spoilt> {
        let body: wire::NewCode = call.read()?;
        let (reference, amount) =
            (body.merchant_payment_id.ok_or(Problem::MISSING)?.0, body.amount.ok_or(Problem::MISSING)?.0);
        if body.code_type.as_deref() != Some("ORDER_QR") {
            return Err(Problem::MISSING.into());
        }
        let wanted = Wanted {
            protocol: call.protocol,
            reference: &reference,
            amount,
            is_authorization: body.is_authorization,
            description: &body.order_description.0,
            requested_at: body.requested_at.unwrap_or_default(),
        };
        let fault = Fault::of_amount(amount);
        self.spoil(fault, &reference)?;
        let order = self.ledger().make_code(&wanted, self.options.code_lives_s, now())?;
        // A customer pays what is shown. What was lost on its way is shown to nobody.
        if !matches!(fault, Fault::Pend | Fault::LoseReply | Fault::SlowReply | Fault::ErrorAfterCommit) {
            self.send_customer(&reference);
        }
        let reply = call.success(StatusCode::CREATED, wire::code(&reference, &order));
        Ok(reply.spoilt_by(self.fault_of_reply(fault, &reference)))
    }

    /// A customer comes after a while and pays.
    fn send_customer(self: &Arc<Self>, reference: &str) {
        let Some(ms) = self.habit.pays_after_ms() else { return };
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let (shared, reference) = (Arc::clone(self), reference.to_owned());
        tokio::spawn(async move {
            sleep(bounded(ms)).await;
            if shared.habit.pays_after_ms().is_none() {
                // From now on somebody plays the customers.
                return;
            }
            // Withdrawn meanwhile: then there is nothing to pay.
            drop(shared.pay(&reference));
            drop(place);
        });
    }

    fn delete_code(&self, call: &Call<'_>, id: &str) -> Result<Reply, Spoilt> {
        let code = parse_id("PP-CODE-", id).ok_or(Problem::CODE_NOT_FOUND)?;
        let reference = self.ledger().reference_of_code(code).ok_or(Problem::CODE_NOT_FOUND)?;
        let fault = self.fault_of_undo(&reference)?;
        self.spoil(fault, &format!("undo {reference}"))?;
        self.ledger().delete_code(code)?;
        let reply = call.success(StatusCode::OK, Value::Null);
        Ok(reply.spoilt_by(self.fault_of_reply(fault, &format!("undo {reference}"))))
    }

    fn fault_of_undo(&self, reference: &str) -> Result<Fault, Problem> {
        let amount = self.ledger().find(reference, now())?.amount;
        Ok(Fault::of_amount(amount).of_undo())
    }

    fn charge(self: &Arc<Self>, call: &Call<'_>, is_authorization: bool) -> Result<Reply, Spoilt> {
        let body: wire::NewPayment = call.read()?;
        let (reference, amount) =
            (body.merchant_payment_id.ok_or(Problem::MISSING)?.0, body.amount.ok_or(Problem::MISSING)?.0);
        let user = body.user_authorization_id.filter(|user| !user.is_empty()).ok_or(Problem::MISSING)?;
        let wanted = Wanted {
            protocol: call.protocol,
            reference: &reference,
            amount,
            is_authorization,
            description: &body.order_description.0,
            requested_at: body.requested_at.unwrap_or_default(),
        };
        let fault = Fault::of_amount(amount);
        self.spoil(fault, &reference)?;
        let (order, is_new) = self.ledger().charge(&wanted, &user, fault == Fault::Pend, now())?;
        if is_new && order.payment_id.is_some() {
            self.announce(&reference, &order);
        }
        let reply = call.success(StatusCode::OK, payment_of_charge(&reference, &order));
        Ok(reply.spoilt_by(self.fault_of_reply(fault, &reference)))
    }

    /// Document 004 knows a payment by the provider's id; ours is taken too. The deployed API knows it by ours alone, and
    /// one by code is not found here.
    fn payment(&self, call: &Call<'_>, id: &str) -> Result<Reply, Spoilt> {
        let mut ledger = self.ledger();
        let by_id = parse_id("PP-PAY-", id).filter(|_| call.protocol == Protocol::OAuth);
        let reference = by_id.and_then(|id| ledger.reference_of(id)).unwrap_or_else(|| id.to_owned());
        let order = ledger.find(&reference, now())?;
        if call.protocol == Protocol::Opa && order.code.is_some() {
            return Err(Problem::NOT_FOUND.into());
        }
        Ok(call.success(StatusCode::OK, wire::payment(&reference, order)))
    }

    fn cancel(&self, call: &Call<'_>, reference: &str) -> Result<Reply, Spoilt> {
        let fault = self.fault_of_undo(reference)?;
        let what = format!("undo {reference}");
        self.spoil(fault, &what)?;
        let delay_ms = i64::try_from(self.options.cancel_ms).unwrap_or(i64::MAX);
        self.ledger().cancel(reference, delay_ms, now())?;
        Ok(call.accepted().spoilt_by(self.fault_of_reply(fault, &what)))
    }

    fn capture(&self, call: &Call<'_>) -> Result<Reply, Spoilt> {
        let body: wire::Capture = call.read()?;
        let (reference, amount) =
            (body.merchant_payment_id.ok_or(Problem::MISSING)?.0, body.amount.ok_or(Problem::MISSING)?.0);
        body.merchant_capture_id.ok_or(Problem::MISSING)?;
        let (fault, what) = (Fault::of_amount(amount), format!("capture {reference}"));
        self.spoil(fault, &what)?;
        let order = self.ledger().capture(&reference, amount, now())?;
        let reply = call.success(StatusCode::OK, wire::payment(&reference, &order));
        Ok(reply.spoilt_by(self.fault_of_reply(fault, &what)))
    }

    fn revert(&self, call: &Call<'_>) -> Result<Reply, Spoilt> {
        let body: wire::Revert = call.read()?;
        body.merchant_revert_id.ok_or(Problem::MISSING)?;
        let payment = body.payment_id.and_then(|id| parse_id("PP-PAY-", &id.0)).ok_or(Problem::NOT_FOUND)?;
        let reference = self.ledger().reference_of(payment).ok_or(Problem::NOT_FOUND)?;
        let (fault, what) = (self.fault_of_undo(&reference)?, format!("undo {reference}"));
        self.spoil(fault, &what)?;
        let order = self.ledger().revert(payment, now())?;
        let reply = call.success(StatusCode::OK, wire::payment(&reference, &order));
        Ok(reply.spoilt_by(self.fault_of_reply(fault, &what)))
    }

    fn refund(&self, call: &Call<'_>) -> Result<Reply, Spoilt> {
        let body: wire::NewRefund = call.read()?;
        let (refund, amount) =
            (body.merchant_refund_id.ok_or(Problem::MISSING)?.0, body.amount.ok_or(Problem::MISSING)?.0);
        let payment = body.payment_id.ok_or(Problem::MISSING)?;
        let payment = parse_id("PP-PAY-", &payment.0).ok_or(Problem::NOT_FOUND)?;
        let (fault, what) = (Fault::of_amount(amount), format!("refund {refund}"));
        self.spoil(fault, &what)?;
        let (made, _) = self.ledger().refund(&refund, payment, amount, now())?;
        let reply = call.success(StatusCode::OK, wire::refund(call.protocol, payment, &made));
        Ok(reply.spoilt_by(self.fault_of_reply(fault, &what)))
    }

    fn find_refund(&self, call: &Call<'_>, refund: &str) -> Result<Reply, Spoilt> {
        // The official client for Python leaves the payment out.
        let named = call.query.split('&').find_map(|pair| pair.strip_prefix("paymentId="));
        let named = named.map(|id| parse_id("PP-PAY-", id).ok_or(Problem::REFUND_NOT_FOUND)).transpose()?;
        let (payment, found) = self.ledger().find_refund(refund, named)?;
        Ok(call.success(StatusCode::OK, wire::refund(call.protocol, payment, &found)))
    }

    fn told_ledger(&self) -> Value {
        let entries = self.ledger().entries(now());
        let orders = entries.iter().map(|entry| {
            json!({
                "merchantPaymentId": entry.reference, "status": entry.status.as_str(),
                "netAmount": entry.net_amount, "heldAmount": entry.held_amount,
            })
        });
        json!({ "orders": orders.collect::<Vec<_>>() })
    }

    fn set_addresses(&self, call: &Call<'_>) -> Result<Reply, Spoilt> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            url: String,
        }
        let body: Body = call.read()?;
        let mut addresses = lock(&self.addresses);
        match call.protocol {
            Protocol::Opa => addresses.opa = Some(body.url),
            Protocol::OAuth => addresses.oauth = Some(body.url),
        }
        Ok(Reply::ok(json!({})))
    }
}

/// Document 004's answer to a charge names neither the caller's id nor the customer.
fn payment_of_charge(reference: &str, order: &Order) -> Value {
    let told = wire::payment(reference, order);
    match order.protocol {
        Protocol::Opa => told,
        Protocol::OAuth => {
            json!({ "paymentId": told["paymentId"], "status": told["status"], "amount": told["amount"] })
        }
    }
}
