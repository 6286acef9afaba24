//! The database of a world, and what it says of itself in the end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use hub::config::Config;
use storage::check::{Snapshot, check};
use tempfile::TempDir;

/// Where the tests' server is.
const POSTGRES: &str = "TILLBRIDGE_TEST_POSTGRES";

/// Recomputes everything in the database from its parts, on a thread that may block.
pub async fn check_database(settings: &Config, database: Option<Server>, folder: TempDir) {
    let path = settings.database.data_dir.join("tillbridge.db");
    let work = move || {
        let report = match &database {
            None => check(&mut Snapshot::sqlite(Path::new(&path)).unwrap()),
            Some(database) => check(&mut Snapshot::postgres(&database.url).unwrap()),
        };
        drop((database, folder));
        report.unwrap()
    };
    let report = tokio::task::spawn_blocking(work).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert!(report.rows > 0);
}

/// A database on the tests' server, dropped with its last user.
pub struct Server {
    pub url: String,
    name: String,
    server: String,
}

impl Server {
    /// A fresh one; nothing, and a line that says so, where there is no server.
    pub fn database() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(POSTGRES) else {
            eprintln!("skipped: {POSTGRES} names no server");
            return None;
        };
        let name = format!("tillbridge_it_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        on_server(&server, &format!("CREATE DATABASE {name}"));
        let (head, _) = server.rsplit_once('/').unwrap();
        Some(Self { url: format!("{head}/{name}"), name, server })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        on_server(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// Runs one statement by the server's own client.
fn on_server(url: &str, sql: &str) {
    let outcome = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--command", sql, url])
        .stdin(Stdio::null())
        .output()
        .expect("psql comes with the server");
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
}
