//! What a batch asks of a database: a handful of set-wise operations inside one transaction. Two engines and the
//! simulator's memory answer them; nothing above knows which.

use domain::id::BatchId;
use domain::time::Timestamp;

use crate::cell::Cell;
use crate::durability::Durability;
use crate::error::EngineError;
use crate::prune::{Prune, Pruned};
use crate::record::IDEMPOTENCY;
use crate::table::{Rows, Table};

/// Rows to read: those whose first `prefix_len` key columns equal one of `keys`, in key order.
#[derive(Debug)]
pub struct Read<'a> {
    /// From where.
    pub table: &'static Table,
    /// By which: rows of `prefix_len` cells, sorted, without repeats.
    pub keys: Rows<'a>,
    /// Lock them until the transaction ends.
    pub is_locking: bool,
    /// The table of the records that these rows are parts of, if it is read before by the same keys: what is not there has
    /// no parts, and an engine need not look for them.
    pub parent: Option<&'static Table>,
}

/// A change of rows.
#[derive(Debug)]
pub enum Write<'a> {
    /// New rows, sorted by key.
    Insert(&'static Table, Rows<'a>),
    /// New rows; those whose key stands already are passed over.
    InsertMissing(&'static Table, Rows<'a>),
    /// Whole rows by key, each with the version it had as one more cell at the end. All of them are there with that
    /// version, or it is a conflict.
    Update(&'static Table, Rows<'a>),
    /// The answer of an idempotency row whose answer is still to come: merchant, key, subject, status, content type,
    /// body.
    Answer(Rows<'a>),
}

/// What a [`Write`] does, without what it does it to: an engine has one statement for each and table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Of [`Write::Insert`].
    Insert,
    /// Of [`Write::InsertMissing`].
    InsertMissing,
    /// Of [`Write::Update`].
    Update,
    /// Of [`Write::Answer`].
    Answer,
}

impl<'a> Write<'a> {
    /// What it does, where, and to which rows.
    pub fn parts(&self) -> (Change, &'static Table, &Rows<'a>) {
        match self {
            Self::Insert(table, rows) => (Change::Insert, table, rows),
            Self::InsertMissing(table, rows) => (Change::InsertMissing, table, rows),
            Self::Update(table, rows) => (Change::Update, table, rows),
            Self::Answer(rows) => (Change::Answer, &IDEMPOTENCY, rows),
        }
    }
}

/// How a transaction began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// Fresh, at this time.
    At(Timestamp),
    /// A transaction with this batch id has committed before.
    AlreadyCommitted,
}

/// A row as an engine gives it.
pub type Row = Vec<Cell<'static>>;

/// A database with one open transaction at most.
pub trait Engine: Send {
    /// Opens the transaction of `batch`.
    fn begin(&mut self, batch: BatchId) -> Result<Begun, EngineError>;

    /// Reads, in the order given.
    fn read(&mut self, reads: &[Read<'_>]) -> Result<Vec<Vec<Row>>, EngineError>;

    /// Writes, in the order given.
    fn write(&mut self, writes: &[Write<'_>]) -> Result<(), EngineError>;

    /// Writes, and then reads; an engine that can sends both at once.
    fn write_and_read(&mut self, writes: &[Write<'_>], reads: &[Read<'_>]) -> Result<Vec<Vec<Row>>, EngineError> {
        self.write(writes)?;
        self.read(reads)
    }

    /// Writes what this transaction has locked or makes, and commits; an engine that can sends both at once.
    fn write_and_commit(&mut self, writes: &[Write<'_>]) -> Result<(), EngineError> {
        self.write(writes)?;
        self.commit()
    }

    /// Makes it durable. After an error other than [`EngineError::CommitUnknown`] nothing happened.
    fn commit(&mut self) -> Result<(), EngineError>;

    /// Deletes what is over among the next rows of a table, in a transaction of its own.
    fn prune(&mut self, prune: &Prune) -> Result<Pruned, EngineError>;

    /// Lets go of what was written over and is still kept beside the rows, as far as that is in the engine's hands.
    fn forget(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    /// What stands between an answer and its loss, as this connection writes.
    fn durability(&mut self) -> Result<Durability, EngineError>;

    /// Gives the transaction up. Never fails: a connection that cannot roll back is dropped.
    fn rollback(&mut self);
}
