//! What the hub reads beside the committer: single records with their parts, and pages by key. Every query names the
//! merchant, but for those of the hub's own workers.

pub mod article;
pub mod customer;
mod doubt;
pub mod external_ref;
pub mod mpos;
pub mod parked_sale;
mod people;
pub mod printing;
mod promotion;
mod provider_notice;
pub mod receipt;
pub mod report;
pub mod request;
pub mod shift;
pub mod smartconnect;
pub mod stock;
pub mod stocktake;
pub mod terminal;
pub mod transfer;
mod unreferenced_return;
pub mod webhook;

use std::borrow::Cow;
use std::sync::LazyLock;

use domain::exception::Exception;
use domain::external_ref::ExternalRef;
use domain::id::{
    ApiKeyId, ArticleId, ConnectionId, ExceptionId, LocationId, MerchantId, PaymentId, RegisterId, SaleId,
};
use domain::job::{self, JobId};
use domain::merchant::{ApiKey, Connection, Location, Merchant, Register};
use domain::payment::{Operation, Payment};
use domain::returns::{History, Refund, Return, ReturnLine, Returned, returned};
use domain::sale::{Sale, SaleLine, Tender};
use domain::stock::StockLevel;
use domain::time::Timestamp;

use crate::cell::Cell;
use crate::engine::Row;
use crate::error::EngineError;
use crate::quick::{Found, LookUp};
use crate::reader::{Query, Reader};
use crate::record::Stored;
use crate::sql::columns;
use crate::submission::Answer;
use crate::table::RowReader;

/// The most rows of one page.
pub const PAGE_MAX: i64 = 200;

/// A committed event under its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number within the merchant, from 1, without a gap.
    pub number: i64,
    /// Its id.
    pub id: String,
    /// `noun.past_verb`.
    pub kind: String,
    /// The id of the record it is about.
    pub subject: String,
    /// JSON, an object.
    pub data: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// A sale with its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeSale {
    /// The sale.
    pub sale: Sale,
    /// Its lines, by number.
    pub lines: Vec<SaleLine>,
    /// Its tenders, by id.
    pub tenders: Vec<Tender>,
    /// How much has come back of its lines.
    pub returned: Returned,
    /// Under which ids other systems know it and its returns.
    pub external_refs: Vec<ExternalRef>,
}

/// A payment with its operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholePayment {
    /// The payment.
    pub payment: Payment,
    /// Its operations, by number.
    pub operations: Vec<Operation>,
    /// Under which ids other systems know it and its refunds.
    pub external_refs: Vec<ExternalRef>,
}

/// A job that waits to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueJob {
    /// Which one.
    pub id: JobId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Since when it is due.
    pub due_at: Timestamp,
}

/// A column, and the value that is wanted of it.
type Wanted = (&'static str, Option<Cell<'static>>);

/// ` AND column = $n` for each value that is wanted, which stands behind the `params` that are there.
fn conditions<const N: usize>(wanted: [Wanted; N], params: &mut Vec<Cell<'static>>) -> String {
    let mut conditions = String::new();
    for (column, value) in wanted {
        if let Some(value) = value {
            params.push(value);
            conditions.push_str(&format!(" AND {column} = ${}", params.len()));
        }
    }
    conditions
}

fn select<R: Stored>(tail: &str) -> String {
    format!("SELECT {} FROM {} {tail}", columns(R::TABLE), R::TABLE.name)
}

/// A sale and its parts, by the sale's id and its merchant.
static SALE: LazyLock<[String; 5]> = LazyLock::new(|| {
    [
        select::<Sale>("WHERE id = $1 AND merchant_id = $2"),
        select::<SaleLine>("WHERE sale_id = $1 AND merchant_id = $2 ORDER BY number"),
        select::<Tender>("WHERE sale_id = $1 AND merchant_id = $2 ORDER BY id"),
        select::<ReturnLine>("WHERE sale_id = $1 AND merchant_id = $2"),
        select::<ExternalRef>(external_ref::READ_WITH),
    ]
});

/// A payment and its parts, by the payment's id and its merchant.
static PAYMENT: LazyLock<[String; 3]> = LazyLock::new(|| {
    [
        select::<Payment>("WHERE id = $1 AND merchant_id = $2"),
        select::<Operation>("WHERE payment_id = $1 AND merchant_id = $2 ORDER BY number"),
        select::<ExternalRef>(external_ref::READ_WITH),
    ]
});

fn query<R: Stored>(tail: &str, params: Vec<Cell<'static>>) -> Query {
    Query { sql: select::<R>(tail).into(), params }
}

fn records<R: Stored>(rows: Vec<Row>) -> Result<Vec<R>, EngineError> {
    rows.into_iter().map(|row| R::read(&mut RowReader::new(R::TABLE, row)).map_err(EngineError::from)).collect()
}

impl Reader {
    async fn list<R: Stored>(&self, tail: &str, params: Vec<Cell<'static>>) -> Result<Vec<R>, EngineError> {
        records(self.query(select::<R>(tail), params).await?)
    }

    async fn find<R: Stored + Send + 'static>(
        &self,
        merchant: MerchantId,
        id: Cell<'static>,
    ) -> Result<Option<R>, EngineError> {
        let texts = vec![select::<R>("WHERE id = $1 AND merchant_id = $2")];
        let look_up = LookUp { texts: texts.into(), params: vec![id, Cell::display(merchant)] };
        self.look_up(look_up, |found| Ok(found.records()?.into_iter().next())).await
    }

    async fn page<R: Stored>(&self, merchant: MerchantId, after: &str, limit: i64) -> Result<Vec<R>, EngineError> {
        self.page_of(merchant, [], after, limit).await
    }

    /// A page of those of which each column has the value that is wanted, if one is.
    async fn page_of<R: Stored, const N: usize>(
        &self,
        merchant: MerchantId,
        wanted: [Wanted; N],
        after: &str,
        limit: i64,
    ) -> Result<Vec<R>, EngineError> {
        let mut params =
            vec![Cell::display(merchant), Cell::Text(after.to_owned().into()), Cell::Int(limit.clamp(1, PAGE_MAX))];
        let conditions = conditions(wanted, &mut params);
        let tail = format!("WHERE merchant_id = $1 AND id > $2{conditions} ORDER BY id LIMIT $3");
        self.list(&tail, params).await
    }

    /// An API key by its id, of any merchant: it says who is calling.
    pub async fn find_api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, EngineError> {
        Ok(self.list("WHERE id = $1", vec![Cell::display(id)]).await?.into_iter().next())
    }

    /// The API keys of a merchant.
    pub async fn list_api_keys(&self, merchant: MerchantId) -> Result<Vec<ApiKey>, EngineError> {
        self.list("WHERE merchant_id = $1 ORDER BY id", vec![Cell::display(merchant)]).await
    }

    /// All merchants of the installation.
    pub async fn list_merchants(&self) -> Result<Vec<Merchant>, EngineError> {
        self.list("ORDER BY id", Vec::new()).await
    }

    /// One merchant.
    pub async fn find_merchant(&self, id: MerchantId) -> Result<Option<Merchant>, EngineError> {
        Ok(self.list("WHERE id = $1", vec![Cell::display(id)]).await?.into_iter().next())
    }

    /// One register.
    pub async fn find_register(&self, merchant: MerchantId, id: RegisterId) -> Result<Option<Register>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// One location.
    pub async fn find_location(&self, merchant: MerchantId, id: LocationId) -> Result<Option<Location>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// One connection.
    pub async fn find_connection(
        &self,
        merchant: MerchantId,
        id: ConnectionId,
    ) -> Result<Option<Connection>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// A connection by its id alone: a notification names no merchant, its connection does.
    pub async fn find_connection_of_any(&self, id: ConnectionId) -> Result<Option<Connection>, EngineError> {
        Ok(self.list("WHERE id = $1", vec![Cell::display(id)]).await?.into_iter().next())
    }

    /// The connection that a payment of any merchant is with: a notification that names no connection names a payment.
    pub async fn find_connection_of_payment(&self, id: PaymentId) -> Result<Option<Connection>, EngineError> {
        let tail = "WHERE id = (SELECT connection_id FROM payment WHERE id = $1)";
        Ok(self.list(tail, vec![Cell::display(id)]).await?.into_iter().next())
    }

    /// A page of the merchant's locations after an id.
    pub async fn list_locations(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Location>, EngineError> {
        self.page(merchant, after, limit).await
    }

    /// A page of the merchant's registers after an id.
    pub async fn list_registers(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Register>, EngineError> {
        self.page(merchant, after, limit).await
    }

    /// A page of the merchant's connections after an id.
    pub async fn list_connections(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Connection>, EngineError> {
        self.page(merchant, after, limit).await
    }

    /// The stock of one location, a page after an article's id; or of one article in it.
    pub async fn list_stock_levels(
        &self,
        merchant: MerchantId,
        location: LocationId,
        article: Option<ArticleId>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<StockLevel>, EngineError> {
        let (location, merchant) = (Cell::display(location), Cell::display(merchant));
        match article {
            Some(article) => {
                self.list(
                    "WHERE location_id = $1 AND article_id = $2 AND merchant_id = $3",
                    vec![location, Cell::display(article), merchant],
                )
                .await
            }
            None => {
                let after = Cell::Text(after.to_owned().into());
                self.list(
                    "WHERE location_id = $1 AND merchant_id = $2 AND article_id > $3 ORDER BY article_id LIMIT $4",
                    vec![location, merchant, after, Cell::Int(limit.clamp(1, PAGE_MAX))],
                )
                .await
            }
        }
    }

    /// The levels of one location that are below their threshold, a page after an article's id.
    pub async fn list_stock_levels_below_threshold(
        &self,
        merchant: MerchantId,
        location: LocationId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<StockLevel>, EngineError> {
        let params = vec![
            Cell::display(location),
            Cell::display(merchant),
            Cell::Text(after.to_owned().into()),
            Cell::Int(limit.clamp(1, PAGE_MAX)),
        ];
        let tail = "WHERE location_id = $1 AND merchant_id = $2 AND article_id > $3 AND reorder_at IS NOT NULL \
                    AND on_hand - reserved < reorder_at ORDER BY article_id LIMIT $4";
        self.list(tail, params).await
    }

    /// A sale with its lines and tenders.
    pub async fn find_sale(&self, merchant: MerchantId, id: SaleId) -> Result<Option<WholeSale>, EngineError> {
        let look_up = LookUp { texts: Cow::Borrowed(&*SALE), params: vec![Cell::display(id), Cell::display(merchant)] };
        let read = |found: &mut Found<'_, '_>| {
            let (sales, lines, tenders) = (found.records()?, found.records()?, found.records()?);
            let returned = returned(&found.records::<ReturnLine>()?);
            let external_refs = found.records()?;
            Ok(sales.into_iter().next().map(|sale| WholeSale { sale, lines, tenders, returned, external_refs }))
        };
        self.look_up(look_up, read).await
    }

    /// The returns of a sale; `None` where the merchant has no such sale.
    pub async fn find_returns(&self, merchant: MerchantId, sale: SaleId) -> Result<Option<History>, EngineError> {
        let by_sale = || vec![Cell::display(sale), Cell::display(merchant)];
        let queries = vec![
            query::<Sale>("WHERE id = $1 AND merchant_id = $2", by_sale()),
            query::<SaleLine>("WHERE sale_id = $1 AND merchant_id = $2 ORDER BY number", by_sale()),
            query::<Return>("WHERE sale_id = $1 AND merchant_id = $2 ORDER BY number", by_sale()),
            query::<ReturnLine>("WHERE sale_id = $1 AND merchant_id = $2 ORDER BY return_number, number", by_sale()),
            query::<Refund>("WHERE sale_id = $1 AND merchant_id = $2 ORDER BY return_number, number", by_sale()),
            query::<Operation>(
                "WHERE payment_id IN (SELECT payment_id FROM refund WHERE sale_id = $1) AND merchant_id = $2",
                by_sale(),
            ),
        ];
        let mut answers = self.run(queries).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let Some(sale) = records::<Sale>(next())?.into_iter().next() else { return Ok(None) };
        Ok(Some(History {
            tax_terms: sale.tax_terms,
            sale_lines: records(next())?,
            returns: records(next())?,
            lines: records(next())?,
            refunds: records(next())?,
            operations: records(next())?,
        }))
    }

    /// A page of the merchant's sales after an id, without their parts.
    pub async fn list_sales(&self, merchant: MerchantId, after: &str, limit: i64) -> Result<Vec<Sale>, EngineError> {
        self.page(merchant, after, limit).await
    }

    /// A page of sales from the newest id back; `before` is the last one of the page before, or empty.
    pub async fn list_sales_backwards(
        &self,
        merchant: MerchantId,
        before: &str,
        limit: i64,
    ) -> Result<Vec<Sale>, EngineError> {
        let mut params = vec![Cell::display(merchant), Cell::Int(limit.clamp(1, PAGE_MAX))];
        if before.is_empty() {
            return self.list("WHERE merchant_id = $1 ORDER BY id DESC LIMIT $2", params).await;
        }
        params.push(Cell::Text(before.to_owned().into()));
        self.list("WHERE merchant_id = $1 AND id < $3 ORDER BY id DESC LIMIT $2", params).await
    }

    /// A payment with its operations.
    pub async fn find_payment(&self, merchant: MerchantId, id: PaymentId) -> Result<Option<WholePayment>, EngineError> {
        let params = vec![Cell::display(id), Cell::display(merchant)];
        let look_up = LookUp { texts: Cow::Borrowed(&*PAYMENT), params };
        let read = |found: &mut Found<'_, '_>| {
            let (payments, operations, external_refs) = (found.records()?, found.records()?, found.records()?);
            Ok(payments.into_iter().next().map(|payment| WholePayment { payment, operations, external_refs }))
        };
        self.look_up(look_up, read).await
    }

    /// A page of the merchant's payments after an id, without their operations.
    pub async fn list_payments(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Payment>, EngineError> {
        self.page(merchant, after, limit).await
    }

    /// A page of the merchant's payments in doubt after an id, those that wait for a person included.
    pub async fn list_payments_in_doubt(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Payment>, EngineError> {
        let params =
            vec![Cell::display(merchant), Cell::Text(after.to_owned().into()), Cell::Int(limit.clamp(1, PAGE_MAX))];
        // By what cares for them, a job or an exception, of which there are few.
        let tail = "WHERE id IN (SELECT subject FROM job WHERE due_at IS NOT NULL AND merchant_id = $1 \
                    UNION SELECT subject FROM exception WHERE merchant_id = $1 AND resolved_at IS NULL) \
                    AND state IN ('in_doubt', 'needs_person') AND id > $2 ORDER BY id LIMIT $3";
        self.list(tail, params).await
    }

    /// The merchant's events after a number, in order.
    pub async fn list_events(
        &self,
        merchant: MerchantId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, EngineError> {
        let rows = self
            .query(
                "SELECT number, id, kind, subject, data, recorded_at FROM event \
                 WHERE merchant_id = $1 AND number > $2 ORDER BY number LIMIT $3",
                vec![Cell::display(merchant), Cell::Int(after), Cell::Int(limit.clamp(1, PAGE_MAX))],
            )
            .await?;
        rows.into_iter().map(stored_event).collect()
    }

    /// The merchant's open exceptions, most money at risk first.
    pub async fn list_open_exceptions(&self, merchant: MerchantId, limit: i64) -> Result<Vec<Exception>, EngineError> {
        self.list(
            "WHERE merchant_id = $1 AND resolved_at IS NULL ORDER BY at_risk_minor DESC, id LIMIT $2",
            vec![Cell::display(merchant), Cell::Int(limit.clamp(1, PAGE_MAX))],
        )
        .await
    }

    /// A page of the merchant's resolved exceptions after an id.
    pub async fn list_resolved_exceptions(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Exception>, EngineError> {
        self.list(
            "WHERE merchant_id = $1 AND id > $2 AND resolved_at IS NOT NULL ORDER BY id LIMIT $3",
            vec![Cell::display(merchant), Cell::Text(after.to_owned().into()), Cell::Int(limit.clamp(1, PAGE_MAX))],
        )
        .await
    }

    /// One exception.
    pub async fn find_exception(
        &self,
        merchant: MerchantId,
        id: ExceptionId,
    ) -> Result<Option<Exception>, EngineError> {
        self.find(merchant, Cell::display(id)).await
    }

    /// The exceptions of one record, open and resolved.
    pub async fn list_exceptions_of(&self, merchant: MerchantId, subject: &str) -> Result<Vec<Exception>, EngineError> {
        self.list(
            "WHERE subject = $1 AND merchant_id = $2 ORDER BY kind",
            vec![Cell::Text(subject.to_owned().into()), Cell::display(merchant)],
        )
        .await
    }

    /// The time that decides when a job is due: the server's on PostgreSQL, which all hubs share; `hub_clock` on SQLite.
    pub async fn now(&self, hub_clock: Timestamp) -> Result<Timestamp, EngineError> {
        if self.is_embedded() {
            return Ok(hub_clock);
        }
        let rows = self.query(crate::postgres::NOW, Vec::new()).await?;
        match rows.into_iter().flatten().next() {
            Some(Cell::Int(now)) => Ok(Timestamp(now)),
            _ => Err(EngineError::Engine("the server does not tell its time".to_owned())),
        }
    }

    /// Jobs that are due at `now`, of all merchants, the oldest first.
    pub async fn list_due_jobs(&self, now: Timestamp, limit: i64) -> Result<Vec<DueJob>, EngineError> {
        let rows = self
            .query(
                "SELECT kind, subject, merchant_id, due_at FROM job \
                 WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $2",
                vec![Cell::Int(now.0), Cell::Int(limit)],
            )
            .await?;
        rows.into_iter().map(due_job).collect()
    }

    /// When the next job is due, if any waits.
    pub async fn next_due_at(&self) -> Result<Option<Timestamp>, EngineError> {
        let rows = self.query("SELECT MIN(due_at) FROM job WHERE due_at IS NOT NULL", Vec::new()).await?;
        Ok(rows
            .into_iter()
            .flatten()
            .find_map(|cell| if let Cell::Int(at) = cell { Some(Timestamp(at)) } else { None }))
    }

    /// The stored answer of an idempotency key, if it has come.
    pub async fn find_answer(&self, merchant: MerchantId, key: &str) -> Result<Option<Answer>, EngineError> {
        let rows = self
            .query(
                "SELECT status, content_type, body, subject FROM idempotency \
                 WHERE merchant_id = $1 AND key = $2 AND status <> 0",
                vec![Cell::display(merchant), Cell::Text(key.to_owned().into())],
            )
            .await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let mut row = RowReader::new(&crate::record::IDEMPOTENCY, row);
        let status = row.small()?;
        Ok(Some(Answer { status, content_type: row.text()?.into(), body: row.bytes()?, subject: row.text()? }))
    }

    /// Whether a request was answered, or is about to be, under an idempotency key.
    pub async fn is_key_known(&self, merchant: MerchantId, key: &str) -> Result<bool, EngineError> {
        let sql = "SELECT status FROM idempotency WHERE merchant_id = $1 AND key = $2";
        let params = vec![Cell::display(merchant), Cell::Text(key.to_owned().into())];
        Ok(!self.query(sql, params).await?.is_empty())
    }

    /// How many rows a table-wide question of the metrics finds: payments in doubt, open exceptions, jobs due.
    pub async fn count_attention(&self, now: Timestamp) -> Result<Attention, EngineError> {
        let queries = vec![
            Query {
                sql: "SELECT COUNT(*) FROM exception WHERE resolved_at IS NULL AND kind = 'payment_in_doubt'".into(),
                params: Vec::new(),
            },
            Query { sql: "SELECT COUNT(*) FROM exception WHERE resolved_at IS NULL".into(), params: Vec::new() },
            Query {
                sql: "SELECT COUNT(*) FROM job WHERE due_at IS NOT NULL AND due_at <= $1".into(),
                params: vec![Cell::Int(now.0)],
            },
        ];
        let counts: Vec<i64> = self
            .run(queries)
            .await?
            .into_iter()
            .map(|rows| match rows.first().and_then(|row| row.first()) {
                Some(Cell::Int(count)) => *count,
                _ => 0,
            })
            .collect();
        let count = |index: usize| counts.get(index).copied().unwrap_or(0);
        Ok(Attention { payments_in_doubt: count(0), open_exceptions: count(1), jobs_due: count(2) })
    }
}

/// What an operator looks at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attention {
    /// Payments for which a person has an open exception of doubt.
    pub payments_in_doubt: i64,
    /// All open exceptions.
    pub open_exceptions: i64,
    /// Jobs whose time has come.
    pub jobs_due: i64,
}

fn stored_event(row: Row) -> Result<StoredEvent, EngineError> {
    let mut row = RowReader::new(&crate::record::EVENT, row);
    Ok(StoredEvent {
        number: row.int()?,
        id: row.text()?,
        kind: row.text()?,
        subject: row.text()?,
        data: row.text()?,
        recorded_at: Timestamp(row.int()?),
    })
}

fn due_job(row: Row) -> Result<DueJob, EngineError> {
    let mut row = RowReader::new(<domain::job::Job as Stored>::TABLE, row);
    Ok(DueJob {
        id: JobId { kind: row.word(job::Kind::parse)?, subject: row.text()? },
        merchant: row.parse()?,
        due_at: Timestamp(row.int()?),
    })
}
