//! Import of a catalogue: a table of another system becomes articles. It is read, planned on a shadow of the catalogue, told, and
//! then done by the same commands as everything else. A second run finds everything as it should be and changes nothing.

mod carry_out;
mod case;
mod code;
mod difference;
mod form;
mod issue;
mod layout;
mod line;
mod map;
mod number;
mod opening;
mod plan;
mod planner;
mod reading;
mod report_file;
mod shadow;
mod sheet;
mod summary;
mod word;

pub use carry_out::Carrier;
pub use issue::{Class, Effect, Issue};
pub use layout::Wish;
pub use map::Map;
pub use plan::{Entry, Outcome, Steps, is_all_taken};
pub use report_file::ReportFile;
pub use summary::{Shape, Totals, words};

use std::path::{Path, PathBuf};

use anyhow::bail;
use domain::id::{ArticleId, LocationId};
use domain::merchant::{Location, Merchant};
use domain::money::Quantity;
use domain::tax::PriceMode;
use domain::time::Timestamp;
use storage::reader::Reader;

use self::layout::Opened;
use self::line::{Line, Lines};
use self::planner::Planner;
use self::shadow::Shadow;
use self::sheet::Sheet;
use crate::table_file::{Row, TableFile, Undecodable};

/// Lines of one file: they and the plan are in memory, some six kilobytes each.
pub const LINES_MAX: usize = 100_000;

/// What somebody wants imported.
#[derive(Debug, Clone)]
pub struct Request {
    /// The table.
    pub file: PathBuf,
    /// How it is to be read.
    pub wish: Wish,
    /// Whose articles its lines become.
    pub merchant: Merchant,
    /// Where its stock lies; without it no stock comes in.
    pub location: Option<Location>,
    /// The tax class of lines that say none.
    pub tax_class: Option<String>,
}

/// An import that is planned, and then one that is done.
#[derive(Debug)]
pub struct Import {
    /// What is told first: a title and a text each.
    pub head: Vec<(&'static str, String)>,
    /// By which layout the table was read; `map` where it was given one.
    pub layout: String,
    /// What becomes of each line, in the order of the file.
    pub entries: Vec<Entry>,
}

/// Plans an import; writes nothing.
pub async fn plan(reader: &Reader, request: &Request, now: Timestamp) -> anyhow::Result<Import> {
    let Opened { mut table, map, layout, why, is_own_map } = layout::open(&request.file, &request.wish)?;
    let location_name = request.location.as_ref().map(|location| location.name.as_str());
    let mut sheet = Sheet::bind(table.headers(), map, is_own_map, request.merchant.clone(), location_name)?;
    let rows = rows(&mut table, &request.file)?;
    sheet.learn(rows.iter().filter_map(|row| row.as_ref().ok()));
    let tax_class = tax_class(request, &sheet)?;
    let (lines, unread) = lines(&sheet, rows);
    let mut shadow = Shadow::load(reader, &request.merchant, request.location.as_ref(), now).await?;
    let location = request.location.as_ref().map(|location| location.id);
    if let Some(location) = location {
        let maybe_opened = maybe_opened(&shadow, location, &lines);
        shadow.load_openings(reader, location, maybe_opened.into_iter()).await?;
    }
    let (mut entries, shadow) = Planner::new(shadow, &sheet, location, tax_class).plan(lines);
    case::look_at(&mut entries, shadow.skus());
    entries.extend(unread);
    entries.sort_by_key(|entry| (entry.line, !entry.is_implied));
    Ok(Import { head: head(request, &sheet, &table, &why), layout, entries })
}

fn rows(table: &mut TableFile, path: &Path) -> anyhow::Result<Vec<Result<Row, Undecodable>>> {
    let mut rows = Vec::new();
    while let Some(row) = table.next_row()? {
        if rows.len() >= LINES_MAX {
            bail!(
                "The file {} has more than {LINES_MAX} lines. Split it, and import one part after the other.",
                path.display()
            );
        }
        rows.push(row);
    }
    Ok(rows)
}

/// The lines that can be read, and what becomes of the others.
fn lines(sheet: &Sheet, rows: Vec<Result<Row, Undecodable>>) -> (Vec<Line>, Vec<Entry>) {
    let mut reading = Lines::new(sheet);
    let (mut lines, mut unread) = (Vec::new(), Vec::new());
    for row in rows {
        match row {
            Ok(row) => lines.extend(reading.read(&row)),
            Err(wrong) => {
                let column = sheet.header(wrong.column.saturating_sub(1));
                let issue = Issue::new(Class::LineUndecodable, column, format!("not written in {}", wrong.encoding));
                unread.push(Entry {
                    line: wrong.line,
                    sku: String::new(),
                    name: String::new(),
                    is_implied: false,
                    outcome: Outcome::Refused,
                    changes: Vec::new(),
                    issues: vec![issue],
                    steps: None,
                });
            }
        }
    }
    (lines, unread)
}

/// The tax class of lines that say none: the one that was given, or the only one there is. A table that says nothing of tax at all
/// needs one.
fn tax_class(request: &Request, sheet: &Sheet) -> anyhow::Result<Option<String>> {
    let classes = &request.merchant.tax.classes;
    let names = || classes.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let given = request.tax_class.as_ref().or(sheet.map.defaults.tax_class.as_ref());
    match given {
        Some(class) if !classes.contains_key(class) => {
            bail!("{} has no tax class `{class}`. It has: {}.", request.merchant.name, names())
        }
        Some(class) => Ok(Some(class.clone())),
        None if classes.len() == 1 => Ok(classes.keys().next().cloned()),
        None if !sheet.has_tax() => {
            bail!("The file says nothing of tax. Say with --tax-class which class its articles have: {}.", names())
        }
        None => Ok(None),
    }
}

/// The articles of which nothing is on hand though the file says otherwise: their stock may have come in before, and been sold.
fn maybe_opened(shadow: &Shadow, location: LocationId, lines: &[Line]) -> Vec<ArticleId> {
    let known = |line: &Line| {
        let goods = line.goods.as_ref().filter(|goods| goods.stock.is_some())?;
        let of_barcode = || goods.barcodes.iter().find_map(|barcode| shadow.holder(barcode));
        Some(shadow.find(&line.sku).or_else(of_barcode)?.id)
    };
    let is_empty = |article: &ArticleId| shadow.on_hand(location, *article) == Quantity::ZERO;
    lines.iter().filter_map(known).filter(is_empty).collect()
}

fn head(request: &Request, sheet: &Sheet, table: &TableFile, why: &str) -> Vec<(&'static str, String)> {
    let Request { merchant, location, .. } = request;
    let form = table.form();
    let separator = match form.separator {
        b'\t' => "a tabulator".to_owned(),
        other => format!("`{}`", char::from(other)),
    };
    let tax = match merchant.tax.price_mode {
        PriceMode::Inclusive => "with tax in them",
        PriceMode::Exclusive => "with tax on top",
    };
    let mut head = vec![
        ("File", format!("{}, {}, {separator} between fields", request.file.display(), form.encoding.name())),
        ("Layout", why.to_owned()),
        ("Merchant", format!("{}, prices in {} {tax}", merchant.name, merchant.currency)),
    ];
    let stock = match (location, sheet.places.stock.is_empty()) {
        (Some(location), false) => format!("opening stock comes in at {}", location.name),
        (None, false) => "none comes in; name the location with --location".to_owned(),
        (Some(_), true) => "the file has none".to_owned(),
        (None, true) => String::new(),
    };
    head.push(("Stock", stock));
    head.retain(|(_, text)| !text.is_empty());
    let unused: Vec<String> = sheet.unused().into_iter().map(issue::quoted).collect();
    if !unused.is_empty() {
        head.push(("Columns", format!("not taken: {}", unused.join(", "))));
    }
    head
}
