//! What is left of a run: latencies in a histogram, and over the rounds a median with its spread.

use std::fmt;

/// Buckets per doubling: a latency is known to about one and a half percent.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Latencies in nanoseconds, in buckets that grow with the value.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max_ns: u64,
}

impl Histogram {
    /// Counts one.
    pub fn record(&mut self, ns: u64) {
        let bucket = bucket_of(ns);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    /// How many.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The latency that this part of all did not exceed, in milliseconds. Zero when nothing was counted.
    pub fn percentile_ms(&self, percent: f64) -> f64 {
        let wanted = (self.count as f64 * percent / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return end_of(bucket).min(self.max_ns) as f64 / 1e6;
            }
        }
        0.0
    }

    /// The longest, in milliseconds.
    pub fn max_ms(&self) -> f64 {
        self.max_ns as f64 / 1e6
    }
}

/// `p50/p99/max` in milliseconds.
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}/{:.2}/{:.1}", self.percentile_ms(50.0), self.percentile_ms(99.0), self.max_ms())
    }
}

fn bucket_of(ns: u64) -> usize {
    if ns < STEPS {
        return ns as usize;
    }
    let doublings = u64::from(ns.ilog2() - STEP_BITS);
    (doublings * STEPS + (ns >> doublings)) as usize
}

/// The largest value of a bucket.
fn end_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return bucket;
    }
    let doublings = bucket / STEPS - 1;
    ((bucket - doublings * STEPS + 1) << doublings) - 1
}

/// The median of some values, and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The value in the middle; of an even number, the mean of the two.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_at_most_one_bucket_off() {
        let mut histogram = Histogram::default();
        for us in 1..=10_000_u64 {
            histogram.record(us * 1_000);
        }
        assert_eq!(histogram.count(), 10_000);
        for (percent, ms) in [(50.0, 5.0), (99.0, 9.9), (1.0, 0.1)] {
            let found = histogram.percentile_ms(percent);
            assert!((ms..ms * 1.02).contains(&found), "{percent}: {found}");
        }
        assert_eq!(histogram.max_ms(), 10.0);
        assert_eq!(histogram.percentile_ms(100.0), 10.0);
    }

    #[test]
    fn each_value_lies_in_its_bucket() {
        for value in (0..2_000_u64).chain([u64::MAX / 2, 1 << 40, (1 << 40) - 1]) {
            let bucket = bucket_of(value);
            assert!(value <= end_of(bucket), "{value}");
            assert!(bucket == 0 || value > end_of(bucket - 1), "{value}");
        }
    }

    #[test]
    fn an_empty_histogram_is_zero() {
        assert_eq!((Histogram::default().percentile_ms(50.0), Histogram::default().max_ms()), (0.0, 0.0));
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        assert_eq!(Spread::of(&[]), None);
    }
}
