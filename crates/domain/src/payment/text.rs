//! The free texts of requests about payments.

use super::Refusal;
use crate::guard;

/// Longest reason, in characters: a sentence or two.
pub const REASON_CHARS_MAX: usize = 500;

/// A reason may be left out, but for an override. It is kept as it came, in an event.
pub(super) fn check_reason(reason: &str) -> Result<(), Refusal> {
    if reason.chars().count() > REASON_CHARS_MAX {
        return Err(Refusal::ReasonInvalid);
    }
    check_guarded(reason)
}

/// No text of a request is stored with a card number in it.
pub(super) fn check_guarded(text: &str) -> Result<(), Refusal> {
    if guard::looks_like_card_number(text) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}
