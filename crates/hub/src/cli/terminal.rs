//! `terminal`: payment terminals that are played, with a face for a person or without one for a crowd.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use domain::id::{ConnectionId, LocationId, RegisterId};
use reqwest::Client;
use sandbox::terminal::{Bank, Key, Options as Played, SCRIPTS, Script, Terminal, page};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::say;
use crate::clock::random_bytes;
use crate::serve;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge terminal --hub http://127.0.0.1:8080 --token tbe_… --page 127.0.0.1:8092
  tillbridge terminal --key tb_live_… --location loc_… --connection con_… --register reg_… --page 0.0.0.0:8092
  tillbridge terminal --key tb_live_… --location loc_… --connection con_… --count 500 --script slow --keep ./terminals.json
  tillbridge terminal --keep ./terminals.json --script plug-after-approval
What they say to the hub: docs/protocols/terminal-channel.md";

/// Most terminals of one process: as many as a hub takes.
const COUNT_MAX: u64 = 10_000;
/// The model that the hub's settings allow for terminals without hands, and for the one with a page.
const MODELS: (&str, &str) = ("headless", VIRTUAL);
/// The model of a terminal with a page.
pub(crate) const VIRTUAL: &str = "virtual";

/// How they are played.
#[derive(Args)]
pub(super) struct Options {
    /// The hub. Without TLS: on this machine, or through a proxy.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    hub: String,
    /// The token that a manager was given for a terminal. One terminal for each.
    #[arg(long = "token", value_name = "TOKEN", conflicts_with = "key")]
    tokens: Vec<String>,
    /// A manager's key: makes as many terminals as `--count` says.
    #[arg(long, env = "TILLBRIDGE_KEY", hide_env_values = true, requires_all = ["location", "connection"])]
    key: Option<String>,
    /// Where the terminals stand that `--key` makes.
    #[arg(long, value_name = "ID")]
    location: Option<LocationId>,
    /// The connection that payments on them are taken with; its provider is `terminal`.
    #[arg(long, value_name = "ID")]
    connection: Option<ConnectionId>,
    /// The registers that they are paired with, one after another.
    #[arg(long = "register", value_name = "ID", requires = "key")]
    registers: Vec<RegisterId>,
    /// How many terminals `--key` makes.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=COUNT_MAX))]
    count: u64,
    /// What their customers do, and what goes wrong; with a page the customer is a person.
    #[arg(long, value_name = "NAME", value_parser = script)]
    script: Option<Script>,
    /// A page for each of them on this address, on which a person plays the customer.
    #[arg(long, value_name = "ADDR")]
    page: Option<SocketAddr>,
    /// A file that keeps who they are: the next start with it needs no token and no key.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
}

fn script(text: &str) -> Result<Script, String> {
    let names = || SCRIPTS.map(|(name, _)| name).join(", ");
    Script::parse(text).ok_or_else(|| format!("one of {}", names()))
}

/// Who a terminal is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Its id at the hub.
    pub terminal_id: String,
    /// The secret half of its key, in base64.
    seed: String,
}

impl Identity {
    /// Its key.
    pub fn key(&self) -> anyhow::Result<Key> {
        let seed = STANDARD.decode(&self.seed).ok().and_then(|seed| <[u8; 32]>::try_from(seed).ok());
        seed.and_then(Key::of).context("The file of the terminals holds what is no key")
    }
}

/// Plays them until SIGTERM or SIGINT, and says what they took.
pub(super) async fn run(asked: Options) -> anyhow::Result<()> {
    crate::tls::install_provider();
    let hub = asked.hub.trim_end_matches('/').to_owned();
    if !hub.starts_with("http://") {
        bail!("Played terminals speak no TLS. Give the hub's address as http://…, on this machine or through a proxy.");
    }
    let identities = who(&asked, &hub).await?;
    let script = asked.script.unwrap_or(if asked.page.is_some() { Script::Manual } else { Script::Approve });
    let bank = Bank::default();
    let mut terminals = Vec::new();
    for identity in &identities {
        let played = Played { script, ..Played::new(&hub, &identity.terminal_id) };
        terminals.push(Terminal::start(played, identity.key()?, bank.clone()));
    }
    let terminals = Arc::new(terminals);
    say(&format!("{} played terminals call {hub}. Nothing they do moves money. Stop with Ctrl-C.\n", terminals.len()))?;
    // Serves as long as it is held.
    let _page = match asked.page {
        Some(addr) => Some(show(addr, &terminals).await?),
        None => None,
    };
    serve::wait_for_signal().await?;
    let charges = bank.all();
    let net: i64 = charges.values().map(sandbox::terminal::Charge::net_minor).sum();
    let online = terminals.iter().filter(|terminal| terminal.is_online()).count();
    say(&format!(
        "{} charges, {net} minor units taken and not given back; {online} terminals were online.\n",
        charges.len()
    ))
}

async fn show(addr: SocketAddr, terminals: &Arc<Vec<Terminal>>) -> anyhow::Result<sandbox::Server> {
    let listener =
        TcpListener::bind(addr).await.with_context(|| format!("The address {addr} cannot be listened on"))?;
    let server = page::serve(listener, Arc::clone(terminals))?;
    say(&format!("The screen and the buttons of the first: {}/1\n", server.base_url()))?;
    Ok(server)
}

/// The terminals of the file, or new ones, which are then kept in it.
async fn who(asked: &Options, hub: &str) -> anyhow::Result<Vec<Identity>> {
    if let Some(file) = asked.keep.as_deref().filter(|file| file.exists()) {
        let text = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
        return serde_json::from_slice(&text).with_context(|| format!("{} is no file of terminals", file.display()));
    }
    let client = Client::new();
    let model = if asked.page.is_some() { MODELS.1 } else { MODELS.0 };
    let mut identities = Vec::new();
    for token in &asked.tokens {
        identities.push(enrol(&client, hub, token, model).await?);
    }
    if let (Some(key), Some(location), Some(connection)) = (&asked.key, asked.location, asked.connection) {
        let place = Place { hub, key, location: &location.to_string(), connection: &connection.to_string() };
        for number in 0..asked.count {
            let register = usize::try_from(number).ok().and_then(|place| asked.registers.get(place));
            let register = register.map(ToString::to_string);
            identities
                .push(make(&client, &place, &format!("Played {}", number + 1), model, register.as_deref()).await?);
        }
    }
    if identities.is_empty() {
        bail!(
            "Which terminals? Give --token, or --key with --location and --connection, or a file of them with --keep."
        );
    }
    if let Some(file) = &asked.keep {
        keep(file, &identities)?;
    }
    Ok(identities)
}

fn keep(file: &Path, identities: &[Identity]) -> anyhow::Result<()> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut opened = opened.with_context(|| format!("{} cannot be written", file.display()))?;
    opened.write_all(&serde_json::to_vec_pretty(identities)?)?;
    Ok(())
}

/// Where a terminal is made.
pub(crate) struct Place<'a> {
    /// The hub.
    pub hub: &'a str,
    /// A manager's key for real providers.
    pub key: &'a str,
    /// The shop.
    pub location: &'a str,
    /// The connection that payments on it are taken with.
    pub connection: &'a str,
}

/// Makes a terminal at the hub, enrols it, and pairs it with a register, if one is named.
pub(crate) async fn make(
    client: &Client,
    place: &Place<'_>,
    name: &str,
    model: &str,
    register: Option<&str>,
) -> anyhow::Result<Identity> {
    let Place { hub, key, location, connection } = place;
    let body = json!({ "location_id": location, "connection_id": connection, "name": name });
    let made = post(client, &format!("{hub}/v1/terminals"), Some(key), &body).await?;
    let token = made["enrolment_token"].as_str().context("The hub gave no token")?;
    let identity = enrol(client, hub, token, model).await?;
    if let Some(register) = register {
        let path = format!("{hub}/v1/terminals/{}/move", identity.terminal_id);
        post(client, &path, Some(key), &json!({ "register_id": register })).await?;
    }
    Ok(identity)
}

/// Makes a key and brings its public half to the hub, with the token.
async fn enrol(client: &Client, hub: &str, token: &str, model: &str) -> anyhow::Result<Identity> {
    let seed = random_bytes::<32>();
    let key = Key::of(seed).context("A key could not be made")?;
    let body = json!({
        "token": token,
        "identity_key": STANDARD.encode(key.public()),
        "signature": key.sign(&format!("tillbridge-enrol:{token}")),
        "model": model,
        "serial": format!("played-{}", uuid::Uuid::from_bytes(random_bytes()).simple()),
        "firmware": env!("CARGO_PKG_VERSION"),
        "software": env!("CARGO_PKG_VERSION"),
    });
    let enrolled = post(client, &format!("{hub}/v1/terminals/enrol"), None, &body).await?;
    let terminal_id = enrolled["id"].as_str().context("The hub gave no id")?.to_owned();
    Ok(Identity { terminal_id, seed: STANDARD.encode(seed) })
}

async fn post(client: &Client, url: &str, key: Option<&str>, body: &Value) -> anyhow::Result<Value> {
    let mut request = client.post(url).json(body);
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let response = request.send().await.context("The hub cannot be reached")?;
    let status = response.status();
    let answer: Value = response.json().await.unwrap_or_default();
    if !status.is_success() {
        bail!("The hub answered {status}: {}", answer["detail"].as_str().unwrap_or("without a reason"));
    }
    Ok(answer)
}
