//! `export`: records as tables that other systems, and the import, read.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use domain::id::{LocationId, MerchantId};

use super::import::{find_location, find_merchant, reader};
use super::say;
use super::source::Source;
use crate::export;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge export catalogue articles.csv --data /var/lib/tillbridge
  tillbridge export catalogue articles.csv --data /var/lib/tillbridge --merchant mer_… --location loc_…
What it writes `tillbridge import catalogue` reads: docs/guides/import.md";

#[derive(Subcommand)]
pub(super) enum Task {
    /// Write the articles of a merchant into a new file (CSV, UTF-8).
    #[command(after_help = EXAMPLES)]
    Catalogue(Catalogue),
}

#[derive(Args)]
pub(super) struct Catalogue {
    /// The file that is made.
    file: PathBuf,
    #[command(flatten)]
    source: Source,
    /// Whose articles, where there is more than one merchant.
    #[arg(long, value_name = "ID")]
    merchant: Option<MerchantId>,
    /// With what is on hand there.
    #[arg(long, value_name = "ID")]
    location: Option<LocationId>,
}

/// Does it.
pub(super) async fn run(task: Task) -> anyhow::Result<()> {
    let Task::Catalogue(Catalogue { file, source, merchant, location }) = task;
    let reader = reader(&source.settings(&[])?)?;
    let merchant = find_merchant(&reader, merchant).await?;
    let location = match location {
        Some(id) => Some(find_location(&reader, &merchant, id).await?.id),
        None => None,
    };
    // A new one: nobody's list is written over.
    let to = File::create_new(&file).with_context(|| format!("The file {} cannot be made", file.display()))?;
    let count = export::write(&reader, &merchant, location, to).await?;
    say(&format!("{count} articles of {} are in {}.\n", merchant.name, file.display()))
}
