//! `merchants`: who trades with this installation.

use clap::Subcommand;
use domain::money::Currency;
use serde_json::json;

use super::say;
use super::source::Source;
use crate::database::Database;
use crate::operator::{NewMerchant, Operator};

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge merchants add --data ./data --name 'Corner Shop' --location Ginza --register T1 --register T2
  tillbridge merchants add --data ./data --name 'Tea Room' --currency GBP --zone Europe/London --location Soho --register S1
  tillbridge merchants list --data ./data --json";

#[derive(Subcommand)]
pub(super) enum Task {
    /// Set up a merchant with one shop and its registers. Prints its id.
    #[command(after_help = EXAMPLES)]
    Add {
        #[command(flatten)]
        source: Source,
        /// Its name, as on the receipt.
        #[arg(long)]
        name: String,
        /// The currency of its prices, ISO 4217.
        #[arg(long, default_value = "JPY", value_parser = currency)]
        currency: Currency,
        /// IANA name of its time zone.
        #[arg(long, default_value = "Asia/Tokyo")]
        zone: String,
        /// The name of its shop.
        #[arg(long)]
        location: String,
        /// The name of a register, the head of its receipt numbers. May be given more than once.
        #[arg(long = "register", required = true)]
        registers: Vec<String>,
    },
    /// List the merchants.
    #[command(after_help = EXAMPLES)]
    List {
        #[command(flatten)]
        source: Source,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

fn currency(text: &str) -> Result<Currency, &'static str> {
    Currency::parse(text).ok_or("not an active ISO 4217 code")
}

/// Does it.
pub(super) async fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Add { source, name, currency, zone, location, registers } => {
            let mut operator = Operator::open(&source.settings(&[])?).await?;
            let new = NewMerchant { name, currency, zone, location, registers };
            let added = operator.add_merchant(new).await;
            operator.close().await?;
            say(&format!("{}\n", added?))
        }
        Task::List { source, json } => {
            let reader = Database::of(&source.settings(&[])?.database).reader()?;
            for merchant in reader.list_merchants().await? {
                if json {
                    let told = json!({
                        "id": merchant.id, "name": merchant.name, "currency": merchant.currency, "zone": merchant.zone,
                    });
                    say(&format!("{told}\n"))?;
                    continue;
                }
                say(&format!("{}  {}  {}\n", merchant.id, merchant.currency, merchant.name))?;
            }
            Ok(())
        }
    }
}
