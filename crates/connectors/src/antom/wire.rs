//! Antom's own words. Scalars are texts, amounts too: integers in the smallest unit. Fields that we do not read are left
//! out; unknown ones are ignored, as a provider may add some.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// An amount to be sent.
#[derive(Serialize)]
pub(super) struct Amount<'a> {
    pub currency: &'a str,
    pub value: String,
}

/// `payments/pay`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pay<'a> {
    pub product_code: &'a str,
    pub payment_request_id: &'a str,
    pub payment_method: PaymentMethod<'a>,
    pub payment_factor: PaymentFactor<'a>,
    pub order: Order<'a>,
    pub payment_amount: Amount<'a>,
    pub settlement_strategy: SettlementStrategy<'a>,
    pub payment_expiry_time: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_notify_url: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentMethod<'a> {
    pub payment_method_type: &'a str,
    /// The text that was scanned.
    pub payment_method_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentFactor<'a> {
    pub in_store_payment_scenario: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SettlementStrategy<'a> {
    pub settlement_currency: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order<'a> {
    pub reference_order_id: &'a str,
    pub order_description: &'a str,
    pub order_amount: Amount<'a>,
    pub merchant: Merchant<'a>,
    pub env: Environment<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Merchant<'a> {
    pub reference_merchant_id: &'a str,
    #[serde(rename = "merchantMCC", skip_serializing_if = "Option::is_none")]
    pub merchant_mcc: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_name: Option<&'a str>,
    pub store: Store<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Store<'a> {
    pub reference_store_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_name: Option<&'a str>,
    #[serde(rename = "storeMCC", skip_serializing_if = "Option::is_none")]
    pub store_mcc: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Environment<'a> {
    pub store_terminal_id: &'a str,
    pub store_terminal_request_time: &'a str,
}

/// `payments/inquiryPayment` and `payments/cancel`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment<'a> {
    pub payment_request_id: &'a str,
}

/// `payments/refund`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refund<'a> {
    pub refund_request_id: &'a str,
    pub payment_id: &'a str,
    pub refund_amount: Amount<'a>,
    pub refund_reason: &'a str,
}

/// `payments/inquiryRefund`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundQuery<'a> {
    pub refund_request_id: &'a str,
}

/// Every answer, of whatever it is about.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub result: Told<'a>,
    #[serde(borrow, default)]
    pub payment_status: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub payment_result_code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub payment_request_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub payment_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub payment_amount: Option<ToldAmount<'a>>,
    #[serde(borrow, default)]
    pub refund_request_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub refund_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub refund_status: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub refund_amount: Option<ToldAmount<'a>>,
}

/// How it went.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told<'a> {
    #[serde(borrow)]
    pub result_code: Cow<'a, str>,
    #[serde(borrow)]
    pub result_status: Cow<'a, str>,
}

/// An amount as it is told.
#[derive(Deserialize)]
pub(super) struct ToldAmount<'a> {
    #[serde(borrow)]
    pub currency: Cow<'a, str>,
    #[serde(borrow)]
    pub value: Cow<'a, str>,
}

/// A notification (`notifyPayment`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notification<'a> {
    #[serde(borrow)]
    pub notify_type: Cow<'a, str>,
    #[serde(borrow)]
    pub result: Told<'a>,
    #[serde(borrow)]
    pub payment_request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub payment_id: Cow<'a, str>,
    #[serde(borrow)]
    pub payment_amount: ToldAmount<'a>,
}

/// Writes JSON. These structs have text keys only, so it cannot fail; the provider refuses an empty body.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
