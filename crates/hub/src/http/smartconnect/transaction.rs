//! `POST /POS/Transaction` and its polling URL. A transaction is an ordinary payment on the connection of the terminal that is
//! paired with the register: what is in doubt is "delayed" here, never failed, and asked after by the payment's own job.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, Uri};
use axum::response::{IntoResponse, Response};
use domain::call::{Actor, Role};
use domain::command::{Command, Refusal};
use domain::id::SmartconnectId;
use domain::payment::Moved;
use domain::smartconnect::{NewTransaction, NoteTransaction, PosRegister, TOKEN_MS, Transact};
use serde::Deserialize;
use storage::{Answer, Envelope, Failure, Lane};
use subtle::ConstantTimeEq;
use tokio::time::Instant;
use uuid::Uuid;

use super::admit;
use super::ask::{self, Asked, Wish};
use super::envelope::{self, Told};
use super::form::Form;
use super::wrong::Wrong;
use crate::app::App;
use crate::carried_on::CarriedOn;
use crate::disk;
use crate::http::body::{Segments, query};
use crate::http::error::refusal_answer;
use crate::http::idempotency::{self, KeyRule};
use crate::http::json;
use crate::http::notification::origin;
use crate::http::patience::Patience;
use crate::http::payment::one_time;
use crate::http::request_id::RequestId;
use crate::http::submit::ok;
use crate::pepper::hex;
use crate::provider::{OneTime, start_all_with};

/// The POS's own reference of a transaction. Of ours: the protocol has none.
const REFERENCE: HeaderName = HeaderName::from_static("tillbridge-reference");
/// How long a request without `TransactionMode` waits for the end: below the time limit of a request.
const SYNCHRONOUS: Duration = Duration::from_secs(60);

/// The route.
pub async fn start(State(app): State<App>, request: Request) -> Response {
    answer(app, request).await
}

/// Begins a transaction.
pub async fn answer(app: App, request: Request) -> Response {
    begin(&app, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn begin(app: &App, request: Request) -> Result<Response, Wrong> {
    let (parts, body) = request.into_parts();
    let form = Form::read(&parts.headers, body).await?;
    let is_synchronous = match form.find("TransactionMode") {
        None => true,
        Some(mode) if mode.eq_ignore_ascii_case("ASYNC") => false,
        Some(_) => return Err(Wrong::refused("The field TransactionMode is ASYNC, or left out.")),
    };
    let unpaired = || Wrong::refused("The register is not paired with a terminal. Pair it.");
    let register = app.reader.find_pos_register(&form.identity()?).await?.ok_or_else(unpaired)?;
    admit(app, register.merchant, origin(app, &parts.headers, &parts.extensions)).await?;
    let terminal = app.reader.find_terminal_of_register(register.merchant, register.register).await?;
    let terminal = terminal.ok_or_else(unpaired)?;
    let envelope = envelope_of(app, &parts, &form, &register)?;
    let reference = parts.headers.get(REFERENCE).and_then(|value| value.to_str().ok()).map(ask::reference);
    let asked = ask::read(app, &form, &register, &terminal, reference.unwrap_or_default()).await?;
    let answer = submit(app, envelope, asked, one_time(&parts.headers)).await?;
    if answer.status >= 400 {
        return Err(Wrong::of(&answer));
    }
    // Under a key that was used it is the first one.
    let id: SmartconnectId = answer.subject.parse().map_err(|_| Wrong::unfinished())?;
    if is_synchronous { wait(app, register, id).await } else { Ok(pending(app, &parts, id)) }
}

fn envelope_of(app: &App, parts: &Parts, form: &Form, register: &PosRegister) -> Result<Envelope, Wrong> {
    let key = idempotency::key(&parts.headers, KeyRule::Optional)?;
    let fingerprint = || app.pepper.fingerprint("POST", "/POS/Transaction", &form.bytes);
    Ok(Envelope {
        merchant: register.merchant,
        // It gives money back, too, as the original does: the merchant let it in, and may limit it to addresses.
        actor: Arc::new(Actor::new(format!("smartconnect:{}", register.register), Role::Manager)),
        request_id: RequestId::of(parts),
        idempotency: idempotency::claim(key, fingerprint),
        lane: Lane::Interactive,
        weight: form.bytes.len(),
    })
}

async fn submit(app: &App, envelope: Envelope, asked: Asked, one_time: OneTime) -> Result<Answer, Wrong> {
    let Asked { transaction, wish } = asked;
    match wish {
        Wish::Charge(command) => {
            disk::require_room(app, &envelope).await?;
            move_money(app, envelope, transaction, command, one_time).await
        }
        Wish::Refund(command) => move_money(app, envelope, transaction, command, one_time).await,
        Wish::Capture(command) => move_money(app, envelope, transaction, command, one_time).await,
        Wish::Note(subject) => {
            let id = transaction.id;
            let command = NoteTransaction { transaction, subject };
            let encode = move |decision: Result<&_, &Refusal>| encode(decision.map(drop), id);
            Ok(app.committer.submit(envelope, command, encode).await?.answer)
        }
    }
}

/// Commits a transaction, and starts what it asks of the provider even if the POS goes away.
async fn move_money<C>(
    app: &App,
    envelope: Envelope,
    transaction: NewTransaction,
    command: C,
    one_time: OneTime,
) -> Result<Answer, Wrong>
where
    C: Command<Reply = Moved> + Send + Sync + 'static,
{
    let (app, id) = (app.clone(), transaction.id);
    let work = async move {
        let command = Transact { transaction, command };
        let encode = move |decision: Result<&Moved, &Refusal>| encode(decision.map(drop), id);
        let committed = app.committer.submit(envelope, command, encode).await?;
        if let Some(Ok(moved)) = committed.reply {
            start_all_with(&app, moved.tasks, &one_time);
        }
        Ok::<Answer, Failure>(committed.answer)
    };
    Ok(CarriedOn::new(work).await?)
}

/// What is stored under a key: which transaction it was. The polling URL, which opens it, is not stored.
fn encode(decision: Result<(), &Refusal>, id: SmartconnectId) -> Answer {
    match decision {
        Ok(()) => json::answer(200, id, json::to_bytes(&serde_json::json!({ "transactionId": id.uuid() }))),
        Err(refusal) => refusal_answer(refusal),
    }
}

/// The first answer, with the URL to poll.
fn pending(app: &App, parts: &Parts, id: SmartconnectId) -> Response {
    let host = parts.headers.get("host").and_then(|value| value.to_str().ok()).unwrap_or("localhost");
    let token = hex(&app.pepper.poll_token(&id.to_string()));
    let scheme = app.smartconnect.scheme();
    let url = format!("{scheme}://{host}/POS/Transaction/{}?merchantAccessToken={token}", id.uuid());
    ok(json::to_bytes(&envelope::pending(id, &url)))
}

/// Waits for the end, for POS software that does not poll.
async fn wait(app: &App, register: PosRegister, id: SmartconnectId) -> Result<Response, Wrong> {
    let mut patience = Patience::until(app, register.merchant, Instant::now() + SYNCHRONOUS);
    loop {
        let transaction = app.reader.find_smartconnect_transaction(register.merchant, id).await?;
        let told = envelope::tell(app, &transaction.ok_or_else(Wrong::unfinished)?).await?;
        if told.is_completed() {
            return Ok(ok(json::to_bytes(&told)));
        }
        if !patience.look_again().await {
            return Err(Wrong::unfinished());
        }
    }
}

/// The route of the polling URL.
pub async fn poll(State(app): State<App>, segments: Segments, request: Request) -> Response {
    let id = segments.id::<String>(0, "transaction").unwrap_or_default();
    answer_poll(app, &id, request).await
}

/// Tells how a transaction stands to whoever has its token.
pub async fn answer_poll(app: App, id: &str, request: Request) -> Response {
    match look(&app, id, request.uri()).await {
        Ok(told) => ok(json::to_bytes(&told)),
        Err(wrong) => wrong.into_response(),
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(rename = "merchantAccessToken")]
    token: String,
}

async fn look(app: &App, id: &str, uri: &Uri) -> Result<Told, Wrong> {
    let invalid = || Wrong::token("Token invalid");
    let id = Uuid::try_parse(id).map(SmartconnectId::from_uuid).map_err(|_| invalid())?;
    let Token { token } = query(uri).map_err(|_| invalid())?;
    let expected = hex(&app.pepper.poll_token(&id.to_string()));
    if !bool::from(expected.as_bytes().ct_eq(token.as_bytes())) {
        return Err(invalid());
    }
    let transaction = app.reader.find_smartconnect_transaction_of_any(id).await?.ok_or_else(invalid)?;
    if transaction.created_at.plus_ms(TOKEN_MS) <= app.clock.now() {
        return Err(Wrong::token("Token expired"));
    }
    if !app.smartconnect.may_poll(id, app.clock.uptime()) {
        return Err(Wrong::too_soon());
    }
    Ok(envelope::tell(app, &transaction).await?)
}
