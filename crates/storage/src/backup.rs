//! A copy of the embedded database that is whole and of one moment, made beside a hub that writes: SQLite's own online
//! backup, all pages in one read transaction. The copy is one file that needs no log beside it.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::error::EngineError;
use crate::inventory::SCHEMA;
use crate::sqlite;

/// How often a source that is busy is asked again; each time it is waited for as long as every connection waits.
const TRIES_MAX: u32 = 10;
/// Steps of the backup: all pages at once. In several steps the copy would begin anew with each commit of the hub.
const ALL_PAGES: i32 = -1;

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The number of its last migration.
    pub schema: i64,
    /// The merchants in it.
    pub merchants: i64,
    /// The events in it, of all merchants.
    pub events: i64,
}

/// Copies the database at `source` into the file `target`, which has to be absent or empty. Blocks.
pub fn copy(source: &Path, target: &Path) -> Result<(), EngineError> {
    let from = sqlite::open(source, true)?;
    sqlite::create_private(target).map_err(EngineError::engine)?;
    let mut to = Connection::open_with_flags(target, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(EngineError::engine)?;
    step_through(&Backup::new(&from, &mut to).map_err(EngineError::engine)?)?;
    // The copy says of itself that it has a log, as its source does. Without one it is a single file that can be moved.
    to.execute_batch("PRAGMA journal_mode = DELETE;").map_err(EngineError::engine)?;
    to.close().map_err(|(_, error)| EngineError::engine(error))?;
    std::fs::File::open(target).and_then(|file| file.sync_all()).map_err(EngineError::engine)
}

fn step_through(backup: &Backup<'_, '_>) -> Result<(), EngineError> {
    for _ in 0..TRIES_MAX {
        match backup.step(ALL_PAGES).map_err(EngineError::engine)? {
            StepResult::Done => return Ok(()),
            StepResult::More | StepResult::Busy | StepResult::Locked => {}
            _ => break,
        }
    }
    Err(EngineError::Lost("the database was busy all the time; try again".to_owned()))
}

/// Opens a copy, lets SQLite look through all its pages, and says what it holds. Blocks.
pub fn verify(copy: &Path) -> Result<Copied, EngineError> {
    let connection =
        Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(EngineError::engine)?;
    let told: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(EngineError::engine)?;
    if told != "ok" {
        return Err(EngineError::Engine(format!("the copy is damaged: {told}")));
    }
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(EngineError::engine);
    Ok(Copied {
        schema: number(SCHEMA)?,
        merchants: number("SELECT COUNT(*) FROM merchant")?,
        events: number("SELECT COALESCE(CAST(SUM(event_number) AS BIGINT), 0) FROM merchant_counter")?,
    })
}
