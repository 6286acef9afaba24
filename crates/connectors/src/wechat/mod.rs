//! WeChat Pay. Two protocols in three variants, chosen by the connection: `v3` and `v3-global`, APIv3 of mainland China and of
//! the rest of the world, with codes that the shop shows and codes that the customer shows; and `v2`, the older one, with the
//! customer's codes only and a client certificate where money goes back.
//!
//! The sequence of a shown code: make an order, show its address, ask until it is paid; one that nobody paid is closed. Of a
//! scanned one: pay; while the customer types a password, or nobody knows, ask every five to ten seconds; what is not clear
//! after half a minute is reversed, not sooner than fifteen seconds after the pay call, and again until that is answered. A
//! reverse gives back what was paid and closes what was not, and works for seven days (documents of code payment).
//!
//! WeChat's order numbers have 32 characters at most: an order is known by the digits of its payment's id. A payment has one
//! charge, its operation 1. A refund is known by our own reference, like everywhere else.

mod codes;
mod credentials;
mod v2;
mod v3;

use domain::id::PaymentId;
use domain::payment::{Kind, LateApproval, Outcome, Payment, PresentedCode, Profile, Reason};

use crate::contract::{Access, Ask, CannotAsk, Connector, Notice, Probe, Rejected, Request, Response, Told, Variant};
use codes::{Meaning, Order, Refund};

/// The connector of WeChat Pay.
#[derive(Debug)]
pub(crate) struct WeChat;

const V3: &str = "v3";
const V3_GLOBAL: &str = "v3-global";
const V2: &str = "v2";

const VARIANTS: [Variant; 3] = [
    Variant {
        name: V3,
        profile: v3_profile,
        credentials: credentials::V3_FORM,
        base_url: "https://api.mch.weixin.qq.com",
    },
    Variant {
        name: V3_GLOBAL,
        profile: v3_profile,
        credentials: credentials::V3_FORM,
        base_url: "https://apihk.mch.weixin.qq.com",
    },
    Variant {
        name: V2,
        profile: v2_profile,
        credentials: credentials::V2_FORM,
        base_url: "https://api.mch.weixin.qq.com",
    },
];

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How long a shown code can be paid, from the intent on: a little longer than the hub shows it, so that one that the hub
/// could not close ends by itself. The shortest that WeChat takes is a minute.
const CODE_LIVES_MS: i64 = 7 * MINUTE_MS;
/// An order that nobody has; six characters are the fewest.
const NOBODY: &str = "tillbridge-probe";
/// The longest description that the provider takes, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 127;
/// The number of the one charge of a payment.
const CHARGE_NUMBER: u32 = 1;

/// Code payment and native payment, both protocols.
const fn v3_profile() -> Profile {
    Profile {
        answer_timeout_ms: 10 * SECOND_MS,
        // "After five seconds" where nobody knows, "every ten" while a password is typed.
        poll_period_ms: 5 * SECOND_MS,
        poll_period_ms_max: 10 * SECOND_MS,
        // How long a customer is given with the code on the screen; then it is closed.
        poll_horizon_ms: 5 * MINUTE_MS,
        // How long one is given who types a password.
        scan_horizon_ms: Some(30 * SECOND_MS),
        // Fifteen seconds from the pay call on, which leaves two after its intent at most (`payment::SEND_GRACE_MS`).
        undo_hold_ms: Some(17 * SECOND_MS),
        // The answer timeout, and as much again for what is on its way inside WeChat.
        finality_window_ms: 20 * SECOND_MS,
        resolve_by_ms: 60 * SECOND_MS,
        give_up_ms: HOUR_MS,
        has_inquiry: true,
        has_reversal: true,
        is_keyed_by_hand: false,
        is_relayed: false,
        capture_window_ms: 0,
        void_window_ms: 7 * DAY_MS,
        refund_window_ms: 365 * DAY_MS,
        has_partial_refund: true,
        has_authorize: false,
        late_approval: LateApproval::Refund,
        has_present: true,
        has_scan: true,
        has_redirect: false,
        is_one_at_a_time: false,
        amount_minor_max: None,
        void_cutoff: None,
        refund_cutoff: None,
    }
}

const fn v2_profile() -> Profile {
    Profile { has_present: false, ..v3_profile() }
}

/// What is asked of WeChat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Native,
    CodePay,
    Query,
    Close,
    Reverse,
    Refund,
    RefundQuery,
}

/// What WeChat answers, in the words of either protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// A code to be shown.
    Code(String),
    Order(Order),
    Refund(Refund),
    /// Done, and there is nothing more to tell.
    Done,
    Failed(Meaning),
}

impl Connector for WeChat {
    fn name(&self) -> &'static str {
        "wechat"
    }

    fn variants(&self) -> &'static [Variant] {
        &VARIANTS
    }

    fn build_probe(&self, access: &Access<'_>) -> Result<Request, CannotAsk> {
        match place_of(access) {
            Some(place) => v3::build_probe(place, access, NOBODY),
            None => v2::build_probe(access, NOBODY),
        }
    }

    fn read_probe(&self, access: &Access<'_>, told: &Told) -> Probe {
        let Told::Response(response) = told else { return Probe::Unreachable };
        let is_signed = match place_of(access) {
            Some(_) => v3::is_signed(access, response),
            None => v2::is_signed(access, response),
        };
        let is_xml = response.body.trim_ascii_start().starts_with(b"<");
        let meaning = if is_xml { v2::meaning_of(response) } else { v3::meaning_of(response) };
        match meaning {
            Meaning::NotFound if is_signed => Probe::Fine,
            Meaning::Refused("credentials_refused_by_provider" | "not_permitted_by_provider") => {
                Probe::CredentialsRefused
            }
            _ if response.status == 401 => Probe::CredentialsRefused,
            _ => Probe::NotUnderstood,
        }
    }

    fn build_send(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        build(ask, call_of_send(ask)?)
    }

    fn build_inquiry(&self, ask: &Ask<'_>) -> Result<Request, CannotAsk> {
        build(ask, call_of_inquiry(ask))
    }

    fn read_send(&self, ask: &Ask<'_>, told: &Told) -> Outcome {
        let response = match told {
            Told::NotSent(_) => return ask.did_nothing("provider_unreachable"),
            Told::Lost(_) => return Outcome::Unknown,
            Told::Response(response) => response,
        };
        let Ok(call) = call_of_send(ask) else { return Outcome::Unknown };
        sent(ask, call, &read(ask, call, response))
    }

    fn read_code(&self, ask: &Ask<'_>, told: &Told) -> Option<PresentedCode> {
        let Told::Response(response) = told else { return None };
        let call = call_of_send(ask).ok().filter(|call| *call == Call::Native)?;
        let Answer::Code(text) = read(ask, call, response) else { return None };
        let expires_at = Some(v3::expires_at(ask));
        Some(PresentedCode { text, provider_code_id: trade_no(ask.payment), expires_at })
    }

    fn read_inquiry(&self, ask: &Ask<'_>, told: &Told) -> Outcome {
        let Told::Response(response) = told else { return Outcome::Unknown };
        let call = call_of_inquiry(ask);
        found(ask, &read(ask, call, response))
    }

    fn read_notification(
        &self,
        access: &Access<'_>,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<Notice>, Rejected> {
        match place_of(access) {
            Some(_) => v3::read_notification(access, headers, body),
            // A code payment of v2 is told of by its answer only.
            None => Err(Rejected::NotOffered),
        }
    }
}

/// Where APIv3 is spoken; `None` where it is not.
fn place_of(access: &Access<'_>) -> Option<&'static v3::Place> {
    match access.settings.variant.as_str() {
        V2 => None,
        V3_GLOBAL => Some(&v3::GLOBAL),
        _ => Some(&v3::MAINLAND),
    }
}

fn build(ask: &Ask<'_>, call: Call) -> Result<Request, CannotAsk> {
    match place_of(&ask.access) {
        Some(place) => v3::build(place, ask, call),
        None => v2::build(ask, call),
    }
}

fn read(ask: &Ask<'_>, call: Call, response: &Response) -> Answer {
    match place_of(&ask.access) {
        Some(_) => v3::read(ask, call, response),
        None => v2::read(ask, call, response),
    }
}

/// A shown code that is paid cannot be reversed, but given back in whole: for the shop and for the customer that is a void.
fn call_of_send(ask: &Ask<'_>) -> Result<Call, CannotAsk> {
    match (ask.operation.kind, ask.payment.is_scanned) {
        (Kind::Purchase, true) => Ok(Call::CodePay),
        (Kind::Purchase, false) => Ok(Call::Native),
        (Kind::Reversal | Kind::Void, true) => Ok(Call::Reverse),
        (Kind::Reversal, false) => Ok(Call::Close),
        (Kind::Refund, _) | (Kind::Void, false) => Ok(Call::Refund),
        (Kind::Authorize | Kind::Capture, _) => Err(CannotAsk::NoSuchKind(ask.operation.kind)),
    }
}

const fn call_of_inquiry(ask: &Ask<'_>) -> Call {
    match (ask.operation.kind, ask.payment.is_scanned) {
        (Kind::Refund, _) | (Kind::Void, false) => Call::RefundQuery,
        (Kind::Purchase | Kind::Authorize | Kind::Capture | Kind::Void | Kind::Reversal, _) => Call::Query,
    }
}

fn base_url<'a>(access: &Access<'a>) -> Result<&'a str, CannotAsk> {
    let base = access.settings.base_url.trim_end_matches('/');
    let is_http = base.starts_with("http://") || base.starts_with("https://");
    if is_http { Ok(base) } else { Err(CannotAsk::BaseUrl) }
}

/// The number of the payment's order.
fn trade_no(payment: &Payment) -> String {
    payment.id.uuid().simple().to_string()
}

/// The reference of the charge behind the number of an order. A number that is none of ours stays as it is, and is known to
/// nobody.
fn reference_of(number: &str) -> String {
    let id = format!("{}_{number}", PaymentId::PREFIX);
    if id.parse::<PaymentId>().is_ok() { format!("{id}-{CHARGE_NUMBER}") } else { number.to_owned() }
}

/// What the register calls the payment, cut to what the provider takes; it takes nothing empty.
fn description(ask: &Ask<'_>) -> String {
    let mut text = String::new();
    for letter in ask.payment.reference.chars().filter(|letter| !letter.is_control()) {
        if text.len() + letter.len_utf8() > DESCRIPTION_BYTES_MAX {
            break;
        }
        text.push(letter);
    }
    if text.trim().is_empty() { trade_no(ask.payment) } else { text }
}

fn declined(reason: &str) -> Outcome {
    Outcome::Declined(Reason(reason.to_owned()))
}

fn undid(amount_minor: i64) -> Outcome {
    codes::approved(Some(amount_minor), None, None)
}

/// The order, if the answer is about this one and in its currency: connections get mixed up, and a wrong approval costs money.
fn is_ours(ask: &Ask<'_>, order: &Order) -> bool {
    let is_known = order.out_trade_no.as_ref().is_none_or(|told| *told == trade_no(ask.payment));
    // Before anybody has paid no amount is told.
    is_known && (order.total.is_none() || order.currency == ask.payment.currency.as_str())
}

fn is_our_refund(ask: &Ask<'_>, refund: &Refund) -> bool {
    let is_known = refund.out_refund_no.as_ref().is_none_or(|told| *told == ask.reference());
    is_known && refund.currency.as_ref().is_none_or(|told| told == ask.payment.currency.as_str())
}

/// The answer to what was asked for.
fn sent(ask: &Ask<'_>, call: Call, answer: &Answer) -> Outcome {
    match (call, answer) {
        (Call::Native, Answer::Code(_)) => Outcome::Pending,
        (Call::CodePay, Answer::Order(order)) if is_ours(ask, order) => codes::charge_outcome(order),
        (Call::Close, Answer::Done) => undid(0),
        (Call::Reverse, Answer::Done) => undid(ask.operation.asked_minor),
        (Call::Refund, Answer::Refund(refund)) if is_our_refund(ask, refund) => codes::refund_outcome(refund),
        (_, Answer::Failed(meaning)) => failed(ask, call, *meaning),
        _ => Outcome::Unknown,
    }
}

/// What was asked for was not done as asked.
fn failed(ask: &Ask<'_>, call: Call, meaning: Meaning) -> Outcome {
    match (meaning, call) {
        (Meaning::Refused(reason), _) => ask.did_nothing(reason),
        (Meaning::Declined(reason), _) => declined(reason),
        (Meaning::Paying, Call::CodePay) => Outcome::Pending,
        // An order that was never made cannot be paid any more once its finality window is over: the charge is asked after
        // until then.
        (Meaning::NotFound, Call::Close | Call::Reverse) if ask.operation.kind == Kind::Reversal => undid(0),
        (Meaning::NotFound, Call::Reverse | Call::Refund) => declined("charge_not_found"),
        (Meaning::Paid, Call::Close) => declined("already_paid"),
        (Meaning::Closed | Meaning::Reversed, Call::Close) => undid(0),
        (Meaning::Closed | Meaning::Reversed, Call::Reverse) => undid(ask.operation.asked_minor),
        (Meaning::NotFitting, Call::Refund) => ask.did_nothing("request_refused_by_provider"),
        // The customer is typing, or nobody knows: asked after, and a reverse is repeated until it is answered.
        _ => Outcome::Unknown,
    }
}

/// The answer to a question.
fn found(ask: &Ask<'_>, answer: &Answer) -> Outcome {
    match answer {
        Answer::Failed(Meaning::NotFound) => not_found(ask),
        Answer::Order(order) if is_ours(ask, order) => told_of(ask, order),
        Answer::Refund(refund) if is_our_refund(ask, refund) => codes::refund_outcome(refund),
        _ => Outcome::Unknown,
    }
}

/// What is asked about is not there.
fn not_found(ask: &Ask<'_>) -> Outcome {
    match (ask.operation.kind, ask.payment.is_scanned) {
        (Kind::Reversal, _) => undid(0),
        (Kind::Void, true) | (Kind::Authorize | Kind::Capture, _) => Outcome::Unknown,
        (Kind::Purchase | Kind::Refund, _) | (Kind::Void, false) => Outcome::NotFound,
    }
}

fn told_of(ask: &Ask<'_>, order: &Order) -> Outcome {
    let asked_minor = ask.operation.asked_minor;
    match (ask.operation.kind, ask.payment.is_scanned) {
        (Kind::Purchase, false) if is_code_lost(ask) && order.state == "NOTPAY" => Outcome::NotFound,
        (Kind::Purchase, _) => codes::charge_outcome(order),
        (Kind::Reversal, false) => codes::close_outcome(order),
        (Kind::Reversal | Kind::Void, true) => codes::reverse_outcome(asked_minor, order),
        (Kind::Void, false) | (Kind::Authorize | Kind::Capture | Kind::Refund, _) => Outcome::Unknown,
    }
}

/// The answer with the code to be shown was lost, or is still to come: a code that nobody can see is not paid.
const fn is_code_lost(ask: &Ask<'_>) -> bool {
    ask.payment.presented_code.is_none()
}

#[cfg(test)]
mod tests;
