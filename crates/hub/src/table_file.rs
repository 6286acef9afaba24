//! A table in a file, as other systems write it: CSV with any separator, plain or compressed, in the encoding of its country. Rows
//! come one after the other, so that a file of any length takes little memory, and each knows its line.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, bail};
use encoding_rs::{Encoding, SHIFT_JIS, UTF_8};

/// Bytes of one row, at most: a quotation mark that is never closed would take the rest of the file for one field.
const ROW_BYTES_MAX: u64 = 1024 * 1024;
/// Columns of a table, at most: product exports have some hundreds.
const COLUMNS_MAX: usize = 2_000;
/// Bytes that are read of a file at a time.
const BUFFER_BYTES: usize = 64 * 1024;

/// The first bytes of what gzip and zstd write.
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const BOM_UTF_8: &[u8] = &[0xef, 0xbb, 0xbf];
const BOMS_UTF_16: [&[u8]; 2] = [&[0xff, 0xfe], &[0xfe, 0xff]];

/// How a table is written.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// The encoding of its text. A byte order mark of UTF-8 is skipped.
    pub encoding: &'static Encoding,
    /// What stands between two fields; below 0x40, so that it is no half of a Japanese or Chinese character.
    pub separator: u8,
}

impl Default for Form {
    fn default() -> Self {
        Self { encoding: UTF_8, separator: b',' }
    }
}

/// The encoding of that name: `utf-8`, `cp932`, `gbk` and what else browsers know.
pub fn encoding(name: &str) -> Option<&'static Encoding> {
    if name.eq_ignore_ascii_case("cp932") { Some(SHIFT_JIS) } else { Encoding::for_label(name.as_bytes()) }
}

/// A table that is read row by row.
pub struct TableFile {
    path: PathBuf,
    form: Form,
    rows: csv::Reader<Box<dyn Read>>,
    headers: Vec<String>,
    read: Rc<Cell<u64>>,
    left_of_row: Rc<Cell<u64>>,
    bytes: u64,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line of the file that it begins in, from 1.
    pub line: u64,
    /// Its fields, in the order of the headers; a short row has fewer.
    pub fields: Vec<String>,
}

/// Why a row cannot be read. Those after it can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: the field in column {column} is not written in {encoding}")]
pub struct Undecodable {
    /// Its line.
    pub line: u64,
    /// The column, from 1.
    pub column: usize,
    /// What the file was said to be written in.
    pub encoding: &'static str,
}

impl TableFile {
    /// Opens a file and reads its headers.
    pub fn open(path: &Path, form: Form) -> anyhow::Result<Self> {
        let name = path.display();
        let file = File::open(path).with_context(|| format!("The file {name} cannot be read"))?;
        let bytes = file.metadata().with_context(|| format!("The file {name} cannot be read"))?.len();
        let (read, left_of_row) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(ROW_BYTES_MAX)));
        let counted = Counted { inner: file, read: Rc::clone(&read) };
        let text = unpacked(counted).with_context(|| format!("The file {name} cannot be read"))?;
        let lines = Lines { inner: text, was_return: false };
        let bounded = Bounded { inner: lines, left: Rc::clone(&left_of_row) };
        let rows = csv::ReaderBuilder::new()
            .delimiter(form.separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(Box::new(bounded) as Box<dyn Read>);
        let mut table = Self { path: path.to_owned(), form, rows, headers: Vec::new(), read, left_of_row, bytes };
        let headers = table.next_row()?.with_context(|| format!("The file {name} is empty"))?;
        table.headers = headers?.fields.into_iter().map(|header| header.trim().to_owned()).collect();
        if table.headers.len() > COLUMNS_MAX {
            bail!("The file {name} has more than {COLUMNS_MAX} columns: its separator may be another one.");
        }
        Ok(table)
    }

    /// The names of its columns.
    pub fn headers(&self) -> &[String] {
        &self.headers
    }

    /// How many bytes of the file there are, and how many of them have been read.
    pub fn progress(&self) -> (u64, u64) {
        (self.bytes, self.read.get())
    }

    /// The next row, or why it cannot be read; `None` at the end. An error is the end, too: of the file nothing more can be had.
    pub fn next_row(&mut self) -> anyhow::Result<Option<Result<Row, Undecodable>>> {
        let mut record = csv::ByteRecord::new();
        self.left_of_row.set(ROW_BYTES_MAX);
        let is_there = self.rows.read_byte_record(&mut record).with_context(|| {
            let line = self.rows.position().line();
            format!("The file {} cannot be read any further than line {line}", self.path.display())
        })?;
        Ok(is_there.then(|| self.decode(&record)))
    }

    fn decode(&self, record: &csv::ByteRecord) -> Result<Row, Undecodable> {
        let line = record.position().map_or(0, csv::Position::line);
        let decode = |(place, field): (usize, &[u8])| {
            let text = self.form.encoding.decode_without_bom_handling_and_without_replacement(field);
            let column = place.saturating_add(1);
            text.map(String::from).ok_or(Undecodable { line, column, encoding: self.form.encoding.name() })
        };
        Ok(Row { line, fields: record.iter().enumerate().map(decode).collect::<Result<_, _>>()? })
    }
}

/// What is in the file once it is unpacked, without its byte order mark.
fn unpacked(file: Counted) -> anyhow::Result<Box<dyn Read>> {
    let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
    let head = file.fill_buf()?;
    let unpacked: Box<dyn Read> = if head.starts_with(GZIP) {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else if head.starts_with(ZSTD) {
        Box::new(zstd::Decoder::with_buffer(file)?)
    } else {
        Box::new(file)
    };
    let mut text = BufReader::with_capacity(BUFFER_BYTES, unpacked);
    let head = text.fill_buf()?;
    if BOMS_UTF_16.iter().any(|bom| head.starts_with(bom)) {
        bail!("it is written in UTF-16: save it as CSV in UTF-8");
    }
    if head.starts_with(BOM_UTF_8) {
        text.consume(BOM_UTF_8.len());
    }
    Ok(Box::new(text))
}

/// Counts what is read of the file itself, for the progress.
struct Counted {
    inner: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.set(self.read.get().saturating_add(count as u64));
        Ok(count)
    }
}

/// Ends each line in one way: the reader of rows counts line feeds, and would take the one behind a carriage return for the
/// beginning of the next row.
struct Lines<R> {
    inner: R,
    was_return: bool,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.inner.read(buffer)?;
            let mut kept = 0;
            for place in 0..count {
                let byte = buffer[place];
                let is_return = byte == b'\r';
                let is_second = std::mem::replace(&mut self.was_return, is_return) && byte == b'\n';
                if !is_second {
                    buffer[kept] = if is_return { b'\n' } else { byte };
                    kept += 1;
                }
            }
            // Nothing is left of a line feed alone, and it is not the end.
            if kept > 0 || count == 0 {
                return Ok(kept);
            }
        }
    }
}

/// Gives no more than one row may have.
struct Bounded<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count as u64 > self.left.get() {
            let why = format!("a row of more than {ROW_BYTES_MAX} bytes: a quotation mark may not be closed");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.left.set(self.left.get().saturating_sub(count as u64));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use encoding_rs::GBK;

    use super::*;

    fn a_file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn rows(bytes: &[u8], form: Form) -> (Vec<String>, Vec<Row>) {
        let file = a_file(bytes);
        let mut table = TableFile::open(file.path(), form).unwrap();
        let rows = std::iter::from_fn(|| table.next_row().unwrap()).map(Result::unwrap).collect();
        assert_eq!(table.progress().0, table.progress().1);
        (table.headers, rows)
    }

    fn row(line: u64, fields: &[&str]) -> Row {
        Row { line, fields: fields.iter().map(|field| (*field).to_owned()).collect() }
    }

    #[test]
    fn rows_know_their_lines_however_the_file_is_packed() {
        let plain = "\u{feff}code , name\nA1,\"two\nlines\"\nA2,x\n".as_bytes();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(plain).unwrap();
        let zstd = zstd::encode_all(plain, 1).unwrap();
        for bytes in [plain, &gzip.finish().unwrap(), &zstd] {
            let (headers, rows) = rows(bytes, Form::default());
            assert_eq!(headers, ["code", "name"]);
            assert_eq!(rows, [row(2, &["A1", "two\nlines"]), row(4, &["A2", "x"])]);
        }
    }

    #[test]
    fn lines_end_as_on_any_system() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["code,name", "A1,\"two", "lines\"", "A2,x", ""].join(end);
            let (headers, rows) = rows(text.as_bytes(), Form::default());
            assert_eq!(headers, ["code", "name"]);
            assert_eq!(rows, [row(2, &["A1", "two\nlines"]), row(4, &["A2", "x"])]);
        }
    }

    #[test]
    fn text_is_read_in_its_own_encoding() {
        for (name, chosen) in [("cp932", SHIFT_JIS), ("Shift_JIS", SHIFT_JIS), ("gbk", GBK)] {
            assert_eq!(encoding(name), Some(chosen));
            // The second byte of 表 is a backslash in cp932.
            let (bytes, _, _) = chosen.encode("品名;価\n表;1\n");
            let form = Form { encoding: chosen, separator: b';' };
            assert_eq!(rows(&bytes, form), (vec!["品名".to_owned(), "価".to_owned()], vec![row(2, &["表", "1"])]));
        }
        assert_eq!(encoding("klingon"), None);
    }

    #[test]
    fn a_row_in_another_encoding_is_told_and_the_next_is_read() {
        let file = a_file(b"a,b\n1,\x83\x5c\n2,x\n");
        let mut table = TableFile::open(file.path(), Form::default()).unwrap();
        let wrong = Undecodable { line: 2, column: 2, encoding: "UTF-8" };
        assert_eq!(table.next_row().unwrap(), Some(Err(wrong)));
        assert_eq!(table.next_row().unwrap(), Some(Ok(row(3, &["2", "x"]))));
        assert_eq!(table.next_row().unwrap(), None);
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_does_not_eat_the_file() {
        let mut bytes = b"a,b\n1,\"".to_vec();
        bytes.resize(3 * 1024 * 1024, b'x');
        let file = a_file(&bytes);
        let mut table = TableFile::open(file.path(), Form::default()).unwrap();
        let error = format!("{:#}", table.next_row().unwrap_err());
        assert!(error.contains("a quotation mark may not be closed"), "{error}");
    }

    #[test]
    fn what_is_no_table_is_refused_with_what_to_do() {
        for (bytes, why) in [(&b""[..], "is empty"), (b"\xff\xfea\0", "save it as CSV in UTF-8")] {
            let file = a_file(bytes);
            let error = format!("{:#}", TableFile::open(file.path(), Form::default()).err().unwrap());
            assert!(error.contains(why), "{error}");
        }
    }
}
