//! Prices that hold for a time, everywhere or in one location.

use serde::{Deserialize, Serialize};

use super::{Article, Refusal, check_unit_price};
use crate::id::LocationId;
use crate::money::UnitPrice;
use crate::time::Timestamp;

/// Prices that one article may have beside its own: a year of weekly changes and a shop of its own for each, with room to
/// spare. They are read with the article by each sale of it.
pub const PRICES_MAX: usize = 100;

/// A price that an article has for a time. Where several hold, that of the location goes before that of all locations, and
/// of those the one that began last; where none does, the article's own price holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Price {
    /// Where it holds; everywhere without.
    pub location: Option<LocationId>,
    /// The first instant.
    pub valid_from: Timestamp,
    /// The instant at which it holds no more; without it it holds until a later one begins.
    pub valid_until: Option<Timestamp>,
    /// Price of one unit, in ten-thousandths of the minor unit.
    pub unit_price: UnitPrice,
}

impl Price {
    fn holds(&self, location: LocationId, now: Timestamp) -> bool {
        let is_here = self.location.is_none_or(|there| there == location);
        is_here && self.valid_from <= now && self.valid_until.is_none_or(|until| now < until)
    }
}

impl Article {
    /// The price of one unit, in a location, at an instant.
    pub fn price_at(&self, location: LocationId, now: Timestamp) -> UnitPrice {
        let held = self.prices.iter().filter(|price| price.holds(location, now));
        let nearest = held.max_by_key(|price| (price.location.is_some(), price.valid_from));
        nearest.map_or(self.unit_price, |price| price.unit_price)
    }
}

/// The prices in their order: by location, then by their beginning. No two of a location begin at once.
pub(super) fn in_order(prices: &[Price]) -> Result<Vec<Price>, Refusal> {
    if prices.len() > PRICES_MAX {
        return Err(Refusal::TooManyPrices);
    }
    let mut prices = prices.to_vec();
    prices.sort_unstable();
    for price in &prices {
        check_unit_price(price.unit_price)?;
        if price.valid_until.is_some_and(|until| until <= price.valid_from) {
            return Err(Refusal::PriceNeverHolds);
        }
    }
    let is_same = |(one, other): (&Price, &Price)| (one.location, one.valid_from) == (other.location, other.valid_from);
    if prices.iter().zip(prices.iter().skip(1)).any(is_same) { Err(Refusal::PriceTwice) } else { Ok(prices) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::UpdateArticle;
    use crate::id::ArticleId;
    use crate::testing::{LOCATION, MERCHANT, NOW, OTHER_LOCATION, TEA, World, line, sale_id};

    fn a_price(location: Option<LocationId>, from_ms: i64, until_ms: Option<i64>, yen: i64) -> Price {
        Price {
            location,
            valid_from: NOW.plus_ms(from_ms),
            valid_until: until_ms.map(|ms| NOW.plus_ms(ms)),
            unit_price: UnitPrice(yen * 10_000),
        }
    }

    fn an_update(prices: &[Price]) -> UpdateArticle {
        UpdateArticle { prices: Some(prices.to_vec()), ..UpdateArticle::nothing(MERCHANT, TEA) }
    }

    #[test]
    fn the_nearest_price_holds() {
        let mut tea = World::new().article(TEA);
        tea.prices = vec![
            a_price(None, 0, None, 160),
            a_price(None, 2_000, Some(3_000), 120),
            a_price(Some(LOCATION), 1_000, Some(5_000), 140),
        ];
        let yen = |location, ms| tea.price_at(location, NOW.plus_ms(ms)).0 / 10_000;
        let at_home = [-1, 0, 1_000, 2_500, 4_999, 5_000].map(|ms| yen(LOCATION, ms));
        assert_eq!(at_home, [150, 160, 140, 140, 140, 160]);
        assert_eq!([1_000, 2_000, 3_000].map(|ms| yen(OTHER_LOCATION, ms)), [160, 120, 160]);
    }

    #[test]
    fn a_sale_takes_the_price_of_its_moment_and_keeps_it() {
        let mut world = World::new();
        world.run(&an_update(&[a_price(Some(LOCATION), 60_000, None, 99)])).unwrap();
        world.open_sale(1, &[line(TEA, 1_000)]);
        world.advance_ms(60_000);
        world.open_sale(2, &[line(TEA, 1_000)]);
        let totals = [1, 2].map(|number| world.standing(sale_id(number)).sale.total_minor);
        assert_eq!(totals, [150, 99]);
        assert_eq!(world.event_kinds(), ["article.updated", "sale.opened", "sale.opened"]);
    }

    #[test]
    fn prices_are_kept_in_their_order() {
        let (here, everywhere) = (a_price(Some(LOCATION), 0, None, 1), a_price(None, 0, Some(1), 2));
        let mut world = World::new();
        assert_eq!(world.run(&an_update(&[here, everywhere])).unwrap().article.prices, [everywhere, here]);
        assert_eq!(world.run(&an_update(&[everywhere, here])).unwrap().article.version, 2);
        assert!(world.run(&an_update(&[])).unwrap().article.prices.is_empty());
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let elsewhere = LocationId::from_uuid(uuid::Uuid::nil());
        for (code, wrong) in [
            ("article_price_twice", vec![a_price(None, 0, None, 1), a_price(None, 0, Some(5), 2)]),
            ("article_price_never_holds", vec![a_price(None, 5, Some(5), 1)]),
            ("unit_price_out_of_range", vec![a_price(None, 0, None, -1)]),
            ("article_too_many_prices", (0..=100).map(|ms| a_price(None, ms, None, 1)).collect()),
            ("location_not_found", vec![a_price(Some(elsewhere), 0, None, 1)]),
        ] {
            assert_eq!(World::new().refused(&an_update(&wrong)).code(), code);
        }
        let nobody = UpdateArticle { article: ArticleId::from_uuid(uuid::Uuid::nil()), ..an_update(&[]) };
        assert_eq!(World::new().refused(&nobody).code(), "article_not_found");
    }
}
