//! What a return still owes, spent on other goods. It stands among the refunds of the return and among the tenders of the
//! sale, both written in one commit; while the sale is open nothing is in the books, as with cash on the counter.

use serde::Serialize;

use super::history::standing;
use super::paid_with::cash_left_minor;
use super::refund::{insert, next_number};
use super::{Refund, RefundKind, Refusal, Return};
use crate::call::Call;
use crate::command::{self, not_found};
use crate::id::{ReturnId, SaleId, TenderId};
use crate::money::Currency;
use crate::sale::find_sale;
use crate::work::{Key, Stop, UnitOfWork};

/// The records that hold what a return owes: its sale, whose lock covers it, and the returns of that sale.
pub(crate) fn credit_keys(origin: ReturnId) -> [Key; 2] {
    [Key::Sale(origin.sale), Key::Returns(origin.sale)]
}

/// What a return owes now.
pub(crate) struct Owed {
    /// In which currency.
    pub currency: Currency,
    /// How much, in minor units; more than nothing.
    pub due_minor: i64,
    /// How much of what its sale was paid with was cash that has not gone back, in minor units.
    pub cash_minor: i64,
}

/// What a return gives to a sale.
pub(crate) struct CreditGiven {
    /// The sale that is paid with it.
    pub sale: SaleId,
    /// Its tender.
    pub tender: TenderId,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// How much of it goes back to cash, in minor units.
    pub cash_minor: i64,
}

/// A return of the caller's merchant.
pub(crate) fn find_return<'a>(
    work: &'a UnitOfWork,
    call: &Call<'_>,
    id: ReturnId,
) -> Result<&'a Return, Stop<command::Refusal>> {
    work.require(credit_keys(id))?;
    work.returns.find(call.merchant, &id).ok_or_else(|| not_found("return", id))
}

/// What a return of the caller's merchant owes, if it owes anything. A refund by a provider that is on its way holds what it
/// is about.
pub(crate) fn owed(work: &UnitOfWork, call: &Call<'_>, id: ReturnId) -> Result<Owed, Stop<command::Refusal>> {
    let origin = find_return(work, call, id)?;
    let refunds = work.refunds.range(call.merchant, (id, 0)..=(id, u32::MAX));
    work.require(refunds.filter_map(Refund::operation).map(|operation| Key::Payment(operation.payment)))?;
    let due_minor = standing(work, call, id)?.due_minor;
    if due_minor <= 0 {
        return Err(Refusal::NothingDue.into());
    }
    // Cash first: what is passed on can then be given back in cash once, there, and no longer here.
    let cash_minor = cash_left_minor(work, find_sale(work, call.merchant, id.sale)?);
    Ok(Owed { currency: origin.currency, due_minor, cash_minor })
}

/// Notes that a return gave so much of what it owes to a tender of a sale. The caller has found it owed.
pub(crate) fn give_credit(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    origin: ReturnId,
    given: &CreditGiven,
) -> Result<(), Refusal> {
    let CreditGiven { sale, tender, amount_minor, cash_minor } = *given;
    let number = next_number(work, call, origin)?;
    let kind = RefundKind::ReturnCredit { sale, tender, cash_minor, released_at: None };
    insert(work, call, origin, number, kind, amount_minor);
    Ok(())
}

/// Makes a return owe again what it gave to a tender whose sale is given up.
pub(crate) fn release_credit(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    origin: ReturnId,
    tender: TenderId,
) -> Result<(), Stop<command::Refusal>> {
    work.require(credit_keys(origin))?;
    let is_its =
        |refund: &&Refund| matches!(refund.kind, RefundKind::ReturnCredit { tender: its, .. } if its == tender);
    let given = work.refunds.range(call.merchant, (origin, 0)..=(origin, u32::MAX)).find(is_its).cloned();
    let given = given.ok_or_else(|| not_found("return", origin))?;
    let Refund { number, amount_minor, kind, .. } = given;
    let RefundKind::ReturnCredit { sale, cash_minor, .. } = kind else { return Ok(()) };
    let kind = RefundKind::ReturnCredit { sale, tender, cash_minor, released_at: Some(call.now) };
    work.emit(call, "return.credit_released", origin, &Released { number, amount_minor, sale });
    work.refunds.replace(Refund { kind, ..given });
    Ok(())
}

#[derive(Serialize)]
struct Released {
    number: u32,
    amount_minor: i64,
    sale: SaleId,
}
