//! How the demo is played, and where.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::hours::Pace;
use super::plan::{SALES_MAX, SALES_MIN};
use super::shop::Entrance;
use crate::config::Hidden;
use crate::database::Database;

/// How long the day takes where somebody watches it, in seconds.
const PACE: u64 = 30;
/// Nobody watches for longer than an hour.
const PACE_MAX: u64 = 3_600;

/// How the demo is played.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// End after the summary, and make no pauses: status 0 when everything holds.
    #[arg(long)]
    pub once: bool,
    /// Make no pauses between customers.
    #[arg(long)]
    pub fast: bool,
    /// How long the day takes to watch: 30 seconds, if nobody says otherwise.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=PACE_MAX))]
    pub pace: Option<u64>,
    /// Sales to make: 40 to 100,000.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(SALES_MIN..=SALES_MAX))]
    pub sales: u64,
    /// Which day: the same seed is the same day.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Where the hub listens, on this machine only; the next free port if this one is taken.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Keep the database in this folder; without it a temporary folder is used and deleted.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub elsewhere: Elsewhere,
}

/// A hub that runs already, or what stands in front of several.
#[derive(Debug, Clone, Args)]
pub struct Elsewhere {
    /// Play the day against this hub instead: a merchant with two registers, nothing sold yet, and connections with the
    /// sandbox, with each wallet, with terminals and with what is keyed by hand.
    #[arg(long, value_name = "URL", conflicts_with_all = ["listen", "data"])]
    hub: Option<String>,
    /// A cashier's key of that merchant.
    #[arg(long, value_name = "KEY", env = "TILLBRIDGE_DEMO_CASHIER_KEY", hide_env_values = true)]
    cashier_key: Option<String>,
    /// A manager's key of that merchant.
    #[arg(long, value_name = "KEY", env = "TILLBRIDGE_DEMO_MANAGER_KEY", hide_env_values = true)]
    manager_key: Option<String>,
    /// Where the sandbox of that hub is.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8090")]
    provider: String,
    /// What opens the sandbox's ledger.
    #[arg(long, value_name = "SECRET", default_value_t = sandbox::Options::default().secret)]
    provider_secret: String,
    /// Where the customers of that hub's wallets are played.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8099")]
    customers: String,
    /// The PostgreSQL of that hub, to check it at the end.
    #[arg(long, value_name = "URL", hide_env_values = true, requires = "hub")]
    database: Option<String>,
}

impl Options {
    /// How fast the day goes, from now on.
    pub fn pace(&self) -> Pace {
        let unwatched = if self.once || self.fast { 0 } else { PACE };
        Pace::of(Duration::from_secs(self.pace.unwrap_or(unwatched)))
    }
}

impl Elsewhere {
    /// What opens the shop there; `None` if the day is played here.
    pub fn entrance(&self) -> anyhow::Result<Option<Entrance>> {
        let Some(hub_url) = self.hub.clone() else { return Ok(None) };
        let (Some(cashier), Some(manager)) = (self.cashier_key.clone(), self.manager_key.clone()) else {
            bail!("Name a cashier's and a manager's key: TILLBRIDGE_DEMO_CASHIER_KEY and TILLBRIDGE_DEMO_MANAGER_KEY.");
        };
        Ok(Some(Entrance {
            hub_url,
            cashier,
            manager,
            provider_url: self.provider.clone(),
            provider_secret: self.provider_secret.clone(),
            customers_url: self.customers.clone(),
            database: self.database.clone().map(|url| Database::Postgres(Hidden::new(url))),
        }))
    }
}
