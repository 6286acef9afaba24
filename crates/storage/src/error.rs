//! What can go wrong between the hub and its database.

use std::fmt;

/// A row that cannot be what the code wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the row {id} of table {table} cannot be read at column {column}")]
pub struct Corrupt {
    /// Which table.
    pub table: &'static str,
    /// The first key column of the row.
    pub id: String,
    /// The first column that cannot be read.
    pub column: &'static str,
}

/// What an engine can say beside success.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Somebody else changed a row since it was loaded, or the server asks to try again.
    #[error("another change came first: {0}")]
    Conflict(String),
    /// A unique constraint, by its name in the migrations.
    #[error("unique constraint {0}")]
    Unique(String),
    /// A row that cannot be read.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The connection is gone before COMMIT was sent: the transaction did not happen.
    #[error("the database is not reachable: {0}")]
    Lost(String),
    /// The connection is gone after COMMIT was sent: nobody knows whether the transaction happened.
    #[error("the database did not say whether it committed: {0}")]
    CommitUnknown(String),
    /// Anything else: a bug or a broken database.
    #[error("the database refused: {0}")]
    Engine(String),
}

impl EngineError {
    /// An error that the code did not expect.
    pub fn engine(error: impl fmt::Display) -> Self {
        Self::Engine(error.to_string())
    }
}
