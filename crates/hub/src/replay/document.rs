//! What lines of an export belong together: the lines of an invoice are a sale, or several where there are too many, and what
//! of it came back or was written off is recorded apart.

use domain::external_ref::ExternalId;
use domain::id::{MerchantId, SaleId};
use domain::sale;
use domain::stock::RECORDED_LINES_MAX;
use domain::unreferenced_return;
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::line::Line;
use super::rule::Outcome;
use super::sold::Sold;

/// What is recorded in one command. It has at least one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// Goods that were sold.
    Sale {
        /// The id that it gets.
        id: SaleId,
        /// Its lines.
        lines: Vec<Line>,
    },
    /// Goods of one sale that came back.
    Return {
        /// The sale.
        sale: SaleId,
        /// What came back of it.
        lines: Vec<Returned>,
    },
    /// Goods that came back and whose sale is not found.
    UnreferencedReturn(Vec<Line>),
    /// Goods that are gone.
    WriteOff(Vec<Line>),
}

/// A line that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The line.
    pub line: Line,
    /// The number of the line of the sale.
    pub number: u32,
}

impl Document {
    /// Its lines.
    pub fn lines(&self) -> Vec<&Line> {
        match self {
            Self::Sale { lines, .. } | Self::UnreferencedReturn(lines) | Self::WriteOff(lines) => {
                lines.iter().collect()
            }
            Self::Return { lines, .. } => lines.iter().map(|returned| &returned.line).collect(),
        }
    }

    /// What its lines end as once it is recorded.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Sale { .. } => Outcome::Sold,
            Self::Return { .. } | Self::UnreferencedReturn(_) => Outcome::Returned,
            Self::WriteOff(_) => Outcome::WrittenOff,
        }
    }
}

/// The id of the other system for what begins with this line: the number of the invoice, and the position where it is not the
/// first.
pub fn external_id(source: &str, first: &Line) -> ExternalId {
    let id = match first.position {
        1 => first.invoice.clone(),
        position => format!("{}#{position}", first.invoice),
    };
    // The source was checked with the map, and the number of the invoice when it was read.
    ExternalId::stored(source.to_owned(), id)
}

/// The id of a sale: as old as the sale, and for the rest a hash of what it is known by, so that it is the same each time.
fn sale_id(merchant: MerchantId, source: &str, first: &Line) -> SaleId {
    let external = external_id(source, first);
    let digest = Sha256::digest(format!("{merchant}\n{}\n{}", external.system(), external.id()));
    let mut random = [0; 10];
    random.copy_from_slice(&digest[..10]);
    let ms = u64::try_from(first.occurred_at.0).unwrap_or_default();
    SaleId::from_uuid(Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
}

/// Puts lines together, in the order of the file.
pub struct Assembler {
    merchant: MerchantId,
    source: String,
    invoice: String,
    sold: Vec<Line>,
    returned: Vec<Line>,
    written_off: Vec<Line>,
    /// What the file has sold so far.
    pub so_far: Sold,
}

impl Assembler {
    /// An assembler for a file of that source.
    pub fn new(merchant: MerchantId, source: &str) -> Self {
        let (sold, returned, written_off) = (Vec::new(), Vec::new(), Vec::new());
        let (source, invoice) = (source.to_owned(), String::new());
        Self { merchant, source, invoice, sold, returned, written_off, so_far: Sold::default() }
    }

    /// Adds a line, and puts what is complete by it behind `ready`.
    pub fn add(&mut self, line: Line, outcome: Outcome, ready: &mut Vec<Document>) {
        if line.invoice != self.invoice {
            self.flush(ready);
            self.invoice.clone_from(&line.invoice);
        }
        match outcome {
            Outcome::Sold => {
                self.sold.push(line);
                if self.sold.len() >= sale::LINES_MAX as usize {
                    self.flush_sold(ready);
                }
            }
            Outcome::Returned => {
                self.returned.push(line);
                if self.returned.len() >= unreferenced_return::LINES_MAX {
                    self.flush_returned(ready);
                }
            }
            Outcome::WrittenOff => {
                self.written_off.push(line);
                if self.written_off.len() >= RECORDED_LINES_MAX {
                    self.flush_written_off(ready);
                }
            }
            // Nothing is recorded of it.
            Outcome::Refused => {}
        }
    }

    /// Takes the last invoice to be complete.
    pub fn flush(&mut self, ready: &mut Vec<Document>) {
        self.flush_sold(ready);
        self.flush_written_off(ready);
        self.flush_returned(ready);
    }

    fn flush_sold(&mut self, ready: &mut Vec<Document>) {
        let lines = std::mem::take(&mut self.sold);
        if let Some(first) = lines.first() {
            let id = sale_id(self.merchant, &self.source, first);
            self.so_far.remember(id, &lines);
            ready.push(Document::Sale { id, lines });
        }
    }

    fn flush_returned(&mut self, ready: &mut Vec<Document>) {
        let (mut returns, unreferenced) = self.so_far.take_back(std::mem::take(&mut self.returned));
        ready.append(&mut returns);
        if !unreferenced.is_empty() {
            ready.push(Document::UnreferencedReturn(unreferenced));
        }
    }

    fn flush_written_off(&mut self, ready: &mut Vec<Document>) {
        let lines = std::mem::take(&mut self.written_off);
        if !lines.is_empty() {
            ready.push(Document::WriteOff(lines));
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::time::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::replay::line::tests::a_line;

    const MERCHANT: MerchantId = MerchantId::from_uuid(Uuid::from_u128(7));

    fn assembled(lines: Vec<(Line, Outcome)>) -> Vec<Document> {
        let (mut assembler, mut ready) = (Assembler::new(MERCHANT, "old-till"), Vec::new());
        for (line, outcome) in lines {
            assembler.add(line, outcome, &mut ready);
        }
        assembler.flush(&mut ready);
        ready
    }

    fn shape(documents: &[Document]) -> Vec<(Outcome, Vec<u32>)> {
        let positions = |document: &Document| document.lines().iter().map(|line| line.position).collect();
        documents.iter().map(|document| (document.outcome(), positions(document))).collect()
    }

    #[test]
    fn the_lines_of_an_invoice_are_put_together_by_what_they_are() {
        let sold = |invoice: &str, position| (a_line(invoice, position, 1_000, 20_000), Outcome::Sold);
        let gone = (a_line("1", 2, -1_000, 0), Outcome::WrittenOff);
        let back = |position, price| (a_line("C2", position, -1_000, price), Outcome::Returned);
        let documents = assembled(vec![sold("1", 1), gone, sold("1", 3), back(1, 20_000), back(2, 1)]);
        let Outcome::Sold = documents[0].outcome() else { panic!("{documents:?}") };
        assert_eq!(
            shape(&documents),
            [
                (Outcome::Sold, vec![1, 3]),
                (Outcome::WrittenOff, vec![2]),
                (Outcome::Returned, vec![1]),
                (Outcome::Returned, vec![2]),
            ]
        );
        assert!(matches!(documents[2], Document::Return { .. }));
        assert!(matches!(documents[3], Document::UnreferencedReturn(_)));
    }

    #[test]
    fn a_long_invoice_becomes_several_sales() {
        let lines = (1..=1_001).map(|position| (a_line("1", position, 1_000, 20_000), Outcome::Sold)).collect();
        let documents = assembled(lines);
        let counts: Vec<usize> = documents.iter().map(|document| document.lines().len()).collect();
        assert_eq!(counts, [500, 500, 1]);
        let ids: Vec<String> =
            documents.iter().map(|document| external_id("old-till", document.lines()[0]).id().to_owned()).collect();
        assert_eq!(ids, ["1", "1#501", "1#1001"]);
    }

    #[test]
    fn a_sale_has_the_same_id_each_time_and_is_as_old_as_it_is() {
        let first = a_line("1", 1, 1_000, 20_000);
        let id = sale_id(MERCHANT, "old-till", &first);
        assert_eq!(id, sale_id(MERCHANT, "old-till", &first.clone()));
        let ms = i64::try_from(id.uuid().as_u128() >> 80).unwrap();
        assert_eq!((Timestamp(ms), id.uuid().get_version_num()), (first.occurred_at, 7));
        for other in [
            sale_id(MerchantId::from_uuid(Uuid::from_u128(8)), "old-till", &first),
            sale_id(MERCHANT, "new-till", &first),
            sale_id(MERCHANT, "old-till", &a_line("1", 2, 1_000, 20_000)),
            sale_id(MERCHANT, "old-till", &a_line("2", 1, 1_000, 20_000)),
        ] {
            assert_ne!(id, other);
        }
    }
}
