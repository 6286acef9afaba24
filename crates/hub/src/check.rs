//! `tillbridge check`: recomputes what is stored twice and says what it found. Reads one snapshot, so it runs beside a hub.

use std::fmt::Write;
use std::time::Instant;

use serde_json::json;
use storage::check::{Report, check};

use crate::database::Database;

/// What the check is about, for people.
const PARTS: [&str; 5] = [
    "stock: on hand and reserved, from movements and reservations",
    "sales: lines, change and tenders add up; receipt numbers without a gap, none given twice",
    "payments: state and amounts, from their operations; none in doubt is left alone",
    "books: every journal entry sums to zero, every balance is the sum of its postings",
    "history: event numbers without a gap, the audit chain unbroken",
];

/// What was found where.
pub struct Checked {
    /// The findings.
    pub report: Report,
    database: String,
    elapsed_ms: u128,
}

/// Checks a database. Blocks.
pub fn run(database: &Database) -> anyhow::Result<Checked> {
    let start = Instant::now();
    let report = check(&mut database.snapshot()?)?;
    Ok(Checked { report, database: database.to_string(), elapsed_ms: start.elapsed().as_millis() })
}

impl Checked {
    /// For people.
    pub fn words(&self) -> String {
        let Report { rows, findings, findings_total } = &self.report;
        let mut text = format!("Checked {}: {rows} rows in {} ms.\n", self.database, self.elapsed_ms);
        for part in PARTS {
            let _ = writeln!(text, "  {part}");
        }
        if self.report.is_clean() {
            text.push_str("Clean: everything holds.\n");
            return text;
        }
        let _ = writeln!(text, "Findings: {findings_total}");
        for finding in findings {
            let _ = writeln!(text, "  {}  {}: {}", finding.rule, finding.subject, finding.words);
        }
        if *findings_total > findings.len() as u64 {
            let _ = writeln!(text, "  … and {} more", findings_total - findings.len() as u64);
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> String {
        let Report { rows, findings, findings_total } = &self.report;
        let findings = findings
            .iter()
            .map(|finding| json!({ "rule": finding.rule, "subject": finding.subject, "words": finding.words }));
        let told = json!({
            "is_clean": self.report.is_clean(),
            "rows": rows,
            "elapsed_ms": u64::try_from(self.elapsed_ms).unwrap_or(u64::MAX),
            "findings_total": findings_total,
            "findings": findings.collect::<Vec<_>>(),
        });
        format!("{told}\n")
    }
}
