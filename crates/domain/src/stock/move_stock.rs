//! Goods that came in, and levels that a person corrects.

use serde::Serialize;

use super::level::require_counted;
use super::threshold::tell_crossing;
use super::{Movement, MovementKind, Refusal, StockLevel};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::guard;
use crate::id::{ArticleId, LocationId, MovementId};
use crate::money::{QUANTITY_MAX, Quantity};
use crate::work::{Key, Stop, UnitOfWork};

/// Longest reason, in characters: a sentence or two.
pub const REASON_CHARS_MAX: usize = 500;

/// The movements that a person may ask for; the others follow from sales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    /// Goods came in.
    Receipt,
    /// The level is corrected, with a reason.
    Adjustment,
}

/// A movement and the level it led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The ledger entry.
    pub movement: Movement,
    /// The level after it.
    pub level: StockLevel,
}

/// Moves stock of one article at one location.
#[derive(Debug, Clone)]
pub struct MoveStock {
    /// Where.
    pub location: LocationId,
    /// What.
    pub article: ArticleId,
    /// Why.
    pub kind: Correction,
    /// The change of `on_hand`.
    pub quantity: Quantity,
    /// A person's reason; an adjustment needs one.
    pub reason: String,
    /// What the caller believes to be on hand; without it the change is added to whatever is there.
    pub expected_on_hand: Option<Quantity>,
}

impl MoveStock {
    fn check_quantity(&self) -> Result<(), Refusal> {
        let is_in_range = match self.kind {
            Correction::Receipt => (1..=QUANTITY_MAX).contains(&self.quantity.0),
            Correction::Adjustment => {
                self.quantity != Quantity::ZERO && self.quantity.0.unsigned_abs() <= QUANTITY_MAX.unsigned_abs()
            }
        };
        if is_in_range { Ok(()) } else { Err(Refusal::QuantityOutOfRange) }
    }

    fn check_reason(&self) -> Result<(), Refusal> {
        let is_missing = self.kind == Correction::Adjustment && self.reason.trim().is_empty();
        if is_missing || self.reason.chars().count() > REASON_CHARS_MAX {
            return Err(Refusal::ReasonInvalid);
        }
        if guard::looks_like_card_number(&self.reason) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
    }

    /// What is on hand after the move. Only a move downwards is held to zero, so that a level which an oversell left
    /// below zero can be brought up in steps.
    fn moved(&self, on_hand: Quantity) -> Result<Quantity, Refusal> {
        if self.expected_on_hand.is_some_and(|expected| expected != on_hand) {
            return Err(Refusal::Stale { on_hand });
        }
        let moved = on_hand.checked_add(self.quantity).ok_or(Refusal::QuantityOutOfRange)?;
        let is_taken_below_zero = self.quantity < Quantity::ZERO && moved < Quantity::ZERO;
        if is_taken_below_zero { Err(Refusal::Negative { on_hand }) } else { Ok(moved) }
    }

    fn movement(&self, call: &mut Call<'_>) -> Movement {
        Movement {
            id: MovementId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            location: self.location,
            article: self.article,
            kind: match self.kind {
                Correction::Receipt => MovementKind::Receipt,
                Correction::Adjustment => MovementKind::Adjustment,
            },
            quantity: self.quantity,
            sale: None,
            reason: self.reason.clone(),
            recorded_at: call.now,
        }
    }
}

impl Command for MoveStock {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "stock.move"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Location(self.location), Key::Article(self.article), Key::StockLevel(self.location, self.article)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        require_counted(work, call, self.location, self.article)?;
        self.check_quantity()?;
        self.check_reason()?;
        let level = work.stock_levels.find_mut(call.merchant, &(self.location, self.article));
        let level = level.ok_or_else(|| Stop::Needs(vec![Key::StockLevel(self.location, self.article)]))?;
        let was_below = level.is_below_threshold();
        level.on_hand = self.moved(level.on_hand)?;
        let level = level.clone();
        let movement = self.movement(call);
        let data = Fact {
            location: level.location,
            kind: movement.kind.as_str(),
            quantity: movement.quantity,
            on_hand: level.on_hand,
            reserved: level.reserved,
        };
        work.emit(call, "stock.moved", self.article, &data);
        tell_crossing(work, call, was_below, &level);
        work.movements.append(movement.clone());
        Ok(Moved { movement, level })
    }
}

#[derive(Serialize)]
struct Fact {
    location: LocationId,
    kind: &'static str,
    quantity: Quantity,
    on_hand: Quantity,
    reserved: Quantity,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{BAG, LOCATION, OTHER_LOCATION, TEA, TEA_ON_HAND, World};

    fn a_move(kind: Correction, quantity: i64) -> MoveStock {
        MoveStock {
            location: LOCATION,
            article: TEA,
            kind,
            quantity: Quantity(quantity),
            reason: "counted".to_owned(),
            expected_on_hand: None,
        }
    }

    #[test]
    fn a_receipt_adds_to_the_level_and_to_the_ledger() {
        let mut world = World::new();
        let level = world.run(&a_move(Correction::Receipt, 5_000)).unwrap().level;
        assert_eq!(level.on_hand, Quantity(TEA_ON_HAND + 5_000));
        let movement = world.database.movements.rows().last().unwrap();
        assert_eq!((movement.kind, movement.quantity), (MovementKind::Receipt, Quantity(5_000)));
        assert_eq!(world.event_kinds(), ["stock.moved"]);
        let event = &world.database.events.rows()[0].data;
        assert!(event.contains(r#""quantity":"5","#), "{event}");
    }

    #[test]
    fn an_adjustment_may_empty_the_shelf_and_no_more() {
        let mut world = World::new();
        let refusal = world.refused(&a_move(Correction::Adjustment, -TEA_ON_HAND - 1));
        assert_eq!(refusal, command::Refusal::Stock(Refusal::Negative { on_hand: Quantity(TEA_ON_HAND) }));
        let level = world.run(&a_move(Correction::Adjustment, -TEA_ON_HAND)).unwrap().level;
        assert_eq!(level.on_hand, Quantity::ZERO);
    }

    #[test]
    fn the_first_receipt_at_a_location_makes_its_level() {
        let mut world = World::new();
        let receipt = MoveStock { location: OTHER_LOCATION, ..a_move(Correction::Receipt, 1) };
        assert_eq!(world.run(&receipt).unwrap().level.on_hand, Quantity(1));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        use Correction::{Adjustment, Receipt};
        let reason = |text: &str| MoveStock { reason: text.to_owned(), ..a_move(Adjustment, 1) };
        let nowhere = LocationId::from_uuid(uuid::Uuid::nil());
        for (code, wrong) in [
            ("quantity_out_of_range", a_move(Receipt, 0)),
            ("quantity_out_of_range", a_move(Receipt, -1)),
            ("quantity_out_of_range", a_move(Receipt, QUANTITY_MAX + 1)),
            ("quantity_out_of_range", a_move(Adjustment, 0)),
            ("quantity_out_of_range", a_move(Adjustment, i64::MIN)),
            ("stock_stale", MoveStock { expected_on_hand: Some(Quantity(1)), ..a_move(Adjustment, 1) }),
            ("reason_invalid", reason(" ")),
            ("reason_invalid", reason(&"x".repeat(REASON_CHARS_MAX + 1))),
            ("text_looks_like_card_number", reason("card 4111111111111111")),
            ("article_not_stocked", MoveStock { article: BAG, ..a_move(Receipt, 1) }),
            ("location_not_found", MoveStock { location: nowhere, ..a_move(Receipt, 1) }),
            ("article_not_found", MoveStock { article: ArticleId::from_uuid(uuid::Uuid::nil()), ..a_move(Receipt, 1) }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&a_move(Receipt, 1)).code(), "role_too_low");
    }
}
