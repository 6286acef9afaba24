//! Talks to providers: makes the requests that a commit left to be made, and records what came of them. Nothing here
//! decides; a task says what to ask, and its outcome goes back through `payment::RecordOutcome`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use connectors::{Ask, Connector, Exchange, Secret, Told, find_connector};
use domain::call::{Actor, Role};
use domain::id::{ConnectionId, MerchantId};
use domain::payment::{Action, Moved, Outcome, RecordOutcome, Task, Witness, keys_for_outcome};
use serde::{Deserialize, Serialize};
use storage::reader::Reader;
use storage::{Answer, Committed, EngineError, Envelope, Failure, Idempotency, Lane};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::config::Hidden;

/// Requests to providers at the same time: each holds a socket and a few kilobytes for as long as a customer thinks.
const REQUESTS_MAX: usize = 1_024;
/// How long a request waits for its place; below the grace of a lease (`payment::SEND_GRACE_MS`), so that no charge leaves
/// after its job has begun to find out how it went.
const PLACE_WAIT: Duration = Duration::from_millis(1_000);
/// Connections whose provider is remembered. Beyond it the memory begins anew.
const NAMES_MAX: usize = 20_000;
/// Tries to record an outcome while the committer is overloaded or the database away. The job of the payment is behind
/// them: whatever is not recorded here is asked again.
const RECORD_TRIES_MAX: u32 = 5;
/// The pause before the first of them is repeated; it doubles.
const RECORD_PAUSE: Duration = Duration::from_millis(50);

/// Where providers are told to send notifications, and with what they are called.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How providers reach this hub, for example `https://pay.example.jp`; without it none is told a notification address.
    pub notify_base: Option<String>,
    /// Credentials by connection id, in the form that its connector wants.
    #[serde(default)]
    pub secrets: BTreeMap<ConnectionId, Hidden>,
}

/// The hub's side of all providers.
pub struct Providers {
    exchange: Exchange,
    notify_base: Option<String>,
    secrets: BTreeMap<ConnectionId, Secret>,
    nobody: Secret,
    places: Semaphore,
    actor: Arc<Actor>,
    /// Which provider a connection is with: never changes under its id.
    names: RwLock<HashMap<(MerchantId, ConnectionId), Arc<str>>>,
}

impl Providers {
    /// Ready to call.
    pub fn try_new(config: &Config) -> Result<Self, connectors::ExchangeError> {
        let secret = |hidden: &Hidden| Secret::new(hidden.expose().to_owned());
        Ok(Self {
            exchange: Exchange::try_new()?,
            notify_base: config.notify_base.as_ref().map(|base| base.trim_end_matches('/').to_owned()),
            secrets: config.secrets.iter().map(|(id, hidden)| (*id, secret(hidden))).collect(),
            nobody: Secret::new(String::new()),
            places: Semaphore::new(REQUESTS_MAX),
            actor: Arc::new(Actor::new("sender", Role::System)),
            names: RwLock::default(),
        })
    }

    /// The name of the provider that a connection is with; `None` if the merchant has no such connection.
    pub async fn name_of(
        &self,
        reader: &Reader,
        merchant: MerchantId,
        connection: ConnectionId,
    ) -> Result<Option<Arc<str>>, EngineError> {
        let key = (merchant, connection);
        if let Some(name) = self.names.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Some(Arc::clone(name)));
        }
        let Some(found) = reader.find_connection(merchant, connection).await? else { return Ok(None) };
        let name: Arc<str> = found.provider.into();
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= NAMES_MAX {
            names.clear();
        }
        names.insert(key, Arc::clone(&name));
        Ok(Some(name))
    }

    /// The credentials of a connection; empty where none are configured.
    pub fn secret(&self, connection: ConnectionId) -> &Secret {
        self.secrets.get(&connection).unwrap_or(&self.nobody)
    }

    /// Does what a task says, and gives what came of it in the form in which it is recorded.
    pub async fn carry_out(&self, task: &Task, fault: Option<&str>) -> RecordOutcome {
        let (outcome, is_unreachable) = self.ask(task, fault).await;
        let witness = match task.what {
            Action::Send => Witness::Reply,
            Action::Inquire => Witness::Inquiry,
        };
        RecordOutcome {
            operation: task.operation.id,
            witness,
            outcome,
            asked_at: task.handed_out_at,
            is_unreachable,
            fence: Some(task.fence),
            hint: keys_for_outcome(&task.payment),
        }
    }

    /// Asks the provider, and says whether it was there to be asked.
    async fn ask(&self, task: &Task, fault: Option<&str>) -> (Outcome, bool) {
        let Some(connector) = find_connector(&task.connection.provider) else {
            tracing::error!(connection.id = %task.connection.id, provider = task.connection.provider, "No connector of this name.");
            return (Outcome::Unknown, false);
        };
        let notify_url = self.notify_base.as_ref().map(|base| notify_url(base, connector, task.connection.id));
        let ask = Ask {
            operation: &task.operation,
            target: task.target.as_ref(),
            payment: &task.payment,
            settings: &task.connection.settings,
            secret: self.secret(task.connection.id),
            notify_url: notify_url.as_deref(),
            timeout_ms: task.connection.profile.answer_timeout_ms,
            fault,
        };
        let request = match task.what {
            Action::Send => connector.build_send(&ask),
            Action::Inquire => connector.build_inquiry(&ask),
        };
        let request = match (request, task.what) {
            (Ok(request), _) => request,
            (Err(cannot), Action::Send) => return (cannot.outcome(&ask), false),
            (Err(_), Action::Inquire) => return (Outcome::Unknown, false),
        };
        let Ok(Ok(_place)) = tokio::time::timeout(PLACE_WAIT, self.places.acquire()).await else {
            tracing::warn!(operation.id = %task.operation.id, "All {REQUESTS_MAX} places of requests are taken.");
            let outcome = if task.what == Action::Send { ask.did_nothing("hub_overloaded") } else { Outcome::Unknown };
            return (outcome, false);
        };
        let told = self.exchange.send(request).await;
        let is_unreachable = !matches!(told, Told::Response(_));
        let outcome = match task.what {
            Action::Send => connector.read_send(&ask, &told),
            Action::Inquire => connector.read_inquiry(&ask, &told),
        };
        (outcome, is_unreachable)
    }
}

/// Where a connection's provider sends notifications.
fn notify_url(base: &str, connector: &dyn Connector, connection: ConnectionId) -> String {
    format!("{base}/v1/webhooks/{}/{connection}", connector.name())
}

/// How the outcome of a task is made known to somebody who waits for it.
pub struct Waiter {
    /// What follows the request through the log.
    pub request_id: String,
    /// The idempotency key whose answer is still to come, if there is one.
    pub settles: Idempotency,
    /// The answer in bytes; one with status 0 leaves the key open.
    pub encode: Box<dyn Fn(&Moved) -> Answer + Send>,
    /// A fault that the sandbox is to play.
    pub fault: Option<String>,
}

impl Waiter {
    /// Nobody waits.
    pub fn nobody(request_id: String) -> Self {
        Self { request_id, settles: Idempotency::None, encode: Box::new(|_| Answer::default()), fault: None }
    }
}

/// Does a task to its end: asks, records the outcome, and starts the tasks that follow from it. Runs on even if whoever
/// waits for it has gone.
pub async fn perform(app: App, task: Task, waiter: Waiter) -> Result<Committed<Moved>, Failure> {
    let command = app.providers.carry_out(&task, waiter.fault.as_deref()).await;
    let committed = record(&app, &task, command, waiter).await?;
    if let Some(Ok(moved)) = &committed.reply {
        start_all(&app, moved.tasks.clone());
    }
    Ok(committed)
}

async fn record(app: &App, task: &Task, command: RecordOutcome, waiter: Waiter) -> Result<Committed<Moved>, Failure> {
    let encode = Arc::new(std::sync::Mutex::new(waiter.encode));
    let mut pause = RECORD_PAUSE;
    for tries in 1.. {
        let envelope = Envelope {
            merchant: task.payment.merchant,
            actor: Arc::clone(&app.providers.actor),
            request_id: waiter.request_id.clone(),
            idempotency: waiter.settles.clone(),
            lane: Lane::Interactive,
            weight: 0,
        };
        let encode = Arc::clone(&encode);
        let outcome = app
            .committer
            .submit(envelope, command.clone(), move |reply| match reply {
                Ok(moved) => encode.lock().map(|encode| encode(moved)).unwrap_or_default(),
                Err(_) => Answer::default(),
            })
            .await;
        match outcome {
            Err(Failure::Overloaded | Failure::Unavailable(_)) if tries < RECORD_TRIES_MAX => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            outcome => {
                if let Err(failure) = &outcome {
                    tracing::warn!(operation.id = %task.operation.id, %failure, "An outcome could not be recorded; the payment's job will ask again.");
                }
                return outcome;
            }
        }
    }
    Err(Failure::Overloaded)
}

/// Starts tasks that nobody waits for.
pub fn start_all(app: &App, tasks: Vec<Task>) {
    start_all_with(app, tasks, None);
}

/// Starts tasks that nobody waits for, with a fault that the sandbox is to play.
pub fn start_all_with(app: &App, tasks: Vec<Task>, fault: Option<String>) {
    for task in tasks {
        let request_id = format!("task-{}", task.operation.id);
        let waiter = Waiter { fault: fault.clone(), ..Waiter::nobody(request_id) };
        tokio::spawn(perform(app.clone(), task, waiter));
    }
}
