//! PayPay's words as its own documents have them: what is read strictly, and what is written.

use axum::http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::ledger::{Order, Refund};
use super::sign::Protocol;

/// The longest id.
const ID_CHARS_MAX: usize = 64;
/// Eleven digits.
const AMOUNT_MAX: i64 = 99_999_999_999;
/// The longest description.
const DESCRIPTION_CHARS_MAX: usize = 255;
/// What document 004 shows as the shop of a payment.
const STORE: &str = "STORE-001";

/// An answer that is no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Problem {
    pub status: StatusCode,
    pub code_id: &'static str,
    pub code: &'static str,
}

const fn problem(status: StatusCode, code_id: &'static str, code: &'static str) -> Problem {
    Problem { status, code_id, code }
}

impl Problem {
    pub const INVALID: Self = problem(StatusCode::BAD_REQUEST, "08100006", "INVALID_REQUEST_PARAMS");
    pub const MISSING: Self = problem(StatusCode::BAD_REQUEST, "08100024", "MISSING_REQUEST_PARAMS");
    pub const UNAUTHORIZED: Self = problem(StatusCode::UNAUTHORIZED, "08100016", "UNAUTHORIZED");
    pub const OUT_OF_SCOPE: Self = problem(StatusCode::UNAUTHORIZED, "08100023", "OP_OUT_OF_SCOPE");
    pub const RATE_LIMIT: Self = problem(StatusCode::TOO_MANY_REQUESTS, "08100998", "RATE_LIMIT");
    pub const SERVICE_ERROR: Self = problem(StatusCode::INTERNAL_SERVER_ERROR, "08100026", "SERVICE_ERROR");
    pub const INTERNAL: Self = problem(StatusCode::INTERNAL_SERVER_ERROR, "08101000", "INTERNAL_SERVER_ERROR");
    pub const MAINTENANCE: Self = problem(StatusCode::SERVICE_UNAVAILABLE, "08100999", "MAINTENANCE_MODE");
    pub const CODE_NOT_FOUND: Self = problem(StatusCode::NOT_FOUND, "01652072", "DYNAMIC_QR_NOT_FOUND");
    pub const DUPLICATE_CODE: Self = problem(StatusCode::BAD_REQUEST, "01652073", "DUPLICATE_DYNAMIC_QR_REQUEST");
    pub const CODE_PAID: Self = problem(StatusCode::BAD_REQUEST, "01652074", "DYNAMIC_QR_ALREADY_PAID");
    pub const CODE_PAYMENT_NOT_FOUND: Self =
        problem(StatusCode::BAD_REQUEST, "01652075", "DYNAMIC_QR_PAYMENT_NOT_FOUND");
    pub const NOT_FOUND: Self = problem(StatusCode::NOT_FOUND, "00200001", "RESOURCE_NOT_FOUND");
    pub const REFUND_NOT_FOUND: Self = problem(StatusCode::NOT_FOUND, "00200018", "NO_SUCH_REFUND_ORDER");
    pub const ALREADY_CAPTURED: Self = problem(StatusCode::BAD_REQUEST, "00200039", "ALREADY_CAPTURED");
    pub const NOT_CANCELABLE: Self = problem(StatusCode::BAD_REQUEST, "00200042", "ORDER_NOT_CANCELABLE");
    pub const ORDER_EXPIRED: Self = problem(StatusCode::BAD_REQUEST, "00200043", "ORDER_EXPIRED");
    pub const NOT_REVERSIBLE: Self = problem(StatusCode::BAD_REQUEST, "00200044", "ORDER_NOT_REVERSIBLE");

    /// The body.
    pub fn to_json(self, protocol: Protocol) -> Value {
        json!({ "resultInfo": result_info(protocol, self.code, "It was not done.", self.code_id), "data": null })
    }
}

/// The envelope of a success. Document 004 shows no number.
pub(super) fn success(protocol: Protocol, code: &str, data: Value) -> Value {
    let message = if code == "SUCCESS" { "Success" } else { "Request accepted" };
    json!({ "resultInfo": result_info(protocol, code, message, "08100001"), "data": data })
}

fn result_info(protocol: Protocol, code: &str, message: &str, code_id: &str) -> Value {
    match protocol {
        Protocol::Opa => json!({ "code": code, "message": message, "codeId": code_id }),
        Protocol::OAuth => json!({ "code": code, "message": message }),
    }
}

pub(super) fn yen(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "JPY" })
}

/// The text of an id of the provider.
pub(super) fn code_id(id: u64) -> String {
    format!("PP-CODE-{id}")
}

pub(super) fn payment_id(id: u64) -> String {
    format!("PP-PAY-{id}")
}

pub(super) fn parse_id(prefix: &str, text: &str) -> Option<u64> {
    text.strip_prefix(prefix)?.parse().ok()
}

/// What the QR code of a shop says.
pub(super) fn code_url(id: u64) -> String {
    format!("https://qr.paypay.ne.jp/{}", code_id(id))
}

/// A code as it is told to who made it.
pub(super) fn code(reference: &str, order: &Order) -> Value {
    let Some(code) = &order.code else { return Value::Null };
    let id = code_id(code.id);
    let mut told =
        json!({ "codeId": id, "url": code_url(code.id), "deeplink": format!("paypay://payment?link_key={id}") });
    if order.protocol == Protocol::Opa {
        told["expiryDate"] = json!(code.expires_at_s);
        told["merchantPaymentId"] = json!(reference);
        told["amount"] = yen(order.amount);
        told["codeType"] = json!("ORDER_QR");
        told["orderDescription"] = json!(order.description);
        told["requestedAt"] = json!(order.requested_at);
        told["isAuthorization"] = json!(order.is_authorization);
    }
    told
}

/// A payment as it is told.
pub(super) fn payment(reference: &str, order: &Order) -> Value {
    let mut told = json!({
        "status": order.status.as_str(), "amount": yen(order.told_amount()), "merchantPaymentId": reference,
    });
    if let Some(id) = order.payment_id {
        told["paymentId"] = json!(payment_id(id));
    }
    match order.protocol {
        Protocol::Opa => {
            told["acceptedAt"] = json!(order.accepted_at_s);
            told["requestedAt"] = json!(order.requested_at);
            told["orderDescription"] = json!(order.description);
        }
        Protocol::OAuth => {
            told["storeId"] = json!(STORE);
            if let Some(user) = &order.user_authorization_id {
                told["userAuthorizationId"] = json!(user);
            }
        }
    }
    told
}

/// A refund as it is told.
pub(super) fn refund(protocol: Protocol, payment: u64, refund: &Refund) -> Value {
    match protocol {
        Protocol::Opa => json!({
            "status": "CREATED", "merchantRefundId": refund.reference, "paymentId": payment_id(payment),
            "amount": yen(refund.amount),
        }),
        Protocol::OAuth => json!({
            "refundId": format!("PP-REFUND-{}", refund.id), "status": "COMPLETED", "amount": yen(refund.amount),
        }),
    }
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

/// An amount in yen.
pub(super) struct Yen(pub i64);

impl<'de> Deserialize<'de> for Yen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            amount: i64,
            currency: String,
        }
        let body = Body::deserialize(deserializer)?;
        if body.currency == "JPY" && (1..=AMOUNT_MAX).contains(&body.amount) {
            Ok(Self(body.amount))
        } else {
            Err(serde::de::Error::custom("an amount is 1 to 99999999999 yen"))
        }
    }
}

/// A description.
#[derive(Default)]
pub(super) struct Description(pub String);

impl<'de> Deserialize<'de> for Description {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.chars().count() <= DESCRIPTION_CHARS_MAX {
            Ok(Self(text))
        } else {
            Err(serde::de::Error::custom("a description has at most 255 characters"))
        }
    }
}

/// Fields that the documents have and nothing is made of here. `orderItems` may contradict the amount, as they do in
/// document 004.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct NewCode {
    pub merchant_payment_id: Option<Id>,
    pub amount: Option<Yen>,
    pub code_type: Option<String>,
    pub order_description: Description,
    pub order_items: Option<Value>,
    pub metadata: Option<Value>,
    pub store_info: Option<String>,
    pub store_id: Option<String>,
    pub terminal_id: Option<String>,
    pub requested_at: Option<i64>,
    pub redirect_url: Option<String>,
    pub redirect_type: Option<String>,
    pub user_agent: Option<String>,
    pub is_authorization: bool,
    pub authorization_expiry: Option<i64>,
    pub product_type: Option<String>,
    pub ip_address: Option<String>,
}

/// `POST /v2/payments` and `POST /v2/payments/preauthorize`
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct NewPayment {
    pub merchant_payment_id: Option<Id>,
    pub user_authorization_id: Option<String>,
    pub amount: Option<Yen>,
    pub order_description: Description,
    pub order_items: Option<Value>,
    pub metadata: Option<Value>,
    pub store_id: Option<String>,
    pub terminal_id: Option<String>,
    pub requested_at: Option<i64>,
    pub order_receipt_number: Option<String>,
    pub product_type: Option<String>,
    pub expires_at: Option<i64>,
}

/// `POST /v2/payments/capture`
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Capture {
    pub merchant_payment_id: Option<Id>,
    pub merchant_capture_id: Option<Id>,
    pub amount: Option<Yen>,
    pub requested_at: Option<i64>,
    pub order_description: Description,
}

/// `POST /v2/payments/preauthorize/revert`
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Revert {
    pub merchant_revert_id: Option<Id>,
    pub payment_id: Option<Id>,
    pub requested_at: Option<i64>,
    pub reason: Description,
}

/// `POST /v2/refunds`
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct NewRefund {
    pub merchant_refund_id: Option<Id>,
    pub payment_id: Option<Id>,
    pub amount: Option<Yen>,
    pub requested_at: Option<i64>,
    pub reason: Description,
}
