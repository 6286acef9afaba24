//! The door of the played WeChat Pay. A request is read whole, as bytes; the protocol that it speaks answers it; and what spoils
//! the answer on its way is played here.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use super::desk::Spoilt;
use super::problem::Problem;
use super::sign::{self, Came};
use super::{Shared, bounded, now_ms};
use crate::line::Peer;
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

/// An answer before it is spoilt.
pub(super) struct Reply {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
    /// What happens to it on its way.
    fault: Fault,
}

impl Reply {
    pub fn json(status: StatusCode, body: &Value) -> Self {
        let body = Bytes::from(body.to_string());
        Self { status, content_type: "application/json", body, fault: Fault::None }
    }

    pub fn xml(body: &str) -> Self {
        let body = Bytes::from(body.to_owned());
        Self { status: StatusCode::OK, content_type: "text/xml", body, fault: Fault::None }
    }

    pub fn empty(status: StatusCode) -> Self {
        Self { status, content_type: "application/json", body: Bytes::new(), fault: Fault::None }
    }

    /// A failure of APIv3.
    pub fn problem(problem: Problem) -> Self {
        let (status, code) = problem.v3();
        Self::json(status, &json!({ "code": code, "message": "played" }))
    }

    pub fn spoilt_by(self, fault: Fault) -> Self {
        Self { fault, ..self }
    }
}

async fn answer(State(front): State<Arc<Front>>, ConnectInfo(peer): ConnectInfo<Peer>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let shared = &front.shared;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let is_v2 = path.starts_with("/pay/") || path.starts_with("/secapi/");
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return front.write(Reply::empty(StatusCode::PAYLOAD_TOO_LARGE), is_v2);
    };
    let came = Came { method: parts.method.as_str(), path, headers: &parts.headers, body: &body };
    let reply = if is_v2 {
        shared.answer_v2(&came, peer.has_certificate)
    } else if path.starts_with("/v3/") {
        shared.answer_v3(&came)
    } else {
        shared.answer_control(&came)
    };
    match reply {
        Ok(reply) => front.send(reply, is_v2, &peer).await,
        Err(Spoilt::Problem(problem)) if is_v2 => front.write(shared.failure(problem), true),
        Err(Spoilt::Problem(problem)) => front.write(Reply::problem(problem), false),
        Err(Spoilt::Cut) => {
            peer.cut.cut();
            Response::new(Body::empty())
        }
    }
}

impl Front {
    async fn send(&self, reply: Reply, is_v2: bool, peer: &Peer) -> Response {
        match reply.fault {
            Fault::LoseReply => {
                peer.cut.cut();
                Response::new(Body::empty())
            }
            Fault::ErrorAfterCommit => self.write(self.shared.error_after_commit(is_v2), is_v2),
            Fault::SlowReply => {
                let mut stopping = self.stopping.clone();
                tokio::select! {
                    () = sleep(bounded(self.shared.options.slow_ms)) => {}
                    _ = stopping.wait_for(|is_stopping| *is_stopping) => {}
                }
                self.write(reply, is_v2)
            }
            _ => self.write(reply, is_v2),
        }
    }

    /// Writes an answer; one of APIv3 is signed, whatever it says.
    fn write(&self, reply: Reply, is_v2: bool) -> Response {
        let Reply { status, content_type, body, .. } = reply;
        let mut response = Response::new(Body::from(body.clone()));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if !is_v2 {
            let (key, nonce) = (self.shared.platform(), self.shared.nonce(32));
            for (name, value) in sign::headers(key, &nonce, &body, now_ms().div_euclid(1_000)) {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    response.headers_mut().insert(name, value);
                }
            }
        }
        response
    }
}

impl Shared {
    /// Plays the customer and the merchant in front of the platform's own pages.
    fn answer_control(self: &Arc<Self>, came: &Came<'_>) -> Result<Reply, Spoilt> {
        let bearer = came.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if bearer != Some(format!("Bearer {}", self.options.apiv3_key).as_str()) {
            return Err(Problem::SignError.into());
        }
        let segments: Vec<&str> = came.path.split('/').skip(1).collect();
        match (came.method, segments.as_slice()) {
            ("POST", ["control", "orders", number, "pay"]) => drop(self.pay(number)?),
            ("POST", ["control", "orders", number, "call-off"]) => drop(self.ledger().call_off(number)?),
            ("POST", ["control", "rotate"]) => self.is_rotated.store(true, std::sync::atomic::Ordering::Release),
            ("GET", ["control", "ledger"]) => {}
            _ => return Err(Problem::NotFound.into()),
        }
        let entries = self.ledger().entries();
        let orders = entries.iter().map(|entry| {
            json!({ "out_trade_no": entry.number, "state": format!("{:?}", entry.state), "net_amount": entry.net_amount })
        });
        Ok(Reply::json(StatusCode::OK, &json!({ "orders": orders.collect::<Vec<_>>() })))
    }
}
