//! The report of an import as a table in a file: one row for each line, with what became of it and why.

use std::fs::File;

use anyhow::Context;

use super::issue::quoted;
use super::plan::{Entry, shown_sku};

const HEADERS: [&str; 6] = ["line", "outcome", "sku", "name", "issues", "why"];

/// The file, opened before anything is written elsewhere: a report that cannot be written is told in time.
pub struct ReportFile(csv::Writer<File>);

impl ReportFile {
    /// Makes the file, or empties it.
    pub fn create(path: &std::path::Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("The report {} cannot be written", path.display()))?;
        Ok(Self(csv::Writer::from_writer(file)))
    }

    /// Writes all lines.
    pub fn write(mut self, entries: &[Entry]) -> anyhow::Result<()> {
        self.0.write_record(HEADERS)?;
        for entry in entries {
            let codes: Vec<&str> = entry.issues.iter().map(|issue| issue.class.code()).collect();
            let line = entry.line.to_string();
            let (sku, name) = (shown_sku(&entry.sku), quoted(&entry.name));
            let row = [&line, entry.outcome.as_str(), &sku, &name, &codes.join(" "), &why(entry)];
            self.0.write_record(row)?;
        }
        Ok(self.0.flush()?)
    }
}

/// What changes, then each issue with its column and its remedy.
fn why(entry: &Entry) -> String {
    let issues = entry.issues.iter().map(|issue| {
        let (_, _, remedy) = issue.class.told();
        let column = issue.column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
        format!("{column}{} {remedy}", issue.what).trim().to_owned()
    });
    entry.changes.iter().cloned().chain(issues).collect::<Vec<_>>().join(" | ")
}
