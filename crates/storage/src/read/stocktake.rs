//! What the hub reads of stocktakes: the documents, what is left to do for closing, and what the ledger says of a moment
//! that has passed. The ledger is walked from that moment on by the time in the ids of its movements.

use std::collections::BTreeMap;

use domain::id::{ArticleId, LocationId, MerchantId, StocktakeId};
use domain::money::Quantity;
use domain::stock::{Movement, StockLevel};
use domain::stocktake::{LineState, Seen, Stocktake, StocktakeLine, books_at};
use domain::time::Timestamp;

use super::stock::first_id;
use super::{PAGE_MAX, query, records};
use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::{Query, Reader};
use crate::record::{MOVEMENT, movement};
use crate::sql::columns;

/// Which stocktakes a page has.
#[derive(Debug, Clone, Copy, Default)]
pub struct StocktakeFilter {
    /// Those of one location.
    pub location: Option<LocationId>,
    /// Those in one state, by its word.
    pub state: Option<&'static str>,
}

/// Levels of a location that hold something and have no line in a stocktake.
const WITHOUT_LINE: &str = "WHERE location_id = $1 AND merchant_id = $2 AND on_hand <> 0 AND article_id > $3 AND NOT EXISTS \
    (SELECT 1 FROM stocktake_line l WHERE l.stocktake_id = $4 AND l.article_id = stock_level.article_id) \
    ORDER BY article_id LIMIT $5";

/// Levels of a location that should be counted in a stocktake and are not: those that it names, or all that hold something.
const UNCOUNTED: &str = "WHERE location_id = $1 AND merchant_id = $2 AND article_id > $3 AND ( \
    EXISTS (SELECT 1 FROM stocktake_line l WHERE l.stocktake_id = $4 AND l.article_id = stock_level.article_id \
        AND l.state = 'uncounted') \
    OR ($6 AND on_hand <> 0 AND NOT EXISTS \
        (SELECT 1 FROM stocktake_line l WHERE l.stocktake_id = $4 AND l.article_id = stock_level.article_id))) \
    ORDER BY article_id LIMIT $5";

impl Reader {
    /// One stocktake.
    pub async fn find_stocktake(
        &self,
        merchant: MerchantId,
        id: StocktakeId,
    ) -> Result<Option<Stocktake>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// A page of the merchant's stocktakes after an id.
    pub async fn list_stocktakes(
        &self,
        merchant: MerchantId,
        filter: &StocktakeFilter,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Stocktake>, EngineError> {
        let wanted = [("location_id", filter.location.map(Cell::display)), ("state", filter.state.map(Cell::text))];
        self.page_of(merchant, wanted, after, limit).await
    }

    /// A page of the lines of a stocktake after an article, all or those in one state.
    pub async fn list_stocktake_lines(
        &self,
        stocktake: &Stocktake,
        state: Option<&'static str>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<StocktakeLine>, EngineError> {
        let (id, merchant) = (Cell::display(stocktake.id), Cell::display(stocktake.merchant));
        let mut params = vec![id, merchant, Cell::Text(after.to_owned().into()), Cell::Int(limit.clamp(1, PAGE_MAX))];
        let of_state = if state.is_some() { "AND state = $5" } else { "" };
        params.extend(state.map(Cell::text));
        let tail = format!(
            "WHERE stocktake_id = $1 AND merchant_id = $2 AND article_id > $3 {of_state} ORDER BY article_id LIMIT $4"
        );
        self.list(&tail, params).await
    }

    /// A page of what should be counted and is not, after an article. What has no level has nothing to be counted.
    pub async fn list_uncounted(
        &self,
        stocktake: &Stocktake,
        after: &str,
        limit: i64,
    ) -> Result<Vec<StockLevel>, EngineError> {
        let mut params = of_location(stocktake, after, limit);
        params.push(Cell::Bool(stocktake.is_everything));
        self.list(UNCOUNTED, params).await
    }

    /// Articles that hold something and have no line yet: the next for closing.
    pub async fn list_without_line(&self, stocktake: &Stocktake, limit: i64) -> Result<Vec<ArticleId>, EngineError> {
        let levels: Vec<StockLevel> = self.list(WITHOUT_LINE, of_location(stocktake, "", limit)).await?;
        Ok(levels.into_iter().map(|level| level.article).collect())
    }

    /// The levels of these lines, by article.
    pub async fn read_levels_of(
        &self,
        stocktake: &Stocktake,
        lines: &[StocktakeLine],
    ) -> Result<BTreeMap<ArticleId, StockLevel>, EngineError> {
        if lines.is_empty() {
            return Ok(BTreeMap::new());
        }
        let articles: Vec<ArticleId> = lines.iter().map(|line| line.article).collect();
        let (wheres, params) = of_articles(stocktake, articles.iter());
        let levels: Vec<StockLevel> = self.list(&format!("WHERE {wheres}"), params).await?;
        Ok(levels.into_iter().map(|level| (level.article, level)).collect())
    }

    /// What the ledger says of articles at a location, each at an instant of its own; all as of one moment.
    pub async fn read_ledger(
        &self,
        stocktake: &Stocktake,
        instants: &BTreeMap<ArticleId, Timestamp>,
    ) -> Result<Vec<Seen>, EngineError> {
        let Some(first) = instants.values().min() else { return Ok(Vec::new()) };
        let (wheres, params) = of_articles(stocktake, instants.keys());
        let levels = query::<StockLevel>(&format!("WHERE {wheres}"), params.clone());
        let (columns, from) = (columns(&MOVEMENT), params.len() + 1);
        let sql = format!("SELECT {columns} FROM movement WHERE {wheres} AND id >= ${from}");
        let params = params.into_iter().chain([Cell::display(first_id(*first))]).collect();
        let mut answers = self.run(vec![levels, Query { sql: sql.into(), params }]).await?.into_iter();
        let levels: Vec<StockLevel> = records(answers.next().unwrap_or_default())?;
        let mut moved: BTreeMap<ArticleId, Vec<Movement>> = BTreeMap::new();
        for row in answers.next().unwrap_or_default() {
            let movement = movement(row)?;
            moved.entry(movement.article).or_default().push(movement);
        }
        let seen = instants.iter().map(|(article, at)| {
            // What has no level never moved here.
            let level = levels.iter().find(|level| level.article == *article);
            let movements = moved.get(article).into_iter().flatten();
            let expected = level.map_or(Quantity::ZERO, |level| books_at(level, movements, *at));
            Seen { article: *article, expected, backdated: level.map_or(0, |level| level.backdated) }
        });
        Ok(seen.collect())
    }

    /// What the books said of each of these lines when it was counted, or say now of one that is not.
    pub async fn read_expected(
        &self,
        stocktake: &Stocktake,
        lines: &[StocktakeLine],
    ) -> Result<BTreeMap<ArticleId, Quantity>, EngineError> {
        let levels = self.read_levels_of(stocktake, lines).await?;
        let (mut expected, mut instants) = (BTreeMap::new(), BTreeMap::new());
        for line in lines {
            let level = levels.get(&line.article);
            let known = match &line.state {
                LineState::Booked { expected, .. } => Some(*expected),
                LineState::Uncounted => Some(level.map_or(Quantity::ZERO, |level| level.on_hand)),
                LineState::Counted(count) => level.and_then(|level| count.expected(level)),
                LineState::Superseded(_) => continue,
            };
            match (known, line.state.count()) {
                (Some(known), _) => drop(expected.insert(line.article, known)),
                (None, Some(count)) => drop(instants.insert(line.article, count.at)),
                (None, None) => {}
            }
        }
        let seen = self.read_ledger(stocktake, &instants).await?;
        expected.extend(seen.into_iter().map(|seen| (seen.article, seen.expected)));
        Ok(expected)
    }
}

/// Which rows are of these articles at the location, and the parameters that say so.
fn of_articles<'a>(
    stocktake: &Stocktake,
    articles: impl ExactSizeIterator<Item = &'a ArticleId>,
) -> (String, Vec<Cell<'static>>) {
    let places: Vec<String> = (3..articles.len() + 3).map(|place| format!("${place}")).collect();
    let wheres = format!("location_id = $1 AND merchant_id = $2 AND article_id IN ({})", places.join(", "));
    let head = [Cell::display(stocktake.location), Cell::display(stocktake.merchant)];
    (wheres, head.into_iter().chain(articles.map(Cell::display)).collect())
}

fn of_location(stocktake: &Stocktake, after: &str, limit: i64) -> Vec<Cell<'static>> {
    vec![
        Cell::display(stocktake.location),
        Cell::display(stocktake.merchant),
        Cell::Text(after.to_owned().into()),
        Cell::display(stocktake.id),
        Cell::Int(limit.clamp(1, PAGE_MAX)),
    ]
}
