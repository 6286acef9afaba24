//! PayPay's codes in our words, one table. A code that is not in it is `Unknown`, never `Declined`.

use domain::payment::{Approval, Kind, Outcome, Reason};

/// What a result code says of the request that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Done; what came of it stands in the data.
    Done,
    /// Taken; the provider or the customer works on it.
    Accepted,
    /// Nothing has happened, and the same would be refused again, or only later taken.
    Refused(&'static str),
    /// The provider looked at it and will not do it.
    Declined(&'static str),
    /// The provider does not know what was asked about.
    NotFound,
    /// The code was not paid and is gone.
    CodeGone,
    /// The code was paid: it cannot be withdrawn.
    CodePaid,
    /// Nobody can tell.
    Unknown,
}

use Meaning::{Accepted, CodeGone, CodePaid, Declined, Done, NotFound, Refused, Unknown};

struct Row {
    /// Empty where the documents name the code only.
    id: &'static str,
    code: &'static str,
    meaning: Meaning,
}

const fn row(id: &'static str, code: &'static str, meaning: Meaning) -> Row {
    Row { id, code, meaning }
}

/// After the provider's pages. One id may stand for several codes (08100001), and one code for several ids.
const TABLE: [Row; 33] = [
    row("08100001", "SUCCESS", Done),
    row("08100001", "REQUEST_ACCEPTED", Accepted),
    row("08100006", "INVALID_REQUEST_PARAMS", Refused("request_refused_by_provider")),
    row("08100024", "MISSING_REQUEST_PARAMS", Refused("request_refused_by_provider")),
    row("08100023", "OP_OUT_OF_SCOPE", Refused("not_permitted_by_provider")),
    row("08100016", "UNAUTHORIZED", Refused("credentials_refused_by_provider")),
    row("08100998", "RATE_LIMIT", Refused("provider_busy")),
    row("08100026", "SERVICE_ERROR", Unknown),
    row("08101000", "INTERNAL_SERVER_ERROR", Unknown),
    row("08100999", "MAINTENANCE_MODE", Unknown),
    row("01650000", "DYNAMIC_QR_BAD_REQUEST", Refused("request_refused_by_provider")),
    row("01652072", "DYNAMIC_QR_NOT_FOUND", NotFound),
    // An earlier copy of the request came through: what became of it has to be asked.
    row("01652073", "DUPLICATE_DYNAMIC_QR_REQUEST", Unknown),
    row("01652074", "DYNAMIC_QR_ALREADY_PAID", CodePaid),
    row("01652075", "DYNAMIC_QR_PAYMENT_NOT_FOUND", CodeGone),
    row("00200001", "RESOURCE_NOT_FOUND", NotFound),
    row("00200002", "TRANSACTION_FAILED", Declined("declined_by_provider")),
    row("00200003", "TRANSACTION_FAILED", Declined("declined_by_provider")),
    row("00800017", "TRANSACTION_FAILED", Declined("declined_by_provider")),
    row("00200017", "SUSPECTED_DUPLICATE_PAYMENT", Declined("suspected_duplicate")),
    row("00200018", "NO_SUCH_REFUND_ORDER", NotFound),
    row("00200034", "INTERNAL_SERVER_ERROR", Unknown),
    // The capture was done, by this request or an earlier copy: what was taken has to be asked.
    row("00200039", "ALREADY_CAPTURED", Unknown),
    row("00200042", "ORDER_NOT_CANCELABLE", Declined("refund_instead")),
    row("00200043", "ORDER_EXPIRED", Declined("authorization_expired")),
    row("00200044", "ORDER_NOT_REVERSIBLE", Declined("refund_instead")),
    row("01103027", "CANCELED_USER", Declined("wallet_closed")),
    row("08300103", "USER_CONFIRMATION_REQUIRED", Accepted),
    // Named without a number.
    row("", "MERCHANT_MULTIPLE_REFUND_REJECTED", Declined("partial_refund_not_enabled")),
    row("", "THROTTLED_MULTIPLE_REFUND_REJECTED", Refused("try_again_in_a_minute")),
    row("", "ORDER_NO_LONGER_AVAILABLE", Declined("refund_window_closed")),
    row("", "SUCCESS", Done),
    row("", "REQUEST_ACCEPTED", Accepted),
];

/// What a result says. The number is stronger than the word, which document 004 gives alone; a number that is not in the
/// table says nothing, unless the documents name its word without any number.
pub(super) fn meaning(code: &str, id: Option<&str>) -> Meaning {
    let by_word = |is_fitting: fn(&Row) -> bool| TABLE.iter().find(|row| row.code == code && is_fitting(row));
    let row = match id.filter(|id| !id.is_empty()) {
        Some(id) => {
            let exact = TABLE.iter().find(|row| row.id == id && row.code == code);
            let by_number = exact.or_else(|| TABLE.iter().find(|row| row.id == id));
            by_number.or_else(|| by_word(|row| row.id.is_empty() && row.meaning != Done && row.meaning != Accepted))
        }
        None => by_word(|_| true),
    };
    row.map_or(Unknown, |row| row.meaning)
}

/// The facts about a payment that a status comes with.
pub(super) struct Facts<'a> {
    pub status: &'a str,
    pub amount_minor: Option<i64>,
    pub payment_id: Option<&'a str>,
}

/// The status of a payment, said of its charge. A payment that was given back later was approved all the same.
pub(super) fn charge_outcome(kind: Kind, facts: &Facts<'_>) -> Outcome {
    match facts.status {
        "COMPLETED" | "REFUNDED" => approved(facts.amount_minor, facts.payment_id),
        "AUTHORIZED" if kind == Kind::Authorize => approved(facts.amount_minor, facts.payment_id),
        "CREATED" | "REAUTHORIZING" => Outcome::Pending,
        "FAILED" => Outcome::Declined(Reason("declined_by_provider".to_owned())),
        "CANCELED" | "EXPIRED" => Outcome::Cancelled,
        _ => Outcome::Unknown,
    }
}

/// The status of a payment, said of the capture of it.
pub(super) fn capture_outcome(facts: &Facts<'_>) -> Outcome {
    match facts.status {
        "COMPLETED" | "REFUNDED" => approved(facts.amount_minor, facts.payment_id),
        // The customer is asked, because more than was promised is to be taken.
        "REAUTHORIZING" => Outcome::Pending,
        // It was not captured so far: the same request again does no harm.
        "AUTHORIZED" => Outcome::NotFound,
        "CANCELED" | "EXPIRED" => Outcome::Declined(Reason("authorization_expired".to_owned())),
        _ => Outcome::Unknown,
    }
}

/// The status of a payment, said of what undoes it, a void or a reversal of all of it. `Cancelled` stays out: it would
/// say that the undoing was called off.
pub(super) fn undoing_outcome(asked_minor: i64, facts: &Facts<'_>) -> Outcome {
    match facts.status {
        "FAILED" | "CANCELED" | "EXPIRED" => approved(Some(asked_minor), facts.payment_id),
        // Not undone so far. Where the provider has taken the request that is stronger, and stays.
        "COMPLETED" | "AUTHORIZED" => Outcome::NotFound,
        "REFUNDED" => Outcome::Declined(Reason("already_refunded".to_owned())),
        _ => Outcome::Unknown,
    }
}

/// The status of a refund. One that failed is repeated inside PayPay.
pub(super) fn refund_outcome(status: &str, amount_minor: Option<i64>, refund_id: Option<&str>) -> Outcome {
    match status {
        "CREATED" | "REFUNDED" | "COMPLETED" => approved(amount_minor, refund_id),
        "REFUND_FAILED" => Outcome::Pending,
        _ => Outcome::Unknown,
    }
}

/// An approval without an amount, or of a negative one, is not understood.
fn approved(amount_minor: Option<i64>, id: Option<&str>) -> Outcome {
    match amount_minor {
        Some(approved_minor) if approved_minor >= 0 => {
            let provider_reference = id.map(str::to_owned);
            Outcome::Approved(Approval { approved_minor, provider_reference, funding: None })
        }
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_is_unknown() {
        // The last ones are met without a text that says what they mean.
        for (code, id) in [
            ("", None),
            ("success", None),
            ("BRAND_NEW", Some("99999999")),
            ("SUCCESS", Some("99999999")),
            ("UNAUTHORIZED", Some("99999999")),
            ("", Some("00200004")),
            ("", Some("00200013")),
            ("", Some("00200014")),
            ("", Some("00200015")),
            ("", Some("00200035")),
            ("", Some("00200038")),
            ("", Some("00400035")),
            ("", Some("00400060")),
            ("", Some("00400061")),
            ("", Some("00400062")),
            ("", Some("00400064")),
        ] {
            assert_eq!(meaning(code, id), Unknown, "{code} {id:?}");
        }
    }

    #[test]
    fn a_row_is_found_by_its_number_and_a_word_alone_by_its_word() {
        for row in TABLE.iter().filter(|row| !row.id.is_empty()) {
            assert_eq!(meaning(row.code, Some(row.id)), row.meaning, "{} {}", row.id, row.code);
        }
        assert_eq!(meaning("SUCCESS", None), Done);
        assert_eq!(meaning("ORDER_NO_LONGER_AVAILABLE", Some("00210000")), Declined("refund_window_closed"));
    }

    #[test]
    fn an_unknown_status_is_unknown() {
        for status in ["", "completed", "PAID", "DONE"] {
            let facts = Facts { status, amount_minor: Some(5), payment_id: None };
            assert_eq!(charge_outcome(Kind::Purchase, &facts), Outcome::Unknown, "{status}");
            assert_eq!(capture_outcome(&facts), Outcome::Unknown, "{status}");
            assert_eq!(undoing_outcome(5, &facts), Outcome::Unknown, "{status}");
            assert_eq!(refund_outcome(status, Some(5), None), Outcome::Unknown, "{status}");
        }
        let promised = Facts { status: "AUTHORIZED", amount_minor: Some(5), payment_id: None };
        assert_eq!(charge_outcome(Kind::Purchase, &promised), Outcome::Unknown);
    }
}
