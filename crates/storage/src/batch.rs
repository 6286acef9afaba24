//! One batch: claim, load, decide, write, commit. The same for both engines and for the simulator's memory.
//!
//! Locks are taken in one order everywhere: the batch's own row, the idempotency rows that are to be filled in, the
//! counters that have to exist, the rows of each table by rank and key, the new idempotency rows by key, and last the
//! merchants' counters.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::call::Call;
use domain::id::{BatchId, IdSource, MerchantId};
use domain::time::Timestamp;
use domain::work::{Key, Stop, UnitOfWork};

use crate::cell::Cell;
use crate::engine::{Begun, Engine, Read, Write};
use crate::error::EngineError;
use crate::flush;
use crate::load;
use crate::record::IDEMPOTENCY;
use crate::sql;
use crate::submission::{Answer, Claim, Envelope, Failure, Idempotency, Pending};
use crate::table::{RowReader, Rows};

/// Rounds in which a command may name more records before it is a bug.
const ROUNDS_MAX: u8 = 3;
/// Records that one command may lock. What needs more is a document that is filled in pieces.
const RECORDS_MAX: usize = 1_000;
/// Rows that one command may write.
const ROWS_MAX: usize = 2_000;

/// A command in a batch.
pub(crate) struct Entry {
    pub envelope: Envelope,
    pub pending: Box<dyn Pending>,
    /// All it has named so far.
    pub keys: BTreeSet<Key>,
    /// How often it named more.
    pub rounds: u8,
    /// It ran into a unique constraint when it was alone, and runs once more: another hub may have made the record since
    /// the load, and what it decides when it sees that is the better answer.
    pub has_met_unique: bool,
    /// The unique constraint that it ran into in that run, too: it is refused without deciding again.
    pub broken_unique: Option<String>,
    /// The answer that somebody else filled in meanwhile under the key that this one settles.
    pub settled: Option<Answer>,
    /// What came of it in the last run.
    pub verdict: Verdict,
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
        Self {
            envelope,
            pending,
            keys,
            rounds: 0,
            has_met_unique: false,
            broken_unique: None,
            settled: None,
            verdict: Verdict::Open,
        }
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
    }
    claim(engine, entries)?;
    let mut work = UnitOfWork::default();
    load::load(engine, entries, &mut work)?;
    let changed = decide(entries, &mut work, ids, now);
    share_settled(entries);
    if changed.is_empty() && !entries.iter().any(Entry::has_answer_to_keep) {
        // Only stored answers, and refusals that nobody keeps.
        engine.rollback();
        return Ok(Vec::new());
    }
    let touched = flush::flush(engine, entries, &work, &changed, now).map_err(as_conflict)?;
    engine.commit()?;
    Ok(touched)
}

/// Looks the idempotency keys up. What stands there already is the answer; a second copy in the batch waits for the
/// first. A key that is free now is taken with its answer by [`answers`]; if another hub takes it first, that insert fails
/// and the batch runs again and finds it here.
fn claim(engine: &mut dyn Engine, entries: &mut [Entry]) -> Result<(), EngineError> {
    let mut first_by_key: BTreeMap<(String, String), usize> = BTreeMap::new();
    for index in 0..entries.len() {
        let Some(claim) = entries[index].claim().cloned() else { continue };
        let key = (entries[index].envelope.merchant.to_string(), claim.key);
        match first_by_key.get(&key).copied() {
            None => {
                first_by_key.insert(key, index);
            }
            Some(first) => {
                let is_same = entries[first].claim().is_some_and(|other| other.fingerprint == claim.fingerprint);
                entries[index].verdict =
                    if is_same { Verdict::CopyOf(first) } else { Verdict::Failed(Failure::KeyReused) };
            }
        }
    }
    let mut asked: BTreeSet<(String, String)> = first_by_key.into_keys().collect();
    let settles: Vec<(String, String)> = entries.iter().filter_map(settle_key).collect();
    // A row that is to be filled in is locked, so that two hubs cannot answer one key with different bytes.
    let is_locking = !settles.is_empty();
    asked.extend(settles);
    let stored = read_answers(engine, &asked, is_locking)?;
    if !stored.is_empty() {
        // Each copy is compared with what is stored, not with the copy before it, which may have other content.
        for entry in entries.iter_mut() {
            let key = entry.claim().map(|claim| (entry.envelope.merchant.to_string(), claim.key.clone()));
            if let Some(row) = key.and_then(|key| stored.get(&key)) {
                entry.verdict = row.verdict_for(entry.claim());
            }
        }
    }
    for entry in entries.iter_mut() {
        // Where somebody settled it meanwhile, the command still has its effect; its bytes are the stored ones.
        entry.settled = settle_key(entry)
            .and_then(|key| stored.get(&key))
            .filter(|row| row.answer.status != 0)
            .map(|row| row.answer.clone());
    }
    Ok(())
}

/// Of several commands of the batch that settle one key the first gives the bytes.
fn share_settled(entries: &mut [Entry]) {
    let mut first_by_key: BTreeMap<(String, String), Answer> = BTreeMap::new();
    for entry in entries.iter_mut().filter(|entry| entry.settled.is_none()) {
        let Some(key) = settle_key(entry) else { continue };
        match (first_by_key.get(&key), &entry.verdict) {
            (Some(first), _) => entry.settled = Some(first.clone()),
            (None, Verdict::Decided(answer)) if answer.status != 0 => {
                first_by_key.insert(key, answer.clone());
            }
            (None, _) => {}
        }
    }
}

fn settle_key(entry: &Entry) -> Option<(String, String)> {
    match &entry.envelope.idempotency {
        Idempotency::Settle(key) => Some((entry.envelope.merchant.to_string(), key.clone())),
        _ => None,
    }
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

/// A stored idempotency row.
struct StoredAnswer {
    fingerprint: Vec<u8>,
    answer: Answer,
}

impl StoredAnswer {
    fn verdict_for(&self, claim: Option<&Claim>) -> Verdict {
        if claim.is_none_or(|claim| claim.fingerprint[..] != self.fingerprint[..]) {
            Verdict::Failed(Failure::KeyReused)
        } else if self.answer.status == 0 {
            Verdict::Failed(Failure::InFlight { subject: self.answer.subject.clone() })
        } else {
            Verdict::Stored(self.answer.clone())
        }
    }
}

fn read_answers(
    engine: &mut dyn Engine,
    asked: &BTreeSet<(String, String)>,
    is_locking: bool,
) -> Result<BTreeMap<(String, String), StoredAnswer>, EngineError> {
    let mut stored = BTreeMap::new();
    if asked.is_empty() {
        return Ok(stored);
    }
    let mut keys = Rows::new(IDEMPOTENCY.key_len);
    for (merchant, key) in asked {
        keys.cells.extend([Cell::text(merchant), Cell::text(key)]);
    }
    let rows = engine.read(&[Read { table: &IDEMPOTENCY, keys, is_locking }])?;
    for row in rows.into_iter().flatten() {
        let mut row = RowReader::new(&IDEMPOTENCY, row);
        let key = (row.text()?, row.text()?);
        let fingerprint = row.bytes()?;
        let subject = row.text()?;
        let status = row.small()?;
        let answer = Answer { status, subject, content_type: row.text()?.into(), body: row.bytes()? };
        stored.insert(key, StoredAnswer { fingerprint, answer });
    }
    Ok(stored)
}

/// Lets each command decide in turn over the shared unit of work.
fn decide(entries: &mut [Entry], work: &mut UnitOfWork, ids: &mut dyn IdSource, now: Timestamp) -> Vec<Changed> {
    let mut changed = Vec::new();
    for entry in entries.iter_mut().filter(|entry| entry.verdict == Verdict::Open) {
        if let Some(constraint) = entry.broken_unique.clone() {
            let refusal = catch_unwind(AssertUnwindSafe(|| entry.pending.refuse_unique(&constraint)));
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
            Ok(Ok(_)) if work.count_command_changes() > ROWS_MAX => {
                work.undo_command();
                Verdict::Failed(Failure::Internal(format!("the command writes more than {ROWS_MAX} rows")))
            }
            Ok(Ok(answer)) => {
                if work.count_command_changes() > 0 {
                    changed.push(Changed {
                        merchant: entry.envelope.merchant,
                        command: entry.pending.name(),
                        actor: entry.envelope.actor.name.clone(),
                        request_id: entry.envelope.request_id.clone(),
                        events_end: work.events.rows().len(),
                    });
                }
                Verdict::Decided(answer)
            }
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

/// The answers of a batch in the form in which the idempotency table takes them: new rows by key, and then those that
/// are filled in, which are locked.
pub(crate) fn answers<'a>(entries: &'a [Entry], now: Timestamp) -> Vec<Write<'a>> {
    let mut fresh: BTreeMap<(MerchantId, &str), (&Claim, &Answer, &Answer)> = BTreeMap::new();
    let mut settled = Rows::new(6);
    for entry in entries {
        let Verdict::Decided(answer) = &entry.verdict else { continue };
        match &entry.envelope.idempotency {
            Idempotency::None => {}
            Idempotency::Answer(claim) => {
                fresh.insert((entry.envelope.merchant, &claim.key), (claim, answer, answer));
            }
            Idempotency::AnswerLater(claim) => {
                // A refusal is an answer at once; what succeeded and is answered later stays open.
                let stored = if answer.status < 400 { &OPEN } else { answer };
                fresh.insert((entry.envelope.merchant, &claim.key), (claim, answer, stored));
            }
            Idempotency::Settle(key) => {
                if answer.status != 0 && entry.settled.is_none() {
                    settled.cells.extend([
                        Cell::display(entry.envelope.merchant),
                        Cell::text(key),
                        Cell::text(&answer.subject),
                        Cell::Int(i64::from(answer.status)),
                        Cell::text(&answer.content_type),
                        Cell::bytes(&answer.body),
                    ]);
                }
            }
        }
    }
    let mut rows = Rows::new(IDEMPOTENCY.columns.len());
    for ((merchant, key), (claim, answer, stored)) in fresh {
        rows.cells.extend([
            Cell::display(merchant),
            Cell::text(key),
            Cell::bytes(&claim.fingerprint),
            Cell::text(&answer.subject),
            Cell::Int(i64::from(stored.status)),
            Cell::text(&stored.content_type),
            Cell::bytes(&stored.body),
            Cell::Int(now.0),
        ]);
    }
    let mut writes = Vec::new();
    if !rows.is_empty() {
        writes.push(Write::Insert(&IDEMPOTENCY, rows));
    }
    if !settled.is_empty() {
        writes.push(Write::Answer(settled));
    }
    writes
}

static OPEN: Answer =
    Answer { status: 0, content_type: std::borrow::Cow::Borrowed(""), body: Vec::new(), subject: String::new() };
