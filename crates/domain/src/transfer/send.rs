//! A transfer leaves: its goods are off the first shelf and on no other yet.

use serde::Serialize;

use super::{LineFact, Refusal, State, Transfer, WholeTransfer, find_draft, lines_of, shelf_keys, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{ArticleId, LocationId, TransferId};
use crate::money::Quantity;
use crate::stock;
use crate::work::{Key, Stop, UnitOfWork};

/// Sends a draft: all of it, or nothing where something is not available.
#[derive(Debug, Clone)]
pub struct SendTransfer {
    /// Which one.
    pub transfer: TransferId,
}

impl Command for SendTransfer {
    type Reply = WholeTransfer;

    fn name(&self) -> &'static str {
        "transfer.send"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Transfer(self.transfer)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WholeTransfer, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let mut transfer = find_draft(work, call.merchant, self.transfer)?;
        let lines = lines_of(work, call.merchant, self.transfer).map(|line| (line.article, line.quantity));
        let lines: Vec<(ArticleId, Quantity)> = lines.collect();
        if lines.is_empty() {
            return Err(Refusal::Empty.into());
        }
        work.require(shelf_keys(transfer.from, lines.iter().map(|(article, _)| *article)))?;
        for (article, quantity) in &lines {
            stock::require_counted(work, call, transfer.from, *article)?;
            stock::send_off(work, call, self.transfer, (transfer.from, *article), *quantity)?;
        }
        transfer.state = State::Sent { at: call.now };
        transfer.tally.in_transit = transfer.tally.lines;
        let Transfer { from, to, .. } = transfer;
        let sent = Sent { from, to, lines: lines.into_iter().map(LineFact::from).collect() };
        work.emit(call, "transfer.sent", self.transfer, &sent);
        store(work, transfer)
    }
}

#[derive(Serialize)]
struct Sent {
    from: LocationId,
    to: LocationId,
    lines: Vec<LineFact>,
}
