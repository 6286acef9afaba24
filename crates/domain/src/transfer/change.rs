//! What a draft holds is put right before it leaves: what is not there after all, what goes along.

use serde::Serialize;

use super::{
    LINES_MAX, NewTransferLine, Refusal, Transfer, TransferLine, WholeTransfer, article_keys, check_note, find_draft,
    lines_of, named, store,
};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{ArticleId, LocationId, MerchantId, TransferId};
use crate::money::{QUANTITY_MAX, Quantity};
use crate::stock;
use crate::work::{Key, Stop, UnitOfWork};

/// Changes a draft.
#[derive(Debug, Clone)]
pub struct ChangeTransfer {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which one.
    pub transfer: TransferId,
    /// How much of each of these is to be sent, nothing of it included; what is not named stays. At most [`LINES_MAX`].
    pub lines: Vec<NewTransferLine>,
    /// What it is for, where that changes.
    pub note: Option<String>,
}

impl ChangeTransfer {
    fn check(&self) -> Result<(), Refusal> {
        if self.lines.len() > LINES_MAX {
            return Err(Refusal::LineCountOutOfRange);
        }
        self.note.as_deref().map_or(Ok(()), check_note)?;
        let is_in_range = |line: &NewTransferLine| (0..=QUANTITY_MAX).contains(&line.quantity.0);
        if self.lines.iter().all(is_in_range) { Ok(()) } else { Err(Refusal::QuantityOutOfRange) }
    }
}

impl Command for ChangeTransfer {
    type Reply = WholeTransfer;

    fn name(&self) -> &'static str {
        "transfer.change"
    }

    fn keys(&self) -> Vec<Key> {
        std::iter::once(Key::Transfer(self.transfer)).chain(article_keys(self.merchant, &self.lines)).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WholeTransfer, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        self.check()?;
        let mut transfer = find_draft(work, call.merchant, self.transfer)?;
        if self.lines.is_empty() && self.note.is_none() {
            let lines = lines_of(work, call.merchant, self.transfer).cloned().collect();
            return Ok(WholeTransfer { transfer, lines });
        }
        work.require([Key::Location(transfer.from)])?;
        for (article, quantity) in named(work, call, &self.lines)? {
            stock::require_counted(work, call, transfer.from, article)?;
            set(work, &transfer, article, quantity);
        }
        let lines = lines_of(work, call.merchant, self.transfer).count();
        // Each article that was ever in the draft has a row; no step may write more rows than there may be lines.
        let rows = work.transfer_lines.iter().filter(|line| line.transfer == self.transfer).count();
        if rows > LINES_MAX {
            return Err(Refusal::LineCountOutOfRange.into());
        }
        transfer.tally.lines = i64::try_from(lines).unwrap_or(i64::MAX);
        if let Some(note) = &self.note {
            transfer.note.clone_from(note);
        }
        let changed = Changed { from: transfer.from, to: transfer.to, lines: transfer.tally.lines };
        work.emit(call, "transfer.changed", self.transfer, &changed);
        store(work, transfer)
    }
}

/// Sets how much of an article is to be sent.
fn set(work: &mut UnitOfWork, transfer: &Transfer, article: ArticleId, quantity: Quantity) {
    let Transfer { id, merchant, .. } = *transfer;
    if let Some(line) = work.transfer_lines.find_mut(merchant, &(id, article)) {
        line.quantity = quantity;
        return;
    }
    if quantity > Quantity::ZERO {
        let (received, missing) = (Quantity::ZERO, Quantity::ZERO);
        let line = TransferLine { transfer: id, article, merchant, quantity, received, missing, version: 1 };
        work.transfer_lines.insert(line);
    }
}

#[derive(Serialize)]
struct Changed {
    from: LocationId,
    to: LocationId,
    lines: i64,
}
