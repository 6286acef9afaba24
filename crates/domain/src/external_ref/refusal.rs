//! Why the rules of external references say no.

use std::fmt;

use super::{ID_CHARS_MAX, REFS_MAX, SYSTEM_CHARS_MAX, Subject};
use crate::command;
use crate::work::Stop;

/// A rule of external references that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The name of the system is not a word.
    SystemInvalid,
    /// The id is not one line, or too long.
    IdInvalid,
    /// More references are given than a record may be made with.
    TooMany,
    /// Another record of the kind has it.
    Taken {
        /// Which one.
        subject: Subject,
    },
    /// The record never changes, and so do its references.
    SubjectImmutable,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SystemInvalid => "external_ref_system_invalid",
            Self::IdInvalid => "external_ref_id_invalid",
            Self::TooMany => "external_ref_too_many",
            Self::Taken { .. } => "external_ref_taken",
            Self::SubjectImmutable => "external_ref_subject_immutable",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SystemInvalid => {
                write!(
                    f,
                    "A system is a word of 1 to {SYSTEM_CHARS_MAX} small letters, digits, dots, hyphens and underscores."
                )
            }
            Self::IdInvalid => write!(f, "An id of another system is one line of 1 to {ID_CHARS_MAX} characters."),
            Self::TooMany => write!(f, "Give at most {REFS_MAX} references with a record; add the others later."),
            Self::Taken { subject } => {
                write!(f, "This id of that system stands for {subject}. Read that one, or look at the number again.")
            }
            Self::SubjectImmutable => {
                f.write_str("A stock movement never changes: give its references when you book it.")
            }
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::ExternalRef(refusal))
    }
}
