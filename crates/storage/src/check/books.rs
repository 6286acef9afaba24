//! Every journal entry sums to zero, and every balance is the sum of its postings.

use std::collections::BTreeMap;

use domain::id::MerchantId;
use domain::journal::{Balance, LedgerAccount, entry_sum};
use domain::money::Currency;

use super::Report;
use super::source::{Source, Walk};
use crate::error::EngineError;
use crate::record::{JOURNAL_ENTRY, Stored, journal_entry};
use crate::table::RowReader;

pub fn journal(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut sums: BTreeMap<(MerchantId, LedgerAccount, Currency), i64> = BTreeMap::new();
    let mut entries = Walk::new(&JOURNAL_ENTRY);
    while let Some(row) = entries.next(source)? {
        report.rows += 1;
        let entry = journal_entry(&mut RowReader::new(&JOURNAL_ENTRY, row))?;
        report.expect_equal("journal_sums_to_zero", entry.id, &entry_sum(&entry.postings), &0);
        for (account, amount) in &entry.postings {
            *sums.entry((entry.merchant, *account, entry.currency)).or_default() += amount;
        }
    }
    let mut balances = Walk::new(Balance::TABLE);
    while let Some(row) = balances.next(source)? {
        report.rows += 1;
        let balance = Balance::read(&mut RowReader::new(Balance::TABLE, row))?;
        let sum = sums.remove(&(balance.merchant, balance.account, balance.currency)).unwrap_or(0);
        let subject = format!("{} {} {}", balance.merchant, balance.account, balance.currency);
        report.expect_equal("balance_is_sum_of_postings", subject, &balance.amount_minor, &sum);
    }
    for ((merchant, account, currency), sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
        let subject = format!("{merchant} {account} {currency}");
        report.find("balance_is_sum_of_postings", subject, format!("no balance row, recomputed {sum}"));
    }
    Ok(())
}
