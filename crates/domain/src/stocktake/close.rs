//! The end of a stocktake: given up, or brought into the books by a job that goes on where another left off.

use serde::Serialize;

use super::{LineState, Refusal, State, Stocktake, StocktakeLine, Uncounted, find, find_open, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{ArticleId, LocationId, StocktakeId};
use crate::job::Job;
use crate::work::{Key, Stop, UnitOfWork};

/// Gives an open stocktake up: nothing of it comes into the books.
#[derive(Debug, Clone)]
pub struct CancelStocktake {
    /// Which one.
    pub stocktake: StocktakeId,
}

impl Command for CancelStocktake {
    type Reply = Stocktake;

    fn name(&self) -> &'static str {
        "stocktake.cancel"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Stocktake(self.stocktake)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Stocktake, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let stocktake = find_open(work, call.merchant, self.stocktake)?;
        let cancelled = store(work, Stocktake { state: State::Cancelled { at: call.now }, ..stocktake })?;
        work.emit(call, "stocktake.cancelled", self.stocktake, &Cancelled { location: cancelled.location });
        Ok(cancelled)
    }
}

/// Ends the counting. What was counted comes into the books by the job that this leaves behind.
#[derive(Debug, Clone)]
pub struct CloseStocktake {
    /// Which one.
    pub stocktake: StocktakeId,
    /// What becomes of what nobody has counted.
    pub uncounted: Uncounted,
}

impl Command for CloseStocktake {
    type Reply = Stocktake;

    fn name(&self) -> &'static str {
        "stocktake.close"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Stocktake(self.stocktake), Key::Job(Stocktake::closing_job(self.stocktake))]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Stocktake, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let stocktake = find_open(work, call.merchant, self.stocktake)?;
        if stocktake.tally.counted == 0 {
            return Err(Refusal::Empty.into());
        }
        let (uncounted, asked_at) = (self.uncounted, call.now);
        // What was named has its lines already.
        let state = State::Closing { uncounted, asked_at, is_listed: !stocktake.is_everything };
        let closing = store(work, Stocktake { state, ..stocktake })?;
        let (id, merchant) = (Stocktake::closing_job(self.stocktake), call.merchant);
        work.jobs.insert(Job { id, merchant, due_at: Some(call.now), fence: 0, attempts: 0, version: 1 });
        let told = Closing { location: closing.location, uncounted: uncounted.as_str() };
        work.emit(call, "stocktake.close_asked", self.stocktake, &told);
        Ok(closing)
    }
}

/// Gives lines to articles that should have been counted and were not, so that the document names them. Part of closing.
#[derive(Debug, Clone)]
pub struct ListUncounted {
    /// Which stocktake.
    pub stocktake: StocktakeId,
    /// Articles without a line, as far as the caller could see; those that have one are passed over.
    pub articles: Vec<ArticleId>,
    /// Whether there are no more.
    pub is_all: bool,
}

impl Command for ListUncounted {
    type Reply = Stocktake;

    fn name(&self) -> &'static str {
        "stocktake.list_uncounted"
    }

    fn keys(&self) -> Vec<Key> {
        let lines = self.articles.iter().map(|article| Key::StocktakeLine(self.stocktake, *article));
        let head = [Key::Stocktake(self.stocktake), Key::Job(Stocktake::closing_job(self.stocktake))];
        head.into_iter().chain(lines).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Stocktake, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let mut stocktake = find(work, call.merchant, self.stocktake)?;
        let State::Closing { uncounted, asked_at, is_listed: false } = stocktake.state else { return Ok(stocktake) };
        for article in &self.articles {
            if work.stocktake_lines.is_taken(&(self.stocktake, *article)) {
                continue;
            }
            let (article, merchant, state) = (*article, call.merchant, LineState::Uncounted);
            let line = StocktakeLine { stocktake: self.stocktake, article, merchant, state, version: 1 };
            work.stocktake_lines.insert(line);
            stocktake.tally.uncounted = stocktake.tally.uncounted.saturating_add(1);
        }
        stocktake.state = State::Closing { uncounted, asked_at, is_listed: self.is_all };
        finish(work, call, stocktake)
    }
}

/// Stores what closing changed, and ends it when nothing is left to do.
pub(super) fn finish(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    mut stocktake: Stocktake,
) -> Result<Stocktake, Stop<command::Refusal>> {
    let State::Closing { uncounted, is_listed: true, .. } = stocktake.state else { return store(work, stocktake) };
    if stocktake.left() > 0 {
        return store(work, stocktake);
    }
    stocktake.state = State::Closed { uncounted, at: call.now };
    if let Some(job) = work.jobs.find_mut(call.merchant, &Stocktake::closing_job(stocktake.id)) {
        job.due_at = None;
    }
    let Stocktake { id, location, tally, .. } = stocktake;
    let uncounted = uncounted.as_str();
    let (counted, different, left_uncounted) = (tally.counted, tally.different, tally.uncounted);
    work.emit(call, "stocktake.closed", id, &Closed { location, uncounted, counted, different, left_uncounted });
    store(work, stocktake)
}

#[derive(Serialize)]
struct Cancelled {
    location: LocationId,
}

#[derive(Serialize)]
struct Closing {
    location: LocationId,
    uncounted: &'static str,
}

#[derive(Serialize)]
struct Closed {
    location: LocationId,
    uncounted: &'static str,
    counted: i64,
    different: i64,
    left_uncounted: i64,
}
