//! A hub with a database of its own, the sandbox as provider, and two merchants. What it ends with is compared: the hub's
//! payments with the provider's ledger, and the database with itself.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener as StdListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use connectors::{Probe, find_connector, find_variant};
use domain::call::Role;
use domain::id::{ConnectionId, IdSource, LocationId, MerchantId, RegisterId};
use domain::merchant::{
    Connection, ConnectionSettings, Contact, DISCOUNT_LIMIT_DEFAULT, Issuer, Location, Merchant, Register,
    SetUpMerchant,
};
use domain::money::Currency;
use domain::payment::{LateApproval, Profile};
use domain::tax::TaxRules;
use hub::api_key::Environment;
use hub::app::App;
use hub::clock::{Clock, RandomIds};
use hub::config::{Config, Hidden};
use hub::database::Database;
use hub::operator::{NewKey, Operator};
use hub::serve::{Running, make_folder, start};
use sandbox::acquirer::{self, Acquirer, PlayedReader};
use sandbox::alipay::{self, Alipay};
use sandbox::antom::{self, Antom};
use sandbox::paypay::{self, PayPay};
use sandbox::terminal::Bank;
use sandbox::wechat::{self, WeChat};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use storage::Cell;
use storage::check::{Snapshot, check};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::{Program, contract};

/// Where the tests' server is.
const POSTGRES: &str = "TILLBRIDGE_TEST_POSTGRES";
/// Above everything that a profile of these tests grants, on a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks at something that has to come about.
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// The credentials of every connection with the sandbox.
const NOTIFY_SECRET: &str = "notify-secret-of-the-tests";

/// Runs each test on SQLite and on PostgreSQL.
macro_rules! on_both_engines {
    (in $currency:literal: $($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(world) = crate::world::World::open_in($currency, crate::world::Kind::Sqlite).await {
                    super::$name(world).await;
                }
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(world) = crate::world::World::open_in($currency, crate::world::Kind::Postgres).await {
                    super::$name(world).await;
                }
            })*
        }
    };
    ($($name:ident),* $(,)?) => {
        crate::world::on_both_engines!(in "JPY": $($name),*);
    };
}
pub(crate) use on_both_engines;

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// A merchant with one shop, two registers and its connections.
pub struct Shop {
    pub location: LocationId,
    pub register: RegisterId,
    /// The sandbox, with time for an answer.
    pub sandbox: ConnectionId,
    /// The sandbox with a short answer timeout and finality window.
    pub hasty: ConnectionId,
    /// As `hasty`, but a late approval is left to a person.
    pub careful: ConnectionId,
    /// As `hasty`, but a person wants to know of a doubt long before it can be settled.
    pub slow_to_settle: ConnectionId,
    /// A stand-alone terminal.
    pub manual: ConnectionId,
    /// A stand-alone terminal of which an operator has to tell within moments.
    pub slip: ConnectionId,
    /// A provider that no key for tests may reach.
    pub live: ConnectionId,
    /// The played PayPay, as it is deployed.
    pub opa: ConnectionId,
    /// The played PayPay, as document 004 has it.
    pub oauth: ConnectionId,
    /// The played mPOS gateway.
    pub gateway: ConnectionId,
    /// The same, with time for a customer who takes the card out again.
    pub counter: ConnectionId,
    /// The played WeChat Pay: APIv3 of mainland China, APIv3 of elsewhere, and v2.
    pub wechat: [ConnectionId; 3],
    /// The played Alipay; it takes yuan only.
    pub alipay: ConnectionId,
    /// The played Antom.
    pub antom: ConnectionId,
    pub cashier: String,
    pub manager: String,
    pub viewer: String,
    /// A manager's key for real providers.
    pub live_manager: String,
}

/// A hub, its database and its provider.
pub struct World {
    settings: Config,
    running: Option<Running>,
    http: Option<reqwest::Client>,
    pub sandbox: Sandbox,
    pub paypay: PayPay,
    /// What was taken on terminals.
    pub bank: Bank,
    /// Where the played PayPay is.
    pub paypay_url: String,
    _paypay_server: sandbox::Server,
    pub acquirer: Acquirer,
    /// A card reader whose keys the bank has.
    pub reader: PlayedReader,
    _acquirer_server: sandbox::Server,
    pub wechat: WeChat,
    /// Where the played WeChat Pay is, without TLS.
    pub wechat_url: String,
    _wechat_servers: [sandbox::Server; 2],
    pub alipay: Alipay,
    pub antom: Antom,
    _alipay_servers: [sandbox::Server; 2],
    /// The provider's server; taken away, connections are refused.
    pub server: Option<sandbox::Handle>,
    pub shop: Shop,
    pub other_shop: Shop,
    database: Option<Server>,
    /// Idempotency keys drawn.
    keys: AtomicU32,
    folder: TempDir,
}

/// What the hub answers.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub is_replay: bool,
    pub retry_after: Option<String>,
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The body, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The body, if the status is the one that is expected.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    /// Holds the answer against a problem.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, code: &str) {
        let told = String::from_utf8_lossy(&self.bytes);
        assert_eq!((self.status, self.json()["code"].as_str()), (status, Some(code)), "{told}");
    }
}

/// The profile of the sandbox with room for a busy machine.
fn patient() -> Profile {
    Profile {
        answer_timeout_ms: 5_000,
        poll_period_ms: 40,
        poll_period_ms_max: 200,
        poll_horizon_ms: 12_000,
        finality_window_ms: 5_500,
        resolve_by_ms: 30_000,
        ..Profile::sandbox()
    }
}

/// One whose answers come too late.
fn hasty() -> Profile {
    Profile {
        answer_timeout_ms: 400,
        poll_period_ms: 40,
        poll_period_ms_max: 200,
        poll_horizon_ms: 2_500,
        finality_window_ms: 700,
        resolve_by_ms: 20_000,
        ..Profile::sandbox()
    }
}

/// A profile of a played wallet, whose customers are quick.
fn quick(provider: &str, variant: &str) -> Profile {
    let connector = find_connector(provider).unwrap();
    Profile {
        answer_timeout_ms: 400,
        poll_period_ms: 40,
        poll_period_ms_max: 200,
        poll_horizon_ms: 2_500,
        finality_window_ms: 700,
        resolve_by_ms: 20_000,
        give_up_ms: 8_000,
        ..(find_variant(connector, variant).unwrap().profile)()
    }
}

/// The readers and delays of the played mPOS gateway.
pub fn acquirer_options() -> acquirer::Options {
    acquirer::Options { slow_ms: 900, pend_ms: 300, ..acquirer::Options::default() }
}

/// A profile of the played WeChat Pay, whose customers are quick with their passwords, too.
fn quick_wechat(variant: &str) -> Profile {
    Profile {
        // An exchange is signed twice and verified twice, and a suite has many at once.
        answer_timeout_ms: 1_200,
        finality_window_ms: 1_600,
        poll_horizon_ms: 3_500,
        scan_horizon_ms: Some(3_500),
        undo_hold_ms: Some(WECHAT_HOLD_MS),
        give_up_ms: 20_000,
        ..quick("wechat", variant)
    }
}

/// How long a charge of a scanned code is not undone; WeChat's own hold is a part of it, for a busy machine.
pub const WECHAT_HOLD_MS: i64 = 600;

/// Its secrets and delays. The merchants of these tests take yen, and one of them over the interface of mainland China.
pub fn wechat_options() -> wechat::Options {
    wechat::Options {
        customer_ms: Some(150),
        slow_ms: 2_000,
        undo_hold_ms: WECHAT_HOLD_MS / 4,
        mainland_currency: "JPY".to_owned(),
        ..wechat::Options::default()
    }
}

/// One whose every request and answer is signed with RSA: that takes a busy machine longer.
fn signed(provider: &str) -> Profile {
    Profile {
        answer_timeout_ms: 2_000,
        poll_horizon_ms: 4_000,
        finality_window_ms: 2_300,
        give_up_ms: 12_000,
        ..quick(provider, "")
    }
}

/// The secrets and delays of the played PayPay.
pub fn paypay_options() -> paypay::Options {
    paypay::Options { customer_ms: Some(150), slow_ms: 900, cancel_ms: 100, ..paypay::Options::default() }
}

/// Who the merchant is at the played Alipay, and its delays.
pub fn alipay_options() -> alipay::Options {
    alipay::Options { customer_ms: Some(150), slow_ms: 3_000, ..alipay::Options::default() }
}

/// Who the merchant is at the played Antom, and its delays.
pub fn antom_options() -> antom::Options {
    antom::Options { slow_ms: 3_000, ..antom::Options::default() }
}

fn options() -> Options {
    Options {
        notify_secret: NOTIFY_SECRET.to_owned(),
        slow_ms: 900,
        late_ms: 4_000,
        pend_ms: 250,
        unreachable_ms: 900,
        hold_ms: 8_000,
        ..Options::default()
    }
}

impl World {
    /// Opens a world of yen; `None`, and a line that says so, where there is no PostgreSQL to open it on.
    pub async fn open(kind: Kind) -> Option<Self> {
        Self::open_in("JPY", kind).await
    }

    /// The same, whose shops have this currency.
    pub async fn open_in(currency: &str, kind: Kind) -> Option<Self> {
        hub::tls::install_provider();
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Config::for_test(&folder.path().join("data"));
        let database = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Server::database()?),
        };
        settings.database.url = database.as_ref().map(|database| Hidden::new(database.url.clone()));
        let sandbox = Sandbox::new(options());
        let server = sandbox.serve(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
        make_folder(&settings.database.data_dir).unwrap();
        Database::of(&settings.database).migrate().await.unwrap();
        let mut operator = Operator::open(&settings).await.unwrap();
        let paypay = PayPay::new(paypay_options());
        let paypay_server = paypay.serve(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
        let paypay_url = paypay_server.base_url();
        let acquirer = Acquirer::new(acquirer_options());
        let acquirer_server = acquirer.serve(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
        let gateway_url = format!("{}/paynet", acquirer_server.base_url());
        let wechat = WeChat::new(wechat_options());
        let wechat_servers = [
            wechat.serve(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap(),
            wechat.serve_tls(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap(),
        ];
        let (alipay, antom) = (Alipay::new(alipay_options()), Antom::new(antom_options()));
        let alipay_servers = [
            alipay.serve(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap(),
            antom.serve(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap(),
        ];
        let wechat_urls = wechat_servers.each_ref().map(sandbox::Server::base_url);
        let urls = Urls {
            sandbox: &server.base_url(),
            paypay: &paypay_url,
            wechat: &wechat_urls,
            alipay: &alipay_servers[0].base_url(),
            antom: &alipay_servers[1].base_url(),
            gateway: &gateway_url,
        };
        let shop = set_up(&mut operator, currency, &urls).await;
        let other_shop = set_up(&mut operator, currency, &urls).await;
        operator.close().await.unwrap();
        for shop in [&shop, &other_shop] {
            for connection in [shop.sandbox, shop.hasty, shop.careful, shop.slow_to_settle] {
                settings.provider.secrets.insert(connection, Hidden::new(options().credentials()));
            }
            let (opa, oauth) = (paypay_options().credentials_of_opa(), paypay_options().credentials_of_oauth());
            for connection in [shop.gateway, shop.counter] {
                settings.provider.secrets.insert(connection, Hidden::new(acquirer_options().credentials()));
            }
            settings.provider.secrets.extend([(shop.opa, Hidden::new(opa)), (shop.oauth, Hidden::new(oauth))]);
            let (v3, v2) = (wechat.credentials_of_v3(), wechat.credentials_of_v2());
            let words = shop.wechat.into_iter().zip([v3.clone(), v3, v2].map(Hidden::new));
            settings.provider.secrets.extend(words);
            let (alipay, antom) = (alipay_options().credentials(), antom_options().credentials());
            settings.provider.secrets.extend([(shop.alipay, Hidden::new(alipay)), (shop.antom, Hidden::new(antom))]);
        }
        let keys = AtomicU32::new(0);
        let mut world = Self {
            settings,
            running: None,
            http: None,
            sandbox,
            paypay,
            bank: Bank::default(),
            paypay_url,
            _paypay_server: paypay_server,
            acquirer,
            reader: PlayedReader::new(acquirer_options().readers.remove(0)),
            _acquirer_server: acquirer_server,
            wechat,
            wechat_url: wechat_urls[0].clone(),
            _wechat_servers: wechat_servers,
            alipay,
            antom,
            _alipay_servers: alipay_servers,
            server: Some(server),
            shop,
            other_shop,
            database,
            keys,
            folder,
        };
        world.take_port();
        world.start().await;
        Some(world)
    }

    /// The settings, which a hub has from its next start on.
    pub fn settings_mut(&mut self) -> &mut Config {
        &mut self.settings
    }

    /// The program as the hub's operator runs it.
    pub fn program(&self) -> Program {
        Program::with(&self.settings)
    }

    /// Takes a port for the hub, at the last moment: until the hub listens, any connection of any test may be given it.
    fn take_port(&mut self) {
        let hub = format!("127.0.0.1:{}", free_port());
        self.settings.serve.listen = hub.parse().unwrap();
        self.settings.provider.notify_base = Some(format!("http://{hub}"));
        let notifications = format!("http://{hub}/v1/webhooks/paypay");
        self.paypay.notify_opa(&format!("{notifications}/{}", self.shop.opa));
        self.paypay.notify_oauth(&notifications);
    }

    /// Starts the hub.
    pub async fn start(&mut self) {
        self.http = Some(reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap());
        self.running = Some(start(&self.settings, Clock::system()).await.unwrap());
    }

    /// Stops the hub in the middle of what it does.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await.unwrap();
        }
    }

    /// Stops and starts the hub.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// Stops the hub and starts it with other settings.
    pub async fn change_settings(&mut self, change: impl FnOnce(&mut Config)) {
        self.stop().await;
        change(&mut self.settings);
        self.start().await;
    }

    /// Takes the provider's server away: connections to it are refused. Its ledger stays.
    pub async fn unplug_provider(&mut self) -> std::net::SocketAddr {
        let server = self.server.take().expect("the provider is there");
        let addr = server.addr();
        server.stop().await;
        addr
    }

    /// Puts the provider's server back where it was.
    pub async fn plug_provider_in(&mut self, addr: std::net::SocketAddr) {
        let listener = TcpListener::bind(addr).await.unwrap();
        self.server = Some(self.sandbox.serve(listener).unwrap());
    }

    /// The hub's settings.
    pub fn settings(&self) -> &Config {
        &self.settings
    }

    /// The folder of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The hub's address.
    pub fn base_url(&self) -> String {
        self.running.as_ref().expect("the hub runs").base_url()
    }

    /// An idempotency key that was not used.
    pub fn fresh_key(&self) -> String {
        format!("key-{}", self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// A request whose parts the test names.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Reply, reqwest::Error> {
        let name = method;
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let http = self.http.as_ref().expect("the hub runs");
        let mut request = http.request(method, format!("{}{path}", self.base_url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, is_replay) = (response.status().as_u16(), header("idempotent-replay").is_some());
        let (retry_after, content_type) = (header("retry-after"), header("content-type").unwrap_or_default());
        let bytes = response.bytes().await?.to_vec();
        contract::check(name, path, status, &content_type, &bytes);
        Ok(Reply { status, is_replay, retry_after, bytes })
    }

    /// A POST with a body of JSON under an idempotency key.
    pub async fn post_as(&self, api_key: &str, path: &str, key: &str, more: &[(&str, &str)], body: &Value) -> Reply {
        let bearer = format!("Bearer {api_key}");
        let own = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", key)];
        let headers: Vec<_> = own.into_iter().chain(more.iter().copied()).collect();
        self.send("POST", path, &headers, Some(body.to_string().into_bytes())).await.unwrap()
    }

    /// A POST of the manager under a fresh idempotency key.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_as(&self.shop.manager, path, &self.fresh_key(), &[], body).await
    }

    /// A POST of the manager that waits for the end.
    pub async fn post_and_wait(&self, path: &str, body: &Value) -> Reply {
        self.post_as(&self.shop.manager, path, &self.fresh_key(), &[("prefer", "wait=50")], body).await
    }

    /// A GET of the manager.
    pub async fn get(&self, path: &str) -> Reply {
        self.get_as(&self.shop.manager, path, &[]).await
    }

    /// A GET.
    pub async fn get_as(&self, api_key: &str, path: &str, more: &[(&str, &str)]) -> Reply {
        let bearer = format!("Bearer {api_key}");
        let headers: Vec<_> = [("authorization", bearer.as_str())].into_iter().chain(more.iter().copied()).collect();
        self.send("GET", path, &headers, None).await.unwrap()
    }

    /// The body of a payment by itself.
    pub fn payment_of(&self, connection: ConnectionId, amount_minor: i64) -> Value {
        json!({
            "register_id": self.shop.register.to_string(),
            "connection_id": connection.to_string(),
            "amount_minor": amount_minor,
        })
    }

    /// What a reader gives of a test card, as a request hands it on.
    pub fn card_read(&self, pin: Option<&str>, is_chip: bool) -> Value {
        let swipe = self.reader.read("4012345678909", pin, is_chip).unwrap();
        json!({ "encrypted_data": swipe.encrypted_data, "encrypted_type": swipe.encrypted_type })
    }

    /// Asks for a payment and gives its id; nobody waits for its end.
    pub async fn begin_payment(&self, connection: ConnectionId, amount_minor: i64) -> String {
        let begun = self.post("/v1/payments", &self.payment_of(connection, amount_minor)).await.expect(201);
        check_words(&begun);
        assert_eq!((&begun["state"], &begun["customer_charged"]), (&json!("in_progress"), &json!("unknown")));
        text(&begun["id"])
    }

    /// The customer confirms a payment on the phone, if somebody is asked to.
    pub fn confirm(&self, payment: &str) -> bool {
        self.paypay.pay(&Self::charge_of(payment))
            || self.wechat.pay(&payment.replace("pay_", ""))
            || self.alipay.pay(&Self::charge_of(payment))
            || self.antom.pay(&Self::charge_of(payment))
    }

    /// A payment as it stands, with words that fit.
    pub async fn payment(&self, id: &str) -> Value {
        let payment = self.get(&format!("/v1/payments/{id}")).await.expect(200);
        check_words(&payment);
        payment
    }

    /// Looks at a payment until it is in the state, and at each look holds what the cashier is told against the
    /// provider's ledger.
    pub async fn wait_for_state(&self, id: &str, state: &str) -> Value {
        self.wait_for_payment(id, state, |payment| payment["state"] == state).await
    }

    /// Looks at a payment until it is as wanted.
    pub async fn wait_for_payment(&self, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let payment = self.payment(id).await;
            self.check_truth(&payment);
            if is_so(&payment) {
                return payment;
            }
            assert!(begun.elapsed() < PATIENCE, "not {what}: {payment}\n{:?}", self.sandbox.ledger());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What is said to be charged is charged, as long as nothing is being given back.
    fn check_truth(&self, payment: &Value) {
        let is_going_back =
            operations(payment).iter().any(|one| matches!(one["kind"].as_str(), Some("refund" | "void" | "reversal")));
        let is_keyed = [self.shop.manual, self.shop.slip].iter().any(|one| payment["connection_id"] == one.to_string());
        if payment["customer_charged"] == "yes" && payment["state"] == "captured" && !is_going_back && !is_keyed {
            let net = self.taken().get(&format!("{}-1", text(&payment["id"]))).map_or(0, |(net, _)| *net);
            assert_eq!(net, payment["captured_minor"].as_i64().unwrap(), "{payment}");
        }
    }

    /// Looks until a condition holds.
    pub async fn wait_until<F: Future<Output = bool>>(&self, what: &str, mut is_so: impl FnMut() -> F) {
        let begun = Instant::now();
        while !is_so().await {
            assert!(begun.elapsed() < PATIENCE, "not: {what}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The provider's name of the payment's charge.
    pub fn charge_of(payment: &str) -> String {
        format!("{payment}-1")
    }

    /// The open exceptions, by kind.
    pub async fn exceptions(&self) -> Vec<(String, Value)> {
        let list = self.get("/v1/exceptions").await.expect(200);
        list["data"].as_array().unwrap().iter().map(|one| (text(&one["kind"]), one.clone())).collect()
    }

    /// The kinds of the merchant's events about a record, in order.
    pub async fn events_of(&self, subject: &str) -> Vec<String> {
        let events = self.events().await;
        events.into_iter().filter(|event| event["subject"] == subject).map(|event| text(&event["kind"])).collect()
    }

    /// All events of the merchant, in order and without a gap.
    pub async fn events(&self) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event["number"].as_i64().unwrap());
            let page = self.get(&format!("/v1/events?after={after}&limit=100")).await.expect(200);
            let page = page["data"].as_array().unwrap().clone();
            if page.is_empty() {
                let numbers: Vec<i64> = events.iter().map(|event| event["number"].as_i64().unwrap()).collect();
                assert_eq!(numbers, (1..=i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
                return events;
            }
            events.extend(page);
        }
    }

    /// An article with stock, by its id.
    pub async fn stocked_article(&self, unit_price: i64, on_hand: i64) -> String {
        let sku = self.fresh_key();
        let body = json!({ "sku": sku, "name": "Tea", "unit_price": unit_price, "tax_class": "standard" });
        let article = text(&self.post("/v1/articles", &body).await.expect(201)["id"]);
        let body = json!({
            "location_id": self.shop.location.to_string(), "article_id": article, "kind": "receipt", "quantity": on_hand,
        });
        self.post("/v1/stock-movements", &body).await.expect(201);
        article
    }

    /// An open sale of so many of an article, by its id.
    pub async fn open_sale(&self, article: &str, quantity: i64) -> String {
        let body = json!({
            "register_id": self.shop.register.to_string(),
            "lines": [{ "article_id": article, "quantity": quantity }],
        });
        text(&self.post("/v1/sales", &body).await.expect(201)["id"])
    }

    /// What is on hand of an article.
    pub async fn on_hand(&self, article: &str) -> String {
        let path = format!("/v1/stock-levels?location_id={}&article_id={article}", self.shop.location);
        text(&self.get(&path).await.expect(200)["data"][0]["on_hand"])
    }

    /// Waits for rest, compares the hub with the provider and the database with itself, and takes everything down.
    pub async fn close(mut self) {
        self.wait_for_rest().await;
        self.compare_with_ledger().await;
        self.stop().await;
        let Self { settings, database, server, folder, .. } = self;
        drop(server);
        check_database(&settings, database, folder).await;
    }

    /// Takes everything down where somebody else than the hub has asked the provider for money.
    pub async fn stop_without_comparing(mut self) {
        self.stop().await;
        let Self { settings, database, folder, .. } = self;
        check_database(&settings, database, folder).await;
    }

    /// The merchant of the shop.
    pub async fn merchant(&self) -> MerchantId {
        let merchant = self.get("/v1/merchant").await.expect(200);
        text(&merchant["id"]).parse().unwrap()
    }

    /// What the handlers and workers of the hub share.
    pub fn app(&self) -> &App {
        &self.running.as_ref().expect("the hub runs").app
    }

    /// Another hub on the same database, which has to be a server.
    pub async fn another(&self) -> Running {
        let mut settings = self.settings.clone();
        settings.serve.listen = format!("127.0.0.1:{}", free_port()).parse().unwrap();
        start(&settings, Clock::system()).await.unwrap()
    }

    /// The operator of the installation, at work beside the hub.
    pub async fn operator(&self) -> Operator {
        Operator::open(&self.settings).await.unwrap()
    }

    /// What `tillbridge connections test` finds out.
    pub async fn probe(&self, connection: ConnectionId) -> Probe {
        let app = &self.running.as_ref().expect("the hub runs").app;
        let connection = app.reader.find_connection_of_any(connection).await.unwrap().unwrap();
        app.providers.probe(&connection, app.clock.now()).await.unwrap()
    }

    /// Whose a connection is.
    pub async fn merchant_of(&self, connection: ConnectionId) -> MerchantId {
        let app = &self.running.as_ref().expect("the hub runs").app;
        app.reader.find_connection_of_any(connection).await.unwrap().unwrap().merchant
    }

    /// All rows of a table, as text.
    pub async fn rows_of(&self, table: &str) -> String {
        let app = &self.running.as_ref().expect("the hub runs").app;
        let rows = app.reader.query(format!("SELECT * FROM {table}"), Vec::new()).await.unwrap();
        let text = |cell: &Cell<'_>| match cell {
            Cell::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        };
        rows.iter().flatten().map(text).collect::<Vec<_>>().join("\n")
    }

    /// Waits until no payment of the merchants is under way.
    async fn wait_for_rest(&self) {
        let begun = Instant::now();
        loop {
            let all = self.all_payments().await;
            let is_moving = |payment: &Value| {
                let state = payment["state"].as_str().unwrap();
                let is_open = |one: &Value| {
                    !matches!(one["kind"].as_str(), Some("purchase" | "authorize"))
                        && matches!(
                            one["state"].as_str(),
                            Some("recorded" | "sent" | "unknown" | "pending" | "not_found")
                        )
                };
                // What is left to a person rests, whatever is still asked about it.
                let is_left = state == "needs_person";
                !is_left && (matches!(state, "in_progress" | "in_doubt") || operations(payment).iter().any(is_open))
            };
            let Some(moving) = all.iter().find(|payment| is_moving(payment)) else { return };
            assert!(begun.elapsed() < PATIENCE, "no rest: {moving}\n{:?}", self.exceptions().await);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn all_payments(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for shop in [&self.shop, &self.other_shop] {
            let mut cursor = String::new();
            loop {
                let path = format!("/v1/payments?limit=100{cursor}");
                let list = self.get_as(&shop.manager, &path, &[]).await.expect(200);
                for summary in list["data"].as_array().unwrap() {
                    let path = format!("/v1/payments/{}", text(&summary["id"]));
                    let payment = self.get_as(&shop.manager, &path, &[]).await.expect(200);
                    check_words(&payment);
                    all.push(payment);
                }
                match list["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
        }
        all
    }

    /// Every charge of the provider is one of the hub's, and what the provider took is what the hub says.
    async fn compare_with_ledger(&self) {
        let taken = self.taken();
        let keyed = self.keyed_by_hand().await;
        let mut known = BTreeSet::new();
        for payment in self.all_payments().await {
            let charges = operations(&payment);
            let charges = charges.iter().filter(|one| matches!(one["kind"].as_str(), Some("purchase" | "authorize")));
            assert_eq!(charges.count(), 1, "{payment}");
            let reference = Self::charge_of(&text(&payment["id"]));
            if !keyed.contains(&payment["connection_id"]) && payment["state"] != "needs_person" {
                let (net, held) = taken.get(&reference).copied().unwrap_or_default();
                let number = |name: &str| payment[name].as_i64().unwrap();
                assert_eq!(number("captured_minor") - number("refunded_minor"), net, "{payment}");
                if payment["state"] == "authorized" {
                    assert_eq!(number("approved_minor"), held, "{payment}");
                }
                // What a capture in part leaves of a promise is promised to nobody any more.
                let is_charged = net > 0 || (payment["state"] == "authorized" && held > 0);
                assert_eq!(payment["customer_charged"], if is_charged { "yes" } else { "no" }, "{payment}");
            }
            known.insert(reference);
        }
        for reference in taken.keys() {
            assert!(known.contains(reference), "nobody asked for {reference}");
        }
    }

    /// The connections of which no provider has a ledger.
    async fn keyed_by_hand(&self) -> Vec<Value> {
        let mut keyed = Vec::new();
        for shop in [&self.shop, &self.other_shop] {
            let list = self.get_as(&shop.manager, "/v1/connections?limit=100", &[]).await.expect(200);
            let own = list["data"].as_array().unwrap().iter().filter(|one| one["is_keyed_by_hand"] == true);
            keyed.extend(own.map(|one| one["id"].clone()));
        }
        keyed
    }

    /// What the providers say that they took from customers and hold for us, by the reference of the charge.
    fn taken(&self) -> BTreeMap<String, (i64, i64)> {
        let sandbox = self.sandbox.ledger().into_iter().map(|one| (one.reference, (one.net_amount, one.held_amount)));
        let paypay = self.paypay.ledger().into_iter().map(|one| (one.reference, (one.net_amount, one.held_amount)));
        let acquirer = self.acquirer.ledger().into_iter().map(|one| (one.reference, (one.net_amount, one.held_amount)));
        let wechat = self.wechat.ledger().into_iter().map(|one| (format!("pay_{}-1", one.number), (one.net_amount, 0)));
        let held = |charge: &sandbox::terminal::Charge| {
            if charge.is_voided || charge.taken_minor > 0 { 0 } else { charge.approved_minor }
        };
        let bank = self.bank.all().into_iter().map(|(id, charge)| (id, (charge.net_minor(), held(&charge))));
        let alipay = self.alipay.ledger().into_iter().map(|one| (one.reference, (one.net_amount, 0)));
        let antom = self.antom.ledger().into_iter().map(|one| (one.reference, (one.net_amount, 0)));
        sandbox.chain(paypay).chain(acquirer).chain(wechat).chain(bank).chain(alipay).chain(antom).collect()
    }
}

/// The text of a JSON string.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// The operations of a payment.
pub fn operations(payment: &Value) -> Vec<Value> {
    payment["operations"].as_array().cloned().unwrap_or_default()
}

/// The kinds and states of a payment's operations.
pub fn journey(payment: &Value) -> Vec<String> {
    operations(payment).iter().map(|one| format!("{} {}", text(&one["kind"]), text(&one["state"]))).collect()
}

/// The table of what a cashier is told, of its own: state, whether charged, what to do.
const ADVICE: [(&str, &str, &str); 17] = [
    ("in_progress", "unknown", "wait"),
    ("in_progress", "unknown", "show_code"),
    ("in_progress", "unknown", "ask_customer_to_confirm"),
    ("in_doubt", "unknown", "check_now"),
    ("in_doubt", "yes", "check_now"),
    ("needs_person", "unknown", "ask_manager"),
    ("needs_person", "yes", "ask_manager"),
    ("authorized", "yes", "capture_when_ready"),
    ("captured", "yes", "hand_over_goods"),
    ("partially_refunded", "yes", "give_refund_slip"),
    ("refunded", "no", "give_refund_slip"),
    ("voided", "no", "give_void_slip"),
    ("reversed", "no", "use_another_tender"),
    ("declined", "no", "use_another_tender"),
    ("cancelled", "no", "use_another_tender"),
    ("not_sent", "no", "try_again"),
    // Money that came after the register was told that there is none.
    ("captured", "yes", "ask_manager"),
];

/// What the cashier is told fits the state, in both languages, and never says "failed" or invites a second charge.
#[track_caller]
pub fn check_words(payment: &Value) {
    let (state, charged, next) =
        (text(&payment["state"]), text(&payment["customer_charged"]), text(&payment["next_action"]));
    assert!(ADVICE.contains(&(&state, &charged, &next)), "{state} {charged} {next}: {payment}");
    let (en, ja) = (text(&payment["message"]["en"]), text(&payment["message"]["ja"]));
    assert!(!en.to_lowercase().contains("fail") && !ja.contains("失敗"), "{en} {ja}");
    let is_open =
        matches!(next.as_str(), "wait" | "show_code" | "ask_customer_to_confirm" | "check_now" | "ask_manager");
    assert_eq!(en.contains("Do not charge again"), is_open, "{state}: {en}");
    assert_eq!(ja.contains("再度の請求はしないでください"), is_open, "{state}: {ja}");
    if charged == "no" {
        assert!(en.contains("not charged") || en.contains("refunded"), "{en}");
        assert!(ja.contains("請求はありません") || ja.contains("返金"), "{ja}");
    }
}

/// Where the played providers are; the second of WeChat Pay's is over TLS.
struct Urls<'a> {
    sandbox: &'a str,
    paypay: &'a str,
    wechat: &'a [String; 2],
    alipay: &'a str,
    antom: &'a str,
    gateway: &'a str,
}

impl Urls<'_> {
    fn settings(&self, provider: &str, variant: &str) -> ConnectionSettings {
        let url = match (provider, variant) {
            ("sandbox", _) => self.sandbox,
            ("paypay", _) => self.paypay,
            ("wechat", "v2") => &self.wechat[1],
            ("wechat", _) => &self.wechat[0],
            ("alipay", _) => self.alipay,
            ("antom", _) => self.antom,
            ("mpos_gateway", _) => self.gateway,
            _ => "",
        };
        ConnectionSettings { variant: variant.to_owned(), ..ConnectionSettings::at(url) }
    }
}

async fn set_up(operator: &mut Operator, currency: &str, urls: &Urls<'_>) -> Shop {
    let mut ids = RandomIds::new();
    let now = Clock::system().now();
    let mut next = || ids.next(now);
    let (merchant, location) = (MerchantId::from_uuid(next()), LocationId::from_uuid(next()));
    let register = RegisterId::from_uuid(next());
    let slip = Profile {
        answer_timeout_ms: 300,
        poll_period_ms: 50,
        poll_horizon_ms: 300,
        resolve_by_ms: 300,
        ..Profile::manual()
    };
    let profiles = [
        ("sandbox", patient()),
        ("sandbox", hasty()),
        ("sandbox", Profile { late_approval: LateApproval::AskPerson, ..hasty() }),
        ("sandbox", Profile { finality_window_ms: 2_500, poll_horizon_ms: 6_000, resolve_by_ms: 500, ..hasty() }),
        ("manual", Profile::manual()),
        ("manual", slip),
        ("elsewhere", Profile::sandbox()),
        ("paypay/opa", quick("paypay", "opa")),
        ("paypay/oauth", quick("paypay", "oauth")),
        ("wechat/v3", quick_wechat("v3")),
        ("wechat/v3-global", quick_wechat("v3-global")),
        ("wechat/v2", quick_wechat("v2")),
        ("mpos_gateway", quick("mpos_gateway", "header")),
        ("mpos_gateway", Profile { is_one_at_a_time: true, give_up_ms: 60_000, ..patient() }),
        ("alipay", signed("alipay")),
        ("antom", signed("antom")),
    ];
    let connections: Vec<Connection> = profiles
        .into_iter()
        .map(|(provider, profile)| {
            let (provider, variant) = provider.split_once('/').unwrap_or((provider, ""));
            let settings = urls.settings(provider, variant);
            let (id, provider) = (ConnectionId::from_uuid(next()), provider.to_owned());
            Connection { id, merchant, provider, settings, profile, credentials: None, version: 1 }
        })
        .collect();
    let ids: Vec<ConnectionId> = connections.iter().map(|connection| connection.id).collect();
    let set_up = SetUpMerchant {
        merchant: Merchant {
            id: merchant,
            name: "A shop".to_owned(),
            currency: Currency::parse(currency).unwrap(),
            zone: "Asia/Tokyo".to_owned(),
            tax: TaxRules::japan(),
            discount_limit: DISCOUNT_LIMIT_DEFAULT,
            customers: domain::customer::CustomerRules::default(),
            issuer: Issuer::default(),
            created_at: now,
            version: 1,
        },
        locations: vec![Location {
            id: location,
            merchant,
            name: "Ginza".to_owned(),
            contact: Contact::default(),
            version: 1,
        }],
        registers: vec![Register { id: register, merchant, location, name: "A1".to_owned(), version: 1 }],
        connections,
    };
    operator.run(merchant, set_up).await.unwrap();
    let mut key = async |role, environment| {
        let new = NewKey { merchant, role, name: "of a test".to_owned(), environment };
        operator.add_key(new).await.unwrap()
    };
    Shop {
        location,
        register,
        sandbox: ids[0],
        hasty: ids[1],
        careful: ids[2],
        slow_to_settle: ids[3],
        manual: ids[4],
        slip: ids[5],
        live: ids[6],
        opa: ids[7],
        oauth: ids[8],
        wechat: [ids[9], ids[10], ids[11]],
        gateway: ids[12],
        counter: ids[13],
        alipay: ids[14],
        antom: ids[15],
        cashier: key(Role::Cashier, Environment::Test).await,
        manager: key(Role::Manager, Environment::Test).await,
        viewer: key(Role::Viewer, Environment::Test).await,
        live_manager: key(Role::Manager, Environment::Live).await,
    }
}

/// The signature of a notification, made anew here: hex of HMAC-SHA256 with the tests' secret.
pub fn sign(body: &[u8]) -> String {
    use hmac::{Hmac, Mac};
    let mac = Hmac::<sha2::Sha256>::new_from_slice(NOTIFY_SECRET.as_bytes()).unwrap().chain_update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn free_port() -> u16 {
    StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Recomputes everything in the database from its parts, on a thread that may block.
async fn check_database(settings: &Config, database: Option<Server>, folder: TempDir) {
    let path = settings.database.data_dir.join("tillbridge.db");
    let work = move || {
        let report = match &database {
            None => check(&mut Snapshot::sqlite(Path::new(&path)).unwrap()),
            Some(database) => check(&mut Snapshot::postgres(&database.url).unwrap()),
        };
        drop((database, folder));
        report.unwrap()
    };
    let report = tokio::task::spawn_blocking(work).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert!(report.rows > 0);
}

/// A database on the tests' server, dropped with its last user.
struct Server {
    url: String,
    name: String,
    server: String,
}

impl Server {
    fn database() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(POSTGRES) else {
            eprintln!("skipped: {POSTGRES} names no server");
            return None;
        };
        let name = format!("tillbridge_it_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        on_server(&server, &format!("CREATE DATABASE {name}"));
        let (head, _) = server.rsplit_once('/').unwrap();
        Some(Self { url: format!("{head}/{name}"), name, server })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        on_server(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// Runs one statement by the server's own client.
fn on_server(url: &str, sql: &str) {
    let outcome = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--command", sql, url])
        .stdin(Stdio::null())
        .output()
        .expect("psql comes with the server");
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
}
