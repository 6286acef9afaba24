//! Played terminals with a face: a page for each, good on a phone, on which a person plays the customer. The page holds no key and
//! no line of its own; it is the screen and the buttons of a terminal that runs here.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::{Act, Line, Screen, Terminal};
use crate::server::Server;

/// The page: its script asks for the state and sends what is pressed.
const PAGE: &str = include_str!("page.html");
/// Nothing from elsewhere; what is inline stands in the page itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Lines of the journal on the page.
const JOURNAL_MAX: usize = 8;
/// The largest tip that the page takes, in minor units: above it a finger has slipped.
const TIP_MAX: i64 = 1_000_000;

/// Serves a page for each of these terminals, at `/1`, `/2` and so on; `/` is the first.
pub fn serve(listener: TcpListener, terminals: Arc<Vec<Terminal>>) -> io::Result<Server> {
    Server::start(listener, |_| router(terminals))
}

fn router(terminals: Arc<Vec<Terminal>>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/{number}", get(page))
        .route("/{number}/state", get(state))
        .route("/{number}/acts/{act}", post(act))
        .with_state(terminals)
}

async fn page() -> Response {
    let policy = HeaderMap::from_iter([(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))]);
    (policy, Html(PAGE)).into_response()
}

fn find(terminals: &[Terminal], number: usize) -> Result<&Terminal, StatusCode> {
    number.checked_sub(1).and_then(|place| terminals.get(place)).ok_or(StatusCode::NOT_FOUND)
}

#[derive(Serialize)]
struct Shown {
    screen: Screen,
    is_online: bool,
    has_no_power: bool,
    rejected: Option<String>,
    /// The latest first.
    journal: Vec<Line>,
    count: usize,
}

async fn state(State(terminals): State<Arc<Vec<Terminal>>>, Path(number): Path<usize>) -> Result<Response, StatusCode> {
    let terminal = find(&terminals, number)?;
    let journal = terminal.journal().into_iter().rev().filter(|line| line.kind != "cancel").take(JOURNAL_MAX).collect();
    let shown = Shown {
        screen: terminal.screen(),
        is_online: terminal.is_online(),
        has_no_power: !terminal.has_power(),
        rejected: terminal.rejected(),
        journal,
        count: terminals.len(),
    };
    Ok(axum::Json(json!(shown)).into_response())
}

async fn act(
    State(terminals): State<Arc<Vec<Terminal>>>,
    Path((number, act)): Path<(usize, String)>,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    let act = match act.as_str() {
        "tap" => Act::Tap,
        "insert" => Act::Insert,
        "right-pin" => Act::Pin { is_right: true },
        "wrong-pin" => Act::Pin { is_right: false },
        "decline" => Act::TapDeclined,
        "cancel" => Act::Cancel,
        "pair" => Act::AskPairingCode,
        "pull-plug" => Act::PullPlug,
        "put-plug-back" => Act::PutPlugBack,
        "tip" => Act::Tip(tip(&body).ok_or(StatusCode::UNPROCESSABLE_ENTITY)?),
        _ => return Err(StatusCode::NOT_FOUND),
    };
    find(&terminals, number)?.act(act);
    Ok(StatusCode::NO_CONTENT)
}

fn tip(body: &[u8]) -> Option<i64> {
    let amount: i64 = std::str::from_utf8(body).ok()?.trim().parse().ok()?;
    (0..=TIP_MAX).contains(&amount).then_some(amount)
}
