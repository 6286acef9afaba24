//! The only crate that knows SQL. All writes that matter go through the [`committer`]: what waits is decided in memory,
//! written in sets, committed once with full durability, and only then answered.

mod batch;
pub mod bell;
mod cell;
mod dial;
mod engine;
mod error;
mod event_head;
mod flush;
mod idempotency;
mod load;
mod record;
mod sql;
mod submission;
mod table;

pub mod backup;
pub mod check;
pub mod committer;
pub mod durability;
pub mod inventory;
pub mod lock_file;
mod log_folder;
pub mod memory;
pub mod migrate;
pub mod postgres;
pub mod prune;
mod queue;
mod quick;
pub mod read;
pub mod reader;
pub mod sqlite;

pub use cell::Cell;
pub use committer::Handle;
pub use engine::{Begun, Change, Engine, Read, Row, Write};
pub use error::{Corrupt, EngineError};
pub use submission::{Answer, Claim, Committed, Envelope, Failure, Idempotency, Lane};
pub use table::{Kind, RowReader, Rows, Table};
