//! The stores that one suite runs on. Each test has a database of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use domain::time::Timestamp;
use storage::check::{Report, Snapshot, Source, check};
use storage::committer::Connect;
use storage::memory::{Memory, Shared};
use storage::postgres::Postgres;
use storage::reader::Reader;
use storage::sqlite::Sqlite;
use storage::{Cell, Engine, Row};
use tempfile::TempDir;
use tokio_postgres::NoTls;

use super::rows::{put_into_memory, rows, table};

/// Where the tests' server is.
const POSTGRES: &str = "TILLBRIDGE_TEST_POSTGRES";

/// The time at which every shop opens.
pub const OPENING: i64 = 1_700_000_000_000;

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
    /// The simulator's.
    Memory,
}

/// A store with a schema and nothing else.
pub struct Store {
    pub place: Place,
    /// The clock where the hub's clock counts: everywhere but on PostgreSQL.
    clock: Arc<AtomicI64>,
}

/// Where the rows are.
pub enum Place {
    Sqlite(TempDir),
    Postgres(Database),
    Memory(Shared),
}

impl Store {
    /// A fresh store; `None`, and a line that says so, where there is no server to make one on.
    pub fn new(kind: Kind) -> Option<Self> {
        let clock = Arc::new(AtomicI64::new(OPENING));
        let place = match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let mut connection = storage::sqlite::open(&folder.path().join("till.db"), false).unwrap();
                storage::migrate::sqlite(&mut connection).unwrap();
                Place::Sqlite(folder)
            }
            Kind::Postgres => {
                let database = Database::empty()?;
                block_on(storage::migrate::postgres(&database.url)).unwrap();
                Place::Postgres(database)
            }
            Kind::Memory => Place::Memory(Shared(Arc::new(Mutex::new(Memory::new(Timestamp(OPENING)))))),
        };
        Some(Self { place, clock })
    }

    /// The SQLite file.
    pub fn path(&self) -> PathBuf {
        let Place::Sqlite(folder) = &self.place else { panic!("not SQLite") };
        folder.path().join("till.db")
    }

    /// The PostgreSQL database.
    pub fn url(&self) -> &str {
        let Place::Postgres(database) = &self.place else { panic!("not PostgreSQL") };
        &database.url
    }

    /// The simulator's memory.
    pub fn memory(&self) -> &Shared {
        let Place::Memory(memory) = &self.place else { panic!("not memory") };
        memory
    }

    /// Turns the clock.
    pub fn set_clock(&self, now: i64) {
        self.clock.store(now, Ordering::Relaxed);
        if let Place::Memory(memory) = &self.place {
            memory.with(|memory| memory.now = Timestamp(now));
        }
    }

    /// Opens engines for a committer.
    pub fn connect(&self) -> Connect {
        match &self.place {
            Place::Sqlite(_) => {
                let (path, clock) = (self.path(), Arc::clone(&self.clock));
                let clock: storage::sqlite::Clock = Arc::new(move || Timestamp(clock.load(Ordering::Relaxed)));
                Box::new(move || Ok(Box::new(Sqlite::open(&path, "FULL", Arc::clone(&clock))?) as Box<dyn Engine>))
            }
            Place::Postgres(database) => connect_postgres(database.url.clone()),
            Place::Memory(memory) => {
                let memory = memory.clone();
                Box::new(move || Ok(Box::new(memory.clone()) as Box<dyn Engine>))
            }
        }
    }

    /// Readers beside the committer, on the stores that have them.
    pub fn reader(&self) -> Option<Reader> {
        match &self.place {
            Place::Sqlite(_) => Some(Reader::sqlite(self.path())),
            Place::Postgres(database) => Some(Reader::postgres(&database.url).unwrap()),
            Place::Memory(_) => None,
        }
    }

    /// What stands there now.
    pub fn source(&self) -> Box<dyn Source> {
        match &self.place {
            Place::Sqlite(_) => Box::new(Snapshot::sqlite(&self.path()).unwrap()),
            Place::Postgres(database) => Box::new(Snapshot::postgres(&database.url).unwrap()),
            Place::Memory(memory) => Box::new(memory.with(|memory| memory.clone())),
        }
    }

    /// What is wrong with it.
    pub fn check(&self) -> Report {
        check(&mut *self.source()).unwrap()
    }

    /// Writes a row over the one with its key, past all the rules.
    pub fn put(&self, name: &str, row: &Row) {
        let table = table(name);
        if let Place::Memory(memory) = &self.place {
            return memory.with(|memory| put_into_memory(memory, name, row));
        }
        let is_flag = |i: usize| matches!(table.columns[i].1, storage::Kind::Bool);
        let assignments: Vec<String> = (table.key_len..table.columns.len())
            .filter(|i| !is_flag(*i))
            .map(|i| format!("{} = ${}", table.columns[i].0, i + 1))
            .collect();
        // Every parameter has to be used, and the flags are left as they are.
        let keys: Vec<String> = (0..table.columns.len())
            .filter(|i| *i < table.key_len)
            .map(|i| format!("{} = ${}", table.columns[i].0, i + 1))
            .collect();
        let sql = format!("UPDATE {} SET {} WHERE {}", table.name, assignments.join(", "), keys.join(" AND "));
        let (sql, params) = compact(&sql, row);
        self.execute(&sql, &params);
    }

    /// Runs a statement past all the rules.
    pub fn execute(&self, sql: &str, params: &[Cell<'static>]) -> Vec<Row> {
        match &self.place {
            Place::Sqlite(_) => {
                let connection = storage::sqlite::open(&self.path(), false).unwrap();
                storage::sqlite::query(&connection, sql, params).unwrap()
            }
            Place::Postgres(database) => on_server(&database.url, sql, params),
            Place::Memory(_) => panic!("the memory knows no SQL"),
        }
    }
}

/// Keeps the parameters that the statement uses, numbered anew.
fn compact(sql: &str, row: &Row) -> (String, Vec<Cell<'static>>) {
    let (mut text, mut params) = (sql.to_owned(), Vec::new());
    for i in (0..row.len()).rev() {
        let (old, mark) = (format!("${}", i + 1), format!("#{i};"));
        text = text.replace(&old, &mark);
    }
    for (i, cell) in row.iter().enumerate() {
        let mark = format!("#{i};");
        if text.contains(&mark) {
            params.push(cell.clone());
            text = text.replace(&mark, &format!("${}", params.len()));
        }
    }
    (text, params)
}

/// Opens engines on PostgreSQL.
pub fn connect_postgres(url: String) -> Connect {
    Box::new(move || Ok(Box::new(Postgres::connect(&url)?) as Box<dyn Engine>))
}

/// All rows of a table.
pub fn all(store: &Store, name: &str) -> Vec<Row> {
    rows(&mut *store.source(), name)
}

/// A database on the tests' server, dropped with its last user.
pub struct Database {
    pub url: String,
    name: String,
    server: String,
}

impl Database {
    /// An empty database; `None` where there is no server.
    pub fn empty() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(POSTGRES) else {
            println!("skipped: {POSTGRES} names no server");
            return None;
        };
        let name = format!("tillbridge_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        on_server(&server, &format!("CREATE DATABASE {name}"), &[]);
        let (head, _) = server.rsplit_once('/').unwrap();
        Some(Self { url: format!("{head}/{name}"), name, server })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        on_server(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name), &[]);
    }
}

/// Runs one statement on a connection of its own.
pub fn on_server(url: &str, sql: &str, params: &[Cell<'static>]) -> Vec<Row> {
    block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let params: Vec<_> = params.iter().map(|cell| cell as &(dyn tokio_postgres::types::ToSql + Sync)).collect();
        client.query(sql, &params).await.unwrap().iter().map(storage::postgres::cells).collect()
    })
}

/// Waits for something that is async.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
