//! `connections`: a merchant's connections with providers.

use std::io::Write;

use clap::{Subcommand, ValueEnum};
use domain::id::MerchantId;
use serde_json::json;

use super::say;
use super::source::Source;
use crate::database::Database;
use crate::operator::{NewConnection, Operator, Provider};

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge connections add --data ./data --merchant mer_… --provider sandbox --base-url http://127.0.0.1:8090
  tillbridge connections add --data ./data --merchant mer_… --provider manual
  tillbridge connections list --data ./data --merchant mer_…";

#[derive(Subcommand)]
pub(super) enum Task {
    /// Add one. Prints its id; its credentials stand in the settings, under [provider.secrets].
    #[command(after_help = EXAMPLES)]
    Add {
        #[command(flatten)]
        source: Source,
        /// Whose it is.
        #[arg(long, value_name = "ID")]
        merchant: MerchantId,
        /// With whom: the sandbox, or a stand-alone terminal keyed by hand.
        #[arg(long, value_enum)]
        provider: ProviderName,
        /// Where the sandbox is.
        #[arg(long, value_name = "URL", required_if_eq("provider", "sandbox"))]
        base_url: Option<String>,
    },
    /// List the connections of a merchant.
    #[command(after_help = EXAMPLES)]
    List {
        #[command(flatten)]
        source: Source,
        /// Whose.
        #[arg(long, value_name = "ID")]
        merchant: MerchantId,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum ProviderName {
    Sandbox,
    Manual,
}

/// Does it.
pub(super) async fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Add { source, merchant, provider, base_url } => {
            let mut operator = Operator::open(&source.settings(&[])?).await?;
            let provider = match provider {
                ProviderName::Sandbox => Provider::Sandbox { base_url: base_url.unwrap_or_default() },
                ProviderName::Manual => Provider::Manual,
            };
            let needs_secret = matches!(provider, Provider::Sandbox { .. });
            let added = operator.add_connection(NewConnection { merchant, provider }).await;
            operator.close().await?;
            let id = added?;
            say(&format!("{id}\n"))?;
            if needs_secret {
                // Not part of the answer: a script takes the id from standard output.
                writeln!(
                    std::io::stderr(),
                    "Its credentials belong into the settings file, then start the hub again:\n\n\
                     [provider.secrets]\n{id} = \"<secret>:<notification secret>\"",
                )?;
            }
            Ok(())
        }
        Task::List { source, merchant, json } => {
            let reader = Database::of(&source.settings(&[])?.database).reader()?;
            for connection in reader.list_connections(merchant, "", storage::read::PAGE_MAX).await? {
                if json {
                    let (id, provider) = (connection.id, &connection.provider);
                    let told = json!({ "id": id, "provider": provider, "base_url": connection.settings.base_url });
                    say(&format!("{told}\n"))?;
                    continue;
                }
                say(&format!("{}  {:8}  {}\n", connection.id, connection.provider, connection.settings.base_url))?;
            }
            Ok(())
        }
    }
}
