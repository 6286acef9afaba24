//! Codes that a shop's scale prints: the price of the piece, or its weight, stands in the digits. The article says which
//! by a barcode that is a pattern, `0212345PPPPP` or `2112345xWWWW`: the digits that stay, an `x` for a digit that only
//! guards the others, and a `P` or `W` for each digit of the price in minor units or of the thousandths of its unit
//! (grams, where it is sold by the kilogram). The check digit of the whole is left out.
//!
//! Numbers that begin with 02 or 20 to 29 are for use inside a shop; what is in them is the shop's own business (GS1
//! General Specifications, section 2.1.12; in Japan "Non-PLU" in-store marking).

use super::{ArticleRef, Barcode, Refusal};
use crate::command;
use crate::id::{ArticleId, MerchantId};
use crate::money::{Quantity, UnitPrice};
use crate::work::{Key, Stop, UnitOfWork};

/// Digits of such a code in front of its check digit.
const BODY_DIGITS: usize = 12;

/// How many digits a price or a weight may have, and whether one that guards them stands in front: the fewest first, so
/// that of two patterns that fit the one that says more of the article is taken.
const SHAPES: [(usize, bool); 6] = [(4, false), (4, true), (5, false), (5, true), (6, false), (6, true)];

/// Ten-thousandths of the minor unit in one.
const MINOR: i64 = 10_000;

/// What a code says beside the article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The price of this one, in minor units.
    PriceMinor(i64),
    /// How much of it there is.
    Quantity(Quantity),
}

/// What was scanned, told from its code: the article, how much of it, and at which price if not at its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picked {
    /// Which article.
    pub article: ArticleId,
    /// How much of it.
    pub quantity: Quantity,
    /// The price of one that stands in its code.
    pub unit_price: Option<UnitPrice>,
}

impl Barcode {
    /// The patterns that this code may have been printed by, each with what the code then says. None for a code that no
    /// scale prints.
    pub fn patterns(&self) -> Vec<(Self, Content)> {
        let digits = self.as_str();
        let is_in_store = digits.len() == BODY_DIGITS.saturating_add(1) && digits.bytes().all(|b| b.is_ascii_digit());
        if !is_in_store || !(digits.starts_with("02") || digits.starts_with('2')) {
            return Vec::new();
        }
        SHAPES.iter().filter_map(|(count, is_guarded)| pattern(digits, *count, *is_guarded)).flatten().collect()
    }
}

fn pattern(digits: &str, count: usize, is_guarded: bool) -> Option<[(Barcode, Content); 2]> {
    let content = digits.get(BODY_DIGITS.checked_sub(count)?..BODY_DIGITS)?;
    let number: i64 = content.parse().ok()?;
    let guard = if is_guarded { "x" } else { "" };
    let stem = digits.get(..BODY_DIGITS.checked_sub(count)?.checked_sub(guard.len())?)?;
    let spelled = |letter: &str| Barcode::stored(format!("{stem}{guard}{}", letter.repeat(count)));
    Some([(spelled("P"), Content::PriceMinor(number)), (spelled("W"), Content::Quantity(Quantity(number)))])
}

impl ArticleRef {
    /// What is sold of which article, where `asked` is what the register says of the quantity. A code that has its weight
    /// in it is asked for once.
    pub(crate) fn pick(
        &self,
        work: &UnitOfWork,
        merchant: MerchantId,
        asked: Quantity,
    ) -> Result<Picked, Stop<command::Refusal>> {
        let Self::Barcode(text) = self else {
            return Ok(Picked { article: self.find(work, merchant)?, quantity: asked, unit_price: None });
        };
        let patterns = Barcode::parse(text)?.patterns();
        let article = match self.find(work, merchant) {
            Err(Stop::Refused(command::Refusal::Article(Refusal::BarcodeUnknown))) if !patterns.is_empty() => None,
            found => Some(found?),
        };
        if let Some(article) = article {
            return Ok(Picked { article, quantity: asked, unit_price: None });
        }
        work.require(patterns.iter().map(|(pattern, _)| Key::Barcode(merchant, pattern.clone())))?;
        let known = patterns.into_iter().find_map(|(pattern, content)| {
            let label = work.labels.find(merchant, &(merchant, pattern))?;
            Some((label.article?, content))
        });
        let (article, content) = known.ok_or(Refusal::BarcodeUnknown)?;
        match content {
            Content::PriceMinor(minor) => {
                let unit_price = minor.checked_mul(MINOR).map(UnitPrice);
                Ok(Picked { article, quantity: asked, unit_price })
            }
            Content::Quantity(quantity) if asked == Quantity::ONE => Ok(Picked { article, quantity, unit_price: None }),
            Content::Quantity(_) => Err(Refusal::QuantityInBarcode.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::{Unit, UpdateArticle};
    use crate::sale::{NewLine, SaleLine};
    use crate::testing::{MERCHANT, RICE, TEA, World, sale_id};

    fn a_shop() -> World {
        let mut world = World::new();
        for (article, pattern) in [(TEA, "0212345PPPPP"), (RICE, "2112345xWWWW")] {
            let barcodes = Some(vec![pattern.to_owned()]);
            world.run(&UpdateArticle { barcodes, ..UpdateArticle::nothing(MERCHANT, article) }).unwrap();
        }
        world.change_article(RICE, |rice| rice.is_stocked = false);
        world
    }

    fn scanned(code: &str, quantity: i64) -> NewLine {
        NewLine { article: ArticleRef::Barcode(code.to_owned()), quantity: Quantity(quantity) }
    }

    fn first_line(world: &World) -> SaleLine {
        world.standing(sale_id(1)).lines[0].clone()
    }

    #[test]
    fn a_price_in_the_code_is_the_price_of_the_line() {
        let mut world = a_shop();
        world.open_sale(1, &[scanned("0212345003503", 2_000)]);
        let line = first_line(&world);
        assert_eq!((line.article, line.quantity, line.amount_minor), (TEA, Quantity(2_000), 700));
    }

    #[test]
    fn a_weight_in_the_code_is_the_quantity_of_the_line() {
        let mut world = a_shop();
        world.open_sale(1, &[scanned("2112345912349", 1_000)]);
        let line = first_line(&world);
        assert_eq!((line.article, line.quantity, line.amount_minor), (RICE, Quantity(1_234), 617));
    }

    #[test]
    fn what_no_pattern_fits_is_refused() {
        for (code, text, quantity) in [
            ("barcode_unknown", "0299999003509", 1_000),
            ("barcode_unknown", "4901234567894", 1_000),
            ("barcode_check_digit_wrong", "0212345003504", 1_000),
            ("quantity_in_barcode", "2112345912349", 2_000),
            ("quantity_not_whole", "0212345003503", 500),
        ] {
            let sale = crate::testing::a_sale(&[scanned(text, quantity)]);
            let refusal = a_shop().refused(&crate::sale::OpenSale { id: None, sale });
            assert_eq!(refusal.code(), code, "{text}");
        }
    }

    #[test]
    fn a_price_in_the_code_is_that_of_a_piece() {
        let mut world = a_shop();
        world.change_article(TEA, |tea| tea.unit = Unit::Kilogram);
        let sale = crate::testing::a_sale(&[scanned("0212345003503", 1_000)]);
        let refusal = world.refused(&crate::sale::OpenSale { id: None, sale });
        assert_eq!(refusal.code(), "barcode_price_needs_piece");
    }

    #[test]
    fn an_exact_code_goes_before_a_pattern() {
        let mut world = a_shop();
        world.put_label("0212345003503", RICE);
        world.open_sale(1, &[scanned("0212345003503", 1_000)]);
        assert_eq!(first_line(&world).article, RICE);
    }
}
