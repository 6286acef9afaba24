//! An amount that is shared out by weight. The shares add up to it to the minor unit: what division leaves over goes to the
//! largest remainders, one minor unit each, and among equal ones to the first.

use crate::money::Overflow;

/// The shares of `amount_minor`, one for each weight, in their order. Weights are amounts in minor units; neither they nor
/// the amount are negative. While the amount is no more than the weights together, no share is more than its weight. Without
/// any weight there is nothing to share by, and all shares are zero.
pub fn share_out(amount_minor: i64, weights: &[i64]) -> Result<Vec<i64>, Overflow> {
    let amount = u128::try_from(amount_minor).map_err(|_| Overflow)?;
    let weights: Vec<u128> =
        weights.iter().map(|weight| u128::try_from(*weight)).collect::<Result<_, _>>().map_err(|_| Overflow)?;
    let whole = weights.iter().fold(0_u128, |sum, weight| sum.saturating_add(*weight));
    if whole == 0 {
        return Ok(vec![0; weights.len()]);
    }
    let products = weights.iter().map(|weight| amount.saturating_mul(*weight));
    let (mut shares, remainders): (Vec<u128>, Vec<u128>) = products
        .map(|product| (product.checked_div(whole).unwrap_or(0), product.checked_rem(whole).unwrap_or(0)))
        .unzip();
    let shared = shares.iter().fold(0_u128, |sum, share| sum.saturating_add(*share));
    let mut places: Vec<usize> = (0..shares.len()).collect();
    // A stable sort: among equal remainders the first stays first.
    places.sort_by_key(|place| std::cmp::Reverse(remainders.get(*place).copied()));
    let left_over = usize::try_from(amount.saturating_sub(shared)).map_err(|_| Overflow)?;
    for place in places.into_iter().take(left_over) {
        if let Some(share) = shares.get_mut(place) {
            *share = share.saturating_add(1);
        }
    }
    shares.into_iter().map(|share| i64::try_from(share).map_err(|_| Overflow)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::AMOUNT_MINOR_MAX;

    #[test]
    fn what_is_left_over_goes_to_the_largest_remainders() {
        for (amount, weights, shares) in [
            (100, &[1, 1, 1][..], &[34, 33, 33][..]),
            (101, &[1, 1, 1], &[34, 34, 33]),
            (10, &[333, 333, 334], &[3, 3, 4]),
            (1, &[150, 500, 3], &[0, 1, 0]),
            (0, &[150, 500], &[0, 0]),
            (653, &[150, 500, 3], &[150, 500, 3]),
            (5, &[0, 3, 0, 2], &[0, 3, 0, 2]),
            (7, &[0, 0], &[0, 0]),
            (7, &[], &[]),
            (AMOUNT_MINOR_MAX, &[AMOUNT_MINOR_MAX, AMOUNT_MINOR_MAX], &[AMOUNT_MINOR_MAX / 2, AMOUNT_MINOR_MAX / 2]),
        ] {
            assert_eq!(share_out(amount, weights).unwrap(), shares, "{amount} by {weights:?}");
        }
        assert_eq!(share_out(-1, &[1]), Err(Overflow));
        assert_eq!(share_out(1, &[-1]), Err(Overflow));
    }

    proptest! {
        #[test]
        fn shares_add_up_and_none_is_off_by_a_minor_unit(
            weights in prop::collection::vec(0..AMOUNT_MINOR_MAX / 500, 1..60),
            permille in 0..=1_000_i64,
        ) {
            let whole: i64 = weights.iter().sum();
            let amount = (i128::from(whole) * i128::from(permille) / 1_000) as i64;
            let shares = share_out(amount, &weights).unwrap();
            prop_assert_eq!(shares.iter().sum::<i64>(), amount);
            for (share, weight) in shares.iter().zip(&weights) {
                prop_assert!((0..=*weight).contains(share));
                let off = i128::from(*share) * i128::from(whole) - i128::from(amount) * i128::from(*weight);
                prop_assert!(off.abs() < i128::from(whole));
            }
        }
    }
}
