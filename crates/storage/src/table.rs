//! What the engines know of a table: its name, its columns, its key. Loading and set-wise writing are written once over
//! this; a record adds two functions (see `record/`).

use std::str::FromStr;

use crate::cell::Cell;
use crate::error::Corrupt;

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TEXT.
    Text,
    /// BIGINT.
    Int,
    /// BOOLEAN.
    Bool,
    /// BYTEA.
    Bytes,
}

/// One table. The key columns stand first; the column `version`, where there is one, stands last.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Names and kinds of its columns.
    pub columns: &'static [(&'static str, Kind)],
    /// How many of the columns, from the first, are the key.
    pub key_len: usize,
    /// Whether a batch locks the rows that it loads for deciding.
    pub is_locked: bool,
    /// Unique constraints beside the key, by name, with their columns.
    pub unique: &'static [(&'static str, &'static [&'static str])],
}

impl Table {
    /// Whether its rows carry a version.
    pub fn is_versioned(&self) -> bool {
        self.columns.last().is_some_and(|(name, _)| *name == "version")
    }

    /// Where a column stands.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|(name, _)| *name == column)
    }
}

/// Rows of one table, cell after cell.
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    /// How many cells make a row.
    pub width: usize,
    /// The cells of all rows.
    pub cells: Vec<Cell<'a>>,
}

impl<'a> Rows<'a> {
    /// No rows yet, of `width` cells each.
    pub const fn new(width: usize) -> Self {
        Self { width, cells: Vec::new() }
    }

    /// No rows yet, with room for `count`.
    pub fn with_room(width: usize, count: usize) -> Self {
        Self { width, cells: Vec::with_capacity(width.saturating_mul(count)) }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.cells.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Row by row.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, Cell<'a>> {
        self.cells.chunks_exact(self.width)
    }
}

/// Takes a row apart from left to right. The first cell that is not what it should be makes the row corrupt. One reader serves
/// row after row: what it holds of one makes room for the next.
pub struct RowReader {
    table: &'static Table,
    slots: Vec<Slot>,
    /// The texts of the row, one behind the other.
    texts: String,
    /// Its bytes.
    bytes: Vec<u8>,
    next: usize,
}

/// A cell, and where its text or its bytes stand.
#[derive(Clone, Copy)]
enum Slot {
    Null,
    Int(i64),
    Bool(bool),
    Text { from: usize, to: usize },
    Bytes { from: usize, to: usize },
}

impl RowReader {
    /// A reader of a row as the engine gave it.
    pub fn new(table: &'static Table, cells: Vec<Cell<'static>>) -> Self {
        let mut reader = Self::of(table);
        cells.iter().for_each(|cell| reader.push(cell));
        reader
    }

    /// A reader of rows of this table, which are still to come.
    pub fn of(table: &'static Table) -> Self {
        let slots = Vec::with_capacity(table.columns.len());
        Self { table, slots, texts: String::new(), bytes: Vec::new(), next: 0 }
    }

    /// Begins with the next row, which has no cells yet.
    pub fn begin(&mut self) {
        self.slots.clear();
        self.texts.clear();
        self.bytes.clear();
        self.next = 0;
    }

    /// Adds a cell at the end of the row.
    pub fn push(&mut self, cell: &Cell<'_>) {
        self.slots.push(match cell {
            Cell::Null => Slot::Null,
            Cell::Int(value) => Slot::Int(*value),
            Cell::Bool(value) => Slot::Bool(*value),
            Cell::Text(text) => {
                let from = self.texts.len();
                self.texts.push_str(text);
                Slot::Text { from, to: self.texts.len() }
            }
            Cell::Bytes(bytes) => {
                let from = self.bytes.len();
                self.bytes.extend_from_slice(bytes);
                Slot::Bytes { from, to: self.bytes.len() }
            }
        });
    }

    fn take(&mut self) -> Slot {
        self.next += 1;
        self.slots.get(self.next - 1).copied().unwrap_or(Slot::Null)
    }

    fn take_text(&mut self) -> Result<Option<&str>, Corrupt> {
        match self.take() {
            Slot::Null => Ok(None),
            Slot::Text { from, to } => Ok(Some(&self.texts[from..to])),
            _ => Err(self.corrupt()),
        }
    }

    fn take_bytes(&mut self) -> Result<Option<&[u8]>, Corrupt> {
        match self.take() {
            Slot::Null => Ok(None),
            Slot::Bytes { from, to } => Ok(Some(&self.bytes[from..to])),
            _ => Err(self.corrupt()),
        }
    }

    fn corrupt(&self) -> Corrupt {
        let column = self.table.columns.get(self.next.saturating_sub(1)).map_or("", |(name, _)| name);
        let id = match self.slots.first() {
            Some(Slot::Text { from, to }) => self.texts[*from..*to].to_owned(),
            Some(Slot::Int(value)) => value.to_string(),
            _ => String::new(),
        };
        Corrupt { table: self.table.name, id, column }
    }

    /// The next cell, a text.
    pub fn text(&mut self) -> Result<String, Corrupt> {
        self.word(|text| Some(text.to_owned()))
    }

    /// The next cell, a text or NULL.
    pub fn text_option(&mut self) -> Result<Option<String>, Corrupt> {
        self.take_text().map(|text| text.map(str::to_owned))
    }

    /// The next cell, a number.
    pub fn int(&mut self) -> Result<i64, Corrupt> {
        match self.take() {
            Slot::Int(value) => Ok(value),
            _ => Err(self.corrupt()),
        }
    }

    /// The next cell, a number or NULL.
    pub fn int_option(&mut self) -> Result<Option<i64>, Corrupt> {
        match self.take() {
            Slot::Null => Ok(None),
            Slot::Int(value) => Ok(Some(value)),
            _ => Err(self.corrupt()),
        }
    }

    /// The next cell, a number that fits `T`.
    pub fn small<T: TryFrom<i64>>(&mut self) -> Result<T, Corrupt> {
        T::try_from(self.int()?).map_err(|_| self.corrupt())
    }

    /// The next cell, a number that fits `T`, or NULL.
    pub fn small_option<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, Corrupt> {
        self.int_option()?.map(|value| T::try_from(value).map_err(|_| self.corrupt())).transpose()
    }

    /// The next cell, a flag.
    pub fn bool(&mut self) -> Result<bool, Corrupt> {
        self.bool_option()?.ok_or_else(|| self.corrupt())
    }

    /// The next cell, a flag or NULL.
    pub fn bool_option(&mut self) -> Result<Option<bool>, Corrupt> {
        match self.take() {
            Slot::Null => Ok(None),
            Slot::Bool(value) => Ok(Some(value)),
            // SQLite has no flags of its own.
            Slot::Int(0) => Ok(Some(false)),
            Slot::Int(1) => Ok(Some(true)),
            _ => Err(self.corrupt()),
        }
    }

    /// The next cell, bytes.
    pub fn bytes(&mut self) -> Result<Vec<u8>, Corrupt> {
        self.bytes_option()?.ok_or_else(|| self.corrupt())
    }

    /// The next cell, bytes or NULL.
    pub fn bytes_option(&mut self) -> Result<Option<Vec<u8>>, Corrupt> {
        self.take_bytes().map(|bytes| bytes.map(<[u8]>::to_vec))
    }

    /// The next cell, a text that `parse` understands.
    pub fn word<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Corrupt> {
        let parsed = self.take_text()?.and_then(parse);
        parsed.ok_or_else(|| self.corrupt())
    }

    /// The next cell, a text that `parse` understands, or NULL.
    pub fn word_option<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Corrupt> {
        match self.take_text()?.map(parse) {
            None => Ok(None),
            Some(Some(parsed)) => Ok(Some(parsed)),
            Some(None) => Err(self.corrupt()),
        }
    }

    /// The next cell, a text that is a `T`.
    pub fn parse<T: FromStr>(&mut self) -> Result<T, Corrupt> {
        self.word(|text| text.parse().ok())
    }

    /// The next cell, a text that is a `T`, or NULL.
    pub fn parse_option<T: FromStr>(&mut self) -> Result<Option<T>, Corrupt> {
        self.word_option(|text| text.parse().ok())
    }

    /// The next cell, a JSON document.
    pub fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, Corrupt> {
        self.word(|text| serde_json::from_str(text).ok())
    }

    /// Says that the row as a whole makes no sense, at the column read last.
    pub fn make_no_sense<T>(&self) -> Result<T, Corrupt> {
        Err(self.corrupt())
    }
}
