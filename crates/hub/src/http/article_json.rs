//! An article in JSON, and how a request names one.

use std::collections::BTreeMap;

use domain::article::{ArticleRef, Barcode, Described, Unit};
use domain::id::{ArticleId, LocationId};
use domain::metadata::Metadata;
use domain::money::{Currency, UnitPrice};
use domain::time::Timestamp;
use serde::Serialize;

use super::error::{Kind, Problem};
use super::json;

/// An article with what is told of it.
#[derive(Serialize)]
pub struct Shape<'a> {
    id: ArticleId,
    object: &'static str,
    sku: &'a str,
    barcodes: &'a [Barcode],
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_urls: Option<&'a [String]>,
    unit: Unit,
    unit_price: UnitPrice,
    #[serde(skip_serializing_if = "Option::is_none")]
    prices: Option<Vec<Price>>,
    currency: Currency,
    tax_class: &'a str,
    eat_in_tax_class: Option<&'a str>,
    is_stocked: bool,
    is_active: bool,
    variant_of: Option<ArticleId>,
    options: Option<&'a BTreeMap<String, String>>,
    has_variants: bool,
    /// Left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    #[serde(serialize_with = "json::instant")]
    created_at: Timestamp,
    version: i64,
}

impl<'a> Shape<'a> {
    /// The whole of it.
    pub fn of(described: &'a Described) -> Self {
        let (article, details) = (&described.article, &described.details);
        Self {
            id: article.id,
            object: "article",
            sku: &article.sku,
            barcodes: &article.barcodes,
            name: &article.name,
            names: Some(&details.names),
            description: Some(&details.description),
            image_urls: Some(&details.image_urls),
            unit: article.unit,
            unit_price: article.unit_price,
            prices: Some(article.prices.iter().map(Price::of).collect()),
            currency: article.currency,
            tax_class: &article.tax_class,
            eat_in_tax_class: article.eat_in_tax_class.as_deref(),
            is_stocked: article.is_stocked,
            is_active: article.is_active,
            variant_of: article.variant.as_ref().map(|variant| variant.of),
            options: article.variant.as_ref().map(|variant| &variant.options),
            has_variants: article.has_variants,
            metadata: article.metadata.shown(),
            created_at: article.created_at,
            version: article.version,
        }
    }

    /// An answer that is kept has room for so much; `GET` has the rest.
    pub fn without_lists(self) -> Self {
        Self { names: None, description: None, image_urls: None, prices: None, ..self }
    }
}

/// A price that holds for a time or in one location.
#[derive(Serialize)]
struct Price {
    location_id: Option<LocationId>,
    unit_price: UnitPrice,
    #[serde(serialize_with = "json::instant")]
    valid_from: Timestamp,
    #[serde(serialize_with = "json::instant_option")]
    valid_until: Option<Timestamp>,
}

impl Price {
    fn of(price: &domain::article::Price) -> Self {
        let domain::article::Price { location, valid_from, valid_until, unit_price } = *price;
        Self { location_id: location, unit_price, valid_from, valid_until }
    }
}

/// The article that a request names in one of two ways.
pub fn article_ref(id: Option<ArticleId>, barcode: Option<String>) -> Result<ArticleRef, Problem> {
    match (id, barcode) {
        (Some(id), None) => Ok(ArticleRef::Id(id)),
        (None, Some(barcode)) => Ok(ArticleRef::Barcode(barcode)),
        (Some(_), Some(_)) | (None, None) => {
            Err(Problem::new(Kind::BodyInvalid, "Name the article either by `article_id` or by `barcode`."))
        }
    }
}
