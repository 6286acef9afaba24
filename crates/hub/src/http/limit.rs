//! How many requests an API key may make: a bucket of tokens per key, in the memory of each hub. It keeps a client that runs
//! wild from taking the places of all others. What is left is told in every answer (draft-ietf-httpapi-ratelimit-headers).

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::error::{Kind, Problem};

/// What a key may do.
const POLICY_HEADER: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of it.
const STANDING_HEADER: HeaderName = HeaderName::from_static("ratelimit");
const SECOND_NS: u64 = 1_000_000_000;

/// How many requests a key may make of one hub.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Requests a second in the long run; 0 for no limit.
    pub per_second: u32,
    /// Requests at once, after a while of silence.
    pub burst: u32,
}

/// The limit in force.
#[derive(Debug)]
pub struct Limit {
    /// Nanoseconds in which one token comes back.
    token_ns: u64,
    /// Nanoseconds in which an empty bucket is full again.
    full_ns: u64,
    policy: HeaderValue,
}

impl Limit {
    /// The limit that the settings name, if there is one.
    pub fn of(config: Config) -> Option<Self> {
        let token_ns = SECOND_NS.checked_div(config.per_second.into())?.max(1);
        let burst = u64::from(config.burst.max(1));
        let full_ns = token_ns * burst;
        let policy = format!("\"key\";q={burst};w={}", full_ns.div_ceil(SECOND_NS));
        Some(Self { token_ns, full_ns, policy: HeaderValue::from_str(&policy).ok()? })
    }

    /// Tells the policy and what is left.
    pub fn tell(&self, standing: Standing, headers: &mut HeaderMap) {
        headers.insert(POLICY_HEADER, self.policy.clone());
        let told = format!("\"key\";r={};t={}", standing.left, standing.full_in_seconds);
        if let Ok(value) = HeaderValue::try_from(told) {
            headers.insert(STANDING_HEADER, value);
        }
    }
}

/// The tokens of one key.
#[derive(Debug, Default)]
pub struct Bucket {
    /// When it is full again, in nanoseconds of the hub's uptime.
    full_at: AtomicU64,
}

/// How a key stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether the request had a token.
    is_let_in: bool,
    /// Requests that it may make at once.
    left: u64,
    /// Seconds until it may make as many as ever.
    full_in_seconds: u64,
}

impl Bucket {
    fn take(&self, limit: &Limit, now: Duration) -> Standing {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX / 2);
        let after = |full_at: u64| full_at.max(now).saturating_add(limit.token_ns);
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            Some(after(full_at)).filter(|next| next - now <= limit.full_ns)
        });
        let full_at = taken.map_or_else(|full_at| full_at, after);
        let missing = full_at.saturating_sub(now);
        Standing {
            is_let_in: taken.is_ok(),
            left: limit.full_ns.saturating_sub(missing) / limit.token_ns,
            full_in_seconds: missing.div_ceil(SECOND_NS),
        }
    }
}

tokio::task_local! {
    /// How the key of the request at work stands, from where the key is read to where the answer goes out.
    static STANDING: Cell<Option<Standing>>;
}

/// Lets a request go on if its key has a token left.
pub fn admit(limit: Option<&Limit>, bucket: &Bucket, now: Duration) -> Result<(), Problem> {
    let Some(limit) = limit else { return Ok(()) };
    let standing = bucket.take(limit, now);
    // Outside of a request nobody is told.
    let _ = STANDING.try_with(|told| told.set(Some(standing)));
    if standing.is_let_in {
        return Ok(());
    }
    // A token comes back within a second at any limit.
    Err(Problem::new(
        Kind::RateLimited,
        "This key makes too many requests. Ask again after the seconds in Retry-After.",
    ))
}

/// Runs a request; gives its answer, and how its key stands if one was read.
pub async fn watched<T>(request: impl Future<Output = T>) -> (T, Option<Standing>) {
    let work = async {
        let answer = request.await;
        (answer, STANDING.with(Cell::take))
    };
    STANDING.scope(Cell::new(None), work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standings(limit: &Limit, bucket: &Bucket, at_ms: &[u64]) -> Vec<(bool, u64, u64)> {
        let take = |ms: &u64| bucket.take(limit, Duration::from_millis(*ms));
        at_ms.iter().map(take).map(|of| (of.is_let_in, of.left, of.full_in_seconds)).collect()
    }

    #[test]
    fn a_bucket_empties_and_fills_up() {
        let limit = Limit::of(Config { per_second: 2, burst: 3 }).unwrap();
        let bucket = Bucket::default();
        assert_eq!(limit.policy, "\"key\";q=3;w=2");
        let told = standings(&limit, &bucket, &[0, 0, 0, 0, 499, 500, 500, 60_000]);
        let left_of_a_full_one = (true, 2, 1);
        assert_eq!(
            told,
            [
                left_of_a_full_one,
                (true, 1, 1),
                (true, 0, 2),
                (false, 0, 2),
                (false, 0, 2),
                (true, 0, 2),
                (false, 0, 2),
                left_of_a_full_one,
            ]
        );
    }

    #[test]
    fn no_limit_is_no_limit() {
        assert!(Limit::of(Config { per_second: 0, burst: 3 }).is_none());
        let bucket = Bucket::default();
        assert!(admit(None, &bucket, Duration::ZERO).is_ok());
        // A burst of nothing would let nobody in.
        let limit = Limit::of(Config { per_second: 1, burst: 0 }).unwrap();
        assert!(bucket.take(&limit, Duration::ZERO).is_let_in);
    }

    #[test]
    fn many_at_once_get_no_token_too_many() {
        let limit = Limit::of(Config { per_second: 1, burst: 100 }).unwrap();
        let bucket = Bucket::default();
        let let_in: usize = std::thread::scope(|scope| {
            let take = || (0..100).filter(|_| bucket.take(&limit, Duration::ZERO).is_let_in).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(let_in, 100);
    }
}
