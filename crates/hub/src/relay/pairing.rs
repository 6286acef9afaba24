//! What a terminal is told of the register that it belongs to, and the code by which it comes to one.

use std::sync::Arc;

use connectors::terminal::ToTerminal;
use domain::terminal::{OfferPairingCode, Terminal};
use storage::{Answer, Lane};

use super::line::Line;
use crate::app::App;
use crate::rounds;
use crate::terminal::{draw_code, normalize_code};

/// The name of the register that a terminal belongs to, if it does and the database answers.
pub async fn register_name(app: &App, terminal: &Terminal) -> Option<String> {
    let register = terminal.pairing?.register;
    let found = app.reader.find_register(terminal.merchant, register).await;
    found.ok().flatten().map(|register| register.name)
}

/// Draws a pairing code and has the terminal show it.
pub async fn offer(app: App, line: Arc<Line>) {
    let words = draw_code();
    let code = app.pepper.pairing_code(&normalize_code(&words).unwrap_or_default()).to_vec();
    let command = OfferPairingCode { terminal: line.terminal, code, proved_at: None };
    let request_id = format!("terminal-{}", line.terminal);
    let envelope = rounds::own(line.merchant, &app.lines.actor, request_id, Lane::Interactive);
    match app.committer.submit(envelope, command, |_| Answer::default()).await.map(|committed| committed.reply) {
        Ok(Some(Ok(Terminal { offer: Some(offer), .. }))) => {
            line.say(ToTerminal::PairingCode { code: words, expires_at_ms: offer.until.0 });
            line.note(|live| live.is_offering = true);
        }
        Ok(_) => tracing::info!(terminal.id = %line.terminal, "A terminal got no pairing code."),
        Err(failure) => {
            tracing::warn!(terminal.id = %line.terminal, %failure, "A terminal got no pairing code; it asks again.")
        }
    }
}

/// Tells the terminal which register it belongs to, if that is not what it was told last. One that was retired is let go.
pub async fn tell(app: &App, line: &Line) {
    let Ok(Some(terminal)) = app.reader.find_terminal(line.merchant, line.terminal).await else { return };
    if terminal.enrolled().is_err() {
        return line.close("retired");
    }
    let register = terminal.pairing.map(|paired| paired.register);
    let live = line.live();
    // A code that was used for the register that it had already leaves the screen, too.
    let is_used = live.is_offering && terminal.offer.is_none();
    if live.register == register && !is_used {
        return;
    }
    let register_name = register_name(app, &terminal).await;
    if line.say(ToTerminal::Paired { register_name }) {
        line.note(|live| {
            live.register = register;
            live.is_offering = false;
        });
    }
}
