//! The bounded queue before the committer: two lanes, interactive first, no merchant more than half of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use domain::id::MerchantId;

use crate::batch::Entry;
use crate::engine::Engine;
use crate::submission::{Failure, Lane};

/// Commands that may wait; beyond this the hub says so at once instead of making everybody slow.
pub const QUEUE_MAX: usize = 8_192;
/// Commands that one merchant may have waiting: half, so that one cannot shut the others out.
pub const QUEUE_PER_MERCHANT_MAX: usize = QUEUE_MAX / 2;
/// Commands that may wait in the bulk lane: half, so that a replay never turns a register away.
pub const QUEUE_BULK_MAX: usize = QUEUE_MAX / 2;
/// Commands in one batch: beyond this the gain of grouping is small and the wait grows.
pub const BATCH_COMMANDS_MAX: usize = 256;
/// Commands in one batch while fewer than that wait: half, so that the other half arrives while this one syncs. Taken all
/// at once, they would all be answered at once, and the committer would wait for them to come again.
const BATCH_COMMANDS_USUAL: usize = BATCH_COMMANDS_MAX / 2;
/// Records that a batch names: bounds the locks it holds and the memory it takes.
pub const BATCH_RECORDS_MAX: usize = 8_192;
/// Bytes that the commands of a batch bring.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// One batch in so many takes bulk work even when interactive work would fill it.
const BULK_EVERY: u32 = 4;
/// Errands that may wait: each part of the hub that has one sends the next when the last is done.
const ERRANDS_MAX: usize = 16;

/// What the committer does with its engine between two batches. It is given nothing where the database is away, and says
/// whether it lost the connection.
pub(crate) type Errand = Box<dyn FnOnce(Option<&mut dyn Engine>) -> bool + Send>;

/// What the committer does next.
pub(crate) enum Work {
    /// A batch of commands.
    Batch(Vec<Entry>),
    /// One errand.
    Errand(Errand),
}

/// The queue.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    interactive: VecDeque<Entry>,
    bulk: VecDeque<Entry>,
    waiting: BTreeMap<MerchantId, usize>,
    errands: VecDeque<Errand>,
    batches_without_bulk: u32,
    batches_without_errand: u32,
    is_stopping: bool,
}

impl State {
    fn len(&self) -> usize {
        self.interactive.len() + self.bulk.len()
    }

    fn note_taken(&mut self, entry: &Entry) {
        if let Some(count) = self.waiting.get_mut(&entry.envelope.merchant) {
            *count -= 1;
            if *count == 0 {
                self.waiting.remove(&entry.envelope.merchant);
            }
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held left counts and lanes as they were: each change is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a command at the end of its lane, or says why not.
    pub fn push(&self, entry: Entry) -> Result<(), Failure> {
        let mut state = self.lock();
        if state.is_stopping {
            return Err(Failure::Stopping);
        }
        let waiting = state.waiting.get(&entry.envelope.merchant).copied().unwrap_or(0);
        let is_bulk_full = entry.envelope.lane == Lane::Bulk && state.bulk.len() >= QUEUE_BULK_MAX;
        if state.len() >= QUEUE_MAX || waiting >= QUEUE_PER_MERCHANT_MAX || is_bulk_full {
            return Err(Failure::Overloaded);
        }
        *state.waiting.entry(entry.envelope.merchant).or_default() += 1;
        match entry.envelope.lane {
            Lane::Interactive => state.interactive.push_back(entry),
            Lane::Bulk => state.bulk.push_back(entry),
        }
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Puts commands that named more records back at the front. They were counted before and pass every limit.
    pub fn push_again(&self, entries: Vec<Entry>) {
        let mut state = self.lock();
        for entry in entries.into_iter().rev() {
            *state.waiting.entry(entry.envelope.merchant).or_default() += 1;
            state.interactive.push_front(entry);
        }
    }

    /// Puts an errand behind the others.
    pub fn push_errand(&self, errand: Errand) -> Result<(), Failure> {
        let mut state = self.lock();
        if state.is_stopping {
            return Err(Failure::Stopping);
        }
        if state.errands.len() >= ERRANDS_MAX {
            return Err(Failure::Overloaded);
        }
        state.errands.push_back(errand);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for work and takes some. `None` once the queue is stopped and empty.
    pub fn take(&self) -> Option<Work> {
        let mut state = self.lock();
        while state.len() == 0 && state.errands.is_empty() {
            if state.is_stopping {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // Like bulk work an errand waits for three batches at most.
        let is_errands_turn = state.len() == 0 || state.batches_without_errand + 1 >= BULK_EVERY;
        if is_errands_turn && let Some(errand) = state.errands.pop_front() {
            state.batches_without_errand = 0;
            return Some(Work::Errand(errand));
        }
        state.batches_without_errand = if state.errands.is_empty() { 0 } else { state.batches_without_errand + 1 };
        Some(Work::Batch(take_batch(&mut state)))
    }

    /// Takes no more commands; those that wait are still done.
    pub fn stop(&self) {
        self.lock().is_stopping = true;
        self.arrived.notify_all();
    }

    /// Nobody takes from the queue any more: what waits is dropped, and with it the hope of its callers.
    pub fn close(&self) {
        let mut state = self.lock();
        state.is_stopping = true;
        let waiting = (std::mem::take(&mut state.interactive), std::mem::take(&mut state.bulk));
        let errands = std::mem::take(&mut state.errands);
        state.waiting.clear();
        drop(state);
        drop((waiting, errands));
    }

    /// Whether neither a command nor an errand waits.
    pub fn is_empty(&self) -> bool {
        let state = self.lock();
        state.len() == 0 && state.errands.is_empty()
    }

    /// How many commands wait.
    pub fn len(&self) -> usize {
        self.lock().len()
    }
}

fn take_batch(state: &mut State) -> Vec<Entry> {
    let mut batch = Vec::new();
    let commands = if state.len() < BATCH_COMMANDS_MAX { BATCH_COMMANDS_USUAL } else { BATCH_COMMANDS_MAX };
    let mut room = Room { commands, records: BATCH_RECORDS_MAX, bytes: BATCH_BYTES_MAX };
    if state.batches_without_bulk + 1 >= BULK_EVERY && !state.bulk.is_empty() {
        // Bulk work starves for three batches at most: then one of its commands goes first.
        take(state, Lane::Bulk, &mut batch, &mut Room { commands: 1, ..room });
        room.fill(&batch);
    }
    take(state, Lane::Interactive, &mut batch, &mut room);
    take(state, Lane::Bulk, &mut batch, &mut room);
    let is_bulk_waiting = !state.bulk.is_empty() && batch.iter().all(|entry| entry.envelope.lane != Lane::Bulk);
    state.batches_without_bulk = if is_bulk_waiting { state.batches_without_bulk + 1 } else { 0 };
    batch
}

/// What a batch has room for.
#[derive(Clone, Copy)]
struct Room {
    commands: usize,
    records: usize,
    bytes: usize,
}

impl Room {
    fn fill(&mut self, batch: &[Entry]) {
        for entry in batch {
            self.take(entry);
        }
    }

    fn has(&self, entry: &Entry) -> bool {
        self.commands > 0 && self.records >= entry.keys.len() && self.bytes >= entry.envelope.weight
    }

    fn take(&mut self, entry: &Entry) {
        self.commands = self.commands.saturating_sub(1);
        self.records = self.records.saturating_sub(entry.keys.len());
        self.bytes = self.bytes.saturating_sub(entry.envelope.weight);
    }
}

fn take(state: &mut State, lane: Lane, batch: &mut Vec<Entry>, room: &mut Room) {
    loop {
        let waiting = match lane {
            Lane::Interactive => &mut state.interactive,
            Lane::Bulk => &mut state.bulk,
        };
        // A command too large for any batch goes alone.
        if !waiting.front().is_some_and(|entry| room.has(entry) || batch.is_empty()) {
            return;
        }
        let Some(entry) = waiting.pop_front() else { return };
        room.take(&entry);
        state.note_taken(&entry);
        batch.push(entry);
    }
}
