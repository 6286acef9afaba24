//! The exceptions of a payment: at most one of each kind, opened again when its cause comes back.

use crate::call::{Call, Role};
use crate::exception::{Exception, Kind};
use crate::id::{ExceptionId, PaymentId};
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
