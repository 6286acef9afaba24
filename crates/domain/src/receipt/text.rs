//! A receipt as plain text.

use super::Receipt;
use super::layout::{Row, rows};
use super::paper::{Columns, Glyphs};
use crate::locale::Locale;

/// The receipt in rows of so many columns. A QR code cannot be drawn with letters: the sale's id stands there by itself.
pub fn text(receipt: &Receipt, locale: Locale, columns: Columns) -> String {
    let glyphs = match locale {
        Locale::Ja => Glyphs::Japanese,
        Locale::En => Glyphs::Western,
    };
    let mut text = String::new();
    for row in rows(receipt, locale, columns, glyphs) {
        match row {
            Row::Text(_, row) => {
                text.push_str(row.trim_end());
                text.push('\n');
            }
            Row::Qr(_) => {}
        }
    }
    text
}
