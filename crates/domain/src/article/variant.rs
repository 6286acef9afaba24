//! Variants: the sizes and colours of an article. Each is an article with its own sku, codes, price and stock, and says of
//! which it is one; the article they are variants of stands for all of them and is not sold itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Article, Refusal};
use crate::call::Call;
use crate::command::{self, not_found};
use crate::guard;
use crate::id::ArticleId;
use crate::text;
use crate::work::{Key, Stop, UnitOfWork};

/// Options that tell variants apart: size, colour, length and a few more.
pub const OPTIONS_MAX: usize = 5;

/// Longest name or value of an option, in characters.
pub const OPTION_CHARS_MAX: usize = 40;

/// Of what an article is a variant, and which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The article that stands for all of them.
    pub of: ArticleId,
    /// What tells it from the others, such as `size`: `M`. No two variants have the same.
    pub options: BTreeMap<String, String>,
}

impl Variant {
    /// The record it depends on.
    pub(super) fn key(&self) -> Key {
        Key::Article(self.of)
    }

    /// Makes the article that it is a variant of one that has variants.
    pub(super) fn join(&self, work: &mut UnitOfWork, call: &Call<'_>) -> Result<(), Stop<command::Refusal>> {
        let whole = work.articles.find(call.merchant, &self.of).ok_or_else(|| not_found("article", self.of))?;
        let Article { has_variants, is_stocked, variant, .. } = whole;
        check_options(&self.options)?;
        if variant.is_some() {
            return Err(Refusal::VariantOfVariant.into());
        }
        if *has_variants {
            return Ok(());
        }
        if *is_stocked {
            // Nobody could sell what lies on the shelf of it.
            return Err(Refusal::VariantOfStocked.into());
        }
        if let Some(whole) = work.articles.find_mut(call.merchant, &self.of) {
            whole.has_variants = true;
        }
        Ok(())
    }
}

fn check_options(options: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if !(1..=OPTIONS_MAX).contains(&options.len()) {
        return Err(Refusal::OptionsInvalid);
    }
    for part in options.iter().flat_map(|(name, value)| [name, value]) {
        if !text::is_line(part, OPTION_CHARS_MAX) {
            return Err(Refusal::OptionsInvalid);
        }
        if guard::looks_like_card_number(part) {
            return Err(Refusal::TextLooksLikeCardNumber);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::CreateArticle;
    use crate::article::tests::a_create;
    use crate::testing::{BAG, TEA, World, line};

    fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn a_variant(of: ArticleId, pairs: &[(&str, &str)]) -> CreateArticle {
        CreateArticle { variant: Some(Variant { of, options: options(pairs) }), ..a_create() }
    }

    #[test]
    fn an_article_with_variants_is_not_sold_itself() {
        let mut world = World::new();
        let small = world.run(&a_variant(BAG, &[("size", "S")])).unwrap().article;
        assert!(world.article(BAG).has_variants);
        assert_eq!(small.variant.unwrap().of, BAG);
        let refusal =
            world.refused(&crate::sale::OpenSale { id: None, sale: crate::testing::a_sale(&[line(BAG, 1_000)]) });
        assert_eq!(refusal.code(), "article_has_variants");
        let medium = CreateArticle { sku: "m".to_owned(), barcodes: vec![], ..a_variant(BAG, &[("size", "M")]) };
        world.run(&medium).unwrap();
        assert_eq!(world.article(BAG).version, 2);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let nobody = ArticleId::from_uuid(uuid::Uuid::nil());
        let many: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(|name| (name, "x")).to_vec();
        for (code, wrong) in [
            ("article_not_found", a_variant(nobody, &[("size", "S")])),
            ("article_variant_of_stocked", a_variant(TEA, &[("size", "S")])),
            ("article_options_invalid", a_variant(BAG, &[])),
            ("article_options_invalid", a_variant(BAG, &many)),
            ("article_options_invalid", a_variant(BAG, &[("size", " ")])),
            ("article_options_invalid", a_variant(BAG, &[("\u{1b}", "S")])),
            ("text_looks_like_card_number", a_variant(BAG, &[("size", "4111111111111111")])),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        let mut world = World::new();
        let small = world.run(&a_variant(BAG, &[("size", "S")])).unwrap().article;
        let below = CreateArticle { sku: "s2".to_owned(), ..a_variant(small.id, &[("colour", "red")]) };
        assert_eq!(world.refused(&below).code(), "article_variant_of_variant");
    }
}
