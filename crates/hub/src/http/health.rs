//! `/healthz` and `/readyz`: whether the process lives, and whether it should be sent requests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::id::MerchantId;
use serde::Serialize;
use uuid::Uuid;

use super::Route;
use super::json;
use super::submit::ok;
use crate::app::App;
use crate::database::Durability;

/// How long what was seen of the database is believed: probes of many proxies cost one read a second.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

/// The routes of health.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/healthz", live), Route::get("/readyz", ready)]
}

/// Whether the database answers, as last seen.
#[derive(Default)]
pub struct Pulse(Mutex<Option<(Duration, bool)>>);

impl Pulse {
    async fn feel(&self, app: &App) -> bool {
        let now = app.clock.uptime();
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, is_alive)) = last
            && now.saturating_sub(at) < BELIEVED_FOR
        {
            return is_alive;
        }
        let is_alive = app.reader.find_merchant(MerchantId::from_uuid(Uuid::nil())).await.is_ok();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, is_alive));
        is_alive
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    /// What stands in the way; no detail that helps a stranger.
    reasons: Vec<&'static str>,
    /// The operator accepts that a power cut may take what was answered. Every screen shows it.
    is_loss_accepted: bool,
    /// New sales and payments are refused. The hub is ready all the same: what is under way is ended through it, and it is read.
    is_disk_nearly_full: bool,
}

async fn live() -> Response {
    ok(br#"{"status":"ok"}"#.to_vec())
}

async fn ready(State(app): State<App>) -> Response {
    let is_weak = !app.weaknesses.now().is_empty();
    let is_loss_accepted = app.durability == Durability::AcceptLoss;
    let reasons: Vec<&str> = [
        (app.is_stopping(), "stopping"),
        (!app.pulse.feel(&app).await, "database_unavailable"),
        (is_weak && !is_loss_accepted, "durability_weak"),
    ]
    .into_iter()
    .filter_map(|(is_so, reason)| is_so.then_some(reason))
    .collect();
    let is_ready = reasons.is_empty();
    let status = if is_ready { "ready" } else { "not_ready" };
    let health = Health {
        status,
        reasons,
        is_loss_accepted: is_weak && is_loss_accepted,
        is_disk_nearly_full: app.disk.is_nearly_full(),
    };
    let mut response = ok(json::to_bytes(&health));
    if !is_ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}
