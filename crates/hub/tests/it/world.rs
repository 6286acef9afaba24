//! A hub with a database of its own, the sandbox as provider, and two merchants. What it ends with is compared: the hub's
//! payments with the provider's ledger, and the database with itself.

mod database;
mod players;
mod shop;

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener as StdListener;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use connectors::Probe;
use domain::id::{ConnectionId, MerchantId};
use hub::app::App;
use hub::clock::Clock;
use hub::config::{Config, Hidden};
use hub::database::Database;
use hub::operator::Operator;
use hub::serve::{Running, make_folder, start};
use sandbox::Sandbox;
use sandbox::acquirer::{Acquirer, PlayedReader};
use sandbox::alipay::Alipay;
use sandbox::antom::Antom;
use sandbox::paypay::PayPay;
use sandbox::terminal::Bank;
use sandbox::wechat::WeChat;
use serde_json::{Value, json};
use storage::Cell;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::Instant;

use self::database::{Server, check_database};
use self::players::{InProcess, Players, Seats, Told};
use self::shop::{NOTIFY_SECRET, options, set_up};
pub use self::shop::{
    Shop, WECHAT_HOLD_MS, acquirer_options, alipay_options, antom_options, paypay_options, wechat_options,
};
use crate::support::{Program, contract};

/// Above everything that a profile of these tests grants, on a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks at something that has to come about.
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// The same where time costs nothing: a look is what costs.
const LOOK_EVERY_IN_PROCESS: Duration = Duration::from_millis(200);

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

/// A hub, its database and its provider.
pub struct World {
    settings: Config,
    hub: Option<Hub>,
    pub sandbox: Sandbox,
    pub paypay: PayPay,
    /// What was taken on terminals.
    pub bank: Bank,
    /// Where the played PayPay is.
    pub paypay_url: String,
    pub acquirer: Acquirer,
    /// A card reader whose keys the bank has.
    pub reader: PlayedReader,
    pub wechat: WeChat,
    /// Where the played WeChat Pay is, without TLS.
    pub wechat_url: String,
    pub alipay: Alipay,
    pub antom: Antom,
    _servers: Vec<sandbox::Server>,
    /// The provider's server; taken away, connections are refused.
    pub server: Option<sandbox::Handle>,
    pub shop: Shop,
    pub other_shop: Shop,
    database: Option<Server>,
    /// Idempotency keys drawn.
    keys: AtomicU32,
    folder: TempDir,
}

/// The hub at work, and how it is reached.
enum Hub {
    Served(Running, reqwest::Client),
    InProcess(InProcess),
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

impl World {
    /// Opens a world of yen; `None`, and a line that says so, where there is no PostgreSQL to open it on.
    pub async fn open(kind: Kind) -> Option<Self> {
        Self::open_in("JPY", kind).await
    }

    /// The same, whose shops have this currency.
    pub async fn open_in(currency: &str, kind: Kind) -> Option<Self> {
        let database = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Server::database()?),
        };
        let players = Players::new();
        let seats = players.serve().await;
        let mut world = Self::set_up(currency, database, players, seats).await;
        world.take_port();
        world.start().await;
        Some(world)
    }

    /// Opens a world in this process, without a socket, and pauses the time of the runtime, which has to have one thread.
    pub async fn open_in_process(currency: &str) -> Self {
        let players = Players::new();
        let mut world = Self::set_up(currency, None, players, Seats::in_process()).await;
        tokio::time::pause();
        world.start_in_process().await;
        world
    }

    /// All but a hub.
    async fn set_up(currency: &str, database: Option<Server>, players: Players, seats: Seats) -> Self {
        hub::tls::install_provider();
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Config::for_test(&folder.path().join("data"));
        settings.database.url = database.as_ref().map(|database| Hidden::new(database.url.clone()));
        make_folder(&settings.database.data_dir).unwrap();
        Database::of(&settings.database).migrate().await.unwrap();
        let mut operator = Operator::open(&settings).await.unwrap();
        let Seats { urls, server, servers } = seats;
        let shop = set_up(&mut operator, currency, &urls).await;
        let other_shop = set_up(&mut operator, currency, &urls).await;
        operator.close().await.unwrap();
        let Players { sandbox, paypay, acquirer, wechat, alipay, antom } = players;
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
        Self {
            settings,
            hub: None,
            sandbox,
            paypay,
            bank: Bank::default(),
            paypay_url: urls.paypay,
            acquirer,
            reader: PlayedReader::new(acquirer_options().readers.remove(0)),
            wechat,
            wechat_url: urls.wechat[0].clone(),
            alipay,
            antom,
            _servers: servers,
            server,
            shop,
            other_shop,
            database,
            keys: AtomicU32::new(0),
            folder,
        }
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
        self.be_called_at(format!("http://{hub}"));
    }

    /// Tells providers where the hub is.
    fn be_called_at(&mut self, base: String) {
        let notifications = format!("{base}/v1/webhooks/paypay");
        self.settings.provider.notify_base = Some(base);
        self.paypay.notify_opa(&format!("{notifications}/{}", self.shop.opa));
        self.paypay.notify_oauth(&notifications);
    }

    /// Starts the hub.
    pub async fn start(&mut self) {
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        self.hub = Some(Hub::Served(start(&self.settings, Clock::system()).await.unwrap(), http));
    }

    /// Stops the hub in the middle of what it does.
    pub async fn stop(&mut self) {
        match self.hub.take() {
            Some(Hub::Served(running, _)) => running.stop().await.unwrap(),
            Some(Hub::InProcess(hub)) => hub.stop().await,
            None => {}
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
        match self.hub.as_ref().expect("the hub runs") {
            Hub::Served(running, _) => running.base_url(),
            Hub::InProcess(_) => players::HUB.to_owned(),
        }
    }

    fn look_every(&self) -> Duration {
        if matches!(self.hub, Some(Hub::InProcess(_))) { LOOK_EVERY_IN_PROCESS } else { LOOK_EVERY }
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
        let Told { status, headers, bytes } = match self.hub.as_ref().expect("the hub runs") {
            Hub::Served(running, http) => {
                let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
                let mut request = http.request(method, format!("{}{path}", running.base_url()));
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                if let Some(body) = body {
                    request = request.body(body);
                }
                let response = request.send().await?;
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                Told { status, headers, bytes: response.bytes().await?.to_vec() }
            }
            Hub::InProcess(hub) => hub.send(method, path, headers, body.unwrap_or_default()).await,
        };
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let is_replay = header("idempotent-replay").is_some();
        let (retry_after, content_type) = (header("retry-after"), header("content-type").unwrap_or_default());
        contract::check(method, path, status, &content_type, &bytes);
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
            tokio::time::sleep(self.look_every()).await;
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
            tokio::time::sleep(self.look_every()).await;
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
        match self.hub.as_ref().expect("the hub runs") {
            Hub::Served(running, _) => &running.app,
            Hub::InProcess(hub) => hub.app(),
        }
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
        let app = self.app();
        let connection = app.reader.find_connection_of_any(connection).await.unwrap().unwrap();
        app.providers.probe(&connection, app.clock.now()).await.unwrap()
    }

    /// Whose a connection is.
    pub async fn merchant_of(&self, connection: ConnectionId) -> MerchantId {
        let app = self.app();
        app.reader.find_connection_of_any(connection).await.unwrap().unwrap().merchant
    }

    /// All rows of a table, as text.
    pub async fn rows_of(&self, table: &str) -> String {
        let app = self.app();
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
            tokio::time::sleep(self.look_every()).await;
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

/// The signature of a notification, made anew here: hex of HMAC-SHA256 with the tests' secret.
pub fn sign(body: &[u8]) -> String {
    use hmac::{Hmac, Mac};
    let mac = Hmac::<sha2::Sha256>::new_from_slice(NOTIFY_SECRET.as_bytes()).unwrap().chain_update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn free_port() -> u16 {
    StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
