//! Which promotions a sale is given, and what each comes to in its lines. In the order of their turns, and each piece of a line
//! by one of them at most.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Promotion, Rule};
use crate::id::{ArticleId, LocationId};
use crate::money::{Overflow, Quantity, Rounding, sum_minor};
use crate::sale::{CouponTaken, PromotionGiven, Reduction, SaleLine, Share};
use crate::share::share_out;
use crate::time::Timestamp;

/// What the promotions give to these lines, of which none was removed, at a location and an instant. One with a coupon is given
/// where that was taken.
pub(crate) fn evaluate<'a>(
    promotions: impl IntoIterator<Item = &'a Promotion>,
    lines: &[SaleLine],
    coupons: &[CouponTaken],
    location: LocationId,
    now: Timestamp,
) -> Result<Vec<PromotionGiven>, Overflow> {
    let is_taken = |promotion: &Promotion| coupons.iter().any(|taken| taken.promotion == promotion.id);
    let is_free_or_taken = |promotion: &Promotion| promotion.coupon.is_none() || is_taken(promotion);
    let mut due: Vec<&Promotion> = promotions
        .into_iter()
        .filter(|promotion| promotion.is_given(location, now) && is_free_or_taken(promotion))
        .collect();
    due.sort_by_key(|promotion| (promotion.priority, promotion.id));
    let mut shelf: Vec<Goods<'_>> = lines.iter().map(|line| Goods { line, used: Quantity::ZERO }).collect();
    let mut given = Vec::new();
    for promotion in due {
        let shares = shares_of(promotion, &mut shelf)?;
        if !shares.is_empty() {
            let shares = shares.into_iter().map(|(line, amount_minor)| Share { line, amount_minor }).collect();
            given.push(PromotionGiven { promotion: promotion.id, name: promotion.name.clone(), shares });
        }
    }
    Ok(given)
}

/// What a promotion takes off each line, by number.
type Off = BTreeMap<u32, i64>;

fn shares_of(promotion: &Promotion, shelf: &mut [Goods<'_>]) -> Result<Off, Overflow> {
    let mut goods: Vec<&mut Goods<'_>> =
        shelf.iter_mut().filter(|goods| promotion.is_for(goods.line.article)).collect();
    let off = match &promotion.rule {
        Rule::Percent { basis_points } => off_each(&mut goods, |_| Ok(Reduction::BasisPoints(*basis_points)))?,
        Rule::AmountOff { amount_minor } => off_each(&mut goods, |quantity| {
            let product = i128::from(*amount_minor).saturating_mul(i128::from(quantity.0));
            Ok(Reduction::AmountMinor(Rounding::HalfUp.divide(product, i128::from(Quantity::ONE.0))?))
        })?,
        Rule::TakeAndPay { take, pay } => take_and_pay(&mut goods, i64::from(*take), i64::from(*pay))?,
        Rule::Bundle { pieces, price_minor } => bundle(&mut goods, pieces, *price_minor)?,
    };
    Ok(off.into_iter().filter(|(_, amount_minor)| *amount_minor > 0).collect())
}

/// What is left of a line for promotions.
struct Goods<'a> {
    line: &'a SaleLine,
    used: Quantity,
}

impl Goods<'_> {
    fn left(&self) -> Quantity {
        self.line.quantity.checked_sub(self.used).unwrap_or_default()
    }

    /// Whole pieces that are left; none of what is weighed.
    fn pieces(&self) -> i64 {
        if self.line.quantity.is_whole() { self.left().0 / Quantity::ONE.0 } else { 0 }
    }

    /// Takes so much of what is left, and gives its part of the line's amount: all parts add up to the amount.
    fn take(&mut self, quantity: Quantity) -> Result<i64, Overflow> {
        let before = self.part(self.used)?;
        self.used = self.used.checked_add(quantity).ok_or(Overflow)?;
        Ok(self.part(self.used)?.saturating_sub(before))
    }

    fn part(&self, quantity: Quantity) -> Result<i64, Overflow> {
        let product = i128::from(self.line.amount_minor).saturating_mul(i128::from(quantity.0));
        Rounding::HalfUp.divide(product, i128::from(self.line.quantity.0))
    }
}

/// Takes something off all that is left of each line.
fn off_each(
    goods: &mut [&mut Goods<'_>],
    reduction: impl Fn(Quantity) -> Result<Reduction, Overflow>,
) -> Result<Off, Overflow> {
    let mut off = Off::new();
    for goods in goods.iter_mut().filter(|goods| goods.left() > Quantity::ZERO) {
        let quantity = goods.left();
        let price_minor = goods.take(quantity)?;
        off.insert(goods.line.number, reduction(quantity)?.of(price_minor)?);
    }
    Ok(off)
}

/// Groups of `take` pieces, from the dearest down; of each the cheapest are free.
fn take_and_pay(goods: &mut [&mut Goods<'_>], take: i64, pay: i64) -> Result<Off, Overflow> {
    goods.sort_by_key(|goods| (Reverse(goods.line.unit_price), goods.line.number));
    let pieces = goods.iter().fold(0_i64, |sum, goods| sum.saturating_add(goods.pieces()));
    let grouped = pieces.saturating_sub(pieces.checked_rem(take).unwrap_or(pieces));
    // How many of the first so many pieces are free.
    let free_of = |pieces: i64| -> i64 {
        let (groups, rest) = (pieces.checked_div(take).unwrap_or(0), pieces.checked_rem(take).unwrap_or(0));
        groups.saturating_mul(take.saturating_sub(pay)).saturating_add(rest.saturating_sub(pay).max(0))
    };
    let mut off = Off::new();
    let mut place = 0_i64;
    for goods in goods.iter_mut() {
        let end = place.saturating_add(goods.pieces()).min(grouped);
        let free = free_of(end).saturating_sub(free_of(place));
        goods.take(pieces_of(end.saturating_sub(place).saturating_sub(free))?)?;
        off.insert(goods.line.number, goods.take(pieces_of(free)?)?);
        place = end;
    }
    Ok(off)
}

/// As many whole bundles as there are pieces for, from the first lines. What they save is shared out over their pieces by what
/// those cost; bundles that save nothing are none.
fn bundle(goods: &mut [&mut Goods<'_>], pieces: &[ArticleId], price_minor: i64) -> Result<Off, Overflow> {
    let mut wanted: BTreeMap<ArticleId, i64> = BTreeMap::new();
    for piece in pieces {
        let count = wanted.entry(*piece).or_default();
        *count = count.saturating_add(1);
    }
    let there = |article: ArticleId| {
        let goods = goods.iter().filter(|goods| goods.line.article == article);
        goods.fold(0_i64, |sum, goods| sum.saturating_add(goods.pieces()))
    };
    let bundles = wanted.iter().filter_map(|(article, count)| there(*article).checked_div(*count)).min().unwrap_or(0);
    wanted.values_mut().for_each(|count| *count = count.saturating_mul(bundles));
    let before: Vec<Quantity> = goods.iter().map(|goods| goods.used).collect();
    let mut costs = Vec::with_capacity(goods.len());
    for goods in goods.iter_mut() {
        let missing = wanted.entry(goods.line.article).or_default();
        let taken = goods.pieces().min(*missing);
        *missing = missing.saturating_sub(taken);
        costs.push(goods.take(pieces_of(taken)?)?);
    }
    let price_minor = i128::from(price_minor).saturating_mul(i128::from(bundles));
    let costs_minor = sum_minor(costs.iter().copied())?;
    let saved_minor = i128::from(costs_minor).saturating_sub(price_minor);
    let saved_minor = i64::try_from(saved_minor.max(0)).map_err(|_| Overflow)?;
    if saved_minor == 0 {
        goods.iter_mut().zip(before).for_each(|(goods, used)| goods.used = used);
        return Ok(Off::new());
    }
    Ok(goods.iter().map(|goods| goods.line.number).zip(share_out(saved_minor, &costs)?).collect())
}

fn pieces_of(count: i64) -> Result<Quantity, Overflow> {
    count.checked_mul(Quantity::ONE.0).map(Quantity).ok_or(Overflow)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::id::{PromotionId, SaleId};
    use crate::money::{UnitPrice, line_amount};
    use crate::tax::TaxRate;
    use crate::testing::{BAG, LOCATION, MERCHANT, NOW, OTHER_LOCATION, RICE, TEA};

    fn a_promotion(number: u128, rule: Rule) -> Promotion {
        Promotion {
            merchant: MERCHANT,
            id: PromotionId::from_uuid(Uuid::from_u128(number)),
            name: format!("Promotion {number}"),
            rule,
            articles: Vec::new(),
            locations: Vec::new(),
            coupon: None,
            priority: 1,
            valid_from: NOW,
            valid_until: None,
            is_active: true,
            created_at: NOW,
            version: 1,
        }
    }

    /// A line of so many thousandths at so many yen.
    fn a_line(number: u32, article: ArticleId, quantity: i64, yen: i64) -> SaleLine {
        let (quantity, unit_price) = (Quantity(quantity), UnitPrice(yen * 10_000));
        SaleLine {
            sale: SaleId::from_uuid(Uuid::nil()),
            number,
            merchant: MERCHANT,
            article,
            name: String::new(),
            quantity,
            unit_price,
            tax_class: "standard".to_owned(),
            tax_rate: TaxRate(1_000),
            amount_minor: line_amount(quantity, unit_price).unwrap(),
            discount_minor: 0,
            is_stocked: false,
            is_removed: false,
            version: 1,
        }
    }

    /// Promotion and line, with what is taken off.
    fn given(promotions: &[Promotion], lines: &[SaleLine]) -> Vec<(u128, u32, i64)> {
        let given = evaluate(promotions, lines, &[], LOCATION, NOW).unwrap();
        let shares = given.iter().flat_map(|one| {
            one.shares.iter().map(|share| (one.promotion.uuid().as_u128(), share.line, share.amount_minor))
        });
        shares.collect()
    }

    #[test]
    fn a_part_and_an_amount_are_off_each_line() {
        let percent = a_promotion(1, Rule::Percent { basis_points: 1_000 });
        assert_eq!(
            given(std::slice::from_ref(&percent), &[a_line(1, TEA, 2_000, 150), a_line(2, BAG, 1_000, 3)]),
            [(1, 1, 30)]
        );
        let amount = a_promotion(2, Rule::AmountOff { amount_minor: 20 });
        let lines = [a_line(1, TEA, 3_000, 150), a_line(2, RICE, 250, 500), a_line(3, BAG, 2_000, 3)];
        // 60 off three pieces, 5 off a quarter of a kilogram, and no more off a bag than it costs.
        assert_eq!(given(std::slice::from_ref(&amount), &lines), [(2, 1, 60), (2, 2, 5), (2, 3, 6)]);
        let for_tea = Promotion { articles: vec![TEA], ..amount };
        assert_eq!(given(&[for_tea], &lines), [(2, 1, 60)]);
    }

    #[test]
    fn of_each_group_from_the_dearest_down_the_cheapest_go_free() {
        let three_for_two = a_promotion(1, Rule::TakeAndPay { take: 3, pay: 2 });
        let lines = [a_line(1, BAG, 2_000, 100), a_line(2, TEA, 1_000, 150), a_line(3, RICE, 4_000, 500)];
        // 500 500 500 | 500 150 100 | 100: one rice and one bag.
        assert_eq!(given(std::slice::from_ref(&three_for_two), &lines), [(1, 1, 100), (1, 3, 500)]);
        assert_eq!(given(std::slice::from_ref(&three_for_two), &[a_line(1, TEA, 2_000, 150)]), []);
        // What is weighed has no pieces.
        assert_eq!(given(&[three_for_two], &[a_line(1, RICE, 3_500, 500)]), []);
        let many = a_promotion(2, Rule::TakeAndPay { take: 100, pay: 1 });
        assert_eq!(given(&[many], &[a_line(1, BAG, 1_000_000_000_000, 1)]), [(2, 1, 990_000_000)]);
    }

    #[test]
    fn a_bundle_costs_its_price_and_what_it_saves_is_shared_out() {
        let lunch = a_promotion(1, Rule::Bundle { pieces: vec![RICE, TEA], price_minor: 550 });
        let lines = [a_line(1, RICE, 3_000, 500), a_line(2, TEA, 1_000, 150), a_line(3, TEA, 1_000, 150)];
        // Two bundles of 650 at 550 each: 200 saved, over 1,000 and twice 150.
        assert_eq!(given(std::slice::from_ref(&lunch), &lines), [(1, 1, 154), (1, 2, 23), (1, 3, 23)]);
        assert_eq!(given(&[lunch], &lines[..1]), []);
        let dear = a_promotion(2, Rule::Bundle { pieces: vec![RICE, TEA], price_minor: 650 });
        let percent = Promotion { priority: 2, ..a_promotion(3, Rule::Percent { basis_points: 1_000 }) };
        // A bundle that saves nothing takes no piece from the next promotion.
        assert_eq!(given(&[dear, percent], &lines[1..2]), [(3, 2, 15)]);
    }

    #[test]
    fn each_piece_is_given_one_promotion_in_the_order_of_their_turns() {
        let two_for_one = |priority| Promotion { priority, ..a_promotion(1, Rule::TakeAndPay { take: 2, pay: 1 }) };
        let percent = Promotion { priority: 5, ..a_promotion(2, Rule::Percent { basis_points: 1_000 }) };
        let lines = [a_line(1, TEA, 3_000, 150)];
        assert_eq!(given(&[percent.clone(), two_for_one(4)], &lines), [(1, 1, 150), (2, 1, 15)]);
        // Among equal turns the lowest id; the percentage then leaves nothing.
        assert_eq!(given(&[percent.clone(), two_for_one(5)], &lines), [(1, 1, 150), (2, 1, 15)]);
        assert_eq!(given(&[two_for_one(6), percent], &lines), [(2, 1, 45)]);
    }

    #[test]
    fn a_promotion_is_given_in_its_time_and_at_its_place() {
        let percent = a_promotion(1, Rule::Percent { basis_points: 1_000 });
        let line = [a_line(1, TEA, 1_000, 150)];
        for (is_given, promotion) in [
            (true, Promotion { valid_until: Some(NOW.plus_ms(1)), ..percent.clone() }),
            (false, Promotion { valid_until: Some(NOW), ..percent.clone() }),
            (false, Promotion { valid_from: NOW.plus_ms(1), ..percent.clone() }),
            (false, Promotion { is_active: false, ..percent.clone() }),
            (true, Promotion { locations: vec![OTHER_LOCATION, LOCATION], ..percent.clone() }),
            (false, Promotion { locations: vec![OTHER_LOCATION], ..percent.clone() }),
        ] {
            assert_eq!(!given(std::slice::from_ref(&promotion), &line).is_empty(), is_given, "{promotion:?}");
        }
    }

    fn any_rule() -> impl Strategy<Value = Rule> {
        let article = || prop_oneof![Just(TEA), Just(RICE), Just(BAG)];
        prop_oneof![
            (1..=10_000_u32).prop_map(|basis_points| Rule::Percent { basis_points }),
            (1..400_i64).prop_map(|amount_minor| Rule::AmountOff { amount_minor }),
            (2..6_u32)
                .prop_flat_map(|take| (Just(take), 1..take))
                .prop_map(|(take, pay)| Rule::TakeAndPay { take, pay }),
            (prop::collection::vec(article(), 2..5), 0..900_i64)
                .prop_map(|(pieces, price_minor)| Rule::Bundle { pieces, price_minor }),
        ]
    }

    fn any_lines() -> impl Strategy<Value = Vec<SaleLine>> {
        let article = prop_oneof![Just(TEA), Just(RICE), Just(BAG)];
        let quantity = prop_oneof![(1..6_i64).prop_map(|pieces| pieces * 1_000), 1..3_000_i64];
        prop::collection::vec((article, quantity, 0..600_i64), 1..8).prop_map(|lines| {
            let numbered = (1..).zip(lines);
            numbered.map(|(number, (article, quantity, yen))| a_line(number, article, quantity, yen)).collect()
        })
    }

    proptest! {
        #[test]
        fn nobody_is_given_more_than_a_line_costs_and_the_order_of_the_rules_does_not_matter(
            rules in prop::collection::vec((any_rule(), 0..3_u32), 1..6),
            lines in any_lines(),
        ) {
            let numbered = (1..).zip(rules);
            let mut promotions: Vec<Promotion> =
                numbered.map(|(id, (rule, priority))| Promotion { priority, ..a_promotion(id, rule) }).collect();
            let shares = given(&promotions, &lines);
            for line in &lines {
                let off: i64 = shares.iter().filter(|(_, number, _)| *number == line.number).map(|(.., off)| off).sum();
                prop_assert!((0..=line.amount_minor).contains(&off), "{off} off {line:?}");
            }
            promotions.reverse();
            prop_assert_eq!(given(&promotions, &lines), shares);
        }
    }
}
