//! Why the rules of metadata say no.

use std::fmt;

use super::{BYTES_MAX, KEY_CHARS_MAX, KEYS_MAX, VALUE_CHARS_MAX};
use crate::command;
use crate::work::Stop;

/// A rule of metadata that a request breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// More keys than a record may have.
    TooManyKeys,
    /// A key is blank, too long, or has control characters.
    KeyInvalid,
    /// A value is too long.
    ValueInvalid,
    /// All keys and values together are too long.
    TooLarge,
    /// A key or a value holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooManyKeys => "metadata_too_many_keys",
            Self::KeyInvalid => "metadata_key_invalid",
            Self::ValueInvalid => "metadata_value_invalid",
            Self::TooLarge => "metadata_too_large",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyKeys => write!(f, "A record has at most {KEYS_MAX} keys of metadata. Take one off first."),
            Self::KeyInvalid => {
                write!(f, "A key of metadata is one line of 1 to {KEY_CHARS_MAX} characters.")
            }
            Self::ValueInvalid => write!(f, "A value of metadata has at most {VALUE_CHARS_MAX} characters."),
            Self::TooLarge => write!(f, "The metadata of a record has at most {BYTES_MAX} bytes in all. Shorten it."),
            Self::TextLooksLikeCardNumber => f.write_str(
                "The metadata holds what looks like a card number. Remove it: card numbers are never stored.",
            ),
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Metadata(refusal))
    }
}
