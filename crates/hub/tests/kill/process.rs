//! The hub as a process of its own, so that it can be killed like one. Its words go to a log file beside the database.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use super::client::{Client, Request};
use super::random::Random;

/// Ports for servers that are stopped and started again: below the range from which the kernel takes ports for
/// connections, else a client would sooner or later take the port of a server that is down just now.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// A folder's last lines that a failed test shows.
const LINES_SHOWN: usize = 40;

/// Where a hub keeps its records.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its data folder.
    pub data: PathBuf,
    /// The database server instead of the embedded database.
    pub database: Option<String>,
    /// Settings beyond that: the environment variable and its value.
    pub settings: Vec<(String, String)>,
}

impl Place {
    /// The program with one of its subcommands at this place.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillbridge"));
        command.arg(subcommand).arg("--data").arg(&self.data).current_dir(&self.data).stdin(Stdio::null());
        if let Some(url) = &self.database {
            command.arg("--database").arg(url);
        }
        // The few keys of a run stand for the tills of many shops.
        let limit = [("TILLBRIDGE__RATE_LIMIT__PER_SECOND", "1000000"), ("TILLBRIDGE__RATE_LIMIT__BURST", "1000000")];
        command.envs(limit);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// `tillbridge check`, run to its end.
    pub fn check(&self) -> Output {
        self.command("check").output().expect("the program runs")
    }

    /// The last lines of the hub's log.
    pub fn log_tail(&self) -> String {
        let log = std::fs::read(self.data.join("hub.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }
}

/// A running hub. Dropping it kills it.
pub struct Hub {
    child: Child,
    pub addr: SocketAddr,
    started_at: Instant,
}

impl Hub {
    /// Starts the program and does not wait for it.
    pub fn start(place: &Place, addr: SocketAddr) -> Self {
        let mut command = place.command("serve");
        command.arg("--listen").arg(addr.to_string());
        Self::spawn(command, place, addr)
    }

    /// Starts a command that ends up as the hub.
    pub fn spawn(mut command: Command, place: &Place, addr: SocketAddr) -> Self {
        let log = File::options().create(true).append(true).open(place.data.join("hub.log")).expect("a log file");
        command.stdout(log.try_clone().expect("a log file")).stderr(log);
        Self { child: command.spawn().expect("the program starts"), addr, started_at: Instant::now() }
    }

    /// Waits until it is ready and says how long that took; why not, if it is not in time.
    pub fn wait_ready(&mut self, patience: Duration) -> Result<Duration, String> {
        let mut client = Client::new(self.addr, "");
        loop {
            if client.connect() && client.send(Request::get("/readyz")).is_ok_and(|answer| answer.status == 200) {
                return Ok(self.started_at.elapsed());
            }
            if let Some(status) = self.status() {
                return Err(format!("the hub ended by itself: {status}"));
            }
            if self.started_at.elapsed() > patience {
                return Err(format!("the hub is not ready after {patience:?}"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// How it ended, if it has.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the own child can be waited for")
    }

    /// Kills it: nothing of it runs another instruction.
    pub fn kill(&mut self) {
        // What a tracer has started would live on without it.
        self.children().split_ascii_whitespace().for_each(|pid| signal("-KILL", pid));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        signal("-TERM", &self.child.id().to_string());
    }

    /// Asks the hub to end that the started program, a tracer, has started.
    pub fn terminate_child(&self) {
        self.children().split_ascii_whitespace().for_each(|pid| signal("-TERM", pid));
    }

    fn children(&self) -> String {
        let pid = self.child.id();
        std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default()
    }

    /// Waits for its end.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if let Some(status) = self.status() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        None
    }
}

fn signal(signal: &str, pid: &str) {
    let asked = Command::new("kill").args([signal, pid]).stderr(Stdio::null()).status();
    assert!(asked.is_ok(), "`kill` is there");
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A loopback address that nobody uses, and that no outgoing connection will use.
pub fn free_addr(random: &mut Random) -> SocketAddr {
    loop {
        let port = PORTS.start + u16::try_from(random.below(PORTS.len())).expect("a port");
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(addr).is_ok() {
            return addr;
        }
    }
}

/// A folder of a run: removed at its end, kept when the run fails.
pub struct Folder(Option<tempfile::TempDir>);

impl Folder {
    /// An empty folder.
    pub fn new(name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(name).tempdir().expect("a temporary folder");
        // A database server runs as another user.
        Self(Some(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.as_ref().expect("taken at the end only").path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.0.take()
        {
            eprintln!("what is left of the failed run: {}", folder.keep().display());
        }
    }
}
