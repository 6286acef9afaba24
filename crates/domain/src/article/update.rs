//! A change of an article. Sales that are open keep what their lines say.

use serde::Serialize;

use super::barcode::{self, relabel};
use super::price::in_order;
use super::{
    Article, ArticleDetails, Barcode, Described, Details, NewDetails, PRICES_MAX, Price, Refusal, check_name,
    check_tax_class, check_unit_price,
};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role, require_version};
use crate::id::{ArticleId, LocationId, MerchantId};
use crate::money::UnitPrice;
use crate::tax::TaxRules;
use crate::work::{Key, Stop, UnitOfWork};

/// Changes the fields that are given.
#[derive(Debug, Clone)]
pub struct UpdateArticle {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which article.
    pub article: ArticleId,
    /// The version that the caller read; without it the last one to write wins.
    pub expected_version: Option<i64>,
    /// All the codes that are on it from now on.
    pub barcodes: Option<Vec<String>>,
    /// The new name.
    pub name: Option<String>,
    /// What else is told of it from now on.
    pub details: NewDetails,
    /// The new price.
    pub unit_price: Option<UnitPrice>,
    /// All the prices that hold for a time or in one location from now on.
    pub prices: Option<Vec<Price>>,
    /// The new tax class.
    pub tax_class: Option<String>,
    /// The new class where it is eaten in the shop; none where it is the same.
    pub eat_in_tax_class: Option<Option<String>>,
    /// Whether it may be sold from now on.
    pub is_active: Option<bool>,
}

impl UpdateArticle {
    /// No change, to be given some.
    pub fn nothing(merchant: MerchantId, article: ArticleId) -> Self {
        Self {
            merchant,
            article,
            expected_version: None,
            barcodes: None,
            name: None,
            details: NewDetails::default(),
            unit_price: None,
            prices: None,
            tax_class: None,
            eat_in_tax_class: None,
            is_active: None,
        }
    }

    fn check(&self, rules: &TaxRules) -> Result<(), Refusal> {
        self.name.as_deref().map_or(Ok(()), check_name)?;
        self.unit_price.map_or(Ok(()), check_unit_price)?;
        let eat_in = self.eat_in_tax_class.iter().flatten();
        self.tax_class.iter().chain(eat_in).try_for_each(|tax_class| check_tax_class(tax_class, rules))
    }

    fn locations(&self) -> impl Iterator<Item = LocationId> {
        self.prices.iter().flatten().take(PRICES_MAX).filter_map(|price| price.location)
    }

    fn check_locations(&self, work: &UnitOfWork, call: &Call<'_>) -> Result<(), Stop<command::Refusal>> {
        let mut unknown = self.locations().filter(|id| work.locations.find(call.merchant, id).is_none());
        unknown.next().map_or(Ok(()), |id| Err(not_found("location", id)))
    }

    fn apply(&self, mut article: Article) -> Article {
        article.name = self.name.clone().unwrap_or(article.name);
        article.unit_price = self.unit_price.unwrap_or(article.unit_price);
        article.tax_class = self.tax_class.clone().unwrap_or(article.tax_class);
        article.eat_in_tax_class = self.eat_in_tax_class.clone().unwrap_or(article.eat_in_tax_class);
        article.is_active = self.is_active.unwrap_or(article.is_active);
        article
    }
}

impl Command for UpdateArticle {
    type Reply = Described;

    fn name(&self) -> &'static str {
        "article.update"
    }

    fn keys(&self) -> Vec<Key> {
        // The codes that it has are named once the article is loaded.
        let codes = barcode::keys(self.merchant, self.barcodes.as_deref().unwrap_or_default());
        [Key::Merchant(self.merchant), Key::Article(self.article), Key::ArticleDetails(self.article)]
            .into_iter()
            .chain(codes)
            .chain(self.locations().map(Key::Location))
            .collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Described, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let merchant = work.merchants.find(call.merchant, &self.merchant);
        let merchant = merchant.ok_or_else(|| not_found("merchant", self.merchant))?;
        let before = work.articles.find(call.merchant, &self.article);
        let before = before.ok_or_else(|| not_found("article", self.article))?.clone();
        require_version(self.expected_version, before.version)?;
        self.check(&merchant.tax)?;
        let mut changed = self.apply(before.clone());
        if let Some(prices) = &self.prices {
            changed.prices = in_order(prices)?;
            self.check_locations(work, call)?;
        }
        if let Some(wanted) = &self.barcodes {
            changed.barcodes = relabel(work, call, self.article, &before.barcodes, wanted)?;
        }
        let told = find_details(work, call, self.article);
        let details = self.details.apply(told.clone())?;
        if changed == before && details == told {
            return Ok(Described { article: changed, details });
        }
        if details != told {
            put_details(work, call, self.article, details.clone());
        }
        let article = work.articles.replace(changed);
        let article = article.ok_or_else(|| not_found("article", self.article))?.clone();
        let data = Updated {
            version: article.version,
            barcodes: &article.barcodes,
            unit_price: article.unit_price,
            is_active: article.is_active,
        };
        work.emit(call, "article.updated", article.id, &data);
        Ok(Described { article, details })
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        Refusal::of_constraint(constraint).map(command::Refusal::Article)
    }
}

fn find_details(work: &UnitOfWork, call: &Call<'_>, article: ArticleId) -> Details {
    work.article_details.find(call.merchant, &article).map(|told| told.details.clone()).unwrap_or_default()
}

fn put_details(work: &mut UnitOfWork, call: &Call<'_>, article: ArticleId, details: Details) {
    match work.article_details.find_mut(call.merchant, &article) {
        Some(told) => told.details = details,
        None => work.article_details.insert(ArticleDetails { article, merchant: call.merchant, details, version: 1 }),
    }
}

#[derive(Serialize)]
struct Updated<'a> {
    version: i64,
    barcodes: &'a [Barcode],
    unit_price: UnitPrice,
    is_active: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{BAG, MERCHANT, OTHER_MERCHANT, TEA, World};

    fn an_update() -> UpdateArticle {
        UpdateArticle::nothing(MERCHANT, TEA)
    }

    #[test]
    fn only_given_fields_change() {
        let mut world = World::new();
        let before = world.article(TEA);
        let update = UpdateArticle { unit_price: Some(UnitPrice(42)), expected_version: Some(1), ..an_update() };
        let article = world.run(&update).unwrap().article;
        assert_eq!(article, Article { unit_price: UnitPrice(42), version: 2, ..before });
        assert_eq!(world.event_kinds(), ["article.updated"]);
    }

    #[test]
    fn an_update_that_changes_nothing_leaves_no_trace() {
        let mut world = World::new();
        assert_eq!(world.run(&UpdateArticle { is_active: Some(true), ..an_update() }).unwrap().article.version, 1);
        assert!(world.event_kinds().is_empty());
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let update = an_update;
        let card = Some("5555-5555-5555-4444".to_owned());
        for (code, wrong) in [
            ("version_stale", UpdateArticle { expected_version: Some(7), is_active: Some(false), ..update() }),
            ("article_name_invalid", UpdateArticle { name: Some(String::new()), ..update() }),
            ("text_looks_like_card_number", UpdateArticle { name: card, ..update() }),
            ("unit_price_out_of_range", UpdateArticle { unit_price: Some(UnitPrice(-1)), ..update() }),
            ("tax_class_unknown", UpdateArticle { tax_class: Some(String::new()), ..update() }),
            ("tax_class_unknown", UpdateArticle { eat_in_tax_class: Some(Some("luxury".to_owned())), ..update() }),
            ("article_not_found", UpdateArticle { article: ArticleId::from_uuid(uuid::Uuid::nil()), ..update() }),
            ("merchant_not_found", UpdateArticle { merchant: OTHER_MERCHANT, ..update() }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&update()).code(), "role_too_low");
    }

    fn label(article: ArticleId, barcodes: &[&str]) -> UpdateArticle {
        let barcodes = barcodes.iter().map(|text| (*text).to_owned()).collect();
        UpdateArticle { article, barcodes: Some(barcodes), ..an_update() }
    }

    fn codes(described: &Described) -> Vec<&str> {
        described.article.barcodes.iter().map(Barcode::as_str).collect()
    }

    #[test]
    fn a_code_stands_for_one_article_until_it_is_taken_off() {
        let mut world = World::new();
        let tea = world.run(&label(TEA, &["04901234567894", "tea", "4901234567894"])).unwrap();
        assert_eq!((codes(&tea), tea.article.version), (vec!["4901234567894", "tea"], 2));
        assert_eq!(world.run(&label(TEA, &["4901234567894", "tea"])).unwrap(), tea);
        assert_eq!(world.refused(&label(BAG, &["bag", "tea"])).code(), "barcode_taken");
        assert!(world.article(BAG).barcodes.is_empty());
        assert_eq!(codes(&world.run(&label(TEA, &["4901234567894"])).unwrap()), ["4901234567894"]);
        assert_eq!(codes(&world.run(&label(BAG, &["bag", "tea"])).unwrap()), ["bag", "tea"]);
        assert_eq!(codes(&world.run(&label(TEA, &[])).unwrap()), [""; 0]);
        assert_eq!(world.refused(&label(TEA, &["tea"])).code(), "barcode_taken");
    }
}
