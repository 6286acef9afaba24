//! A new article.

use serde::Serialize;

use super::barcode::{self, relabel};
use super::{
    Article, ArticleDetails, Barcode, Described, Details, NewDetails, Refusal, Unit, Variant, check_name, check_sku,
    check_tax_class, check_unit_price,
};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{ArticleId, MerchantId};
use crate::metadata::Metadata;
use crate::money::{Currency, UnitPrice};
use crate::work::{Key, Stop, UnitOfWork};

/// Makes an article. That its sku is unused, and that no other variant has its options, are unique constraints of the
/// database: they are mapped to [`Refusal::SkuTaken`] and [`Refusal::OptionsTaken`].
#[derive(Debug, Clone)]
pub struct CreateArticle {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// The merchant's own code for it.
    pub sku: String,
    /// The codes on it.
    pub barcodes: Vec<String>,
    /// Its name.
    pub name: String,
    /// What else is told of it.
    pub details: NewDetails,
    /// What it is counted or measured in.
    pub unit: Unit,
    /// Price of one unit.
    pub unit_price: UnitPrice,
    /// The currency of the price; the merchant's where it is left out.
    pub currency: Option<Currency>,
    /// A class of the merchant's tax rules.
    pub tax_class: String,
    /// Its class where it is eaten in the shop, if that is another.
    pub eat_in_tax_class: Option<String>,
    /// Whether its stock is counted.
    pub is_stocked: bool,
    /// Of what it is a variant.
    pub variant: Option<Variant>,
}

impl CreateArticle {
    /// A stocked article that is sold by the piece, and of which nothing else is told.
    pub fn plain(merchant: MerchantId, sku: &str, name: &str, unit_price: UnitPrice, tax_class: &str) -> Self {
        Self {
            merchant,
            sku: sku.to_owned(),
            barcodes: Vec::new(),
            name: name.to_owned(),
            details: NewDetails::default(),
            unit: Unit::Piece,
            unit_price,
            currency: None,
            tax_class: tax_class.to_owned(),
            eat_in_tax_class: None,
            is_stocked: true,
            variant: None,
        }
    }
}

impl Command for CreateArticle {
    type Reply = Described;

    fn name(&self) -> &'static str {
        "article.create"
    }

    fn keys(&self) -> Vec<Key> {
        let whole = self.variant.as_ref().map(Variant::key);
        let codes = barcode::keys(self.merchant, &self.barcodes);
        std::iter::once(Key::Merchant(self.merchant)).chain(codes).chain(whole).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Described, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let merchant = work.merchants.find(call.merchant, &self.merchant);
        let merchant = merchant.ok_or_else(|| not_found("merchant", self.merchant))?;
        let expected = merchant.currency;
        check_sku(&self.sku)?;
        check_name(&self.name)?;
        check_unit_price(self.unit_price)?;
        for tax_class in std::iter::once(&self.tax_class).chain(&self.eat_in_tax_class) {
            check_tax_class(tax_class, &merchant.tax)?;
        }
        if self.currency.is_some_and(|currency| currency != expected) {
            return Err(Refusal::CurrencyMismatch { expected }.into());
        }
        let details = self.details.apply(Details::default())?;
        if let Some(variant) = &self.variant {
            variant.join(work, call)?;
        }
        let id = ArticleId::from_uuid(call.next_uuid());
        let article = Article {
            id,
            merchant: call.merchant,
            sku: self.sku.clone(),
            barcodes: relabel(work, call, id, &[], &self.barcodes)?,
            name: self.name.clone(),
            unit: self.unit,
            unit_price: self.unit_price,
            prices: Vec::new(),
            currency: expected,
            tax_class: self.tax_class.clone(),
            eat_in_tax_class: self.eat_in_tax_class.clone(),
            is_stocked: self.is_stocked,
            is_active: true,
            variant: self.variant.clone(),
            metadata: Metadata::default(),
            has_variants: false,
            created_at: call.now,
            version: 1,
        };
        work.articles.insert(article.clone());
        if details != Details::default() {
            let (merchant, details) = (call.merchant, details.clone());
            work.article_details.insert(ArticleDetails { article: id, merchant, details, version: 1 });
        }
        let data = Created { sku: &article.sku, barcodes: &article.barcodes, unit_price: article.unit_price };
        work.emit(call, "article.created", article.id, &data);
        Ok(Described { article, details })
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        Refusal::of_constraint(constraint).map(command::Refusal::Article)
    }
}

#[derive(Serialize)]
struct Created<'a> {
    sku: &'a str,
    barcodes: &'a [Barcode],
    unit_price: UnitPrice,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::tests::a_create;
    use crate::money::UNIT_PRICE_MAX;
    use crate::testing::{MERCHANT, OTHER_MERCHANT, World};

    #[test]
    fn an_article_takes_the_currency_of_its_merchant() {
        let mut world = World::new();
        let article = world.run(&a_create()).unwrap().article;
        assert_eq!((article.currency, article.version, article.is_active), (Currency::JPY, 1, true));
        assert_eq!(world.database.articles.find(MERCHANT, &article.id), Some(&article));
        assert_eq!(world.event_kinds(), ["article.created"]);
        assert_eq!(
            world.database.events.rows()[0].data,
            r#"{"sku":"4900000000001","barcodes":["4901234567894","onigiri"],"unit_price":"150"}"#
        );
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let create = a_create;
        let long = |count| "x".repeat(count);
        for (code, wrong) in [
            ("article_sku_invalid", CreateArticle { sku: String::new(), ..create() }),
            ("article_sku_invalid", CreateArticle { sku: long(65), ..create() }),
            ("text_looks_like_card_number", CreateArticle { sku: "4111 1111 1111 1111".to_owned(), ..create() }),
            ("article_name_invalid", CreateArticle { name: "  ".to_owned(), ..create() }),
            ("article_name_invalid", CreateArticle { name: long(201), ..create() }),
            ("text_looks_like_card_number", CreateArticle { name: "4111 1111 1111 1111".to_owned(), ..create() }),
            ("barcode_invalid", CreateArticle { barcodes: vec![String::new()], ..create() }),
            ("barcode_check_digit_wrong", CreateArticle { barcodes: vec!["4901234567895".to_owned()], ..create() }),
            (
                "article_too_many_barcodes",
                CreateArticle { barcodes: (0..21).map(|n| n.to_string()).collect(), ..create() },
            ),
            (
                "article_too_many_barcodes",
                CreateArticle { barcodes: (0..2_000).map(|n| n.to_string()).collect(), ..create() },
            ),
            ("unit_price_out_of_range", CreateArticle { unit_price: UnitPrice(-1), ..create() }),
            ("unit_price_out_of_range", CreateArticle { unit_price: UnitPrice(UNIT_PRICE_MAX + 1), ..create() }),
            ("tax_class_unknown", CreateArticle { tax_class: "luxury".to_owned(), ..create() }),
            ("tax_class_unknown", CreateArticle { eat_in_tax_class: Some("luxury".to_owned()), ..create() }),
            ("currency_mismatch", CreateArticle { currency: Currency::parse("USD"), ..create() }),
            ("merchant_not_found", CreateArticle { merchant: OTHER_MERCHANT, ..create() }),
        ] {
            let refusal = World::new().refused(&wrong);
            assert_eq!(refusal.code(), code);
            assert!(!refusal.to_string().contains("4111"));
        }
    }

    #[test]
    fn a_cashier_keeps_no_articles() {
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&a_create()).code(), "role_too_low");
    }
}
