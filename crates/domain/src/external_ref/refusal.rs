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
    /// It happens in the future.
    OccurredAtOutOfRange,
    /// It was told before, and not the same.
    RecordedOtherwise {
        /// As what it was recorded.
        subject: Subject,
    },
    /// Its exports were read by another map before.
    OriginHasOtherMap {
        /// The system.
        origin: String,
    },
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
            Self::OccurredAtOutOfRange => "occurred_at_out_of_range",
            Self::RecordedOtherwise { .. } => "recorded_otherwise",
            Self::OriginHasOtherMap { .. } => "origin_has_other_map",
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
            Self::SubjectImmutable => f.write_str("Such a record never changes: give its references when you book it."),
            Self::OccurredAtOutOfRange => {
                f.write_str("What is told has happened already. Look at the time, its zone and the clock.")
            }
            Self::OriginHasOtherMap { origin } => write!(
                f,
                "The exports of {origin} were read by another map before: by this one the same lines would be recorded a second \
                 time. Take the map of then, or give the source another name if its trade is another."
            ),
            Self::RecordedOtherwise { subject } => write!(
                f,
                "It was told before with other content, and is recorded as {subject}. Tell it as it was told then, or under \
                 another source."
            ),
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
