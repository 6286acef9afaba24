//! `/v1/parked-sales`, and how a sale is set aside and taken up again.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::id::{LocationId, RegisterId, SaleId};
use domain::money::Currency;
use domain::sale::{ParkSale, ParkedSale, Sale, TakeUpSale};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Segments, query};
use super::error::Problem;
use super::idempotency::KeyRule;
use super::json::{self, Page};
use super::sale_json::answer_ok;
use super::submit::{ok, submit};
use crate::app::App;

/// The routes of parked sales.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/sales/{id}/park", park),
        Route::post("/v1/sales/{id}/take-up", take_up),
        Route::get("/v1/parked-sales", list),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

async fn park(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Named>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let (merchant, sale) = (asked.principal.merchant, segments.id(0, "sale")?);
    submit(&app, asked.envelope, ParkSale { merchant, sale, name: asked.body.name }, answer_ok).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    register_id: RegisterId,
}

async fn take_up(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Where>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let (merchant, sale) = (asked.principal.merchant, segments.id(0, "sale")?);
    let register = asked.body.register_id;
    submit(&app, asked.envelope, TakeUpSale { merchant, sale, register }, answer_ok).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    location_id: Option<LocationId>,
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { location_id, cursor, limit } = query(&uri)?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<SaleId>()?, page.limit()?);
    if let Some(location) = location_id {
        app.reader.find_location(merchant, location).await?.ok_or_else(|| Problem::not_found("location"))?;
    }
    let found = app.reader.list_parked_sales(merchant, location_id, after, limit + 1).await?;
    let cursor = |(parked, _): &(ParkedSale, Sale)| parked.sale.to_string();
    Ok(ok(json::to_bytes(&json::list(&found, limit, cursor, Shape::of))))
}

/// What a register shows on the button that takes it up.
#[derive(Serialize)]
struct Shape<'a> {
    object: &'static str,
    sale_id: SaleId,
    name: &'a str,
    location_id: LocationId,
    /// Where it was rung.
    register_id: RegisterId,
    currency: Currency,
    total_minor: i64,
    parked_by: &'a str,
    #[serde(serialize_with = "json::instant")]
    parked_at: Timestamp,
    /// Until when its stock is promised.
    #[serde(serialize_with = "json::instant")]
    reserved_until: Timestamp,
}

impl<'a> Shape<'a> {
    fn of((parked, sale): &'a (ParkedSale, Sale)) -> Self {
        Self {
            object: "parked_sale",
            sale_id: parked.sale,
            name: &parked.name,
            location_id: parked.location,
            register_id: sale.register,
            currency: sale.currency,
            total_minor: sale.total_minor,
            parked_by: &parked.parked_by,
            parked_at: parked.parked_at,
            reserved_until: sale.reserved_until,
        }
    }
}
