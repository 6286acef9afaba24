//! The subject: the program `tillbridge`, run as an operator runs it, with its default settings.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::{self, Server, free_addr};
use crate::world::World;

/// The same for every hub of the bench, so that two hubs of one database know the same keys.
const PEPPER: &str = "5bd1e995c6a4a7935bd1e995c6a4a7935bd1e995c6a4a7935bd1e995c6a4a793";
/// What the sandbox takes, by its defaults: for requests and for notifications.
const SANDBOX_SECRETS: &str = "sandbox-secret:sandbox-notify-secret";
/// A row's few keys stand for the tills of hundreds of shops. The limit is raised and not switched off: each request pays for it.
const RATE_LIMIT: &str = "per_second = 1000000\nburst = 1000000\n";
/// The receiver of webhooks stands on this machine.
const WEBHOOK: &str = "allowed_networks = [\"127.0.0.0/8\"]\n";
/// The settings file in the data folder.
const CONFIG_FILE: &str = "bench.toml";
/// Says that the hub takes requests and its database is there.
const READY_PATH: &str = "/readyz";
/// The patience of one look.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// Where a hub keeps its records.
#[derive(Debug, Clone)]
pub enum Store<'a> {
    /// The embedded database in this folder.
    Folder(&'a Path),
    /// PostgreSQL at this URL; the folder is for the rest.
    Postgres(&'a Path, &'a str),
}

/// The program on a store.
#[derive(Debug, Clone)]
pub struct Hub<'a> {
    /// The binary.
    pub binary: &'a Path,
    /// Its records.
    pub store: Store<'a>,
}

impl Hub<'_> {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = process::tied(self.binary);
        command.args(words).arg("--config").arg(self.folder().join(CONFIG_FILE)).arg("--data").arg(self.folder());
        if let Store::Postgres(_, url) = self.store {
            command.arg("--database").arg(url);
        }
        command
    }

    const fn folder(&self) -> &Path {
        match self.store {
            Store::Folder(folder) | Store::Postgres(folder, _) => folder,
        }
    }

    /// Writes the settings: what a hub cannot do without, a higher limit per key,
    /// where webhooks may go, and no other.
    pub fn configure(&self, world: &World) -> anyhow::Result<()> {
        let mut text = format!(
            "[auth]\npepper = \"{PEPPER}\"\n\n[rate_limit]\n{RATE_LIMIT}\n[webhook]\n{WEBHOOK}\n[provider.secrets]\n"
        );
        for shop in &world.shops {
            text.push_str(&format!("{} = \"{SANDBOX_SECRETS}\"\n", shop.sandbox));
        }
        Ok(std::fs::write(self.folder().join(CONFIG_FILE), text)?)
    }

    /// Serves, and is ready.
    pub fn serve(&self, name: &str) -> anyhow::Result<Server> {
        let addr = free_addr()?;
        let mut server =
            Server::start(name, self.command(&["serve"]).args(["--listen", &addr.to_string()]), addr, self.folder())?;
        server.wait_until(is_ready)?;
        Ok(server)
    }

    /// Makes a key of this role for each of the first merchants: one for tests, which reaches the sandbox and the terminal
    /// keyed by hand.
    pub fn add_keys(&self, world: &World, count: usize, role: &str) -> anyhow::Result<Vec<String>> {
        let add = |merchant: String| {
            let who = ["--merchant", &merchant, "--role", role, "--name", "bench", "--test"];
            let said = process::run(self.command(&["keys", "add"]).args(who))?;
            let words = said.split_whitespace().find(|word| word.starts_with("tb_"));
            words.map(str::to_owned).ok_or_else(|| anyhow::anyhow!("`keys add` gave no key: {said}"))
        };
        world.shops.iter().take(count).map(|shop| add(shop.merchant.to_string())).collect()
    }

    /// Recomputes everything that is kept twice; fails when anything differs.
    pub fn check(&self) -> anyhow::Result<()> {
        process::run(&mut self.command(&["check"])).map(|_| ())
    }
}

fn is_ready(addr: SocketAddr) -> bool {
    let look = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&addr, LOOK_TIMEOUT)?;
        stream.set_read_timeout(Some(LOOK_TIMEOUT))?;
        write!(stream, "GET {READY_PATH} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer.starts_with(b"HTTP/1.1 200"))
    };
    // Not there yet is not ready.
    look().unwrap_or(false)
}
