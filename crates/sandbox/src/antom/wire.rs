//! Antom's words as its own documents have them: what is read strictly, and what is written. Scalars are texts.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::ledger::{Payment, Refund, Status};
use crate::clock::china_time;

/// The longest of the caller's ids.
const ID_CHARS_MAX: usize = 64;
/// The largest amount: sixteen digits.
const AMOUNT_MAX: i64 = 9_999_999_999_999_999;

/// A result that is no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Problem {
    pub status: &'static str,
    pub code: &'static str,
}

const fn failed(code: &'static str) -> Problem {
    Problem { status: "F", code }
}

const fn unknown(code: &'static str) -> Problem {
    Problem { status: "U", code }
}

impl Problem {
    pub const UNKNOWN: Self = unknown("UNKNOWN_EXCEPTION");
    pub const LIMITED: Self = unknown("REQUEST_TRAFFIC_EXCEED_LIMIT");
    pub const IN_PROCESS: Self = unknown("PAYMENT_IN_PROCESS");
    pub const CLIENT: Self = failed("INVALID_CLIENT");
    pub const SIGNATURE: Self = failed("INVALID_SIGNATURE");
    pub const NO_INTERFACE: Self = failed("NO_INTERFACE_DEF");
    pub const PARAM_ILLEGAL: Self = failed("PARAM_ILLEGAL");
    pub const NO_MONEY: Self = failed("USER_BALANCE_NOT_ENOUGH");
    pub const REPEAT_INCONSISTENT: Self = failed("REPEAT_REQ_INCONSISTENT");
    pub const NOT_EXIST: Self = failed("ORDER_NOT_EXIST");
    pub const REFUND_NOT_EXIST: Self = failed("REFUND_NOT_EXIST");
    pub const STATUS_INVALID: Self = failed("ORDER_STATUS_INVALID");
    pub const CANCELED: Self = failed("ORDER_IS_CANCELED");
    pub const REFUND_EXCEED: Self = failed("REFUND_AMOUNT_EXCEED");

    /// The body.
    pub fn to_json(self) -> Value {
        json!({ "result": result(self.status, self.code, "It was not done.") })
    }
}

fn result(status: &str, code: &str, message: &str) -> Value {
    json!({ "resultStatus": status, "resultCode": code, "resultMessage": message })
}

fn done() -> Value {
    result("S", "SUCCESS", "success.")
}

/// Antom's own id of a payment, and of a refund.
pub(super) fn payment_id(number: u64) -> String {
    format!("20260128{number:020}")
}

pub(super) fn parse_payment_id(text: &str) -> Option<u64> {
    text.strip_prefix("20260128")?.parse().ok()
}

fn amount(value: i64, currency: &str) -> Value {
    json!({ "value": value.to_string(), "currency": currency })
}

/// The answer to pay.
pub(super) fn paid(reference: &str, payment: &Payment) -> Value {
    let result = match payment.status {
        Status::Success => done(),
        Status::Processing => Problem::IN_PROCESS.to_json()["result"].take(),
        Status::Fail => Problem::NO_MONEY.to_json()["result"].take(),
        Status::Cancelled => Problem::CANCELED.to_json()["result"].take(),
    };
    json!({
        "result": result, "paymentRequestId": reference, "paymentId": payment_id(payment.number),
        "paymentAmount": amount(payment.amount, &payment.currency),
        "paymentCreateTime": china_time(payment.created_at_ms),
    })
}

/// The answer to inquiryPayment.
pub(super) fn payment(reference: &str, payment: &Payment) -> Value {
    let code = if payment.status == Status::Fail { Problem::NO_MONEY.code } else { payment.status.as_str() };
    json!({
        "result": done(), "paymentStatus": payment.status.as_str(), "paymentResultCode": code,
        "paymentRequestId": reference, "paymentId": payment_id(payment.number),
        "paymentAmount": amount(payment.amount, &payment.currency),
        "paymentCreateTime": china_time(payment.created_at_ms),
    })
}

/// The answer to cancel.
pub(super) fn cancelled(reference: &str, payment: &Payment, now_ms: i64) -> Value {
    json!({
        "result": done(), "paymentRequestId": reference, "paymentId": payment_id(payment.number),
        "cancelTime": china_time(now_ms),
    })
}

/// The answer to refund and to inquiryRefund.
pub(super) fn refund(payment_number: Option<u64>, refund: &Refund, currency: &str) -> Value {
    let mut told = json!({
        "result": done(), "refundRequestId": refund.request_id, "refundId": payment_id(refund.number),
        "refundAmount": amount(refund.amount, currency), "refundStatus": "SUCCESS",
    });
    if let Some(number) = payment_number {
        told["paymentId"] = json!(payment_id(number));
    }
    told
}

/// A notification: of the result, or that the customer is through and the result still to come.
pub(super) fn news(reference: &str, payment: &Payment, is_pending: bool) -> Value {
    let result = match payment.status {
        Status::Fail if !is_pending => Problem::NO_MONEY.to_json()["result"].take(),
        _ => done(),
    };
    json!({
        "notifyType": if is_pending { "PAYMENT_PENDING" } else { "PAYMENT_RESULT" }, "result": result,
        "paymentRequestId": reference, "paymentId": payment_id(payment.number),
        "paymentAmount": amount(payment.amount, &payment.currency),
        "paymentCreateTime": china_time(payment.created_at_ms),
    })
}

/// An id of the caller's.
pub(super) struct Id(pub String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if is_word && (1..=ID_CHARS_MAX).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(serde::de::Error::custom("an id is 1 to 64 of A-Z a-z 0-9 - _"))
        }
    }
}

/// An amount, in the smallest unit of its currency.
pub(super) struct Amount {
    pub value: i64,
    pub currency: String,
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            value: String,
            currency: String,
        }
        let Body { value, currency } = Body::deserialize(deserializer)?;
        let is_currency = currency.len() == 3 && currency.bytes().all(|letter| letter.is_ascii_uppercase());
        let value = value.parse().ok().filter(|value| is_currency && (1..=AMOUNT_MAX).contains(value));
        value.map(|value| Self { value, currency }).ok_or_else(|| serde::de::Error::custom("not an amount"))
    }
}

/// `payments/pay`, of the customer's code. Fields that the documents have and nothing is made of here are taken.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "what is only named here is taken and nothing is made of it")]
pub(super) struct Pay {
    pub product_code: String,
    pub payment_request_id: Id,
    pub payment_method: PaymentMethod,
    pub payment_factor: PaymentFactor,
    pub order: Order,
    pub payment_amount: Amount,
    pub settlement_strategy: SettlementStrategy,
    pub payment_expiry_time: Option<String>,
    pub payment_notify_url: Option<String>,
    pub merchant_region: Option<String>,
}

impl Pay {
    /// Whether it is one of the customer's code, over one amount.
    pub fn is_whole(&self) -> bool {
        self.product_code == "IN_STORE_PAYMENT"
            && self.payment_method.payment_method_type == "CONNECT_WALLET"
            && !self.payment_method.payment_method_id.is_empty()
            && self.payment_factor.in_store_payment_scenario == "PaymentCode"
            && self.order.order_amount.value == self.payment_amount.value
            && self.order.order_amount.currency == self.payment_amount.currency
            && !self.order.reference_order_id.0.is_empty()
            && !self.order.order_description.is_empty()
            && !self.settlement_strategy.settlement_currency.is_empty()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PaymentMethod {
    pub payment_method_type: String,
    pub payment_method_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PaymentFactor {
    pub in_store_payment_scenario: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SettlementStrategy {
    pub settlement_currency: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "what is only named here is taken and nothing is made of it")]
pub(super) struct Order {
    pub reference_order_id: Id,
    pub order_description: String,
    pub order_amount: Amount,
    pub merchant: Merchant,
    pub env: Environment,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "what is only named here is taken and nothing is made of it")]
pub(super) struct Merchant {
    pub reference_merchant_id: String,
    #[serde(rename = "merchantMCC")]
    pub merchant_mcc: Option<String>,
    pub merchant_name: Option<String>,
    pub store: Store,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "what is only named here is taken and nothing is made of it")]
pub(super) struct Store {
    pub reference_store_id: String,
    pub store_name: Option<String>,
    #[serde(rename = "storeMCC")]
    pub store_mcc: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "what is only named here is taken and nothing is made of it")]
pub(super) struct Environment {
    pub store_terminal_id: String,
    pub store_terminal_request_time: String,
}

/// `payments/inquiryPayment` and `payments/cancel`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ByRequest {
    pub payment_request_id: Id,
}

/// `payments/refund`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "what is only named here is taken and nothing is made of it")]
pub(super) struct NewRefund {
    pub refund_request_id: Id,
    pub payment_id: String,
    pub refund_amount: Amount,
    pub refund_reason: Option<String>,
}

/// `payments/inquiryRefund`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RefundQuery {
    pub refund_request_id: Id,
}
