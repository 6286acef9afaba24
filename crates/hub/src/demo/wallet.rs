//! The wallets that the shop takes: played, with customers that pay by themselves during the day and that somebody plays on
//! a page afterwards. One more is a line in each of the two tables.

use std::io;

use anyhow::Context;
use sandbox::Server;
use sandbox::antom::{self, Antom};
use sandbox::customer::{Customers, Wallet};
use sandbox::paypay::{self, PayPay};
use sandbox::wechat::{self, WeChat};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::provider::Entry;

/// A wallet as the day knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The connector's.
    pub provider: &'static str,
    /// That for people.
    pub label: &'static str,
}

/// All wallets, in the order in which customers take turns with them; those whose customers show a code only come last.
pub const WALLETS: [Name; 3] = [
    Name { provider: "paypay", label: "PayPay" },
    Name { provider: "wechat", label: "WeChat Pay" },
    // In yen Alipay is taken by Antom; Alipay's own gateway takes yuan only.
    Name { provider: "antom", label: "Alipay+ (Antom)" },
];
/// So many of them take a code that the shop shows.
pub const WALLETS_WITH_SHOWN_CODES: usize = 2;
/// The one whose reply is lost once: WeChat Pay, which tells of a scanned code by its answer only.
pub const WALLET_THAT_LOSES: usize = 1;

/// How each is played.
const PLAYED: [Play; 3] = [play_paypay, play_wechat, play_antom];

/// Plays one on a port: what the shop has to know of it, and its customers.
type Play = fn(TcpListener) -> io::Result<(Played, Box<dyn Wallet>)>;

/// After how long a customer of the day pays what is shown: the code has reached the register by then.
const CUSTOMER_MS: u64 = 60;

/// One that is played here.
pub struct Played {
    /// The connector's name.
    pub provider: &'static str,
    /// Which protocol the shop's connection speaks.
    pub variant: &'static str,
    /// How the shop's connection gets in.
    pub credentials: String,
    /// It serves as long as it is held.
    pub server: Server,
    /// Where its notifications go.
    tell: Box<dyn Fn(&str) + Send + Sync>,
}

fn play_paypay(listener: TcpListener) -> io::Result<(Played, Box<dyn Wallet>)> {
    let options = paypay::Options { customer_ms: Some(CUSTOMER_MS), ..paypay::Options::default() };
    let credentials = options.credentials_of_oauth();
    let paypay = PayPay::new(options);
    let (server, told) = (paypay.serve(listener)?, paypay.clone());
    let tell = move |hub: &str| told.notify_oauth(&format!("{hub}/v1/webhooks/paypay"));
    let played = Played { provider: "paypay", variant: "oauth", credentials, server, tell: Box::new(tell) };
    Ok((played, Box::new(paypay)))
}

/// It is told with each payment where its notifications go, as Antom is.
fn play_wechat(listener: TcpListener) -> io::Result<(Played, Box<dyn Wallet>)> {
    let options = wechat::Options { customer_ms: Some(CUSTOMER_MS), ..wechat::Options::default() };
    let wechat = WeChat::new(options);
    let (server, credentials) = (wechat.serve(listener)?, wechat.credentials_of_v3());
    let played = Played { provider: "wechat", variant: "v3-global", credentials, server, tell: Box::new(|_| {}) };
    Ok((played, Box::new(wechat)))
}

fn play_antom(listener: TcpListener) -> io::Result<(Played, Box<dyn Wallet>)> {
    let options = antom::Options::default();
    let credentials = options.credentials();
    let antom = Antom::new(options);
    let server = antom.serve(listener)?;
    let played = Played { provider: "antom", variant: "ams", credentials, server, tell: Box::new(|_| {}) };
    Ok((played, Box::new(antom)))
}

/// All of them, and the page where their customers are played.
pub struct Stage {
    pub played: Vec<Played>,
    customers: Customers,
    page: Server,
}

impl Stage {
    /// Plays them all, each on a port of its own.
    pub async fn open() -> anyhow::Result<Self> {
        let port = async || TcpListener::bind("127.0.0.1:0").await.context("No port for a wallet");
        let (mut played, mut wallets) = (Vec::new(), Vec::new());
        for play in PLAYED {
            let (one, customers) = play(port().await?)?;
            played.push(one);
            wallets.push(customers);
        }
        let customers = Customers::of(wallets);
        let page = customers.serve(port().await?)?;
        Ok(Self { played, customers, page })
    }

    /// Where somebody plays the customers.
    pub fn page_url(&self) -> String {
        self.page.base_url()
    }

    /// Their notifications go to this hub.
    pub fn tell(&self, hub: &str) {
        self.played.iter().for_each(|one| (one.tell)(hub));
    }

    /// From now on nobody pays who is not played.
    pub fn leave_customers_to_people(&self) {
        self.customers.set_pays_after_ms(None);
    }
}

/// The customers of the wallets, seen from the shop: over the page's API.
pub struct CustomersPage {
    client: reqwest::Client,
    url: String,
}

impl CustomersPage {
    /// The page there.
    pub fn try_new(url: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned() })
    }

    /// A customer opens the wallet: the code on the phone.
    pub async fn draw_code(&self, wallet: Name) -> anyhow::Result<String> {
        #[derive(Deserialize)]
        struct Drawn {
            code: String,
        }
        let url = format!("{}/api/wallets/{}/customer-codes", self.url, wallet.provider);
        let response = self.client.post(&url).json(&json!({})).send().await;
        let response = response.and_then(reqwest::Response::error_for_status);
        let drawn: Drawn = response.with_context(|| format!("No code of a customer at {url}"))?.json().await?;
        Ok(drawn.code)
    }

    /// What the wallet says that it took.
    pub async fn charges(&self, wallet: Name) -> anyhow::Result<Vec<Entry>> {
        #[derive(Deserialize)]
        struct Page {
            charges: Vec<Entry>,
        }
        let url = format!("{}/api/wallets/{}/charges", self.url, wallet.provider);
        let response = self.client.get(&url).send().await.and_then(reqwest::Response::error_for_status);
        let page: Page = response.with_context(|| format!("No ledger of a wallet at {url}"))?.json().await?;
        Ok(page.charges)
    }
}
