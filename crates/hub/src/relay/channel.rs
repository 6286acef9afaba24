//! The line to a device: lets it in by a signature over a fresh challenge, then carries messages both ways until one side ends
//! it (`docs/protocols/terminal-channel.md`).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::terminal::{FromTerminal, Hello, ToTerminal, VERSION, is_proof, signed_text};
use domain::id::TerminalId;
use domain::terminal::{ConnectTerminal, Terminal};
use storage::{Answer, Lane};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout, timeout_at};

use super::line::{Heard, Line};
use super::{pairing, result, state};
use crate::app::App;
use crate::clock::random_bytes;
use crate::rounds;

/// Largest message: a result with a receipt has two kilobytes.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Bytes that a connection reads and writes at once; a message fits into one. Ten thousand idle terminals have them all the time.
pub const BUFFER_BYTES: usize = 2 * 1024;
/// From the first byte to the proof: a device on a mobile network takes a second.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a device is asked whether it is there: often enough that no router forgets the connection.
const PING_EVERY: Duration = Duration::from_secs(20);
/// A device that says nothing for so long is away.
const SILENCE_MAX: Duration = Duration::from_secs(50);
/// A device that takes no byte for so long is away.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a challenge.
const NONCE_BYTES: usize = 32;
/// From this on a device's clock is worth a word: its slips would bear a wrong time.
const CLOCK_OFF_MS: i64 = 10 * 60 * 1_000;
/// Messages that a device may send in a window of ten seconds: a payment has about ten.
const MESSAGES_MAX: u32 = 200;
/// The window.
const MESSAGES_WINDOW: Duration = Duration::from_secs(10);
/// Results of one device that are recorded at the same time.
const RESULTS_MAX: usize = 8;

/// Why a device is not let in.
struct Rejected {
    code: &'static str,
    detail: &'static str,
}

const fn rejected<T>(code: &'static str, detail: &'static str) -> Result<T, Rejected> {
    Err(Rejected { code, detail })
}

/// A device that was let in.
struct Entrance {
    line: Arc<Line>,
    queue: mpsc::Receiver<ToTerminal>,
}

/// Serves one connection from its first word to its last. `host` is the hub as the device calls it.
pub async fn serve(app: App, mut socket: WebSocket, host: String) {
    let let_in = {
        let Ok(_place) = app.lines.handshakes.try_acquire() else {
            return reject(
                socket,
                Rejected { code: "hub_busy", detail: "Too many terminals come at once. Come back." },
            )
            .await;
        };
        let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
        match timeout_at(deadline, shake_hands(&app, &mut socket, &host)).await {
            Ok(let_in) => let_in,
            Err(_) => rejected("handshake_timeout", "The proof did not come in time. Come back."),
        }
    };
    match let_in {
        Ok(Entrance { line, queue }) => {
            tracing::info!(terminal.id = %line.terminal, epoch = line.epoch, "A terminal is connected.");
            let why = talk(&app, &mut socket, &line, queue).await;
            app.lines.leave(&line);
            line.close(why);
            say_bye(&mut socket, why).await;
            state::write_down(app, Arc::clone(&line), false).await;
            tracing::info!(terminal.id = %line.terminal, epoch = line.epoch, why, "A terminal is gone.");
        }
        Err(rejected) => reject(socket, rejected).await,
    }
}

async fn reject(mut socket: WebSocket, Rejected { code, detail }: Rejected) {
    tracing::info!(code, "A terminal was not let in.");
    let message = ToTerminal::Rejected { code, detail: detail.to_owned() };
    let _ = timeout(WRITE_TIMEOUT, socket.send(Message::text(message.encode()))).await;
    close(&mut socket, code).await;
}

async fn say_bye(socket: &mut WebSocket, why: &'static str) {
    let _ = timeout(WRITE_TIMEOUT, socket.send(Message::text(ToTerminal::Bye { code: why }.encode()))).await;
    close(socket, why).await;
}

async fn close(socket: &mut WebSocket, why: &'static str) {
    // RFC 6455, section 7.4.1: 1000 is a normal end; the word says the rest.
    let frame = CloseFrame { code: 1000, reason: why.into() };
    let _ = timeout(WRITE_TIMEOUT, socket.send(Message::Close(Some(frame)))).await;
}

/// The next message; `None` when the connection has ended. What is no message of ours is passed over.
async fn hear(socket: &mut WebSocket) -> Option<FromTerminal> {
    loop {
        if let Message::Text(text) = socket.recv().await?.ok()? {
            match FromTerminal::parse(&text) {
                Some(message) => return Some(message),
                None => tracing::debug!("A terminal said something that this version does not know."),
            }
        }
    }
}

async fn shake_hands(app: &App, socket: &mut WebSocket, host: &str) -> Result<Entrance, Rejected> {
    let Some(FromTerminal::Hello(hello)) = hear(socket).await else {
        return rejected("hello_missing", "The first message is hello.");
    };
    if hello.version != VERSION {
        return rejected("version_unknown", "This hub speaks version 1.");
    }
    let nonce = STANDARD.encode(random_bytes::<NONCE_BYTES>());
    let at_ms = app.clock.now().0;
    let challenge = ToTerminal::Challenge { version: VERSION, nonce: nonce.clone(), at_ms };
    if socket.send(Message::text(challenge.encode())).await.is_err() {
        return rejected("closed", "The connection is gone.");
    }
    let Some(FromTerminal::Proof { signature }) = hear(socket).await else {
        return rejected("proof_missing", "The second message is proof.");
    };
    let terminal = find_terminal(app, &hello).await?;
    let text = signed_text(&hello.terminal_id, host, &nonce, at_ms);
    // One word for all: who has no key learns nothing of terminals.
    let is_right = terminal.enrolled().is_ok_and(|device| is_proof(&device.identity_key, &text, &signature));
    if !is_right {
        return rejected("proof_wrong", "The signature is not that of an enrolled terminal over this challenge.");
    }
    enter(app, socket, &hello, &terminal).await
}

async fn find_terminal(app: &App, hello: &Hello) -> Result<Terminal, Rejected> {
    let unknown = Rejected {
        code: "proof_wrong",
        detail: "The signature is not that of an enrolled terminal over this challenge.",
    };
    let Ok(id) = hello.terminal_id.parse::<TerminalId>() else { return Err(unknown) };
    match app.reader.find_terminal_of_any(id).await {
        Ok(found) => found.ok_or(unknown),
        Err(_) => rejected("hub_busy", "The hub's database does not answer. Come back."),
    }
}

async fn enter(app: &App, socket: &mut WebSocket, hello: &Hello, terminal: &Terminal) -> Result<Entrance, Rejected> {
    let firmware = terminal.enrolled().map(|device| device.firmware.clone()).unwrap_or_default();
    let connect = ConnectTerminal { terminal: terminal.id, firmware, software: hello.software.clone() };
    let request_id = format!("terminal-{}", terminal.id);
    let envelope = rounds::own(terminal.merchant, &app.lines.actor, request_id, Lane::Interactive);
    let committed = app.committer.submit(envelope, connect, |_| Answer::default()).await;
    let terminal = match committed.map(|committed| committed.reply) {
        Ok(Some(Ok(terminal))) => terminal,
        Ok(Some(Err(_))) => {
            return rejected(
                "terminal_refused",
                "The terminal is not enrolled, or what it says of itself is too long.",
            );
        }
        Ok(None) | Err(_) => return rejected("hub_busy", "The hub is busy. Come back."),
    };
    let (line, queue) = Line::new(terminal.id, terminal.merchant, terminal.epoch);
    let line = Arc::new(line);
    let now = app.clock.now();
    let ahead_ms = hello.clock_ms.saturating_sub(now.0);
    let welcome = ToTerminal::Welcome {
        session: i64::from(terminal.epoch),
        at_ms: now.0,
        clock_ahead_ms: (ahead_ms.saturating_abs() >= CLOCK_OFF_MS).then_some(ahead_ms),
        register_name: pairing::register_name(app, &terminal).await,
        ping_every_ms: u64::try_from(PING_EVERY.as_millis()).unwrap_or(u64::MAX),
    };
    if socket.send(Message::text(welcome.encode())).await.is_err() {
        return rejected("closed", "The connection is gone.");
    }
    line.note(|live| {
        live.heard_at = Some(now);
        live.register = terminal.pairing.map(|paired| paired.register);
    });
    if app.lines.enter(&line) {
        Ok(Entrance { line, queue })
    } else {
        rejected("hub_full", "No more terminals find room on this hub, or a newer connection of this one is there.")
    }
}

/// How many messages a device has sent of late.
struct Pace {
    since: Instant,
    count: u32,
}

impl Pace {
    fn may_send(&mut self) -> bool {
        if self.since.elapsed() >= MESSAGES_WINDOW {
            *self = Self { since: Instant::now(), count: 0 };
        }
        self.count += 1;
        self.count <= MESSAGES_MAX
    }
}

/// Carries messages until the end, and says why it came.
async fn talk(
    app: &App,
    socket: &mut WebSocket,
    line: &Arc<Line>,
    mut queue: mpsc::Receiver<ToTerminal>,
) -> &'static str {
    let mut stopping = app.stopping.clone();
    let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut number, mut heard_at) = (0, Instant::now());
    let mut pace = Pace { since: Instant::now(), count: 0 };
    let results = Arc::new(Semaphore::new(RESULTS_MAX));
    loop {
        let message = tokio::select! {
            heard = hear(socket) => match heard {
                Some(message) => {
                    heard_at = Instant::now();
                    if !pace.may_send() {
                        return "too_fast";
                    }
                    if let Some(why) = take(app, line, message, &results) {
                        return why;
                    }
                    continue;
                }
                None => return "closed",
            },
            // Its sender lives as long as the line.
            Some(message) = queue.recv() => message,
            _ = pings.tick() => {
                if heard_at.elapsed() >= SILENCE_MAX {
                    return "silent";
                }
                number += 1;
                ToTerminal::Ping { number }
            }
            why = line.ended() => return why,
            _ = stopping.wait_for(|is_stopping| *is_stopping) => return "stopping",
        };
        if !matches!(timeout(WRITE_TIMEOUT, socket.send(Message::text(message.encode()))).await, Ok(Ok(()))) {
            return "closed";
        }
    }
}

/// What a device says; the answer is why the connection ends, if it does.
fn take(app: &App, line: &Arc<Line>, message: FromTerminal, results: &Arc<Semaphore>) -> Option<&'static str> {
    let now = app.clock.now();
    line.note(|live| live.heard_at = Some(now));
    match message {
        FromTerminal::Accepted(accepted) => {
            let id = accepted.id.clone();
            let _ = line.answer(&id, Heard::Accepted(accepted));
        }
        FromTerminal::Refused { id, code } => {
            let _ = line.answer(&id, Heard::Refused(code));
        }
        FromTerminal::InquiryResult(answer) => {
            let id = answer.id.clone();
            let _ = line.answer(&id, Heard::Inquiry(Box::new(answer)));
        }
        FromTerminal::Result(told) => take_result(app, line, told, results),
        FromTerminal::CancelResult { id, outcome } => {
            let (app, line) = (app.clone(), Arc::clone(line));
            let _ = line.answer(&id, Heard::Cancel(outcome.clone()));
            spawn_within(results, result::cancel(app, line, id, outcome));
        }
        FromTerminal::Progress { id, step } => state::note_step(line, &id, &step),
        FromTerminal::Status(status) => {
            if state::note_status(line, status) {
                spawn_within(results, state::write_down(app.clone(), Arc::clone(line), true));
            }
        }
        FromTerminal::PairingCodeWanted {} => {
            spawn_within(results, pairing::offer(app.clone(), Arc::clone(line)));
        }
        FromTerminal::Pong { .. } => {}
        FromTerminal::Bye { .. } => return Some("closed"),
        FromTerminal::Hello(_) | FromTerminal::Proof { .. } => return Some("not_understood"),
    }
    None
}

/// Somebody who asks about the command hears of it first; it is recorded as the terminal's own word in any case, so that the
/// terminal need not say it again.
fn take_result(app: &App, line: &Arc<Line>, told: connectors::terminal::TerminalResult, results: &Arc<Semaphore>) {
    let (app, line) = (app.clone(), Arc::clone(line));
    let _ = line.answer(&told.id, Heard::Result(Box::new(told.clone())));
    spawn_within(results, result::result(app, line, told));
}

/// Does it, unless too much of this device is being done: it says again what it was not answered.
fn spawn_within(places: &Arc<Semaphore>, work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        tokio::spawn(async move {
            work.await;
            drop(place);
        });
    }
}
