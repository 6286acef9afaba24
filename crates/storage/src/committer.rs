//! The committer: one thread that takes what waits, runs it as one batch, and answers after the commit. There is no
//! timer: the next batch forms while this one syncs.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::command::{Command, Refusal};
use domain::id::{BatchId, IdSource, MerchantId};
use domain::time::Timestamp;
use tokio::sync::{broadcast, oneshot};

use crate::batch::{self, Entry, Uniqueness, Verdict};
use crate::engine::{Begun, Engine};
use crate::error::EngineError;
use crate::queue::{Errand, Queue, Work};
use crate::submission::{Answer, Committed, Encoded, Envelope, Failure};

/// Runs of one batch that another transaction got in the way of, before its commands run alone.
const CONFLICTS_MAX: u32 = 3;
/// The longest pause between two such runs.
const JITTER_MS_MAX: u64 = 20;
/// Connections tried before the callers of a batch that did not begin are told that the database is away.
const RECONNECTS_MAX: u32 = 3;
/// The pause between two connections tried.
const RECONNECT_MS: u64 = 200;
/// Commits that a slow listener may lag behind before it has to look by itself.
const COMMITS_KEPT: usize = 1_024;

/// Opens a connection of the engine; called again when one is lost.
pub type Connect = Box<dyn FnMut() -> Result<Box<dyn Engine>, EngineError> + Send>;

/// Receives what came of a command that was sent.
pub type Receipt<R> = oneshot::Receiver<Result<Committed<R>, Failure>>;

/// Sends commands to the committer. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    queue: Arc<Queue>,
    committed: Commits,
    /// The committer itself, where it has no thread of its own.
    in_place: Option<Arc<Mutex<Committer>>>,
}

/// Tells who waits for it of commits.
#[derive(Clone)]
struct Commits {
    /// Of this hub, and those of others that it hears of.
    all: broadcast::Sender<Arc<[MerchantId]>>,
    /// Of this hub.
    own: broadcast::Sender<Arc<[MerchantId]>>,
}

impl Commits {
    fn new() -> Self {
        Self { all: broadcast::Sender::new(COMMITS_KEPT), own: broadcast::Sender::new(COMMITS_KEPT) }
    }
}

impl Handle {
    /// Sends a command and waits until it is committed. `encode` turns its reply or refusal into the bytes that are
    /// stored under its idempotency key.
    pub async fn submit<C>(
        &self,
        envelope: Envelope,
        command: C,
        encode: impl Fn(Result<&C::Reply, &Refusal>) -> Answer + Send + 'static,
    ) -> Result<Committed<C::Reply>, Failure>
    where
        C: Command + Send + 'static,
        C::Reply: Send + 'static,
    {
        self.send(envelope, command, encode)?.await.unwrap_or(Err(Failure::Stopping))
    }

    /// Puts a command in the queue. What comes back receives the answer after the commit.
    pub fn send<C>(
        &self,
        envelope: Envelope,
        command: C,
        encode: impl Fn(Result<&C::Reply, &Refusal>) -> Answer + Send + 'static,
    ) -> Result<Receipt<C::Reply>, Failure>
    where
        C: Command + Send + 'static,
        C::Reply: Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let pending = Encoded { command, encode, reply: None, caller: Some(caller) };
        self.queue.push(Entry::new(envelope, Box::new(pending)))?;
        self.work_in_place();
        Ok(answer)
    }

    /// Has the committer's thread do something with its engine between two batches, at the pace of the bulk lane.
    pub(crate) async fn run_errand<T: Send + 'static>(
        &self,
        errand: impl FnOnce(&mut dyn Engine) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, Failure> {
        let (caller, answer) = oneshot::channel();
        let run = move |engine: Option<&mut dyn Engine>| {
            let outcome = engine.map_or_else(|| Err(EngineError::Lost("no connection".to_owned())), errand);
            let is_lost = matches!(outcome, Err(EngineError::Lost(_) | EngineError::CommitUnknown(_)));
            // A caller that has gone away needs no answer.
            let _ = caller.send(outcome);
            is_lost
        };
        self.queue.push_errand(Box::new(run))?;
        self.work_in_place();
        match answer.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error @ (EngineError::Lost(_) | EngineError::CommitUnknown(_) | EngineError::Conflict(_)))) => {
                Err(Failure::Unavailable(error.to_string()))
            }
            Ok(Err(error)) => Err(Failure::Internal(error.to_string())),
            Err(_) => Err(Failure::Stopping),
        }
    }

    /// Without a thread of its own the committer works on that of whoever sends, and is done before the sending returns.
    fn work_in_place(&self) {
        let Some(committer) = &self.in_place else { return };
        let mut committer = committer.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.queue.is_empty() {
            committer.step();
        }
    }

    /// The merchants that have new events, commit by commit: of this hub, and those of others that it hears of.
    pub fn commits(&self) -> broadcast::Receiver<Arc<[MerchantId]>> {
        self.committed.all.subscribe()
    }

    /// The same, of this hub alone.
    pub(crate) fn own_commits(&self) -> broadcast::Receiver<Arc<[MerchantId]>> {
        self.committed.own.subscribe()
    }

    /// Another hub has committed for these merchants.
    pub(crate) fn hear(&self, touched: Vec<MerchantId>) {
        // Nobody listens: nobody has to be woken.
        let _ = self.committed.all.send(touched.into());
    }

    /// How many commands wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Takes no more commands; those that wait are still done.
    pub fn stop(&self) {
        self.queue.stop();
    }
}

/// Starts the committer's thread. It ends after [`Handle::stop`], once all that waited is done.
pub fn start(connect: Connect, ids: Box<dyn IdSource + Send>) -> Result<(Handle, JoinHandle<()>), EngineError> {
    let (handle, mut committer) = Committer::new(connect, ids)?;
    let work = move || while committer.step() {};
    let thread = std::thread::Builder::new().name("committer".to_owned()).spawn(work).map_err(EngineError::engine)?;
    Ok((handle, thread))
}

/// A committer without a thread: it works on that of whoever sends. For a hub on virtual time, where no time may pass beside
/// the runtime's.
pub fn start_in_place(connect: Connect, ids: Box<dyn IdSource + Send>) -> Result<Handle, EngineError> {
    let (handle, committer) = Committer::new(connect, ids)?;
    Ok(Handle { in_place: Some(Arc::new(Mutex::new(committer))), ..handle })
}

/// The committer without its thread: the simulator steps it by hand.
pub struct Committer {
    engine: Option<Box<dyn Engine>>,
    connect: Connect,
    ids: Box<dyn IdSource + Send>,
    queue: Arc<Queue>,
    committed: Commits,
}

impl Committer {
    /// A committer over the engine that `connect` opens, and the handle to it.
    pub fn new(mut connect: Connect, ids: Box<dyn IdSource + Send>) -> Result<(Handle, Self), EngineError> {
        let engine = Some(connect()?);
        let queue = Arc::new(Queue::default());
        let committed = Commits::new();
        let handle = Handle { queue: Arc::clone(&queue), committed: committed.clone(), in_place: None };
        Ok((handle, Self { engine, connect, ids, queue, committed }))
    }

    /// Waits for work, commits one batch of it and answers its callers. False once it is stopped and nothing waits.
    pub fn step(&mut self) -> bool {
        match self.queue.take() {
            None => return false,
            Some(Work::Batch(batch)) => {
                metrics::histogram!("tillbridge_batch_commands").record(batch.len() as f64);
                let done = self.settle(batch);
                self.answer(done);
            }
            Some(Work::Errand(errand)) => self.run_errand(errand),
        }
        true
    }

    fn run_errand(&mut self, errand: Errand) {
        if self.engine.is_none() {
            self.reconnect();
        }
        if errand(self.engine.as_deref_mut().map(|engine| engine as &mut dyn Engine)) {
            self.engine = None;
        }
    }

    /// Runs a batch until every entry has its verdict.
    fn settle(&mut self, mut entries: Vec<Entry>) -> Vec<Entry> {
        let batch = BatchId::from_uuid(self.ids.next(Timestamp(0)));
        let mut conflicts = 0;
        let mut reconnects = 0;
        loop {
            let Some(engine) = self.engine.as_deref_mut() else {
                if !self.reconnect() {
                    reconnects += 1;
                    if reconnects >= RECONNECTS_MAX {
                        fail_all(&mut entries, &Failure::Unavailable("no connection".to_owned()));
                        return entries;
                    }
                }
                continue;
            };
            let error = match batch::run(engine, &mut *self.ids, batch, &mut entries) {
                Ok(touched) => {
                    self.tell(touched);
                    return entries;
                }
                Err(error) => error,
            };
            match error {
                EngineError::CommitUnknown(why) => {
                    tracing::warn!(
                        why,
                        "The database did not say whether it committed; asking it by the batch's own row."
                    );
                    self.engine = None;
                    if self.has_committed(batch) {
                        // The verdicts of the run that committed stand.
                        self.tell(entries.iter().map(|entry| entry.envelope.merchant).collect());
                        return entries;
                    }
                }
                EngineError::Lost(why) => {
                    tracing::warn!(why, "The connection to the database was lost before the commit.");
                    self.engine = None;
                    reconnects += 1;
                    if reconnects >= RECONNECTS_MAX {
                        fail_all(&mut entries, &Failure::Unavailable(why));
                        return entries;
                    }
                }
                EngineError::Conflict(_) if conflicts < CONFLICTS_MAX => {
                    engine.rollback();
                    conflicts += 1;
                    metrics::counter!("tillbridge_batch_conflicts_total").increment(1);
                    let jitter = self.ids.next(Timestamp(0)).as_u128() as u64 % JITTER_MS_MAX;
                    std::thread::sleep(Duration::from_millis(jitter));
                }
                error => {
                    engine.rollback();
                    return self.settle_alone(entries, error);
                }
            }
        }
    }

    /// Finds out whether a batch whose commit was not answered has happened. Nobody is answered before it is known,
    /// however long the database stays away: the insert of the batch's own row waits for the old transaction to end.
    fn has_committed(&mut self, batch: BatchId) -> bool {
        loop {
            let Some(engine) = self.engine.as_deref_mut() else {
                self.reconnect();
                continue;
            };
            match engine.begin(batch) {
                Ok(Begun::AlreadyCommitted) => return true,
                Ok(Begun::At(_)) => {
                    engine.rollback();
                    return false;
                }
                // The old transaction still holds the row, or the server is still coming up.
                Err(error) => {
                    tracing::warn!(%error, "Whether the batch has committed is not known yet; asking again.");
                    self.engine = None;
                    std::thread::sleep(Duration::from_millis(RECONNECT_MS));
                }
            }
        }
    }

    /// A batch that cannot be run as a whole: each command hurts itself alone.
    fn settle_alone(&mut self, mut entries: Vec<Entry>, error: EngineError) -> Vec<Entry> {
        if entries.len() > 1 {
            tracing::warn!(%error, commands = entries.len(), "A batch could not be written; its commands run one by one.");
            return entries.into_iter().flat_map(|entry| self.settle(vec![entry])).collect();
        }
        if let Some(entry) = entries.first_mut() {
            match error {
                EngineError::Unique(constraint) if !matches!(entry.uniqueness, Uniqueness::Broken(_)) => {
                    entry.uniqueness = match entry.uniqueness {
                        Uniqueness::Kept => Uniqueness::MetOnce,
                        Uniqueness::MetOnce | Uniqueness::Broken(_) => Uniqueness::Broken(constraint),
                    };
                    return self.settle(entries);
                }
                EngineError::Conflict(why) => entry.verdict = Verdict::Failed(Failure::Unavailable(why)),
                error => {
                    tracing::error!(%error, command = entry.pending.name(), "A command could not be written.");
                    entry.verdict = Verdict::Failed(Failure::Internal(error.to_string()));
                }
            }
        }
        entries
    }

    fn reconnect(&mut self) -> bool {
        match (self.connect)() {
            Ok(engine) => {
                self.engine = Some(engine);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "The database cannot be reached; trying again.");
                std::thread::sleep(Duration::from_millis(RECONNECT_MS));
                false
            }
        }
    }

    fn tell(&self, touched: Vec<MerchantId>) {
        if !touched.is_empty() {
            let touched: Arc<[MerchantId]> = touched.into();
            // Nobody listens: nobody has to be woken.
            let _ = self.committed.all.send(Arc::clone(&touched));
            let _ = self.committed.own.send(touched);
        }
    }

    /// Answers the callers; what named more records goes to the front of the queue.
    fn answer(&mut self, entries: Vec<Entry>) {
        let again = deliver(entries);
        if !again.is_empty() {
            self.queue.push_again(again);
        }
    }
}

impl Drop for Committer {
    /// However it ends, by a panic, too: nobody waits for it in vain.
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn fail_all(entries: &mut [Entry], failure: &Failure) {
    for entry in entries {
        entry.verdict = Verdict::Failed(failure.clone());
    }
}

/// Answers each entry by its verdict and gives back those that have to come again.
pub(crate) fn deliver(entries: Vec<Entry>) -> Vec<Entry> {
    // Whether the answer follows later is decided by the first of the copies: that one is stored.
    let firsts: Vec<(Verdict, bool)> = entries
        .iter()
        .map(|entry| match &entry.verdict {
            Verdict::CopyOf(first) => entries
                .get(*first)
                .map_or((Verdict::Again, false), |first| (first.verdict.clone(), is_answered_later(first))),
            _ => (Verdict::Open, false),
        })
        .collect();
    let mut again = Vec::new();
    for (entry, (first, is_later)) in entries.into_iter().zip(firsts) {
        let outcome = match entry.verdict {
            Verdict::Decided(answer) => Ok((entry.settled.unwrap_or(answer), false)),
            Verdict::Stored(answer) => Ok((answer, true)),
            Verdict::Failed(failure) => Err(failure),
            Verdict::CopyOf(_) => match first {
                Verdict::Stored(answer) => Ok((answer, true)),
                // What is answered later is still in flight for the second copy.
                Verdict::Decided(answer) if is_later && answer.status < 400 => {
                    Err(Failure::InFlight { subject: answer.subject })
                }
                Verdict::Decided(answer) => Ok((answer, true)),
                Verdict::Failed(failure) => Err(failure),
                Verdict::Open | Verdict::Again | Verdict::CopyOf(_) => {
                    again.push(Entry { verdict: Verdict::Open, ..entry });
                    continue;
                }
            },
            Verdict::Open | Verdict::Again => {
                again.push(Entry { verdict: Verdict::Open, ..entry });
                continue;
            }
        };
        entry.pending.deliver(outcome);
    }
    again
}

fn is_answered_later(entry: &Entry) -> bool {
    matches!(entry.envelope.idempotency, crate::submission::Idempotency::AnswerLater(_))
}
