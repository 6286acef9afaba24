//! Goods that came in, goods that are gone, and books that a person puts right: one line or a whole delivery note in one
//! command, all of it or nothing.

use serde::Serialize;

use super::ledger::{Document, Entry, enter};
use super::level::require_counted;
use super::threshold::tell_crossing;
use super::{Movement, MovementKind, Refusal, StockLevel, WriteOffReason};
use crate::article::ArticleRef;
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::guard;
use crate::id::{ArticleId, LocationId, MerchantId};
use crate::money::{QUANTITY_MAX, Quantity};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Longest reason, in characters: a sentence or two.
pub const REASON_CHARS_MAX: usize = 500;
/// Most lines of one command: each writes its level, its movement and up to two events.
pub const LINES_MAX: usize = 500;
/// How long before now goods may have moved, in milliseconds: a year, so that a wrong century is noticed.
pub const LATE_MS_MAX: i64 = 366 * 24 * 60 * 60 * 1_000;

/// The movements that a person may ask for; the others follow from sales and from documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booking {
    /// Goods came in: each quantity is positive.
    Receipt,
    /// Goods are gone or spoilt: each quantity is negative.
    WriteOff(WriteOffReason),
    /// The books are put right, up or down, with a reason.
    Correction,
}

/// A movement and the level it led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The ledger entry.
    pub movement: Movement,
    /// The level after it.
    pub level: StockLevel,
}

/// Moves stock at one location.
#[derive(Debug, Clone)]
pub struct MoveStock {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where.
    pub location: LocationId,
    /// Why.
    pub kind: Booking,
    /// A person's reason; a correction needs one, and so does a write-off for another reason than those that have a word.
    pub reason: String,
    /// When the goods moved, where it was before now.
    pub occurred_at: Option<Timestamp>,
    /// What moved, 1 to [`LINES_MAX`].
    pub lines: Vec<NewMovement>,
}

/// One line of a [`MoveStock`].
#[derive(Debug, Clone)]
pub struct NewMovement {
    /// What.
    pub article: ArticleRef,
    /// The change of `on_hand`.
    pub quantity: Quantity,
    /// What the caller believes to be on hand; without it the change is added to whatever is there.
    pub expected_on_hand: Option<Quantity>,
}

impl MoveStock {
    /// One line that happens now, without a reason.
    pub fn one(
        merchant: MerchantId,
        location: LocationId,
        kind: Booking,
        article: ArticleId,
        quantity: Quantity,
    ) -> Self {
        let line = NewMovement { article: article.into(), quantity, expected_on_hand: None };
        Self { merchant, location, kind, reason: String::new(), occurred_at: None, lines: vec![line] }
    }

    fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        if !(1..=LINES_MAX).contains(&self.lines.len()) {
            return Err(Refusal::LineCountOutOfRange);
        }
        if self.occurred_at.is_some_and(|at| !(0..=LATE_MS_MAX).contains(&now.ms_since(at))) {
            return Err(Refusal::OccurredAtOutOfRange);
        }
        let needs_reason = matches!(self.kind, Booking::Correction | Booking::WriteOff(WriteOffReason::Other));
        if (needs_reason && self.reason.trim().is_empty()) || self.reason.chars().count() > REASON_CHARS_MAX {
            return Err(Refusal::ReasonInvalid);
        }
        if guard::looks_like_card_number(&self.reason) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
    }

    fn check_quantity(&self, Quantity(quantity): Quantity) -> Result<(), Refusal> {
        let fits_kind = match self.kind {
            Booking::Receipt => quantity > 0,
            Booking::WriteOff(_) => quantity < 0,
            Booking::Correction => quantity != 0,
        };
        let is_in_range = quantity.unsigned_abs() <= QUANTITY_MAX.unsigned_abs();
        if fits_kind && is_in_range { Ok(()) } else { Err(Refusal::QuantityOutOfRange) }
    }

    fn movement_kind(&self) -> MovementKind {
        match self.kind {
            Booking::Receipt => MovementKind::Receipt,
            Booking::WriteOff(why) => MovementKind::WriteOff(why),
            Booking::Correction => MovementKind::Correction,
        }
    }

    fn enter_line(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        (line, article): (&NewMovement, ArticleId),
        document: Document,
    ) -> Result<Moved, Stop<command::Refusal>> {
        require_counted(work, call, self.location, article)?;
        self.check_quantity(line.quantity)?;
        work.require([Key::StockLevel(self.location, article)])?;
        let before = work.stock_levels.find(call.merchant, &(self.location, article));
        let (on_hand, was_below) =
            before.map_or((Quantity::ZERO, false), |level| (level.on_hand, level.is_below_threshold()));
        if line.expected_on_hand.is_some_and(|expected| expected != on_hand) {
            return Err(Refusal::Changed { article, on_hand }.into());
        }
        let (kind, reason) = (self.movement_kind(), self.reason.clone());
        let Self { location, occurred_at, .. } = *self;
        let (quantity, document) = (line.quantity, Some(document));
        let entry = Entry { location, article, kind, quantity, reason, occurred_at, origin: None, document };
        let moved = enter(work, call, entry)?;
        // Only a move downwards is held to zero, so that a level which an oversell left below zero can be brought up in
        // steps.
        if line.quantity < Quantity::ZERO && moved.level.on_hand < Quantity::ZERO {
            return Err(Refusal::Negative { article, on_hand }.into());
        }
        tell_moved(work, call, &moved);
        tell_crossing(work, call, was_below, &moved.level);
        Ok(moved)
    }
}

impl Command for MoveStock {
    type Reply = Vec<Moved>;

    fn name(&self) -> &'static str {
        "stock.move"
    }

    fn keys(&self) -> Vec<Key> {
        let of_line = |line: &NewMovement| match line.article {
            ArticleRef::Id(article) => [Some(Key::Article(article)), Some(Key::StockLevel(self.location, article))],
            ArticleRef::Barcode(_) => [line.article.key(self.merchant), None],
        };
        let of_lines = self.lines.iter().take(LINES_MAX).flat_map(of_line).flatten();
        std::iter::once(Key::Location(self.location)).chain(of_lines).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Vec<Moved>, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        self.check(call.now)?;
        let articles: Result<Vec<_>, _> =
            self.lines.iter().map(|line| line.article.find(work, call.merchant)).collect();
        let articles = articles?;
        // Those that are named by a barcode are loaded next, all at once.
        work.require(articles.iter().flat_map(|id| [Key::Article(*id), Key::StockLevel(self.location, *id)]))?;
        let mut document = Document::Begun;
        let mut moved = Vec::with_capacity(self.lines.len());
        for line in self.lines.iter().zip(articles) {
            let entered = self.enter_line(work, call, line, document)?;
            document = Document::Of(entered.movement.document.unwrap_or(entered.movement.id));
            moved.push(entered);
        }
        Ok(moved)
    }
}

/// `stock.moved`.
pub(super) fn tell_moved(work: &mut UnitOfWork, call: &mut Call<'_>, Moved { movement, level }: &Moved) {
    let fact = Fact {
        location: level.location,
        kind: movement.kind.as_str(),
        quantity: movement.quantity,
        on_hand: level.on_hand,
        reserved: level.reserved,
    };
    work.emit(call, "stock.moved", level.article, &fact);
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
    use crate::testing::{BAG, LOCATION, MERCHANT, NOW, OTHER_LOCATION, RICE, TEA, TEA_ON_HAND, World};

    fn a_move(kind: Booking, quantity: i64) -> MoveStock {
        let reason = "counted".to_owned();
        MoveStock { reason, ..MoveStock::one(MERCHANT, LOCATION, kind, TEA, Quantity(quantity)) }
    }

    fn line(article: impl Into<ArticleRef>, quantity: i64) -> NewMovement {
        NewMovement { article: article.into(), quantity: Quantity(quantity), expected_on_hand: None }
    }

    fn on_hand(moved: &[Moved]) -> Vec<i64> {
        moved.iter().map(|moved| moved.level.on_hand.0).collect()
    }

    #[test]
    fn a_receipt_adds_to_the_level_and_to_the_ledger() {
        let mut world = World::new();
        let moved = world.run(&a_move(Booking::Receipt, 5_000)).unwrap();
        assert_eq!(on_hand(&moved), [TEA_ON_HAND + 5_000]);
        let movement = world.database.movements.rows().last().unwrap();
        assert_eq!((movement.kind, movement.quantity), (MovementKind::Receipt, Quantity(5_000)));
        assert_eq!(world.event_kinds(), ["stock.moved"]);
        let event = &world.database.events.rows()[0].data;
        assert!(event.contains(r#""quantity":"5","#), "{event}");
    }

    #[test]
    fn a_delivery_note_is_booked_as_a_whole() {
        let mut world = World::new();
        world.put_label("4901234567894", RICE);
        let scanned = ArticleRef::Barcode("4901234567894".to_owned());
        let note = |last| MoveStock {
            lines: vec![line(TEA, 1_000), line(scanned.clone(), 2_000), line(TEA, 3_000), last],
            ..a_move(Booking::Receipt, 1)
        };
        assert_eq!(world.refused(&note(line(BAG, 1))).code(), "article_not_stocked");
        assert_eq!((world.level(TEA).on_hand, world.event_kinds().len()), (Quantity(TEA_ON_HAND), 0));
        let moved = world.run(&note(line(RICE, 1))).unwrap();
        assert_eq!(on_hand(&moved), [TEA_ON_HAND + 1_000, 2_000, TEA_ON_HAND + 4_000, 2_001]);
        assert_eq!(world.event_kinds(), ["stock.moved"; 4]);
        assert_eq!(world.level(TEA).version, 2, "a level is written once");
    }

    #[test]
    fn what_is_gone_is_written_off_with_its_reason_and_its_time() {
        let mut world = World::new();
        let kind = Booking::WriteOff(WriteOffReason::Expired);
        let yesterday = NOW.plus_ms(-86_400_000);
        let gone = MoveStock { occurred_at: Some(yesterday), reason: String::new(), ..a_move(kind, -3_000) };
        let moved = world.run(&gone).unwrap().remove(0).movement;
        assert_eq!(moved.kind.write_off_reason(), Some(WriteOffReason::Expired));
        assert_eq!((moved.moved_at(), moved.recorded_at), (yesterday, NOW));
    }

    #[test]
    fn a_shelf_may_be_emptied_and_no_more() {
        for kind in [Booking::Correction, Booking::WriteOff(WriteOffReason::Stolen)] {
            let mut world = World::new();
            let refusal = world.refused(&a_move(kind, -TEA_ON_HAND - 1));
            let on_hand = Quantity(TEA_ON_HAND);
            assert_eq!(refusal, command::Refusal::Stock(Refusal::Negative { article: TEA, on_hand }));
            world.run(&a_move(kind, -TEA_ON_HAND)).unwrap();
            assert_eq!(world.level(TEA).on_hand, Quantity::ZERO);
        }
    }

    #[test]
    fn the_first_receipt_at_a_location_makes_its_level() {
        let mut world = World::new();
        let receipt = MoveStock { location: OTHER_LOCATION, ..a_move(Booking::Receipt, 1) };
        assert_eq!(on_hand(&world.run(&receipt).unwrap()), [1]);
    }

    #[test]
    fn who_looked_before_another_moved_is_told_what_lies_there_now() {
        let mut world = World::new();
        let expecting = |expected| {
            let line = NewMovement { expected_on_hand: Some(Quantity(expected)), ..line(TEA, -1_000) };
            MoveStock { lines: vec![line], ..a_move(Booking::Correction, 1) }
        };
        world.run(&expecting(TEA_ON_HAND)).unwrap();
        let on_hand = Quantity(TEA_ON_HAND - 1_000);
        let refusal = world.refused(&expecting(TEA_ON_HAND));
        assert_eq!(refusal, command::Refusal::Stock(Refusal::Changed { article: TEA, on_hand }));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        use Booking::{Correction, Receipt, WriteOff};
        let because = |kind, quantity, text: &str| MoveStock { reason: text.to_owned(), ..a_move(kind, quantity) };
        let at = |ms: i64| MoveStock { occurred_at: Some(NOW.plus_ms(ms)), ..a_move(Receipt, 1) };
        let lines = |lines| MoveStock { lines, ..a_move(Receipt, 1) };
        let nowhere = LocationId::from_uuid(uuid::Uuid::nil());
        for (code, wrong) in [
            ("quantity_out_of_range", a_move(Receipt, 0)),
            ("quantity_out_of_range", a_move(Receipt, -1)),
            ("quantity_out_of_range", a_move(Receipt, QUANTITY_MAX + 1)),
            ("quantity_out_of_range", a_move(WriteOff(WriteOffReason::Damaged), 1)),
            ("quantity_out_of_range", a_move(Correction, 0)),
            ("quantity_out_of_range", a_move(Correction, i64::MIN)),
            ("reason_invalid", because(Correction, 1, " ")),
            ("reason_invalid", because(WriteOff(WriteOffReason::Other), -1, "")),
            ("reason_invalid", because(Receipt, 1, &"x".repeat(REASON_CHARS_MAX + 1))),
            ("text_looks_like_card_number", because(Correction, 1, "card 4111111111111111")),
            ("stock_line_count_out_of_range", lines(Vec::new())),
            ("stock_line_count_out_of_range", lines(vec![line(TEA, 1); LINES_MAX + 1])),
            ("occurred_at_out_of_range", at(1)),
            ("occurred_at_out_of_range", at(-LATE_MS_MAX - 1)),
            ("barcode_unknown", lines(vec![line(ArticleRef::Barcode("4901234567894".to_owned()), 1)])),
            ("article_not_stocked", lines(vec![line(BAG, 1)])),
            ("location_not_found", MoveStock { location: nowhere, ..a_move(Receipt, 1) }),
            ("article_not_found", lines(vec![line(ArticleId::from_uuid(uuid::Uuid::nil()), 1)])),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&a_move(Receipt, 1)).code(), "role_too_low");
    }
}
