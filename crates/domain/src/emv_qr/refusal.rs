//! Why a shop's code cannot be read or made.

use std::fmt;

use super::Tag;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is not made of fields, or does not begin as a shop's code does.
    NotEmv,
    /// A field stands twice.
    TagTwice,
    /// The checksum is not that of the text.
    ChecksumWrong,
    /// A value is empty, too long, or has control characters.
    ValueInvalid {
        /// Of which field.
        tag: Tag,
    },
    /// A field that every code has is not there.
    FieldMissing {
        /// Which one.
        tag: Tag,
    },
    /// A field has not the form that it must have.
    FieldInvalid {
        /// Which one.
        tag: Tag,
    },
    /// No account is named that the money goes to.
    AccountMissing,
    /// The amount is not positive, or too long for the field.
    AmountInvalid,
    /// The amount is in another currency than the code.
    CurrencyOther,
    /// No QR code has room for it.
    TooLong,
    /// A text passes for the number of a card.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotEmv => "merchant_code_unreadable",
            Self::TagTwice => "merchant_code_field_twice",
            Self::ChecksumWrong => "merchant_code_checksum_wrong",
            Self::ValueInvalid { .. } | Self::FieldInvalid { .. } => "merchant_code_field_invalid",
            Self::FieldMissing { .. } => "merchant_code_field_missing",
            Self::AccountMissing => "merchant_code_account_missing",
            Self::AmountInvalid => "merchant_code_amount_invalid",
            Self::CurrencyOther => "merchant_code_currency_other",
            Self::TooLong => "merchant_code_too_long",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEmv => {
                f.write_str("This is not the text of an EMV QR code of a shop. Give it whole, as it was scanned.")
            }
            Self::TagTwice => f.write_str("A field stands twice. Give the text as it was scanned."),
            Self::ChecksumWrong => f.write_str("The checksum does not fit. Scan the code again."),
            Self::ValueInvalid { tag } => {
                write!(f, "Field {tag} has 1 to 99 characters, none of them a control character.")
            }
            Self::FieldMissing { tag } => {
                write!(f, "Field {tag} is missing. Give it, or the text of a code that has it.")
            }
            Self::FieldInvalid { tag } => write!(f, "Field {tag} has not the form that the specification gives it."),
            Self::AccountMissing => {
                f.write_str("No account is named. Give `accounts` as the acquirer told them, with tags 02 to 51.")
            }
            Self::AmountInvalid => f.write_str("The amount is at least 1 and has at most 13 characters."),
            Self::CurrencyOther => {
                f.write_str("The code is for another currency. Leave the currency out, or give that of the code.")
            }
            Self::TooLong => f.write_str("No QR code has room for it. Leave accounts out."),
            Self::TextLooksLikeCardNumber => f.write_str("A text looks like a card number. Leave it out."),
        }
    }
}
