//! Transfers: the head tells how its lines stand, and what left, arrived and never came is in the ledger.

use std::collections::BTreeMap;

use domain::id::{ArticleId, LocationId, TransferId};
use domain::money::Quantity;
use domain::transfer::{Fate, State, Tally, Transfer, TransferLine};

use super::Report;
use super::source::{Records, Source};
use super::trade::for_each_row;
use crate::error::EngineError;
use crate::record::{MOVEMENT, movement};

/// What the ledger says of an article of a transfer: by location and kind what moved.
type Moved = BTreeMap<(LocationId, &'static str), i64>;

/// The tally of each head is that of its lines, nothing arrives that was not sent, and each line has its movements.
pub fn transfers(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut moved: BTreeMap<(TransferId, ArticleId), Moved> = BTreeMap::new();
    for_each_row(&MOVEMENT, source, report, |row| {
        let movement = movement(row)?;
        if let Some(transfer) = movement.kind.behind().transfer {
            let of_line = moved.entry((transfer, movement.article)).or_default();
            *of_line.entry((movement.location, movement.kind.as_str())).or_default() += movement.quantity.0;
        }
        Ok(())
    })?;
    let mut heads = Records::<Transfer>::new(source, report)?;
    let mut lines = Records::<TransferLine>::new(source, report)?;
    while let Some(head) = heads.next(source, report)? {
        let lines = lines.children(&head.id, |line| line.transfer, source, report)?;
        report.expect_equal("transfer_tally", head.id, &head.tally, &tally_of(&head, &lines));
        if matches!(head.state, State::Closed { .. }) && head.tally.in_transit > 0 {
            report.find("transfer_closed", head.id, format!("closed with {} lines in transit", head.tally.in_transit));
        }
        for line in lines {
            let subject = format!("{} {}", line.transfer, line.article);
            let entered = moved.remove(&(head.id, line.article)).unwrap_or_default();
            report.expect_equal("transfer_movement", subject, &expected(&head, &line), &entered);
        }
    }
    for (transfer, article) in moved.into_keys() {
        report.find("transfer_line_exists", transfer, format!("the ledger moves {article}, the transfer does not"));
    }
    Ok(())
}

fn tally_of(head: &Transfer, lines: &[TransferLine]) -> Tally {
    let mut tally = Tally::default();
    for line in lines {
        tally.lines += i64::from(line.quantity > Quantity::ZERO);
        tally.in_transit += i64::from(line.in_transit(head.state) != Quantity::ZERO);
        tally.missing += i64::from(line.missing > Quantity::ZERO);
    }
    tally
}

/// What the ledger should say of a line.
fn expected(head: &Transfer, line: &TransferLine) -> Moved {
    let (mut sent, mut arrived, mut back, mut lost) = (0, line.received.0, 0, 0);
    if head.state.sent_at().is_some() {
        sent = -line.quantity.0;
    }
    match head.state.fate() {
        None => {}
        Some(Fate::BroughtBack) => back = line.missing.0,
        Some(Fate::WrittenOff(_)) => (arrived, lost) = (arrived + line.missing.0, -line.missing.0),
    }
    let all = [
        ((head.from, "transfer_out"), sent),
        ((head.to, "transfer_in"), arrived),
        ((head.from, "transfer_in"), back),
        ((head.to, "write_off"), lost),
    ];
    all.into_iter().filter(|(_, quantity)| *quantity != 0).collect()
}
