//! Why the rules of stock say no.

use std::fmt;

use super::REASON_CHARS_MAX;
use crate::command;
use crate::id::ArticleId;
use crate::money::{QUANTITY_MAX, Quantity};
use crate::work::Stop;

/// A rule of stock that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Less is there than is asked for.
    Insufficient {
        /// Of what.
        article: ArticleId,
        /// How much may still be promised.
        available: Quantity,
    },
    /// A correction would take more than lies there.
    Negative {
        /// How much lies there.
        on_hand: Quantity,
    },
    /// The level changed since the caller read it.
    Stale {
        /// What it is now.
        on_hand: Quantity,
    },
    /// The article's stock is not counted.
    NotCounted,
    /// The quantity, or the level that it would lead to, is out of range; a receipt is not positive, a threshold negative.
    QuantityOutOfRange,
    /// An adjustment needs a reason, and a reason has a longest length.
    ReasonInvalid,
    /// The reason holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Insufficient { .. } => "stock_insufficient",
            Self::Negative { .. } => "stock_negative",
            Self::Stale { .. } => "stock_stale",
            Self::NotCounted => "article_not_stocked",
            Self::QuantityOutOfRange => "quantity_out_of_range",
            Self::ReasonInvalid => "reason_invalid",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insufficient { article, available: Quantity(available) } => {
                write!(
                    f,
                    "Of {article} only {available} thousandths are available. Sell less, or book the receipt first."
                )
            }
            Self::Negative { on_hand: Quantity(on_hand) } => {
                write!(f, "Only {on_hand} thousandths are on hand: an adjustment cannot take more. Count again.")
            }
            Self::Stale { on_hand: Quantity(on_hand) } => {
                write!(f, "Meanwhile {on_hand} thousandths are on hand. Read the level again and decide anew.")
            }
            Self::NotCounted => f.write_str("The stock of this article is not counted: nothing can be booked on it."),
            Self::QuantityOutOfRange => {
                write!(
                    f,
                    "A receipt is 1 to {QUANTITY_MAX} thousandths, an adjustment as much up or down and not zero, a \
                     threshold as much or zero."
                )
            }
            Self::ReasonInvalid => {
                write!(f, "An adjustment needs a reason; a reason has at most {REASON_CHARS_MAX} characters.")
            }
            Self::TextLooksLikeCardNumber => {
                f.write_str("The reason holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Stock(refusal))
    }
}
