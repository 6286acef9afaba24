//! One line of a table as the article that it wants to be.

use std::collections::BTreeMap;

use domain::article::{Barcode, Unit};
use domain::money::{Quantity, UnitPrice};
use sha2::{Digest, Sha256};

use super::issue::{Class, Effect, Issue};
use super::reading::{Before, Reading};
use super::sheet::Sheet;
use crate::table_file::Row;

/// One line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Where it begins in the file, from 1.
    pub number: u64,
    /// Two lines with the same one say the same.
    pub fingerprint: [u8; 32],
    /// The number that the other system gives it.
    pub id: String,
    /// The merchant's own code.
    pub sku: String,
    /// Whether the table says it, or another code stands for it.
    pub is_sku_given: bool,
    /// The name.
    pub name: String,
    /// What it wants to be; none for a line that is refused.
    pub goods: Option<Goods>,
    /// What is to be said of it.
    pub issues: Vec<Issue>,
}

/// What a line wants an article to be. What the table says nothing of is `None`.
#[derive(Debug, Clone)]
pub struct Goods {
    pub role: Role,
    pub barcodes: Vec<Barcode>,
    pub description: Option<String>,
    pub unit: Option<Unit>,
    pub unit_price: Option<UnitPrice>,
    pub tax_class: Option<String>,
    pub eat_in_tax_class: Option<Option<String>>,
    pub stock: Option<Quantity>,
    pub is_active: Option<bool>,
    pub is_stocked: Option<bool>,
}

/// What an article is to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Nothing.
    Single,
    /// It stands for its variants.
    Whole,
    /// It is a variant.
    Variant {
        /// Of what.
        of: Whole,
        /// What tells it from the others.
        options: BTreeMap<String, String>,
    },
}

/// How a table names what a line is a variant of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whole {
    /// What the variants have in common; no line says more of it.
    Group {
        /// What they have in common.
        group: String,
        /// Its name.
        name: String,
    },
    /// Another line: its sku, or `id:` and its id.
    Line(String),
}

/// Reads lines. What only the first line of a group says holds for the others, too.
pub struct Lines<'a> {
    sheet: &'a Sheet,
    before: Option<Before>,
}

impl<'a> Lines<'a> {
    /// The lines of a table.
    pub const fn new(sheet: &'a Sheet) -> Self {
        Self { sheet, before: None }
    }

    /// What one row says. `None` for a row in which nothing stands.
    pub fn read(&mut self, row: &Row) -> Option<Line> {
        if row.fields.iter().all(|field| field.trim().is_empty()) {
            return None;
        }
        let mut reading = Reading { sheet: self.sheet, row, issues: Vec::new() };
        let name = reading.name(self.before.as_ref());
        let options = reading.options(self.before.as_ref());
        let role = reading.role(&name.whole, &options);
        self.before = Some(reading.before(&name.whole, self.before.take()));
        let name = match role {
            Role::Variant { .. } if name.is_of_whole => with_options(&name.text, &options),
            _ => name.text,
        };
        if name.is_empty() {
            let column = self.sheet.places.name.first().and_then(|place| self.sheet.header(*place));
            reading.issues.push(Issue::new(Class::NameMissing, column, ""));
        }
        let goods = reading.goods(role);
        let (sku, is_sku_given) = reading.sku(&goods, &name);
        let id = reading.code(self.sheet.places.id);
        let is_refused = reading.issues.iter().any(|issue| issue.class.effect() == Effect::Refused);
        let (number, fingerprint) = (row.line, fingerprint(row));
        let goods = (!is_refused).then_some(goods);
        Some(Line { number, fingerprint, id, sku, is_sku_given, name, goods, issues: reading.issues })
    }
}

fn fingerprint(row: &Row) -> [u8; 32] {
    let mut hash = Sha256::new();
    for field in &row.fields {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field.as_bytes());
    }
    hash.finalize().into()
}

/// The name of what a line is a variant of is followed by what tells it apart, unless it says that already.
fn with_options(name: &str, options: &[(String, String)]) -> String {
    let told = options.iter().map(|(_, value)| value.as_str()).filter(|value| !name.contains(value));
    std::iter::once(name).chain(told).collect::<Vec<_>>().join(" ")
}
