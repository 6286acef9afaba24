//! The end of a shift: the drawer is counted without being told what should be in it, and what is over or short is written
//! into the books in the same commit. Nothing stands in the way of it: no difference, no parked sale, no payment in doubt.

use serde::Serialize;

use super::{Count, Pieces, Refusal, Shift, check_text, drawer_minor, find_open, post, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{MerchantId, RegisterId, ShiftId};
use crate::journal::LedgerAccount;
use crate::money::Currency;
use crate::operator;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// How a shift ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// What was counted.
    pub count: Count,
    /// What the books had in the drawer, in minor units.
    pub expected_minor: i64,
    /// What was taken to the safe afterwards, in minor units; the rest is the next float.
    pub deposited_minor: i64,
    /// What the person who counted says of it.
    pub note: String,
    /// Who closed it.
    pub closed_by: String,
    /// When.
    pub closed_at: Timestamp,
}

impl Closing {
    /// How much more was counted than the books had, in minor units.
    pub fn difference_minor(&self) -> i64 {
        self.count.amount_minor().saturating_sub(self.expected_minor)
    }
}

/// Closes a shift with a count.
#[derive(Debug, Clone)]
pub struct CloseShift {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which shift.
    pub shift: ShiftId,
    /// The currency of the drawer.
    pub currency: Currency,
    /// What was counted.
    pub count: Vec<Pieces>,
    /// How much of it is taken to the safe, in minor units.
    pub deposited_minor: i64,
    /// A note, for example why something is missing.
    pub note: String,
}

impl Command for CloseShift {
    type Reply = Shift;

    fn name(&self) -> &'static str {
        "shift.close"
    }

    fn keys(&self) -> Vec<Key> {
        let register = self.shift.register;
        let accounts = [LedgerAccount::Drawer(register), LedgerAccount::Safe, LedgerAccount::OverShort];
        let balances = accounts.map(|account| Key::Balance(self.merchant, account, self.currency));
        let places = [Key::Register(register), Key::ReceiptSeries(register), Key::Shift(self.shift)];
        places.into_iter().chain(balances).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Shift, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let shift = find_open(work, call.merchant, self.shift)?.clone();
        operator::require_register(call, self.shift.register)?;
        let count = Count::parse(&self.count)?;
        if !(0..=count.amount_minor()).contains(&self.deposited_minor) {
            return Err(Refusal::DepositExceedsCount { counted_minor: count.amount_minor() }.into());
        }
        let note = check_text(&self.note, 0)?.to_owned();
        let expected_minor = drawer_minor(work, call.merchant, self.shift.register, shift.currency)?;
        count.amount_minor().checked_sub(expected_minor).ok_or(Refusal::AmountOutOfRange)?;
        let closing = Closing {
            count,
            expected_minor,
            deposited_minor: self.deposited_minor,
            note,
            closed_by: call.actor.name.clone(),
            closed_at: call.now,
        };
        let into_drawer = [
            (LedgerAccount::OverShort, closing.difference_minor()),
            (LedgerAccount::Safe, self.deposited_minor.saturating_neg()),
        ];
        post(work, call, &shift, &into_drawer)?;
        if let Some(series) = work.receipt_series.find_mut(call.merchant, &self.shift.register) {
            series.is_shift_open = false;
        }
        emit_closed(work, call, &shift, &closing);
        store(work, Shift { closing: Some(closing), ..shift })
    }
}

fn emit_closed(work: &mut UnitOfWork, call: &mut Call<'_>, shift: &Shift, closing: &Closing) {
    let closed = Closed {
        register: shift.id.register,
        currency: shift.currency,
        counted_minor: closing.count.amount_minor(),
        expected_minor: closing.expected_minor,
        difference_minor: closing.difference_minor(),
        deposited_minor: closing.deposited_minor,
    };
    work.emit(call, "shift.closed", shift.id, &closed);
}

#[derive(Serialize)]
struct Closed {
    register: RegisterId,
    currency: Currency,
    counted_minor: i64,
    expected_minor: i64,
    difference_minor: i64,
    deposited_minor: i64,
}
