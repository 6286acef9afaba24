//! The routes of the played gateway. A request is read whole; it is let in by its signature; the ledger is asked; and the
//! fault, if the amount asks for one, spoils it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::sleep;

use super::card::decrypt;
use super::fault::{Fault, Leg};
use super::ledger::{Order, Stage, Status, Wanted};
use super::sign::{sha1_hex, signed_nonce};
use super::wire::{self, Fields, Form, JSON, Problem, major, minor, respond};
use super::{Shared, bounded, lock, now_ms};
use crate::line::Cut;

/// The largest request body: ten times the largest honest one.
const BODY_BYTES_MAX: usize = 128 * 1024;

/// One server in front of the shared state.
#[derive(Debug)]
struct Front {
    shared: Arc<Shared>,
    base: String,
    /// True once the server is to stop: what holds a connection lets go.
    stopping: watch::Receiver<bool>,
}

pub(super) fn router(shared: Arc<Shared>, base: String, stopping: watch::Receiver<bool>) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(Front { shared, base, stopping }))
}

/// An answer before it is spoilt.
struct Reply {
    fields: Fields,
    /// What happens to it on its way.
    fault: Fault,
}

/// Why a request got nowhere.
enum Spoilt {
    Problem(Problem),
    Status(StatusCode),
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
        return wire::with(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", String::new());
    };
    let path = parts.uri.path();
    if path == "/control/ledger" {
        return wire::with(StatusCode::OK, "application/json", front.shared.told_ledger());
    }
    let accepts = parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = accepts.contains(JSON);
    let form = Form::read(&body);
    let segments: Vec<&str> = path.strip_prefix("/paynet").unwrap_or(path).split('/').skip(1).collect();
    let url = format!("{}{path}", front.base_of(&parts.headers));
    let come = Came { form: &form, headers: &parts.headers, url: &url };
    let outcome = match (parts.method.as_str(), segments.as_slice()) {
        ("POST", ["mapi", "v1", command, endpoint]) => front.shared.mapi(&come, command, endpoint),
        ("POST", ["api", "v2", "close-day", endpoint]) => front.shared.close_day(&come, endpoint),
        ("POST", ["api", "v2", command, endpoint]) if *endpoint == front.shared.options.endpoint => {
            front.shared.api(&come, command)
        }
        ("POST", ["api", "v2", command, "group", group]) if *group == front.shared.options.group => {
            front.shared.api(&come, command)
        }
        _ => Err(Spoilt::Status(StatusCode::NOT_FOUND)),
    };
    match outcome {
        Ok(reply) => front.send(reply, is_json, &cut).await,
        Err(Spoilt::Problem(problem)) => {
            let fields = vec![
                ("type", "validation-error".to_owned()),
                ("serial-number", serial(0)),
                ("merchant-order-id", form.text("client_orderid").to_owned()),
                ("error-message", problem.message),
                ("error-code", problem.code.to_string()),
            ];
            respond(&fields, is_json)
        }
        Err(Spoilt::Status(status)) => wire::with(status, "text/plain", String::new()),
        Err(Spoilt::Cut) => {
            cut.cut();
            Response::new(Body::empty())
        }
    }
}

/// A request as it came.
struct Came<'a> {
    form: &'a Form,
    headers: &'a HeaderMap,
    url: &'a str,
}

impl Front {
    /// Where the caller thinks it is: the name it called, else where we listen.
    fn base_of(&self, headers: &HeaderMap) -> String {
        let host = headers.get(HOST).and_then(|value| value.to_str().ok());
        host.map_or_else(|| self.base.clone(), |host| format!("http://{host}"))
    }

    async fn send(&self, reply: Reply, is_json: bool, cut: &Cut) -> Response {
        match reply.fault {
            Fault::LoseReply => {
                cut.cut();
                Response::new(Body::empty())
            }
            Fault::ErrorAfterCommit => wire::with(StatusCode::SERVICE_UNAVAILABLE, "text/plain", String::new()),
            Fault::SlowReply => {
                let mut stopping = self.stopping.clone();
                tokio::select! {
                    () = sleep(bounded(self.shared.options.slow_ms)) => {}
                    _ = stopping.wait_for(|is_stopping| *is_stopping) => {}
                }
                respond(&reply.fields, is_json)
            }
            _ => respond(&reply.fields, is_json),
        }
    }
}

/// A serial number as the gateway writes one.
fn serial(number: u64) -> String {
    format!("00000000-0000-0000-{:04x}-{:012x}", number >> 48, number & 0xFFFF_FFFF_FFFF)
}

fn taken(reference: &str, order: &Order) -> Fields {
    vec![
        ("type", "async-response".to_owned()),
        ("serial-number", serial(order.requests.last().map_or(0, |request| request.serial))),
        ("merchant-order-id", reference.to_owned()),
        ("paynet-order-id", order.id.to_string()),
    ]
}

impl Shared {
    /// Lets in who signed with OAuth, each nonce once.
    fn let_in(&self, came: &Came<'_>) -> Result<(), Spoilt> {
        let header = came.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (login, key) = (&self.options.login, &self.options.control_key);
        let nonce = signed_nonce(came.url, header, came.form, login, key, now_ms() / 1_000);
        let is_fresh = nonce.is_some_and(|nonce| lock(&self.ledger).take_nonce(nonce));
        if is_fresh { Ok(()) } else { Err(Spoilt::Status(StatusCode::FORBIDDEN)) }
    }

    fn mapi(self: &Arc<Self>, came: &Came<'_>, command: &str, endpoint: &str) -> Result<Reply, Spoilt> {
        if endpoint != self.options.endpoint {
            return Err(Spoilt::Status(StatusCode::NOT_FOUND));
        }
        self.let_in(came)?;
        match command {
            "sale" => self.charge(came.form, Stage::Sale),
            "preauth" => self.charge(came.form, Stage::Preauth),
            "emv-advice" => self.advise(came.form),
            _ => Err(Spoilt::Status(StatusCode::NOT_FOUND)),
        }
    }

    /// Plays what spoils a request before anything is done, once for what it is about.
    fn spoil(&self, fault: Fault, what: &str) -> Result<(), Spoilt> {
        let spoilt = match fault {
            Fault::LoseRequest => Spoilt::Cut,
            Fault::Maintenance => Spoilt::Status(StatusCode::SERVICE_UNAVAILABLE),
            Fault::RateLimit => Spoilt::Status(StatusCode::TOO_MANY_REQUESTS),
            Fault::ClockSkew => Spoilt::Status(StatusCode::FORBIDDEN),
            _ => return Ok(()),
        };
        if self.is_first(format!("{fault:?} {what}")) { Err(spoilt) } else { Ok(()) }
    }

    /// What spoils the answer, once for what it is about.
    fn fault_of_reply(&self, fault: Fault, what: &str) -> Fault {
        let is_of_reply = matches!(fault, Fault::LoseReply | Fault::SlowReply | Fault::ErrorAfterCommit);
        if is_of_reply && self.is_first(format!("{fault:?} {what}")) { fault } else { Fault::None }
    }

    fn charge(self: &Arc<Self>, form: &Form, stage: Stage) -> Result<Reply, Spoilt> {
        let reference = form.required("client_orderid")?;
        let (currency, amount) = (form.required("currency")?, form.required("amount")?);
        for name in ["order_desc", "address1", "city", "zip_code", "country", "email"] {
            form.required(name)?;
        }
        let (data, label) = (form.required("encrypted-data")?, form.required("encrypted-type")?);
        let minor = minor(amount, currency).ok_or_else(|| Problem::invalid("amount"))?;
        if reference.len() > 128 {
            return Err(Problem::invalid("client_orderid").into());
        }
        let fault = self.options.amounts.fault(minor);
        self.spoil(fault, reference)?;
        let wanted = Wanted {
            stage,
            reference,
            minor,
            currency,
            card: decrypt(&self.options.readers, data, label),
            callback_url: form.get("server_callback_url"),
            pend_ms: i64::try_from(self.options.pend_ms).unwrap_or(i64::MAX),
        };
        let order = lock(&self.ledger).begin(&wanted, now_ms())?;
        if order.last().1 != Status::Processing {
            self.announce(reference, &order);
        } else if order.pends_until_ms.is_some() {
            self.announce_later(reference, self.options.pend_ms + 1);
        }
        let mut fields = taken(reference, &order);
        if fault == Fault::NoOrderId {
            fields.retain(|(name, _)| *name != "paynet-order-id");
        }
        let on_sale = fault.on(Leg::Sale);
        let fault = if on_sale == Fault::None { fault } else { on_sale };
        Ok(Reply { fields, fault: self.fault_of_reply(fault, reference) })
    }

    fn advise(self: &Arc<Self>, form: &Form) -> Result<Reply, Spoilt> {
        let reference = form.required("client_orderid")?;
        let card = decrypt(&self.options.readers, form.required("encrypted-data")?, form.required("encrypted-type")?);
        let fault = {
            let mut ledger = lock(&self.ledger);
            let initial = ledger.find(reference, "", now_ms())?.0.initial;
            self.options.amounts.fault(initial).on(Leg::Advice)
        };
        // 503 on the advice: it was not taken, and has to be sent again, once.
        let fault = match fault {
            Fault::ErrorAfterCommit if self.is_first(format!("busy advice {reference}")) => {
                return Err(Spoilt::Status(StatusCode::SERVICE_UNAVAILABLE));
            }
            Fault::ErrorAfterCommit => Fault::None,
            other => other,
        };
        let (order, has_ended) = lock(&self.ledger).advise(reference, card, now_ms())?;
        if has_ended {
            self.announce(reference, &order);
        }
        Ok(Reply {
            fields: taken(reference, &order),
            fault: self.fault_of_reply(fault, &format!("advice {reference}")),
        })
    }

    fn api(self: &Arc<Self>, came: &Came<'_>, command: &str) -> Result<Reply, Spoilt> {
        let form = came.form;
        let (reference, id) = (form.required("client_orderid")?, form.text("orderid"));
        let (login, key) = (&self.options.login, &self.options.control_key);
        let amount = match (form.get("amount"), form.get("currency")) {
            (Some(amount), Some(currency)) => {
                Some((minor(amount, currency).ok_or_else(|| Problem::invalid("amount"))?, currency))
            }
            (None, _) => None,
            (Some(_), None) => return Err(Problem::new(1, "Parameter currency is required").into()),
        };
        let signed = match (command, amount) {
            ("return" | "capture", Some((minor, currency))) => format!("{login}{reference}{id}{minor}{currency}{key}"),
            _ => format!("{login}{reference}{id}{key}"),
        };
        if form.text("login") != login || form.text("control") != sha1_hex(&signed) {
            return Err(Problem::control().into());
        }
        let minor = amount.map(|(minor, _)| minor);
        match command {
            "status" => self.status(reference, id, form.get("by-request-sn")),
            "capture" => {
                let (fault, what) = (minor.map_or(Fault::None, |minor| self.options.amounts.fault(minor)), "capture");
                self.change(reference, fault, what, |shared| {
                    lock(&shared.ledger).capture(reference, id, minor, now_ms())
                })
            }
            "return" => {
                form.required("comment")?;
                let (fault, what) = match minor {
                    Some(minor) => (self.options.amounts.fault(minor), "return"),
                    None => (self.fault_of_undo(reference)?, "undo"),
                };
                let what = format!("{what} {}", form.text("comment"));
                self.change(reference, fault, &what, |shared| {
                    lock(&shared.ledger).give_back(reference, id, minor, now_ms())
                })
            }
            "void" => {
                let fault = self.fault_of_undo(reference)?;
                self.change(reference, fault, "undo", |shared| lock(&shared.ledger).void(reference, id, now_ms()))
            }
            _ => Err(Spoilt::Status(StatusCode::NOT_FOUND)),
        }
    }

    fn fault_of_undo(&self, reference: &str) -> Result<Fault, Problem> {
        let initial = lock(&self.ledger).find(reference, "", now_ms())?.0.initial;
        Ok(self.options.amounts.fault(initial).of_undo())
    }

    fn change(
        &self,
        reference: &str,
        fault: Fault,
        what: &str,
        act: impl FnOnce(&Self) -> Result<Order, Problem>,
    ) -> Result<Reply, Spoilt> {
        let what = format!("{what} of {reference}");
        self.spoil(fault, &what)?;
        let order = act(self)?;
        Ok(Reply { fields: taken(reference, &order), fault: self.fault_of_reply(fault, &what) })
    }

    fn status(self: &Arc<Self>, reference: &str, id: &str, by_serial: Option<&str>) -> Result<Reply, Spoilt> {
        let mut ledger = lock(&self.ledger);
        let (order, has_ended) = ledger.find(reference, id, now_ms())?;
        let order = order.clone();
        let fault = ledger.look(reference);
        drop(ledger);
        if has_ended {
            self.announce(reference, &order);
        }
        let asked =
            order.requests.iter().rfind(|request| by_serial.is_none_or(|wanted| serial(request.serial) == wanted));
        let asked = asked.ok_or_else(Problem::not_found)?;
        let stage = match (asked.status, order.awaits_advice) {
            (Status::Processing, true) => format!("{}_emv_validating", asked.stage.as_str()),
            (Status::Processing, false) => format!("{}_processing", asked.stage.as_str()),
            (status, _) => format!("{}_{}", asked.stage.as_str(), status.as_str()),
        };
        let mut fields = vec![
            ("type", "status-response".to_owned()),
            ("serial-number", serial(asked.serial)),
            ("merchant-order-id", reference.to_owned()),
            ("paynet-order-id", order.id.to_string()),
            ("status", asked.status.as_str().to_owned()),
            ("amount", major(order.amount, &order.currency)),
            ("currency", order.currency.clone()),
            ("initial-amount", major(order.initial, &order.currency)),
            ("transaction-type", asked.stage.as_str().to_owned()),
            ("order-stage", stage),
            ("terminal-id", "PLAYED01".to_owned()),
        ];
        if let Some(card) = order.card {
            fields.push(("last-four-digits", String::from_utf8_lossy(&card.last_four).into_owned()));
            fields.push(("card-type", if card.is_visa { "VISA" } else { "MASTERCARD" }.to_owned()));
        }
        if order.awaits_advice {
            // Tag 91, issuer authentication data, as a card would get them.
            fields.push(("emv-issuer-response", format!("910A{:016X}3030", order.id)));
        }
        match asked.status {
            Status::Approved => {
                fields.push(("approval-code", format!("{:06}", order.id % 1_000_000)));
                fields.push(("processor-rrn", format!("{:012}", order.id % 1_000_000_000_000)));
                fields.push(("auth-response-code", "00".to_owned()));
            }
            Status::Declined => {
                let code = if order.wants_pin { "55" } else { "05" };
                fields.push(("auth-response-code", code.to_owned()));
                fields.push(("error-message", "The bank declined".to_owned()));
                fields.push(("error-code", "1000".to_owned()));
            }
            Status::Error => {
                fields.push(("error-message", "What the reader gave cannot be read".to_owned()));
                fields.push(("error-code", "1001".to_owned()));
            }
            Status::Processing => {}
        }
        Ok(Reply { fields, fault })
    }

    fn close_day(&self, came: &Came<'_>, endpoint: &str) -> Result<Reply, Spoilt> {
        if endpoint != self.options.endpoint {
            return Err(Spoilt::Status(StatusCode::NOT_FOUND));
        }
        self.let_in(came)?;
        let request = came.form.required("day_close_request_id")?;
        if !(8..=32).contains(&request.len()) || !request.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Problem::invalid("day_close_request_id").into());
        }
        let day = lock(&self.ledger).close_day(request);
        let fields = vec![
            ("status", "approved".to_owned()),
            ("gateId", endpoint.to_owned()),
            ("isDayClosing", "false".to_owned()),
            ("epntId", endpoint.to_owned()),
            ("saleApprovedCount", day.sales.0.to_string()),
            ("saleAmount", day.sales.1.to_string()),
            ("reversalApprovedCount", day.reversals.0.to_string()),
            ("reversalAmount", day.reversals.1.to_string()),
            ("code39", "000".to_owned()),
            ("RRN", format!("{:012}", day.number % 1_000_000_000_000)),
            ("theRequestSerialNumber", serial(day.number)),
        ];
        Ok(Reply { fields, fault: Fault::None })
    }

    fn told_ledger(&self) -> String {
        let entries = lock(&self.ledger).entries(now_ms());
        let orders: Vec<_> = entries
            .iter()
            .map(|entry| {
                json!({
                    "client_orderid": entry.reference, "stage": entry.stage.as_str(), "status": entry.status.as_str(),
                    "netAmount": entry.net_amount, "heldAmount": entry.held_amount,
                })
            })
            .collect();
        json!({ "orders": orders }).to_string()
    }
}
