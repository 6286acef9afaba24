//! One thread, one connection, prepared statements: the rows of a payment and one durable commit, over and over.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::random::{Ids, Random};
use crate::stats::Histogram;
use crate::template::{Cell, Row, Template};
use crate::world::{LARGE_MERCHANTS, Shop, World};

/// As the hub's writer: the same page cache, the same length of the log before it is folded in.
const SETTINGS: &str = "PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4096;";

/// Runs for so long on the database in `file`; gives how many payments were committed, and how long each took.
pub fn run(
    file: &Path,
    world: &World,
    template: &Template,
    warm_up: Duration,
    run: Duration,
) -> anyhow::Result<Histogram> {
    let connection = storage::sqlite::open(file, false)?;
    connection.execute_batch(SETTINGS)?;
    let mut writer = Writer::prepare(&connection, world, template)?;
    let from = Instant::now() + warm_up;
    let mut latency = Histogram::default();
    loop {
        let begun = Instant::now();
        if begun >= from + run {
            return Ok(latency);
        }
        writer.write_one(&connection)?;
        if begun >= from {
            latency.record(begun.elapsed().as_nanos() as u64);
        }
    }
}

/// The heads of one merchant's numbers.
struct Head {
    event: i64,
    audit: i64,
    version: i64,
}

struct Writer<'a> {
    template: &'a Template,
    inserts: Vec<String>,
    /// Per row and cell, where ids stand.
    places: Vec<Vec<Vec<(usize, usize)>>>,
    shops: &'a [Shop],
    heads: Vec<Head>,
    ids: Ids,
    random: Random,
}

const BUMP: &str = "UPDATE merchant_counter SET event_number = ?2, audit_number = ?3, audit_hash = ?4, version = ?5 + 1 \
     WHERE merchant_id = ?1 AND version = ?5";

impl<'a> Writer<'a> {
    fn prepare(connection: &Connection, world: &'a World, template: &'a Template) -> anyhow::Result<Self> {
        let shops = &world.shops[..LARGE_MERCHANTS];
        let head = |shop: &Shop| {
            let sql = "SELECT event_number, audit_number, version FROM merchant_counter WHERE merchant_id = ?1";
            let head = connection.query_row(sql, [shop.merchant.to_string()], |row| {
                Ok(Head { event: row.get(0)?, audit: row.get(1)?, version: row.get(2)? })
            });
            head.context("a merchant has no counter")
        };
        let heads = shops.iter().map(head).collect::<anyhow::Result<_>>()?;
        let inserts = template.rows.iter().map(insert).collect();
        let words = old_words(template);
        let places_of = |row: &Row| row.cells.iter().map(|(_, cell)| find_words(cell, &words)).collect();
        let places = template.rows.iter().map(places_of).collect();
        Ok(Self { template, inserts, places, shops, heads, ids: Ids::new(3), random: Random::new(3) })
    }

    fn write_one(&mut self, connection: &Connection) -> anyhow::Result<()> {
        let merchant = self.random.below(self.shops.len());
        let words = self.words(merchant);
        let head = &mut self.heads[merchant];
        head.audit += 1;
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        for ((row, sql), places) in self.template.rows.iter().zip(&self.inserts).zip(&self.places) {
            head.event += i64::from(row.table == "event");
            let cells =
                row.cells.iter().zip(places).map(|((column, cell), places)| match (row.table, column.as_str()) {
                    ("event", "number") | ("audit", "last_event") => Value::Integer(head.event),
                    ("audit", "number") => Value::Integer(head.audit),
                    ("event", "id") => Value::Text(format!("evt_{}", self.ids.draw().simple())),
                    _ => value(cell, places, &words),
                });
            connection.prepare_cached(sql)?.execute(params_from_iter(cells))?;
        }
        let id = self.shops[merchant].merchant.to_string();
        let params = rusqlite::params![id, head.event, head.audit, [7_u8; 32], head.version];
        anyhow::ensure!(connection.prepare_cached(BUMP)?.execute(params)? == 1, "somebody else writes here");
        head.version += 1;
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    /// What to write in the place of the template's words.
    fn words(&mut self, merchant: usize) -> Vec<String> {
        let shop = &self.shops[merchant];
        let register = shop.registers[self.random.below(shop.registers.len())];
        vec![
            format!("pay_{}", self.ids.draw().simple()),
            shop.merchant.to_string(),
            shop.location.to_string(),
            register.to_string(),
            shop.manual.to_string(),
            self.ids.draw().hyphenated().to_string(),
        ]
    }
}

/// The words of the template that differ from payment to payment.
fn old_words(template: &Template) -> Vec<&str> {
    let payment = template.payment();
    let columns = ["id", "merchant_id", "location_id", "register_id", "connection_id"];
    let key = template.row("idempotency").map_or("", |row| row.text("key"));
    columns.into_iter().map(|column| payment.text(column)).chain([key]).collect()
}

fn insert(row: &Row) -> String {
    let names: Vec<&str> = row.cells.iter().map(|(name, _)| name.as_str()).collect();
    let places: Vec<String> = (1..=names.len()).map(|n| format!("?{n}")).collect();
    format!("INSERT INTO {} ({}) VALUES ({})", row.table, names.join(", "), places.join(", "))
}

/// Where the old ids stand in a cell: offset and index of the word. Found once, so that the loop does not search.
fn find_words(cell: &Cell, words: &[&str]) -> Vec<(usize, usize)> {
    let bytes = match cell {
        Cell::Text(text) => text.as_bytes(),
        Cell::Bytes(bytes) => bytes,
        Cell::Null | Cell::Int(_) | Cell::Bool(_) => &[],
    };
    let starts_at = |at: usize| {
        let word = words.iter().position(|word| !word.is_empty() && bytes[at..].starts_with(word.as_bytes()))?;
        Some((at, word))
    };
    (0..bytes.len()).filter_map(starts_at).collect()
}

/// The cell with new ids, all as long as the old ones.
fn value(cell: &Cell, places: &[(usize, usize)], words: &[String]) -> Value {
    let replaced = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        for (at, word) in places {
            let word = words[*word].as_bytes();
            bytes[*at..*at + word.len()].copy_from_slice(word);
        }
        bytes
    };
    match cell {
        Cell::Null => Value::Null,
        Cell::Int(value) => Value::Integer(*value),
        Cell::Bool(value) => Value::Integer(i64::from(*value)),
        Cell::Text(text) => Value::Text(String::from_utf8(replaced(text.as_bytes())).unwrap_or_default()),
        Cell::Bytes(bytes) => Value::Blob(replaced(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_replaced_wherever_they_stand() {
        let (old, new) = (["pay_1", "", "reg_1"], ["pay_2".to_owned(), String::new(), "reg_9".to_owned()]);
        let with_new = |cell: &Cell| value(cell, &find_words(cell, &old), &new);
        let cell = Cell::Text(r#"{"id":"pay_1","by":"reg_1","next":"pay_1-1"}"#.to_owned());
        let expected = r#"{"id":"pay_2","by":"reg_9","next":"pay_2-1"}"#;
        assert_eq!(with_new(&cell), Value::Text(expected.to_owned()));
        assert_eq!(with_new(&Cell::Bytes(b"xpay_1".to_vec())), Value::Blob(b"xpay_2".to_vec()));
        assert_eq!(with_new(&Cell::Bool(true)), Value::Integer(1));
    }
}
