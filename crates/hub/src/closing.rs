//! Brings closed stocktakes into the books, a piece at a time: what a worker does when the job comes. Each piece is an
//! ordinary command in the bulk lane, and a piece that was done is passed over: killed midway it ends the same, and two
//! hubs that do the same piece do it once.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::call::Actor;
use domain::id::{ArticleId, MerchantId, StocktakeId};
use domain::stocktake::{BOOKED_MAX, BookCounts, LineState, ListUncounted, State, Stocktake, StocktakeLine, Uncounted};
use domain::time::Timestamp;
use storage::{Answer, EngineError, Failure, Lane};

use crate::app::App;
use crate::rounds;

/// Lines of one piece: as many as a page gives and one command books.
const PIECE: i64 = BOOKED_MAX as i64;

/// Does the next piece of a stocktake that is being closed.
pub async fn step(app: &App, actor: &Arc<Actor>, merchant: MerchantId, id: StocktakeId) -> Result<(), Failure> {
    let Some(stocktake) = app.reader.find_stocktake(merchant, id).await.map_err(unread)? else { return Ok(()) };
    let State::Closing { uncounted, asked_at, is_listed } = stocktake.state else { return Ok(()) };
    let envelope = rounds::own(merchant, actor, format!("job-{id}"), Lane::Bulk);
    if !is_listed {
        let articles = app.reader.list_without_line(&stocktake, PIECE).await.map_err(unread)?;
        let command = ListUncounted { stocktake: id, is_all: articles.is_empty(), articles };
        return app.committer.submit(envelope, command, |_| Answer::default()).await.map(drop);
    }
    let lines = lines_left(app, &stocktake, uncounted).await.map_err(unread)?;
    let levels = app.reader.read_levels_of(&stocktake, &lines).await.map_err(unread)?;
    let asks_ledger = |line: &&StocktakeLine| {
        let expected =
            line.state.count().zip(levels.get(&line.article)).and_then(|(count, level)| count.expected(level));
        expected.is_none()
    };
    let instants: BTreeMap<ArticleId, Timestamp> =
        lines.iter().filter(asks_ledger).map(|line| (line.article, moment(line, asked_at))).collect();
    let seen = app.reader.read_ledger(&stocktake, &instants).await.map_err(unread)?;
    let articles = lines.into_iter().map(|line| line.article).collect();
    let command = BookCounts { stocktake: id, location: stocktake.location, articles, seen };
    app.committer.submit(envelope, command, |_| Answer::default()).await.map(drop)
}

/// The next lines that are not in the books.
async fn lines_left(app: &App, stocktake: &Stocktake, uncounted: Uncounted) -> Result<Vec<StocktakeLine>, EngineError> {
    let counted = app.reader.list_stocktake_lines(stocktake, Some("counted"), "", PIECE).await?;
    match uncounted {
        Uncounted::Zero if counted.is_empty() => {
            app.reader.list_stocktake_lines(stocktake, Some(LineState::Uncounted.as_str()), "", PIECE).await
        }
        Uncounted::Zero | Uncounted::Leave => Ok(counted),
    }
}

/// The moment that a line is about: what nobody counted is nothing since closing was asked for.
fn moment(line: &StocktakeLine, asked_at: Timestamp) -> Timestamp {
    line.state.count().map_or(asked_at, |count| count.at)
}

fn unread(error: EngineError) -> Failure {
    Failure::Unavailable(error.to_string())
}
