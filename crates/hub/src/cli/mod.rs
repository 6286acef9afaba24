//! The command line. Every command ends with one of three statuses, has examples in its help, and where it tells something
//! tells it to people and, with `--json`, to programs.

mod backup;
mod check;
mod connections;
mod doubt;
mod events;
mod export;
mod import;
mod keys;
mod listen;
mod merchants;
mod replay;
mod report;
mod sandbox;
mod serve;
mod source;
mod support_bundle;
pub(crate) mod terminal;
mod whose;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::serve::Listener;
use self::source::Source;
use crate::database::Database;
use crate::{demo, log};

/// The exit status of a command that was done, and found something that does not hold.
const FOUND_SOMETHING: u8 = 1;
/// The exit status of a command that could not be done: wrong words, a refusal, no database. Nothing was done then, or what
/// the message says. The same as for words that the command line does not understand.
const NOT_DONE: u8 = 2;

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
  tillbridge doubt list --data /var/lib/tillbridge
  tillbridge report day --data /var/lib/tillbridge
  tillbridge replay sales.csv.gz --map old-till.toml --data /var/lib/tillbridge
  tillbridge backup /backups/tillbridge-2026-11-30 --data /var/lib/tillbridge
  TILLBRIDGE__LOG__FORMAT=json tillbridge serve --config /etc/tillbridge.toml --behind-proxy --listen 0.0.0.0:8080
Exit status of every command: 0 done and everything holds, 1 done and something does not hold (check, restore, demo, import), 2 not done:
wrong words, a refusal, no database; the reason is on standard error.
Guides for operators: docs/guides/operate.md.";

const SERVE_EXAMPLES: &str = "\
Examples:
  tillbridge serve --data /var/lib/tillbridge
  tillbridge serve --config /etc/tillbridge/tillbridge.toml
  tillbridge serve --database postgres://hub@db/tillbridge --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem
  TILLBRIDGE__LOG__FORMAT=json tillbridge serve --behind-proxy --listen 0.0.0.0:8080";

const MIGRATE_EXAMPLES: &str = "\
Examples:
  tillbridge migrate --data /var/lib/tillbridge
  tillbridge migrate --database postgres://hub@db/tillbridge";

const CONFIG_EXAMPLES: &str = "\
Examples:
  tillbridge config check --config /etc/tillbridge/tillbridge.toml
  TILLBRIDGE__SERVE__LISTEN=0.0.0.0:8080 tillbridge config check";

const OPENAPI_EXAMPLES: &str = "\
Examples:
  tillbridge openapi > openapi.yaml";

const DEMO_EXAMPLES: &str = "\
Examples:
  tillbridge demo                             a day of 300 sales to watch, a summary, then a hub to try things on
  tillbridge demo --fast                      the same without pauses
  tillbridge demo --once                      without pauses, and no hub afterwards; exit status 1 if anything does not hold
  tillbridge demo --sales 5000 --data ./demo  more sales, and the database is kept
  tillbridge demo --seed 2                    another day
  tillbridge demo --hub http://hub.local:8080 --provider http://hub.local:8090 --once
                                              the day against a hub elsewhere, with two keys from the environment";

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
    /// Play payment terminals. Nothing they do moves money.
    #[command(after_help = terminal::EXAMPLES)]
    Terminal(terminal::Options),
    /// Serve the API until SIGTERM or SIGINT.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        listener: Listener,
    },
    /// Bring the database to the schema of this version. `serve` does it by itself.
    #[command(after_help = MIGRATE_EXAMPLES)]
    Migrate {
        #[command(flatten)]
        source: Source,
    },
    /// Merchants of this installation.
    #[command(subcommand, after_help = merchants::EXAMPLES)]
    Merchants(merchants::Task),
    /// A merchant's connections with providers.
    #[command(subcommand, after_help = connections::EXAMPLES)]
    Connections(connections::Task),
    /// API keys.
    #[command(subcommand, after_help = keys::EXAMPLES)]
    Keys(keys::Task),
    /// Payments in doubt: which, why, and what a person does about it.
    #[command(subcommand, after_help = doubt::EXAMPLES)]
    Doubt(doubt::Task),
    /// What a business day amounts to.
    #[command(subcommand, after_help = report::EXAMPLES)]
    Report(report::Task),
    /// Print what was committed, by number, out of the database.
    #[command(after_help = events::EXAMPLES)]
    Events(events::Options),
    /// Print a hub's events as they come, and hand them on to a URL of your own, signed as webhooks are.
    #[command(after_help = listen::EXAMPLES)]
    Listen(listen::Options),
    /// Copy the embedded database and what belongs to it into a folder. Works beside a hub that serves.
    #[command(after_help = backup::BACKUP_EXAMPLES)]
    Backup(backup::Backup),
    /// Put a backup into an empty place, and check it.
    #[command(after_help = backup::RESTORE_EXAMPLES)]
    Restore(backup::Restore),
    /// Write a file for somebody who helps from afar: no secrets, no personal data.
    #[command(after_help = support_bundle::EXAMPLES)]
    SupportBundle(support_bundle::Options),
    /// Record the trade of a shop as another system exported it. What was recorded before stays as it is.
    #[command(after_help = replay::EXAMPLES)]
    Replay(replay::Options),
    /// Give out records as tables.
    #[command(subcommand, after_help = export::EXAMPLES)]
    Export(export::Task),
    /// Take over what another system knows.
    #[command(subcommand, after_help = import::EXAMPLES)]
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
    #[command(subcommand, after_help = CONFIG_EXAMPLES)]
    Config(Settings),
    /// Print the contract of the API.
    #[command(after_help = OPENAPI_EXAMPLES)]
    Openapi,
}

#[derive(Subcommand)]
enum Settings {
    /// Print the settings in effect, secrets hidden, or say what is wrong with them.
    #[command(after_help = CONFIG_EXAMPLES)]
    Check {
        #[command(flatten)]
        source: Source,
    },
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let status = match perform(cli.task) {
        Ok(true) => 0,
        Ok(false) => FOUND_SOMETHING,
        // Whoever reads the output has read enough of it: `tillbridge events | head`.
        Err(error) if is_broken_pipe(&error) => 0,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "tillbridge: {error:#}");
            NOT_DONE
        }
    };
    ExitCode::from(status)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Does a task; false when it found something that does not hold.
fn perform(task: Task) -> anyhow::Result<bool> {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match task {
        Task::Demo(options) => return runtime()?.block_on(demo::run(&options)),
        Task::Replay(options) => return runtime()?.block_on(replay::run(options)),
        Task::Check { source, json } => return check::run(&source, json),
        Task::Import(task) => return runtime()?.block_on(import::run(task)),
        Task::Restore(asked) => return runtime()?.block_on(backup::restore(&asked)),
        Task::Backup(asked) => backup::make(&asked),
        Task::Doubt(task) => runtime()?.block_on(doubt::run(task)),
        Task::Report(task) => runtime()?.block_on(report::run(task)),
        Task::Events(options) => runtime()?.block_on(events::run(options)),
        Task::Listen(options) => runtime()?.block_on(listen::run(options)),
        Task::SupportBundle(options) => runtime()?.block_on(support_bundle::run(options)),
        Task::Sandbox(options) => runtime()?.block_on(sandbox::run(options)),
        Task::Terminal(options) => runtime()?.block_on(terminal::run(options)),
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn without_examples(command: &clap::Command, name: &str, found: &mut Vec<String>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if !help.starts_with("Examples:") || !help.contains(name) {
            found.push(name.to_owned());
        }
        for task in command.get_subcommands().filter(|task| task.get_name() != "help") {
            without_examples(task, &format!("{name} {}", task.get_name()), found);
        }
    }

    #[test]
    fn every_command_has_examples() {
        Cli::command().debug_assert();
        let mut found = Vec::new();
        without_examples(&Cli::command(), "tillbridge", &mut found);
        assert!(found.is_empty(), "without examples of their own: {found:#?}");
    }
}
