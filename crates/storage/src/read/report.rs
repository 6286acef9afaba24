//! What a span of time amounts to: sums over the sales that were closed in it, read in one transaction. Each sum is found
//! by an index over just the rows it adds up; none walks through all sales.

use domain::id::{LocationId, MerchantId, RegisterId};
use domain::money::Currency;
use domain::payment::{self, Operation};
use domain::print_job::PrintJob;
use domain::returns::{Refund, Return};
use domain::sale::{Sale, State, Tender};
use domain::tax::{Alike, PriceMode, Rounding, TaxRate, TaxTerms};
use domain::time::Timestamp;

use crate::cell::Cell;
use crate::engine::Row;
use crate::error::{Corrupt, EngineError};
use crate::reader::{Query, Reader};
use crate::record::Stored;
use crate::table::{RowReader, Table};

/// Which sales: those of a merchant, of one location or of all, that were closed from an instant on and before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Whose.
    pub merchant: MerchantId,
    /// Where; everywhere without it.
    pub location: Option<LocationId>,
    /// The first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
}

/// How many, and what they come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// How many.
    pub count: i64,
    /// Together, in minor units.
    pub amount_minor: i64,
}

/// Sales of one state in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Completed or voided.
    pub state: State,
    /// The currency.
    pub currency: Currency,
    /// How many.
    pub count: i64,
    /// Their totals together, in minor units.
    pub total_minor: i64,
    /// Their tax together, in minor units.
    pub tax_minor: i64,
}

/// Returns in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The currency.
    pub currency: Currency,
    /// How many.
    pub count: i64,
    /// Their worth together, in minor units.
    pub total_minor: i64,
    /// Their tax together, in minor units.
    pub tax_minor: i64,
}

/// What paid completed sales in cash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cash {
    /// The currency.
    pub currency: Currency,
    /// How many tenders.
    pub count: i64,
    /// What the customers handed over, in minor units.
    pub given_minor: i64,
    /// What they got back, in minor units.
    pub change_minor: i64,
}

/// What paid completed sales by one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Electronic {
    /// The currency.
    pub currency: Currency,
    /// The connector's name.
    pub provider: String,
    /// What was paid.
    pub sum: Sum,
}

/// The receipts of one register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipts {
    /// The register.
    pub register: RegisterId,
    /// Its name.
    pub name: String,
    /// How many.
    pub count: i64,
    /// The lowest number.
    pub first: String,
    /// The highest number.
    pub last: String,
}

/// Everything that a span amounts to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    /// Sales by state and currency.
    pub closed: Vec<Closed>,
    /// The sums per rate of the completed sales, each with how many receipts have it.
    pub receipts_alike: Vec<(Currency, Alike)>,
    /// What was taken off completed sales, one per currency, with how many lines cost less by it.
    pub discounts: Vec<(Currency, Sum)>,
    /// Cash, one per currency.
    pub cash: Vec<Cash>,
    /// Payments, one per currency and provider.
    pub electronic: Vec<Electronic>,
    /// What returns paid of other goods, one per currency.
    pub return_credits: Vec<(Currency, Sum)>,
    /// What was paid elsewhere, one per currency.
    pub recorded: Vec<(Currency, Sum)>,
    /// What was given back elsewhere, one per currency.
    pub recorded_refunds: Vec<(Currency, Sum)>,
    /// Refunds that were asked for in the span and have happened, one per currency.
    pub refunds: Vec<(Currency, Sum)>,
    /// Goods that came back, one per currency.
    pub returns: Vec<Returned>,
    /// Goods that came back without their sale, one per currency.
    pub unreferenced_returns: Vec<Returned>,
    /// What returns of both kinds gave out of drawers, one per currency.
    pub cash_refunds: Vec<(Currency, Sum)>,
    /// Payments in doubt now, with what was asked for, one per currency.
    pub in_doubt: Vec<(Currency, Sum)>,
    /// The merchant's open exceptions now, of all locations, with the money at risk.
    pub exceptions: Sum,
    /// How often a drawer was opened, and how often of that without a sale.
    pub drawer: (i64, i64),
    /// Receipt numbers, one per register.
    pub receipts: Vec<Receipts>,
}

/// What the queries over sales begin with: `$1` merchant, `$2` and `$3` the span, `$4` the location or nothing.
const CLOSED_IN_SPAN: &str = "s.merchant_id = $1 AND s.closed_at >= $2 AND s.closed_at < $3 \
                              AND (s.location_id = $4 OR $4 = '')";

pub(super) fn closed(which: &str) -> String {
    format!(
        "SELECT s.state, s.currency, COUNT(*), CAST(SUM(s.total_minor) AS BIGINT), CAST(SUM(s.tax_minor) AS BIGINT) \
         FROM sale s WHERE {which} GROUP BY s.state, s.currency ORDER BY s.state, s.currency"
    )
}

/// As many rows as there are different sums, not as there are sales: tax is rounded per receipt, and receipts with the same
/// sum have the same tax. Grouped by the time first, which a sale has one of: in the order of the index over the span, and
/// not of the one over all sales.
pub(super) fn receipts_alike(which: &str) -> String {
    format!(
        "SELECT receipt.currency, receipt.price_mode, receipt.tax_rounding, receipt.tax_rate, receipt.base_minor, COUNT(*) \
         FROM (\
         SELECT s.currency AS currency, s.price_mode AS price_mode, s.tax_rounding AS tax_rounding, \
         l.tax_rate AS tax_rate, CAST(SUM(l.amount_minor - l.discount_minor) AS BIGINT) \
         AS base_minor \
         FROM sale s JOIN sale_line l ON l.sale_id = s.id \
         WHERE {which} AND s.state = 'completed' AND NOT l.is_removed \
         GROUP BY s.closed_at, s.id, s.currency, s.price_mode, s.tax_rounding, l.tax_rate) AS receipt \
         GROUP BY receipt.currency, receipt.price_mode, receipt.tax_rounding, receipt.tax_rate, receipt.base_minor \
         ORDER BY receipt.currency, receipt.price_mode, receipt.tax_rounding, receipt.tax_rate, receipt.base_minor"
    )
}

pub(super) fn discounts(which: &str) -> String {
    format!(
        "SELECT s.currency, COUNT(*), CAST(SUM(l.discount_minor) AS BIGINT) \
         FROM sale s JOIN sale_line l ON l.sale_id = s.id \
         WHERE {which} AND s.state = 'completed' AND s.discounts IS NOT NULL AND l.discount_minor > 0 \
         GROUP BY s.currency ORDER BY s.currency"
    )
}

pub(super) fn cash(which: &str) -> String {
    format!(
        "SELECT s.currency, COUNT(*), CAST(SUM(t.given_minor) AS BIGINT), CAST(SUM(t.change_minor) AS BIGINT) \
         FROM sale s JOIN tender t ON t.sale_id = s.id \
         WHERE {which} AND s.state = 'completed' AND t.kind = 'cash' AND t.state = 'paid' \
         GROUP BY s.currency ORDER BY s.currency"
    )
}

pub(super) fn electronic(which: &str) -> String {
    format!(
        "SELECT s.currency, c.provider, COUNT(*), CAST(SUM(t.amount_minor) AS BIGINT) \
         FROM sale s JOIN tender t ON t.sale_id = s.id JOIN payment p ON p.id = t.payment_id \
         JOIN connection c ON c.id = p.connection_id \
         WHERE {which} AND s.state = 'completed' AND t.kind = 'electronic' AND t.state = 'paid' \
         GROUP BY s.currency, c.provider ORDER BY s.currency, c.provider"
    )
}

pub(super) fn return_credits(which: &str) -> String {
    format!(
        "SELECT s.currency, COUNT(*), CAST(SUM(t.amount_minor) AS BIGINT) \
         FROM sale s JOIN tender t ON t.sale_id = s.id \
         WHERE {which} AND s.state = 'completed' AND t.kind = 'return_credit' AND t.state = 'paid' \
         GROUP BY s.currency ORDER BY s.currency"
    )
}

fn recorded() -> String {
    format!(
        "SELECT s.currency, COUNT(*), CAST(SUM(s.total_minor) AS BIGINT) FROM sale s \
         WHERE {CLOSED_IN_SPAN} AND s.origin IS NOT NULL GROUP BY s.currency ORDER BY s.currency"
    )
}

/// Of sales and of returns, which share a register's series.
fn receipts() -> String {
    format!(
        "SELECT r.id, r.name, COUNT(*), MIN(receipt.number), MAX(receipt.number) FROM (\
         SELECT s.register_id AS register_id, s.receipt_number AS number FROM sale s \
         WHERE {CLOSED_IN_SPAN} AND s.state = 'completed' AND s.origin IS NULL \
         UNION ALL SELECT back.register_id, back.receipt_number FROM return back \
         WHERE back.merchant_id = $1 AND back.created_at >= $2 AND back.created_at < $3 \
         AND back.origin IS NULL AND (back.location_id = $4 OR $4 = '') \
         UNION ALL SELECT u.register_id, u.receipt_number FROM unreferenced_return u \
         WHERE u.merchant_id = $1 AND u.created_at >= $2 AND u.created_at < $3 \
         AND u.origin IS NULL AND (u.location_id = $4 OR $4 = '')) AS receipt \
         JOIN register r ON r.id = receipt.register_id GROUP BY r.id, r.name ORDER BY r.name, r.id"
    )
}

const REFUNDS: &str = "SELECT p.currency, COUNT(*), CAST(SUM(o.approved_minor) AS BIGINT) \
     FROM operation o JOIN payment p ON p.id = o.payment_id \
     WHERE o.merchant_id = $1 AND o.recorded_at >= $2 AND o.recorded_at < $3 AND (p.location_id = $4 OR $4 = '') \
     AND o.kind = 'refund' AND o.state = 'approved' GROUP BY p.currency ORDER BY p.currency";

const RETURNS: &str = "SELECT currency, COUNT(*), CAST(SUM(total_minor) AS BIGINT), CAST(SUM(tax_minor) AS BIGINT) \
     FROM return WHERE merchant_id = $1 AND created_at >= $2 AND created_at < $3 AND (location_id = $4 OR $4 = '') \
     GROUP BY currency ORDER BY currency";

const UNREFERENCED_RETURNS: &str = "SELECT currency, COUNT(*), CAST(SUM(total_minor) AS BIGINT), \
     CAST(SUM(tax_minor) AS BIGINT) FROM unreferenced_return \
     WHERE merchant_id = $1 AND created_at >= $2 AND created_at < $3 AND (location_id = $4 OR $4 = '') \
     GROUP BY currency ORDER BY currency";

/// Out of the drawers of a location, wherever the goods came back.
const CASH_REFUNDS: &str = "SELECT given.currency, COUNT(*), CAST(SUM(given.amount_minor) AS BIGINT) FROM (\
     SELECT back.currency AS currency, f.amount_minor AS amount_minor \
     FROM refund f JOIN return back ON back.sale_id = f.sale_id AND back.number = f.return_number \
     JOIN register r ON r.id = f.register_id \
     WHERE f.merchant_id = $1 AND f.created_at >= $2 AND f.created_at < $3 AND (r.location_id = $4 OR $4 = '') \
     AND f.register_id IS NOT NULL \
     UNION ALL SELECT u.currency, u.total_minor FROM unreferenced_return u \
     WHERE u.merchant_id = $1 AND u.created_at >= $2 AND u.created_at < $3 AND (u.location_id = $4 OR $4 = '') \
     AND u.origin IS NULL) AS given \
     GROUP BY given.currency ORDER BY given.currency";

/// Given back elsewhere: with the return, which is as old as the refund.
const RECORDED_REFUNDS: &str = "SELECT given.currency, COUNT(*), CAST(SUM(given.total_minor) AS BIGINT) FROM (\
     SELECT back.currency AS currency, back.total_minor AS total_minor FROM return back \
     WHERE back.merchant_id = $1 AND back.created_at >= $2 AND back.created_at < $3 \
     AND (back.location_id = $4 OR $4 = '') AND back.origin IS NOT NULL \
     UNION ALL SELECT u.currency, u.total_minor FROM unreferenced_return u \
     WHERE u.merchant_id = $1 AND u.created_at >= $2 AND u.created_at < $3 AND (u.location_id = $4 OR $4 = '') \
     AND u.origin IS NOT NULL) AS given GROUP BY given.currency ORDER BY given.currency";

/// What is in doubt is found by what cares for it, a job or an exception, of which there are few: an index over the state
/// would have to be kept by every payment.
pub(super) const IN_DOUBT_SUBJECTS: &str = "SELECT subject FROM job WHERE due_at IS NOT NULL AND merchant_id = $1 \
     UNION SELECT subject FROM exception WHERE merchant_id = $1 AND resolved_at IS NULL";

fn in_doubt() -> String {
    format!(
        "SELECT p.currency, COUNT(*), CAST(SUM(p.asked_minor) AS BIGINT) FROM ({IN_DOUBT_SUBJECTS}) AS cared_for \
         CROSS JOIN payment p WHERE p.id = cared_for.subject AND p.merchant_id = $1 \
         AND p.state IN ('in_doubt', 'needs_person') AND (p.location_id = $2 OR $2 = '') \
         GROUP BY p.currency ORDER BY p.currency"
    )
}

pub(super) const EXCEPTIONS: &str = "SELECT COUNT(*), COALESCE(CAST(SUM(at_risk_minor) AS BIGINT), 0) FROM exception \
     WHERE merchant_id = $1 AND resolved_at IS NULL";

const DRAWER: &str = "SELECT COUNT(*), COUNT(*) FILTER (WHERE drawer_reason <> 'sale') FROM print_job \
     WHERE merchant_id = $1 AND created_at >= $2 AND created_at < $3 AND (location_id = $4 OR $4 = '') \
     AND register_id IS NOT NULL";

impl Span {
    fn queries(&self) -> Vec<Query> {
        let location = || Cell::Text(self.location.map(|id| id.to_string()).unwrap_or_default().into());
        let merchant = || Cell::display(self.merchant);
        let params = || vec![merchant(), Cell::Int(self.from.0), Cell::Int(self.to.0), location()];
        vec![
            Query { sql: closed(CLOSED_IN_SPAN).into(), params: params() },
            Query { sql: receipts_alike(CLOSED_IN_SPAN).into(), params: params() },
            Query { sql: discounts(CLOSED_IN_SPAN).into(), params: params() },
            Query { sql: cash(CLOSED_IN_SPAN).into(), params: params() },
            Query { sql: electronic(CLOSED_IN_SPAN).into(), params: params() },
            Query { sql: return_credits(CLOSED_IN_SPAN).into(), params: params() },
            Query { sql: REFUNDS.into(), params: params() },
            Query { sql: RETURNS.into(), params: params() },
            Query { sql: UNREFERENCED_RETURNS.into(), params: params() },
            Query { sql: CASH_REFUNDS.into(), params: params() },
            Query { sql: in_doubt().into(), params: vec![merchant(), location()] },
            Query { sql: EXCEPTIONS.into(), params: vec![merchant()] },
            Query { sql: receipts().into(), params: params() },
            Query { sql: DRAWER.into(), params: params() },
            Query { sql: recorded().into(), params: params() },
            Query { sql: RECORDED_REFUNDS.into(), params: params() },
        ]
    }
}

impl Reader {
    /// What a span of time amounts to.
    pub async fn sum_up(&self, span: &Span) -> Result<Sums, EngineError> {
        self.sums(span.queries()).await
    }

    /// The sums of queries in the order of [`Span::queries`].
    pub(super) async fn sums(&self, queries: Vec<Query>) -> Result<Sums, EngineError> {
        let mut answers = self.run(queries).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        Ok(Sums {
            closed: each(<Sale as Stored>::TABLE, next(), read_closed)?,
            receipts_alike: each(<Sale as Stored>::TABLE, next(), read_alike)?,
            discounts: each(<Sale as Stored>::TABLE, next(), read_by_currency)?,
            cash: each(<Tender as Stored>::TABLE, next(), read_cash)?,
            electronic: each(<Tender as Stored>::TABLE, next(), read_electronic)?,
            return_credits: each(<Tender as Stored>::TABLE, next(), read_by_currency)?,
            refunds: each(<Operation as Stored>::TABLE, next(), read_by_currency)?,
            returns: each(<Return as Stored>::TABLE, next(), read_returned)?,
            unreferenced_returns: each(<Return as Stored>::TABLE, next(), read_returned)?,
            cash_refunds: each(<Refund as Stored>::TABLE, next(), read_by_currency)?,
            in_doubt: each(<payment::Payment as Stored>::TABLE, next(), read_by_currency)?,
            exceptions: each(<domain::exception::Exception as Stored>::TABLE, next(), read_sum)?
                .pop()
                .unwrap_or_default(),
            receipts: each(<Sale as Stored>::TABLE, next(), read_receipts)?,
            drawer: each(<PrintJob as Stored>::TABLE, next(), |row| Ok((row.int()?, row.int()?)))?
                .pop()
                .unwrap_or_default(),
            recorded: each(<Sale as Stored>::TABLE, next(), read_by_currency)?,
            recorded_refunds: each(<Return as Stored>::TABLE, next(), read_by_currency)?,
        })
    }
}

fn each<T>(
    table: &'static Table,
    rows: Vec<Row>,
    read: impl Fn(&mut RowReader) -> Result<T, Corrupt>,
) -> Result<Vec<T>, EngineError> {
    rows.into_iter().map(|row| read(&mut RowReader::new(table, row)).map_err(EngineError::from)).collect()
}

fn read_closed(row: &mut RowReader) -> Result<Closed, Corrupt> {
    Ok(Closed {
        state: row.word(State::parse)?,
        currency: row.word(Currency::parse)?,
        count: row.int()?,
        total_minor: row.int()?,
        tax_minor: row.int()?,
    })
}

fn read_returned(row: &mut RowReader) -> Result<Returned, Corrupt> {
    Ok(Returned {
        currency: row.word(Currency::parse)?,
        count: row.int()?,
        total_minor: row.int()?,
        tax_minor: row.int()?,
    })
}

fn read_alike(row: &mut RowReader) -> Result<(Currency, Alike), Corrupt> {
    let currency = row.word(Currency::parse)?;
    let terms = TaxTerms { price_mode: row.word(PriceMode::parse)?, rounding: row.word(Rounding::parse)? };
    Ok((currency, Alike { terms, rate: TaxRate(row.small()?), base_minor: row.int()?, count: row.int()? }))
}

fn read_cash(row: &mut RowReader) -> Result<Cash, Corrupt> {
    Ok(Cash {
        currency: row.word(Currency::parse)?,
        count: row.int()?,
        given_minor: row.int()?,
        change_minor: row.int()?,
    })
}

fn read_electronic(row: &mut RowReader) -> Result<Electronic, Corrupt> {
    Ok(Electronic { currency: row.word(Currency::parse)?, provider: row.text()?, sum: read_sum(row)? })
}

fn read_by_currency(row: &mut RowReader) -> Result<(Currency, Sum), Corrupt> {
    Ok((row.word(Currency::parse)?, read_sum(row)?))
}

fn read_sum(row: &mut RowReader) -> Result<Sum, Corrupt> {
    Ok(Sum { count: row.int()?, amount_minor: row.int()? })
}

fn read_receipts(row: &mut RowReader) -> Result<Receipts, Corrupt> {
    Ok(Receipts { register: row.parse()?, name: row.text()?, count: row.int()?, first: row.text()?, last: row.text()? })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// What may be walked through: the rows that another step has found, and the jobs that are due.
    const FEW: [&str; 4] = ["receipt", "given", "cared_for", "job_due"];

    /// A day among a million sales costs what the day has: the engine says so itself.
    #[test]
    fn no_sum_walks_through_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = crate::sqlite::open(&folder.path().join("plan.db"), false).unwrap();
        crate::migrate::sqlite(&mut connection).unwrap();
        let merchant = MerchantId::from_uuid(Uuid::from_u128(1));
        let span = Span { merchant, location: None, from: Timestamp(0), to: Timestamp(1) };
        for query in span.queries() {
            let plan = crate::sqlite::query(&connection, &format!("EXPLAIN QUERY PLAN {}", query.sql), &query.params);
            let steps: Vec<String> = plan.unwrap().into_iter().map(|row| format!("{:?}", row.last())).collect();
            let is_walk = |step: &String| step.contains("SCAN") && !FEW.iter().any(|few| step.contains(few));
            assert!(!steps.iter().any(is_walk), "{}: {steps:#?}", query.sql);
            let narrow =
                ["sale_closed", "operation_refund", "return_made", "refund_cash", "exception_open", "print_job_drawer"];
            assert!(steps.iter().any(|step| narrow.iter().any(|index| step.contains(index))), "{steps:#?}");
        }
    }
}
