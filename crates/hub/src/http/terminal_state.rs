//! `/v1/terminals/{id}/state`: how a terminal is just now, for the register before it charges. Any hub answers; what a terminal does
//! this very moment is known by the hub at which it hangs.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::id::TerminalId;
use domain::terminal::{self, Terminal};
use domain::time::Timestamp;
use serde::Serialize;

use super::Route;
use super::auth::authenticate;
use super::body::Segments;
use super::error::Problem;
use super::json;
use super::submit::ok;
use crate::app::App;
use crate::relay::line::Line;
use crate::relay::state::live_of;

/// Below this a battery may not last for the next customer.
const BATTERY_LOW_PERCENT: u8 = 10;

/// The route of the state.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/v1/terminals/{id}/state", get)]
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let found = app.reader.find_terminal(merchant, segments.id(0, "terminal")?).await?;
    let terminal = found.ok_or_else(|| Problem::not_found("terminal"))?;
    // A line that another hub has replaced knows less than the database.
    let line = app.lines.find(terminal.id).filter(|line| line.epoch == terminal.epoch);
    Ok(ok(json::to_bytes(&Shape::of(&terminal, line.as_deref()))))
}

/// How a terminal is, in JSON.
#[derive(Serialize)]
struct Shape {
    object: &'static str,
    terminal_id: TerminalId,
    is_online: bool,
    verdict: &'static str,
    step: Option<String>,
    screen: Option<String>,
    battery_percent: Option<u8>,
    is_charging: Option<bool>,
    software: Option<String>,
    latency_p50_us: Option<i64>,
    latency_p99_us: Option<i64>,
    #[serde(serialize_with = "json::instant_option")]
    last_seen_at: Option<Timestamp>,
}

impl Shape {
    fn of(terminal: &Terminal, line: Option<&Line>) -> Self {
        let live = line.map_or_else(|| terminal.live.clone(), |line| live_of(line, true));
        let heard = line.map(Line::live);
        let step = heard.as_ref().map(|heard| heard.step.clone()).filter(|step| !step.is_empty());
        Self {
            object: "terminal_state",
            terminal_id: terminal.id,
            is_online: live.is_online,
            verdict: verdict(terminal, &live, line.is_some_and(Line::is_busy)),
            step,
            battery_percent: live.battery_percent,
            is_charging: live.is_charging,
            latency_p50_us: live.latency_p50_us,
            latency_p99_us: live.latency_p99_us,
            screen: live.screen,
            software: terminal.state.device().map(|device| device.software.clone()),
            last_seen_at: heard.and_then(|heard| heard.heard_at).or(terminal.last_seen_at),
        }
    }
}

/// Whether a charge should be begun on it: the first thing that stands against it.
fn verdict(terminal: &Terminal, live: &terminal::Live, is_busy: bool) -> &'static str {
    let is_low = live.battery_percent.is_some_and(|percent| percent < BATTERY_LOW_PERCENT);
    match terminal.enrolled() {
        Err(terminal::Refusal::Retired) => "retired",
        Err(_) => "not_enrolled",
        Ok(_) if !live.is_online => "offline",
        Ok(_) if terminal.pairing.is_none() => "not_paired",
        Ok(_) if is_busy => "busy",
        Ok(_) if is_low && live.is_charging != Some(true) => "battery_low",
        Ok(_) => "ready",
    }
}
