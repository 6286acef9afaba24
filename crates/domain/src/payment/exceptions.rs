//! The exceptions of a payment.

use super::change::Change;
use super::news::reason_of;
use super::{Charged, Kind as OperationKind, Operation, Step, Summary, reversal_of};
use crate::call::Call;
use crate::exception::{self, Kind};
use crate::money::format_minor;
use crate::time::Timestamp;
use crate::work::UnitOfWork;

impl Change {
    pub(super) fn open_contradiction(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        known: &Operation,
        told: &Operation,
    ) {
        let reason = format!(
            "Operation {} ({}) was {} for {}, and another witness says otherwise; it now counts as {} for {}. Compare it \
             with the provider's portal and the sale, and settle the difference with the customer.",
            told.id.number,
            told.kind.as_str(),
            known.state.as_str(),
            format_minor(known.approved_minor(), self.payment.currency),
            told.state.as_str(),
            format_minor(told.approved_minor(), self.payment.currency),
        );
        let at_risk_minor = known.approved_minor().max(told.approved_minor()).max(told.asked_minor);
        exception::open(work, call, self.payment.id, Kind::WitnessesContradict, reason, at_risk_minor);
    }

    pub(super) fn open_refund_failed(&self, work: &mut UnitOfWork, call: &mut Call<'_>, told: &Operation) {
        if !matches!(told.kind, OperationKind::Refund | OperationKind::Void) {
            return;
        }
        let reason = format!(
            "The {} of {} {} did not happen: {} {}. The customer still waits for the money: try again, or give it back \
             in another way.",
            told.kind.as_str(),
            format_minor(told.asked_minor, self.payment.currency),
            self.payment.currency,
            told.state.as_str(),
            reason_of(&told.state).unwrap_or_default(),
        );
        exception::open(work, call, self.payment.id, Kind::RefundFailed, reason, told.asked_minor);
    }

    /// Closes what no longer needs a person.
    pub(super) fn resolve(&self, work: &mut UnitOfWork, call: &mut Call<'_>, after: &Summary) {
        if !after.state.is_final() {
            return;
        }
        if after.customer_charged == Charged::No {
            let resolution = "None of the customer's money is with us any more.";
            for kind in [Kind::LateApproval, Kind::RefundFailed] {
                exception::resolve(work, call, self.payment.id, kind, resolution);
            }
        }
        if self.operations(work).into_iter().all(|operation| self.is_at_rest(work, operation, call.now)) {
            let resolution = format!("It was found out: the payment is {}.", after.state.as_str());
            exception::resolve(work, call, self.payment.id, Kind::PaymentInDoubt, &resolution);
        }
    }

    /// A charge that a reversal has undone may stay without an end of its own.
    fn is_at_rest(&self, work: &UnitOfWork, operation: &Operation, now: Timestamp) -> bool {
        let operations = self.operations(work);
        let is_reversed =
            reversal_of(&operations, operation.id.number).is_some_and(|reversal| reversal.state.approval().is_some());
        operation.state.is_definite() || (is_reversed && self.step(work, operation, now) == Step::Done)
    }
}
