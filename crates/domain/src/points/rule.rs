//! How many points a sale is worth, and which part of them a return.

use super::Refusal;

/// Largest amount for one point, in minor units: a car.
pub const MINOR_PER_POINT_MAX: i64 = 1_000_000_000;

/// A merchant's rule: one point for each so many minor units of what is paid, tax included. What is left over earns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointsRule {
    minor_per_point: i64,
}

impl PointsRule {
    /// One point for each `minor_per_point`, if that is an amount.
    pub fn parse(minor_per_point: i64) -> Result<Self, Refusal> {
        let is_amount = (1..=MINOR_PER_POINT_MAX).contains(&minor_per_point);
        if is_amount { Ok(Self { minor_per_point }) } else { Err(Refusal::RuleOutOfRange) }
    }

    /// Minor units for one point.
    pub const fn minor_per_point(self) -> i64 {
        self.minor_per_point
    }

    /// What a sale of that total earns.
    pub fn earned(self, total_minor: i64) -> i64 {
        total_minor.max(0).checked_div(self.minor_per_point).unwrap_or(0)
    }
}

/// The part of what a sale of `total_minor` earned that goes with what came back of it between two sums of returns. All
/// returns of a sale together take back exactly what it earned, however they are cut.
pub fn share_of_return(earned: i64, total_minor: i64, before_minor: i64, after_minor: i64) -> i64 {
    let kept = |returned_minor: i64| {
        let kept_minor = i128::from(total_minor.saturating_sub(returned_minor).clamp(0, total_minor.max(0)));
        let points = i128::from(earned).saturating_mul(kept_minor).checked_div(i128::from(total_minor));
        points.and_then(|points| i64::try_from(points).ok()).unwrap_or(0)
    };
    kept(before_minor).saturating_sub(kept(after_minor))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_point_for_each_whole_amount() {
        let rule = PointsRule::parse(100).unwrap();
        for (total_minor, points) in [(0, 0), (99, 0), (100, 1), (199, 1), (1_980, 19), (-500, 0)] {
            assert_eq!(rule.earned(total_minor), points, "{total_minor}");
        }
        assert_eq!(PointsRule::parse(1).unwrap().earned(i64::MAX), i64::MAX);
        for wrong in [0, -1, MINOR_PER_POINT_MAX + 1, i64::MIN] {
            assert_eq!(PointsRule::parse(wrong), Err(Refusal::RuleOutOfRange));
        }
    }

    proptest! {
        #[test]
        fn all_returns_together_take_back_what_was_earned(
            total_minor in 1..1_000_000_000_i64,
            minor_per_point in 1..10_000_i64,
            cuts in prop::collection::vec(0..1_000_000_000_i64, 0..8),
        ) {
            let earned = PointsRule::parse(minor_per_point).unwrap().earned(total_minor);
            let mut cuts: Vec<i64> = cuts.into_iter().map(|cut| cut % total_minor).chain([0, total_minor]).collect();
            cuts.sort_unstable();
            let shares: Vec<i64> =
                cuts.windows(2).map(|two| share_of_return(earned, total_minor, two[0], two[1])).collect();
            prop_assert!(shares.iter().all(|share| *share >= 0));
            prop_assert_eq!(shares.iter().sum::<i64>(), earned);
        }
    }
}
