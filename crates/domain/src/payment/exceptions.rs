//! The exceptions of a payment: at most one of each kind, opened again when its cause comes back.

use super::change::Change;
use super::news::reason_of;
use super::{Charged, Kind as OperationKind, Operation, Step, Summary, reversal_of};
use crate::call::{Call, Role};
use crate::exception::{Exception, Kind};
use crate::id::{ExceptionId, PaymentId};
use crate::money::format_minor;
use crate::time::Timestamp;
use crate::work::UnitOfWork;

/// The payment's exception of that kind, if somebody still has to act on it.
pub(super) fn find_open<'a>(
    work: &'a UnitOfWork,
    call: &Call<'_>,
    payment: PaymentId,
    kind: Kind,
) -> Option<&'a Exception> {
    let exception = work.exceptions.find(call.merchant, &(payment.to_string(), kind));
    exception.filter(|exception| exception.resolved_at.is_none())
}

/// Opens an exception for a manager, or brings the open one up to date. `reason` says what happened and what to do.
pub(super) fn open(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    payment: PaymentId,
    kind: Kind,
    reason: String,
    at_risk_minor: i64,
) {
    let key = (payment.to_string(), kind);
    let is_told = find_open(work, call, payment, kind)
        .is_some_and(|known| known.reason == reason && known.at_risk_minor >= at_risk_minor);
    if is_told {
        return;
    }
    if let Some(known) = work.exceptions.find_mut(call.merchant, &key) {
        if known.resolved_at.is_some() {
            (known.opened_at, known.at_risk_minor) = (call.now, 0);
            (known.resolution, known.resolved_at) = (None, None);
        }
        known.at_risk_minor = known.at_risk_minor.max(at_risk_minor);
        known.reason = reason;
        return;
    }
    work.exceptions.insert(Exception {
        id: ExceptionId::from_uuid(call.next_uuid()),
        merchant: call.merchant,
        kind,
        subject: key.0,
        reason,
        owner: Role::Manager.as_str().to_owned(),
        at_risk_minor,
        resolution: None,
        opened_at: call.now,
        resolved_at: None,
        version: 1,
    });
}

/// Closes the payment's exception of that kind, if it is open.
pub(super) fn resolve(work: &mut UnitOfWork, call: &Call<'_>, payment: PaymentId, kind: Kind, resolution: &str) {
    if find_open(work, call, payment, kind).is_none() {
        return;
    }
    if let Some(known) = work.exceptions.find_mut(call.merchant, &(payment.to_string(), kind)) {
        known.resolution = Some(resolution.to_owned());
        known.resolved_at = Some(call.now);
    }
}

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
        open(work, call, self.payment.id, Kind::WitnessesContradict, reason, at_risk_minor);
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
        open(work, call, self.payment.id, Kind::RefundFailed, reason, told.asked_minor);
    }

    /// Closes what no longer needs a person.
    pub(super) fn resolve(&self, work: &mut UnitOfWork, call: &Call<'_>, after: &Summary) {
        if !after.state.is_final() {
            return;
        }
        if after.customer_charged == Charged::No {
            let resolution = "None of the customer's money is with us any more.";
            for kind in [Kind::LateApproval, Kind::RefundFailed] {
                resolve(work, call, self.payment.id, kind, resolution);
            }
        }
        if self.operations(work).into_iter().all(|operation| self.is_at_rest(work, operation, call.now)) {
            let resolution = format!("It was found out: the payment is {}.", after.state.as_str());
            resolve(work, call, self.payment.id, Kind::PaymentInDoubt, &resolution);
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
