//! What an open sale does to the level of its location: promise, take back, take away. Each function changes level and
//! reservation, or level and movements, together.

use super::ledger::{Entry, enter, level_mut};
use super::threshold::tell_crossing;
use super::{MovementKind, Refusal, Reservation, StockLevel};
use crate::call::Call;
use crate::command::{self, not_found};
use crate::elsewhere::Told;
use crate::id::{ArticleId, LocationId, SaleId, UnreferencedReturnId};
use crate::money::Quantity;
use crate::sale::Sale;
use crate::work::{Key, Stop, UnitOfWork};

/// Goes on only if location and article are the merchant's, and the article's stock is counted.
pub(crate) fn require_counted(
    work: &UnitOfWork,
    call: &Call<'_>,
    location: LocationId,
    article: ArticleId,
) -> Result<(), Stop<command::Refusal>> {
    let found = work.articles.find(call.merchant, &article);
    let found = found.ok_or_else(|| not_found("article", article))?;
    work.locations.find(call.merchant, &location).ok_or_else(|| not_found("location", location))?;
    if found.is_stocked { Ok(()) } else { Err(Refusal::NotCounted.into()) }
}

/// Goes on only if `quantity` may still be promised. A level that is known and not there holds nothing.
pub(crate) fn require_available(
    work: &UnitOfWork,
    sale: &Sale,
    article: ArticleId,
    quantity: Quantity,
) -> Result<(), Stop<command::Refusal>> {
    work.require([Key::StockLevel(sale.location, article)])?;
    let level = work.stock_levels.find(sale.merchant, &(sale.location, article));
    let available = level.map_or(Quantity::ZERO, StockLevel::available);
    if available >= quantity { Ok(()) } else { Err(Refusal::Insufficient { article, available }.into()) }
}

/// Sees to it that the sale holds `wanted` of the article: promises what it does not hold yet.
pub(crate) fn reserve(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    sale: &Sale,
    article: ArticleId,
    wanted: Quantity,
) -> Result<(), Stop<command::Refusal>> {
    let missing = wanted.checked_sub(held(work, sale, article)).ok_or(Refusal::QuantityOutOfRange)?;
    if missing <= Quantity::ZERO {
        return Ok(());
    }
    require_available(work, sale, article, missing)?;
    let level = level_mut(work, sale.merchant, sale.location, article)?;
    let was_below = level.is_below_threshold();
    level.reserved = level.reserved.checked_add(missing).ok_or(Refusal::QuantityOutOfRange)?;
    let level = level.clone();
    tell_crossing(work, call, was_below, &level);
    set_held(work, sale, article, wanted);
    Ok(())
}

/// Takes back what the sale holds of the article beyond `kept`.
pub(crate) fn release(
    work: &mut UnitOfWork,
    sale: &Sale,
    article: ArticleId,
    kept: Quantity,
) -> Result<(), Stop<command::Refusal>> {
    let excess = held(work, sale, article).checked_sub(kept).ok_or(Refusal::QuantityOutOfRange)?;
    if excess <= Quantity::ZERO {
        return Ok(());
    }
    let level = level_mut(work, sale.merchant, sale.location, article)?;
    level.reserved = level.reserved.checked_sub(excess).ok_or(Refusal::QuantityOutOfRange)?;
    set_held(work, sale, article, kept);
    Ok(())
}

/// Takes the sold goods off the shelf, with what the sale holds of them. It never says that too little is there: the
/// goods have left. It answers whether the sale took what was not there or was promised to another.
pub(crate) fn sell(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    sale: &Sale,
    article: ArticleId,
    quantity: Quantity,
    told: Option<&Told>,
) -> Result<bool, Stop<command::Refusal>> {
    let held = held(work, sale, article);
    let level = level_mut(work, sale.merchant, sale.location, article)?;
    let was_below = level.is_below_threshold();
    level.reserved = level.reserved.checked_sub(held).ok_or(Refusal::QuantityOutOfRange)?;
    let gone = Quantity(quantity.0.saturating_neg());
    let entry = Entry::following(MovementKind::Sale(sale.id), (sale.location, article), gone, None);
    let level = enter(work, call, entry.told(told))?.level;
    // A sale that held all it sold did not cause a lack of promises, only a miscount can have.
    let is_oversold = level.on_hand < Quantity::ZERO || (held < quantity && level.available() < Quantity::ZERO);
    tell_crossing(work, call, was_below, &level);
    if held > Quantity::ZERO {
        set_held(work, sale, article, Quantity::ZERO);
    }
    Ok(is_oversold)
}

/// Puts what came back of a sale on a shelf.
pub(crate) fn take_back(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    sale: SaleId,
    place: (LocationId, ArticleId),
    quantity: Quantity,
    told: Option<&Told>,
) -> Result<(), Stop<command::Refusal>> {
    enter(work, call, Entry::following(MovementKind::Return(sale), place, quantity, None).told(told)).map(drop)
}

/// Puts what came back without its sale on a shelf.
pub(crate) fn take_back_unreferenced(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    origin: UnreferencedReturnId,
    place: (LocationId, ArticleId),
    quantity: Quantity,
    told: Option<&Told>,
) -> Result<(), Stop<command::Refusal>> {
    let entry = Entry::following(MovementKind::UnreferencedReturn(origin), place, quantity, None);
    enter(work, call, entry.told(told)).map(drop)
}

fn held(work: &UnitOfWork, sale: &Sale, article: ArticleId) -> Quantity {
    let reservation = work.reservations.find(sale.merchant, &(sale.id, article));
    reservation.map_or(Quantity::ZERO, |reservation| reservation.quantity)
}

/// Reservations come with their sale, so one that is not loaded does not exist.
fn set_held(work: &mut UnitOfWork, sale: &Sale, article: ArticleId, quantity: Quantity) {
    if let Some(reservation) = work.reservations.find_mut(sale.merchant, &(sale.id, article)) {
        reservation.quantity = quantity;
        return;
    }
    let Sale { id: sale, merchant, location, .. } = *sale;
    work.reservations.insert(Reservation { sale, article, merchant, location, quantity, version: 1 });
}
