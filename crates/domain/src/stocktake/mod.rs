//! Stocktakes: what was counted on the shelves of one location. A count is worth something from the moment of counting on:
//! what moved before it the count has seen, what moves after it comes on top, however long the closing takes.
//!
//! A count therefore remembers what the books said at its moment (`base`), under the lock of the level. The difference of
//! the two is what the books were wrong by, and no later movement changes it: closing adds it to whatever is on hand by
//! then. Only a movement that is entered with an earlier time of its own makes a base stale; the level counts those
//! (`backdated`), and then, or where the count itself comes with an earlier time, the ledger is asked (ADR 4).

mod book;
mod close;
mod count;
mod open;
mod refusal;
#[cfg(test)]
mod story;

pub use book::{BOOKED_MAX, BookCounts, Seen, books_at};
pub use close::{CancelStocktake, CloseStocktake, ListUncounted};
pub use count::{COUNTED_MAX, CountArticles, How, LATE_MS_MAX, NAME_CHARS_MAX, NewCount, Recorded};
pub use open::{NAMED_MAX, NOTE_CHARS_MAX, OpenStocktake};
pub use refusal::Refusal;

use crate::command::{self, not_found};
use crate::id::{ArticleId, LocationId, MerchantId, StocktakeId};
use crate::job::{self, JobId};
use crate::metadata::Metadata;
use crate::money::Quantity;
use crate::stock::StockLevel;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// The head of a stocktake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stocktake {
    /// Its id.
    pub id: StocktakeId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Whose shelves.
    pub location: LocationId,
    /// What it is for, in the merchant's words.
    pub note: String,
    /// Whether everything at the location should be counted; otherwise what was named.
    pub is_everything: bool,
    /// Where it stands.
    pub state: State,
    /// How its lines stand.
    pub tally: Tally,
    /// What a vendor notes on it.
    pub metadata: Metadata,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// How many lines stand how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Lines that nobody has counted.
    pub uncounted: i64,
    /// Lines with a count.
    pub counted: i64,
    /// Of those, how many closing has dealt with.
    pub finished: i64,
    /// Of those, how many made a difference.
    pub different: i64,
}

/// Where a stocktake stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is counted.
    Open,
    /// It is being brought into the books, piece by piece.
    Closing {
        /// What becomes of what nobody has counted.
        uncounted: Uncounted,
        /// When closing was asked for.
        asked_at: Timestamp,
        /// Whether all that should have been counted and was not has a line by now.
        is_listed: bool,
    },
    /// It is in the books.
    Closed {
        /// What became of what nobody had counted.
        uncounted: Uncounted,
        /// Since when.
        at: Timestamp,
    },
    /// It was given up and changed nothing.
    Cancelled {
        /// Since when.
        at: Timestamp,
    },
}

impl State {
    /// The words of all states.
    pub const WORDS: [&str; 4] = ["open", "closing", "closed", "cancelled"];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closing { .. } => "closing",
            Self::Closed { .. } => "closed",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// What becomes of what nobody has counted, once somebody said it.
    pub const fn uncounted(self) -> Option<Uncounted> {
        match self {
            Self::Closing { uncounted, .. } | Self::Closed { uncounted, .. } => Some(uncounted),
            Self::Open | Self::Cancelled { .. } => None,
        }
    }
}

/// What becomes of articles that should have been counted and were not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncounted {
    /// The books stay as they are.
    Leave,
    /// There is nothing of them.
    Zero,
}

impl Uncounted {
    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Leave => "leave",
            Self::Zero => "zero",
        }
    }

    /// The choice of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Leave, Self::Zero].into_iter().find(|choice| choice.as_str() == text)
    }
}

/// One article of a stocktake. The lock of the head covers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StocktakeLine {
    /// Of which stocktake.
    pub stocktake: StocktakeId,
    /// What.
    pub article: ArticleId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// How it stands.
    pub state: LineState,
    /// Row version.
    pub version: i64,
}

/// How a line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineState {
    /// It should be counted.
    Uncounted,
    /// It is counted.
    Counted(Count),
    /// The difference is in the ledger.
    Booked {
        /// What was counted.
        count: Count,
        /// What the books said at the moment of counting.
        expected: Quantity,
    },
    /// A later count of another stocktake was in the books before: this one says nothing any more.
    Superseded(Count),
}

impl LineState {
    /// The words of all states.
    pub const WORDS: [&str; 4] = ["uncounted", "counted", "booked", "superseded"];

    /// The word in the database and in the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Uncounted => "uncounted",
            Self::Counted(_) => "counted",
            Self::Booked { .. } => "booked",
            Self::Superseded(_) => "superseded",
        }
    }

    /// What was counted.
    pub const fn count(&self) -> Option<&Count> {
        match self {
            Self::Uncounted => None,
            Self::Counted(count) | Self::Booked { count, .. } | Self::Superseded(count) => Some(count),
        }
    }
}

/// What somebody counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// How much lies there.
    pub quantity: Quantity,
    /// When it was seen.
    pub at: Timestamp,
    /// Who counted.
    pub by: String,
    /// What the books said at that moment; `None` where the count came later than it was made.
    pub base: Option<Base>,
}

impl Count {
    /// What the books said at the moment of counting; `None` where only the ledger can tell, because the count came later
    /// than it was made or something was entered with an earlier time since.
    pub fn expected(&self, level: &StockLevel) -> Option<Quantity> {
        self.base.filter(|base| base.backdated == level.backdated).map(|base| base.on_hand)
    }
}

/// What the books said when something was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// `on_hand` of the level.
    pub on_hand: Quantity,
    /// How many movements had been entered with an earlier time: one more, and the base is stale.
    pub backdated: i64,
}

impl Stocktake {
    /// The job that brings it into the books.
    pub fn closing_job(id: StocktakeId) -> JobId {
        JobId { kind: job::Kind::CloseStocktake, subject: id.to_string() }
    }

    /// How many lines closing still has to deal with, as far as they are known.
    pub fn left(&self) -> i64 {
        let uncounted = if self.state.uncounted() == Some(Uncounted::Zero) { self.tally.uncounted } else { 0 };
        self.tally.counted.saturating_sub(self.tally.finished).saturating_add(uncounted)
    }
}

/// The merchant's stocktake, which the command has named.
fn find(work: &UnitOfWork, merchant: MerchantId, id: StocktakeId) -> Result<Stocktake, Stop<command::Refusal>> {
    work.require([Key::Stocktake(id)])?;
    work.stocktakes.find(merchant, &id).cloned().ok_or_else(|| not_found("stocktake", id))
}

/// The same, if it may still be counted.
fn find_open(work: &UnitOfWork, merchant: MerchantId, id: StocktakeId) -> Result<Stocktake, Stop<command::Refusal>> {
    let stocktake = find(work, merchant, id)?;
    match stocktake.state {
        State::Open => Ok(stocktake),
        state => Err(Refusal::NotOpen { state }.into()),
    }
}

/// Puts a changed head in the place of the one that was loaded.
fn store(work: &mut UnitOfWork, changed: Stocktake) -> Result<Stocktake, Stop<command::Refusal>> {
    let id = changed.id;
    work.stocktakes.replace(changed).cloned().ok_or_else(|| not_found("stocktake", id))
}
