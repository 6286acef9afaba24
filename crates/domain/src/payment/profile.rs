//! A provider's timings and capabilities, as data. Every wait has a name here.

use serde::{Deserialize, Serialize};

/// How a provider behaves in doubt. All times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// How long the sender waits for the reply to a request.
    pub answer_timeout_ms: i64,
    /// The pause between two inquiries or repeats, at first.
    pub poll_period_ms: i64,
    /// The longest pause between two: it grows with the age of the operation, so that a long outage is not hammered.
    pub poll_period_ms_max: i64,
    /// From the intent on: after this a charge that still waits for the customer is given up.
    pub poll_horizon_ms: i64,
    /// From the intent on: before this a `NotFound` proves nothing, the request may still be in flight.
    pub finality_window_ms: i64,
    /// From the provider being reachable again: by then the doubt is settled or a person has an exception.
    pub resolve_by_ms: i64,
    /// The last resort, from the intent on, for a provider that never comes back: then a person has an exception.
    pub give_up_ms: i64,
    /// The provider can be asked how an operation ended.
    pub has_inquiry: bool,
    /// The provider can undo a charge by its reference even if it does not know the outcome.
    pub has_reversal: bool,
    /// Nothing is ever sent: an operator keys the amount into a stand-alone terminal and tells how it went.
    pub is_keyed_by_hand: bool,
    /// From the charge's intent on: how long an authorization can be captured. Zero: never.
    pub capture_window_ms: i64,
    /// From the charge's intent on: how long it can be voided. Zero: never.
    pub void_window_ms: i64,
    /// From the charge's intent on: how long it can be refunded. Zero: never.
    pub refund_window_ms: i64,
    /// A part of a charge can be refunded.
    pub has_partial_refund: bool,
    /// Promise and capture can be two steps.
    pub has_authorize: bool,
    /// What to do with an approval that comes after the charge was told to be off.
    pub late_approval: LateApproval,
}

/// What happens to money that moved after everybody was told it did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateApproval {
    /// Give it back at once, and open an exception.
    Refund,
    /// Open an exception only: a person decides.
    AskPerson,
}

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

impl Profile {
    /// The sandbox: every capability, and timings short enough to watch.
    pub const fn sandbox() -> Self {
        Self {
            answer_timeout_ms: SECOND_MS,
            poll_period_ms: 200,
            poll_period_ms_max: 2 * SECOND_MS,
            poll_horizon_ms: 20 * SECOND_MS,
            finality_window_ms: 1_500,
            resolve_by_ms: 30 * SECOND_MS,
            give_up_ms: HOUR_MS,
            has_inquiry: true,
            has_reversal: true,
            is_keyed_by_hand: false,
            capture_window_ms: 7 * DAY_MS,
            void_window_ms: DAY_MS,
            refund_window_ms: 365 * DAY_MS,
            has_partial_refund: true,
            has_authorize: true,
            late_approval: LateApproval::Refund,
        }
    }

    /// A stand-alone terminal: an operator keys the amount in and tells how it went, so a person ends every doubt.
    pub const fn manual() -> Self {
        Self {
            answer_timeout_ms: 15 * MINUTE_MS,
            poll_period_ms: MINUTE_MS,
            poll_period_ms_max: HOUR_MS,
            poll_horizon_ms: 15 * MINUTE_MS,
            finality_window_ms: 15 * MINUTE_MS,
            resolve_by_ms: 15 * MINUTE_MS,
            give_up_ms: DAY_MS,
            has_inquiry: false,
            has_reversal: false,
            is_keyed_by_hand: true,
            capture_window_ms: 0,
            void_window_ms: DAY_MS,
            refund_window_ms: 365 * DAY_MS,
            has_partial_refund: true,
            has_authorize: false,
            late_approval: LateApproval::AskPerson,
        }
    }
}
