//! The numbers on receipts: one series a register, for sales and returns alike.

use crate::command;
use crate::id::{MerchantId, RegisterId};
use crate::work::{Key, Stop, UnitOfWork};

/// The next number of the register's series, which is locked: a number is never given twice, and none is left out.
pub(crate) fn next_receipt_number(
    work: &mut UnitOfWork,
    merchant: MerchantId,
    register: RegisterId,
) -> Result<String, Stop<command::Refusal>> {
    let found = work.registers.find(merchant, &register);
    let found = found.ok_or_else(|| Stop::Needs(vec![Key::Register(register)]))?;
    let series = work.receipt_series.find_mut(merchant, &register);
    let series = series.ok_or_else(|| Stop::Needs(vec![Key::ReceiptSeries(register)]))?;
    series.last_number = series.last_number.saturating_add(1);
    Ok(format!("{}-{:08}", found.name, series.last_number))
}
