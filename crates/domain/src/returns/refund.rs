//! How what a return owes is given back: by the ways in which the sale was paid, or as the register says.

use serde::Serialize;

use super::history::standing;
use super::paid_with::{PaidWith, cash_left_minor};
use super::{Moved, REFUNDS_MAX, Refund, RefundKind, Refusal, Return};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{MerchantId, PaymentId, RegisterId, ReturnId, SaleId};
use crate::journal::{JournalEntry, LedgerAccount, cash_refund_postings};
use crate::money::{AMOUNT_MINOR_MAX, Overflow};
use crate::operator;
use crate::payment::{Task, ask_refund, refundable_minor, settle_job};
use crate::sale::{Sale, find_sale};
use crate::shift::current_shift;
use crate::work::{Key, Stop, UnitOfWork};

/// The way in which money goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Out of the drawer.
    Cash,
    /// By this payment: of the sale, or of one whose return paid for the sale.
    Electronic(PaymentId),
}

/// A refund that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewRefund {
    /// In which way.
    pub way: Way,
    /// How much, in minor units; all that is still owed where it is left out.
    pub amount_minor: Option<i64>,
}

/// Gives back what a return still owes, because a provider refused or the register waited with it.
#[derive(Debug, Clone)]
pub struct AddRefund {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Of which return.
    pub origin: ReturnId,
    /// Whose drawer cash comes out of.
    pub register: RegisterId,
    /// In which way, and how much.
    pub refund: NewRefund,
    /// What the caller knows to be needed, and spares the command to ask for.
    pub foreseen: Vec<Key>,
}

impl Command for AddRefund {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "return.add_refund"
    }

    fn keys(&self) -> Vec<Key> {
        let sale = self.origin.sale;
        [
            Key::Merchant(self.merchant),
            Key::Register(self.register),
            Key::Sale(sale),
            Key::Returns(sale),
            Key::ReceiptSeries(self.register),
        ]
        .into_iter()
        .chain(self.foreseen.iter().cloned())
        .collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        work.require(self.keys())?;
        let sale = find_sale(work, call.merchant, self.origin.sale).map_err(|_| not_found("return", self.origin))?;
        let sale = sale.clone();
        let register = work.registers.find(call.merchant, &self.register);
        register.ok_or_else(|| not_found("register", self.register))?;
        operator::require_register(call, self.register)?;
        let origin = work.returns.find(call.merchant, &self.origin).cloned();
        let origin = origin.ok_or_else(|| not_found("return", self.origin))?;
        let paid_with = require_ways(work, &sale, self.register)?;
        let due_minor = standing(work, call, self.origin)?.due_minor;
        let wanted = plan(work, call, &sale, &paid_with, due_minor, &[self.refund])?;
        let tasks = give_back(work, call, &origin, self.register, &wanted)?;
        Ok(Moved { standing: standing(work, call, self.origin)?, tasks })
    }
}

/// A refund that is decided.
pub(super) struct Planned {
    way: Way,
    amount_minor: i64,
}

/// With what the sale was paid, once all is loaded that giving back may need.
pub(super) fn require_ways(
    work: &UnitOfWork,
    sale: &Sale,
    register: RegisterId,
) -> Result<PaidWith, Stop<command::Refusal>> {
    let paid_with = PaidWith::of(work, sale)?;
    work.require(way_keys(sale, &paid_with, register))?;
    let payments = paid_with.payments().filter_map(|id| work.payments.find(sale.merchant, &id));
    work.require(payments.map(|payment| Key::Connection(payment.connection)))?;
    Ok(paid_with)
}

/// The drawer, and the payments that the money may go back by.
pub(super) fn way_keys(sale: &Sale, paid_with: &PaidWith, register: RegisterId) -> Vec<Key> {
    let balance = |account| Key::Balance(sale.merchant, account, sale.currency);
    let payments = paid_with.payments().flat_map(|id| [Key::Payment(id), Key::Job(settle_job(id))]);
    let drawer = [balance(LedgerAccount::Drawer(register)), balance(LedgerAccount::Clearing)];
    drawer.into_iter().chain(payments).collect()
}

/// The ways in which the sale was paid: its payments in the order of its tenders, then those behind the return credits that
/// paid for it, for as much as they stand behind, and cash for what they do not take; but no more cash than it was paid with.
pub(super) fn plan_as_paid(
    work: &UnitOfWork,
    call: &Call<'_>,
    sale: &Sale,
    paid_with: &PaidWith,
    due_minor: i64,
) -> Result<Vec<Planned>, Stop<command::Refusal>> {
    let (mut left_minor, mut behind_minor) = (due_minor, paid_with.behind_left_minor(work, sale));
    let mut planned = Vec::new();
    for payment in paid_with.payments() {
        let is_own = paid_with.is_own(payment);
        let wanted_minor = if is_own { left_minor } else { left_minor.min(behind_minor) };
        let amount_minor = wanted_minor.min(refundable_minor(work, call, payment)?);
        planned.push(Planned { way: Way::Electronic(payment), amount_minor });
        left_minor = left_minor.saturating_sub(amount_minor);
        if !is_own {
            behind_minor = behind_minor.saturating_sub(amount_minor);
        }
    }
    if left_minor > cash_left_minor(work, sale) {
        return Err(Refusal::WayNeeded { missing_minor: left_minor }.into());
    }
    planned.push(Planned { way: Way::Cash, amount_minor: left_minor });
    planned.retain(|refund| refund.amount_minor > 0);
    Ok(planned)
}

/// What the register asks for, if it is no more than is due and whoever asks may give it.
pub(super) fn plan(
    work: &UnitOfWork,
    call: &Call<'_>,
    sale: &Sale,
    paid_with: &PaidWith,
    due_minor: i64,
    asked: &[NewRefund],
) -> Result<Vec<Planned>, Stop<command::Refusal>> {
    let (mut due_minor, mut cash_minor) = (due_minor, 0_i64);
    let mut planned = Vec::with_capacity(asked.len());
    for refund in asked {
        let amount_minor = refund.amount_minor.unwrap_or(due_minor);
        check_amount(amount_minor, due_minor)?;
        match refund.way {
            Way::Cash => cash_minor = cash_minor.saturating_add(amount_minor),
            Way::Electronic(payment) if paid_with.payments().any(|known| known == payment) => {}
            Way::Electronic(payment) => return Err(Refusal::PaymentElsewhere { payment }.into()),
        }
        due_minor = due_minor.saturating_sub(amount_minor);
        planned.push(Planned { way: refund.way, amount_minor });
    }
    let may_give_minor = cash_left_minor(work, sale);
    // Cash for a charge on a card is how drawers are emptied.
    if cash_minor > may_give_minor && call.actor.role < Role::Manager {
        return Err(Refusal::CashNeedsManager { cash_minor: may_give_minor }.into());
    }
    Ok(planned)
}

/// Records what was decided; what goes back by a provider is sent after the commit. Cash comes out of the drawer of
/// `register`.
pub(super) fn give_back(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    origin: &Return,
    register: RegisterId,
    planned: &[Planned],
) -> Result<Vec<Task>, Stop<command::Refusal>> {
    let mut tasks = Vec::new();
    for refund in planned {
        let number = next_number(work, call, origin.id)?;
        let kind = match refund.way {
            Way::Cash => {
                post(work, call, origin, cash_refund_postings(register, refund.amount_minor))?;
                RefundKind::Cash { register, shift: current_shift(work, call.merchant, register)? }
            }
            Way::Electronic(payment) => {
                let (operation, asked) = ask_refund(work, call, payment, refund.amount_minor, &origin.reason)?;
                tasks.extend(asked);
                RefundKind::Electronic { operation }
            }
        };
        insert(work, call, origin.id, number, kind, refund.amount_minor);
    }
    Ok(tasks)
}

/// The number of the next refund of a return.
pub(super) fn next_number(work: &UnitOfWork, call: &Call<'_>, origin: ReturnId) -> Result<u32, Refusal> {
    let last = work.refunds.range(call.merchant, (origin, 0)..=(origin, u32::MAX)).last();
    let number = last.map_or(0, |last| last.number).saturating_add(1);
    if number > REFUNDS_MAX { Err(Refusal::TooManyRefunds) } else { Ok(number) }
}

/// Writes into the journal what concerns a return.
pub(super) fn post(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    origin: &Return,
    postings: Vec<(LedgerAccount, i64)>,
) -> Result<(), Stop<command::Refusal>> {
    if postings.is_empty() {
        return Ok(());
    }
    let entry = JournalEntry::new(call, origin.id, origin.currency, postings);
    work.post(entry).map_err(|stop| stop.map(|Overflow| command::Refusal::Return(Refusal::AmountOutOfRange)))
}

/// Notes how a part of what a return owes is given back, and tells of it.
pub(super) fn insert(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    origin: ReturnId,
    number: u32,
    kind: RefundKind,
    amount_minor: i64,
) {
    work.emit(call, "return.refund_asked", origin, &Asked::of(number, kind, amount_minor));
    let (merchant, created_at) = (call.merchant, call.now);
    work.refunds.insert(Refund { origin, number, merchant, kind, amount_minor, created_at, version: 1 });
}

#[derive(Serialize)]
struct Asked {
    number: u32,
    kind: &'static str,
    amount_minor: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    register: Option<RegisterId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sale: Option<SaleId>,
}

impl Asked {
    fn of(number: u32, kind: RefundKind, amount_minor: i64) -> Self {
        let (register, operation, sale) = match kind {
            RefundKind::Cash { register, shift: _ } => (Some(register), None, None),
            RefundKind::Electronic { operation } => (None, Some(operation.to_string()), None),
            RefundKind::ReturnCredit { sale, .. } => (None, None, Some(sale)),
            RefundKind::Recorded => (None, None, None),
        };
        Self { number, kind: kind.as_str(), amount_minor, register, operation, sale }
    }
}

const fn check_amount(asked_minor: i64, due_minor: i64) -> Result<(), Refusal> {
    if due_minor <= 0 {
        Err(Refusal::NothingDue)
    } else if asked_minor < 1 || asked_minor > AMOUNT_MINOR_MAX {
        Err(Refusal::AmountOutOfRange)
    } else if asked_minor > due_minor {
        Err(Refusal::RefundExceedsDue { due_minor, asked_minor })
    } else {
        Ok(())
    }
}
