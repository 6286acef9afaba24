//! `/v1/stock-levels`: what lies on the shelves.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::id::{ArticleId, LocationId};
use domain::money::Quantity;
use domain::stock::{SetThreshold, StockLevel};
use serde::{Deserialize, Serialize};
use storage::Answer;

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Segments, query};
use super::error::{Kind, Problem};
use super::idempotency::KeyRule;
use super::json::{self, Page, QuantityIn};
use super::submit::{ok, submit};
use crate::app::App;

/// The routes of stock.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/stock-levels", list),
        Route::put("/v1/stock-levels/{location_id}/{article_id}/threshold", set_threshold),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    location_id: LocationId,
    article_id: Option<ArticleId>,
    #[serde(default)]
    below_threshold: bool,
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { location_id, article_id, below_threshold, cursor, limit } = query(&uri)?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<ArticleId>()?, page.limit()?);
    app.reader.find_location(merchant, location_id).await?.ok_or_else(|| Problem::not_found("location"))?;
    if below_threshold && article_id.is_some() {
        return Err(Problem::new(Kind::QueryInvalid, "Give `article_id` or `below_threshold`, not both."));
    }
    if let Some(article) = article_id {
        app.reader.find_article(merchant, article).await?.ok_or_else(|| Problem::not_found("article"))?;
    }
    let found = if below_threshold {
        app.reader.list_stock_levels_below_threshold(merchant, location_id, after, limit + 1).await?
    } else {
        app.reader.list_stock_levels(merchant, location_id, article_id, after, limit + 1).await?
    };
    Ok(ok(json::to_bytes(&json::list(&found, limit, |level| level.article.to_string(), Level::of))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Threshold {
    /// Said always: a body that was forgotten does not take a threshold away.
    #[serde(deserialize_with = "Option::deserialize")]
    reorder_at: Option<QuantityIn>,
}

async fn set_threshold(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Threshold>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let command = SetThreshold {
        location: segments.id(0, "location")?,
        article: segments.id(1, "article")?,
        reorder_at: asked.body.reorder_at.map(|QuantityIn(reorder_at)| reorder_at),
    };
    submit(&app, asked.envelope, command, encode_level).await
}

fn encode_level(level: &StockLevel) -> Answer {
    json::answer(200, level.article, json::to_bytes(&Level::of(level)))
}

/// A level in JSON.
#[derive(Serialize)]
pub(super) struct Level {
    object: &'static str,
    location_id: LocationId,
    article_id: ArticleId,
    on_hand: Quantity,
    reserved: Quantity,
    available: Quantity,
    reorder_at: Option<Quantity>,
    is_limited: bool,
    version: i64,
}

impl Level {
    pub(super) fn of(level: &StockLevel) -> Self {
        let StockLevel { location, article, on_hand, reserved, reorder_at, version, .. } = *level;
        Self {
            object: "stock_level",
            location_id: location,
            article_id: article,
            on_hand,
            reserved,
            available: level.available(),
            reorder_at,
            is_limited: level.is_limited(),
            version,
        }
    }
}
