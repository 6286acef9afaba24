//! Points: a balance is the sum of its entries, and what was earned and taken back is what the sales and their returns say.

use std::collections::BTreeMap;

use domain::id::{CustomerId, ReturnId, SaleId};
use domain::points::{EntryKind, PointsBalance, PointsEntry, share_of_return};
use domain::returns::Return;
use domain::sale::{Sale, State};

use super::Report;
use super::source::{Records, Source};
use crate::error::EngineError;

/// What the ledgers say of sales and of returns, until the sales have said the same.
#[derive(Default)]
struct Told {
    earned: BTreeMap<SaleId, (CustomerId, i64)>,
    taken: BTreeMap<ReturnId, (CustomerId, i64)>,
}

impl Told {
    /// Notes an entry; `false` where another one was told of the same.
    fn note(&mut self, entry: &PointsEntry) -> bool {
        let customer = entry.customer;
        match entry.kind {
            EntryKind::Earned { sale } => self.earned.insert(sale, (customer, entry.points)).is_none(),
            EntryKind::TakenBack { origin, not_recovered } => {
                self.taken.insert(origin, (customer, not_recovered - entry.points)).is_none()
            }
            EntryKind::Redeemed { .. } | EntryKind::Adjusted { .. } => true,
        }
    }
}

/// Checks the ledgers, and then the sales against them.
pub fn points(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut told = ledgers(source, report)?;
    let mut sales = Records::<Sale>::new(source, report)?;
    let mut returns = Records::<Return>::new(source, report)?;
    while let Some(sale) = sales.next(source, report)? {
        let returns = returns.children(&sale.id, |one| one.id.sale, source, report)?;
        let points = sale.points().filter(|_| sale.state == State::Completed);
        let expected = points.filter(|(_, earned)| *earned > 0);
        report.expect_equal("points_earned", sale.id, &told.earned.remove(&sale.id), &expected);
        let mut before_minor = 0;
        for one in returns {
            let after_minor = before_minor + one.total_minor;
            let share = points.map(|(customer, earned)| {
                (customer, share_of_return(earned, sale.total_minor, before_minor, after_minor))
            });
            let share = share.filter(|(_, share)| *share > 0);
            report.expect_equal("points_taken_back", one.id, &told.taken.remove(&one.id), &share);
            before_minor = after_minor;
        }
    }
    for (sale, _) in told.earned {
        report.find("points_earned", sale, "points were earned by a sale that is not there".to_owned());
    }
    for (origin, _) in told.taken {
        report.find("points_taken_back", origin, "points were taken back by a return that is not there".to_owned());
    }
    Ok(())
}

fn ledgers(source: &mut dyn Source, report: &mut Report) -> Result<Told, EngineError> {
    let mut told = Told::default();
    let mut balances = Records::<PointsBalance>::new(source, report)?;
    let mut entries = Records::<PointsEntry>::new(source, report)?;
    while let Some(balance) = balances.next(source, report)? {
        let entries = entries.children(&balance.customer, |entry| entry.customer, source, report)?;
        let mut sum = 0;
        for (number, entry) in (1..).zip(&entries) {
            sum += entry.points;
            let subject = format!("{} {}", entry.customer, entry.number);
            report.expect_equal("points_entry_follows", &subject, &(entry.number, entry.balance), &(number, sum));
            if sum < 0 {
                report.find("points_never_negative", &subject, format!("{sum} points"));
            }
            if !told.note(entry) {
                report.find("points_once", &subject, "another entry is of the same sale or return".to_owned());
            }
        }
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let stored = (balance.points, balance.entry_count);
        report.expect_equal("points_balance", balance.customer, &stored, &(sum, count));
    }
    Ok(told)
}
