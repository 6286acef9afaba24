//! `/v1/stock-levels` and `/v1/stock-movements`: what lies on the shelves.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::id::{ArticleId, LocationId, MovementId};
use domain::money::Quantity;
use domain::stock::{Correction, MoveStock, Moved, SetThreshold, StockLevel};
use domain::time::Timestamp;
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
        Route::post("/v1/stock-movements", create),
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMovement {
    location_id: LocationId,
    article_id: ArticleId,
    kind: MovementKind,
    quantity: QuantityIn,
    #[serde(default)]
    reason: String,
    expected_on_hand: Option<QuantityIn>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MovementKind {
    Receipt,
    Adjustment,
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewMovement>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let NewMovement { location_id, article_id, kind, quantity, reason, expected_on_hand } = asked.body;
    let command = MoveStock {
        location: location_id,
        article: article_id,
        kind: match kind {
            MovementKind::Receipt => Correction::Receipt,
            MovementKind::Adjustment => Correction::Adjustment,
        },
        quantity: quantity.0,
        reason,
        expected_on_hand: expected_on_hand.map(|QuantityIn(quantity)| quantity),
    };
    submit(&app, asked.envelope, command, encode).await
}

fn encode(moved: &Moved) -> Answer {
    json::answer(201, moved.movement.id, json::to_bytes(&Movement::of(moved)))
}

#[derive(Serialize)]
struct Movement<'a> {
    id: MovementId,
    object: &'static str,
    location_id: LocationId,
    article_id: ArticleId,
    kind: &'static str,
    quantity: Quantity,
    reason: &'a str,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    stock_level: Level,
}

impl<'a> Movement<'a> {
    fn of(moved: &'a Moved) -> Self {
        let Moved { movement, level } = moved;
        Self {
            id: movement.id,
            object: "stock_movement",
            location_id: movement.location,
            article_id: movement.article,
            kind: movement.kind.as_str(),
            quantity: movement.quantity,
            reason: &movement.reason,
            created_at: movement.recorded_at,
            stock_level: Level::of(level),
        }
    }
}

#[derive(Serialize)]
struct Level {
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
    fn of(level: &StockLevel) -> Self {
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
