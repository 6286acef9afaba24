//! The rows that one payment leaves, read from the hub's own database: the floors write the very same rows, whatever the
//! hub comes to write.

use std::path::Path;

use anyhow::Context;
use rusqlite::types::Value;
use tokio_postgres::types::Type;

/// What can stand in a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// A number.
    Int(i64),
    /// A flag, where the engine knows flags.
    Bool(bool),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// One row.
#[derive(Debug, Clone)]
pub struct Row {
    /// Of which table.
    pub table: &'static str,
    /// Its columns by name.
    pub cells: Vec<(String, Cell)>,
}

impl Row {
    /// The text in a column; empty where there is none.
    pub fn text(&self, column: &str) -> &str {
        let found = self.cells.iter().find(|(name, _)| name == column);
        if let Some((_, Cell::Text(text))) = found { text } else { "" }
    }
}

/// The rows of one payment.
#[derive(Debug, Clone)]
pub struct Template {
    /// The payment's row first.
    pub rows: Vec<Row>,
}

/// Tables with the condition that finds the rows of the payment `$1`.
const ROWS: [(&str, &str); 6] = [
    ("payment", "id = $1"),
    ("operation", "payment_id = $1"),
    ("job", "subject = $1"),
    ("idempotency", "merchant_id = (SELECT merchant_id FROM payment WHERE id = $1) AND subject = $1"),
    ("event", "merchant_id = (SELECT merchant_id FROM payment WHERE id = $1) AND subject = $1"),
    (
        "audit",
        "merchant_id = (SELECT merchant_id FROM payment WHERE id = $1) AND last_event = \
         (SELECT MAX(number) FROM event WHERE subject = $1 AND merchant_id = (SELECT merchant_id FROM payment WHERE id = $1))",
    ),
];

/// The newest payment that waits for an operator.
const NEWEST: &str = "SELECT MAX(id) FROM payment WHERE operation_count = 1";

impl Template {
    /// From the hub's SQLite file.
    pub fn of_sqlite(file: &Path) -> anyhow::Result<Self> {
        let connection = storage::sqlite::open(file, true)?;
        let payment: String = connection.query_row(NEWEST, [], |row| row.get(0)).context("no payment was stored")?;
        let mut rows = Vec::new();
        for (table, condition) in ROWS {
            let mut statement = connection.prepare(&format!("SELECT * FROM {table} WHERE {condition}"))?;
            let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
            let mut found = statement.query([&payment])?;
            while let Some(row) = found.next()? {
                let cells = names.iter().enumerate().map(|(i, name)| Ok((name.clone(), of_value(row.get(i)?))));
                rows.push(Row { table, cells: cells.collect::<anyhow::Result<_>>()? });
            }
        }
        Self { rows }.checked()
    }

    /// From the hub's PostgreSQL database.
    pub fn of_postgres(url: &str) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
            tokio::spawn(connection);
            let payment: Option<String> = client.query_one(NEWEST, &[]).await?.get(0);
            let payment = payment.context("no payment was stored")?;
            let mut rows = Vec::new();
            for (table, condition) in ROWS {
                for row in client.query(&format!("SELECT * FROM {table} WHERE {condition}"), &[&payment]).await? {
                    let cells = row.columns().iter().enumerate();
                    let cells = cells.map(|(i, column)| (column.name().to_owned(), of_column(&row, i, column.type_())));
                    rows.push(Row { table, cells: cells.collect() });
                }
            }
            Self { rows }.checked()
        })
    }

    fn checked(self) -> anyhow::Result<Self> {
        for (table, _) in ROWS {
            anyhow::ensure!(self.rows.iter().any(|row| row.table == table), "the payment left no row in {table}");
        }
        Ok(self)
    }

    /// The payment's row.
    pub fn payment(&self) -> &Row {
        &self.rows[0]
    }

    /// The row of a table.
    pub fn row(&self, table: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.table == table)
    }

    /// How many events the payment left.
    pub fn events(&self) -> usize {
        self.rows.iter().filter(|row| row.table == "event").count()
    }
}

/// A value of SQLite; there are no floating numbers.
pub fn of_value(value: Value) -> Cell {
    match value {
        Value::Null | Value::Real(_) => Cell::Null,
        Value::Integer(value) => Cell::Int(value),
        Value::Text(text) => Cell::Text(text),
        Value::Blob(bytes) => Cell::Bytes(bytes),
    }
}

/// A column of PostgreSQL.
pub fn of_column(row: &tokio_postgres::Row, i: usize, kind: &Type) -> Cell {
    match *kind {
        Type::INT8 => row.get::<_, Option<i64>>(i).map_or(Cell::Null, Cell::Int),
        Type::BOOL => row.get::<_, Option<bool>>(i).map_or(Cell::Null, Cell::Bool),
        Type::BYTEA => row.get::<_, Option<Vec<u8>>>(i).map_or(Cell::Null, Cell::Bytes),
        _ => row.get::<_, Option<String>>(i).map_or(Cell::Null, Cell::Text),
    }
}
