//! A sale that is given up before it is paid.

use serde::Serialize;

use super::coupon::give_coupons_back;
use super::expire::{end_promise, release_all};
use super::read::find_open;
use super::{Refusal, Sale, Standing, State, Tender, TenderKind, TenderState, standing, tenders_of};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{MerchantId, SaleId};
use crate::money::sum_minor;
use crate::returns::release_credit;
use crate::work::{Key, Stop, UnitOfWork};

/// Gives up an open sale. Cash that was taken for it goes back to the customer, and a return whose credit paid for it owes
/// that again; a payment that was taken has to be voided first, and one that is under way or in doubt has to end first.
#[derive(Debug, Clone)]
pub struct VoidSale {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which sale.
    pub sale: SaleId,
}

impl Command for VoidSale {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.void"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant), Key::Sale(self.sale), Key::Job(Sale::expiry_job(self.sale))]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let sale = find_open(work, call.merchant, self.sale)?.clone();
        let paid = paid_without_provider(work, &sale)?;
        give_coupons_back(work, &sale)?;
        release_all(work, &sale)?;
        let voided = Voided { cash_returned_minor: cash_minor(&paid)? };
        undo(work, call, paid)?;
        work.emit(call, "sale.voided", sale.id, &voided);
        end_promise(work, &sale);
        work.sales.replace(Sale { state: State::Voided, closed_at: Some(call.now), ..sale });
        standing(work, call.merchant, self.sale)
    }
}

/// The paid tenders of the sale, unless a payment stands in the way.
fn paid_without_provider(work: &UnitOfWork, sale: &Sale) -> Result<Vec<Tender>, Refusal> {
    let mut paid = Vec::new();
    for tender in tenders_of(work, sale.merchant, sale.id) {
        match (tender.state, tender.kind) {
            (TenderState::Pending, _) => return Err(Refusal::PaymentUnderWay),
            (TenderState::Paid, TenderKind::Electronic { .. } | TenderKind::Recorded) => {
                return Err(Refusal::HasPaidTender);
            }
            (TenderState::Paid, TenderKind::Cash { .. } | TenderKind::ReturnCredit { .. }) => paid.push(tender.clone()),
            (TenderState::Failed, _) => {}
        }
    }
    Ok(paid)
}

fn cash_minor(paid: &[Tender]) -> Result<i64, Refusal> {
    let cash = paid.iter().filter(|tender| matches!(tender.kind, TenderKind::Cash { .. }));
    Ok(sum_minor(cash.map(|tender| tender.amount_minor))?)
}

/// The tenders pay nothing any more, and what a return owed is owed again.
fn undo(work: &mut UnitOfWork, call: &mut Call<'_>, paid: Vec<Tender>) -> Result<(), Stop<command::Refusal>> {
    for tender in paid {
        if let TenderKind::ReturnCredit { origin, .. } = tender.kind {
            release_credit(work, call, origin, tender.id)?;
        }
        work.tenders.replace(Tender { state: TenderState::Failed, ..tender });
    }
    Ok(())
}

#[derive(Serialize)]
struct Voided {
    cash_returned_minor: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::LedgerAccount;
    use crate::money::Quantity;
    use crate::sale::AddCash;
    use crate::testing::{Hold, MERCHANT, REGISTER, Settle, TEA, TEA_ON_HAND, World, line, payment_id, sale_id};

    const VOID: fn() -> VoidSale = || VoidSale { merchant: MERCHANT, sale: sale_id(1) };

    #[test]
    fn a_voided_sale_gives_back_stock_and_cash() {
        let mut world = World::with_open_sale(&[line(TEA, 2_000)]);
        world
            .run(&AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: Some(100), given_minor: 500 })
            .unwrap();
        let standing = world.run(&VOID()).unwrap();
        assert_eq!(standing.sale.state, State::Voided);
        assert_eq!(standing.tenders[0].state, TenderState::Failed);
        assert_eq!(world.level(TEA).reserved, Quantity::ZERO);
        assert_eq!(world.level(TEA).on_hand, Quantity(TEA_ON_HAND));
        assert_eq!(world.balance(LedgerAccount::Drawer(REGISTER)), 0);
        assert_eq!(world.expiry_due(sale_id(1)), None);
        assert_eq!(world.database.events.rows().last().unwrap().data, r#"{"cash_returned_minor":100}"#);
        assert_eq!(world.refused(&VOID()).code(), "sale_not_open");
    }

    #[test]
    fn a_sale_is_not_voided_under_a_payment() {
        let mut world = World::with_open_sale(&[line(TEA, 2_000)]);
        let hold = Hold { sale: sale_id(1), payment: payment_id(1), amount_minor: Some(100) };
        let tender = world.run(&hold).unwrap();
        let settle = |state| Settle { sale: sale_id(1), tender, state, approved_minor: 100 };
        assert_eq!(world.refused(&VOID()).code(), "payment_in_doubt_or_under_way");
        world.run(&settle(TenderState::Paid)).unwrap();
        assert_eq!(world.refused(&VOID()).code(), "sale_has_paid_tender");
        world.run(&settle(TenderState::Failed)).unwrap();
        assert_eq!(world.run(&VOID()).unwrap().sale.state, State::Voided);
    }

    #[test]
    fn only_an_own_sale_is_voided() {
        assert_eq!(World::new().refused(&VOID()).code(), "sale_not_found");
        let world = World::with_open_sale(&[line(TEA, 2_000)]);
        assert_eq!(world.clone().acting_as(Role::Viewer).refused(&VOID()).code(), "role_too_low");
        assert_eq!(world.of_other_merchant().refused(&VOID()).code(), "sale_not_found");
    }
}
