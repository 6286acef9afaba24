//! A hub from start to stop: database, committer, listener, background work, and the order in which they end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail};
use axum_server::Handle as ServerHandle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use serde::{Deserialize, Serialize};
use storage::lock_file::LockFile;
use storage::reader::Reader;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::{App, Ingredients};
use crate::clock::{Clock, RandomIds};
use crate::config::Config as Settings;
use crate::database::{Database, Weaknesses};
use crate::disk::{self, Disk};
use crate::http::limit::Limit;
use crate::http::metrics;
use crate::pepper::Pepper;
use crate::print::Printing;
use crate::provider::Providers;
use crate::smartconnect::Smartconnect;
use crate::terminal::Terminals;
use crate::webhook::Webhooks;
use crate::{http, mpos, print, relay, tls, webhook, worker};

/// Requests that are at work when the hub stops have this long to end.
const STOP_WAIT: Duration = Duration::from_secs(10);
/// How often the database is asked whether it still keeps what is answered.
const DURABILITY_EVERY: Duration = Duration::from_secs(60);
/// How often what nobody needs any more is deleted.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);
/// Connections that may wait to be taken: a whole chain that comes back after a break.
const BACKLOG: u32 = 4_096;
/// Largest head of a request; ours are a tenth of it.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Where requests come in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address.
    pub listen: SocketAddr,
    /// A proxy in front speaks TLS and is the only one that can reach the address.
    pub behind_proxy: bool,
    /// The certificate chain, PEM.
    pub tls_cert: Option<PathBuf>,
    /// Its key, PEM.
    pub tls_key: Option<PathBuf>,
}

impl Config {
    /// The TLS files; or none, where the address may be served without.
    pub fn tls(&self) -> anyhow::Result<Option<tls::Files>> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Ok(Some(tls::Files { cert: cert.clone(), key: key.clone() })),
            (None, None) if self.behind_proxy || self.listen.ip().is_loopback() => Ok(None),
            (None, None) => bail!(
                "{} can be reached from other machines, and API keys would travel in the clear. Give serve.tls_cert and \
                 serve.tls_key; or set serve.behind_proxy if a proxy speaks TLS in front; or listen on 127.0.0.1.",
                self.listen
            ),
            _ => bail!("serve.tls_cert and serve.tls_key belong together. Give both."),
        }
    }
}

/// A hub at work.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What its handlers share.
    pub app: App,
    is_tls: bool,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
    stopper: ServerHandle<SocketAddr>,
    stop: watch::Sender<bool>,
    committer: JoinHandle<()>,
    background: JoinSet<()>,
    _lock: Option<LockFile>,
}

/// Starts a hub. On return it takes requests.
pub async fn start(settings: &Settings, clock: Clock) -> anyhow::Result<Running> {
    tls::install_provider();
    metrics::start();
    let tls_files = settings.serve.tls()?;
    let tls_config = tls_files.as_ref().map(tls::Files::load).transpose()?;
    let database = Database::of(&settings.database);
    make_folder(&settings.database.data_dir)?;
    let lock = take_lock(&database)?;
    database.migrate().await?;
    let reader = database.reader()?;
    let pepper = open_pepper(settings, &reader).await?;
    let providers = Providers::try_new(&settings.provider, pepper.seal.clone())?;
    let (committer, thread) = start_committer(&database, &clock).await?;
    let (stop, stopping) = watch::channel(false);
    let is_tls = tls_config.is_some();
    let foundation = Foundation { clock, committer, reader, pepper, providers, is_tls, stopping };
    let app = put_together(settings, foundation).await?;
    let listener = listen(settings.serve.listen)?;
    let addr = listener.local_addr()?;
    let stopper = ServerHandle::new();
    let mut background = spawn_background(&app);
    if let Database::Postgres(url) = database.clone() {
        let committer = app.committer.clone();
        background.spawn(async move { storage::bell::keep(url.expose(), &committer).await });
    }
    if let (Some(files), Some(config)) = (tls_files, tls_config.clone()) {
        background.spawn(files.watch(config));
    }
    let server = tokio::spawn(serve(listener, tls_config, stopper.clone(), app.clone()));
    tracing::info!(%addr, is_tls, %database, "The hub takes requests.");
    Ok(Running { addr, app, is_tls, server, stopper, stop, committer: thread, background, _lock: lock })
}

/// What the rest of a hub stands on.
pub(crate) struct Foundation {
    pub clock: Clock,
    pub committer: storage::Handle,
    pub reader: Reader,
    pub pepper: Pepper,
    pub providers: Providers,
    pub is_tls: bool,
    pub stopping: watch::Receiver<bool>,
}

/// A hub of these settings.
pub(crate) async fn put_together(settings: &Settings, foundation: Foundation) -> anyhow::Result<App> {
    let Foundation { clock, committer, reader, pepper, providers, is_tls, stopping } = foundation;
    let weaknesses = Weaknesses::default();
    weaknesses.look(&committer).await;
    let is_behind_proxy = settings.serve.behind_proxy;
    Ok(App::new(Ingredients {
        clock,
        committer,
        reader,
        pepper,
        rate_limit: Limit::of(settings.rate_limit),
        providers,
        webhooks: Webhooks::try_new(&settings.webhook).context("The sender of webhooks cannot be made")?,
        printing: Printing::new(&settings.printing),
        terminals: Terminals::new(&settings.terminals),
        smartconnect: Smartconnect::new(is_tls || is_behind_proxy),
        durability: settings.database.durability,
        weaknesses,
        disk: Disk::of(&settings.database),
        is_behind_proxy,
        stopping,
    }))
}

impl Running {
    /// The address as a URL, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("{}://{}", if self.is_tls { "https" } else { "http" }, self.addr)
    }

    /// Stops: takes no more connections, lets requests end, then the committer, then the rest.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        self.stopper.graceful_shutdown(Some(STOP_WAIT));
        let served = self.server.await;
        self.app.webhooks.at_work.wait_for_rest(STOP_WAIT).await;
        self.app.printing.at_work.wait_for_rest(STOP_WAIT).await;
        self.app.mpos.at_work.wait_for_rest(STOP_WAIT).await;
        self.app.committer.stop();
        let committer = self.committer;
        let committed = tokio::task::spawn_blocking(move || committer.join()).await?;
        self.background.shutdown().await;
        served?.context("The listener failed")?;
        if committed.is_err() {
            bail!("The committer's thread panicked.");
        }
        tracing::info!("The hub has stopped.");
        Ok(())
    }
}

/// The folder of the database and of the server's own secret: for its owner only.
pub fn make_folder(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).with_context(|| format!("The folder {} cannot be made", path.display()))
}

pub(crate) fn take_lock(database: &Database) -> anyhow::Result<Option<LockFile>> {
    match database {
        Database::Sqlite(path, _) => Ok(Some(LockFile::take(path)?)),
        Database::Postgres(_) => Ok(None),
    }
}

/// A fresh pepper opens no key that was made under another one: then it is not the pepper of this database.
pub(crate) async fn open_pepper(settings: &Settings, reader: &Reader) -> anyhow::Result<Pepper> {
    let folder = &settings.database.data_dir;
    let (pepper, is_new) = Pepper::open(settings.auth.pepper.as_ref(), folder)?;
    if !is_new {
        return Ok(pepper);
    }
    for merchant in reader.list_merchants().await? {
        if !reader.list_api_keys(merchant.id).await?.is_empty() {
            let file = folder.join(crate::pepper::FILE_NAME);
            let _ = std::fs::remove_file(&file);
            bail!(
                "This database has API keys, and {} is missing: none of them would be let in. Copy the file from the \
                 other hub or from the backup, or set auth.pepper.",
                file.display()
            );
        }
    }
    Ok(pepper)
}

/// The committer's thread. Its engine is opened outside the runtime, because that of PostgreSQL has one of its own.
pub async fn start_committer(database: &Database, clock: &Clock) -> anyhow::Result<(storage::Handle, JoinHandle<()>)> {
    let connect = database.connect(clock);
    let work = move || storage::committer::start(connect, Box::new(RandomIds::new()));
    tokio::task::spawn_blocking(work).await?.context("The database cannot be opened for writing")
}

fn listen(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(addr).with_context(|| format!("The address {addr} is taken or not of this machine"))?;
    Ok(socket.listen(BACKLOG)?)
}

async fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    stopper: ServerHandle<SocketAddr>,
    app: App,
) -> std::io::Result<()> {
    let door = app.door.clone();
    let service = http::router(app).into_make_service_with_connect_info::<SocketAddr>();
    let mut server = axum_server::Server::from_listener(listener).handle(stopper);
    *server.http_builder() = http_builder();
    match tls {
        Some(config) => server.acceptor(RustlsAcceptor::new(config).acceptor(door)).serve(service).await,
        None => server.acceptor(door).serve(service).await,
    }
}

/// HTTP/1.1 only and with small heads; the time limits of a connection are in `connection.rs`.
fn http_builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().max_buf_size(HEAD_BYTES_MAX);
    builder
}

pub(crate) fn spawn_background(app: &App) -> JoinSet<()> {
    let mut background = JoinSet::new();
    background.spawn(metrics::keep_up());
    background.spawn(watch_durability(app.clone()));
    background.spawn(disk::watch(app.clone()));
    background.spawn(prune(app.clone()));
    background.spawn(worker::run(app.clone()));
    background.spawn(webhook::worker::run(app.clone()));
    background.spawn(print::worker::run(app.clone()));
    background.spawn(mpos::callback::run(app.clone()));
    background.spawn(relay::worker::run(app.clone()));
    background
}

async fn watch_durability(app: App) {
    loop {
        tokio::time::sleep(DURABILITY_EVERY).await;
        app.weaknesses.look(&app.committer).await;
    }
}

async fn prune(app: App) {
    loop {
        tokio::time::sleep(PRUNE_EVERY).await;
        match app.committer.prune(app.clock.now()).await {
            Ok(deleted) => tracing::debug!(deleted, "Old rows were deleted."),
            Err(failure) => tracing::warn!(%failure, "Old rows could not be deleted; the next time will do."),
        }
    }
}

/// Serves until the process is told to stop.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    // Listened for from the beginning: a hub that is told to stop the moment it is ready stops in peace, too.
    let mut signals = Signals::listen()?;
    let running = tokio::select! {
        running = start(settings, Clock::system()) => running?,
        () = signals.wait() => return Ok(()),
    };
    signals.wait().await;
    tracing::info!("The hub stops: requests at work are finished first.");
    running.stop().await
}

/// What tells the process to stop: SIGTERM and SIGINT.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on the two signals end nothing by themselves.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits until the process is told to stop.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits until the process is told to stop, from now on.
pub(crate) async fn wait_for_signal() -> anyhow::Result<()> {
    Signals::listen()?.wait().await;
    Ok(())
}
