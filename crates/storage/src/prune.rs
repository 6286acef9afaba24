//! What nobody needs any more is deleted: answers whose life is over, rows of batches that nobody can be in doubt about,
//! finished jobs of old records, webhooks that arrived, what POS software without a key asked half a year ago. In key order, a thousand rows looked at in one go, at the pace of
//! the bulk lane. Sales, payments, movements, journal, events and audit stay.

use domain::job::Job;
use domain::print_job::PrintJob;
use domain::smartconnect::{TRANSACTIONS_KEPT_MS, Transaction};
use domain::time::Timestamp;
use domain::webhook_delivery::{State, WebhookDelivery};

use crate::cell::Cell;
use crate::committer::Handle;
use crate::engine::Row;
use crate::record::{BATCH, IDEMPOTENCY, Stored};
use crate::submission::Failure;
use crate::table::Table;

/// Rows that are looked at in one transaction: a few milliseconds of work between two batches.
pub const ROWS_MAX: usize = 1_000;
/// The life of an answer: 30 days. Ids of sales, operations and providers stay unique for ever.
pub const ANSWERS_KEPT_MS: i64 = 30 * DAY_MS;
/// A day: no committer is in doubt about a batch for longer.
pub const BATCHES_KEPT_MS: i64 = DAY_MS;
/// A finished job is kept until the record it is about is a week old. By then no worker has a lease of it left, so that
/// the fence may begin at zero when the record gets a new one.
pub const JOBS_KEPT_MS: i64 = 7 * DAY_MS;

/// A delivery that arrived is kept for as long as its receiver may still ask what it was sent last week.
pub const DELIVERED_KEPT_MS: i64 = 7 * DAY_MS;
/// A dead one is kept until somebody had a month to redrive it, and so is what waits for an endpoint that stays switched
/// off. The event itself stays.
pub const DELIVERIES_KEPT_MS: i64 = 30 * DAY_MS;

/// A print is asked after within days; that a receipt was printed stays with the receipt.
pub const PRINT_JOBS_KEPT_MS: i64 = 30 * DAY_MS;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Which rows of a table are over.
pub struct Rule {
    pub(crate) table: &'static Table,
    kept_ms: i64,
    /// What turns an instant into that which the rows are compared with.
    limit: fn(Timestamp) -> Cell<'static>,
    /// SQL for what has to be below the limit.
    pub(crate) guard: &'static str,
    /// The same, of a whole row.
    pub(crate) is_over: fn(&Row, &Cell<'static>) -> bool,
}

const RULES: [&Rule; 7] = [
    &Rule {
        table: &IDEMPOTENCY,
        kept_ms: ANSWERS_KEPT_MS,
        limit: |at| Cell::Int(at.0),
        guard: "created_at",
        is_over: |row, limit| row.last().is_some_and(|at| at < limit),
    },
    &Rule {
        table: &BATCH,
        kept_ms: BATCHES_KEPT_MS,
        limit: |at| Cell::Int(at.0),
        guard: "created_at",
        is_over: |row, limit| row.last().is_some_and(|at| at < limit),
    },
    &Rule {
        table: Job::TABLE,
        kept_ms: JOBS_KEPT_MS,
        limit: id_time,
        // A subject is an id: three letters, an underscore and a UUID version 7, whose first twelve digits are its time.
        guard: "due_at IS NULL AND SUBSTR(subject, 5, 12)",
        is_over: |row, limit| {
            let (Some(Cell::Text(subject)), Cell::Text(limit)) = (row.get(1), limit) else { return false };
            row.get(3) == Some(&Cell::Null) && subject.get(4..16).is_some_and(|time| time < &**limit)
        },
    },
    &Rule {
        table: WebhookDelivery::TABLE,
        kept_ms: DELIVERED_KEPT_MS,
        limit: |at| Cell::Int(at.0),
        guard: "state = 'delivered' AND updated_at",
        is_over: |row, limit| {
            let (state, updated_at) = (delivery_cell(row, "state"), delivery_cell(row, "updated_at"));
            state == Some(&Cell::text(State::Delivered.as_str())) && updated_at.is_some_and(|at| at < limit)
        },
    },
    &Rule {
        table: WebhookDelivery::TABLE,
        kept_ms: DELIVERIES_KEPT_MS,
        limit: |at| Cell::Int(at.0),
        guard: "updated_at",
        is_over: |row, limit| delivery_cell(row, "updated_at").is_some_and(|at| at < limit),
    },
    &Rule {
        table: PrintJob::TABLE,
        kept_ms: PRINT_JOBS_KEPT_MS,
        limit: |at| Cell::Int(at.0),
        // Who opened a drawer is asked for longer, and there are few.
        guard: "content = 'receipt' AND due_at IS NULL AND updated_at",
        is_over: |row, limit| {
            let cell = |column: &str| PrintJob::TABLE.position(column).and_then(|place| row.get(place));
            let is_ended = cell("due_at") == Some(&Cell::Null) && cell("content") == Some(&Cell::text("receipt"));
            is_ended && cell("updated_at").is_some_and(|at| at < limit)
        },
    },
    &Rule {
        table: Transaction::TABLE,
        kept_ms: TRANSACTIONS_KEPT_MS,
        limit: |at| Cell::Int(at.0),
        guard: "created_at",
        is_over: |row, limit| {
            Transaction::TABLE.position("created_at").and_then(|place| row.get(place)).is_some_and(|at| at < limit)
        },
    },
];

fn delivery_cell<'a>(row: &'a Row, column: &str) -> Option<&'a Cell<'static>> {
    WebhookDelivery::TABLE.position(column).and_then(|place| row.get(place))
}

/// The first digits of the ids that were drawn at an instant.
fn id_time(at: Timestamp) -> Cell<'static> {
    Cell::Text(format!("{:012x}", at.0.max(0)).into())
}

/// One page to look at.
pub struct Prune {
    pub(crate) rule: &'static Rule,
    pub(crate) limit: Cell<'static>,
    pub(crate) after: Option<Row>,
}

impl Prune {
    /// The parameters of the statement that deletes: the limit, and the keys on either side where there are some.
    pub(crate) fn params<'a>(&'a self, end: Option<&'a Row>) -> Vec<Cell<'a>> {
        let keys = self.after.iter().chain(end).flatten();
        std::iter::once(&self.limit).chain(keys).cloned().collect()
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// Rows deleted.
    pub deleted: u64,
    /// The key from which to go on; none at the end of the table.
    pub next: Option<Row>,
}

impl Handle {
    /// Goes once through the tables whose rows come to an end, and says how many it deleted. To be called now and then.
    pub async fn prune(&self, now: Timestamp) -> Result<u64, Failure> {
        let mut deleted = 0;
        for rule in RULES {
            let limit = (rule.limit)(now.plus_ms(-rule.kept_ms));
            let mut after = None;
            loop {
                let prune = Prune { rule, limit: limit.clone(), after };
                let page = self.run_errand(move |engine| engine.prune(&prune)).await?;
                deleted += page.deleted;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        self.forget().await?;
        Ok(deleted)
    }

    /// Lets go of what was written over: after somebody was erased, and with each pruning for what a reader held then.
    pub async fn forget(&self) -> Result<(), Failure> {
        self.run_errand(|engine| engine.forget()).await
    }
}
