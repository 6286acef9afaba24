//! `/v1/terminals`: the devices that customers tap, how one is let in, and with which register each is paired. What a device
//! itself asks has no API key: it is signed with the device's own.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::call::{Actor, Role};
use domain::command;
use domain::id::{ConnectionId, LocationId, MerchantId, RegisterId, TerminalId};
use domain::terminal::{
    EnrolTerminal, Entry, ExpectTerminal, MoveTerminal, NewDevice, OfferPairingCode, PairTerminal, Refusal,
    RetireTerminal, State as TerminalState, Terminal, UnpairTerminal, UpdateTerminal, Why,
};
use domain::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use storage::{Answer, Envelope, Idempotency, Lane};

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Nothing, Segments, parse, query, read_body};
use super::error::{Kind, Problem, refusal_answer};
use super::idempotency::KeyRule;
use super::json::{self, Page};
use super::notification::origin;
use super::payment::check_environment;
use super::request_id::RequestId;
use super::submit::{ok, respond, submit};
use crate::app::App;
use crate::terminal::{
    TRIES_MAX, code_message, draw_code, draw_token, enrolment_message, is_signed, is_token, normalize_code, parse_key,
};

/// Most terminals of a merchant, those that were retired left out: a chain has one or two beside each register.
const TERMINALS_MAX: i64 = 10_000;

/// The routes of terminals.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/terminals", expect),
        Route::get("/v1/terminals", list),
        Route::post("/v1/terminals/enrol", enrol),
        Route::post("/v1/terminals/pair", pair),
        Route::get("/v1/terminals/{id}", get),
        Route::patch("/v1/terminals/{id}", update),
        Route::post("/v1/terminals/{id}/code", offer_code),
        Route::post("/v1/terminals/{id}/move", move_to),
        Route::post("/v1/terminals/{id}/unpair", unpair),
        Route::post("/v1/terminals/{id}/retire", retire),
        Route::get("/v1/terminals/{id}/history", history),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    location_id: LocationId,
    connection_id: ConnectionId,
    name: String,
}

/// No answer of it is stored, whatever key comes along: it holds a token.
async fn expect(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let mut asked = Asked::<New>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    asked.envelope.idempotency = Idempotency::None;
    let merchant = asked.principal.merchant;
    if app.reader.count_terminals(merchant).await? >= TERMINALS_MAX {
        let detail = format!("A merchant has at most {TERMINALS_MAX} terminals. Retire those that are not used.");
        return Err(Problem::new(Kind::TerminalLimitReached, detail));
    }
    let New { location_id: location, connection_id: connection, name } = asked.body;
    check_environment(&app, &asked.principal, connection).await?;
    let words = draw_token();
    let token = app.pepper.enrolment_token(&words).to_vec();
    let command = ExpectTerminal { merchant, location, connection, name, token };
    let shown = move |terminal: &Terminal| {
        let shape = Expected { terminal: Shape::of(terminal), enrolment_token: &words };
        json::answer(201, terminal.id, json::to_bytes(&shape))
    };
    submit(&app, asked.envelope, command, shown).await
}

/// What a device brings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arrival {
    token: String,
    identity_key: String,
    signature: String,
    model: String,
    serial: String,
    firmware: String,
    software: String,
}

async fn enrol(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Unkeyed::<Arrival>::read(&app, request).await?;
    asked.may_try(&app)?;
    let Arrival { token: words, identity_key, signature, model, serial, firmware, software } = asked.body;
    let wrong = || command::Refusal::Terminal(Refusal::EnrolmentTokenWrong);
    let token = app.pepper.enrolment_token(&words).to_vec();
    let found = if is_token(&words) { app.reader.find_expected_terminal(&token).await? } else { None };
    let Some(expected) = found else {
        app.terminals.tries.note_wrong(asked.from, app.clock.uptime());
        return Ok(respond(refusal_answer(&wrong()), false));
    };
    let key = parse_key(&identity_key);
    let key = key.filter(|key| is_signed(key, &enrolment_message(&words), &signature));
    let identity_key = key.ok_or_else(|| {
        Problem::new(
            Kind::SignatureInvalid,
            "The signature is not that of the identity key over `tillbridge-enrol:` and the token.",
        )
    })?;
    if !app.terminals.is_allowed(&model) {
        let detail = format!(
            "This model is not let in. Allowed are: {}. Add it to `terminals.models` of the hub's settings once it is trusted.",
            app.terminals.models()
        );
        return Err(Problem::new(Kind::TerminalModelUnknown, detail));
    }
    let device = NewDevice { model, serial, firmware, software, identity_key };
    let command = EnrolTerminal { terminal: expected.id, token, device };
    let envelope = of_device(&expected, asked.request_id);
    submit(&app, envelope, command, |terminal| answer(201, terminal)).await
}

/// What a device signs to be given a code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    signed_at_ms: i64,
    signature: String,
}

/// The code stands in the answer only, which is not stored.
async fn offer_code(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Unkeyed::<Proof>::read(&app, request).await?;
    let forged = || Problem::new(Kind::SignatureInvalid, "The signature is not that of the terminal's identity key.");
    // Who guesses at ids is told no more than who forges.
    let id: TerminalId = segments.id(0, "terminal").map_err(|_| forged())?;
    let terminal = app.reader.find_terminal_of_any(id).await?.ok_or_else(forged)?;
    let Proof { signed_at_ms, signature } = asked.body;
    let message = code_message(id, signed_at_ms);
    let device = terminal.state.device().filter(|device| is_signed(&device.identity_key, &message, &signature));
    device.ok_or_else(forged)?;
    let words = draw_code();
    let code = app.pepper.pairing_code(&normalize_code(&words).unwrap_or_default()).to_vec();
    let command = OfferPairingCode { terminal: id, code, proved_at: Some(Timestamp(signed_at_ms)) };
    let shown = move |terminal: &Terminal| {
        let expires_at = terminal.offer.as_ref().map(|offer| offer.until);
        let shape = Code { object: "pairing_code", code: &words, terminal_id: terminal.id, expires_at };
        json::answer(201, terminal.id, json::to_bytes(&shape))
    };
    submit(&app, of_device(&terminal, asked.request_id), command, shown).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    code: String,
    register_id: RegisterId,
}

async fn pair(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let from = origin(&app, request.headers(), request.extensions());
    let asked = Asked::<Typed>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    let (merchant, Typed { code, register_id: register }) = (asked.principal.merchant, asked.body);
    app.shops.find(&app.reader, merchant, register).await?.ok_or_else(|| Problem::not_found("register"))?;
    let Some((terminal, code)) = find_by_code(&app, from, &code, |terminal| terminal.merchant == merchant).await?
    else {
        let wrong = command::Refusal::Terminal(Refusal::PairingCodeWrong);
        return Ok(respond(refusal_answer(&wrong), false));
    };
    let command = PairTerminal { terminal: terminal.id, code, register };
    submit(&app, asked.envelope, command, |terminal| answer(200, terminal)).await
}

/// The terminal that shows a code, with the keyed hash of the code. Whoever is wrong too often waits.
pub async fn find_by_code(
    app: &App,
    from: Option<IpAddr>,
    typed: &str,
    is_meant: impl Fn(&Terminal) -> bool,
) -> Result<Option<(Terminal, Vec<u8>)>, Problem> {
    check_tries(app, from)?;
    if let Some(code) = normalize_code(typed) {
        let code = app.pepper.pairing_code(&code).to_vec();
        let found = app.reader.find_terminal_by_code(&code).await?.filter(is_meant);
        if let Some(terminal) = found {
            return Ok(Some((terminal, code)));
        }
    }
    app.terminals.tries.note_wrong(from, app.clock.uptime());
    Ok(None)
}

fn check_tries(app: &App, from: Option<IpAddr>) -> Result<(), Problem> {
    if app.terminals.tries.may_try(from, app.clock.uptime()) {
        return Ok(());
    }
    let detail = format!("{TRIES_MAX} wrong codes or tokens came from this address. Wait until a new code is shown.");
    Err(Problem::new(Kind::PairingTriesExhausted, detail))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    name: Option<String>,
    connection_id: Option<ConnectionId>,
}

async fn update(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Changes>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let (id, Changes { name, connection_id: connection }) = (segments.id(0, "terminal")?, asked.body);
    if let Some(connection) = connection {
        check_environment(&app, &asked.principal, connection).await?;
    }
    submit(&app, asked.envelope, UpdateTerminal { id, name, connection }, |terminal| answer(200, terminal)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    register_id: RegisterId,
}

async fn move_to(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Target>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let command = MoveTerminal { terminal: segments.id(0, "terminal")?, register: asked.body.register_id };
    submit(&app, asked.envelope, command, |terminal| answer(200, terminal)).await
}

async fn unpair(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let command = UnpairTerminal { terminal: segments.id(0, "terminal")? };
    submit(&app, asked.envelope, command, |terminal| answer(200, terminal)).await
}

async fn retire(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let command = RetireTerminal { terminal: segments.id(0, "terminal")? };
    submit(&app, asked.envelope, command, |terminal| answer(200, terminal)).await
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let page: Page = query(&uri)?;
    let (after, limit) = (page.after::<TerminalId>()?, page.limit()?);
    let found = app.reader.list_terminals(merchant, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |terminal| terminal.id.to_string(), Shape::of))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    Ok(ok(json::to_bytes(&Shape::of(&find(&app, merchant, &segments).await?))))
}

async fn history(
    State(app): State<App>,
    segments: Segments,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let terminal = find(&app, merchant, &segments).await?;
    let page: Page = query(&uri)?;
    let (after, limit) = (page.after::<u32>()?.parse().unwrap_or_default(), page.limit()?);
    let found = app.reader.list_terminal_entries(merchant, terminal.id, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |entry| entry.number.to_string(), EntryShape::of))))
}

async fn find(app: &App, merchant: MerchantId, segments: &Segments) -> Result<Terminal, Problem> {
    let found = app.reader.find_terminal(merchant, segments.id(0, "terminal")?).await?;
    found.ok_or_else(|| Problem::not_found("terminal"))
}

/// A request of a device, which has no API key.
struct Unkeyed<T> {
    from: Option<IpAddr>,
    request_id: String,
    body: T,
}

impl<T: DeserializeOwned> Unkeyed<T> {
    async fn read(app: &App, request: Request) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(&parts.headers, body).await?;
        let body = parse(&parts.headers, &bytes)?;
        Ok(Self { from: origin(app, &parts.headers, &parts.extensions), request_id: RequestId::of(&parts), body })
    }

    fn may_try(&self, app: &App) -> Result<(), Problem> {
        check_tries(app, self.from)
    }
}

/// What a device does stands in the audit chain under its own name.
fn of_device(terminal: &Terminal, request_id: String) -> Envelope {
    Envelope {
        merchant: terminal.merchant,
        actor: Arc::new(Actor::new(format!("terminal:{}", terminal.id), Role::System)),
        request_id,
        idempotency: Idempotency::None,
        lane: Lane::Interactive,
        weight: 0,
    }
}

fn answer(status: u16, terminal: &Terminal) -> Answer {
    json::answer(status, terminal.id, json::to_bytes(&Shape::of(terminal)))
}

#[derive(Serialize)]
struct Code<'a> {
    object: &'static str,
    code: &'a str,
    terminal_id: TerminalId,
    #[serde(serialize_with = "json::instant_option")]
    expires_at: Option<Timestamp>,
}

/// A terminal that no device has come for, with the token that lets one in.
#[derive(Serialize)]
struct Expected<'a> {
    #[serde(flatten)]
    terminal: Shape<'a>,
    enrolment_token: &'a str,
}

/// A terminal in JSON. Whether it shows a code is told by until when, never the code.
#[derive(Serialize)]
struct Shape<'a> {
    id: TerminalId,
    object: &'static str,
    name: &'a str,
    state: &'static str,
    location_id: LocationId,
    connection_id: ConnectionId,
    register_id: Option<RegisterId>,
    #[serde(serialize_with = "json::instant_option")]
    paired_since: Option<Timestamp>,
    device: Option<DeviceShape<'a>>,
    #[serde(serialize_with = "json::instant_option")]
    enrolment_until: Option<Timestamp>,
    #[serde(serialize_with = "json::instant_option")]
    code_until: Option<Timestamp>,
    #[serde(serialize_with = "json::instant_option")]
    last_seen_at: Option<Timestamp>,
    #[serde(serialize_with = "json::instant_option")]
    retired_at: Option<Timestamp>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    version: i64,
}

#[derive(Serialize)]
struct DeviceShape<'a> {
    model: &'a str,
    serial: &'a str,
    firmware: &'a str,
    software: &'a str,
    identity_key: String,
    #[serde(serialize_with = "json::instant")]
    enrolled_at: Timestamp,
}

impl<'a> Shape<'a> {
    fn of(terminal: &'a Terminal) -> Self {
        let (enrolment_until, retired_at) = match &terminal.state {
            TerminalState::Expected(invitation) => (Some(invitation.until), None),
            TerminalState::Enrolled(_) => (None, None),
            TerminalState::Retired { at, .. } => (None, Some(*at)),
        };
        let device = terminal.state.device().map(|device| DeviceShape {
            model: &device.model,
            serial: &device.serial,
            firmware: &device.firmware,
            software: &device.software,
            identity_key: STANDARD.encode(device.identity_key),
            enrolled_at: device.enrolled_at,
        });
        Self {
            id: terminal.id,
            object: "terminal",
            name: &terminal.name,
            state: terminal.state.as_str(),
            location_id: terminal.location,
            connection_id: terminal.connection,
            register_id: terminal.pairing.map(|paired| paired.register),
            paired_since: terminal.pairing.map(|paired| paired.since),
            device,
            enrolment_until,
            code_until: terminal.offer.as_ref().map(|offer| offer.until),
            last_seen_at: terminal.last_seen_at,
            retired_at,
            created_at: terminal.created_at,
            version: terminal.version,
        }
    }
}

/// An entry of a history in JSON.
#[derive(Serialize)]
struct EntryShape<'a> {
    number: u32,
    fact: &'static str,
    register_id: Option<RegisterId>,
    why: Option<&'static str>,
    by: &'a str,
    #[serde(serialize_with = "json::instant")]
    at: Timestamp,
}

impl<'a> EntryShape<'a> {
    fn of(entry: &'a Entry) -> Self {
        let Entry { number, fact, by, at, .. } = entry;
        let (register_id, why) = (fact.register(), fact.why().map(Why::as_str));
        Self { number: *number, fact: fact.as_str(), register_id, why, by, at: *at }
    }
}
