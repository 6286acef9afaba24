//! What people ask of a payment after its charge: each becomes a durable operation first, and is sent after the commit.

use super::change::{Change, find_payment};
use super::rules::{Ask, Refusal as RuleRefusal, may_cancel, may_capture, may_refund, may_void};
use super::task::settle_job;
use super::text::check_reason;
use super::{Moved, Operation, Profile};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::PaymentId;
use crate::work::{Key, Stop, UnitOfWork};

/// Gives money back: a part of what was taken, or all that is left.
#[derive(Debug, Clone)]
pub struct AskRefund {
    /// Of which payment.
    pub payment: PaymentId,
    /// How much, in minor units; all that is left where it is left out.
    pub amount_minor: Option<i64>,
    /// Why, if the operator says; guarded against card numbers.
    pub reason: String,
}

impl Command for AskRefund {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.refund"
    }

    fn keys(&self) -> Vec<Key> {
        keys(self.payment)
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let now = call.now;
        ask(work, call, self.payment, &self.reason, |operations, profile| {
            may_refund(operations, profile, self.amount_minor, now)
        })
    }
}

/// Undoes the whole charge before cut-off.
#[derive(Debug, Clone)]
pub struct AskVoid {
    /// Of which payment.
    pub payment: PaymentId,
    /// Why, if the operator says; guarded against card numbers.
    pub reason: String,
}

impl Command for AskVoid {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.void"
    }

    fn keys(&self) -> Vec<Key> {
        keys(self.payment)
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let now = call.now;
        ask(work, call, self.payment, &self.reason, |operations, profile| may_void(operations, profile, now))
    }
}

/// Calls off a charge that has not ended: a reversal, which is right whatever became of the charge, even if the request
/// is still on its way out.
#[derive(Debug, Clone)]
pub struct AskCancel {
    /// Of which payment.
    pub payment: PaymentId,
    /// Why, if the operator says; guarded against card numbers.
    pub reason: String,
}

impl Command for AskCancel {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.cancel"
    }

    fn keys(&self) -> Vec<Key> {
        keys(self.payment)
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        ask(work, call, self.payment, &self.reason, may_cancel)
    }
}

/// Takes what was promised: a part of it, or all.
#[derive(Debug, Clone)]
pub struct AskCapture {
    /// Of which payment.
    pub payment: PaymentId,
    /// How much, in minor units; all that was promised where it is left out.
    pub amount_minor: Option<i64>,
}

impl Command for AskCapture {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.capture"
    }

    fn keys(&self) -> Vec<Key> {
        keys(self.payment)
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let now = call.now;
        ask(work, call, self.payment, "", |operations, profile| {
            may_capture(operations, profile, self.amount_minor, now)
        })
    }
}

fn keys(payment: PaymentId) -> Vec<Key> {
    vec![Key::Payment(payment), Key::Job(settle_job(payment))]
}

fn ask(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    payment: PaymentId,
    reason: &str,
    may: impl FnOnce(&[&Operation], &Profile) -> Result<Ask, RuleRefusal>,
) -> Result<Moved, Stop<command::Refusal>> {
    check_reason(reason)?;
    let payment = find_payment(work, call, payment)?;
    let mut change = Change::begin(work, call, payment)?;
    let ask = may(&change.operations(work), change.profile())?;
    let operation = change.record(work, call, ask, reason);
    change.finish(work, call, operation, None)
}
