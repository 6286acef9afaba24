//! A hub under test.

use std::path::Path;
use std::time::Duration;

use domain::time::Timestamp;
use hub::clock::Hand;
use hub::config::{Config, Hidden};
use hub::database::Database;
use hub::serve::{self, Running};
use reqwest::Method;
use serde_json::{Value, json};
use storage::Cell;
use tempfile::TempDir;

use super::program::Program;
use super::request::{Answer, Request};
use super::shop::Shop;

/// Where the clock stands in the beginning: 22 November 2025, noon UTC.
pub const NOON: Timestamp = Timestamp(1_763_812_800_000);

/// Which engine a hub stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
}

/// The server that the environment names.
pub fn postgres_server() -> Option<String> {
    std::env::var("TILLBRIDGE_TEST_POSTGRES").ok()
}

/// A hub with two merchants, on a database of its own. Its clock stands until it is turned.
pub struct TestHub {
    pub running: Running,
    pub hand: Hand,
    /// The merchant that most tests sell for.
    pub shop: Shop,
    /// A merchant whose records the first one must never see.
    pub other: Shop,
    pub client: reqwest::Client,
    config: Config,
    folder: TempDir,
    database: Option<String>,
}

impl TestHub {
    pub async fn start(on: On) -> Self {
        Self::start_with(on, |_| {}).await
    }

    /// A hub with other settings.
    pub async fn start_with(on: On, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config::for_test(folder.path());
        let database = match on {
            On::Sqlite => None,
            On::Postgres => Some(create_database(&mut config).await),
        };
        // Its clock stands: no token would come back to a key.
        config.rate_limit.per_second = 0;
        change(&mut config);
        let hand = Hand::at(NOON);
        let running = serve::start(&config, hand.clock()).await.expect("the hub starts");
        let shop = Shop::set_up(&running.app, "Corner Shop").await;
        let other = Shop::set_up(&running.app, "Other Shop").await;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().expect("a client");
        Self { running, hand, shop, other, client, config, folder, database }
    }

    /// Stops the hub, recomputes all that it wrote, and takes its database away.
    pub async fn stop(self) {
        self.running.stop().await.expect("the hub stops");
        let database = Database::of(&self.config.database);
        let checked = tokio::task::spawn_blocking(move || hub::check::run(&database)).await.expect("the check ends");
        let checked = checked.expect("the database is read");
        assert!(checked.report.is_clean(), "{}", checked.words());
        if let Some(name) = &self.database {
            drop_database(name).await;
        }
        drop(self.folder);
    }

    /// Stops the hub and starts it again.
    pub async fn restart(self) -> Self {
        self.running.stop().await.expect("the hub stops");
        let running = serve::start(&self.config, self.hand.clock()).await.expect("the hub starts");
        Self { running, ..self }
    }

    /// The program as its operator runs it.
    pub fn program(&self) -> Program {
        Program::with(&self.config)
    }

    /// The address of its database. It has to be a server.
    pub fn database_url(&self) -> String {
        url_of(self.database.as_deref().expect("a server"))
    }

    /// Changes the database behind the hub's back. It has to be a server.
    pub async fn spoil(&self, statement: &str) {
        execute(self.database.as_deref().expect("a server"), statement).await;
    }

    /// Another hub on the same database, which has to be a server.
    pub async fn another(&self) -> Running {
        serve::start(&self.config, self.hand.clock()).await.expect("the hub starts")
    }

    /// Lets time pass for webhooks. The time of a server cannot be turned: there what is due is drawn nearer.
    pub async fn let_pass(&self, time: Duration) {
        let Some(name) = &self.database else { return self.hand.advance(time) };
        let ms = time.as_millis();
        for (table, column) in [
            ("webhook_delivery", "due_at"),
            ("webhook_endpoint", "paused_until"),
            ("webhook_endpoint", "old_secret_until"),
            ("job", "due_at"),
            ("print_job", "due_at"),
            ("print_job", "queued_at"),
        ] {
            execute(name, &format!("UPDATE {table} SET {column} = {column} - {ms}")).await;
        }
    }

    /// What the books say that the shop's drawers hold, in minor units.
    pub async fn drawers(&self) -> i64 {
        let sql = "SELECT amount_minor FROM balance WHERE merchant_id = $1 AND account IN ($2, $3)";
        let [first, second] = self.shop.registers.map(|register| Cell::display(format!("drawer:{register}")));
        let params = vec![Cell::display(self.shop.merchant), first, second];
        let rows = self.running.app.reader.query(sql, params).await.expect("the balances are read");
        rows.into_iter().flatten().map(|cell| if let Cell::Int(amount) = cell { amount } else { 0 }).sum()
    }

    /// All rows of a table.
    pub async fn table(&self, name: &str) -> Vec<Vec<Cell<'static>>> {
        let rows = self.running.app.reader.query(format!("SELECT * FROM {name}"), Vec::new()).await;
        rows.expect("the table is read")
    }

    /// Each row of each table, but for the answers that are kept for repeats: a refusal is one of them.
    pub async fn rows(&self) -> Vec<(String, Vec<String>)> {
        let mut all = Vec::new();
        for table in tables() {
            let mut rows: Vec<String> = self.table(&table).await.iter().map(|row| format!("{row:?}")).collect();
            rows.sort();
            all.push((table, rows));
        }
        all
    }

    /// Its database.
    pub fn own_database(&self) -> hub::database::Database {
        hub::database::Database::of(&self.config.database)
    }

    /// What names its database on the command line.
    pub fn source(&self) -> Vec<String> {
        let data = ["--data".to_owned(), self.folder.path().display().to_string()];
        let url = self.config.database.url.as_ref().map(|url| ["--database".to_owned(), url.expose().to_owned()]);
        data.into_iter().chain(url.into_iter().flatten()).collect()
    }

    /// Where its database lies.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn request(&self, method: Method, path: &str) -> Request {
        Request::new(&self.client, &self.running.base_url(), method, path)
    }

    pub async fn get(&self, words: &str, path: &str) -> Answer {
        self.request(Method::GET, path).auth(words).send().await
    }

    /// A POST with a fresh idempotency key.
    pub async fn post(&self, words: &str, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path).auth(words).fresh_key().json(&body).send().await
    }

    /// The body of a sale of so many teas, paid with so much cash.
    pub fn a_sale(&self, teas: i64, given_minor: i64) -> Value {
        json!({
            "register_id": self.shop.registers[0].to_string(),
            "lines": [{ "article_id": self.shop.tea.to_string(), "quantity": teas.to_string() }],
            "tenders": [{ "kind": "cash", "given_minor": given_minor }],
        })
    }

    /// What is on hand of the tea.
    pub async fn tea_on_hand(&self) -> String {
        let path = format!("/v1/stock-levels?location_id={}&article_id={}", self.shop.location, self.shop.tea);
        let levels = self.get(&self.shop.viewer, &path).await.expect(200);
        levels["data"][0]["on_hand"].as_str().expect("the tea has a level").to_owned()
    }

    /// Grows with each change of either merchant: two equal marks say that nothing changed between them.
    pub async fn mark(&self) -> [i64; 2] {
        let reader = &self.running.app.reader;
        let last = async |merchant| reader.last_event_number(merchant).await.expect("the database answers");
        [last(self.shop.merchant).await, last(self.other.merchant).await]
    }
}

/// The tables that the migrations make, but for `idempotency` and the names of batches.
fn tables() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../storage/migrations");
    let files = std::fs::read_dir(folder).expect("the migrations are there");
    let files = files.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("a migration"));
    let names = files.flat_map(|text| {
        let parts = text.split("CREATE TABLE ").skip(1);
        parts.filter_map(|part| part.split([' ', '(']).next().map(str::to_owned)).collect::<Vec<_>>()
    });
    let mut names: Vec<String> = names.filter(|name| !matches!(name.as_str(), "idempotency" | "batch")).collect();
    names.sort();
    names
}

async fn create_database(config: &mut Config) -> String {
    let server = postgres_server().expect("the environment names a server");
    let name = format!("test_{}", uuid::Uuid::from_bytes(hub::clock::random_bytes()).simple());
    execute(&database_of(&server), &format!("CREATE DATABASE {name}")).await;
    config.database.url = Some(Hidden::new(url_of(&name)));
    name
}

async fn drop_database(name: &str) {
    let server = postgres_server().expect("the environment names a server");
    execute(&database_of(&server), &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
}

fn database_of(url: &str) -> String {
    url.rsplit('/').next().expect("the URL names a database").to_owned()
}

/// A database of the server that the environment names.
fn url_of(database: &str) -> String {
    let server = postgres_server().expect("the environment names a server");
    let (head, _) = server.rsplit_once('/').expect("the URL names a database");
    format!("{head}/{database}")
}

async fn execute(database: &str, statement: &str) {
    let (client, connection) =
        tokio_postgres::connect(&url_of(database), tokio_postgres::NoTls).await.expect("the server answers");
    let driver = tokio::spawn(connection);
    client.batch_execute(statement).await.expect("the server does it");
    drop(client);
    let _ = driver.await;
}
