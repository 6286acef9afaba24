//! The returns of one sale as they stand: for the rules out of the unit of work, for a reader out of the database.

use super::{Refund, RefundKind, RefundState, Refusal, Return, ReturnLine, Returned, worth};
use crate::call::Call;
use crate::command::{self, not_found};
use crate::id::{OperationId, ReturnId};
use crate::money::{Overflow, Quantity};
use crate::payment::{Operation, OperationState};
use crate::sale::{Sale, SaleLine, find_sale, lines_of};
use crate::tax::{TaxTerms, TaxTotal};
use crate::work::{Stop, UnitOfWork};

/// All returns of a sale with all that tells how they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// How the amounts of the sale become tax.
    pub tax_terms: TaxTerms,
    /// The lines of the sale, those that were removed included, by number.
    pub sale_lines: Vec<SaleLine>,
    /// Its returns, by number.
    pub returns: Vec<Return>,
    /// Their lines, by return and number.
    pub lines: Vec<ReturnLine>,
    /// Their refunds, by return and number.
    pub refunds: Vec<Refund>,
    /// The refunds of payments that the electronic ones are.
    pub operations: Vec<Operation>,
}

/// A return with all that a register shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The return.
    pub origin: Return,
    /// What came back, by the number of the line of the sale.
    pub lines: Vec<ReturnLine>,
    /// What each tax rate amounts to.
    pub taxes: Vec<TaxTotal>,
    /// How it is given back, those that failed included.
    pub refunds: Vec<(Refund, RefundState)>,
    /// What is still to be given back, in minor units; what a refund under way holds does not count. Below zero where a
    /// refund that was taken for failed has come about after all.
    pub due_minor: i64,
}

/// How a return stands in the unit of work.
pub(super) fn standing(work: &UnitOfWork, call: &Call<'_>, id: ReturnId) -> Result<Standing, Stop<command::Refusal>> {
    let sale = find_sale(work, call.merchant, id.sale)?;
    let standing = History::of(work, sale).standing(id.number).map_err(Refusal::from)?;
    standing.ok_or_else(|| not_found("return", id))
}

impl Standing {
    /// Whether a provider has not said for certain yet.
    pub fn has_pending(&self) -> bool {
        self.refunds.iter().any(|(_, state)| *state == RefundState::Pending)
    }
}

impl History {
    /// Out of the unit of work, where sale, returns and payments are loaded.
    pub(super) fn of(work: &UnitOfWork, sale: &Sale) -> Self {
        let Sale { id: sale, merchant, tax_terms, .. } = *sale;
        let id = |number| ReturnId { sale, number };
        let (first, last) = (id(0), id(u32::MAX));
        let refunds: Vec<_> = work.refunds.range(merchant, (first, 0)..=(last, u32::MAX)).cloned().collect();
        let operations = refunds.iter().filter_map(Refund::operation);
        Self {
            tax_terms,
            sale_lines: lines_of(work, merchant, sale).cloned().collect(),
            returns: work.returns.range(merchant, first..=last).cloned().collect(),
            lines: work.return_lines.range(merchant, (first, 0)..=(last, u32::MAX)).cloned().collect(),
            operations: operations.filter_map(|id| work.operations.find(merchant, &id)).cloned().collect(),
            refunds,
        }
    }

    /// How much has come back by the returns up to and with that number.
    pub fn returned_by(&self, number: u32) -> Returned {
        returned(self.lines.iter().filter(|line| line.origin.number <= number))
    }

    /// How much has come back in all.
    pub fn returned(&self) -> Returned {
        self.returned_by(u32::MAX)
    }

    /// The number of the last return; zero where there is none.
    pub(super) fn last_number(&self) -> u32 {
        self.returns.last().map_or(0, |last| last.id.number)
    }

    /// What all returns are worth, tax included, in minor units.
    pub(super) fn total_minor(&self) -> i64 {
        self.returns.iter().fold(0, |sum, one| sum.saturating_add(one.total_minor))
    }

    /// How one of the returns stands; `None` where there is none of that number.
    pub fn standing(&self, number: u32) -> Result<Option<Standing>, Overflow> {
        let Some(origin) = self.returns.iter().find(|one| one.id.number == number).cloned() else { return Ok(None) };
        let before = self.returned_by(number.saturating_sub(1));
        let taxes = worth(&self.sale_lines, &before, &self.returned_by(number), self.tax_terms)?;
        let refunds = self.refunds.iter().filter(|refund| refund.origin == origin.id);
        let refunds: Vec<_> = refunds.map(|refund| (refund.clone(), self.state_of(refund))).collect();
        let due_minor = refunds.iter().fold(origin.total_minor, |due, (refund, state)| match state {
            RefundState::Pending => due.saturating_sub(refund.amount_minor),
            RefundState::Paid(paid_minor) => due.saturating_sub(*paid_minor),
            RefundState::Failed => due,
        });
        let lines = self.lines.iter().filter(|line| line.origin == origin.id).cloned().collect();
        Ok(Some(Standing { origin, lines, taxes, refunds, due_minor }))
    }

    /// Where one of the refunds stands.
    pub(super) fn state_of(&self, refund: &Refund) -> RefundState {
        match refund.kind {
            RefundKind::ReturnCredit { released_at: Some(_), .. } => RefundState::Failed,
            RefundKind::Cash { .. } | RefundKind::ReturnCredit { released_at: None, .. } | RefundKind::Recorded => {
                RefundState::Paid(refund.amount_minor)
            }
            RefundKind::Electronic { operation: id } => {
                let operation = self.operations.iter().find(|operation| operation.id == id);
                let state = operation.map_or(&OperationState::Unknown, |operation| &operation.state);
                RefundState::of(refund.amount_minor, state)
            }
        }
    }
}

/// How much the lines of returns take back of each line of their sale.
pub fn returned<'a>(lines: impl IntoIterator<Item = &'a ReturnLine>) -> Returned {
    let mut returned = Returned::new();
    for line in lines {
        let sum: &mut Quantity = returned.entry(line.number).or_default();
        // What came back was compared with what was sold, which is in range.
        *sum = sum.checked_add(line.quantity).unwrap_or(*sum);
    }
    returned
}

/// Whether nothing of what was sold is kept: of each line that counts all has come back.
pub fn is_wholly_returned(sold: &[SaleLine], returned: &Returned) -> bool {
    let mut sold = sold.iter().filter(|line| !line.is_removed);
    sold.all(|line| returned.get(&line.number) == Some(&line.quantity))
}

impl Refund {
    /// The refund of a payment that it is, if it is one.
    pub const fn operation(&self) -> Option<OperationId> {
        match self.kind {
            RefundKind::Cash { .. } | RefundKind::ReturnCredit { .. } | RefundKind::Recorded => None,
            RefundKind::Electronic { operation } => Some(operation),
        }
    }
}
