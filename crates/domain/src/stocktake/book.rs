//! Counts come into the books: the rule of this folder is here.

use super::close::finish;
use super::{Count, LineState, State, Stocktake, Uncounted, find};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::exception;
use crate::id::{ArticleId, LocationId, StocktakeId};
use crate::money::Quantity;
use crate::stock::{self, LastCount, Movement, StockLevel};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Lines of one command: each writes itself, its level, its movement and up to two events.
pub const BOOKED_MAX: usize = 200;

/// Brings counts of a stocktake that is being closed into the books. Part of closing; a line that is in them already is
/// passed over, and one for which the ledger has to be asked first is left for the next time.
#[derive(Debug, Clone)]
pub struct BookCounts {
    /// Which stocktake.
    pub stocktake: StocktakeId,
    /// Its location.
    pub location: LocationId,
    /// Which articles, at most [`BOOKED_MAX`].
    pub articles: Vec<ArticleId>,
    /// What the ledger says, for counts that have no base or a stale one.
    pub seen: Vec<Seen>,
}

/// What the ledger says of one article at the moment of its count, as it was read beside the committer. No ordinary movement
/// changes it; that none with an earlier time came meanwhile is seen by `backdated`, under the lock of the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Of what.
    pub article: ArticleId,
    /// What the books said then.
    pub expected: Quantity,
    /// How many movements had been entered with an earlier time when it was read.
    pub backdated: i64,
}

/// What the books say that lay there `at` an instant: what lies there now without what moved since. `movements` are those
/// of the level that were recorded after the instant; they may have more.
pub fn books_at<'a>(level: &StockLevel, movements: impl IntoIterator<Item = &'a Movement>, at: Timestamp) -> Quantity {
    let of_level = |movement: &&Movement| (movement.location, movement.article) == (level.location, level.article);
    let later = movements.into_iter().filter(of_level).filter(|movement| movement.moved_at() > at);
    Quantity(later.fold(level.on_hand.0, |on_hand, movement| on_hand.saturating_sub(movement.quantity.0)))
}

impl BookCounts {
    fn line_keys(&self, article: ArticleId) -> [Key; 3] {
        [Key::Article(article), Key::StocktakeLine(self.stocktake, article), Key::StockLevel(self.location, article)]
    }

    /// What the books said at the moment of counting; `None` where the ledger has to be asked again.
    fn expected(&self, count: &Count, level: &StockLevel) -> Option<Quantity> {
        let seen = self.seen.iter().find(|seen| seen.article == level.article);
        let seen = seen.filter(|seen| seen.backdated == level.backdated).map(|seen| seen.expected);
        count.expected(level).or(seen)
    }

    fn book(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        stocktake: &mut Stocktake,
        article: ArticleId,
    ) -> Result<(), Stop<command::Refusal>> {
        let Some(line) = work.stocktake_lines.find(call.merchant, &(self.stocktake, article)) else { return Ok(()) };
        let Some(count) = count_of(&line.state, stocktake.state) else { return Ok(()) };
        let was_uncounted = line.state == LineState::Uncounted;
        let level = work.stock_levels.find(call.merchant, &(self.location, article));
        let level = level.ok_or_else(|| Stop::Needs(vec![Key::StockLevel(self.location, article)]))?;
        let (state, is_different) = if level.last_count.is_some_and(|last| last.at > count.at) {
            (LineState::Superseded(count), false)
        } else {
            let Some(expected) = self.expected(&count, level) else { return Ok(()) };
            let difference = count.quantity.checked_sub(expected).ok_or(stock::Refusal::QuantityOutOfRange)?;
            let last = LastCount { stocktake: self.stocktake, at: count.at };
            let level = stock::enter_count(work, call, (self.location, article), difference, last)?;
            tell_promised(work, call, &level, difference);
            (LineState::Booked { count, expected }, difference != Quantity::ZERO)
        };
        if let Some(line) = work.stocktake_lines.find_mut(call.merchant, &(self.stocktake, article)) {
            line.state = state;
        }
        let tally = &mut stocktake.tally;
        tally.finished = tally.finished.saturating_add(1);
        tally.different = tally.different.saturating_add(is_different.into());
        if was_uncounted {
            tally.uncounted = tally.uncounted.saturating_sub(1);
            tally.counted = tally.counted.saturating_add(1);
        }
        Ok(())
    }
}

/// What has to come into the books of a line, if anything has.
fn count_of(line: &LineState, stocktake: State) -> Option<Count> {
    match (line, stocktake) {
        (LineState::Counted(count), _) => Some(count.clone()),
        (LineState::Uncounted, State::Closing { uncounted: Uncounted::Zero, asked_at, .. }) => {
            Some(Count { quantity: Quantity::ZERO, at: asked_at, by: String::new(), base: None })
        }
        (LineState::Uncounted | LineState::Booked { .. } | LineState::Superseded(_), _) => None,
    }
}

/// Says once for a stocktake that less lies there than open sales were promised.
fn tell_promised(work: &mut UnitOfWork, call: &mut Call<'_>, level: &StockLevel, difference: Quantity) {
    let Some(last) = level.last_count else { return };
    let kind = exception::Kind::StockNegative;
    let is_short = difference < Quantity::ZERO && level.available() < Quantity::ZERO;
    if !is_short || exception::find_open(work, call, last.stocktake, kind).is_some() {
        return;
    }
    let reason = format!(
        "Less of {} was counted than is promised to open sales, and perhaps of other articles of this stocktake. Find out \
         which customers wait for it, and bring more or void a sale.",
        level.article
    );
    exception::open(work, call, last.stocktake, kind, reason, 0);
}

impl Command for BookCounts {
    type Reply = Stocktake;

    fn name(&self) -> &'static str {
        "stocktake.book"
    }

    fn keys(&self) -> Vec<Key> {
        let job = Key::Job(Stocktake::closing_job(self.stocktake));
        let lines = self.articles.iter().take(BOOKED_MAX).flat_map(|article| self.line_keys(*article));
        [Key::Location(self.location), Key::Stocktake(self.stocktake), job].into_iter().chain(lines).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Stocktake, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let mut stocktake = find(work, call.merchant, self.stocktake)?;
        if stocktake.location != self.location {
            return Err(not_found("stocktake", self.stocktake));
        }
        if !matches!(stocktake.state, State::Closing { .. }) {
            return Ok(stocktake);
        }
        let before = stocktake.tally;
        for article in self.articles.iter().take(BOOKED_MAX) {
            self.book(work, call, &mut stocktake, *article)?;
        }
        if stocktake.tally == before { Ok(stocktake) } else { finish(work, call, stocktake) }
    }
}
