//! `/v1/terminal-channel`: where terminals hang on the hub, by WebSocket.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, header};
use axum::response::Response;

use super::Route;
use super::error::{Kind, Problem};
use crate::app::App;
use crate::relay::channel::{self, BUFFER_BYTES, MESSAGE_BYTES_MAX};

/// The route of the channel.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/v1/terminal-channel", connect)]
}

/// Who connects says so inside of the connection, where a proof is for this connection alone.
async fn connect(
    State(app): State<App>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| {
        Problem::new(Kind::UpgradeRequired, "This is a WebSocket. Connect with `Upgrade: websocket`, version 13.")
    })?;
    if app.is_stopping() {
        return Err(Problem::new(Kind::Stopping, "The hub is stopping. Connect to another one."));
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let upgrade = upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| channel::serve(app, socket, host)))
}
