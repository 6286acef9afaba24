//! A new stocktake.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{LineState, Refusal, State, Stocktake, StocktakeLine, Tally};
use crate::article::ArticleRef;
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::guard;
use crate::id::{ArticleId, LocationId, MerchantId, StocktakeId};
use crate::metadata::Metadata;
use crate::stock;
use crate::work::{Key, Stop, UnitOfWork};

/// Articles that may be named: a shelf's, as many as one command writes. A whole shop counts everything.
pub const NAMED_MAX: usize = 500;
/// Longest note, in characters: a line or two.
pub const NOTE_CHARS_MAX: usize = 200;

/// Opens a stocktake of one location.
#[derive(Debug, Clone)]
pub struct OpenStocktake {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Whose shelves.
    pub location: LocationId,
    /// What should be counted; everything without it.
    pub articles: Option<Vec<ArticleRef>>,
    /// What it is for.
    pub note: String,
}

impl OpenStocktake {
    fn check(&self) -> Result<(), Refusal> {
        if self.articles.as_ref().is_some_and(|articles| !(1..=NAMED_MAX).contains(&articles.len())) {
            return Err(Refusal::LineCountOutOfRange);
        }
        if self.note.chars().count() > NOTE_CHARS_MAX {
            return Err(Refusal::NoteTooLong);
        }
        if guard::looks_like_card_number(&self.note) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
    }

    /// The articles that are named, each once, if their stock is counted at all.
    fn named(&self, work: &UnitOfWork, call: &Call<'_>) -> Result<BTreeSet<ArticleId>, Stop<command::Refusal>> {
        let articles = self.articles.iter().flatten().map(|article| article.find(work, call.merchant));
        let articles = articles.collect::<Result<BTreeSet<_>, _>>()?;
        work.require(articles.iter().map(|article| Key::Article(*article)))?;
        for article in &articles {
            stock::require_counted(work, call, self.location, *article)?;
        }
        Ok(articles)
    }
}

impl Command for OpenStocktake {
    type Reply = Stocktake;

    fn name(&self) -> &'static str {
        "stocktake.open"
    }

    fn keys(&self) -> Vec<Key> {
        let articles = self.articles.iter().flatten().take(NAMED_MAX);
        let named = articles.filter_map(|article| article.key(self.merchant));
        std::iter::once(Key::Location(self.location)).chain(named).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Stocktake, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        self.check()?;
        let location = self.location;
        work.locations.find(call.merchant, &location).ok_or_else(|| not_found("location", location))?;
        let articles = self.named(work, call)?;
        let uncounted = i64::try_from(articles.len()).unwrap_or(i64::MAX);
        let stocktake = Stocktake {
            id: StocktakeId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            location,
            note: self.note.clone(),
            is_everything: self.articles.is_none(),
            state: State::Open,
            metadata: Metadata::default(),
            tally: Tally { uncounted, ..Tally::default() },
            opened_at: call.now,
            version: 1,
        };
        work.stocktakes.insert(stocktake.clone());
        for article in articles {
            let (stocktake, merchant, state) = (stocktake.id, call.merchant, LineState::Uncounted);
            work.stocktake_lines.insert(StocktakeLine { stocktake, article, merchant, state, version: 1 });
        }
        let opened = Opened { location, is_everything: stocktake.is_everything, uncounted };
        work.emit(call, "stocktake.opened", stocktake.id, &opened);
        Ok(stocktake)
    }
}

#[derive(Serialize)]
struct Opened {
    location: LocationId,
    is_everything: bool,
    uncounted: i64,
}
