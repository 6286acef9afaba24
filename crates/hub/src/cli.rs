//! The command line.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::call::Role;
use domain::id::{ApiKeyId, MerchantId};
use domain::money::Currency;

use crate::api_key::Environment;
use crate::config::Config;
use crate::database::Database;
use crate::operator::{NewConnection, NewKey, NewMerchant, Operator, Provider};
use crate::{check, demo, log, serve};

/// The exit status of whatever failed, and of a check that found something.
const FAILURE: u8 = 1;
/// The exit status of a check that could not be made.
const COULD_NOT_CHECK: u8 = 2;

/// The contract of the API, as it stands in the repository.
pub const OPENAPI: &str = include_str!("../../../openapi.yaml");

const EXAMPLES: &str = "\
Examples:
  tillbridge demo
  tillbridge migrate --data /var/lib/tillbridge
  tillbridge merchants add --data /var/lib/tillbridge --name 'Corner Shop' --location Ginza --register T1 --register T2
  tillbridge connections add --data /var/lib/tillbridge --merchant mer_… --provider manual
  tillbridge keys add --data /var/lib/tillbridge --merchant mer_… --role cashier --name 'Till 1'
  tillbridge serve --data /var/lib/tillbridge
  tillbridge serve --database postgres://hub@db/tillbridge --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem
  tillbridge check --data /var/lib/tillbridge
  TILLBRIDGE__LOG__FORMAT=json tillbridge serve --config /etc/tillbridge.toml --behind-proxy --listen 0.0.0.0:8080";

const DEMO_EXAMPLES: &str = "\
Examples:
  tillbridge demo                             300 sales, a summary, then a hub to try things on
  tillbridge demo --once                      the sales and the summary only; exit status 1 if anything does not hold
  tillbridge demo --sales 5000 --data ./demo  more sales, and the database is kept";

const SANDBOX_EXAMPLES: &str = "\
Examples:
  tillbridge sandbox
  tillbridge sandbox --listen 127.0.0.1:9000 --secret s3cret --notify-secret n0tify
  curl -s http://127.0.0.1:8090/ledger -H 'Authorization: Bearer sandbox-secret'
Its calls and its faults: docs/guides/sandbox.md";

const CONNECTIONS_EXAMPLES: &str = "\
Examples:
  tillbridge connections add --data ./data --merchant mer_… --provider sandbox --base-url http://127.0.0.1:8090
  tillbridge connections add --data ./data --merchant mer_… --provider manual
  tillbridge connections list --data ./data --merchant mer_…";

const CHECK_EXAMPLES: &str = "\
Examples:
  tillbridge check --data /var/lib/tillbridge
  tillbridge check --database postgres://hub@db/tillbridge --json
Exit status: 0 clean, 1 findings, 2 could not check.";

/// One bridge between a shop's registers, its stock, every way its customers pay, and its books.
#[derive(Parser)]
#[command(name = "tillbridge", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Try it: a hub, a provider that is played, a demo shop, and a day's sales.
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(demo::Options),
    /// Play a payment provider on this machine. Nothing it does moves money.
    #[command(after_help = SANDBOX_EXAMPLES)]
    Sandbox {
        /// Where it is called.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
        listen: SocketAddr,
        /// What callers present as their bearer token.
        #[arg(long, default_value_t = sandbox::Options::default().secret)]
        secret: String,
        /// The key of the signatures of its notifications.
        #[arg(long, default_value_t = sandbox::Options::default().notify_secret)]
        notify_secret: String,
    },
    /// Serve the API until SIGTERM or SIGINT.
    Serve {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        listener: Listener,
    },
    /// Bring the database to the schema of this version. `serve` does it by itself.
    Migrate {
        #[command(flatten)]
        source: Source,
    },
    /// Merchants of this installation.
    #[command(subcommand)]
    Merchants(Merchants),
    /// A merchant's connections with providers.
    #[command(subcommand, after_help = CONNECTIONS_EXAMPLES)]
    Connections(Connections),
    /// API keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Recompute stock, sales, payments, books and history from their parts. Works beside a hub; changes nothing.
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        #[command(flatten)]
        source: Source,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// The settings.
    #[command(subcommand)]
    Config(Settings),
    /// Print the contract of the API.
    Openapi,
}

/// Which settings and which database.
#[derive(Args)]
struct Source {
    /// Settings file; what it leaves out keeps its default.
    #[arg(long, value_name = "FILE", env = "TILLBRIDGE_CONFIG")]
    config: Option<PathBuf>,
    /// Folder of the embedded database and of the server's own secret.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// PostgreSQL instead of the embedded database.
    #[arg(long, value_name = "URL", hide_env_values = true)]
    database: Option<String>,
}

#[derive(Args)]
struct Listener {
    /// Where requests are taken, for example 127.0.0.1:8080.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Certificate chain, PEM; read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<String>,
    /// Private key, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<String>,
    /// A proxy in front speaks TLS and is the only one that can reach the address.
    #[arg(long)]
    behind_proxy: bool,
}

#[derive(Subcommand)]
enum Merchants {
    /// Set up a merchant with one shop and its registers.
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
    List {
        #[command(flatten)]
        source: Source,
    },
}

#[derive(Subcommand)]
enum Connections {
    /// Add one. Prints its id; its credentials stand in the settings, under [provider.secrets].
    #[command(after_help = CONNECTIONS_EXAMPLES)]
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
    List {
        #[command(flatten)]
        source: Source,
        /// Whose.
        #[arg(long, value_name = "ID")]
        merchant: MerchantId,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum ProviderName {
    Sandbox,
    Manual,
}

#[derive(Subcommand)]
enum Keys {
    /// Make an API key. Its words are printed once and can never be shown again.
    Add {
        #[command(flatten)]
        source: Source,
        /// Whose records it opens.
        #[arg(long, value_name = "ID")]
        merchant: MerchantId,
        /// What it may do.
        #[arg(long, value_enum)]
        role: RoleName,
        /// What it is for.
        #[arg(long)]
        name: String,
        /// A key that reaches the sandbox only.
        #[arg(long)]
        test: bool,
    },
    /// List the API keys of a merchant.
    List {
        #[command(flatten)]
        source: Source,
        /// Whose keys.
        #[arg(long, value_name = "ID")]
        merchant: MerchantId,
    },
    /// Shut an API key out, for good. Hubs at work know it within five seconds.
    Revoke {
        #[command(flatten)]
        source: Source,
        /// Which one: `key_…`, as `list` shows it.
        id: ApiKeyId,
    },
}

#[derive(Subcommand)]
enum Settings {
    /// Print the settings in effect, secrets hidden, or say what is wrong with them.
    Check {
        #[command(flatten)]
        source: Source,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Viewer,
    Cashier,
    Manager,
    System,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Cashier => Self::Cashier,
            RoleName::Manager => Self::Manager,
            RoleName::System => Self::System,
        }
    }
}

fn currency(text: &str) -> Result<Currency, &'static str> {
    Currency::parse(text).ok_or("not an active ISO 4217 code")
}

impl Source {
    fn settings(&self, more: &[(&str, Option<String>)]) -> anyhow::Result<Config> {
        let data = self.data.as_ref().map(|path| path.display().to_string());
        let own = [("database.data_dir", data), ("database.url", self.database.clone())];
        let given: Vec<(&str, String)> =
            own.iter().chain(more).filter_map(|(name, value)| Some((*name, value.clone()?))).collect();
        Ok(Config::load(self.config.as_deref(), &given)?)
    }
}

impl Listener {
    fn overrides(&self) -> [(&'static str, Option<String>); 3] {
        [
            ("serve.listen", self.listen.clone()),
            ("serve.tls_cert", self.tls_cert.clone()),
            ("serve.tls_key", self.tls_key.clone()),
        ]
    }
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let failure = if matches!(cli.task, Task::Check { .. }) { COULD_NOT_CHECK } else { FAILURE };
    let status = perform(cli.task).map_or_else(
        |error| {
            let _ = writeln!(std::io::stderr(), "tillbridge: {error:#}");
            failure
        },
        |holds| if holds { 0 } else { FAILURE },
    );
    ExitCode::from(status)
}

/// Does a task; false when it found something that does not hold.
fn perform(task: Task) -> anyhow::Result<bool> {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match task {
        Task::Demo(options) => return runtime()?.block_on(demo::run(&options)),
        Task::Check { source, json } => return check(&source, json),
        Task::Sandbox { listen, secret, notify_secret } => {
            let options = sandbox::Options { secret, notify_secret, ..Default::default() };
            runtime()?.block_on(serve_sandbox(listen, options))
        }
        Task::Serve { source, listener } => {
            let mut settings = source.settings(&listener.overrides())?;
            settings.serve.behind_proxy |= listener.behind_proxy;
            log::start(&settings.log)?;
            runtime()?.block_on(serve::run(&settings))
        }
        Task::Migrate { source } => runtime()?.block_on(migrate(&source)),
        Task::Merchants(task) => runtime()?.block_on(merchants(task)),
        Task::Connections(task) => runtime()?.block_on(connections(task)),
        Task::Keys(task) => runtime()?.block_on(keys(task)),
        Task::Config(Settings::Check { source }) => {
            let settings = source.settings(&[])?;
            settings.serve.tls()?;
            say(&settings.print()?)
        }
        Task::Openapi => say(OPENAPI),
    }?;
    Ok(true)
}

fn check(source: &Source, as_json: bool) -> anyhow::Result<bool> {
    let checked = check::run(&Database::of(&source.settings(&[])?.database))?;
    say(&if as_json { checked.json() } else { checked.words() })?;
    Ok(checked.report.is_clean())
}

async fn serve_sandbox(listen: SocketAddr, options: sandbox::Options) -> anyhow::Result<()> {
    let credentials = options.credentials();
    let listener = tokio::net::TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("The address {listen} cannot be listened on"))?;
    let handle = sandbox::serve(listener, options).await?;
    say(&format!(
        "The sandbox provider is up. Nothing it does moves money; its ledger is gone when it stops.\n\
         \n  base URL     {}\n  credentials  {credentials}\n\n\
         Make a connection with `tillbridge connections add --provider sandbox --base-url {}`. Stop with Ctrl-C.\n",
        handle.base_url(),
        handle.base_url(),
    ))?;
    tokio::select! {
        ended = serve::wait_for_signal() => ended?,
        ended = handle.wait() => ended?,
    }
    Ok(())
}

async fn migrate(source: &Source) -> anyhow::Result<()> {
    let settings = source.settings(&[])?;
    serve::make_folder(&settings.database.data_dir)?;
    let database = Database::of(&settings.database);
    database.migrate().await?;
    say(&format!("{database} is up to date.\n"))
}

async fn merchants(task: Merchants) -> anyhow::Result<()> {
    match task {
        Merchants::Add { source, name, currency, zone, location, registers } => {
            let mut operator = Operator::open(&source.settings(&[])?).await?;
            let new = NewMerchant { name, currency, zone, location, registers };
            let added = operator.add_merchant(new).await;
            operator.close().await?;
            say(&format!("{}\n", added?))
        }
        Merchants::List { source } => {
            let reader = Database::of(&source.settings(&[])?.database).reader()?;
            for merchant in reader.list_merchants().await? {
                say(&format!("{}  {}  {}\n", merchant.id, merchant.currency, merchant.name))?;
            }
            Ok(())
        }
    }
}

async fn connections(task: Connections) -> anyhow::Result<()> {
    match task {
        Connections::Add { source, merchant, provider, base_url } => {
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
        Connections::List { source, merchant } => {
            let reader = Database::of(&source.settings(&[])?.database).reader()?;
            for connection in reader.list_connections(merchant, "", storage::read::PAGE_MAX).await? {
                say(&format!("{}  {:8}  {}\n", connection.id, connection.provider, connection.settings.base_url))?;
            }
            Ok(())
        }
    }
}

async fn keys(task: Keys) -> anyhow::Result<()> {
    match task {
        Keys::Add { source, merchant, role, name, test } => {
            let mut operator = Operator::open(&source.settings(&[])?).await?;
            let environment = if test { Environment::Test } else { Environment::Live };
            let words = operator.add_key(NewKey { merchant, role: role.into(), name, environment }).await;
            operator.close().await?;
            say(&format!("{}\n", words?))
        }
        Keys::List { source, merchant } => {
            let reader = Database::of(&source.settings(&[])?.database).reader()?;
            for key in reader.list_api_keys(merchant).await? {
                let state = if key.revoked_at.is_some() { "revoked" } else { "active" };
                say(&format!("{}  {:8}  {state:8}  {}\n", key.id, key.role.as_str(), key.name))?;
            }
            Ok(())
        }
        Keys::Revoke { source, id } => {
            let operator = Operator::open(&source.settings(&[])?).await?;
            let revoked = operator.revoke_key(id).await;
            operator.close().await?;
            revoked
        }
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
