//! The clock of the played wallets, and how they write what it says.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::options::DELAY_MS_MAX;

thread_local! {
    /// A moment of the runtime's clock, and what the providers' clocks said then, where they follow it.
    static FOLLOWED: Cell<Option<(Instant, i64)>> = const { Cell::new(None) };
}

/// From now on the clocks of all providers that are played on this thread follow the runtime's, and say `now_ms` at this
/// moment. For a runtime of one thread whose time is paused.
pub fn follow_runtime(now_ms: i64) {
    FOLLOWED.set(Some((Instant::now(), now_ms)));
}

/// Now, in milliseconds of the epoch.
pub(crate) fn now_ms() -> i64 {
    match FOLLOWED.get() {
        Some((at, ms)) => ms.saturating_add(i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX)),
        None => system_ms(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a played provider has a clock of its own")]
fn system_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// A wait of so many milliseconds, cut to the longest that can be asked for.
pub(crate) fn bounded(ms: u64) -> Duration {
    Duration::from_millis(ms.min(DELAY_MS_MAX))
}

/// China is eight hours before UTC.
const CHINA_S: i64 = 8 * 3_600;

/// The wall clock in China: `2026-01-28 10:30:00`.
pub(crate) fn wall_time(at_ms: i64) -> String {
    instant(at_ms.div_euclid(1_000) + CHINA_S).replace('T', " ").replace('Z', "")
}

/// The same after ISO 8601: `2026-01-28T10:30:00+08:00`.
pub(crate) fn china_time(at_ms: i64) -> String {
    instant(at_ms.div_euclid(1_000) + CHINA_S).replace('Z', "+08:00")
}

/// Seconds of a day, and days of an era of the Gregorian calendar.
const DAY_S: i64 = 86_400;
const ERA_DAYS: i64 = 146_097;

/// Seconds of the epoch as ISO 8601, after the well-known civil calendar arithmetic that counts years from March.
pub(crate) fn instant(at_s: i64) -> String {
    let (days, second) = (at_s.div_euclid(DAY_S) + 719_468, at_s.rem_euclid(DAY_S));
    let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_as_in_document_004() {
        assert_eq!(instant(1_769_596_200), "2026-01-28T10:30:00Z");
        assert_eq!(instant(1_709_164_799), "2024-02-28T23:59:59Z");
        assert_eq!(instant(1_709_164_800), "2024-02-29T00:00:00Z");
        assert_eq!(instant(0), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn china_is_eight_hours_ahead() {
        assert_eq!(wall_time(1_769_567_400_999), "2026-01-28 10:30:00");
        assert_eq!(china_time(1_769_567_400_999), "2026-01-28T10:30:00+08:00");
    }
}
