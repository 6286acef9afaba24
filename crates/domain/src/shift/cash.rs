//! Cash that goes into a drawer or out of it without a sale: change from the safe, a drop, petty cash.

use serde::{Deserialize, Serialize};

use super::{CASH_MOVEMENTS_MAX, Refusal, Shift, check_text, find_open, post, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{MerchantId, ShiftId};
use crate::journal::LedgerAccount;
use crate::money::{AMOUNT_MINOR_MAX, Currency};
use crate::operator;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Shortest reason, in characters.
const REASON_CHARS_MIN: usize = 2;

/// Which way cash goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Into the drawer.
    In,
    /// Out of it.
    Out,
}

impl Direction {
    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }

    /// The direction of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::In, Self::Out].into_iter().find(|direction| direction.as_str() == text)
    }
}

/// Where cash comes from or goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// The shop's safe: change, or a drop.
    Safe,
    /// The bank, without the way by the safe.
    Bank,
    /// What the shop buys or pays for with petty cash.
    Expense,
    /// Everything else; the reason says what.
    Sundry,
}

impl Purpose {
    /// The account it moves.
    pub const fn account(self) -> LedgerAccount {
        match self {
            Self::Safe => LedgerAccount::Safe,
            Self::Bank => LedgerAccount::Bank,
            Self::Expense => LedgerAccount::Expense,
            Self::Sundry => LedgerAccount::Sundry,
        }
    }

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Bank => "bank",
            Self::Expense => "expense",
            Self::Sundry => "sundry",
        }
    }

    /// The purpose of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Safe, Self::Bank, Self::Expense, Self::Sundry].into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// Cash that went in or out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CashMovement {
    /// The shift.
    pub shift: ShiftId,
    /// 1, 2, 3 … within the shift.
    pub number: u32,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Which way.
    pub direction: Direction,
    /// From where, or where to.
    pub purpose: Purpose,
    /// How much, in minor units; positive.
    pub amount_minor: i64,
    /// Why.
    pub reason: String,
    /// Who did it.
    pub moved_by: String,
    /// When.
    pub moved_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// Pays cash in or out. What goes out to anywhere else than the safe needs a manager: so drawers are emptied.
#[derive(Debug, Clone)]
pub struct MoveCash {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Of which shift.
    pub shift: ShiftId,
    /// The currency of the drawer.
    pub currency: Currency,
    /// Which way.
    pub direction: Direction,
    /// From where, or where to.
    pub purpose: Purpose,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// Why.
    pub reason: String,
}

impl Command for MoveCash {
    type Reply = CashMovement;

    fn name(&self) -> &'static str {
        "shift.move_cash"
    }

    fn keys(&self) -> Vec<Key> {
        let register = self.shift.register;
        let accounts = [LedgerAccount::Drawer(register), self.purpose.account()];
        let balances = accounts.map(|account| Key::Balance(self.merchant, account, self.currency));
        let places = [Key::Register(register), Key::ReceiptSeries(register), Key::Shift(self.shift)];
        places.into_iter().chain(balances).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<CashMovement, Stop<command::Refusal>> {
        let is_drop = self.purpose == Purpose::Safe || self.direction == Direction::In;
        require_role(call, if is_drop { Role::Cashier } else { Role::Manager })?;
        let shift = find_open(work, call.merchant, self.shift)?.clone();
        operator::require_register(call, self.shift.register)?;
        let reason = check_text(&self.reason, REASON_CHARS_MIN)?.to_owned();
        if !(1..=AMOUNT_MINOR_MAX).contains(&self.amount_minor) {
            return Err(Refusal::AmountOutOfRange.into());
        }
        let number = shift.movement_count.saturating_add(1);
        if number > CASH_MOVEMENTS_MAX {
            return Err(Refusal::TooManyMovements.into());
        }
        let into_minor = match self.direction {
            Direction::In => self.amount_minor,
            Direction::Out => self.amount_minor.saturating_neg(),
        };
        post(work, call, &shift, &[(self.purpose.account(), into_minor)])?;
        store(work, self.added_to(shift, number)?)?;
        let movement = CashMovement {
            shift: self.shift,
            number,
            merchant: call.merchant,
            direction: self.direction,
            purpose: self.purpose,
            amount_minor: self.amount_minor,
            reason,
            moved_by: call.actor.name.clone(),
            moved_at: call.now,
            version: 1,
        };
        work.cash_movements.insert(movement.clone());
        let CashMovement { direction, purpose, amount_minor, .. } = movement;
        work.emit(call, "shift.cash_moved", self.shift, &Moved { number, direction, purpose, amount_minor });
        Ok(movement)
    }
}

impl MoveCash {
    fn added_to(&self, shift: Shift, movement_count: u32) -> Result<Shift, Refusal> {
        let (mut paid_in_minor, mut paid_out_minor) = (shift.paid_in_minor, shift.paid_out_minor);
        let sum = match self.direction {
            Direction::In => &mut paid_in_minor,
            Direction::Out => &mut paid_out_minor,
        };
        *sum = sum.checked_add(self.amount_minor).ok_or(Refusal::AmountOutOfRange)?;
        Ok(Shift { paid_in_minor, paid_out_minor, movement_count, ..shift })
    }
}

#[derive(Serialize)]
struct Moved {
    number: u32,
    direction: Direction,
    purpose: Purpose,
    amount_minor: i64,
}
