//! Why the rules of webhook endpoints say no.

use std::fmt;

use super::{DESCRIPTION_CHARS_MAX, KINDS_MAX, URL_CHARS_MAX};
use crate::command;
use crate::work::Stop;

/// A rule of webhook endpoints that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The URL is empty or too long.
    UrlTooLong,
    /// An entry of the list is no kind, or there are too many.
    KindsInvalid,
    /// The description is too long.
    DescriptionTooLong,
    /// A text holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
    /// Nothing is sent to it now.
    Inactive,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UrlTooLong => "webhook_url_too_long",
            Self::KindsInvalid => "webhook_kinds_invalid",
            Self::DescriptionTooLong => "webhook_description_too_long",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
            Self::Inactive => "webhook_endpoint_inactive",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UrlTooLong => write!(f, "A URL has 1 to {URL_CHARS_MAX} characters."),
            Self::KindsInvalid => write!(
                f,
                "`kinds` has at most {KINDS_MAX} kinds of events, each as `sale.completed`, or `sale.*` for all of a noun."
            ),
            Self::DescriptionTooLong => write!(f, "A description has at most {DESCRIPTION_CHARS_MAX} characters."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
            Self::Inactive => f.write_str("Nothing is sent to an endpoint that is not active. Set `is_active` first."),
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::WebhookEndpoint(refusal))
    }
}
