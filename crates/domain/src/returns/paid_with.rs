//! With what a sale was paid, and what of it is left to go back. Where a return credit paid for it, that is what the sale
//! was paid with whose goods came back for the credit, and so on back to coins and cards. So a customer who exchanges what
//! was charged to a card does not walk out with cash, however often.

use super::history::History;
use super::{Refund, RefundKind, RefundState};
use crate::command;
use crate::id::{PaymentId, SaleId};
use crate::sale::{Sale, Tender, TenderKind, TenderState, tenders_of};
use crate::work::{Key, Stop, UnitOfWork};

/// Most sales that are looked at, the one whose goods come back included: a customer exchanges an exchange a few times. What
/// was paid further back is given in cash by a manager.
pub const SALES_BEHIND_MAX: usize = 8;

/// The payments that money may go back by.
pub(super) struct PaidWith {
    own: Vec<PaymentId>,
    behind: Vec<PaymentId>,
}

impl PaidWith {
    /// What paid a completed sale. Needs the sales whose returns gave it credit.
    pub fn of(work: &UnitOfWork, sale: &Sale) -> Result<Self, Stop<command::Refusal>> {
        let mut behind = Vec::new();
        for id in sales_behind(work, sale)? {
            behind.extend(payments_of(work, sale, id));
        }
        Ok(Self { own: payments_of(work, sale, sale.id).collect(), behind })
    }

    /// All of them: the sale's own in the order of its tenders, then those behind the credits, the nearest first.
    pub fn payments(&self) -> impl Iterator<Item = PaymentId> {
        self.own.iter().chain(&self.behind).copied()
    }

    /// Whether the payment paid for the sale itself.
    pub fn is_own(&self, payment: PaymentId) -> bool {
        self.own.contains(&payment)
    }

    /// How much of what credits paid goes back to payments and has not gone back by them, in minor units.
    pub fn behind_left_minor(&self, work: &UnitOfWork, sale: &Sale) -> i64 {
        let behind = paid(work, sale, sale.id).map(|tender| match tender.kind {
            TenderKind::ReturnCredit { cash_minor, .. } => tender.amount_minor.saturating_sub(cash_minor),
            TenderKind::Cash { .. } | TenderKind::Electronic { .. } | TenderKind::Recorded => 0,
        });
        let history = History::of(work, sale);
        let by_others = |refund: &&Refund| refund.operation().is_some_and(|operation| !self.is_own(operation.payment));
        let gone = history.refunds.iter().filter(by_others).map(|refund| match history.state_of(refund) {
            RefundState::Pending => refund.amount_minor,
            RefundState::Paid(paid_minor) => paid_minor,
            RefundState::Failed => 0,
        });
        sum(behind).saturating_sub(sum(gone)).max(0)
    }
}

/// How much of the cash that paid for the sale, at once or before an exchange, no return has given back or passed on, in
/// minor units.
pub(super) fn cash_left_minor(work: &UnitOfWork, sale: &Sale) -> i64 {
    let came = paid(work, sale, sale.id).map(|tender| match tender.kind {
        TenderKind::Cash { .. } => tender.amount_minor,
        TenderKind::ReturnCredit { cash_minor, .. } => cash_minor,
        TenderKind::Electronic { .. } | TenderKind::Recorded => 0,
    });
    let history = History::of(work, sale);
    let went = history.refunds.iter().map(|refund| match refund.kind {
        RefundKind::Cash { .. } => refund.amount_minor,
        RefundKind::ReturnCredit { cash_minor, released_at: None, .. } => cash_minor,
        RefundKind::ReturnCredit { released_at: Some(_), .. }
        | RefundKind::Electronic { .. }
        | RefundKind::Recorded => 0,
    });
    sum(came).saturating_sub(sum(went)).max(0)
}

/// The sales whose returns paid for the sale, and for those, and so on.
fn sales_behind(work: &UnitOfWork, sale: &Sale) -> Result<Vec<SaleId>, Stop<command::Refusal>> {
    let mut found = Vec::new();
    let mut layer = vec![sale.id];
    while !layer.is_empty() {
        let origins = layer.iter().flat_map(|id| paid(work, sale, *id)).filter_map(|tender| match tender.kind {
            TenderKind::ReturnCredit { origin, .. } => Some(origin.sale),
            TenderKind::Cash { .. } | TenderKind::Electronic { .. } | TenderKind::Recorded => None,
        });
        let mut next: Vec<SaleId> = Vec::new();
        for id in origins {
            let known = found.len().saturating_add(next.len()).saturating_add(1);
            if known < SALES_BEHIND_MAX && !found.contains(&id) && !next.contains(&id) {
                next.push(id);
            }
        }
        work.require(next.iter().copied().map(Key::Sale))?;
        found.extend(&next);
        layer = next;
    }
    Ok(found)
}

/// The payments that paid one of the sales, in the order of its tenders.
fn payments_of<'a>(work: &'a UnitOfWork, sale: &Sale, id: SaleId) -> impl Iterator<Item = PaymentId> + use<'a> {
    paid(work, sale, id).filter_map(|tender| match tender.kind {
        TenderKind::Electronic { payment } => Some(payment),
        TenderKind::Cash { .. } | TenderKind::ReturnCredit { .. } | TenderKind::Recorded => None,
    })
}

fn paid<'a>(work: &'a UnitOfWork, sale: &Sale, id: SaleId) -> impl Iterator<Item = &'a Tender> + use<'a> {
    tenders_of(work, sale.merchant, id).filter(|tender| tender.state == TenderState::Paid)
}

fn sum(amounts: impl Iterator<Item = i64>) -> i64 {
    amounts.fold(0, i64::saturating_add)
}
