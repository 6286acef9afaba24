//! The tables as the migrations make them: the tests do not ask the code under test what a row looks like.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use storage::check::Source;
use storage::{Cell, Row, Table};

use domain::time::Timestamp;
use storage::memory::Memory;

/// All tables, by name.
pub static TABLES: LazyLock<BTreeMap<&'static str, &'static Table>> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort_by_key(|file| number(file));
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let text: &'static str = text.leak();
    let mut tables: BTreeMap<_, _> =
        text.split("CREATE TABLE ").skip(1).map(parse_table).map(|table| (table.name, table)).collect();
    for change in text.lines().filter_map(|line| line.strip_prefix("ALTER TABLE ")) {
        let (name, column) = change.trim_end_matches(';').split_once(" ADD COLUMN ").unwrap();
        add_column(tables.get_mut(name).unwrap(), parse_column(name, column));
    }
    tables.into_iter().map(|(name, table)| (name, &*Box::leak(Box::new(table)))).collect()
});

/// `V10__…` comes after `V9__…`.
fn number(migration: &std::path::Path) -> u32 {
    let name = migration.file_name().unwrap().to_str().unwrap();
    name.trim_start_matches('V').split_once("__").unwrap().0.parse().unwrap()
}

/// A record has its version last, whenever its other columns came.
fn add_column(table: &mut Table, column: (&'static str, storage::Kind)) {
    let mut columns = table.columns.to_vec();
    columns.insert(columns.len() - 1, column);
    table.columns = columns.leak();
}

fn parse_column(table: &str, text: &'static str) -> (&'static str, storage::Kind) {
    use storage::Kind;
    let (name, rest) = text.split_once(' ').unwrap();
    let kind = match rest.split(' ').next().unwrap() {
        "TEXT" => Kind::Text,
        "BIGINT" => Kind::Int,
        "BOOLEAN" => Kind::Bool,
        "BYTEA" => Kind::Bytes,
        other => panic!("{table}: {other}"),
    };
    (name, kind)
}

fn parse_table(text: &'static str) -> Table {
    let (name, rest) = text.split_once(" (\n").unwrap();
    let (body, _) = rest.split_once("\n)").unwrap();
    let mut columns = Vec::new();
    let mut key_len = 1;
    for line in body.lines().map(|line| line.trim().trim_end_matches(',')) {
        let (word, rest) = line.split_once(' ').unwrap();
        match word {
            "PRIMARY" => key_len = rest.split(',').count(),
            "CONSTRAINT" | "UNIQUE" | "FOREIGN" | "CHECK" => {}
            _ => columns.push(parse_column(name, line)),
        }
    }
    Table { name, columns: columns.leak(), key_len, is_locked: false, unique: &[] }
}

/// The table of that name.
pub fn table(name: &str) -> &'static Table {
    TABLES.get(name).copied().unwrap_or_else(|| panic!("no table {name}"))
}

/// All rows of a table, in key order, with flags as numbers.
pub fn rows(source: &mut dyn Source, name: &str) -> Vec<Row> {
    let table = table(name);
    let (mut rows, mut after) = (Vec::new(), None::<Row>);
    loop {
        let page = source.page(table, after.as_deref()).unwrap();
        let Some(last) = page.last() else { return rows };
        after = Some(last[..table.key_len].to_vec());
        rows.extend(page.into_iter().map(|row| row.into_iter().map(without_flags).collect::<Row>()));
    }
}

fn without_flags(cell: Cell<'static>) -> Cell<'static> {
    if let Cell::Bool(flag) = cell { Cell::Int(flag.into()) } else { cell }
}

/// The cell of a column.
pub fn cell<'a>(name: &str, row: &'a Row, column: &str) -> &'a Cell<'static> {
    &row[table(name).position(column).unwrap_or_else(|| panic!("no column {name}.{column}"))]
}

/// Changes a row of the simulator's memory behind the back of everybody.
pub fn put_into_memory(memory: &mut Memory, name: &str, row: &Row) {
    use storage::{Engine, Rows, Write};
    let table = table(name);
    let stored = rows(memory, name).into_iter().find(|stored| stored[..table.key_len] == row[..table.key_len]);
    let mut cells = Rows::new(row.len() + 1);
    cells.cells.extend(row.iter().cloned());
    cells.cells.push(stored.unwrap().pop().unwrap());
    memory.begin(super::shop::batch_id(Timestamp(0))).unwrap();
    memory.write(&[Write::Update(table, cells)]).unwrap();
    memory.commit().unwrap();
}
