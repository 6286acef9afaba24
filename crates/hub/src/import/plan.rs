//! The plan: what becomes of each line, and what is to be done for it.

use domain::article::{Barcode, CreateArticle, UpdateArticle};
use domain::id::ArticleId;
use domain::money::Quantity;

use super::issue::{Effect, Issue, quoted};

/// How a change begins that is one of the stock.
pub const OPENING_STOCK: &str = "opening stock";

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// An article is made.
    Created,
    /// An article is changed, or its opening stock comes in.
    Updated,
    /// Everything is as the line says.
    Unchanged,
    /// Nothing of it is taken.
    Refused,
}

impl Outcome {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Created, Self::Updated, Self::Unchanged, Self::Refused];

    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }
}

/// What is to be done for a line.
#[derive(Debug, Clone)]
pub struct Steps {
    /// The article: its id, or the one it has in the plan until it is made.
    pub article: ArticleId,
    /// Makes it.
    pub create: Option<CreateArticle>,
    /// Changes it.
    pub update: Option<UpdateArticle>,
    /// Comes in as its opening stock.
    pub stock: Option<Quantity>,
}

/// One line of the plan.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The line of the file.
    pub line: u64,
    /// The sku.
    pub sku: String,
    /// The name.
    pub name: String,
    /// Whether no line says it: it stands for the variants of which the line is the first.
    pub is_implied: bool,
    /// What becomes of it.
    pub outcome: Outcome,
    /// What changes.
    pub changes: Vec<String>,
    /// What is to be said.
    pub issues: Vec<Issue>,
    /// What is to be done.
    pub steps: Option<Steps>,
}

impl Entry {
    /// Refuses the line.
    pub fn refuse(&mut self, issue: Issue) {
        self.issues.push(issue);
        self.outcome = Outcome::Refused;
        self.changes.clear();
        self.steps = None;
    }
}

/// Whether nothing was refused, and nothing left out.
pub fn is_all_taken(entries: &[Entry]) -> bool {
    let is_kept_out = |issue: &Issue| matches!(issue.class.effect(), Effect::Refused | Effect::LeftOut);
    entries.iter().all(|entry| entry.outcome != Outcome::Refused && !entry.issues.iter().any(is_kept_out))
}

/// A sku as it may be repeated: one that is a code of goods is no card number.
pub fn shown_sku(sku: &str) -> String {
    if Barcode::parse(sku).is_ok() { sku.to_owned() } else { quoted(sku) }
}
