//! What is printed and kept: for each row its goal, the median of the rounds with their spread, and every round.

use std::fmt::Write;
use std::path::Path;

use crate::stats::Spread;

/// What a value is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// The more the better.
    AtLeast(f64, f64),
    /// The less the better.
    AtMost(f64, f64),
    /// Printed beside.
    None,
}

/// One measured quantity over the rounds.
#[derive(Debug, Clone)]
pub struct Measure {
    /// What it is, with its unit.
    pub name: String,
    /// The goal, and the stretch beyond it.
    pub goal: Goal,
    /// One value per round that counts.
    pub values: Vec<f64>,
}

impl Measure {
    /// A quantity with its goal.
    pub fn new(name: impl Into<String>, goal: Goal, values: Vec<f64>) -> Self {
        Self { name: name.into(), goal, values }
    }

    fn verdict(&self, median: f64) -> &'static str {
        match self.goal {
            Goal::None => "",
            Goal::AtLeast(_, stretch) if median >= stretch => "stretch met",
            Goal::AtLeast(goal, _) if median >= goal => "met",
            Goal::AtMost(_, stretch) if median <= stretch => "stretch met",
            Goal::AtMost(goal, _) if median <= goal => "met",
            Goal::AtLeast(..) | Goal::AtMost(..) => "MISSED",
        }
    }

    fn line(&self) -> String {
        let (goal, stretch) = match self.goal {
            Goal::None => (String::new(), String::new()),
            Goal::AtLeast(goal, stretch) => (format!(">= {goal}"), format!(">= {stretch}")),
            Goal::AtMost(goal, stretch) => (format!("<= {goal}"), format!("<= {stretch}")),
        };
        match Spread::of(&self.values) {
            None => format!("| {} | no round counts | | {goal} | {stretch} | |", self.name),
            Some(Spread { median, min, max }) => format!(
                "| {} | **{median:.3}** | {min:.3} .. {max:.3} | {goal} | {stretch} | {} |",
                self.name,
                self.verdict(median)
            ),
        }
    }
}

/// One row of the table of goals.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Its name, for example `P1`.
    pub id: &'static str,
    /// What is measured against what.
    pub title: &'static str,
    /// The quantities with their goals.
    pub measures: Vec<Measure>,
    /// The heads of the columns of the rounds.
    pub columns: Vec<&'static str>,
    /// The rounds, cell by cell.
    pub rounds: Vec<Vec<String>>,
    /// What else was seen.
    pub notes: Vec<String>,
}

impl Report {
    /// A report without rounds yet.
    pub fn new(id: &'static str, title: &'static str, columns: &[&'static str]) -> Self {
        Self { id, title, columns: columns.to_vec(), ..Self::default() }
    }

    /// Adds a round and shows it, so that a long run can be followed.
    pub fn round(&mut self, cells: Vec<String>) {
        let shown: Vec<String> = self.columns.iter().zip(&cells).map(|(name, cell)| format!("{name} {cell}")).collect();
        eprintln!("  {} round {}: {}", self.id, self.rounds.len() + 1, shown.join(", "));
        self.rounds.push(cells);
    }

    /// As Markdown.
    pub fn to_markdown(&self, frame: &str) -> String {
        let mut text = format!("## {}\n\n{}. {frame}\n\n", self.id, self.title);
        text.push_str("| measure | median | min .. max | goal | stretch | |\n|---|---|---|---|---|---|\n");
        for measure in &self.measures {
            let _ = writeln!(text, "{}", measure.line());
        }
        if !self.rounds.is_empty() {
            let _ = writeln!(
                text,
                "\n| round | {} |\n|---{}|",
                self.columns.join(" | "),
                "|---".repeat(self.columns.len())
            );
            for (number, cells) in self.rounds.iter().enumerate() {
                let _ = writeln!(text, "| {} | {} |", number + 1, cells.join(" | "));
            }
        }
        for note in &self.notes {
            let _ = write!(text, "\n- {note}");
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        text
    }
}

/// What stands at the top of the file.
const HEAD: &str = "# Results\n\nWritten by `cargo run --release -p bench`; each row has its own last run. See README.md for how it is measured.\n";

/// Puts the section of a row into the file; the sections of other rows stay.
pub fn keep(file: &Path, section: &str) -> std::io::Result<()> {
    let old = std::fs::read_to_string(file).unwrap_or_default();
    std::fs::write(file, merged(&old, section))
}

fn merged(old: &str, section: &str) -> String {
    let title = |section: &str| section.lines().next().unwrap_or_default().trim_start_matches("## ").to_owned();
    let mut sections: Vec<String> =
        old.split("\n## ").skip(1).map(|rest| format!("## {}\n", rest.trim_end())).collect();
    sections.retain(|other| title(other) != title(section));
    sections.push(format!("{}\n", section.trim_end()));
    sections.sort_by_key(|section| place(&title(section)));
    format!("{HEAD}\n{}", sections.join("\n"))
}

fn place(title: &str) -> usize {
    crate::row::ALL.iter().position(|row| row.id == title).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_held_against_its_goal() {
        let verdict = |goal, value: f64| Measure::new("", goal, vec![value]).verdict(value);
        assert_eq!(verdict(Goal::AtLeast(0.3, 0.4), 0.29), "MISSED");
        assert_eq!(verdict(Goal::AtLeast(0.3, 0.4), 0.3), "met");
        assert_eq!(verdict(Goal::AtMost(30.0, 15.0), 15.0), "stretch met");
        assert_eq!(verdict(Goal::AtMost(30.0, 15.0), 31.0), "MISSED");
    }

    #[test]
    fn a_section_replaces_its_like_and_keeps_its_place() {
        let one = merged("", "## P4\n\nold\n");
        let two = merged(&one, "## P1\n\nfirst\n");
        let three = merged(&two, "## P4\n\nnew\n");
        assert_eq!(three, format!("{HEAD}\n## P1\n\nfirst\n\n## P4\n\nnew\n"));
        assert_eq!(merged(&three, "## P4\n\nnew\n"), three);
    }
}
