//! What helps somebody who helps from afar, and nothing that he must not see: settings with secrets hidden, versions, sizes,
//! what the check found, the last exceptions, and the end of the log. It holds no text that a person typed: no name, mail
//! address, note, key or code of anybody. What might be one is left out or shown as `***`.

use std::path::Path;

use anyhow::Context;
use domain::exception::Exception;
use domain::guard;
use domain::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use storage::check::{Finding, Report, check};
use storage::inventory::{Inventory, TableSize, take};

use crate::clock::Clock;
use crate::config::Config;
use crate::database::Database;

/// Exceptions that are told of, the last ones first.
const EXCEPTIONS_MAX: i64 = 100;
/// Lines of the log that are told, the last ones.
const LOG_LINES_MAX: usize = 500;
/// Bytes of the log that are looked at for them.
const LOG_BYTES_MAX: u64 = 1024 * 1024;
/// What stands in the place of something that is not told.
const HIDDEN: &str = "***";
/// Hexadecimal digits of an id behind its prefix.
const ID_DIGITS: usize = 32;

/// The bundle.
#[derive(Serialize)]
pub struct Bundle {
    made_by: String,
    made_at: String,
    schema_known: i64,
    machine: Value,
    settings: String,
    database: Value,
    disk: Value,
    check: Value,
    exceptions: Vec<Value>,
    log: Vec<String>,
}

/// Puts it together. Reads the whole database once, for the check.
pub async fn gather(settings: &Config, log: Option<&Path>) -> anyhow::Result<Bundle> {
    let database = Database::of(&settings.database);
    let reader = database.reader()?;
    let (inventory, report) = tokio::task::spawn_blocking(move || look_through(&database)).await??;
    let exceptions = reader.list_last_exceptions(EXCEPTIONS_MAX).await?;
    Ok(Bundle {
        made_by: format!("tillbridge {}", env!("CARGO_PKG_VERSION")),
        made_at: instant(Clock::system().now()),
        schema_known: storage::migrate::latest(),
        machine: json!({ "system": std::env::consts::OS, "processor": std::env::consts::ARCH }),
        settings: settings.print()?,
        database: database_json(&inventory),
        disk: disk_json(settings),
        check: check_json(&report),
        exceptions: exceptions.iter().map(exception_json).collect(),
        log: log.map(log_lines).transpose()?.unwrap_or_default(),
    })
}

fn look_through(database: &Database) -> anyhow::Result<(Inventory, Report)> {
    let inventory = take(&mut database.snapshot()?).context("The tables cannot be counted")?;
    Ok((inventory, check(&mut database.snapshot()?)?))
}

fn database_json(inventory: &Inventory) -> Value {
    let table = |table: &TableSize| json!({ "name": table.name, "rows": table.rows, "bytes": table.bytes });
    let tables: Vec<Value> = inventory.tables.iter().map(table).collect();
    json!({ "engine": inventory.engine, "schema": inventory.schema, "tables": tables })
}

fn disk_json(settings: &Config) -> Value {
    let folder = &settings.database.data_dir;
    let space = |space: std::io::Result<u64>| space.ok();
    json!({ "free_bytes": space(fs4::available_space(folder)), "total_bytes": space(fs4::total_space(folder)) })
}

/// Which rules do not hold and of which records, without the values: those may be anybody's.
fn check_json(report: &Report) -> Value {
    let finding = |finding: &Finding| json!({ "rule": finding.rule, "subject": id_or_hidden(&finding.subject) });
    let findings: Vec<Value> = report.findings.iter().map(finding).collect();
    json!({
        "is_clean": report.is_clean(), "rows": report.rows, "findings_total": report.findings_total, "findings": findings,
    })
}

/// Without its words: a resolution is typed by a person, and an owner is one.
fn exception_json(exception: &Exception) -> Value {
    json!({
        "id": exception.id,
        "merchant": exception.merchant,
        "kind": exception.kind.as_str(),
        "subject": id_or_hidden(&exception.subject),
        "at_risk_minor": exception.at_risk_minor,
        "opened_at": instant(exception.opened_at),
        "resolved_at": exception.resolved_at.map(instant),
    })
}

fn instant(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}

/// An id of ours, with the number of a part; anything else may say something of somebody.
fn id_or_hidden(text: &str) -> &str {
    let id = text.split_once('_').filter(|(prefix, rest)| {
        let is_word = prefix.len() <= 4 && prefix.bytes().all(|byte| byte.is_ascii_lowercase());
        let (digits, part) = rest.split_at_checked(ID_DIGITS).unwrap_or_default();
        let is_id = digits.len() == ID_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_word && is_id && part.len() <= 12 && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    });
    id.map_or(HIDDEN, |_| text)
}

/// The last lines of a log. The hub logs no secret and nobody's name; whatever else writes into the file might.
fn log_lines(path: &Path) -> anyhow::Result<Vec<String>> {
    use std::io::{Read, Seek, SeekFrom};
    let told = || format!("The log {} cannot be read", path.display());
    let mut file = std::fs::File::open(path).with_context(told)?;
    let length = file.metadata().with_context(told)?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES_MAX))).with_context(told)?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_MAX).read_to_end(&mut bytes).with_context(told)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines.iter().skip(lines.len().saturating_sub(LOG_LINES_MAX)).map(|line| masked(line)).collect())
}

/// A line without what looks like a secret, a mail address or a number of somebody.
fn masked(line: &str) -> String {
    if guard::looks_like_card_number(line) {
        return HIDDEN.to_owned();
    }
    let is_telling = |word: &str| {
        let folded = word.to_ascii_lowercase();
        let marks = ["@", "://", "tb_live_", "tb_test_", "whsec_", "bearer", "secret", "password", "pepper=", "pin="];
        marks.iter().any(|mark| folded.contains(mark))
    };
    let words = line.split(' ').map(|word| if is_telling(word) { HIDDEN } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_are_told() {
        let id = "pay_01a202037f2b71ecafd7f9b2b7f72652";
        for told in [id.to_owned(), format!("{id}-12")] {
            assert_eq!(id_or_hidden(&told), told);
        }
        for hidden in ["Aiko Tanaka", "aiko@example.jp", "tb_live_abc", "pay_01a2", &format!("{id} Aiko"), ""] {
            assert_eq!(id_or_hidden(hidden), HIDDEN);
        }
    }

    #[test]
    fn a_line_of_the_log_tells_nobody() {
        let line = "INFO a request came key=tb_test_x from aiko@example.jp to postgres://hub:s3cret@db/x in 3 ms";
        assert_eq!(masked(line), "INFO a request came *** from *** to *** in 3 ms");
        assert_eq!(masked("WARN card 4111 1111 1111 1111 was typed"), HIDDEN);
    }
}
