//! `support-bundle`: what helps somebody who helps from afar.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::say;
use super::source::Source;
use crate::support_bundle;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge support-bundle bundle.json --config /etc/tillbridge/tillbridge.toml
  journalctl -u tillbridge -n 500 > hub.log; tillbridge support-bundle bundle.json --data /var/lib/tillbridge --log hub.log
It is JSON that you can read before you give it away: settings with secrets hidden, versions, sizes of tables, which rules of the
check do not hold, the last exceptions, and the end of the log. No secret, no name, nothing that a person typed.";

/// Where it goes.
#[derive(Args)]
pub(super) struct Options {
    /// The file that is made. Must not exist.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    source: Source,
    /// The hub's log; what looks like a secret or a mail address is masked.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

/// Writes it.
pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let settings = options.source.settings(&[])?;
    let bundle = support_bundle::gather(&settings, options.log.as_deref()).await?;
    let mut file = OpenOptions::new();
    let file = file.write(true).create_new(true).mode(0o600).open(&options.file);
    let mut file = file.with_context(|| format!("{} cannot be made", options.file.display()))?;
    file.write_all(&serde_json::to_vec_pretty(&bundle)?)?;
    say(&format!("Written to {}. Read it before you give it away.\n", options.file.display()))
}
