//! Why the rules of operators say no.

use std::fmt;

use super::{BADGE_CHARS_MAX, CODE_CHARS_MAX, NAME_CHARS_MAX};
use crate::command;
use crate::time::Timestamp;
use crate::work::Stop;

/// A rule of operators that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Another operator has the code.
    CodeTaken,
    /// The code is empty, too long, or has other signs than letters, digits and hyphens.
    CodeInvalid,
    /// Another operator has the badge.
    BadgeTaken,
    /// The badge is empty or too long, or has blanks or other signs than visible ASCII.
    BadgeInvalid,
    /// The name is blank, too long, or has control characters.
    NameInvalid,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
    /// The operator was switched off.
    Inactive,
    /// The PIN is not the operator's.
    PinWrong,
    /// Too many wrong PINs: none is looked at for a while.
    Locked {
        /// How long still, in milliseconds.
        left_ms: i64,
    },
    /// The operator is signed in at another register.
    Elsewhere,
}

impl Refusal {
    /// What it means that another hub took the same code or badge meanwhile; `None` for other constraints.
    pub(super) fn of_constraint(constraint: &str) -> Option<Self> {
        match constraint {
            "operator_code" => Some(Self::CodeTaken),
            "operator_badge" => Some(Self::BadgeTaken),
            _ => None,
        }
    }

    /// That no PIN is looked at until then.
    pub(super) const fn locked(now: Timestamp, until: Timestamp) -> Self {
        Self::Locked { left_ms: until.ms_since(now) }
    }

    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CodeTaken => "operator_code_taken",
            Self::CodeInvalid => "operator_code_invalid",
            Self::BadgeTaken => "operator_badge_taken",
            Self::BadgeInvalid => "operator_badge_invalid",
            Self::NameInvalid => "operator_name_invalid",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
            Self::Inactive => "operator_inactive",
            Self::PinWrong => "operator_pin_wrong",
            Self::Locked { .. } => "operator_locked",
            Self::Elsewhere => "operator_elsewhere",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CodeTaken => f.write_str("Another operator has this code. Take another."),
            Self::CodeInvalid => {
                write!(f, "A code has 1 to {CODE_CHARS_MAX} letters of the Latin alphabet, digits and hyphens.")
            }
            Self::BadgeTaken => f.write_str("Another operator has this badge. Take it off that operator first."),
            Self::BadgeInvalid => {
                write!(f, "A badge has 1 to {BADGE_CHARS_MAX} visible ASCII characters without blanks.")
            }
            Self::NameInvalid => write!(f, "A name is one line of 1 to {NAME_CHARS_MAX} characters."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
            Self::Inactive => f.write_str("The operator was switched off. A manager can switch it on again."),
            Self::PinWrong => f.write_str("This is not the operator's PIN. Type it again."),
            Self::Locked { left_ms } => {
                let minutes = u64::try_from(*left_ms).unwrap_or_default().div_ceil(60_000);
                write!(f, "Too many wrong PINs. Wait {minutes} minutes, or have a manager set a new PIN.")
            }
            Self::Elsewhere => f.write_str("The operator is signed in at another register. Sign in at this one."),
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Operator(refusal))
    }
}
