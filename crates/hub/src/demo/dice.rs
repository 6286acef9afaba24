//! Numbers that look random and are the same for the same seed (SplitMix64), whoever draws when.

/// A sequence of numbers.
pub struct Dice(u64);

/// Keeps the sequences of neighbouring subjects apart.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// The sequence of one subject under a seed.
    pub const fn of(seed: u64, subject: u64) -> Self {
        Self(mixed(seed.wrapping_mul(STRIDE) ^ subject))
    }

    /// The next number, below `end`.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(STRIDE);
        mixed(self.0) % end
    }
}

const fn mixed(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
