//! What the hub reads of shifts: the shifts themselves, and what one amounts to. What belongs to a shift carries its number,
//! so its sums are the same whenever they are asked for.

use domain::id::{MerchantId, PaymentId, RegisterId, ShiftId};
use domain::money::Currency;
use domain::payment::Payment;
use domain::shift::{CashMovement, Shift};

use super::PAGE_MAX;
use super::report::{
    EXCEPTIONS, IN_DOUBT_SUBJECTS, Sums, cash, closed, discounts, electronic, receipts_alike, return_credits,
};
use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::{Query, Reader};
use crate::record::Stored;
use crate::table::RowReader;

/// What the queries over sales begin with: `$1` merchant, `$2` register, `$3` the number of the shift.
const OF_SHIFT: &str = "s.merchant_id = $1 AND s.register_id = $2 AND s.shift_number = $3";

/// Refunds by providers for what came back in the shift, that have happened.
const REFUNDS: &str = "SELECT back.currency, COUNT(*), CAST(SUM(o.approved_minor) AS BIGINT) FROM return back \
     JOIN refund f ON f.sale_id = back.sale_id AND f.return_number = back.number \
     JOIN operation o ON o.payment_id = f.payment_id AND o.number = f.operation_number \
     WHERE back.merchant_id = $1 AND back.register_id = $2 AND back.shift_number = $3 AND o.state = 'approved' \
     GROUP BY back.currency ORDER BY back.currency";

const RETURNS: &str = "SELECT currency, COUNT(*), CAST(SUM(total_minor) AS BIGINT), CAST(SUM(tax_minor) AS BIGINT) \
     FROM return WHERE merchant_id = $1 AND register_id = $2 AND shift_number = $3 GROUP BY currency ORDER BY currency";

const UNREFERENCED_RETURNS: &str = "SELECT currency, COUNT(*), CAST(SUM(total_minor) AS BIGINT), \
     CAST(SUM(tax_minor) AS BIGINT) FROM unreferenced_return \
     WHERE merchant_id = $1 AND register_id = $2 AND shift_number = $3 GROUP BY currency ORDER BY currency";

const CASH_REFUNDS: &str = "SELECT given.currency, COUNT(*), CAST(SUM(given.amount_minor) AS BIGINT) FROM (\
     SELECT back.currency AS currency, f.amount_minor AS amount_minor \
     FROM refund f JOIN return back ON back.sale_id = f.sale_id AND back.number = f.return_number \
     WHERE f.merchant_id = $1 AND f.register_id = $2 AND f.shift_number = $3 \
     UNION ALL SELECT u.currency, u.total_minor FROM unreferenced_return u \
     WHERE u.merchant_id = $1 AND u.register_id = $2 AND u.shift_number = $3) AS given \
     GROUP BY given.currency ORDER BY given.currency";

/// Of sales and of returns, which share the register's series.
const RECEIPTS: &str = "SELECT r.id, r.name, COUNT(*), MIN(receipt.number), MAX(receipt.number) FROM (\
     SELECT s.register_id AS register_id, s.receipt_number AS number FROM sale s \
     WHERE s.merchant_id = $1 AND s.register_id = $2 AND s.shift_number = $3 \
     UNION ALL SELECT back.register_id, back.receipt_number FROM return back \
     WHERE back.merchant_id = $1 AND back.register_id = $2 AND back.shift_number = $3 \
     UNION ALL SELECT u.register_id, u.receipt_number FROM unreferenced_return u \
     WHERE u.merchant_id = $1 AND u.register_id = $2 AND u.shift_number = $3) AS receipt \
     JOIN register r ON r.id = receipt.register_id GROUP BY r.id, r.name";

/// A payment that nobody can tell the outcome of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InDoubt {
    /// Which one.
    pub payment: PaymentId,
    /// Its currency.
    pub currency: Currency,
    /// What was asked for, in minor units.
    pub asked_minor: i64,
    /// Who cares for it, once it is a person's; the hub itself before.
    pub owner: Option<String>,
}

fn in_doubt_sum() -> String {
    format!(
        "SELECT p.currency, COUNT(*), CAST(SUM(p.asked_minor) AS BIGINT) FROM ({IN_DOUBT_SUBJECTS}) AS cared_for \
         CROSS JOIN payment p WHERE p.id = cared_for.subject AND p.merchant_id = $1 AND p.register_id = $2 \
         AND p.state IN ('in_doubt', 'needs_person') GROUP BY p.currency ORDER BY p.currency"
    )
}

fn in_doubt() -> String {
    format!(
        "SELECT p.id, p.currency, p.asked_minor, MAX(e.owner) FROM ({IN_DOUBT_SUBJECTS}) AS cared_for \
         CROSS JOIN payment p LEFT JOIN exception e ON e.subject = p.id AND e.resolved_at IS NULL \
         WHERE p.id = cared_for.subject AND p.merchant_id = $1 AND p.register_id = $2 \
         AND p.state IN ('in_doubt', 'needs_person') GROUP BY p.id, p.currency, p.asked_minor ORDER BY p.id LIMIT $3"
    )
}

impl Reader {
    /// One shift.
    pub async fn find_shift(&self, merchant: MerchantId, id: ShiftId) -> Result<Option<Shift>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::display(id.register), Cell::Int(i64::from(id.number))];
        let found = self.list("WHERE merchant_id = $1 AND register_id = $2 AND number = $3", params).await?;
        Ok(found.into_iter().next())
    }

    /// A page of the merchant's shifts after one of them, by register and number; of one register, if one is named.
    pub async fn list_shifts(
        &self,
        merchant: MerchantId,
        register: Option<RegisterId>,
        after: Option<ShiftId>,
        limit: i64,
    ) -> Result<Vec<Shift>, EngineError> {
        let text = |id: Option<RegisterId>| Cell::Text(id.map(|id| id.to_string()).unwrap_or_default().into());
        let params = vec![
            Cell::display(merchant),
            text(after.map(|id| id.register)),
            Cell::Int(after.map_or(0, |id| i64::from(id.number))),
            text(register),
            Cell::Int(limit.clamp(1, PAGE_MAX)),
        ];
        let tail = "WHERE merchant_id = $1 AND (register_id, number) > ($2, $3) AND (register_id = $4 OR $4 = '') \
                    ORDER BY register_id, number LIMIT $5";
        self.list(tail, params).await
    }

    /// The cash movements of a shift: no more than one may have.
    pub async fn list_cash_movements(
        &self,
        merchant: MerchantId,
        shift: ShiftId,
    ) -> Result<Vec<CashMovement>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::display(shift.register), Cell::Int(i64::from(shift.number))];
        let tail = "WHERE merchant_id = $1 AND register_id = $2 AND shift_number = $3 ORDER BY number";
        self.list(tail, params).await
    }

    /// What a shift amounts to. What is in doubt is so now.
    pub async fn sum_up_shift(&self, merchant: MerchantId, shift: ShiftId) -> Result<Sums, EngineError> {
        let params =
            || vec![Cell::display(merchant), Cell::display(shift.register), Cell::Int(i64::from(shift.number))];
        let of = |sql: String| Query { sql: sql.into(), params: params() };
        let two = || vec![Cell::display(merchant), Cell::display(shift.register)];
        self.sums(vec![
            of(closed(OF_SHIFT)),
            of(receipts_alike(OF_SHIFT)),
            of(discounts(OF_SHIFT)),
            of(cash(OF_SHIFT)),
            of(electronic(OF_SHIFT)),
            of(return_credits(OF_SHIFT)),
            of(REFUNDS.to_owned()),
            of(RETURNS.to_owned()),
            of(UNREFERENCED_RETURNS.to_owned()),
            of(CASH_REFUNDS.to_owned()),
            Query { sql: in_doubt_sum().into(), params: two() },
            Query { sql: EXCEPTIONS.into(), params: vec![Cell::display(merchant)] },
            of(RECEIPTS.to_owned()),
        ])
        .await
    }

    /// The first payments of a register that nobody can tell the outcome of, each with its owner.
    pub async fn list_in_doubt(
        &self,
        merchant: MerchantId,
        register: RegisterId,
        limit: i64,
    ) -> Result<Vec<InDoubt>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::display(register), Cell::Int(limit.clamp(1, PAGE_MAX))];
        let rows = self.query(in_doubt(), params).await?;
        let read = |row| {
            let mut row = RowReader::new(<Payment as Stored>::TABLE, row);
            Ok(InDoubt {
                payment: row.parse()?,
                currency: row.word(Currency::parse)?,
                asked_minor: row.int()?,
                owner: row.text_option()?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}
