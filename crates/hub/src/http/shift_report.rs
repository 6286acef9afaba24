//! `/v1/shifts/{id}/report`: what a shift amounts to, now (X) or at its end (Z). It adds up facts that carry the number of
//! the shift, so a Z report says the same whenever it is asked for; only what is in doubt is as it stands now.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::call::Role;
use domain::id::PaymentId;
use domain::money::{Currency, Overflow};
use domain::shift::Shift;
use serde::Serialize;
use storage::read::report::Sums;
use storage::read::shift::InDoubt;

use super::auth::authenticate;
use super::body::Segments;
use super::error::{Kind, Problem};
use super::json;
use super::report::{InCurrency, Range};
use super::shift::{Moved, Shape};
use super::submit::ok;
use crate::app::App;

/// Payments in doubt that a report names: a shop with more has another problem.
const IN_DOUBT_MAX: i64 = 100;

/// Reads the report. While the shift is open it says what the drawer should hold, which who counts it must not know: it is
/// for managers then.
pub async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let merchant = principal.merchant;
    let found = app.reader.find_shift(merchant, segments.id(0, "shift")?).await?;
    let shift = found.ok_or_else(|| Problem::not_found("shift"))?;
    if shift.closing.is_none() {
        principal.require(Role::Manager)?;
    }
    let sums = app.reader.sum_up_shift(merchant, shift.id).await?;
    let moved = app.reader.list_cash_movements(merchant, shift.id).await?;
    let in_doubt = app.reader.list_in_doubt(merchant, shift.id.register, IN_DOUBT_MAX).await?;
    let too_large = |Overflow| Problem::new(Kind::Internal, "The shift's amounts are larger than the hub can count.");
    let report = Report {
        object: "shift_report",
        kind: if shift.closing.is_none() { "x" } else { "z" },
        shift: Shape::of(&shift),
        drawer: Drawer::of(&shift, &sums).map_err(too_large)?,
        totals: InCurrency::of(shift.currency, &sums).map_err(too_large)?,
        cash_movements: moved.iter().map(Moved::of).collect(),
        receipts: sums.receipts.first().map(Range::of),
        in_doubt: in_doubt.iter().map(Doubt::of).collect(),
    };
    Ok(ok(json::to_bytes(&report)))
}

#[derive(Serialize)]
struct Report<'a> {
    object: &'static str,
    /// `x` while it is open, `z` afterwards.
    kind: &'static str,
    shift: Shape<'a>,
    drawer: Drawer,
    totals: InCurrency<'a>,
    cash_movements: Vec<Moved<'a>>,
    receipts: Option<Range<'a>>,
    in_doubt: Vec<Doubt<'a>>,
}

/// How the drawer comes to what it should hold: `carried + brought + opening_difference + sales - refunds + paid_in -
/// paid_out = expected`.
#[derive(Serialize)]
struct Drawer {
    carried_minor: i64,
    brought_minor: i64,
    opening_difference_minor: i64,
    sales_minor: i64,
    refunds_minor: i64,
    paid_in_minor: i64,
    paid_out_minor: i64,
    expected_minor: i64,
}

impl Drawer {
    fn of(shift: &Shift, sums: &Sums) -> Result<Self, Overflow> {
        let cash = sums.cash.iter().find(|cash| cash.currency == shift.currency);
        let sales_minor = cash.map_or(Some(0), |cash| cash.given_minor.checked_sub(cash.change_minor));
        let sales_minor = sales_minor.ok_or(Overflow)?;
        let refunded = sums.cash_refunds.iter().find(|(currency, _)| *currency == shift.currency);
        let refunds_minor = refunded.map_or(0, |(_, sum)| sum.amount_minor);
        let cash_minor = sales_minor.checked_sub(refunds_minor).ok_or(Overflow)?;
        let Shift { carried_minor, brought_minor, opening_difference_minor, paid_in_minor, paid_out_minor, .. } =
            *shift;
        Ok(Self {
            carried_minor,
            brought_minor,
            opening_difference_minor,
            sales_minor,
            refunds_minor,
            paid_in_minor,
            paid_out_minor,
            expected_minor: shift.expected_minor(cash_minor).ok_or(Overflow)?,
        })
    }
}

#[derive(Serialize)]
struct Doubt<'a> {
    payment_id: PaymentId,
    currency: Currency,
    amount_minor: i64,
    /// Who cares for it; null while the hub still asks the provider.
    owner: Option<&'a str>,
}

impl<'a> Doubt<'a> {
    fn of(doubt: &'a InDoubt) -> Self {
        let InDoubt { payment, currency, asked_minor, .. } = *doubt;
        Self { payment_id: payment, currency, amount_minor: asked_minor, owner: doubt.owner.as_deref() }
    }
}
