//! Why the rules of merchants and their places say no.

use std::fmt;

use super::{
    ADDRESS_LINE_CHARS_MAX, ADDRESS_LINES_MAX, LEGAL_NAME_CHARS_MAX, LOCATION_NAME_CHARS_MAX, PHONE_CHARS_MAX,
    REGISTER_NAME_CHARS_MAX,
};
use crate::command;
use crate::sale::WHOLE_BASIS_POINTS;
use crate::work::Stop;

/// A rule of merchants that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The registration number does not have its form.
    RegistrationNumberInvalid,
    /// The first of the thirteen digits does not fit the others.
    RegistrationNumberCheckDigit,
    /// The legal name is blank, too long, or has control characters.
    LegalNameInvalid,
    /// The limit of discounts by hand is more than all of a price.
    DiscountLimitOutOfRange,
    /// The address has too many lines, or one that is blank, too long, or has control characters.
    AddressInvalid,
    /// The telephone number is too long or has something else than digits and their separators.
    PhoneInvalid,
    /// The name of a location is blank, too long, or not one line.
    LocationNameInvalid,
    /// The name of a register is not a few letters, digits and hyphens.
    RegisterNameInvalid,
    /// Another register of the merchant has the name.
    RegisterNameTaken,
    /// The register stands at another location than the request says.
    RegisterElsewhere,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RegistrationNumberInvalid => "registration_number_invalid",
            Self::RegistrationNumberCheckDigit => "registration_number_check_digit_wrong",
            Self::LegalNameInvalid => "legal_name_invalid",
            Self::AddressInvalid => "address_invalid",
            Self::PhoneInvalid => "phone_invalid",
            Self::DiscountLimitOutOfRange => "discount_limit_out_of_range",
            Self::LocationNameInvalid => "location_name_invalid",
            Self::RegisterNameInvalid => "register_name_invalid",
            Self::RegisterNameTaken => "register_name_taken",
            Self::RegisterElsewhere => "register_elsewhere",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RegistrationNumberInvalid => {
                f.write_str("A registration number is T and 13 digits, without blanks and hyphens.")
            }
            Self::RegistrationNumberCheckDigit => f.write_str(
                "The first digit of the registration number does not fit the others. Type it again. A sole proprietor's \
                 number follows no such rule: send `is_sole_proprietor` with it.",
            ),
            Self::LegalNameInvalid => {
                write!(f, "A legal name is one line of 1 to {LEGAL_NAME_CHARS_MAX} characters.")
            }
            Self::AddressInvalid => write!(
                f,
                "An address has at most {ADDRESS_LINES_MAX} lines, each of 1 to {ADDRESS_LINE_CHARS_MAX} characters."
            ),
            Self::PhoneInvalid => write!(
                f,
                "A telephone number has 1 to {PHONE_CHARS_MAX} characters: digits, blanks, hyphens, brackets and +."
            ),
            Self::DiscountLimitOutOfRange => {
                write!(f, "The limit of discounts by hand is 0 to {WHOLE_BASIS_POINTS} basis points.")
            }
            Self::LocationNameInvalid => {
                write!(f, "The name of a location is one line of 1 to {LOCATION_NAME_CHARS_MAX} characters.")
            }
            Self::RegisterNameInvalid => write!(
                f,
                "The name of a register is 1 to {REGISTER_NAME_CHARS_MAX} letters A to Z, digits and hyphens: it is the head of \
                 its receipt numbers."
            ),
            Self::RegisterNameTaken => {
                f.write_str("Another register of the merchant has this name, and its receipts. Choose another.")
            }
            Self::RegisterElsewhere => f.write_str("The register stands at another location. Give that one."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Merchant(refusal))
    }
}
