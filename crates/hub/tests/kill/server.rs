//! A PostgreSQL server of the test's own, started by `scripts/postgres` with `fsync` on, that can be killed as a power cut
//! would.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The server comes up in this time, recovery included.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The server.
pub struct Server {
    folder: PathBuf,
    pub addr: SocketAddr,
}

impl Server {
    /// A fresh server in `folder`.
    pub fn start(folder: &Path) -> Self {
        let mut server = Self { folder: folder.to_owned(), addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) };
        server.start_once().expect("scripts/postgres starts a server");
        let port = std::fs::read_to_string(folder.join("port")).expect("scripts/postgres notes the port");
        server.addr.set_port(port.trim().parse().expect("a port"));
        server
    }

    /// Its address for a client that reaches it at `addr`.
    pub fn url_at(addr: SocketAddr) -> String {
        format!("postgres://tillbridge@{addr}/postgres")
    }

    /// Kills the postmaster and all its children, and starts it again.
    pub fn kill_and_restart(&self) {
        let pid = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("the server runs");
        let postmaster: u32 = pid.lines().next().and_then(|line| line.trim().parse().ok()).expect("a pid");
        let mut victims = vec![postmaster];
        victims.extend(children_of(postmaster));
        kill(&victims);
        let begun = Instant::now();
        // A child that is still dying holds the shared memory; the server refuses to start beside it.
        while let Err(why) = self.start_once() {
            assert!(begun.elapsed() < START_TIMEOUT, "the server does not come back: {why}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends the connection of every committer.
    pub fn terminate_committers(&self) {
        let sql =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tillbridge committer'";
        let outcome = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--command", sql, &Self::url_at(self.addr)])
            .stdin(Stdio::null())
            .output()
            .expect("psql comes with the server");
        assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    }

    fn start_once(&self) -> Result<(), String> {
        let outcome = script("start", &self.folder).output().map_err(|error| error.to_string())?;
        if outcome.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&outcome.stderr).into_owned()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = script("stop", &self.folder).output();
    }
}

fn script(action: &str, folder: &Path) -> Command {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres"));
    command.arg(action).arg(folder).stdin(Stdio::null());
    command
}

fn children_of(parent: u32) -> Vec<u32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in brackets, which may hold blanks.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn kill(pids: &[u32]) {
    // Some of them may be gone by now.
    let _ = Command::new("kill").arg("-KILL").args(pids.iter().map(u32::to_string)).stderr(Stdio::null()).status();
}
