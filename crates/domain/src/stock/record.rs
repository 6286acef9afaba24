//! Facts from elsewhere about shelves: goods that were written off there, and what a history leaves below zero here.

use super::ledger::{Document, Entry, enter};
use super::level::require_counted;
use super::move_stock::tell_moved;
use super::threshold::tell_crossing;
use super::{MovementKind, REASON_CHARS_MAX, Refusal, WriteOffReason};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::elsewhere::{Recorded, Told};
use crate::exception;
use crate::external_ref::{Kind, Subject};
use crate::guard;
use crate::id::{ArticleId, LocationId, MerchantId, MovementId, SaleId};
use crate::money::{QUANTITY_MAX, Quantity};
use crate::sale::find_sale;
use crate::work::{Key, Stop, UnitOfWork};

/// Most lines of one command: each writes its movement, its level and up to four rows beside.
pub const RECORDED_LINES_MAX: usize = 100;

/// Goods that were written off elsewhere.
#[derive(Debug, Clone)]
pub struct ToldWriteOff {
    /// What.
    pub article: ArticleId,
    /// How much is gone: above zero.
    pub quantity: Quantity,
    /// Why, as it was said there.
    pub reason: String,
}

/// Records goods that were written off elsewhere, also what the books here do not have. Told again it changes nothing.
#[derive(Debug, Clone)]
pub struct RecordWriteOff {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where the goods lay.
    pub location: LocationId,
    /// What is told of it.
    pub told: Told,
    /// What is gone, 1 to [`RECORDED_LINES_MAX`].
    pub lines: Vec<ToldWriteOff>,
}

impl Command for RecordWriteOff {
    type Reply = Recorded;

    fn name(&self) -> &'static str {
        "stock.record_write_off"
    }

    fn keys(&self) -> Vec<Key> {
        let of_line = |line: &ToldWriteOff| [Key::Article(line.article), Key::StockLevel(self.location, line.article)];
        let of_lines = self.lines.iter().take(RECORDED_LINES_MAX).flat_map(of_line);
        std::iter::once(Key::Location(self.location)).chain(self.told.keys(self.merchant)).chain(of_lines).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Recorded, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        work.require(self.keys())?;
        if let Some(known) = self.told.find_known(work, call, Kind::Movement)? {
            return Told::again(known, true);
        }
        if !(1..=RECORDED_LINES_MAX).contains(&self.lines.len()) {
            return Err(Refusal::LineCountOutOfRange.into());
        }
        let mut first = None;
        for line in &self.lines {
            let document = first.map_or(Document::Begun, Document::Of);
            let entered = self.enter_line(work, call, line, document)?;
            first = first.or(Some(entered));
        }
        // There is at least one line.
        let first = first.ok_or(Refusal::LineCountOutOfRange)?;
        Ok(self.told.refer(work, call, Subject::Movement(first)))
    }
}

impl RecordWriteOff {
    fn enter_line(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        line: &ToldWriteOff,
        document: Document,
    ) -> Result<MovementId, Stop<command::Refusal>> {
        let (location, article) = (self.location, line.article);
        require_counted(work, call, location, article)?;
        line.check()?;
        let before = work.stock_levels.find(call.merchant, &(location, article));
        let was_below = before.is_some_and(super::StockLevel::is_below_threshold);
        let gone = Quantity(line.quantity.0.saturating_neg());
        let kind = MovementKind::WriteOff(WriteOffReason::Other);
        let entry = Entry::following(kind, (location, article), gone, None).told(Some(&self.told));
        let moved = enter(work, call, Entry { reason: line.reason.clone(), document: Some(document), ..entry })?;
        tell_moved(work, call, &moved);
        tell_crossing(work, call, was_below, &moved.level);
        Ok(moved.movement.id)
    }
}

impl ToldWriteOff {
    fn check(&self) -> Result<(), Refusal> {
        if !(1..=QUANTITY_MAX).contains(&self.quantity.0) {
            return Err(Refusal::QuantityOutOfRange);
        }
        if self.reason.trim().is_empty() || self.reason.chars().count() > REASON_CHARS_MAX {
            return Err(Refusal::ReasonInvalid);
        }
        if guard::looks_like_card_number(&self.reason) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
    }
}

/// Says, once for a whole history, that it left articles below zero: one exception that names how many, and not one for each
/// of them. Its subject is the first sale of the history, whose lock covers it.
#[derive(Debug, Clone)]
pub struct FlagNegativeStock {
    /// The first sale that was recorded.
    pub sale: SaleId,
    /// Where.
    pub location: LocationId,
    /// Of how many articles less than nothing is on hand.
    pub articles: u64,
    /// Who told of them.
    pub origin: String,
}

impl Command for FlagNegativeStock {
    type Reply = ();

    fn name(&self) -> &'static str {
        "stock.flag_negative"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Sale(self.sale), Key::Location(self.location)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<(), Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        find_sale(work, call.merchant, self.sale)?;
        let location = work.locations.find(call.merchant, &self.location);
        let location = location.ok_or_else(|| not_found("location", self.location))?;
        let reason = format!(
            "The history of {} leaves {} article(s) of {} below zero: it tells what was sold, and not what came in. Count the \
             shelves in a stocktake.",
            self.origin, self.articles, location.name,
        );
        exception::open(work, call, self.sale, exception::Kind::StockNegative, reason, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::external_ref::ExternalId;
    use crate::testing::{BAG, LOCATION, MERCHANT, NOW, TEA, TEA_ON_HAND, World, line, sale_id};
    use crate::time::Timestamp;

    const YEARS_AGO: Timestamp = NOW.plus_ms(-1_000 * 86_400_000);

    fn gone(article: ArticleId, quantity: i64) -> ToldWriteOff {
        ToldWriteOff { article, quantity: Quantity(quantity), reason: "damages".to_owned() }
    }

    fn a_record(lines: &[ToldWriteOff]) -> RecordWriteOff {
        let external = ExternalId::parse("old-till", "536589").unwrap();
        let told = Told { external, number: "536589".to_owned(), occurred_at: YEARS_AGO };
        RecordWriteOff { merchant: MERCHANT, location: LOCATION, told, lines: lines.to_vec() }
    }

    #[test]
    fn more_may_be_written_off_than_the_books_have() {
        let mut world = World::new();
        let told = a_record(&[gone(TEA, TEA_ON_HAND), gone(TEA, 2_000)]);
        let recorded = world.run(&told).unwrap();
        assert_eq!(world.level(TEA).on_hand, Quantity(-2_000));
        let movements = &world.database.movements.rows()[1..];
        let first = movements[0].id;
        assert_eq!(recorded.subject, Subject::Movement(first));
        assert!(movements.iter().all(|moved| moved.document == Some(first) && moved.occurred_at == Some(YEARS_AGO)));
        assert!(movements.iter().all(|moved| moved.origin.as_deref() == Some("old-till") && moved.reason == "damages"));
        assert_eq!(world.event_kinds(), ["stock.moved"; 2]);
        assert_eq!(world.run(&told), Ok(Recorded { is_new: false, ..recorded }));
        assert_eq!(world.level(TEA).on_hand, Quantity(-2_000));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let because = |reason: &str| a_record(&[ToldWriteOff { reason: reason.to_owned(), ..gone(TEA, 1_000) }]);
        for (code, wrong) in [
            ("stock_line_count_out_of_range", a_record(&[])),
            ("quantity_out_of_range", a_record(&[gone(TEA, 0)])),
            ("reason_invalid", because(" ")),
            ("text_looks_like_card_number", because("4111 1111 1111 1111")),
            ("article_not_stocked", a_record(&[gone(BAG, 1_000)])),
            ("article_not_found", a_record(&[gone(ArticleId::from_uuid(uuid::Uuid::nil()), 1_000)])),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        let one = a_record(&[gone(TEA, 1_000)]);
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&one).code(), "role_too_low");
    }

    #[test]
    fn a_history_is_flagged_once() {
        let mut world = World::with_open_sale(&[line(TEA, 1_000)]).acting_as(Role::System);
        let flag =
            FlagNegativeStock { sale: sale_id(1), location: LOCATION, articles: 3, origin: "old-till".to_owned() };
        world.run(&flag).unwrap();
        let events = world.event_kinds().len();
        world.run(&flag).unwrap();
        assert_eq!((world.database.exceptions.iter().count(), world.event_kinds().len()), (1, events));
        let elsewhere = FlagNegativeStock { sale: sale_id(9), ..flag };
        assert_eq!(world.refused(&elsewhere).code(), "sale_not_found");
    }
}
