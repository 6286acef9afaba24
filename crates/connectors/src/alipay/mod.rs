//! Alipay in China, face to face (当面付): the shop shows a code (`alipay.trade.precreate`) or scans the customer's
//! (`alipay.trade.pay`). One protocol, `openapi`: the gateway with RSA2. Amounts are fen in here and yuan on the wire.
//!
//! Credentials: `<app id>:<private key of the app>:<Alipay's public key>`, the keys in base64 as Alipay's console gives them.
//!
//! A trade comes into being when the customer scans the code: before, a query does not find it, and that says nothing. The
//! code ends by itself; until then the trade is asked about even after a cancel. A cancel is for what is not known to have
//! been paid: a payment that is known is given back by a refund, and a void is a refund of all.

mod codes;
mod sign;
mod wire;

use std::borrow::Cow;

use domain::id::OperationId;
use domain::payment::{Kind, LateApproval, Outcome, PresentedCode, Profile};
use domain::provider_notice;
use domain::time::Timestamp;

use crate::china;
use crate::contract::{
    Access, Acknowledgement, Ask, CannotAsk, Connector, Method, News, Notice, Probe, Rejected, Request, Response, Told,
    Variant,
};
use crate::fact::{self, Fact};
use crate::signature::Account;
use codes::{Facts, Meaning, declined, undone, yuan};

/// The connector of Alipay.
#[derive(Debug)]
pub(crate) struct Alipay;

const VARIANTS: [Variant; 1] = [Variant {
    name: "openapi",
    profile: face_to_face,
    credentials: "<app id>:<private key of the app>:<Alipay's public key>",
    base_url: "https://openapi.alipay.com",
}];

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How long a code can be paid, and a customer confirm; as Alipay is told it, and as we count it.
const LIVES: &str = "5m";
const LIVES_MS: i64 = 5 * MINUTE_MS;
/// Alipay counts from when it made the code: later than our intent, by no more than a request takes. And a customer who paid
/// in the last second is through by then. Within `resolve_by_ms`: no person is asked about a code that nobody scanned.
const EXPIRY_GRACE_MS: i64 = MINUTE_MS;
/// A hundred million yuan (`total_amount`).
const AMOUNT_MAX: i64 = 10_000_000_000;
/// The longest subject that Alipay takes.
const SUBJECT_CHARS_MAX: usize = 256;
/// The subject of a payment that the register calls nothing: Alipay wants one.
const SUBJECT: &str = "Purchase";
/// What a refund says of itself: no word of the shop's leaves it.
const REASON: &str = "asked for by the shop";
/// A number that no trade has.
const NOBODY: &str = "probe";
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded;charset=utf-8";

const PAY: &str = "alipay.trade.pay";
const PRECREATE: &str = "alipay.trade.precreate";
const QUERY: &str = "alipay.trade.query";
const CANCEL: &str = "alipay.trade.cancel";
const REFUND: &str = "alipay.trade.refund";
const REFUND_QUERY: &str = "alipay.trade.fastpay.refund.query";

/// Open documents of face-to-face payment. They leave the pauses and the patience to the shop.
const fn face_to_face() -> Profile {
    Profile {
        answer_timeout_ms: 10 * SECOND_MS,
        // "Every few seconds": a customer stands at the till.
        poll_period_ms: 3 * SECOND_MS,
        poll_period_ms_max: 5 * SECOND_MS,
        poll_horizon_ms: LIVES_MS,
        // Longer than the longest answer: a request that is on its way longer is not taken any more.
        finality_window_ms: 15 * SECOND_MS,
        resolve_by_ms: 90 * SECOND_MS,
        give_up_ms: HOUR_MS,
        has_inquiry: true,
        has_reversal: true,
        is_keyed_by_hand: false,
        is_relayed: false,
        capture_window_ms: 0,
        // A void is a refund of all; later it is called one.
        void_window_ms: DAY_MS,
        refund_window_ms: 365 * DAY_MS,
        has_partial_refund: true,
        has_authorize: false,
        late_approval: LateApproval::Refund,
        has_present: true,
        has_scan: true,
        has_redirect: false,
        is_one_at_a_time: false,
        scan_horizon_ms: None,
        undo_hold_ms: None,
        amount_minor_max: Some(AMOUNT_MAX),
        void_cutoff: None,
        refund_cutoff: None,
    }
}

impl Connector for Alipay {
    fn name(&self) -> &'static str {
        "alipay"
    }

    fn variants(&self) -> &'static [Variant] {
        &VARIANTS
    }

    fn build_probe(&self, access: &Access<'_>) -> Result<Request, CannotAsk> {
        request(access, QUERY, None, &wire::encode(&wire::Trade { out_trade_no: NOBODY }))
    }

    fn read_probe(&self, access: &Access<'_>, told: &Told) -> Probe {
        let Told::Response(response) = told else { return Probe::Unreachable };
        let Some((node, _)) = sign::node(&response.body, QUERY) else { return Probe::NotUnderstood };
        let meaning = serde_json::from_str::<wire::Answer<'_>>(node).map(|answer| answer.meaning());
        match meaning {
            // An answer that does not verify was signed for another key than the one we have.
            Ok(Meaning::NotFound) if read(access, QUERY, response).is_some() => Probe::Fine,
            Ok(Meaning::NotFound | Meaning::Refused("credentials_refused_by_provider")) => Probe::CredentialsRefused,
            Ok(_) | Err(_) => Probe::NotUnderstood,
        }
    }

    fn build_send(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        if ask.payment.currency.as_str() != "CNY" {
            return Err(CannotAsk::NoSuchCurrency(ask.payment.currency));
        }
        let (method, content) = match ask.operation.kind {
            Kind::Purchase if ask.payment.is_scanned => (PAY, pay(ask)?),
            Kind::Purchase => (PRECREATE, precreate(ask)),
            Kind::Void | Kind::Refund => (REFUND, refund(ask)?),
            Kind::Reversal => (CANCEL, trade(ask)?),
            kind @ (Kind::Authorize | Kind::Capture) => return Err(CannotAsk::NoSuchKind(kind)),
        };
        request(&ask.access, method, ask.notify_url.filter(|_| ask.operation.kind.is_charge()), &content)
    }

    fn build_inquiry(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        let content = match method_of_inquiry(ask.operation.kind) {
            REFUND_QUERY => wire::encode(&wire::RefundQuery {
                out_trade_no: &ask.target_reference()?,
                out_request_no: &ask.reference(),
            }),
            _ => trade(ask)?,
        };
        request(&ask.access, method_of_inquiry(ask.operation.kind), None, &content)
    }

    fn read_send(&self, ask: &Ask<'_>, told: &Told) -> Outcome {
        let response = match told {
            Told::NotSent(_) => return ask.did_nothing("provider_unreachable"),
            Told::Lost(_) => return Outcome::Unknown,
            Told::Response(response) => response,
        };
        // What nobody signed proves nothing, whatever it says.
        let Some(answer) = read(&ask.access, method_of_send(ask), response) else { return Outcome::Unknown };
        match answer.meaning() {
            Meaning::Done => done(ask, &answer),
            Meaning::Waiting if ask.operation.kind.is_charge() => Outcome::Pending,
            Meaning::Refused(reason) => ask.did_nothing(reason),
            Meaning::Declined(reason) => declined(reason),
            Meaning::NotFound => gone(ask),
            Meaning::Waiting | Meaning::Unknown => Outcome::Unknown,
        }
    }

    fn read_code(&self, ask: &Ask<'_>, told: &Told) -> Option<PresentedCode> {
        let Told::Response(response) = told else { return None };
        if !ask.operation.kind.is_charge() || ask.payment.is_scanned {
            return None;
        }
        let answer = read(&ask.access, PRECREATE, response).filter(|answer| is_ours(ask, answer))?;
        let text = answer.qr_code.filter(|_| codes::meaning(&answer.code, None) == Meaning::Done)?.into_owned();
        // Alipay has no other name for a code than our number of the trade.
        let provider_code_id = ask.reference();
        Some(PresentedCode { text, provider_code_id, expires_at: Some(expires_at(ask)) })
    }

    fn read_inquiry(&self, ask: &Ask<'_>, told: &Told) -> Outcome {
        let Told::Response(response) = told else { return Outcome::Unknown };
        let answer = read(&ask.access, method_of_inquiry(ask.operation.kind), response);
        let Some(answer) = answer else { return Outcome::Unknown };
        match answer.meaning() {
            Meaning::Done => found(ask, &answer),
            Meaning::NotFound => not_found(ask),
            Meaning::Waiting | Meaning::Refused(_) | Meaning::Declined(_) | Meaning::Unknown => Outcome::Unknown,
        }
    }

    fn read_notification(&self, access: &Access<'_>, _: &[(&str, &str)], body: &[u8]) -> Result<Vec<Notice>, Rejected> {
        let account = Account::of(access).map_err(|_| Rejected::Credentials)?;
        let fields: Vec<_> = form_urlencoded::parse(body).collect();
        sign::verify_notification(&fields, &account.public().map_err(|_| Rejected::Credentials)?)?;
        let field = |wanted: &str| value_of(&fields, wanted);
        let is_for_us = field("app_id") == Some(account.id)
            && access.settings.provider_merchant.as_deref().is_none_or(|seller| field("seller_id") == Some(seller));
        if !is_for_us {
            return Err(Rejected::OtherAccount);
        }
        read_news(&fields)
    }

    fn acknowledgement(&self) -> Acknowledgement {
        Acknowledgement { content_type: "text/plain", body: b"success" }
    }
}

/// What a notification says of its trade; of a refund of ours, that there is something to ask; and what is kept as it is:
/// of a refund that somebody made in Alipay's portal, and of what is about no trade.
fn read_news(fields: &[Field<'_>]) -> Result<Vec<Notice>, Rejected> {
    let field = |wanted: &str| value_of(fields, wanted);
    let (Some(trade), Some(status)) = (field("out_trade_no"), field("trade_status")) else {
        return Ok(vec![Notice::Fact(fact_of_no_trade(fields)?)]);
    };
    let was_paid = ["gmt_payment", "gmt_refund"].iter().any(|name| field(name).is_some_and(|at| !at.is_empty()));
    let facts = Facts {
        status,
        trade_no: field("trade_no"),
        total: field("total_amount"),
        paid_by_buyer: field("buyer_pay_amount"),
        received: field("receipt_amount"),
        was_paid,
    };
    let told = News::Told(codes::charge_outcome(&facts));
    let mut notices = vec![Notice::Operation { reference: trade.to_owned(), news: told }];
    notices.extend(field("out_biz_no").filter(|refund| !refund.is_empty()).map(|refund| {
        match refund.parse::<OperationId>() {
            // It tells what was given back in all, and not by which refund.
            Ok(_) => Notice::Operation { reference: refund.to_owned(), news: News::Hint },
            Err(_) => Notice::Fact(refund_from_elsewhere(trade, refund, fields)),
        }
    }));
    Ok(notices)
}

/// A field of a notification.
type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

fn value_of<'a>(fields: &'a [Field<'_>], wanted: &str) -> Option<&'a str> {
    fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| &**value)
}

/// `refund_fee` is what was given back of the trade in all: there is no other amount.
fn refund_from_elsewhere(trade: &str, refund: &str, fields: &[Field<'_>]) -> Fact {
    Fact {
        id: format!("{trade}/{refund}"),
        kind: provider_notice::Kind::Refund,
        charge_reference: Some(trade.to_owned()),
        amount_minor: value_of(fields, "refund_fee").and_then(codes::fen),
        is_signed: true,
        fields: kept(fields),
    }
}

fn fact_of_no_trade(fields: &[Field<'_>]) -> Result<Fact, Rejected> {
    let id = value_of(fields, "notify_id").ok_or(Rejected::Unreadable)?.to_owned();
    let what = ["msg_method", "notify_type"].iter().find_map(|name| value_of(fields, name)).unwrap_or_default();
    let is_complaint = what.contains("complain");
    let kind = if is_complaint { provider_notice::Kind::Dispute } else { provider_notice::Kind::Other };
    Ok(Fact { id, kind, charge_reference: None, amount_minor: None, is_signed: true, fields: kept(fields) })
}

fn kept(fields: &[Field<'_>]) -> Vec<(String, String)> {
    fact::kept(fields.iter().map(|(name, value)| (&**name, &**value)))
}

/// A signed request. What is asked goes into the body: a customer's code must not get into an address.
fn request(access: &Access<'_>, method: &str, notify_url: Option<&str>, content: &str) -> Result<Request, CannotAsk> {
    let base = access.base_url()?;
    let account = Account::of(access)?;
    let timestamp = china::wall_time(access.stamp.at);
    let mut parameters = vec![
        ("app_id", account.id),
        ("charset", "utf-8"),
        ("format", "JSON"),
        ("method", method),
        ("sign_type", "RSA2"),
        ("timestamp", &timestamp),
        ("version", "1.0"),
    ];
    parameters.extend(notify_url.map(|url| ("notify_url", url)));
    let asked = ("biz_content", content);
    let signed: Vec<(&str, &str)> = parameters.iter().copied().chain([asked]).collect();
    let signature = account.private()?.sign(sign::content(&signed).as_bytes())?;
    parameters.push(("sign", &signature));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs([asked]).finish().into_bytes();
    let headers = vec![("content-type", CONTENT_TYPE.to_owned())];
    let url = format!("{base}/gateway.do?{query}");
    Ok(Request { method: Method::Post, url, headers, body, timeout_ms: access.timeout_ms, identity: None })
}

const fn method_of_inquiry(kind: Kind) -> &'static str {
    match kind {
        Kind::Void | Kind::Refund => REFUND_QUERY,
        Kind::Purchase | Kind::Authorize | Kind::Capture | Kind::Reversal => QUERY,
    }
}

fn method_of_send(ask: &Ask<'_>) -> &'static str {
    match ask.operation.kind {
        Kind::Purchase | Kind::Authorize | Kind::Capture if ask.payment.is_scanned => PAY,
        Kind::Purchase | Kind::Authorize | Kind::Capture => PRECREATE,
        Kind::Void | Kind::Refund => REFUND,
        Kind::Reversal => CANCEL,
    }
}

/// Our number of the trade: the reference of the charge, whatever is done with it later.
fn out_trade_no(ask: &Ask<'_>) -> Result<String, CannotAsk> {
    if ask.operation.kind.is_charge() { Ok(ask.reference()) } else { ask.target_reference() }
}

fn trade(ask: &Ask<'_>) -> Result<String, CannotAsk> {
    Ok(wire::encode(&wire::Trade { out_trade_no: &out_trade_no(ask)? }))
}

/// What the register calls the payment, cut to what Alipay takes.
fn subject(ask: &Ask<'_>) -> Cow<'static, str> {
    // Alipay refuses these three.
    let kept = ask.payment.reference.chars().filter(|letter| !matches!(letter, '/' | '=' | '&'));
    let subject: String = kept.take(SUBJECT_CHARS_MAX).collect();
    if subject.trim().is_empty() { Cow::Borrowed(SUBJECT) } else { Cow::Owned(subject) }
}

fn pay(ask: &Ask<'_>) -> Result<String, CannotAsk> {
    let code = ask.customer_code.ok_or(CannotAsk::CustomerCodeGone)?;
    Ok(wire::encode(&wire::Pay {
        out_trade_no: &ask.reference(),
        scene: "bar_code",
        auth_code: code.expose(),
        subject: &subject(ask),
        total_amount: &yuan(ask.operation.asked_minor),
        product_code: "FACE_TO_FACE_PAYMENT",
        timeout_express: LIVES,
    }))
}

fn precreate(ask: &Ask<'_>) -> String {
    wire::encode(&wire::Precreate {
        out_trade_no: &ask.reference(),
        subject: &subject(ask),
        total_amount: &yuan(ask.operation.asked_minor),
        product_code: "FACE_TO_FACE_PAYMENT",
        qr_code_timeout_express: LIVES,
    })
}

fn refund(ask: &Ask<'_>) -> Result<String, CannotAsk> {
    Ok(wire::encode(&wire::Refund {
        out_trade_no: &ask.target_reference()?,
        refund_amount: &yuan(ask.operation.asked_minor),
        out_request_no: &ask.reference(),
        refund_reason: REASON,
    }))
}

/// The answer, if Alipay has signed it.
fn read<'a>(access: &Access<'_>, method: &str, response: &'a Response) -> Option<wire::Answer<'a>> {
    let key = Account::of(access).ok()?.public().ok()?;
    let node = sign::verified_node(&response.body, method, &key)?;
    serde_json::from_str(node).ok()
}

impl wire::Answer<'_> {
    fn meaning(&self) -> Meaning {
        codes::meaning(&self.code, self.sub_code.as_deref())
    }

    fn facts<'a>(&'a self, status: &'a str) -> Facts<'a> {
        Facts {
            status,
            trade_no: self.trade_no.as_deref(),
            total: self.total_amount.as_deref(),
            paid_by_buyer: self.buyer_pay_amount.as_deref(),
            received: self.receipt_amount.as_deref(),
            was_paid: self.send_pay_date.as_ref().is_some_and(|at| !at.is_empty()),
        }
    }
}

/// Whether it is about this trade: connections get mixed up, and a wrong approval costs money.
fn is_ours(ask: &Ask<'_>, answer: &wire::Answer<'_>) -> bool {
    out_trade_no(ask).is_ok_and(|trade| answer.out_trade_no.as_deref() == Some(trade.as_str()))
}

/// The answer to a request that Alipay has done.
fn done(ask: &Ask<'_>, answer: &wire::Answer<'_>) -> Outcome {
    if !is_ours(ask, answer) {
        return Outcome::Unknown;
    }
    match ask.operation.kind {
        Kind::Purchase if ask.payment.is_scanned => answer.facts("TRADE_SUCCESS").approved(),
        Kind::Purchase if answer.qr_code.is_some() => Outcome::Pending,
        // Without a change it was an earlier copy that did it, or nothing did: that has to be asked.
        Kind::Void | Kind::Refund if answer.fund_change.as_deref() == Some("Y") => {
            undone(ask.operation.asked_minor, answer.trade_no.as_deref())
        }
        Kind::Reversal => cancelled(ask, answer),
        Kind::Purchase | Kind::Authorize | Kind::Capture | Kind::Void | Kind::Refund => Outcome::Unknown,
    }
}

/// What a cancel did. As long as it is to be asked for again it has not come to an end.
fn cancelled(ask: &Ask<'_>, answer: &wire::Answer<'_>) -> Outcome {
    match (answer.retry_flag.as_deref(), answer.action.as_deref()) {
        (Some("N"), Some("refund")) => undone(ask.operation.asked_minor, answer.trade_no.as_deref()),
        (Some("N"), Some("close") | None) => undone(0, answer.trade_no.as_deref()),
        _ => Outcome::Unknown,
    }
}

/// The trade that is to be undone or given back is not there.
fn gone(ask: &Ask<'_>) -> Outcome {
    match ask.operation.kind {
        Kind::Reversal => undone(0, None),
        Kind::Void | Kind::Refund => declined("charge_not_found"),
        Kind::Purchase | Kind::Authorize | Kind::Capture => Outcome::Unknown,
    }
}

/// What a query found.
fn found(ask: &Ask<'_>, answer: &wire::Answer<'_>) -> Outcome {
    let is_of_refund = method_of_inquiry(ask.operation.kind) == REFUND_QUERY;
    match (is_of_refund, answer.trade_status.as_deref()) {
        (true, _) => refund_told(ask, answer),
        (false, Some(status)) if is_ours(ask, answer) => match ask.operation.kind {
            Kind::Reversal => codes::undoing_outcome(ask.operation.asked_minor, &answer.facts(status)),
            _ => codes::charge_outcome(&answer.facts(status)),
        },
        (false, _) => Outcome::Unknown,
    }
}

/// A refund as it is told. One that did not come through is not told at all.
fn refund_told(ask: &Ask<'_>, answer: &wire::Answer<'_>) -> Outcome {
    let is_this_one = answer.out_request_no.as_deref() == Some(ask.reference().as_str());
    match (answer.refund_status.as_deref(), answer.refund_amount.as_deref().and_then(codes::fen)) {
        (Some("REFUND_SUCCESS"), Some(minor)) if is_this_one && is_ours(ask, answer) => {
            undone(minor, answer.trade_no.as_deref())
        }
        (None | Some(""), _) => Outcome::NotFound,
        _ => Outcome::Unknown,
    }
}

/// There is no such trade. Of a code that is shown this is so until somebody scans it, and when nobody did until its end.
fn not_found(ask: &Ask<'_>) -> Outcome {
    let is_shown = ask.operation.kind.is_charge() && ask.payment.presented_code.is_some();
    match is_shown {
        true if ask.access.stamp.at > expires_at(ask).plus_ms(EXPIRY_GRACE_MS) => Outcome::Cancelled,
        true => Outcome::Pending,
        false => Outcome::NotFound,
    }
}

/// When the code of this charge ends. Alipay was told how long it lives, and does not tell it again.
const fn expires_at(ask: &Ask<'_>) -> Timestamp {
    ask.operation.recorded_at.plus_ms(LIVES_MS)
}
