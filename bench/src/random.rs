//! Ids and choices. Nothing here has to be unpredictable; it has to be cheap and never to give the same id twice.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::id::IdSource;
use domain::time::Timestamp;
use uuid::{Builder, Uuid};

/// A generator of a few nanoseconds (xorshift64*).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Different for each seed.
    pub fn new(seed: u64) -> Self {
        // Small seeds are stirred; zero would stay zero.
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            random.next();
        }
        random
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// One of `count`, which is not zero.
    pub fn below(&mut self, count: usize) -> usize {
        (self.next() >> 11) as usize % count
    }
}

/// Few things are chosen often and many seldom: the n-th with a weight of 1/n.
#[derive(Debug, Clone)]
pub struct Zipf(Vec<f64>);

impl Zipf {
    /// Over so many things, at least one.
    pub fn over(count: usize) -> Self {
        let mut sum = 0.0;
        Self(
            (1..=count)
                .map(|n| {
                    sum += 1.0 / n as f64;
                    sum
                })
                .collect(),
        )
    }

    /// The index of the next choice.
    pub fn choose(&self, random: &mut Random) -> usize {
        let sum = self.0.last().copied().unwrap_or(0.0);
        let point = (random.next() >> 11) as f64 / (1_u64 << 53) as f64 * sum;
        self.0.partition_point(|end| *end <= point).min(self.0.len().saturating_sub(1))
    }
}

/// UUIDs of version 7, rising.
#[derive(Debug)]
pub struct Ids {
    random: Random,
    last_ms: u64,
    count: u16,
}

impl Ids {
    /// Different for each seed and each moment.
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed ^ now_ms()), last_ms: 0, count: 0 }
    }

    /// The next one.
    pub fn draw(&mut self) -> Uuid {
        let now = now_ms();
        if now > self.last_ms {
            (self.last_ms, self.count) = (now, 0);
        } else {
            self.count += 1;
            if self.count >= 1 << 12 {
                // Ahead of the clock by a millisecond, still rising.
                (self.last_ms, self.count) = (self.last_ms + 1, 0);
            }
        }
        let (count, noise) = (self.count.to_be_bytes(), self.random.next().to_be_bytes());
        let [a, b, c, d, e, f, g, h] = noise;
        Builder::from_unix_timestamp_millis(self.last_ms, &[count[0], count[1], a, b, c, d, e, f, g, h]).into_uuid()
    }
}

impl IdSource for Ids {
    fn next(&mut self, _: Timestamp) -> Uuid {
        self.draw()
    }
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the bench plays register and clock")]
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_differ() {
        let mut ids = Ids::new(1);
        let drawn: Vec<Uuid> = (0..20_000).map(|_| ids.draw()).collect();
        assert!(drawn.is_sorted_by(|a, b| a < b));
        assert_eq!(drawn[0].get_version_num(), 7);
    }

    #[test]
    fn the_first_is_chosen_most() {
        let (zipf, mut random) = (Zipf::over(100), Random::new(3));
        let mut counts = [0; 100];
        for _ in 0..100_000 {
            counts[zipf.choose(&mut random)] += 1;
        }
        // 1 / H(100) is 19.3 %.
        assert!((18_000..21_000).contains(&counts[0]), "{}", counts[0]);
        assert!(counts[0] > counts[1] && counts[1] > counts[9] && counts[99] > 0);
    }
}
