//! What came of each line: a file that says it of every one, and the sums.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::Context;
use domain::decimal;
use domain::elsewhere::Recorded;
use domain::external_ref::Kind;
use domain::money::Currency;

use super::document::Document;
use super::line::{EXACT_PLACES, Line};
use super::rule::Outcome;

/// Lines of which the summary tells by name, of each kind: the report has all of them.
pub const NAMED_MAX: usize = 20;

/// How many lines, and what they come to in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// How many.
    pub lines: u64,
    /// Each rounded to minor units, together.
    pub minor: i128,
    /// Together, in units of 10^-[`EXACT_PLACES`] of the minor unit.
    pub exact: i128,
}

impl Sum {
    fn add(&mut self, line: &Line) {
        self.lines += 1;
        self.minor += line.rounded_minor();
        self.exact += line.exact();
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self { lines: self.lines + other.lines, minor: self.minor + other.minor, exact: self.exact + other.exact }
    }
}

/// Records that were made, and those that were known from an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Made now.
    pub new: u64,
    /// Known before.
    pub known: u64,
}

/// What came of the lines.
pub struct Report {
    file: Option<csv::Writer<BufWriter<File>>>,
    currency: Currency,
    sums: BTreeMap<Outcome, Sum>,
    /// Of what came back, that without its sale.
    pub unreferenced: Sum,
    records: BTreeMap<&'static str, Count>,
    /// Lines whose exact amount is no whole number of minor units, the first of them by name.
    pub rounded: Vec<String>,
    /// How many they are.
    pub rounded_lines: u64,
    /// Why lines were refused, the first of them by name.
    pub refusals: Vec<String>,
}

/// The headers of the report's file.
const HEADERS: [&str; 9] =
    ["line", "invoice", "position", "code", "outcome", "record", "amount", "exact_amount", "reason"];

impl Report {
    /// A report into a file, or without one.
    pub fn new(path: Option<&Path>, currency: Currency) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            let file = File::create(path)?;
            let mut writer = csv::Writer::from_writer(BufWriter::new(file));
            writer.write_record(HEADERS)?;
            anyhow::Ok(writer)
        };
        let name = |path: &Path| format!("The report {} cannot be written", path.display());
        let file = path.map(|path| open(path).with_context(|| name(path))).transpose()?;
        Ok(Self {
            file,
            currency,
            sums: BTreeMap::new(),
            unreferenced: Sum::default(),
            records: BTreeMap::new(),
            rounded: Vec::new(),
            rounded_lines: 0,
            refusals: Vec::new(),
        })
    }

    /// A document is recorded.
    pub fn recorded(&mut self, document: &Document, Recorded { subject, is_new }: Recorded) -> anyhow::Result<()> {
        let count = self.records.entry(subject.kind().as_str()).or_default();
        *(if is_new { &mut count.new } else { &mut count.known }) += 1;
        self.count_document(document, &subject.to_string())
    }

    /// A document would be recorded, if this were no dry run.
    pub fn foreseen(&mut self, document: &Document) -> anyhow::Result<()> {
        self.count_document(document, "")
    }

    fn count_document(&mut self, document: &Document, record: &str) -> anyhow::Result<()> {
        let outcome = document.outcome();
        for line in document.lines() {
            self.count(line, outcome);
            if let Document::UnreferencedReturn(_) = document {
                self.unreferenced.add(line);
            }
            self.write(line, outcome, record, "")?;
        }
        Ok(())
    }

    /// A line was read and is not recorded.
    pub fn refused(&mut self, line: &Line, why: &str) -> anyhow::Result<()> {
        self.count(line, Outcome::Refused);
        self.name_refusal(line.line, &line.invoice, why);
        self.write(line, Outcome::Refused, "", why)
    }

    /// A line could not even be read.
    pub fn unreadable(&mut self, line: u64, invoice: &str, why: &str) -> anyhow::Result<()> {
        self.sums.entry(Outcome::Refused).or_default().lines += 1;
        self.name_refusal(line, invoice, why);
        let Some(file) = &mut self.file else { return Ok(()) };
        let (line, refused) = (line.to_string(), Outcome::Refused.as_str());
        Ok(file.write_record([line.as_str(), invoice, "", "", refused, "", "", "", why])?)
    }

    /// Writes the rest of the file.
    pub fn close(&mut self) -> anyhow::Result<()> {
        if let Some(file) = &mut self.file {
            file.flush()?;
        }
        Ok(())
    }

    /// What ended as that.
    pub fn sum(&self, outcome: Outcome) -> Sum {
        self.sums.get(&outcome).copied().unwrap_or_default()
    }

    /// All lines.
    pub fn total(&self) -> Sum {
        Outcome::ALL.into_iter().fold(Sum::default(), |sum, outcome| sum.and(self.sum(outcome)))
    }

    /// How many records of a kind there are of the file.
    pub fn records(&self, kind: Kind) -> Count {
        self.records.get(kind.as_str()).copied().unwrap_or_default()
    }

    /// An amount in minor units in the major unit, for programs.
    pub fn amount(&self, minor: i128) -> String {
        major(minor, u32::from(self.currency.decimals()), 0)
    }

    /// An exact amount in the major unit, without zeros at its end but for those of the currency.
    pub fn exact_amount(&self, exact: i128) -> String {
        let decimals = u32::from(self.currency.decimals());
        major(exact, decimals + EXACT_PLACES, EXACT_PLACES)
    }

    fn count(&mut self, line: &Line, outcome: Outcome) {
        self.sums.entry(outcome).or_default().add(line);
        let difference = line.exact() - line.rounded_minor() * 10_i128.pow(EXACT_PLACES);
        if difference == 0 {
            return;
        }
        self.rounded_lines += 1;
        if self.rounded.len() < NAMED_MAX {
            let (exact, rounded) = (self.exact_amount(line.exact()), self.amount(line.rounded_minor()));
            self.rounded.push(format!(
                "line {}: invoice {}, {} comes to {exact} and is recorded as {rounded}",
                line.line, line.invoice, line.code,
            ));
        }
    }

    fn name_refusal(&mut self, line: u64, invoice: &str, why: &str) {
        if self.refusals.len() < NAMED_MAX {
            let invoice = if invoice.is_empty() { String::new() } else { format!(", invoice {invoice}") };
            self.refusals.push(format!("line {line}{invoice}: {why}"));
        }
    }

    fn write(&mut self, line: &Line, outcome: Outcome, record: &str, why: &str) -> anyhow::Result<()> {
        let (amount, exact) = (self.amount(line.rounded_minor()), self.exact_amount(line.exact()));
        let Some(file) = &mut self.file else { return Ok(()) };
        let (number, position) = (line.line.to_string(), line.position.to_string());
        let outcome = outcome.as_str();
        let invoice = line.invoice.as_str();
        Ok(file.write_record([&*number, invoice, &*position, &*line.code, outcome, record, &*amount, &*exact, why])?)
    }
}

/// A number in units of 10^-`places`; of its decimals up to `cut` are left out where they are zeros at the end.
fn major(value: i128, places: u32, cut: u32) -> String {
    let scale = 10_i128.pow(places);
    let sign = if value < 0 { "-" } else { "" };
    let (whole, fraction) = (value.unsigned_abs() / scale.unsigned_abs(), value.unsigned_abs() % scale.unsigned_abs());
    if places == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:0>width$}", width = places as usize);
    let kept = fraction.trim_end_matches('0').len().max((places - cut) as usize);
    if kept == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{}", &fraction[..kept]) }
}

/// The same for people: thousands stand apart.
pub fn grouped(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), |whole: i64| decimal::grouped(whole, 0, 0));
    // A minus sign before a zero is no number's, and still an amount's.
    let sign = if text.starts_with("-0") { "-" } else { "" };
    fraction.map_or_else(|| format!("{sign}{whole}"), |fraction| format!("{sign}{whole}.{fraction}"))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::replay::line::tests::a_line;
    use domain::external_ref::Subject;
    use domain::id::SaleId;

    fn a_report(path: Option<&Path>) -> Report {
        Report::new(path, Currency::parse("GBP").unwrap()).unwrap()
    }

    #[test]
    fn amounts_are_exact_and_written_in_the_major_unit() {
        let report = a_report(None);
        assert_eq!(report.amount(-35_789_895), "-357898.95");
        assert_eq!(report.exact_amount(3_706_827_641 * 1_000_000), "3706827.641");
        assert_eq!(report.exact_amount(3_706_827_640 * 1_000_000), "3706827.64");
        assert_eq!((report.amount(5), report.exact_amount(0)), ("0.05".to_owned(), "0.00".to_owned()));
        let yen = Report::new(None, Currency::JPY).unwrap();
        assert_eq!((yen.amount(-150), yen.exact_amount(15_000_000)), ("-150".to_owned(), "1.5".to_owned()));
        for (text, told) in
            [("3706827.641", "3,706,827.641"), ("-357898.95", "-357,898.95"), ("-0.05", "-0.05"), ("150", "150")]
        {
            assert_eq!(grouped(text), told);
        }
    }

    #[test]
    fn each_line_is_counted_once_and_stands_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.csv");
        let mut report = a_report(Some(&path));
        let id = SaleId::from_uuid(Uuid::from_u128(1));
        let lines = vec![a_line("1", 1, 2_000, 1_500_000), a_line("1", 2, 1_000, 1_000)];
        let recorded = Recorded { subject: Subject::Sale(id), is_new: true };
        report.recorded(&Document::Sale { id, lines }, recorded).unwrap();
        report.refused(&a_line("2", 1, 0, 10_000), "the quantity is zero").unwrap();
        report.unreadable(9, "", "the number of the invoice is missing").unwrap();
        report.close().unwrap();
        assert_eq!(report.sum(Outcome::Sold), Sum { lines: 2, minor: 300, exact: 3_001_000_000 });
        assert_eq!((report.total().lines, report.sum(Outcome::Refused).lines), (4, 2));
        assert_eq!(report.records(Kind::Sale), Count { new: 1, known: 0 });
        assert_eq!(report.rounded, ["line 3: invoice 1, A comes to 0.001 and is recorded as 0.00"]);
        assert_eq!(report.refusals.len(), 2);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            format!(
                "line,invoice,position,code,outcome,record,amount,exact_amount,reason\n\
                 2,1,1,A,sold,{id},3.00,3.00,\n\
                 3,1,2,A,sold,{id},0.00,0.001,\n\
                 2,2,1,A,refused,,0.00,0.00,the quantity is zero\n\
                 9,,,,refused,,,,the number of the invoice is missing\n"
            )
        );
    }
}
