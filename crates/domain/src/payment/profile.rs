//! A provider's timings and capabilities, as data. Every wait has a name here.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

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
    /// The request goes over the channel of a terminal, which hangs on one hub of several: an operation waits as recorded
    /// until that hub claims it, for `answer_timeout_ms` at most. What nobody claimed has certainly not been sent.
    #[serde(default, skip_serializing_if = "is_absent")]
    pub is_relayed: bool,
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
    /// The shop shows a code and the customer pays it.
    #[serde(default, skip_serializing_if = "is_absent")]
    pub has_present: bool,
    /// The customer shows a code and the register scans it.
    #[serde(default, skip_serializing_if = "is_absent")]
    pub has_scan: bool,
    /// The customer is sent to a page of the provider.
    #[serde(default, skip_serializing_if = "is_absent")]
    pub has_redirect: bool,
    /// The provider tells only what became of the request before: a refund waits until the one before it has ended.
    #[serde(default, skip_serializing_if = "is_absent")]
    pub is_one_at_a_time: bool,
    /// The largest charge, in minor units, where the provider has a limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_minor_max: Option<i64>,
    /// From the intent on: after this a charge whose customer showed a code is given up, where that is another time than
    /// `poll_horizon_ms`. A customer who confirms on the phone stands at the till; one who pays a code may still be looking
    /// for the phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_horizon_ms: Option<i64>,
    /// From the charge's intent on: before this a charge whose customer showed a code is neither reversed nor voided, where
    /// the provider asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_hold_ms: Option<i64>,
    /// A void ends at a time of day besides its window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void_cutoff: Option<Cutoff>,
    /// A refund ends at a time of day besides its window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_cutoff: Option<Cutoff>,
}

/// What is not there is not written: a profile that was stored before there were wallets reads and writes as it did.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_absent(has: &bool) -> bool {
    !*has
}

/// A time of day by the provider's clock, so many days after that of the charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cutoff {
    /// How far the provider's clock is before UTC. Providers with a cut-off so far live where it never changes.
    pub utc_offset_ms: i64,
    /// Zero is the day of the charge.
    pub days: i64,
    /// The first millisecond that is too late, from midnight on.
    pub time_of_day_ms: i64,
}

impl Cutoff {
    /// The first instant that is too late for a charge.
    pub const fn of(self, charged_at: Timestamp) -> Timestamp {
        let local_ms = charged_at.0.saturating_add(self.utc_offset_ms);
        let day = local_ms.div_euclid(DAY_MS).saturating_add(self.days);
        let ms = day.saturating_mul(DAY_MS).saturating_add(self.time_of_day_ms);
        Timestamp(ms.saturating_sub(self.utc_offset_ms))
    }
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
            is_relayed: false,
            capture_window_ms: 7 * DAY_MS,
            void_window_ms: DAY_MS,
            refund_window_ms: 365 * DAY_MS,
            has_partial_refund: true,
            has_authorize: true,
            late_approval: LateApproval::Refund,
            has_present: false,
            has_scan: false,
            has_redirect: false,
            is_one_at_a_time: false,
            amount_minor_max: None,
            scan_horizon_ms: None,
            undo_hold_ms: None,
            void_cutoff: None,
            refund_cutoff: None,
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
            is_relayed: false,
            capture_window_ms: 0,
            void_window_ms: DAY_MS,
            refund_window_ms: 365 * DAY_MS,
            has_partial_refund: true,
            has_authorize: false,
            late_approval: LateApproval::AskPerson,
            has_present: false,
            has_scan: false,
            has_redirect: false,
            is_one_at_a_time: false,
            amount_minor_max: None,
            scan_horizon_ms: None,
            undo_hold_ms: None,
            void_cutoff: None,
            refund_cutoff: None,
        }
    }

    /// The timings that hold for one payment: one whose customer showed a code may have some of its own.
    pub fn of_payment(&self, is_scanned: bool) -> Self {
        let scan_horizon_ms = self.scan_horizon_ms.filter(|_| is_scanned);
        Self {
            poll_horizon_ms: scan_horizon_ms.unwrap_or(self.poll_horizon_ms),
            undo_hold_ms: self.undo_hold_ms.filter(|_| is_scanned),
            ..self.clone()
        }
    }

    /// An app on the register's device: as a stand-alone terminal, but the app tells by itself how it went. What it has
    /// not told when a customer has had time for card and PIN, a person tells.
    pub const fn card_app() -> Self {
        Self {
            answer_timeout_ms: 5 * MINUTE_MS,
            poll_horizon_ms: 5 * MINUTE_MS,
            finality_window_ms: 5 * MINUTE_MS,
            resolve_by_ms: 5 * MINUTE_MS,
            ..Self::manual()
        }
    }

    /// A terminal on the hub's own channel (`docs/protocols/terminal-channel.md`): it keeps its results, so it can be asked,
    /// and it can be told to call a charge off. The customer has as long as the card schemes' terminals usually give.
    pub const fn terminal() -> Self {
        Self {
            answer_timeout_ms: 5 * SECOND_MS,
            poll_period_ms: 2 * SECOND_MS,
            poll_period_ms_max: 10 * SECOND_MS,
            poll_horizon_ms: 3 * MINUTE_MS,
            finality_window_ms: 15 * SECOND_MS,
            resolve_by_ms: 30 * SECOND_MS,
            give_up_ms: 15 * MINUTE_MS,
            has_inquiry: true,
            has_reversal: true,
            is_keyed_by_hand: false,
            is_relayed: true,
            capture_window_ms: 7 * DAY_MS,
            void_window_ms: DAY_MS,
            refund_window_ms: 365 * DAY_MS,
            has_partial_refund: true,
            has_authorize: true,
            late_approval: LateApproval::Refund,
            has_present: false,
            has_scan: false,
            has_redirect: false,
            is_one_at_a_time: false,
            scan_horizon_ms: None,
            undo_hold_ms: None,
            amount_minor_max: None,
            void_cutoff: None,
            refund_cutoff: None,
        }
    }

    /// The first instant at which a charge can no longer be voided.
    pub fn void_until(&self, charged_at: Timestamp) -> Timestamp {
        earliest(charged_at, self.void_window_ms, self.void_cutoff)
    }

    /// The first instant at which a charge can no longer be refunded.
    pub fn refund_until(&self, charged_at: Timestamp) -> Timestamp {
        earliest(charged_at, self.refund_window_ms, self.refund_cutoff)
    }
}

fn earliest(charged_at: Timestamp, window_ms: i64, cutoff: Option<Cutoff>) -> Timestamp {
    let until = charged_at.plus_ms(window_ms);
    cutoff.map_or(until, |cutoff| until.min(cutoff.of(charged_at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 00:15 in Tokyo on the day after.
    const NEXT_DAY: Cutoff = Cutoff { utc_offset_ms: 9 * HOUR_MS, days: 1, time_of_day_ms: 15 * MINUTE_MS };
    /// 1 June 2026, 00:00 in Tokyo.
    const MIDNIGHT: Timestamp = Timestamp(1_780_239_600_000);

    #[test]
    fn a_cutoff_is_a_time_of_day_where_the_provider_is() {
        let expected = MIDNIGHT.plus_ms(DAY_MS + 15 * MINUTE_MS);
        for charged_at in [MIDNIGHT, MIDNIGHT.plus_ms(12 * HOUR_MS), MIDNIGHT.plus_ms(DAY_MS - 1)] {
            assert_eq!(NEXT_DAY.of(charged_at), expected, "{charged_at:?}");
        }
        assert_eq!(NEXT_DAY.of(MIDNIGHT.plus_ms(-1)), MIDNIGHT.plus_ms(15 * MINUTE_MS));
    }

    #[test]
    fn the_window_or_the_cutoff_ends_first() {
        let profile = Profile { void_window_ms: HOUR_MS, void_cutoff: Some(NEXT_DAY), ..Profile::sandbox() };
        assert_eq!(profile.void_until(MIDNIGHT), MIDNIGHT.plus_ms(HOUR_MS));
        let profile = Profile { void_window_ms: 2 * DAY_MS, ..profile };
        assert_eq!(profile.void_until(MIDNIGHT), NEXT_DAY.of(MIDNIGHT));
        assert_eq!(profile.refund_until(MIDNIGHT), MIDNIGHT.plus_ms(365 * DAY_MS));
    }

    #[test]
    fn a_payment_by_a_scanned_code_has_timings_of_its_own() {
        let profile = Profile { scan_horizon_ms: Some(30_000), undo_hold_ms: Some(15_000), ..Profile::sandbox() };
        let (scanned, shown) = (profile.of_payment(true), profile.of_payment(false));
        assert_eq!((scanned.poll_horizon_ms, scanned.undo_hold_ms), (30_000, Some(15_000)));
        assert_eq!((shown.poll_horizon_ms, shown.undo_hold_ms), (Profile::sandbox().poll_horizon_ms, None));
        assert_eq!(Profile::sandbox().of_payment(true), Profile::sandbox());
    }

    #[test]
    fn a_profile_without_wallets_is_written_as_before_and_an_old_one_is_read() {
        let text = serde_json::to_string(&Profile::sandbox()).unwrap();
        assert!(!text.contains("has_scan") && !text.contains("cutoff"), "{text}");
        assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), Profile::sandbox());
        assert!(!text.contains("horizon_ms\":null") && !text.contains("hold"), "{text}");
        let wallet =
            Profile { has_scan: true, undo_hold_ms: Some(1), refund_cutoff: Some(NEXT_DAY), ..Profile::sandbox() };
        let text = serde_json::to_string(&wallet).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), wallet);
    }
}
