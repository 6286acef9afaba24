//! A new transfer, as a draft.

use serde::Serialize;

use super::{
    NewTransferLine, Refusal, State, Tally, Transfer, TransferLine, WholeTransfer, article_keys, check_line_count,
    check_note, lines_of, named,
};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{LocationId, MerchantId, TransferId};
use crate::metadata::Metadata;
use crate::money::{QUANTITY_MAX, Quantity};
use crate::stock;
use crate::work::{Key, Stop, UnitOfWork};

/// Opens a transfer. Nothing moves until it is sent.
#[derive(Debug, Clone)]
pub struct OpenTransfer {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where the goods leave.
    pub from: LocationId,
    /// Where they arrive.
    pub to: LocationId,
    /// What is to be sent, each article once, 1 to [`super::LINES_MAX`].
    pub lines: Vec<NewTransferLine>,
    /// What it is for.
    pub note: String,
}

impl OpenTransfer {
    fn check(&self) -> Result<(), Refusal> {
        check_line_count(&self.lines)?;
        check_note(&self.note)?;
        if self.from == self.to {
            return Err(Refusal::LocationsSame);
        }
        let is_in_range = |line: &NewTransferLine| (1..=QUANTITY_MAX).contains(&line.quantity.0);
        if self.lines.iter().all(is_in_range) { Ok(()) } else { Err(Refusal::QuantityOutOfRange) }
    }
}

impl Command for OpenTransfer {
    type Reply = WholeTransfer;

    fn name(&self) -> &'static str {
        "transfer.open"
    }

    fn keys(&self) -> Vec<Key> {
        let places = [Key::Location(self.from), Key::Location(self.to)];
        places.into_iter().chain(article_keys(self.merchant, &self.lines)).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WholeTransfer, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        self.check()?;
        for location in [self.from, self.to] {
            work.locations.find(call.merchant, &location).ok_or_else(|| not_found("location", location))?;
        }
        let named = named(work, call, &self.lines)?;
        for (article, _) in &named {
            stock::require_counted(work, call, self.from, *article)?;
        }
        let lines = i64::try_from(named.len()).unwrap_or(i64::MAX);
        let transfer = Transfer {
            id: TransferId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            from: self.from,
            to: self.to,
            note: self.note.clone(),
            state: State::Draft,
            metadata: Metadata::default(),
            tally: Tally { lines, ..Tally::default() },
            reason: String::new(),
            opened_at: call.now,
            version: 1,
        };
        work.transfers.insert(transfer.clone());
        for (article, quantity) in named {
            let (transfer, merchant, nothing) = (transfer.id, call.merchant, Quantity::ZERO);
            let line =
                TransferLine { transfer, article, merchant, quantity, received: nothing, missing: nothing, version: 1 };
            work.transfer_lines.insert(line);
        }
        work.emit(call, "transfer.opened", transfer.id, &Opened { from: self.from, to: self.to, lines });
        let lines = lines_of(work, call.merchant, transfer.id).cloned().collect();
        Ok(WholeTransfer { transfer, lines })
    }
}

#[derive(Serialize)]
struct Opened {
    from: LocationId,
    to: LocationId,
    lines: i64,
}
