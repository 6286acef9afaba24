//! Alipay's own words. Fields that we do not read are left out; unknown ones are ignored, as a provider may add some.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// `alipay.trade.pay`: the customer showed a code.
#[derive(Serialize)]
pub(super) struct Pay<'a> {
    pub out_trade_no: &'a str,
    pub scene: &'a str,
    pub auth_code: &'a str,
    pub subject: &'a str,
    pub total_amount: &'a str,
    pub product_code: &'a str,
    pub timeout_express: &'a str,
}

/// `alipay.trade.precreate`: the shop shows a code.
#[derive(Serialize)]
pub(super) struct Precreate<'a> {
    pub out_trade_no: &'a str,
    pub subject: &'a str,
    pub total_amount: &'a str,
    pub product_code: &'a str,
    /// From the making of the code on.
    pub qr_code_timeout_express: &'a str,
}

/// `alipay.trade.query` and `alipay.trade.cancel`
#[derive(Serialize)]
pub(super) struct Trade<'a> {
    pub out_trade_no: &'a str,
}

/// `alipay.trade.refund`
#[derive(Serialize)]
pub(super) struct Refund<'a> {
    pub out_trade_no: &'a str,
    pub refund_amount: &'a str,
    pub out_request_no: &'a str,
    pub refund_reason: &'a str,
}

/// `alipay.trade.fastpay.refund.query`
#[derive(Serialize)]
pub(super) struct RefundQuery<'a> {
    pub out_trade_no: &'a str,
    pub out_request_no: &'a str,
}

/// The node of every answer, of whatever it is about. Amounts are texts, in yuan with two decimals.
#[derive(Deserialize, Default)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    #[serde(borrow, default)]
    pub sub_code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub out_trade_no: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub trade_no: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub trade_status: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub total_amount: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub buyer_pay_amount: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub receipt_amount: Option<Cow<'a, str>>,
    /// When it was paid; of a trade that nobody paid it is left out.
    #[serde(borrow, default)]
    pub send_pay_date: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub qr_code: Option<Cow<'a, str>>,
    /// `Y`: the cancel has not come to an end, and is to be asked for again.
    #[serde(borrow, default)]
    pub retry_flag: Option<Cow<'a, str>>,
    /// What the cancel did: `close` or `refund`; left out where there was no trade.
    #[serde(borrow, default)]
    pub action: Option<Cow<'a, str>>,
    /// `Y`: this refund moved money.
    #[serde(borrow, default)]
    pub fund_change: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub out_request_no: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub refund_status: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub refund_amount: Option<Cow<'a, str>>,
}

/// Writes JSON. These structs have text keys only, so it cannot fail; the provider refuses an empty content.
pub(super) fn encode<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
