//! Where the check reads: one snapshot of a database, or the simulator's memory.

use std::path::Path;

use tokio::runtime::Runtime;

use super::Report;
use crate::cell::Cell;
use crate::dial::Dial;
use crate::engine::Row;
use crate::error::EngineError;
use crate::memory::Memory;
use crate::postgres::translate;
use crate::record::Stored;
use crate::sql::{columns, placeholders};
use crate::table::{RowReader, Table};

/// Rows of one page: large enough to be fast, small enough to fit anywhere.
const PAGE_ROWS: usize = 2_000;

/// Gives the rows of a table in key order.
pub trait Source {
    /// The next rows after a key, `PAGE_ROWS` at most; from the beginning without one.
    fn page(&mut self, table: &'static Table, after: Option<&[Cell<'static>]>) -> Result<Vec<Row>, EngineError>;
}

/// Walks through a table row by row.
pub(super) struct Walk {
    table: &'static Table,
    page: std::vec::IntoIter<Row>,
    last: Option<Row>,
    is_over: bool,
}

impl Walk {
    pub fn new(table: &'static Table) -> Self {
        Self { table, page: Vec::new().into_iter(), last: None, is_over: false }
    }

    /// The next row.
    pub fn next(&mut self, source: &mut dyn Source) -> Result<Option<Row>, EngineError> {
        if let Some(row) = self.page.next() {
            return Ok(Some(row));
        }
        if self.is_over {
            return Ok(None);
        }
        let rows = source.page(self.table, self.last.as_deref())?;
        self.is_over = rows.is_empty();
        self.last = rows.last().map(|row| row.iter().take(self.table.key_len).cloned().collect());
        self.page = rows.into_iter();
        Ok(self.page.next())
    }
}

/// Records of one type in key order, one ahead.
pub(super) struct Records<R: Stored> {
    walk: Walk,
    ahead: Option<R>,
}

impl<R: Stored> Records<R> {
    pub fn new(source: &mut dyn Source, report: &mut Report) -> Result<Self, EngineError> {
        let mut records = Self { walk: Walk::new(R::TABLE), ahead: None };
        records.advance(source, report)?;
        Ok(records)
    }

    fn advance(&mut self, source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
        self.ahead = match self.walk.next(source)? {
            None => None,
            Some(row) => {
                report.rows += 1;
                Some(R::read(&mut RowReader::new(R::TABLE, row))?)
            }
        };
        Ok(())
    }

    pub fn next(&mut self, source: &mut dyn Source, report: &mut Report) -> Result<Option<R>, EngineError> {
        let record = self.ahead.take();
        if record.is_some() {
            self.advance(source, report)?;
        }
        Ok(record)
    }

    /// The records from here on that belong to `parent`; those of earlier parents have none and are findings.
    pub fn children<P: Ord + ToString>(
        &mut self,
        parent: &P,
        parent_of: impl Fn(&R) -> P,
        source: &mut dyn Source,
        report: &mut Report,
    ) -> Result<Vec<R>, EngineError> {
        let mut children = Vec::new();
        while let Some(record) = self.ahead.take_if(|record| parent_of(record) <= *parent) {
            let owner = parent_of(&record);
            if owner == *parent {
                children.push(record);
            } else {
                report.find("child_has_parent", owner, format!("a row of {} has no parent", R::TABLE.name));
            }
            self.advance(source, report)?;
        }
        Ok(children)
    }
}

/// A snapshot of a real database, read only.
pub enum Snapshot {
    /// A SQLite file inside one read transaction.
    Sqlite(rusqlite::Connection),
    /// A PostgreSQL database inside one repeatable-read transaction.
    Postgres(Runtime, tokio_postgres::Client),
}

impl Snapshot {
    /// Opens a SQLite file.
    pub fn sqlite(path: &Path) -> Result<Self, EngineError> {
        let connection = crate::sqlite::open(path, true)?;
        connection.execute_batch("BEGIN").map_err(EngineError::engine)?;
        Ok(Self::Sqlite(connection))
    }

    /// Opens a PostgreSQL database.
    pub fn postgres(url: &str) -> Result<Self, EngineError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(EngineError::engine)?;
        let client = runtime.block_on(async {
            let (client, connection) = Dial::parse(url)?.connect().await.map_err(translate)?;
            tokio::spawn(connection);
            client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(translate)?;
            Ok::<_, EngineError>(client)
        });
        Ok(Self::Postgres(runtime, client?))
    }

    /// Runs a query without parameters.
    pub(crate) fn query(&mut self, sql: &str) -> Result<Vec<Row>, EngineError> {
        self.run(sql, &[])
    }

    fn run(&mut self, sql: &str, params: &[Cell<'static>]) -> Result<Vec<Row>, EngineError> {
        match self {
            Self::Sqlite(connection) => crate::sqlite::query(connection, sql, params),
            Self::Postgres(runtime, client) => {
                let params: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> =
                    params.iter().map(|cell| cell as &(dyn tokio_postgres::types::ToSql + Sync)).collect();
                let rows = runtime.block_on(client.query(sql, &params)).map_err(translate)?;
                Ok(rows.iter().map(crate::postgres::cells).collect())
            }
        }
    }
}

impl Source for Snapshot {
    fn page(&mut self, table: &'static Table, after: Option<&[Cell<'static>]>) -> Result<Vec<Row>, EngineError> {
        let keys: Vec<&str> = table.columns.iter().take(table.key_len).map(|(name, _)| *name).collect();
        let keys = keys.join(", ");
        let from = match after {
            Some(_) => format!("WHERE ({keys}) > ({})", placeholders(table.key_len)),
            None => String::new(),
        };
        let sql = format!("SELECT {} FROM {} {from} ORDER BY {keys} LIMIT {PAGE_ROWS}", columns(table), table.name);
        self.run(&sql, after.unwrap_or_default())
    }
}

impl Source for Memory {
    fn page(&mut self, table: &'static Table, after: Option<&[Cell<'static>]>) -> Result<Vec<Row>, EngineError> {
        let after = after.unwrap_or_default();
        let rows = self.rows(table).filter(|row| after.is_empty() || row[..table.key_len] > *after);
        Ok(rows.take(PAGE_ROWS).cloned().collect())
    }
}
