//! The time of day that a shop's clock shows. The rules know instants only; a receipt is read by people.

use domain::receipt::CivilTime;
use domain::time::Timestamp;
use jiff::tz::TimeZone;

/// The time in an IANA zone; `None` for a zone that nobody knows.
pub fn civil_time(at: Timestamp, zone: &str) -> Option<CivilTime> {
    let zone = TimeZone::get(zone).ok()?;
    let time = jiff::Timestamp::from_millisecond(at.0).ok()?.to_zoned(zone);
    let number = |part: i8| u8::try_from(part).ok();
    Some(CivilTime {
        year: time.year(),
        month: number(time.month())?,
        day: number(time.day())?,
        hour: number(time.hour())?,
        minute: number(time.minute())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_reads_its_own_clock() {
        // 2026-11-22T15:30Z: in Tokyo it is the next day.
        let at = Timestamp(1_795_361_400_000);
        for (zone, time) in
            [("Asia/Tokyo", "2026-11-23T00:30"), ("Europe/Berlin", "2026-11-22T16:30"), ("UTC", "2026-11-22T15:30")]
        {
            assert_eq!(civil_time(at, zone).unwrap().to_string(), time, "{zone}");
        }
        assert_eq!(civil_time(at, "Asia/Edo"), None);
        assert_eq!(civil_time(Timestamp(i64::MAX), "UTC"), None);
    }
}
