//! A receiver of webhooks that does nothing: it takes each message whole, says 204 and counts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::echo;

/// What has come.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Taken {
    /// How many messages.
    pub count: u64,
    /// The bytes of their bodies.
    pub bytes: u64,
}

#[derive(Default)]
struct Counters {
    count: AtomicU64,
    bytes: AtomicU64,
}

/// Serves until the process is ended.
pub async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let state = Arc::new(Counters::default());
    echo::serve_router(listen, Router::new().fallback_service(get(tell).post(take).with_state(state))).await
}

async fn take(State(counters): State<Arc<Counters>>, body: Bytes) -> StatusCode {
    counters.count.fetch_add(1, Ordering::Relaxed);
    counters.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
    StatusCode::NO_CONTENT
}

async fn tell(State(counters): State<Arc<Counters>>) -> Json<Taken> {
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Json(Taken { count: read(&counters.count), bytes: read(&counters.bytes) })
}
