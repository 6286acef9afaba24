//! Alipay's codes in our words, one table. A code that is not in it is `Unknown`, never `Declined`.

use domain::decimal;
use domain::payment::{Approval, Funding, Outcome, Reason};

/// What a code says of the request that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Done; what came of it stands beside the code.
    Done,
    /// The customer has to confirm on the phone.
    Waiting,
    /// Nothing has happened, and the same would be refused again, or only later taken.
    Refused(&'static str),
    /// Alipay looked at it and will not do it.
    Declined(&'static str),
    /// Alipay does not know the trade.
    NotFound,
    /// Nobody can tell.
    Unknown,
}

use Meaning::{Declined, Done, NotFound, Refused, Unknown, Waiting};

/// The code of an answer that stands for one of the business codes.
const BUSINESS_FAILED: &str = "40004";

/// The codes of the gateway (open documents, "common error codes"). `20000` is a service that did not answer in time.
const GATEWAY: [(&str, Meaning); 9] = [
    ("10000", Done),
    ("10003", Waiting),
    ("20000", Unknown),
    ("20001", Refused("not_permitted_by_provider")),
    ("40001", Refused("request_refused_by_provider")),
    ("40002", Refused("request_refused_by_provider")),
    ("40003", Unknown),
    ("40005", Refused("provider_busy")),
    ("40006", Refused("not_permitted_by_provider")),
];

/// What the gateway refused more exactly: all of these are found before anything is done.
const CREDENTIALS: [&str; 8] = [
    "isv.invalid-app-id",
    "isv.invalid-signature",
    "isv.invalid-signature-type",
    "isv.invalid-timestamp",
    "isv.missing-app-id",
    "isv.missing-signature",
    "isv.missing-signature-key",
    "isv.missing-timestamp",
];

/// Business codes, after the pages of `alipay.trade.pay`, `.precreate`, `.query`, `.cancel` and `.refund`.
const BUSINESS: [(&str, Meaning); 46] = [
    ("ACQ.SYSTEM_ERROR", Unknown),
    // As the page of the cancel spells it.
    ("AQC.SYSTEM_ERROR", Unknown),
    ("aop.ACQ.SYSTEM_ERROR", Unknown),
    ("ACQ.INVALID_PARAMETER", Refused("request_refused_by_provider")),
    ("ACQ.ACCESS_FORBIDDEN", Refused("not_permitted_by_provider")),
    ("ACQ.EXIST_FORBIDDEN_WORD", Refused("request_refused_by_provider")),
    ("ACQ.PARTNER_ERROR", Refused("credentials_refused_by_provider")),
    ("ACQ.TOTAL_FEE_EXCEED", Declined("limit_exceeded")),
    ("ACQ.INVALID_STORE_ID", Refused("request_refused_by_provider")),
    ("ACQ.PRODUCT_AMOUNT_LIMIT_ERROR", Declined("limit_exceeded")),
    ("ACQ.PAYMENT_AUTH_CODE_INVALID", Declined("customer_code_invalid")),
    ("ACQ.SOUNDWAVE_PARSER_FAIL", Declined("customer_code_invalid")),
    // An earlier copy of the request came through: what became of it has to be asked.
    ("ACQ.CONTEXT_INCONSISTENT", Unknown),
    ("ACQ.TRADE_HAS_SUCCESS", Unknown),
    ("ACQ.TRADE_HAS_CLOSE", Unknown),
    ("ACQ.TRADE_BUYER_NOT_MATCH", Unknown),
    ("ACQ.DISCORDANT_REPEAT_REQUEST", Unknown),
    ("ACQ.BUYER_BALANCE_NOT_ENOUGH", Declined("insufficient_funds")),
    ("ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH", Declined("insufficient_funds")),
    ("ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE", Declined("insufficient_funds")),
    ("ACQ.ERROR_BALANCE_PAYMENT_DISABLE", Declined("wallet_refused")),
    ("ACQ.BUYER_SELLER_EQUAL", Declined("wallet_refused")),
    ("ACQ.BUYER_ENABLE_STATUS_FORBID", Declined("wallet_refused")),
    ("ACQ.PULL_MOBILE_CASHIER_FAIL", Declined("wallet_refused")),
    ("ACQ.MOBILE_PAYMENT_SWITCH_OFF", Declined("wallet_refused")),
    ("ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT", Declined("wallet_refused")),
    ("ACQ.PAYMENT_FAIL", Declined("declined_by_provider")),
    ("ACQ.PAYMENT_REQUEST_HAS_RISK", Declined("declined_by_provider")),
    ("ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", Declined("limit_exceeded")),
    ("ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR", Declined("limit_exceeded")),
    ("ACQ.BEYOND_PAY_RESTRICTION", Declined("limit_exceeded")),
    ("ACQ.BEYOND_PER_RECEIPT_RESTRICTION", Declined("limit_exceeded")),
    ("ACQ.BEYOND_PER_RECEIPT_DAY_RESTRICTION", Declined("limit_exceeded")),
    ("ACQ.SELLER_BEEN_BLOCKED", Declined("merchant_blocked")),
    ("ACQ.TRADE_NOT_EXIST", NotFound),
    // Of a cancel.
    ("ACQ.CANCEL_NOT_ALLOWED", Declined("refund_instead")),
    ("ACQ.TRADE_CANCEL_TIME_OUT", Declined("refund_instead")),
    ("ACQ.REASON_TRADE_BEEN_FREEZEN", Declined("trade_frozen")),
    // Of a cancel: there was a refund already. Of a refund: more than was paid.
    ("ACQ.REASON_TRADE_REFUND_FEE_ERR", Declined("over_refund")),
    // Of a cancel and of a refund: not before there is money in the account.
    ("ACQ.SELLER_BALANCE_NOT_ENOUGH", Declined("merchant_balance_too_low")),
    ("ACQ.TRADE_HAS_FINISHED", Declined("refund_window_closed")),
    // Of a refund.
    ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", Declined("over_refund")),
    ("ACQ.REFUND_FEE_ERROR", Declined("over_refund")),
    ("ACQ.TRADE_STATUS_ERROR", Declined("not_refundable")),
    ("ACQ.REASON_TRADE_STATUS_INVALID", Declined("not_refundable")),
    ("ACQ.NOT_ALLOW_PARTIAL_REFUND", Declined("partial_refund_not_enabled")),
];

/// What an answer says.
pub(super) fn meaning(code: &str, sub_code: Option<&str>) -> Meaning {
    let sub_code = sub_code.unwrap_or_default();
    if code == BUSINESS_FAILED {
        return look_up(&BUSINESS, sub_code);
    }
    match look_up(&GATEWAY, code) {
        Refused(_) if CREDENTIALS.contains(&sub_code) => Refused("credentials_refused_by_provider"),
        meaning => meaning,
    }
}

fn look_up(table: &[(&str, Meaning)], code: &str) -> Meaning {
    table.iter().find(|(known, _)| *known == code).map_or(Unknown, |(_, meaning)| *meaning)
}

/// Decimals of yuan on the wire: Alipay counts in fen and writes yuan.
const PLACES: u32 = 2;

/// An amount in fen as Alipay writes it.
pub(super) fn yuan(minor: i64) -> String {
    decimal::fixed(minor, PLACES)
}

/// The fen of an amount as Alipay writes it.
pub(super) fn fen(yuan: &str) -> Option<i64> {
    decimal::parse(yuan, PLACES).filter(|minor| *minor >= 0)
}

/// The facts about a trade that a status comes with, from an answer or a notification. Amounts as they are told.
pub(super) struct Facts<'a> {
    pub status: &'a str,
    pub trade_no: Option<&'a str>,
    pub total: Option<&'a str>,
    pub paid_by_buyer: Option<&'a str>,
    pub received: Option<&'a str>,
    /// It says when it was paid, or that something was given back of it.
    pub was_paid: bool,
}

impl Facts<'_> {
    /// The whole amount, as it was approved. An approval without an amount is not understood.
    pub fn approved(&self) -> Outcome {
        let Some(approved_minor) = self.total.and_then(fen) else { return Outcome::Unknown };
        let provider_reference = self.trade_no.map(str::to_owned);
        Outcome::Approved(Approval { approved_minor, provider_reference, funding: self.funding(approved_minor) })
    }

    /// Who pays, where it is not the customer alone. What we receive and the customer did not pay is Alipay's own discount;
    /// a discount of the merchant's is received by nobody.
    fn funding(&self, approved_minor: i64) -> Option<Funding> {
        let (paid, received) = (self.paid_by_buyer.and_then(fen)?, self.received.and_then(fen)?);
        let is_shared = paid <= received && received <= approved_minor && paid < approved_minor;
        is_shared.then_some(Funding {
            paid_by_customer_minor: paid,
            paid_by_provider_minor: received - paid,
            receivable_minor: received,
        })
    }
}

/// The status of a trade, said of its charge. A trade that was paid and given back is closed, too: it was approved all the same.
pub(super) fn charge_outcome(facts: &Facts<'_>) -> Outcome {
    match facts.status {
        "TRADE_SUCCESS" | "TRADE_FINISHED" => facts.approved(),
        "TRADE_CLOSED" if facts.was_paid => facts.approved(),
        "TRADE_CLOSED" => Outcome::Cancelled,
        "WAIT_BUYER_PAY" => Outcome::Pending,
        _ => Outcome::Unknown,
    }
}

/// The status of a trade, said of the cancel of it.
pub(super) fn undoing_outcome(asked_minor: i64, facts: &Facts<'_>) -> Outcome {
    match facts.status {
        "TRADE_CLOSED" if facts.was_paid => undone(asked_minor, facts.trade_no),
        "TRADE_CLOSED" => undone(0, facts.trade_no),
        // Not undone so far: the cancel is asked for again.
        "WAIT_BUYER_PAY" | "TRADE_SUCCESS" => Outcome::NotFound,
        "TRADE_FINISHED" => declined("refund_window_closed"),
        _ => Outcome::Unknown,
    }
}

/// What was undone; zero where nobody had paid.
pub(super) fn undone(minor: i64, trade_no: Option<&str>) -> Outcome {
    let provider_reference = trade_no.map(str::to_owned);
    Outcome::Approved(Approval { approved_minor: minor, provider_reference, funding: None })
}

/// Looked at, and not done.
pub(super) fn declined(reason: &str) -> Outcome {
    Outcome::Declined(Reason(reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>(status: &'a str, amounts: [&'a str; 3]) -> Facts<'a> {
        let [total, paid_by_buyer, received] = amounts.map(|text| Some(text).filter(|text| !text.is_empty()));
        Facts { status, trade_no: Some("2026"), total, paid_by_buyer, received, was_paid: false }
    }

    #[test]
    fn what_is_not_in_the_tables_is_unknown() {
        for (code, sub_code) in [
            ("", None),
            ("10001", None),
            ("40004", None),
            ("40004", Some("")),
            ("40004", Some("ACQ.BRAND_NEW")),
            ("40004", Some("acq.payment_fail")),
            ("40004", Some("isv.invalid-signature")),
            ("40003", Some("isv.invalid-signature")),
            ("99999", Some("ACQ.PAYMENT_FAIL")),
        ] {
            assert_eq!(meaning(code, sub_code), Unknown, "{code} {sub_code:?}");
        }
    }

    #[test]
    fn a_code_stands_once_in_its_table() {
        for table in [&GATEWAY[..], &BUSINESS[..]] {
            for (code, meaning) in table {
                assert_eq!(table.iter().filter(|(other, _)| other == code).count(), 1, "{code}");
                assert_eq!(look_up(table, code), *meaning);
            }
        }
        assert_eq!(meaning("40002", Some("isv.invalid-signature")), Refused("credentials_refused_by_provider"));
        assert_eq!(meaning("40002", Some("isv.invalid-parameter")), Refused("request_refused_by_provider"));
        // A word of the business beside a code of the gateway says nothing of the business.
        assert_eq!(meaning("20000", Some("ACQ.PAYMENT_FAIL")), Unknown);
    }

    #[test]
    fn amounts_have_two_decimals_and_come_back() {
        for (minor, text) in [(1, "0.01"), (10, "0.10"), (1_200, "12.00"), (10_000_000_000, "100000000.00")] {
            assert_eq!((yuan(minor), fen(text)), (text.to_owned(), Some(minor)));
        }
        assert_eq!((fen("12"), fen("12.5")), (Some(1_200), Some(1_250)));
        for wrong in ["", "-1.00", "12.345", "1,200.00", "1e3", "12.", " 12.00"] {
            assert_eq!(fen(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_unknown_status_is_unknown() {
        for status in ["", "trade_success", "PAID", "TRADE_PENDING"] {
            let facts = facts(status, ["12.00", "", ""]);
            assert_eq!(charge_outcome(&facts), Outcome::Unknown, "{status}");
            assert_eq!(undoing_outcome(5, &facts), Outcome::Unknown, "{status}");
        }
        assert_eq!(charge_outcome(&facts("TRADE_SUCCESS", ["", "12.00", "12.00"])), Outcome::Unknown);
    }

    #[test]
    fn who_pays_is_told_where_it_is_not_the_customer_alone() {
        let funding = |amounts| match facts("TRADE_SUCCESS", amounts).approved() {
            Outcome::Approved(approval) => approval.funding.map(|funding| {
                (funding.paid_by_customer_minor, funding.paid_by_provider_minor, funding.receivable_minor)
            }),
            other => panic!("{other:?}"),
        };
        assert_eq!(funding(["12.00", "12.00", "12.00"]), None);
        assert_eq!(funding(["12.00", "", "12.00"]), None);
        assert_eq!(funding(["12.00", "9.00", "12.00"]), Some((900, 300, 1_200)));
        // Two yuan are the merchant's own discount.
        assert_eq!(funding(["12.00", "9.00", "10.00"]), Some((900, 100, 1_000)));
        // More than there is, is not believed.
        assert_eq!(funding(["12.00", "9.00", "13.00"]), None);
    }
}
