//! `/v1/events`: the merchant's committed facts by number, as pages and as a stream of server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::id::MerchantId;
use domain::time::Timestamp;
use futures::Stream;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use storage::read::StoredEvent;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::Route;
use super::auth::{Principal, authenticate, check_again};
use super::body::query;
use super::error::{Kind, Problem};
use super::json::{self, Page};
use super::submit::ok;
use crate::app::App;

/// Streams at the same time: consoles and integrations of a few hundred shops; each asks the database once a second.
pub const STREAMS_MAX: usize = 256;
/// A stream that was not woken looks by itself: another hub may have committed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Events that a stream reads at once.
const EVENTS_AT_ONCE: i64 = 100;
/// A stream says this often that it is alive: proxies cut what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How a browser names the last event that it saw.
const LAST_EVENT_ID: &str = "last-event-id";

/// The routes of events.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/v1/events", list), Route::get("/v1/events/stream", stream)]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    after: i64,
    limit: Option<i64>,
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let Wanted { after, limit } = query(&uri)?;
    let limit = Page::new(None, limit).limit()?;
    let found = app.reader.list_events(principal.merchant, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |event| event.number.to_string(), Shape::of))))
}

#[derive(Serialize)]
struct Shape<'a> {
    id: &'a str,
    object: &'static str,
    number: i64,
    kind: &'a str,
    subject: &'a str,
    /// Stored as JSON; what is not would be a broken row, and reads as null.
    data: Option<&'a RawValue>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
}

impl<'a> Shape<'a> {
    fn of(event: &'a StoredEvent) -> Self {
        let StoredEvent { number, id, kind, subject, data, recorded_at } = event;
        let data = serde_json::from_str(data).ok();
        Self { id, object: "event", number: *number, kind, subject, data, created_at: *recorded_at }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    after: Option<i64>,
}

async fn stream(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let From { after } = query(&uri)?;
    let seen = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()?.parse().ok());
    let after = match seen.or(after) {
        Some(after) => after,
        None => app.reader.last_event_number(principal.merchant).await?,
    };
    let place = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        Problem::new(Kind::StreamsExhausted, format!("All {STREAMS_MAX} event streams are taken. Ask for pages."))
    })?;
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(follow(app, principal, after, place)).keep_alive(keep_alive).into_response())
}

/// The events after a number, as they are committed, until the hub stops or the key is no longer good.
fn follow(
    app: App,
    principal: Arc<Principal>,
    mut after: i64,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    async_stream::stream! {
        let _place = place;
        let mut commits = app.committer.commits();
        let mut stopping = app.stopping.clone();
        while !app.is_stopping() && check_again(&app, &principal).await.is_ok() {
            let Ok(events) = app.reader.list_events(principal.merchant, after, EVENTS_AT_ONCE).await else { break };
            let is_behind = events.len() == usize::try_from(EVENTS_AT_ONCE).unwrap_or(usize::MAX);
            for event in events {
                after = event.number;
                yield Ok(message(&event));
            }
            if !is_behind {
                wait(&mut commits, principal.merchant, &mut stopping).await;
            }
        }
    }
}

/// An event as it is answered, in one line.
pub fn line(event: &StoredEvent) -> Vec<u8> {
    json::to_bytes(&Shape::of(event))
}

fn message(event: &StoredEvent) -> sse::Event {
    // JSON of our own making has no line breaks.
    let body = String::from_utf8(line(event)).unwrap_or_default();
    sse::Event::default().id(event.number.to_string()).event(&event.kind).data(body)
}

/// Waits for a commit of the merchant, for a while, or for the hub to stop.
async fn wait(commits: &mut Receiver<Arc<[MerchantId]>>, merchant: MerchantId, stopping: &mut watch::Receiver<bool>) {
    let woken = async {
        loop {
            match commits.recv().await {
                Ok(merchants) if merchants.contains(&merchant) => return,
                Ok(_) => {}
                // Too many commits to tell: look.
                Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        () = woken => {}
        () = tokio::time::sleep(LOOK_EVERY) => {}
        _ = stopping.changed() => {}
    }
}
