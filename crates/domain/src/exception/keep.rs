//! How the rules open and close exceptions.

use std::fmt;

use serde::Serialize;

use super::{Exception, Kind, Place};
use crate::call::{Call, Role};
use crate::id::ExceptionId;
use crate::work::UnitOfWork;

/// `exception.opened`, and again when a known one gets worse.
#[derive(Serialize)]
struct Opened<'a> {
    kind: &'static str,
    about: &'a str,
    reason: &'a str,
    owner: &'a str,
    at_risk_minor: i64,
}

/// `exception.resolved`.
#[derive(Serialize)]
struct Resolved<'a> {
    kind: &'static str,
    about: &'a str,
    resolution: &'a str,
    by: &'a str,
}

/// The record's exception of that kind, if somebody still has to act on it.
pub(crate) fn find_open<'a>(
    work: &'a UnitOfWork,
    call: &Call<'_>,
    subject: impl fmt::Display,
    kind: Kind,
) -> Option<&'a Exception> {
    let exception = Place { subject: subject.to_string(), kind }.find(work, call.merchant);
    exception.filter(|exception| exception.resolved_at.is_none())
}

/// Opens an exception for a manager, or brings the open one up to date. `reason` says what happened and what to do.
pub(crate) fn open(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    subject: impl fmt::Display,
    kind: Kind,
    reason: String,
    at_risk_minor: i64,
) {
    let subject = subject.to_string();
    let is_told = find_open(work, call, &subject, kind)
        .is_some_and(|known| known.reason == reason && known.at_risk_minor >= at_risk_minor);
    if is_told {
        return;
    }
    let opened = match work.exceptions.find_mut(call.merchant, &(subject.clone(), kind)) {
        Some(known) => {
            if known.resolved_at.is_some() {
                (known.opened_at, known.at_risk_minor) = (call.now, 0);
                (known.resolution, known.resolved_at) = (None, None);
                known.owner = first_owner();
            }
            known.at_risk_minor = known.at_risk_minor.max(at_risk_minor);
            known.reason = reason;
            known.clone()
        }
        None => {
            let new = Exception {
                id: ExceptionId::from_uuid(call.next_uuid()),
                merchant: call.merchant,
                kind,
                subject: subject.clone(),
                reason,
                owner: first_owner(),
                at_risk_minor,
                resolution: None,
                opened_at: call.now,
                resolved_at: None,
                version: 1,
            };
            work.exceptions.insert(new.clone());
            new
        }
    };
    let Exception { id, ref reason, ref owner, at_risk_minor, .. } = opened;
    work.emit(
        call,
        "exception.opened",
        id,
        &Opened { kind: kind.as_str(), about: &subject, reason, owner, at_risk_minor },
    );
}

/// A role, until somebody takes it.
fn first_owner() -> String {
    Role::Manager.as_str().to_owned()
}

/// Closes the record's exception of that kind, if it is open.
pub(crate) fn resolve(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    subject: impl fmt::Display,
    kind: Kind,
    resolution: &str,
) {
    let subject = subject.to_string();
    if find_open(work, call, &subject, kind).is_none() {
        return;
    }
    let Some(known) = work.exceptions.find_mut(call.merchant, &(subject.clone(), kind)) else { return };
    known.resolution = Some(resolution.to_owned());
    known.resolved_at = Some(call.now);
    let id = known.id;
    let by = call.actor.name.clone();
    work.emit(call, "exception.resolved", id, &Resolved { kind: kind.as_str(), about: &subject, resolution, by: &by });
}
