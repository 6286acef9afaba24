//! Why the rules of articles say no.

use std::fmt;

use super::{BARCODE_CHARS_MAX, BARCODES_MAX, NAME_CHARS_MAX, SKU_CHARS_MAX};
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
    /// The article would have too many barcodes.
    TooManyBarcodes,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
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
            Self::TooManyBarcodes => "article_too_many_barcodes",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
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
            Self::TooManyBarcodes => write!(f, "An article has at most {BARCODES_MAX} barcodes."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
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
