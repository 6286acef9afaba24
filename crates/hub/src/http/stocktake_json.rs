//! Stocktakes in JSON.

use domain::id::{ArticleId, LocationId, StocktakeId};
use domain::metadata::Metadata;
use domain::money::Quantity;
use domain::stocktake::{State, Stocktake, StocktakeLine, Uncounted};
use domain::time::Timestamp;
use serde::Serialize;

use super::json;

/// The head of a stocktake, with how far closing has come.
#[derive(Serialize)]
pub struct Shape<'a> {
    id: StocktakeId,
    object: &'static str,
    location_id: LocationId,
    state: &'static str,
    is_everything: bool,
    note: &'a str,
    /// Left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    /// What becomes of what nobody has counted.
    uncounted: Option<&'static str>,
    lines: Lines,
    #[serde(serialize_with = "json::instant")]
    opened_at: Timestamp,
    #[serde(serialize_with = "json::instant_option")]
    ended_at: Option<Timestamp>,
    version: i64,
}

/// How many lines stand how.
#[derive(Serialize)]
struct Lines {
    uncounted: i64,
    counted: i64,
    finished: i64,
    different: i64,
}

impl<'a> Shape<'a> {
    /// A stocktake as it stands.
    pub fn of(stocktake: &'a Stocktake) -> Self {
        let Stocktake { id, location, is_everything, state, tally, opened_at, version, .. } = *stocktake;
        let ended_at = match state {
            State::Open | State::Closing { .. } => None,
            State::Closed { at, .. } | State::Cancelled { at } => Some(at),
        };
        Self {
            id,
            object: "stocktake",
            location_id: location,
            state: state.as_str(),
            is_everything,
            note: &stocktake.note,
            metadata: stocktake.metadata.shown(),
            uncounted: state.uncounted().map(Uncounted::as_str),
            lines: Lines {
                uncounted: tally.uncounted,
                counted: tally.counted,
                finished: tally.finished,
                different: tally.different,
            },
            opened_at,
            ended_at,
            version,
        }
    }
}

/// One article of a stocktake.
#[derive(Serialize)]
pub struct Line<'a> {
    object: &'static str,
    article_id: ArticleId,
    state: &'static str,
    counted: Option<Quantity>,
    expected: Option<Quantity>,
    difference: Option<Quantity>,
    #[serde(serialize_with = "json::instant_option")]
    counted_at: Option<Timestamp>,
    counted_by: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// A line, with what the books said when it was counted.
    pub fn of(line: &'a StocktakeLine, expected: Option<Quantity>) -> Self {
        let count = line.state.count();
        let counted = count.map(|count| count.quantity);
        Self {
            object: "stocktake_line",
            article_id: line.article,
            state: line.state.as_str(),
            counted,
            expected,
            difference: counted.zip(expected).and_then(|(counted, expected)| counted.checked_sub(expected)),
            counted_at: count.map(|count| count.at),
            counted_by: count.map(|count| count.by.as_str()),
        }
    }
}
