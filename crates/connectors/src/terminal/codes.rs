//! A terminal's words in ours. A word that is not in these tables is `Unknown`, never `Declined`.

use domain::payment::{Approval, Kind, Operation, Outcome, Reason, Slip};

use super::wire::{InquiryResult, TerminalResult};

/// Longest reference of a terminal's own; those of acquirers have 12 digits.
const REFERENCE_CHARS_MAX: usize = 64;

/// What a result says of the operation.
pub(super) fn outcome(operation: &Operation, result: &TerminalResult) -> Outcome {
    match result.outcome.as_str() {
        "approved" => approved(operation, result),
        "declined" => Outcome::Declined(Reason(decline_reason(result.reason.as_deref()).to_owned())),
        "cancelled" => Outcome::Cancelled,
        "not_started" => Outcome::NotSent(Reason(refusal(result.reason.as_deref().unwrap_or_default()).to_owned())),
        _ => Outcome::Unknown,
    }
}

/// An approval whose parts do not add up is not understood: a person sees it in time.
fn approved(operation: &Operation, result: &TerminalResult) -> Outcome {
    let Some(approved_minor) = result.approved_minor else { return Outcome::Unknown };
    let (tip, surcharge) = (result.tip_minor, result.surcharge_minor);
    let parts = operation.asked_minor.checked_add(tip).and_then(|sum| sum.checked_add(surcharge));
    let has_parts = operation.kind.is_charge() && tip >= 0 && surcharge >= 0;
    let is_whole = (has_parts || (tip == 0 && surcharge == 0)) && parts == Some(approved_minor);
    if !is_whole {
        return Outcome::Unknown;
    }
    let is_reference = |text: &String| {
        (1..=REFERENCE_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let provider_reference = result.reference.clone().filter(is_reference);
    Outcome::Approved(Approval { approved_minor, provider_reference, funding: None })
}

/// What a result says for the receipt; of what was not approved, too, because a card scheme wants a slip of a refusal.
pub(super) fn slip(result: &TerminalResult) -> Option<Box<Slip>> {
    let texts = result.slip.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
    let slip = Slip::of(result.tip_minor.max(0), result.surcharge_minor.max(0), texts);
    (slip != Slip::default()).then(|| Box::new(slip))
}

/// What a refusal of a command means: the terminal says that nothing has happened.
pub(super) fn refusal(code: &str) -> &'static str {
    match code {
        "busy" => "terminal_busy",
        "expired" => "terminal_too_late",
        "not_supported" => "not_supported_by_terminal",
        "currency" => "currency_not_supported_by_terminal",
        "target_unknown" => "charge_not_found",
        _ => "refused_by_terminal",
    }
}

/// What a call-off came to, as the outcome of the reversal. Nothing was taken back: what had been approved stays so.
pub(super) fn cancel_outcome(word: &str) -> Outcome {
    match word {
        "cancelled" | "unknown_command" => {
            Outcome::Approved(Approval { approved_minor: 0, provider_reference: None, funding: None })
        }
        "too_late" => Outcome::Declined(Reason("too_late_to_cancel".to_owned())),
        _ => Outcome::Unknown,
    }
}

/// What the answer to an inquiry says of the operation.
pub(super) fn inquiry_outcome(operation: &Operation, answer: &InquiryResult) -> Outcome {
    match (answer.state.as_str(), &answer.result, &answer.cancel_outcome) {
        ("unknown_command", None, None) => Outcome::NotFound,
        ("in_progress", None, None) => Outcome::Pending,
        ("ended", None, Some(word)) if operation.kind == Kind::Reversal => cancel_outcome(word),
        ("ended", Some(result), None) if result.id == answer.id && operation.kind != Kind::Reversal => {
            outcome(operation, result)
        }
        _ => Outcome::Unknown,
    }
}

/// Why it was declined. The outcome says that it was; the reason only explains.
fn decline_reason(reason: Option<&str>) -> &'static str {
    match reason {
        Some("insufficient_funds") => "insufficient_funds",
        Some("wrong_pin") => "wrong_pin",
        Some("expired_card") => "expired_card",
        Some("card_not_supported") => "card_not_supported",
        Some("already_refunded") => "already_refunded",
        Some("already_voided") => "already_voided",
        Some("already_captured") => "already_captured",
        _ => "declined_by_provider",
    }
}
