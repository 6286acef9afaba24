//! Why the rules of stock say no.

use std::fmt;

use super::{LINES_MAX, REASON_CHARS_MAX};
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
    /// A person would take away more than lies there.
    Negative {
        /// Of what.
        article: ArticleId,
        /// How much lies there.
        on_hand: Quantity,
    },
    /// The level changed since the caller read it.
    Changed {
        /// Of what.
        article: ArticleId,
        /// What it is now.
        on_hand: Quantity,
    },
    /// The article's stock is not counted.
    NotCounted,
    /// The quantity, or the level that it would lead to, is out of range, or has the wrong sign for its kind.
    QuantityOutOfRange,
    /// There is no line, or there are too many.
    LineCountOutOfRange,
    /// The goods would have moved in the future, or too long ago.
    OccurredAtOutOfRange,
    /// A reason is missing where one is needed, or too long.
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
            Self::Changed { .. } => "stock_changed",
            Self::NotCounted => "article_not_stocked",
            Self::QuantityOutOfRange => "quantity_out_of_range",
            Self::LineCountOutOfRange => "stock_line_count_out_of_range",
            Self::OccurredAtOutOfRange => "occurred_at_out_of_range",
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
                    "Of {article} only {available} thousandths are available. Take less, or book the receipt first."
                )
            }
            Self::Negative { article, on_hand: Quantity(on_hand) } => {
                write!(
                    f,
                    "Of {article} only {on_hand} thousandths are on hand: no more can be taken away. Count again."
                )
            }
            Self::Changed { article, on_hand: Quantity(on_hand) } => {
                write!(
                    f,
                    "Meanwhile {on_hand} thousandths of {article} are on hand. Read the level again and decide anew."
                )
            }
            Self::NotCounted => f.write_str("The stock of this article is not counted: nothing can be booked on it."),
            Self::QuantityOutOfRange => {
                write!(
                    f,
                    "A receipt is 1 to {QUANTITY_MAX} thousandths, a write-off as much below zero, a correction up or \
                     down and not zero, a threshold or a count as much or zero."
                )
            }
            Self::LineCountOutOfRange => write!(f, "Give 1 to {LINES_MAX} lines; a longer list in several requests."),
            Self::OccurredAtOutOfRange => f.write_str(
                "Goods moved in the past, at most a year ago. Check `occurred_at` and the clock of the device.",
            ),
            Self::ReasonInvalid => {
                write!(
                    f,
                    "A correction needs a reason, and so does a write-off for another reason; a reason has at most \
                     {REASON_CHARS_MAX} characters."
                )
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
