//! One batch: look up, load, decide, write, commit. The same for both engines and for the simulator's memory.
//!
//! Locks are taken in one order everywhere: the batch's own row, the idempotency rows that are to be filled in, the
//! counters that have to exist, the rows of each table by rank and key, the new idempotency rows by key, and last the
//! merchants' counters.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::call::Call;
use domain::id::{BatchId, IdSource, MerchantId};
use domain::time::Timestamp;
use domain::work::{Key, Stop, UnitOfWork};

use crate::engine::{Begun, Engine};
use crate::error::EngineError;
use crate::flush;
use crate::idempotency;
use crate::load;
use crate::record::IDEMPOTENCY;
use crate::sql;
use crate::submission::{Answer, Claim, Envelope, Failure, Idempotency, Pending};

/// Rounds in which a command may name more records before it is a bug.
const ROUNDS_MAX: u8 = 3;
/// Records that one command may lock. What needs more is a document that is filled in pieces.
const RECORDS_MAX: usize = 1_000;
/// Rows that one command may write: of each of a sale's 500 lines the line, its movement, its level, and the word that the
/// level fell below its threshold; and what the sale writes besides.
const ROWS_MAX: usize = 2_100;

/// A command in a batch.
pub(crate) struct Entry {
    pub envelope: Envelope,
    pub pending: Box<dyn Pending>,
    /// All it has named so far.
    pub keys: BTreeSet<Key>,
    /// How often it named more.
    pub rounds: u8,
    /// How it stands with the unique constraints.
    pub uniqueness: Uniqueness,
    /// The answer that somebody else filled in meanwhile under the key that this one settles.
    pub settled: Option<Answer>,
    /// What came of it in the last run.
    pub verdict: Verdict,
}

/// What a command that runs alone met of the unique constraints.
pub(crate) enum Uniqueness {
    /// Nothing.
    Kept,
    /// It ran into one and runs once more: another hub may have made the record since the load, and what it decides when
    /// it sees that is the better answer.
    MetOnce,
    /// It ran into this one in that run, too: it is refused without deciding again.
    Broken(String),
}

/// What came of a command in a batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// Not decided.
    Open,
    /// Decided now.
    Decided(Answer),
    /// Decided before, under the same key.
    Stored(Answer),
    /// The same as the entry at this index, which has the same key.
    CopyOf(usize),
    /// It needs more records: first in the next batch.
    Again,
    /// No answer.
    Failed(Failure),
}

/// One row of the audit chain to be.
pub(crate) struct Changed {
    pub merchant: MerchantId,
    pub command: &'static str,
    pub actor: String,
    pub request_id: String,
    /// How many of the unit of work's events stand before the end of this command.
    pub events_end: usize,
}

impl Entry {
    pub(crate) fn new(envelope: Envelope, pending: Box<dyn Pending>) -> Self {
        let keys = pending.keys().into_iter().collect();
        Self { envelope, pending, keys, rounds: 0, uniqueness: Uniqueness::Kept, settled: None, verdict: Verdict::Open }
    }

    /// Its key, as far as it claims one.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        match &self.envelope.idempotency {
            Idempotency::Answer(claim) | Idempotency::AnswerLater(claim) => Some(claim),
            Idempotency::None | Idempotency::Settle(_) => None,
        }
    }

    /// Whether its answer has to be written down.
    fn has_answer_to_keep(&self) -> bool {
        matches!(self.verdict, Verdict::Decided(_)) && !matches!(self.envelope.idempotency, Idempotency::None)
    }
}

impl Changed {
    fn by(entry: &Entry, events_end: usize) -> Self {
        Self {
            merchant: entry.envelope.merchant,
            command: entry.pending.name(),
            actor: entry.envelope.actor.name.clone(),
            request_id: entry.envelope.request_id.clone(),
            events_end,
        }
    }
}

/// Runs a batch up to its commit. On `Ok` every entry has its verdict and it is durable. On an error nothing was
/// written, but for [`EngineError::CommitUnknown`]: then the verdicts are the truth if the batch's row is there.
pub(crate) fn run(
    engine: &mut dyn Engine,
    ids: &mut dyn IdSource,
    batch: BatchId,
    entries: &mut [Entry],
) -> Result<Vec<MerchantId>, EngineError> {
    let now = match engine.begin(batch)? {
        Begun::At(now) => now,
        Begun::AlreadyCommitted => return Err(EngineError::Engine(format!("the batch {batch} ran before"))),
    };
    for entry in entries.iter_mut() {
        entry.verdict = Verdict::Open;
        entry.settled = None;
    }
    let mut work = UnitOfWork::default();
    look_up(engine, entries, &mut work)?;
    load::load_locked(engine, entries, &mut work)?;
    let changed = decide(entries, &mut work, ids, now);
    idempotency::share_settled(entries);
    if changed.is_empty() && !entries.iter().any(Entry::has_answer_to_keep) {
        // Only stored answers, and refusals that nobody keeps.
        engine.rollback();
        return Ok(Vec::new());
    }
    let last = flush::flush(engine, entries, &work, &changed, now).map_err(as_conflict)?;
    engine.write_and_commit(&last.writes).map_err(as_conflict)?;
    Ok(last.touched)
}

/// Looks up what is not locked, all at once: the answers under the idempotency keys, and the reference data.
fn look_up(engine: &mut dyn Engine, entries: &mut [Entry], work: &mut UnitOfWork) -> Result<(), EngineError> {
    let keys = idempotency::keys(entries);
    let mut references = load::references(entries);
    let mut reads = vec![keys.read()];
    reads.append(&mut references.reads);
    let mut answers = engine.read(&reads)?.into_iter();
    idempotency::apply(answers.next().unwrap_or_default(), entries)?;
    references.put(answers, work)
}

/// Another hub took one of the keys since they were looked up.
fn as_conflict(error: EngineError) -> EngineError {
    match error {
        EngineError::Unique(constraint) if constraint == sql::primary_key(&IDEMPOTENCY) => {
            EngineError::Conflict(constraint)
        }
        error => error,
    }
}

/// Lets each command decide in turn over the shared unit of work.
fn decide(entries: &mut [Entry], work: &mut UnitOfWork, ids: &mut dyn IdSource, now: Timestamp) -> Vec<Changed> {
    let mut changed = Vec::new();
    for entry in entries.iter_mut().filter(|entry| entry.verdict == Verdict::Open) {
        if let Uniqueness::Broken(constraint) = &entry.uniqueness {
            let refusal = catch_unwind(AssertUnwindSafe(|| entry.pending.refuse_unique(constraint)));
            entry.verdict = match refusal {
                Ok(Some(answer)) => Verdict::Decided(answer),
                Ok(None) => Verdict::Failed(Failure::Internal(format!("unique constraint {constraint}"))),
                Err(_) => panicked(&*entry.pending),
            };
            continue;
        }
        if entry.keys.iter().filter(|key| !load::is_reference(key)).count() > RECORDS_MAX {
            let why = format!("the command locks more than {RECORDS_MAX} records");
            entry.verdict = Verdict::Failed(Failure::Internal(why));
            continue;
        }
        work.begin_command();
        let mut call = Call::new(now, entry.envelope.merchant, &entry.envelope.actor, ids);
        let decision = catch_unwind(AssertUnwindSafe(|| entry.pending.decide(work, &mut call)));
        entry.verdict = match decision {
            Ok(Ok(answer)) => match work.count_command_changes() {
                0 => Verdict::Decided(answer),
                1..=ROWS_MAX => {
                    changed.push(Changed::by(entry, work.events.rows().len()));
                    Verdict::Decided(answer)
                }
                _ => {
                    work.undo_command();
                    Verdict::Failed(Failure::Internal(format!("the command writes more than {ROWS_MAX} rows")))
                }
            },
            Ok(Err(Stop::Refused(answer))) => {
                work.undo_command();
                Verdict::Decided(answer)
            }
            Ok(Err(Stop::Needs(keys))) => {
                work.undo_command();
                ask_for_more(&mut entry.keys, &mut entry.rounds, keys)
            }
            Err(_) => {
                work.undo_command();
                panicked(&*entry.pending)
            }
        };
    }
    changed
}

fn panicked(pending: &dyn Pending) -> Verdict {
    tracing::error!(command = pending.name(), "A command panicked; its caller gets an error, the others go on.");
    Verdict::Failed(Failure::Internal("the command panicked".to_owned()))
}

fn ask_for_more(named: &mut BTreeSet<Key>, rounds: &mut u8, keys: Vec<Key>) -> Verdict {
    let before = named.len();
    named.extend(keys);
    *rounds += 1;
    if *rounds > ROUNDS_MAX || named.len() == before {
        return Verdict::Failed(Failure::Internal("the command names records without end".to_owned()));
    }
    Verdict::Again
}
