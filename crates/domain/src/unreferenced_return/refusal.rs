//! Why the rules of unreferenced returns say no. What is said of an article is said in the words of sales.

use std::fmt;

use super::LINES_MAX;
use crate::command;
use crate::id::ArticleId;
use crate::money::{Overflow, UnitPrice};
use crate::payment::REASON_CHARS_MAX;
use crate::work::Stop;

/// A rule of unreferenced returns that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no line, or there are too many.
    LineCountOutOfRange,
    /// A price is below zero, or too large.
    PriceOutOfRange,
    /// More would be given back than the article costs now, and nobody says why.
    PriceNeedsReason {
        /// Of what.
        article: ArticleId,
        /// What one unit costs now.
        today: UnitPrice,
    },
    /// An amount is out of range.
    AmountOutOfRange,
    /// Nobody says why, or at too great a length.
    ReasonInvalid,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LineCountOutOfRange => "unreferenced_return_line_count_out_of_range",
            Self::PriceOutOfRange => "unit_price_out_of_range",
            Self::PriceNeedsReason { .. } => "unreferenced_return_price_needs_reason",
            Self::AmountOutOfRange => "amount_out_of_range",
            Self::ReasonInvalid => "reason_invalid",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineCountOutOfRange => write!(f, "Give 1 to {LINES_MAX} lines."),
            Self::PriceOutOfRange => f.write_str("The unit price is negative or too large. Check its decimals."),
            Self::PriceNeedsReason { article, today: UnitPrice(today) } => {
                write!(
                    f,
                    "{article} costs {today} ten-thousandths of the minor unit now. Give back no more, or say in `price_reason` why."
                )
            }
            Self::AmountOutOfRange => f.write_str("The amount is out of range. Check quantities and prices."),
            Self::ReasonInvalid => {
                write!(
                    f,
                    "Say why goods are taken back without their sale; a reason has at most {REASON_CHARS_MAX} characters."
                )
            }
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Overflow> for Refusal {
    fn from(_: Overflow) -> Self {
        Self::AmountOutOfRange
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::UnreferencedReturn(refusal))
    }
}
