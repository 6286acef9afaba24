//! What a power cut leaves: the memory, behind a spy that notes which rows each transaction wrote. The rows themselves are
//! read back from the memory, so a checker never believes what it was merely told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::id::BatchId;
use domain::time::Timestamp;
use storage::durability::Durability;
use storage::memory::{Fault, Memory, Shared};
use storage::prune::{Prune, Pruned};
use storage::{Begun, Cell, Engine, EngineError, Read, Row, Rows, Table, Write};

const fn table(name: &'static str, key_len: usize) -> Table {
    Table { name, columns: &[], key_len, is_locked: false, unique: &[] }
}

/// The tables by name and length of key. The columns are read by their places, see `mirror.rs`.
pub static TABLES: &[Table] = &[
    table("register", 1),
    table("connection", 1),
    table("payment", 1),
    table("operation", 2),
    table("exception", 2),
    table("job", 2),
    table("sale", 1),
    table("sale_line", 2),
    table("tender", 2),
    table("reservation", 2),
    table("return", 2),
    table("return_line", 3),
    table("refund", 3),
    table("stock_level", 2),
    table("movement", 1),
    table("stocktake", 1),
    table("stocktake_line", 2),
    table("balance", 3),
    table("customer", 1),
    table("points_balance", 1),
    table("points_entry", 2),
    table("journal_entry", 1),
    table("event", 2),
    table("audit", 2),
    table("idempotency", 2),
];

static BATCH: Table = table("batch", 1);
static IDEMPOTENCY: Table = table("idempotency", 2);

fn find_table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

/// What the spy notes.
#[derive(Default)]
pub struct Log {
    batch: Row,
    open: Vec<(&'static str, Row)>,
    done: Vec<Transaction>,
    /// Connections that are lost again as soon as they are used.
    pub storm: u32,
}

/// The keys that one transaction wrote.
struct Transaction {
    batch: Row,
    keys: Vec<(&'static str, Row)>,
    /// The engine said that it committed; otherwise the batch's own row tells.
    is_certain: bool,
}

/// Rows as one transaction left them.
pub type Written = Vec<(&'static Table, Row)>;

/// The memory and the spy's notes. Clones share both.
#[derive(Clone)]
pub struct Disk {
    memory: Shared,
    log: Arc<Mutex<Log>>,
}

impl Disk {
    pub fn new(now: Timestamp) -> Self {
        let memory = Shared(Arc::new(Mutex::new(Memory::new(now))));
        Self { memory, log: Arc::default() }
    }

    pub fn with<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        self.memory.with(work)
    }

    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection.
    pub fn connect(&self) -> Box<dyn Engine> {
        let mut log = self.log();
        if log.storm > 0 {
            log.storm -= 1;
            let left = log.storm % 3;
            self.with(|memory| memory.fault = Some((left, Fault::Lost)));
        }
        drop(log);
        Box::new(self.clone())
    }

    /// The transactions that became durable since the last look, row by row as they stand now. What was written and not
    /// committed is taken back, as a power cut at this instant would.
    pub fn look(&self) -> Vec<Written> {
        let mut log = self.log();
        let done = std::mem::take(&mut log.done);
        let is_left_open = !std::mem::take(&mut log.open).is_empty();
        drop(log);
        self.with(|memory| {
            memory.fault = None;
            if is_left_open {
                memory.rollback();
            }
            let mut seen = Vec::with_capacity(done.len());
            // A batch that was run again under its id: the last run is the one whose row stands.
            let is_rerun = |place: usize| done.get(place + 1).is_some_and(|next| next.batch == done[place].batch);
            let runs: Vec<bool> = (0..done.len()).map(is_rerun).collect();
            for (transaction, is_rerun) in done.into_iter().zip(runs) {
                if is_rerun {
                    continue;
                }
                if transaction.is_certain || !read_rows(memory, &BATCH, transaction.batch).is_empty() {
                    seen.push(read_written(memory, transaction.keys));
                }
            }
            seen
        })
    }

    /// All rows of all tables.
    pub fn read_all(&self) -> Written {
        let mut all = Vec::new();
        self.with(|memory| {
            for table in TABLES {
                all.extend(memory.rows(table).map(|row| (table, row.clone())));
            }
        });
        all
    }

    /// The stored answers under keys of merchant and idempotency key.
    pub fn read_answers(&self, keys: Row) -> Vec<Row> {
        self.with(|memory| {
            memory.fault = None;
            read_rows(memory, &IDEMPOTENCY, keys)
        })
    }
}

fn read_rows(memory: &mut Memory, table: &'static Table, cells: Row) -> Vec<Row> {
    let keys = Rows { width: table.key_len, cells };
    let read = memory.read(&[Read { table, keys, is_locking: false, parent: None }]);
    read.expect("no fault is armed").into_iter().flatten().collect()
}

fn read_written(memory: &mut Memory, mut keys: Vec<(&'static str, Row)>) -> Written {
    keys.sort();
    keys.dedup();
    let mut written = Vec::with_capacity(keys.len());
    for group in keys.chunk_by(|one, next| one.0 == next.0) {
        let Some(table) = group.first().and_then(|(name, _)| find_table(name)) else { continue };
        let cells = group.iter().flat_map(|(_, key)| key.iter().cloned()).collect();
        written.extend(read_rows(memory, table, cells).into_iter().map(|row| (table, row)));
    }
    written
}

fn note(log: &mut Log, name: &'static str, key_len: usize, rows: &Rows<'_>) {
    let key = |row: &[Cell<'_>]| row.iter().take(key_len).cloned().map(Cell::into_owned).collect();
    log.open.extend(rows.iter().map(|row| (name, key(row))));
}

impl Engine for Disk {
    fn begin(&mut self, batch: BatchId) -> Result<Begun, EngineError> {
        let mut log = self.log();
        log.open.clear();
        log.batch = vec![Cell::display(batch)];
        drop(log);
        self.memory.begin(batch)
    }

    fn read(&mut self, reads: &[Read<'_>]) -> Result<Vec<Vec<Row>>, EngineError> {
        self.memory.read(reads)
    }

    fn write(&mut self, writes: &[Write<'_>]) -> Result<(), EngineError> {
        let mut log = self.log();
        for write in writes {
            let (_, table, rows) = write.parts();
            note(&mut log, table.name, table.key_len, rows);
        }
        drop(log);
        self.memory.write(writes)
    }

    fn commit(&mut self) -> Result<(), EngineError> {
        let mut log = self.log();
        let keys = std::mem::take(&mut log.open);
        let batch = log.batch.clone();
        log.done.push(Transaction { batch, keys, is_certain: false });
        drop(log);
        self.memory.commit()?;
        if let Some(transaction) = self.log().done.last_mut() {
            transaction.is_certain = true;
        }
        Ok(())
    }

    fn prune(&mut self, prune: &Prune) -> Result<Pruned, EngineError> {
        self.memory.prune(prune)
    }

    fn durability(&mut self) -> Result<Durability, EngineError> {
        self.memory.durability()
    }

    fn rollback(&mut self) {
        self.log().open.clear();
        self.memory.rollback();
    }
}
