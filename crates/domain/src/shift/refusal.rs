//! Why the rules of shifts say no.

use std::fmt;

use super::{CASH_MOVEMENTS_MAX, DENOMINATIONS_MAX, REASON_CHARS_MAX};
use crate::command;
use crate::id::ShiftId;
use crate::work::Stop;

/// A rule of shifts that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The register has a shift that is open.
    AlreadyOpen {
        /// Which one.
        shift: ShiftId,
    },
    /// The shift is over.
    Closed,
    /// A denomination stands twice, is not positive, or there are too many.
    CountInvalid,
    /// More is taken to the safe than was counted.
    DepositExceedsCount {
        /// What was counted, in minor units.
        counted_minor: i64,
    },
    /// An amount is not positive, too large, or adds up to too much.
    AmountOutOfRange,
    /// The shift has as many cash movements as one may have.
    TooManyMovements,
    /// The reason or note says too little or too much, or is more than one line.
    ReasonInvalid,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadyOpen { .. } => "shift_already_open",
            Self::Closed => "shift_closed",
            Self::CountInvalid => "shift_count_invalid",
            Self::DepositExceedsCount { .. } => "shift_deposit_exceeds_count",
            Self::AmountOutOfRange => "amount_out_of_range",
            Self::TooManyMovements => "shift_too_many_movements",
            Self::ReasonInvalid => "shift_reason_invalid",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyOpen { shift } => write!(f, "The shift {shift} is open at this register. Close it first."),
            Self::Closed => f.write_str("The shift is closed. What happens now belongs to the next one."),
            Self::CountInvalid => write!(
                f,
                "A count has each denomination once, at most {DENOMINATIONS_MAX}, with a positive value in minor units."
            ),
            Self::DepositExceedsCount { counted_minor } => {
                write!(f, "Between 0 and the {counted_minor} minor units that were counted go to the safe.")
            }
            Self::AmountOutOfRange => f.write_str("An amount is not positive or too large. Check its decimals."),
            Self::TooManyMovements => {
                write!(f, "A shift has at most {CASH_MOVEMENTS_MAX} cash movements. Close it and open the next.")
            }
            Self::ReasonInvalid => write!(f, "Say why, in one line of 2 to {REASON_CHARS_MAX} characters."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Shift(refusal))
    }
}
