//! The one place where a level and its ledger change together.

use super::move_stock::tell_moved;
use super::threshold::tell_crossing;
use super::{LastCount, Moved, Movement, MovementKind, Refusal, StockLevel};
use crate::call::Call;
use crate::command;
use crate::elsewhere::Told;
use crate::id::{ArticleId, LocationId, MerchantId, MovementId};
use crate::money::Quantity;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// What is to be entered.
pub(super) struct Entry {
    pub location: LocationId,
    pub article: ArticleId,
    pub kind: MovementKind,
    /// The change of `on_hand`.
    pub quantity: Quantity,
    pub reason: String,
    /// When the goods moved, where it was before now.
    pub occurred_at: Option<Timestamp>,
    /// Who tells of it, where it is a fact from elsewhere.
    pub origin: Option<String>,
    /// With what it is booked by hand.
    pub document: Option<Document>,
}

/// What is booked by hand in one request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Document {
    /// This movement is its first.
    Begun,
    /// This one was its first.
    Of(MovementId),
}

impl Entry {
    /// What follows from something else, now.
    pub fn following(
        kind: MovementKind,
        (location, article): (LocationId, ArticleId),
        quantity: Quantity,
        occurred_at: Option<Timestamp>,
    ) -> Self {
        Self { location, article, kind, quantity, reason: String::new(), occurred_at, origin: None, document: None }
    }

    /// The same, as another system tells it.
    pub fn told(self, told: Option<&Told>) -> Self {
        match told {
            Some(Told { external, occurred_at, .. }) => {
                Self { occurred_at: Some(*occurred_at), origin: Some(external.system().to_owned()), ..self }
            }
            None => self,
        }
    }
}

/// Enters a movement: the level changes by it, and the ledger has it. What is told late of the time before the last count
/// the count has seen: it is taken back at once. Nothing is asked here but whether the level can be counted so far.
pub(super) fn enter(work: &mut UnitOfWork, call: &mut Call<'_>, entry: Entry) -> Result<Moved, Stop<command::Refusal>> {
    let Entry { location, article, kind, quantity, occurred_at, .. } = entry;
    let moved = append(work, call, entry)?;
    let seen_by = moved.level.last_count.filter(|last| occurred_at.is_some_and(|at| at <= last.at));
    let (Some(last), None) = (seen_by, kind.stocktake()) else { return Ok(moved) };
    let quantity = Quantity(quantity.0.saturating_neg());
    let kind = MovementKind::Count(last.stocktake);
    let back = append(work, call, Entry::following(kind, (location, article), quantity, Some(last.at)))?;
    // Goods of a sale go by the word of the sale alone, and so they come back.
    if !matches!(moved.movement.kind, MovementKind::Sale(_)) {
        tell_moved(work, call, &back);
    }
    Ok(Moved { level: back.level, ..moved })
}

/// Enters what a count of a stocktake found, and gives the level after it. Nothing is entered where it found what the books
/// said, and still the level knows that it was counted.
pub(crate) fn enter_count(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    (location, article): (LocationId, ArticleId),
    difference: Quantity,
    last: LastCount,
) -> Result<StockLevel, Stop<command::Refusal>> {
    let level = level_mut(work, call.merchant, location, article)?;
    let was_below = level.is_below_threshold();
    level.last_count = Some(last);
    if difference == Quantity::ZERO {
        return Ok(level.clone());
    }
    let kind = MovementKind::Count(last.stocktake);
    let moved = append(work, call, Entry::following(kind, (location, article), difference, Some(last.at)))?;
    tell_moved(work, call, &moved);
    tell_crossing(work, call, was_below, &moved.level);
    Ok(moved.level)
}

fn append(work: &mut UnitOfWork, call: &mut Call<'_>, entry: Entry) -> Result<Moved, Stop<command::Refusal>> {
    let Entry { location, article, kind, quantity, reason, occurred_at, origin, document } = entry;
    let level = level_mut(work, call.merchant, location, article)?;
    level.on_hand = level.on_hand.checked_add(quantity).ok_or(Refusal::QuantityOutOfRange)?;
    level.backdated = level.backdated.saturating_add(occurred_at.is_some().into());
    let level = level.clone();
    let id = MovementId::from_uuid(call.next_uuid());
    let movement = Movement {
        id,
        merchant: call.merchant,
        location,
        article,
        kind,
        quantity,
        reason,
        document: document.map(|document| if let Document::Of(first) = document { first } else { id }),
        occurred_at,
        origin,
        recorded_at: call.now,
    };
    work.movements.append(movement.clone());
    Ok(Moved { movement, level })
}

/// The level for changing; it has to be named.
pub(super) fn level_mut(
    work: &mut UnitOfWork,
    merchant: MerchantId,
    location: LocationId,
    article: ArticleId,
) -> Result<&mut StockLevel, Stop<command::Refusal>> {
    let level = work.stock_levels.find_mut(merchant, &(location, article));
    level.ok_or_else(|| Stop::Needs(vec![Key::StockLevel(location, article)]))
}
