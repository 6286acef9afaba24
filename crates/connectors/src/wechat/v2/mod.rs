//! v2: XML, signed by a shared key, and a client certificate where money goes back. Of its payments only the code that the
//! customer shows is spoken here.

pub(super) mod sign;
mod wire;

use domain::payment::Funding;

use super::codes::{self, Meaning, Order, Refund};
use super::credentials::V2;
use super::{Answer, Call, base_url, description, trade_no};
use crate::contract::{Access, Ask, CannotAsk, Method, Request, Response};
use sign::Words;

/// What is said with every request.
const XML: &str = "text/xml; charset=utf-8";
/// The currency of whoever names none.
const YUAN: &str = "CNY";
/// Words of a refusal at the door, which has no code: the signature was not that of the merchant.
const SIGNATURE_REFUSED: [&str; 4] = ["签名错误", "签名失败", "SIGNERROR", "sign error"];

/// The request for a call.
pub(super) fn build(ask: &Ask<'_>, call: Call) -> Result<Request, CannotAsk> {
    let by = V2::of(&ask.access)?;
    let number = trade_no(ask.payment);
    let mut words = Words::new();
    let mut say = |name: &str, value: &str| drop(words.insert(name.to_owned(), value.to_owned()));
    let currency = ask.payment.currency.as_str();
    let asked = ask.operation.asked_minor.to_string();
    say("out_trade_no", &number);
    let path = match call {
        Call::CodePay => {
            say("auth_code", ask.customer_code.ok_or(CannotAsk::CustomerCodeGone)?.expose());
            say("body", &description(ask));
            say("device_info", &ask.payment.register.uuid().simple().to_string());
            say("fee_type", currency);
            say("spbill_create_ip", &by.ip);
            say("total_fee", &asked);
            "/pay/micropay"
        }
        Call::Query => "/pay/orderquery",
        Call::Reverse => "/secapi/pay/reverse",
        Call::Refund => {
            let charge = ask.target.ok_or(CannotAsk::NoTarget)?;
            say("out_refund_no", &ask.reference());
            say("refund_fee", &asked);
            say("refund_fee_type", currency);
            say("total_fee", &charge.asked_minor.to_string());
            "/secapi/pay/refund"
        }
        Call::RefundQuery => {
            words.remove("out_trade_no");
            words.insert("out_refund_no".to_owned(), ask.reference());
            "/pay/refundquery"
        }
        Call::Native | Call::Close => return Err(CannotAsk::NoSuchKind(ask.operation.kind)),
    };
    request(&ask.access, &by, path, words)
}

/// A question about an order that nobody has.
pub(super) fn build_probe(access: &Access<'_>, number: &str) -> Result<Request, CannotAsk> {
    let by = V2::of(access)?;
    let words = Words::from([("out_trade_no".to_owned(), number.to_owned())]);
    request(access, &by, "/pay/orderquery", words)
}

fn request(access: &Access<'_>, by: &V2, path: &str, mut words: Words) -> Result<Request, CannotAsk> {
    let url = format!("{}{path}", base_url(access)?);
    let own = [
        ("appid", by.appid.as_str()),
        ("mch_id", &by.mch_id),
        ("nonce_str", &access.stamp.nonce),
        ("sign_type", by.sign_type.as_str()),
    ];
    words.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let signature = sign::sign(&words, &by.api_key, by.sign_type);
    words.insert("sign".to_owned(), signature);
    let headers = vec![("content-type", XML.to_owned())];
    // Only what gives money back is asked for it; the others take it just as well, and on the same connection.
    let identity = Some(by.identity());
    let body = wire::encode(&words);
    Ok(Request { method: Method::Post, url, headers, body, timeout_ms: access.timeout_ms, identity })
}

/// What an answer says. One that is not rightly signed, or of another merchant, says nothing; a refusal at the door is signed
/// by nobody.
pub(super) fn read(ask: &Ask<'_>, call: Call, response: &Response) -> Answer {
    let unknown = Answer::Failed(Meaning::Unknown);
    let Ok(by) = V2::of(&ask.access) else { return unknown };
    let Some(words) = wire::decode(&response.body).filter(|_| response.status == 200) else { return unknown };
    let word = |name: &str| words.get(name).map(String::as_str).unwrap_or_default();
    if word("return_code") != "SUCCESS" {
        return Answer::Failed(refused_at_the_door(&words));
    }
    let is_ours = word("appid") == by.appid && word("mch_id") == by.mch_id;
    if !is_ours || !sign::is_signed(&words, &by.api_key, by.sign_type) {
        return unknown;
    }
    match word("result_code") {
        "SUCCESS" => understood(call, &words),
        "FAIL" => Answer::Failed(codes::meaning(word("err_code"))),
        _ => unknown,
    }
}

/// Whether an answer is signed with the key of the credentials.
pub(super) fn is_signed(access: &Access<'_>, response: &Response) -> bool {
    let (Ok(by), Some(words)) = (V2::of(access), wire::decode(&response.body)) else { return false };
    sign::is_signed(&words, &by.api_key, by.sign_type)
}

/// What the answer to a probe says. It is read without credentials, and nothing follows from it.
pub(super) fn meaning_of(response: &Response) -> Meaning {
    let Some(words) = wire::decode(&response.body) else { return Meaning::Unknown };
    if words.get("return_code").is_none_or(|code| code != "SUCCESS") {
        return refused_at_the_door(&words);
    }
    words.get("err_code").map_or(Meaning::Unknown, |code| codes::meaning(code))
}

fn refused_at_the_door(words: &Words) -> Meaning {
    let why = words.get("return_msg").map(String::as_str).unwrap_or_default();
    let is_signature = SIGNATURE_REFUSED.iter().any(|known| why.contains(known));
    if is_signature { codes::meaning("SIGNERROR") } else { Meaning::Unknown }
}

fn understood(call: Call, words: &Words) -> Answer {
    let word = |name: &str| words.get(name).cloned();
    match call {
        // It says nothing of a state: an answer that is one at all has paid.
        Call::CodePay => Answer::Order(Order { state: "SUCCESS".to_owned(), ..order(words) }),
        Call::Query => Answer::Order(order(words)),
        // "Call it again" is what `recall` says.
        Call::Reverse if word("recall").as_deref() == Some("Y") => Answer::Failed(Meaning::Unknown),
        Call::Reverse => Answer::Done,
        // Taken: what is asked about it later says more.
        Call::Refund => Answer::Refund(Refund {
            out_refund_no: word("out_refund_no"),
            status: "PROCESSING".to_owned(),
            amount: minor(words, "refund_fee"),
            currency: None,
            refund_id: word("refund_id"),
        }),
        // The refund that was asked for by its own number is the first, and the only one.
        Call::RefundQuery => Answer::Refund(Refund {
            out_refund_no: word("out_refund_no_0"),
            status: word("refund_status_0").unwrap_or_default(),
            amount: minor(words, "refund_fee_0"),
            currency: None,
            refund_id: word("refund_id_0"),
        }),
        Call::Native | Call::Close => Answer::Failed(Meaning::Unknown),
    }
}

/// The order that a body tells of.
#[cfg(test)]
pub(super) fn order_of(body: &[u8]) -> Option<Order> {
    wire::decode(body).map(|words| order(&words))
}

fn order(words: &Words) -> Order {
    let word = |name: &str| words.get(name).cloned();
    Order {
        out_trade_no: word("out_trade_no"),
        state: word("trade_state").unwrap_or_default(),
        total: minor(words, "total_fee"),
        currency: word("fee_type").unwrap_or_else(|| YUAN.to_owned()),
        transaction_id: word("transaction_id"),
        funding: funding(words),
    }
}

/// Who pays, where the customer used a coupon. What a coupon without money behind it takes off is missing from what WeChat
/// settles.
fn funding(words: &Words) -> Option<Funding> {
    let coupons = minor(words, "coupon_fee")?;
    let total = minor(words, "total_fee")?;
    let receivable_minor = minor(words, "settlement_total_fee").unwrap_or(total);
    Some(Funding {
        paid_by_customer_minor: minor(words, "cash_fee")?,
        paid_by_provider_minor: coupons.checked_sub(total.checked_sub(receivable_minor)?)?,
        receivable_minor,
    })
}

fn minor(words: &Words, name: &str) -> Option<i64> {
    words.get(name)?.parse().ok()
}
