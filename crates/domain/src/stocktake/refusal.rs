//! Why the rules of stocktakes say no.

use std::fmt;

use super::{COUNTED_MAX, NAME_CHARS_MAX, NAMED_MAX, NOTE_CHARS_MAX, State};
use crate::command;
use crate::money::QUANTITY_MAX;
use crate::work::Stop;

/// A rule of stocktakes that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The counting is over.
    NotOpen {
        /// Where it stands.
        state: State,
    },
    /// Nothing was counted.
    Empty,
    /// There is no line, or there are too many.
    LineCountOutOfRange,
    /// Less than nothing was counted, or too much.
    QuantityOutOfRange,
    /// It would have been counted in the future, or too long ago.
    CountedAtOutOfRange,
    /// The name of who counted is not one line.
    CountedByInvalid,
    /// The note is too long.
    NoteTooLong,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotOpen { .. } => "stocktake_not_open",
            Self::Empty => "stocktake_empty",
            Self::LineCountOutOfRange => "stocktake_line_count_out_of_range",
            Self::QuantityOutOfRange => "quantity_out_of_range",
            Self::CountedAtOutOfRange => "counted_at_out_of_range",
            Self::CountedByInvalid => "counted_by_invalid",
            Self::NoteTooLong => "stocktake_note_too_long",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen { state } => {
                write!(f, "The stocktake is {}. Open another one to count again.", state.as_str())
            }
            Self::Empty => f.write_str("Nothing was counted. Count something, or cancel the stocktake."),
            Self::LineCountOutOfRange => {
                write!(
                    f,
                    "Name 1 to {NAMED_MAX} articles, or send 1 to {COUNTED_MAX} counts; more in several requests."
                )
            }
            Self::QuantityOutOfRange => {
                write!(f, "A count is 0 to {QUANTITY_MAX} thousandths, also when shelves are added.")
            }
            Self::CountedAtOutOfRange => {
                f.write_str("A count was made in the past, at most seven days ago. Check the clock of the device.")
            }
            Self::CountedByInvalid => {
                write!(f, "`counted_by` is one line of at most {NAME_CHARS_MAX} characters.")
            }
            Self::NoteTooLong => write!(f, "A note has at most {NOTE_CHARS_MAX} characters."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Stocktake(refusal))
    }
}
