//! Random receipts, each held against the rule of tax as a tax office would check it: without the code under test, by
//! multiplication only. The tax of a rate is the whole number that lies where the rounding says around
//! `base x rate / 10,000` of prices without tax, or `base x rate / (10,000 + rate)` of prices that contain it.
//!
//! `TILLBRIDGE_RECEIPTS` says how many (20,000).

use std::collections::BTreeMap;

use uuid::Uuid;

use super::discount::give;
use super::reprice::set_totals;
use super::*;
use crate::call::Role;
use crate::money::line_amount;
use crate::tax::{PriceMode, Rounding, TaxTerms};

/// Receipts where nothing else is asked for.
const RECEIPTS: u64 = 20_000;

/// Numbers that look random and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64) % below
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len() as i64) as usize]
    }
}

fn a_sale(dice: &mut Dice) -> Sale {
    let price_mode = dice.pick(&[PriceMode::Inclusive, PriceMode::Exclusive]);
    let rounding = dice.pick(&[Rounding::Down, Rounding::Up, Rounding::HalfUp]);
    Sale {
        id: SaleId::from_uuid(Uuid::from_u128(1)),
        merchant: MerchantId::from_uuid(Uuid::from_u128(2)),
        location: LocationId::from_uuid(Uuid::nil()),
        register: RegisterId::from_uuid(Uuid::nil()),
        currency: Currency::parse(dice.pick(&["JPY", "EUR", "BHD"])).unwrap(),
        tax_terms: TaxTerms { price_mode, rounding },
        consumption: Consumption::TakeAway,
        buyer: None,
        state: State::Open,
        total_minor: 0,
        tax_minor: 0,
        discounts: Discounts::default(),
        metadata: crate::metadata::Metadata::default(),
        line_count: 0,
        receipt_number: None,
        note: String::new(),
        opened_at: Timestamp(0),
        closed_at: None,
        elsewhere: None,
        reserved_until: Timestamp(0),
        operator: None,
        shift: None,
        version: 1,
    }
}

fn a_line(dice: &mut Dice, number: u32) -> SaleLine {
    let digits = dice.pick(&[100, 10_000, 1_000_000]);
    let unit_price = UnitPrice(dice.roll(digits) * dice.pick(&[1, 10_000]));
    let quantity = Quantity(if dice.roll(3) == 0 { 1 + dice.roll(9_999) } else { 1_000 * (1 + dice.roll(5)) });
    SaleLine {
        sale: SaleId::from_uuid(Uuid::from_u128(1)),
        number,
        merchant: MerchantId::from_uuid(Uuid::from_u128(2)),
        article: ArticleId::from_uuid(Uuid::nil()),
        name: String::new(),
        quantity,
        unit_price,
        tax_class: String::new(),
        tax_rate: TaxRate(dice.pick(&[0, 500, 800, 1_000, 1_900, 2_550])),
        amount_minor: line_amount(quantity, unit_price).unwrap(),
        discount_minor: 0,
        is_stocked: false,
        is_removed: false,
        version: 1,
    }
}

fn a_discount(dice: &mut Dice, lines: i64) -> NewDiscount {
    let line = 1 + dice.roll(lines) as u32;
    NewDiscount {
        target: dice.pick(&[Target::Sale, Target::Line(line)]),
        reduction: Reduction::BasisPoints(1 + dice.roll(10_000) as u32),
        reason: "regular".to_owned(),
    }
}

/// Whether a tax is the one of this base.
fn is_tax(tax_minor: i64, base_minor: i64, rate: TaxRate, terms: TaxTerms) -> bool {
    let (tax, exact) = (i128::from(tax_minor), i128::from(base_minor) * i128::from(rate.0));
    let whole = match terms.price_mode {
        PriceMode::Exclusive => 10_000,
        PriceMode::Inclusive => 10_000 + i128::from(rate.0),
    };
    match terms.rounding {
        Rounding::Down => tax * whole <= exact && exact < (tax + 1) * whole,
        Rounding::Up => (tax - 1) * whole < exact && exact <= tax * whole,
        Rounding::HalfUp => (2 * tax - 1) * whole <= 2 * exact && 2 * exact < (2 * tax + 1) * whole,
    }
}

fn check(sale: Sale, lines: Vec<SaleLine>) {
    let mut bases: BTreeMap<TaxRate, i64> = BTreeMap::new();
    for line in &lines {
        // Half a minor unit goes up: q x p / 10^7, rounded by adding a half.
        let exact = i128::from(line.quantity.0) * i128::from(line.unit_price.0);
        assert_eq!(i128::from(line.amount_minor), (2 * exact + 10_000_000) / 20_000_000, "{line:?}");
        *bases.entry(line.tax_rate).or_default() += line.amount_minor - line.discount_minor;
    }
    let taken: i64 = lines.iter().map(|line| line.discount_minor).sum();
    assert_eq!(sale.discounts.amount_minor(), taken, "{sale:?}");
    let terms = sale.tax_terms;
    let standing = Standing::of(sale, lines, Vec::new()).unwrap();
    assert_eq!(
        standing.taxes.iter().map(|total| total.rate).collect::<Vec<_>>(),
        bases.keys().copied().collect::<Vec<_>>()
    );
    let (mut gross, mut tax) = (0, 0);
    for total in &standing.taxes {
        let base = bases[&total.rate];
        assert!(is_tax(total.tax_minor, base, total.rate, terms), "{total:?} of {base} on {terms:?}");
        let on_top = if terms.price_mode == PriceMode::Exclusive { total.tax_minor } else { 0 };
        assert_eq!((total.gross_minor, total.net_minor), (base + on_top, base + on_top - total.tax_minor));
        gross += total.gross_minor;
        tax += total.tax_minor;
    }
    assert_eq!((standing.sale.total_minor, standing.sale.tax_minor), (gross, tax));
}

#[test]
fn the_tax_of_each_rate_is_what_the_rule_says() {
    let wanted = std::env::var("TILLBRIDGE_RECEIPTS").ok().and_then(|count| count.parse().ok());
    let mut dice = Dice(20_261_122);
    for _ in 0..wanted.unwrap_or(RECEIPTS) {
        let mut sale = a_sale(&mut dice);
        let count = 1 + dice.roll(8);
        let mut lines: Vec<SaleLine> = (1..=count as u32).map(|number| a_line(&mut dice, number)).collect();
        for _ in 0..dice.pick(&[0, 0, 1, 3]) {
            let discount = a_discount(&mut dice, count);
            give(&mut sale, &mut lines, &discount, "test", Role::Manager).unwrap();
        }
        set_totals(&mut sale, &lines).unwrap();
        check(sale, lines);
    }
}

#[test]
fn a_tax_that_is_one_off_is_seen() {
    let terms = |price_mode, rounding| TaxTerms { price_mode, rounding };
    let down = terms(PriceMode::Inclusive, Rounding::Down);
    assert!(is_tax(7_407, 100_000, TaxRate(800), down));
    assert!(!is_tax(7_408, 100_000, TaxRate(800), down) && !is_tax(7_406, 100_000, TaxRate(800), down));
    let half = terms(PriceMode::Exclusive, Rounding::HalfUp);
    assert!(is_tax(11, 105, TaxRate(1_000), half) && !is_tax(10, 105, TaxRate(1_000), half));
}
