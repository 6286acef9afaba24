//! Programs that the bench starts: each ends with the bench, and only those are ended.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// The kernel counts CPU time in hundredths of a second, on every Linux that is in use.
const TICKS_PER_SECOND: f64 = 100.0;
/// Time for a server to accept connections; a database that has to be recovered takes a while.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// Time for a server to end after it was asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// A command for a server that the kernel ends with the thread that started it, so that nothing is left behind by a bench
/// that was killed.
pub fn tied(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    name: String,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Server {
    /// Starts it with its words in a log file, and waits until it accepts connections.
    pub fn start(name: &str, command: &mut Command, addr: SocketAddr, logs: &Path) -> anyhow::Result<Self> {
        let log = File::options().create(true).append(true).open(logs.join(format!("{name}.log")))?;
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("starting {name}"))?;
        let mut server = Self { child, name: name.to_owned(), addr };
        server.wait_until(|addr| TcpStream::connect(addr).is_ok())?;
        Ok(server)
    }

    /// Waits until the server is as wanted, looking every millisecond.
    pub fn wait_until(&mut self, is_ready: impl Fn(SocketAddr) -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !is_ready(self.addr) {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}; see its log", self.name);
            }
            if begun.elapsed() > START_TIMEOUT {
                bail!("{} is not ready after {START_TIMEOUT:?}; see its log", self.name);
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        anyhow::ensure!(asked.success(), "{} could not be asked to end", self.name);
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > STOP_TIMEOUT {
                bail!("{} has not ended after {STOP_TIMEOUT:?}", self.name);
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Kills it: nothing of it runs another instruction.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address that nobody listens on at the moment.
pub fn free_addr() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// CPU that a process has taken so far, in seconds; zero once it is gone.
pub fn cpu_seconds(pid: u32) -> f64 {
    of_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default())
}

/// CPU that a thread of this process has taken so far, in seconds; zero if there is none of that name.
pub fn cpu_seconds_of_thread(name: &str) -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut stats = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok());
    stats.find(|stat| stat.contains(&format!("({name})"))).map_or(0.0, |stat| of_stat(&stat))
}

fn of_stat(stat: &str) -> f64 {
    // The second field is the name in brackets, which may hold blanks.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 / TICKS_PER_SECOND
}

/// The memory that a process holds, in MiB.
pub fn rss_mib(pid: u32) -> f64 {
    of_status(pid, "VmRSS:")
}

/// The most memory that a process has held so far, in MiB; zero once it is gone.
pub fn peak_mib(pid: u32) -> f64 {
    of_status(pid, "VmHWM:")
}

fn of_status(pid: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default();
    kib as f64 / 1024.0
}

/// Runs a program to its end and gives what it said.
pub fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        let (said, cried) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("{command:?} ended with {}: {said}{cried}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_is_measured() {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(60) {}
        assert!(cpu_seconds(std::process::id()) > 0.02);
        assert!(rss_mib(std::process::id()) > 1.0);
        assert_eq!(cpu_seconds(u32::MAX), 0.0);
    }

    #[test]
    fn a_program_that_fails_is_quoted() {
        let error = run(Command::new("sh").args(["-c", "echo no; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("no"), "{error}");
    }
}
