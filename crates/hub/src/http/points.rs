//! `/v1/customers/{id}/points`: what a customer has earned and spent.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::id::{CustomerId, ReturnId, SaleId};
use domain::points::{ChangePoints, PointsEntry, Wish};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Segments, query};
use super::error::Problem;
use super::idempotency::KeyRule;
use super::json::{self, Page};
use super::submit::{ok, submit};
use crate::app::App;

/// The routes of points.
pub fn routes() -> Vec<Route> {
    vec![Route::post("/v1/customers/{id}/points", change), Route::get("/v1/customers/{id}/points", list)]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    kind: ChangeKind,
    points: i64,
    #[serde(default)]
    reason: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChangeKind {
    Redeem,
    Adjust,
}

async fn change(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Change>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let Change { kind, points, reason } = asked.body;
    let wish = match kind {
        ChangeKind::Redeem => Wish::Redeem(points),
        ChangeKind::Adjust => Wish::Adjust(points),
    };
    let command = ChangePoints { customer: segments.id(0, "customer")?, wish, reason };
    submit(&app, asked.envelope, command, |entry| json::answer(201, entry.customer, json::to_bytes(&Shape::of(entry))))
        .await
}

/// The newest first; a cursor is the number of the last entry of the page before.
async fn list(State(app): State<App>, segments: Segments, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let page: Page = query(&uri)?;
    let (before, limit) = (page.after::<u32>()?.parse().ok(), page.limit()?);
    let found = app.reader.list_points(merchant, segments.id(0, "customer")?, before, limit + 1).await?;
    let entries = found.ok_or_else(|| Problem::not_found("customer"))?;
    Ok(ok(json::to_bytes(&json::list(&entries, limit, |entry| entry.number.to_string(), Shape::of))))
}

#[derive(Serialize)]
struct Shape<'a> {
    object: &'static str,
    customer_id: CustomerId,
    number: u32,
    kind: &'static str,
    points: i64,
    balance: i64,
    sale_id: Option<SaleId>,
    return_id: Option<ReturnId>,
    not_recovered: i64,
    reason: &'a str,
    changed_by: &'a str,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
}

impl<'a> Shape<'a> {
    fn of(entry: &'a PointsEntry) -> Self {
        let kind = &entry.kind;
        Self {
            object: "points_entry",
            customer_id: entry.customer,
            number: entry.number,
            kind: kind.as_str(),
            points: entry.points,
            balance: entry.balance,
            sale_id: kind.sale(),
            return_id: kind.origin(),
            not_recovered: kind.not_recovered(),
            reason: kind.reason(),
            changed_by: &entry.by,
            created_at: entry.recorded_at,
        }
    }
}
