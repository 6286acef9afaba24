//! What somebody counted, in pieces as it comes.

use serde::Serialize;

use super::{Base, Count, LineState, Refusal, Stocktake, StocktakeLine, find_open, store};
use crate::article::ArticleRef;
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::guard;
use crate::id::{ArticleId, LocationId, MerchantId, StocktakeId};
use crate::money::{QUANTITY_MAX, Quantity};
use crate::stock;
use crate::text;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Counts of one command: what fits into a body.
pub const COUNTED_MAX: usize = 250;
/// How long after the counting a count may come, in milliseconds: seven days, as far back as the ledger is asked.
pub const LATE_MS_MAX: i64 = 7 * 24 * 60 * 60 * 1_000;
/// Longest name of who counted, in characters.
pub const NAME_CHARS_MAX: usize = 100;

/// Records counts of an open stocktake. An article that is not on its list may be counted, too.
#[derive(Debug, Clone)]
pub struct CountArticles {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Of which stocktake.
    pub stocktake: StocktakeId,
    /// Its location, so that the levels can be named before it is read.
    pub location: LocationId,
    /// Who counted, where it is not the caller.
    pub by: Option<String>,
    /// What was counted, in order, 1 to [`COUNTED_MAX`].
    pub counts: Vec<NewCount>,
}

/// One count.
#[derive(Debug, Clone)]
pub struct NewCount {
    /// What.
    pub article: ArticleRef,
    /// How much lies there.
    pub quantity: Quantity,
    /// What becomes of a count of it that is there.
    pub how: How,
    /// When it was seen, where that was before now.
    pub at: Option<Timestamp>,
}

/// What becomes of a count that is there when the article is counted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The new one takes its place, unless it is the older one.
    Replace,
    /// It lies on another shelf: the two are added. The later moment counts for both.
    Add,
}

/// What became of the counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The stocktake after them.
    pub stocktake: Stocktake,
    /// Articles of which a later count was there: the older one was passed over.
    pub outdated: Vec<ArticleId>,
}

impl CountArticles {
    fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        if !(1..=COUNTED_MAX).contains(&self.counts.len()) {
            return Err(Refusal::LineCountOutOfRange);
        }
        for count in &self.counts {
            if !(0..=QUANTITY_MAX).contains(&count.quantity.0) {
                return Err(Refusal::QuantityOutOfRange);
            }
            if count.at.is_some_and(|at| !(0..=LATE_MS_MAX).contains(&now.ms_since(at))) {
                return Err(Refusal::CountedAtOutOfRange);
            }
        }
        let Some(by) = &self.by else { return Ok(()) };
        if !text::is_line(by, NAME_CHARS_MAX) {
            return Err(Refusal::CountedByInvalid);
        }
        if guard::looks_like_card_number(by) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
    }

    fn line_keys(&self, article: ArticleId) -> [Key; 3] {
        [Key::Article(article), Key::StocktakeLine(self.stocktake, article), Key::StockLevel(self.location, article)]
    }

    /// The count as it is said now, with what the books say at this moment.
    fn count(&self, work: &UnitOfWork, call: &Call<'_>, new: &NewCount, article: ArticleId) -> Count {
        let level = work.stock_levels.find(call.merchant, &(self.location, article));
        let base = level.map(|level| Base { on_hand: level.on_hand, backdated: level.backdated });
        Count {
            quantity: new.quantity,
            at: new.at.unwrap_or(call.now),
            by: self.by.clone().unwrap_or_else(|| call.actor.name.clone()),
            base: if new.at.is_none() { base } else { None },
        }
    }
}

impl Command for CountArticles {
    type Reply = Recorded;

    fn name(&self) -> &'static str {
        "stocktake.count"
    }

    fn keys(&self) -> Vec<Key> {
        let of_count = |new: &NewCount| match new.article {
            ArticleRef::Id(article) => self.line_keys(article).to_vec(),
            ArticleRef::Barcode(_) => new.article.key(self.merchant).into_iter().collect(),
        };
        let of_counts = self.counts.iter().take(COUNTED_MAX).flat_map(of_count);
        [Key::Location(self.location), Key::Stocktake(self.stocktake)].into_iter().chain(of_counts).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Recorded, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        self.check(call.now)?;
        let mut stocktake = find_open(work, call.merchant, self.stocktake)?;
        if stocktake.location != self.location {
            return Err(command::not_found("stocktake", self.stocktake));
        }
        let articles = self.counts.iter().map(|new| new.article.find(work, call.merchant));
        let articles = articles.collect::<Result<Vec<_>, _>>()?;
        work.require(articles.iter().flat_map(|article| self.line_keys(*article)))?;
        let mut outdated = Vec::new();
        for (new, article) in self.counts.iter().zip(articles) {
            stock::require_counted(work, call, self.location, article)?;
            let count = self.count(work, call, new, article);
            if !put(work, &mut stocktake, article, count, new.how)? {
                outdated.push(article);
            }
        }
        let stocktake = store(work, stocktake)?;
        let told = Told { counts: self.counts.len(), counted: stocktake.tally.counted };
        work.emit(call, "stocktake.counted", stocktake.id, &told);
        Ok(Recorded { stocktake, outdated })
    }
}

/// Puts a count on its line. False if a later one stands there.
fn put(
    work: &mut UnitOfWork,
    stocktake: &mut Stocktake,
    article: ArticleId,
    count: Count,
    how: How,
) -> Result<bool, Refusal> {
    let (id, merchant) = (stocktake.id, stocktake.merchant);
    let line = work.stocktake_lines.find(merchant, &(id, article));
    let before = line.and_then(|line| line.state.count());
    let merged = match (before, how) {
        (None, _) => count,
        (Some(before), How::Replace) if count.at < before.at => return Ok(false),
        (Some(_), How::Replace) => count,
        (Some(before), How::Add) => add(before, count)?,
    };
    if before.is_none() {
        stocktake.tally.counted = stocktake.tally.counted.saturating_add(1);
        if line.is_some() {
            stocktake.tally.uncounted = stocktake.tally.uncounted.saturating_sub(1);
        }
    }
    let state = LineState::Counted(merged);
    match work.stocktake_lines.find_mut(merchant, &(id, article)) {
        Some(line) => line.state = state,
        None => {
            work.stocktake_lines.insert(StocktakeLine { stocktake: id, article, merchant, state, version: 1 });
        }
    }
    Ok(true)
}

/// Both shelves together, as of the later look.
fn add(before: &Count, count: Count) -> Result<Count, Refusal> {
    let sum = before.quantity.checked_add(count.quantity).filter(|sum| sum.0 <= QUANTITY_MAX);
    let quantity = sum.ok_or(Refusal::QuantityOutOfRange)?;
    let later = if count.at < before.at { before.clone() } else { count };
    Ok(Count { quantity, ..later })
}

#[derive(Serialize)]
struct Told {
    /// Of this command.
    counts: usize,
    /// Lines with a count by now.
    counted: i64,
}
