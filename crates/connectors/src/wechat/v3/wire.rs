//! The words of APIv3. Fields that we do not read are left out; unknown ones are ignored, as a provider may add some.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// An amount, in the smallest unit of its currency.
#[derive(Serialize)]
pub(super) struct Amount<'a> {
    pub total: i64,
    pub currency: &'a str,
}

/// A code that the shop shows.
#[derive(Serialize)]
pub(super) struct NewNative<'a> {
    pub appid: &'a str,
    pub mchid: &'a str,
    pub description: &'a str,
    pub out_trade_no: &'a str,
    pub time_expire: &'a str,
    pub notify_url: &'a str,
    pub amount: Amount<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trade_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_category_code: Option<&'a str>,
}

/// A code that the customer shows.
#[derive(Serialize)]
pub(super) struct NewCodePay<'a> {
    pub appid: &'a str,
    pub mchid: &'a str,
    pub description: &'a str,
    pub out_trade_no: &'a str,
    pub payer: Payer<'a>,
    pub amount: Amount<'a>,
    pub scene_info: Scene<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trade_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_category_code: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Payer<'a> {
    pub auth_code: &'a str,
}

#[derive(Serialize)]
pub(super) struct Scene<'a> {
    /// The register.
    pub device_id: &'a str,
    pub store_info: Store<'a>,
}

#[derive(Serialize)]
pub(super) struct Store<'a> {
    pub id: &'a str,
}

/// Closes an order, or undoes it.
#[derive(Serialize)]
pub(super) struct Undo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appid: Option<&'a str>,
    pub mchid: &'a str,
}

/// Gives money back.
#[derive(Serialize)]
pub(super) struct NewRefund<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mchid: Option<&'a str>,
    pub out_trade_no: &'a str,
    pub out_refund_no: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify_url: Option<&'a str>,
    pub amount: RefundAmount<'a>,
}

#[derive(Serialize)]
pub(super) struct RefundAmount<'a> {
    pub refund: i64,
    pub total: i64,
    pub currency: &'a str,
}

/// The answer with a code to be shown.
#[derive(Deserialize)]
pub(super) struct Native<'a> {
    #[serde(borrow)]
    pub code_url: Cow<'a, str>,
}

/// An order, as an answer or a notification tells it.
#[derive(Deserialize)]
pub(super) struct Order<'a> {
    #[serde(borrow, default)]
    pub mchid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub out_trade_no: Option<Cow<'a, str>>,
    /// Outside of mainland China it is called `id`.
    #[serde(borrow, default, alias = "id")]
    pub transaction_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub trade_state: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub amount: Option<OrderAmount<'a>>,
    #[serde(borrow, default)]
    pub promotion_detail: Vec<Promotion<'a>>,
}

#[derive(Deserialize)]
pub(super) struct OrderAmount<'a> {
    #[serde(default)]
    pub total: Option<i64>,
    #[serde(default)]
    pub payer_total: Option<i64>,
    #[serde(borrow, default)]
    pub currency: Option<Cow<'a, str>>,
}

/// A coupon that the customer used.
#[derive(Deserialize)]
pub(super) struct Promotion<'a> {
    #[serde(borrow, default, rename = "type")]
    pub kind: Option<Cow<'a, str>>,
    #[serde(default)]
    pub amount: i64,
    #[serde(default)]
    pub wechatpay_contribute: i64,
}

/// A refund, as an answer or a notification tells it.
#[derive(Deserialize)]
pub(super) struct Refund<'a> {
    #[serde(borrow, default)]
    pub mchid: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub out_trade_no: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub out_refund_no: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "id")]
    pub refund_id: Option<Cow<'a, str>>,
    /// A notification calls it `refund_status`.
    #[serde(borrow, default, alias = "refund_status")]
    pub status: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub amount: Option<RefundTold<'a>>,
}

#[derive(Deserialize)]
pub(super) struct RefundTold<'a> {
    #[serde(default)]
    pub refund: Option<i64>,
    #[serde(borrow, default)]
    pub currency: Option<Cow<'a, str>>,
}

/// An answer that is none.
#[derive(Deserialize)]
pub(super) struct Failure<'a> {
    #[serde(borrow)]
    pub code: Cow<'a, str>,
}

/// A notification. What it tells is sealed.
#[derive(Deserialize)]
pub(super) struct Notification<'a> {
    /// What WeChat calls it; told again it has the same.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(borrow)]
    pub event_type: Cow<'a, str>,
    #[serde(borrow)]
    pub resource: Sealed<'a>,
}

#[derive(Deserialize)]
pub(super) struct Sealed<'a> {
    #[serde(borrow)]
    pub algorithm: Cow<'a, str>,
    #[serde(borrow)]
    pub ciphertext: Cow<'a, str>,
    #[serde(borrow)]
    pub nonce: Cow<'a, str>,
    #[serde(borrow, default)]
    pub associated_data: Cow<'a, str>,
}

/// Writes JSON. These structs have text keys only, so it cannot fail; the provider refuses an empty body.
pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
