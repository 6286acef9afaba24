//! What arrives of a transfer, at once or piece by piece.

use serde::Serialize;

use super::close::tell_closed;
use super::{
    LineFact, NewTransferLine, Refusal, State, Transfer, WholeTransfer, article_keys, check_line_count, find_sent,
    lines_of, named, shelf_keys, store,
};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::{ArticleId, LocationId, MerchantId, TransferId};
use crate::money::Quantity;
use crate::stock;
use crate::work::{Key, Stop, UnitOfWork};

/// Books what has arrived on the shelf of the second location. With the last of it the transfer is closed.
#[derive(Debug, Clone)]
pub struct ReceiveTransfer {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which one.
    pub transfer: TransferId,
    /// What has arrived, each article once, 1 to [`super::LINES_MAX`]; all that is in transit without it.
    pub lines: Option<Vec<NewTransferLine>>,
}

impl ReceiveTransfer {
    /// What has arrived.
    fn arrived(
        &self,
        work: &UnitOfWork,
        call: &Call<'_>,
        transfer: &Transfer,
    ) -> Result<Vec<(ArticleId, Quantity)>, Stop<command::Refusal>> {
        if let Some(lines) = &self.lines {
            return named(work, call, lines);
        }
        let lines = lines_of(work, call.merchant, self.transfer);
        let left = lines.map(|line| (line.article, line.in_transit(transfer.state)));
        Ok(left.filter(|(_, quantity)| *quantity > Quantity::ZERO).collect())
    }
}

/// Books one article in.
fn receive(
    work: &mut UnitOfWork,
    call: &mut Call<'_>,
    transfer: &mut Transfer,
    (article, quantity): (ArticleId, Quantity),
) -> Result<(), Stop<command::Refusal>> {
    let line = work.transfer_lines.find(call.merchant, &(transfer.id, article));
    let line = line.filter(|line| line.quantity > Quantity::ZERO).ok_or(Refusal::ArticleUnknown { article })?;
    let in_transit = line.in_transit(transfer.state);
    if quantity < Quantity(1) {
        return Err(Refusal::QuantityOutOfRange.into());
    }
    if quantity > in_transit {
        return Err(Refusal::ExceedsSent { article, in_transit }.into());
    }
    stock::book_in(work, call, transfer.id, (transfer.to, article), quantity)?;
    if let Some(line) = work.transfer_lines.find_mut(call.merchant, &(transfer.id, article)) {
        line.received = line.received.checked_add(quantity).ok_or(Refusal::QuantityOutOfRange)?;
    }
    if quantity == in_transit {
        transfer.tally.in_transit = transfer.tally.in_transit.saturating_sub(1);
    }
    Ok(())
}

impl Command for ReceiveTransfer {
    type Reply = WholeTransfer;

    fn name(&self) -> &'static str {
        "transfer.receive"
    }

    fn keys(&self) -> Vec<Key> {
        let lines = self.lines.as_deref().unwrap_or_default();
        std::iter::once(Key::Transfer(self.transfer)).chain(article_keys(self.merchant, lines)).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WholeTransfer, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        self.lines.as_deref().map_or(Ok(()), check_line_count)?;
        let (mut transfer, sent_at) = find_sent(work, call.merchant, self.transfer)?;
        let arrived = self.arrived(work, call, &transfer)?;
        work.require(shelf_keys(transfer.to, arrived.iter().map(|(article, _)| *article)))?;
        for line in &arrived {
            receive(work, call, &mut transfer, *line)?;
        }
        let Transfer { id, from, to, tally, .. } = transfer;
        let lines = arrived.into_iter().map(LineFact::from).collect();
        work.emit(call, "transfer.received", id, &Received { from, to, lines, in_transit: tally.in_transit });
        if tally.in_transit == 0 {
            transfer.state = State::Closed { sent_at, at: call.now, fate: None };
            tell_closed(work, call, &transfer, Vec::new());
        }
        store(work, transfer)
    }
}

#[derive(Serialize)]
struct Received {
    from: LocationId,
    to: LocationId,
    lines: Vec<LineFact>,
    /// Lines with something still on its way.
    in_transit: i64,
}
