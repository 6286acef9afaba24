//! What both protocols ask for, in one place: the ledger is asked, and the fault, if the amount asks for one, spoils it.

use std::sync::Arc;

use tokio::time::sleep;

use super::ledger::{Order, Refund, Wanted, WantedRefund};
use super::problem::Problem;
use super::{Shared, bounded, now_ms};
use crate::paypay::Fault;

/// Why a request got nowhere.
#[derive(Debug)]
pub(super) enum Spoilt {
    Problem(Problem),
    /// The connection is reset.
    Cut,
}

impl From<Problem> for Spoilt {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// What was done, and what happens to the answer on its way.
pub(super) struct Done<T> {
    pub told: Result<T, Problem>,
    pub fault: Fault,
}

impl Shared {
    /// Plays what spoils a request before anything is done, once for what it is about.
    fn spoil(&self, fault: Fault, what: &str) -> Result<(), Spoilt> {
        let spoilt = match fault {
            Fault::LoseRequest => Spoilt::Cut,
            Fault::Maintenance => Problem::Unavailable.into(),
            Fault::RateLimit => Problem::RateLimit.into(),
            Fault::ClockSkew => Problem::SignError.into(),
            _ => return Ok(()),
        };
        if self.is_first(format!("{fault:?} {what}")) { Err(spoilt) } else { Ok(()) }
    }

    /// What spoils the answer, once for what it is about.
    fn fault_of_reply(&self, fault: Fault, what: &str) -> Fault {
        let is_of_reply = matches!(fault, Fault::LoseReply | Fault::SlowReply | Fault::ErrorAfterCommit);
        if is_of_reply && self.is_first(format!("{fault:?} {what}")) { fault } else { Fault::None }
    }

    /// Makes an order whose code is shown.
    pub fn show(self: &Arc<Self>, wanted: &Wanted, until_ms: i64) -> Result<Done<()>, Spoilt> {
        let fault = Fault::of_amount(wanted.amount);
        self.spoil(fault, &wanted.number)?;
        self.ledger().show(wanted, until_ms, now_ms())?;
        // A customer pays what is shown. What was lost on its way is shown to nobody.
        if !matches!(fault, Fault::Pend | Fault::LoseReply | Fault::SlowReply | Fault::ErrorAfterCommit) {
            self.send_customer(&wanted.number);
        }
        Ok(Done { told: Ok(()), fault: self.fault_of_reply(fault, &wanted.number) })
    }

    /// A customer comes after a while and pays.
    fn send_customer(self: &Arc<Self>, number: &str) {
        let Some(ms) = self.habit.pays_after_ms() else { return };
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let (shared, number) = (Arc::clone(self), number.to_owned());
        tokio::spawn(async move {
            sleep(bounded(ms)).await;
            if shared.habit.pays_after_ms().is_none() {
                // From now on somebody plays the customers.
                return;
            }
            // Closed meanwhile: then there is nothing to pay.
            drop(shared.pay(&number));
            drop(place);
        });
    }

    /// Charges the wallet behind a scanned code.
    pub fn charge(&self, wanted: &Wanted) -> Result<Done<Order>, Spoilt> {
        let fault = Fault::of_amount(wanted.amount);
        self.spoil(fault, &wanted.number)?;
        let told = self.ledger().charge(wanted, fault == Fault::Pend, now_ms());
        Ok(Done { told, fault: self.fault_of_reply(fault, &wanted.number) })
    }

    /// Closes an order that nobody has paid.
    pub fn close(&self, number: &str) -> Result<Done<()>, Spoilt> {
        self.undo(number, || self.ledger().close(number))
    }

    /// Undoes an order, paid or not.
    pub fn reverse(&self, number: &str) -> Result<Done<()>, Spoilt> {
        self.undo(number, || self.ledger().reverse(number, self.options.undo_hold_ms, now_ms()))
    }

    fn undo(&self, number: &str, undo: impl FnOnce() -> Result<(), Problem>) -> Result<Done<()>, Spoilt> {
        let fault = self.ledger().find(number)?.fault().of_undo();
        let what = format!("undo {number}");
        self.spoil(fault, &what)?;
        undo()?;
        Ok(Done { told: Ok(()), fault: self.fault_of_reply(fault, &what) })
    }

    /// Gives money back.
    pub fn refund(self: &Arc<Self>, wanted: &WantedRefund) -> Result<Done<Refund>, Spoilt> {
        let what = format!("refund {}", wanted.number);
        // Of what was shown, giving the whole back is what undoes it.
        let fault = match Fault::of_amount(wanted.amount) {
            fault if fault.of_undo() == Fault::None => fault,
            fault => fault.of_undo(),
        };
        self.spoil(fault, &what)?;
        let (order, refund, is_new) = self.ledger().refund(wanted)?;
        if is_new {
            self.announce_refund(&wanted.order, &order, &refund);
        }
        Ok(Done { told: Ok(refund), fault: self.fault_of_reply(fault, &what) })
    }

    /// The merchant gives money back without us.
    pub fn refund_by_hand(self: &Arc<Self>, number: &str, amount: i64) -> Result<(), Problem> {
        let order = self.ledger().find(number)?.clone();
        let wanted = WantedRefund {
            order: number.to_owned(),
            number: format!("by-hand-{number}"),
            amount,
            total: order.amount,
            currency: order.currency.clone(),
            notify_url: order.notify_url.clone(),
        };
        let (order, refund, _) = self.ledger().refund(&wanted)?;
        self.announce_refund(number, &order, &refund);
        Ok(())
    }
}
