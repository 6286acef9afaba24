//! The engine on PostgreSQL: READ COMMITTED, rows locked in one order, statements written set-wise with `UNNEST`, and
//! sent without waiting for the answer of the one before.

use std::collections::HashMap;

use domain::id::BatchId;
use domain::time::Timestamp;
use futures::future::try_join_all;
use tokio::runtime::Runtime;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Statement};

use crate::cell::Cell;
use crate::dial::Dial;
use crate::durability::{Durability, SERVER_SETTINGS};
use crate::engine::{Begun, Change, Engine, Read, Row, Write};
use crate::error::EngineError;
use crate::prune::{Prune, Pruned};
use crate::sql;
use crate::table::{Kind, Rows, Table};

/// What every connection of the committer is told. A lock that is not had in 2 s and a statement that does not end in
/// 10 s give the batch up, and it runs again. The plans are nested loops over the key indexes whatever the planner
/// thinks of a table's size: a batch never reads a whole table.
const SESSION: &str = "SET lock_timeout = '2s'; SET statement_timeout = '10s'; \
     SET idle_in_transaction_session_timeout = '30s'; SET synchronous_commit = on; \
     SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off; \
     SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
     SET application_name = 'tillbridge committer'";

/// Opens a batch and reads the server's clock, milliseconds UTC.
const BEGIN_BATCH: &str = "INSERT INTO batch (id, created_at) \
     VALUES ($1, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)) \
     ON CONFLICT DO NOTHING RETURNING created_at";

/// How a hub that listens for the others is called among the server's connections.
pub(crate) const BELL_NAME: &str = "tillbridge bell";
/// Who it is among them.
pub(crate) const BELL_PROCESS: &str = "SELECT pg_backend_pid()";
/// Hears what the other hubs have committed.
pub(crate) const BELL_LISTEN: &str = "LISTEN tillbridge";
/// Tells the other hubs.
pub(crate) const BELL_RING: &str = "SELECT pg_notify('tillbridge', $1)";
/// How many other hubs listen.
pub(crate) const BELL_OTHERS: &str = "SELECT COUNT(*) FROM pg_stat_activity \
     WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()";

/// What the engine says of its version.
pub(crate) const VERSION: &str = "SELECT version()";
/// The tables and their bytes, indexes included.
pub(crate) const TABLES: &str = "SELECT CAST(relname AS TEXT), pg_total_relation_size(relid) FROM pg_stat_user_tables \
     ORDER BY relname";
/// The server's time, milliseconds UTC.
pub const NOW: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";

/// The engine: a connection, and a runtime of its own that drives it from the committer's thread.
pub struct Postgres {
    runtime: Runtime,
    client: Client,
    statements: HashMap<(&'static str, Verb), Statement>,
    /// The connection is gone: nothing more is sent over it.
    is_lost: bool,
}

#[derive(PartialEq, Eq, Hash, Clone, Copy)]
enum Verb {
    Begin,
    Write(Change),
    Read { prefix_len: usize, is_locking: bool },
}

impl Postgres {
    /// Connects with a `postgres://` URL.
    pub fn connect(url: &str) -> Result<Self, EngineError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(EngineError::engine)?;
        let client = runtime.block_on(async {
            let connected = Dial::parse(url)?.connect().await;
            let (client, connection) = connected.map_err(|error| EngineError::Lost(describe(&error)))?;
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::warn!(error = describe(&error), "The committer's connection to PostgreSQL ended.");
                }
            });
            client.batch_execute(SESSION).await.map_err(translate)?;
            Ok::<_, EngineError>(client)
        })?;
        Ok(Self { runtime, client, statements: HashMap::new(), is_lost: false })
    }

    /// Prepares what is not prepared yet.
    fn prepare(&mut self, table: &'static Table, verb: Verb) -> Result<Statement, EngineError> {
        if let Some(statement) = self.statements.get(&(table.name, verb)) {
            return Ok(statement.clone());
        }
        let sql = text(table, verb);
        let outcome = self.runtime.block_on(self.client.prepare(&sql));
        let statement = outcome.map_err(|error| self.note(error))?;
        self.statements.insert((table.name, verb), statement.clone());
        Ok(statement)
    }

    fn note(&mut self, error: tokio_postgres::Error) -> EngineError {
        let error = translate(error);
        self.is_lost |= matches!(error, EngineError::Lost(_));
        error
    }

    /// From the moment COMMIT is sent a lost connection leaves open what happened.
    fn note_at_commit(&mut self, error: tokio_postgres::Error) -> EngineError {
        match self.note(error) {
            EngineError::Lost(why) => EngineError::CommitUnknown(why),
            error => error,
        }
    }

    fn prepare_reads<'a>(&mut self, reads: &'a [Read<'_>]) -> Result<Vec<Option<Prepared<'a>>>, EngineError> {
        reads
            .iter()
            .map(|read| {
                if read.keys.is_empty() {
                    return Ok(None);
                }
                let verb = Verb::Read { prefix_len: read.keys.width, is_locking: read.is_locking };
                let statement = self.prepare(read.table, verb)?;
                let arrays = transpose(&read.keys, statement.params());
                Ok(Some(Prepared { statement, arrays, expected: None }))
            })
            .collect()
    }

    fn prepare_writes<'a>(&mut self, writes: &'a [Write<'_>]) -> Result<Vec<Prepared<'a>>, EngineError> {
        let mut prepared = Vec::with_capacity(writes.len());
        for write in writes {
            let (change, table, rows) = write.parts();
            if rows.is_empty() {
                continue;
            }
            let statement = self.prepare(table, Verb::Write(change))?;
            let arrays = transpose(rows, statement.params());
            let expected = (change == Change::Update).then_some((table.name, rows.len() as u64));
            prepared.push(Prepared { statement, arrays, expected });
        }
        Ok(prepared)
    }

    fn query(&mut self, text: &str, params: &[Cell<'_>]) -> Result<Vec<Row>, EngineError> {
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|cell| cell as &(dyn ToSql + Sync)).collect();
        let outcome = self.runtime.block_on(self.client.query(text, &params));
        Ok(outcome.map_err(|error| self.note(error))?.iter().map(cells).collect())
    }

    fn run_rollback(&mut self) -> Result<(), EngineError> {
        let outcome = self.runtime.block_on(self.client.batch_execute("ROLLBACK"));
        outcome.map_err(|error| self.note(error))
    }
}

/// A statement with what it is to be run with.
struct Prepared<'a> {
    statement: Statement,
    arrays: Vec<Array<'a>>,
    /// The table and how many of its rows have to change, where that is a condition.
    expected: Option<(&'static str, u64)>,
}

impl Prepared<'_> {
    fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.arrays.iter().map(Array::as_param).collect()
    }
}

/// Sends the queries. Each is sent when it is first polled, in this order, so the locks are taken in this order.
async fn send_reads(client: &Client, reads: &[Option<Prepared<'_>>]) -> Result<Vec<Vec<Row>>, tokio_postgres::Error> {
    let answers = reads.iter().map(|read| async move {
        match read {
            Some(read) => client.query(&read.statement, &read.params()).await,
            None => Ok(Vec::new()),
        }
    });
    Ok(try_join_all(answers).await?.iter().map(|rows| rows.iter().map(cells).collect()).collect())
}

/// Sends the writes and gives how many rows each of them changed.
async fn send_writes(client: &Client, writes: &[Prepared<'_>]) -> Result<Vec<u64>, tokio_postgres::Error> {
    try_join_all(writes.iter().map(|write| async move { client.execute(&write.statement, &write.params()).await }))
        .await
}

fn check_counts(writes: &[Prepared<'_>], counts: &[u64]) -> Result<(), EngineError> {
    let is_missed = |(write, count): (&Prepared<'_>, &u64)| {
        write.expected.filter(|(_, rows)| rows != count).map(|(table, _)| EngineError::Conflict(table.to_owned()))
    };
    writes.iter().zip(counts).find_map(is_missed).map_or(Ok(()), Err)
}

/// The statement of a verb over a table.
fn text(table: &Table, verb: Verb) -> String {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let all = names.join(", ");
    match verb {
        Verb::Begin => BEGIN_BATCH.to_owned(),
        Verb::Write(Change::Insert) => format!(
            "INSERT INTO {} ({all}) SELECT * FROM UNNEST({})",
            table.name,
            arrays(table, table.columns.len(), false)
        ),
        Verb::Write(Change::InsertMissing) => format!(
            "INSERT INTO {} ({all}) SELECT * FROM UNNEST({}) ON CONFLICT DO NOTHING",
            table.name,
            arrays(table, table.columns.len(), false)
        ),
        Verb::Write(Change::Update) => {
            let assignments: Vec<String> =
                names.iter().skip(table.key_len).map(|name| format!("{name} = new.{name}")).collect();
            let keys: Vec<String> =
                names.iter().take(table.key_len).map(|name| format!("old.{name} = new.{name}")).collect();
            format!(
                "UPDATE {} AS old SET {} FROM UNNEST({}) AS new ({all}, version_before) \
                 WHERE {} AND old.version = new.version_before",
                table.name,
                assignments.join(", "),
                arrays(table, table.columns.len(), true),
                keys.join(" AND ")
            )
        }
        Verb::Write(Change::Answer) => "UPDATE idempotency AS old SET subject = new.subject, status = new.status, \
             content_type = new.content_type, body = new.body \
             FROM UNNEST($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::BIGINT[], $5::TEXT[], $6::BYTEA[]) \
             AS new (merchant_id, key, subject, status, content_type, body) \
             WHERE old.merchant_id = new.merchant_id AND old.key = new.key AND old.status = 0"
            .to_owned(),
        Verb::Read { prefix_len, is_locking } => {
            let prefix = names[..prefix_len].join(", ");
            let columns: Vec<String> = names.iter().map(|name| format!("t.{name}")).collect();
            let joins: Vec<String> = names.iter().take(prefix_len).map(|name| format!("t.{name} = k.{name}")).collect();
            let order: Vec<String> = names.iter().take(table.key_len).map(|name| format!("t.{name}")).collect();
            format!(
                "SELECT {} FROM UNNEST({}) AS k ({prefix}) JOIN {} AS t ON {} ORDER BY {}{}",
                columns.join(", "),
                arrays(table, prefix_len, false),
                table.name,
                joins.join(" AND "),
                order.join(", "),
                if is_locking { " FOR NO KEY UPDATE OF t" } else { "" }
            )
        }
    }
}

/// `$1::TEXT[], $2::BIGINT[], …` over the first columns, and one number more for the version before.
fn arrays(table: &Table, count: usize, has_version_before: bool) -> String {
    let kinds = table.columns.iter().take(count).map(|(_, kind)| *kind);
    let kinds = kinds.chain(has_version_before.then_some(Kind::Int));
    let arrays: Vec<String> = kinds
        .enumerate()
        .map(|(i, kind)| {
            let word = match kind {
                Kind::Text => "TEXT",
                Kind::Int => "BIGINT",
                Kind::Bool => "BOOLEAN",
                Kind::Bytes => "BYTEA",
            };
            format!("${}::{word}[]", i + 1)
        })
        .collect();
    arrays.join(", ")
}

/// One column of a set of rows, as an array parameter.
enum Array<'a> {
    Text(Vec<Option<&'a str>>),
    Int(Vec<Option<i64>>),
    Bool(Vec<Option<bool>>),
    Bytes(Vec<Option<&'a [u8]>>),
}

impl Array<'_> {
    fn as_param(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Text(values) => values,
            Self::Int(values) => values,
            Self::Bool(values) => values,
            Self::Bytes(values) => values,
        }
    }
}

/// Turns rows into columns.
fn transpose<'a>(rows: &'a Rows<'_>, types: &[Type]) -> Vec<Array<'a>> {
    types
        .iter()
        .enumerate()
        .map(|(column, kind)| {
            let cells = rows.cells.iter().skip(column).step_by(rows.width.max(1));
            match *kind {
                Type::INT8_ARRAY => Array::Int(
                    cells.map(|cell| if let Cell::Int(value) = cell { Some(*value) } else { None }).collect(),
                ),
                Type::BOOL_ARRAY => Array::Bool(
                    cells.map(|cell| if let Cell::Bool(value) = cell { Some(*value) } else { None }).collect(),
                ),
                Type::BYTEA_ARRAY => Array::Bytes(
                    cells.map(|cell| if let Cell::Bytes(bytes) = cell { Some(&**bytes) } else { None }).collect(),
                ),
                _ => Array::Text(
                    cells.map(|cell| if let Cell::Text(text) = cell { Some(&**text) } else { None }).collect(),
                ),
            }
        })
        .collect()
}

/// A row in cells, by the types the server names.
pub fn cells(row: &tokio_postgres::Row) -> Row {
    row.columns()
        .iter()
        .enumerate()
        .map(|(i, column)| match *column.type_() {
            Type::INT8 => row.get::<_, Option<i64>>(i).map_or(Cell::Null, Cell::Int),
            Type::INT4 => row.get::<_, Option<i32>>(i).map_or(Cell::Null, |value| Cell::Int(i64::from(value))),
            Type::BOOL => row.get::<_, Option<bool>>(i).map_or(Cell::Null, Cell::Bool),
            Type::BYTEA => row.get::<_, Option<Vec<u8>>>(i).map_or(Cell::Null, |bytes| Cell::Bytes(bytes.into())),
            _ => row.get::<_, Option<String>>(i).map_or(Cell::Null, |text| Cell::Text(text.into())),
        })
        .collect()
}

/// What went wrong, with the server's own words.
pub fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => error.to_string(),
    }
}

/// Sorts an error by what follows from it.
pub fn translate(error: tokio_postgres::Error) -> EngineError {
    let Some(db) = error.as_db_error() else {
        return EngineError::Lost(error.to_string());
    };
    let words = describe(&error);
    if matches!(db.parsed_severity(), Some(Severity::Fatal | Severity::Panic)) {
        // The server ends the session with these, whatever the code.
        return EngineError::Lost(words);
    }
    match db.code() {
        &SqlState::T_R_SERIALIZATION_FAILURE
        | &SqlState::T_R_DEADLOCK_DETECTED
        | &SqlState::LOCK_NOT_AVAILABLE
        | &SqlState::QUERY_CANCELED => EngineError::Conflict(words),
        &SqlState::UNIQUE_VIOLATION => EngineError::Unique(db.constraint().unwrap_or_default().to_owned()),
        // The server ends the connection, it is starting or stopping, or it is no longer the one that writes.
        code if code.code().starts_with("57P") || code.code().starts_with("08") => EngineError::Lost(words),
        &SqlState::READ_ONLY_SQL_TRANSACTION => EngineError::Lost(words),
        _ => EngineError::Engine(words),
    }
}

impl Engine for Postgres {
    fn begin(&mut self, batch: BatchId) -> Result<Begun, EngineError> {
        let statement = self.prepare(&crate::record::BATCH, Verb::Begin)?;
        let id = batch.to_string();
        let outcome = self.runtime.block_on(async {
            let params: [&(dyn ToSql + Sync); 1] = [&id];
            let (_, row) =
                futures::try_join!(self.client.batch_execute("BEGIN"), self.client.query_opt(&statement, &params))?;
            Ok::<_, tokio_postgres::Error>(row)
        });
        match outcome.map_err(|error| self.note(error))? {
            Some(row) => Ok(Begun::At(Timestamp(row.get(0)))),
            None => {
                self.rollback();
                Ok(Begun::AlreadyCommitted)
            }
        }
    }

    fn read(&mut self, reads: &[Read<'_>]) -> Result<Vec<Vec<Row>>, EngineError> {
        let reads = self.prepare_reads(reads)?;
        let outcome = self.runtime.block_on(send_reads(&self.client, &reads));
        outcome.map_err(|error| self.note(error))
    }

    fn write(&mut self, writes: &[Write<'_>]) -> Result<(), EngineError> {
        let writes = self.prepare_writes(writes)?;
        let outcome = self.runtime.block_on(send_writes(&self.client, &writes));
        check_counts(&writes, &outcome.map_err(|error| self.note(error))?)
    }

    fn write_and_read(&mut self, writes: &[Write<'_>], reads: &[Read<'_>]) -> Result<Vec<Vec<Row>>, EngineError> {
        let (writes, reads) = (self.prepare_writes(writes)?, self.prepare_reads(reads)?);
        let client = &self.client;
        let both = async { futures::try_join!(send_writes(client, &writes), send_reads(client, &reads)) };
        let outcome = self.runtime.block_on(both);
        let (counts, rows) = outcome.map_err(|error| self.note(error))?;
        check_counts(&writes, &counts)?;
        Ok(rows)
    }

    fn write_and_commit(&mut self, writes: &[Write<'_>]) -> Result<(), EngineError> {
        let writes = self.prepare_writes(writes)?;
        let client = &self.client;
        // After a write that fails the server takes COMMIT for ROLLBACK. The versions of locked rows need no look.
        let both = async { futures::try_join!(send_writes(client, &writes), client.batch_execute("COMMIT")) };
        let outcome = self.runtime.block_on(both).map(|_| ());
        outcome.map_err(|error| self.note_at_commit(error))
    }

    fn commit(&mut self) -> Result<(), EngineError> {
        let outcome = self.runtime.block_on(self.client.batch_execute("COMMIT"));
        outcome.map_err(|error| self.note_at_commit(error))
    }

    fn prune(&mut self, prune: &Prune) -> Result<Pruned, EngineError> {
        let end = self.query(
            &sql::page_end(prune.rule.table, prune.after.is_some()),
            prune.after.as_deref().unwrap_or_default(),
        )?;
        let next = end.into_iter().next();
        let text = sql::delete_page(prune.rule, prune.after.is_some(), next.is_some());
        let params = prune.params(next.as_ref());
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|cell| cell as &(dyn ToSql + Sync)).collect();
        let outcome = self.runtime.block_on(self.client.execute(&text, &params));
        Ok(Pruned { deleted: outcome.map_err(|error| self.note(error))?, next })
    }

    fn durability(&mut self) -> Result<Durability, EngineError> {
        Ok(Durability::of_postgres(&self.query(SERVER_SETTINGS, &[])?))
    }

    fn rollback(&mut self) {
        if !self.is_lost
            && let Err(error) = self.run_rollback()
        {
            tracing::warn!(%error, "A transaction could not be rolled back; its connection is given up.");
        }
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut tokio_postgres::types::private::BytesMut,
    ) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(tokio_postgres::types::IsNull::Yes),
            Self::Int(value) => value.to_sql(kind, out),
            Self::Bool(value) => value.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Bytes(bytes) => (&**bytes).to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::BOOL | Type::TEXT | Type::BYTEA)
    }

    tokio_postgres::types::to_sql_checked!();
}
