//! `/v1/articles`: what is sold.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use domain::article::{Barcode, CreateArticle, Described, NewDetails, Price, Unit, UpdateArticle, Variant};
use domain::call::Role;
use domain::id::{ArticleId, LocationId};
use domain::metadata;
use domain::money::Currency;
use serde::{Deserialize, Deserializer, de};
use storage::Answer;

use super::Route;
use super::article_json::Shape;
use super::auth::authenticate;
use super::body::{Asked, Segments, query};
use super::error::{Kind, Problem};
use super::etag::{expected_version, tagged};
use super::idempotency::KeyRule;
use super::json::{self, InstantIn, Page, UnitPriceIn};
use super::metadata::{MetadataIn, noted};
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
    names: Option<BTreeMap<String, String>>,
    description: Option<String>,
    image_urls: Option<Vec<String>>,
    #[serde(default)]
    unit: UnitIn,
    unit_price: UnitPriceIn,
    currency: Option<Currency>,
    tax_class: String,
    eat_in_tax_class: Option<String>,
    #[serde(default = "json::yes")]
    is_stocked: bool,
    variant_of: Option<ArticleId>,
    #[serde(default)]
    options: BTreeMap<String, String>,
    #[serde(default)]
    metadata: MetadataIn,
}

impl NewArticle {
    /// Options tell variants apart: without an article to be a variant of they would say nothing.
    fn variant(&mut self) -> Result<Option<Variant>, Problem> {
        let options = std::mem::take(&mut self.options);
        match self.variant_of {
            Some(of) => Ok(Some(Variant { of, options })),
            None if options.is_empty() => Ok(None),
            None => Err(Problem::new(Kind::BodyInvalid, "`options` belong to a variant: give `variant_of` too.")),
        }
    }
}

/// The unit that a client gives.
#[derive(Default)]
struct UnitIn(Unit);

impl<'de> Deserialize<'de> for UnitIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Unit::parse(&text).map(Self).ok_or_else(|| de::Error::custom("expected one of piece, kg, g, m and l"))
    }
}

async fn create(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let mut asked = Asked::<NewArticle>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let variant = asked.body.variant()?;
    let body = asked.body;
    let command = CreateArticle {
        merchant: asked.principal.merchant,
        sku: body.sku,
        barcodes: body.barcodes,
        name: body.name,
        details: NewDetails { names: body.names, description: body.description, image_urls: body.image_urls },
        unit: body.unit.0,
        unit_price: body.unit_price.0,
        currency: body.currency,
        tax_class: body.tax_class,
        eat_in_tax_class: body.eat_in_tax_class,
        is_stocked: body.is_stocked,
        variant,
    };
    let command = noted(command, body.metadata, |described| {
        Some((metadata::Subject::Article(described.article.id), &mut described.article.metadata))
    });
    submit(&app, asked.envelope, command, |described| encode(201, described)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    barcode: Option<String>,
    sku: Option<String>,
    variant_of: Option<ArticleId>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// All, or the variants of one, page by page; or the one that has a barcode or a sku, or none.
async fn list(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let merchant = authenticate(&app, &headers).await?.merchant;
    let Wanted { barcode, sku, variant_of, cursor, limit } = query(&uri)?;
    let page = Page::new(cursor, limit);
    let (after, limit) = (page.after::<ArticleId>()?, page.limit()?);
    if (barcode.is_some() || sku.is_some()) && !after.is_empty() {
        return Err(Problem::new(Kind::QueryInvalid, "One article has no next page: leave out `cursor`."));
    }
    let found = match (barcode, sku, variant_of) {
        (None, None, None) => app.reader.list_articles(merchant, after, limit + 1).await?,
        (None, None, Some(of)) => app.reader.list_variants(merchant, of, after, limit + 1).await?,
        (None, Some(sku), None) => Vec::from_iter(app.reader.find_article_by_sku(merchant, &sku).await?),
        (Some(text), None, None) => {
            let barcode = Barcode::parse(&text).map_err(|why| Problem::new(Kind::QueryInvalid, why.to_string()))?;
            Vec::from_iter(app.reader.find_article_by_barcode(merchant, &barcode).await?)
        }
        _ => return Err(Problem::new(Kind::QueryInvalid, "Give one of `barcode`, `sku` and `variant_of`.")),
    };
    Ok(ok(json::to_bytes(&json::list(&found, limit, |described| described.article.id.to_string(), Shape::of))))
}

async fn get(State(app): State<App>, segments: Segments, headers: HeaderMap) -> Result<Response, Problem> {
    let principal = authenticate(&app, &headers).await?;
    let found = app.reader.find_article(principal.merchant, segments.id(0, "article")?).await?;
    let described = found.ok_or_else(|| Problem::not_found("article"))?;
    Ok(tagged(json::to_bytes(&Shape::of(&described)), described.article.version))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    barcodes: Option<Vec<String>>,
    name: Option<String>,
    names: Option<BTreeMap<String, String>>,
    description: Option<String>,
    image_urls: Option<Vec<String>>,
    unit_price: Option<UnitPriceIn>,
    prices: Option<Vec<PriceIn>>,
    tax_class: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    eat_in_tax_class: Option<Option<String>>,
    is_active: Option<bool>,
}

/// A price that a client gives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceIn {
    location_id: Option<LocationId>,
    unit_price: UnitPriceIn,
    valid_from: InstantIn,
    valid_until: Option<InstantIn>,
}

impl From<PriceIn> for Price {
    fn from(price: PriceIn) -> Self {
        Self {
            location: price.location_id,
            valid_from: price.valid_from.0,
            valid_until: price.valid_until.map(|until| until.0),
            unit_price: price.unit_price.0,
        }
    }
}

async fn update(State(app): State<App>, segments: Segments, request: Request) -> Result<Response, Problem> {
    let asked = Asked::<Changes>::read(&app, request, Role::Manager, KeyRule::Optional).await?;
    let body = asked.body;
    let command = UpdateArticle {
        merchant: asked.principal.merchant,
        article: segments.id(0, "article")?,
        expected_version: expected_version(&asked.headers)?,
        barcodes: body.barcodes,
        name: body.name,
        details: NewDetails { names: body.names, description: body.description, image_urls: body.image_urls },
        unit_price: body.unit_price.map(|price| price.0),
        prices: body.prices.map(|prices| prices.into_iter().map(Price::from).collect()),
        tax_class: body.tax_class,
        eat_in_tax_class: body.eat_in_tax_class,
        is_active: body.is_active,
    };
    submit(&app, asked.envelope, command, |described| encode(200, described)).await
}

fn encode(status: u16, described: &Described) -> Answer {
    let id = described.article.id;
    json::answer_fitting(status, id, Shape::of(described), Shape::without_lists)
}
