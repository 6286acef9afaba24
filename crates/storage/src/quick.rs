//! Reads of single records of an embedded database. They take some microseconds each, so what costs is to go to another
//! thread and back, to begin and to end: a thread that wakes up takes all that waits by then, in one transaction, and it is not
//! woken before those who ask at the same moment have asked. Whatever is read so begins after it was asked for, and sees what
//! was answered before.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Statement};
use tokio::sync::oneshot;

use crate::cell::Cell;
use crate::engine::Row;
use crate::error::EngineError;
use crate::reader::{PROGRESS_STEPS, READ_MS_MAX};
use crate::record::Stored;
use crate::sqlite;
use crate::table::RowReader;

/// One reads on while the other waits for the disk.
const THREADS: usize = 2;
/// A thread that reads longer than this waits for the disk: then the other one is woken, too. Within it a whole batch is read from
/// memory.
const PATIENCE: Duration = Duration::from_millis(1);
/// The most that are read in one transaction: the last of them waits for some hundred microseconds.
const BATCH_MAX: usize = 64;
/// Pages that each thread keeps: those near the roots of all tables, in KiB.
const CACHE_KIB: u32 = 8 * 1_024;

/// Queries for one record and its parts, all with the same parameters.
pub(crate) struct LookUp {
    /// Portable SQL with `$1` placeholders. Texts that live as long as the program stay prepared.
    pub texts: Cow<'static, [String]>,
    pub params: Vec<Cell<'static>>,
}

/// What the queries of a look-up find, in their order.
pub(crate) enum Found<'a, 'c> {
    /// Each query runs when its records are asked for.
    OnFile { look_up: &'a LookUp, next: usize, statements: &'a mut Statements<'c> },
    /// They have run.
    Rows(std::vec::IntoIter<Vec<Row>>),
}

impl Found<'_, '_> {
    /// What the next query finds.
    pub fn records<R: Stored>(&mut self) -> Result<Vec<R>, EngineError> {
        match self {
            Self::OnFile { look_up, next, statements } => {
                *next += 1;
                statements.records(look_up, *next - 1)
            }
            Self::Rows(answers) => {
                let rows = answers.next().unwrap_or_default().into_iter();
                rows.map(|row| Ok(R::read(&mut RowReader::new(R::TABLE, row))?)).collect()
            }
        }
    }
}

/// The prepared statements of a connection.
pub(crate) struct Statements<'c> {
    connection: &'c Connection,
    /// By their text, which is known by where it stands.
    kept: Vec<(&'static str, Statement<'c>)>,
}

impl<'c> Statements<'c> {
    const fn of(connection: &'c Connection) -> Self {
        Self { connection, kept: Vec::new() }
    }

    fn records<R: Stored>(&mut self, look_up: &LookUp, place: usize) -> Result<Vec<R>, EngineError> {
        match &look_up.texts {
            Cow::Borrowed(texts) => match texts.get(place) {
                Some(text) => sqlite::records(self.keep(text)?, &look_up.params),
                None => Ok(Vec::new()),
            },
            Cow::Owned(texts) => match texts.get(place) {
                Some(text) => {
                    let statement = self.connection.prepare_cached(&sqlite::numbered(text));
                    sqlite::records(&mut *statement.map_err(sqlite::error)?, &look_up.params)
                }
                None => Ok(Vec::new()),
            },
        }
    }

    /// Runs a statement that gives nothing.
    fn execute(&mut self, text: &'static str) -> Result<(), EngineError> {
        self.keep(text)?.execute([]).map(drop).map_err(sqlite::error)
    }

    fn keep(&mut self, text: &'static str) -> Result<&mut Statement<'c>, EngineError> {
        let place = match self.kept.iter().position(|(kept, _)| std::ptr::eq(*kept, text)) {
            Some(place) => place,
            None => {
                let statement = self.connection.prepare(&sqlite::numbered(text)).map_err(sqlite::error)?;
                self.kept.push((text, statement));
                self.kept.len() - 1
            }
        };
        Ok(&mut self.kept[place].1)
    }
}

/// A read that waits: it is given the statements, or what is wrong with the connection.
type Waiting = Box<dyn FnOnce(Result<&mut Statements<'_>, &EngineError>) + Send>;

/// The reads that wait, and the threads that take them.
pub(crate) struct QuickReads {
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
    /// Somebody is about to wake a thread.
    is_call_due: bool,
    /// When a batch was last taken.
    taken_at: Option<Instant>,
    is_over: bool,
}

impl Queue {
    /// Whether one more thread is to take from the queue: all sleep, or one that does not waits for the disk.
    fn wants_thread(&self) -> bool {
        self.threads == self.sleeping || self.taken_at.is_some_and(|at| at.elapsed() >= PATIENCE)
    }
}

/// Wakes a thread when it is dropped, whatever became of who wanted to.
struct Call<'a>(&'a Shared);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.lock().is_call_due = false;
        self.0.wake.notify_one();
    }
}

impl QuickReads {
    /// Reads the file at `path`. The threads come with the first read.
    pub fn new(path: PathBuf) -> Self {
        Self { shared: Arc::new(Shared { path, queue: Mutex::default(), wake: Condvar::new() }) }
    }

    /// Runs the queries in one transaction, and gives what `read` makes of what they find. It is made on the thread that
    /// reads, so that no row goes from thread to thread.
    pub async fn run<T: Send + 'static>(
        &self,
        look_up: LookUp,
        read: impl FnOnce(&mut Found<'_, '_>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (answer, answered) = oneshot::channel();
        let call = self.put(Box::new(move |statements| {
            let outcome = match statements {
                Ok(statements) => read(&mut Found::OnFile { look_up: &look_up, next: 0, statements }),
                Err(error) => Err(EngineError::engine(error)),
            };
            // Who asked may have gone; there is nobody to tell.
            let _ = answer.send(outcome);
        }))?;
        if let Some(call) = call {
            // Whoever else is ready asks first, and is read with this one.
            tokio::task::yield_now().await;
            drop(call);
        }
        answered.await.map_err(EngineError::engine)?
    }

    /// Puts a read at the end of the queue. Gives the call that takes it out of there, where nobody else will.
    fn put(&self, waiting: Waiting) -> Result<Option<Call<'_>>, EngineError> {
        let mut queue = self.shared.lock();
        queue.waiting.push_back(waiting);
        if queue.is_call_due || !queue.wants_thread() {
            return Ok(None);
        }
        if queue.sleeping > 0 {
            queue.is_call_due = true;
            return Ok(Some(Call(&self.shared)));
        }
        if queue.threads < THREADS {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("reader".to_owned());
            thread.spawn(move || shared.serve()).map_err(EngineError::engine)?;
            queue.threads += 1;
        }
        Ok(None)
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

    /// A connection that could not be opened, or broke, is tried again with the next batch.
    fn serve(&self) {
        while let Some(batch) = self.next_batch() {
            match self.connect() {
                Ok(connection) => self.serve_on(&connection, batch),
                Err(error) => refuse(batch, &error),
            }
        }
    }

    fn serve_on(&self, connection: &Connection, first: Vec<Waiting>) {
        let mut statements = Statements::of(connection);
        let mut next = Some(first);
        while let Some(batch) = next {
            if let Err(error) = answer(&mut statements, batch) {
                tracing::warn!(%error, "A connection for reading broke; the next read opens another.");
                return;
            }
            next = self.next_batch();
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
        queue.taken_at = Some(Instant::now());
        let count = queue.waiting.len().min(BATCH_MAX);
        Some(queue.waiting.drain(..count).collect())
    }

    fn connect(&self) -> Result<Connection, EngineError> {
        let connection = sqlite::open(&self.path, true)?;
        let cache = format!("PRAGMA cache_size = -{CACHE_KIB};");
        connection.execute_batch(&cache).map_err(EngineError::engine)?;
        Ok(connection)
    }
}

/// Answers all of them, in one transaction. An error is the connection's.
fn answer(statements: &mut Statements<'_>, batch: Vec<Waiting>) -> Result<(), EngineError> {
    // Nobody waits any longer then, and the next read needs the connection.
    let deadline = Instant::now() + Duration::from_millis(READ_MS_MAX);
    let is_over = move || Instant::now() >= deadline;
    let begun = statements.connection.progress_handler(PROGRESS_STEPS, Some(is_over)).map_err(EngineError::engine);
    if let Err(error) = begun.and_then(|()| statements.execute("BEGIN")) {
        refuse(batch, &error);
        return Err(error);
    }
    for waiting in batch {
        run(waiting, Ok(&mut *statements));
    }
    statements.execute("COMMIT")
}

fn refuse(batch: Vec<Waiting>, error: &EngineError) {
    for waiting in batch {
        run(waiting, Err(error));
    }
}

/// One that panics hurts itself alone: the thread reads on for the others.
fn run(waiting: Waiting, statements: Result<&mut Statements<'_>, &EngineError>) {
    if catch_unwind(AssertUnwindSafe(|| waiting(statements))).is_err() {
        tracing::error!("A read panicked; its caller gets an error, the others go on.");
    }
}
