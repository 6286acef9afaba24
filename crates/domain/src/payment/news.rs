//! What the events of a payment tell: facts that a consumer can act on without asking back.

use serde::Serialize;

use super::{Kind, OperationState, Reason, State};
use crate::id::{ConnectionId, LocationId, OperationId, RegisterId, SaleId};
use crate::money::Currency;

/// The event of a payment that came to stand at `state`, or stands there with other amounts.
pub(super) const fn state_event(state: State) -> &'static str {
    match state {
        State::InProgress => "payment.in_progress",
        State::InDoubt => "payment.in_doubt",
        State::NeedsPerson => "payment.needs_person",
        State::Authorized => "payment.authorized",
        State::Captured => "payment.captured",
        State::PartiallyRefunded => "payment.partially_refunded",
        State::Refunded => "payment.refunded",
        State::Voided => "payment.voided",
        State::Reversed => "payment.reversed",
        State::Declined => "payment.declined",
        State::Cancelled => "payment.cancelled",
        State::NotSent => "payment.not_sent",
    }
}

/// The event of an operation that was recorded to be asked of the provider.
pub(super) const fn asked_event(kind: Kind) -> &'static str {
    match kind {
        Kind::Authorize => "payment.authorize_asked",
        Kind::Capture => "payment.capture_asked",
        Kind::Purchase => "payment.purchase_asked",
        Kind::Void => "payment.void_asked",
        Kind::Refund => "payment.refund_asked",
        Kind::Reversal => "payment.reversal_asked",
    }
}

/// The event of an operation that came to nothing; of a charge the payment's state tells.
pub(super) const fn ended_event(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Authorize | Kind::Purchase => None,
        Kind::Capture => Some("payment.capture_declined"),
        Kind::Void => Some("payment.void_declined"),
        Kind::Refund => Some("payment.refund_declined"),
        Kind::Reversal => Some("payment.reversal_declined"),
    }
}

/// Why an operation came to nothing, where a witness said so.
pub(super) fn reason_of(state: &OperationState) -> Option<&str> {
    match state {
        OperationState::NotSent(Reason(reason)) | OperationState::Declined(Reason(reason)) => Some(reason),
        OperationState::Recorded
        | OperationState::Sent
        | OperationState::Unknown
        | OperationState::NotFound
        | OperationState::Pending
        | OperationState::Cancelled
        | OperationState::Approved(_) => None,
    }
}

/// `payment.created`.
#[derive(Serialize)]
pub(super) struct Created<'a> {
    pub kind: &'static str,
    pub location: LocationId,
    pub register: RegisterId,
    pub connection: ConnectionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sale: Option<SaleId>,
    pub currency: Currency,
    pub asked_minor: i64,
    pub reference: &'a str,
}

/// `payment.code_presented`. The code itself is read with the payment.
#[derive(Serialize)]
pub(super) struct CodePresented {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
}

/// The events of [`state_event`].
#[derive(Serialize)]
pub(super) struct Standing<'a> {
    pub state: &'static str,
    pub currency: Currency,
    pub asked_minor: i64,
    pub approved_minor: i64,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub customer_charged: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sale: Option<SaleId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// The events of [`asked_event`].
#[derive(Serialize)]
pub(super) struct Asked<'a> {
    pub operation: OperationText,
    pub asked_minor: i64,
    pub by: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'a str,
}

/// The events of [`ended_event`].
#[derive(Serialize)]
pub(super) struct Ended<'a> {
    pub operation: OperationText,
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// `payment.approved_late`.
#[derive(Serialize)]
pub(super) struct Late {
    pub at_risk_minor: i64,
    pub is_given_back: bool,
}

/// `payment.person_asked`.
#[derive(Serialize)]
pub(super) struct PersonAsked {
    pub operation: OperationText,
    pub why: &'static str,
}

/// `payment.overridden`.
#[derive(Serialize)]
pub(super) struct Overridden<'a> {
    pub operation: OperationText,
    pub verdict: &'static str,
    pub by: &'a str,
    pub reason: &'a str,
}

/// An operation's id as the provider knows it.
pub(super) struct OperationText(pub OperationId);

impl Serialize for OperationText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
