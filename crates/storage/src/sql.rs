//! The statements that follow from a table's columns. Portable text, one for both engines; the set-wise forms of
//! PostgreSQL are in `postgres.rs`.

use crate::prune::{ROWS_MAX, Rule};
use crate::table::{Kind, Table};

/// `$1, $2, …`
pub fn placeholders(count: usize) -> String {
    (1..=count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

/// The names of all columns, in order.
pub fn columns(table: &Table) -> String {
    table.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Inserts one row.
pub fn insert_row(table: &Table, conflict: &str) -> String {
    format!("INSERT INTO {} ({}) VALUES ({}){conflict}", table.name, columns(table), placeholders(table.columns.len()))
}

/// Whether a column stays as it was inserted, beside those of the key.
fn is_kept(table: &Table, column: &str) -> bool {
    column == "merchant_id" || (table.name == "webhook_delivery" && matches!(column, "endpoint_id" | "event_id"))
}

/// Updates one row by key and version. The parameters are the whole row and the version it had. What a row keeps is compared
/// and not set: SQLite writes the entries of a row anew in each index of which a column is set, if only to what it was.
pub fn update_row(table: &Table) -> String {
    let equal = |(place, (name, _)): (usize, &(&str, Kind))| format!("{name} = ${}", place + 1);
    let is_compared = |place: usize, name: &str| place < table.key_len || is_kept(table, name);
    let columns = || table.columns.iter().enumerate();
    let compared: Vec<String> = columns().filter(|(place, (name, _))| is_compared(*place, name)).map(equal).collect();
    let set: Vec<String> = columns().filter(|(place, (name, _))| !is_compared(*place, name)).map(equal).collect();
    format!(
        "UPDATE {} SET {} WHERE {} AND version = ${}",
        table.name,
        set.join(", "),
        compared.join(" AND "),
        table.columns.len() + 1
    )
}

/// Reads the rows whose first key columns have these values, in key order.
pub fn select_by_prefix(table: &Table, prefix_len: usize) -> String {
    let wheres: Vec<String> = table
        .columns
        .iter()
        .take(prefix_len)
        .enumerate()
        .map(|(i, (name, _))| format!("{name} = ${}", i + 1))
        .collect();
    let order: Vec<&str> = table.columns.iter().take(table.key_len).map(|(name, _)| *name).collect();
    format!(
        "SELECT {} FROM {} WHERE {} ORDER BY {}",
        columns(table),
        table.name,
        wheres.join(" AND "),
        order.join(", ")
    )
}

/// Fills in an answer that is still to come: merchant, key, subject, status, content type, body.
pub const ANSWER_ROW: &str = "UPDATE idempotency SET subject = $3, status = $4, content_type = $5, body = $6 \
     WHERE merchant_id = $1 AND key = $2 AND status = 0";

fn keys(table: &Table) -> String {
    let keys: Vec<&str> = table.columns.iter().take(table.key_len).map(|(name, _)| *name).collect();
    keys.join(", ")
}

/// `$from, …` for one key of the table.
fn key_placeholders(table: &Table, from: usize) -> String {
    (from..from + table.key_len).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

/// The key of the last row of a full page of the table; the parameters are the key after which the page begins.
pub fn page_end(table: &Table, has_after: bool) -> String {
    let (name, keys) = (table.name, keys(table));
    let from = if has_after { format!("WHERE ({keys}) > ({}) ", key_placeholders(table, 1)) } else { String::new() };
    format!("SELECT {keys} FROM {name} {from}ORDER BY {keys} LIMIT 1 OFFSET {}", ROWS_MAX - 1)
}

/// Deletes what is over between two keys, where there are two: the limit, the key before the first, the last key.
pub fn delete_page(rule: &Rule, has_after: bool, has_end: bool) -> String {
    let (table, keys) = (rule.table, keys(rule.table));
    let mut text = format!("DELETE FROM {} WHERE {} < $1", table.name, rule.guard);
    let mut next = 2;
    for (is_there, sign) in [(has_after, ">"), (has_end, "<=")] {
        if is_there {
            text.push_str(&format!(" AND ({keys}) {sign} ({})", key_placeholders(table, next)));
            next += table.key_len;
        }
    }
    text
}

/// The name of the constraint that keeps a table's key unique, as PostgreSQL gives it.
pub fn primary_key(table: &Table) -> String {
    format!("{}_pkey", table.name)
}

/// The name of the unique constraint over `columns`, as SQLite lists them (`table.column, table.column`).
pub fn unique_by_columns(columns: &str) -> String {
    let is_over = |table: &Table, over: &[&str]| {
        let listed: Vec<String> = over.iter().map(|column| format!("{}.{column}", table.name)).collect();
        listed.join(", ") == columns
    };
    for table in crate::record::WITH_UNIQUE {
        if let Some((name, _)) = table.unique.iter().find(|(_, over)| is_over(table, over)) {
            return (*name).to_owned();
        }
    }
    // All that is left are keys.
    format!("{}_pkey", columns.split('.').next().unwrap_or_default())
}
