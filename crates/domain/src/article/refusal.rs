//! Why the rules of articles say no.

use std::fmt;

use super::{
    BARCODE_CHARS_MAX, BARCODES_MAX, DESCRIPTION_CHARS_MAX, IMAGE_URL_CHARS_MAX, IMAGES_MAX, NAME_CHARS_MAX, NAMES_MAX,
    OPTION_CHARS_MAX, OPTIONS_MAX, PRICES_MAX, SKU_CHARS_MAX,
};
use crate::command;
use crate::money::{Currency, UNIT_PRICE_MAX};
use crate::work::Stop;

/// A rule of articles that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Another article of the merchant has the sku. Storage says so, by its unique constraint.
    SkuTaken,
    /// The sku is empty or too long.
    SkuInvalid,
    /// The name is blank or too long.
    NameInvalid,
    /// The barcode is empty, too long, or has blanks or characters that no scanner sends.
    BarcodeInvalid,
    /// The barcode has the length of a GTIN and a wrong check digit.
    BarcodeCheckDigit,
    /// Another article of the merchant has the barcode.
    BarcodeTaken,
    /// No article of the merchant has the barcode.
    BarcodeUnknown,
    /// The code has the quantity in it, and the request gives another.
    QuantityInBarcode,
    /// The code has a price in it, and the article is not sold by the piece.
    BarcodePriceNeedsPiece,
    /// The article would have too many barcodes.
    TooManyBarcodes,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
    /// The article would have names in too many languages.
    TooManyNames,
    /// A name's language is no tag of one.
    LanguageInvalid,
    /// The description is too long or has control characters.
    DescriptionInvalid,
    /// The article would have too many images.
    TooManyImages,
    /// What should be the URL of an image is none.
    ImageUrlInvalid,
    /// The article would have too many prices.
    TooManyPrices,
    /// Two prices of one location begin at the same instant.
    PriceTwice,
    /// A price ends before it begins.
    PriceNeverHolds,
    /// The options of a variant are none, too many, blank or too long.
    OptionsInvalid,
    /// Another variant of the article has these options. Storage says so, by its unique constraint.
    OptionsTaken,
    /// The article that has the variants would be a variant itself.
    VariantOfVariant,
    /// The article that would have the variants has stock of its own.
    VariantOfStocked,
    /// The price is negative or too high.
    UnitPriceOutOfRange,
    /// The merchant's tax rules do not have the class.
    TaxClassUnknown,
    /// The price is in another currency than the merchant's.
    CurrencyMismatch {
        /// The merchant's currency.
        expected: Currency,
    },
}

impl Refusal {
    /// What it means that another hub took the same name meanwhile; `None` for a constraint that is not about articles.
    pub(super) fn of_constraint(constraint: &str) -> Option<Self> {
        match constraint {
            "article_sku" => Some(Self::SkuTaken),
            "article_variant" => Some(Self::OptionsTaken),
            "barcode_pkey" => Some(Self::BarcodeTaken),
            _ => None,
        }
    }

    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SkuTaken => "article_sku_taken",
            Self::SkuInvalid => "article_sku_invalid",
            Self::NameInvalid => "article_name_invalid",
            Self::BarcodeInvalid => "barcode_invalid",
            Self::BarcodeCheckDigit => "barcode_check_digit_wrong",
            Self::BarcodeTaken => "barcode_taken",
            Self::BarcodeUnknown => "barcode_unknown",
            Self::QuantityInBarcode => "quantity_in_barcode",
            Self::BarcodePriceNeedsPiece => "barcode_price_needs_piece",
            Self::TooManyBarcodes => "article_too_many_barcodes",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
            Self::TooManyNames => "article_too_many_names",
            Self::LanguageInvalid => "article_language_invalid",
            Self::DescriptionInvalid => "article_description_invalid",
            Self::TooManyImages => "article_too_many_images",
            Self::ImageUrlInvalid => "article_image_url_invalid",
            Self::TooManyPrices => "article_too_many_prices",
            Self::PriceTwice => "article_price_twice",
            Self::PriceNeverHolds => "article_price_never_holds",
            Self::OptionsInvalid => "article_options_invalid",
            Self::OptionsTaken => "article_options_taken",
            Self::VariantOfVariant => "article_variant_of_variant",
            Self::VariantOfStocked => "article_variant_of_stocked",
            Self::UnitPriceOutOfRange => "unit_price_out_of_range",
            Self::TaxClassUnknown => "tax_class_unknown",
            Self::CurrencyMismatch { .. } => "currency_mismatch",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SkuTaken => f.write_str("Another article has this sku. Take another, or change that article."),
            Self::SkuInvalid => write!(f, "A sku has 1 to {SKU_CHARS_MAX} characters."),
            Self::NameInvalid => write!(f, "A name has 1 to {NAME_CHARS_MAX} characters and is not blank."),
            Self::BarcodeInvalid => {
                write!(
                    f,
                    "A barcode has 1 to {BARCODE_CHARS_MAX} visible ASCII characters without blanks, as the scanner reads \
                     them and not as a spreadsheet rounds them."
                )
            }
            Self::BarcodeCheckDigit => f.write_str(
                "The last digit of the barcode does not fit the others. Scan it again; a spreadsheet may have ruined it.",
            ),
            Self::BarcodeTaken => f.write_str("Another article has this barcode. Take it off that article first."),
            Self::BarcodeUnknown => f.write_str("No article has this barcode. Scan it again, or put it on its article."),
            Self::QuantityInBarcode => {
                f.write_str("The code says how much it is. Give a quantity of 1, and scan each label by itself.")
            }
            Self::BarcodePriceNeedsPiece => {
                f.write_str("A code with a price in it is for what is sold by the piece. Use a pattern with the weight.")
            }
            Self::TooManyBarcodes => write!(f, "An article has at most {BARCODES_MAX} barcodes."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
            Self::TooManyNames => write!(f, "An article has names in at most {NAMES_MAX} languages beside its own."),
            Self::LanguageInvalid => f.write_str("A language is a tag such as `en`, `ja` or `zh-Hans`."),
            Self::DescriptionInvalid => write!(f, "A description has at most {DESCRIPTION_CHARS_MAX} characters and no control characters but line breaks."),
            Self::TooManyImages => write!(f, "An article has at most {IMAGES_MAX} images."),
            Self::ImageUrlInvalid => write!(f, "An image is a URL that begins with https:// and has at most {IMAGE_URL_CHARS_MAX} characters."),
            Self::TooManyPrices => write!(f, "An article has at most {PRICES_MAX} prices beside its own. Leave out those that are over."),
            Self::PriceTwice => f.write_str("Two prices of one location begin at the same instant. Leave out one of them."),
            Self::PriceNeverHolds => f.write_str("A price ends after it begins. Give a later `valid_until`, or none."),
            Self::OptionsInvalid => write!(f, "A variant has 1 to {OPTIONS_MAX} options, whose names and values are lines of 1 to {OPTION_CHARS_MAX} characters."),
            Self::OptionsTaken => f.write_str("Another variant of this article has these options. Change it, or give others."),
            Self::VariantOfVariant => f.write_str("This article is a variant itself. Name the article that it is a variant of."),
            Self::VariantOfStocked => f.write_str("An article that stands for its variants has no stock of its own. Make one with `is_stocked: false`."),
            Self::UnitPriceOutOfRange => {
                write!(f, "A unit price is 0 to {UNIT_PRICE_MAX} ten-thousandths of the minor unit.")
            }
            Self::TaxClassUnknown => {
                f.write_str("The merchant has no such tax class. Use one of its tax rules, or add the class there.")
            }
            Self::CurrencyMismatch { expected } => {
                write!(f, "The merchant's prices are in {expected}. Use {expected}.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Article(refusal))
    }
}
