//! Has documents recorded, many at a time and in the order of the file, and tells the report what came of each line. A sale
//! and what came back of it may share a batch: both name all that they need at once, so that the order of the queue is theirs.

use std::collections::VecDeque;

use anyhow::Context;
use domain::command::Refusal;
use domain::elsewhere::{Recorded, Told, ToldLine};
use domain::money::Quantity;
use domain::returns::{NewReturnLine, RecordReturn};
use domain::sale::RecordSale;
use domain::stock::{RecordWriteOff, ToldWriteOff};
use domain::unreferenced_return::RecordUnreferencedReturn;
use storage::committer::Receipt;

use super::catalogue::Catalogue;
use super::document::{Document, Returned, external_id};
use super::line::Line;
use super::report::Report;
use super::sender::Sender;

/// Documents under way: enough for the next batches to fill while one is written, and a quarter of what may wait.
const DOCUMENTS_MAX: usize = 1_024;
/// Lines of documents under way, so that long invoices do not fill the memory.
const LINES_MAX: usize = 20_000;

/// What is under way.
pub struct Recorder {
    source: String,
    under_way: VecDeque<(Document, Receipt<Recorded>)>,
    lines: usize,
}

impl Recorder {
    /// A recorder for a file of that source.
    pub fn new(source: &str) -> Self {
        Self { source: source.to_owned(), under_way: VecDeque::new(), lines: 0 }
    }

    /// Has a document recorded; waits first where too much is under way.
    pub async fn record(
        &mut self,
        document: Document,
        catalogue: &Catalogue,
        sender: &Sender,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        if sender.is_dry() {
            return report.foreseen(&document);
        }
        let count = document.lines().len();
        while !self.under_way.is_empty() && (self.under_way.len() >= DOCUMENTS_MAX || self.lines + count > LINES_MAX) {
            self.settle_first(report).await?;
        }
        let answer = self.send(&document, catalogue, sender)?;
        self.lines += count;
        self.under_way.push_back((document, answer));
        Ok(())
    }

    /// Waits for all that is under way.
    pub async fn finish(&mut self, report: &mut Report) -> anyhow::Result<()> {
        while !self.under_way.is_empty() {
            self.settle_first(report).await?;
        }
        Ok(())
    }

    async fn settle_first(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let Some((document, answer)) = self.under_way.pop_front() else { return Ok(()) };
        let answer: Result<Recorded, Refusal> = Sender::receive(answer).await?;
        self.lines -= document.lines().len();
        match answer {
            Ok(recorded) => report.recorded(&document, recorded),
            Err(refusal) => {
                let why = format!("{}: {refusal}", refusal.code());
                document.lines().into_iter().try_for_each(|line| report.refused(line, &why))
            }
        }
    }

    fn send(&self, document: &Document, catalogue: &Catalogue, sender: &Sender) -> anyhow::Result<Receipt<Recorded>> {
        let shop = sender.shop;
        match document {
            Document::Sale { id, lines } => sender.send(RecordSale {
                id: *id,
                merchant: shop.merchant,
                location: shop.location,
                register: shop.register,
                currency: shop.currency,
                told: self.told(&lines[0]),
                lines: told_lines(lines, catalogue)?,
            }),
            Document::Return { sale, lines } => sender.send(RecordReturn {
                merchant: shop.merchant,
                location: shop.location,
                register: shop.register,
                currency: shop.currency,
                sale: *sale,
                told: self.told(&lines[0].line),
                lines: lines.iter().map(back).collect(),
                articles: lines.iter().filter_map(|back| catalogue.article(&back.line.code)).collect(),
                reason: String::new(),
            }),
            Document::UnreferencedReturn(lines) => sender.send(RecordUnreferencedReturn {
                merchant: shop.merchant,
                location: shop.location,
                register: shop.register,
                currency: shop.currency,
                told: self.told(&lines[0]),
                lines: told_lines(lines, catalogue)?,
                reason: format!("{} has no earlier sale of it to this customer at this price", self.source),
            }),
            Document::WriteOff(lines) => sender.send(RecordWriteOff {
                merchant: shop.merchant,
                location: shop.location,
                told: self.told(&lines[0]),
                lines: lines.iter().map(|line| self.write_off(line, catalogue)).collect::<anyhow::Result<_>>()?,
            }),
        }
    }

    fn told(&self, first: &Line) -> Told {
        Told {
            external: external_id(&self.source, first),
            number: first.invoice.clone(),
            occurred_at: first.occurred_at,
        }
    }

    fn write_off(&self, line: &Line, catalogue: &Catalogue) -> anyhow::Result<ToldWriteOff> {
        let article = catalogue.article(&line.code).context("a line without an article")?;
        let reason = if line.name.is_empty() { format!("written off in {}", self.source) } else { line.name.clone() };
        Ok(ToldWriteOff { article, quantity: Quantity(line.quantity.0.abs()), reason })
    }
}

fn back(returned: &Returned) -> NewReturnLine {
    let quantity = Quantity(returned.line.quantity.0.abs());
    NewReturnLine { number: returned.number, quantity, is_restocked: true }
}

/// The lines as they are told: what has no name is called by its code.
fn told_lines(lines: &[Line], catalogue: &Catalogue) -> anyhow::Result<Vec<ToldLine>> {
    let told = |line: &Line| {
        let article = catalogue.article(&line.code).context("a line without an article")?;
        let name = if line.name.is_empty() { line.code.clone() } else { line.name.clone() };
        Ok(ToldLine { article, name, quantity: Quantity(line.quantity.0.abs()), unit_price: line.unit_price })
    };
    lines.iter().map(told).collect()
}
