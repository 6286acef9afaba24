//! What a business day amounts to, in words that a shop owner understands: the same sums as `/v1/reports/day`.

use std::fmt::Write;

use anyhow::{Context, bail};
use domain::decimal;
use domain::id::LocationId;
use domain::locale::Locale;
use domain::merchant::Merchant;
use domain::money::{Currency, Overflow, for_people};
use domain::sale;
use domain::tax::{Alike, tax_totals_together};
use domain::time::Timestamp;
use storage::read::report::{Returned, Span, Sum, Sums};
use storage::reader::Reader;

use crate::business_day::{self, BusinessDay};
use crate::http::report::day_report;

/// A day of a merchant, summed up.
pub struct DayReport {
    merchant: Merchant,
    location: Option<LocationId>,
    day: BusinessDay,
    sums: Sums,
}

/// Sums a day up; today, by the merchant's own zone, where none is named.
pub async fn read(
    reader: &Reader,
    merchant: Merchant,
    location: Option<LocationId>,
    date: Option<&str>,
    clock: Timestamp,
) -> anyhow::Result<DayReport> {
    let zone = business_day::zone(&merchant.zone)?;
    let date = match date {
        Some(text) => business_day::parse(text).with_context(|| format!("{text:?} is no day, written YYYY-MM-DD"))?,
        None => business_day::today(reader.now(clock).await?, &zone)?,
    };
    let day = BusinessDay::try_new(date, &zone)?;
    if let Some(location) = location
        && reader.find_location(merchant.id, location).await?.is_none()
    {
        bail!("The merchant has no location {location}.");
    }
    let span = Span { merchant: merchant.id, location, from: day.starts_at, to: day.ends_at };
    let sums = reader.sum_up(&span).await?;
    Ok(DayReport { merchant, location, day, sums })
}

impl DayReport {
    /// For programs: as the API answers it.
    pub fn json(&self) -> anyhow::Result<Vec<u8>> {
        day_report(&self.merchant, &self.day, self.location, &self.sums).map_err(|Overflow| too_large())
    }

    /// For people.
    pub fn words(&self) -> anyhow::Result<String> {
        let mut text = format!("{}, {} ({})\n", self.merchant.name, self.day.date, self.merchant.zone);
        for currency in self.currencies() {
            self.money(&mut text, currency).map_err(|Overflow| too_large())?;
        }
        self.receipts(&mut text);
        self.attention(&mut text);
        Ok(text)
    }

    /// The merchant's own first, then those in which something was sold or asked for.
    fn currencies(&self) -> Vec<Currency> {
        let mut found = vec![self.merchant.currency];
        let sold = self.sums.closed.iter().map(|closed| closed.currency);
        let asked = self.sums.in_doubt.iter().chain(&self.sums.refunds).map(|(currency, _)| *currency);
        for currency in sold.chain(asked) {
            if !found.contains(&currency) {
                found.push(currency);
            }
        }
        found
    }

    fn money(&self, text: &mut String, currency: Currency) -> Result<(), Overflow> {
        let sums = &self.sums;
        let of_state = |state| sums.closed.iter().find(|closed| closed.currency == currency && closed.state == state);
        let sold = of_state(sale::State::Completed).map_or((0, 0), |closed| (closed.count, closed.total_minor));
        let voided = of_state(sale::State::Voided).map_or(0, |closed| closed.count);
        let _ = writeln!(text, "\nSales in {currency}");
        row(text, "sold", sold, currency);
        optional(text, "of that, taken off", of(&sums.discounts, currency), currency);
        optional(text, "brought back", back(&sums.returns, currency), currency);
        optional(text, "brought back without sale", back(&sums.unreferenced_returns, currency), currency);
        if voided > 0 {
            let _ = writeln!(text, "  {:<28}{voided:>7}", "called off");
        }
        self.taxes(text, currency)?;
        self.tenders(text, currency);
        Ok(())
    }

    fn taxes(&self, text: &mut String, currency: Currency) -> Result<(), Overflow> {
        let alike = self.sums.receipts_alike.iter().filter(|(other, _)| *other == currency);
        let alike: Vec<Alike> = alike.map(|(_, alike)| *alike).collect();
        let totals = tax_totals_together(&alike)?;
        if totals.is_empty() {
            return Ok(());
        }
        let _ = writeln!(text, "\n{:<30}{:>14}{:>14}{:>14}", "Tax, as the receipts say", "net", "tax", "together");
        for total in totals {
            let rate = format!("{} %", decimal::format(i64::from(total.rate.0), 2));
            let amounts = [total.net_minor, total.tax_minor, total.gross_minor];
            let [net, tax, gross] = amounts.map(|minor| people(minor, currency));
            let _ = writeln!(text, "  {rate:<28}{net:>14}{tax:>14}{gross:>14}");
        }
        Ok(())
    }

    fn tenders(&self, text: &mut String, currency: Currency) {
        let sums = &self.sums;
        let is_of = |(other, _): &&(Currency, Sum)| *other == currency;
        let is_paid = sums.cash.iter().any(|cash| cash.currency == currency)
            || sums.electronic.iter().any(|electronic| electronic.currency == currency)
            || sums.refunds.iter().chain(&sums.cash_refunds).any(|sum| is_of(&sum));
        if !is_paid {
            return;
        }
        let _ = writeln!(text, "\nPaid");
        if let Some(cash) = sums.cash.iter().find(|cash| cash.currency == currency) {
            row(text, "cash", (cash.count, cash.given_minor.saturating_sub(cash.change_minor)), currency);
        }
        for electronic in sums.electronic.iter().filter(|electronic| electronic.currency == currency) {
            row(text, &electronic.provider, (electronic.sum.count, electronic.sum.amount_minor), currency);
        }
        optional(text, "given back by providers", of(&sums.refunds, currency), currency);
        optional(text, "given back in cash", of(&sums.cash_refunds, currency), currency);
    }

    fn receipts(&self, text: &mut String) {
        if self.sums.receipts.is_empty() {
            return;
        }
        let _ = writeln!(text, "\nReceipts");
        for receipts in &self.sums.receipts {
            let (name, count) = (&receipts.name, receipts.count);
            let _ = writeln!(text, "  {name:<28}{count:>7}  {} to {}", receipts.first, receipts.last);
        }
        let (opened, without_sale) = self.sums.drawer;
        if opened > 0 {
            let _ = writeln!(text, "  drawers opened by the hub   {opened:>7}  {without_sale} without a sale");
        }
    }

    fn attention(&self, text: &mut String) {
        let _ = writeln!(text, "\nNow");
        for (currency, sum) in &self.sums.in_doubt {
            row(text, "payments in doubt", (sum.count, sum.amount_minor), *currency);
        }
        let exceptions = self.sums.exceptions;
        if exceptions.count > 0 {
            let sum = (exceptions.count, exceptions.amount_minor);
            row(text, "needs a person, at risk", sum, self.merchant.currency);
        }
        if self.sums.in_doubt.is_empty() && exceptions.count == 0 {
            let _ = writeln!(text, "  Nothing is in doubt, and nothing needs a person.");
        } else {
            let _ = writeln!(text, "  See `tillbridge doubt list`.");
        }
    }
}

fn too_large() -> anyhow::Error {
    anyhow::anyhow!("The day's amounts are larger than can be counted. Ask for one location.")
}

fn people(minor: i64, currency: Currency) -> String {
    for_people(minor, currency, Locale::En)
}

fn row(text: &mut String, name: &str, (count, minor): (i64, i64), currency: Currency) {
    let _ = writeln!(text, "  {name:<28}{:>7}{:>14}", decimal::grouped(count, 0, 0), people(minor, currency));
}

/// A row that stands there only where there is something to tell.
fn optional(text: &mut String, name: &str, sum: (i64, i64), currency: Currency) {
    if sum.0 > 0 {
        row(text, name, sum, currency);
    }
}

fn of(sums: &[(Currency, Sum)], currency: Currency) -> (i64, i64) {
    let found = sums.iter().find(|(other, _)| *other == currency);
    found.map_or((0, 0), |(_, sum)| (sum.count, sum.amount_minor))
}

fn back(returns: &[Returned], currency: Currency) -> (i64, i64) {
    let found = returns.iter().find(|returned| returned.currency == currency);
    found.map_or((0, 0), |returned| (returned.count, returned.total_minor))
}
