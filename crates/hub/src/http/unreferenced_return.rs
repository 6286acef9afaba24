//! `/v1/unreferenced-returns`: goods that come back and nobody knows with which sale.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::external_ref::Subject;
use domain::id::{ArticleId, LocationId, OperatorId, RegisterId, ShiftId, UnreferencedReturnId};
use domain::money::{Currency, Quantity, UnitPrice};
use domain::time::Timestamp;
use domain::unreferenced_return::{
    CreateUnreferencedReturn, NewUnreferencedLine, UnreferencedLine, UnreferencedReturn,
};
use serde::{Deserialize, Serialize};
use storage::Answer;

use super::Route;
use super::article_json::article_ref;
use super::auth::authenticate;
use super::body::{Asked, Segments, query};
use super::elsewhere_json::ElsewhereOut;
use super::error::Problem;
use super::external_ref::RefOut;
use super::idempotency::KeyRule;
use super::json::{self, Page, QuantityIn, UnitPriceIn};
use super::sale_json::Tax;
use super::submit::{ok, submit};
use crate::app::App;

/// The routes of unreferenced returns.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/unreferenced-returns", create),
        Route::get("/v1/unreferenced-returns", list),
        Route::get("/v1/unreferenced-returns/{id}", get),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    register_id: RegisterId,
    lines: Vec<LineIn>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineIn {
    article_id: Option<ArticleId>,
    barcode: Option<String>,
    quantity: QuantityIn,
    unit_price: Option<UnitPriceIn>,
    #[serde(default)]
    price_reason: String,
    #[serde(default = "json::yes")]
    is_restocked: bool,
}

impl LineIn {
    fn asked(self) -> Result<NewUnreferencedLine, Problem> {
        Ok(NewUnreferencedLine {
            article: article_ref(self.article_id, self.barcode)?,
            quantity: self.quantity.0,
            unit_price: self.unit_price.map(|UnitPriceIn(price)| price),
            price_reason: self.price_reason,
            is_restocked: self.is_restocked,
        })
    }
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Draft>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let (merchant, Draft { register_id: register, lines, reason }) = (asked.principal.merchant, asked.body);
    let shop = app.shops.find(&app.reader, merchant, register).await?;
    let shop = shop.ok_or_else(|| Problem::not_found("register"))?;
    let lines = lines.into_iter().map(LineIn::asked).collect::<Result<_, _>>()?;
    let (location, currency) = (shop.location, shop.currency);
    let command = CreateUnreferencedReturn { merchant, location, register, currency, lines, reason };
    submit(&app, asked.envelope, command, encode).await
}

fn encode(made: &UnreferencedReturn) -> Answer {
    json::answer_fitting(201, made.id, Shape::of(made), |shape| Shape { lines: None, ..shape })
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let page: Page = query(&uri)?;
    let (after, limit) = (page.after::<UnreferencedReturnId>()?, page.limit()?);
    let found = app.reader.list_unreferenced_returns(merchant, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |one| one.id.to_string(), Shape::of))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let found = app.reader.find_unreferenced_return(merchant, segments.id(0, "unreferenced_return")?).await?;
    let found = found.ok_or_else(|| Problem::not_found("unreferenced_return"))?;
    let refs = app.reader.list_external_refs(merchant, &found.id.to_string()).await?;
    let external_refs = RefOut::all(&refs, Subject::UnreferencedReturn(found.id));
    Ok(ok(json::to_bytes(&Shape { external_refs, ..Shape::of(&found) })))
}

/// An unreferenced return in JSON.
#[derive(Serialize)]
struct Shape<'a> {
    id: UnreferencedReturnId,
    object: &'static str,
    register_id: RegisterId,
    location_id: LocationId,
    operator_id: Option<OperatorId>,
    shift_id: Option<ShiftId>,
    currency: Currency,
    total_minor: i64,
    tax_minor: i64,
    taxes: Vec<Tax>,
    /// Null where there are too many for an answer that is stored.
    lines: Option<Vec<Line<'a>>>,
    receipt_number: &'a str,
    reason: &'a str,
    /// Only where it is read by its id, and it has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refs: Option<Vec<RefOut<'a>>>,
    /// Left out of what came back here.
    #[serde(skip_serializing_if = "Option::is_none")]
    elsewhere: Option<ElsewhereOut<'a>>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
}

impl<'a> Shape<'a> {
    fn of(one: &'a UnreferencedReturn) -> Self {
        let UnreferencedReturn { id, register, location, operator, currency, total_minor, tax_minor, .. } = *one;
        // They were added up when it was made.
        let taxes = one.taxes().unwrap_or_default();
        Self {
            id,
            object: "unreferenced_return",
            register_id: register,
            location_id: location,
            operator_id: operator,
            shift_id: one.shift.map(|number| ShiftId { register, number }),
            currency,
            total_minor,
            tax_minor,
            taxes: taxes.iter().map(Tax::of).collect(),
            lines: Some(one.lines.iter().map(Line::of).collect()),
            receipt_number: &one.receipt_number,
            reason: &one.reason,
            external_refs: None,
            elsewhere: one.elsewhere.as_ref().map(|told| ElsewhereOut::of(told, one.created_at)),
            created_at: one.created_at,
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    article_id: ArticleId,
    name: &'a str,
    quantity: Quantity,
    unit_price: UnitPrice,
    price_reason: &'a str,
    tax_rate_basis_points: u32,
    amount_minor: i64,
    is_restocked: bool,
}

impl<'a> Line<'a> {
    fn of(line: &'a UnreferencedLine) -> Self {
        let UnreferencedLine { article, quantity, unit_price, tax_rate, amount_minor, is_restocked, .. } = *line;
        let (name, price_reason) = (line.name.as_str(), line.price_reason.as_str());
        let tax_rate_basis_points = tax_rate.0;
        Self {
            article_id: article,
            name,
            quantity,
            unit_price,
            price_reason,
            tax_rate_basis_points,
            amount_minor,
            is_restocked,
        }
    }
}
