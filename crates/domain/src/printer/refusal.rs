//! Why the rules of printers say no.

use std::fmt;

use super::{HOST_CHARS_MAX, NAME_CHARS_MAX};
use crate::command;
use crate::work::Stop;

/// A rule of printers that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The name is blank, too long, or has control characters.
    NameInvalid,
    /// The host is none, or the port is zero.
    AddressInvalid,
    /// The register of the drawer stands at another location.
    DrawerElsewhere,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NameInvalid => "printer_name_invalid",
            Self::AddressInvalid => "printer_address_invalid",
            Self::DrawerElsewhere => "printer_drawer_elsewhere",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameInvalid => write!(f, "A printer's name is one line of 1 to {NAME_CHARS_MAX} characters."),
            Self::AddressInvalid => {
                write!(
                    f,
                    "A printer in the network has a host of 1 to {HOST_CHARS_MAX} letters, digits, points, hyphens or colons, and a port."
                )
            }
            Self::DrawerElsewhere => f.write_str(
                "The register of the drawer stands at another location than the printer. Name one beside it.",
            ),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Printer(refusal))
    }
}
