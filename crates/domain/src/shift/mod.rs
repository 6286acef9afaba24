//! Shifts: a register's drawer between two counts. A register that never opened one sells as it always did. What happens at
//! a register that uses shifts belongs to the one that is open or, between two, to the next: the number stands in the
//! register's [`ReceiptSeries`](crate::merchant::ReceiptSeries), which every completing sale locks anyway, so no second
//! shift can be open and no sale has to look for its own.

mod cash;
mod close;
mod count;
mod open;
mod refusal;
#[cfg(test)]
mod story;

pub use cash::{CashMovement, Direction, MoveCash, Purpose};
pub use close::{CloseShift, Closing};
pub use count::{Count, DENOMINATIONS_MAX, Pieces};
pub use open::OpenShift;
pub use refusal::Refusal;

use crate::call::Call;
use crate::command::{self, not_found};
use crate::id::{LocationId, MerchantId, RegisterId, ShiftId};
use crate::journal::{JournalEntry, LedgerAccount};
use crate::money::{Currency, Overflow};
use crate::text;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};
use crate::{guard, merchant};

/// Most cash movements of a shift: what a busy day needs ten times over; a broken register may not loop.
pub const CASH_MOVEMENTS_MAX: u32 = 1_000;
/// Longest reason and note, in characters: a sentence or two.
pub const REASON_CHARS_MAX: usize = 200;

/// One shift of a register. All amounts are in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// The register, and its number there.
    pub id: ShiftId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Where the register stands.
    pub location: LocationId,
    /// The currency of the drawer.
    pub currency: Currency,
    /// Who opened it: an operator with a key, or a key.
    pub opened_by: String,
    /// When.
    pub opened_at: Timestamp,
    /// What the books had in the drawer when the shift before ended; of the first one, when it was opened.
    pub carried_minor: i64,
    /// What was brought from the safe for it; below zero where it was taken there.
    pub brought_minor: i64,
    /// What was counted in the beginning.
    pub float: Count,
    /// How much more was counted in the beginning than the books and what was brought say.
    pub opening_difference_minor: i64,
    /// What was paid in meanwhile.
    pub paid_in_minor: i64,
    /// What was paid out meanwhile.
    pub paid_out_minor: i64,
    /// How many cash movements it has had.
    pub movement_count: u32,
    /// How it ended.
    pub closing: Option<Closing>,
    /// Row version.
    pub version: i64,
}

impl Shift {
    /// What a drawer of that much cash trade should hold at its end, in minor units; `None` past the range.
    pub fn expected_minor(&self, cash_minor: i64) -> Option<i64> {
        let parts = [
            self.brought_minor,
            self.opening_difference_minor,
            self.paid_in_minor,
            self.paid_out_minor.checked_neg()?,
            cash_minor,
        ];
        parts.into_iter().try_fold(self.carried_minor, i64::checked_add)
    }
}

/// The merchant's shift, once it was looked for.
fn find_shift(work: &UnitOfWork, merchant: MerchantId, id: ShiftId) -> Result<&Shift, Stop<command::Refusal>> {
    work.require([Key::Shift(id)])?;
    work.shifts.find(merchant, &id).ok_or_else(|| not_found("shift", id))
}

/// The merchant's shift, if it is still open.
fn find_open(work: &UnitOfWork, merchant: MerchantId, id: ShiftId) -> Result<&Shift, Stop<command::Refusal>> {
    let shift = find_shift(work, merchant, id)?;
    if shift.closing.is_some() { Err(Refusal::Closed.into()) } else { Ok(shift) }
}

/// Puts a changed shift in the place of the one that was loaded.
fn store(work: &mut UnitOfWork, changed: Shift) -> Result<Shift, Stop<command::Refusal>> {
    let id = changed.id;
    work.shifts.replace(changed).cloned().ok_or_else(|| not_found("shift", id))
}

/// The register's place among receipts and shifts, which is locked.
fn find_series(
    work: &UnitOfWork,
    merchant: MerchantId,
    register: RegisterId,
) -> Result<&merchant::ReceiptSeries, Stop<command::Refusal>> {
    work.require([Key::Register(register), Key::ReceiptSeries(register)])?;
    work.receipt_series.find(merchant, &register).ok_or_else(|| not_found("register", register))
}

/// The shift that what happens at the register now belongs to; `None` at one that never had any.
pub(crate) fn current_shift(
    work: &UnitOfWork,
    merchant: MerchantId,
    register: RegisterId,
) -> Result<Option<u32>, Stop<command::Refusal>> {
    let series = work.receipt_series.find(merchant, &register);
    let series = series.ok_or_else(|| Stop::Needs(vec![Key::ReceiptSeries(register)]))?;
    Ok(series.shift())
}

/// What the books have in the drawer, in minor units.
fn drawer_minor(
    work: &UnitOfWork,
    merchant: MerchantId,
    register: RegisterId,
    currency: Currency,
) -> Result<i64, Stop<command::Refusal>> {
    let account = LedgerAccount::Drawer(register);
    let balance = work.balances.find(merchant, &(merchant, account, currency));
    let missing = || Stop::Needs(vec![Key::Balance(merchant, account, currency)]);
    balance.map(|balance| balance.amount_minor).ok_or_else(missing)
}

/// Moves cash between the drawer and other accounts: each amount goes into the drawer and comes from the account.
fn post(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    shift: &Shift,
    into_drawer: &[(LedgerAccount, i64)],
) -> Result<(), Stop<command::Refusal>> {
    let drawer = LedgerAccount::Drawer(shift.id.register);
    let moved = into_drawer.iter().filter(|(_, amount)| *amount != 0);
    let postings: Vec<_> =
        moved.flat_map(|(account, amount)| [(drawer, *amount), (*account, amount.saturating_neg())]).collect();
    if postings.is_empty() {
        return Ok(());
    }
    let entry = JournalEntry::new(call, shift.id, shift.currency, postings);
    work.post(entry).map_err(|stop| stop.map(|Overflow| command::Refusal::Shift(Refusal::AmountOutOfRange)))
}

/// A text of a person, without the blanks around it.
fn check_text(text: &str, chars_min: usize) -> Result<&str, Refusal> {
    let text = text.trim();
    let is_right = (text.is_empty() && chars_min == 0) || text::is_line(text, REASON_CHARS_MAX);
    if !is_right || text.chars().count() < chars_min {
        return Err(Refusal::ReasonInvalid);
    }
    if guard::looks_like_card_number(text) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(text) }
}
