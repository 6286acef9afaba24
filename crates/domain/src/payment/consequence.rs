//! What follows from a change of a payment's operations: the journal entry, the payment's own fields and event, the word
//! to the sale, and the way back of money that came late.

use super::change::Change;
use super::news::{Late, Standing, reason_of, state_event};
use super::state::charge_of;
use super::{Charged, Kind, Operation, Refusal, State, Summary, late_approval_ask};
use crate::call::Call;
use crate::command;
use crate::exception;
use crate::id::OperationId;
use crate::journal::{JournalEntry, capture_postings};
use crate::money::{Overflow, format_minor};
use crate::sale::{self, Settled, TenderState};
use crate::work::{Stop, UnitOfWork};

impl Change {
    /// What is with us of this payment is what the provider owes for it: the entry is the change of that, so no order of
    /// witnesses can make the two differ.
    pub(super) fn post(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        cause: OperationId,
        after: &Summary,
    ) -> Result<(), Stop<command::Refusal>> {
        let change_minor = taken_minor(after).saturating_sub(taken_minor(&self.before));
        if change_minor == 0 {
            return Ok(());
        }
        // Of a negative change these are the postings of a refund.
        let postings = capture_postings(self.payment.connection, change_minor);
        let entry = JournalEntry::new(call, cause, self.payment.currency, postings);
        work.post(entry).map_err(|stop| stop.map(|Overflow| command::Refusal::Payment(Refusal::AmountOutOfRange)))
    }

    pub(super) fn update(&self, work: &mut UnitOfWork, call: &mut Call<'_>, after: &Summary) {
        let is_off = |summary: &Summary| summary.state.is_final() && summary.customer_charged == Charged::No;
        let is_closed_uncharged = is_off(after) && !is_off(&self.before) && !self.was_told_taken(work);
        if let Some(payment) = work.payments.find_mut(self.payment.merchant, &self.payment.id) {
            payment.state = after.state;
            payment.approved_minor = after.approved_minor;
            payment.captured_minor = after.captured_minor;
            payment.refunded_minor = after.refunded_minor;
            payment.is_closed_uncharged |= is_closed_uncharged;
            payment.updated_at = call.now;
        }
        let operations = self.operations(work);
        let reason = charge_of(&operations).and_then(|charge| reason_of(&charge.state)).map(ToOwned::to_owned);
        let standing = Standing {
            state: after.state.as_str(),
            currency: self.payment.currency,
            asked_minor: self.payment.asked_minor,
            approved_minor: after.approved_minor,
            captured_minor: after.captured_minor,
            refunded_minor: after.refunded_minor,
            customer_charged: after.customer_charged.as_str(),
            sale: self.payment.tender.map(|(sale, _)| sale),
            reason: reason.as_deref(),
        };
        work.emit(call, state_event(after.state), self.payment.id, &standing);
    }

    /// Whether the register was told before that money was taken: then that it is gone again is no news of a charge that
    /// never was. A void is asked for only after such news, or after that of a promise.
    fn was_told_taken(&self, work: &UnitOfWork) -> bool {
        let operations = self.operations(work);
        let takes = |one: &Operation| matches!(one.kind, Kind::Purchase | Kind::Capture);
        let has_taken = operations.iter().any(|one| takes(one) && one.state.approval().is_some());
        let has_void = operations.iter().any(|one| one.kind == Kind::Void);
        matches!(self.before.state, State::Captured | State::PartiallyRefunded | State::Refunded)
            || (has_taken && has_void)
    }

    /// Tells the sale for certain what became of its tender. True when money was taken that the sale has no use for.
    ///
    /// An authorization holds the tender and does not pay it. A late approval never reaches the sale: the register was
    /// told that nothing was charged, and may have been paid otherwise.
    pub(super) fn settle_tender(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        after: &Summary,
    ) -> Result<bool, Stop<command::Refusal>> {
        let Some((sale, tender)) = self.payment.tender else { return Ok(false) };
        let (state, amount_minor) = match (after.customer_charged, after.state) {
            (Charged::No, state) if state.is_final() => (TenderState::Failed, 0),
            (Charged::Yes, State::Captured | State::PartiallyRefunded) if !self.payment.is_closed_uncharged => {
                (TenderState::Paid, taken_minor(after))
            }
            (Charged::Yes | Charged::No | Charged::Unknown, _) => return Ok(false),
        };
        let settled = sale::settle_tender(work, call, sale, tender, state, amount_minor)?;
        Ok(state == TenderState::Paid && settled != Settled::Applied)
    }

    /// Money that moved after everybody was told it did not: an exception and, if the profile says so, the intent to
    /// give it back, in the very commit that learned of it. Asked for once: if the provider refuses, it is a person's.
    pub(super) fn give_back_late(
        &mut self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        after: &Summary,
        is_unclaimed: bool,
    ) {
        let at_risk_minor = with_us_minor(after);
        let has_grown = at_risk_minor > with_us_minor(&self.before);
        let is_late = (self.payment.is_closed_uncharged && has_grown) || is_unclaimed;
        let is_known = exception::find_open(work, call, self.payment.id, exception::Kind::LateApproval)
            .is_some_and(|known| known.at_risk_minor >= at_risk_minor);
        if !is_late || is_known {
            return;
        }
        let ask = late_approval_ask(&self.operations(work), self.profile());
        let what_to_do = match ask {
            Some(_) => "The hub asks the provider to give it back: see that it arrives.",
            None => "Give it back, or agree with the customer what it is for.",
        };
        let amount = format_minor(at_risk_minor, self.payment.currency);
        let currency = self.payment.currency;
        let reason =
            format!("{amount} {currency} came after the register was told that nothing was charged. {what_to_do}");
        exception::open(work, call, self.payment.id, exception::Kind::LateApproval, reason, at_risk_minor);
        let late = Late { at_risk_minor, is_given_back: ask.is_some() };
        work.emit(call, "payment.approved_late", self.payment.id, &late);
        if let Some(ask) = ask {
            self.record(work, call, ask, "late approval");
        }
    }
}

/// What was taken and not given back.
const fn taken_minor(summary: &Summary) -> i64 {
    summary.captured_minor.saturating_sub(summary.refunded_minor)
}

/// What of the customer's money is with us, promised or taken; zero as long as nobody can tell.
const fn with_us_minor(summary: &Summary) -> i64 {
    match (summary.customer_charged, summary.state) {
        (Charged::Yes, State::Captured | State::PartiallyRefunded | State::Refunded) => taken_minor(summary),
        (Charged::Yes, _) => summary.approved_minor,
        (Charged::No | Charged::Unknown, _) => 0,
    }
}
