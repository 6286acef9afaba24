//! `replay`: the trade of a shop as another system exported it.

use std::path::PathBuf;

use clap::Args;
use domain::id::{MerchantId, RegisterId};

use super::say;
use super::source::Source;
use crate::replay;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge replay sales.csv.gz --map old-till.toml --data /var/lib/tillbridge --dry-run
  tillbridge replay sales.csv.gz --map old-till.toml --data /var/lib/tillbridge
  tillbridge replay sales.csv --map old-till.toml --database postgres://hub@db/tillbridge --merchant mer_… --register reg_…
  tillbridge replay sales.csv --map old-till.toml --report lines.csv --json
What was recorded before stays as it is: a replay that was stopped is simply made again.
Exit status: 0 every line is recorded, 1 some were refused, or it could not be done.";

#[derive(Args)]
pub(super) struct Options {
    /// The export: CSV, plain or packed by gzip or zstd.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The map that says what its columns and lines mean.
    #[arg(long, value_name = "FILE")]
    map: PathBuf,
    /// Whose trade it is. May be left out where there is one merchant.
    #[arg(long, value_name = "ID")]
    merchant: Option<MerchantId>,
    /// The register that the sales count for. May be left out where the merchant has one.
    #[arg(long, value_name = "ID")]
    register: Option<RegisterId>,
    /// What the system is called that the export comes from, instead of the map's word.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Writes of every line what came of it, as CSV.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Only tell what would come of each line. Nothing is recorded, and a hub may serve the database meanwhile.
    #[arg(long)]
    dry_run: bool,
    /// One JSON object instead of the summary.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: Source,
}

/// Replays; false when lines were refused.
pub(super) async fn run(options: Options) -> anyhow::Result<bool> {
    let settings = options.database.settings(&[])?;
    let wanted = replay::Options {
        file: options.file,
        map: options.map,
        merchant: options.merchant,
        register: options.register,
        source: options.source,
        is_dry_run: options.dry_run,
        report: options.report,
    };
    let summary = replay::run(&settings, &wanted).await?;
    if options.json {
        say(&summary.json())?
    } else {
        say(summary.words())?
    }
    Ok(summary.refused_lines == 0)
}
