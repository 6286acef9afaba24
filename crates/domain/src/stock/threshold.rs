//! The threshold below which an article is reordered, and the word that it was crossed.

use serde::Serialize;

use super::level::require_counted;
use super::{Refusal, StockLevel};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{ArticleId, LocationId};
use crate::money::{QUANTITY_MAX, Quantity};
use crate::work::{Key, Stop, UnitOfWork};

/// Sets the threshold of one article at one location, or takes it away.
#[derive(Debug, Clone)]
pub struct SetThreshold {
    /// Where.
    pub location: LocationId,
    /// What.
    pub article: ArticleId,
    /// When less than this is available it is time to reorder; never without it.
    pub reorder_at: Option<Quantity>,
}

impl Command for SetThreshold {
    type Reply = StockLevel;

    fn name(&self) -> &'static str {
        "stock.set_threshold"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Location(self.location), Key::Article(self.article), Key::StockLevel(self.location, self.article)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<StockLevel, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        require_counted(work, call, self.location, self.article)?;
        if self.reorder_at.is_some_and(|Quantity(reorder_at)| !(0..=QUANTITY_MAX).contains(&reorder_at)) {
            return Err(Refusal::QuantityOutOfRange.into());
        }
        let level = work.stock_levels.find_mut(call.merchant, &(self.location, self.article));
        let level = level.ok_or_else(|| Stop::Needs(vec![Key::StockLevel(self.location, self.article)]))?;
        let was_below = level.is_below_threshold();
        level.reorder_at = self.reorder_at;
        let level = level.clone();
        work.emit(
            call,
            "stock.threshold_set",
            self.article,
            &Set { location: self.location, reorder_at: self.reorder_at },
        );
        tell_crossing(work, call, was_below, &level);
        Ok(level)
    }
}

/// Tells that less than the threshold is left, when it was not so before: once, and again only after it was back.
pub(super) fn tell_crossing(work: &mut UnitOfWork, call: &mut Call<'_>, was_below: bool, level: &StockLevel) {
    if was_below || !level.is_below_threshold() {
        return;
    }
    let StockLevel { location, article, reorder_at, .. } = *level;
    work.emit(call, "stock.below_threshold", article, &Below { location, available: level.available(), reorder_at });
}

#[derive(Serialize)]
struct Set {
    location: LocationId,
    reorder_at: Option<Quantity>,
}

#[derive(Serialize)]
struct Below {
    location: LocationId,
    available: Quantity,
    reorder_at: Option<Quantity>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sale::{RemoveLine, VoidSale};
    use crate::stock::{Booking, LIMITED_MAX, MoveStock};
    use crate::testing::{BAG, LOCATION, MERCHANT, OTHER_LOCATION, TEA, TEA_ON_HAND, World, line, sale_id};

    fn set(reorder_at: Option<i64>) -> SetThreshold {
        SetThreshold { location: LOCATION, article: TEA, reorder_at: reorder_at.map(Quantity) }
    }

    fn adjust(world: &mut World, quantity: i64) {
        let change = MoveStock::one(MERCHANT, LOCATION, Booking::Correction, TEA, Quantity(quantity));
        world.run(&MoveStock { reason: "counted".to_owned(), ..change }).unwrap();
    }

    fn crossings(world: &World) -> usize {
        world.event_kinds().iter().filter(|kind| **kind == "stock.below_threshold").count()
    }

    #[test]
    fn a_crossing_is_told_once_and_again_after_it_was_back() {
        let mut world = World::new();
        world.run(&set(Some(8_000))).unwrap();
        adjust(&mut world, -2_000);
        assert_eq!(crossings(&world), 0, "as much as the threshold is enough");
        adjust(&mut world, -1_000);
        adjust(&mut world, -1_000);
        assert_eq!(crossings(&world), 1);
        adjust(&mut world, 1_999);
        assert_eq!(crossings(&world), 1, "it was not back");
        adjust(&mut world, 1);
        adjust(&mut world, -1);
        assert_eq!(crossings(&world), 2);
        let event = &world.database.events.rows().last().unwrap();
        let told = format!(r#"{{"location":"{LOCATION}","available":"7.999","reorder_at":"8"}}"#);
        assert_eq!(
            (event.kind, event.subject.clone(), event.data.clone()),
            ("stock.below_threshold", TEA.to_string(), told)
        );
    }

    #[test]
    fn what_is_promised_and_sold_counts_once() {
        let mut world = World::new();
        world.run(&set(Some(TEA_ON_HAND))).unwrap();
        world.open_sale(1, &[line(TEA, 1_000)]);
        assert_eq!(crossings(&world), 1);
        // Selling what was promised leaves as much available as before.
        world
            .run(&crate::sale::AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: None, given_minor: 1_000 })
            .unwrap();
        assert_eq!(crossings(&world), 1);
        adjust(&mut world, 1_000);
        world.open_sale(2, &[line(TEA, 1_000)]);
        assert_eq!(crossings(&world), 2);
        world.run(&VoidSale { merchant: MERCHANT, sale: sale_id(2) }).unwrap();
        world.open_sale(3, &[line(TEA, 1_000)]);
        world.run(&RemoveLine { merchant: MERCHANT, sale: sale_id(3), number: 1 }).unwrap();
        assert_eq!(crossings(&world), 3);
        assert!(!world.level(TEA).is_below_threshold());
    }

    #[test]
    fn setting_a_threshold_above_what_is_there_tells_it() {
        let mut world = World::new();
        assert!(world.run(&set(Some(TEA_ON_HAND + 1))).unwrap().is_below_threshold());
        world.run(&set(Some(TEA_ON_HAND + 2))).unwrap();
        assert_eq!(crossings(&world), 1);
        assert!(!world.run(&set(None)).unwrap().is_below_threshold());
        adjust(&mut world, -TEA_ON_HAND);
        assert_eq!(crossings(&world), 1);
    }

    #[test]
    fn little_is_limited() {
        let mut world = World::new();
        adjust(&mut world, LIMITED_MAX.0 + 1 - TEA_ON_HAND);
        assert!(!world.level(TEA).is_limited());
        adjust(&mut world, -1);
        assert!(world.level(TEA).is_limited());
        for (reorder_at, is_limited) in [(0, false), (2_999, false), (3_000, true), (9_000, true)] {
            assert_eq!(world.run(&set(Some(reorder_at))).unwrap().is_limited(), is_limited, "{reorder_at}");
        }
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let nowhere = LocationId::from_uuid(uuid::Uuid::nil());
        for (code, wrong) in [
            ("quantity_out_of_range", set(Some(-1))),
            ("quantity_out_of_range", set(Some(QUANTITY_MAX + 1))),
            ("article_not_stocked", SetThreshold { article: BAG, ..set(None) }),
            ("location_not_found", SetThreshold { location: nowhere, ..set(None) }),
            ("article_not_found", SetThreshold { article: ArticleId::from_uuid(uuid::Uuid::nil()), ..set(None) }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&set(None)).code(), "role_too_low");
        let elsewhere = World::new().run(&SetThreshold { location: OTHER_LOCATION, ..set(Some(1)) }).unwrap();
        assert_eq!((elsewhere.on_hand, elsewhere.reorder_at), (Quantity::ZERO, Some(Quantity(1))));
    }
}
