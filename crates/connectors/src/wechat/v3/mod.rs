//! APIv3: JSON, signed both ways. Two places speak it, mainland China and the rest of the world: the same words under other
//! paths.

pub(super) mod sign;
mod wire;

use domain::id::OperationId;
use domain::payment::Funding;
use domain::provider_notice;
use domain::time::Timestamp;
use jiff::tz;

use super::codes::{self, Meaning, Order, Refund};
use super::credentials::V3;
use super::{Answer, CODE_LIVES_MS, Call, base_url, description, reference_of, trade_no};
use crate::contract::{Access, Ask, CannotAsk, Method, News, Notice, Rejected, Request, Response};
use crate::fact::{self, Fact};

/// Signed and sent byte for byte.
const JSON: &str = "application/json";
/// The currency of whoever names none.
const YUAN: &str = "CNY";
/// What notifications are sealed with; there is no other.
const SEAL: &str = "AEAD_AES_256_GCM";

/// Where an API lives.
pub(super) struct Place {
    native: &'static str,
    code_pay: &'static str,
    /// Before the number of an order that is asked about or closed.
    orders: &'static str,
    /// Before the number of one that is undone.
    undo: &'static str,
    refunds: &'static str,
    refund_query: &'static str,
    /// It wants to know the kind of trade and the merchant's line of business with a payment, and whose a refund is.
    is_global: bool,
}

/// api.mch.weixin.qq.com (merchant documents of native and code payment v3).
pub(super) const MAINLAND: Place = Place {
    native: "/v3/pay/transactions/native",
    code_pay: "/v3/pay/transactions/codepay",
    orders: "/v3/pay/transactions/out-trade-no",
    undo: "/v3/pay/transactions/out-trade-no",
    refunds: "/v3/refund/domestic/refunds",
    refund_query: "/v3/refund/domestic/refunds",
    is_global: false,
};

/// apihk.mch.weixin.qq.com (documents for merchants outside of mainland China, api_external).
pub(super) const GLOBAL: Place = Place {
    native: "/v3/global/transactions/native",
    code_pay: "/v3/global/micropay/transactions/pay",
    orders: "/v3/global/transactions/out-trade-no",
    undo: "/v3/global/micropay/transactions/out-trade-no",
    refunds: "/v3/global/refunds",
    refund_query: "/v3/global/refunds/out-refund-no",
    is_global: true,
};

/// The request for a call.
pub(super) fn build(place: &Place, ask: &Ask<'_>, call: Call) -> Result<Request, CannotAsk> {
    let by = V3::of(&ask.access)?;
    let number = trade_no(ask.payment);
    match call {
        Call::Native => {
            let body = native(place, &by, ask, &number)?;
            request(&ask.access, &by, Method::Post, place.native, Some(body))
        }
        Call::CodePay => {
            let body = code_pay(place, &by, ask, &number)?;
            request(&ask.access, &by, Method::Post, place.code_pay, Some(body))
        }
        Call::Query => {
            let path = format!("{}/{number}?mchid={}", place.orders, by.mchid);
            request(&ask.access, &by, Method::Get, &path, None)
        }
        Call::Close => {
            let body = wire::encode(&wire::Undo { appid: None, mchid: &by.mchid });
            request(&ask.access, &by, Method::Post, &format!("{}/{number}/close", place.orders), Some(body))
        }
        Call::Reverse => {
            let appid = (!place.is_global).then_some(by.appid.as_str());
            let body = wire::encode(&wire::Undo { appid, mchid: &by.mchid });
            request(&ask.access, &by, Method::Post, &format!("{}/{number}/reverse", place.undo), Some(body))
        }
        Call::Refund => {
            let body = refund(place, &by, ask, &number)?;
            request(&ask.access, &by, Method::Post, place.refunds, Some(body))
        }
        Call::RefundQuery => {
            let mut path = format!("{}/{}", place.refund_query, ask.reference());
            if place.is_global {
                path.push_str(&format!("?mchid={}", by.mchid));
            }
            request(&ask.access, &by, Method::Get, &path, None)
        }
    }
}

/// A question about an order that nobody has.
pub(super) fn build_probe(place: &Place, access: &Access<'_>, number: &str) -> Result<Request, CannotAsk> {
    let by = V3::of(access)?;
    request(access, &by, Method::Get, &format!("{}/{number}?mchid={}", place.orders, by.mchid), None)
}

fn request(
    access: &Access<'_>,
    by: &V3,
    method: Method,
    path: &str,
    body: Option<Vec<u8>>,
) -> Result<Request, CannotAsk> {
    let url = format!("{}{path}", base_url(access)?);
    let mut headers = vec![("accept", JSON.to_owned())];
    if body.is_some() {
        headers.push(("content-type", JSON.to_owned()));
    }
    let body = body.unwrap_or_default();
    let signed = sign::Signed { method, path: path_of(&url), body: &body };
    headers.push(("authorization", sign::authorization(by, &signed, access.stamp)?));
    Ok(Request { method, url, headers, body, timeout_ms: access.timeout_ms, identity: None })
}

/// The path of an address, with its query: that is signed, too.
fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.find('/').map_or("/", |at| &after_scheme[at..])
}

fn amount<'a>(ask: &Ask<'a>) -> wire::Amount<'a> {
    wire::Amount { total: ask.operation.asked_minor, currency: ask.payment.currency.as_str() }
}

/// The line of business, which only one of the places wants.
fn category<'a>(place: &Place, by: &'a V3) -> Result<Option<&'a str>, CannotAsk> {
    match &by.merchant_category_code {
        _ if !place.is_global => Ok(None),
        Some(code) => Ok(Some(code)),
        None => Err(CannotAsk::Credentials),
    }
}

fn native(place: &Place, by: &V3, ask: &Ask<'_>, number: &str) -> Result<Vec<u8>, CannotAsk> {
    Ok(wire::encode(&wire::NewNative {
        appid: &by.appid,
        mchid: &by.mchid,
        description: &description(ask),
        out_trade_no: number,
        time_expire: &beijing(expires_at(ask))?,
        notify_url: ask.notify_url.ok_or(CannotAsk::NoNotifyUrl)?,
        amount: amount(ask),
        trade_type: place.is_global.then_some("NATIVE"),
        merchant_category_code: category(place, by)?,
    }))
}

fn code_pay(place: &Place, by: &V3, ask: &Ask<'_>, number: &str) -> Result<Vec<u8>, CannotAsk> {
    let (register, location) = (ask.payment.register.uuid().simple(), ask.payment.location.uuid().simple());
    Ok(wire::encode(&wire::NewCodePay {
        appid: &by.appid,
        mchid: &by.mchid,
        description: &description(ask),
        out_trade_no: number,
        payer: wire::Payer { auth_code: ask.customer_code.ok_or(CannotAsk::CustomerCodeGone)?.expose() },
        amount: amount(ask),
        scene_info: wire::Scene {
            device_id: &register.to_string(),
            store_info: wire::Store { id: &location.to_string() },
        },
        trade_type: place.is_global.then_some("MICROPAY"),
        merchant_category_code: category(place, by)?,
    }))
}

fn refund(place: &Place, by: &V3, ask: &Ask<'_>, number: &str) -> Result<Vec<u8>, CannotAsk> {
    let charge = ask.target.ok_or(CannotAsk::NoTarget)?;
    Ok(wire::encode(&wire::NewRefund {
        appid: place.is_global.then_some(&by.appid),
        mchid: place.is_global.then_some(&by.mchid),
        out_trade_no: number,
        out_refund_no: &ask.reference(),
        notify_url: ask.notify_url,
        amount: wire::RefundAmount {
            refund: ask.operation.asked_minor,
            total: charge.asked_minor,
            currency: ask.payment.currency.as_str(),
        },
    }))
}

/// When a code ends: counted from the intent, so that a repeat says the same.
pub(super) const fn expires_at(ask: &Ask<'_>) -> Timestamp {
    ask.operation.recorded_at.plus_ms(CODE_LIVES_MS)
}

/// A time as WeChat writes it, by the clocks of Beijing.
fn beijing(at: Timestamp) -> Result<String, CannotAsk> {
    let at = jiff::Timestamp::from_millisecond(at.0).map_err(|_| CannotAsk::NoTarget)?;
    let local = at.to_zoned(tz::offset(8).to_time_zone());
    Ok(local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

/// What an answer says. One that is not rightly signed says nothing; a failure may come from before the door, where nobody
/// signs.
pub(super) fn read(ask: &Ask<'_>, call: Call, response: &Response) -> Answer {
    let Ok(by) = V3::of(&ask.access) else { return Answer::Failed(Meaning::Unknown) };
    let headers = headers_of(response);
    let is_success = (200..300).contains(&response.status);
    let is_signed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("wechatpay-signature"));
    if is_success || is_signed {
        let verified = sign::verify(&by.platform_keys, &headers, &response.body, ask.access.stamp.at);
        if verified.is_err() {
            return Answer::Failed(Meaning::Unknown);
        }
    }
    match meaning_of(response) {
        // A code payment that waits for the customer is told of as a failure with a status of success, too.
        Meaning::Unknown if is_success => understood(call, &response.body),
        meaning => Answer::Failed(meaning),
    }
}

/// Whether an answer is signed with a key that the credentials know.
pub(super) fn is_signed(access: &Access<'_>, response: &Response) -> bool {
    let Ok(by) = V3::of(access) else { return false };
    sign::verify(&by.platform_keys, &headers_of(response), &response.body, access.stamp.at).is_ok()
}

fn headers_of(response: &Response) -> Vec<(&str, &str)> {
    response.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// What an answer that is none says.
pub(super) fn meaning_of(response: &Response) -> Meaning {
    let failure = serde_json::from_slice::<wire::Failure<'_>>(&response.body);
    failure.map_or(Meaning::Unknown, |failure| codes::meaning(&failure.code))
}

fn understood(call: Call, body: &[u8]) -> Answer {
    let answer = match call {
        Call::Native => {
            serde_json::from_slice(body).map(|native: wire::Native<'_>| Answer::Code(native.code_url.into()))
        }
        Call::CodePay | Call::Query => {
            serde_json::from_slice(body).map(|told: wire::Order<'_>| Answer::Order(order(&told)))
        }
        Call::Refund | Call::RefundQuery => {
            serde_json::from_slice(body).map(|told: wire::Refund<'_>| Answer::Refund(refund_told(&told)))
        }
        // The answer has nothing in it, or only what was asked.
        Call::Close | Call::Reverse => Ok(Answer::Done),
    };
    answer.unwrap_or(Answer::Failed(Meaning::Unknown))
}

/// The order that a body tells of.
#[cfg(test)]
pub(super) fn order_of(body: &[u8]) -> Option<Order> {
    serde_json::from_slice::<wire::Order<'_>>(body).ok().map(|told| order(&told))
}

fn order(told: &wire::Order<'_>) -> Order {
    let amount = told.amount.as_ref();
    let currency = amount.and_then(|amount| amount.currency.as_deref()).unwrap_or(YUAN);
    Order {
        out_trade_no: told.out_trade_no.as_deref().map(str::to_owned),
        state: told.trade_state.as_deref().unwrap_or_default().to_owned(),
        total: amount.and_then(|amount| amount.total),
        currency: currency.to_owned(),
        transaction_id: told.transaction_id.as_deref().map(str::to_owned),
        funding: funding(told),
    }
}

/// Who pays, where the customer used a coupon. What a coupon without money behind it takes off (`NOCASH`) nobody pays us.
fn funding(told: &wire::Order<'_>) -> Option<Funding> {
    let (amount, coupons) = (told.amount.as_ref()?, &told.promotion_detail);
    if coupons.is_empty() {
        return None;
    }
    let is_bare = |coupon: &&wire::Promotion<'_>| coupon.kind.as_deref() == Some("NOCASH");
    let bare: i64 = coupons.iter().filter(is_bare).map(|coupon| coupon.amount).sum();
    Some(Funding {
        paid_by_customer_minor: amount.payer_total?,
        paid_by_provider_minor: coupons.iter().map(|coupon| coupon.wechatpay_contribute).sum(),
        receivable_minor: amount.total?.checked_sub(bare)?,
    })
}

fn refund_told(told: &wire::Refund<'_>) -> Refund {
    let amount = told.amount.as_ref();
    Refund {
        out_refund_no: told.out_refund_no.as_deref().map(str::to_owned),
        status: told.status.as_deref().unwrap_or_default().to_owned(),
        amount: amount.and_then(|amount| amount.refund),
        currency: amount.and_then(|amount| amount.currency.as_deref()).map(str::to_owned),
        refund_id: told.refund_id.as_deref().map(str::to_owned),
    }
}

/// A notification: signed, then opened, then believed. What is neither of a payment nor of a refund is taken and says
/// nothing.
pub(super) fn read_notification(
    access: &Access<'_>,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Vec<Notice>, Rejected> {
    let by = V3::of(access).map_err(|_| Rejected::Credentials)?;
    sign::verify(&by.platform_keys, headers, body, access.stamp.at)?;
    let news: wire::Notification<'_> = serde_json::from_slice(body).map_err(|_| Rejected::Unreadable)?;
    let sealed = &news.resource;
    if sealed.algorithm != SEAL {
        return Err(Rejected::Unreadable);
    }
    // What was sealed with the key before this one is opened with the credentials before these.
    let opened = sign::open(&by.apiv3_key, &sealed.nonce, &sealed.associated_data, &sealed.ciphertext);
    let opened = opened.ok_or(Rejected::SignatureWrong)?;
    if news.event_type.starts_with("TRANSACTION.") {
        return Ok(vec![order_notice(&by, &opened)?]);
    }
    if news.event_type.starts_with("REFUND.") {
        return Ok(vec![refund_notice(&by, &news, &opened)?]);
    }
    Ok(vec![Notice::Fact(fact(&news, kind_of(&news.event_type), &opened))])
}

fn kind_of(event_type: &str) -> provider_notice::Kind {
    if event_type.starts_with("COMPLAINT.") { provider_notice::Kind::Dispute } else { provider_notice::Kind::Other }
}

fn fact(news: &wire::Notification<'_>, kind: provider_notice::Kind, opened: &[u8]) -> Fact {
    let mut fields = fact::kept_of_json(&serde_json::from_slice(opened).unwrap_or_default());
    fields.push(("event_type".to_owned(), news.event_type.to_string()));
    Fact { id: news.id.to_string(), kind, charge_reference: None, amount_minor: None, is_signed: true, fields }
}

fn order_notice(by: &V3, opened: &[u8]) -> Result<Notice, Rejected> {
    let told: wire::Order<'_> = serde_json::from_slice(opened).map_err(|_| Rejected::Unreadable)?;
    let number = told.out_trade_no.as_deref().ok_or(Rejected::Unreadable)?;
    if told.mchid.as_deref() != Some(by.mchid.as_str()) {
        return Err(Rejected::Unreadable);
    }
    let outcome = codes::charge_outcome(&order(&told));
    Ok(Notice::Operation { reference: reference_of(number), news: News::Told(outcome) })
}

/// A refund of ours has our reference. One that somebody made in the merchant platform has not.
fn refund_notice(by: &V3, news: &wire::Notification<'_>, opened: &[u8]) -> Result<Notice, Rejected> {
    let told: wire::Refund<'_> = serde_json::from_slice(opened).map_err(|_| Rejected::Unreadable)?;
    if told.mchid.as_deref() != Some(by.mchid.as_str()) {
        return Err(Rejected::Unreadable);
    }
    let own = told.out_refund_no.as_deref().unwrap_or_default();
    if own.parse::<OperationId>().is_ok() {
        let outcome = codes::refund_outcome(&refund_told(&told));
        return Ok(Notice::Operation { reference: own.to_owned(), news: News::Told(outcome) });
    }
    Ok(Notice::Fact(Fact {
        charge_reference: told.out_trade_no.as_deref().map(reference_of),
        amount_minor: told.amount.as_ref().and_then(|amount| amount.refund),
        ..fact(news, provider_notice::Kind::Refund, opened)
    }))
}
