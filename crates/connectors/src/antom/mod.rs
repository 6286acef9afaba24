//! Antom, the merchant side of Alipay+: the code that a customer shows, of any wallet that takes part (user-presented mode).
//! One protocol, `ams`. Amounts are texts of integers in the smallest unit, in the merchant's currency.
//!
//! Credentials: `<client id>:<private key>:<Antom's public key>`, the keys in base64. A client id that begins `SANDBOX_` is one of
//! Antom's own sandbox, which has other paths. The connection's `provider_merchant` is how Antom is told who the merchant is:
//! `<merchant id>`, or with it `:<category code>` and `:<name>`.
//!
//! The sequence (best practice of the user-presented mode): pay; where that is not answered or answered `U`, ask every three
//! seconds, ten to twenty times; then cancel.

mod codes;
mod sign;
mod wire;

use domain::id::OperationId;
use domain::payment::{Cutoff, Kind, LateApproval, Outcome, Profile};
use domain::provider_notice;

use crate::china;
use crate::contract::{
    Access, Acknowledgement, Ask, CannotAsk, Connector, Method, News, Notice, PATH, Probe, Rejected, Request, Response,
    Told, Variant,
};
use crate::fact::{self, Fact};
use crate::signature::Account;
use codes::{Facts, Meaning, approved, declined};

/// The connector of Antom.
#[derive(Debug)]
pub(crate) struct Antom;

const VARIANTS: [Variant; 1] = [Variant {
    name: "ams",
    profile: user_presented,
    credentials: "<client id>:<private key>:<Antom's public key>",
    base_url: "https://open-sea-global.alipay.com",
}];

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// China, all year round.
const CHINA_MS: i64 = 8 * HOUR_MS;
/// What may be confirmed on the phone until then is over by itself: as long as we ask, and a little more.
const EXPIRY_MS: i64 = 2 * MINUTE_MS;
/// The longest description that Antom takes.
const DESCRIPTION_CHARS_MAX: usize = 256;
/// The description of a payment that the register calls nothing: Antom wants one.
const DESCRIPTION: &str = "Purchase";
/// What a refund says of itself: no word of the shop's leaves it.
const REASON: &str = "asked for by the shop";
/// An id that no payment has.
const NOBODY: &str = "probe";
const CONTENT_TYPE: &str = "application/json; charset=UTF-8";
/// How a client id of Antom's own sandbox begins.
const SANDBOX: &str = "SANDBOX_";

const PAY: &str = "payments/pay";
const INQUIRE: &str = "payments/inquiryPayment";
const CANCEL: &str = "payments/cancel";
const REFUND: &str = "payments/refund";
const INQUIRE_REFUND: &str = "payments/inquiryRefund";

/// Best practice of the user-presented mode; the pages about cancel and refund.
const fn user_presented() -> Profile {
    Profile {
        // "No result within 5 seconds": ask.
        answer_timeout_ms: 5 * SECOND_MS,
        // "Every 3 seconds, 10 to 20 times": twenty take a minute.
        poll_period_ms: 3 * SECOND_MS,
        poll_period_ms_max: 3 * SECOND_MS,
        poll_horizon_ms: MINUTE_MS,
        // Longer than the longest answer: a request that is on its way longer is not taken any more.
        finality_window_ms: 10 * SECOND_MS,
        resolve_by_ms: 90 * SECOND_MS,
        give_up_ms: HOUR_MS,
        has_inquiry: true,
        has_reversal: true,
        is_keyed_by_hand: false,
        is_relayed: false,
        capture_window_ms: 0,
        void_window_ms: 2 * DAY_MS,
        refund_window_ms: 365 * DAY_MS,
        has_partial_refund: true,
        has_authorize: false,
        late_approval: LateApproval::Refund,
        has_present: false,
        has_scan: true,
        has_redirect: false,
        is_one_at_a_time: false,
        scan_horizon_ms: None,
        undo_hold_ms: None,
        amount_minor_max: None,
        // "Until 00:15 (GMT+8) on T+1 day", unless the contract says otherwise.
        void_cutoff: Some(Cutoff { utc_offset_ms: CHINA_MS, days: 1, time_of_day_ms: 15 * MINUTE_MS }),
        refund_cutoff: None,
    }
}

impl Connector for Antom {
    fn name(&self) -> &'static str {
        "antom"
    }

    fn variants(&self) -> &'static [Variant] {
        &VARIANTS
    }

    fn build_probe(&self, access: &Access<'_>) -> Result<Request, CannotAsk> {
        request(access, INQUIRE, wire::encode(&wire::Payment { payment_request_id: NOBODY }))
    }

    fn read_probe(&self, access: &Access<'_>, told: &Told) -> Probe {
        let Told::Response(response) = told else { return Probe::Unreachable };
        let meaning = serde_json::from_slice::<wire::Answer<'_>>(&response.body).map(|answer| answer.meaning());
        match meaning {
            // An answer that does not verify was signed for another key than the one we have.
            Ok(Meaning::NotFound) if read(access, INQUIRE, response).is_some() => Probe::Fine,
            Ok(Meaning::NotFound | Meaning::Refused("credentials_refused_by_provider")) => Probe::CredentialsRefused,
            Ok(_) | Err(_) => Probe::NotUnderstood,
        }
    }

    fn build_send(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        let (call, body) = match ask.operation.kind {
            Kind::Purchase if ask.payment.is_scanned => (PAY, pay(ask)?),
            Kind::Void | Kind::Reversal => (CANCEL, payment(ask)?),
            Kind::Refund => (REFUND, refund(ask)?),
            kind @ (Kind::Purchase | Kind::Authorize | Kind::Capture) => return Err(CannotAsk::NoSuchKind(kind)),
        };
        request(&ask.access, call, body)
    }

    fn build_inquiry(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        let call = call_of_inquiry(ask.operation.kind);
        let body = match call {
            INQUIRE_REFUND => wire::encode(&wire::RefundQuery { refund_request_id: &ask.reference() }),
            _ => payment(ask)?,
        };
        request(&ask.access, call, body)
    }

    fn read_send(&self, ask: &Ask<'_>, told: &Told) -> Outcome {
        let response = match told {
            Told::NotSent(_) => return ask.did_nothing("provider_unreachable"),
            Told::Lost(_) => return Outcome::Unknown,
            Told::Response(response) => response,
        };
        // What nobody signed proves nothing, whatever it says.
        let Some(answer) = read(&ask.access, call_of_send(ask.operation.kind), response) else {
            return Outcome::Unknown;
        };
        match answer.meaning() {
            Meaning::Done => done(ask, &answer),
            Meaning::Waiting => Outcome::Pending,
            Meaning::Refused(reason) => ask.did_nothing(reason),
            Meaning::Declined(reason) => declined(reason),
            Meaning::Cancelled => over(ask),
            Meaning::NotFound => gone(ask),
            Meaning::Unknown => Outcome::Unknown,
        }
    }

    fn read_inquiry(&self, ask: &Ask<'_>, told: &Told) -> Outcome {
        let Told::Response(response) = told else { return Outcome::Unknown };
        let answer = read(&ask.access, call_of_inquiry(ask.operation.kind), response);
        let Some(answer) = answer else { return Outcome::Unknown };
        match answer.meaning() {
            Meaning::Done => found(ask, &answer),
            Meaning::NotFound => Outcome::NotFound,
            Meaning::Waiting | Meaning::Refused(_) | Meaning::Declined(_) | Meaning::Cancelled | Meaning::Unknown => {
                Outcome::Unknown
            }
        }
    }

    fn read_notification(
        &self,
        access: &Access<'_>,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<Notice>, Rejected> {
        let account = Account::of(access).map_err(|_| Rejected::Credentials)?;
        let header = |wanted: &str| single(headers, wanted).ok_or(Rejected::SignatureMissing);
        let (client_id, time) = (header("client-id")?, header("request-time")?);
        let signed = sign::Signed { path: header(PATH)?, client_id, time, body };
        signed.verify(header(sign::SIGNATURE)?, &account.public().map_err(|_| Rejected::Credentials)?)?;
        if client_id != account.id {
            return Err(Rejected::OtherAccount);
        }
        let told: serde_json::Value = serde_json::from_slice(body).map_err(|_| Rejected::Unreadable)?;
        if let Some(notice) = notice_of_no_payment(&told) {
            return Ok(vec![notice]);
        }
        let news: wire::Notification<'_> = serde_json::from_slice(body).map_err(|_| Rejected::Unreadable)?;
        let outcome = outcome_of(&news);
        Ok(vec![Notice::Operation { reference: news.payment_request_id.into_owned(), news: News::Told(outcome) }])
    }

    /// Alipay's wallet is one of those behind Antom.
    fn takes_codes_of(&self, wallet: &str) -> bool {
        matches!(wallet, "antom" | "alipay")
    }

    fn acknowledgement(&self) -> Acknowledgement {
        let body = br#"{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}"#;
        Acknowledgement { content_type: "application/json", body }
    }
}

/// What is not about the payment itself: refunds, disputes and what nobody knows yet, told under a type of their own.
fn notice_of_no_payment(told: &serde_json::Value) -> Option<Notice> {
    let text = |name: &str| told[name].as_str();
    let what = text("notifyType").filter(|what| !what.starts_with("PAYMENT_"))?;
    let (kind, name) = match what {
        _ if what.starts_with("REFUND") => (provider_notice::Kind::Refund, "refund"),
        _ if what.starts_with("DISPUTE") => (provider_notice::Kind::Dispute, "dispute"),
        _ => (provider_notice::Kind::Other, "notify"),
    };
    let own = ["RequestId", "Id"].iter().find_map(|end| text(&format!("{name}{end}"))).or_else(|| text("paymentId"))?;
    if own.parse::<OperationId>().is_ok() {
        // One of ours: there is something to ask.
        return Some(Notice::Operation { reference: own.to_owned(), news: News::Hint });
    }
    Some(Notice::Fact(Fact {
        id: format!("{what}/{own}"),
        kind,
        charge_reference: text("paymentRequestId").map(str::to_owned),
        amount_minor: told[format!("{name}Amount")]["value"].as_str().and_then(|value| value.parse().ok()),
        is_signed: true,
        fields: fact::kept_of_json(told),
    }))
}

/// What a notification says of its payment.
fn outcome_of(news: &wire::Notification<'_>) -> Outcome {
    let (status, code) = (&*news.result.result_status, &*news.result.result_code);
    match (&*news.notify_type, status) {
        ("PAYMENT_RESULT", "S") => approved(minor(&news.payment_amount), Some(&news.payment_id)),
        ("PAYMENT_RESULT", "F") => match codes::meaning(status, code) {
            Meaning::Cancelled => Outcome::Cancelled,
            Meaning::Declined(reason) => declined(reason),
            _ => declined("declined_by_provider"),
        },
        // The customer is through, and the result is still to come.
        ("PAYMENT_PENDING", "S") => Outcome::Pending,
        _ => Outcome::Unknown,
    }
}

/// The value of a header that is there once: two would let a proxy check one and us the other.
fn single<'a>(headers: &[(&str, &'a str)], wanted: &str) -> Option<&'a str> {
    let mut values = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value);
    values.next().filter(|_| values.next().is_none())
}

fn path_of(account: &Account<'_>, call: &str) -> String {
    let folder = if account.id.starts_with(SANDBOX) { "/ams/sandbox/api/v1" } else { "/ams/api/v1" };
    format!("{folder}/{call}")
}

fn request(access: &Access<'_>, call: &str, body: Vec<u8>) -> Result<Request, CannotAsk> {
    let base = access.base_url()?;
    let account = Account::of(access)?;
    let (path, time) = (path_of(&account, call), access.stamp.at.0.to_string());
    let signed = sign::Signed { path: &path, client_id: account.id, time: &time, body: &body };
    let signature = signed.sign(&account.private()?)?;
    let headers = vec![
        ("content-type", CONTENT_TYPE.to_owned()),
        ("client-id", account.id.to_owned()),
        ("request-time", time),
        (sign::SIGNATURE, signature),
    ];
    Ok(Request {
        method: Method::Post,
        url: format!("{base}{path}"),
        headers,
        body,
        timeout_ms: access.timeout_ms,
        identity: None,
    })
}

const fn call_of_send(kind: Kind) -> &'static str {
    match kind {
        Kind::Purchase | Kind::Authorize | Kind::Capture => PAY,
        Kind::Void | Kind::Reversal => CANCEL,
        Kind::Refund => REFUND,
    }
}

const fn call_of_inquiry(kind: Kind) -> &'static str {
    match kind {
        Kind::Refund => INQUIRE_REFUND,
        Kind::Purchase | Kind::Authorize | Kind::Capture | Kind::Void | Kind::Reversal => INQUIRE,
    }
}

fn amount<'a>(ask: &Ask<'a>) -> wire::Amount<'a> {
    wire::Amount { currency: ask.payment.currency.as_str(), value: ask.operation.asked_minor.to_string() }
}

/// The id of the payment request: the reference of the charge, whatever is done with it later.
fn payment_request_id(ask: &Ask<'_>) -> Result<String, CannotAsk> {
    if ask.operation.kind.is_charge() { Ok(ask.reference()) } else { ask.target_reference() }
}

fn payment(ask: &Ask<'_>) -> Result<Vec<u8>, CannotAsk> {
    Ok(wire::encode(&wire::Payment { payment_request_id: &payment_request_id(ask)? }))
}

/// What the register calls the payment, cut to what Antom takes.
fn description(ask: &Ask<'_>) -> String {
    let reference = ask.payment.reference.trim();
    let text = if reference.is_empty() { DESCRIPTION } else { reference };
    text.chars().take(DESCRIPTION_CHARS_MAX).collect()
}

fn pay(ask: &Ask<'_>) -> Result<Vec<u8>, CannotAsk> {
    let code = ask.customer_code.ok_or(CannotAsk::CustomerCodeGone)?;
    let (reference, currency) = (ask.reference(), ask.payment.currency.as_str());
    let (merchant, store) = (ask.payment.merchant.to_string(), ask.payment.location.to_string());
    let mut told = ask.access.settings.provider_merchant.as_deref().unwrap_or(&merchant).splitn(3, ':');
    let (merchant, mcc, name) = (told.next().unwrap_or_default(), told.next(), told.next());
    Ok(wire::encode(&wire::Pay {
        product_code: "IN_STORE_PAYMENT",
        payment_request_id: &reference,
        payment_method: wire::PaymentMethod { payment_method_type: "CONNECT_WALLET", payment_method_id: code.expose() },
        payment_factor: wire::PaymentFactor { in_store_payment_scenario: "PaymentCode" },
        order: wire::Order {
            reference_order_id: &reference,
            order_description: &description(ask),
            order_amount: amount(ask),
            merchant: wire::Merchant {
                reference_merchant_id: merchant,
                merchant_mcc: mcc,
                merchant_name: name,
                store: wire::Store { reference_store_id: &store, store_name: name, store_mcc: mcc },
            },
            env: wire::Environment {
                store_terminal_id: &ask.payment.register.to_string(),
                store_terminal_request_time: &china::iso_time(ask.operation.recorded_at),
            },
        },
        payment_amount: amount(ask),
        settlement_strategy: wire::SettlementStrategy { settlement_currency: currency },
        payment_expiry_time: &china::iso_time(ask.operation.recorded_at.plus_ms(EXPIRY_MS)),
        payment_notify_url: ask.notify_url,
    }))
}

fn refund(ask: &Ask<'_>) -> Result<Vec<u8>, CannotAsk> {
    let target = ask.target.ok_or(CannotAsk::NoTarget)?;
    let approval = target.state.approval().ok_or(CannotAsk::NoProviderReference)?;
    let payment_id = approval.provider_reference.as_deref().ok_or(CannotAsk::NoProviderReference)?;
    Ok(wire::encode(&wire::Refund {
        refund_request_id: &ask.reference(),
        payment_id,
        refund_amount: amount(ask),
        refund_reason: REASON,
    }))
}

/// The answer, if Antom has signed it.
fn read<'a>(access: &Access<'_>, call: &str, response: &'a Response) -> Option<wire::Answer<'a>> {
    let account = Account::of(access).ok()?;
    let headers: Vec<(&str, &str)> =
        response.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let path = path_of(&account, call);
    let time = single(&headers, "response-time")?;
    let signed = sign::Signed { path: &path, client_id: account.id, time, body: &response.body };
    signed.verify(single(&headers, sign::SIGNATURE)?, &account.public().ok()?).ok()?;
    serde_json::from_slice(&response.body).ok()
}

impl wire::Answer<'_> {
    fn meaning(&self) -> Meaning {
        codes::meaning(&self.result.result_status, &self.result.result_code)
    }
}

fn minor(amount: &wire::ToldAmount<'_>) -> Option<i64> {
    amount.value.parse().ok()
}

/// The amount, if it is in the currency of the payment.
fn amount_told(ask: &Ask<'_>, amount: Option<&wire::ToldAmount<'_>>) -> Option<i64> {
    amount.filter(|amount| amount.currency == ask.payment.currency.as_str()).and_then(minor)
}

/// Whether it is about this payment: connections get mixed up, and a wrong approval costs money.
fn is_ours(ask: &Ask<'_>, answer: &wire::Answer<'_>) -> bool {
    payment_request_id(ask).is_ok_and(|id| answer.payment_request_id.as_deref() == Some(id.as_str()))
}

fn is_this_refund(ask: &Ask<'_>, answer: &wire::Answer<'_>) -> bool {
    answer.refund_request_id.as_deref() == Some(ask.reference().as_str())
}

/// The answer to a request that Antom has done.
fn done(ask: &Ask<'_>, answer: &wire::Answer<'_>) -> Outcome {
    let payment_id = answer.payment_id.as_deref();
    match ask.operation.kind {
        Kind::Purchase if is_ours(ask, answer) => {
            approved(amount_told(ask, answer.payment_amount.as_ref()), payment_id)
        }
        // Whether it was paid or not: nobody is charged, and nobody can be any more.
        Kind::Void | Kind::Reversal if is_ours(ask, answer) => approved(Some(ask.operation.asked_minor), payment_id),
        Kind::Refund if is_this_refund(ask, answer) => {
            approved(amount_told(ask, answer.refund_amount.as_ref()), answer.refund_id.as_deref())
        }
        Kind::Purchase | Kind::Authorize | Kind::Capture | Kind::Void | Kind::Reversal | Kind::Refund => {
            Outcome::Unknown
        }
    }
}

/// It was cancelled before.
fn over(ask: &Ask<'_>) -> Outcome {
    match ask.operation.kind {
        Kind::Purchase => Outcome::Cancelled,
        Kind::Void | Kind::Reversal => approved(Some(ask.operation.asked_minor), None),
        Kind::Refund => declined("not_refundable"),
        Kind::Authorize | Kind::Capture => Outcome::Unknown,
    }
}

/// What is to be undone or given back is not there.
fn gone(ask: &Ask<'_>) -> Outcome {
    match ask.operation.kind {
        Kind::Reversal => approved(Some(0), None),
        Kind::Void | Kind::Refund => declined("charge_not_found"),
        Kind::Purchase | Kind::Authorize | Kind::Capture => Outcome::Unknown,
    }
}

/// What an inquiry found.
fn found(ask: &Ask<'_>, answer: &wire::Answer<'_>) -> Outcome {
    if ask.operation.kind == Kind::Refund {
        let amount_minor = amount_told(ask, answer.refund_amount.as_ref());
        let status = answer.refund_status.as_deref().filter(|_| is_this_refund(ask, answer));
        return codes::refund_outcome(status.unwrap_or_default(), amount_minor, answer.refund_id.as_deref());
    }
    let facts = Facts {
        status: answer.payment_status.as_deref().filter(|_| is_ours(ask, answer)).unwrap_or_default(),
        code: answer.payment_result_code.as_deref(),
        amount_minor: amount_told(ask, answer.payment_amount.as_ref()),
        payment_id: answer.payment_id.as_deref(),
    };
    match ask.operation.kind {
        Kind::Void | Kind::Reversal => codes::undoing_outcome(ask.operation.asked_minor, &facts),
        Kind::Purchase | Kind::Authorize | Kind::Capture | Kind::Refund => codes::charge_outcome(&facts),
    }
}
