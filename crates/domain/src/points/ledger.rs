//! The one place where a balance and its ledger change together.

use serde::Serialize;

use super::{EntryKind, PointsEntry, share_of_return};
use crate::call::Call;
use crate::command::{self, not_found};
use crate::id::{CustomerId, ReturnId, SaleId};
use crate::returns::Return;
use crate::sale::Sale;
use crate::work::{Key, Stop, UnitOfWork};

/// `customer.points_changed`. Why, where somebody wrote it down, is not told.
#[derive(Serialize)]
struct Changed {
    number: u32,
    kind: &'static str,
    points: i64,
    balance: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sale: Option<SaleId>,
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    origin: Option<ReturnId>,
}

/// Enters a change, which the caller has found not to take more than is there.
pub(super) fn enter(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    customer: CustomerId,
    kind: EntryKind,
    points: i64,
) -> Result<PointsEntry, Stop<command::Refusal>> {
    let balance = work.points_balances.find_mut(call.merchant, &customer);
    let balance = balance.ok_or_else(|| not_found("customer", customer))?;
    let before = balance.points;
    balance.points = before.saturating_add(points).max(0);
    balance.entry_count = balance.entry_count.saturating_add(1);
    let entry = PointsEntry {
        customer,
        number: balance.entry_count,
        merchant: call.merchant,
        kind,
        points: balance.points.saturating_sub(before),
        balance: balance.points,
        by: call.actor.name.clone(),
        recorded_at: call.now,
        version: 1,
    };
    let PointsEntry { number, points, balance, .. } = entry;
    let kind = entry.kind.as_str();
    let changed = Changed { number, kind, points, balance, sale: entry.kind.sale(), origin: entry.kind.origin() };
    work.emit(call, "customer.points_changed", customer, &changed);
    work.points_entries.insert(entry.clone());
    Ok(entry)
}

/// The balance that the end of a sale, or a return of it, changes: where somebody buys and points are given for it.
pub(crate) fn points_key(sale: &Sale) -> Option<Key> {
    let buyer = sale.buyer.as_ref()?;
    buyer.points.map(|_| Key::Points(buyer.customer))
}

/// What a sale that is completed just now earns its customer.
pub(crate) fn earn(work: &mut UnitOfWork, call: &mut Call<'_>, sale: &Sale) -> Result<(), Stop<command::Refusal>> {
    let Some((customer, points)) = sale.points().filter(|(_, points)| *points > 0) else { return Ok(()) };
    work.require(points_key(sale))?;
    enter(work, call, customer, EntryKind::Earned { sale: sale.id }, points)?;
    Ok(())
}

/// Takes back the part of what the sale earned that goes with a return of it; `before_minor` came back before. What was
/// spent already is not there to be taken, and is written down.
pub(crate) fn take_back(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    sale: &Sale,
    origin: &Return,
    before_minor: i64,
) -> Result<(), Stop<command::Refusal>> {
    let Some((customer, earned)) = sale.points() else { return Ok(()) };
    let after_minor = before_minor.saturating_add(origin.total_minor);
    let share = share_of_return(earned, sale.total_minor, before_minor, after_minor);
    if share == 0 {
        return Ok(());
    }
    work.require(points_key(sale))?;
    let there = work.points_balances.find(call.merchant, &customer).map_or(0, |balance| balance.points);
    let taken = share.min(there);
    let kind = EntryKind::TakenBack { origin: origin.id, not_recovered: share.saturating_sub(taken) };
    enter(work, call, customer, kind, taken.saturating_neg())?;
    Ok(())
}
