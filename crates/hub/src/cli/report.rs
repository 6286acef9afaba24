//! `report`: what a business day amounts to.

use clap::Subcommand;
use domain::id::{LocationId, MerchantId};

use super::source::Source;
use super::{say, whose};
use crate::clock::Clock;
use crate::database::Database;
use crate::day_report;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge report day --data /var/lib/tillbridge
  tillbridge report day 2026-11-22 --data /var/lib/tillbridge --location loc_…
  tillbridge report day --database postgres://hub@db/tillbridge --merchant mer_… --json";

#[derive(Subcommand)]
pub(super) enum Task {
    /// Sales, tax, tenders, refunds and what needs somebody, of one day in the merchant's own zone.
    #[command(after_help = EXAMPLES)]
    Day {
        /// Which day, YYYY-MM-DD; today without it.
        date: Option<String>,
        #[command(flatten)]
        source: Source,
        /// Whose; not needed where there is one merchant.
        #[arg(long, value_name = "ID")]
        merchant: Option<MerchantId>,
        /// Of one location only.
        #[arg(long, value_name = "ID")]
        location: Option<LocationId>,
        /// One JSON object, the one of GET /v1/reports/day.
        #[arg(long)]
        json: bool,
    },
}

/// Prints it.
pub(super) async fn run(task: Task) -> anyhow::Result<()> {
    let Task::Day { date, source, merchant, location, json } = task;
    let reader = Database::of(&source.settings(&[])?.database).reader()?;
    let merchant = whose::one(&reader, merchant).await?;
    let report = day_report::read(&reader, merchant, location, date.as_deref(), Clock::system().now()).await?;
    if json {
        return say(&format!("{}\n", String::from_utf8_lossy(&report.json()?)));
    }
    say(&report.words()?)
}
