//! Goods that are paid for with what a return still owes. The return gives the credit in the very commit in which the sale
//! takes it, under the locks of both, so that it is spent once.

use serde::Serialize;

use super::complete::complete_if_paid;
use super::read::find_open;
use super::tender::{insert_tender, tender_amount};
use super::{Refusal, Sale, Standing, TenderKind, TenderState, due_minor, standing, tenders_of};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{MerchantId, ReturnId, SaleId, TenderId};
use crate::returns::{CreditGiven, credit_keys, give_credit, owed};
use crate::work::{Key, Stop, UnitOfWork};

/// Pays a part of an open sale, or all that is due, with what a return still owes.
#[derive(Debug, Clone)]
pub struct AddReturnCredit {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which sale.
    pub sale: SaleId,
    /// Which return owes it.
    pub origin: ReturnId,
    /// How much of the sale is paid, in minor units; as much as is due and owed where it is left out.
    pub amount_minor: Option<i64>,
}

impl Command for AddReturnCredit {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.add_return_credit"
    }

    fn keys(&self) -> Vec<Key> {
        [Key::Merchant(self.merchant), Key::Sale(self.sale)].into_iter().chain(credit_keys(self.origin)).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let sale = find_open(work, call.merchant, self.sale)?.clone();
        pay_with_credit(work, call, &sale, self.origin, self.amount_minor)?;
        standing(work, call.merchant, self.sale)
    }
}

/// Pays a part of an open sale with what a return still owes; if that was the last part the sale is completed.
pub(crate) fn pay_with_credit(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    sale: &Sale,
    origin: ReturnId,
    asked_minor: Option<i64>,
) -> Result<(), Stop<command::Refusal>> {
    let spent = spend(work, call, sale, origin, asked_minor)?;
    work.emit(call, "tender.paid", sale.id, &spent);
    complete_if_paid(work, call, sale.id)
}

/// What the event of such a tender tells.
#[derive(Serialize)]
pub(super) struct Spent {
    tender: TenderId,
    amount_minor: i64,
    #[serde(rename = "return")]
    origin: ReturnId,
}

/// Adds a paid tender, and notes on the return that it owes so much less.
pub(super) fn spend(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    sale: &Sale,
    origin: ReturnId,
    asked_minor: Option<i64>,
) -> Result<Spent, Stop<command::Refusal>> {
    let owed = owed(work, call, origin)?;
    if owed.currency != sale.currency {
        return Err(Refusal::CurrencyMismatch { expected: sale.currency }.into());
    }
    let due_minor = due_minor(sale, tenders_of(work, sale.merchant, sale.id));
    // All that is due where the return owes that much, and all that it owes where it does not.
    let asked_minor = asked_minor.or(Some(owed.due_minor).filter(|owed_minor| *owed_minor < due_minor));
    let amount_minor = tender_amount(work, sale, asked_minor)?;
    if amount_minor > owed.due_minor {
        return Err(Refusal::CreditExceedsOwed { owed_minor: owed.due_minor, asked_minor: amount_minor }.into());
    }
    let cash_minor = owed.cash_minor.min(amount_minor);
    let kind = TenderKind::ReturnCredit { origin, cash_minor };
    let tender = insert_tender(work, call, sale, kind, amount_minor, TenderState::Paid);
    give_credit(work, call, origin, &CreditGiven { sale: sale.id, tender, amount_minor, cash_minor })?;
    Ok(Spent { tender, amount_minor, origin })
}
