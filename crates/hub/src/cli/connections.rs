//! `connections`: a merchant's connections with providers.

use std::io::Write;

use anyhow::{Context, bail};
use clap::Subcommand;
use connectors::{Probe, find_connector, find_variant};
use domain::id::{ConnectionId, MerchantId};
use domain::merchant::ConnectionSettings;

use super::say;
use super::source::Source;
use crate::clock::Clock;
use crate::database::Database;
use crate::operator::{NewConnection, Operator};
use crate::provider::Providers;
use crate::tls;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge connections add --data ./data --merchant mer_… --provider sandbox --base-url http://127.0.0.1:8090
  tillbridge connections add --data ./data --merchant mer_… --provider manual
  tillbridge connections add --data ./data --merchant mer_… --provider paypay --variant opa
  tillbridge connections test con_… --config tillbridge.toml
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
        /// With whom, for example sandbox, manual (a stand-alone terminal keyed by hand) or paypay.
        #[arg(long, value_name = "NAME")]
        provider: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Ask a connection's provider whether it is there and takes the credentials. Moves no money.
    Test {
        #[command(flatten)]
        source: Source,
        /// Which.
        #[arg(value_name = "ID")]
        connection: ConnectionId,
    },
    /// List the connections of a merchant.
    List {
        #[command(flatten)]
        source: Source,
        /// Whose.
        #[arg(long, value_name = "ID")]
        merchant: MerchantId,
    },
}

/// What the connector needs to know beside the credentials.
#[derive(clap::Args)]
pub(super) struct Settings {
    /// Which of the provider's protocols, where there are more than one.
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Where the provider is, if not where it usually is.
    #[arg(long, value_name = "URL", required_if_eq("provider", "sandbox"))]
    base_url: Option<String>,
    /// The merchant's id at the provider, for whoever acts for a merchant.
    #[arg(long, value_name = "ID")]
    provider_merchant: Option<String>,
    /// Where access tokens come from, if not where they usually do.
    #[arg(long, value_name = "URL")]
    token_url: Option<String>,
}

impl Settings {
    fn taken(self) -> ConnectionSettings {
        let Self { variant, base_url, provider_merchant, token_url } = self;
        ConnectionSettings {
            base_url: base_url.unwrap_or_default(),
            variant: variant.unwrap_or_default(),
            provider_merchant,
            token_url,
        }
    }
}

/// Does it.
pub(super) async fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Add { source, merchant, provider, settings } => {
            let mut operator = Operator::open(&source.settings(&[])?).await?;
            let new = NewConnection { merchant, provider, settings: settings.taken() };
            let credentials = form_of_credentials(&new);
            let added = operator.add_connection(new).await;
            operator.close().await?;
            let id = added?;
            say(&format!("{id}\n"))?;
            if !credentials.is_empty() {
                // Not part of the answer: a script takes the id from standard output.
                writeln!(
                    std::io::stderr(),
                    "Its credentials belong into the settings file, then start the hub again:\n\n\
                     [provider.secrets]\n{id} = \"{credentials}\"",
                )?;
            }
            Ok(())
        }
        Task::Test { source, connection } => test(&source, connection).await,
        Task::List { source, merchant } => {
            let reader = Database::of(&source.settings(&[])?.database).reader()?;
            for connection in reader.list_connections(merchant, "", storage::read::PAGE_MAX).await? {
                let settings = &connection.settings;
                let line = format!(
                    "{}  {:8}  {:5}  {}",
                    connection.id, connection.provider, settings.variant, settings.base_url
                );
                say(&format!("{}\n", line.trim_end()))?;
            }
            Ok(())
        }
    }
}

/// How the credentials are written; empty where there are none, or where adding it fails anyway.
fn form_of_credentials(new: &NewConnection) -> &'static str {
    let connector = find_connector(&new.provider);
    let variant = connector.and_then(|connector| find_variant(connector, &new.settings.variant));
    variant.map_or("", |variant| variant.credentials)
}

async fn test(source: &Source, id: ConnectionId) -> anyhow::Result<()> {
    tls::install_provider();
    let settings = source.settings(&[])?;
    let reader = Database::of(&settings.database).reader()?;
    let connection = reader.find_connection_of_any(id).await?;
    let connection = connection.with_context(|| format!("There is no connection {id}."))?;
    let providers = Providers::try_new(&settings.provider)?;
    match providers.probe(&connection, Clock::system().now()).await? {
        Probe::Fine => say("The provider is there and takes the credentials.\n"),
        Probe::CredentialsRefused => bail!("The provider is there and refuses the credentials."),
        Probe::Unreachable => bail!("The provider {} was not reached.", connection.settings.base_url),
        Probe::NotUnderstood => {
            bail!("Somebody at {} answers, but not as the provider does.", connection.settings.base_url)
        }
    }
}
