//! Which database the hub stands on, how it is opened, and whether what it answers survives a power cut.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use storage::check::Snapshot;
use storage::committer::Connect;
use storage::postgres::Postgres;
use storage::reader::Reader;
use storage::sqlite::Sqlite;
use storage::{Engine, Handle};

use crate::clock::Clock;
use crate::config::Hidden;

/// The embedded database's file in the data folder.
pub const FILE_NAME: &str = "tillbridge.db";

/// Where records live.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The folder of the embedded database and of the server's own secret.
    pub data_dir: PathBuf,
    /// PostgreSQL instead of the embedded database.
    pub url: Option<Hidden>,
    /// What follows from a database that may lose what was answered.
    pub durability: Durability,
    /// How the embedded database writes.
    pub synchronous: Synchronous,
    /// Of the embedded database: with less room on its disk, in MiB, no new sales and payments are taken.
    pub free_mib_min: u64,
}

/// What follows from a database that may lose what was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// The hub is not ready.
    Required,
    /// The hub serves, and says so.
    AcceptLoss,
}

/// How the embedded database writes. Only the first keeps what was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Synchronous {
    /// Each commit is on the disk before it is answered.
    Full,
    /// A power cut may take the last commits.
    Normal,
    /// A power cut may take the database.
    Off,
}

impl Synchronous {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Normal => "NORMAL",
            Self::Off => "OFF",
        }
    }
}

/// The database that the settings name.
#[derive(Clone)]
pub enum Database {
    /// The embedded one, in this file.
    Sqlite(PathBuf, Synchronous),
    /// A server, at this address.
    Postgres(Hidden),
}

/// Without what opens it.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path, _) => write!(f, "SQLite, {}", path.display()),
            Self::Postgres(_) => f.write_str("PostgreSQL"),
        }
    }
}

impl Database {
    /// The database of these settings.
    pub fn of(config: &Config) -> Self {
        match &config.url {
            Some(url) => Self::Postgres(url.clone()),
            None => Self::Sqlite(config.data_dir.join(FILE_NAME), config.synchronous),
        }
    }

    /// Brings it to the schema of this version; the embedded one is made if it is not there.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(path, _) => {
                let path = path.clone();
                let work = move || {
                    let mut connection = storage::sqlite::open(&path, false)?;
                    storage::migrate::sqlite(&mut connection)
                };
                tokio::task::spawn_blocking(work).await?.context("The database could not be migrated")
            }
            Self::Postgres(url) => {
                storage::migrate::postgres(url.expose()).await.context("The database could not be migrated")
            }
        }
    }

    /// Goes on only if the file of the embedded database is there: opened for writing it would be made. A server says by itself what
    /// it does not have.
    pub fn require_there(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(path, _) if !path.exists() => bail!("{}", is_missing(path)),
            Self::Sqlite(..) | Self::Postgres(_) => Ok(()),
        }
    }

    /// Opens connections for the committer.
    pub fn connect(&self, clock: &Clock) -> Connect {
        match self.clone() {
            Self::Sqlite(path, synchronous) => {
                let clock = clock.for_storage();
                Box::new(move || {
                    let engine = Sqlite::open(&path, synchronous.as_str(), Arc::clone(&clock))?;
                    Ok(Box::new(engine) as Box<dyn Engine>)
                })
            }
            Self::Postgres(url) => Box::new(move || Ok(Box::new(Postgres::connect(url.expose())?) as Box<dyn Engine>)),
        }
    }

    /// One snapshot for the check, read only, beside whoever writes. Blocks.
    pub fn snapshot(&self) -> anyhow::Result<Snapshot> {
        match self {
            Self::Sqlite(path, _) if !path.exists() => bail!("{}", is_missing(path)),
            Self::Sqlite(path, _) => Snapshot::sqlite(path).context("The database cannot be read"),
            Self::Postgres(url) => Snapshot::postgres(url.expose()).context("The database cannot be read"),
        }
    }

    /// Connections for reading.
    pub fn reader(&self) -> anyhow::Result<Reader> {
        match self {
            Self::Sqlite(path, _) if !path.exists() => bail!("{}", is_missing(path)),
            Self::Sqlite(path, _) => Ok(Reader::sqlite(path.clone())),
            Self::Postgres(url) => Reader::postgres(url.expose()).context("database.url cannot be understood"),
        }
    }
}

fn is_missing(path: &Path) -> String {
    format!("There is no database {}. Name its folder with --data, or run `tillbridge migrate` first.", path.display())
}

/// The settings of the database that weaken what a commit promises, as last seen. Clones share one list.
#[derive(Clone, Default)]
pub struct Weaknesses(Arc<Mutex<Vec<String>>>);

impl Weaknesses {
    /// Asks the connection that writes.
    pub async fn look(&self, committer: &Handle) {
        match storage::durability::check(committer).await {
            Ok(found) => {
                if !found.is_full() {
                    let settings = found.weaknesses.join(", ");
                    tracing::error!(
                        settings,
                        "A power cut may take what was answered. Set the database to full durability."
                    );
                }
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found.weaknesses;
            }
            Err(failure) => tracing::warn!(%failure, "The durability of the database could not be checked."),
        }
    }

    /// What weakens it, as `name = value`; empty in health.
    pub fn now(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
