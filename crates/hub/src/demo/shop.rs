//! The demo shop as its registers find it when they are switched on: where it is, what it sells, and what day is planned.

use anyhow::{Context, bail};
use serde::Deserialize;

use super::answers::Done;
use super::api::Api;
use super::goods::{self, Goods};
use super::plan::{Plan, REGISTERS};
use super::provider::Provider;
use super::terminal::CardTerminal;
use super::wallet::{CustomersPage, WALLETS};
use crate::database::Database;

/// What opens a shop that was set up: a hub, keys, the provider.
pub struct Entrance {
    /// Where the hub is, or what stands in front of several.
    pub hub_url: String,
    /// The words of a cashier's key.
    pub cashier: String,
    /// The words of a manager's key.
    pub manager: String,
    /// Where the sandbox is.
    pub provider_url: String,
    /// What opens its ledger.
    pub provider_secret: String,
    /// Where the customers of the wallets are played.
    pub customers_url: String,
    /// The hub's database, if it can be checked from here.
    pub database: Option<Database>,
}

/// Something with a name: a location or a register.
#[derive(Debug, Clone, Deserialize)]
pub struct Place {
    /// Its id.
    pub id: String,
    /// Its name; a register's is the head of its receipt numbers.
    pub name: String,
}

/// The shop.
pub struct Shop {
    /// Where the hub is.
    pub hub_url: String,
    /// The hub with a cashier's key.
    pub cashier: Api,
    /// The hub with a manager's key.
    pub manager: Api,
    /// Where it stands.
    pub location: Place,
    /// Its registers.
    pub registers: Vec<Place>,
    /// The connection to the sandbox.
    pub sandbox_connection: String,
    /// The connection for what is keyed by hand.
    pub manual_connection: String,
    /// The connection for terminals.
    pub terminal_connection: String,
    /// The terminal beside the first register; there once the shop is open.
    pub terminal: Option<CardTerminal>,
    /// The connection with each wallet, in their order.
    pub wallet_connections: Vec<String>,
    /// The customers of the wallets.
    pub customers: CustomersPage,
    /// The sandbox itself.
    pub provider: Provider,
    /// What it sells.
    pub goods: Vec<Goods>,
    /// The ids of the articles, in the order of the goods; known once the shelves are filled.
    pub articles: Vec<String>,
    /// What was on the shelves in the morning, in thousandths, in the same order.
    pub opening: Vec<i64>,
    /// The customer of the house; known once the shop is open.
    pub regular: String,
    /// The hub's database, if it can be checked from here.
    pub database: Option<Database>,
}

#[derive(Deserialize)]
struct Connection {
    id: String,
    provider: String,
}

impl Shop {
    /// Looks around: the location, its registers, and the ways to pay.
    pub async fn enter(entrance: Entrance) -> anyhow::Result<Self> {
        let cashier = Api::try_new(&entrance.hub_url, &entrance.cashier)?;
        let manager = Api::try_new(&entrance.hub_url, &entrance.manager)?;
        let locations: Vec<Place> = manager.list("/v1/locations").await?;
        let registers: Vec<Place> = manager.list("/v1/registers").await?;
        if registers.len() != REGISTERS {
            bail!("The demo is played at {REGISTERS} registers, and this shop has {}.", registers.len());
        }
        let connections: Vec<Connection> = manager.list("/v1/connections").await?;
        let connection = |provider: &str| {
            let found = connections.iter().find(|connection| connection.provider == provider);
            found.map(|found| found.id.clone()).with_context(|| format!("The shop has no connection `{provider}`."))
        };
        Ok(Self {
            hub_url: entrance.hub_url,
            location: locations.into_iter().next().context("The shop has no location.")?,
            registers,
            sandbox_connection: connection("sandbox")?,
            manual_connection: connection("manual")?,
            terminal_connection: connection("terminal")?,
            terminal: None,
            wallet_connections: WALLETS.iter().map(|wallet| connection(wallet.provider)).collect::<Result<_, _>>()?,
            customers: CustomersPage::try_new(&entrance.customers_url)?,
            provider: Provider::try_new(&entrance.provider_url, &entrance.provider_secret)?,
            goods: goods::all()?,
            articles: Vec::new(),
            opening: Vec::new(),
            regular: String::new(),
            database: entrance.database,
            cashier,
            manager,
        })
    }

    /// A shop that has sold something is not the one that the plan is made for.
    pub async fn expect_nothing_sold(&self) -> anyhow::Result<()> {
        #[derive(Deserialize)]
        struct Page {
            data: Vec<Done>,
        }
        let sold: Page = self.manager.get("/v1/sales?limit=1").await?;
        if !sold.data.is_empty() {
            bail!("This shop has sold something already. The demo begins with a merchant that has not.");
        }
        Ok(())
    }

    /// The terminal beside the first register.
    pub fn terminal(&self) -> anyhow::Result<&CardTerminal> {
        self.terminal.as_ref().context("The terminal is not set up yet.")
    }

    /// The day of a seed with so many sales, as this shop would have it.
    pub fn plan(&self, seed: u64, sales: u64) -> Plan {
        Plan::of(seed, sales, &self.goods)
    }
}
