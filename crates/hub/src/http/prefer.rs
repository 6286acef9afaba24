//! `Prefer: wait=N` (RFC 7240, section 4.3): how many seconds a caller would rather wait for the end than ask again.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName};

/// The header's name.
const HEADER: HeaderName = HeaderName::from_static("prefer");
/// The longest wait, in seconds: a customer at a terminal; below the timeout of a request.
pub const WAIT_SECONDS_MAX: u64 = 60;

/// The wait that a request prefers, cut at [`WAIT_SECONDS_MAX`]. A preference that cannot be read is none, as the standard
/// says.
pub fn wait(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(HEADER).iter().filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| value.split(','));
    let seconds = preferences.filter_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().parse::<u64>().ok())?
    });
    let seconds = seconds.into_iter().next()?.min(WAIT_SECONDS_MAX);
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert("prefer", value.parse().unwrap());
        wait(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_read_among_other_preferences_and_cut() {
        assert_eq!(of("wait=10"), Some(10));
        assert_eq!(of("respond-async, Wait = 5"), Some(5));
        assert_eq!(of("wait=3600"), Some(WAIT_SECONDS_MAX));
        for none in ["wait", "wait=0", "wait=x", "waiting=5", ""] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
