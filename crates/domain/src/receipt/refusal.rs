//! Why the rules of receipts say no.

use std::fmt;

use super::{ADDRESSEE_CHARS_MAX, PROVISO_CHARS_MAX, RECEIPTS_MAX};
use crate::command;
use crate::sale::State;
use crate::work::Stop;

/// A rule of receipts that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The sale is not paid, or was given up.
    SaleNotCompleted {
        /// Where it stands.
        state: State,
    },
    /// The sale has as many receipts as one may have.
    TooMany,
    /// The return has as many receipts as one may have.
    ReturnTooMany,
    /// The addressee is blank, too long, or has control characters.
    AddresseeInvalid,
    /// The proviso is blank, too long, or has control characters.
    ProvisoInvalid,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SaleNotCompleted { .. } => "sale_not_completed",
            Self::TooMany => "sale_too_many_receipts",
            Self::ReturnTooMany => "return_too_many_receipts",
            Self::AddresseeInvalid => "receipt_addressee_invalid",
            Self::ProvisoInvalid => "receipt_proviso_invalid",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SaleNotCompleted { state: State::Voided } => f.write_str("The sale was voided and has no receipt."),
            Self::SaleNotCompleted { state } => {
                write!(f, "The sale is {}. A receipt is given once it is paid in full.", state.as_str())
            }
            Self::TooMany => write!(f, "A sale has at most {RECEIPTS_MAX} receipts. Fetch one of those once more."),
            Self::ReturnTooMany => {
                write!(f, "A return has at most {RECEIPTS_MAX} receipts. Fetch one of those once more.")
            }
            Self::AddresseeInvalid => {
                write!(f, "An addressee is one line of 1 to {ADDRESSEE_CHARS_MAX} characters, or left out.")
            }
            Self::ProvisoInvalid => {
                write!(f, "A proviso is one line of 1 to {PROVISO_CHARS_MAX} characters, or left out.")
            }
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Receipt(refusal))
    }
}
