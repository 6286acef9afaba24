//! `check`: recomputes everything from its parts.

use super::say;
use super::source::Source;
use crate::check;
use crate::database::Database;

pub(super) const EXAMPLES: &str = "\
Examples:
  tillbridge check --data /var/lib/tillbridge
  tillbridge check --database postgres://hub@db/tillbridge --json
Exit status: 0 clean, 1 it found something, 2 could not check.";

/// Checks; false when it found something.
pub(super) fn run(source: &Source, as_json: bool) -> anyhow::Result<bool> {
    let checked = check::run(&Database::of(&source.settings(&[])?.database))?;
    say(&if as_json { checked.json() } else { checked.words() })?;
    Ok(checked.report.is_clean())
}
