//! `backup` and `restore`: the embedded database with what belongs to it, out and in again.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::say;
use super::source::Source;
use crate::backup::{self, Description, Secret};
use crate::check;
use crate::database::Database;

pub(super) const BACKUP_EXAMPLES: &str = "\
Examples:
  tillbridge backup /backups/tillbridge-2026-11-30 --data /var/lib/tillbridge
  tillbridge backup \"/backups/$(date +%Y-%m-%dT%H%M)\" --config /etc/tillbridge/tillbridge.toml --json
  tillbridge backup /mnt/usb/tillbridge --data /var/lib/tillbridge --without-pepper
The folder holds the database, the file `pepper` and backup.json, for their owner only. Provider credentials are settings and not
in it. PostgreSQL is backed up by pg_dump: docs/guides/backup-and-restore.md.";

pub(super) const RESTORE_EXAMPLES: &str = "\
Examples:
  tillbridge restore /backups/tillbridge-2026-11-30 --data /var/lib/tillbridge-new
  tillbridge restore /backups/tillbridge-2026-11-30 --data ./look-at-it --json
Exit status: 0 restored and checked clean, 1 restored and the check found something, 2 not restored.";

/// Where a backup goes.
#[derive(Args)]
pub(super) struct Backup {
    /// The folder that is made. Must not exist.
    #[arg(value_name = "FOLDER")]
    target: PathBuf,
    #[command(flatten)]
    source: Source,
    /// Leave the server's own secret out. Without it the backup opens for nobody: keep it somewhere else.
    #[arg(long)]
    without_pepper: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Where a backup comes from.
#[derive(Args)]
pub(super) struct Restore {
    /// The folder that `backup` made.
    #[arg(value_name = "FOLDER")]
    backup: PathBuf,
    #[command(flatten)]
    source: Source,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Makes a backup.
pub(super) fn make(asked: &Backup) -> anyhow::Result<()> {
    let settings = asked.source.settings(&[])?;
    let made = backup::make(&settings, &asked.target, asked.without_pepper)?;
    if asked.json {
        return say(&format!("{}\n", json!({ "folder": asked.target, "backup": made })));
    }
    let Description { bytes, merchants, events, .. } = &made;
    say(&format!(
        "Backed up to {}: {bytes} bytes, {merchants} merchants, {events} events. Opened and looked through.\n{}\n",
        asked.target.display(),
        told(made.pepper)
    ))
}

const fn told(pepper: Secret) -> &'static str {
    match pepper {
        Secret::Included => {
            "The server's own secret is in it: who has the backup has the shop. Keep it where only you can read it."
        }
        Secret::LeftOut => {
            "The server's own secret, the file `pepper`, is NOT in it: without it no API key opens what is restored."
        }
        Secret::InSettings => {
            "The server's own secret is in your settings (auth.pepper) and NOT in it: keep the settings, too."
        }
    }
}

/// Restores a backup and checks it; false when the check found something.
pub(super) async fn restore(asked: &Restore) -> anyhow::Result<bool> {
    let settings = asked.source.settings(&[])?;
    let restored = backup::restore(&settings, &asked.backup).await?;
    let database = Database::of(&settings.database);
    let checked = tokio::task::spawn_blocking(move || check::run(&database)).await??;
    if asked.json {
        let told: serde_json::Value = serde_json::from_str(&checked.json())?;
        say(&format!("{}\n", json!({ "backup": restored, "check": told })))?;
    } else {
        say(&format!(
            "Restored into {}: {} merchants, {} events, as of {}.\n{}\n{}",
            settings.database.data_dir.display(),
            restored.merchants,
            restored.events,
            restored.begun_at,
            told_of_restored(restored.pepper),
            checked.words()
        ))?;
    }
    Ok(checked.report.is_clean())
}

const fn told_of_restored(pepper: Secret) -> &'static str {
    match pepper {
        Secret::Included => "The server's own secret was in the backup: the API keys are those of before.",
        Secret::LeftOut => "The server's own secret was not in the backup: put the file `pepper` into the folder.",
        Secret::InSettings => "The server's own secret is that of the settings: give the hub the same auth.pepper.",
    }
}
