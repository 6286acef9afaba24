//! A shop in this process: its database, the sandbox as its provider, and the hub, set up as an operator would.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use domain::call::Role;
use domain::id::ConnectionId;
use domain::merchant::ConnectionSettings;
use domain::money::Currency;
use domain::payment::CARD_APP;

use super::options::Options;
use super::shop::{Entrance, Shop};
use super::wallet::{Stage, WALLETS};
use crate::api_key::Environment;
use crate::clock::Clock;
use crate::config::{Config, Hidden};
use crate::database::Database;
use crate::operator::{NewConnection, NewKey, NewMerchant, Operator};
use crate::serve::{self, Running};

/// Ports that are tried one after the other before the demo gives up.
const PORTS_MAX: u16 = 50;

/// A late approval comes so late that a slow machine, too, has called the payment off before.
const LATE_MS: u64 = 5_000;

/// The hub, the sandbox, and where the database lies.
pub struct Here {
    /// A viewer's key, for the status page.
    pub viewer: String,
    keys: (String, String),
    sandbox: sandbox::Handle,
    wallets: Stage,
    hub: Running,
    /// The address that was asked for, if it was taken.
    taken: Option<SocketAddr>,
    database: Database,
    folder: Folder,
}

/// Where the database lies.
enum Folder {
    /// Deleted at the end.
    Passing(tempfile::TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn of(options: &Options) -> anyhow::Result<Self> {
        let Some(path) = &options.data else {
            // For its owner only, as every data folder.
            let owner_only = std::fs::Permissions::from_mode(0o700);
            let folder = tempfile::Builder::new().prefix("tillbridge-demo-").permissions(owner_only).tempdir()?;
            return Ok(Self::Passing(folder));
        };
        serve::make_folder(path)?;
        if std::fs::read_dir(path)?.next().is_some() {
            bail!("The folder {} is not empty. Name a new one: the demo begins with an empty shop.", path.display());
        }
        Ok(Self::Kept(path.clone()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Passing(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }

    const fn fate(&self) -> &'static str {
        match self {
            Self::Passing(_) => "deleted at the end",
            Self::Kept(_) => "kept",
        }
    }
}

/// What the operator made.
struct SetUp {
    viewer: String,
    cashier: String,
    manager: String,
    sandbox: ConnectionId,
}

impl Here {
    /// Starts the sandbox, sets the merchant up, and starts the hub.
    pub async fn start(options: &Options) -> anyhow::Result<Self> {
        if !options.listen.ip().is_loopback() {
            bail!("The demo listens on this machine only, for example on 127.0.0.1:8080: it speaks no TLS.");
        }
        let folder = Folder::of(options)?;
        let provider = sandbox::Options { late_ms: LATE_MS, ..sandbox::Options::default() };
        let credentials = provider.credentials();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("No port for the sandbox")?;
        let sandbox = sandbox::serve(listener, provider).await?;
        let wallets = Stage::open().await?;
        let mut settings = Config::for_test(folder.path());
        let database = Database::of(&settings.database);
        let made = set_up(&settings, &database, sandbox.base_url(), &wallets).await?;
        let addr = free_address(options.listen)?;
        settings.serve.listen = addr;
        settings.provider.notify_base = Some(format!("http://{addr}"));
        settings.provider.secrets = BTreeMap::from([(made.sandbox, Hidden::new(credentials))]);
        let hub = serve::start(&settings, Clock::system()).await?;
        wallets.tell(&hub.base_url());
        let is_taken = options.listen.port() != 0 && addr != options.listen;
        Ok(Self {
            viewer: made.viewer,
            keys: (made.cashier, made.manager),
            sandbox,
            wallets,
            hub,
            taken: is_taken.then_some(options.listen),
            database,
            folder,
        })
    }

    /// What opens the shop.
    pub fn entrance(&self) -> Entrance {
        let (cashier, manager) = self.keys.clone();
        Entrance {
            hub_url: self.hub.base_url(),
            cashier,
            manager,
            provider_url: self.sandbox.base_url(),
            provider_secret: sandbox::Options::default().secret,
            customers_url: self.wallets.page_url(),
            database: Some(self.database.clone()),
        }
    }

    /// What was set up, and where to watch it.
    pub fn words(&self, shop: &Shop) -> String {
        let mut words = String::new();
        if let Some(taken) = self.taken {
            words = format!("{taken} is taken by another program, so the hub uses {}.\n\n", self.hub.addr);
        }
        let names: Vec<&str> = shop.registers.iter().map(|place| place.name.as_str()).collect();
        words
            + &format!(
                "Tillbridge demo\n\
             \x20 hub        {}\n\
             \x20 database   SQLite in {} ({})\n\
             \x20 provider   the sandbox at {}; it plays a payment provider, no money moves\n\
             \x20 wallets    {}, played too; be their customer at {}\n\
             \x20 terminal   beside {}, played as well: nothing is charged\n\
             \x20 Demo Shop  registers {}, {} articles, prices in yen with 8 % or 10 % tax in them\n\n\
             Watch the day on the status page: {}/#key={}\n",
                self.hub.base_url(),
                self.folder.path().display(),
                self.folder.fate(),
                self.sandbox.base_url(),
                WALLETS.map(|wallet| wallet.label).join(", "),
                self.wallets.page_url(),
                names.first().copied().unwrap_or_default(),
                names.join(" and "),
                shop.goods.len(),
                self.hub.base_url(),
                self.viewer,
            )
    }

    /// Where the customers of the wallets are played.
    pub fn customers_url(&self) -> String {
        self.wallets.page_url()
    }

    /// The day is over: from now on nobody pays by wallet who is not played on that page.
    pub fn leave_customers_to_people(&self) {
        self.wallets.leave_customers_to_people();
    }

    /// Closes for good.
    pub async fn close(self) -> anyhow::Result<()> {
        self.hub.stop().await?;
        self.sandbox.stop().await;
        if let Folder::Passing(folder) = self.folder {
            folder.close()?;
        }
        Ok(())
    }
}

async fn set_up(settings: &Config, database: &Database, provider: String, wallets: &Stage) -> anyhow::Result<SetUp> {
    database.migrate().await?;
    let mut operator = Operator::open(settings).await?;
    let merchant = NewMerchant {
        name: "Demo Shop".to_owned(),
        currency: Currency::JPY,
        zone: "Asia/Tokyo".to_owned(),
        location: "Demo Shop Ginza".to_owned(),
        registers: vec!["T1".to_owned(), "T2".to_owned()],
    };
    let merchant = operator.add_merchant(merchant).await?;
    let sandbox = NewConnection::sandbox(merchant, &provider);
    let sandbox = operator.add_connection(sandbox).await?;
    operator.add_connection(NewConnection::manual(merchant)).await?;
    let played = ConnectionSettings { is_test: true, ..ConnectionSettings::default() };
    // The card app is for whoever tries its page; the day itself has none.
    for provider in ["terminal", CARD_APP] {
        let (provider, settings) = (provider.to_owned(), played.clone());
        operator.add_connection(NewConnection { merchant, provider, settings, credentials: None }).await?;
    }
    for wallet in &wallets.played {
        let (base_url, variant) = (wallet.server.base_url(), wallet.variant.to_owned());
        let settings = ConnectionSettings { variant, is_test: true, ..ConnectionSettings::at(base_url) };
        let credentials = Some(Hidden::new(wallet.credentials.clone()));
        let provider = wallet.provider.to_owned();
        operator.add_connection(NewConnection { merchant, provider, settings, credentials }).await?;
    }
    let key = |role: Role| NewKey { merchant, role, name: format!("Demo, {role}"), environment: Environment::Test };
    let viewer = operator.add_key(key(Role::Viewer)).await?;
    let cashier = operator.add_key(key(Role::Cashier)).await?;
    let manager = operator.add_key(key(Role::Manager)).await?;
    operator.close().await?;
    Ok(SetUp { viewer, cashier, manager, sandbox })
}

/// The address itself, or the next free port above it.
fn free_address(wanted: SocketAddr) -> anyhow::Result<SocketAddr> {
    let mut addr = wanted;
    for _ in 0..PORTS_MAX {
        match TcpListener::bind(addr).and_then(|listener| listener.local_addr()) {
            Ok(free) => return Ok(free),
            Err(error) if error.kind() == ErrorKind::AddrInUse && addr.port() < u16::MAX => {
                addr.set_port(addr.port() + 1);
            }
            Err(error) => return Err(error).context(format!("The address {addr} cannot be listened on")),
        }
    }
    bail!("{wanted} and the {PORTS_MAX} ports from there on are taken. Name another with --listen.")
}
