//! What became of a request, by its id or its idempotency key: the answer that is kept, and what the audit chain says.

use domain::id::MerchantId;
use domain::time::Timestamp;

use super::{PAGE_MAX, StoredEvent, stored_event};
use crate::cell::Cell;
use crate::engine::Row;
use crate::error::EngineError;
use crate::reader::{Query, Reader};
use crate::record::{AUDIT, IDEMPOTENCY};
use crate::submission::Answer;
use crate::table::RowReader;

/// Commands of a merchant that are looked through for a request id, the newest first: some days of a busy shop, in some tens
/// of milliseconds. An index over the ids would cost each sale a page, for what is asked after a fault.
pub const COMMANDS_MAX: i64 = 100_000;
/// Commands that are told of one request id: a client that gives all its requests one id learns of the last ones.
const CHANGES_MAX: i64 = 20;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Its answer and since when it stands, where the id is an idempotency key. Status 0: the command has committed, and its
    /// answer is still to come.
    pub answer: Option<(Answer, Timestamp)>,
    /// What was changed under the id of the request, in order.
    pub changes: Vec<Change>,
}

/// One command that changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its number in the merchant's audit chain.
    pub number: i64,
    /// `noun.verb`.
    pub command: String,
    /// Who answers for it: the id of an API key, or a worker.
    pub actor: String,
    /// When it was committed.
    pub recorded_at: Timestamp,
    /// The events that it made, at most [`PAGE_MAX`].
    pub events: Vec<StoredEvent>,
}

impl Reader {
    /// What became of the request with this id or idempotency key.
    pub async fn find_request(&self, merchant: MerchantId, id: &str) -> Result<Fate, EngineError> {
        let named = || vec![Cell::display(merchant), Cell::Text(id.to_owned().into())];
        let limits = [Cell::Int(COMMANDS_MAX), Cell::Int(CHANGES_MAX)];
        let answer = "SELECT status, subject, content_type, body, created_at FROM idempotency
            WHERE merchant_id = $1 AND key = $2";
        // The events of a command are those up to its last one that no earlier command made.
        let changes = "SELECT number, command, actor, recorded_at, last_event,
                COALESCE((SELECT b.last_event FROM audit b WHERE b.merchant_id = $1 AND b.number = a.number - 1), 0)
            FROM audit a WHERE a.merchant_id = $1 AND a.request_id = $2
            AND a.number > (SELECT c.audit_number FROM merchant_counter c WHERE c.merchant_id = $1) - $3
            ORDER BY a.number DESC LIMIT $4";
        let queries = vec![
            Query { sql: answer.into(), params: named() },
            Query { sql: changes.into(), params: named().into_iter().chain(limits).collect() },
        ];
        let mut found = self.run(queries).await?.into_iter();
        let mut next = || found.next().unwrap_or_default();
        let answer = next().into_iter().next().map(read_answer).transpose()?;
        let mut changes = next().into_iter().map(read_change).collect::<Result<Vec<_>, _>>()?;
        changes.reverse();
        Ok(Fate { answer, changes: self.with_events(merchant, changes).await? })
    }

    /// Fills in the events between the numbers of each change.
    async fn with_events(
        &self,
        merchant: MerchantId,
        changes: Vec<(Change, [i64; 2])>,
    ) -> Result<Vec<Change>, EngineError> {
        let sql = "SELECT number, id, kind, subject, data, recorded_at FROM event
            WHERE merchant_id = $1 AND number > $2 AND number <= $3 ORDER BY number LIMIT $4";
        let queries = changes.iter().map(|(_, [after, last])| Query {
            sql: sql.into(),
            params: vec![Cell::display(merchant), Cell::Int(*after), Cell::Int(*last), Cell::Int(PAGE_MAX)],
        });
        let found = self.run(queries.collect()).await?;
        let filled = changes.into_iter().zip(found).map(|((change, _), rows)| {
            let events = rows.into_iter().map(stored_event).collect::<Result<_, _>>()?;
            Ok(Change { events, ..change })
        });
        filled.collect()
    }
}

fn read_answer(row: Row) -> Result<(Answer, Timestamp), EngineError> {
    let mut row = RowReader::new(&IDEMPOTENCY, row);
    let (status, subject) = (row.small()?, row.text()?);
    let answer = Answer { status, subject, content_type: row.text()?.into(), body: row.bytes()? };
    Ok((answer, Timestamp(row.int()?)))
}

/// A change without its events, and the numbers of the event before its first and of its last.
fn read_change(row: Row) -> Result<(Change, [i64; 2]), EngineError> {
    let mut row = RowReader::new(&AUDIT, row);
    let change = Change {
        number: row.int()?,
        command: row.text()?,
        actor: row.text()?,
        recorded_at: Timestamp(row.int()?),
        events: Vec::new(),
    };
    let last = row.int()?;
    Ok((change, [row.int()?, last]))
}
