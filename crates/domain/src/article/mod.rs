//! What is sold.

mod barcode;
mod create;
mod details;
mod embedded;
mod price;
mod reference;
mod refusal;
mod unit;
mod update;
mod variant;

pub use barcode::{BARCODE_CHARS_MAX, BARCODES_MAX, Barcode, Label};
pub use create::CreateArticle;
pub use details::{
    ArticleDetails, DESCRIPTION_CHARS_MAX, Details, IMAGE_URL_CHARS_MAX, IMAGES_MAX, NAMES_MAX, NewDetails,
};
pub use embedded::{Content, Picked};
pub use price::{PRICES_MAX, Price};
pub use reference::ArticleRef;
pub use refusal::Refusal;
pub use unit::Unit;
pub use update::UpdateArticle;
pub use variant::{OPTION_CHARS_MAX, OPTIONS_MAX, Variant};

use crate::guard;
use crate::id::{ArticleId, MerchantId};
use crate::metadata::Metadata;
use crate::money::{Currency, UnitPrice};
use crate::sale::Consumption;
use crate::tax::TaxRules;
use crate::time::Timestamp;

/// Longest name, in characters: what fits on two lines of a receipt and of a screen.
pub const NAME_CHARS_MAX: usize = 200;

/// Longest sku, in characters: longer than any code that is printed as a barcode.
pub const SKU_CHARS_MAX: usize = 64;

/// Digits of an EAN or JAN.
const EAN_DIGITS: usize = 13;

/// An article with its price and tax class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// Its id.
    pub id: ArticleId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The merchant's own code for it, unique within the merchant, case kept.
    pub sku: String,
    /// The codes on it, in the order they were given; of the merchant's articles no other has them.
    pub barcodes: Vec<Barcode>,
    /// Its name.
    pub name: String,
    /// What it is counted or measured in.
    pub unit: Unit,
    /// Price of one unit, in ten-thousandths of the minor unit, where none of `prices` holds.
    pub unit_price: UnitPrice,
    /// Prices that hold for a time or in one location, in their order.
    pub prices: Vec<Price>,
    /// The currency of all its prices.
    pub currency: Currency,
    /// A class of the merchant's tax rules.
    pub tax_class: String,
    /// Its class where it is eaten in the shop, if that is another.
    pub eat_in_tax_class: Option<String>,
    /// Whether stock is counted; a service or a fee is not stocked.
    pub is_stocked: bool,
    /// Whether it may be sold.
    pub is_active: bool,
    /// Of what it is a variant.
    pub variant: Option<Variant>,
    /// Whether it stands for its variants and is not sold itself.
    pub has_variants: bool,
    /// What a vendor notes on it.
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

impl Article {
    /// Its tax class when it is sold for this consumption.
    pub fn tax_class_when(&self, consumption: Consumption) -> &str {
        match consumption {
            Consumption::EatIn => self.eat_in_tax_class.as_deref().unwrap_or(&self.tax_class),
            Consumption::TakeAway => &self.tax_class,
        }
    }
}

/// An article with what is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The article.
    pub article: Article,
    /// What is told of it.
    pub details: Details,
}

/// Goes on only if an article may have this code.
pub fn check_sku(sku: &str) -> Result<(), Refusal> {
    if !(1..=SKU_CHARS_MAX).contains(&sku.chars().count()) {
        return Err(Refusal::SkuInvalid);
    }
    // Many take the barcode for it, or a number of their own of that length, and one in ten of the Japanese ones would pass for
    // a 13-digit Visa number, of which none is issued any more.
    let is_of_goods = Barcode::parse(sku).is_ok() || sku.len() == EAN_DIGITS;
    let is_card = !is_of_goods && guard::looks_like_card_number(sku);
    if is_card { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}

pub(crate) fn check_name(name: &str) -> Result<(), Refusal> {
    if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(Refusal::NameInvalid);
    }
    if guard::looks_like_card_number(name) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}

pub(crate) fn check_unit_price(unit_price: UnitPrice) -> Result<(), Refusal> {
    if (UnitPrice(0)..=UnitPrice::MAX).contains(&unit_price) { Ok(()) } else { Err(Refusal::UnitPriceOutOfRange) }
}

fn check_tax_class(tax_class: &str, rules: &TaxRules) -> Result<(), Refusal> {
    if rules.rate(tax_class).is_some() { Ok(()) } else { Err(Refusal::TaxClassUnknown) }
}

#[cfg(test)]
mod tests {
    use super::CreateArticle;
    use crate::money::UnitPrice;
    use crate::testing::MERCHANT;

    /// A new article of the shop of the tests.
    pub(super) fn a_create() -> CreateArticle {
        CreateArticle {
            barcodes: vec!["4901234567894".to_owned(), "onigiri".to_owned()],
            eat_in_tax_class: Some("standard".to_owned()),
            ..CreateArticle::plain(MERCHANT, "4900000000001", "Onigiri", UnitPrice(1_500_000), "reduced")
        }
    }
}
