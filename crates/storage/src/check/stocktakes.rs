//! Stocktakes: the head tells how its lines stand, and what was booked of a line is in the ledger.

use std::collections::BTreeMap;

use domain::id::{ArticleId, StocktakeId};
use domain::stocktake::{LineState, State, Stocktake, StocktakeLine, Tally};

use super::Report;
use super::source::{Records, Source};
use super::trade::for_each_row;
use crate::error::EngineError;
use crate::record::{MOVEMENT, movement};

/// What the ledger says of the counts: each quantity that was entered for a line.
type Entered = BTreeMap<(StocktakeId, ArticleId), Vec<i64>>;

/// The tally of each head is that of its lines, a closed one has nothing left to do, and each difference is in the ledger.
pub fn stocktakes(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut entered = Entered::new();
    for_each_row(&MOVEMENT, source, report, |row| {
        let movement = movement(row)?;
        if let Some(stocktake) = movement.kind.stocktake() {
            entered.entry((stocktake, movement.article)).or_default().push(movement.quantity.0);
        }
        Ok(())
    })?;
    let mut heads = Records::<Stocktake>::new(source, report)?;
    let mut lines = Records::<StocktakeLine>::new(source, report)?;
    while let Some(head) = heads.next(source, report)? {
        let lines = lines.children(&head.id, |line| line.stocktake, source, report)?;
        report.expect_equal("stocktake_tally", head.id, &head.tally, &tally_of(&lines));
        if matches!(head.state, State::Closed { .. }) && head.left() > 0 {
            report.find("stocktake_closed", head.id, format!("closed with {} lines left", head.left()));
        }
        for line in lines {
            let found = entered.remove(&(head.id, line.article)).unwrap_or_default();
            check_line(&line, &found, report);
        }
    }
    for (stocktake, article) in entered.into_keys() {
        report.find(
            "stocktake_line_exists",
            stocktake,
            format!("the ledger has a count of {article}, the stocktake not"),
        );
    }
    Ok(())
}

fn tally_of(lines: &[StocktakeLine]) -> Tally {
    let mut tally = Tally::default();
    for line in lines {
        tally.uncounted += i64::from(line.state == LineState::Uncounted);
        tally.counted += i64::from(line.state.count().is_some());
        let is_finished = matches!(line.state, LineState::Booked { .. } | LineState::Superseded(_));
        tally.finished += i64::from(is_finished);
        tally.different += i64::from(difference(line) != 0);
    }
    tally
}

/// What the books were wrong by.
fn difference(line: &StocktakeLine) -> i64 {
    match &line.state {
        LineState::Booked { count, expected } => count.quantity.0 - expected.0,
        LineState::Uncounted | LineState::Counted(_) | LineState::Superseded(_) => 0,
    }
}

/// The first entry is the difference; those after it take back what was told late of the time before.
fn check_line(line: &StocktakeLine, entered: &[i64], report: &mut Report) {
    let difference = difference(line);
    let subject = format!("{} {}", line.stocktake, line.article);
    if !matches!(line.state, LineState::Booked { .. }) {
        report.expect_equal("stocktake_movement", subject, &entered.len(), &0);
    } else if difference != 0 && !entered.contains(&difference) {
        report.find("stocktake_movement", subject, format!("a difference of {difference}, entered {entered:?}"));
    }
}
