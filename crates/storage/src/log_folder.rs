//! Folds the log of the embedded database into its file on a thread of its own, so that no register waits for it.
//!
//! What it folds the writer need not fold. The log itself only starts anew when all of it is in the file and nobody
//! writes, so the last part is always the committer's, between two batches.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::error::EngineError;
use crate::sqlite;

/// The thread, from the first time it is needed to the end of the engine.
pub(crate) struct LogFolder {
    path: PathBuf,
    thread: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl LogFolder {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), thread: None }
    }

    /// Has the log folded as far as it is written. Does not wait; while it folds, asking once more is remembered.
    pub(crate) fn fold_soon(&mut self) {
        if self.thread.is_none() {
            match start(&self.path) {
                Ok(thread) => self.thread = Some(thread),
                Err(error) => tracing::warn!(%error, "The log is folded between batches only."),
            }
        }
        if let Some((requests, _)) = &self.thread
            && let Err(TrySendError::Disconnected(())) = requests.try_send(())
        {
            self.thread = None;
        }
    }
}

impl Drop for LogFolder {
    fn drop(&mut self) {
        if let Some((requests, thread)) = self.thread.take() {
            drop(requests);
            if thread.join().is_err() {
                tracing::error!("The thread that folds the log panicked.");
            }
        }
    }
}

fn start(path: &Path) -> Result<(SyncSender<()>, JoinHandle<()>), EngineError> {
    let connection = sqlite::open(path, false)?;
    let (requests, asked) = sync_channel(1);
    let work = move || run(&connection, &asked);
    let thread = std::thread::Builder::new().name("log-folder".to_owned()).spawn(work).map_err(EngineError::engine)?;
    Ok((requests, thread))
}

fn run(connection: &Connection, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        if let Err(error) = fold(connection, "PASSIVE") {
            tracing::warn!(%error, "The log of the database was not folded; the committer does it between batches.");
        }
    }
}

/// Runs a checkpoint and gives the pages that are in the log and those of them that are in the file now.
pub(crate) fn fold(connection: &Connection, mode: &str) -> rusqlite::Result<(i64, i64)> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| Ok((row.get(1)?, row.get(2)?)))
}
