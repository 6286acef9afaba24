//! Alipay's words as its own documents have them: what is read strictly, and what is written.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::ledger::{Action, Refund, Status, Trade};
use crate::clock::wall_time;

/// The longest of the caller's numbers.
const NUMBER_CHARS_MAX: usize = 64;
/// A hundred million yuan, in fen.
const AMOUNT_MAX: i64 = 10_000_000_000;
/// The longest subject.
const SUBJECT_CHARS_MAX: usize = 256;

/// An answer that is no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Problem {
    pub code: &'static str,
    pub sub_code: &'static str,
}

const fn gateway(code: &'static str, sub_code: &'static str) -> Problem {
    Problem { code, sub_code }
}

const fn business(sub_code: &'static str) -> Problem {
    Problem { code: "40004", sub_code }
}

impl Problem {
    pub const UNAVAILABLE: Self = gateway("20000", "isp.unknow-error");
    pub const APP_ID: Self = gateway("40002", "isv.invalid-app-id");
    pub const SIGN_TYPE: Self = gateway("40002", "isv.invalid-signature-type");
    pub const SIGNATURE: Self = gateway("40002", "isv.invalid-signature");
    pub const TIMESTAMP: Self = gateway("40002", "isv.invalid-timestamp");
    pub const METHOD: Self = gateway("40002", "isv.invalid-method");
    pub const INVALID: Self = gateway("40002", "isv.invalid-parameter");
    pub const LIMITED: Self = gateway("40005", "isv.app-call-limited");
    pub const INVALID_CONTENT: Self = business("ACQ.INVALID_PARAMETER");
    pub const CODE_INVALID: Self = business("ACQ.PAYMENT_AUTH_CODE_INVALID");
    pub const NO_MONEY: Self = business("ACQ.BUYER_BALANCE_NOT_ENOUGH");
    pub const CONTEXT_INCONSISTENT: Self = business("ACQ.CONTEXT_INCONSISTENT");
    pub const HAS_SUCCESS: Self = business("ACQ.TRADE_HAS_SUCCESS");
    pub const HAS_CLOSE: Self = business("ACQ.TRADE_HAS_CLOSE");
    pub const NOT_EXIST: Self = business("ACQ.TRADE_NOT_EXIST");
    pub const STATUS_ERROR: Self = business("ACQ.TRADE_STATUS_ERROR");
    pub const REFUND_TOO_MUCH: Self = business("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL");
    pub const REFUND_FEE_ERR: Self = business("ACQ.REASON_TRADE_REFUND_FEE_ERR");
    pub const DISCORDANT_REPEAT: Self = business("ACQ.DISCORDANT_REPEAT_REQUEST");

    /// The node.
    pub fn to_json(self) -> Value {
        json!({ "code": self.code, "msg": "It was not done.", "sub_code": self.sub_code, "sub_msg": "未完成" })
    }
}

/// Yuan with two decimals.
pub(super) fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// Alipay's own number of a trade: the day, and a number.
pub(super) fn trade_no(trade: &Trade) -> String {
    format!("20260128{:020}", trade.number)
}

fn success(fields: Value) -> Value {
    let mut node = json!({ "code": "10000", "msg": "Success" });
    if let (Some(node), Value::Object(fields)) = (node.as_object_mut(), fields) {
        node.extend(fields);
    }
    node
}

/// What the code of a trade says.
pub(super) fn code_url(trade: &Trade) -> String {
    format!("https://qr.alipay.com/bax{}", trade.number)
}

/// The answer to `alipay.trade.precreate`.
pub(super) fn code(reference: &str, trade: &Trade) -> Value {
    success(json!({ "out_trade_no": reference, "qr_code": code_url(trade) }))
}

/// The answer to `alipay.trade.pay`.
pub(super) fn paid(reference: &str, trade: &Trade) -> Value {
    let Some(paid_at_ms) = trade.paid_at_ms else {
        let mut node = success(json!({ "out_trade_no": reference, "trade_no": trade_no(trade) }));
        (node["code"], node["msg"]) = (json!("10003"), json!(" order success pay inprocess"));
        return node;
    };
    let amount = yuan(trade.amount);
    success(json!({
        "out_trade_no": reference, "trade_no": trade_no(trade), "total_amount": amount, "receipt_amount": amount,
        "buyer_pay_amount": amount, "gmt_payment": wall_time(paid_at_ms), "buyer_logon_id": "159****5620",
    }))
}

/// The answer to `alipay.trade.query`.
pub(super) fn trade(reference: &str, trade: &Trade) -> Value {
    let amount = yuan(trade.amount);
    let mut node = success(json!({
        "out_trade_no": reference, "trade_no": trade_no(trade), "trade_status": trade.status.as_str(),
        "total_amount": amount, "buyer_logon_id": "159****5620", "subject": trade.subject,
    }));
    if let Some(paid_at_ms) = trade.paid_at_ms {
        node["send_pay_date"] = json!(wall_time(paid_at_ms));
        node["receipt_amount"] = json!(amount);
        node["buyer_pay_amount"] = json!(amount);
    }
    node
}

/// The answer to `alipay.trade.cancel`.
pub(super) fn cancel(reference: &str, done: Option<&(Trade, Action)>) -> Value {
    let mut node = success(json!({ "out_trade_no": reference, "retry_flag": "N" }));
    if let Some((trade, action)) = done {
        node["trade_no"] = json!(trade_no(trade));
        node["action"] = json!(if *action == Action::Refund { "refund" } else { "close" });
    }
    node
}

/// The answer to a cancel that has not come to an end.
pub(super) fn cancel_again(reference: &str) -> Value {
    success(json!({ "out_trade_no": reference, "retry_flag": "Y" }))
}

/// The answer to `alipay.trade.refund`: what was given back in all.
pub(super) fn refund(reference: &str, trade: &Trade, is_new: bool) -> Value {
    success(json!({
        "out_trade_no": reference, "trade_no": trade_no(trade), "fund_change": if is_new { "Y" } else { "N" },
        "refund_fee": yuan(trade.refunded()), "buyer_logon_id": "159****5620",
    }))
}

/// The answer to `alipay.trade.fastpay.refund.query`. A refund that is not there is a success without a word.
pub(super) fn refund_told(reference: &str, trade: &Trade, refund: Option<&Refund>) -> Value {
    let Some(refund) = refund else { return success(json!({})) };
    success(json!({
        "out_trade_no": reference, "trade_no": trade_no(trade), "out_request_no": refund.request_no,
        "total_amount": yuan(trade.amount), "refund_amount": yuan(refund.amount), "refund_status": "REFUND_SUCCESS",
    }))
}

/// The fields of a notification, before it is signed.
pub(super) fn news(reference: &str, trade: &Trade, status: Status, now_ms: i64) -> Vec<(&'static str, String)> {
    let amount = yuan(trade.amount);
    let mut fields = vec![
        ("charset", "utf-8".to_owned()),
        ("gmt_create", wall_time(now_ms)),
        ("notify_time", wall_time(now_ms)),
        ("notify_type", "trade_status_sync".to_owned()),
        ("out_trade_no", reference.to_owned()),
        ("sign_type", "RSA2".to_owned()),
        ("subject", trade.subject.clone()),
        ("total_amount", amount.clone()),
        ("trade_no", trade_no(trade)),
        ("trade_status", status.as_str().to_owned()),
        ("version", "1.0".to_owned()),
    ];
    if let Some(paid_at_ms) = trade.paid_at_ms.filter(|_| status != Status::WaitBuyerPay) {
        fields.push(("gmt_payment", wall_time(paid_at_ms)));
        fields.push(("buyer_pay_amount", amount.clone()));
        fields.push(("receipt_amount", amount));
    }
    fields
}

/// A number of the caller's.
#[derive(Debug, Default)]
pub(super) struct Number(pub String);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if is_word && (1..=NUMBER_CHARS_MAX).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(serde::de::Error::custom("a number is 1 to 64 of A-Z a-z 0-9 - _"))
        }
    }
}

/// An amount of yuan with two decimals at most, in fen.
#[derive(Debug)]
pub(super) struct Fen(pub i64);

impl<'de> Deserialize<'de> for Fen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let fen = parse_yuan(&text).filter(|fen| (1..=AMOUNT_MAX).contains(fen));
        fen.map(Self).ok_or_else(|| serde::de::Error::custom("an amount is 0.01 to 100000000.00 yuan"))
    }
}

fn parse_yuan(text: &str) -> Option<i64> {
    let (yuan, rest) = text.split_once('.').unwrap_or((text, ""));
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if yuan.is_empty() || rest.len() > 2 || !is_plain(yuan) || !is_plain(rest) {
        return None;
    }
    format!("{yuan}{rest:0<2}").parse().ok()
}

/// What is bought.
#[derive(Debug, Default)]
pub(super) struct Subject(pub String);

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_plain = !text.contains(['/', '=', '&']);
        if is_plain && (1..=SUBJECT_CHARS_MAX).contains(&text.chars().count()) {
            Ok(Self(text))
        } else {
            Err(serde::de::Error::custom("a subject has 1 to 256 characters, and none of / = &"))
        }
    }
}

/// `alipay.trade.pay`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is only named here is taken and nothing is made of it")]
pub(super) struct Pay {
    pub out_trade_no: Number,
    pub scene: String,
    pub auth_code: String,
    pub subject: Subject,
    pub total_amount: Fen,
    pub product_code: Option<String>,
    pub body: Option<String>,
    pub store_id: Option<String>,
    pub operator_id: Option<String>,
    pub terminal_id: Option<String>,
    pub timeout_express: Option<String>,
    pub goods_detail: Option<Value>,
    pub extend_params: Option<Value>,
}

impl Pay {
    /// 16 to 24 digits that begin with 25 to 30, or a face: `fp` and 33 characters.
    pub fn has_code(&self) -> bool {
        let code = self.auth_code.as_str();
        let is_number = code.bytes().all(|byte| byte.is_ascii_digit()) && (16..=24).contains(&code.len());
        let head = code.get(..2).and_then(|head| head.parse::<u8>().ok());
        (is_number && head.is_some_and(|head| (25..=30).contains(&head)))
            || code.strip_prefix("fp").is_some_and(|face| face.chars().count() == 33)
    }
}

/// `alipay.trade.precreate`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is only named here is taken and nothing is made of it")]
pub(super) struct Precreate {
    pub out_trade_no: Number,
    pub subject: Subject,
    pub total_amount: Fen,
    pub product_code: Option<String>,
    pub body: Option<String>,
    pub seller_id: Option<String>,
    pub store_id: Option<String>,
    pub operator_id: Option<String>,
    pub terminal_id: Option<String>,
    pub timeout_express: Option<String>,
    pub qr_code_timeout_express: Option<String>,
    pub goods_detail: Option<Value>,
    pub extend_params: Option<Value>,
}

/// `alipay.trade.query` and `alipay.trade.cancel`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is only named here is taken and nothing is made of it")]
pub(super) struct ByNumber {
    pub out_trade_no: Number,
    pub query_options: Option<Value>,
}

/// `alipay.trade.refund`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is only named here is taken and nothing is made of it")]
pub(super) struct NewRefund {
    pub out_trade_no: Number,
    pub refund_amount: Fen,
    pub out_request_no: Number,
    pub refund_reason: Option<String>,
    pub query_options: Option<Value>,
}

/// `alipay.trade.fastpay.refund.query`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is only named here is taken and nothing is made of it")]
pub(super) struct RefundQuery {
    pub out_trade_no: Number,
    pub out_request_no: Number,
    pub query_options: Option<Value>,
}

/// A time as Alipay is told it: minutes, hours or days, as `90m`.
pub(super) fn parse_express(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    number.parse::<i64>().ok().filter(|number| *number > 0)?.checked_mul(minutes * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_yuan_with_two_decimals() {
        for (text, fen) in [("0.01", 1), ("12.00", 1_200), ("12", 1_200), ("12.5", 1_250)] {
            assert_eq!(parse_yuan(text), Some(fen), "{text}");
        }
        for wrong in ["", ".5", "-1", "1.234", "1e2", "1,000.00", " 1"] {
            assert_eq!(parse_yuan(wrong), None, "{wrong}");
        }
        assert_eq!((yuan(5), yuan(1_250)), ("0.05".to_owned(), "12.50".to_owned()));
    }

    #[test]
    fn a_time_is_minutes_hours_or_days() {
        assert_eq!((parse_express("5m"), parse_express("2h")), (Some(300_000), Some(7_200_000)));
        assert!(["", "m", "5", "0m", "-1m", "5s"].iter().all(|wrong| parse_express(wrong).is_none()));
    }
}
