//! The provider's own words: what is read and written over HTTP. Unknown fields are refused, so that a caller's typing
//! mistake is found on the laptop and not at a real provider.

use std::borrow::Cow;
use std::fmt;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::ledger::{ChargeAsk, Currency, Entry, Kind, OperationAsk, Refusal, Status, Total, View};

/// The longest reference.
const REFERENCE_CHARS_MAX: usize = 64;
/// The longest notification address.
const URL_CHARS_MAX: usize = 500;
/// The largest amount in minor units: above any real charge, and five million of them still fit a sum.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// An answer that is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Problem {
    pub status: StatusCode,
    /// A stable code.
    pub error: &'static str,
    /// For a person.
    pub message: &'static str,
}

impl Problem {
    const fn new(status: StatusCode, error: &'static str, message: &'static str) -> Self {
        Self { status, error, message }
    }

    const fn invalid(message: &'static str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message)
    }

    pub const UNAUTHORIZED: Self =
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "wrong or missing bearer secret");
    pub const BAD_REQUEST: Self = Self::new(StatusCode::BAD_REQUEST, "bad_request", "not the JSON of this route");
    pub const NOT_JSON: Self =
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", "the content type must be application/json");
    pub const NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, "not_found", "nothing has this reference");
    pub const NO_ROUTE: Self = Self::new(StatusCode::NOT_FOUND, "route_not_found", "there is no such route");
    pub const FULL: Self =
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "sandbox_full", "a limit of the sandbox is reached");
    pub const INTERNAL: Self = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong");
    pub const FAULT_UNKNOWN: Self = Self::invalid("no such fault, or not for this kind of operation");
    pub const DELAY_TOO_LONG: Self = Self::invalid("ms is too long");

    /// The body.
    pub fn to_json(self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body {
            error: &'static str,
            message: &'static str,
        }
        encode(&Body { error: self.error, message: self.message })
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict => {
                Self::new(StatusCode::CONFLICT, "reference_conflict", "the reference was used for something else")
            }
            Refusal::Full => Self::FULL,
            // A hidden charge has been cut off before; were it not, the caller must not see it either.
            Refusal::NotFound | Refusal::Hidden => Self::NOT_FOUND,
            Refusal::NotPending => Self::new(StatusCode::CONFLICT, "not_pending", "the charge is not pending"),
        }
    }
}

/// `POST /charges`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChargeBody<'a> {
    #[serde(borrow)]
    reference: Cow<'a, str>,
    kind: ChargeKind,
    amount: i64,
    #[serde(borrow)]
    currency: Cow<'a, str>,
    #[serde(borrow, default)]
    notify_url: Option<Cow<'a, str>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChargeKind {
    Purchase,
    Authorize,
}

impl ChargeBody<'_> {
    /// Checks the values.
    pub fn ask(&self) -> Result<ChargeAsk<'_>, Problem> {
        let kind = match self.kind {
            ChargeKind::Purchase => Kind::Purchase,
            ChargeKind::Authorize => Kind::Authorize,
        };
        Ok(ChargeAsk {
            reference: check_reference(&self.reference)?,
            kind,
            amount: check_amount(self.amount)?,
            currency: check_currency(&self.currency)?,
            notify_url: self.notify_url.as_deref().map(check_url).transpose()?,
        })
    }
}

/// `POST /charges/{reference}/capture`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaptureBody<'a> {
    #[serde(borrow)]
    capture_reference: Cow<'a, str>,
    amount: i64,
}

/// `POST /charges/{reference}/reverse`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReverseBody<'a> {
    #[serde(borrow)]
    reversal_reference: Cow<'a, str>,
}

/// `POST /charges/{reference}/void`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VoidBody<'a> {
    #[serde(borrow)]
    void_reference: Cow<'a, str>,
}

/// `POST /refunds`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundBody<'a> {
    #[serde(borrow)]
    refund_reference: Cow<'a, str>,
    #[serde(borrow)]
    charge_reference: Cow<'a, str>,
    amount: i64,
}

impl CaptureBody<'_> {
    /// Checks the values.
    pub fn ask<'b>(&'b self, charge: &'b str) -> Result<OperationAsk<'b>, Problem> {
        operation(Kind::Capture, &self.capture_reference, charge, Some(self.amount))
    }
}

impl ReverseBody<'_> {
    /// Checks the values.
    pub fn ask<'b>(&'b self, charge: &'b str) -> Result<OperationAsk<'b>, Problem> {
        operation(Kind::Reversal, &self.reversal_reference, charge, None)
    }
}

impl VoidBody<'_> {
    /// Checks the values.
    pub fn ask<'b>(&'b self, charge: &'b str) -> Result<OperationAsk<'b>, Problem> {
        operation(Kind::Void, &self.void_reference, charge, None)
    }
}

impl RefundBody<'_> {
    /// Checks the values.
    pub fn ask(&self) -> Result<OperationAsk<'_>, Problem> {
        operation(Kind::Refund, &self.refund_reference, &self.charge_reference, Some(self.amount))
    }
}

/// `POST /control/unreachable`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnreachableBody {
    pub ms: u64,
}

/// `GET /ledger?after=`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerQuery {
    pub after: Option<String>,
}

/// The answer of `GET /ledger`.
#[derive(Serialize)]
pub(crate) struct LedgerPage {
    pub charged: Vec<Entry>,
    pub totals: Vec<Total>,
    /// The value of `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// An id of the provider. The boot number keeps the ids of two runs apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProviderId {
    pub prefix: &'static str,
    pub boot: u32,
    pub number: u64,
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{:08x}{}", self.prefix, self.boot, self.number)
    }
}

impl Serialize for ProviderId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A charge or an operation as the outside sees it.
#[derive(Serialize)]
pub(crate) struct Told<'a> {
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge_reference: Option<&'a str>,
    id: ProviderId,
    kind: Kind,
    status: Status,
    amount: i64,
    currency: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_amount: Option<i64>,
    #[serde(skip_serializing_if = "is_zero")]
    captured_amount: i64,
    #[serde(skip_serializing_if = "is_zero")]
    refunded_amount: i64,
    #[serde(skip_serializing_if = "is_zero")]
    paid_by_provider_amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl<'a> Told<'a> {
    /// Puts a view into the provider's words.
    pub fn new(boot: u32, reference: &'a str, charge_reference: Option<&'a str>, view: &'a View) -> Self {
        let prefix = if charge_reference.is_some() { "op" } else { "ch" };
        let is_told = view.approved > 0 || view.status == Status::Approved;
        Self {
            reference,
            charge_reference,
            id: ProviderId { prefix, boot, number: view.id },
            kind: view.kind,
            status: view.status,
            amount: view.amount,
            currency: letters(&view.currency),
            approved_amount: is_told.then_some(view.approved),
            captured_amount: view.captured,
            refunded_amount: view.refunded,
            paid_by_provider_amount: view.paid_by_provider,
            reason: view.reason,
        }
    }
}

/// What is sent to `notify_url`.
#[derive(Serialize)]
pub(crate) struct Notification<'a> {
    /// The id of the notification; a duplicate has the same.
    pub id: ProviderId,
    pub reference: &'a str,
    pub charge_id: ProviderId,
    pub kind: Kind,
    pub status: Status,
    pub amount: i64,
    pub approved_amount: i64,
    pub currency: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

/// Writes JSON. The structs here have text keys only, so this cannot fail; an empty body would be a bug that tests see.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// Reads JSON.
pub(crate) fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|_| Problem::BAD_REQUEST)
}

/// The letters of a currency; they were checked when it came in.
pub(crate) fn letters(currency: &Currency) -> &str {
    std::str::from_utf8(currency).unwrap_or("XXX")
}

/// A reference as it may stand in a path or a body.
pub(crate) fn check_reference(reference: &str) -> Result<&str, Problem> {
    let is_word = reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_word && (1..=REFERENCE_CHARS_MAX).contains(&reference.len()) {
        Ok(reference)
    } else {
        Err(Problem::invalid("a reference is 1 to 64 of A-Z a-z 0-9 - _"))
    }
}

fn operation<'a>(
    kind: Kind,
    reference: &'a str,
    charge: &'a str,
    amount: Option<i64>,
) -> Result<OperationAsk<'a>, Problem> {
    Ok(OperationAsk {
        reference: check_reference(reference)?,
        kind,
        charge: check_reference(charge)?,
        amount: amount.map(check_amount).transpose()?,
    })
}

fn check_amount(amount: i64) -> Result<i64, Problem> {
    if (1..=AMOUNT_MAX).contains(&amount) { Ok(amount) } else { Err(Problem::invalid("the amount is out of range")) }
}

fn check_currency(currency: &str) -> Result<Currency, Problem> {
    let letters = Currency::try_from(currency.as_bytes()).ok();
    letters
        .filter(|code| code.iter().all(u8::is_ascii_uppercase))
        .ok_or(Problem::invalid("a currency is three capital letters"))
}

fn check_url(url: &str) -> Result<&str, Problem> {
    if url.starts_with("http://") && url.len() <= URL_CHARS_MAX {
        Ok(url)
    } else {
        Err(Problem::invalid("notify_url must begin with http:// and have at most 500 characters"))
    }
}

fn is_zero(amount: &i64) -> bool {
    *amount == 0
}
