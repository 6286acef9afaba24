//! The sandbox's codes in our words. A code that is not in these tables is `Unknown`, never `Declined`.

use domain::payment::{Approval, Funding, Outcome, Reason};

/// The status of a charge. One that was undone after its approval was approved all the same: the undoing is an
/// operation of its own. One that was undone before is called off.
pub(super) fn charge_outcome(status: &str, approved_amount: Option<i64>, reason: Option<&str>, id: &str) -> Outcome {
    match status {
        "reversed" | "voided" if approved_amount.unwrap_or(0) > 0 => approved(approved_amount, id),
        "reversed" | "voided" => Outcome::Cancelled,
        _ => operation_outcome(status, approved_amount, reason, id),
    }
}

/// The status of a capture, void, refund or reversal.
pub(super) fn operation_outcome(status: &str, approved_amount: Option<i64>, reason: Option<&str>, id: &str) -> Outcome {
    match status {
        "approved" => approved(approved_amount, id),
        "pending" => Outcome::Pending,
        "declined" => Outcome::Declined(Reason(decline_reason(reason).to_owned())),
        _ => Outcome::Unknown,
    }
}

/// An approval without an amount, or of a negative one, is not understood.
fn approved(amount: Option<i64>, id: &str) -> Outcome {
    match amount {
        Some(approved_minor) if approved_minor >= 0 => {
            Outcome::Approved(Approval { approved_minor, provider_reference: Some(id.to_owned()), funding: None })
        }
        _ => Outcome::Unknown,
    }
}

/// An approval of which the provider pays a part. What it owes us is all of it. A part that is none is not believed.
pub(super) fn funded(outcome: Outcome, paid_by_provider_minor: Option<i64>) -> Outcome {
    let Outcome::Approved(approval) = outcome else { return outcome };
    let part = paid_by_provider_minor.filter(|part| (0..=approval.approved_minor).contains(part));
    let funding = part.map(|paid_by_provider_minor| Funding {
        paid_by_customer_minor: approval.approved_minor - paid_by_provider_minor,
        paid_by_provider_minor,
        receivable_minor: approval.approved_minor,
    });
    Outcome::Approved(Approval { funding, ..approval })
}

/// Why it was declined. The status says that it was, and the provider's contract makes that final; the reason only explains,
/// so one that is new to us does not put the outcome in doubt.
fn decline_reason(reason: Option<&str>) -> &'static str {
    match reason {
        Some("insufficient_funds") => "insufficient_funds",
        Some("customer_declined") => "declined_by_customer",
        Some("already_reversed") => "already_reversed",
        Some("already_refunded") => "already_refunded",
        Some("already_captured") => "already_captured",
        Some("over_refund") => "refund_exceeds_charge",
        Some("over_capture") => "capture_exceeds_authorization",
        Some("not_refundable" | "not_capturable" | "not_voidable") => "charge_in_wrong_state",
        Some("charge_not_found") => "charge_not_found",
        _ => "declined_by_provider",
    }
}

/// The refusals after which nothing has happened (guide, "Calls").
pub(super) fn harmless_refusal(status: u16, error: &str) -> Option<&'static str> {
    match (status, error) {
        (400, "bad_request") | (415, "not_json") | (422, "invalid") => Some("request_refused_by_provider"),
        (401, "unauthorized") => Some("credentials_refused_by_provider"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_codes_are_unknown() {
        for status in ["", "APPROVED", "Declined", "failed", "expired", "late"] {
            assert_eq!(charge_outcome(status, Some(5), None, "ch_1"), Outcome::Unknown, "{status}");
            assert_eq!(
                operation_outcome(status, Some(5), Some("insufficient_funds"), "op_1"),
                Outcome::Unknown,
                "{status}"
            );
        }
    }

    #[test]
    fn an_operation_is_never_reversed_or_voided() {
        assert_eq!(operation_outcome("reversed", Some(5), None, "op_1"), Outcome::Unknown);
        assert_eq!(operation_outcome("voided", Some(5), None, "op_1"), Outcome::Unknown);
    }

    #[test]
    fn only_listed_refusals_are_harmless() {
        assert!(harmless_refusal(422, "invalid").is_some());
        for (status, error) in [
            (409, "reference_conflict"),
            (404, "route_not_found"),
            (500, "invalid"),
            (400, "nginx"),
            (503, "sandbox_full"),
        ] {
            assert_eq!(harmless_refusal(status, error), None, "{status} {error}");
        }
    }
}
