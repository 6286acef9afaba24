//! What is told of a plan, or of what came of it: for a person, and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::Import;
use super::issue::{Class, Effect, Issue, quoted};
use super::plan::{Entry, Outcome, shown_sku};

/// Lines that are named of each class, and of each outcome: enough to see what is meant. The report file has all.
const EXAMPLES_MAX: usize = 3;

/// How many lines there are of each outcome, and how many articles have their opening stock come in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Lines of the file in which something stands.
    pub lines: usize,
    /// Articles made for lines.
    pub created: usize,
    /// Articles changed.
    pub updated: usize,
    /// Lines that change nothing.
    pub unchanged: usize,
    /// Lines of which nothing is taken.
    pub refused: usize,
    /// Articles made besides, to stand for variants.
    pub wholes_created: usize,
    /// Articles of which opening stock comes in.
    pub opening_stock: usize,
}

impl Totals {
    /// The totals of a plan.
    pub fn of(entries: &[Entry]) -> Self {
        let count = |outcome| entries.iter().filter(|entry| !entry.is_implied && entry.outcome == outcome).count();
        let is_created = |entry: &&Entry| entry.is_implied && entry.outcome == Outcome::Created;
        let has_stock = |entry: &&Entry| entry.steps.as_ref().is_some_and(|steps| steps.stock.is_some());
        Self {
            lines: entries.iter().filter(|entry| !entry.is_implied).count(),
            created: count(Outcome::Created),
            updated: count(Outcome::Updated),
            unchanged: count(Outcome::Unchanged),
            refused: count(Outcome::Refused),
            wholes_created: entries.iter().filter(is_created).count(),
            opening_stock: entries.iter().filter(has_stock).count(),
        }
    }
}

/// What is said of one class.
struct OfClass<'a> {
    class: &'a Class,
    lines: Vec<(&'a Entry, &'a Issue)>,
}

/// The classes of which something is said, by their codes.
fn by_class(entries: &[Entry], effect: Effect) -> BTreeMap<&str, OfClass<'_>> {
    let mut classes: BTreeMap<&str, OfClass<'_>> = BTreeMap::new();
    // Of a line that is refused only that matters.
    let is_told = |entry: &&Entry| effect == Effect::Refused || entry.outcome != Outcome::Refused;
    for entry in entries.iter().filter(is_told) {
        for issue in entry.issues.iter().filter(|issue| issue.class.effect() == effect) {
            let class = &issue.class;
            let of_class = classes.entry(class.code()).or_insert_with(|| OfClass { class, lines: Vec::new() });
            of_class.lines.push((entry, issue));
        }
    }
    classes
}

/// The whole, as a person reads it.
pub fn words(import: &Import, is_dry: bool) -> String {
    let mut words = String::new();
    let _ = writeln!(words, "{}\n", if is_dry { "Dry run: nothing is written." } else { "Import." });
    for (title, text) in &import.head {
        let _ = writeln!(words, "{title:<10}{text}");
    }
    words.push('\n');
    let totals = Totals::of(&import.entries);
    let counts = [totals.created, totals.updated, totals.unchanged, totals.refused];
    for (outcome, count) in Outcome::ALL.into_iter().zip(counts) {
        let _ = writeln!(words, "{count:>8} {}", outcome.as_str());
    }
    let _ = writeln!(words, "{:>8} lines", totals.lines);
    if totals.wholes_created > 0 {
        let _ = writeln!(words, "{:>8} articles besides, which stand for their variants", totals.wholes_created);
    }
    if totals.opening_stock > 0 {
        let _ = writeln!(words, "{:>8} with opening stock", totals.opening_stock);
    }
    for (title, effect) in [
        ("Refused: nothing of these lines is taken", Effect::Refused),
        ("Left out: these lines are taken without it", Effect::LeftOut),
        ("To look at: these lines are taken", Effect::Noted),
    ] {
        push_classes(&mut words, title, by_class(&import.entries, effect));
    }
    for (title, outcome) in [("Updated", Outcome::Updated), ("Created", Outcome::Created)] {
        push_examples(&mut words, title, &import.entries, outcome);
    }
    words
}

fn push_classes(words: &mut String, title: &str, classes: BTreeMap<&str, OfClass<'_>>) {
    if classes.is_empty() {
        return;
    }
    let _ = writeln!(words, "\n{title}");
    for OfClass { class, lines } in classes.into_values() {
        let (code, _, remedy) = class.told();
        let noun = if lines.len() == 1 { "line" } else { "lines" };
        let _ = writeln!(words, "  {code}, {} {noun}. {remedy}", lines.len());
        for (entry, issue) in lines.iter().take(EXAMPLES_MAX) {
            let column = issue.column.as_ref().map(|column| format!(", {}", quoted(column))).unwrap_or_default();
            let what = if issue.what.is_empty() { String::new() } else { format!(": {}", issue.what) };
            let _ = writeln!(words, "    line {}{column}{what}  ({})", entry.line, title_of(entry));
        }
        push_rest(words, lines.len());
    }
}

fn push_examples(words: &mut String, title: &str, entries: &[Entry], outcome: Outcome) {
    let of_outcome: Vec<&Entry> = entries.iter().filter(|entry| entry.outcome == outcome).collect();
    if of_outcome.is_empty() {
        return;
    }
    let _ = writeln!(words, "\n{title}");
    for entry in of_outcome.iter().take(EXAMPLES_MAX) {
        let changes = if entry.changes.is_empty() { String::new() } else { format!(": {}", entry.changes.join(", ")) };
        let _ = writeln!(words, "    line {} {}{changes}", entry.line, title_of(entry));
    }
    push_rest(words, of_outcome.len());
}

fn push_rest(words: &mut String, count: usize) {
    if count > EXAMPLES_MAX {
        let _ = writeln!(words, "    and {} more; --report FILE writes them all", count - EXAMPLES_MAX);
    }
}

fn title_of(entry: &Entry) -> String {
    format!("{} {}", shown_sku(&entry.sku), quoted(&entry.name)).trim().to_owned()
}

/// The same as JSON.
#[derive(Debug, Serialize)]
pub struct Shape<'a> {
    is_dry_run: bool,
    layout: &'a str,
    #[serde(flatten)]
    totals: Totals,
    issues: Vec<IssueShape<'a>>,
}

#[derive(Debug, Serialize)]
struct IssueShape<'a> {
    code: &'a str,
    effect: &'static str,
    count: usize,
    remedy: &'a str,
    examples: Vec<ExampleShape<'a>>,
}

impl<'a> IssueShape<'a> {
    fn of(OfClass { class, lines }: OfClass<'a>, effect: &'static str) -> Self {
        let (code, _, remedy) = class.told();
        let example = |(entry, issue): &(&'a Entry, &'a Issue)| ExampleShape {
            line: entry.line,
            column: issue.column.as_deref(),
            what: &issue.what,
        };
        let examples = lines.iter().take(EXAMPLES_MAX).map(example).collect();
        Self { code, effect, count: lines.len(), remedy, examples }
    }
}

#[derive(Debug, Serialize)]
struct ExampleShape<'a> {
    line: u64,
    column: Option<&'a str>,
    what: &'a str,
}

impl<'a> Shape<'a> {
    /// The shape of an import.
    pub fn of(import: &'a Import, is_dry_run: bool) -> Self {
        let effects =
            [(Effect::Refused, "refused"), (Effect::LeftOut, "left_out"), (Effect::Noted, "noted")].into_iter();
        let issues = effects.flat_map(|(effect, word)| {
            by_class(&import.entries, effect).into_values().map(move |of_class| IssueShape::of(of_class, word))
        });
        let (totals, layout) = (Totals::of(&import.entries), import.layout.as_str());
        Self { is_dry_run, layout, totals, issues: issues.collect() }
    }
}
