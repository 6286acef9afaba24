//! An instant as the shop's clock shows it, for people at a command line.

use domain::time::Timestamp;
use jiff::tz::TimeZone;

/// To the millisecond, with the offset: two zones in one terminal are not to be confused.
const FORM: &str = "%Y-%m-%d %H:%M:%S%.3f %:z";

/// The time in an IANA zone; in UTC where the zone is not known, and as a number where the instant is no date.
pub fn local_time(at: Timestamp, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(instant) => instant.to_zoned(zone).strftime(FORM).to_string(),
        Err(_) => format!("{} ms", at.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_told() {
        // 2026-11-22T15:30Z.
        let at = Timestamp(1_795_361_400_007);
        assert_eq!(local_time(at, "Asia/Tokyo"), "2026-11-23 00:30:00.007 +09:00");
        assert_eq!(local_time(at, "Asia/Edo"), "2026-11-22 15:30:00.007 +00:00");
    }
}
