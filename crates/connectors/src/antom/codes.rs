//! Antom's codes in our words, one table. A code that is not in it is `Unknown`, never `Declined`.

use domain::payment::{Approval, Outcome, Reason};

/// What a result says of the request that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Done; what came of it stands beside the result.
    Done,
    /// Antom, the wallet or the customer works on it.
    Waiting,
    /// Nothing has happened, and the same would be refused again, or only later taken.
    Refused(&'static str),
    /// Antom or the wallet looked at it and will not do it.
    Declined(&'static str),
    /// Antom does not know what was asked about.
    NotFound,
    /// It was cancelled.
    Cancelled,
    /// Nobody can tell.
    Unknown,
}

use Meaning::{Cancelled, Declined, Done, NotFound, Refused, Unknown, Waiting};

/// After the pages of pay (user-presented mode), cancel, refund and the inquiries. The status is one of `S`, `F` and `U`.
const TABLE: [(&str, &str, Meaning); 48] = [
    ("S", "SUCCESS", Done),
    ("U", "PAYMENT_IN_PROCESS", Waiting),
    ("U", "REFUND_IN_PROCESS", Waiting),
    ("U", "UNKNOWN_EXCEPTION", Unknown),
    // Whether it was taken in nobody says.
    ("U", "REQUEST_TRAFFIC_EXCEED_LIMIT", Unknown),
    ("F", "PARAM_ILLEGAL", Refused("request_refused_by_provider")),
    ("F", "INVALID_API", Refused("request_refused_by_provider")),
    ("F", "METHOD_NOT_SUPPORTED", Refused("request_refused_by_provider")),
    ("F", "MEDIA_TYPE_NOT_ACCEPTABLE", Refused("request_refused_by_provider")),
    ("F", "ACCESS_DENIED", Refused("not_permitted_by_provider")),
    ("F", "CLIENT_FORBIDDEN_ACCESS_API", Refused("not_permitted_by_provider")),
    ("F", "NO_INTERFACE_DEF", Refused("not_permitted_by_provider")),
    ("F", "INVALID_CONTRACT", Refused("not_permitted_by_provider")),
    ("F", "CONTRACT_CHECK_FAIL", Refused("not_permitted_by_provider")),
    ("F", "INVALID_CLIENT", Refused("credentials_refused_by_provider")),
    ("F", "CLIENT_INVALID", Refused("credentials_refused_by_provider")),
    ("F", "INVALID_SIGNATURE", Refused("credentials_refused_by_provider")),
    ("F", "KEY_NOT_FOUND", Refused("credentials_refused_by_provider")),
    ("F", "CURRENCY_NOT_SUPPORT", Refused("currency_not_supported_by_provider")),
    ("F", "PAYMENT_AMOUNT_EXCEED_LIMIT", Declined("limit_exceeded")),
    ("F", "USER_AMOUNT_EXCEED_LIMIT", Declined("limit_exceeded")),
    ("F", "USER_PAYMENT_AMOUNT_EXCEED_LIMIT", Declined("limit_exceeded")),
    ("F", "USER_BALANCE_NOT_ENOUGH", Declined("insufficient_funds")),
    ("F", "INVALID_CODE", Declined("customer_code_invalid")),
    ("F", "INVALID_PAYMENT_CODE", Declined("customer_code_invalid")),
    ("F", "PAYMENT_CODE_INVALID", Declined("customer_code_invalid")),
    ("F", "RISK_REJECT", Declined("declined_by_provider")),
    ("F", "PROCESS_FAIL", Declined("declined_by_provider")),
    ("F", "USER_STATUS_ABNORMAL", Declined("wallet_refused")),
    ("F", "USER_NOT_EXIST", Declined("wallet_refused")),
    ("F", "USER_KYC_NOT_QUALIFIED", Declined("wallet_refused")),
    ("F", "USER_PAYMENT_VERIFICATION_FAILED", Declined("wallet_refused")),
    ("F", "NO_PAY_OPTIONS", Declined("wallet_refused")),
    ("F", "PAYMENT_NOT_QUALIFIED", Declined("wallet_refused")),
    ("F", "MERCHANT_STATUS_ABNORMAL", Declined("merchant_blocked")),
    ("F", "ORDER_IS_CANCELED", Cancelled),
    ("F", "ORDER_IS_CLOSED", Cancelled),
    // An earlier copy of the request came through, with something else in it: what became of it has to be asked.
    ("F", "REPEAT_REQ_INCONSISTENT", Unknown),
    ("F", "ORDER_NOT_EXIST", NotFound),
    ("F", "REFUND_NOT_EXIST", NotFound),
    // Of a cancel.
    ("F", "CANCEL_WINDOW_EXCEED", Declined("refund_instead")),
    ("F", "ORDER_STATUS_INVALID", Declined("refund_instead")),
    // Of a refund.
    ("F", "REFUND_AMOUNT_EXCEED", Declined("over_refund")),
    ("F", "REFUND_WINDOW_EXCEED", Declined("refund_window_closed")),
    ("F", "MULTIPLE_REFUNDS_NOT_SUPPORTED", Declined("partial_refund_not_enabled")),
    ("F", "PARTIAL_REFUND_NOT_SUPPORTED", Declined("partial_refund_not_enabled")),
    ("F", "MERCHANT_BALANCE_NOT_ENOUGH", Declined("merchant_balance_too_low")),
    ("F", "REFUND_REJECTED", Declined("declined_by_provider")),
];

/// What a result says. The code is read together with its status: one without the other is not in the documents.
pub(super) fn meaning(status: &str, code: &str) -> Meaning {
    let row = TABLE.iter().find(|(of_status, of_code, _)| *of_status == status && *of_code == code);
    row.map_or(Unknown, |(_, _, meaning)| *meaning)
}

/// The facts about a payment that a status comes with.
pub(super) struct Facts<'a> {
    pub status: &'a str,
    /// Why it failed.
    pub code: Option<&'a str>,
    pub amount_minor: Option<i64>,
    pub payment_id: Option<&'a str>,
}

/// The status of a payment, said of its charge.
pub(super) fn charge_outcome(facts: &Facts<'_>) -> Outcome {
    match facts.status {
        "SUCCESS" => approved(facts.amount_minor, facts.payment_id),
        "FAIL" => match meaning("F", facts.code.unwrap_or_default()) {
            Declined(reason) => declined(reason),
            // The status says that it failed, and that is final; the code only explains.
            _ => declined("declined_by_provider"),
        },
        // Of `PENDING` the customer has done everything.
        "PROCESSING" | "PENDING" => Outcome::Pending,
        "CANCELLED" => Outcome::Cancelled,
        _ => Outcome::Unknown,
    }
}

/// The status of a payment, said of what undoes all of it: a void, or the cancel of one in doubt.
pub(super) fn undoing_outcome(asked_minor: i64, facts: &Facts<'_>) -> Outcome {
    match facts.status {
        "CANCELLED" => approved(Some(asked_minor), facts.payment_id),
        // Nobody was charged.
        "FAIL" => approved(Some(0), facts.payment_id),
        // Not undone so far: the cancel is asked for again.
        "SUCCESS" | "PROCESSING" | "PENDING" => Outcome::NotFound,
        _ => Outcome::Unknown,
    }
}

/// The status of a refund.
pub(super) fn refund_outcome(status: &str, amount_minor: Option<i64>, refund_id: Option<&str>) -> Outcome {
    match status {
        "SUCCESS" => approved(amount_minor, refund_id),
        "PROCESSING" => Outcome::Pending,
        "FAIL" => declined("declined_by_provider"),
        _ => Outcome::Unknown,
    }
}

/// An approval without an amount, or of a negative one, is not understood.
pub(super) fn approved(amount_minor: Option<i64>, id: Option<&str>) -> Outcome {
    match amount_minor {
        Some(approved_minor) if approved_minor >= 0 => {
            let provider_reference = id.map(str::to_owned);
            Outcome::Approved(Approval { approved_minor, provider_reference, funding: None })
        }
        _ => Outcome::Unknown,
    }
}

/// Looked at, and not done.
pub(super) fn declined(reason: &str) -> Outcome {
    Outcome::Declined(Reason(reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_is_unknown() {
        for (status, code) in [
            ("", ""),
            ("S", ""),
            ("S", "PAYMENT_IN_PROCESS"),
            ("U", "SUCCESS"),
            ("F", "SUCCESS"),
            ("U", "RISK_REJECT"),
            ("F", "BRAND_NEW"),
            ("f", "RISK_REJECT"),
        ] {
            assert_eq!(meaning(status, code), Unknown, "{status} {code}");
        }
    }

    #[test]
    fn a_code_stands_once_in_the_table() {
        for (status, code, of_row) in TABLE {
            assert_eq!(TABLE.iter().filter(|(_, other, _)| *other == code).count(), 1, "{code}");
            assert_eq!(meaning(status, code), of_row, "{code}");
        }
    }

    #[test]
    fn an_unknown_status_is_unknown() {
        for status in ["", "success", "PAID", "FAILED"] {
            let facts = Facts { status, code: None, amount_minor: Some(5), payment_id: None };
            assert_eq!(charge_outcome(&facts), Outcome::Unknown, "{status}");
            assert_eq!(undoing_outcome(5, &facts), Outcome::Unknown, "{status}");
            assert_eq!(refund_outcome(status, Some(5), None), Outcome::Unknown, "{status}");
        }
    }
}
