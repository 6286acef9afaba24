//! A hub on a fresh copy of the world, with a key for each merchant; and the floors that run as processes of their own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::Context;

use super::Frame;
use crate::hub::{Hub, Store};
use crate::load::{self, Script};
use crate::process::{Server, free_addr, run, tied};
use crate::random::now_ms;
use crate::report::{Goal, Measure, Report};
use crate::script::{Callers, Till, Work};
use crate::store::{self, Cluster, DATABASE_FILE};
use crate::world::{LARGE_MERCHANTS, SANDBOX_PORT, World};

/// Jobs that should have been done by now.
const DUE_JOBS: &str = "SELECT COUNT(*) FROM job WHERE due_at <= ";

/// A hub that serves the world.
pub struct Subject {
    /// Where its files lie.
    pub folder: PathBuf,
    /// The merchants with their keys.
    pub callers: Callers,
    /// The process.
    pub server: Server,
    binary: PathBuf,
    url: Option<String>,
}

impl Subject {
    /// On a fresh copy of the SQLite seed.
    pub fn on_sqlite(frame: &Frame, name: &str) -> anyhow::Result<Self> {
        Self::on_prepared_sqlite(frame, name, |_, _| Ok(()))
    }

    /// On a fresh copy of the SQLite seed that `prepare` has put more into, given its file.
    pub fn on_prepared_sqlite(
        frame: &Frame,
        name: &str,
        prepare: impl FnOnce(&Path, &World) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let (seed, world) = store::sqlite_seed(&frame.work, frame.size)?;
        let folder = frame.work.join(name);
        store::copy_sqlite(&seed, &folder)?;
        prepare(&folder.join(DATABASE_FILE), &world)?;
        let hub = Hub { binary: &frame.binary, store: Store::Folder(&folder) };
        hub.configure(&world)?;
        let keys = hub.add_keys(&world, LARGE_MERCHANTS, "cashier")?;
        let callers = Callers::new(&world, &keys, LARGE_MERCHANTS)?;
        let server = hub.serve("hub")?;
        Ok(Self { folder: folder.clone(), callers, server, binary: frame.binary.clone(), url: None })
    }

    /// On a database of the cluster that holds the world; `merchants` of them get a key.
    pub fn on_postgres(frame: &Frame, name: &str, url: &str, world: &World, merchants: usize) -> anyhow::Result<Self> {
        let folder = frame.work.join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        let hub = Hub { binary: &frame.binary, store: Store::Postgres(&folder, url) };
        hub.configure(world)?;
        let keys = hub.add_keys(world, merchants, "cashier")?;
        let callers = Callers::new(world, &keys, merchants)?;
        let server = hub.serve("hub")?;
        let (binary, url) = (frame.binary.clone(), Some(url.to_owned()));
        Ok(Self { folder: folder.clone(), callers, server, binary, url })
    }

    /// Asks the hub to end, and waits until it has.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.server.stop()
    }

    /// Serves again after the hub has ended.
    pub fn start(&mut self) -> anyhow::Result<()> {
        self.server = self.hub().serve("hub")?;
        Ok(())
    }

    /// Another hub on the same PostgreSQL database.
    pub fn serve_second(&self) -> anyhow::Result<Server> {
        self.hub().serve("hub-2")
    }

    /// A manager's key of each of the large merchants.
    pub fn manager_keys(&self, world: &World) -> anyhow::Result<Vec<String>> {
        self.hub().add_keys(world, LARGE_MERCHANTS, "manager")
    }

    fn hub(&self) -> Hub<'_> {
        let store = match &self.url {
            None => Store::Folder(&self.folder),
            Some(url) => Store::Postgres(&self.folder, url),
        };
        Hub { binary: &self.binary, store }
    }

    /// The database's file.
    pub fn file(&self) -> PathBuf {
        self.folder.join(DATABASE_FILE)
    }

    /// How many bytes the hub answers to this work.
    pub fn answer_bytes(&self, work: Work) -> anyhow::Result<usize> {
        let answer = load::ask(self.server.addr, Till::new(&self.callers, work, 0, false).next())?;
        let said = String::from_utf8_lossy(answer.body());
        anyhow::ensure!(answer.status().is_success(), "the hub answered {}: {said}", answer.status());
        Ok(answer.body().len())
    }

    /// What must hold at the end of a row: no work is left over, and all that is kept twice agrees.
    pub fn finish(
        mut self,
        report: &mut Report,
        work: Work,
        rate: f64,
        cluster: Option<&Cluster>,
    ) -> anyhow::Result<()> {
        let begun = Instant::now();
        self.answer_bytes(work).context("after the load")?;
        let first_ms = begun.elapsed().as_secs_f64() * 1e3;
        let due = self.due_jobs(cluster)?;
        let backlog_s = (due as f64 / rate.max(1.0)).max(first_ms / 1e3);
        report.measures.push(Measure::new("backlog at the end, s of work", Goal::AtMost(1.0, 1.0), vec![backlog_s]));
        let rss = crate::process::rss_mib(self.server.pid());
        report
            .notes
            .push(format!("At the end: {due} due jobs, first answer after {first_ms:.1} ms, hub memory {rss:.0} MiB."));
        let checked = Instant::now();
        let outcome = self.hub().check();
        let took = checked.elapsed().as_secs_f64();
        report.notes.push(match &outcome {
            Ok(()) => format!("`tillbridge check` is clean, {took:.0} s."),
            Err(error) => {
                format!("**`tillbridge check` failed**: {}", format!("{error:#}").chars().take(600).collect::<String>())
            }
        });
        self.server.stop()?;
        if outcome.is_ok() {
            // A database that is not clean is kept for a look.
            std::fs::remove_dir_all(&self.folder)?;
        }
        Ok(())
    }

    fn due_jobs(&self, cluster: Option<&Cluster>) -> anyhow::Result<i64> {
        let sql = format!("{DUE_JOBS}{}", now_ms());
        match (&self.url, cluster) {
            (Some(url), Some(_)) => {
                Ok(run(Command::new("psql").args([url, "--no-psqlrc", "-qtAc", &sql]))?.trim().parse()?)
            }
            _ => Ok(storage::sqlite::open(&self.file(), true)?.query_row(&sql, [], |row| row.get(0))?),
        }
    }
}

/// One of this program's own servers, in a process of its own.
fn own(name: &str, words: &[String], addr: SocketAddr, logs: &Path) -> anyhow::Result<Server> {
    Server::start(name, tied(&std::env::current_exe()?).args(words), addr, logs)
}

/// The echo.
pub fn echo(answer_bytes: usize, logs: &Path) -> anyhow::Result<Server> {
    let addr = free_addr()?;
    own("floor-echo", &["floor-echo".to_owned(), addr.to_string(), answer_bytes.to_string()], addr, logs)
}

/// The handler that forwards to the echo.
pub fn forward(to: SocketAddr, logs: &Path) -> anyhow::Result<Server> {
    let addr = free_addr()?;
    own("floor-forward", &["floor-forward".to_owned(), addr.to_string(), to.to_string()], addr, logs)
}

/// The receiver of webhooks.
pub fn sink(logs: &Path) -> anyhow::Result<Server> {
    let addr = free_addr()?;
    own("sink", &["sink".to_owned(), addr.to_string()], addr, logs)
}

/// The provider.
pub fn sandbox(logs: &Path) -> anyhow::Result<Server> {
    let addr = SocketAddr::from(([127, 0, 0, 1], SANDBOX_PORT));
    own("sandbox", &["sandbox".to_owned(), addr.to_string()], addr, logs)
}
