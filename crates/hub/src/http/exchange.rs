//! `/v1/exchanges`: goods come back and others are taken along, in one request and one commit.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::call::Role;
use domain::command::Refusal;
use domain::external_ref::{self, Subject};
use domain::id::{CustomerId, RegisterId, SaleId};
use domain::metadata;
use domain::returns::{CreateReturn, Exchange, Exchanged};
use serde::{Deserialize, Serialize};
use storage::Answer;

use super::Route;
use super::body::Asked;
use super::discount_json::DiscountIn;
use super::error::{Problem, refusal_answer};
use super::external_ref::{RefIn, referred};
use super::idempotency::KeyRule;
use super::json;
use super::metadata::{MetadataIn, noted};
use super::payment::one_time;
use super::returns::{self, LineIn, RefundIn, check_reach, commit};
use super::sale::{ConsumptionIn, Goods, Line, TenderIn};
use super::sale_json;
use crate::app::App;
use crate::disk;

/// The routes of exchanges.
pub fn routes() -> Vec<Route> {
    vec![Route::post("/v1/exchanges", create)]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    register_id: RegisterId,
    #[serde(rename = "return")]
    back: Back,
    sale: Taken,
    tenders: Option<Vec<TenderIn>>,
}

/// What comes back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Back {
    sale_id: SaleId,
    lines: Vec<LineIn>,
    #[serde(default)]
    reason: String,
    refunds: Option<Vec<RefundIn>>,
    #[serde(default)]
    external_refs: Vec<RefIn>,
    #[serde(default)]
    metadata: MetadataIn,
}

/// What is taken along.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Taken {
    id: Option<SaleId>,
    #[serde(default)]
    lines: Vec<Line>,
    consumption: Option<ConsumptionIn>,
    customer_id: Option<CustomerId>,
    #[serde(default)]
    coupons: Vec<String>,
    #[serde(default)]
    discounts: Vec<DiscountIn>,
    #[serde(default)]
    note: String,
    #[serde(default)]
    external_refs: Vec<RefIn>,
    #[serde(default)]
    metadata: MetadataIn,
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Draft>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    disk::require_room(&app, &asked.envelope).await?;
    let (merchant, body) = (asked.principal.merchant, asked.body);
    let shop = app.shops.find(&app.reader, merchant, body.register_id).await?;
    let shop = shop.ok_or_else(|| Problem::not_found("register"))?;
    let foreseen = check_reach(&app, &asked.principal, body.back.sale_id, "sale").await?;
    let back = CreateReturn {
        merchant,
        location: shop.location,
        register: body.register_id,
        sale: body.back.sale_id,
        lines: body.back.lines.into_iter().map(LineIn::asked).collect(),
        reason: body.back.reason,
        refunds: body.back.refunds.map(|refunds| refunds.into_iter().map(RefundIn::asked).collect()),
        foreseen,
    };
    let Taken { id, lines, consumption, customer_id, coupons, discounts, note, external_refs, metadata } = body.sale;
    let goods = Goods { lines, consumption, customer_id, coupons, discounts, note };
    let command = Exchange {
        back,
        id: id.unwrap_or_else(|| SaleId::from_uuid(app.next_uuid())),
        currency: shop.currency,
        sale: goods.asked(merchant, shop.location, body.register_id)?,
        tenders: body.tenders.map(|tenders| tenders.into_iter().map(TenderIn::asked).collect()),
    };
    let returned = |made: &Exchanged| Some(Subject::Return(made.moved.standing.origin.id));
    let sold = |made: &Exchanged| Some(Subject::Sale(made.sale.sale.id));
    let command = referred(merchant, command, body.back.external_refs, external_ref::Kind::Return, returned);
    let command = referred(merchant, command, external_refs, external_ref::Kind::Sale, sold);
    let command = noted(command, body.back.metadata, |made| {
        let origin = &mut made.moved.standing.origin;
        Some((metadata::Subject::Return(origin.id), &mut origin.metadata))
    });
    let command = noted(command, metadata, |made| {
        let sale = &mut made.sale.sale;
        Some((metadata::Subject::Sale(sale.id), &mut sale.metadata))
    });
    commit(&app, asked.envelope, command, encode, |made| made.moved.tasks.clone(), one_time(&asked.headers)).await
}

fn encode(reply: Result<&Exchanged, &Refusal>) -> Answer {
    let made = match reply {
        Ok(made) => made,
        Err(refusal) => return refusal_answer(refusal),
    };
    let shape = |has_lines| Shape {
        object: "exchange",
        back: returns::Shape::of_command(&made.moved.standing, has_lines),
        sale: sale_json::Shape::of(&made.sale, has_lines),
    };
    json::answer_fitting(201, made.sale.sale.id, shape(true), |_| shape(false))
}

/// Both halves as they stand. There is no record of the exchange itself: each half names the other.
#[derive(Serialize)]
struct Shape<'a> {
    object: &'static str,
    #[serde(rename = "return")]
    back: returns::Shape<'a>,
    sale: sale_json::Shape<'a>,
}
