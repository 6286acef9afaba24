//! `/v1/stock-movements`: goods that came in or are gone, books that are put right, and the ledger of all that moved.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::call::Role;
use domain::external_ref::{self, ExternalId, ExternalRef, Subject};
use domain::id::{
    ArticleId, LocationId, MerchantId, MovementId, SaleId, StocktakeId, TransferId, UnreferencedReturnId,
};
use domain::money::Quantity;
use domain::stock::{self, Behind, Booking, MoveStock, Moved, MovementKind, NewMovement, WriteOffReason};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::Answer;
use storage::read::stock::MovementFilter;

use super::Route;
use super::article_json::article_ref;
use super::auth::authenticate;
use super::body::{Asked, query};
use super::error::{Kind, Problem};
use super::external_ref::{RefIn, RefOut, asked_for, referred, require_alone};
use super::idempotency::KeyRule;
use super::json::{self, InstantIn, Page, QuantityIn};
use super::stock::Level;
use super::submit::{ok, submit};
use crate::app::App;

/// The routes of stock movements.
pub fn routes() -> Vec<Route> {
    vec![Route::post("/v1/stock-movements", create), Route::get("/v1/stock-movements", list)]
}

/// One movement, or with `lines` many of the same kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMovements {
    location_id: LocationId,
    kind: KindIn,
    write_off_reason: Option<WhyIn>,
    #[serde(default)]
    reason: String,
    occurred_at: Option<InstantIn>,
    article_id: Option<ArticleId>,
    barcode: Option<String>,
    quantity: Option<QuantityIn>,
    expected_on_hand: Option<QuantityIn>,
    lines: Option<Vec<LineIn>>,
    #[serde(default)]
    external_refs: Vec<RefIn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineIn {
    article_id: Option<ArticleId>,
    barcode: Option<String>,
    quantity: QuantityIn,
    expected_on_hand: Option<QuantityIn>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindIn {
    Receipt,
    WriteOff,
    Correction,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WhyIn {
    Damaged,
    Expired,
    Stolen,
    Sample,
    Other,
}

impl WhyIn {
    pub(super) const fn why(self) -> WriteOffReason {
        match self {
            Self::Damaged => WriteOffReason::Damaged,
            Self::Expired => WriteOffReason::Expired,
            Self::Stolen => WriteOffReason::Stolen,
            Self::Sample => WriteOffReason::Sample,
            Self::Other => WriteOffReason::Other,
        }
    }
}

impl LineIn {
    fn asked(self) -> Result<NewMovement, Problem> {
        Ok(NewMovement {
            article: article_ref(self.article_id, self.barcode)?,
            quantity: self.quantity.0,
            expected_on_hand: self.expected_on_hand.map(|QuantityIn(quantity)| quantity),
        })
    }
}

impl NewMovements {
    fn booking(&self) -> Result<Booking, Problem> {
        match (self.kind, self.write_off_reason) {
            (KindIn::Receipt, None) => Ok(Booking::Receipt),
            (KindIn::Correction, None) => Ok(Booking::Correction),
            (KindIn::WriteOff, Some(why)) => Ok(Booking::WriteOff(why.why())),
            (KindIn::WriteOff, None) => Err(Problem::new(Kind::BodyInvalid, "A write-off needs `write_off_reason`.")),
            (KindIn::Receipt | KindIn::Correction, Some(_)) => {
                Err(Problem::new(Kind::BodyInvalid, "Only a write-off has a `write_off_reason`."))
            }
        }
    }

    /// The lines, and whether there is one that the body itself is.
    fn lines(self) -> Result<(Vec<NewMovement>, bool), Problem> {
        let Self { article_id, barcode, quantity, expected_on_hand, lines, .. } = self;
        let is_bare = article_id.is_none() && barcode.is_none() && quantity.is_none() && expected_on_hand.is_none();
        match (lines, quantity) {
            (Some(lines), None) if is_bare => {
                Ok((lines.into_iter().map(LineIn::asked).collect::<Result<_, _>>()?, false))
            }
            (None, Some(quantity)) => {
                Ok((vec![LineIn { article_id, barcode, quantity, expected_on_hand }.asked()?], true))
            }
            _ => Err(Problem::new(Kind::BodyInvalid, "Give either `lines`, or one article with its `quantity`.")),
        }
    }
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewMovements>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let (merchant, location, kind) = (asked.principal.merchant, asked.body.location_id, asked.body.booking()?);
    let occurred_at = asked.body.occurred_at.map(|InstantIn(at)| at);
    let mut body = asked.body;
    let (reason, refs) = (std::mem::take(&mut body.reason), std::mem::take(&mut body.external_refs));
    let (lines, is_one) = body.lines()?;
    let command = MoveStock { merchant, location, kind, reason, occurred_at, lines };
    let made = |moved: &Vec<Moved>| moved.first().map(|first| Subject::Movement(first.movement.id));
    let command = referred(merchant, command, refs, external_ref::Kind::Movement, made);
    submit(&app, asked.envelope, command, move |moved| encode(moved, is_one)).await
}

fn encode(moved: &Vec<Moved>, is_one: bool) -> Answer {
    if let ([one], true) = (moved.as_slice(), is_one) {
        return json::answer(201, one.movement.id, json::to_bytes(&Shape::with_level(one)));
    }
    let movements = Some(moved.iter().map(Shape::with_level).collect());
    let all = All { object: "stock_movements", movement_count: moved.len(), movements };
    json::answer_fitting(201, "", all, |all| All { movements: None, ..all })
}

/// All movements of one request.
#[derive(Serialize)]
struct All<'a> {
    object: &'static str,
    movement_count: usize,
    /// Null where there are too many for an answer that is stored.
    movements: Option<Vec<Shape<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    location_id: Option<LocationId>,
    article_id: Option<ArticleId>,
    kind: Option<String>,
    from: Option<InstantIn>,
    until: Option<InstantIn>,
    external_system: Option<String>,
    external_id: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { location_id, article_id, kind, from, until, external_system, external_id, cursor, limit } =
        query(&uri)?;
    let page = Page::new(cursor, limit);
    let (before, limit) = (page.after::<MovementId>()?.parse().ok(), page.limit()?);
    if let Some(location) = location_id {
        app.reader.find_location(merchant, location).await?.ok_or_else(|| Problem::not_found("location"))?;
    }
    if let Some(article) = article_id {
        app.reader.find_article(merchant, article).await?.ok_or_else(|| Problem::not_found("article"))?;
    }
    let filter = MovementFilter {
        location: location_id,
        article: article_id,
        kind: kind_of(kind.as_deref())?,
        from: from.map(|InstantIn(at)| at),
        until: until.map(|InstantIn(at)| at),
    };
    if let Some(external) = asked_for(external_system.as_deref(), external_id.as_deref())? {
        require_alone(filter == MovementFilter::default() && before.is_none())?;
        return answer(&app, merchant, find_known(&app, merchant, &external).await?, None).await;
    }
    let page = app.reader.list_movements(merchant, &filter, before, limit).await?;
    answer(&app, merchant, page.found, page.next.map(|id| id.to_string())).await
}

/// What was booked in the request that another system knows under an id, or nothing: all of it on one page.
async fn find_known(app: &App, merchant: MerchantId, external: &ExternalId) -> Result<Vec<stock::Movement>, Problem> {
    let known = app.reader.find_external_subject(merchant, external, external_ref::Kind::Movement).await?;
    let Some(Subject::Movement(first)) = known else { return Ok(Vec::new()) };
    Ok(app.reader.list_document(merchant, first).await?)
}

/// A page of the ledger, with the ids under which others know what was booked by hand.
async fn answer(
    app: &App,
    merchant: MerchantId,
    found: Vec<stock::Movement>,
    next_cursor: Option<String>,
) -> Result<Response, Problem> {
    let mut documents: Vec<MovementId> = found.iter().filter_map(|movement| movement.document).collect();
    documents.sort_unstable();
    documents.dedup();
    let documents: Vec<String> = documents.iter().map(MovementId::to_string).collect();
    let refs = app.reader.list_external_refs_of(merchant, &documents).await?;
    let shapes = found.iter().map(|movement| Shape::known_as(movement, &refs)).collect();
    Ok(ok(json::to_bytes(&json::page(shapes, next_cursor))))
}

fn kind_of(text: Option<&str>) -> Result<Option<&'static str>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let kind = MovementKind::WORDS.into_iter().find(|kind| *kind == text);
    let unknown = || Problem::new(Kind::QueryInvalid, "The parameter `kind` is not a kind of movement.");
    kind.map(Some).ok_or_else(unknown)
}

/// A movement in JSON.
#[derive(Serialize)]
struct Shape<'a> {
    id: MovementId,
    object: &'static str,
    location_id: LocationId,
    article_id: ArticleId,
    kind: &'static str,
    quantity: Quantity,
    write_off_reason: Option<&'static str>,
    reason: &'a str,
    sale_id: Option<SaleId>,
    stocktake_id: Option<StocktakeId>,
    transfer_id: Option<TransferId>,
    unreferenced_return_id: Option<UnreferencedReturnId>,
    /// What was booked by hand in one request has the same.
    document_id: Option<MovementId>,
    /// Only where the ledger is read, and it has some.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refs: Option<Vec<RefOut<'a>>>,
    /// Who told of it, where it is a fact from elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(serialize_with = "json::instant")]
    occurred_at: Timestamp,
    #[serde(serialize_with = "json::instant")]
    recorded_at: Timestamp,
    /// The level after it; only where the movement is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    stock_level: Option<Level>,
}

impl<'a> Shape<'a> {
    fn of(movement: &'a stock::Movement) -> Self {
        let stock::Movement { id, location, article, kind, quantity, document, recorded_at, .. } = *movement;
        let Behind { sale, stocktake, transfer, unreferenced_return, write_off_reason } = kind.behind();
        Self {
            id,
            object: "stock_movement",
            location_id: location,
            article_id: article,
            kind: kind.as_str(),
            quantity,
            write_off_reason: write_off_reason.map(WriteOffReason::as_str),
            reason: &movement.reason,
            sale_id: sale,
            stocktake_id: stocktake,
            transfer_id: transfer,
            unreferenced_return_id: unreferenced_return,
            document_id: document,
            external_refs: None,
            origin: movement.origin.as_deref(),
            occurred_at: movement.moved_at(),
            recorded_at,
            stock_level: None,
        }
    }

    fn known_as(movement: &'a stock::Movement, refs: &'a [ExternalRef]) -> Self {
        let document = movement.document.map(Subject::Movement);
        let external_refs = document.and_then(|document| RefOut::all(refs, document));
        Self { external_refs, ..Self::of(movement) }
    }

    fn with_level(moved: &'a Moved) -> Self {
        Self { stock_level: Some(Level::of(&moved.level)), ..Self::of(&moved.movement) }
    }
}
