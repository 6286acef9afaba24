//! The beginning of a shift: the drawer is counted.

use serde::Serialize;

use super::{Count, Pieces, Refusal, Shift, drawer_minor, find_series, find_shift, post};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{MerchantId, RegisterId, ShiftId};
use crate::journal::LedgerAccount;
use crate::money::{AMOUNT_MINOR_MAX, Currency};
use crate::operator;
use crate::work::{Key, Stop, UnitOfWork};

/// Opens a shift with a counted float. What is counted beyond the books was brought from the safe, as far as somebody says
/// so, and else is a difference; of a register's first shift all of it was brought, because nobody counted before.
#[derive(Debug, Clone)]
pub struct OpenShift {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Whose drawer it is.
    pub register: RegisterId,
    /// The currency of the drawer: the merchant's, given so that the balance can be named at once.
    pub currency: Currency,
    /// What was counted.
    pub float: Vec<Pieces>,
    /// What was brought from the safe, in minor units; below zero where it was taken there.
    pub brought_minor: Option<i64>,
}

impl Command for OpenShift {
    type Reply = Shift;

    fn name(&self) -> &'static str {
        "shift.open"
    }

    fn keys(&self) -> Vec<Key> {
        let accounts = [LedgerAccount::Drawer(self.register), LedgerAccount::Safe, LedgerAccount::OverShort];
        let balances = accounts.map(|account| Key::Balance(self.merchant, account, self.currency));
        let places = [Key::Merchant(self.merchant), Key::Register(self.register), Key::ReceiptSeries(self.register)];
        places.into_iter().chain(balances).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Shift, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let register = work.registers.find(call.merchant, &self.register);
        let location = register.ok_or_else(|| not_found("register", self.register))?.location;
        operator::require_register(call, self.register)?;
        let series = find_series(work, call.merchant, self.register)?;
        if series.is_shift_open {
            return Err(Refusal::AlreadyOpen { shift: self.id(series.shift_count) }.into());
        }
        let last = series.shift_count;
        let booked_minor = drawer_minor(work, call.merchant, self.register, self.currency)?;
        let carried_minor = match last {
            0 => booked_minor,
            last => left_minor(find_shift(work, call.merchant, self.id(last))?),
        };
        let float = Count::parse(&self.float)?;
        let missing_minor = float.amount_minor().checked_sub(booked_minor).ok_or(Refusal::AmountOutOfRange)?;
        let brought_minor = self.brought_minor.unwrap_or(if last == 0 { missing_minor } else { 0 });
        if brought_minor.unsigned_abs() > AMOUNT_MINOR_MAX.unsigned_abs() {
            return Err(Refusal::AmountOutOfRange.into());
        }
        let shift = Shift {
            id: self.id(last.saturating_add(1)),
            merchant: call.merchant,
            location,
            currency: self.currency,
            opened_by: call.actor.name.clone(),
            opened_at: call.now,
            carried_minor,
            brought_minor,
            float,
            opening_difference_minor: missing_minor.checked_sub(brought_minor).ok_or(Refusal::AmountOutOfRange)?,
            paid_in_minor: 0,
            paid_out_minor: 0,
            movement_count: 0,
            closing: None,
            version: 1,
        };
        insert(work, call, &shift)?;
        Ok(shift)
    }
}

impl OpenShift {
    const fn id(&self, number: u32) -> ShiftId {
        ShiftId { register: self.register, number }
    }
}

/// What a shift left in the drawer when it ended.
fn left_minor(shift: &Shift) -> i64 {
    let closing = shift.closing.as_ref();
    closing.map_or(0, |closing| closing.count.amount_minor().saturating_sub(closing.deposited_minor))
}

fn insert(work: &mut UnitOfWork, call: &mut Call<'_>, shift: &Shift) -> Result<(), Stop<command::Refusal>> {
    let Shift { brought_minor, opening_difference_minor, .. } = *shift;
    let into_drawer = [(LedgerAccount::Safe, brought_minor), (LedgerAccount::OverShort, opening_difference_minor)];
    post(work, call, shift, &into_drawer)?;
    if let Some(series) = work.receipt_series.find_mut(call.merchant, &shift.id.register) {
        series.shift_count = shift.id.number;
        series.is_shift_open = true;
    }
    let float_minor = shift.float.amount_minor();
    let register = shift.id.register;
    let opened = Opened { register, currency: shift.currency, float_minor, brought_minor, opening_difference_minor };
    work.emit(call, "shift.opened", shift.id, &opened);
    work.shifts.insert(shift.clone());
    Ok(())
}

#[derive(Serialize)]
struct Opened {
    register: RegisterId,
    currency: Currency,
    float_minor: i64,
    brought_minor: i64,
    opening_difference_minor: i64,
}
