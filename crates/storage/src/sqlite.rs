//! The embedded engine: one connection of the committer's thread, write-ahead log, full durability.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use domain::id::BatchId;
use domain::time::Timestamp;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Statement, ToSql};

use crate::cell::Cell;
use crate::durability::Durability;
use crate::engine::{Begun, Change, Engine, Read, Row, Write};
use crate::error::EngineError;
use crate::log_folder::{LogFolder, fold};
use crate::prune::{Prune, Pruned};
use crate::record::Stored;
use crate::sql;
use crate::table::{RowReader, Rows, Table};

/// Statements kept prepared per connection: all of a batch, with room to spare.
const STATEMENTS_MAX: usize = 128;
/// Page cache of the writer, in KiB. Holds the inner pages of the indexes of a few million sales.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// How long a connection waits for another process's lock before it gives up.
const BUSY_MS: u64 = 5_000;
/// Each time the log has grown by so many pages of 4 KiB, 16 MiB, the log folder folds them into the file.
const FOLD_PAGES: i64 = 4_096;
/// The rest is folded between two batches once the log has this many pages, 48 MiB: then it starts anew.
const CHECKPOINT_PAGES: i64 = 12_288;
/// From this size of the log on, 64 MiB, a checkpoint also empties the file.
const TRUNCATE_PAGES: i64 = 16_384;

/// Reads the hub's clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Opens a connection with the settings that every connection of ours has.
pub fn open(path: &Path, is_read_only: bool) -> Result<Connection, EngineError> {
    use rusqlite::OpenFlags;
    let flags = if is_read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX
    };
    if !is_read_only {
        create_private(path).map_err(EngineError::engine)?;
    }
    let connection = Connection::open_with_flags(path, flags).map_err(EngineError::engine)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS)).map_err(EngineError::engine)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    let settings = if is_read_only {
        "PRAGMA query_only = ON; PRAGMA foreign_keys = ON;"
    } else {
        // What is written over or deleted is made zeros: who was erased is not to be read in what the file has left.
        "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0; \
         PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;"
    };
    connection.execute_batch(settings).map_err(EngineError::engine)?;
    Ok(connection)
}

/// Brings the file into being for its owner alone; what SQLite puts beside it has the same rights.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// The engine.
pub struct Sqlite {
    connection: Connection,
    clock: Clock,
    last: Timestamp,
    statements: HashMap<(&'static str, Verb), Arc<str>>,
    log_folder: LogFolder,
    /// The size of the log at which the log folder is asked again.
    fold_at: i64,
    /// Below this size of the log no checkpoint is tried: what a reader still needed the last time stays in it.
    checkpoint_at: i64,
}

thread_local! {
    /// Pages in the log after the last commit of this thread's write connection.
    static WAL_PAGES: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
}

fn note_wal_pages(_: &rusqlite::hooks::Wal, pages: std::ffi::c_int) -> rusqlite::Result<()> {
    WAL_PAGES.set(i64::from(pages));
    Ok(())
}

#[derive(PartialEq, Eq, Hash, Clone, Copy)]
enum Verb {
    Write(Change),
    Read(usize),
}

impl Sqlite {
    /// Opens the file with `synchronous` at the given level; `FULL` is the only one that keeps what was answered.
    pub fn open(path: &Path, synchronous: &str, clock: Clock) -> Result<Self, EngineError> {
        let connection = open(path, false)?;
        connection
            .execute_batch(&format!("PRAGMA synchronous = {synchronous}; PRAGMA cache_size = -{WRITER_CACHE_KIB};"))
            .map_err(EngineError::engine)?;
        connection.wal_hook(Some(note_wal_pages));
        let last = last_batch(&connection)?;
        Ok(Self {
            connection,
            clock,
            last,
            statements: HashMap::new(),
            log_folder: LogFolder::new(path),
            fold_at: FOLD_PAGES,
            checkpoint_at: CHECKPOINT_PAGES,
        })
    }

    /// What the connection says of its durability: 2 is FULL, 3 is EXTRA.
    pub fn synchronous(&self) -> Result<i64, EngineError> {
        self.connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).map_err(EngineError::engine)
    }

    fn statement(&mut self, table: &'static Table, verb: Verb) -> Arc<str> {
        self.statements
            .entry((table.name, verb))
            .or_insert_with(|| {
                let text = match verb {
                    Verb::Write(Change::Insert) => sql::insert_row(table, ""),
                    Verb::Write(Change::InsertMissing) => sql::insert_row(table, " ON CONFLICT DO NOTHING"),
                    Verb::Write(Change::Update) => sql::update_row(table),
                    Verb::Write(Change::Answer) => sql::ANSWER_ROW.to_owned(),
                    Verb::Read(prefix_len) => sql::select_by_prefix(table, prefix_len),
                };
                numbered(&text).into()
            })
            .clone()
    }

    /// Runs a statement once for each row and gives how many rows each run changed.
    fn execute(&mut self, table: &'static Table, verb: Verb, rows: &Rows<'_>) -> Result<Vec<usize>, EngineError> {
        let sql = self.statement(table, verb);
        let mut statement = self.connection.prepare_cached(&sql).map_err(error)?;
        rows.iter()
            .map(|row| statement.execute(rusqlite::params_from_iter(row.iter().map(Bound))).map_err(error))
            .collect()
    }

    /// Keeps the log short. PASSIVE never blocks a reader; TRUNCATE keeps the file small.
    fn checkpoint(&mut self) {
        let pages = WAL_PAGES.get();
        if pages < self.checkpoint_at {
            if pages >= self.fold_at {
                self.fold_at = pages + FOLD_PAGES;
                self.log_folder.fold_soon();
            }
            return;
        }
        self.fold_at = FOLD_PAGES;
        match fold(&self.connection, "PASSIVE") {
            Ok((logged, folded)) => {
                self.checkpoint_at = CHECKPOINT_PAGES + (logged - folded).max(0);
                if pages >= TRUNCATE_PAGES && logged == folded {
                    self.empty_log();
                }
            }
            Err(error) => tracing::warn!(%error, "The checkpoint of the database did not run; the log keeps growing."),
        }
    }

    /// Empties the log, unless somebody reads from it: a register does not wait for a reader, the next checkpoint tries
    /// again.
    fn empty_log(&mut self) {
        let outcome = self.set_busy(0).and_then(|()| fold(&self.connection, "TRUNCATE"));
        if let Err(error) = self.set_busy(BUSY_MS).and(outcome) {
            tracing::warn!(%error, "The log of the database could not be emptied; the next checkpoint tries again.");
        }
    }

    fn set_busy(&self, ms: u64) -> rusqlite::Result<()> {
        self.connection.busy_timeout(std::time::Duration::from_millis(ms))
    }
}

/// The time of the last batch that changed something, of an earlier process, too: a clock that was set back before a
/// restart is still behind it.
fn last_batch(connection: &Connection) -> Result<Timestamp, EngineError> {
    let text = "SELECT MAX(audit.recorded_at) FROM merchant_counter AS head \
         JOIN audit ON audit.merchant_id = head.merchant_id AND audit.number = head.audit_number";
    let at: Option<i64> = connection.query_row(text, [], |row| row.get(0)).map_err(error)?;
    Ok(Timestamp(at.unwrap_or(0)))
}

/// A cell as a parameter.
struct Bound<'a, 'b>(&'a Cell<'b>);

impl ToSql for Bound<'_, '_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Cell::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Cell::Int(value) => ToSqlOutput::Borrowed(ValueRef::Integer(*value)),
            Cell::Bool(value) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*value))),
            Cell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Cell::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

/// A value of a row of ours. SQLite keeps flags as numbers; whoever reads a flag knows. REAL has no place in it and reads as NULL, which no column that counts allows.
fn cell(value: ValueRef<'_>) -> Cell<'_> {
    match value {
        ValueRef::Null | ValueRef::Real(_) => Cell::Null,
        ValueRef::Integer(value) => Cell::Int(value),
        // Ours always is UTF-8, and to see that it is takes less than to look for what is not.
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Cell::text(text),
            Err(_) => Cell::Text(String::from_utf8_lossy(text)),
        },
        ValueRef::Blob(bytes) => Cell::bytes(bytes),
    }
}

/// `$2` is a number to PostgreSQL. To SQLite it is a name, and names are counted as they come: the number is `?2` there.
/// No text of ours has a dollar sign anywhere else.
pub(crate) fn numbered(sql: &str) -> Cow<'_, str> {
    if sql.contains('$') { sql.replace('$', "?").into() } else { sql.into() }
}

/// Runs one query and gives its rows.
pub fn query(connection: &Connection, sql: &str, params: &[Cell<'_>]) -> Result<Vec<Row>, EngineError> {
    let mut found = Vec::new();
    query_into(&mut *connection.prepare_cached(&numbered(sql)).map_err(error)?, params, &mut found)?;
    Ok(found)
}

/// Runs a prepared query and appends its rows.
fn query_into(statement: &mut Statement<'_>, params: &[Cell<'_>], found: &mut Vec<Row>) -> Result<(), EngineError> {
    let width = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(params.iter().map(Bound))).map_err(error)?;
    while let Some(row) = rows.next().map_err(error)? {
        let mut cells = Vec::with_capacity(width);
        for column in 0..width {
            cells.push(cell(row.get_ref(column).map_err(error)?).into_owned());
        }
        found.push(cells);
    }
    Ok(())
}

/// Runs a prepared query and gives its rows as records, without a copy of the rows in between.
pub(crate) fn records<R: Stored>(statement: &mut Statement<'_>, params: &[Cell<'_>]) -> Result<Vec<R>, EngineError> {
    let width = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(params.iter().map(Bound))).map_err(error)?;
    let (mut found, mut reader) = (Vec::new(), RowReader::of(R::TABLE));
    while let Some(row) = rows.next().map_err(error)? {
        reader.begin();
        for column in 0..width {
            reader.push(&cell(row.get_ref(column).map_err(error)?));
        }
        found.push(R::read(&mut reader)?);
    }
    Ok(found)
}

pub(crate) fn error(error: rusqlite::Error) -> EngineError {
    if let rusqlite::Error::SqliteFailure(failure, Some(message)) = &error
        && failure.code == ErrorCode::ConstraintViolation
        && let Some(columns) = message.strip_prefix("UNIQUE constraint failed: ")
    {
        return EngineError::Unique(sql::unique_by_columns(columns));
    }
    if let Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) = error.sqlite_error_code() {
        return EngineError::Conflict(error.to_string());
    }
    EngineError::engine(error)
}

/// The rows of which a read asks for the parts, in key order, if it does and they were read.
fn parents<'a>(read: &Read<'_>, reads: &[Read<'_>], answers: &'a [Vec<Row>]) -> Option<&'a [Row]> {
    let parent = read.parent?;
    let place = reads.iter().position(|other| std::ptr::eq(other.table, parent))?;
    answers.get(place).map(Vec::as_slice)
}

fn has_parent(parents: Option<&[Row]>, key: &[Cell<'_>]) -> bool {
    parents.is_none_or(|rows| rows.binary_search_by(|row| row[..key.len()].cmp(key)).is_ok())
}

impl Engine for Sqlite {
    fn begin(&mut self, _batch: BatchId) -> Result<Begun, EngineError> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(error)?;
        // A clock that is set back never makes a batch earlier than the one before it.
        self.last = (self.clock)().max(self.last);
        Ok(Begun::At(self.last))
    }

    fn read(&mut self, reads: &[Read<'_>]) -> Result<Vec<Vec<Row>>, EngineError> {
        let mut answers = Vec::with_capacity(reads.len());
        for read in reads {
            let sql = self.statement(read.table, Verb::Read(read.keys.width));
            let mut statement = self.connection.prepare_cached(&sql).map_err(error)?;
            let parents = parents(read, reads, &answers);
            let mut rows = Vec::new();
            for key in read.keys.iter().filter(|key| has_parent(parents, key)) {
                query_into(&mut statement, key, &mut rows)?;
            }
            answers.push(rows);
        }
        Ok(answers)
    }

    fn write(&mut self, writes: &[Write<'_>]) -> Result<(), EngineError> {
        for write in writes {
            let (change, table, rows) = write.parts();
            let counts = self.execute(table, Verb::Write(change), rows)?;
            if change == Change::Update && counts.iter().any(|count| *count != 1) {
                return Err(EngineError::Conflict(table.name.to_owned()));
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), EngineError> {
        match self.connection.execute_batch("COMMIT") {
            Ok(()) => {}
            Err(rusqlite::Error::SqliteFailure(failure, message))
                if matches!(
                    failure.code,
                    ErrorCode::SystemIoFailure | ErrorCode::DiskFull | ErrorCode::DatabaseCorrupt
                ) =>
            {
                // Nobody can tell from here what reached the disk; recovery at the next start can.
                tracing::error!(
                    ?failure,
                    ?message,
                    "The disk failed inside COMMIT. The hub ends here on purpose; start it again."
                );
                std::process::abort();
            }
            Err(other) => return Err(error(other)),
        }
        self.checkpoint();
        Ok(())
    }

    fn prune(&mut self, prune: &Prune) -> Result<Pruned, EngineError> {
        let end = match &prune.after {
            None => query(&self.connection, &sql::page_end(prune.rule.table, false), &[])?,
            Some(after) => query(&self.connection, &sql::page_end(prune.rule.table, true), after)?,
        };
        let next = end.into_iter().next();
        let text = sql::delete_page(prune.rule, prune.after.is_some(), next.is_some());
        let params: Vec<Cell<'_>> = prune.params(next.as_ref());
        let mut statement = self.connection.prepare_cached(&numbered(&text)).map_err(error)?;
        let deleted = statement.execute(rusqlite::params_from_iter(params.iter().map(Bound))).map_err(error)?;
        drop(statement);
        self.checkpoint();
        Ok(Pruned { deleted: deleted as u64, next })
    }

    fn forget(&mut self) -> Result<(), EngineError> {
        (self.fold_at, self.checkpoint_at) = (FOLD_PAGES, CHECKPOINT_PAGES);
        self.empty_log();
        Ok(())
    }

    fn durability(&mut self) -> Result<Durability, EngineError> {
        let journal_mode: String =
            (self.connection).query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(EngineError::engine)?;
        Ok(Durability::of_sqlite(self.synchronous()?, &journal_mode))
    }

    fn rollback(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "A transaction could not be rolled back.");
        }
    }
}
