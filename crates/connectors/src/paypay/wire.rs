//! PayPay's own words. Fields that we do not read are left out; unknown ones are ignored, as a provider may add some.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// An amount. Yen has no decimals.
#[derive(Serialize)]
pub(super) struct Amount<'a> {
    pub amount: i64,
    pub currency: &'a str,
}

/// `POST /v2/codes`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewCode<'a> {
    pub merchant_payment_id: &'a str,
    pub amount: Amount<'a>,
    pub code_type: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub order_description: &'a str,
    pub requested_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_authorization: Option<bool>,
}

/// `POST /v2/payments`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewPayment<'a> {
    pub merchant_payment_id: &'a str,
    pub user_authorization_id: &'a str,
    pub amount: Amount<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub order_description: &'a str,
    pub requested_at: i64,
}

/// `POST /v2/payments/capture`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Capture<'a> {
    pub merchant_payment_id: &'a str,
    pub merchant_capture_id: &'a str,
    pub amount: Amount<'a>,
    pub requested_at: i64,
    pub order_description: &'a str,
}

/// `POST /v2/payments/preauthorize/revert`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Revert<'a> {
    pub merchant_revert_id: &'a str,
    pub payment_id: &'a str,
    pub requested_at: i64,
    pub reason: &'a str,
}

/// `POST /v2/refunds`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refund<'a> {
    pub merchant_refund_id: &'a str,
    pub payment_id: &'a str,
    pub amount: Amount<'a>,
    pub requested_at: i64,
    pub reason: &'a str,
}

/// Every answer. Document 004 leaves `codeId` out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub result_info: ResultCode<'a>,
    #[serde(borrow, default)]
    pub data: Option<Body<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultCode<'a> {
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    #[serde(borrow, default)]
    pub code_id: Option<Cow<'a, str>>,
}

/// What an answer may hold, of whatever it is about.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    #[serde(borrow, default)]
    pub status: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub payment_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub merchant_payment_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub merchant_refund_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub refund_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub amount: Option<Told<'a>>,
    #[serde(borrow, default)]
    pub code_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub url: Option<Cow<'a, str>>,
    /// Seconds of the epoch.
    #[serde(default)]
    pub expiry_date: Option<i64>,
}

/// An amount as it is told.
#[derive(Deserialize)]
pub(super) struct Told<'a> {
    pub amount: i64,
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
}

/// The answer of the token endpoint (RFC 6749, 5.1).
#[derive(Deserialize)]
pub(super) struct Token<'a> {
    #[serde(borrow)]
    pub access_token: Cow<'a, str>,
    /// Seconds.
    #[serde(default)]
    pub expires_in: Option<i64>,
}

/// A notification of document 004.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notification<'a> {
    #[serde(borrow)]
    pub merchant_payment_id: Cow<'a, str>,
    #[serde(borrow)]
    pub payment_id: Cow<'a, str>,
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    #[serde(borrow)]
    pub amount: Told<'a>,
}

/// A notification of the deployed API. What is not about a transaction has no order.
#[derive(Deserialize)]
pub(super) struct Hint<'a> {
    #[serde(borrow)]
    pub notification_type: Cow<'a, str>,
    #[serde(borrow, default)]
    pub merchant_order_id: Option<Cow<'a, str>>,
}

/// Writes JSON. These structs have text keys only, so it cannot fail; the provider refuses an empty body.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
