//! How a terminal is: kept on its line, and told to the database when it comes, when it goes, and now and then when it changes, so
//! that every hub can say so.

use std::sync::Arc;
use std::time::Duration;

use connectors::terminal::Status;
use domain::id::OperationId;
use domain::terminal::{Live, NoteTerminal, SCREEN_CHARS_MAX};
use storage::{Answer, Lane};
use tokio::time::Instant;

use super::line::Line;
use crate::app::App;
use crate::rounds;

/// The least pause between two notes of one terminal in the database: each is a row of the audit chain.
const NOTE_PAUSE: Duration = Duration::from_secs(60);

/// Whether a text is a word in small letters.
fn is_word(text: &str) -> bool {
    (1..=SCREEN_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Notes what the terminal does just now for the command that is under way.
pub fn note_step(line: &Line, id: &str, step: &str) {
    if is_word(step) && id.parse::<OperationId>().is_ok_and(|id| line.is_at(id)) {
        line.note(|live| step.clone_into(&mut live.step));
    }
}

/// Notes what it tells of itself; true if that is worth a note in the database.
pub fn note_status(line: &Line, status: Status) -> bool {
    let status = Status {
        battery_percent: status.battery_percent.filter(|percent| *percent <= 100),
        screen: status.screen.filter(|screen| is_word(screen)),
        ..status
    };
    let mut is_news = false;
    line.note(|live| {
        is_news = live.status != status && live.noted_at.is_none_or(|at| at.elapsed() >= NOTE_PAUSE);
        live.status = status;
        if is_news {
            live.noted_at = Some(Instant::now());
        }
    });
    is_news
}

/// How it is, as it stands in the database.
pub fn live_of(line: &Line, is_online: bool) -> Live {
    let live = line.live();
    let micros = |latency: Option<Duration>| latency.and_then(|latency| i64::try_from(latency.as_micros()).ok());
    Live {
        is_online,
        latency_p50_us: micros(live.latency(50)),
        latency_p99_us: micros(live.latency(99)),
        battery_percent: live.status.battery_percent,
        is_charging: live.status.is_charging,
        screen: live.status.screen,
    }
}

/// Writes down how it is. An older connection than the latest changes nothing.
pub async fn write_down(app: App, line: Arc<Line>, is_online: bool) {
    let command = NoteTerminal { terminal: line.terminal, epoch: line.epoch, live: live_of(&line, is_online) };
    let request_id = format!("terminal-{}", line.terminal);
    let envelope = rounds::own(line.merchant, &app.lines.actor, request_id, Lane::Bulk);
    if let Err(failure) = app.committer.submit(envelope, command, |_| Answer::default()).await {
        tracing::debug!(terminal.id = %line.terminal, %failure, "How a terminal is was not written down.");
    }
}
