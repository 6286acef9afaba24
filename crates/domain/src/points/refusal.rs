//! Why the rules of points say no.

use std::fmt;

use super::{MINOR_PER_POINT_MAX, POINTS_MAX, POINTS_REASON_CHARS_MAX};
use crate::command;
use crate::work::Stop;

/// A rule of points that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The customer has fewer.
    Insufficient {
        /// How many the customer has.
        points: i64,
    },
    /// No points, or too many at once.
    OutOfRange,
    /// The reason is blank, too long, or has control characters.
    ReasonInvalid,
    /// The amount for one point is none, or too large.
    RuleOutOfRange,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Insufficient { .. } => "points_insufficient",
            Self::OutOfRange => "points_out_of_range",
            Self::ReasonInvalid => "points_reason_invalid",
            Self::RuleOutOfRange => "points_rule_out_of_range",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insufficient { points } => write!(f, "The customer has {points} points. Take no more than that."),
            Self::OutOfRange => {
                write!(f, "Redeem 1 to {POINTS_MAX} points, or adjust by as many up or down; zero changes nothing.")
            }
            Self::ReasonInvalid => {
                write!(f, "An adjustment has a reason: one line of 1 to {POINTS_REASON_CHARS_MAX} characters.")
            }
            Self::RuleOutOfRange => {
                write!(f, "One point is given for 1 to {MINOR_PER_POINT_MAX} minor units, or none at all (null).")
            }
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Points(refusal))
    }
}
