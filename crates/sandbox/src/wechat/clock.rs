//! Times as WeChat writes them: RFC 3339 by the clocks of Beijing, and in v2 fourteen digits.

/// Seconds of a day, of an hour, and of Beijing before UTC; days of an era of the Gregorian calendar.
const DAY_S: i64 = 86_400;
const HOUR_S: i64 = 3_600;
const BEIJING_S: i64 = 8 * HOUR_S;
const ERA_DAYS: i64 = 146_097;

/// `2026-11-30T18:00:00+08:00`.
pub(super) fn written(at_ms: i64) -> String {
    let [year, month, day, hour, minute, second] = civil(at_ms);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+08:00")
}

/// `20261130180000`.
pub(super) fn digits(at_ms: i64) -> String {
    let [year, month, day, hour, minute, second] = civil(at_ms);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// After the well-known civil calendar arithmetic that counts years from March.
fn civil(at_ms: i64) -> [i64; 6] {
    let at_s = at_ms.div_euclid(1_000) + BEIJING_S;
    let (days, second) = (at_s.div_euclid(DAY_S) + 719_468, at_s.rem_euclid(DAY_S));
    let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    [year, month, day, second / HOUR_S, second / 60 % 60, second % 60]
}

/// The milliseconds of the epoch that a text in the form of [`written`] stands for.
pub(super) fn read(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once('T')?;
    let (time, _) = rest.split_once("+08:00").filter(|(_, rest)| rest.is_empty())?;
    let date: Vec<i64> = date.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let time: Vec<i64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let ([year, month, day], [hour, minute, second]) = (date.as_slice(), time.as_slice()) else { return None };
    let year = if *month <= 2 { year - 1 } else { *year };
    let from_march = if *month > 2 { month - 3 } else { month + 9 };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * from_march + 2) / 5 + day - 1;
    let days = era * ERA_DAYS + day_of_era - 719_468;
    let at_ms = (days * DAY_S + hour * HOUR_S + minute * 60 + second - BEIJING_S) * 1_000;
    // Only what is written back the same was a time.
    (written(at_ms) == text).then_some(at_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_and_read() {
        for (at_s, text) in [
            (0, "1970-01-01T08:00:00+08:00"),
            (1_709_164_799, "2024-02-29T07:59:59+08:00"),
            (1_769_596_200, "2026-01-28T18:30:00+08:00"),
        ] {
            assert_eq!(written(at_s * 1_000), text);
            assert_eq!(read(text), Some(at_s * 1_000));
        }
        assert_eq!(digits(0), "19700101080000");
        for text in ["", "2026-01-28", "2026-01-28T18:30:00Z", "2026-02-30T18:30:00+08:00", "2026-1-28T18:30:00+08:00"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
