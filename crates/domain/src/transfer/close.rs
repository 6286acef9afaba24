//! The end of a transfer: given up before it left, or closed although something never came.

use serde::Serialize;

use super::{
    Fate, LineFact, REASON_CHARS_MAX, Refusal, State, Transfer, WholeTransfer, find_draft, find_sent, lines_of,
    shelf_keys, store,
};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::guard;
use crate::id::{ArticleId, LocationId, TransferId};
use crate::money::Quantity;
use crate::stock::{self, WriteOffReason};
use crate::work::{Key, Stop, UnitOfWork};

/// Gives a draft up.
#[derive(Debug, Clone)]
pub struct CancelTransfer {
    /// Which one.
    pub transfer: TransferId,
}

impl Command for CancelTransfer {
    type Reply = WholeTransfer;

    fn name(&self) -> &'static str {
        "transfer.cancel"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Transfer(self.transfer)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WholeTransfer, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let transfer = find_draft(work, call.merchant, self.transfer)?;
        let Transfer { id, from, to, .. } = transfer;
        work.emit(call, "transfer.cancelled", id, &Cancelled { from, to });
        store(work, Transfer { state: State::Cancelled { at: call.now }, ..transfer })
    }
}

/// Closes a transfer of which something has not come, and says what became of that.
#[derive(Debug, Clone)]
pub struct CloseTransfer {
    /// Which one.
    pub transfer: TransferId,
    /// What became of what is still in transit.
    pub fate: Fate,
    /// A person's reason; a write-off for another reason than those that have a word needs one.
    pub reason: String,
}

impl CloseTransfer {
    fn check(&self) -> Result<(), Refusal> {
        let needs_reason = self.fate == Fate::WrittenOff(WriteOffReason::Other);
        if (needs_reason && self.reason.trim().is_empty()) || self.reason.chars().count() > REASON_CHARS_MAX {
            return Err(Refusal::ReasonInvalid);
        }
        if guard::looks_like_card_number(&self.reason) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
    }

    /// Ends the way of one article.
    fn end(
        &self,
        work: &mut UnitOfWork,
        call: &mut Call<'_>,
        transfer: &Transfer,
        (article, missing): (ArticleId, Quantity),
    ) -> Result<(), Stop<command::Refusal>> {
        match self.fate {
            Fate::BroughtBack => stock::book_in(work, call, self.transfer, (transfer.from, article), missing)?,
            Fate::WrittenOff(why) => {
                let place = (transfer.to, article);
                stock::book_in(work, call, self.transfer, place, missing)?;
                stock::write_off_lost(work, call, (self.transfer, why), place, missing, &self.reason)?;
            }
        }
        if let Some(line) = work.transfer_lines.find_mut(call.merchant, &(self.transfer, article)) {
            line.missing = missing;
        }
        Ok(())
    }
}

impl Command for CloseTransfer {
    type Reply = WholeTransfer;

    fn name(&self) -> &'static str {
        "transfer.close"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Transfer(self.transfer)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WholeTransfer, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        self.check()?;
        let (mut transfer, sent_at) = find_sent(work, call.merchant, self.transfer)?;
        let lines = lines_of(work, call.merchant, self.transfer);
        let left = lines.map(|line| (line.article, line.in_transit(transfer.state)));
        let missing: Vec<(ArticleId, Quantity)> = left.filter(|(_, quantity)| *quantity > Quantity::ZERO).collect();
        let location = if self.fate == Fate::BroughtBack { transfer.from } else { transfer.to };
        work.require(shelf_keys(location, missing.iter().map(|(article, _)| *article)))?;
        for line in &missing {
            self.end(work, call, &transfer, *line)?;
        }
        transfer.tally.missing = transfer.tally.in_transit;
        transfer.tally.in_transit = 0;
        transfer.state = State::Closed { sent_at, at: call.now, fate: Some(self.fate) };
        transfer.reason.clone_from(&self.reason);
        tell_closed(work, call, &transfer, missing.into_iter().map(LineFact::from).collect());
        store(work, transfer)
    }
}

/// `transfer.closed`, with what never came.
pub(super) fn tell_closed(work: &mut UnitOfWork, call: &mut Call<'_>, transfer: &Transfer, missing: Vec<LineFact>) {
    let Transfer { id, from, to, state, .. } = *transfer;
    let fate = state.fate();
    let write_off_reason = fate.and_then(Fate::write_off_reason).map(WriteOffReason::as_str);
    let closed = Closed { from, to, missing, fate: fate.map(Fate::as_str), write_off_reason };
    work.emit(call, "transfer.closed", id, &closed);
}

#[derive(Serialize)]
struct Cancelled {
    from: LocationId,
    to: LocationId,
}

#[derive(Serialize)]
struct Closed {
    from: LocationId,
    to: LocationId,
    missing: Vec<LineFact>,
    fate: Option<&'static str>,
    write_off_reason: Option<&'static str>,
}
