//! Why the rules of registers that go by name say no.

use std::fmt;

use super::{NETWORKS_MAX, TEXT_CHARS_MAX};
use crate::command;
use crate::work::Stop;

/// A rule that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Too many networks.
    TooManyNetworks,
    /// An id or a name is blank, too long, or has control characters.
    TextInvalid,
    /// Another register goes by the three texts.
    RegisterTaken,
    /// The register has no terminal, or not that one any more.
    NotPaired,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooManyNetworks => "smartconnect_too_many_networks",
            Self::TextInvalid => "smartconnect_text_invalid",
            Self::RegisterTaken => "smartconnect_register_taken",
            Self::NotPaired => "smartconnect_not_paired",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyNetworks => write!(f, "At most {NETWORKS_MAX} networks can be named. Name larger ones."),
            Self::TextInvalid => write!(
                f,
                "POSRegisterID, POSRegisterName, POSBusinessName and POSVendorName are each one line of 1 to {TEXT_CHARS_MAX} characters."
            ),
            Self::RegisterTaken => f.write_str(
                "Another register goes by this POSRegisterID, POSBusinessName and POSVendorName. Give the register an id of its own, or pair again.",
            ),
            Self::NotPaired => f.write_str("The register is not paired with a terminal. Pair it."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Smartconnect(refusal))
    }
}
