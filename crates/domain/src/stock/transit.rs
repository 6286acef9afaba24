//! What a transfer does to levels: goods leave one, and arrive at another or never.

use super::ledger::{Entry, enter};
use super::threshold::tell_crossing;
use super::{MovementKind, Refusal, StockLevel, WriteOffReason};
use crate::call::Call;
use crate::command;
use crate::id::{ArticleId, LocationId, TransferId};
use crate::money::Quantity;
use crate::work::{Key, Stop, UnitOfWork};

/// Takes goods off a shelf that leave for another location, if so much of them is promised to nobody.
pub(crate) fn send_off(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    transfer: TransferId,
    place: (LocationId, ArticleId),
    quantity: Quantity,
) -> Result<(), Stop<command::Refusal>> {
    let (location, article) = place;
    work.require([Key::StockLevel(location, article)])?;
    let level = work.stock_levels.find(call.merchant, &place);
    let available = level.map_or(Quantity::ZERO, StockLevel::available);
    let was_below = level.is_some_and(StockLevel::is_below_threshold);
    if available < quantity {
        return Err(Refusal::Insufficient { article, available }.into());
    }
    let gone = Quantity(quantity.0.saturating_neg());
    let moved = enter(work, call, Entry::following(MovementKind::TransferOut(transfer), place, gone, None))?;
    tell_crossing(work, call, was_below, &moved.level);
    Ok(())
}

/// Puts goods of a transfer on a shelf.
pub(crate) fn book_in(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    transfer: TransferId,
    place: (LocationId, ArticleId),
    quantity: Quantity,
) -> Result<(), Stop<command::Refusal>> {
    enter(work, call, Entry::following(MovementKind::TransferIn(transfer), place, quantity, None)).map(drop)
}

/// Writes off what counts as arrived and never came.
pub(crate) fn write_off_lost(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    (transfer, why): (TransferId, WriteOffReason),
    place: (LocationId, ArticleId),
    quantity: Quantity,
    reason: &str,
) -> Result<(), Stop<command::Refusal>> {
    let gone = Quantity(quantity.0.saturating_neg());
    let entry = Entry::following(MovementKind::TransferLoss(transfer, why), place, gone, None);
    enter(work, call, Entry { reason: reason.to_owned(), ..entry }).map(drop)
}
