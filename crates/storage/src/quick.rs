//! Reads of single records of an embedded database. They take some microseconds each, so what costs is to go to another
//! thread and back, to begin and to end: a thread that wakes up takes all that waits by then, in one transaction. Whatever is
//! read so begins after it was asked for, and sees what was answered before.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::engine::Row;
use crate::error::EngineError;
use crate::reader::{PROGRESS_STEPS, Query, READ_MS_MAX};

/// One reads on while the other waits for the disk.
const THREADS: usize = 2;
/// The most that are read in one transaction: the last of them waits for some hundred microseconds.
const BATCH_MAX: usize = 64;
/// Pages that each thread keeps: those near the roots of all tables, in KiB.
const CACHE_KIB: u32 = 8 * 1_024;

type Answer = Result<Vec<Vec<Row>>, EngineError>;

/// The reads that wait, and the threads that take them.
pub struct QuickReads {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    threads: usize,
    sleeping: usize,
    is_over: bool,
}

struct Waiting {
    queries: Vec<Query>,
    answer: oneshot::Sender<Answer>,
}

impl QuickReads {
    /// Reads the file at `path`. The threads come with the first read.
    pub fn new(path: PathBuf) -> Self {
        Self { shared: Arc::new(Shared { path, queue: Mutex::default(), wake: Condvar::new() }) }
    }

    /// Runs the queries in one transaction and gives the rows of each.
    pub async fn run(&self, queries: Vec<Query>) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.put(Waiting { queries, answer })?;
        answered.await.map_err(EngineError::engine)?
    }

    fn put(&self, waiting: Waiting) -> Result<(), EngineError> {
        let mut queue = self.shared.lock();
        queue.waiting.push_back(waiting);
        if queue.sleeping > 0 {
            self.shared.wake.notify_one();
        } else if queue.threads < THREADS {
            queue.threads += 1;
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("reader".to_owned());
            thread.spawn(move || shared.serve()).map_err(EngineError::engine)?;
        }
        Ok(())
    }
}

impl Drop for QuickReads {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.wake.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        let mut connection = None;
        while let Some(batch) = self.next_batch() {
            // One that could not be opened is tried again with the next batch.
            let opened = connection.take().map_or_else(|| self.connect(), Ok);
            connection = answer(opened, batch).ok();
        }
    }

    /// What waits, as soon as something does; `None` when nobody can ask any more.
    fn next_batch(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.lock();
        while queue.waiting.is_empty() {
            if queue.is_over {
                return None;
            }
            queue.sleeping += 1;
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.sleeping -= 1;
        }
        let count = queue.waiting.len().min(BATCH_MAX);
        Some(queue.waiting.drain(..count).collect())
    }

    fn connect(&self) -> Result<Connection, EngineError> {
        let connection = crate::sqlite::open(&self.path, true)?;
        let cache = format!("PRAGMA cache_size = -{CACHE_KIB};");
        connection.execute_batch(&cache).map_err(EngineError::engine)?;
        Ok(connection)
    }
}

/// Answers all of them; gives the connection back, or what is wrong with it.
fn answer(connection: Result<Connection, EngineError>, batch: Vec<Waiting>) -> Result<Connection, EngineError> {
    // Nobody waits any longer then, and the next read needs the connection.
    let deadline = Instant::now() + Duration::from_millis(READ_MS_MAX);
    let is_over = move || Instant::now() >= deadline;
    let begun = connection.and_then(|connection| {
        connection.progress_handler(PROGRESS_STEPS, Some(is_over)).map_err(EngineError::engine)?;
        connection.execute_batch("BEGIN").map_err(EngineError::engine)?;
        Ok(connection)
    });
    for Waiting { queries, answer } in batch {
        // Who asked may have gone; there is nobody to tell.
        let _ = answer.send(match &begun {
            Ok(connection) => {
                queries.iter().map(|query| crate::sqlite::query(connection, &query.sql, &query.params)).collect()
            }
            Err(error) => Err(EngineError::engine(error)),
        });
    }
    let connection = begun?;
    connection.execute_batch("COMMIT").map_err(EngineError::engine)?;
    Ok(connection)
}
