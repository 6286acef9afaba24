//! How a table is written: found out by its first row, and where that leaves several encodings by all the others.

use std::path::Path;

use anyhow::{Context, bail};
use encoding_rs::{Encoding, GBK, SHIFT_JIS, UTF_8};

use crate::table_file::{self, Form, TableFile};

/// How a table may be written, the likeliest first.
const ENCODINGS: [&Encoding; 3] = [UTF_8, SHIFT_JIS, GBK];
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The ways in which a table may be written.
pub struct Forms(Vec<Form>);

impl Forms {
    /// All that are usual, or those with this encoding and this separator.
    pub fn of(encoding: Option<&str>, separator: Option<char>) -> anyhow::Result<Self> {
        let encodings = match encoding {
            Some(name) => vec![table_file::encoding(name).with_context(|| {
                format!(
                    "There is no encoding `{name}`. Take utf-8, cp932, gbk, windows-1252 or another that browsers know."
                )
            })?],
            None => ENCODINGS.to_vec(),
        };
        let separators = match separator {
            Some(separator) => vec![u8::try_from(separator).ok().filter(u8::is_ascii).with_context(|| {
                format!("`{separator}` cannot stand between fields. Take a comma, a semicolon, a tabulator or a bar.")
            })?],
            None => SEPARATORS.to_vec(),
        };
        let with = |encoding| separators.iter().map(move |separator| Form { encoding, separator: *separator });
        Ok(Self(encodings.into_iter().flat_map(with).collect()))
    }

    /// The table in the way in which the most of what is wanted stands in its first row; `None` where nothing of it does.
    pub fn best(&self, path: &Path, found: impl Fn(&[String]) -> usize) -> anyhow::Result<Option<TableFile>> {
        let mut tables: Vec<(usize, TableFile)> =
            self.tables(path)?.into_iter().map(|table| (found(table.headers()), table)).collect();
        let most = tables.iter().map(|(found, _)| *found).max().unwrap_or_default();
        tables.retain(|(found, _)| *found == most);
        let forms: Vec<Form> = tables.iter().map(|(_, table)| table.form()).collect();
        let Some((_, first)) = tables.into_iter().next().filter(|_| most > 0) else { return Ok(None) };
        let separator = first.form().separator;
        let forms: Vec<Form> = forms.into_iter().filter(|form| form.separator == separator).collect();
        if forms.len() == 1 {
            return Ok(Some(first));
        }
        // The first row is plain: the others tell in which encoding they are written.
        let mut readable = Vec::new();
        for form in forms {
            if is_readable(path, form)? {
                readable.push(form);
            }
        }
        match readable.as_slice() {
            [] => Ok(Some(first)),
            // What is no UTF-8 is hardly ever taken for it.
            [form, ..] if form.encoding == UTF_8 => Ok(Some(TableFile::open(path, *form)?)),
            [form] => Ok(Some(TableFile::open(path, *form)?)),
            several => {
                let names: Vec<&str> = several.iter().map(|form| form.encoding.name()).collect();
                bail!(
                    "The file {} may be written in {}. Say which with --encoding.",
                    path.display(),
                    names.join(" or in ")
                )
            }
        }
    }

    /// The table in the way that makes the most columns.
    pub fn widest(&self, path: &Path) -> anyhow::Result<TableFile> {
        let table = self.tables(path)?.into_iter().rev().max_by_key(|table| table.headers().len());
        table.with_context(|| format!("The file {} cannot be read", path.display()))
    }

    /// The table in each way that makes sense of its first row.
    fn tables(&self, path: &Path) -> anyhow::Result<Vec<TableFile>> {
        let (mut tables, mut first_error) = (Vec::new(), None);
        for form in &self.0 {
            match TableFile::open(path, *form) {
                Ok(table) => tables.push(table),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match first_error {
            Some(error) if tables.is_empty() => Err(error),
            _ => Ok(tables),
        }
    }
}

fn is_readable(path: &Path, form: Form) -> anyhow::Result<bool> {
    let mut table = TableFile::open(path, form)?;
    while let Some(row) = table.next_row()? {
        if row.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn found(text: &str, encoding: &'static Encoding, asked: Option<&str>) -> Result<Option<Form>, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&encoding.encode(text).0).unwrap();
        let wanted =
            |headers: &[String]| headers.iter().filter(|header| ["name", "品名"].contains(&header.as_str())).count();
        let best = Forms::of(asked, None).unwrap().best(file.path(), wanted);
        best.map(|table| table.map(|table| table.form())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_row_tells_or_the_others_do() {
        for (text, encoding, separator) in [
            ("name,price\nTea,1\n", UTF_8, b','),
            ("name;price\nThé;1\n", UTF_8, b';'),
            ("品名\t価\n茶\t1\n", SHIFT_JIS, b'\t'),
            // Half-width katakana are no Chinese characters where they are odd in number.
            ("name,price\nﾁｬｱ,1\n", SHIFT_JIS, b','),
        ] {
            let form = found(text, encoding, None).unwrap().unwrap();
            assert_eq!((form.encoding, form.separator), (encoding, separator), "{text}");
        }
        assert!(found("other\n1\n", UTF_8, None).unwrap().is_none());
    }

    #[test]
    fn what_may_be_two_encodings_is_asked() {
        let error = found("name,price\n中文,1\n", GBK, None).unwrap_err();
        assert!(error.contains("may be written in Shift_JIS or in GBK") && error.contains("--encoding"), "{error}");
        assert_eq!(found("name,price\n中文,1\n", GBK, Some("gbk")).unwrap().unwrap().encoding, GBK);
    }
}
