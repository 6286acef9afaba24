//! Reading a sale in the unit of work: its parts, what is due, and where it stands.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Refusal, Sale, SaleLine, State, Tender, TenderState};
use crate::call::Call;
use crate::command::{self, not_found};
use crate::id::{ArticleId, MerchantId, SaleId, TenderId};
use crate::merchant::Merchant;
use crate::money::Quantity;
use crate::stock::Reservation;
use crate::tax::{TaxTotal, tax_totals};
use crate::work::{Key, Stop, UnitOfWork};

/// A sale as a command leaves it, with all that a register shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The sale.
    pub sale: Sale,
    /// What is still to be paid, in minor units; what a payment under way holds does not count.
    pub due_minor: i64,
    /// Its lines, without those that were removed.
    pub lines: Vec<SaleLine>,
    /// What each tax rate amounts to.
    pub taxes: Vec<TaxTotal>,
    /// Its tenders, those that failed included.
    pub tenders: Vec<Tender>,
}

impl Standing {
    /// A sale with its parts.
    pub fn of(sale: Sale, mut lines: Vec<SaleLine>, tenders: Vec<Tender>) -> Result<Self, Refusal> {
        lines.retain(|line| !line.is_removed);
        let amounts: Vec<_> = lines.iter().map(|line| (line.tax_rate, line.discounted_minor())).collect();
        let (due_minor, taxes) = (due_minor(&sale, &tenders), tax_totals(&amounts, sale.tax_terms)?);
        Ok(Self { sale, due_minor, lines, taxes, tenders })
    }
}

/// Where the sale stands now.
pub fn standing(work: &UnitOfWork, merchant: MerchantId, id: SaleId) -> Result<Standing, Stop<command::Refusal>> {
    let sale = find_sale(work, merchant, id)?.clone();
    let lines = lines_of(work, merchant, id).filter(|line| !line.is_removed).cloned().collect();
    let tenders = tenders_of(work, merchant, id).cloned().collect();
    Ok(Standing::of(sale, lines, tenders)?)
}

/// What is still to be paid, in minor units: the total without what is paid or held by a payment under way.
pub fn due_minor<'a>(sale: &Sale, tenders: impl IntoIterator<Item = &'a Tender>) -> i64 {
    let counted = tenders.into_iter().filter(|tender| tender.state != TenderState::Failed);
    counted.fold(sale.total_minor, |due, tender| due.saturating_sub(tender.amount_minor))
}

/// The lines of a sale, those that were removed included, in order.
pub fn lines_of(work: &UnitOfWork, merchant: MerchantId, sale: SaleId) -> impl Iterator<Item = &SaleLine> {
    work.sale_lines.range(merchant, (sale, 0)..=(sale, u32::MAX))
}

/// The tenders of a sale, those that failed included, in order.
pub fn tenders_of(work: &UnitOfWork, merchant: MerchantId, sale: SaleId) -> impl Iterator<Item = &Tender> {
    let (first, last) = (TenderId::from_uuid(Uuid::nil()), TenderId::from_uuid(Uuid::max()));
    work.tenders.range(merchant, (sale, first)..=(sale, last))
}

/// The reservations of a sale, those that hold nothing any more included.
pub fn reservations_of(work: &UnitOfWork, merchant: MerchantId, sale: SaleId) -> impl Iterator<Item = &Reservation> {
    let (first, last) = (ArticleId::from_uuid(Uuid::nil()), ArticleId::from_uuid(Uuid::max()));
    work.reservations.range(merchant, (sale, first)..=(sale, last))
}

/// The sale, once it was looked for.
pub(crate) fn find_sale(work: &UnitOfWork, merchant: MerchantId, id: SaleId) -> Result<&Sale, Stop<command::Refusal>> {
    work.require([Key::Sale(id)])?;
    work.sales.find(merchant, &id).ok_or_else(|| not_found("sale", id))
}

/// The sale, if it may still change.
pub(super) fn find_open(work: &UnitOfWork, merchant: MerchantId, id: SaleId) -> Result<&Sale, Stop<command::Refusal>> {
    let sale = find_sale(work, merchant, id)?;
    match sale.state {
        State::Open => Ok(sale),
        state @ (State::Parked | State::Completed | State::Voided) => Err(Refusal::NotOpen { state }.into()),
    }
}

/// The merchant of the sale.
pub(super) fn find_merchant<'a>(
    work: &'a UnitOfWork,
    call: &Call<'_>,
    id: MerchantId,
) -> Result<&'a Merchant, Stop<command::Refusal>> {
    work.merchants.find(call.merchant, &id).ok_or_else(|| not_found("merchant", id))
}

/// Whether a payment of the sale is under way or in doubt.
pub(super) fn has_pending(work: &UnitOfWork, merchant: MerchantId, sale: SaleId) -> bool {
    tenders_of(work, merchant, sale).any(|tender| tender.state == TenderState::Pending)
}

/// How much of each article whose stock is counted the lines sell.
pub(super) fn stocked_quantities<'a>(
    lines: impl IntoIterator<Item = &'a SaleLine>,
) -> Result<BTreeMap<ArticleId, Quantity>, Refusal> {
    let mut quantities = BTreeMap::new();
    for line in lines.into_iter().filter(|line| line.is_stocked && !line.is_removed) {
        let sum: &mut Quantity = quantities.entry(line.article).or_default();
        *sum = sum.checked_add(line.quantity).ok_or(Refusal::QuantityOutOfRange)?;
    }
    Ok(quantities)
}
