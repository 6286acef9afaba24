//! Nothing but inserts: the rows that somebody else wrote, put into an empty database of the same schema by prepared
//! statements of many rows each. It parses nothing, decides nothing, reads nothing, and writes no row twice.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{Connection, params_from_iter};
use tokio_postgres::NoTls;
use tokio_postgres::types::{ToSql, Type};

use crate::template::{Cell, of_column, of_value};

/// Rows of one statement: more gain nothing on either engine.
const ROWS_OF_A_STATEMENT: usize = 64;
/// Statements of one commit, so that syncing costs next to nothing.
const STATEMENTS_OF_A_COMMIT: usize = 64;
/// As the hub's writer.
const SETTINGS: &str = "PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4096;";
/// In the order in which they were made: a table refers to earlier ones alone. The list of migrations is no trade.
const SQLITE_TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'refinery_schema_history' ORDER BY rowid";
const POSTGRES_TABLES: &str = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'refinery_schema_history' ORDER BY oid";

/// A table with all that is in it.
#[derive(Debug)]
pub struct Table {
    name: String,
    columns: Vec<String>,
    /// What stands in the columns, for the parameters of PostgreSQL.
    kinds: Vec<Type>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    fn insert(&self, rows: usize, mark: char) -> String {
        let width = self.columns.len();
        let places = |row: usize| {
            let marks: Vec<String> = (1..=width).map(|n| format!("{mark}{}", row * width + n)).collect();
            format!("({})", marks.join(", "))
        };
        let places: Vec<String> = (0..rows).map(places).collect();
        format!("INSERT INTO {} ({}) VALUES {}", self.name, self.columns.join(", "), places.join(", "))
    }
}

/// How many rows there are.
pub fn count(tables: &[Table]) -> usize {
    tables.iter().map(|table| table.rows.len()).sum()
}

/// All tables of a SQLite file.
pub fn tables_of_sqlite(file: &Path) -> anyhow::Result<Vec<Table>> {
    let connection = storage::sqlite::open(file, true)?;
    let mut tables = Vec::new();
    for name in names_of_sqlite(&connection)? {
        let mut statement = connection.prepare(&format!("SELECT * FROM {name}"))?;
        let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let rows = statement.query_map([], |row| (0..columns.len()).map(|i| Ok(of_value(row.get(i)?))).collect())?;
        let rows = rows.collect::<Result<Vec<Vec<Cell>>, _>>()?;
        tables.push(Table { name, columns, kinds: Vec::new(), rows });
    }
    Ok(tables)
}

fn names_of_sqlite(connection: &Connection) -> anyhow::Result<Vec<String>> {
    let mut statement = connection.prepare(SQLITE_TABLES)?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// Writes them into a file that was only migrated; what migrating itself put there stays.
pub fn fill_sqlite(file: &Path, tables: &[Table]) -> anyhow::Result<Duration> {
    let connection = storage::sqlite::open(file, false)?;
    connection.execute_batch(SETTINGS)?;
    let is_empty = |name: &str| {
        connection.query_row(&format!("SELECT NOT EXISTS (SELECT 1 FROM {name})"), [], |row| row.get::<_, bool>(0))
    };
    let mut empty = Vec::new();
    for table in tables {
        if is_empty(&table.name)? {
            empty.push(table);
        }
    }
    let begun = Instant::now();
    for table in empty {
        for commit in table.rows.chunks(ROWS_OF_A_STATEMENT * STATEMENTS_OF_A_COMMIT) {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            for rows in commit.chunks(ROWS_OF_A_STATEMENT) {
                let cells = rows.iter().flatten();
                connection.prepare_cached(&table.insert(rows.len(), '?'))?.execute(params_from_iter(cells))?;
            }
            connection.execute_batch("COMMIT")?;
        }
    }
    Ok(begun.elapsed())
}

/// All tables of a PostgreSQL database.
pub async fn tables_of_postgres(url: &str) -> anyhow::Result<Vec<Table>> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    let mut tables = Vec::new();
    for name in client.query(POSTGRES_TABLES, &[]).await? {
        let name: String = name.get(0);
        let statement = client.prepare(&format!("SELECT * FROM {name}")).await?;
        let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
        let kinds: Vec<Type> = statement.columns().iter().map(|column| column.type_().clone()).collect();
        let rows = client.query(&statement, &[]).await?;
        let rows = rows.iter().map(|row| kinds.iter().enumerate().map(|(i, kind)| of_column(row, i, kind)).collect());
        tables.push(Table { name, columns, rows: rows.collect(), kinds });
    }
    Ok(tables)
}

/// Writes them into a database that was only migrated; what migrating itself put there stays.
pub async fn fill_postgres(url: &str, tables: &[Table]) -> anyhow::Result<Duration> {
    let (mut client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    let mut empty = Vec::new();
    for table in tables {
        let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {})", table.name);
        if client.query_one(&sql, &[]).await?.get(0) {
            empty.push(table);
        }
    }
    let begun = Instant::now();
    for table in empty {
        let whole = client.prepare(&table.insert(ROWS_OF_A_STATEMENT, '$')).await?;
        for commit in table.rows.chunks(ROWS_OF_A_STATEMENT * STATEMENTS_OF_A_COMMIT) {
            let transaction = client.transaction().await?;
            for rows in commit.chunks(ROWS_OF_A_STATEMENT) {
                let params: Vec<Box<dyn ToSql + Sync + '_>> = rows
                    .iter()
                    .flat_map(|row| row.iter().zip(&table.kinds))
                    .map(|(cell, kind)| param(cell, kind))
                    .collect();
                let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| &**param as _).collect();
                if rows.len() == ROWS_OF_A_STATEMENT {
                    transaction.execute(&whole, &params).await?;
                } else {
                    transaction.execute(&table.insert(rows.len(), '$'), &params).await?;
                }
            }
            transaction.commit().await?;
        }
    }
    Ok(begun.elapsed())
}

/// A cell as the driver wants it for a column of this type.
fn param<'a>(cell: &'a Cell, kind: &Type) -> Box<dyn ToSql + Sync + 'a> {
    match cell {
        Cell::Null => match *kind {
            Type::INT8 => Box::new(None::<i64>),
            Type::BOOL => Box::new(None::<bool>),
            Type::BYTEA => Box::new(None::<&[u8]>),
            _ => Box::new(None::<&str>),
        },
        Cell::Int(value) => Box::new(*value),
        Cell::Bool(value) => Box::new(*value),
        Cell::Text(text) => Box::new(text.as_str()),
        Cell::Bytes(bytes) => Box::new(bytes.as_slice()),
    }
}

impl rusqlite::ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => Null.into(),
            Self::Int(value) => (*value).into(),
            Self::Bool(value) => i64::from(*value).into(),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_a_place_for_each_cell() {
        let columns = vec!["id".to_owned(), "amount".to_owned()];
        let table = Table { name: "sale".to_owned(), columns, kinds: Vec::new(), rows: Vec::new() };
        assert_eq!(table.insert(2, '$'), "INSERT INTO sale (id, amount) VALUES ($1, $2), ($3, $4)");
    }
}
