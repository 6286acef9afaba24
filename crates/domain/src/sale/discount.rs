//! What is taken off the prices of a sale. The sale keeps each discount with its shares in the lines; a line keeps what its
//! shares come to. Promotions are first; of what they leave the discounts by hand are taken: those on a line, then those on the
//! whole sale, each in the order in which it was given and of what is left by then, so that no line ever costs less than
//! nothing.

use serde::{Deserialize, Serialize};

use super::{CouponTaken, Refusal, Sale, SaleLine};
use crate::call::Role;
use crate::guard;
use crate::id::PromotionId;
use crate::money::{AMOUNT_MINOR_MAX, Overflow, Rounding, sum_minor};
use crate::share::share_out;
use crate::text;

/// Most discounts by hand of a sale: a person gives a few, a broken register may not loop.
pub const DISCOUNTS_MAX: usize = 20;
/// Longest reason of a discount, in characters: one line of a list.
pub const DISCOUNT_REASON_CHARS_MAX: usize = 100;
/// All of a price, in basis points.
pub const WHOLE_BASIS_POINTS: u32 = 10_000;

/// What is taken off a sale.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Discounts {
    /// The coupons that the customer showed, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<CouponTaken>,
    /// What promotions give, in the order of their turns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<PromotionGiven>,
    /// The discounts by hand, by number.
    pub by_hand: Vec<Discount>,
    /// The highest number that one ever had: numbers are not used again.
    pub last_number: u32,
}

/// What a promotion gives to a sale: its name as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionGiven {
    /// Which promotion.
    pub promotion: PromotionId,
    /// Its name.
    pub name: String,
    /// What it comes to in each line that it lowers, by number.
    pub shares: Vec<Share>,
}

/// Why something is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause<'a> {
    /// A promotion gives it.
    Promotion(&'a PromotionGiven),
    /// A person gives it.
    ByHand(&'a Discount),
}

impl Cause<'_> {
    /// What it comes to in each line that it lowers.
    pub fn shares(&self) -> &[Share] {
        match self {
            Self::Promotion(given) => &given.shares,
            Self::ByHand(discount) => &discount.shares,
        }
    }

    /// What it comes to in all, in minor units.
    pub fn amount_minor(&self) -> i64 {
        sum_of(self.shares())
    }
}

/// A discount that a person gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// 1, 2, 3 … within the sale.
    pub number: u32,
    /// Off what it is taken.
    pub target: Target,
    /// How much is taken off.
    pub reduction: Reduction,
    /// Why; guarded against card numbers.
    pub reason: String,
    /// Who gave it: the actor of the command.
    pub given_by: String,
    /// Whether it was given with a manager's key: the limit of the cashiers does not count it.
    pub is_by_manager: bool,
    /// What it comes to in each line that it lowers, by number.
    pub shares: Vec<Share>,
}

/// Off what a discount is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Off the line of that number.
    Line(u32),
    /// Off all lines, shared out by what they cost.
    Sale,
}

/// How much is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// A part of the price, 1 to 10,000 basis points.
    BasisPoints(u32),
    /// An amount as priced, 1 or more minor units; less where the price is less.
    AmountMinor(i64),
}

/// What a discount comes to in one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The number of the line.
    pub line: u32,
    /// Off its amount as priced, in minor units.
    pub amount_minor: i64,
}

/// A discount that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDiscount {
    /// Off what it is taken.
    pub target: Target,
    /// How much is taken off.
    pub reduction: Reduction,
    /// Why.
    pub reason: String,
}

impl Discount {
    /// What it comes to in all, in minor units.
    pub fn amount_minor(&self) -> i64 {
        sum_of(&self.shares)
    }
}

impl Discounts {
    /// Whether nothing was ever taken off.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is taken off in all, in minor units.
    pub fn amount_minor(&self) -> i64 {
        self.causes().fold(0, |sum, cause| sum.saturating_add(cause.amount_minor()))
    }

    /// All that is taken off: what promotions give, and then the discounts by hand.
    pub fn causes(&self) -> impl Iterator<Item = Cause<'_>> {
        self.promotions.iter().map(Cause::Promotion).chain(self.by_hand.iter().map(Cause::ByHand))
    }

    /// What is taken off one line, and why: the causes with a share in it.
    pub fn of_line(&self, number: u32) -> impl Iterator<Item = (Cause<'_>, i64)> {
        let share = move |cause: &Cause<'_>| cause.shares().iter().find(|share| share.line == number).copied();
        self.causes().filter_map(move |cause| Some((cause, share(&cause)?.amount_minor)))
    }

    /// What promotions take off one line, in minor units.
    fn promoted_minor(&self, number: u32) -> i64 {
        let shares = self.promotions.iter().flat_map(|given| &given.shares);
        shares.filter(|share| share.line == number).fold(0, |sum, share| sum.saturating_add(share.amount_minor))
    }

    /// The same discounts over these lines, of which none was removed: what each by hand comes to now, of what promotions
    /// leave. A discount on a line that is gone is gone with it.
    pub fn over<'a>(&self, lines: impl IntoIterator<Item = &'a SaleLine>) -> Result<Self, Overflow> {
        let lines = lines.into_iter();
        let left_of = |line: &SaleLine| Share {
            line: line.number,
            amount_minor: line.amount_minor.saturating_sub(self.promoted_minor(line.number)),
        };
        let mut left: Vec<Share> = lines.map(left_of).collect();
        let is_there = |discount: &&Discount| match discount.target {
            Target::Line(number) => left.iter().any(|share| share.line == number),
            Target::Sale => true,
        };
        let mut by_hand: Vec<Discount> = self.by_hand.iter().filter(is_there).cloned().collect();
        let (on_lines, on_sale): (Vec<_>, Vec<_>) =
            by_hand.iter_mut().partition(|discount| matches!(discount.target, Target::Line(_)));
        for discount in on_lines.into_iter().chain(on_sale) {
            discount.shares = take(discount, &mut left)?;
        }
        Ok(Self { by_hand, ..self.clone() })
    }

    /// Adds one that is asked for, if a sale may have it. It comes to nothing yet.
    fn add(&mut self, new: &NewDiscount, given_by: &str, role: Role) -> Result<(), Refusal> {
        new.check()?;
        if self.by_hand.len() >= DISCOUNTS_MAX {
            return Err(Refusal::TooManyDiscounts);
        }
        self.last_number = self.last_number.saturating_add(1);
        self.by_hand.push(Discount {
            number: self.last_number,
            target: new.target,
            reduction: new.reduction,
            reason: new.reason.clone(),
            given_by: given_by.to_owned(),
            is_by_manager: role >= Role::Manager,
            shares: Vec::new(),
        });
        Ok(())
    }
}

impl NewDiscount {
    fn check(&self) -> Result<(), Refusal> {
        match self.reduction {
            Reduction::BasisPoints(1..=WHOLE_BASIS_POINTS) | Reduction::AmountMinor(1..=AMOUNT_MINOR_MAX) => {}
            Reduction::BasisPoints(_) | Reduction::AmountMinor(_) => return Err(Refusal::DiscountOutOfRange),
        }
        if !text::is_line(&self.reason, DISCOUNT_REASON_CHARS_MAX) {
            return Err(Refusal::DiscountReasonInvalid);
        }
        if guard::looks_like_card_number(&self.reason) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
    }
}

impl Reduction {
    /// The part of the price, in basis points, where it is one.
    pub const fn basis_points(self) -> Option<u32> {
        match self {
            Self::BasisPoints(points) => Some(points),
            Self::AmountMinor(_) => None,
        }
    }

    /// The amount that was asked for, in minor units, where it is one.
    pub const fn asked_minor(self) -> Option<i64> {
        match self {
            Self::BasisPoints(_) => None,
            Self::AmountMinor(amount_minor) => Some(amount_minor),
        }
    }

    /// What it takes off a price, in minor units: a part is rounded half up, and no more than the price is taken.
    pub fn of(self, price_minor: i64) -> Result<i64, Overflow> {
        match self {
            Self::BasisPoints(points) => part_of(price_minor, points),
            Self::AmountMinor(amount_minor) => Ok(amount_minor.min(price_minor)),
        }
    }
}

/// Gives the lines of a sale a discount that is asked for, if all of it can be taken off.
pub(crate) fn give(
    sale: &mut Sale,
    lines: &mut [SaleLine],
    new: &NewDiscount,
    given_by: &str,
    role: Role,
) -> Result<(), Refusal> {
    if let Target::Line(number) = new.target
        && !lines.iter().any(|line| line.number == number)
    {
        return Err(Refusal::DiscountLineUnknown { number });
    }
    sale.discounts.add(new, given_by, role)?;
    apply(sale, lines)?;
    let taken_minor = sale.discounts.by_hand.last().map_or(0, Discount::amount_minor);
    match new.reduction {
        Reduction::AmountMinor(asked_minor) if taken_minor < asked_minor => {
            Err(Refusal::DiscountExceedsAmount { asked_minor, amount_minor: taken_minor })
        }
        Reduction::AmountMinor(_) | Reduction::BasisPoints(_) => Ok(()),
    }
}

/// Works the sale's discounts out anew over its lines, of which none was removed.
pub(super) fn apply(sale: &mut Sale, lines: &mut [SaleLine]) -> Result<(), Refusal> {
    sale.discounts = sale.discounts.over(&*lines)?;
    for line in lines {
        let shares = sale.discounts.of_line(line.number).map(|(_, amount_minor)| amount_minor);
        line.discount_minor = sum_minor(shares)?;
    }
    Ok(())
}

/// Whether what cashiers took off by hand is within their limit, in basis points: of the whole sale, and of each line by
/// the discounts on it. Both are parts of what was to be paid without any discount by hand.
pub(super) fn check_limit(sale: &Sale, lines: &[SaleLine], limit: u32) -> Result<(), Refusal> {
    let by_cashiers = || sale.discounts.by_hand.iter().filter(|discount| !discount.is_by_manager);
    let price_minor = |line: &SaleLine| line.amount_minor.saturating_sub(sale.discounts.promoted_minor(line.number));
    let whole_minor = sum_minor(lines.iter().map(price_minor))?;
    let mut is_within = sum_minor(by_cashiers().map(Discount::amount_minor))? <= part_of(whole_minor, limit)?;
    for line in lines {
        let on_line = by_cashiers().filter(|discount| discount.target == Target::Line(line.number));
        is_within &= sum_minor(on_line.map(Discount::amount_minor))? <= part_of(price_minor(line), limit)?;
    }
    if is_within { Ok(()) } else { Err(Refusal::DiscountBeyondLimit { limit }) }
}

/// What a discount takes off what is left of the lines that it is for.
fn take(discount: &Discount, left: &mut [Share]) -> Result<Vec<Share>, Overflow> {
    let is_for = |share: &&mut Share| match discount.target {
        Target::Line(number) => share.line == number,
        Target::Sale => true,
    };
    let mut left: Vec<&mut Share> = left.iter_mut().filter(is_for).collect();
    let weights: Vec<i64> = left.iter().map(|share| share.amount_minor).collect();
    let amount_minor = discount.reduction.of(sum_minor(weights.iter().copied())?)?;
    let mut shares = Vec::new();
    for (left, amount_minor) in left.iter_mut().zip(share_out(amount_minor, &weights)?) {
        left.amount_minor = left.amount_minor.saturating_sub(amount_minor);
        if amount_minor > 0 {
            shares.push(Share { line: left.line, amount_minor });
        }
    }
    Ok(shares)
}

fn part_of(price_minor: i64, basis_points: u32) -> Result<i64, Overflow> {
    let product = i128::from(price_minor).saturating_mul(i128::from(basis_points));
    Rounding::HalfUp.divide(product, i128::from(WHOLE_BASIS_POINTS))
}

fn sum_of(shares: &[Share]) -> i64 {
    // Shares of a line's amount: together they are no more than a sale.
    shares.iter().fold(0, |sum, share| sum.saturating_add(share.amount_minor))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::{Currency, UnitPrice, line_amount};
    use crate::sale::{NewSale, OpenSale, Standing};
    use crate::tax::{PriceMode, TaxRules};
    use crate::testing::{BAG, RICE, TEA, World, a_sale, line, sale_id};

    /// A cart at these prices, in ten-thousandths of the minor unit, with these discounts.
    fn sold(prices: [i64; 3], currency: &str, rules: TaxRules, discounts: &[NewDiscount]) -> Standing {
        let currency = Currency::parse(currency).unwrap();
        let mut world = World::new();
        world.trade_in(currency);
        world.change_tax(rules);
        for (article, price) in [BAG, TEA, RICE].into_iter().zip(prices) {
            world.change_article(article, |article| {
                article.unit_price = UnitPrice(price);
                article.is_stocked = false;
            });
        }
        let sale = NewSale {
            discounts: discounts.to_vec(),
            ..a_sale(&[line(BAG, 1_000), line(TEA, 2_000), line(RICE, 1_500)])
        };
        world.run(&OpenSale { id: Some(sale_id(1)), sale }).unwrap()
    }

    fn any_discount() -> impl Strategy<Value = NewDiscount> {
        let target = prop_oneof![(1..=3_u32).prop_map(Target::Line), Just(Target::Sale)];
        (target, 1..=WHOLE_BASIS_POINTS).prop_map(|(target, points)| {
            let reduction = Reduction::BasisPoints(points);
            NewDiscount { target, reduction, reason: "regular".to_owned() }
        })
    }

    proptest! {
        /// In yen, which have no decimals, and in dinars, which have three.
        #[test]
        fn shares_add_up_and_no_line_costs_less_than_nothing(
            prices in prop::array::uniform3(0..5_000_000_i64),
            is_dinar in any::<bool>(),
            is_exclusive in any::<bool>(),
            discounts in prop::collection::vec(any_discount(), 0..6),
        ) {
            let price_mode = if is_exclusive { PriceMode::Exclusive } else { PriceMode::Inclusive };
            let rules = TaxRules { price_mode, ..TaxRules::japan() };
            let standing = sold(prices, if is_dinar { "BHD" } else { "JPY" }, rules, &discounts);
            let taken: i64 = standing.sale.discounts.by_hand.iter().map(Discount::amount_minor).sum();
            prop_assert_eq!(taken, standing.lines.iter().map(|line| line.discount_minor).sum::<i64>());
            let mut whole = 0;
            for line in &standing.lines {
                prop_assert!((0..=line.amount_minor).contains(&line.discount_minor));
                prop_assert_eq!(line.amount_minor, line_amount(line.quantity, line.unit_price).unwrap());
                whole += line.amount_minor;
            }
            let tax = if is_exclusive { standing.sale.tax_minor } else { 0 };
            prop_assert_eq!(standing.sale.total_minor, whole - taken + tax);
            prop_assert_eq!(standing.sale.discounts.over(&standing.lines), Ok(standing.sale.discounts.clone()));
        }
    }

    #[test]
    fn all_that_is_left_of_a_part_is_at_most_half_a_minor_unit_off() {
        assert_eq!(Reduction::BasisPoints(1_000).of(15), Ok(2));
        assert_eq!(Reduction::BasisPoints(1_000).of(14), Ok(1));
        assert_eq!(Reduction::BasisPoints(10_000).of(AMOUNT_MINOR_MAX), Ok(AMOUNT_MINOR_MAX));
        assert_eq!(Reduction::AmountMinor(20).of(14), Ok(14));
    }

    #[test]
    fn what_a_sale_keeps_has_one_json_form() {
        let standing = sold(
            [1_000_000, 0, 0],
            "JPY",
            TaxRules::japan(),
            &[NewDiscount {
                target: Target::Line(1),
                reduction: Reduction::BasisPoints(500),
                reason: "late".to_owned(),
            }],
        );
        let json = serde_json::to_string(&standing.sale.discounts).unwrap();
        let expected = r#"{"by_hand":[{"number":1,"target":{"line":1},"reduction":{"basis_points":500},"reason":"late","given_by":"test","is_by_manager":true,"shares":[{"line":1,"amount_minor":5}]}],"last_number":1}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Discounts>(&json).unwrap(), standing.sale.discounts);
    }
}
