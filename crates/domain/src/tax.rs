//! Tax: one rounding per rate and receipt, never per line. Japan's qualified invoice demands it, and it is what makes
//! the receipt's totals independent of how the lines were rung.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::money::Rounding;
use crate::money::{Overflow, sum_minor};

/// All of it, in basis points.
const WHOLE: i128 = 10_000;

/// A tax rate in basis points: 1000 is 10 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaxRate(pub u32);

/// The tax class of Japan's reduced rate. A qualified invoice marks its lines.
pub const REDUCED: &str = "reduced";

/// Whether prices contain the tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceMode {
    /// Prices are what the customer pays.
    Inclusive,
    /// Tax comes on top.
    Exclusive,
}

impl PriceMode {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inclusive => "inclusive",
            Self::Exclusive => "exclusive",
        }
    }

    /// The mode of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Inclusive, Self::Exclusive].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// How the amounts of a sale become tax. The sale keeps them, so that its tax stays what the customer was told, whatever
/// the merchant's rules say later; the rate is kept by each line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaxTerms {
    /// Whether prices contain the tax.
    pub price_mode: PriceMode,
    /// What becomes of a fraction of the minor unit of tax.
    pub rounding: Rounding,
}

/// How a merchant's prices carry tax.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct TaxRules {
    /// Whether prices contain the tax.
    pub price_mode: PriceMode,
    /// What becomes of a fraction of the minor unit of tax; the seller's choice in Japan.
    pub rounding: Rounding,
    /// The rate of each tax class that an article may have.
    pub classes: BTreeMap<String, TaxRate>,
}

impl TaxRules {
    /// Japanese retail: prices with tax, rounded down; `standard` 10 %, `reduced` 8 % (food to take away, newspapers)
    /// and `none`.
    pub fn japan() -> Self {
        let classes = [("standard", 1_000), (REDUCED, 800), ("none", 0)];
        Self {
            price_mode: PriceMode::Inclusive,
            rounding: Rounding::Down,
            classes: classes.into_iter().map(|(class, rate)| (class.to_owned(), TaxRate(rate))).collect(),
        }
    }

    /// What a sale keeps of these rules.
    pub const fn terms(&self) -> TaxTerms {
        TaxTerms { price_mode: self.price_mode, rounding: self.rounding }
    }

    /// The rate of a class; `None` when these rules do not have it.
    pub fn rate(&self, class: &str) -> Option<TaxRate> {
        self.classes.get(class).copied()
    }
}

/// What one rate amounts to on one receipt. `net + tax = gross`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxTotal {
    /// The rate.
    pub rate: TaxRate,
    /// The lines' amounts as priced, summed, in minor units: the gross of inclusive prices, the net of exclusive ones.
    pub base_minor: i64,
    /// Without tax, in minor units.
    pub net_minor: i64,
    /// The tax, in minor units.
    pub tax_minor: i64,
    /// With tax, in minor units.
    pub gross_minor: i64,
}

impl TaxTotal {
    fn of(rate: TaxRate, base_minor: i64, terms: TaxTerms) -> Result<Self, Overflow> {
        let points = i128::from(rate.0);
        let divisor = match terms.price_mode {
            PriceMode::Inclusive => WHOLE.saturating_add(points),
            PriceMode::Exclusive => WHOLE,
        };
        let tax_minor = terms.rounding.divide(i128::from(base_minor).saturating_mul(points), divisor)?;
        let (net_minor, gross_minor) = match terms.price_mode {
            PriceMode::Inclusive => (sum_minor([base_minor, tax_minor.saturating_neg()])?, base_minor),
            PriceMode::Exclusive => (base_minor, sum_minor([base_minor, tax_minor])?),
        };
        Ok(Self { rate, base_minor, net_minor, tax_minor, gross_minor })
    }

    fn times(self, count: i64) -> Result<Self, Overflow> {
        let times = |amount_minor: i64| amount_minor.checked_mul(count).ok_or(Overflow);
        Ok(Self {
            rate: self.rate,
            base_minor: times(self.base_minor)?,
            net_minor: times(self.net_minor)?,
            tax_minor: times(self.tax_minor)?,
            gross_minor: times(self.gross_minor)?,
        })
    }

    fn sum(rate: TaxRate, totals: &[Self]) -> Result<Self, Overflow> {
        Ok(Self {
            rate,
            base_minor: sum_minor(totals.iter().map(|total| total.base_minor))?,
            net_minor: sum_minor(totals.iter().map(|total| total.net_minor))?,
            tax_minor: sum_minor(totals.iter().map(|total| total.tax_minor))?,
            gross_minor: sum_minor(totals.iter().map(|total| total.gross_minor))?,
        })
    }
}

/// The totals of a receipt's lines (rate, amount as priced in minor units), one per rate, sorted by rate.
pub fn tax_totals(lines: &[(TaxRate, i64)], terms: TaxTerms) -> Result<Vec<TaxTotal>, Overflow> {
    let mut amounts: BTreeMap<TaxRate, Vec<i64>> = BTreeMap::new();
    for (rate, amount_minor) in lines {
        amounts.entry(*rate).or_default().push(*amount_minor);
    }
    amounts.into_iter().map(|(rate, amounts)| TaxTotal::of(rate, sum_minor(amounts)?, terms)).collect()
}

/// Receipts on the same terms with the same sum at one rate, which therefore have the same tax. A day has many receipts and few of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alike {
    /// How their tax is rounded.
    pub terms: TaxTerms,
    /// The rate.
    pub rate: TaxRate,
    /// What the lines at that rate come to on each of the receipts, as priced, in minor units.
    pub base_minor: i64,
    /// How many receipts.
    pub count: i64,
}

/// What receipts amount to together, one total per rate, sorted by rate. Each receipt is rounded by itself and its tax added
/// up: the tax of a day's sum is another number than what the customers' receipts say.
pub fn tax_totals_together(receipts: &[Alike]) -> Result<Vec<TaxTotal>, Overflow> {
    let mut by_rate: BTreeMap<TaxRate, Vec<TaxTotal>> = BTreeMap::new();
    for Alike { terms, rate, base_minor, count } in receipts {
        by_rate.entry(*rate).or_default().push(TaxTotal::of(*rate, *base_minor, *terms)?.times(*count)?);
    }
    by_rate.into_iter().map(|(rate, totals)| TaxTotal::sum(rate, &totals)).collect()
}

/// What all rates of a receipt amount to. `net + tax = gross`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Without tax, in minor units.
    pub net_minor: i64,
    /// The tax, in minor units.
    pub tax_minor: i64,
    /// What the customer owes, in minor units.
    pub gross_minor: i64,
}

/// Sums the rates of a receipt.
pub fn totals(rates: &[TaxTotal]) -> Result<Totals, Overflow> {
    Ok(Totals {
        net_minor: sum_minor(rates.iter().map(|total| total.net_minor))?,
        tax_minor: sum_minor(rates.iter().map(|total| total.tax_minor))?,
        gross_minor: sum_minor(rates.iter().map(|total| total.gross_minor))?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::PriceMode::{Exclusive, Inclusive};
    use super::Rounding::{Down, HalfUp, Up};
    use super::*;

    fn terms(price_mode: PriceMode, rounding: Rounding) -> TaxTerms {
        TaxTerms { price_mode, rounding }
    }

    #[test]
    fn tax_is_rounded_once_per_rate() {
        let cases: &[(PriceMode, Rounding, u32, &[i64], i64)] = &[
            // wallets-and-japan.md, section F: 31, not 10 + 10 + 10.
            (Exclusive, Down, 1_000, &[105, 105, 105], 31),
            (Exclusive, Up, 1_000, &[105, 105, 105], 32),
            (Exclusive, HalfUp, 1_000, &[105, 105, 105], 32),
            (Exclusive, HalfUp, 1_000, &[104, 100, 100], 30),
            // Section F: total x 10/110 and x 8/108.
            (Inclusive, Down, 1_000, &[1_100], 100),
            (Inclusive, Down, 800, &[1_080], 80),
            (Inclusive, Down, 800, &[100_000], 7_407),
            (Inclusive, Down, 1_000, &[100_000], 9_090),
            (Inclusive, Up, 1_000, &[100_000], 9_091),
            (Inclusive, HalfUp, 1_000, &[100_000], 9_091),
            (Inclusive, HalfUp, 800, &[100_000], 7_407),
            (Inclusive, Up, 0, &[500], 0),
            // A return is the mirror of its sale.
            (Exclusive, Down, 1_000, &[-105, -105, -105], -31),
            (Inclusive, Up, 1_000, &[-100_000], -9_091),
        ];
        for (price_mode, rounding, rate, amounts, tax) in cases {
            let lines: Vec<_> = amounts.iter().map(|amount| (TaxRate(*rate), *amount)).collect();
            let total = tax_totals(&lines, terms(*price_mode, *rounding)).unwrap()[0];
            assert_eq!(total.tax_minor, *tax, "{price_mode:?} {rounding:?} {rate} {amounts:?}");
            assert_eq!(total.base_minor, amounts.iter().sum::<i64>());
        }
    }

    #[test]
    fn each_rate_has_its_own_total() {
        let lines = [(TaxRate(1_000), 550), (TaxRate(800), 540), (TaxRate(1_000), 550)];
        let by_rate = tax_totals(&lines, TaxRules::japan().terms()).unwrap();
        let expected = [
            TaxTotal { rate: TaxRate(800), base_minor: 540, net_minor: 500, tax_minor: 40, gross_minor: 540 },
            TaxTotal { rate: TaxRate(1_000), base_minor: 1_100, net_minor: 1_000, tax_minor: 100, gross_minor: 1_100 },
        ];
        assert_eq!(by_rate, expected);
        assert_eq!(totals(&by_rate), Ok(Totals { net_minor: 1_500, tax_minor: 140, gross_minor: 1_640 }));
        assert_eq!(tax_totals(&[], TaxRules::japan().terms()), Ok(vec![]));
    }

    #[test]
    fn totals_out_of_range_are_refused() {
        let max = crate::money::AMOUNT_MINOR_MAX;
        let lines = [(TaxRate(1_000), max)];
        assert_eq!(tax_totals(&lines, terms(Exclusive, Down)), Err(Overflow));
        assert!(tax_totals(&lines, terms(Inclusive, Down)).is_ok());
        assert_eq!(tax_totals(&[(TaxRate(u32::MAX), max)], terms(Exclusive, Up)), Err(Overflow));
        assert_eq!(tax_totals(&[(TaxRate(0), max), (TaxRate(0), max)], terms(Inclusive, Up)), Err(Overflow));
    }

    #[test]
    fn rules_have_one_json_form() {
        let json = r#"{"price_mode":"inclusive","rounding":"down","classes":{"none":0,"reduced":800,"standard":1000}}"#;
        assert_eq!(serde_json::to_string(&TaxRules::japan()).unwrap(), json);
        assert_eq!(serde_json::from_str::<TaxRules>(json).unwrap(), TaxRules::japan());
        assert_eq!(serde_json::to_string(&HalfUp).unwrap(), "\"half_up\"");
        assert!(serde_json::from_str::<TaxRules>(&json.replace("rounding", "rounded")).is_err());
        assert_eq!(TaxRules::japan().rate("reduced"), Some(TaxRate(800)));
        assert_eq!(TaxRules::japan().rate("luxury"), None);
    }

    fn any_terms() -> impl Strategy<Value = TaxTerms> {
        let modes = prop_oneof![Just(Inclusive), Just(Exclusive)];
        (modes, prop_oneof![Just(Down), Just(Up), Just(HalfUp)]).prop_map(|(mode, rounding)| terms(mode, rounding))
    }

    fn any_lines() -> impl Strategy<Value = Vec<(TaxRate, i64)>> {
        let rate = prop_oneof![Just(0), Just(800), Just(1_000), 0..10_000_u32].prop_map(TaxRate);
        prop::collection::vec((rate, -1_000_000_000..1_000_000_000_i64), 0..12)
    }

    proptest! {
        #[test]
        fn net_and_tax_make_gross(lines in any_lines(), terms in any_terms()) {
            let by_rate = tax_totals(&lines, terms).unwrap();
            for total in &by_rate {
                prop_assert_eq!(total.net_minor + total.tax_minor, total.gross_minor);
            }
            let all = totals(&by_rate).unwrap();
            prop_assert_eq!(all.net_minor + all.tax_minor, all.gross_minor);
        }

        #[test]
        fn the_order_of_lines_does_not_matter(
            (lines, shuffled) in any_lines().prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
            terms in any_terms(),
        ) {
            prop_assert_eq!(tax_totals(&lines, terms), tax_totals(&shuffled, terms));
        }

        #[test]
        fn a_return_mirrors_its_sale(lines in any_lines(), terms in any_terms()) {
            let returned: Vec<_> = lines.iter().map(|(rate, amount)| (*rate, -amount)).collect();
            let mirrored: Vec<_> = tax_totals(&returned, terms).unwrap().iter().map(negated).collect();
            prop_assert_eq!(tax_totals(&lines, terms).unwrap(), mirrored);
        }
    }

    #[test]
    fn the_tax_of_a_day_is_that_of_its_receipts() {
        // Three receipts of 105 yen, 10 yen tax each: 30, where the day's 315 would have 31.
        let alike = [Alike { terms: terms(Exclusive, Down), rate: TaxRate(1_000), base_minor: 105, count: 3 }];
        let total = tax_totals_together(&alike).unwrap()[0];
        assert_eq!((total.base_minor, total.tax_minor, total.gross_minor), (315, 30, 345));
        let too_many = [Alike { count: i64::MAX, ..alike[0] }];
        assert_eq!(tax_totals_together(&too_many), Err(Overflow));
        assert_eq!(tax_totals_together(&[]), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn receipts_amount_to_the_sum_of_each(
            receipts in prop::collection::vec(any_lines(), 0..6),
            terms in any_terms(),
        ) {
            let each: Vec<_> = receipts.iter().flat_map(|lines| tax_totals(lines, terms).unwrap()).collect();
            let alike = |total: &TaxTotal| Alike { terms, rate: total.rate, base_minor: total.base_minor, count: 1 };
            let together = tax_totals_together(&each.iter().map(alike).collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(totals(&together), totals(&each));
        }
    }

    fn negated(total: &TaxTotal) -> TaxTotal {
        TaxTotal {
            rate: total.rate,
            base_minor: -total.base_minor,
            net_minor: -total.net_minor,
            tax_minor: -total.tax_minor,
            gross_minor: -total.gross_minor,
        }
    }
}
