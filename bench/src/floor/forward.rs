//! A handler that forwards: axum in front, the hub's HTTP client behind, the echo as the provider.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::{Json, Router};
use serde_json::value::RawValue;

use super::echo;

/// As in the hub's `exchange.rs`.
const IDLE_PER_HOST_MAX: usize = 256;

struct Forward {
    client: reqwest::Client,
    to: String,
}

/// Serves until the process is ended.
pub async fn serve(listen: SocketAddr, to: SocketAddr) -> anyhow::Result<()> {
    // The client is built with TLS as the hub's is, so it asks for a provider, though nothing here is encrypted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .retry(reqwest::retry::never())
        .http1_only()
        .no_proxy()
        .tcp_nodelay(true)
        .timeout(Duration::from_secs(10))
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .build()?;
    let state = Arc::new(Forward { client, to: format!("http://{to}/charges") });
    echo::serve_router(listen, Router::new().fallback(forward).with_state(state)).await
}

async fn forward(
    State(state): State<Arc<Forward>>,
    Json(ask): Json<Box<RawValue>>,
) -> Result<impl IntoResponse, StatusCode> {
    let bad_gateway = |_| StatusCode::BAD_GATEWAY;
    let request = state.client.post(&state.to).header(CONTENT_TYPE, "application/json").body(ask.get().to_owned());
    let answer: Bytes = request.send().await.map_err(bad_gateway)?.bytes().await.map_err(bad_gateway)?;
    let answer: Box<RawValue> = serde_json::from_slice(&answer).map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok((StatusCode::CREATED, Json(answer)))
}
