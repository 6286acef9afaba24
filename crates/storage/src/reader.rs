//! Reads beside the committer: each request in a transaction of its own, at most five seconds long. A read that begins
//! after an answer was given sees its effect.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio::sync::Semaphore;
use tokio_postgres::types::ToSql;

use crate::cell::Cell;
use crate::dial::Dial;
use crate::engine::Row;
use crate::error::EngineError;
use crate::quick::{Found, LookUp, QuickReads};

/// Readers at work at the same time; more would only wait for the same two cores and disk.
pub const READERS_MAX: usize = 8;
/// The longest that a read may take.
pub const READ_MS_MAX: u64 = 5_000;

/// Steps of SQLite's machine between two looks at the clock: well under a millisecond.
pub(crate) const PROGRESS_STEPS: i32 = 10_000;

/// One query: portable SQL with `$1` placeholders.
#[derive(Debug, Clone)]
pub struct Query {
    /// The text.
    pub sql: Cow<'static, str>,
    /// Its parameters.
    pub params: Vec<Cell<'static>>,
}

/// Reads from the database. Cheap to clone.
#[derive(Clone)]
pub struct Reader(Arc<Source>);

enum Source {
    Sqlite(Files),
    Postgres(Pool),
}

/// Read-only connections to one file, opened as they are needed and kept.
struct Files {
    path: PathBuf,
    quick: QuickReads,
    idle: Mutex<Vec<rusqlite::Connection>>,
    permits: Semaphore,
    is_in_place: bool,
}

impl Files {
    fn of(path: PathBuf, is_in_place: bool) -> Self {
        let (quick, permits) = (QuickReads::new(path.clone()), Semaphore::new(READERS_MAX));
        Self { path, quick, idle: Mutex::default(), permits, is_in_place }
    }
}

impl Reader {
    /// Reads the SQLite file at `path`.
    pub fn sqlite(path: PathBuf) -> Self {
        Self(Arc::new(Source::Sqlite(Files::of(path, false))))
    }

    /// The same, on the thread of whoever asks: for a hub on virtual time, where no time may pass beside the runtime's.
    pub fn sqlite_in_place(path: PathBuf) -> Self {
        Self(Arc::new(Source::Sqlite(Files::of(path, true))))
    }

    /// Reads the PostgreSQL database at `url`.
    pub fn postgres(url: &str) -> Result<Self, EngineError> {
        let Dial { mut config, tls } = Dial::parse(url)?;
        // The server gives up, too: nobody waits for the rest, and the next read gets a connection that is free.
        let options = config.get_options().unwrap_or_default();
        config.options(format!("{options} -c statement_timeout={READ_MS_MAX}"));
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, tls, recycling);
        let pool = Pool::builder(manager).max_size(READERS_MAX).build().map_err(EngineError::engine)?;
        Ok(Self(Arc::new(Source::Postgres(pool))))
    }

    /// Whether it reads an embedded database.
    pub fn is_embedded(&self) -> bool {
        matches!(*self.0, Source::Sqlite(_))
    }

    /// Runs the queries in one transaction and gives the rows of each.
    pub async fn run(&self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>, EngineError> {
        let work = async {
            match &*self.0 {
                // Boxed: a request that finds all it needs in memory shall not carry the room for a read about.
                Source::Sqlite(_) => Box::pin(self.run_on_file(queries)).await,
                Source::Postgres(pool) => Box::pin(run_on_server(pool, &queries)).await,
            }
        };
        in_time(work).await
    }

    /// Runs queries for single records by their keys in one transaction, and gives what `read` makes of what they find.
    /// Nothing that may take longer than some microseconds goes this way: others wait behind it.
    pub(crate) async fn look_up<T: Send + 'static>(
        &self,
        look_up: LookUp,
        read: impl FnOnce(&mut Found<'_, '_>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        match &*self.0 {
            Source::Sqlite(files) if !files.is_in_place => in_time(files.quick.run(look_up, read)).await,
            Source::Sqlite(_) | Source::Postgres(_) => {
                let LookUp { texts, params } = look_up;
                let query = |text: &String| Query { sql: text.clone().into(), params: params.clone() };
                let answers = self.run(texts.iter().map(query).collect()).await?;
                read(&mut Found::Rows(answers.into_iter()))
            }
        }
    }

    /// Runs one query.
    pub async fn query(
        &self,
        sql: impl Into<Cow<'static, str>>,
        params: Vec<Cell<'static>>,
    ) -> Result<Vec<Row>, EngineError> {
        Ok(self.run(vec![Query { sql: sql.into(), params }]).await?.pop().unwrap_or_default())
    }

    async fn run_on_file(&self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>, EngineError> {
        let source = Arc::clone(&self.0);
        let Source::Sqlite(files) = &*self.0 else { return Ok(Vec::new()) };
        let _permit = files.permits.acquire().await.map_err(EngineError::engine)?;
        let work = move || {
            let Source::Sqlite(files) = &*source else { return Ok(Vec::new()) };
            let connection = match files.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
                Some(connection) => connection,
                None => crate::sqlite::open(&files.path, true)?,
            };
            // Nobody waits any longer then, and the next read needs the connection.
            let deadline = Instant::now() + Duration::from_millis(READ_MS_MAX);
            let is_over = move || Instant::now() >= deadline;
            connection.progress_handler(PROGRESS_STEPS, Some(is_over)).map_err(EngineError::engine)?;
            let outcome = run_on_connection(&connection, &queries);
            files.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            outcome
        };
        if files.is_in_place { work() } else { tokio::task::spawn_blocking(work).await.map_err(EngineError::engine)? }
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
    match tokio::time::timeout(Duration::from_millis(READ_MS_MAX), work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(EngineError::Lost(format!("a read took longer than {READ_MS_MAX} ms"))),
    }
}

fn run_on_connection(connection: &rusqlite::Connection, queries: &[Query]) -> Result<Vec<Vec<Row>>, EngineError> {
    let is_one = queries.len() == 1;
    if !is_one {
        connection.execute_batch("BEGIN").map_err(EngineError::engine)?;
    }
    let answers = queries.iter().map(|query| crate::sqlite::query(connection, &query.sql, &query.params)).collect();
    if !is_one {
        connection.execute_batch("COMMIT").map_err(EngineError::engine)?;
    }
    answers
}

async fn run_on_server(pool: &Pool, queries: &[Query]) -> Result<Vec<Vec<Row>>, EngineError> {
    let mut client = pool.get().await.map_err(|error| EngineError::Lost(error.to_string()))?;
    if let [query] = queries {
        let statement = client.prepare_cached(&query.sql).await.map_err(crate::postgres::translate)?;
        return Ok(vec![rows(&client.query(&statement, &params(query)).await.map_err(crate::postgres::translate)?)]);
    }
    let transaction = client
        .build_transaction()
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(crate::postgres::translate)?;
    let mut answers = Vec::new();
    for query in queries {
        let statement = transaction.prepare_cached(&query.sql).await.map_err(crate::postgres::translate)?;
        let found = transaction.query(&statement, &params(query)).await.map_err(crate::postgres::translate)?;
        answers.push(rows(&found));
    }
    transaction.commit().await.map_err(crate::postgres::translate)?;
    Ok(answers)
}

fn rows(found: &[tokio_postgres::Row]) -> Vec<Row> {
    found.iter().map(crate::postgres::cells).collect()
}

fn params(query: &Query) -> Vec<&(dyn ToSql + Sync)> {
    query.params.iter().map(|cell| cell as &(dyn ToSql + Sync)).collect()
}
