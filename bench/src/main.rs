//! The benchmarks of `ARCHITECTURE.md`'s table of speed goals: subject and floor side by side in one run, ratios printed.

mod committer;
mod floor;
mod fsync;
mod hub;
mod load;
mod process;
mod random;
mod report;
mod row;
mod script;
mod stats;
mod store;
mod template;
mod world;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;

use crate::row::{Frame, Row};
use crate::world::Size;

/// The hub's, for the floors and the client, too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Measures the hub against its floors. Names rows (P1 P1' S1 P2 P3 P4 P5R P6 P11 P14 P14' P16), or runs all.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    server: Option<OwnServer>,
    /// The rows; a name may end in `p` where the table has an apostrophe.
    rows: Vec<String>,
    /// Rounds of subject and floor in turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Counted seconds of each run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// A look: two rounds of five seconds over 50,000 stored sales; the results are not kept.
    #[arg(long)]
    quick: bool,
    /// Sales that are stored before anything is measured.
    #[arg(long)]
    sales: Option<usize>,
    /// The program `tillbridge`; built in the bench's own profile where it is not given.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// The folder for databases and logs; it has to lie on the disk that is to be measured.
    #[arg(long)]
    work: Option<PathBuf>,
}

/// Servers that the bench starts as processes of their own.
#[derive(Debug, Subcommand)]
enum OwnServer {
    /// The empty JSON echo.
    #[command(hide = true)]
    FloorEcho { listen: SocketAddr, answer_bytes: usize },
    /// The handler that forwards to the echo.
    #[command(hide = true)]
    FloorForward { listen: SocketAddr, to: SocketAddr },
    /// The receiver of webhooks, counting.
    #[command(hide = true)]
    Sink { listen: SocketAddr },
    /// The provider of the project, approving at once.
    #[command(hide = true)]
    Sandbox { listen: SocketAddr },
    /// Commits payments without HTTP into a database that holds a world: a file or a PostgreSQL URL.
    Committer { database: String, world: PathBuf, count: usize },
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    match args.server {
        Some(OwnServer::Committer { database, world, count }) => {
            let world = serde_json::from_slice(&std::fs::read(world)?)?;
            show(&committer::measure(&database, &world, count)?);
            Ok(())
        }
        Some(server) => tokio::runtime::Runtime::new()?.block_on(serve(server)),
        None => measure(&args),
    }
}

async fn serve(server: OwnServer) -> anyhow::Result<()> {
    match server {
        OwnServer::Committer { .. } => Ok(()),
        OwnServer::FloorEcho { listen, answer_bytes } => floor::echo::serve(listen, answer_bytes).await,
        OwnServer::FloorForward { listen, to } => floor::forward::serve(listen, to).await,
        OwnServer::Sink { listen } => floor::sink::serve(listen).await,
        OwnServer::Sandbox { listen } => {
            let listener = tokio::net::TcpListener::bind(listen).await?;
            Ok(::sandbox::serve(listener, ::sandbox::Options::default()).await?.wait().await?)
        }
    }
}

fn measure(args: &Args) -> anyhow::Result<()> {
    let rows = chosen(&args.rows)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let work = args.work.clone().unwrap_or_else(|| root.join("target/bench"));
    std::fs::create_dir_all(&work)?;
    let sales = args.sales.unwrap_or(if args.quick { 50_000 } else { 1_000_000 });
    let frame = Frame {
        rounds: if args.quick { 2 } else { args.rounds },
        warm_up: Duration::from_secs(if args.quick { 1 } else { 5 }),
        run: Duration::from_secs(if args.quick { 5 } else { args.seconds }),
        size: Size { sales, lines: sales },
        work: work.canonicalize()?,
        binary: match &args.binary {
            Some(binary) => binary.clone(),
            None => build(&root)?,
        },
        is_quick: args.quick,
    };
    let told = format!(
        "{} rounds of {} s after {} s of warm-up, {} sales stored. {}",
        frame.rounds,
        frame.run.as_secs(),
        frame.warm_up.as_secs(),
        frame.size.sales,
        machine()
    );
    let mut failed = Vec::new();
    for row in rows {
        eprintln!("{}", row.id);
        match (row.run)(&frame) {
            Ok(report) => {
                let section = report.to_markdown(&told);
                show(&section);
                if !args.quick {
                    report::keep(&root.join("bench/RESULTS.md"), &section)?;
                }
            }
            Err(error) => {
                eprintln!("{} did not run: {error:#}", row.id);
                failed.push(row.id);
            }
        }
    }
    anyhow::ensure!(failed.is_empty(), "did not run: {}", failed.join(", "));
    Ok(())
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Row>> {
    if names.is_empty() {
        return Ok(row::ALL.iter().collect());
    }
    let find = |name: &String| {
        let wanted = name.to_uppercase();
        let wanted =
            wanted.strip_suffix('P').filter(|rest| !rest.is_empty()).map_or(wanted.clone(), |rest| format!("{rest}'"));
        row::ALL.iter().find(|row| row.id == wanted).ok_or_else(|| anyhow::anyhow!("there is no row {name}"))
    };
    names.iter().map(find).collect()
}

/// Builds the program in the profile of the bench itself.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let is_release = !cfg!(debug_assertions);
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(["build", "--package=hub", "--bin=tillbridge"]);
    if is_release {
        command.arg("--release");
    }
    anyhow::ensure!(command.status()?.success(), "the hub does not build");
    Ok(root.join("target").join(if is_release { "release" } else { "debug" }).join("tillbridge"))
}

/// The machine in a few words.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.trim_start_matches([':', '\t', ' ']).to_owned()));
    let memory =
        read("/proc/meminfo").lines().next().and_then(|line| line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!(
        "{cores} cores of {}, {} GiB, Linux {}, {profile} build.",
        cpu.unwrap_or_else(|| "an unnamed CPU".to_owned()),
        memory.unwrap_or_default() / (1 << 20),
        read("/proc/sys/kernel/osrelease").trim()
    )
}

#[expect(clippy::print_stdout, reason = "the results are the output of this program")]
fn show(text: &str) {
    println!("{text}");
}
