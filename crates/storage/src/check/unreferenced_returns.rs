//! Goods that came back without their sale: what was given for them is what their lines come to, and what went back on the
//! shelf is in the ledger.

use std::collections::BTreeMap;

use domain::id::{ArticleId, LocationId, UnreferencedReturnId};
use domain::tax::totals;
use domain::unreferenced_return::UnreferencedReturn;

use super::Report;
use super::source::{Records, Source};
use super::trade::for_each_row;
use crate::error::EngineError;
use crate::record::{MOVEMENT, movement};

/// How much of what went back where.
type Restocked = BTreeMap<(LocationId, ArticleId), i64>;

/// Adds the lines up again and compares them with the ledger.
pub fn unreferenced_returns(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut moved: BTreeMap<UnreferencedReturnId, Restocked> = BTreeMap::new();
    for_each_row(&MOVEMENT, source, report, |row| {
        let movement = movement(row)?;
        if let Some(id) = movement.kind.behind().unreferenced_return {
            let of_return = moved.entry(id).or_default();
            *of_return.entry((movement.location, movement.article)).or_default() += movement.quantity.0;
        }
        Ok(())
    })?;
    let mut all = Records::<UnreferencedReturn>::new(source, report)?;
    while let Some(one) = all.next(source, report)? {
        let computed = one.taxes().and_then(|taxes| totals(&taxes)).map(|all| (all.gross_minor, all.tax_minor));
        report.expect_equal("unreferenced_return_total", one.id, &Ok((one.total_minor, one.tax_minor)), &computed);
        let mut restocked = Restocked::new();
        for line in one.lines.iter().filter(|line| line.is_restocked) {
            *restocked.entry((one.location, line.article)).or_default() += line.quantity.0;
        }
        let entered = moved.remove(&one.id).unwrap_or_default();
        report.expect_equal("unreferenced_return_movement", one.id, &restocked, &entered);
    }
    for id in moved.into_keys() {
        report.find("unreferenced_return_exists", id, "the ledger has goods of it, and it is not there".to_owned());
    }
    Ok(())
}
