//! How much room the disk of the embedded database has. Before it is full, new sales and payments are refused, so that what
//! is under way can still be ended: a hub that cannot write cannot learn whether a customer was charged.
//!
//! A server of PostgreSQL has a disk of its own, which the hub does not see: there nothing is refused.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use storage::{Envelope, Idempotency};

use crate::app::App;
use crate::database;
use crate::http::error::{Kind, Problem};

/// How often the disk is looked at. At a thousand sales a second, of a few kilobytes each, some megabytes later.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Bytes of a MiB, the unit of the setting.
const MIB: u64 = 1024 * 1024;

/// The room on the disk, as last seen.
#[derive(Default)]
pub struct Disk {
    /// What is looked at; nothing where the database has a disk of its own.
    folder: Option<PathBuf>,
    free_bytes_min: u64,
    free_bytes: AtomicU64,
    is_nearly_full: AtomicBool,
}

impl Disk {
    /// The disk of a database. Looked at for the first time here.
    pub fn of(config: &database::Config) -> Self {
        let is_embedded = config.url.is_none();
        let disk = Self {
            folder: (is_embedded && config.free_mib_min > 0).then(|| config.data_dir.clone()),
            free_bytes_min: config.free_mib_min.saturating_mul(MIB),
            ..Self::default()
        };
        disk.look();
        disk
    }

    /// Looks how much room there is, and says so when it becomes too little or enough again.
    pub fn look(&self) {
        let Some(folder) = &self.folder else { return };
        let free = match fs4::available_space(folder) {
            Ok(free) => free,
            Err(error) => {
                tracing::warn!(%error, "The room on the disk could not be looked up.");
                return;
            }
        };
        self.free_bytes.store(free, Ordering::Relaxed);
        let is_nearly_full = free < self.free_bytes_min;
        let was = self.is_nearly_full.swap(is_nearly_full, Ordering::Relaxed);
        let (free_mib, needed_mib) = (free / MIB, self.free_bytes_min / MIB);
        if is_nearly_full && !was {
            tracing::error!(
                free_mib,
                needed_mib,
                "The disk is nearly full: new sales and payments are refused. Make room."
            );
        } else if was && !is_nearly_full {
            tracing::info!(free_mib, needed_mib, "There is room on the disk again: sales and payments are taken.");
        }
    }

    /// Whether new sales and payments are refused.
    pub fn is_nearly_full(&self) -> bool {
        self.is_nearly_full.load(Ordering::Relaxed)
    }

    /// The free bytes; `None` where no disk is looked at.
    pub fn free_bytes(&self) -> Option<u64> {
        self.folder.as_ref().map(|_| self.free_bytes.load(Ordering::Relaxed))
    }
}

/// Looks at the disk until the hub stops.
pub async fn watch(app: App) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        // A folder on a network may let its caller wait.
        let disk = app.clone();
        if tokio::task::spawn_blocking(move || disk.disk.look()).await.is_err() {
            return;
        }
    }
}

/// Refuses to begin a sale or a payment while the disk is nearly full. A repeat of what was begun before is let pass: it
/// writes nothing, and its caller needs the answer.
pub async fn require_room(app: &App, envelope: &Envelope) -> Result<(), Problem> {
    if !app.disk.is_nearly_full() {
        return Ok(());
    }
    if let Idempotency::Answer(claim) | Idempotency::AnswerLater(claim) = &envelope.idempotency
        && app.reader.is_key_known(envelope.merchant, &claim.key).await?
    {
        return Ok(());
    }
    Err(Problem::new(
        Kind::DiskNearlyFull,
        "The hub's disk is nearly full. Nothing was begun; sales and payments that are under way are still ended. Make room \
         on the disk of the data folder, then send the same request again.",
    ))
}
