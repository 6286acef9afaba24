//! The clock on the wall in China, where Alipay and Antom are: eight hours before UTC, all year round.

use domain::time::Timestamp;
use jiff::tz::{self, TimeZone};

const OFFSET: tz::Offset = tz::offset(8);

/// As Alipay writes it: `2026-01-28 10:30:00`.
pub(crate) fn wall_time(at: Timestamp) -> String {
    write(at, "%Y-%m-%d %H:%M:%S")
}

/// As Antom writes it (ISO 8601): `2026-01-28T10:30:00+08:00`.
pub(crate) fn iso_time(at: Timestamp) -> String {
    write(at, "%Y-%m-%dT%H:%M:%S%:z")
}

/// An instant that no calendar has is written as the epoch: the provider refuses it.
fn write(at: Timestamp, format: &str) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    instant.to_zoned(TimeZone::fixed(OFFSET)).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_as_the_providers_write_it() {
        // 2026-01-28T02:30:00.999Z
        let at = Timestamp(1_769_567_400_999);
        assert_eq!((wall_time(at), iso_time(at)), ("2026-01-28 10:30:00".into(), "2026-01-28T10:30:00+08:00".into()));
        let new_year = Timestamp(1_767_196_800_000);
        assert_eq!(wall_time(new_year), "2026-01-01 00:00:00");
        assert_eq!(wall_time(Timestamp(i64::MAX)), "1970-01-01 08:00:00");
    }
}
