//! The one place where a level and its ledger change together.

use super::{Moved, Movement, MovementKind, Refusal, StockLevel};
use crate::call::Call;
use crate::command;
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
}

/// Enters a movement: the level changes by it, and the ledger has it. Nothing is asked here but whether the level can be
/// counted so far.
pub(super) fn enter(work: &mut UnitOfWork, call: &mut Call<'_>, entry: Entry) -> Result<Moved, Stop<command::Refusal>> {
    let Entry { location, article, kind, quantity, reason, occurred_at } = entry;
    let level = level_mut(work, call.merchant, location, article)?;
    level.on_hand = level.on_hand.checked_add(quantity).ok_or(Refusal::QuantityOutOfRange)?;
    let level = level.clone();
    let movement = Movement {
        id: MovementId::from_uuid(call.next_uuid()),
        merchant: call.merchant,
        location,
        article,
        kind,
        quantity,
        reason,
        occurred_at,
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
