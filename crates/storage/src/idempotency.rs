//! The answers under idempotency keys: looked up before a batch decides, stored with what it decides.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::MerchantId;
use domain::time::Timestamp;

use crate::batch::{Entry, Verdict};
use crate::cell::Cell;
use crate::engine::{Read, Row, Write};
use crate::error::EngineError;
use crate::record::IDEMPOTENCY;
use crate::submission::{Answer, Claim, Failure, Idempotency};
use crate::table::{RowReader, Rows};

/// A merchant and a key of its own.
type Name = (MerchantId, String);

/// The keys that a batch looks up.
pub(crate) struct Keys {
    names: BTreeSet<Name>,
    /// A row that is to be filled in is locked, so that two hubs cannot answer one key with different bytes.
    is_locking: bool,
}

impl Keys {
    pub(crate) fn read(&self) -> Read<'static> {
        let mut keys = Rows::with_room(IDEMPOTENCY.key_len, self.names.len());
        for (merchant, key) in &self.names {
            keys.cells.extend([Cell::display(merchant), Cell::text(key).into_owned()]);
        }
        Read { table: &IDEMPOTENCY, keys, is_locking: self.is_locking, parent: None }
    }
}

/// The keys of a batch. A second copy of a request waits for the first one of the batch. A key that turns out to be free is
/// taken with its answer by [`writes`]; if another hub takes it in between, that insert fails and the batch runs again and
/// finds it here.
pub(crate) fn keys(entries: &mut [Entry]) -> Keys {
    let mut first_by_name: BTreeMap<Name, usize> = BTreeMap::new();
    for index in 0..entries.len() {
        let Some(claim) = entries[index].claim() else { continue };
        let name = (entries[index].envelope.merchant, claim.key.clone());
        match first_by_name.get(&name).copied() {
            None => {
                first_by_name.insert(name, index);
            }
            Some(first) => {
                let is_same = entries[first].claim().is_some_and(|other| other.fingerprint == claim.fingerprint);
                entries[index].verdict =
                    if is_same { Verdict::CopyOf(first) } else { Verdict::Failed(Failure::KeyReused) };
            }
        }
    }
    let settled: Vec<Name> = entries.iter().filter_map(settled_name).collect();
    let is_locking = !settled.is_empty();
    Keys { names: first_by_name.into_keys().chain(settled).collect(), is_locking }
}

/// Gives the entries whose key was used before their stored answer.
pub(crate) fn apply(rows: Vec<Row>, entries: &mut [Entry]) -> Result<(), EngineError> {
    if rows.is_empty() {
        return Ok(());
    }
    let stored = rows.into_iter().map(read).collect::<Result<BTreeMap<Name, Stored>, EngineError>>()?;
    for entry in entries.iter_mut() {
        // Each copy is compared with what is stored, not with the copy before it, which may have other content.
        let name = entry.claim().map(|claim| (entry.envelope.merchant, claim.key.clone()));
        if let Some(row) = name.and_then(|name| stored.get(&name)) {
            entry.verdict = row.verdict_for(entry.claim());
        }
        // Where somebody settled it meanwhile, the command still has its effect; its bytes are the stored ones.
        entry.settled = settled_name(entry)
            .and_then(|name| stored.get(&name))
            .filter(|row| row.answer.status != 0)
            .map(|row| row.answer.clone());
    }
    Ok(())
}

fn settled_name(entry: &Entry) -> Option<Name> {
    match &entry.envelope.idempotency {
        Idempotency::Settle(key) => Some((entry.envelope.merchant, key.clone())),
        _ => None,
    }
}

/// A stored idempotency row.
struct Stored {
    fingerprint: Vec<u8>,
    answer: Answer,
}

impl Stored {
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

fn read(row: Row) -> Result<(Name, Stored), EngineError> {
    let mut row = RowReader::new(&IDEMPOTENCY, row);
    let name = (row.parse()?, row.text()?);
    let fingerprint = row.bytes()?;
    let subject = row.text()?;
    let status = row.small()?;
    let answer = Answer { status, subject, content_type: row.text()?.into(), body: row.bytes()? };
    Ok((name, Stored { fingerprint, answer }))
}

/// Of several commands of the batch that settle one key the first gives the bytes.
pub(crate) fn share_settled(entries: &mut [Entry]) {
    let mut first_by_name: BTreeMap<Name, Answer> = BTreeMap::new();
    for entry in entries.iter_mut().filter(|entry| entry.settled.is_none()) {
        let Some(name) = settled_name(entry) else { continue };
        match (first_by_name.get(&name), &entry.verdict) {
            (Some(first), _) => entry.settled = Some(first.clone()),
            (None, Verdict::Decided(answer)) if answer.status != 0 => {
                first_by_name.insert(name, answer.clone());
            }
            (None, _) => {}
        }
    }
}

/// The answers of a batch: new rows by key, and then those that are filled in, which are locked.
pub(crate) fn writes(entries: &[Entry], now: Timestamp) -> Vec<Write<'_>> {
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
    let mut rows = Rows::with_room(IDEMPOTENCY.columns.len(), fresh.len());
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

/// What stands under a key whose answer follows later.
static OPEN: Answer =
    Answer { status: 0, content_type: std::borrow::Cow::Borrowed(""), body: Vec::new(), subject: String::new() };
