//! The simulator's store: rows in maps, with an undo log for the open transaction, and faults on command. It passes the
//! same contract suite as the two engines.

use std::collections::BTreeMap;

use domain::id::BatchId;
use domain::time::Timestamp;

use crate::cell::Cell;
use crate::durability::Durability;
use crate::engine::{Begun, Engine, Read, Row, Write};
use crate::error::EngineError;
use crate::prune::{Prune, Pruned, ROWS_MAX};
use crate::record::{BATCH, IDEMPOTENCY};
use crate::sql;
use crate::table::Table;

/// What goes wrong with the next operation of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies at this operation: the engine panics with [`Crash`] and the open transaction is gone.
    Crash,
    /// The process dies right after the commit, before anybody is answered.
    CrashAfterCommit,
    /// The connection is lost; a transaction at its COMMIT did not happen.
    Lost,
    /// The connection is lost at COMMIT, and the transaction happened.
    LostAfterCommit,
    /// Another transaction came first.
    Conflict,
}

/// The payload of the panic that stands for the death of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash;

/// The rows that survive a crash.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    tables: BTreeMap<&'static str, BTreeMap<Row, Row>>,
    undo: Vec<(&'static str, Row, Option<Row>)>,
    /// What the clock of the database says.
    pub now: Timestamp,
    /// Operations until the fault strikes.
    pub fault: Option<(u32, Fault)>,
}

impl Memory {
    /// An empty store at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { now, ..Self::default() }
    }

    /// All rows of a table, in key order.
    pub fn rows(&self, table: &Table) -> impl Iterator<Item = &Row> {
        self.tables.get(table.name).into_iter().flat_map(BTreeMap::values)
    }

    /// What is left after the process died: the open transaction is gone.
    pub fn recover(&mut self) {
        self.take_back();
        self.fault = None;
    }

    fn take_back(&mut self) {
        for (table, key, before) in self.undo.drain(..).rev() {
            let rows = self.tables.entry(table).or_default();
            match before {
                Some(row) => rows.insert(key, row),
                None => rows.remove(&key),
            };
        }
    }

    fn tick(&mut self) -> Option<Fault> {
        let (left, fault) = self.fault?;
        if left > 0 {
            self.fault = Some((left - 1, fault));
            return None;
        }
        self.fault = None;
        Some(fault)
    }

    /// Lets a fault strike at an operation that is not the commit.
    fn strike(&mut self) -> Result<(), EngineError> {
        match self.tick() {
            None => Ok(()),
            Some(Fault::Crash) => std::panic::panic_any(Crash),
            // These two wait for the commit.
            Some(fault @ (Fault::CrashAfterCommit | Fault::LostAfterCommit)) => {
                self.fault = Some((0, fault));
                Ok(())
            }
            Some(Fault::Lost) => {
                self.take_back();
                Err(EngineError::Lost("simulated".to_owned()))
            }
            Some(Fault::Conflict) => Err(EngineError::Conflict("simulated".to_owned())),
        }
    }

    fn put(&mut self, table: &'static Table, row: &[Cell<'_>]) {
        let row: Row = row.iter().take(table.columns.len()).cloned().map(Cell::into_owned).collect();
        let key: Row = row.iter().take(table.key_len).cloned().collect();
        let before = self.tables.entry(table.name).or_default().insert(key.clone(), row);
        self.undo.push((table.name, key, before));
    }

    fn find(&self, table: &Table, key: &[Cell<'_>]) -> Option<&Row> {
        let key: Row = key.iter().take(table.key_len).cloned().map(Cell::into_owned).collect();
        self.tables.get(table.name)?.get(&key)
    }

    fn insert(&mut self, table: &'static Table, row: &[Cell<'_>]) -> Result<(), EngineError> {
        if self.find(table, row).is_some() {
            return Err(EngineError::Unique(sql::primary_key(table)));
        }
        self.keep_unique(table, row)?;
        self.put(table, row);
        Ok(())
    }

    /// No other row has the same cells in the columns of a constraint; two that are empty are not the same.
    fn keep_unique(&self, table: &Table, row: &[Cell<'_>]) -> Result<(), EngineError> {
        for (name, columns) in table.unique {
            let places: Vec<usize> = columns.iter().filter_map(|column| table.position(column)).collect();
            let is_other = |other: &Row| other[..table.key_len] != row[..table.key_len];
            let is_same = |other: &Row, place: &usize| row[*place] != Cell::Null && other[*place] == row[*place];
            if self.rows(table).any(|other| is_other(other) && places.iter().all(|place| is_same(other, place))) {
                return Err(EngineError::Unique((*name).to_owned()));
            }
        }
        Ok(())
    }

    fn update(&mut self, table: &'static Table, row: &[Cell<'_>]) -> Result<(), EngineError> {
        let version_before = row.last();
        match self.find(table, row) {
            Some(stored) if stored.last() == version_before => {
                self.keep_unique(table, row)?;
                self.put(table, row);
                Ok(())
            }
            _ => Err(EngineError::Conflict(table.name.to_owned())),
        }
    }

    /// An idempotency row whose answer is still to come.
    fn find_open(&self, row: &[Cell<'_>]) -> Option<Row> {
        self.find(&IDEMPOTENCY, row).filter(|stored| stored.get(4) == Some(&Cell::Int(0))).cloned()
    }
}

impl Engine for Memory {
    fn begin(&mut self, batch: BatchId) -> Result<Begun, EngineError> {
        self.take_back();
        self.strike()?;
        let row = [Cell::display(batch), Cell::Int(self.now.0)];
        if self.find(&BATCH, &row).is_some() {
            return Ok(Begun::AlreadyCommitted);
        }
        self.put(&BATCH, &row);
        Ok(Begun::At(self.now))
    }

    fn read(&mut self, reads: &[Read<'_>]) -> Result<Vec<Vec<Row>>, EngineError> {
        self.strike()?;
        let mut answers = Vec::new();
        for read in reads {
            let mut found = Vec::new();
            for prefix in read.keys.iter() {
                let prefix: Row = prefix.iter().cloned().map(Cell::into_owned).collect();
                let rows = self.tables.get(read.table.name);
                let from = rows.into_iter().flat_map(|rows| rows.range(prefix.clone()..));
                found.extend(from.take_while(|(key, _)| key.starts_with(&prefix)).map(|(_, row)| row.clone()));
            }
            answers.push(found);
        }
        Ok(answers)
    }

    fn write(&mut self, writes: &[Write<'_>]) -> Result<(), EngineError> {
        self.strike()?;
        for write in writes {
            match write {
                Write::Insert(table, rows) => rows.iter().try_for_each(|row| self.insert(table, row))?,
                Write::InsertMissing(table, rows) => {
                    for row in rows.iter() {
                        if self.find(table, row).is_none() {
                            self.put(table, row);
                        }
                    }
                }
                Write::Update(table, rows) => rows.iter().try_for_each(|row| self.update(table, row))?,
                Write::Answer(rows) => {
                    for answer in rows.iter() {
                        if let Some(mut row) = self.find_open(answer) {
                            row.splice(3..7, answer.iter().skip(2).cloned().map(Cell::into_owned));
                            self.put(&IDEMPOTENCY, &row);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), EngineError> {
        match self.tick() {
            None => {
                self.undo.clear();
                Ok(())
            }
            Some(Fault::Crash) => std::panic::panic_any(Crash),
            Some(Fault::CrashAfterCommit) => {
                self.undo.clear();
                std::panic::panic_any(Crash)
            }
            Some(Fault::Lost) => {
                self.take_back();
                Err(EngineError::CommitUnknown("simulated".to_owned()))
            }
            Some(Fault::LostAfterCommit) => {
                self.undo.clear();
                Err(EngineError::CommitUnknown("simulated".to_owned()))
            }
            Some(Fault::Conflict) => {
                self.take_back();
                Err(EngineError::Conflict("simulated".to_owned()))
            }
        }
    }

    fn prune(&mut self, prune: &Prune) -> Result<Pruned, EngineError> {
        self.strike()?;
        let rows = self.tables.entry(prune.rule.table.name).or_default();
        let after = prune.after.clone().unwrap_or_default();
        let page: Vec<Row> =
            rows.keys().filter(|key| after.is_empty() || **key > after).take(ROWS_MAX).cloned().collect();
        let is_over = |key: &&Row| rows.get(*key).is_some_and(|row| (prune.rule.is_over)(row, &prune.limit));
        let over: Vec<Row> = page.iter().filter(is_over).cloned().collect();
        over.iter().for_each(|key| drop(rows.remove(key)));
        let next = page.get(ROWS_MAX - 1).cloned();
        Ok(Pruned { deleted: over.len() as u64, next })
    }

    fn durability(&mut self) -> Result<Durability, EngineError> {
        // A simulated crash never takes what was committed.
        Ok(Durability::default())
    }

    fn rollback(&mut self) {
        self.take_back();
    }
}

/// A memory that outlives the committer that writes to it, as a disk outlives a process.
#[derive(Clone)]
pub struct Shared(pub std::sync::Arc<std::sync::Mutex<Memory>>);

impl Shared {
    /// Works on the memory. A crash poisons the lock, as it should: the memory itself is whole.
    pub fn with<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Engine for Shared {
    fn begin(&mut self, batch: BatchId) -> Result<Begun, EngineError> {
        self.with(|memory| memory.begin(batch))
    }
    fn read(&mut self, reads: &[Read<'_>]) -> Result<Vec<Vec<Row>>, EngineError> {
        self.with(|memory| memory.read(reads))
    }
    fn write(&mut self, writes: &[Write<'_>]) -> Result<(), EngineError> {
        self.with(|memory| memory.write(writes))
    }
    fn commit(&mut self) -> Result<(), EngineError> {
        self.with(Memory::commit)
    }
    fn prune(&mut self, prune: &Prune) -> Result<Pruned, EngineError> {
        self.with(|memory| memory.prune(prune))
    }
    fn durability(&mut self) -> Result<Durability, EngineError> {
        self.with(Memory::durability)
    }
    fn rollback(&mut self) {
        self.with(Memory::rollback);
    }
}
