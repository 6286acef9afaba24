//! Each drawer is what its shifts, its sales, its refunds and its cash movements make it: recomputed from the first count on.

use std::collections::BTreeMap;

use domain::id::{RegisterId, ShiftId};
use domain::journal::{Balance, LedgerAccount};
use domain::merchant::ReceiptSeries;
use domain::money::Currency;
use domain::returns::{Refund, RefundKind};
use domain::sale::{Sale, Tender, TenderKind, TenderState};
use domain::shift::{CashMovement, Direction, Shift};
use domain::unreferenced_return::UnreferencedReturn;

use super::Report;
use super::source::{Records, Source};
use crate::error::EngineError;

/// Minor units by shift.
type Sums = BTreeMap<ShiftId, i64>;

/// Compares the shifts of each register with its series, with each other, with what happened in them, and with the books.
pub fn drawers(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let trade = cash_trade(source, report)?;
    let moved = moved(source, report)?;
    let mut shifts = Records::<Shift>::new(source, report)?;
    let mut series = Records::<ReceiptSeries>::new(source, report)?;
    let mut drawers = BTreeMap::new();
    while let Some(series) = series.next(source, report)? {
        let of_register = shifts.children(&series.register, |shift| shift.id.register, source, report)?;
        report.expect_equal(
            "shift_number_gapless",
            series.register,
            &(series.shift_count as usize),
            &of_register.len(),
        );
        let is_open = of_register.last().is_some_and(|shift| shift.closing.is_none());
        report.expect_equal("shift_open", series.register, &series.is_shift_open, &is_open);
        if let Some(drawer) = check_register(&series, &of_register, &trade, &moved, report) {
            drawers.insert(series.register, drawer);
        }
    }
    check_books(&drawers, source, report)
}

/// What the drawer holds after its last shift; `None` where there never was one.
fn check_register(
    series: &ReceiptSeries,
    shifts: &[Shift],
    trade: &Sums,
    moved: &BTreeMap<ShiftId, (i64, i64, u32)>,
    report: &mut Report,
) -> Option<(Currency, i64)> {
    let of = |number| trade.get(&ShiftId { register: series.register, number }).copied().unwrap_or(0);
    let mut left = shifts.first()?.carried_minor;
    for (number, shift) in (1..).zip(shifts) {
        report.expect_equal("shift_number_gapless", shift.id, &shift.id.number, &number);
        report.expect_equal("shift_carried", shift.id, &shift.carried_minor, &left);
        let sums = moved.get(&shift.id).copied().unwrap_or_default();
        let stored = (shift.paid_in_minor, shift.paid_out_minor, shift.movement_count);
        report.expect_equal("shift_cash_movements", shift.id, &stored, &sums);
        let expected = shift.expected_minor(of(number)).unwrap_or(i64::MAX);
        left = match &shift.closing {
            None => expected,
            Some(closing) => {
                report.expect_equal("shift_expected", shift.id, &closing.expected_minor, &expected);
                closing.count.amount_minor().saturating_sub(closing.deposited_minor)
            }
        };
        if shift.closing.is_none() && number != shifts.len() as u32 {
            report.find("shift_open", shift.id, "open, and another one came after it".to_owned());
        }
    }
    let last = shifts.last()?;
    let after = if last.closing.is_some() { of(last.id.number.saturating_add(1)) } else { 0 };
    Some((last.currency, left.saturating_add(after)))
}

/// What the books have in a drawer is what its shifts say.
fn check_books(
    drawers: &BTreeMap<RegisterId, (Currency, i64)>,
    source: &mut dyn Source,
    report: &mut Report,
) -> Result<(), EngineError> {
    let mut balances = Records::<Balance>::new(source, report)?;
    while let Some(balance) = balances.next(source, report)? {
        let LedgerAccount::Drawer(register) = balance.account else { continue };
        if let Some((currency, drawer)) = drawers.get(&register)
            && *currency == balance.currency
        {
            report.expect_equal("drawer_is_sum_of_shifts", register, &balance.amount_minor, drawer);
        }
    }
    Ok(())
}

/// What sales brought and refunds took in cash, by shift.
fn cash_trade(source: &mut dyn Source, report: &mut Report) -> Result<Sums, EngineError> {
    let mut sums = Sums::new();
    let mut sales = Records::<Sale>::new(source, report)?;
    let mut tenders = Records::<Tender>::new(source, report)?;
    while let Some(sale) = sales.next(source, report)? {
        let tenders = tenders.children(&sale.id, |tender| tender.sale, source, report)?;
        let Some(number) = sale.shift else { continue };
        let cash = tenders
            .iter()
            .filter(|tender| tender.state == TenderState::Paid && matches!(tender.kind, TenderKind::Cash { .. }));
        *sums.entry(ShiftId { register: sale.register, number }).or_default() +=
            cash.map(|tender| tender.amount_minor).sum::<i64>();
    }
    let mut refunds = Records::<Refund>::new(source, report)?;
    while let Some(refund) = refunds.next(source, report)? {
        if let RefundKind::Cash { register, shift: Some(number) } = refund.kind {
            *sums.entry(ShiftId { register, number }).or_default() -= refund.amount_minor;
        }
    }
    let mut unreferenced = Records::<UnreferencedReturn>::new(source, report)?;
    while let Some(one) = unreferenced.next(source, report)? {
        if let Some(number) = one.shift {
            *sums.entry(ShiftId { register: one.register, number }).or_default() -= one.total_minor;
        }
    }
    Ok(sums)
}

/// What was paid in and out of each shift, and how often.
fn moved(source: &mut dyn Source, report: &mut Report) -> Result<BTreeMap<ShiftId, (i64, i64, u32)>, EngineError> {
    let mut sums: BTreeMap<ShiftId, (i64, i64, u32)> = BTreeMap::new();
    let mut movements = Records::<CashMovement>::new(source, report)?;
    while let Some(movement) = movements.next(source, report)? {
        let (paid_in, paid_out, count) = sums.entry(movement.shift).or_default();
        match movement.direction {
            Direction::In => *paid_in += movement.amount_minor,
            Direction::Out => *paid_out += movement.amount_minor,
        }
        *count += 1;
    }
    Ok(sums)
}
