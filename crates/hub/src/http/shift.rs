//! `/v1/shifts`: a register's drawer between two counts.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::id::{LocationId, RegisterId, ShiftId};
use domain::money::Currency;
use domain::shift::{CashMovement, CloseShift, Count, Direction, MoveCash, OpenShift, Pieces, Purpose, Shift};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::Answer;

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Segments, query};
use super::error::Problem;
use super::idempotency::KeyRule;
use super::json::{self, Page};
use super::shift_report;
use super::submit::{ok, submit};
use crate::app::App;

/// The routes of shifts.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/shifts", open),
        Route::get("/v1/shifts", list),
        Route::get("/v1/shifts/{id}", get),
        Route::post("/v1/shifts/{id}/cash-movements", move_cash),
        Route::post("/v1/shifts/{id}/close", close),
        Route::get("/v1/shifts/{id}/report", shift_report::get),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewShift {
    register_id: RegisterId,
    float: Vec<Pieces>,
    brought_minor: Option<i64>,
}

async fn open(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewShift>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let NewShift { register_id: register, float, brought_minor } = asked.body;
    let merchant = asked.principal.merchant;
    let shop = app.shops.find(&app.reader, merchant, register).await?;
    let currency = shop.ok_or_else(|| Problem::not_found("register"))?.currency;
    let command = OpenShift { merchant, register, currency, float, brought_minor };
    submit(&app, asked.envelope, command, |shift| encode(201, shift)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    register_id: Option<RegisterId>,
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { register_id, cursor, limit } = query(&uri)?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<ShiftId>()?.parse().ok(), page.limit()?);
    let found = app.reader.list_shifts(merchant, register_id, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |shift| shift.id.to_string(), Shape::of))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let found = app.reader.find_shift(merchant, segments.id(0, "shift")?).await?;
    let shift = found.ok_or_else(|| Problem::not_found("shift"))?;
    Ok(ok(json::to_bytes(&Shape::of(&shift))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMovement {
    direction: Direction,
    purpose: Purpose,
    amount_minor: i64,
    reason: String,
}

async fn move_cash(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewMovement>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let NewMovement { direction, purpose, amount_minor, reason } = asked.body;
    let (merchant, shift) = (asked.principal.merchant, segments.id::<ShiftId>(0, "shift")?);
    let currency = currency_of(&app, &asked.principal, shift).await?;
    let command = MoveCash { merchant, shift, currency, direction, purpose, amount_minor, reason };
    let encode = |movement: &CashMovement| json::answer(201, movement.shift, json::to_bytes(&Moved::of(movement)));
    submit(&app, asked.envelope, command, encode).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ending {
    count: Vec<Pieces>,
    #[serde(default)]
    deposited_minor: i64,
    #[serde(default)]
    note: String,
}

async fn close(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Ending>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let Ending { count, deposited_minor, note } = asked.body;
    let (merchant, shift) = (asked.principal.merchant, segments.id::<ShiftId>(0, "shift")?);
    let currency = currency_of(&app, &asked.principal, shift).await?;
    let command = CloseShift { merchant, shift, currency, count, deposited_minor, note };
    submit(&app, asked.envelope, command, |shift| encode(200, shift)).await
}

/// The currency of a shift's drawer, which never changes.
async fn currency_of(app: &App, principal: &super::auth::Principal, shift: ShiftId) -> Result<Currency, Problem> {
    let shop = app.shops.find(&app.reader, principal.merchant, shift.register).await?;
    shop.map(|shop| shop.currency).ok_or_else(|| Problem::not_found("shift"))
}

fn encode(status: u16, shift: &Shift) -> Answer {
    json::answer(status, shift.id, json::to_bytes(&Shape::of(shift)))
}

/// A shift. What the drawer should hold is not told before it was counted.
#[derive(Serialize)]
pub struct Shape<'a> {
    id: ShiftId,
    object: &'static str,
    register_id: RegisterId,
    location_id: LocationId,
    number: u32,
    currency: Currency,
    is_open: bool,
    opened_by: &'a str,
    #[serde(serialize_with = "json::instant")]
    opened_at: Timestamp,
    float: &'a Count,
    float_minor: i64,
    brought_minor: i64,
    opening_difference_minor: i64,
    paid_in_minor: i64,
    paid_out_minor: i64,
    closing: Option<Closing<'a>>,
    version: i64,
}

#[derive(Serialize)]
struct Closing<'a> {
    count: &'a Count,
    counted_minor: i64,
    expected_minor: i64,
    difference_minor: i64,
    deposited_minor: i64,
    note: &'a str,
    closed_by: &'a str,
    #[serde(serialize_with = "json::instant")]
    closed_at: Timestamp,
}

impl<'a> Shape<'a> {
    /// Of a shift.
    pub fn of(shift: &'a Shift) -> Self {
        let Shift { id, location, currency, opened_at, brought_minor, opening_difference_minor, version, .. } = *shift;
        let Shift { paid_in_minor, paid_out_minor, .. } = *shift;
        Self {
            id,
            object: "shift",
            register_id: id.register,
            location_id: location,
            number: id.number,
            currency,
            is_open: shift.closing.is_none(),
            opened_by: &shift.opened_by,
            opened_at,
            float: &shift.float,
            float_minor: shift.float.amount_minor(),
            brought_minor,
            opening_difference_minor,
            paid_in_minor,
            paid_out_minor,
            closing: shift.closing.as_ref().map(|closing| Closing {
                count: &closing.count,
                counted_minor: closing.count.amount_minor(),
                expected_minor: closing.expected_minor,
                difference_minor: closing.difference_minor(),
                deposited_minor: closing.deposited_minor,
                note: &closing.note,
                closed_by: &closing.closed_by,
                closed_at: closing.closed_at,
            }),
            version,
        }
    }
}

/// Cash that went in or out.
#[derive(Serialize)]
pub struct Moved<'a> {
    object: &'static str,
    shift_id: ShiftId,
    number: u32,
    direction: Direction,
    purpose: Purpose,
    amount_minor: i64,
    reason: &'a str,
    moved_by: &'a str,
    #[serde(serialize_with = "json::instant")]
    moved_at: Timestamp,
}

impl<'a> Moved<'a> {
    /// Of a cash movement.
    pub fn of(movement: &'a CashMovement) -> Self {
        let CashMovement { shift, number, direction, purpose, amount_minor, moved_at, .. } = *movement;
        let CashMovement { reason, moved_by, .. } = movement;
        Self {
            object: "cash_movement",
            shift_id: shift,
            number,
            direction,
            purpose,
            amount_minor,
            reason,
            moved_by,
            moved_at,
        }
    }
}
