//! What a return is worth: what was paid for the goods that were kept before it, less what a sale of the goods that are
//! kept after it would have cost. However tax is rounded, all returns of a sale together are worth exactly the sale once
//! nothing is kept, and never more on the way.

use std::collections::BTreeMap;

use crate::money::{Overflow, Quantity, Rounding, sum_minor};
use crate::sale::SaleLine;
use crate::tax::{TaxTerms, TaxTotal, tax_totals};

/// How much has come back, by the number of the line.
pub type Returned = BTreeMap<u32, Quantity>;

/// What each rate amounts to of what came back between `before` and `after`.
pub fn worth(
    lines: &[SaleLine],
    before: &Returned,
    after: &Returned,
    terms: TaxTerms,
) -> Result<Vec<TaxTotal>, Overflow> {
    let kept_after = kept(lines, after, terms)?;
    let differences = kept(lines, before, terms)?.into_iter().map(|had| {
        let keeps = kept_after.iter().find(|keeps| keeps.rate == had.rate);
        keeps.map_or(Ok(had), |keeps| difference(had, *keeps))
    });
    let differences = differences.collect::<Result<Vec<_>, _>>()?;
    Ok(differences.into_iter().filter(|total| total.base_minor != 0 || total.gross_minor != 0).collect())
}

/// The part of what a line was sold for, its discounts taken off, that goes with what is kept of it, rounded half up; all
/// of it while nothing came back. A discount is not worked out anew for what is kept: the customer keeps the part of it that
/// goes with the goods.
pub(super) fn kept_minor(line: &SaleLine, returned: Quantity) -> Result<i64, Overflow> {
    let kept = line.quantity.checked_sub(returned).ok_or(Overflow)?;
    Rounding::HalfUp
        .divide(i128::from(line.discounted_minor()).saturating_mul(i128::from(kept.0)), line.quantity.0.into())
}

fn kept(lines: &[SaleLine], returned: &Returned, terms: TaxTerms) -> Result<Vec<TaxTotal>, Overflow> {
    let amounts = lines.iter().filter(|line| !line.is_removed).map(|line| {
        let returned = returned.get(&line.number).copied().unwrap_or_default();
        Ok((line.tax_rate, kept_minor(line, returned)?))
    });
    tax_totals(&amounts.collect::<Result<Vec<_>, Overflow>>()?, terms)
}

fn difference(had: TaxTotal, keeps: TaxTotal) -> Result<TaxTotal, Overflow> {
    let less = |had: i64, keeps: i64| sum_minor([had, keeps.saturating_neg()]);
    Ok(TaxTotal {
        rate: had.rate,
        base_minor: less(had.base_minor, keeps.base_minor)?,
        net_minor: less(had.net_minor, keeps.net_minor)?,
        tax_minor: less(had.tax_minor, keeps.tax_minor)?,
        gross_minor: less(had.gross_minor, keeps.gross_minor)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::id::SaleId;
    use crate::money::{UnitPrice, line_amount};
    use crate::tax::{PriceMode, TaxRate, TaxRules, totals};
    use crate::testing::{BAG, MERCHANT};

    fn a_line(number: u32, quantity: i64, price_minor: i64, rate: u32) -> SaleLine {
        let (quantity, unit_price) = (Quantity(quantity), UnitPrice(price_minor * 10_000));
        SaleLine {
            sale: SaleId::from_uuid(Uuid::nil()),
            number,
            merchant: MERCHANT,
            article: BAG,
            name: "Bag".to_owned(),
            quantity,
            unit_price,
            tax_class: "standard".to_owned(),
            tax_rate: TaxRate(rate),
            amount_minor: line_amount(quantity, unit_price).unwrap(),
            discount_minor: 0,
            is_stocked: false,
            is_removed: false,
            version: 1,
        }
    }

    fn gross(lines: &[SaleLine], before: &Returned, after: &Returned, terms: TaxTerms) -> (i64, i64) {
        let totals = totals(&worth(lines, before, after, terms).unwrap()).unwrap();
        assert_eq!(totals.net_minor + totals.tax_minor, totals.gross_minor);
        (totals.gross_minor, totals.tax_minor)
    }

    #[test]
    fn three_returns_of_one_piece_are_worth_the_sale() {
        let terms = TaxTerms { price_mode: PriceMode::Exclusive, rounding: Rounding::Up };
        let lines = [a_line(1, 3_000, 105, 1_000)];
        let returned = |quantity| Returned::from([(1, Quantity(quantity))]);
        // 315 and 32 of tax were paid. Each alone would be 105 and 11: 348 in all, one more than was paid.
        let worths: Vec<_> =
            (0..3).map(|n| gross(&lines, &returned(n * 1_000), &returned((n + 1) * 1_000), terms)).collect();
        assert_eq!(worths, [(116, 11), (115, 10), (116, 11)]);
    }

    #[test]
    fn a_rate_of_which_nothing_came_back_is_left_out() {
        let lines = [a_line(1, 1_000, 108, 800), a_line(2, 1_000, 110, 1_000)];
        let after = Returned::from([(2, Quantity(1_000))]);
        let worth = worth(&lines, &Returned::new(), &after, TaxRules::japan().terms()).unwrap();
        assert_eq!(
            worth.iter().map(|total| (total.rate.0, total.gross_minor, total.tax_minor)).collect::<Vec<_>>(),
            [(1_000, 110, 10)]
        );
    }

    /// A line of which a part of the price was taken off.
    fn a_discounted_line(number: u32, quantity: i64, price_minor: i64, rate: u32, points: i64) -> SaleLine {
        let line = a_line(number, quantity, price_minor, rate);
        SaleLine { discount_minor: line.amount_minor * points / 10_000, ..line }
    }

    #[test]
    fn what_comes_back_of_a_discounted_line_is_worth_its_part_of_what_was_paid() {
        let lines = [SaleLine { discount_minor: 50, ..a_line(1, 3_000, 100, 1_000) }];
        let returned = |quantity| Returned::from([(1, Quantity(quantity))]);
        let terms = TaxRules::japan().terms();
        let worths: Vec<_> =
            (0..3).map(|n| gross(&lines, &returned(n * 1_000), &returned((n + 1) * 1_000), terms)).collect();
        assert_eq!(worths, [(83, 7), (84, 8), (83, 7)]);
    }

    fn any_lines() -> impl Strategy<Value = Vec<SaleLine>> {
        let line = (1..5_000_i64, 0..3_000_i64, prop_oneof![Just(0), Just(800), Just(1_000)], 0..=10_000_i64);
        prop::collection::vec(line, 1..6).prop_map(|lines| {
            let numbered = (1..).zip(lines);
            let line =
                |(number, (quantity, price, rate, points))| a_discounted_line(number, quantity, price, rate, points);
            numbered.map(line).collect()
        })
    }

    fn any_terms() -> impl Strategy<Value = TaxTerms> {
        let modes = prop_oneof![Just(PriceMode::Inclusive), Just(PriceMode::Exclusive)];
        let roundings = prop_oneof![Just(Rounding::Down), Just(Rounding::Up), Just(Rounding::HalfUp)];
        (modes, roundings).prop_map(|(price_mode, rounding)| TaxTerms { price_mode, rounding })
    }

    proptest! {
        #[test]
        fn returns_are_never_negative_and_add_up_to_the_sale(
            lines in any_lines(),
            terms in any_terms(),
            steps in prop::collection::vec((0..6_usize, 1..3_000_i64), 0..12),
        ) {
            let paid = totals(&kept(&lines, &Returned::new(), terms).unwrap()).unwrap();
            let mut returned = Returned::new();
            let (mut given, mut tax) = (0, 0);
            let all = lines.iter().map(|line| (line.number as usize - 1, line.quantity.0)).collect::<Vec<_>>();
            for (index, quantity) in steps.into_iter().chain(all) {
                let Some(line) = lines.get(index) else { continue };
                let so_far = returned.get(&line.number).copied().unwrap_or_default().0;
                let after = Quantity((so_far + quantity).min(line.quantity.0));
                let mut next = returned.clone();
                next.insert(line.number, after);
                let (gross_minor, tax_minor) = gross(&lines, &returned, &next, terms);
                prop_assert!(gross_minor >= 0 && tax_minor >= 0 && tax_minor <= gross_minor);
                given += gross_minor;
                tax += tax_minor;
                prop_assert!(given <= paid.gross_minor);
                returned = next;
            }
            prop_assert_eq!((given, tax), (paid.gross_minor, paid.tax_minor));
        }
    }
}
