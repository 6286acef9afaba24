//! Talks to providers: makes the requests that a commit left to be made, and records what came of them. Nothing here
//! decides; a task says what to ask, and its outcome goes back through `payment::RecordOutcome`.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use connectors::{Access, Advised, Ask, Connector, Exchange, Probe, ReaderBlob, Secret, Stamp, Told, find_connector};
use domain::call::{Actor, Role};
use domain::command::Command;
use domain::customer_code::{Rule, Table};
use domain::id::{ConnectionId, MerchantId};
use domain::merchant::{Connection, Reach};
use domain::payment::{
    Action, Moved, Operation, Outcome, Payment, PresentedCode, RecordOutcome, Task, Witness, keys_for_outcome,
};
use domain::time::Timestamp;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use storage::reader::Reader;
use storage::{Answer, Committed, EngineError, Envelope, Failure, Idempotency, Lane};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::app::App;
use crate::clock::random_bytes;
use crate::config::Hidden;
use crate::relay;
use crate::rounds;
use crate::seal::Seal;
use crate::token::{Denied, Tokens};

/// Requests to providers at the same time: each holds a socket and a few kilobytes for as long as a customer thinks.
const REQUESTS_MAX: usize = 1_024;
/// How long a request waits for its place; below the grace of a lease (`payment::SEND_GRACE_MS`), so that no charge leaves
/// after its job has begun to find out how it went.
const PLACE_WAIT: Duration = Duration::from_millis(1_000);
/// Connections whose reach is remembered. Beyond it the memory begins anew.
const KNOWN_MAX: usize = 20_000;
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
    /// Where notifications of a connection may come from; from anywhere where it is left out.
    #[serde(default)]
    pub notify_networks: BTreeMap<ConnectionId, Vec<IpNet>>,
    /// How a merchant's scanned codes are told apart, before the table that everybody has.
    #[serde(default)]
    pub customer_codes: BTreeMap<MerchantId, Vec<Rule>>,
}

/// The hub's side of all providers.
pub struct Providers {
    exchange: Exchange,
    notify_base: Option<String>,
    secrets: BTreeMap<ConnectionId, Secret>,
    notify_networks: BTreeMap<ConnectionId, Vec<IpNet>>,
    customer_codes: BTreeMap<MerchantId, Table>,
    seal: Seal,
    places: Semaphore,
    tokens: Tokens,
    actor: Arc<Actor>,
    /// What never changes of a connection under its id.
    known: RwLock<HashMap<(MerchantId, ConnectionId), Known>>,
}

/// What never changes of a connection under its id.
#[derive(Clone, Copy)]
struct Known {
    reach: Reach,
    connector: Option<&'static dyn Connector>,
}

impl Providers {
    /// Ready to call.
    pub fn try_new(config: &Config, seal: Seal) -> Result<Self, connectors::ExchangeError> {
        Ok(Self::over(Exchange::try_new()?, config, seal))
    }

    /// Calls by this way.
    pub fn over(exchange: Exchange, config: &Config, seal: Seal) -> Self {
        let secret = |hidden: &Hidden| Secret::new(hidden.expose().to_owned());
        Self {
            exchange,
            notify_base: config.notify_base.as_ref().map(|base| base.trim_end_matches('/').to_owned()),
            secrets: config.secrets.iter().map(|(id, hidden)| (*id, secret(hidden))).collect(),
            notify_networks: config.notify_networks.clone(),
            customer_codes: config.customer_codes.iter().map(|(id, own)| (*id, Table::of(own.clone()))).collect(),
            seal,
            places: Semaphore::new(REQUESTS_MAX),
            tokens: Tokens::default(),
            actor: Arc::new(Actor::new("sender", Role::System)),
            known: RwLock::default(),
        }
    }

    /// How a merchant's scanned codes are told apart.
    pub fn customer_codes(&self, merchant: MerchantId) -> Table {
        self.customer_codes.get(&merchant).cloned().unwrap_or_default()
    }

    /// Which keys reach a connection; `None` if the merchant has no such connection.
    pub async fn reach_of(
        &self,
        reader: &Reader,
        merchant: MerchantId,
        connection: ConnectionId,
    ) -> Result<Option<Reach>, EngineError> {
        Ok(self.known(reader, merchant, connection).await?.map(|known| known.reach))
    }

    /// The connector of a connection; `None` if the merchant has no such connection, or the hub no such connector.
    pub async fn connector_of(
        &self,
        reader: &Reader,
        merchant: MerchantId,
        connection: ConnectionId,
    ) -> Result<Option<&'static dyn Connector>, EngineError> {
        Ok(self.known(reader, merchant, connection).await?.and_then(|known| known.connector))
    }

    async fn known(
        &self,
        reader: &Reader,
        merchant: MerchantId,
        connection: ConnectionId,
    ) -> Result<Option<Known>, EngineError> {
        let key = (merchant, connection);
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Some(*known));
        }
        let Some(found) = reader.find_connection(merchant, connection).await? else { return Ok(None) };
        let fresh = Known { reach: found.reach(), connector: find_connector(&found.provider) };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(key, fresh);
        Ok(Some(fresh))
    }

    /// Whether a notification of a connection may come from this address; `None` stands for one that nobody can tell.
    pub fn may_notify(&self, connection: ConnectionId, from: Option<IpAddr>) -> bool {
        let Some(networks) = self.notify_networks.get(&connection) else { return true };
        // A socket for both families tells of the older one in the words of the newer.
        from.map(|from| from.to_canonical()).is_some_and(|from| networks.iter().any(|network| network.contains(&from)))
    }

    /// Whether the settings say from which networks the notifications of a connection come.
    pub fn has_networks(&self, connection: ConnectionId) -> bool {
        self.notify_networks.contains_key(&connection)
    }

    /// A path of ours as providers call it: behind a proxy there may stand something before it, which `notify_base` has.
    pub fn path_for_provider(&self, path: &str) -> String {
        let base = self.notify_base.as_deref().and_then(|base| base.split_once("://"));
        let prefix = base.and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or_default();
        format!("{prefix}{path}")
    }

    /// The credentials of a connection: the sealed ones, else those of the settings; empty where there are none.
    pub fn secret(&self, connection: &Connection) -> Secret {
        let Some(known) = &connection.credentials else {
            return self.secrets.get(&connection.id).cloned().unwrap_or_else(|| Secret::new(String::new()));
        };
        self.open(connection, known.number, &known.sealed)
    }

    /// The credentials before those, as long as they live.
    pub fn old_secret(&self, connection: &Connection, now: Timestamp) -> Option<Secret> {
        let known = connection.credentials.as_ref()?;
        let old = known.old.as_ref().filter(|old| now < old.until)?;
        Some(self.open(connection, known.number.saturating_sub(1), &old.sealed))
    }

    fn open(&self, connection: &Connection, number: i64, sealed: &[u8]) -> Secret {
        let purpose = sealed_for(connection.merchant, connection.id, &connection.provider, number);
        let opened = self.seal.open(&purpose, sealed).and_then(|bytes| String::from_utf8(bytes).ok());
        if opened.is_none() {
            tracing::error!(connection.id = %connection.id, "The credentials were sealed under another pepper. Set them anew.");
        }
        Secret::new(opened.unwrap_or_default())
    }

    /// Does what a task says, and gives what came of it in the form in which it is recorded.
    pub async fn carry_out(&self, task: &Task, one_time: &OneTime, now: Timestamp) -> RecordOutcome {
        let Heard { outcome, presented, is_unreachable } = self.ask(task, one_time, now).await;
        let witness = match task.what {
            Action::Send => Witness::Reply,
            Action::Inquire => Witness::Inquiry,
        };
        RecordOutcome {
            operation: task.operation.id,
            witness,
            outcome,
            presented,
            asked_at: task.handed_out_at,
            is_unreachable,
            fence: Some(task.fence),
            hint: keys_for_outcome(&task.payment),
        }
    }

    /// Asks the provider.
    async fn ask(&self, task: &Task, one_time: &OneTime, now: Timestamp) -> Heard {
        let connection = &task.connection;
        let Some(connector) = find_connector(&connection.provider) else {
            tracing::error!(connection.id = %connection.id, provider = connection.provider, "No connector of this name.");
            return Heard::of(Outcome::Unknown);
        };
        let notify_url = self.notify_base.as_ref().map(|base| notify_url(base, connector, connection.id));
        let (stamp, secret) = (stamp(now), self.secret(connection));
        let mut ask = Ask {
            operation: &task.operation,
            target: task.target.as_ref(),
            payment: &task.payment,
            access: access(connection, &secret, &stamp),
            customer_code: one_time.customer_code.as_ref().filter(|_| task.operation.kind.is_charge()),
            reader_blob: one_time.reader_blob.as_ref().filter(|_| task.operation.kind.is_charge()),
            notify_url: notify_url.as_deref(),
            fault: one_time.fault.as_deref(),
        };
        let Ok(Ok(_place)) = tokio::time::timeout(PLACE_WAIT, self.places.acquire()).await else {
            tracing::warn!(operation.id = %task.operation.id, "All {REQUESTS_MAX} places of requests are taken.");
            return Heard::of(nothing_left(task, &ask, "hub_overloaded"));
        };
        let began = Instant::now();
        let token = match self.token(connector, connection.id, &ask.access).await {
            Ok(token) => token,
            Err(denied) => return denied.heard(task, &ask),
        };
        ask.access.token = token.as_ref();
        // What was spent on a token is taken from the answer: a request ends when its lease does, and the finality window
        // counts on that.
        let spent_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        ask.access.timeout_ms = ask.access.timeout_ms.saturating_sub(spent_ms);
        if ask.access.timeout_ms < connection.profile.answer_timeout_ms / TOKEN_PART {
            return Heard::of(nothing_left(task, &ask, "provider_unreachable"));
        }
        let request = match task.what {
            Action::Send => connector.build_send(&ask),
            Action::Inquire => connector.build_inquiry(&ask),
        };
        let request = match (request, task.what) {
            (Ok(request), _) => request,
            (Err(cannot), Action::Send) => return Heard::of(cannot.outcome(&ask)),
            (Err(_), Action::Inquire) => return Heard::of(Outcome::Unknown),
        };
        let told = self.exchange.send(request).await;
        if matches!(&told, Told::Response(response) if response.status == UNAUTHORIZED) {
            self.tokens.forget(connection.id).await;
        }
        let outcome = match task.what {
            Action::Send => connector.read_send(&ask, &told),
            Action::Inquire => connector.read_inquiry(&ask, &told),
        };
        let presented = if task.what == Action::Send { connector.read_code(&ask, &told) } else { None };
        Heard { outcome, presented, is_unreachable: !matches!(told, Told::Response(_)) }
    }

    /// Where this hub is called from outside, if the settings say it.
    pub fn public_base(&self) -> Option<&str> {
        self.notify_base.as_deref()
    }

    /// Asks how an operation stands, for somebody who wants to know now, where the provider has more to say than that;
    /// `None` where it has not, or was not there. Nothing is recorded.
    pub async fn look(
        &self,
        connection: &Connection,
        payment: &Payment,
        operation: &Operation,
        target: Option<&Operation>,
        now: Timestamp,
    ) -> Option<Seen> {
        let connector = find_connector(&connection.provider).filter(|connector| connector.takes_reader_blob())?;
        let (stamp, secret) = (stamp(now), self.secret(connection));
        let ask = question(access(connection, &secret, &stamp), payment, operation, target);
        let _place = tokio::time::timeout(PLACE_WAIT, self.places.acquire()).await.ok()?.ok()?;
        let told = self.exchange.send(connector.build_inquiry(&ask).ok()?).await;
        Some(Seen { outcome: connector.read_inquiry(&ask, &told), particulars: connector.read_particulars(&told) })
    }

    /// Hands on what the card said to the issuer's answer.
    pub async fn advise(
        &self,
        connection: &Connection,
        payment: &Payment,
        charge: &Operation,
        blob: &ReaderBlob,
        now: Timestamp,
    ) -> Advised {
        let Some(connector) = find_connector(&connection.provider) else { return Advised::Refused };
        let (stamp, secret) = (stamp(now), self.secret(connection));
        let access = access(connection, &secret, &stamp);
        let ask = Ask { reader_blob: Some(blob), ..question(access, payment, charge, None) };
        let Ok(Ok(_place)) = tokio::time::timeout(PLACE_WAIT, self.places.acquire()).await else {
            return Advised::Unknown;
        };
        match connector.build_advice(&ask) {
            Ok(request) => connector.read_advice(&ask, &self.exchange.send(request).await),
            Err(_) => Advised::Refused,
        }
    }

    /// Asks a connection's provider whether it is there and takes the credentials.
    pub async fn probe(&self, connection: &Connection, now: Timestamp) -> Result<Probe, connectors::CannotAsk> {
        let connector = find_connector(&connection.provider).ok_or(connectors::CannotAsk::BaseUrl)?;
        let (stamp, secret) = (stamp(now), self.secret(connection));
        let mut access = access(connection, &secret, &stamp);
        let token = match self.token(connector, connection.id, &access).await {
            Ok(token) => token,
            Err(Denied::CannotAsk(cannot)) => return Err(cannot),
            Err(Denied::Refused) => return Ok(Probe::CredentialsRefused),
            Err(Denied::Unreachable) => return Ok(Probe::Unreachable),
        };
        access.token = token.as_ref();
        let told = self.exchange.send(connector.build_probe(&access)?).await;
        Ok(connector.read_probe(&access, &told))
    }

    async fn token(
        &self,
        connector: &dyn Connector,
        connection: ConnectionId,
        access: &Access<'_>,
    ) -> Result<Option<Secret>, Denied> {
        let hurried = Access { timeout_ms: access.timeout_ms / TOKEN_PART, ..*access };
        self.tokens.of(&self.exchange, connector, connection, &hurried).await
    }
}

/// What a look at an operation shows.
pub struct Seen {
    /// How it ended, or did not.
    pub outcome: Outcome,
    /// What the provider says besides.
    pub particulars: Vec<(&'static str, String)>,
}

impl Seen {
    /// Whether it has ended.
    pub const fn is_final(&self) -> bool {
        matches!(self.outcome, Outcome::Approved(_) | Outcome::Declined(_) | Outcome::Cancelled)
    }
}

/// A question without anything that is handed on once.
fn question<'a>(
    access: Access<'a>,
    payment: &'a Payment,
    operation: &'a Operation,
    target: Option<&'a Operation>,
) -> Ask<'a> {
    Ask { operation, target, payment, access, customer_code: None, reader_blob: None, notify_url: None, fault: None }
}

/// Records what a look has shown.
pub async fn note(
    app: &App,
    payment: &Payment,
    operation: &Operation,
    outcome: Outcome,
    asked_at: Timestamp,
) -> Result<(), Failure> {
    let command = RecordOutcome {
        operation: operation.id,
        witness: Witness::Inquiry,
        outcome,
        presented: None,
        asked_at,
        is_unreachable: false,
        fence: None,
        hint: keys_for_outcome(payment),
    };
    let request_id = format!("look-{}", operation.id);
    let envelope = rounds::own(payment.merchant, &app.providers.actor, request_id, Lane::Interactive);
    let committed = app.committer.submit(envelope, command, |_| Answer::default()).await?;
    if let Some(Ok(moved)) = committed.reply {
        start_all(app, moved.tasks);
    }
    Ok(())
}

/// How to get in with a connection, but for a token.
pub fn access<'a>(connection: &'a Connection, secret: &'a Secret, stamp: &'a Stamp) -> Access<'a> {
    let timeout_ms = connection.profile.answer_timeout_ms;
    Access { settings: &connection.settings, secret, token: None, stamp, timeout_ms }
}

/// What credentials are sealed for: those of one connection and one number stand for no others.
pub fn sealed_for(merchant: MerchantId, connection: ConnectionId, provider: &str, number: i64) -> String {
    format!("{merchant}|{connection}|{provider}|credentials|{number}")
}

/// The status of an answer that refuses the credentials, a token among them.
const UNAUTHORIZED: u16 = 401;
/// A token may take one part in so many of the time for an answer.
const TOKEN_PART: i64 = 2;
/// Bytes of a nonce: as many as a random UUID has.
const NONCE_BYTES: usize = 16;

/// What makes a request the only one of its kind.
pub fn stamp(now: Timestamp) -> Stamp {
    let nonce = random_bytes::<NONCE_BYTES>().iter().map(|byte| format!("{byte:02x}")).collect();
    Stamp { at: now, nonce }
}

/// What came of asking a provider.
pub(crate) struct Heard {
    outcome: Outcome,
    presented: Option<PresentedCode>,
    /// It was not there to be asked.
    is_unreachable: bool,
}

impl Heard {
    /// An outcome without a word of the provider.
    const fn of(outcome: Outcome) -> Self {
        Self { outcome, presented: None, is_unreachable: false }
    }
}

/// The outcome of a task whose request did not leave.
fn nothing_left(task: &Task, ask: &Ask<'_>, reason: &str) -> Outcome {
    if task.what == Action::Send { ask.did_nothing(reason) } else { Outcome::Unknown }
}

impl Denied {
    fn heard(self, task: &Task, ask: &Ask<'_>) -> Heard {
        match self {
            Self::CannotAsk(cannot) if task.what == Action::Send => Heard::of(cannot.outcome(ask)),
            Self::CannotAsk(_) => Heard::of(Outcome::Unknown),
            Self::Refused => Heard::of(nothing_left(task, ask, "credentials_refused_by_provider")),
            Self::Unreachable => {
                Heard { is_unreachable: true, ..Heard::of(nothing_left(task, ask, "provider_unreachable")) }
            }
        }
    }
}

/// What a request hands on to the provider's side of a payment, in memory only.
#[derive(Clone, Default)]
pub struct OneTime {
    /// A fault that the sandbox is to play.
    pub fault: Option<String>,
    /// The code that the customer showed. Never stored and never logged: a hub that dies before it is sent leaves a
    /// charge in doubt.
    pub customer_code: Option<Secret>,
    /// What the card reader gave. The same holds for it.
    pub reader_blob: Option<ReaderBlob>,
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
    /// What is handed on.
    pub one_time: OneTime,
}

impl Waiter {
    /// Nobody waits.
    pub fn nobody(request_id: String) -> Self {
        Self {
            request_id,
            settles: Idempotency::None,
            encode: Box::new(|_| Answer::default()),
            one_time: OneTime::default(),
        }
    }
}

/// Does a task to its end: asks, records the outcome, and starts the tasks that follow from it. Runs on even if whoever
/// waits for it has gone.
pub async fn perform(app: App, task: Task, waiter: Waiter) -> Result<Committed<Moved>, Failure> {
    let now = app.clock.now();
    let committed = if task.connection.profile.is_relayed {
        let command = relay::worker::carry_out(&app, &task, now).await;
        record(&app, &task, command, waiter).await?
    } else {
        let command = app.providers.carry_out(&task, &waiter.one_time, now).await;
        record(&app, &task, command, waiter).await?
    };
    if let Some(Ok(moved)) = &committed.reply {
        start_all(&app, moved.tasks.clone());
    }
    Ok(committed)
}

async fn record<C>(app: &App, task: &Task, command: C, waiter: Waiter) -> Result<Committed<Moved>, Failure>
where
    C: Command<Reply = Moved> + Clone + Send + 'static,
{
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
    start_all_with(app, tasks, &OneTime::default());
}

/// Starts tasks that nobody waits for, with what their request hands on.
pub fn start_all_with(app: &App, tasks: Vec<Task>, one_time: &OneTime) {
    for task in tasks {
        let request_id = format!("task-{}", task.operation.id);
        let waiter = Waiter { one_time: one_time.clone(), ..Waiter::nobody(request_id) };
        tokio::spawn(perform(app.clone(), task, waiter));
    }
}
