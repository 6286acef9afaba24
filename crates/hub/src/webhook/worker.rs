//! Takes up events behind each endpoint's cursor, and sends what is due. Everything it changes is an ordinary command of the
//! bulk lane; of several hubs the one that has the turn at an endpoint sends to it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::command::{Command, Refusal};
use domain::id::{MerchantId, WebhookEndpointId};
use domain::time::Timestamp;
use domain::webhook_delivery::{
    Attempt, BeginTurn, EndTurn, FACTS_MAX, Fact, FanOut, RecordAttempts, Recorded, Told, Turn, WebhookDelivery,
};
use domain::webhook_endpoint::{State, WebhookEndpoint};
use futures::StreamExt;
use storage::read::StoredEvent;
use storage::read::webhook::{DueDelivery, EndpointWork};
use storage::{Answer, Corrupt, EngineError, Failure, Lane};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::message;
use super::open_keys;
use super::sender::Outgoing;
use super::signature::{self, SigningKeys};
use crate::app::App;
use crate::rounds::{self, Busy, LOOK_AGAIN};

/// Requests to one endpoint at the same time: a receiver of ordinary size is not run over.
pub const REQUESTS_PER_ENDPOINT_MAX: usize = 16;
/// Deliveries read at once.
const DUE_MAX: i64 = 128;
/// Deliveries that may wait for one endpoint. What comes after them waits in the outbox, and loses nothing there.
const PENDING_MAX: i64 = 10_000;
/// A turn sends nothing new after this time: its last answer and the record of it fit into the rest of the lease
/// (`webhook_delivery::LEASE_MS`).
const TURN_MAX: Duration = Duration::from_secs(25);
/// Tries to run a command while the committer is overloaded or the database away. Behind them is the next look.
const TRIES_MAX: u32 = 5;
/// The pause before the first of them is repeated; it doubles.
const TRY_PAUSE: Duration = Duration::from_millis(50);

/// Why an endpoint was left before everything was done. The next look goes on.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Read(#[from] EngineError),
    #[error(transparent)]
    Write(#[from] Failure),
    #[error("{0}")]
    Refused(Refusal),
    #[error("the answer was a stored one")]
    NoReply,
    #[error("its secret was sealed under another pepper: restore the pepper, or rotate the secret")]
    Sealed,
}

/// Sends webhooks until the hub stops.
pub async fn run(app: App) {
    rounds::look_for(&app, "webhooks", || look(&app)).await;
}

async fn look(app: &App) -> Result<(), EngineError> {
    let now = app.reader.now(app.clock.now()).await?;
    for work in app.reader.list_webhook_work(now).await? {
        if let Some(guard) = app.webhooks.at_work.enter(work.id) {
            tokio::spawn(see_to(app.clone(), work, guard));
        }
    }
    Ok(())
}

async fn see_to(app: App, work: EndpointWork, guard: Busy<WebhookEndpointId>) {
    let visit = Visit { app: &app, endpoint: work.id, merchant: work.merchant };
    let id = work.id;
    match visit.make(work).await {
        Ok(()) => {}
        Err(why @ Interrupted::Sealed) => {
            tracing::error!(webhook_endpoint.id = %id, %why, "Nothing can be sent to an endpoint.");
        }
        Err(why) => {
            tracing::warn!(webhook_endpoint.id = %id, %why, "The webhooks of an endpoint wait for another look.");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
    drop(guard);
}

/// A hub sees to one endpoint.
struct Visit<'a> {
    app: &'a App,
    endpoint: WebhookEndpointId,
    merchant: MerchantId,
}

impl Visit<'_> {
    async fn make(&self, work: EndpointWork) -> Result<(), Interrupted> {
        let has_new = work.is_behind && self.take_up().await?;
        if (work.has_due || has_new) && !self.app.is_stopping() {
            self.take_turn().await?;
        }
        Ok(())
    }

    /// Makes the deliveries of the events that follow the cursor, and says whether there were any events.
    async fn take_up(&self) -> Result<bool, Interrupted> {
        let Some(endpoint) = self.app.reader.find_webhook_endpoint(self.merchant, self.endpoint).await? else {
            return Ok(false);
        };
        let (mut after, mut has_new) = (endpoint.cursor, false);
        loop {
            let pending = self.app.reader.count_pending_deliveries(self.endpoint, PENDING_MAX).await?;
            if pending >= PENDING_MAX || self.app.is_stopping() {
                return Ok(has_new);
            }
            let limit = i64::try_from(FACTS_MAX).unwrap_or(i64::MAX);
            let events = self.app.reader.list_events(self.merchant, after, limit).await?;
            let facts = events.into_iter().map(fact).collect::<Result<Vec<Fact>, EngineError>>()?;
            let is_last = facts.len() < FACTS_MAX;
            if facts.is_empty() {
                return Ok(has_new);
            }
            let fanned_out = self.run(FanOut { endpoint: self.endpoint, after, facts }).await?;
            has_new |= fanned_out.is_moved;
            if is_last || !fanned_out.is_moved {
                return Ok(has_new);
            }
            after = fanned_out.cursor;
        }
    }

    async fn take_turn(&self) -> Result<(), Interrupted> {
        let Some(Turn { endpoint, fence }) = self.run(BeginTurn { endpoint: self.endpoint }).await? else {
            return Ok(());
        };
        let round =
            Round { visit: self, fence, over_at: Instant::now() + TURN_MAX, endpoint: Mutex::new(Some(endpoint)) };
        // After a mistake the turn is kept until its lease is over: what was sent and could not be recorded is sent again
        // once a minute, and not at each look.
        round.send_all().await?;
        self.run(EndTurn { endpoint: self.endpoint, fence: Some(fence) }).await
    }

    /// Runs a command, again if the committer is busy or the database away.
    async fn run<C>(&self, command: C) -> Result<C::Reply, Interrupted>
    where
        C: Command + Clone + Send + 'static,
        C::Reply: Send + 'static,
    {
        let mut pause = TRY_PAUSE;
        let mut tries = 1;
        loop {
            let request_id = format!("webhooks-{}", self.endpoint);
            let envelope = rounds::own(self.merchant, &self.app.webhooks.actor, request_id, Lane::Bulk);
            match self.app.committer.submit(envelope, command.clone(), |_| Answer::default()).await {
                Ok(committed) => {
                    let reply = committed.reply.ok_or(Interrupted::NoReply)?;
                    return reply.map_err(Interrupted::Refused);
                }
                Err(Failure::Overloaded | Failure::Unavailable(_)) if tries < TRIES_MAX => {
                    tokio::time::sleep(pause).await;
                    (tries, pause) = (tries + 1, pause * 2);
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }
}

fn fact(event: StoredEvent) -> Result<Fact, EngineError> {
    let StoredEvent { number, id, kind, subject, .. } = event;
    let event = id.parse().map_err(|_| Corrupt { table: "event", id, column: "id" })?;
    Ok(Fact { number, event, kind, subject })
}

/// An attempt that is to be recorded; whoever made it waits until this is let go.
struct Heard {
    attempt: Attempt,
    _recorded: oneshot::Sender<()>,
}

/// The sending of one turn.
struct Round<'a> {
    visit: &'a Visit<'a>,
    fence: i64,
    over_at: Instant,
    /// The endpoint as the last attempt left it; none once the turn was lost.
    endpoint: Mutex<Option<WebhookEndpoint>>,
}

impl Round<'_> {
    /// Sends what is due, page by page, until nothing is, or the endpoint or the time says stop.
    async fn send_all(&self) -> Result<(), Interrupted> {
        let app = self.visit.app;
        loop {
            let now = app.reader.now(app.clock.now()).await?;
            let Some(endpoint) = self.sendable(now) else { return Ok(()) };
            // One that failed is tried with one message before it gets the others.
            let limit = if endpoint.strain > 0 { 1 } else { DUE_MAX };
            let due = app.reader.list_due_deliveries(&endpoint, now, limit).await?;
            if due.is_empty() && !self.visit.take_up().await? {
                return Ok(());
            }
            let keys = live_keys(app, &endpoint, now)?;
            let (heard, hearing) = mpsc::channel(REQUESTS_PER_ENDPOINT_MAX);
            let mut work = Vec::with_capacity(due.len());
            for due in &due {
                work.push(self.deliver(due, &keys, now, heard.clone()));
            }
            drop(heard);
            let sending = futures::stream::iter(work).buffer_unordered(REQUESTS_PER_ENDPOINT_MAX).collect::<()>();
            tokio::join!(sending, self.record(hearing)).1?;
        }
    }

    /// Records what is heard of attempts, until all of a page is: each time all that was heard meanwhile, in one command.
    async fn record(&self, mut hearing: mpsc::Receiver<Heard>) -> Result<(), Interrupted> {
        let mut heard = Vec::with_capacity(REQUESTS_PER_ENDPOINT_MAX);
        while hearing.recv_many(&mut heard, REQUESTS_PER_ENDPOINT_MAX).await > 0 {
            let attempts = heard.iter().map(|heard| heard.attempt).collect();
            let command = RecordAttempts { endpoint: self.visit.endpoint, fence: self.fence, attempts };
            let recorded = self.visit.run(command).await?;
            self.note(recorded);
            // Whose attempt is recorded makes room for the next.
            heard.clear();
        }
        Ok(())
    }

    /// The endpoint, if it is to be sent to at this moment.
    fn sendable(&self, now: Timestamp) -> Option<WebhookEndpoint> {
        if Instant::now() >= self.over_at || self.visit.app.is_stopping() {
            return None;
        }
        let endpoint = self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let is_sendable = match endpoint.state {
            State::Active => !endpoint.is_paused(now),
            State::Inactive | State::Gone => false,
            State::Deleted => true,
        };
        is_sendable.then_some(endpoint)
    }

    /// All of a page goes by the time at which it was read: of one clock, the database's.
    /// It ends when the attempt is recorded, so that no more than have a place are sent and not recorded.
    async fn deliver(&self, due: &DueDelivery, keys: &[SigningKeys], now: Timestamp, heard: mpsc::Sender<Heard>) {
        let app = self.visit.app;
        let Ok(_place) = app.webhooks.places.acquire().await else { return };
        // Nobody records any more: what is sent now would be sent again.
        if heard.is_closed() {
            return;
        }
        let Some(endpoint) = self.sendable(now) else { return };
        let told = match endpoint.state {
            State::Deleted => Told::EndpointDeleted,
            State::Active | State::Inactive | State::Gone => {
                app.webhooks.sender.send(&endpoint.url, outgoing(due, keys, now), now).await
            }
        };
        let (recorded, is_recorded) = oneshot::channel();
        let attempt = Attempt { delivery: due.delivery.id, told };
        if heard.send(Heard { attempt, _recorded: recorded }).await.is_ok() {
            // Nothing is ever sent: it ends when the attempt is let go.
            let _ = is_recorded.await;
        }
    }

    fn note(&self, recorded: Recorded) {
        let mut last = self.endpoint.lock().unwrap_or_else(PoisonError::into_inner);
        match recorded {
            Recorded::LeaseLost => *last = None,
            Recorded::Counted { deliveries, endpoint } => {
                deliveries.iter().for_each(note_attempt);
                if last.as_ref().is_some_and(|last| last.version < endpoint.version) {
                    *last = Some(endpoint);
                }
            }
        }
    }
}

/// What signs now. A deleted endpoint has no secret, and is sent nothing.
fn live_keys(app: &App, endpoint: &WebhookEndpoint, now: Timestamp) -> Result<Vec<SigningKeys>, Interrupted> {
    if endpoint.state == State::Deleted {
        return Ok(Vec::new());
    }
    let keys = endpoint.secrets(now).map(|sealed| open_keys(&app.pepper.seal, endpoint, sealed));
    keys.collect::<Option<_>>().ok_or(Interrupted::Sealed)
}

fn outgoing(due: &DueDelivery, keys: &[SigningKeys], now: Timestamp) -> Outgoing {
    let (id, timestamp_s, body) = (due.delivery.event.to_string(), now.0.div_euclid(1_000), message::body(due));
    let signature = signature::header(keys, &id, timestamp_s, &body);
    Outgoing { id, timestamp_s, signature, body }
}

fn note_attempt(delivery: &WebhookDelivery) {
    let labels = [("state", delivery.state.as_str()), ("reason", delivery.reason.map_or("none", |why| why.as_str()))];
    metrics::counter!("tillbridge_webhook_attempts_total", &labels).increment(1);
}
