//! `/v1/print-jobs`: what is to come out of printers, and what an agent beside one fetches. How a receipt is printed, and a
//! drawer opened.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::id::{PrintJobId, PrinterId, ReceiptId, RegisterId, SaleId};
use domain::print_job::{
    self, CANDIDATES_MAX, ClaimPrint, Content, DrawerReason, OpenDrawer, PrintJob, PrintReceipt, RecordPrint,
    RetryPrint, Told, Trouble,
};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::Answer;
use storage::read::printing::PrintJobFilter;

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Nothing, Segments, query};
use super::error::{Kind, Problem, refusal_answer};
use super::idempotency::KeyRule;
use super::json::{self, Page};
use super::submit::{ok, respond, submit};
use crate::app::App;
use crate::print::document;

/// The routes of print jobs.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/receipts/{id}/print", print),
        Route::post("/v1/registers/{id}/drawer/open", open_drawer),
        Route::get("/v1/print-jobs", list),
        Route::post("/v1/print-jobs/claim", claim),
        Route::get("/v1/print-jobs/{id}", get),
        Route::get("/v1/print-jobs/{id}/document", get_document),
        Route::post("/v1/print-jobs/{id}/acknowledge", acknowledge),
        Route::post("/v1/print-jobs/{id}/retry", retry),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Print {
    printer_id: PrinterId,
}

async fn print(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Print>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let receipt: ReceiptId = segments.id(0, "receipt")?;
    let sale = app.reader.find_sale_of_receipt(asked.principal.merchant, receipt).await?;
    let sale = sale.ok_or_else(|| Problem::not_found("receipt"))?;
    let command = PrintReceipt { sale, receipt, printer: asked.body.printer_id };
    submit(&app, asked.envelope, command, |job| answer(201, job)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Open {
    reason: Reason,
    sale_id: Option<SaleId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    NoSale,
    Change,
    Sale,
}

async fn open_drawer(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Open>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let reason = match (asked.body.reason, asked.body.sale_id) {
        (Reason::NoSale, None) => DrawerReason::NoSale,
        (Reason::Change, None) => DrawerReason::Change,
        (Reason::Sale, Some(sale)) => DrawerReason::Sale(sale),
        _ => {
            return Err(Problem::new(
                Kind::BodyInvalid,
                "A `sale_id` comes with the reason `sale`, and with no other.",
            ));
        }
    };
    let (merchant, register): (_, RegisterId) = (asked.principal.merchant, segments.id(0, "register")?);
    app.reader.find_register(merchant, register).await?.ok_or_else(|| Problem::not_found("register"))?;
    let Some(printer) = app.reader.find_drawer_printer(merchant, register).await? else {
        let refusal = domain::command::Refusal::PrintJob(print_job::Refusal::DrawerMissing);
        return Ok(respond(refusal_answer(&refusal), false));
    };
    let command = OpenDrawer { register, printer: printer.id, reason };
    submit(&app, asked.envelope, command, |job| answer(201, job)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    printer_id: Option<PrinterId>,
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { printer_id, state, cursor, limit } = query(&uri)?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<PrintJobId>()?, page.limit()?);
    let state = state.map(|state| state_of(&state)).transpose()?;
    let filter = PrintJobFilter { printer: printer_id, state };
    let found = app.reader.list_print_jobs(merchant, &filter, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |job| job.id.to_string(), Shape::of))))
}

fn state_of(text: &str) -> Result<&'static str, Problem> {
    let state = print_job::State::ALL.into_iter().find(|state| *state == text);
    state.ok_or_else(|| {
        Problem::new(
            Kind::QueryInvalid,
            format!("The parameter `state` is one of {}.", print_job::State::ALL.join(", ")),
        )
    })
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    Ok(ok(json::to_bytes(&Shape::of(&find(&app, &segments, &headers).await?))))
}

/// The bytes for the printer.
async fn get_document(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let job = find(&app, &segments, &headers).await?;
    let body = document::bytes(&app, &job).await?;
    let content_type = "application/octet-stream".into();
    Ok(respond(Answer { status: 200, content_type, body, subject: String::new() }, false))
}

async fn find(app: &App, segments: &Segments, headers: &HeaderMap) -> Result<PrintJob, Problem> {
    let merchant = authenticate(app, headers).await?.merchant;
    let found = app.reader.find_print_job(merchant, segments.id(0, "print_job")?).await?;
    found.ok_or_else(|| Problem::not_found("print_job"))
}

/// The next job of a printer for the agent beside it; `null` where none waits.
async fn claim(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Print>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    let (merchant, printer) = (asked.principal.merchant, asked.body.printer_id);
    let now = app.reader.now(app.clock.now()).await?;
    let limit = i64::try_from(CANDIDATES_MAX).unwrap_or(i64::MAX);
    let waiting = app.reader.list_waiting_print_jobs(merchant, printer, now, limit).await?;
    let command = ClaimPrint { printer, jobs: waiting.into_iter().map(|job| job.id).collect() };
    submit(&app, asked.envelope, command, |claimed| {
        let claim = Claim { object: "print_claim", print_job: claimed.as_ref().map(Shape::of) };
        let subject = claimed.as_ref().map(|job| job.id.to_string()).unwrap_or_default();
        json::answer(200, subject, json::to_bytes(&claim))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledged {
    attempt: u32,
    outcome: Outcome,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Printed,
    Sent,
    NotPrinted,
    Unknown,
}

async fn acknowledge(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Acknowledged>::read(&app, request, Role::Cashier, KeyRule::Optional).await?;
    let told = match asked.body.outcome {
        Outcome::Printed => Told::Printed,
        Outcome::Sent => Told::Sent,
        Outcome::NotPrinted => Told::Nothing(Trouble::NotPrinted),
        Outcome::Unknown => Told::Unsure(Trouble::BrokenOff),
    };
    let command = RecordPrint { job: segments.id(0, "print_job")?, attempt: asked.body.attempt, told };
    submit(&app, asked.envelope, command, |job| answer(200, job)).await
}

async fn retry(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let command = RetryPrint { job: segments.id(0, "print_job")? };
    submit(&app, asked.envelope, command, |job| answer(200, job)).await
}

fn answer(status: u16, job: &PrintJob) -> Answer {
    json::answer(status, job.id, json::to_bytes(&Shape::of(job)))
}

#[derive(Serialize)]
struct Claim<'a> {
    object: &'static str,
    print_job: Option<Shape<'a>>,
}

#[derive(Serialize)]
struct Shape<'a> {
    id: PrintJobId,
    object: &'static str,
    printer_id: PrinterId,
    content: &'static str,
    receipt_id: Option<ReceiptId>,
    is_copy: bool,
    register_id: Option<RegisterId>,
    drawer_reason: Option<&'static str>,
    sale_id: Option<SaleId>,
    state: &'static str,
    /// When it is tried next, or until when its claim has to be acknowledged.
    #[serde(serialize_with = "json::instant_option")]
    due_at: Option<Timestamp>,
    reason: Option<&'static str>,
    attempts: u32,
    asked_by: &'a str,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    #[serde(serialize_with = "json::instant")]
    updated_at: Timestamp,
}

impl<'a> Shape<'a> {
    fn of(job: &'a PrintJob) -> Self {
        let (receipt_id, is_copy, drawer) = match job.content {
            Content::Receipt { receipt, is_copy } => (Some(receipt), is_copy, None),
            Content::Drawer { register, reason } => (None, false, Some((register, reason))),
        };
        Self {
            id: job.id,
            object: "print_job",
            printer_id: job.printer,
            content: job.content.as_str(),
            receipt_id,
            is_copy,
            register_id: drawer.map(|(register, _)| register),
            drawer_reason: drawer.map(|(_, reason)| reason.as_str()),
            sale_id: drawer.and_then(|(_, reason)| reason.sale()),
            state: job.state.as_str(),
            due_at: job.state.due_at(),
            reason: job.state.trouble().map(Trouble::as_str),
            attempts: job.attempts,
            asked_by: &job.asked_by,
            created_at: job.created_at,
            updated_at: job.updated_at,
        }
    }
}
