//! PayPay. Two protocols, chosen by the connection: `opa`, the Open Payment API as it is deployed, and `oauth`, the one of
//! requirement document 004. They share paths and words; they differ in how a request is signed, in the notifications, and
//! in what they can do: `opa` only shows codes, `oauth` also takes the code that a customer shows.
//!
//! Credentials: `<api key>:<api secret>` of `opa`, `<client id>:<client secret>:<webhook secret>` of `oauth`.
//!
//! The sequence of a code: create it, show it, ask until it is paid. One that nobody paid is withdrawn by *delete code*; a
//! *cancel* would leave it payable. Where the answer with the code was lost nobody can have seen it, and a cancel is right:
//! it takes effect at once should it be paid all the same.

mod codes;
mod sign;
mod wire;

use domain::payment::{Cutoff, Kind, LateApproval, Operation, OperationState, Outcome, PresentedCode, Profile, Reason};
use domain::provider_notice;
use domain::time::Timestamp;

use crate::contract::{
    Access, Ask, CannotAsk, Connector, Method, News, Notice, Probe, Rejected, Request, Response, Token, Told, Variant,
};
use crate::fact::{self, Fact};
use crate::secret::Secret;
use codes::{Facts, Meaning};

/// The connector of PayPay.
#[derive(Debug)]
pub(crate) struct PayPay;

const OPA: &str = "opa";
const OAUTH: &str = "oauth";

const VARIANTS: [Variant; 2] = [
    Variant { name: OPA, profile: opa, credentials: "<api key>:<api secret>", base_url: "https://apigw.paypay.ne.jp" },
    Variant {
        name: OAUTH,
        profile: oauth,
        credentials: "<client id>:<client secret>:<webhook secret>",
        base_url: "https://api.paypay.ne.jp",
    },
];

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Japan, all year round.
const JAPAN_MS: i64 = 9 * HOUR_MS;
/// Amounts have at most eleven digits.
const AMOUNT_MAX: i64 = 99_999_999_999;
/// After its expiry an unpaid code may still read "created". By then a customer who paid in the last second is through.
const EXPIRY_GRACE_MS: i64 = 2 * MINUTE_MS;
/// A token of which nobody said how long it lives is fetched anew after this.
const TOKEN_LIVES_S: i64 = 300;
/// Signed and sent byte for byte.
const CONTENT_TYPE: &str = "application/json;charset=UTF-8";
/// An id that no payment has.
const NOBODY: &str = "probe";
/// What a refund and a revert say of themselves: no word of the shop's leaves it.
const REASON: &str = "asked for by the shop";
/// The longest description that the provider takes.
const DESCRIPTION_CHARS_MAX: usize = 255;

/// The deployed API: help centre and OpenAPI document (timeouts, windows), and the pages about unknown outcomes.
const fn opa() -> Profile {
    Profile {
        answer_timeout_ms: 30 * SECOND_MS,
        // "2 to 3 seconds" in the newer document, "4 to 5" in the older one: a customer stands at the till.
        poll_period_ms: 3 * SECOND_MS,
        poll_period_ms_max: 5 * SECOND_MS,
        // How long a customer is given with the code on the screen; then it is withdrawn.
        poll_horizon_ms: 5 * MINUTE_MS,
        // The provider's own read timeout: a request that is on its way longer is not taken any more.
        finality_window_ms: 35 * SECOND_MS,
        resolve_by_ms: 2 * MINUTE_MS,
        give_up_ms: HOUR_MS,
        has_inquiry: true,
        has_reversal: true,
        is_keyed_by_hand: false,
        is_relayed: false,
        capture_window_ms: 30 * DAY_MS,
        void_window_ms: 2 * DAY_MS,
        refund_window_ms: 367 * DAY_MS,
        has_partial_refund: true,
        has_authorize: true,
        late_approval: LateApproval::Refund,
        has_present: true,
        has_scan: false,
        has_redirect: false,
        is_one_at_a_time: false,
        amount_minor_max: Some(AMOUNT_MAX),
        scan_horizon_ms: None,
        undo_hold_ms: None,
        // A cancel is taken until 00:14:59 of the day after the payment.
        void_cutoff: Some(Cutoff { utc_offset_ms: JAPAN_MS, days: 1, time_of_day_ms: 15 * MINUTE_MS }),
        // A refund until 23:59:59 of the 365th day.
        refund_cutoff: Some(Cutoff { utc_offset_ms: JAPAN_MS, days: 365, time_of_day_ms: DAY_MS }),
    }
}

/// Document 004 knows no authorization. Of undoing it says nothing; the paths of the deployed API are tried, and a server
/// that does not have them leaves the doubt to a person.
const fn oauth() -> Profile {
    Profile { has_scan: true, has_authorize: false, capture_window_ms: 0, ..opa() }
}

impl Connector for PayPay {
    fn name(&self) -> &'static str {
        "paypay"
    }

    fn variants(&self) -> &'static [Variant] {
        &VARIANTS
    }

    fn build_token(&self, access: &Access<'_>) -> Result<Option<Request>, CannotAsk> {
        if !is_oauth(access) {
            return Ok(None);
        }
        let Client { id, secret, .. } = Client::of(access)?;
        let base = access.base_url()?;
        let url = access.settings.token_url.clone().unwrap_or_else(|| format!("{base}/oauth2/token"));
        let headers = vec![
            ("authorization", sign::basic(id, secret)),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ];
        let body = b"grant_type=client_credentials".to_vec();
        Ok(Some(Request { method: Method::Post, url, headers, body, timeout_ms: access.timeout_ms, identity: None }))
    }

    fn read_token(&self, told: &Told) -> Option<Token> {
        let Told::Response(response) = told else { return None };
        let token: wire::Token<'_> = serde_json::from_slice(&response.body).ok()?;
        let lives_ms = token.expires_in.unwrap_or(TOKEN_LIVES_S).checked_mul(SECOND_MS)?;
        let words = Secret::new(token.access_token.into_owned());
        (response.status == 200 && lives_ms > 0).then_some(Token { words, lives_ms })
    }

    fn build_probe(&self, access: &Access<'_>) -> Result<Request, CannotAsk> {
        let folder = if is_oauth(access) { "payments" } else { "codes/payments" };
        request(access, Method::Get, &format!("/v2/{folder}/{NOBODY}"), None)
    }

    fn read_probe(&self, _: &Access<'_>, told: &Told) -> Probe {
        let Told::Response(response) = told else { return Probe::Unreachable };
        match (response.status, meaning_of(response)) {
            (_, Meaning::NotFound | Meaning::CodeGone) => Probe::Fine,
            (401, _) => Probe::CredentialsRefused,
            _ => Probe::NotUnderstood,
        }
    }

    fn build_send(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        let access = &ask.access;
        match ask.operation.kind {
            Kind::Purchase | Kind::Authorize if ask.payment.is_scanned => {
                let code = ask.customer_code.ok_or(CannotAsk::CustomerCodeGone)?;
                request(access, Method::Post, "/v2/payments", Some(new_payment(ask, code.expose())))
            }
            Kind::Purchase | Kind::Authorize => request(access, Method::Post, "/v2/codes", Some(new_code(ask))),
            Kind::Capture => {
                let body = capture(ask, &ask.target_reference()?);
                request(access, Method::Post, "/v2/payments/capture", Some(body))
            }
            Kind::Void if is_promise(ask) => {
                let body = revert(ask, payment_id(ask)?);
                request(access, Method::Post, "/v2/payments/preauthorize/revert", Some(body))
            }
            Kind::Void => request(access, Method::Delete, &format!("/v2/payments/{}", charge_reference(ask)?), None),
            Kind::Reversal => request(access, Method::Delete, &undo_path(ask)?, None),
            Kind::Refund => request(access, Method::Post, "/v2/refunds", Some(refund(ask, payment_id(ask)?))),
        }
    }

    fn build_inquiry(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        let path = match ask.operation.kind {
            Kind::Refund => format!("/v2/refunds/{}?paymentId={}", ask.operation.id, payment_id(ask)?),
            Kind::Purchase | Kind::Authorize | Kind::Capture | Kind::Void | Kind::Reversal => details_path(ask)?,
        };
        request(&ask.access, Method::Get, &path, None)
    }

    fn read_send(&self, ask: &Ask<'_>, told: &Told) -> Outcome {
        let response = match told {
            Told::NotSent(_) => return ask.did_nothing("provider_unreachable"),
            Told::Lost(_) => return Outcome::Unknown,
            Told::Response(response) => response,
        };
        let answer = read(response);
        match answer.as_ref().map_or(Meaning::Unknown, wire::Answer::meaning) {
            Meaning::Done => answer.and_then(|answer| answer.data).map_or_else(|| done(ask), |data| sent(ask, &data)),
            Meaning::Accepted => Outcome::Pending,
            Meaning::Refused(reason) => ask.did_nothing(reason),
            Meaning::Declined(reason) => declined(reason),
            Meaning::NotFound | Meaning::CodeGone => gone(ask),
            Meaning::CodePaid => declined("already_paid"),
            Meaning::Unknown => Outcome::Unknown,
        }
    }

    fn read_code(&self, ask: &Ask<'_>, told: &Told) -> Option<PresentedCode> {
        let Told::Response(response) = told else { return None };
        let answer = read(response).filter(|answer| answer.meaning() == Meaning::Done)?;
        let data = answer.data.filter(|_| ask.operation.kind.is_charge() && !ask.payment.is_scanned)?;
        let (text, id) = (data.url?, data.code_id?);
        let expires_at = data.expiry_date.and_then(|at| at.checked_mul(SECOND_MS)).map(Timestamp);
        Some(PresentedCode { text: text.into_owned(), provider_code_id: id.into_owned(), expires_at })
    }

    fn read_inquiry(&self, ask: &Ask<'_>, told: &Told) -> Outcome {
        let Told::Response(response) = told else { return Outcome::Unknown };
        let Some(answer) = read(response) else { return Outcome::Unknown };
        match answer.meaning() {
            Meaning::Done => answer.data.map_or(Outcome::Unknown, |data| found(ask, &data)),
            Meaning::NotFound => not_found(ask),
            // The provider has withdrawn or forgotten a code that it had made, and says that nobody paid it.
            Meaning::CodeGone => code_gone(ask),
            Meaning::Accepted | Meaning::Refused(_) | Meaning::Declined(_) | Meaning::CodePaid | Meaning::Unknown => {
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
        if !is_oauth(access) {
            return read_hint(body);
        }
        let secret = Client::of(access).ok().and_then(|client| client.webhook).ok_or(Rejected::Credentials)?;
        sign::verify(secret, headers, body)?;
        let news: wire::Notification<'_> = serde_json::from_slice(body).map_err(|_| Rejected::Unreadable)?;
        let is_yen = news.amount.currency == "JPY";
        let facts = Facts {
            status: &news.status,
            amount_minor: Some(news.amount.amount).filter(|_| is_yen),
            payment_id: Some(&news.payment_id),
        };
        let outcome = codes::charge_outcome(Kind::Purchase, &facts);
        Ok(vec![Notice::Operation { reference: news.merchant_payment_id.into_owned(), news: News::Told(outcome) }])
    }

    fn peek_reference(&self, body: &[u8]) -> Option<String> {
        let news: wire::Notification<'_> = serde_json::from_slice(body).ok()?;
        Some(news.merchant_payment_id.into_owned())
    }
}

fn is_oauth(access: &Access<'_>) -> bool {
    access.settings.variant == OAUTH
}

/// The parts of the credentials.
struct Client<'a> {
    id: &'a str,
    secret: &'a str,
    /// Of `oauth` only.
    webhook: Option<&'a str>,
}

impl<'a> Client<'a> {
    fn of(access: &Access<'a>) -> Result<Self, CannotAsk> {
        let mut parts = access.secret.expose().split(':');
        let (id, secret, webhook) = (parts.next(), parts.next(), parts.next());
        match (id, secret, webhook, parts.next()) {
            (Some(id), Some(secret), webhook, None) if !id.is_empty() && !secret.is_empty() => {
                Ok(Self { id, secret, webhook: webhook.filter(|webhook| !webhook.is_empty()) })
            }
            _ => Err(CannotAsk::Credentials),
        }
    }
}

/// A request with its credentials. `path` may hold a query, which is not signed.
fn request(access: &Access<'_>, method: Method, path: &str, body: Option<Vec<u8>>) -> Result<Request, CannotAsk> {
    let base = access.base_url()?;
    let url = format!("{base}{path}");
    let client = Client::of(access)?;
    let authorization = match access.token {
        Some(token) => format!("Bearer {}", token.expose()),
        None if is_oauth(access) => return Err(CannotAsk::Credentials),
        None => {
            let signed = sign::Signed {
                path: sign::path_of(&url),
                method: method.as_str(),
                body: body.as_deref().map(|body| (CONTENT_TYPE, body)),
            };
            sign::authorization(client.id, client.secret, &signed, access.stamp)?
        }
    };
    let mut headers = vec![("authorization", authorization)];
    if body.is_some() {
        headers.push(("content-type", CONTENT_TYPE.to_owned()));
    }
    if let Some(merchant) = &access.settings.provider_merchant {
        headers.push(("x-assume-merchant", merchant.clone()));
    }
    let body = body.unwrap_or_default();
    Ok(Request { method, url, headers, body, timeout_ms: access.timeout_ms, identity: None })
}

/// When the intent became durable: a repeat of the request says the same.
const fn requested_at(operation: &Operation) -> i64 {
    operation.recorded_at.0.div_euclid(SECOND_MS)
}

fn amount<'a>(ask: &Ask<'a>) -> wire::Amount<'a> {
    wire::Amount { amount: ask.operation.asked_minor, currency: ask.payment.currency.as_str() }
}

/// What the register calls the payment, cut to what the provider takes.
fn description(ask: &Ask<'_>) -> String {
    ask.payment.reference.chars().take(DESCRIPTION_CHARS_MAX).collect()
}

fn new_code(ask: &Ask<'_>) -> Vec<u8> {
    wire::encode(&wire::NewCode {
        merchant_payment_id: &ask.reference(),
        amount: amount(ask),
        code_type: "ORDER_QR",
        order_description: &description(ask),
        requested_at: requested_at(ask.operation),
        is_authorization: (ask.operation.kind == Kind::Authorize).then_some(true),
    })
}

fn new_payment(ask: &Ask<'_>, code: &str) -> Vec<u8> {
    wire::encode(&wire::NewPayment {
        merchant_payment_id: &ask.reference(),
        user_authorization_id: code,
        amount: amount(ask),
        order_description: &description(ask),
        requested_at: requested_at(ask.operation),
    })
}

fn capture(ask: &Ask<'_>, charge: &str) -> Vec<u8> {
    wire::encode(&wire::Capture {
        merchant_payment_id: charge,
        merchant_capture_id: &ask.reference(),
        amount: amount(ask),
        requested_at: requested_at(ask.operation),
        order_description: &description(ask),
    })
}

fn revert(ask: &Ask<'_>, payment_id: &str) -> Vec<u8> {
    wire::encode(&wire::Revert {
        merchant_revert_id: &ask.reference(),
        payment_id,
        requested_at: requested_at(ask.operation),
        reason: REASON,
    })
}

fn refund(ask: &Ask<'_>, payment_id: &str) -> Vec<u8> {
    wire::encode(&wire::Refund {
        merchant_refund_id: &ask.reference(),
        payment_id,
        amount: amount(ask),
        requested_at: requested_at(ask.operation),
        reason: REASON,
    })
}

/// The operation that charged: PayPay keeps one payment under its reference, whatever is done with it later.
fn charge_reference(ask: &Ask<'_>) -> Result<String, CannotAsk> {
    if ask.operation.kind.is_charge() {
        return Ok(ask.reference());
    }
    let target = ask.target.ok_or(CannotAsk::NoTarget)?;
    let number = if target.kind.is_charge() { target.id.number } else { target.target.ok_or(CannotAsk::NoTarget)? };
    Ok(domain::id::OperationId { payment: target.id.payment, number }.to_string())
}

/// PayPay's own id of the payment, told with its approval; a capture is told with the same.
fn payment_id<'a>(ask: &Ask<'a>) -> Result<&'a str, CannotAsk> {
    let target = ask.target.ok_or(CannotAsk::NoTarget)?;
    let approval = target.state.approval().ok_or(CannotAsk::NoProviderReference)?;
    approval.provider_reference.as_deref().ok_or(CannotAsk::NoProviderReference)
}

/// Whether what is voided is a promise of which nothing was taken.
fn is_promise(ask: &Ask<'_>) -> bool {
    ask.target.is_some_and(|target| target.kind == Kind::Authorize) && ask.payment.captured_minor == 0
}

/// Where the payment is asked about. The deployed API keeps payments by code apart and knows them by our reference;
/// document 004 knows all by PayPay's id. Where that was never told ours is tried: whoever does not know it says so.
fn details_path(ask: &Ask<'_>) -> Result<String, CannotAsk> {
    if !is_oauth(&ask.access) {
        return Ok(format!("/v2/codes/payments/{}", charge_reference(ask)?));
    }
    let own = payment_id(ask).map(str::to_owned);
    Ok(format!("/v2/payments/{}", own.or_else(|_| charge_reference(ask))?))
}

/// How a charge that has not ended is undone.
fn undo_path(ask: &Ask<'_>) -> Result<String, CannotAsk> {
    match &ask.payment.presented_code {
        Some(code) => Ok(format!("/v2/codes/{}", code.provider_code_id)),
        None => Ok(format!("/v2/payments/{}", charge_reference(ask)?)),
    }
}

fn read(response: &Response) -> Option<wire::Answer<'_>> {
    serde_json::from_slice(&response.body).ok()
}

fn meaning_of(response: &Response) -> Meaning {
    read(response).map_or(Meaning::Unknown, |answer| answer.meaning())
}

impl wire::Answer<'_> {
    fn meaning(&self) -> Meaning {
        codes::meaning(&self.result_info.code, self.result_info.code_id.as_deref())
    }
}

fn declined(reason: &str) -> Outcome {
    Outcome::Declined(Reason(reason.to_owned()))
}

/// The facts of a payment, if the answer is about this one and in its currency: connections get mixed up, and a wrong
/// approval costs money.
fn facts<'a>(ask: &Ask<'_>, data: &'a wire::Body<'_>) -> Option<Facts<'a>> {
    let reference = charge_reference(ask).ok()?;
    let is_ours = data.merchant_payment_id.as_ref().is_none_or(|told| *told == reference);
    let amount = data.amount.as_ref();
    let is_in_currency = amount.is_none_or(|amount| amount.currency == ask.payment.currency.as_str());
    let status = data.status.as_deref()?;
    let amount_minor = amount.map(|amount| amount.amount);
    let payment_id = data.payment_id.as_deref();
    (is_ours && is_in_currency).then_some(Facts { status, amount_minor, payment_id })
}

/// A refund as it is told. The deployed API has no id of its own for one.
fn refund_told(ask: &Ask<'_>, data: &wire::Body<'_>) -> Outcome {
    let is_ours = data.merchant_refund_id.as_ref().is_none_or(|told| *told == ask.reference());
    let is_in_currency = data.amount.as_ref().is_none_or(|told| told.currency == ask.payment.currency.as_str());
    if !is_ours || !is_in_currency {
        return Outcome::Unknown;
    }
    let amount_minor = data.amount.as_ref().map(|amount| amount.amount);
    codes::refund_outcome(data.status.as_deref().unwrap_or_default(), amount_minor, data.refund_id.as_deref())
}

/// The answer to a request that the provider has done.
fn sent(ask: &Ask<'_>, data: &wire::Body<'_>) -> Outcome {
    match ask.operation.kind {
        Kind::Purchase | Kind::Authorize if ask.payment.is_scanned => {
            facts(ask, data).map_or(Outcome::Unknown, |facts| codes::charge_outcome(ask.operation.kind, &facts))
        }
        Kind::Purchase | Kind::Authorize if data.url.is_some() && data.code_id.is_some() => Outcome::Pending,
        Kind::Purchase | Kind::Authorize => Outcome::Unknown,
        Kind::Capture => facts(ask, data).map_or(Outcome::Unknown, |facts| codes::capture_outcome(&facts)),
        Kind::Void if is_promise(ask) => {
            let undone = |facts: Facts<'_>| codes::undoing_outcome(ask.operation.asked_minor, &facts);
            facts(ask, data).map_or(Outcome::Unknown, undone)
        }
        Kind::Refund => refund_told(ask, data),
        Kind::Void | Kind::Reversal => done(ask),
    }
}

/// Done, and there is nothing more to tell: a code is withdrawn, and nobody had paid it.
fn done(ask: &Ask<'_>) -> Outcome {
    match (ask.operation.kind, &ask.payment.presented_code) {
        (Kind::Reversal, Some(_)) => nothing_undone(),
        _ => Outcome::Unknown,
    }
}

const fn nothing_undone() -> Outcome {
    Outcome::Approved(domain::payment::Approval { approved_minor: 0, provider_reference: None, funding: None })
}

/// What is to be undone, captured or refunded is not there. A code that is not there cannot be paid any more. Document
/// 004 does not promise that a payment is known by our reference, so there nothing follows.
fn gone(ask: &Ask<'_>) -> Outcome {
    match (ask.operation.kind, &ask.payment.presented_code) {
        (Kind::Reversal, Some(_)) => nothing_undone(),
        // A code that never reached the shop was shown to nobody.
        (Kind::Reversal, None) if !is_oauth(&ask.access) || !ask.payment.is_scanned => nothing_undone(),
        (Kind::Capture | Kind::Void | Kind::Refund, _) => declined("charge_not_found"),
        (Kind::Reversal | Kind::Purchase | Kind::Authorize, _) => Outcome::Unknown,
    }
}

/// The answer with the code to be shown was lost, or is still to come.
const fn is_code_lost(ask: &Ask<'_>) -> bool {
    !ask.payment.is_scanned && ask.payment.presented_code.is_none()
}

/// What is asked about is not there.
fn not_found(ask: &Ask<'_>) -> Outcome {
    match ask.operation.kind {
        Kind::Refund => Outcome::NotFound,
        Kind::Purchase | Kind::Authorize if !is_oauth(&ask.access) || is_code_lost(ask) => code_gone(ask),
        Kind::Purchase | Kind::Authorize | Kind::Capture | Kind::Void => Outcome::Unknown,
        Kind::Reversal => gone(ask),
    }
}

/// Nobody paid the code, and nobody can any more. Of one that we never heard of this is the case before it is made, too.
fn code_gone(ask: &Ask<'_>) -> Outcome {
    match (ask.operation.kind, &ask.payment.presented_code) {
        (Kind::Purchase | Kind::Authorize, Some(_)) => Outcome::Cancelled,
        (Kind::Purchase | Kind::Authorize, None) => Outcome::NotFound,
        (Kind::Reversal, _) => nothing_undone(),
        (Kind::Capture | Kind::Void | Kind::Refund, _) => Outcome::Unknown,
    }
}

/// What an inquiry found.
fn found(ask: &Ask<'_>, data: &wire::Body<'_>) -> Outcome {
    if ask.operation.kind == Kind::Refund {
        return refund_told(ask, data);
    }
    let Some(facts) = facts(ask, data) else { return Outcome::Unknown };
    match ask.operation.kind {
        Kind::Purchase | Kind::Authorize if facts.status == "CREATED" => not_paid(ask),
        Kind::Purchase | Kind::Authorize => codes::charge_outcome(ask.operation.kind, &facts),
        Kind::Capture => codes::capture_outcome(&facts),
        Kind::Reversal if facts.status == "CREATED" => undone_before_paid(ask),
        Kind::Void | Kind::Reversal => codes::undoing_outcome(ask.operation.asked_minor, &facts),
        Kind::Refund => Outcome::Unknown,
    }
}

/// Not paid so far. A code that never reached us cannot be shown, and one past its expiry cannot be paid.
fn not_paid(ask: &Ask<'_>) -> Outcome {
    match &ask.payment.presented_code {
        None if is_code_lost(ask) => Outcome::NotFound,
        None => Outcome::Pending,
        Some(code) => {
            let is_over = code.expires_at.is_some_and(|at| ask.access.stamp.at > at.plus_ms(EXPIRY_GRACE_MS));
            if is_over { Outcome::Cancelled } else { Outcome::Pending }
        }
    }
}

/// A cancel that was taken is carried out as soon as somebody pays: of a code that nobody was shown, nobody will. A
/// scanned payment may be confirmed at any moment, so its cancel is waited for.
fn undone_before_paid(ask: &Ask<'_>) -> Outcome {
    let is_taken = ask.operation.state == OperationState::Pending;
    if is_taken && !ask.payment.is_scanned { nothing_undone() } else { Outcome::NotFound }
}

/// What the deployed API sends is not signed: it says whom to ask about, and nothing more. Files and customers' events
/// have no order, and are taken.
fn read_hint(body: &[u8]) -> Result<Vec<Notice>, Rejected> {
    let hint: wire::Hint<'_> = serde_json::from_slice(body).map_err(|_| Rejected::Unreadable)?;
    let order = hint.merchant_order_id.filter(|_| hint.notification_type == "Transaction");
    if let Some(order) = order {
        return Ok(vec![Notice::Operation { reference: order.into_owned(), news: News::Hint }]);
    }
    Ok(fact_of(&serde_json::from_slice(body).unwrap_or_default()).map(Notice::Fact).into_iter().collect())
}

/// What is about no transaction and has an id: files of settlement, changes of a customer's authorisation. Nothing of it is
/// signed.
fn fact_of(told: &serde_json::Value) -> Option<Fact> {
    let is_file = told["notification_type"].as_str()?.starts_with("file.");
    Some(Fact {
        id: told["notification_id"].as_str()?.to_owned(),
        kind: if is_file { provider_notice::Kind::Settlement } else { provider_notice::Kind::Other },
        charge_reference: None,
        amount_minor: None,
        is_signed: false,
        fields: fact::kept_of_json(told),
    })
}
