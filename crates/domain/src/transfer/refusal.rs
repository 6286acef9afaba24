//! Why the rules of transfers say no.

use std::fmt;

use super::{LINES_MAX, NOTE_CHARS_MAX, REASON_CHARS_MAX, State};
use crate::command;
use crate::id::ArticleId;
use crate::money::{QUANTITY_MAX, Quantity};
use crate::work::Stop;

/// A rule of transfers that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It would go from a location to the same.
    LocationsSame,
    /// There is no line, or there are too many.
    LineCountOutOfRange,
    /// An article is named twice.
    ArticleRepeated {
        /// Which one.
        article: ArticleId,
    },
    /// Less than one thousandth is named, or too much.
    QuantityOutOfRange,
    /// The note is too long.
    NoteTooLong,
    /// A reason is missing where one is needed, or too long.
    ReasonInvalid,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
    /// It has left, or was given up.
    NotDraft {
        /// Where it stands.
        state: State,
    },
    /// It is not on its way.
    NotSent {
        /// Where it stands.
        state: State,
    },
    /// Nothing is in it.
    Empty,
    /// The article is not in it.
    ArticleUnknown {
        /// Which one.
        article: ArticleId,
    },
    /// More would arrive than is in transit.
    ExceedsSent {
        /// Of what.
        article: ArticleId,
        /// How much is in transit.
        in_transit: Quantity,
    },
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LocationsSame => "transfer_locations_same",
            Self::LineCountOutOfRange => "transfer_line_count_out_of_range",
            Self::ArticleRepeated { .. } => "transfer_article_repeated",
            Self::QuantityOutOfRange => "quantity_out_of_range",
            Self::NoteTooLong => "transfer_note_too_long",
            Self::ReasonInvalid => "reason_invalid",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
            Self::NotDraft { .. } => "transfer_not_draft",
            Self::NotSent { .. } => "transfer_not_sent",
            Self::Empty => "transfer_empty",
            Self::ArticleUnknown { .. } => "transfer_article_unknown",
            Self::ExceedsSent { .. } => "transfer_exceeds_sent",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LocationsSame => f.write_str("A transfer goes from one location to another. Name two."),
            Self::LineCountOutOfRange => {
                write!(f, "A transfer has 1 to {LINES_MAX} articles. Open another one for the rest.")
            }
            Self::ArticleRepeated { article } => write!(f, "{article} is named twice. Name it once with the sum."),
            Self::QuantityOutOfRange => {
                write!(
                    f,
                    "A quantity is 1 to {QUANTITY_MAX} thousandths; zero takes an article out of a draft, nowhere else."
                )
            }
            Self::NoteTooLong => write!(f, "A note has at most {NOTE_CHARS_MAX} characters."),
            Self::ReasonInvalid => {
                write!(
                    f,
                    "A write-off for another reason needs one in words; a reason has at most {REASON_CHARS_MAX} characters."
                )
            }
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
            Self::NotDraft { state } => {
                write!(f, "The transfer is {}: it cannot change or leave any more. Open another one.", state.as_str())
            }
            Self::NotSent { state } => {
                write!(f, "The transfer is {}: nothing of it is on its way. Read it again.", state.as_str())
            }
            Self::Empty => f.write_str("Nothing is in the transfer. Put something in, or cancel it."),
            Self::ArticleUnknown { article } => {
                write!(
                    f,
                    "{article} is not in this transfer. Book it as a receipt of goods, or look for its own transfer."
                )
            }
            Self::ExceedsSent { article, in_transit: Quantity(in_transit) } => {
                write!(
                    f,
                    "Of {article} only {in_transit} thousandths are in transit. Receive those, and put the books right at both \
                     locations for what came beyond."
                )
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Transfer(refusal))
    }
}
