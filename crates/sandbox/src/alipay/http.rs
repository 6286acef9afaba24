//! The one route of the played Alipay, and its control. A request is read whole; it is let in by its signature; the ledger
//! is asked; and the fault, if the amount asks for one, spoils it.

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
use super::sign::{self, Parameters};
use super::wire::{self, Problem};
use crate::clock::{bounded, now_ms};
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

/// A node, and what happens to it on its way.
struct Reply {
    node: Value,
    fault: Fault,
}

impl Reply {
    const fn new(node: Value) -> Self {
        Self { node, fault: Fault::None }
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
        return write(StatusCode::PAYLOAD_TOO_LARGE, String::new());
    };
    let shared = &front.shared;
    let segments: Vec<&str> = parts.uri.path().split('/').skip(1).collect();
    if let ["control", rest @ ..] = segments.as_slice() {
        let told = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let is_let_in = told == Some(&format!("Bearer {}", shared.options.app_id));
        return if is_let_in {
            shared.control(&parts.method, rest)
        } else {
            write(StatusCode::UNAUTHORIZED, String::new())
        };
    }
    if parts.method != Method::POST || segments != ["gateway.do"] {
        return write(StatusCode::NOT_FOUND, String::new());
    }
    let read = Parameters::read(parts.uri.query().unwrap_or_default(), &body);
    let method = read.as_ref().map(|parameters| parameters.get("method").to_owned()).unwrap_or_default();
    match read.map_err(Spoilt::from).and_then(|parameters| shared.route(&parameters)) {
        Ok(reply) => front.send(&method, reply, &cut).await,
        Err(Spoilt::Problem(problem)) => shared.write(&method, &problem.to_json()),
        Err(Spoilt::Cut) => {
            cut.cut();
            Response::new(Body::empty())
        }
    }
}

fn write(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html;charset=utf-8"));
    response
}

impl Front {
    async fn send(&self, method: &str, reply: Reply, cut: &Cut) -> Response {
        match reply.fault {
            Fault::LoseReply => {
                cut.cut();
                return Response::new(Body::empty());
            }
            Fault::ErrorAfterCommit => return self.shared.write(method, &Problem::UNAVAILABLE.to_json()),
            Fault::SlowReply => {
                let mut stopping = self.stopping.clone();
                tokio::select! {
                    () = sleep(bounded(self.shared.options.slow_ms)) => {}
                    _ = stopping.wait_for(|is_stopping| *is_stopping) => {}
                }
            }
            _ => {}
        }
        self.shared.write(method, &reply.node)
    }
}

/// What is asked.
fn read<'a, T: Deserialize<'a>>(parameters: &'a Parameters) -> Result<T, Problem> {
    serde_json::from_str(parameters.get("biz_content")).map_err(|_| Problem::INVALID_CONTENT)
}

impl Shared {
    /// The gateway answers everything with 200, signed.
    fn write(&self, method: &str, node: &Value) -> Response {
        write(StatusCode::OK, sign::answer(&self.keys, method, &node.to_string()))
    }

    fn route(self: &Arc<Self>, parameters: &Parameters) -> Result<Reply, Spoilt> {
        parameters.let_in(&self.options, &self.keys, now_ms())?;
        match parameters.get("method") {
            "alipay.trade.precreate" => self.precreate(parameters),
            "alipay.trade.pay" => self.pay(parameters),
            "alipay.trade.query" => {
                let asked: wire::ByNumber = read(parameters)?;
                let reference = asked.out_trade_no.0;
                Ok(Reply::new(wire::trade(&reference, self.ledger().find(&reference)?)))
            }
            "alipay.trade.cancel" => self.cancel(parameters),
            "alipay.trade.refund" => self.refund(parameters),
            "alipay.trade.fastpay.refund.query" => self.find_refund(parameters),
            _ => Err(Problem::METHOD.into()),
        }
    }

    /// Plays what spoils a request before anything is done.
    fn spoil(&self, fault: Fault, what: &str) -> Result<(), Spoilt> {
        match self.script.before(fault, what) {
            Fault::LoseRequest => Err(Spoilt::Cut),
            Fault::Maintenance => Err(Problem::UNAVAILABLE.into()),
            Fault::RateLimit => Err(Problem::LIMITED.into()),
            Fault::ClockSkew => Err(Problem::TIMESTAMP.into()),
            _ => Ok(()),
        }
    }

    fn precreate(self: &Arc<Self>, parameters: &Parameters) -> Result<Reply, Spoilt> {
        let asked: wire::Precreate = read(parameters)?;
        let (reference, amount) = (asked.out_trade_no.0, asked.total_amount.0);
        let fault = Fault::of_amount(amount);
        self.spoil(fault, &reference)?;
        let express = asked.qr_code_timeout_express.or(asked.timeout_express);
        let lives_ms = match express {
            Some(text) => wire::parse_express(&text).ok_or(Problem::INVALID_CONTENT)?,
            None => self.options.code_lives_ms,
        };
        let wanted = wanted(parameters, &reference, amount, &asked.subject.0);
        let trade = self.ledger().precreate(&wanted, now_ms().saturating_add(lives_ms))?;
        // A customer pays what is shown. What was lost on its way is shown to nobody.
        if !matches!(fault, Fault::Pend | Fault::LoseReply | Fault::SlowReply | Fault::ErrorAfterCommit) {
            self.send_customer(&reference);
        }
        Ok(Reply::new(wire::code(&reference, &trade)).spoilt_by(self.script.after(fault, &reference)))
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
            // Cancelled meanwhile: then there is nothing to pay.
            drop(shared.confirm(&reference));
            drop(place);
        });
    }

    fn pay(self: &Arc<Self>, parameters: &Parameters) -> Result<Reply, Spoilt> {
        let asked: wire::Pay = read(parameters)?;
        let (reference, amount) = (&asked.out_trade_no.0, asked.total_amount.0);
        if asked.scene != "bar_code" {
            return Err(Problem::INVALID_CONTENT.into());
        }
        if !asked.has_code() {
            return Err(Problem::CODE_INVALID.into());
        }
        let fault = Fault::of_amount(amount);
        self.spoil(fault, reference)?;
        let trade = self.ledger().pay(&wanted(parameters, reference, amount, &asked.subject.0), now_ms())?;
        if trade.paid_at_ms.is_some() {
            self.announce(reference, &trade, None);
        }
        Ok(Reply::new(wire::paid(reference, &trade)).spoilt_by(self.script.after(fault, reference)))
    }

    fn cancel(&self, parameters: &Parameters) -> Result<Reply, Spoilt> {
        let asked: wire::ByNumber = read(parameters)?;
        let reference = asked.out_trade_no.0;
        let fault = self.ledger().amount(&reference).map_or(Fault::None, Fault::of_amount).of_undo();
        let what = format!("undo {reference}");
        // Alipay does not lose it but asks for it again.
        if self.script.before(fault, &what) == Fault::LoseRequest {
            return Ok(Reply::new(wire::cancel_again(&reference)));
        }
        let done = self.ledger().cancel(&reference, now_ms())?;
        let reply = Reply::new(wire::cancel(&reference, done.as_ref()));
        Ok(reply.spoilt_by(self.script.after(fault, &what)))
    }

    fn refund(self: &Arc<Self>, parameters: &Parameters) -> Result<Reply, Spoilt> {
        let asked: wire::NewRefund = read(parameters)?;
        let (reference, request_no, amount) = (asked.out_trade_no.0, asked.out_request_no.0, asked.refund_amount.0);
        // A void gives all back: it plays what its charge says of undoing it.
        let fault = match Fault::of_amount(amount) {
            fault if fault.of_undo() == Fault::None => fault,
            fault => fault.of_undo(),
        };
        let what = format!("refund {request_no}");
        self.spoil(fault, &what)?;
        let (trade, is_new) = self.ledger().refund(&reference, &request_no, amount)?;
        if is_new {
            self.announce(&reference, &trade, Some(&request_no));
        }
        Ok(Reply::new(wire::refund(&reference, &trade, is_new)).spoilt_by(self.script.after(fault, &what)))
    }

    fn find_refund(&self, parameters: &Parameters) -> Result<Reply, Spoilt> {
        let asked: wire::RefundQuery = read(parameters)?;
        let (reference, request_no) = (asked.out_trade_no.0, asked.out_request_no.0);
        let ledger = self.ledger();
        let trade = ledger.find(&reference)?;
        let refund = trade.refunds.iter().find(|refund| refund.request_no == request_no);
        Ok(Reply::new(wire::refund_told(&reference, trade, refund)))
    }

    fn control(self: &Arc<Self>, method: &Method, path: &[&str]) -> Response {
        let played = match (method.as_str(), path) {
            ("GET", ["ledger"]) => return write(StatusCode::OK, self.told_ledger().to_string()),
            ("POST", ["trades", reference, "scan"]) => self.ledger().scan(reference, now_ms()),
            ("POST", ["trades", reference, "pay"]) => self.confirm(reference),
            ("POST", ["trades", reference, "call-off"]) => self.ledger().call_off(reference, now_ms()),
            _ => return write(StatusCode::NOT_FOUND, String::new()),
        };
        match played {
            Ok(trade) => write(StatusCode::OK, json!({ "trade_status": trade.status.as_str() }).to_string()),
            Err(problem) => write(StatusCode::CONFLICT, problem.to_json().to_string()),
        }
    }

    fn told_ledger(&self) -> Value {
        let entries = self.ledger().entries();
        let trades = entries.iter().map(|entry| {
            json!({
                "out_trade_no": entry.reference, "trade_status": entry.status.as_str(),
                "net_amount": wire::yuan(entry.net_amount),
            })
        });
        json!({ "trades": trades.collect::<Vec<_>>() })
    }
}

fn wanted<'a>(parameters: &'a Parameters, reference: &'a str, amount: i64, subject: &'a str) -> Wanted<'a> {
    let notify_url = Some(parameters.get("notify_url")).filter(|url| !url.is_empty());
    Wanted { reference, amount, subject, notify_url }
}
