//! Rows of a fixed number of columns. A full-width character takes two; a name that does not fit goes on in the next row,
//! broken between words where there are any.

use encoding_rs::SHIFT_JIS;
use unicode_width::UnicodeWidthChar;

use crate::text::printable;

/// Fewest columns that are left to a name beside its amount; with fewer the amount gets a row of its own.
const NAME_COLUMNS_MIN: usize = 8;

/// Stands for a character that the printer does not have.
const GETA: char = '〓';

/// How many half-width characters fit into a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// Paper of 58 mm.
    Narrow,
    /// Paper of 80 mm, on printers with wide characters.
    Middle,
    /// Paper of 80 mm.
    Wide,
}

impl Columns {
    /// All widths, the usual one last.
    pub const ALL: [Self; 3] = [Self::Narrow, Self::Middle, Self::Wide];

    /// The number.
    pub const fn count(self) -> usize {
        match self {
            Self::Narrow => 32,
            Self::Middle => 42,
            Self::Wide => 48,
        }
    }

    /// The width of that number.
    pub fn of(count: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|columns| columns.count() == count)
    }
}

/// Which characters there are, and how wide they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glyphs {
    /// All, as on a Western screen: what is not surely full-width takes one column.
    Western,
    /// All, as on a Japanese screen: what may be full-width takes two columns.
    Japanese,
    /// Those of Shift_JIS: one byte takes one column, two take two.
    ShiftJis,
}

impl Glyphs {
    /// How many columns a text takes.
    pub fn width(self, text: &str) -> usize {
        text.chars().fold(0, |width, c| width.saturating_add(self.char_width(c)))
    }

    fn char_width(self, c: char) -> usize {
        let width = match self {
            Self::Western => c.width(),
            Self::Japanese => c.width_cjk(),
            Self::ShiftJis => shift_jis_bytes(c),
        };
        width.unwrap_or(0)
    }

    /// The text in characters that there are.
    pub fn clean(self, text: &str) -> String {
        let text = printable(text);
        match self {
            Self::Western | Self::Japanese => text,
            Self::ShiftJis => text.chars().map(in_shift_jis).collect(),
        }
    }
}

/// The character as the printer has it: some are written in Unicode in two ways, of which Shift_JIS knows one.
fn in_shift_jis(c: char) -> char {
    let c = match c {
        '〜' => '～',
        '—' => '―',
        '–' | '‑' => '-',
        '‖' => '∥',
        '\u{A0}' => ' ',
        other => other,
    };
    if shift_jis_bytes(c).is_some() { c } else { GETA }
}

/// How many bytes, and so how many columns, a character takes; `None` for one that Shift_JIS does not have.
fn shift_jis_bytes(c: char) -> Option<usize> {
    let mut buffer = [0; 4];
    let (bytes, _, is_unmappable) = SHIFT_JIS.encode(c.encode_utf8(&mut buffer));
    (!is_unmappable).then_some(bytes.len())
}

/// Paper of some width.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paper {
    pub columns: Columns,
    pub glyphs: Glyphs,
}

impl Paper {
    /// The text in rows that fit.
    pub fn wrap(self, text: &str) -> Vec<String> {
        self.wrap_to(text, self.columns.count())
    }

    /// The text in rows in the middle.
    pub fn center(self, text: &str) -> Vec<String> {
        let middle = |row: String| {
            let margin = self.columns.count().saturating_sub(self.glyphs.width(&row)) / 2;
            format!("{}{row}", " ".repeat(margin))
        };
        self.wrap(text).into_iter().map(middle).collect()
    }

    /// A name at the left and its amount at the right, in the last row of the name.
    pub fn pair(self, name: &str, amount: &str) -> Vec<String> {
        let amount = self.glyphs.clean(amount);
        let room = self.columns.count().saturating_sub(self.glyphs.width(&amount)).saturating_sub(1);
        let (mut rows, last) = if room < NAME_COLUMNS_MIN {
            (self.wrap(name), String::new())
        } else {
            let mut rows = self.wrap_to(name, room);
            let last = rows.pop().unwrap_or_default();
            (rows, last)
        };
        let taken = self.glyphs.width(&last).saturating_add(self.glyphs.width(&amount));
        let gap = " ".repeat(self.columns.count().saturating_sub(taken));
        rows.push(format!("{last}{gap}{amount}"));
        rows
    }

    /// A row across the paper.
    pub fn rule(self) -> String {
        "-".repeat(self.columns.count())
    }

    fn wrap_to(self, text: &str, columns: usize) -> Vec<String> {
        let text = self.glyphs.clean(text);
        let mut rows = Rows { glyphs: self.glyphs, columns, done: Vec::new(), row: String::new() };
        for part in parts(&text) {
            rows.put(&part);
        }
        rows.end()
    }
}

/// What is not broken while there is room in the next row: a Western word; of the rest each character by itself.
fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut is_word_open = false;
    for c in text.chars() {
        let is_of_word = !c.is_whitespace() && c.width_cjk() == Some(1);
        match parts.last_mut() {
            Some(word) if is_word_open && is_of_word => word.push(c),
            _ => parts.push(c.to_string()),
        }
        is_word_open = is_of_word;
    }
    parts
}

/// Rows that are being filled.
struct Rows {
    glyphs: Glyphs,
    columns: usize,
    done: Vec<String>,
    row: String,
}

impl Rows {
    fn put(&mut self, part: &str) {
        if self.fits(part) {
            self.row.push_str(part);
        } else if part.trim().is_empty() {
            self.next_row();
        } else {
            self.next_row();
            part.chars().for_each(|c| self.put_char(c));
        }
    }

    fn fits(&self, part: &str) -> bool {
        let is_blank_at_the_beginning = self.row.is_empty() && !self.done.is_empty() && part.trim().is_empty();
        let width = self.glyphs.width(&self.row).saturating_add(self.glyphs.width(part));
        width <= self.columns && !is_blank_at_the_beginning
    }

    /// A word that is longer than a row is broken anywhere.
    fn put_char(&mut self, c: char) {
        if self.glyphs.width(&self.row).saturating_add(self.glyphs.char_width(c)) > self.columns {
            self.next_row();
        }
        self.row.push(c);
    }

    fn next_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        if !row.trim().is_empty() {
            self.done.push(row.trim_end().to_owned());
        }
    }

    fn end(mut self) -> Vec<String> {
        self.next_row();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAPER: Paper = Paper { columns: Columns::Narrow, glyphs: Glyphs::ShiftJis };

    #[test]
    fn a_full_width_character_takes_two_columns() {
        for (text, width) in [("tea", 3), ("お茶", 4), ("ｵﾁｬ", 3), ("¥1,980", 6), ("※", 2), ("ｱア", 3)] {
            assert_eq!(Glyphs::ShiftJis.width(text), width, "{text}");
        }
        assert_eq!((Glyphs::Western.width("※×"), Glyphs::Japanese.width("※×")), (2, 4));
    }

    #[test]
    fn a_name_is_broken_between_words_and_its_amount_stands_in_the_last_row() {
        assert_eq!(
            PAPER.pair("Genmaicha roasted rice tea, family size", "¥1,980"),
            ["Genmaicha roasted rice", "tea, family size          ¥1,980"]
        );
        assert_eq!(
            PAPER.pair("国産有機玄米入り特選深蒸し煎茶※", "1,980円"),
            ["国産有機玄米入り特選深蒸", "し煎茶※                 1,980円"]
        );
        assert_eq!(PAPER.pair("", "¥1"), ["                              ¥1"]);
        assert_eq!(PAPER.pair("tea", "999,999,999,999,999 BHD and"), ["tea", "     999,999,999,999,999 BHD and"]);
    }

    #[test]
    fn a_word_longer_than_a_row_is_broken() {
        assert_eq!(PAPER.wrap(&"x".repeat(70)), ["x".repeat(32), "x".repeat(32), "x".repeat(6)]);
        assert_eq!(PAPER.wrap("  indented"), ["  indented"]);
        assert!(PAPER.wrap("   ").is_empty());
    }

    #[test]
    fn what_the_printer_lacks_is_a_geta() {
        assert_eq!(PAPER.wrap("tea ☕ é 100〜200"), ["tea 〓 〓 100～200"]);
        assert_eq!(Glyphs::Japanese.clean("tea ☕ é"), "tea ☕ é");
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![".{0,80}", "[ a-z0-9あ-ん亜-龠ｱ-ﾝé☕※¥]{0,80}"]
    }

    proptest! {
        #[test]
        fn every_row_fits_and_nothing_that_is_seen_is_lost(text in any_text(), amount in "[0-9]{1,12}") {
            let seen = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            for glyphs in [Glyphs::Western, Glyphs::Japanese, Glyphs::ShiftJis] {
                let paper = Paper { columns: Columns::Narrow, glyphs };
                let rows = paper.pair(&text, &amount);
                prop_assert!(rows.iter().all(|row| glyphs.width(row) <= 32), "{rows:?}");
                prop_assert_eq!(seen(&rows.concat()), seen(&glyphs.clean(&text)) + &amount);
            }
        }

        /// What is laid out in columns comes out of the printer in as many.
        #[test]
        fn a_byte_of_shift_jis_is_a_column(text in any_text()) {
            let clean = Glyphs::ShiftJis.clean(&text);
            let (bytes, _, is_unmappable) = SHIFT_JIS.encode(&clean);
            prop_assert!(!is_unmappable);
            prop_assert_eq!(bytes.len(), Glyphs::ShiftJis.width(&clean), "{:?}", clean);
        }
    }
}
