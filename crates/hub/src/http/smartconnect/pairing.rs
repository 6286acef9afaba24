//! `PUT /POS/Pairing/{code}`: a register that goes by name is paired with the terminal that shows the code.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::call::{Actor, Role};
use domain::smartconnect::{PairPosRegister, Refusal};
use storage::{Answer, Envelope, Idempotency, Lane};

use super::admit;
use super::form::Form;
use super::wrong::Wrong;
use crate::app::App;
use crate::http::body::Segments;
use crate::http::error::refusal_answer;
use crate::http::notification::origin;
use crate::http::request_id::RequestId;
use crate::http::submit::ok;
use crate::http::terminal::find_by_code;

/// The answer of the protocol to a pairing.
const SUCCESS: &[u8] = br#"{"result":"success"}"#;

/// The route.
pub async fn pair(State(app): State<App>, segments: Segments, request: Request) -> Response {
    let code = segments.id::<String>(0, "terminal").unwrap_or_default();
    answer(app, &code, request).await
}

/// Pairs by a code as it stands in the path.
pub async fn answer(app: App, code: &str, request: Request) -> Response {
    pair_by(&app, code, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn pair_by(app: &App, code: &str, request: Request) -> Result<Response, Wrong> {
    let (parts, body) = request.into_parts();
    let from = origin(app, &parts.headers, &parts.extensions);
    let form = Form::read(&parts.headers, body).await?;
    let (identity, name) = (form.identity()?, form.take("POSRegisterName")?);
    let shown = find_by_code(app, from, code, |_| true).await?;
    let wrong =
        || Wrong::refused("No terminal shows this code: it was mistyped, used, or replaced. Read the code again.");
    let (terminal, code) = shown.ok_or_else(wrong)?;
    let merchant = terminal.merchant;
    admit(app, merchant, from).await?;
    let known = app.reader.find_pos_register(&identity).await?;
    if known.as_ref().is_some_and(|known| known.merchant != merchant) {
        // Whose it is is not told.
        return Err(Wrong::refused(Refusal::RegisterTaken.to_string()));
    }
    let namesakes = app.reader.list_namesakes(merchant, &identity).await?;
    let command = PairPosRegister {
        merchant,
        terminal: terminal.id,
        code,
        identity,
        name,
        known: known.map(|known| known.register),
        namesakes: namesakes.iter().map(|namesake| namesake.register).collect(),
    };
    let envelope = Envelope {
        merchant,
        actor: Arc::new(Actor::new(format!("smartconnect:{}", terminal.id), Role::Cashier)),
        request_id: RequestId::of(&parts),
        idempotency: Idempotency::None,
        lane: Lane::Interactive,
        weight: form.bytes.len(),
    };
    let committed = app.committer.submit(envelope, command, |decision| match decision {
        Ok(_) => Answer::default(),
        Err(refusal) => refusal_answer(refusal),
    });
    let committed = committed.await?;
    match committed.reply {
        Some(Ok(_)) => Ok(ok(SUCCESS.to_vec())),
        Some(Err(_)) | None => Err(Wrong::of(&committed.answer)),
    }
}
