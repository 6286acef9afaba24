//! The merchant's business day: from midnight to midnight in its own zone, as instants. It has 23 or 25 hours when the clocks
//! change.

use anyhow::Context;
use domain::time::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// How a day is written.
const FORM: &str = "%Y-%m-%d";

/// One day of one zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusinessDay {
    /// Which one.
    pub date: Date,
    /// Its first instant.
    pub starts_at: Timestamp,
    /// The first instant of the next day.
    pub ends_at: Timestamp,
}

impl BusinessDay {
    /// That day in a zone.
    pub fn try_new(date: Date, zone: &TimeZone) -> Result<Self, jiff::Error> {
        Ok(Self { date, starts_at: midnight(date, zone)?, ends_at: midnight(date.tomorrow()?, zone)? })
    }
}

/// The first instant of a day: where the clocks jump over midnight, the one that they jump to.
fn midnight(date: Date, zone: &TimeZone) -> Result<Timestamp, jiff::Error> {
    Ok(Timestamp(date.to_zoned(zone.clone())?.timestamp().as_millisecond()))
}

/// The zone of an IANA name.
pub fn zone(name: &str) -> anyhow::Result<TimeZone> {
    TimeZone::get(name)
        .with_context(|| format!("There is no time zone {name:?}. Give an IANA name, for example Asia/Tokyo"))
}

/// The day that it is in a zone.
pub fn today(now: Timestamp, zone: &TimeZone) -> Result<Date, jiff::Error> {
    Ok(jiff::Timestamp::from_millisecond(now.0)?.to_zoned(zone.clone()).date())
}

/// Reads a day in its one form, `YYYY-MM-DD`.
pub fn parse(text: &str) -> Option<Date> {
    Date::strptime(FORM, text).ok().filter(|date| date.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn a_day_is_as_long_as_its_clocks_make_it() {
        for (name, date, starts_at, hours) in [
            ("Asia/Tokyo", "2025-11-22", "2025-11-21T15:00:00Z", 24),
            ("Europe/London", "2025-03-30", "2025-03-30T00:00:00Z", 23),
            ("Europe/London", "2025-10-26", "2025-10-25T23:00:00Z", 25),
            ("America/New_York", "2025-03-09", "2025-03-09T05:00:00Z", 23),
            ("America/New_York", "2025-11-02", "2025-11-02T04:00:00Z", 25),
            // There is no midnight that day: the clocks go from 23:59 to 01:00.
            ("Asia/Beirut", "2025-03-30", "2025-03-29T22:00:00Z", 23),
        ] {
            let day = BusinessDay::try_new(parse(date).unwrap(), &zone(name).unwrap()).unwrap();
            let expected: jiff::Timestamp = starts_at.parse().unwrap();
            assert_eq!(day.starts_at.0, expected.as_millisecond(), "{name} {date}");
            assert_eq!((day.ends_at.0 - day.starts_at.0) / HOUR_MS, hours, "{name} {date}");
        }
    }

    #[test]
    fn days_follow_each_other_without_a_gap() {
        let zone = zone("Europe/London").unwrap();
        let mut day = BusinessDay::try_new(parse("2025-01-01").unwrap(), &zone).unwrap();
        for _ in 0..366 {
            let next = BusinessDay::try_new(day.date.tomorrow().unwrap(), &zone).unwrap();
            assert_eq!(day.ends_at, next.starts_at);
            assert_eq!(today(day.starts_at, &zone).unwrap(), day.date);
            assert_eq!(today(Timestamp(day.ends_at.0 - 1), &zone).unwrap(), day.date);
            day = next;
        }
    }

    #[test]
    fn a_day_has_one_form() {
        assert_eq!(parse("2025-11-22").unwrap().to_string(), "2025-11-22");
        for wrong in ["", "2025-1-2", "2025-02-30", "22.11.2025", "2025-11-22T00:00", " 2025-11-22"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert!(zone("Asia/Nowhere").is_err());
    }
}
