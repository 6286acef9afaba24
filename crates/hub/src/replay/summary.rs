//! What a replay came to, for people and for programs.

use std::fmt::Write;
use std::time::Duration;

use domain::external_ref::Kind;
use serde_json::{Value, json};

use super::Replay;
use super::report::{Count, Sum, grouped};
use super::rule::Outcome;

/// Columns of a line of codes.
const CODES_COLUMNS: usize = 110;

/// What a replay came to.
pub struct Summary {
    /// How many lines were refused.
    pub refused_lines: u64,
    words: String,
    value: Value,
}

impl Summary {
    pub(super) fn of(replay: &Replay, below_zero: u64, elapsed: Duration) -> Self {
        Self {
            refused_lines: replay.report.sum(Outcome::Refused).lines,
            words: words(replay, below_zero, elapsed),
            value: value(replay, below_zero, elapsed),
        }
    }

    /// For people.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// For programs.
    pub fn json(&self) -> String {
        format!("{}\n", self.value)
    }
}

/// Whole lines of the file in a second.
fn lines_per_second(lines: u64, elapsed: Duration) -> u128 {
    u128::from(lines) * 1_000 / elapsed.as_millis().max(1)
}

fn words(replay: &Replay, below_zero: u64, elapsed: Duration) -> String {
    let (report, mut text) = (&replay.report, String::new());
    let total = report.total();
    let done = if replay.sender.is_dry() { "Looked at (nothing is recorded)" } else { "Replayed" };
    let _ = writeln!(
        text,
        "{done} {}: {} lines in {:.1} s, {} lines a second.\n",
        replay.map.source,
        whole(total.lines),
        elapsed.as_secs_f64(),
        grouped(&lines_per_second(total.lines, elapsed).to_string()),
    );
    let currency = replay.sender.shop.currency;
    let _ = writeln!(text, "  {:<14}{:>12}{:>20}", "", "lines", format!("amount {currency}"));
    let mut row = |name: &str, sum: Sum, note: &str| {
        let (lines, amount) = (whole(sum.lines), grouped(&report.amount(sum.minor)));
        let _ = writeln!(text, "  {name:<14}{lines:>12}{amount:>20}{note}");
    };
    let unreferenced = format!(
        "   of these without a sale that is known: {} lines, {}",
        whole(report.unreferenced.lines),
        grouped(&report.amount(report.unreferenced.minor)),
    );
    for outcome in Outcome::ALL {
        let note = if outcome == Outcome::Returned { unreferenced.as_str() } else { "" };
        row(&outcome.as_str().replace('_', " "), report.sum(outcome), note);
    }
    row("together", total, "");
    text.push_str(&rounding(replay, total));
    if !replay.sender.is_dry() {
        text.push_str(&records(replay));
    }
    text.push_str(&articles(replay));
    if below_zero > 0 {
        let _ = writeln!(
            text,
            "\nStock: of {} articles less than nothing is on hand, because the file tells what was sold and not what came \
             in. One exception says so; a stocktake puts it right.",
            whole(below_zero),
        );
    }
    text.push_str(&refusals(replay));
    text
}

fn rounding(replay: &Replay, total: Sum) -> String {
    let report = &replay.report;
    let mut text = format!("\nThe exact sum of the lines is {}.", grouped(&report.exact_amount(total.exact)));
    if report.rounded_lines == 0 {
        return text + "\n";
    }
    let _ = writeln!(text, " Amounts are rounded once a line, to whole minor units; that makes a difference in:");
    for line in &report.rounded {
        let _ = writeln!(text, "  {line}");
    }
    if report.rounded_lines > report.rounded.len() as u64 {
        let _ = writeln!(text, "  … {} lines in all", whole(report.rounded_lines));
    }
    text
}

fn records(replay: &Replay) -> String {
    let mut text = "\nRecorded:".to_owned();
    let kinds = [
        (Kind::Sale, "sales"),
        (Kind::Return, "returns"),
        (Kind::UnreferencedReturn, "returns without their sale"),
        (Kind::Movement, "write-offs"),
    ];
    for (kind, name) in kinds {
        let Count { new, known } = replay.report.records(kind);
        let before = if known > 0 { format!(" ({} known before)", whole(known)) } else { String::new() };
        let comma = if kind == Kind::Movement { "." } else { "," };
        let _ = write!(text, " {} {name}{before}{comma}", whole(new + known));
    }
    text + "\n"
}

fn articles(replay: &Replay) -> String {
    let catalogue = &replay.catalogue;
    let mut text = format!(
        "Articles: {} codes, {} of them new in the catalogue.",
        whole(catalogue.len() as u64),
        whole(catalogue.created),
    );
    if replay.lines.removed > 0 {
        let _ = write!(text, " {} names looked like card numbers and were removed.", whole(replay.lines.removed));
    }
    if replay.assembler.so_far.forgotten > 0 {
        let _ = write!(
            text,
            " {} sold lines were too many to remember: what came back of them is recorded without its sale.",
            whole(replay.assembler.so_far.forgotten),
        );
    }
    text.push('\n');
    let candidates = catalogue.merge_candidates();
    if candidates.is_empty() {
        return text;
    }
    let _ = write!(
        text,
        "These {} codes differ by case alone. They stay different articles; look whether each means one and the same:",
        candidates.len(),
    );
    let mut column = CODES_COLUMNS;
    for codes in candidates {
        let codes = codes.join("/");
        if column + codes.len() > CODES_COLUMNS {
            text.push_str("\n ");
            column = 0;
        }
        let _ = write!(text, " {codes}");
        column += codes.len() + 1;
    }
    text + "\n"
}

fn refusals(replay: &Replay) -> String {
    let report = &replay.report;
    let lines = report.sum(Outcome::Refused).lines;
    if lines == 0 {
        return String::new();
    }
    let mut text = format!("\nRefused: {} lines, which are not recorded.\n", whole(lines));
    for line in &report.refusals {
        let _ = writeln!(text, "  {line}");
    }
    if lines > report.refusals.len() as u64 {
        text.push_str("  … and more: name a file with --report to see them all\n");
    }
    text
}

fn value(replay: &Replay, below_zero: u64, elapsed: Duration) -> Value {
    let report = &replay.report;
    let sum = |sum: Sum| {
        json!({
            "lines": sum.lines,
            "amount": report.amount(sum.minor),
            "exact_amount": report.exact_amount(sum.exact),
        })
    };
    let count = |kind| {
        let Count { new, known } = report.records(kind);
        json!({ "new": new, "known": known })
    };
    json!({
        "is_dry_run": replay.sender.is_dry(),
        "source": replay.map.source,
        "currency": replay.sender.shop.currency,
        "sold": sum(report.sum(Outcome::Sold)),
        "returned": sum(report.sum(Outcome::Returned)),
        "returned_unreferenced": sum(report.unreferenced),
        "written_off": sum(report.sum(Outcome::WrittenOff)),
        "refused": sum(report.sum(Outcome::Refused)),
        "total": sum(report.total()),
        "rounded_lines": report.rounded_lines,
        "rounded": report.rounded,
        "refusals": report.refusals,
        "records": {
            "sales": count(Kind::Sale),
            "returns": count(Kind::Return),
            "unreferenced_returns": count(Kind::UnreferencedReturn),
            "write_offs": count(Kind::Movement),
        },
        "codes": replay.catalogue.len(),
        "articles_created": replay.catalogue.created,
        "merge_candidates": replay.catalogue.merge_candidates(),
        "articles_below_zero": below_zero,
        "elapsed_ms": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
    })
}

/// A count for people.
fn whole(count: u64) -> String {
    grouped(&count.to_string())
}
