//! The line of a played terminal: connects, proves who it is, says what waits, hears what comes, and begins anew when the line
//! breaks.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval_at, sleep, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Parts;
use super::script::{Act, Script};

/// The pause before it calls again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// A hub that says nothing for so long in the beginning is not there.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How much longer than others a slow customer takes.
const SLOW_FACTOR: u32 = 20;
/// A far future, for what waits for nothing.
const FAR: Duration = Duration::from_secs(86_400);

type Line = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a connection ended, as far as it matters.
struct Ended;

/// Keeps a terminal connected as long as it is switched on.
pub(super) async fn run(parts: Arc<Parts>) {
    let mut power = parts.power.subscribe();
    loop {
        if power.wait_for(|is_on| *is_on).await.is_err() {
            return;
        }
        let has_power_cut = async {
            // An error says that the terminal is gone; the task is ended with it.
            let _ = power.wait_for(|is_on| !*is_on).await;
        };
        let has_failed = tokio::select! {
            ended = talk(&parts) => ended.is_err(),
            () = has_power_cut => false,
            () = parts.cut.notified() => false,
        };
        let was_online = parts.online.send_replace(false);
        if was_online && *parts.power.borrow() {
            parts.engine().lose_line();
        }
        if has_failed {
            sleep(AGAIN_AFTER).await;
        }
    }
}

async fn talk(parts: &Arc<Parts>) -> Result<(), Ended> {
    let options = parts.options();
    let host = options.hub.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let (mut line, _) = connect_async(format!("ws://{host}/v1/terminal-channel")).await.map_err(|_| Ended)?;
    let clock = move || own_clock_ms() + options.clock_ahead_ms;
    let hello = json!({
        "type": "hello", "version": 1, "terminal_id": options.terminal_id, "software": "played 1.0", "clock_ms": clock(),
    });
    say(&mut line, hello.to_string()).await?;
    let challenge = expect(&mut line, "challenge", parts).await?;
    let nonce = challenge["nonce"].as_str().unwrap_or_default();
    let at_ms = challenge["at_ms"].as_i64().unwrap_or_default();
    let text = format!("tillbridge terminal channel v1\n{}\n{host}\n{nonce}\n{at_ms}", options.terminal_id);
    say(&mut line, json!({ "type": "proof", "signature": parts.key.sign(&text) }).to_string()).await?;
    let welcome = expect(&mut line, "welcome", parts).await?;
    parts.engine().welcome(&welcome, clock());
    parts.online.send_replace(true);
    let mut again = interval_at(Instant::now() + options.tell_again, options.tell_again);
    let mut customer_at = None;
    loop {
        let waiting: Vec<String> = std::mem::take(&mut parts.engine().outbox);
        for message in waiting {
            if is_result_to_lose(parts, &message) {
                unplug(parts);
                return Err(Ended);
            }
            say(&mut line, message).await?;
        }
        customer_at = next_customer(parts, customer_at, options.customer);
        tokio::select! {
            heard = line.next() => {
                let Some(Ok(message)) = heard else { return Err(Ended) };
                let Message::Text(text) = message else { continue };
                let Ok(message) = serde_json::from_str::<Value>(&text) else { continue };
                if message["type"] == "command" && is_deaf(parts) {
                    return if parts.engine().script == Script::PlugAtCommand { unplug(parts); Err(Ended) } else { continue };
                }
                parts.engine().hear(&message, clock());
            }
            () = parts.news.notified() => {}
            _ = again.tick() => parts.engine().tell_again(),
            () = sleep_until(customer_at.unwrap_or_else(|| Instant::now() + FAR)) => {
                customer_at = None;
                play_customer(parts);
            }
        }
    }
}

fn is_deaf(parts: &Parts) -> bool {
    matches!(parts.engine().script, Script::NeverAnswer | Script::PlugAtCommand)
}

/// Whether the plug is pulled instead of saying this.
fn is_result_to_lose(parts: &Parts, message: &str) -> bool {
    parts.engine().script == Script::PlugAfterApproval && message.contains("\"outcome\":\"approved\"")
}

/// Pulls the plug for a while. The script happens once: afterwards customers are approved.
fn unplug(parts: &Arc<Parts>) {
    parts.engine().script = Script::Approve;
    let pause = parts.options().unplugged;
    parts.act(Act::PullPlug);
    let parts = Arc::clone(parts);
    tokio::spawn(async move {
        sleep(pause).await;
        parts.act(Act::PutPlugBack);
    });
}

/// When the customer does something next.
fn next_customer(parts: &Parts, at: Option<Instant>, customer: Duration) -> Option<Instant> {
    let engine = parts.engine();
    if !engine.waits_for_card() || engine.script == Script::Manual {
        return None;
    }
    let pause = if engine.script == Script::Slow { customer * SLOW_FACTOR } else { customer };
    Some(at.unwrap_or_else(|| Instant::now() + pause))
}

fn play_customer(parts: &Arc<Parts>) {
    let script = parts.engine().script;
    match script {
        Script::Decline => parts.engine().act(Act::TapDeclined),
        Script::PlugBeforeCard => unplug(parts),
        Script::Manual => {}
        Script::Approve
        | Script::Slow
        | Script::WrongAmount
        | Script::PlugAfterApproval
        | Script::PlugAtCommand
        | Script::ResultTwice
        | Script::NeverAnswer
        | Script::WrongCommand => parts.engine().act(Act::Tap),
    }
}

async fn say(line: &mut Line, message: String) -> Result<(), Ended> {
    line.send(Message::text(message)).await.map_err(|_| Ended)
}

/// The next message, which has to be of this kind.
async fn expect(line: &mut Line, kind: &str, parts: &Parts) -> Result<Value, Ended> {
    loop {
        let heard = tokio::time::timeout(HELLO_TIMEOUT, line.next()).await.map_err(|_| Ended)?;
        let Some(Ok(message)) = heard else { return Err(Ended) };
        let Message::Text(text) = message else { continue };
        let message: Value = serde_json::from_str(&text).map_err(|_| Ended)?;
        if message["type"] == kind {
            return Ok(message);
        }
        let code = message["code"].as_str().unwrap_or("not_understood").to_owned();
        parts.engine().screen.notice = Some(code.clone());
        *parts.rejected.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
        return Err(Ended);
    }
}

#[expect(clippy::disallowed_methods, reason = "a terminal has a clock of its own")]
fn own_clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
