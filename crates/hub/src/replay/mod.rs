//! `tillbridge replay`: the trade of a shop as another system exported it, line by line into catalogue, stock, sales and
//! returns, by the same commands as everything else. The file is the only memory: a replay that was killed is made again from
//! its beginning, and what was recorded is known by the number of its invoice.

mod catalogue;
mod document;
mod line;
mod map;
mod place;
mod positions;
mod progress;
mod recorder;
mod report;
mod rule;
mod sender;
mod sold;
mod summary;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use domain::elsewhere::OpenOrigin;
use domain::id::{MerchantId, RegisterId, SaleId};
use domain::stock::FlagNegativeStock;
use storage::reader::Reader;

use self::catalogue::Catalogue;
use self::document::{Assembler, Document};
use self::line::{Line, LineReader};
use self::map::{Map, check_source};
use self::place::Place;
use self::positions::Positions;
use self::progress::Progress;
use self::recorder::Recorder;
use self::report::Report;
use self::rule::classify;
use self::sender::Sender;
pub use self::summary::Summary;
use crate::config::Config;
use crate::table_file::TableFile;

/// Rows that are read at a time, one lot ahead: their articles are made before the lot at hand is recorded, so that nothing
/// waits for them and batches are full.
const ROWS_AT_A_TIME: usize = 8_000;
/// Levels of stock that are read at a time.
const LEVELS_AT_A_TIME: i64 = 200;

/// What is to be replayed.
#[derive(Debug, Clone)]
pub struct Options {
    /// The export.
    pub file: PathBuf,
    /// Its map.
    pub map: PathBuf,
    /// Whose trade it is; the one merchant there is where it is left out.
    pub merchant: Option<MerchantId>,
    /// The register that it counts for; the one register of the merchant where it is left out.
    pub register: Option<RegisterId>,
    /// What the system is called that the export comes from, instead of the map's word.
    pub source: Option<String>,
    /// Whether only what would come of it is told.
    pub is_dry_run: bool,
    /// Where it is said of every line what came of it.
    pub report: Option<PathBuf>,
}

/// Replays a file into the database of these settings.
pub async fn run(settings: &Config, options: &Options) -> anyhow::Result<Summary> {
    let started = Instant::now();
    let mut map = Map::open(&options.map)?;
    if let Some(source) = &options.source {
        check_source(source)?;
        map.source.clone_from(source);
    }
    let table = TableFile::open(&options.file, map.form()?)?;
    let lines = LineReader::new(&map, table.headers())?;
    let place = Place::open(settings, options, &map).await?;
    let sender = Sender::new(place.committer.clone(), place.shop, &map.source);
    let report = Report::new(options.report.as_deref(), place.shop.currency)?;
    let replay = Replay {
        assembler: Assembler::new(place.shop.merchant, &map.source),
        catalogue: Catalogue::new(&map)?,
        recorder: Recorder::new(&map.source),
        positions: Positions::default(),
        first_sale: None,
        map,
        table,
        lines,
        sender,
        report,
    };
    let replayed = replay.run(&place.reader, started).await;
    place.close().await?;
    replayed
}

/// Some rows of the file.
struct Lot {
    /// The lines that can be read of them.
    lines: Vec<Line>,
    rows: usize,
    /// How far into the file they reach.
    bytes: u64,
}

/// A replay at work.
struct Replay {
    map: Map,
    table: TableFile,
    lines: LineReader,
    positions: Positions,
    catalogue: Catalogue,
    assembler: Assembler,
    recorder: Recorder,
    sender: Sender,
    report: Report,
    /// The first sale of the file.
    first_sale: Option<SaleId>,
}

impl Replay {
    async fn run(mut self, reader: &Reader, started: Instant) -> anyhow::Result<Summary> {
        self.open_origin().await?;
        let mut progress = Progress::new(self.table.progress().0);
        let mut read_lines = 0;
        let mut lot = self.read()?;
        self.catalogue.look_up(&lot.lines, reader, &self.sender).await?;
        self.catalogue.settle().await?;
        while lot.rows > 0 {
            let next = self.read()?;
            self.catalogue.look_up(&next.lines, reader, &self.sender).await?;
            let mut ready = Vec::new();
            for line in lot.lines {
                self.put(line, &mut ready)?;
            }
            self.record(ready).await?;
            self.catalogue.settle().await?;
            read_lines += lot.rows as u64;
            progress.set(lot.bytes, read_lines);
            lot = next;
        }
        let mut ready = Vec::new();
        self.assembler.flush(&mut ready);
        self.record(ready).await?;
        self.recorder.finish(&mut self.report).await?;
        self.report.close().context("The report cannot be written")?;
        progress.finish();
        let below_zero = self.flag_negative_stock(reader).await?;
        Ok(Summary::of(&self, below_zero, started.elapsed()))
    }

    /// Says by which map the file is read. Another than that of the last time would record its lines twice.
    async fn open_origin(&self) -> anyhow::Result<()> {
        if self.sender.is_dry() {
            return Ok(());
        }
        let (merchant, name, map_hash) = (self.sender.shop.merchant, self.map.source.clone(), self.map.hash.clone());
        match Sender::receive(self.sender.send(OpenOrigin { merchant, name, map_hash })?).await? {
            Ok(()) => Ok(()),
            Err(refusal) => bail!("{refusal}"),
        }
    }

    /// The next rows.
    fn read(&mut self) -> anyhow::Result<Lot> {
        let mut lot = Lot { lines: Vec::with_capacity(ROWS_AT_A_TIME), rows: 0, bytes: 0 };
        while lot.rows < ROWS_AT_A_TIME {
            let row = match self.table.next_row()? {
                None => break,
                Some(Err(undecodable)) => {
                    lot.rows += 1;
                    self.report.unreadable(undecodable.line, "", &undecodable.to_string())?;
                    continue;
                }
                Some(Ok(row)) => row,
            };
            lot.rows += 1;
            let read = self.lines.read(&row);
            let position = read.invoice.as_deref().map(|invoice| self.positions.next(invoice)).transpose()?;
            match (read.line, position) {
                (Ok(line), Some(position)) => lot.lines.push(Line { position, ..line }),
                (Ok(_), None) => self.report.unreadable(row.line, "", "it has no number of an invoice")?,
                (Err(why), _) => self.report.unreadable(row.line, read.invoice.as_deref().unwrap_or_default(), &why)?,
            }
        }
        lot.bytes = self.table.progress().1;
        Ok(lot)
    }

    /// Puts a line where it belongs.
    fn put(&mut self, line: Line, ready: &mut Vec<Document>) -> anyhow::Result<()> {
        let outcome = classify(&self.map.rules, &line);
        let checked = outcome.and_then(|outcome| self.catalogue.check(&line, outcome).map(|()| outcome));
        match checked {
            Ok(outcome) => {
                self.assembler.add(line, outcome, ready);
                Ok(())
            }
            Err(why) => self.report.refused(&line, &why),
        }
    }

    async fn record(&mut self, documents: Vec<Document>) -> anyhow::Result<()> {
        for document in documents {
            if let Document::Sale { id, .. } = &document {
                self.first_sale.get_or_insert(*id);
            }
            self.recorder.record(document, &self.catalogue, &self.sender, &mut self.report).await?;
        }
        Ok(())
    }

    /// Counts the articles that the location has less than nothing of, and opens one exception for all of them.
    async fn flag_negative_stock(&self, reader: &Reader) -> anyhow::Result<u64> {
        if self.sender.is_dry() {
            return Ok(0);
        }
        let shop = self.sender.shop;
        let (mut after, mut below_zero) = (String::new(), 0);
        loop {
            let levels = reader.list_stock_levels(shop.merchant, shop.location, None, &after, LEVELS_AT_A_TIME).await?;
            let Some(last) = levels.last() else { break };
            after = last.article.to_string();
            below_zero += levels.iter().filter(|level| level.on_hand.0 < 0).count() as u64;
        }
        if let Some(sale) = self.first_sale.filter(|_| below_zero > 0) {
            let (location, origin) = (shop.location, self.map.source.clone());
            let flag = FlagNegativeStock { sale, location, articles: below_zero, origin };
            // The first sale itself may have been refused: then there is nothing to hang it on.
            let _ = Sender::receive(self.sender.send(flag)?).await?;
        }
        Ok(below_zero)
    }
}
