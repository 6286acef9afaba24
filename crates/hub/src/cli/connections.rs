//! `connections`: a merchant's connections with providers.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use connectors::{Probe, find_connector, find_variant};
use domain::id::{ConnectionId, MerchantId};
use domain::merchant::ConnectionSettings;
use serde_json::json;

use super::say;
use super::source::Source;
use crate::clock::Clock;
use crate::config::Hidden;
use crate::database::Database;
use crate::operator::{NewConnection, Operator};
use crate::provider::Providers;
use crate::serve::open_pepper;
use crate::tls;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge connections add --data ./data --merchant mer_… --provider sandbox --base-url http://127.0.0.1:8090
  tillbridge connections add --data ./data --merchant mer_… --provider manual
  tillbridge connections add --data ./data --merchant mer_… --provider paypay --variant opa --credentials ./paypay.key
  tillbridge connections add --data ./data --merchant mer_… --provider paypay --base-url http://127.0.0.1:8091 --test
  tillbridge connections add --data ./data --merchant mer_… --provider wechat --variant v3-global --credentials ./wechat.toml
  pass show paypay | tillbridge connections set-credentials con_… --data ./data --from - --keep-old-hours 48
  tillbridge connections test con_… --config tillbridge.toml
  tillbridge connections list --data ./data --merchant mer_…";

/// A day to bring new credentials to the provider's panel.
const KEEP_OLD_HOURS: i64 = 24;
/// A month: what lives longer was not replaced.
const KEEP_OLD_HOURS_MAX: i64 = 31 * 24;
const HOUR_MS: i64 = 3_600_000;
/// The longest credentials: a private key is two thousand bytes.
const CREDENTIALS_BYTES_MAX: u64 = 16 * 1024;

#[derive(Subcommand)]
pub(super) enum Task {
    /// Add one. Prints its id. Without credentials here they are looked for in the settings, under [provider.secrets].
    #[command(after_help = EXAMPLES)]
    Add {
        #[command(flatten)]
        source: Source,
        /// Whose it is.
        #[arg(long, value_name = "ID")]
        merchant: MerchantId,
        /// With whom, for example sandbox, manual (a stand-alone terminal keyed by hand), paypay, wechat, alipay or antom.
        #[arg(long, value_name = "NAME")]
        provider: String,
        #[command(flatten)]
        settings: Settings,
        /// A file with its credentials, or - for standard input. They are sealed in the database.
        #[arg(long, value_name = "FILE")]
        credentials: Option<PathBuf>,
    },
    /// Give one other credentials, while the hub serves. They are sealed in the database.
    #[command(after_help = EXAMPLES)]
    SetCredentials {
        #[command(flatten)]
        source: Source,
        /// Which.
        #[arg(value_name = "ID")]
        connection: ConnectionId,
        /// A file with them, or - for standard input.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// For how many hours notifications may still be signed with the ones before.
        #[arg(long, value_name = "HOURS", default_value_t = KEEP_OLD_HOURS, value_parser = clap::value_parser!(i64).range(0..=KEEP_OLD_HOURS_MAX))]
        keep_old_hours: i64,
    },
    /// Ask a connection's provider whether it is there and takes the credentials. Moves no money.
    #[command(after_help = EXAMPLES)]
    Test {
        #[command(flatten)]
        source: Source,
        /// Which.
        #[arg(value_name = "ID")]
        connection: ConnectionId,
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
    /// No money moves over it: the provider there is played, or one for tests. Keys made with --test reach it, no other does.
    #[arg(long)]
    test: bool,
}

impl Settings {
    fn taken(self) -> ConnectionSettings {
        let Self { variant, base_url, provider_merchant, token_url, test } = self;
        ConnectionSettings {
            base_url: base_url.unwrap_or_default(),
            variant: variant.unwrap_or_default(),
            provider_merchant,
            token_url,
            is_test: test,
        }
    }
}

/// Does it.
pub(super) async fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Add { source, merchant, provider, settings, credentials: file } => {
            let credentials = file.as_deref().map(read_credentials).transpose()?;
            let is_sealed = credentials.is_some();
            let mut operator = Operator::open(&source.settings(&[])?).await?;
            let new = NewConnection { merchant, provider, settings: settings.taken(), credentials };
            let form = form_of_credentials(&new);
            let added = operator.add_connection(new).await;
            operator.close().await?;
            let id = added?;
            say(&format!("{id}\n"))?;
            if !form.is_empty() && !is_sealed {
                // A form of several lines stands in quotes of its own.
                let quotes = if form.contains('\n') { "'''" } else { "\"" };
                // Not part of the answer: a script takes the id from standard output.
                writeln!(
                    std::io::stderr(),
                    "Its credentials are given by `tillbridge connections set-credentials {id} --from FILE`, as\n\n  \
                     {form}\n\nor stand in the settings file, then start the hub again:\n\n\
                     [provider.secrets]\n{id} = {quotes}{form}{quotes}",
                )?;
            }
            Ok(())
        }
        Task::SetCredentials { source, connection, from, keep_old_hours } => {
            let credentials = read_credentials(&from)?;
            let operator = Operator::open(&source.settings(&[])?).await?;
            let set = operator.set_credentials(connection, &credentials, keep_old_hours * HOUR_MS).await;
            operator.close().await?;
            say(&format!("The connection has its credentials number {}.\n", set?))
        }
        Task::Test { source, connection } => test(&source, connection).await,
        Task::List { source, merchant, json } => {
            let reader = Database::of(&source.settings(&[])?.database).reader()?;
            for connection in reader.list_connections(merchant, "", storage::read::PAGE_MAX).await? {
                let (id, provider) = (connection.id, &connection.provider);
                let ConnectionSettings { variant, base_url, .. } = &connection.settings;
                let keys = connection.reach().as_str();
                if json {
                    let told = json!({ "id": id, "provider": provider, "variant": variant, "base_url": base_url, "keys": keys });
                    say(&format!("{told}\n"))?;
                    continue;
                }
                let line = format!("{id}  {provider:8}  {variant:5}  {keys:4}  {base_url}");
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

/// Reads credentials from a file or standard input, never from the command line: that everybody on the machine can see.
fn read_credentials(from: &Path) -> anyhow::Result<Hidden> {
    let mut text = String::new();
    let source: Box<dyn Read> = if from == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(from).with_context(|| format!("{} cannot be read", from.display()))?)
    };
    source.take(CREDENTIALS_BYTES_MAX).read_to_string(&mut text).context("The credentials are no text")?;
    match text.trim() {
        "" => bail!("There are no credentials in it."),
        words => Ok(Hidden::new(words.to_owned())),
    }
}

async fn test(source: &Source, id: ConnectionId) -> anyhow::Result<()> {
    tls::install_provider();
    let settings = source.settings(&[])?;
    let reader = Database::of(&settings.database).reader()?;
    let connection = reader.find_connection_of_any(id).await?;
    let connection = connection.with_context(|| format!("There is no connection {id}."))?;
    let pepper = open_pepper(&settings, &reader).await?;
    let providers = Providers::try_new(&settings.provider, pepper.seal)?;
    match providers.probe(&connection, Clock::system().now()).await? {
        Probe::Fine => say("The provider is there and takes the credentials.\n"),
        Probe::CredentialsRefused => bail!("The provider is there and refuses the credentials."),
        Probe::Unreachable => bail!("The provider {} was not reached.", connection.settings.base_url),
        Probe::NotUnderstood => {
            bail!("Somebody at {} answers, but not as the provider does.", connection.settings.base_url)
        }
    }
}
