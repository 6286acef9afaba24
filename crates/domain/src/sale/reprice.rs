//! A sale whose lines or discounts changed: what is taken off each line, and what all of it comes to.

use super::discount::{apply, check_limit};
use super::{Refusal, Sale, SaleLine, due_minor, lines_of, tenders_of};
use crate::call::{Call, Role};
use crate::merchant::Merchant;
use crate::promotion::{evaluate, promotions_of};
use crate::tax::{Totals, tax_totals, totals};
use crate::work::UnitOfWork;

/// Works the discounts of the sale and its totals out anew, over the lines as they stand in the unit of work. A sale
/// without discounts has none to work out.
pub(super) fn reprice(work: &mut UnitOfWork, sale: &mut Sale) -> Result<(), Refusal> {
    let (merchant, id) = (sale.merchant, sale.id);
    let is_whole = lines_of(work, merchant, id).all(|line| line.discount_minor == 0);
    if is_whole && sale.discounts.is_empty() {
        return set_totals(sale, lines_of(work, merchant, id));
    }
    let mut lines = live_lines(work, sale);
    apply(sale, &mut lines)?;
    set_totals(sale, &lines)?;
    put_discounts(work, &lines);
    Ok(())
}

/// Works out anew what promotions give to the lines as they stand in the unit of work, and what all of it comes to. Goods may
/// cost less together than they did apart, and a promotion may have begun since: what is paid or held is not undercut.
pub(super) fn reprice_by_promotions(work: &mut UnitOfWork, call: &Call<'_>, sale: &mut Sale) -> Result<(), Refusal> {
    if promotions_of(work, sale.merchant).next().is_some() {
        promote_lines(work, call, sale, &live_lines(work, sale))?;
    }
    reprice(work, sale)?;
    check_total(work, sale)
}

/// Works out what the merchant's promotions give to these lines.
pub(super) fn promote_lines(
    work: &UnitOfWork,
    call: &Call<'_>,
    sale: &mut Sale,
    lines: &[SaleLine],
) -> Result<(), Refusal> {
    sale.discounts.promotions =
        evaluate(promotions_of(work, sale.merchant), lines, &sale.discounts.coupons, sale.location, call.now)?;
    Ok(())
}

/// The lines that count.
pub(super) fn live_lines(work: &UnitOfWork, sale: &Sale) -> Vec<SaleLine> {
    lines_of(work, sale.merchant, sale.id).filter(|line| !line.is_removed).cloned().collect()
}

/// Writes down what is taken off the lines, where it is another amount than before.
pub(super) fn put_discounts(work: &mut UnitOfWork, lines: &[SaleLine]) {
    for line in lines {
        let key = (line.sale, line.number);
        let stands = work.sale_lines.find(line.merchant, &key).map(|stored| stored.discount_minor);
        if stands != Some(line.discount_minor)
            && let Some(stored) = work.sale_lines.find_mut(line.merchant, &key)
        {
            stored.discount_minor = line.discount_minor;
        }
    }
}

/// Sets total and tax from the lines that count: rounded once per rate, never per line.
pub(crate) fn set_totals<'a>(sale: &mut Sale, lines: impl IntoIterator<Item = &'a SaleLine>) -> Result<(), Refusal> {
    let counted = lines.into_iter().filter(|line| !line.is_removed);
    let amounts: Vec<_> = counted.map(|line| (line.tax_rate, line.discounted_minor())).collect();
    let Totals { gross_minor, tax_minor, net_minor: _ } = totals(&tax_totals(&amounts, sale.tax_terms)?)?;
    sale.total_minor = gross_minor;
    sale.tax_minor = tax_minor;
    Ok(())
}

/// Goes on only if what is paid or held for the sale is no more than it costs now.
pub(super) fn check_total(work: &UnitOfWork, sale: &Sale) -> Result<(), Refusal> {
    let total_minor = sale.total_minor;
    let is_covered = due_minor(sale, tenders_of(work, sale.merchant, sale.id)) >= 0;
    if is_covered { Ok(()) } else { Err(Refusal::TotalBelowTenders { total_minor }) }
}

/// Goes on only if the caller may leave the sale with these discounts: with a manager's key everybody's, with a cashier's
/// what is within the cashiers' limit.
pub(super) fn require_within_limit(
    call: &Call<'_>,
    sale: &Sale,
    lines: &[SaleLine],
    merchant: &Merchant,
) -> Result<(), Refusal> {
    if call.actor.role >= Role::Manager || sale.discounts.by_hand.is_empty() {
        return Ok(());
    }
    check_limit(sale, lines, merchant.discount_limit)
}
