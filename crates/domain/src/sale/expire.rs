//! The end of a promise of stock: when the sale is forgotten, and when it is voided.

use serde::Serialize;

use super::read::{find_sale, has_pending};
use super::{RESERVATION_RECHECK_MS, Sale, State, reservations_of};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{ArticleId, SaleId};
use crate::job::Job;
use crate::money::Quantity;
use crate::stock;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Takes back the promise of stock of a sale that nobody paid in time. The sale stays open. While a payment of it is
/// under way or in doubt the promise holds, whatever the clock says.
#[derive(Debug, Clone)]
pub struct ExpireReservation {
    /// Which sale.
    pub sale: SaleId,
    /// The fence of the worker's lease; a worker that lost its lease changes nothing.
    pub fence: Option<i64>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// The stock is free again.
    Released,
    /// It is too early, or a payment is under way: the job comes again.
    Postponed,
    /// The sale is over and holds nothing.
    SaleClosed,
    /// Another worker has the job.
    LeaseLost,
}

impl ExpireReservation {
    fn has_lost_lease(&self, work: &UnitOfWork, call: &Call<'_>) -> bool {
        let job = work.jobs.find(call.merchant, &Sale::expiry_job(self.sale));
        self.fence.is_some_and(|fence| job.is_none_or(|job| job.fence != fence))
    }
}

impl Command for ExpireReservation {
    type Reply = Expiry;

    fn name(&self) -> &'static str {
        "reservation.expire"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Sale(self.sale), Key::Job(Sale::expiry_job(self.sale))]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Expiry, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let sale = find_sale(work, call.merchant, self.sale)?.clone();
        if self.has_lost_lease(work, call) {
            return Ok(Expiry::LeaseLost);
        }
        let (due_at, expiry) = match sale.state {
            State::Completed | State::Voided => (None, Expiry::SaleClosed),
            State::Open | State::Parked if call.now < sale.reserved_until => {
                (Some(sale.reserved_until), Expiry::Postponed)
            }
            State::Open if has_pending(work, call.merchant, sale.id) => {
                (Some(call.now.plus_ms(RESERVATION_RECHECK_MS)), Expiry::Postponed)
            }
            State::Open | State::Parked => {
                let article_count = release_all(work, &sale)?;
                if article_count > 0 {
                    work.emit(call, "reservation.expired", sale.id, &Expired { article_count });
                }
                (None, Expiry::Released)
            }
        };
        set_due(work, &sale, due_at);
        Ok(expiry)
    }
}

/// Sees to it that the job comes when the sale's promise of stock ends.
pub(super) fn promise_until(work: &mut UnitOfWork, sale: &Sale) {
    let id = Sale::expiry_job(sale.id);
    let due_at = Some(sale.reserved_until);
    match work.jobs.find_mut(sale.merchant, &id) {
        Some(job) => job.due_at = due_at,
        // New, or done and cleared away long ago.
        None => work.jobs.insert(Job { id, merchant: sale.merchant, due_at, fence: 0, attempts: 0, version: 1 }),
    }
}

/// Sees to it that the job does not come again. A sale that was rung at once has none.
pub(super) fn end_promise(work: &mut UnitOfWork, sale: &Sale) {
    set_due(work, sale, None);
}

/// Takes back all that the sale holds, and says of how many articles.
pub(super) fn release_all(work: &mut UnitOfWork, sale: &Sale) -> Result<usize, Stop<command::Refusal>> {
    let reservations = reservations_of(work, sale.merchant, sale.id);
    let held = reservations.filter(|reservation| reservation.quantity > Quantity::ZERO);
    let articles: Vec<ArticleId> = held.map(|reservation| reservation.article).collect();
    work.require(articles.iter().map(|article| Key::StockLevel(sale.location, *article)))?;
    for article in &articles {
        stock::release(work, sale, *article, Quantity::ZERO)?;
    }
    Ok(articles.len())
}

fn set_due(work: &mut UnitOfWork, sale: &Sale, due_at: Option<Timestamp>) {
    if let Some(job) = work.jobs.find_mut(sale.merchant, &Sale::expiry_job(sale.id)) {
        job.due_at = due_at;
    }
}

#[derive(Serialize)]
struct Expired {
    article_count: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sale::{AddCash, RESERVATION_MS, TenderState};
    use crate::testing::{Hold, MERCHANT, NOW, Settle, TEA, World, line, payment_id, sale_id};

    const EXPIRE: fn() -> ExpireReservation = || ExpireReservation { sale: sale_id(1), fence: None };

    fn a_forgotten_sale() -> World {
        let mut world = World::with_open_sale(&[line(TEA, 2_000)]);
        world.advance_ms(RESERVATION_MS);
        world.acting_as(Role::System)
    }

    #[test]
    fn a_forgotten_sale_stays_open_and_holds_nothing() {
        let mut world = a_forgotten_sale();
        assert_eq!(world.run(&EXPIRE()), Ok(Expiry::Released));
        assert_eq!(world.level(TEA).reserved, Quantity::ZERO);
        assert_eq!(world.standing(sale_id(1)).sale.state, State::Open);
        assert_eq!(world.expiry_due(sale_id(1)), None);
        assert_eq!(world.event_kinds(), ["sale.opened", "reservation.expired"]);
    }

    #[test]
    fn a_promise_is_kept_until_its_time() {
        let mut world = World::with_open_sale(&[line(TEA, 2_000)]).acting_as(Role::System);
        world.advance_ms(RESERVATION_MS - 1);
        assert_eq!(world.run(&EXPIRE()), Ok(Expiry::Postponed));
        assert_eq!(world.level(TEA).reserved, Quantity(2_000));
        assert_eq!(world.expiry_due(sale_id(1)), Some(NOW.plus_ms(RESERVATION_MS)));
    }

    #[test]
    fn a_promise_holds_while_a_payment_is_under_way() {
        let mut world = a_forgotten_sale();
        let tender = world.run(&Hold { sale: sale_id(1), payment: payment_id(1), amount_minor: None }).unwrap();
        assert_eq!(world.run(&EXPIRE()), Ok(Expiry::Postponed));
        assert_eq!(world.level(TEA).reserved, Quantity(2_000));
        let again_at = NOW.plus_ms(RESERVATION_MS + RESERVATION_RECHECK_MS);
        assert_eq!(world.expiry_due(sale_id(1)), Some(again_at));
        let failed = Settle { sale: sale_id(1), tender, state: TenderState::Failed, approved_minor: 0 };
        world.run(&failed).unwrap();
        assert_eq!(world.run(&EXPIRE()), Ok(Expiry::Released));
    }

    #[test]
    fn a_worker_that_lost_its_lease_changes_nothing() {
        let mut world = a_forgotten_sale();
        assert_eq!(world.run(&ExpireReservation { fence: Some(9), ..EXPIRE() }), Ok(Expiry::LeaseLost));
        assert_eq!(world.level(TEA).reserved, Quantity(2_000));
        assert_eq!(world.run(&ExpireReservation { fence: Some(0), ..EXPIRE() }), Ok(Expiry::Released));
    }

    #[test]
    fn a_closed_sale_has_nothing_to_expire() {
        let mut world = a_forgotten_sale();
        world.run(&AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: None, given_minor: 300 }).unwrap();
        assert_eq!(world.run(&EXPIRE()), Ok(Expiry::SaleClosed));
        assert_eq!(world.clone().acting_as(Role::Manager).refused(&EXPIRE()).code(), "role_too_low");
        let unknown = ExpireReservation { sale: sale_id(2), fence: None };
        assert_eq!(world.refused(&unknown).code(), "sale_not_found");
    }
}
