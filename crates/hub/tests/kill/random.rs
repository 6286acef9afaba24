//! One seed for a run: it is printed, and `TILLBRIDGE_KILL_SEED` sets it. It repeats what is asked and when the hub dies;
//! the interleaving of threads it cannot repeat.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A generator of numbers (splitmix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed of this run.
    pub fn seed() -> u64 {
        let set = std::env::var("TILLBRIDGE_KILL_SEED").ok();
        set.map_or_else(|| RandomState::new().hash_one(0_u8), |text| text.parse().expect("a seed is a number"))
    }

    /// A sequence of its own for one purpose.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub const fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True so many times in a hundred.
    pub const fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    /// One of them.
    pub fn choose<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A time below `end`.
    pub fn time_below(&mut self, end: Duration) -> Duration {
        Duration::from_micros(self.next() % u64::try_from(end.as_micros().max(1)).expect("a test is short"))
    }
}
