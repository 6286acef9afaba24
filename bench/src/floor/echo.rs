//! An empty axum JSON echo: reads a JSON body, answers it with as many bytes as the hub does. The body is checked and
//! not taken apart, which is the least that a JSON service can do. A GET is answered with as many bytes of nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::net::TcpListener;

/// `{"echo":` `,"rest":""}`
const FRAME_BYTES: usize = 19;

#[derive(Serialize)]
struct Answer {
    echo: Box<RawValue>,
    rest: String,
}

/// Serves until the process is ended.
pub async fn serve(listen: SocketAddr, answer_bytes: usize) -> anyhow::Result<()> {
    let router = Router::new().fallback_service(get(nothing).post(echo).with_state(Arc::new(answer_bytes)));
    serve_router(listen, router).await
}

/// Serves as the hub does: without waiting to fill a packet.
pub async fn serve_router(listen: SocketAddr, router: Router) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await?.tap_io(|stream| {
        // A socket that cannot be set up fails at its first read.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

/// `{"rest":""}`
const NOTHING_BYTES: usize = 11;

#[derive(Serialize)]
struct Nothing {
    rest: String,
}

async fn nothing(State(answer_bytes): State<Arc<usize>>) -> Json<Nothing> {
    Json(Nothing { rest: "x".repeat(answer_bytes.saturating_sub(NOTHING_BYTES)) })
}

async fn echo(State(answer_bytes): State<Arc<usize>>, Json(echo): Json<Box<RawValue>>) -> (StatusCode, Json<Answer>) {
    let rest = "x".repeat(answer_bytes.saturating_sub(echo.get().len() + FRAME_BYTES));
    (StatusCode::CREATED, Json(Answer { echo, rest }))
}
