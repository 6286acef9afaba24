//! The demo shop: set up as an operator would, with the sandbox as its provider, and stocked over HTTP.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use domain::call::Role;
use domain::id::{ConnectionId, MerchantId};
use domain::money::Currency;
use serde::Deserialize;
use serde_json::json;

use super::Options;
use super::api::{Api, Article, Post, Sale};
use super::goods::{GOODS, RARE, RARE_PIECES};
use crate::api_key::Environment;
use crate::clock::Clock;
use crate::config::{Config, Hidden};
use crate::database::Database;
use crate::operator::{NewConnection, NewKey, NewMerchant, Operator};
use crate::serve::{self, Running};

/// Ports that are tried one after the other before the demo gives up.
const PORTS_MAX: u16 = 50;
/// Pieces of each article besides those that the customers can take.
const SPARE_PIECES: u64 = 100;
/// Pieces below which an article is reordered.
const REORDER_AT: u64 = 3;
/// The most that one customer takes of one article.
const TAKEN_MAX: u64 = 2;

/// A place where sales are rung.
#[derive(Debug, Deserialize)]
pub struct Place {
    /// Its id.
    pub id: String,
    /// Its name, the head of its receipt numbers.
    pub name: String,
}

/// The shop, open.
pub struct Shop {
    /// The hub with a cashier's key.
    pub cashier: Api,
    /// The hub with a manager's key.
    pub manager: Api,
    /// A viewer's key, for the status page.
    pub viewer: String,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Its only location.
    pub location: String,
    /// Its registers.
    pub registers: Vec<Place>,
    /// The connection to the sandbox.
    pub sandbox_connection: String,
    /// The connection for what is keyed by hand.
    pub manual_connection: String,
    /// In the order of [`GOODS`].
    pub articles: Vec<Article>,
    /// The provider.
    pub sandbox: sandbox::Handle,
    /// The address that was asked for, if it was taken.
    taken: Option<SocketAddr>,
    database: Database,
    folder: Folder,
    hub: Running,
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
}

/// What the operator made.
struct SetUp {
    merchant: MerchantId,
    viewer: String,
    cashier: String,
    manager: String,
    sandbox: ConnectionId,
    manual: ConnectionId,
}

impl Shop {
    /// Starts the sandbox, sets the merchant up, starts the hub, and fills the shelves.
    pub async fn open(options: &Options) -> anyhow::Result<Self> {
        if !options.listen.ip().is_loopback() {
            bail!("The demo listens on this machine only, for example on 127.0.0.1:8080: it speaks no TLS.");
        }
        let folder = Folder::of(options)?;
        let provider = sandbox::Options::default();
        let credentials = provider.credentials();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("No port for the sandbox")?;
        let sandbox = sandbox::serve(listener, provider).await?;
        let mut settings = Config::for_test(folder.path());
        let database = Database::of(&settings.database);
        let made = set_up(&settings, &database, sandbox.base_url()).await?;
        let addr = free_address(options.listen)?;
        settings.serve.listen = addr;
        settings.provider.notify_base = Some(format!("http://{addr}"));
        settings.provider.secrets = BTreeMap::from([(made.sandbox, Hidden::new(credentials))]);
        let hub = serve::start(&settings, Clock::system()).await?;
        let cashier = Api::try_new(&hub.base_url(), &made.cashier)?;
        let manager = Api::try_new(&hub.base_url(), &made.manager)?;
        let locations: Vec<Place> = manager.list("/v1/locations").await?;
        let location = locations.into_iter().next().context("The shop has no location")?.id;
        let registers = manager.list("/v1/registers").await?;
        put_up_the_sign(&manager, &location).await?;
        let articles = fill_shelves(&manager, &location, options.sales).await?;
        let is_taken = options.listen.port() != 0 && addr != options.listen;
        Ok(Self {
            cashier,
            manager,
            viewer: made.viewer,
            merchant: made.merchant,
            location,
            registers,
            sandbox_connection: made.sandbox.to_string(),
            manual_connection: made.manual.to_string(),
            articles,
            sandbox,
            taken: is_taken.then_some(options.listen),
            database,
            folder,
            hub,
        })
    }

    /// Where the hub is.
    pub fn base_url(&self) -> String {
        self.hub.base_url()
    }

    /// The shop's database.
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// What needed, or needs, a person because of a payment. The API lists what is open only.
    pub async fn exceptions_of(&self, payment: &str) -> anyhow::Result<Vec<domain::exception::Exception>> {
        Ok(self.hub.app.reader.list_exceptions_of(self.merchant, payment).await?)
    }

    /// Gives a receipt of the first sale, found by its number, and says the receipt's id.
    pub async fn give_receipt(&self) -> anyhow::Result<String> {
        let register = self.registers.first().context("The shop has no register")?;
        let path = format!("/v1/sales?receipt_number={}-00000001", register.name);
        let sales: Vec<Sale> = self.cashier.list_once(&path).await?;
        let sale = sales.first().context("The register's first sale is not there")?;
        let path = format!("/v1/sales/{}/receipts", sale.id);
        let post = Post { path: &path, key: "receipt", body: json!({ "kind": "receipt", "locale": "en" }) };
        Ok(self.cashier.post(&post).await?.read::<Created>(201)?.id)
    }

    /// The folder, if it is kept.
    pub fn kept_folder(&self) -> Option<&Path> {
        match &self.folder {
            Folder::Passing(_) => None,
            Folder::Kept(path) => Some(path),
        }
    }

    /// What was set up.
    pub fn words(&self) -> String {
        let mut words = String::new();
        if let Some(taken) = self.taken {
            words = format!("{taken} is taken by another program, so the hub uses {}.\n\n", self.hub.addr);
        }
        let names: Vec<&str> = self.registers.iter().map(|place| place.name.as_str()).collect();
        let fate = if self.kept_folder().is_some() { "kept" } else { "deleted at the end" };
        words
            + &format!(
                "Tillbridge demo\n\
             \x20 hub        {}\n\
             \x20 database   SQLite in {} ({fate})\n\
             \x20 provider   the sandbox at {}; it plays a payment provider, no money moves\n\
             \x20 Demo Shop  registers {}, {} articles, prices in yen with 8 % or 10 % tax in them\n",
                self.base_url(),
                self.folder.path().display(),
                self.sandbox.base_url(),
                names.join(" and "),
                self.articles.len(),
            )
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

async fn set_up(settings: &Config, database: &Database, provider: String) -> anyhow::Result<SetUp> {
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
    let manual = operator.add_connection(NewConnection::manual(merchant)).await?;
    let key = |role: Role| NewKey { merchant, role, name: format!("Demo, {role}"), environment: Environment::Test };
    let viewer = operator.add_key(key(Role::Viewer)).await?;
    let cashier = operator.add_key(key(Role::Cashier)).await?;
    let manager = operator.add_key(key(Role::Manager)).await?;
    operator.close().await?;
    Ok(SetUp { merchant, viewer, cashier, manager, sandbox, manual })
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

#[derive(Deserialize)]
struct Created {
    id: String,
}

#[derive(Deserialize)]
struct Level {}

/// What receipts say of the shop. The registration number is the example of a right check digit, not a shop's.
async fn put_up_the_sign(manager: &Api, location: &str) -> anyhow::Result<()> {
    let issuer = json!({ "legal_name": "Demo Shop K.K.", "registration_number": "T5835678256246" });
    manager.patch("/v1/merchant", &issuer).await?.read::<Created>(200)?;
    let contact = json!({ "address": ["1-2-3 Ginza, Chuo-ku", "Tokyo 104-0061"], "phone": "03-0000-0000" });
    manager.patch(&format!("/v1/locations/{location}"), &contact).await?.read::<Created>(200)?;
    Ok(())
}

async fn fill_shelves(manager: &Api, location: &str, sales: u64) -> anyhow::Result<Vec<Article>> {
    let plenty = i64::try_from(SPARE_PIECES + TAKEN_MAX * sales)?;
    let mut articles = Vec::with_capacity(GOODS.len());
    for (place, goods) in GOODS.iter().enumerate() {
        let body = json!({
            "sku": goods.sku,
            "name": goods.name,
            "unit": if goods.is_weighed { "kg" } else { "piece" },
            "unit_price": goods.price,
            "tax_class": goods.tax_class,
        });
        let key = format!("article-{}", goods.sku);
        let created: Created = manager.post(&Post { path: "/v1/articles", key: &key, body }).await?.read(201)?;
        let pieces = if place == RARE { RARE_PIECES } else { plenty };
        let body = json!({
            "location_id": location,
            "article_id": created.id,
            "kind": "receipt",
            "quantity": pieces,
            "reason": "Opening stock",
        });
        let key = format!("stock-{}", goods.sku);
        manager.post(&Post { path: "/v1/stock-movements", key: &key, body }).await?.read::<Created>(201)?;
        let threshold = format!("/v1/stock-levels/{location}/{}/threshold", created.id);
        manager.put(&threshold, &json!({ "reorder_at": REORDER_AT })).await?.read::<Level>(200)?;
        articles.push(Article { id: created.id, price_minor: goods.price.parse()?, opening: pieces * 1_000 });
    }
    Ok(articles)
}
