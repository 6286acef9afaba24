//! `/v1/receipts`: what customers are given of completed sales, and of returns.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use domain::call::Role;
use domain::id::{MerchantId, ReceiptId, ReturnId};
use domain::locale::Locale;
use domain::receipt::{self, Columns, IssueReceipt, IssuedReceipt, Kind, Parts, RECEIPTS_MAX, Receipt, ReturnParts};
use domain::sale::Standing;
use domain::time::Timestamp;
use serde::Deserialize;
use storage::Answer;
use storage::read::receipt::WholeReceipt;

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Segments, query};
use super::error::{self, Problem};
use super::idempotency::KeyRule;
use super::json;
use super::receipt_json::{Shape, answer_created};
use super::submit::{ok, respond, submit};
use crate::app::App;
use crate::civil::civil_time;

/// What a page of ours needs: its own style, and nothing from anywhere.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The routes of receipts.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/sales/{id}/receipts", issue),
        Route::get("/v1/sales/{id}/receipts", list),
        Route::post("/v1/returns/{id}/receipts", issue_of_return),
        Route::get("/v1/returns/{id}/receipts", list_of_return),
        Route::get("/v1/receipts/{id}", get),
        Route::get("/v1/receipts/{id}/document", document),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    kind: NewKind,
    addressee: Option<String>,
    proviso: Option<String>,
    #[serde(default)]
    locale: Locale,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NewKind {
    Receipt,
    Formal,
}

impl New {
    fn kind(self) -> Result<Kind, Problem> {
        match (self.kind, self.addressee, self.proviso) {
            (NewKind::Formal, addressee, proviso) => Ok(Kind::Formal { addressee, proviso }),
            (NewKind::Receipt, None, None) => Ok(Kind::Receipt),
            (NewKind::Receipt, _, _) => Err(Problem::new(
                error::Kind::BodyInvalid,
                "An `addressee` and a `proviso` stand on a receipt of the kind `formal`. Ask for that, or leave them out.",
            )),
        }
    }
}

async fn issue(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<New>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let locale = asked.body.locale;
    let command = IssueReceipt { sale: segments.id(0, "sale")?, kind: asked.body.kind()?, locale };
    submit(&app, asked.envelope, command, answer_created).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOfReturn {
    #[serde(default)]
    locale: Locale,
}

async fn issue_of_return(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewOfReturn>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let ReturnId { sale, number } = segments.id(0, "return")?;
    let command = IssueReceipt { sale, kind: Kind::Return { number }, locale: asked.body.locale };
    submit(&app, asked.envelope, command, answer_created).await
}

/// All of a sale: there are few.
async fn list(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let found = app.reader.list_receipts(principal.merchant, segments.id(0, "sale")?).await?;
    Ok(all(&found.ok_or_else(|| Problem::not_found("sale"))?))
}

async fn list_of_return(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let found = app.reader.list_return_receipts(principal.merchant, segments.id(0, "return")?).await?;
    Ok(all(&found.ok_or_else(|| Problem::not_found("return"))?))
}

fn all(found: &[IssuedReceipt]) -> Response {
    let id = |receipt: &IssuedReceipt| receipt.id.to_string();
    ok(json::to_bytes(&json::list(found, i64::from(RECEIPTS_MAX), id, Shape::of_listed)))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let whole = find(&app, principal.merchant, &segments).await?;
    Ok(ok(json::to_bytes(&Shape::of(&whole.issued, &content(&whole)?))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    format: Format,
    columns: Option<usize>,
    locale: Option<Locale>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Html,
    Text,
    Escpos,
}

impl Wanted {
    fn columns(&self) -> Result<Columns, Problem> {
        let Some(count) = self.columns else { return Ok(Columns::Wide) };
        let wrong = || Problem::new(error::Kind::QueryInvalid, "The parameter `columns` is 32, 42 or 48.");
        Columns::of(count).ok_or_else(wrong)
    }
}

async fn document(
    State(app): State<App>,
    segments: Segments,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let wanted: Wanted = query(&uri)?;
    let columns = wanted.columns()?;
    let whole = find(&app, principal.merchant, &segments).await?;
    let receipt = content(&whole)?;
    let locale = wanted.locale.unwrap_or(whole.issued.locale);
    let (content_type, body) = match wanted.format {
        Format::Html => ("text/html; charset=utf-8", receipt::html(&receipt, locale).into_bytes()),
        Format::Text => ("text/plain; charset=utf-8", receipt::text(&receipt, locale, columns).into_bytes()),
        Format::Escpos => ("application/octet-stream", receipt::escpos(&receipt, locale, columns)),
    };
    let answer = Answer { status: 200, content_type: content_type.into(), body, subject: String::new() };
    let mut response = respond(answer, false);
    let policy = HeaderValue::from_static(PAGE_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

async fn find(app: &App, merchant: MerchantId, segments: &Segments) -> Result<WholeReceipt, Problem> {
    let id: ReceiptId = segments.id(0, "receipt")?;
    app.reader.find_receipt(merchant, id).await?.ok_or_else(|| Problem::not_found("receipt"))
}

/// What stands on it. A sale whose parts do not come to its totals has no receipt: a wrong one would be worse.
pub fn content(whole: &WholeReceipt) -> Result<Receipt, Problem> {
    content_of(whole).map_err(|why| {
        tracing::error!(receipt.id = %whole.issued.id, why, "A receipt cannot be made.");
        Problem::new(error::Kind::Internal, "The receipt cannot be made from its sale. Report the request id.")
    })
}

fn content_of(whole: &WholeReceipt) -> Result<Receipt, String> {
    let WholeReceipt { issued, sale, lines, tenders, merchant, location, register, paid_by, history, others } = whole;
    let at = |at: Timestamp| civil_time(at, &merchant.zone).ok_or("the merchant's time zone is not known");
    let (issued_at, sold_at) = (at(issued.issued_at)?, at(sale.closed_at.unwrap_or(sale.opened_at))?);
    let receipt = match (history, issued.kind.return_number()) {
        (Some(history), Some(number)) => {
            let standing = history.standing(number).map_err(|overflow| overflow.to_string())?;
            let standing = &standing.ok_or("the return is not there")?;
            let (returned_at, operations) = (at(standing.origin.created_at)?, &history.operations);
            Receipt::of_return(ReturnParts {
                issued,
                issued_at,
                sale,
                sold_at,
                sale_lines: lines,
                standing,
                returned_at,
                merchant,
                location,
                register,
                paid_by,
                operations,
                others,
            })
        }
        _ => {
            let standing = Standing::of(sale.clone(), lines.clone(), tenders.clone());
            let standing = &standing.map_err(|refusal| refusal.code())?;
            Receipt::of(Parts { issued, issued_at, standing, sold_at, merchant, location, register, paid_by, others })
        }
    };
    receipt.map_err(|mismatch| mismatch.to_string())
}
