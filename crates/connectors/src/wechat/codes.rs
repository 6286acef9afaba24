//! WeChat Pay's codes in our words, one table for both protocols. A code that is not in it is `Unknown`, never `Declined`.

use domain::payment::{Approval, Funding, Outcome, Reason};

/// What an error code says of the request that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing has happened, and the same would be refused again, or only later taken.
    Refused(&'static str),
    /// The provider looked at it and will not do it.
    Declined(&'static str),
    /// Taken; the customer has to type a password.
    Paying,
    /// The provider does not know what was asked about.
    NotFound,
    /// The order is paid.
    Paid,
    /// The order is closed, and was not paid.
    Closed,
    /// The order is undone.
    Reversed,
    /// The request does not fit what is there: of a charge, perhaps because an earlier copy of it came through.
    NotFitting,
    /// Nobody can tell.
    Unknown,
}

use Meaning::{Closed, Declined, NotFitting, NotFound, Paid, Paying, Refused, Reversed, Unknown};

const REFUSED: Meaning = Refused("request_refused_by_provider");
const CREDENTIALS: Meaning = Refused("credentials_refused_by_provider");
const NOT_PERMITTED: Meaning = Refused("not_permitted_by_provider");
const BUSY: Meaning = Refused("provider_busy");
const WRONG_CODE: Meaning = Declined("customer_code_invalid");

/// After the provider's pages of both protocols. They spell the same code with and without underscores, so it is compared
/// without them.
const TABLE: [(&str, Meaning); 58] = [
    // In doubt by the provider's own word: ask, and undo what stays so.
    ("SYSTEMERROR", Unknown),
    ("BANKERROR", Unknown),
    ("BIZERRNEEDRETRY", Unknown),
    ("ERROR", Unknown),
    ("USERPAYING", Paying),
    // An earlier copy of the request came through: what became of it has to be asked.
    ("OUTTRADENOUSED", Unknown),
    ("INVALIDREQUEST", NotFitting),
    ("ORDERPAID", Paid),
    ("ORDERCLOSED", Closed),
    ("ORDERREVERSED", Reversed),
    ("ORDERNOTEXIST", NotFound),
    ("NOTFOUND", NotFound),
    ("REFUNDNOTEXIST", NotFound),
    ("RESOURCENOTEXISTS", NotFound),
    ("INVALIDTRANSACTIONID", NotFound),
    // Nothing was done.
    ("PARAMERROR", REFUSED),
    ("XMLFORMATERROR", REFUSED),
    ("REQUIREPOSTMETHOD", REFUSED),
    ("POSTDATAEMPTY", REFUSED),
    ("LACKPARAMS", REFUSED),
    ("NOTUTF8", REFUSED),
    ("INVALIDPARAM", REFUSED),
    ("APPIDNOTEXIST", CREDENTIALS),
    ("MCHIDNOTEXIST", CREDENTIALS),
    ("MCHNOTEXISTS", CREDENTIALS),
    ("APPIDMCHIDNOTMATCH", CREDENTIALS),
    ("SIGNERROR", CREDENTIALS),
    ("CERTERROR", CREDENTIALS),
    ("NOAUTH", NOT_PERMITTED),
    ("REQUESTBLOCKED", NOT_PERMITTED),
    ("CONTRACTNOTEXIST", NOT_PERMITTED),
    ("FREQUENCYLIMITED", BUSY),
    ("FREQUENCYLIMIT", BUSY),
    ("FREQUENCYLIMITEXCEED", BUSY),
    ("RATELIMITEXCEED", BUSY),
    ("RATELIMITEXCEEDED", BUSY),
    ("RATELIMITED", BUSY),
    // The customer's wallet, or the code that was scanned.
    ("NOTENOUGH", Declined("insufficient_funds")),
    ("NOTSUPORTCARD", Declined("card_not_supported")),
    ("NOTSUPPORTCARD", Declined("card_not_supported")),
    ("AUTHCODEEXPIRE", Declined("customer_code_expired")),
    ("AUTHCODEEXPIRED", Declined("customer_code_expired")),
    ("AUTHCODEERROR", WRONG_CODE),
    ("AUTHCODEINVALID", WRONG_CODE),
    ("BUYERMISMATCH", Declined("another_customer")),
    ("OPENIDMISMATCH", Declined("another_customer")),
    ("TRADEERROR", Declined("declined_by_provider")),
    ("PAYERROR", Declined("declined_by_provider")),
    ("ACCOUNTERROR", Declined("wallet_blocked")),
    ("ACCOUNTABNORMAL", Declined("wallet_blocked")),
    ("USERACCOUNTABNORMAL", Declined("wallet_closed")),
    ("RULELIMIT", Declined("limit_of_provider")),
    ("TRADESTATEERROR", Declined("refund_instead")),
    // Undoing and giving back.
    ("REVERSEEXPIRE", Declined("refund_instead")),
    ("TRADEOVERDUE", Declined("refund_window_closed")),
    ("REFUNDFEEMISMATCH", Declined("amount_does_not_fit_earlier_refund")),
    ("REFUNDAMOUNTEXCEED", Declined("refund_exceeds_captured")),
    ("CURRENCYNOTSUPPORT", REFUSED),
];

/// What a code says.
pub(super) fn meaning(code: &str) -> Meaning {
    let plain: String = code.chars().filter(|letter| *letter != '_').collect();
    TABLE.iter().find(|(known, _)| *known == plain).map_or(Unknown, |(_, meaning)| *meaning)
}

/// What an answer tells of an order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Order {
    pub out_trade_no: Option<String>,
    /// In the provider's words, which are those of both protocols.
    pub state: String,
    pub total: Option<i64>,
    pub currency: String,
    pub transaction_id: Option<String>,
    pub funding: Option<Funding>,
}

/// What an answer tells of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Refund {
    pub out_refund_no: Option<String>,
    pub status: String,
    pub amount: Option<i64>,
    /// Where it is told.
    pub currency: Option<String>,
    pub refund_id: Option<String>,
}

/// An order, said of its charge. One that was given back later was paid all the same.
pub(super) fn charge_outcome(order: &Order) -> Outcome {
    match order.state.as_str() {
        "SUCCESS" | "REFUND" => approved(order.total, order.transaction_id.as_deref(), order.funding),
        "NOTPAY" | "USERPAYING" | "ACCEPT" => Outcome::Pending,
        "CLOSED" | "REVOKED" => Outcome::Cancelled,
        "PAYERROR" => Outcome::Declined(Reason("declined_by_provider".to_owned())),
        _ => Outcome::Unknown,
    }
}

/// An order, said of the reverse of it. `Cancelled` stays out: it would say that the reverse was called off.
pub(super) fn reverse_outcome(asked_minor: i64, order: &Order) -> Outcome {
    match order.state.as_str() {
        "REVOKED" | "CLOSED" => approved(Some(asked_minor), None, None),
        // The wallet refused: there is nothing to undo.
        "PAYERROR" => approved(Some(0), None, None),
        // Not undone so far, or by a refund that may be a part only: a repeated reverse tells.
        "SUCCESS" | "REFUND" | "NOTPAY" | "USERPAYING" | "ACCEPT" => Outcome::NotFound,
        _ => Outcome::Unknown,
    }
}

/// An order, said of the closing of it: nothing is given back, because nobody had paid.
pub(super) fn close_outcome(order: &Order) -> Outcome {
    match order.state.as_str() {
        "CLOSED" | "REVOKED" | "PAYERROR" => approved(Some(0), None, None),
        "NOTPAY" | "USERPAYING" | "ACCEPT" => Outcome::NotFound,
        "SUCCESS" | "REFUND" => Outcome::Declined(Reason("already_paid".to_owned())),
        _ => Outcome::Unknown,
    }
}

/// A refund. Once it is being processed the merchant's money is gone; the customer has it after minutes in the wallet and
/// after up to three working days on a card (refund pages). Where it then comes to nothing WeChat tells so by itself.
pub(super) fn refund_outcome(refund: &Refund) -> Outcome {
    match refund.status.as_str() {
        "SUCCESS" | "PROCESSING" => approved(refund.amount, refund.refund_id.as_deref(), None),
        "CLOSED" | "REFUNDCLOSE" => Outcome::Declined(Reason("refund_closed_by_provider".to_owned())),
        // The customer's card does not take it: somebody has to name another one in the merchant platform.
        "ABNORMAL" | "CHANGE" => Outcome::Declined(Reason("refund_not_deliverable".to_owned())),
        _ => Outcome::Unknown,
    }
}

/// An approval without an amount, or of a negative one, is not understood.
pub(super) fn approved(amount_minor: Option<i64>, id: Option<&str>, funding: Option<Funding>) -> Outcome {
    match amount_minor {
        Some(approved_minor) if approved_minor >= 0 => {
            let provider_reference = id.map(str::to_owned);
            Outcome::Approved(Approval { approved_minor, provider_reference, funding })
        }
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(state: &str) -> Order {
        Order { state: state.to_owned(), total: Some(5), ..Order::default() }
    }

    #[test]
    fn what_is_not_in_the_table_is_unknown() {
        for code in ["", "systemerror", "BRAND_NEW", "USERPAYING2", "SUCCESS", "支付失败"] {
            assert_eq!(meaning(code), Unknown, "{code}");
        }
    }

    #[test]
    fn a_code_stands_once_and_is_found_with_and_without_underscores() {
        for (place, (code, expected)) in TABLE.iter().enumerate() {
            assert!(TABLE[..place].iter().all(|(other, _)| other != code) && !code.contains('_'), "{code}");
            assert_eq!(meaning(code), *expected);
        }
        assert_eq!((meaning("USER_PAYING"), meaning("USERPAYING")), (Paying, Paying));
        assert_eq!((meaning("NOT_ENOUGH"), meaning("ORDER_NOT_EXIST")), (meaning("NOTENOUGH"), NotFound));
    }

    #[test]
    fn an_unknown_state_is_unknown() {
        for state in ["", "success", "PAID", "SYSTEMERROR"] {
            assert_eq!(charge_outcome(&order(state)), Outcome::Unknown, "{state}");
            assert_eq!(reverse_outcome(5, &order(state)), Outcome::Unknown, "{state}");
            assert_eq!(close_outcome(&order(state)), Outcome::Unknown, "{state}");
            let refund = Refund { status: state.to_owned(), amount: Some(5), ..Refund::default() };
            assert_eq!(
                refund_outcome(&refund),
                if state == "SUCCESS" { approved(Some(5), None, None) } else { Outcome::Unknown }
            );
        }
        assert_eq!(charge_outcome(&Order { total: None, ..order("SUCCESS") }), Outcome::Unknown);
        assert_eq!(charge_outcome(&Order { total: Some(-1), ..order("SUCCESS") }), Outcome::Unknown);
    }
}
