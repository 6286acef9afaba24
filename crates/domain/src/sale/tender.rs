//! How parts of a sale are paid: cash at once, a payment by way of an amount that is held until its end is known. What
//! is held is not due, so no second payment can be started for the same part.

use serde::Serialize;

use super::complete::{complete, complete_if_paid};
use super::read::{find_open, find_sale, has_pending};
use super::{
    Refusal, Sale, Standing, State, TENDERS_MAX, Tender, TenderKind, TenderState, due_minor, standing, tenders_of,
};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{MerchantId, PaymentId, SaleId, TenderId};
use crate::money::AMOUNT_MINOR_MAX;
use crate::work::{Key, Stop, UnitOfWork};

/// Pays a part of an open sale, or all that is due, with coins and notes. A free sale is completed by it, too, and then
/// has no tender.
#[derive(Debug, Clone)]
pub struct AddCash {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which sale.
    pub sale: SaleId,
    /// How much of it is paid, in minor units; all that is due where it is left out.
    pub amount_minor: Option<i64>,
    /// What the customer hands over, in minor units.
    pub given_minor: i64,
}

impl Command for AddCash {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.add_cash"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant), Key::Sale(self.sale)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let sale = find_open(work, call.merchant, self.sale)?.clone();
        if is_free(&sale, self.amount_minor) {
            complete(work, call, self.sale)?;
        } else {
            let cash = add_cash(work, call, &sale, self.amount_minor, self.given_minor)?;
            // A payment tells of itself; cash has nobody else to tell of it.
            work.emit(call, "tender.paid", self.sale, &cash);
            complete_if_paid(work, call, self.sale)?;
        }
        standing(work, call.merchant, self.sale)
    }
}

/// What the event of a cash tender tells.
#[derive(Serialize)]
pub(super) struct Cash {
    tender: TenderId,
    amount_minor: i64,
    given_minor: i64,
    change_minor: i64,
}

/// Whether there is nothing to pay, as nobody asks to pay anything.
pub(super) fn is_free(sale: &Sale, asked_minor: Option<i64>) -> bool {
    sale.total_minor == 0 && asked_minor.unwrap_or(0) == 0
}

/// Adds a paid cash tender.
pub(super) fn add_cash(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    sale: &Sale,
    asked_minor: Option<i64>,
    given_minor: i64,
) -> Result<Cash, Refusal> {
    let amount_minor = tender_amount(work, sale, asked_minor)?;
    if given_minor > AMOUNT_MINOR_MAX {
        return Err(Refusal::AmountOutOfRange);
    }
    let change_minor = given_minor.checked_sub(amount_minor).filter(|change| *change >= 0);
    let change_minor = change_minor.ok_or(Refusal::CashTooLittle { amount_minor, given_minor })?;
    let kind = TenderKind::Cash { given_minor, change_minor };
    let tender = insert_tender(work, call, sale, kind, amount_minor, TenderState::Paid);
    Ok(Cash { tender, amount_minor, given_minor, change_minor })
}

/// Holds a part of the sale, or all that is due, for a payment that is about to be asked for.
pub fn hold_tender(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    sale: SaleId,
    payment: PaymentId,
    amount_minor: Option<i64>,
) -> Result<TenderId, Stop<command::Refusal>> {
    let sale = find_open(work, call.merchant, sale)?.clone();
    let amount_minor = tender_amount(work, &sale, amount_minor)?;
    Ok(insert_tender(work, call, &sale, TenderKind::Electronic { payment }, amount_minor, TenderState::Pending))
}

/// What became of news about a tender's payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The tender stands as told.
    Applied,
    /// The sale is over, and the tender stays as it was: money that came late is to be given back.
    SaleClosed,
    /// The sale no longer owes what came late: it is to be given back.
    NotDue,
}

/// Says how a tender's payment stands, as often and in any order. A sale that is thereby paid is completed.
///
/// Approved less than was asked pays that much, the rest is due again. Approved more (tip, surcharge) pays what was
/// asked: the rest is the payment's business.
pub fn settle_tender(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    sale: SaleId,
    tender: TenderId,
    state: TenderState,
    approved_minor: i64,
) -> Result<Settled, Stop<command::Refusal>> {
    let found = find_sale(work, call.merchant, sale)?;
    let held = work.tenders.find(call.merchant, &(sale, tender)).ok_or_else(|| not_found("tender", tender))?;
    // Doubt never takes back what is certain.
    if state == TenderState::Pending || state == held.state {
        return Ok(Settled::Applied);
    }
    if found.state != State::Open {
        return Ok(Settled::SaleClosed);
    }
    let approved_minor = held.amount_minor.min(approved_minor.max(0));
    let is_late = held.state == TenderState::Failed;
    if is_late && approved_minor > due_minor(found, tenders_of(work, call.merchant, sale)) {
        return Ok(Settled::NotDue);
    }
    if let Some(held) = work.tenders.find_mut(call.merchant, &(sale, tender)) {
        held.state = state;
        if state == TenderState::Paid {
            held.amount_minor = approved_minor;
        }
    }
    complete_if_paid(work, call, sale)?;
    Ok(Settled::Applied)
}

/// The part of the sale that is to be paid.
pub(super) fn tender_amount(work: &UnitOfWork, sale: &Sale, asked_minor: Option<i64>) -> Result<i64, Refusal> {
    if tenders_of(work, sale.merchant, sale.id).count() >= TENDERS_MAX {
        return Err(Refusal::TooManyTenders);
    }
    let due_minor = due_minor(sale, tenders_of(work, sale.merchant, sale.id));
    if due_minor == 0 && has_pending(work, sale.merchant, sale.id) {
        return Err(Refusal::PaymentUnderWay);
    }
    match asked_minor {
        None if due_minor == 0 => Err(Refusal::NothingDue),
        None => Ok(due_minor),
        Some(asked_minor) if asked_minor < 1 => Err(Refusal::AmountOutOfRange),
        Some(asked_minor) if asked_minor > due_minor => Err(Refusal::TenderExceedsDue { due_minor, asked_minor }),
        Some(asked_minor) => Ok(asked_minor),
    }
}

pub(super) fn insert_tender(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    sale: &Sale,
    kind: TenderKind,
    amount_minor: i64,
    state: TenderState,
) -> TenderId {
    let id = TenderId::from_uuid(call.next_uuid());
    let Sale { id: sale, merchant, .. } = *sale;
    work.tenders.insert(Tender { sale, id, merchant, kind, amount_minor, state, version: 1 });
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::LedgerAccount;
    use crate::testing::{Hold, MERCHANT, REGISTER, Settle, TEA, World, line, payment_id, sale_id};
    use TenderState::{Failed, Paid, Pending};

    /// A sale of 300 yen.
    fn an_open_sale() -> World {
        World::with_open_sale(&[line(TEA, 2_000)])
    }

    fn cash(amount_minor: Option<i64>, given_minor: i64) -> AddCash {
        AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor, given_minor }
    }

    fn hold(amount_minor: Option<i64>) -> Hold {
        Hold { sale: sale_id(1), payment: payment_id(1), amount_minor }
    }

    fn settle(tender: TenderId, state: TenderState, approved_minor: i64) -> Settle {
        Settle { sale: sale_id(1), tender, state, approved_minor }
    }

    #[test]
    fn cash_completes_the_sale_and_change_is_no_drawer_cash() {
        let mut world = an_open_sale();
        let standing = world.run(&cash(None, 1_000)).unwrap();
        assert_eq!((standing.sale.state, standing.due_minor), (State::Completed, 0));
        let [tender] = standing.tenders.as_slice() else { panic!("one tender") };
        assert_eq!(tender.kind, TenderKind::Cash { given_minor: 1_000, change_minor: 700 });
        assert_eq!(tender.amount_minor, 300);
        assert_eq!(world.balance(LedgerAccount::Drawer(REGISTER)), 300);
        assert_eq!(world.event_kinds(), ["sale.opened", "tender.paid", "sale.completed"]);
    }

    #[test]
    fn a_sale_may_be_paid_in_parts() {
        let mut world = an_open_sale();
        assert_eq!(world.run(&cash(Some(100), 100)).unwrap().due_minor, 200);
        let tender = world.run(&hold(None)).unwrap();
        assert_eq!(world.standing(sale_id(1)).due_minor, 0);
        assert_eq!(world.run(&settle(tender, Paid, 200)), Ok(Settled::Applied));
        assert_eq!(world.standing(sale_id(1)).sale.state, State::Completed);
        assert_eq!(world.balance(LedgerAccount::Drawer(REGISTER)), 100);
        assert_eq!(world.balance(LedgerAccount::Clearing), 200);
    }

    #[test]
    fn what_a_payment_holds_cannot_be_paid_twice() {
        let mut world = an_open_sale();
        let tender = world.run(&hold(None)).unwrap();
        assert_eq!(world.refused(&hold(None)).code(), "payment_in_doubt_or_under_way");
        assert_eq!(world.refused(&cash(None, 300)).code(), "payment_in_doubt_or_under_way");
        world.run(&settle(tender, Failed, 0)).unwrap();
        assert_eq!(world.run(&cash(None, 300)).unwrap().sale.state, State::Completed);
    }

    #[test]
    fn the_rest_of_a_partial_approval_is_due_again() {
        let mut world = an_open_sale();
        let tender = world.run(&hold(None)).unwrap();
        world.run(&settle(tender, Paid, 120)).unwrap();
        assert_eq!(world.standing(sale_id(1)).due_minor, 180);
    }

    #[test]
    fn a_tip_pays_nothing_of_the_sale() {
        let mut world = an_open_sale();
        let tender = world.run(&hold(None)).unwrap();
        world.run(&settle(tender, Paid, 350)).unwrap();
        assert_eq!(world.standing(sale_id(1)).tenders[0].amount_minor, 300);
        assert_eq!(world.balance(LedgerAccount::Clearing), 300);
    }

    #[test]
    fn news_may_come_again_and_doubt_takes_nothing_back() {
        let mut world = an_open_sale();
        let tender = world.run(&hold(Some(100))).unwrap();
        for news in [Paid, Paid, Pending] {
            assert_eq!(world.run(&settle(tender, news, 100)), Ok(Settled::Applied));
            assert_eq!(world.standing(sale_id(1)).tenders[0].state, Paid);
        }
    }

    #[test]
    fn money_that_came_late_pays_if_it_is_still_due() {
        let mut world = an_open_sale();
        let tender = world.run(&hold(None)).unwrap();
        world.run(&settle(tender, Failed, 0)).unwrap();
        let mut paid_otherwise = world.clone();
        assert_eq!(world.run(&settle(tender, Paid, 300)), Ok(Settled::Applied));
        assert_eq!(world.standing(sale_id(1)).sale.state, State::Completed);

        paid_otherwise.run(&cash(Some(1), 1)).unwrap();
        assert_eq!(paid_otherwise.run(&settle(tender, Paid, 300)), Ok(Settled::NotDue));
        paid_otherwise.run(&cash(None, 299)).unwrap();
        assert_eq!(paid_otherwise.run(&settle(tender, Paid, 300)), Ok(Settled::SaleClosed));
    }

    #[test]
    fn a_payment_that_was_undone_is_due_again_while_the_sale_is_open() {
        let mut world = an_open_sale();
        let tender = world.run(&hold(Some(100))).unwrap();
        world.run(&settle(tender, Paid, 100)).unwrap();
        assert_eq!(world.run(&settle(tender, Failed, 0)), Ok(Settled::Applied));
        assert_eq!(world.standing(sale_id(1)).due_minor, 300);
    }

    #[test]
    fn a_free_sale_is_completed_without_a_tender() {
        let mut world = World::new();
        world.change_article(TEA, |tea| tea.unit_price.0 = 0);
        let mut world = world.opening_sale(&[line(TEA, 1_000)]);
        let standing = world.run(&cash(None, 0)).unwrap();
        assert_eq!((standing.sale.state, standing.tenders.len()), (State::Completed, 0));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        for (code, wrong) in [
            ("cash_too_little", cash(None, 299)),
            ("cash_too_little", cash(None, i64::MIN)),
            ("amount_out_of_range", cash(None, AMOUNT_MINOR_MAX + 1)),
            ("amount_out_of_range", cash(Some(0), 300)),
            ("amount_out_of_range", cash(Some(-1), 300)),
            ("tender_exceeds_due", cash(Some(301), 500)),
            ("sale_not_found", AddCash { sale: sale_id(2), ..cash(None, 300) }),
        ] {
            assert_eq!(an_open_sale().refused(&wrong).code(), code);
        }
        let mut empty = World::with_open_sale(&[]);
        assert_eq!(empty.refused(&cash(None, 0)).code(), "sale_empty");
        assert_eq!(empty.refused(&cash(Some(1), 1)).code(), "tender_exceeds_due");
        assert_eq!(empty.refused(&hold(None)).code(), "sale_nothing_due");
        assert_eq!(an_open_sale().acting_as(Role::Viewer).refused(&cash(None, 300)).code(), "role_too_low");
        let mut world = an_open_sale();
        world.run(&cash(None, 300)).unwrap();
        assert_eq!(world.refused(&cash(None, 300)).code(), "sale_not_open");
        assert_eq!(world.refused(&hold(None)).code(), "sale_not_open");
    }

    #[test]
    fn a_sale_has_no_more_tenders_than_a_bill_has_parts() {
        let mut world = an_open_sale();
        for _ in 0..TENDERS_MAX {
            world.run(&cash(Some(1), 1)).unwrap();
        }
        assert_eq!(world.refused(&cash(Some(1), 1)).code(), "sale_too_many_tenders");
    }
}
