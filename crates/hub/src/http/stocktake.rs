//! `/v1/stocktakes`: what was counted on the shelves, and how it comes into the books.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::article::ArticleRef;
use domain::call::Role;
use domain::id::{ArticleId, LocationId, MerchantId, StocktakeId};
use domain::metadata;
use domain::stocktake::{
    self, CancelStocktake, CloseStocktake, CountArticles, How, NewCount, OpenStocktake, Recorded, Stocktake, Uncounted,
};
use serde::{Deserialize, Serialize};
use storage::Answer;
use storage::read::stocktake::StocktakeFilter;
use tokio::time::Instant;

use super::Route;
use super::article_json::article_ref;
use super::auth::authenticate;
use super::body::{Asked, Nothing, Segments, query};
use super::error::{Kind, Problem};
use super::idempotency::KeyRule;
use super::json::{self, InstantIn, Page, QuantityIn};
use super::metadata::{MetadataIn, noted};
use super::patience::Patience;
use super::prefer;
use super::stock::Level;
use super::stocktake_json::{Line, Shape};
use super::submit::{ok, submit};
use crate::app::App;

/// The routes of stocktakes.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/stocktakes", open),
        Route::get("/v1/stocktakes", list),
        Route::get("/v1/stocktakes/{id}", get),
        Route::post("/v1/stocktakes/{id}/lines", count),
        Route::get("/v1/stocktakes/{id}/lines", lines),
        Route::get("/v1/stocktakes/{id}/uncounted", uncounted),
        Route::post("/v1/stocktakes/{id}/cancel", cancel),
        Route::post("/v1/stocktakes/{id}/close", close),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewStocktake {
    location_id: LocationId,
    articles: Option<Vec<Named>>,
    #[serde(default)]
    note: String,
    #[serde(default)]
    metadata: MetadataIn,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    article_id: Option<ArticleId>,
    barcode: Option<String>,
}

async fn open(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewStocktake>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let NewStocktake { location_id: location, articles, note, metadata } = asked.body;
    let named = |articles: Vec<Named>| -> Result<Vec<ArticleRef>, Problem> {
        articles.into_iter().map(|Named { article_id, barcode }| article_ref(article_id, barcode)).collect()
    };
    let articles = articles.map(named).transpose()?;
    let command = OpenStocktake { merchant: asked.principal.merchant, location, articles, note };
    let command = noted(command, metadata, |stocktake| {
        Some((metadata::Subject::Stocktake(stocktake.id), &mut stocktake.metadata))
    });
    submit(&app, asked.envelope, command, |stocktake| encode(201, stocktake)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    location_id: Option<LocationId>,
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { location_id, state, cursor, limit } = query(&uri)?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<StocktakeId>()?, page.limit()?);
    let state = one_of(&stocktake::State::WORDS, state.as_deref())?;
    let filter = StocktakeFilter { location: location_id, state };
    let found = app.reader.list_stocktakes(merchant, &filter, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |one| one.id.to_string(), Shape::of))))
}

/// The state that a query names.
pub(super) fn one_of(words: &[&'static str], word: Option<&str>) -> Result<Option<&'static str>, Problem> {
    let Some(word) = word else { return Ok(None) };
    let state = words.iter().copied().find(|state| *state == word);
    let unknown = || Problem::new(Kind::QueryInvalid, format!("The parameter `state` is one of {}.", words.join(", ")));
    state.map(Some).ok_or_else(unknown)
}

/// The stocktake, when it is not being closed any more or the caller's patience is over.
async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let id = segments.id(0, "stocktake")?;
    let deadline = Instant::now() + prefer::wait(&headers).unwrap_or_default();
    let mut patience = Patience::until(&app, merchant, deadline);
    loop {
        let found = find(&app, merchant, id).await?;
        let is_closing = matches!(found.state, stocktake::State::Closing { .. });
        if !is_closing || !patience.look_again().await {
            return Ok(ok(json::to_bytes(&Shape::of(&found))));
        }
    }
}

async fn find(app: &App, merchant: MerchantId, id: StocktakeId) -> Result<Stocktake, Problem> {
    app.reader.find_stocktake(merchant, id).await?.ok_or_else(|| Problem::not_found("stocktake"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    counted_by: Option<String>,
    lines: Vec<CountIn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountIn {
    article_id: Option<ArticleId>,
    barcode: Option<String>,
    counted: QuantityIn,
    #[serde(default)]
    mode: Mode,
    counted_at: Option<InstantIn>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Replace,
    Add,
}

impl CountIn {
    fn asked(self) -> Result<NewCount, Problem> {
        Ok(NewCount {
            article: article_ref(self.article_id, self.barcode)?,
            quantity: self.counted.0,
            how: match self.mode {
                Mode::Replace => How::Replace,
                Mode::Add => How::Add,
            },
            at: self.counted_at.map(|InstantIn(at)| at),
        })
    }
}

async fn count(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Counts>::read(&app, request, Role::Cashier, KeyRule::Required).await?;
    let (merchant, id) = (asked.principal.merchant, segments.id(0, "stocktake")?);
    // The location of a stocktake never changes: it only turns the articles into the levels that are locked.
    let location = find(&app, merchant, id).await?.location;
    let counts = asked.body.lines.into_iter().map(CountIn::asked).collect::<Result<_, _>>()?;
    let command = CountArticles { merchant, stocktake: id, location, by: asked.body.counted_by, counts };
    submit(&app, asked.envelope, command, |Recorded { stocktake, outdated }| {
        let told = Told { object: "stocktake_counts", outdated_article_ids: outdated, stocktake: Shape::of(stocktake) };
        json::answer(201, stocktake.id, json::to_bytes(&told))
    })
    .await
}

#[derive(Serialize)]
struct Told<'a> {
    object: &'static str,
    outdated_article_ids: &'a [ArticleId],
    stocktake: Shape<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedLines {
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn lines(State(app): State<App>, segments: Segments, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let WantedLines { state, cursor, limit } = query(&uri)?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<ArticleId>()?, page.limit()?);
    let state = one_of(&stocktake::LineState::WORDS, state.as_deref())?;
    let stocktake = find(&app, merchant, segments.id(0, "stocktake")?).await?;
    let found = app.reader.list_stocktake_lines(&stocktake, state, after, limit + 1).await?;
    let expected = app.reader.read_expected(&stocktake, &found).await?;
    let shape = |line| Line::of(line, expected.get(&line.article).copied());
    Ok(ok(json::to_bytes(&json::list(&found, limit, |line| line.article.to_string(), shape))))
}

async fn uncounted(
    State(app): State<App>,
    segments: Segments,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let page: Page = query(&uri)?;
    let (after, limit) = (page.after::<ArticleId>()?, page.limit()?);
    let stocktake = find(&app, merchant, segments.id(0, "stocktake")?).await?;
    let found = app.reader.list_uncounted(&stocktake, after, limit + 1).await?;
    Ok(ok(json::to_bytes(&json::list(&found, limit, |level| level.article.to_string(), Level::of))))
}

async fn cancel(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Nothing>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let command = CancelStocktake { stocktake: segments.id(0, "stocktake")? };
    submit(&app, asked.envelope, command, |stocktake| encode(200, stocktake)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    uncounted: UncountedIn,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum UncountedIn {
    Leave,
    Zero,
}

async fn close(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Close>::read(&app, request, Role::Manager, KeyRule::Required).await?;
    let uncounted = match asked.body.uncounted {
        UncountedIn::Leave => Uncounted::Leave,
        UncountedIn::Zero => Uncounted::Zero,
    };
    let command = CloseStocktake { stocktake: segments.id(0, "stocktake")?, uncounted };
    submit(&app, asked.envelope, command, |stocktake| encode(202, stocktake)).await
}

fn encode(status: u16, stocktake: &Stocktake) -> Answer {
    json::answer(status, stocktake.id, json::to_bytes(&Shape::of(stocktake)))
}
