//! What was counted in a drawer: how many pieces of each denomination.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::money::AMOUNT_MINOR_MAX;

/// Most denominations of a count: currencies have up to fifteen, each as coin and note.
pub const DENOMINATIONS_MAX: usize = 30;
/// Most pieces of one denomination: a drawer holds some hundreds.
const PIECES_MAX: u32 = 1_000_000;

/// So many pieces of one denomination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pieces {
    /// What one is worth, in minor units.
    pub value_minor: i64,
    /// How many there are.
    pub pieces: u32,
}

/// A count of a drawer. An empty one says that nothing is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Count(Vec<Pieces>);

impl Count {
    /// The count of a request: each denomination once.
    pub fn parse(pieces: &[Pieces]) -> Result<Self, Refusal> {
        let values: BTreeSet<i64> = pieces.iter().map(|pieces| pieces.value_minor).collect();
        let is_in_range = |one: &Pieces| (1..=AMOUNT_MINOR_MAX).contains(&one.value_minor) && one.pieces <= PIECES_MAX;
        if pieces.len() > DENOMINATIONS_MAX || values.len() != pieces.len() || !pieces.iter().all(is_in_range) {
            return Err(Refusal::CountInvalid);
        }
        let count = Self(pieces.to_vec());
        if count.sum().is_some_and(|sum| sum <= AMOUNT_MINOR_MAX) { Ok(count) } else { Err(Refusal::CountInvalid) }
    }

    /// What it amounts to, in minor units.
    pub fn amount_minor(&self) -> i64 {
        // No count is made whose sum is out of range.
        self.sum().unwrap_or(i64::MAX)
    }

    /// The denominations, in the order in which they were counted.
    pub fn pieces(&self) -> &[Pieces] {
        &self.0
    }

    fn sum(&self) -> Option<i64> {
        self.0.iter().try_fold(0_i64, |sum, one| {
            one.value_minor.checked_mul(i64::from(one.pieces)).and_then(|amount| sum.checked_add(amount))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(pieces: &[(i64, u32)]) -> Result<i64, Refusal> {
        let pieces: Vec<_> =
            pieces.iter().map(|(value_minor, pieces)| Pieces { value_minor: *value_minor, pieces: *pieces }).collect();
        Count::parse(&pieces).map(|count| count.amount_minor())
    }

    #[test]
    fn a_count_is_the_sum_of_its_pieces() {
        assert_eq!(count(&[(1_000, 3), (500, 1), (1, 0)]), Ok(3_500));
        assert_eq!(count(&[]), Ok(0));
    }

    #[test]
    fn a_denomination_stands_once_and_in_range() {
        for wrong in
            [&[(100, 1), (100, 2)][..], &[(0, 1)], &[(-5, 1)], &[(1, PIECES_MAX + 1)], &[(AMOUNT_MINOR_MAX, 2)]]
        {
            assert_eq!(count(wrong), Err(Refusal::CountInvalid), "{wrong:?}");
        }
        let many: Vec<_> = (1..=31).map(|value| (value, 1)).collect();
        assert_eq!(count(&many), Err(Refusal::CountInvalid));
    }
}
