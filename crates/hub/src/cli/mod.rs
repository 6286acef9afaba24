//! The command line.

mod check;
mod connections;
mod export;
mod import;
mod keys;
mod merchants;
mod sandbox;
mod serve;
mod source;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::serve::Listener;
use self::source::Source;
use crate::database::Database;
use crate::{demo, log};

/// The exit status of whatever failed, and of a check that found something.
const FAILURE: u8 = 1;
/// The exit status of a check or an import that could not be made.
const COULD_NOT_BE_DONE: u8 = 2;

/// The contract of the API, as it stands in the repository.
pub const OPENAPI: &str = include_str!("../../../../openapi.yaml");

const EXAMPLES: &str = "\
Examples:
  tillbridge demo
  tillbridge migrate --data /var/lib/tillbridge
  tillbridge merchants add --data /var/lib/tillbridge --name 'Corner Shop' --location Ginza --register T1 --register T2
  tillbridge connections add --data /var/lib/tillbridge --merchant mer_… --provider manual
  tillbridge keys add --data /var/lib/tillbridge --merchant mer_… --role cashier --name 'Till 1'
  tillbridge serve --data /var/lib/tillbridge
  tillbridge serve --database postgres://hub@db/tillbridge --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem
  tillbridge import catalogue items.csv --data /var/lib/tillbridge --dry-run
  tillbridge export catalogue articles.csv --data /var/lib/tillbridge
  tillbridge check --data /var/lib/tillbridge
  TILLBRIDGE__LOG__FORMAT=json tillbridge serve --config /etc/tillbridge.toml --behind-proxy --listen 0.0.0.0:8080";

const DEMO_EXAMPLES: &str = "\
Examples:
  tillbridge demo                             300 sales, a summary, then a hub to try things on
  tillbridge demo --once                      the sales and the summary only; exit status 1 if anything does not hold
  tillbridge demo --sales 5000 --data ./demo  more sales, and the database is kept";

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
    #[command(after_help = sandbox::EXAMPLES)]
    Sandbox(sandbox::Options),
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
    Merchants(merchants::Task),
    /// A merchant's connections with providers.
    #[command(subcommand, after_help = connections::EXAMPLES)]
    Connections(connections::Task),
    /// API keys.
    #[command(subcommand)]
    Keys(keys::Task),
    /// Give out records as tables.
    #[command(subcommand)]
    Export(export::Task),
    /// Take over what another system knows.
    #[command(subcommand)]
    Import(import::Task),
    /// Recompute stock, sales, payments, books and history from their parts. Works beside a hub; changes nothing.
    #[command(after_help = check::EXAMPLES)]
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

#[derive(Subcommand)]
enum Settings {
    /// Print the settings in effect, secrets hidden, or say what is wrong with them.
    Check {
        #[command(flatten)]
        source: Source,
    },
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let failure = if matches!(cli.task, Task::Check { .. } | Task::Import(_)) { COULD_NOT_BE_DONE } else { FAILURE };
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
        Task::Check { source, json } => return check::run(&source, json),
        Task::Import(task) => return runtime()?.block_on(import::run(task)),
        Task::Sandbox(options) => runtime()?.block_on(sandbox::run(options)),
        Task::Serve { source, listener } => {
            let settings = listener.settings(&source)?;
            log::start(&settings.log)?;
            runtime()?.block_on(crate::serve::run(&settings))
        }
        Task::Migrate { source } => runtime()?.block_on(migrate(&source)),
        Task::Merchants(task) => runtime()?.block_on(merchants::run(task)),
        Task::Connections(task) => runtime()?.block_on(connections::run(task)),
        Task::Export(task) => runtime()?.block_on(export::run(task)),
        Task::Keys(task) => runtime()?.block_on(keys::run(task)),
        Task::Config(Settings::Check { source }) => {
            let settings = source.settings(&[])?;
            settings.serve.tls()?;
            say(&settings.print()?)
        }
        Task::Openapi => say(OPENAPI),
    }?;
    Ok(true)
}

async fn migrate(source: &Source) -> anyhow::Result<()> {
    let settings = source.settings(&[])?;
    crate::serve::make_folder(&settings.database.data_dir)?;
    let database = Database::of(&settings.database);
    database.migrate().await?;
    say(&format!("{database} is up to date.\n"))
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
