//! Why the rules of exceptions say no.

use std::fmt;

use super::{OWNER_CHARS_MAX, RESOLUTION_CHARS_MAX, RESOLUTION_CHARS_MIN};
use crate::command;
use crate::work::Stop;

/// A rule of exceptions that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody has dealt with it.
    AlreadyResolved,
    /// Words do not end the doubt about a payment.
    NeedsOutcome,
    /// The owner is blank or too long.
    OwnerInvalid,
    /// The reason says too little or too much.
    ReasonInvalid,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadyResolved => "exception_already_resolved",
            Self::NeedsOutcome => "exception_needs_outcome",
            Self::OwnerInvalid => "exception_owner_invalid",
            Self::ReasonInvalid => "exception_reason_invalid",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyResolved => f.write_str("The exception is resolved. Read it to see how."),
            Self::NeedsOutcome => f.write_str(
                "A payment in doubt ends with its outcome: check it now, or override it with what you found out.",
            ),
            Self::OwnerInvalid => write!(f, "An owner has 1 to {OWNER_CHARS_MAX} characters and is not blank."),
            Self::ReasonInvalid => {
                write!(f, "Say in {RESOLUTION_CHARS_MIN} to {RESOLUTION_CHARS_MAX} characters how it ended.")
            }
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Exception(refusal))
    }
}
