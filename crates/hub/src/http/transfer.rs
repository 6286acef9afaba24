//! `/v1/transfers`: goods on their way from one location to another.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::external_ref::{self, Subject};
use domain::id::{ArticleId, LocationId, TransferId};
use domain::metadata;
use domain::transfer::{
    self, CancelTransfer, ChangeTransfer, CloseTransfer, Fate, NewTransferLine, OpenTransfer, ReceiveTransfer,
    SendTransfer, WholeTransfer,
};
use serde::Deserialize;
use storage::Answer;
use storage::read::transfer::TransferFilter;

use super::Route;
use super::article_json::article_ref;
use super::auth::authenticate;
use super::body::{Asked, Nothing, Segments, query};
use super::error::{Kind, Problem};
use super::external_ref::{RefIn, asked_for, referred, require_alone};
use super::idempotency::KeyRule;
use super::json::{self, Page, QuantityIn};
use super::metadata::{MetadataIn, noted};
use super::stock_movement::WhyIn;
use super::stocktake::one_of;
use super::submit::{ok, submit};
use super::transfer_json::Shape;
use crate::app::App;

/// The routes of transfers.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/transfers", open),
        Route::get("/v1/transfers", list),
        Route::get("/v1/transfers/{id}", get),
        Route::patch("/v1/transfers/{id}", change),
        Route::post("/v1/transfers/{id}/send", send),
        Route::post("/v1/transfers/{id}/receive", receive),
        Route::post("/v1/transfers/{id}/close", close),
        Route::post("/v1/transfers/{id}/cancel", cancel),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTransfer {
    from_location_id: LocationId,
    to_location_id: LocationId,
    lines: Vec<LineIn>,
    #[serde(default)]
    note: String,
    #[serde(default)]
    external_refs: Vec<RefIn>,
    #[serde(default)]
    metadata: MetadataIn,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineIn {
    article_id: Option<ArticleId>,
    barcode: Option<String>,
    quantity: QuantityIn,
}

impl LineIn {
    fn asked(self) -> Result<NewTransferLine, Problem> {
        let Self { article_id, barcode, quantity: QuantityIn(quantity) } = self;
        Ok(NewTransferLine { article: article_ref(article_id, barcode)?, quantity })
    }

    fn all(lines: Vec<Self>) -> Result<Vec<NewTransferLine>, Problem> {
        lines.into_iter().map(Self::asked).collect()
    }
}

async fn open(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewTransfer>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let NewTransfer { from_location_id: from, to_location_id: to, lines, note, external_refs, metadata } = asked.body;
    let (merchant, lines) = (asked.principal.merchant, LineIn::all(lines)?);
    let command = OpenTransfer { merchant, from, to, lines, note };
    let made = |whole: &WholeTransfer| Some(Subject::Transfer(whole.transfer.id));
    let command = referred(merchant, command, external_refs, external_ref::Kind::Transfer, made);
    let command = noted(command, metadata, |whole| {
        Some((metadata::Subject::Transfer(whole.transfer.id), &mut whole.transfer.metadata))
    });
    submit(&app, asked.envelope, command, |whole| encode(201, whole)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    from_location_id: Option<LocationId>,
    to_location_id: Option<LocationId>,
    state: Option<String>,
    has_missing: Option<bool>,
    external_system: Option<String>,
    external_id: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let wanted: Wanted = query(&uri)?;
    let Wanted { from_location_id: from, to_location_id: to, state, has_missing, .. } = &wanted;
    let page = Page::new(wanted.cursor.clone(), wanted.limit);
    let (after, limit) = (page.after::<TransferId>()?, page.limit()?);
    let state = one_of(&transfer::State::WORDS, state.as_deref())?;
    let filter = TransferFilter { from: *from, to: *to, state, has_missing: *has_missing };
    if let Some(external) = asked_for(wanted.external_system.as_deref(), wanted.external_id.as_deref())? {
        require_alone(filter == TransferFilter::default() && after.is_empty())?;
        let known = app.reader.find_external_subject(merchant, &external, external_ref::Kind::Transfer).await?;
        let found = match known {
            Some(Subject::Transfer(id)) => app.reader.find_transfer(merchant, id).await?,
            _ => None,
        };
        let found = Vec::from_iter(found.map(|whole| whole.transfer));
        return Ok(ok(json::to_bytes(&json::list(&found, limit, |one| one.id.to_string(), Shape::of_listed))));
    }
    let found = app.reader.list_transfers(merchant, &filter, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |one| one.id.to_string(), Shape::of_listed))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let found = app.reader.find_transfer(merchant, segments.id(0, "transfer")?).await?;
    let whole = found.ok_or_else(|| Problem::not_found("transfer"))?;
    let refs = app.reader.list_external_refs(merchant, &whole.transfer.id.to_string()).await?;
    Ok(ok(json::to_bytes(&Shape::of(&whole).known_as(&refs))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    #[serde(default)]
    lines: Vec<LineIn>,
    note: Option<String>,
}

async fn change(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Changes>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let Changes { lines, note } = asked.body;
    let (merchant, transfer) = (asked.principal.merchant, segments.id(0, "transfer")?);
    let command = ChangeTransfer { merchant, transfer, lines: LineIn::all(lines)?, note };
    submit(&app, asked.envelope, command, |whole| encode(200, whole)).await
}

async fn send(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let command = SendTransfer { transfer: segments.id(0, "transfer")? };
    submit(&app, asked.envelope, command, |whole| encode(200, whole)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arrived {
    lines: Option<Vec<LineIn>>,
}

async fn receive(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Arrived>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let (merchant, transfer) = (asked.principal.merchant, segments.id(0, "transfer")?);
    let lines = asked.body.lines.map(LineIn::all).transpose()?;
    let command = ReceiveTransfer { merchant, transfer, lines };
    submit(&app, asked.envelope, command, |whole| encode(200, whole)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    fate: FateIn,
    write_off_reason: Option<WhyIn>,
    #[serde(default)]
    reason: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FateIn {
    WrittenOff,
    BroughtBack,
}

impl Close {
    fn fate(&self) -> Result<Fate, Problem> {
        match (self.fate, self.write_off_reason.map(WhyIn::why)) {
            (FateIn::WrittenOff, Some(why)) => Ok(Fate::WrittenOff(why)),
            (FateIn::BroughtBack, None) => Ok(Fate::BroughtBack),
            (FateIn::WrittenOff, None) => Err(Problem::new(Kind::BodyInvalid, "A write-off needs `write_off_reason`.")),
            (FateIn::BroughtBack, Some(_)) => {
                Err(Problem::new(Kind::BodyInvalid, "What was brought back has no `write_off_reason`."))
            }
        }
    }
}

async fn close(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Close>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let (transfer, fate) = (segments.id(0, "transfer")?, asked.body.fate()?);
    let command = CloseTransfer { transfer, fate, reason: asked.body.reason };
    submit(&app, asked.envelope, command, |whole| encode(200, whole)).await
}

async fn cancel(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let command = CancelTransfer { transfer: segments.id(0, "transfer")? };
    submit(&app, asked.envelope, command, |whole| encode(200, whole)).await
}

fn encode(status: u16, whole: &WholeTransfer) -> Answer {
    let id = whole.transfer.id;
    json::answer_fitting(status, id, Shape::of(whole), |shape| shape.without_lines())
}
