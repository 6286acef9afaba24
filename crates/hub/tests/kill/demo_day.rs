//! The demo day against two hubs behind HAProxy on one PostgreSQL, of which one is killed again and again: it is told in the
//! same words as the same day in one process on SQLite.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use domain::call::Role;
use domain::merchant::ConnectionSettings;
use domain::money::Currency;
use hub::api_key::Environment;
use hub::config::{Config, Hidden};
use hub::database::Database;
use hub::operator::{NewConnection, NewKey, NewMerchant, Operator};
use sandbox::Options;
use sandbox::antom::{self, Antom};
use sandbox::customer::{Customers, Wallet};
use sandbox::paypay::{self, PayPay};
use sandbox::wechat::{self, WeChat};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::client::{Client, Request};
use super::process::{Folder, Hub, Place, free_addr};
use super::random::Random;
use super::server::Server;

/// A hub, or the proxy, is ready by then.
const READY_TIMEOUT: Duration = Duration::from_secs(20);
/// Each hub dies once at least.
const KILLS_MIN: u32 = 2;
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A late approval comes later than a hub that died can delay the payment's being called off, or it would not be late.
const LATE_MS: u64 = 10_000;
/// After how long a customer pays a code that is shown.
const CUSTOMER_MS: u64 = 60;
/// What opens the keys of both hubs.
const PEPPER: &str = "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed";

/// How long the day is, and how often somebody dies.
pub struct Length {
    pub sales: u64,
    pub seconds: u64,
    pub kill_every: Duration,
}

/// Plays the day twice, here and there, and compares what is told of it.
pub fn play(length: &Length) {
    let alone = told(&demo(length, &["--once", "--listen", "127.0.0.1:0"], &[]));
    let mut stage = Stage::new();
    let (outcome, kills) = stage.play(length);
    assert_eq!(told(&outcome), alone, "{}", stage.log_tails());
    assert!(kills >= KILLS_MIN, "{kills} kills: the day was over before each hub had died");
    let said = String::from_utf8_lossy(&outcome.stdout).into_owned();
    let speed = said.split_once("\nSpeed\n").map(|(_, speed)| speed.to_owned()).unwrap_or_default();
    eprintln!("kill: the demo day with {kills} hubs killed is told as without; {}", speed.trim());
}

/// `tillbridge demo`, run to its end.
fn demo(length: &Length, words: &[&str], environment: &[(&str, &str)]) -> Output {
    start_demo(length, words, environment).wait_with_output().expect("the program runs")
}

fn start_demo(length: &Length, words: &[&str], environment: &[(&str, &str)]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillbridge"));
    command.args(["demo", "--sales", &length.sales.to_string()]).args(words);
    command.envs(environment.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

/// The summary of a day that held.
fn told(outcome: &Output) -> String {
    let (said, cried) = (String::from_utf8_lossy(&outcome.stdout), String::from_utf8_lossy(&outcome.stderr));
    assert!(outcome.status.success(), "the demo ends with {}\n{said}\n{cried}", outcome.status);
    let summary = said.split_once("\nThe day at ").and_then(|(_, rest)| rest.split_once("\nSpeed\n"));
    let (summary, _) = summary.unwrap_or_else(|| panic!("no summary in\n{said}"));
    assert!(summary.ends_with("Everything holds.\n"), "{summary}");
    summary.to_owned()
}

/// Two hubs, what is behind them and what is in front of them. The processes end before their folders.
struct Stage {
    hubs: Vec<(Hub, Place)>,
    proxy: Proxy,
    keys: Keys,
    database: String,
    provider: String,
    customers: sandbox::Server,
    _wallets: [sandbox::Server; 3],
    _sandbox: sandbox::Handle,
    _runtime: Runtime,
    _server: Server,
    _folders: Vec<Folder>,
}

/// What the operator made.
struct Keys {
    cashier: String,
    manager: String,
    connection: String,
}

impl Stage {
    fn new() -> Self {
        let mut random = Random::of(Random::seed());
        let names = ["tillbridge-demo-postgres-", "tillbridge-demo-a-", "tillbridge-demo-b-", "tillbridge-demo-proxy-"];
        let folders: Vec<Folder> = names.into_iter().map(Folder::new).collect();
        let server = Server::start(folders[0].path());
        let database = Server::url_at(server.addr);
        let runtime = Runtime::new().expect("a runtime");
        let options = Options { late_ms: LATE_MS, ..Options::default() };
        let credentials = options.credentials();
        let sandbox = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            sandbox::serve(listener, options).await.expect("the sandbox listens")
        });
        let paypay = PayPay::new(paypay::Options { customer_ms: Some(CUSTOMER_MS), ..paypay::Options::default() });
        let wechat = WeChat::new(wechat::Options { customer_ms: Some(CUSTOMER_MS), ..wechat::Options::default() });
        let antom = Antom::new(antom::Options::default());
        let (wallets, customers) = runtime.block_on(async {
            let port = async || TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let wallets = [
                paypay.serve(port().await).expect("the wallet listens"),
                wechat.serve(port().await).expect("the wallet listens"),
                antom.serve(port().await).expect("the wallet listens"),
            ];
            let played: Vec<Box<dyn Wallet>> =
                vec![Box::new(paypay.clone()), Box::new(wechat.clone()), Box::new(antom)];
            (wallets, Customers::of(played).serve(port().await).expect("the page listens"))
        });
        let taken = [
            ("paypay", "oauth", &wallets[0], paypay::Options::default().credentials_of_oauth()),
            ("wechat", "v3-global", &wallets[1], wechat.credentials_of_v3()),
            ("antom", "ams", &wallets[2], antom::Options::default().credentials()),
        ];
        let keys = runtime.block_on(set_up(folders[1].path(), &database, &sandbox.base_url(), taken));
        let proxy_addr = free_addr(&mut random);
        let settings = vec![
            ("TILLBRIDGE__AUTH__PEPPER".to_owned(), PEPPER.to_owned()),
            ("TILLBRIDGE__PROVIDER__NOTIFY_BASE".to_owned(), format!("http://{proxy_addr}")),
            (format!("TILLBRIDGE__PROVIDER__SECRETS__{}", keys.connection), credentials),
        ];
        let hubs: Vec<(Hub, Place)> = folders[1..3]
            .iter()
            .map(|folder| {
                let data = folder.path().to_owned();
                let place = Place { data, database: Some(database.clone()), settings: settings.clone() };
                (Hub::start(&place, free_addr(&mut random)), place)
            })
            .collect();
        let proxy = Proxy::start(folders[3].path(), proxy_addr, hubs.iter().map(|(hub, _)| hub.addr));
        paypay.notify_oauth(&format!("http://{proxy_addr}/v1/webhooks/paypay"));
        let provider = sandbox.base_url();
        let mut stage = Self {
            hubs,
            proxy,
            keys,
            database,
            provider,
            customers,
            _wallets: wallets,
            _sandbox: sandbox,
            _runtime: runtime,
            _server: server,
            _folders: folders,
        };
        for (hub, place) in &mut stage.hubs {
            hub.wait_ready(READY_TIMEOUT).unwrap_or_else(|why| panic!("{why}\n{}", place.log_tail()));
        }
        stage.proxy.wait_ready();
        stage
    }

    /// Plays the day while one hub after the other is killed and started again; says how it ended, and how many died.
    fn play(&mut self, length: &Length) -> (Output, u32) {
        let (hub, seconds) = (format!("http://{}", self.proxy.addr), length.seconds.to_string());
        let customers = self.customers.base_url();
        let places =
            ["--hub", &hub, "--provider", &self.provider, "--customers", &customers, "--database", &self.database];
        let words: Vec<&str> = ["--once", "--pace", &seconds].into_iter().chain(places).collect();
        let environment = [
            ("TILLBRIDGE_DEMO_CASHIER_KEY", self.keys.cashier.as_str()),
            ("TILLBRIDGE_DEMO_MANAGER_KEY", self.keys.manager.as_str()),
        ];
        let mut demo = start_demo(length, &words, &environment);
        let (mut kills, mut last) = (0, Instant::now());
        while demo.try_wait().expect("the own child can be waited for").is_none() {
            if last.elapsed() >= length.kill_every {
                self.kill_and_restart(kills as usize % 2);
                (kills, last) = (kills + 1, Instant::now());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        (demo.wait_with_output().expect("the program has ended"), kills)
    }

    fn kill_and_restart(&mut self, victim: usize) {
        let (hub, place) = &mut self.hubs[victim];
        assert!(hub.status().is_none(), "the hub ended by itself\n{}", place.log_tail());
        hub.kill();
        *hub = Hub::start(place, hub.addr);
        hub.wait_ready(READY_TIMEOUT).unwrap_or_else(|why| panic!("{why}\n{}", place.log_tail()));
    }

    fn log_tails(&self) -> String {
        self.hubs.iter().map(|(_, place)| place.log_tail()).collect::<Vec<_>>().join("\n--\n")
    }
}

/// A wallet that the shop takes: its connector, the protocol, where it is, and what lets the shop in.
type Taken<'a> = (&'a str, &'a str, &'a sandbox::Server, String);

/// A merchant with two registers, its ways to pay, and its keys, as `tillbridge merchants add` and the others make them.
async fn set_up(data: &Path, database: &str, sandbox: &str, wallets: [Taken<'_>; 3]) -> Keys {
    let mut config = Config::for_test(data);
    config.database.url = Some(Hidden::new(database.to_owned()));
    config.auth.pepper = Some(Hidden::new(PEPPER.to_owned()));
    Database::of(&config.database).migrate().await.expect("the schema");
    let mut operator = Operator::open(&config).await.expect("an operator");
    let merchant = NewMerchant {
        name: "Demo Shop".to_owned(),
        currency: Currency::JPY,
        zone: "Asia/Tokyo".to_owned(),
        location: "Demo Shop Ginza".to_owned(),
        registers: vec!["T1".to_owned(), "T2".to_owned()],
    };
    let merchant = operator.add_merchant(merchant).await.expect("a merchant");
    let connection = NewConnection::sandbox(merchant, sandbox);
    let connection = operator.add_connection(connection).await.expect("a connection").to_string();
    let manual = NewConnection::manual(merchant);
    operator.add_connection(manual).await.expect("a connection");
    let settings = ConnectionSettings { is_test: true, ..ConnectionSettings::default() };
    let terminals = NewConnection { merchant, provider: "terminal".to_owned(), settings, credentials: None };
    operator.add_connection(terminals).await.expect("a connection");
    for (provider, variant, server, credentials) in wallets {
        let (provider, variant) = (provider.to_owned(), variant.to_owned());
        let settings = ConnectionSettings { variant, is_test: true, ..ConnectionSettings::at(server.base_url()) };
        let credentials = Some(Hidden::new(credentials));
        let wallet = NewConnection { merchant, provider, settings, credentials };
        operator.add_connection(wallet).await.expect("a connection");
    }
    let mut keys = Vec::new();
    for role in [Role::Cashier, Role::Manager] {
        let key = NewKey { merchant, role, name: format!("Demo, {role}"), environment: Environment::Test };
        keys.push(operator.add_key(key).await.expect("a key"));
    }
    operator.close().await.expect("the operator ends");
    let [cashier, manager] = keys.try_into().expect("two keys");
    Keys { cashier, manager, connection }
}

/// HAProxy in front of the hubs. Dropping it kills it.
struct Proxy {
    child: Child,
    addr: SocketAddr,
}

impl Proxy {
    /// What it does for a shop: one address, only hubs that are ready, and another one for whoever finds the first dead.
    fn start(folder: &Path, addr: SocketAddr, hubs: impl Iterator<Item = SocketAddr>) -> Self {
        let servers: String = hubs
            .enumerate()
            .map(|(place, hub)| format!("    server hub{place} {hub} check inter 100ms fall 1 rise 1\n"))
            .collect();
        let config = format!(
            "defaults\n    mode http\n    timeout connect 1s\n    timeout client 75s\n    timeout server 75s\n    \
             retries 3\n    option redispatch 1\n    timeout check 1s\n\
             frontend registers\n    bind {addr}\n    default_backend hubs\n\
             backend hubs\n    option httpchk GET /readyz\n    http-check expect status 200\n{servers}"
        );
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, config).expect("a file");
        let mut command = Command::new("haproxy");
        command
            .arg("-db")
            .arg("-q")
            .arg("-f")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().expect("haproxy is installed: ./test installs Debian's package of that name");
        Self { child, addr }
    }

    fn wait_ready(&mut self) {
        let begun = Instant::now();
        let mut client = Client::new(self.addr, "");
        while !(client.connect() && client.send(Request::get("/readyz")).is_ok_and(|answer| answer.status == 200)) {
            assert!(begun.elapsed() < READY_TIMEOUT, "no hub answers through HAProxy");
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
