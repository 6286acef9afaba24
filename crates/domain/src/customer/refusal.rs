//! Why the rules of customers say no.

use std::fmt;

use super::{
    CALLING_CODE_MAX, CONSENT_SOURCE_CHARS_MAX, EMAIL_CHARS_MAX, EXTERNAL_IDS_MAX, NAME_CHARS_MAX, NOTE_CHARS_MAX,
};
use crate::command;
use crate::external_ref::{ID_CHARS_MAX, SYSTEM_CHARS_MAX};
use crate::work::Stop;

/// A rule of customers that a request breaks. None of them repeats what was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing is known of the customer any more.
    Erased,
    /// The name is blank, too long, or has control characters.
    NameInvalid,
    /// The mail address does not have the form of one.
    EmailInvalid,
    /// The telephone number has too few or too many digits, or other signs.
    PhoneInvalid,
    /// The telephone number has no calling code, and the merchant none to put before it.
    PhoneNeedsCallingCode,
    /// No country has such a calling code.
    CallingCodeInvalid,
    /// A consent has no source, or is of a time to come.
    ConsentInvalid,
    /// The note is too long.
    NoteTooLong,
    /// The name of a system or the id there does not have its form.
    ExternalIdInvalid,
    /// Too many ids in other systems.
    TooManyExternalIds,
    /// Another customer has one of the ids.
    ExternalIdTaken,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
}

impl Refusal {
    /// What it means that another customer got the same external id meanwhile; `None` for other constraints.
    pub(super) fn of_constraint(constraint: &str) -> Option<Self> {
        (constraint == "customer_external_id_held").then_some(Self::ExternalIdTaken)
    }

    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Erased => "customer_erased",
            Self::NameInvalid => "customer_name_invalid",
            Self::EmailInvalid => "customer_email_invalid",
            Self::PhoneInvalid => "customer_phone_invalid",
            Self::PhoneNeedsCallingCode => "customer_phone_needs_calling_code",
            Self::CallingCodeInvalid => "calling_code_invalid",
            Self::ConsentInvalid => "customer_consent_invalid",
            Self::NoteTooLong => "customer_note_too_long",
            Self::ExternalIdInvalid => "customer_external_id_invalid",
            Self::TooManyExternalIds => "customer_too_many_external_ids",
            Self::ExternalIdTaken => "customer_external_id_taken",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Erased => {
                f.write_str("The customer was erased: nothing is known of it any more. Make a new customer.")
            }
            Self::NameInvalid => write!(f, "A name is one line of 1 to {NAME_CHARS_MAX} characters."),
            Self::EmailInvalid => {
                write!(f, "A mail address has the form name@example.com, with at most {EMAIL_CHARS_MAX} characters.")
            }
            Self::PhoneInvalid => f.write_str(
                "A telephone number has 7 to 15 digits with the country's calling code. Blanks, hyphens and brackets may \
                 stand in it.",
            ),
            Self::PhoneNeedsCallingCode => f.write_str(
                "Give the telephone number with + and the country's calling code, or set the merchant's `calling_code`.",
            ),
            Self::CallingCodeInvalid => {
                write!(f, "A calling code is 1 to {CALLING_CODE_MAX}, for example 81.")
            }
            Self::ConsentInvalid => write!(
                f,
                "A consent says where it was given (`source`: one line of 1 to {CONSENT_SOURCE_CHARS_MAX} characters), \
                 at a time that is not to come."
            ),
            Self::NoteTooLong => write!(f, "A note has at most {NOTE_CHARS_MAX} characters."),
            Self::ExternalIdInvalid => write!(
                f,
                "An external id has a `system` of 1 to {SYSTEM_CHARS_MAX} small letters, digits, `_`, `.` and `-`, and an \
                 `id` of one line of 1 to {ID_CHARS_MAX} characters."
            ),
            Self::TooManyExternalIds => write!(f, "A customer has at most {EXTERNAL_IDS_MAX} external ids."),
            Self::ExternalIdTaken => f.write_str(
                "Another customer has this external id. Find it by `external_system` and `external_id`, and take the id \
                 off there first.",
            ),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Customer(refusal))
    }
}
