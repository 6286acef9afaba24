//! When a delivery is tried again, and for how long an endpoint that fails is left alone.

use uuid::Uuid;

use crate::time::Timestamp;
use crate::webhook_endpoint::WebhookEndpoint;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// What lies between two attempts, in milliseconds, before the jitter: seven days in all. A restart is bridged in seconds, a
/// night by hours, a weekend with a holiday by the last ones.
const DELAYS_MS: [i64; 15] = [
    5 * SECOND_MS,
    30 * SECOND_MS,
    2 * MINUTE_MS,
    10 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    4 * HOUR_MS,
    8 * HOUR_MS,
    12 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
    28 * HOUR_MS,
    32 * HOUR_MS,
    36 * HOUR_MS,
];

/// Attempts at one delivery: the first, and one after each delay.
pub const ATTEMPTS_MAX: u32 = DELAYS_MS.len() as u32 + 1;

/// A delay is up to a tenth shorter or longer, in thousandths: what failed together does not come back together.
const JITTER_PER_MILLE: i64 = 100;

/// The longest that a receiver may send us away by `Retry-After`, in milliseconds: a day.
pub const RETRY_AFTER_MS_MAX: i64 = 24 * HOUR_MS;

/// Failures in a row from which an endpoint is left alone, whatever it answers: one event that it cannot stand is not
/// held against it.
const STRAIN_MIN: u32 = 3;
/// The first pause of an endpoint, in milliseconds; it doubles with each failure after it.
const PAUSE_MS: i64 = 5 * SECOND_MS;
/// The longest, in milliseconds: an endpoint that is back is found within it, and one that is dead costs one request in
/// this time, however much waits for it.
pub const PAUSE_MS_MAX: i64 = 5 * MINUTE_MS;
/// Doublings after which the pause is the longest for sure.
const DOUBLINGS_MAX: u32 = 16;

/// When a delivery is tried again after so many attempts; `None` when it is given up.
pub(super) fn next_attempt(
    now: Timestamp,
    attempts: u32,
    retry_after_ms: Option<i64>,
    random: Uuid,
) -> Option<Timestamp> {
    let delay_ms = DELAYS_MS.get(usize::try_from(attempts.checked_sub(1)?).ok()?)?;
    let asked_ms = retry_after_ms.unwrap_or(0).clamp(0, RETRY_AFTER_MS_MAX);
    Some(now.plus_ms(jittered(*delay_ms, random).max(asked_ms)))
}

fn jittered(delay_ms: i64, random: Uuid) -> i64 {
    // The low bits of an id are random; a few hundred of them do for a tenth.
    let low = i64::from(u16::try_from(random.as_u128() & 0xffff).unwrap_or(0));
    let span = JITTER_PER_MILLE.saturating_mul(2).saturating_add(1);
    let per_mille = 1_000_i64.saturating_sub(JITTER_PER_MILLE).saturating_add(low.checked_rem(span).unwrap_or(0));
    delay_ms.saturating_mul(per_mille).saturating_div(1_000)
}

/// Notes a failure of the endpoint. What was under way when the pause began does not count again.
pub(super) fn strain(endpoint: &mut WebhookEndpoint, now: Timestamp, is_away: bool, retry_after_ms: Option<i64>) {
    if !endpoint.is_paused(now) {
        endpoint.strain = endpoint.strain.saturating_add(1);
        if is_away || endpoint.strain >= STRAIN_MIN {
            endpoint.paused_until = Some(now.plus_ms(pause_ms(endpoint.strain)));
        }
    }
    if let Some(asked_ms) = retry_after_ms {
        let asked = now.plus_ms(asked_ms.clamp(0, RETRY_AFTER_MS_MAX));
        endpoint.paused_until = endpoint.paused_until.max(Some(asked));
    }
}

/// Notes a success: the endpoint is well again. What was under way when a pause began says nothing about it.
pub(super) fn relieve(endpoint: &mut WebhookEndpoint, now: Timestamp) {
    if !endpoint.is_paused(now) {
        (endpoint.strain, endpoint.paused_until) = (0, None);
    }
}

fn pause_ms(strain: u32) -> i64 {
    let doublings = strain.saturating_sub(1).min(DOUBLINGS_MAX);
    let factor = 1_i64.checked_shl(doublings).unwrap_or(i64::MAX);
    PAUSE_MS.saturating_mul(factor).min(PAUSE_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NOW;

    fn random(low: u128) -> Uuid {
        Uuid::from_u128(low)
    }

    #[test]
    fn sixteen_attempts_take_seven_days() {
        assert_eq!(ATTEMPTS_MAX, 16);
        let total: i64 = DELAYS_MS.iter().sum();
        assert!((total - 7 * 24 * HOUR_MS).abs() < HOUR_MS, "{total}");
        assert!(DELAYS_MS.is_sorted());
        assert_eq!(next_attempt(NOW, ATTEMPTS_MAX, None, random(0)), None);
    }

    #[test]
    fn jitter_is_a_tenth_at_most() {
        let delays: Vec<i64> =
            (0..1_000).map(|low| next_attempt(NOW, 6, None, random(low)).unwrap().ms_since(NOW)).collect();
        assert_eq!(delays.iter().min(), Some(&(HOUR_MS / 10 * 9)));
        assert_eq!(delays.iter().max(), Some(&(HOUR_MS / 10 * 11)));
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_and_not_for_less() {
        let delay = |asked| next_attempt(NOW, 1, asked, random(100)).unwrap().ms_since(NOW);
        assert_eq!(delay(None), 5 * SECOND_MS);
        assert_eq!(delay(Some(SECOND_MS)), 5 * SECOND_MS);
        assert_eq!(delay(Some(HOUR_MS)), HOUR_MS);
        assert_eq!(delay(Some(i64::MAX)), RETRY_AFTER_MS_MAX);
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<i64> = (1..=8).map(|strain| pause_ms(strain) / SECOND_MS).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(pause_ms(u32::MAX), PAUSE_MS_MAX);
    }
}
