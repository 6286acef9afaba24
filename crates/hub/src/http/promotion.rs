//! `/v1/promotions`: dated rules by which goods cost less.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::id::{ArticleId, LocationId, PromotionId};
use domain::promotion::{
    Coupon, CouponCode, CreatePromotion, NewCoupon, NewPromotion, Rule, Standing, UpdatePromotion,
};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::Answer;

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Segments, query};
use super::error::Problem;
use super::etag::{expected_version, tagged};
use super::idempotency::KeyRule;
use super::json::{self, InstantIn, Page};
use super::submit::{ok, submit};
use crate::app::App;

/// The turn of a promotion where nothing is said: there is room before it and after it.
const PRIORITY_DEFAULT: u32 = 100;

/// The routes of promotions.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/promotions", create),
        Route::get("/v1/promotions", list),
        Route::get("/v1/promotions/{id}", get),
        Route::patch("/v1/promotions/{id}", update),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    name: String,
    rule: Rule,
    #[serde(default)]
    article_ids: Vec<ArticleId>,
    #[serde(default)]
    location_ids: Vec<LocationId>,
    coupon: Option<CouponIn>,
    priority: Option<u32>,
    valid_from: Option<InstantIn>,
    valid_until: Option<InstantIn>,
    #[serde(default = "json::yes")]
    is_active: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CouponIn {
    code: String,
    uses_max: Option<i64>,
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Draft>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let draft = asked.body;
    let promotion = NewPromotion {
        name: draft.name,
        rule: draft.rule,
        articles: draft.article_ids,
        locations: draft.location_ids,
        coupon: draft.coupon.map(|CouponIn { code, uses_max }| NewCoupon { code, uses_max }),
        priority: draft.priority.unwrap_or(PRIORITY_DEFAULT),
        valid_from: draft.valid_from.map(|InstantIn(at)| at),
        valid_until: draft.valid_until.map(|InstantIn(at)| at),
        is_active: draft.is_active,
    };
    let command = CreatePromotion { merchant: asked.principal.merchant, promotion };
    submit(&app, asked.envelope, command, |standing| encode(201, standing)).await
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let page: Page = query(&uri)?;
    let limit = page.limit()?;
    let found = app.reader.list_promotions(principal.merchant, page.after::<PromotionId>()?, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |standing| standing.promotion.id.to_string(), Shape::of))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let found = app.reader.find_promotion(principal.merchant, segments.id(0, "promotion")?).await?;
    let standing = found.ok_or_else(|| Problem::not_found("promotion"))?;
    Ok(tagged(json::to_bytes(&Shape::of(&standing)), standing.promotion.version))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    name: Option<String>,
    rule: Option<Rule>,
    article_ids: Option<Vec<ArticleId>>,
    location_ids: Option<Vec<LocationId>>,
    priority: Option<u32>,
    valid_from: Option<InstantIn>,
    #[serde(default, deserialize_with = "json::present")]
    valid_until: Option<Option<InstantIn>>,
    #[serde(default, deserialize_with = "json::present")]
    coupon_uses_max: Option<Option<i64>>,
    is_active: Option<bool>,
}

async fn update(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Changes>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let changes = asked.body;
    let command = UpdatePromotion {
        merchant: asked.principal.merchant,
        id: segments.id(0, "promotion")?,
        expected_version: expected_version(&asked.headers)?,
        name: changes.name,
        rule: changes.rule,
        articles: changes.article_ids,
        locations: changes.location_ids,
        uses_max: changes.coupon_uses_max,
        priority: changes.priority,
        valid_from: changes.valid_from.map(|InstantIn(at)| at),
        valid_until: changes.valid_until.map(|until| until.map(|InstantIn(at)| at)),
        is_active: changes.is_active,
    };
    submit(&app, asked.envelope, command, |standing| encode(200, standing)).await
}

fn encode(status: u16, standing: &Standing) -> Answer {
    json::answer(status, standing.promotion.id, json::to_bytes(&Shape::of(standing)))
}

#[derive(Serialize)]
struct Shape<'a> {
    id: PromotionId,
    object: &'static str,
    name: &'a str,
    rule: &'a Rule,
    article_ids: &'a [ArticleId],
    location_ids: &'a [LocationId],
    coupon: Option<CouponShape<'a>>,
    priority: u32,
    #[serde(serialize_with = "json::instant")]
    valid_from: Timestamp,
    #[serde(serialize_with = "json::instant_option")]
    valid_until: Option<Timestamp>,
    is_active: bool,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    version: i64,
}

impl<'a> Shape<'a> {
    fn of(Standing { promotion, coupon }: &'a Standing) -> Self {
        Self {
            id: promotion.id,
            object: "promotion",
            name: &promotion.name,
            rule: &promotion.rule,
            article_ids: &promotion.articles,
            location_ids: &promotion.locations,
            coupon: coupon.as_ref().map(CouponShape::of),
            priority: promotion.priority,
            valid_from: promotion.valid_from,
            valid_until: promotion.valid_until,
            is_active: promotion.is_active,
            created_at: promotion.created_at,
            version: promotion.version,
        }
    }
}

#[derive(Serialize)]
struct CouponShape<'a> {
    code: &'a CouponCode,
    uses_max: Option<i64>,
    use_count: i64,
}

impl<'a> CouponShape<'a> {
    fn of(coupon: &'a Coupon) -> Self {
        Self { code: &coupon.code, uses_max: coupon.uses_max, use_count: coupon.use_count }
    }
}
