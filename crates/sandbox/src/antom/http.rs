//! The routes of the played Antom, and its control. A request is read whole; it is let in by its signature; the ledger is
//! asked; and the fault, if the amount asks for one, spoils it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use super::Shared;
use super::ledger::Wanted;
use super::sign::{self, Came};
use super::wire::{self, Problem};
use crate::clock::{bounded, china_time, now_ms};
use crate::line::Cut;
use crate::paypay::Fault;

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

/// An answer, and what happens to it on its way.
struct Reply {
    body: Value,
    fault: Fault,
}

impl Reply {
    const fn new(body: Value) -> Self {
        Self { body, fault: Fault::None }
    }

    fn spoilt_by(self, fault: Fault) -> Self {
        Self { fault, ..self }
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

async fn answer(State(front): State<Arc<Front>>, ConnectInfo(cut): ConnectInfo<Cut>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, String::new());
    };
    let (shared, path) = (&front.shared, parts.uri.path());
    if let Some(rest) = path.strip_prefix("/control/") {
        let told = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let is_let_in = told == Some(&format!("Bearer {}", shared.options.client_id));
        return if is_let_in {
            shared.control(&parts.method, rest)
        } else {
            plain(StatusCode::UNAUTHORIZED, String::new())
        };
    }
    let came = Came { path, headers: &parts.headers, body: &body };
    let routed = match came.let_in(&shared.options.client_id, &shared.keys, now_ms()) {
        Ok(()) if parts.method == Method::POST => shared.route(path, &body),
        Ok(()) => Err(Problem::NO_INTERFACE.into()),
        Err(problem) => Err(problem.into()),
    };
    match routed {
        Ok(reply) => front.send(path, reply, &cut).await,
        Err(Spoilt::Problem(problem)) => shared.write(path, &problem.to_json()),
        Err(Spoilt::Cut) => {
            cut.cut();
            Response::new(Body::empty())
        }
    }
}

fn plain(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    response
}

impl Front {
    async fn send(&self, path: &str, reply: Reply, cut: &Cut) -> Response {
        match reply.fault {
            Fault::LoseReply => {
                cut.cut();
                return Response::new(Body::empty());
            }
            Fault::ErrorAfterCommit => return self.shared.write(path, &Problem::UNKNOWN.to_json()),
            Fault::SlowReply => {
                let mut stopping = self.stopping.clone();
                tokio::select! {
                    () = sleep(bounded(self.shared.options.slow_ms)) => {}
                    _ = stopping.wait_for(|is_stopping| *is_stopping) => {}
                }
            }
            _ => {}
        }
        self.shared.write(path, &reply.body)
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|_| Problem::PARAM_ILLEGAL)
}

impl Shared {
    /// Everything is answered with 200, signed.
    fn write(&self, path: &str, body: &Value) -> Response {
        let (body, time, client_id) = (body.to_string(), china_time(now_ms()), &self.options.client_id);
        let signature = sign::header(path, client_id, &time, &body, |text| self.keys.sign(text));
        let mut response = plain(StatusCode::OK, body);
        for (name, value) in [("client-id", client_id), ("response-time", &time), ("signature", &signature)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    fn route(self: &Arc<Self>, path: &str, body: &[u8]) -> Result<Reply, Spoilt> {
        match path.strip_prefix(self.options.folder()).unwrap_or_default() {
            "payments/pay" => self.pay(body),
            "payments/inquiryPayment" => {
                let asked: wire::ByRequest = read(body)?;
                let reference = asked.payment_request_id.0;
                Ok(Reply::new(wire::payment(&reference, self.ledger().find(&reference)?)))
            }
            "payments/cancel" => self.cancel(body),
            "payments/refund" => self.refund(body),
            "payments/inquiryRefund" => {
                let asked: wire::RefundQuery = read(body)?;
                let ledger = self.ledger();
                let (payment, refund) = ledger.find_refund(&asked.refund_request_id.0)?;
                Ok(Reply::new(wire::refund(None, refund, &payment.currency)))
            }
            _ => Err(Problem::NO_INTERFACE.into()),
        }
    }

    /// Plays what spoils a request before anything is done.
    fn spoil(&self, fault: Fault, what: &str) -> Result<(), Spoilt> {
        match self.script.before(fault, what) {
            Fault::LoseRequest => Err(Spoilt::Cut),
            Fault::Maintenance => Err(Problem::UNKNOWN.into()),
            Fault::RateLimit => Err(Problem::LIMITED.into()),
            Fault::ClockSkew => Err(Problem::SIGNATURE.into()),
            _ => Ok(()),
        }
    }

    fn pay(self: &Arc<Self>, body: &[u8]) -> Result<Reply, Spoilt> {
        let asked: wire::Pay = read(body)?;
        if !asked.is_whole() {
            return Err(Problem::PARAM_ILLEGAL.into());
        }
        let (reference, amount) = (&asked.payment_request_id.0, &asked.payment_amount);
        let fault = Fault::of_amount(amount.value);
        self.spoil(fault, reference)?;
        let notify_url = asked.payment_notify_url.as_deref();
        let description = &asked.order.order_description;
        let wanted = Wanted { reference, amount: amount.value, currency: &amount.currency, description, notify_url };
        let (payment, is_new) = self.ledger().pay(&wanted, now_ms())?;
        if is_new && fault != Fault::Pend {
            self.announce(reference, &payment);
        }
        Ok(Reply::new(wire::paid(reference, &payment)).spoilt_by(self.script.after(fault, reference)))
    }

    fn cancel(&self, body: &[u8]) -> Result<Reply, Spoilt> {
        let asked: wire::ByRequest = read(body)?;
        let reference = asked.payment_request_id.0;
        let amount = self.ledger().find(&reference)?.amount;
        let (fault, what) = (Fault::of_amount(amount).of_undo(), format!("undo {reference}"));
        self.spoil(fault, &what)?;
        let payment = self.ledger().cancel(&reference)?;
        let reply = Reply::new(wire::cancelled(&reference, &payment, now_ms()));
        Ok(reply.spoilt_by(self.script.after(fault, &what)))
    }

    fn refund(&self, body: &[u8]) -> Result<Reply, Spoilt> {
        let asked: wire::NewRefund = read(body)?;
        let (request_id, amount) = (asked.refund_request_id.0, asked.refund_amount);
        let number = wire::parse_payment_id(&asked.payment_id).ok_or(Problem::NOT_EXIST)?;
        let (fault, what) = (Fault::of_amount(amount.value), format!("refund {request_id}"));
        self.spoil(fault, &what)?;
        let refund = self.ledger().refund(number, &request_id, (amount.value, &amount.currency))?;
        let reply = Reply::new(wire::refund(Some(number), &refund, &amount.currency));
        Ok(reply.spoilt_by(self.script.after(fault, &what)))
    }

    fn control(self: &Arc<Self>, method: &Method, path: &str) -> Response {
        let segments: Vec<&str> = path.split('/').collect();
        let played = match (method.as_str(), segments.as_slice()) {
            ("GET", ["ledger"]) => return plain(StatusCode::OK, self.told_ledger().to_string()),
            ("POST", ["payments", reference, "pay"]) => self.decide(reference, true),
            ("POST", ["payments", reference, "call-off"]) => self.decide(reference, false),
            _ => return plain(StatusCode::NOT_FOUND, String::new()),
        };
        match played {
            Ok(payment) => plain(StatusCode::OK, json!({ "paymentStatus": payment.status.as_str() }).to_string()),
            Err(problem) => plain(StatusCode::CONFLICT, problem.to_json().to_string()),
        }
    }

    fn told_ledger(&self) -> Value {
        let entries = self.ledger().entries();
        let payments = entries.iter().map(|entry| {
            json!({
                "paymentRequestId": entry.reference, "paymentStatus": entry.status.as_str(),
                "netAmount": entry.net_amount.to_string(),
            })
        });
        json!({ "payments": payments.collect::<Vec<_>>() })
    }
}
