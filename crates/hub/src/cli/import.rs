//! `import`: what another system knows becomes records of this one.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use domain::id::{LocationId, MerchantId};
use domain::merchant::{Location, Merchant};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use storage::reader::Reader;

use super::say;
use super::source::Source;
use crate::clock::Clock;
use crate::config::Config;
use crate::database::Database;
use crate::import::{self, Carrier, Import, Map, ReportFile, Request, Shape, Wish};
use crate::operator::Operator;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge import catalogue items.csv --data /var/lib/tillbridge --dry-run
  tillbridge import catalogue items.csv --data /var/lib/tillbridge --location loc_… --report report.csv
  tillbridge import catalogue artikel.csv --data ./data --map artikel.toml --merchant mer_… --tax-class standard
Exit status: 0 all taken, 1 something refused or left out, 2 could not be done.
Layouts, maps and issues: docs/guides/import.md";

#[derive(Subcommand)]
pub(super) enum Task {
    /// Take over the articles of another system from a table: CSV, plain, .gz or .zst. A second run changes nothing.
    #[command(after_help = EXAMPLES)]
    Catalogue(Catalogue),
}

#[derive(Args)]
pub(super) struct Catalogue {
    /// The table.
    file: PathBuf,
    #[command(flatten)]
    source: Source,
    /// What its columns mean, where its layout is not a known one.
    #[arg(long, value_name = "MAP", conflicts_with = "layout")]
    map: Option<PathBuf>,
    /// Its layout, where it could be several.
    #[arg(long, value_name = "NAME")]
    layout: Option<String>,
    /// Its encoding, where it is not found out: utf-8, cp932, gbk, windows-1252 …
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// Whose articles they become, where there is more than one merchant.
    #[arg(long, value_name = "ID")]
    merchant: Option<MerchantId>,
    /// Where the stock of the table lies. Without it no stock comes in.
    #[arg(long, value_name = "ID")]
    location: Option<LocationId>,
    /// The tax class of lines that say none.
    #[arg(long, value_name = "CLASS")]
    tax_class: Option<String>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Write what became of each line, and why, to this file (CSV).
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Does it; false when something was refused or left out.
pub(super) async fn run(task: Task) -> anyhow::Result<bool> {
    let Task::Catalogue(asked) = task;
    let settings = asked.source.settings(&[])?;
    let (import, is_dry) = if asked.dry_run {
        let reader = reader(&settings)?;
        (planned(&asked, &reader).await?.1, true)
    } else {
        (carried_out(&asked, &settings).await?, false)
    };
    if asked.json {
        say(&format!("{}\n", serde_json::to_string(&Shape::of(&import, is_dry))?))?;
    } else {
        say(&import::words(&import, is_dry))?;
    }
    Ok(import::is_all_taken(&import.entries))
}

/// What reads the database of these settings, which has to be there.
pub(super) fn reader(settings: &Config) -> anyhow::Result<Reader> {
    let database = Database::of(&settings.database);
    database.require_there()?;
    database.reader()
}

async fn carried_out(asked: &Catalogue, settings: &Config) -> anyhow::Result<Import> {
    let operator = Operator::open(settings).await?;
    let done = carry_out(asked, &operator).await;
    operator.close().await?;
    done
}

async fn carry_out(asked: &Catalogue, operator: &Operator) -> anyhow::Result<Import> {
    let (request, mut import) = planned(asked, &operator.reader).await?;
    // Kept for the end, and made before anything is written: a report that cannot be made is told in time.
    let report = asked.report.as_deref().map(ReportFile::create).transpose()?;
    let bar = bar(import.entries.len() as u64);
    let carrier = Carrier {
        committer: operator.committer(),
        merchant: request.merchant.id,
        location: request.location.map(|location| location.id),
        progress: &|lines| bar.inc(lines),
    };
    let done = carrier.carry_out(&mut import.entries).await;
    bar.finish_and_clear();
    done?;
    report.map_or(Ok(()), |report| report.write(&import.entries))?;
    Ok(import)
}

async fn planned(asked: &Catalogue, reader: &Reader) -> anyhow::Result<(Request, Import)> {
    let merchant = find_merchant(reader, asked.merchant).await?;
    let location = match asked.location {
        Some(id) => Some(find_location(reader, &merchant, id).await?),
        None => None,
    };
    let map = asked.map.as_deref().map(Map::read).transpose()?;
    let request = Request {
        file: asked.file.clone(),
        wish: Wish { map, layout: asked.layout.clone(), encoding: asked.encoding.clone() },
        merchant,
        location,
        tax_class: asked.tax_class.clone(),
    };
    let import = import::plan(reader, &request, Clock::system().now()).await?;
    if asked.dry_run {
        let report = asked.report.as_deref().map(ReportFile::create).transpose()?;
        report.map_or(Ok(()), |report| report.write(&import.entries))?;
    }
    Ok((request, import))
}

/// The merchant that is meant: the one that is named, or the only one.
pub(super) async fn find_merchant(reader: &Reader, id: Option<MerchantId>) -> anyhow::Result<Merchant> {
    let mut merchants = reader.list_merchants().await?;
    if let Some(id) = id {
        merchants.retain(|merchant| merchant.id == id);
        return merchants
            .pop()
            .with_context(|| format!("There is no merchant {id}. `tillbridge merchants list` shows them."));
    }
    match merchants.len() {
        0 => bail!("There is no merchant yet. Make one with `tillbridge merchants add`."),
        1 => merchants.pop().context("There is no merchant"),
        _ => bail!(
            "There are several merchants. Say with --merchant whose articles they are; `tillbridge merchants list` shows them."
        ),
    }
}

/// A location of the merchant.
pub(super) async fn find_location(reader: &Reader, merchant: &Merchant, id: LocationId) -> anyhow::Result<Location> {
    let found = reader.find_location(merchant.id, id).await?;
    if let Some(found) = found {
        return Ok(found);
    }
    let all = reader.list_locations(merchant.id, "", storage::read::PAGE_MAX).await?;
    let all: Vec<String> = all.iter().map(|location| format!("{} {}", location.id, location.name)).collect();
    bail!("{} has no location {id}. It has: {}.", merchant.name, all.join(", "))
}

/// A bar on a terminal, nothing elsewhere.
fn bar(lines: u64) -> ProgressBar {
    let is_terminal = std::io::stderr().is_terminal();
    let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(lines), target);
    if let Ok(style) = ProgressStyle::with_template("  {bar:40} {pos} of {len} lines, {elapsed}") {
        bar.set_style(style.progress_chars("=> "));
    }
    let _ = std::io::stderr().flush();
    bar
}
