//! How something goes: a route says since when it is deprecated, when it may be gone and what to use instead, and each answer
//! of it tells so in its head (RFC 9745, RFC 8594, RFC 8288). `docs/guides/versioning.md` has the rule.

use axum::http::header::{HeaderMap, HeaderName, HeaderValue, LINK};
use jiff::civil::Date;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Since when it is deprecated, as a date of structured fields.
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
/// From when it may be gone, as a date of HTTP.
const SUNSET: HeaderName = HeaderName::from_static("sunset");
/// How long what is deprecated works at least: what was promised to those who built on it.
const MONTHS_MIN: i64 = 12;

/// That a route is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deprecation {
    /// The day since which it is, in UTC.
    pub since: Date,
    /// The day from which it may be gone, in UTC.
    pub gone_from: Date,
    /// The `operationId` of what to use instead; `/docs` has a place for it.
    pub instead: &'static str,
}

impl Deprecation {
    /// Whether it is given as much time as was promised.
    pub fn is_in_time(&self) -> bool {
        self.since.checked_add(MONTHS_MIN.months()).is_ok_and(|least| self.gone_from >= least)
    }

    /// Tells of it in the head of an answer. Links that are there already stay.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let instead = self.instead;
        let told = [
            (DEPRECATION, start_of(self.since).map(|at| format!("@{}", at.as_second()))),
            (
                SUNSET,
                start_of(self.gone_from).and_then(|at| DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()),
            ),
            (
                LINK,
                Some(format!("</docs#{instead}>; rel=\"deprecation\", </docs#{instead}>; rel=\"successor-version\"")),
            ),
        ];
        for (name, text) in told {
            if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
                headers.append(name, value);
            }
        }
    }
}

fn start_of(day: Date) -> Option<Timestamp> {
    day.to_zoned(TimeZone::UTC).ok().map(|start| start.timestamp())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_year_is_the_least_that_is_given() {
        let since = date(2026, 1, 1);
        let until = |gone_from| Deprecation { since, gone_from, instead: "createSale" };
        assert!(until(date(2027, 1, 1)).is_in_time());
        assert!(!until(date(2026, 12, 31)).is_in_time());
    }

    #[test]
    fn the_head_tells_since_when_until_when_and_what_instead() {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, HeaderValue::from_static("</v1/next>; rel=\"next\""));
        let going = Deprecation { since: date(2026, 1, 1), gone_from: date(2027, 2, 1), instead: "createSale" };
        going.tell(&mut headers);
        assert_eq!(headers["deprecation"], "@1767225600");
        assert_eq!(headers["sunset"], "Mon, 01 Feb 2027 00:00:00 GMT");
        let links: Vec<_> = headers.get_all(LINK).iter().map(|link| link.to_str().unwrap()).collect();
        let own = "</docs#createSale>; rel=\"deprecation\", </docs#createSale>; rel=\"successor-version\"";
        assert_eq!(links, ["</v1/next>; rel=\"next\"", own]);
    }
}
