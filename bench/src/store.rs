//! Databases with the world in them: made once, kept, and copied for each run.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use domain::time::Timestamp;
use sha2::{Digest, Sha256};
use storage::committer::{self, Connect};
use storage::postgres::Postgres;
use storage::sqlite::Sqlite;

use crate::process::run;
use crate::random::{Ids, now_ms};
use crate::world::{self, Size, World};

/// Changes with what the seeder writes.
const SEED_VERSION: u32 = 1;
/// The name of the database in the hub's data folder.
pub const DATABASE_FILE: &str = "tillbridge.db";
/// The world's description beside it.
const WORLD_FILE: &str = "world.json";

/// Names a seed by its size and by the schema.
fn seed_name(size: Size) -> anyhow::Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/storage/migrations");
    let mut files = std::fs::read_dir(&folder)?.map(|file| Ok(file?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(std::fs::read(file)?);
    }
    let hash = hash.finalize();
    Ok(format!(
        "seed_v{SEED_VERSION}_{}x{}_{:02x}{:02x}{:02x}{:02x}",
        size.sales, size.lines, hash[0], hash[1], hash[2], hash[3]
    ))
}

fn make(connect: Connect, size: Size) -> anyhow::Result<World> {
    let (handle, thread) = committer::start(connect, Box::new(Ids::new(2)))?;
    let outcome = world::make(&handle, size);
    handle.stop();
    thread.join().map_err(|_| anyhow::anyhow!("the committer panicked"))?;
    outcome
}

/// The folder of the SQLite seed, made when it is not there.
pub fn sqlite_seed(folder: &Path, size: Size) -> anyhow::Result<(PathBuf, World)> {
    let seed = folder.join(format!("sqlite_{}", seed_name(size)?));
    if !seed.join(WORLD_FILE).exists() {
        eprintln!("Storing {} sales in SQLite, once.", size.sales);
        let begun = Instant::now();
        let _ = std::fs::remove_dir_all(&seed);
        std::fs::create_dir_all(&seed)?;
        let file = seed.join(DATABASE_FILE);
        storage::migrate::sqlite(&mut storage::sqlite::open(&file, false)?)?;
        let path = file.clone();
        let clock: storage::sqlite::Clock = Arc::new(|| Timestamp(now_ms() as i64));
        let world = make(Box::new(move || Ok(Box::new(Sqlite::open(&path, "OFF", Arc::clone(&clock))?))), size)?;
        // Everything into the one file, on the disk.
        storage::sqlite::open(&file, false)?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        run(Command::new("sync").arg("--file-system").arg(&file))?;
        std::fs::write(seed.join(WORLD_FILE), serde_json::to_vec(&world)?)?;
        eprintln!("  {:.0} s, {} MB", begun.elapsed().as_secs_f64(), std::fs::metadata(&file)?.len() / 1_000_000);
    }
    let world = serde_json::from_slice(&std::fs::read(seed.join(WORLD_FILE))?)?;
    Ok((seed, world))
}

/// A fresh copy of the seed in `to`.
pub fn copy_sqlite(seed: &Path, to: &Path) -> anyhow::Result<()> {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to)?;
    run(Command::new("cp").arg("--reflink=auto").arg(seed.join(DATABASE_FILE)).arg(to))?;
    run(Command::new("sync").arg("--file-system").arg(to))?;
    Ok(())
}

/// A PostgreSQL server of the bench; stopped when dropped.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Cluster {
    /// Starts the server in `folder`, which keeps its databases from run to run.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let port_file = folder.join("port");
        if folder.join("data/PG_VERSION").exists() && port_file.exists() {
            pg_ctl(&folder, &["--wait", "--timeout=120", &format!("--log={}/server.log", folder.display()), "start"])?;
        } else {
            let _ = std::fs::remove_dir_all(folder.join("data"));
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres");
            let log = std::fs::File::create(folder.join("start.log"))?;
            // The server keeps the script's output open, so it goes to a file.
            let status =
                Command::new(script).arg("start").arg(&folder).stdout(log.try_clone()?).stderr(log).status()?;
            anyhow::ensure!(status.success(), "scripts/postgres start failed; see {}/start.log", folder.display());
        }
        let port: u16 = std::fs::read_to_string(&port_file)?.trim().parse()?;
        Ok(Self { folder, addr: SocketAddr::from(([127, 0, 0, 1], port)) })
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://tillbridge@{}/{database}", self.addr)
    }

    /// Runs statements in a database.
    pub fn execute(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let url = self.url(database);
        run(Command::new("psql").args([&url, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v"]).args([
            "ON_ERROR_STOP=1",
            "-c",
            sql,
        ]))
    }

    /// The name of the seeded database, made when it is not there.
    pub fn seed(&self, folder: &Path, size: Size) -> anyhow::Result<(String, World)> {
        let name = seed_name(size)?;
        let world_file = folder.join(format!("postgres_{name}.json"));
        let listed = self.execute("postgres", &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"))?;
        if listed.trim() != "1" || !world_file.exists() {
            eprintln!("Storing {} sales in PostgreSQL, once.", size.sales);
            let begun = Instant::now();
            self.execute("postgres", &format!("DROP DATABASE IF EXISTS {name}"))?;
            self.execute("postgres", &format!("CREATE DATABASE {name}"))?;
            // Only while nothing is measured.
            self.set(&[("fsync", "off")])?;
            let url = self.url(&name);
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(storage::migrate::postgres(&url))?;
            let world = make(Box::new(move || Ok(Box::new(Postgres::connect(&url)?))), size)?;
            self.set(&[])?;
            self.execute(&name, "VACUUM (ANALYZE)")?;
            self.execute("postgres", "CHECKPOINT")?;
            std::fs::write(&world_file, serde_json::to_vec(&world)?)?;
            eprintln!("  {:.0} s", begun.elapsed().as_secs_f64());
        }
        Ok((name, serde_json::from_slice(&std::fs::read(world_file)?)?))
    }

    /// A fresh copy of a database under another name.
    pub fn copy(&self, from: &str, to: &str) -> anyhow::Result<()> {
        self.execute("postgres", &format!("DROP DATABASE IF EXISTS {to} WITH (FORCE)"))?;
        self.execute("postgres", &format!("CREATE DATABASE {to} TEMPLATE {from} STRATEGY file_copy"))?;
        self.execute("postgres", "CHECKPOINT")?;
        Ok(())
    }

    /// Sets these settings of the server, and takes back all others that the bench has set.
    pub fn set(&self, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        self.execute("postgres", "ALTER SYSTEM RESET ALL")?;
        for (name, value) in settings {
            self.execute("postgres", &format!("ALTER SYSTEM SET {name} = {value}"))?;
        }
        self.execute("postgres", "SELECT pg_reload_conf()")?;
        // The server's processes read it at their next statement.
        std::thread::sleep(std::time::Duration::from_millis(200));
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = pg_ctl(&self.folder, &["--wait", "--mode=fast", "stop"]) {
            eprintln!("PostgreSQL was not stopped: {error:#}");
        }
    }
}

fn pg_ctl(folder: &Path, args: &[&str]) -> anyhow::Result<()> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").context("PostgreSQL is not installed")?;
    let mut versions = versions.map(|folder| Ok(folder?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    versions.sort();
    let bin = versions.pop().context("PostgreSQL is not installed")?.join("bin/pg_ctl");
    // The server refuses to run as root.
    let is_root = run(Command::new("id").arg("-u"))?.trim() == "0";
    let mut command = if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(bin);
        command
    } else {
        Command::new(bin)
    };
    let log = std::fs::File::create(folder.join("pg_ctl.log"))?;
    let status =
        command.arg("--pgdata").arg(folder.join("data")).args(args).stdout(log.try_clone()?).stderr(log).status()?;
    anyhow::ensure!(status.success(), "pg_ctl {args:?} failed; see {}/pg_ctl.log and server.log", folder.display());
    Ok(())
}
