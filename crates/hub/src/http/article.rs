//! `/v1/articles`: what is sold.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::article::{Article, Barcode, CreateArticle, UpdateArticle};
use domain::call::Role;
use domain::id::ArticleId;
use domain::money::{Currency, UnitPrice};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use storage::Answer;

use super::Route;
use super::auth::authenticate;
use super::body::{Asked, Segments, query};
use super::error::{Kind, Problem};
use super::etag::{expected_version, tagged};
use super::idempotency::KeyRule;
use super::json::{self, Page, UnitPriceIn};
use super::submit::{ok, submit};
use crate::app::App;

/// The routes of articles.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/articles", create),
        Route::get("/v1/articles", list),
        Route::get("/v1/articles/{id}", get),
        Route::patch("/v1/articles/{id}", update),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewArticle {
    sku: String,
    #[serde(default)]
    barcodes: Vec<String>,
    name: String,
    unit_price: UnitPriceIn,
    currency: Option<Currency>,
    tax_class: String,
    eat_in_tax_class: Option<String>,
    #[serde(default = "json::yes")]
    is_stocked: bool,
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<NewArticle>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let NewArticle {
        sku,
        barcodes,
        name,
        unit_price: UnitPriceIn(unit_price),
        currency,
        tax_class,
        eat_in_tax_class,
        is_stocked,
    } = asked.body;
    let merchant = asked.principal.merchant;
    let command =
        CreateArticle { merchant, sku, barcodes, name, unit_price, currency, tax_class, eat_in_tax_class, is_stocked };
    submit(&app, asked.envelope, command, |article| encode(201, article)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    barcode: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// All, page by page; or the one that has a barcode, or none.
async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let Wanted { barcode, cursor, limit } = query(&uri)?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<ArticleId>()?, page.limit()?);
    let found = match barcode {
        None => app.reader.list_articles(principal.merchant, after, limit + 1).await?,
        Some(_) if !after.is_empty() => {
            return Err(Problem::new(Kind::QueryInvalid, "A barcode has no next page: leave out `cursor`."));
        }
        Some(text) => {
            let barcode = Barcode::parse(&text).map_err(|why| Problem::new(Kind::QueryInvalid, why.to_string()))?;
            Vec::from_iter(app.reader.find_article_by_barcode(principal.merchant, &barcode).await?)
        }
    };
    Ok(ok(json::to_bytes(&json::list(&found, limit, |article| article.id.to_string(), Shape::of))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let found = app.reader.find_article(principal.merchant, segments.id(0, "article")?).await?;
    let article = found.ok_or_else(|| Problem::not_found("article"))?;
    Ok(tagged(json::to_bytes(&Shape::of(&article)), article.version))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    barcodes: Option<Vec<String>>,
    name: Option<String>,
    unit_price: Option<UnitPriceIn>,
    tax_class: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    eat_in_tax_class: Option<Option<String>>,
    is_active: Option<bool>,
}

async fn update(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Changes>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let Changes { barcodes, name, unit_price, tax_class, eat_in_tax_class, is_active } = asked.body;
    let command = UpdateArticle {
        merchant: asked.principal.merchant,
        article: segments.id(0, "article")?,
        expected_version: expected_version(&asked.headers)?,
        barcodes,
        name,
        unit_price: unit_price.map(|UnitPriceIn(unit_price)| unit_price),
        tax_class,
        eat_in_tax_class,
        is_active,
    };
    submit(&app, asked.envelope, command, |article| encode(200, article)).await
}

fn encode(status: u16, article: &Article) -> Answer {
    json::answer(status, article.id, json::to_bytes(&Shape::of(article)))
}

#[derive(Serialize)]
struct Shape<'a> {
    id: ArticleId,
    object: &'static str,
    sku: &'a str,
    barcodes: &'a [Barcode],
    name: &'a str,
    unit_price: UnitPrice,
    currency: Currency,
    tax_class: &'a str,
    eat_in_tax_class: Option<&'a str>,
    is_stocked: bool,
    is_active: bool,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    version: i64,
}

impl<'a> Shape<'a> {
    fn of(article: &'a Article) -> Self {
        let Article { id, unit_price, currency, is_stocked, is_active, created_at, version, .. } = *article;
        let Article { sku, name, tax_class, .. } = article;
        Self {
            id,
            object: "article",
            sku,
            barcodes: &article.barcodes,
            name,
            unit_price,
            currency,
            tax_class,
            eat_in_tax_class: article.eat_in_tax_class.as_deref(),
            is_stocked,
            is_active,
            created_at,
            version,
        }
    }
}
