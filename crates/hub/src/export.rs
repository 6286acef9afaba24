//! Export of a catalogue: the articles of a merchant as a table that the import reads.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context;
use domain::article::{Article, Described, OPTIONS_MAX};
use domain::decimal;
use domain::id::{ArticleId, LocationId};
use domain::merchant::Merchant;
use domain::money::{Quantity, UNIT_PRICE_PLACES};
use storage::read::PAGE_MAX;
use storage::reader::Reader;

/// The columns in front of those of the options, and those behind them. The layout of the import has the same names.
const HEAD: [&str; 6] = ["sku", "barcodes", "name", "description", "kind", "variant_of"];
const TAIL: [&str; 7] = ["unit", "unit_price", "tax_class", "eat_in_tax_class", "is_stocked", "is_active", "on_hand"];

/// Writes the articles of a merchant, in the order in which they were made, and what is on hand of them at a location. Says how
/// many there are.
pub async fn write(
    reader: &Reader,
    merchant: &Merchant,
    location: Option<LocationId>,
    to: impl Write,
) -> anyhow::Result<u64> {
    let on_hand = match location {
        Some(location) => on_hand(reader, merchant, location).await?,
        None => BTreeMap::new(),
    };
    let mut table = Table { rows: csv::Writer::from_writer(to), on_hand, wholes: BTreeMap::new() };
    table.write_headers()?;
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let page = reader.list_articles(merchant.id, &after, PAGE_MAX).await?;
        let Some(last) = page.last() else { break };
        after = last.article.id.to_string();
        for described in &page {
            table.write(described)?;
            count += 1;
        }
    }
    table.rows.flush()?;
    Ok(count)
}

async fn on_hand(
    reader: &Reader,
    merchant: &Merchant,
    location: LocationId,
) -> anyhow::Result<BTreeMap<ArticleId, Quantity>> {
    let (mut levels, mut after) = (BTreeMap::new(), String::new());
    loop {
        let page = reader.list_stock_levels(merchant.id, location, None, &after, PAGE_MAX).await?;
        let Some(last) = page.last() else { return Ok(levels) };
        after = last.article.to_string();
        levels.extend(page.iter().map(|level| (level.article, level.on_hand)));
    }
}

/// The table as it is written.
struct Table<W: Write> {
    rows: csv::Writer<W>,
    on_hand: BTreeMap<ArticleId, Quantity>,
    /// The skus of those that stand for their variants: they are older than these.
    wholes: BTreeMap<ArticleId, String>,
}

impl<W: Write> Table<W> {
    fn write_headers(&mut self) -> anyhow::Result<()> {
        let options = (1..=OPTIONS_MAX).flat_map(|n| [format!("option_{n}_name"), format!("option_{n}_value")]);
        let headers = HEAD.into_iter().map(str::to_owned).chain(options).chain(TAIL.into_iter().map(str::to_owned));
        Ok(self.rows.write_record(headers)?)
    }

    fn write(&mut self, Described { article, details }: &Described) -> anyhow::Result<()> {
        if article.has_variants {
            self.wholes.insert(article.id, article.sku.clone());
        }
        let barcodes: Vec<&str> = article.barcodes.iter().map(|barcode| barcode.as_str()).collect();
        let kind = if article.has_variants { "variable" } else { "" };
        let of = self.variant_of(article)?;
        let head =
            [&article.sku, &barcodes.join(" "), &article.name, &details.description, kind, &of].map(str::to_owned);
        let mut row: Vec<String> = head.into();
        let options = article.variant.iter().flat_map(|variant| &variant.options);
        row.extend(options.flat_map(|(name, value)| [name.clone(), value.clone()]));
        row.resize(HEAD.len() + 2 * OPTIONS_MAX, String::new());
        row.extend(self.tail(article));
        Ok(self.rows.write_record(row)?)
    }

    fn variant_of(&self, article: &Article) -> anyhow::Result<String> {
        let Some(variant) = &article.variant else { return Ok(String::new()) };
        let whole = self.wholes.get(&variant.of);
        whole.cloned().with_context(|| format!("The article {} is a variant of one that is not there", article.id))
    }

    fn tail(&self, article: &Article) -> [String; 7] {
        let places = u32::from(article.currency.decimals()) + UNIT_PRICE_PLACES;
        let yes_or_no = |is: bool| if is { "yes" } else { "no" }.to_owned();
        [
            article.unit.as_str().to_owned(),
            decimal::format(article.unit_price.0, places),
            article.tax_class.clone(),
            article.eat_in_tax_class.clone().unwrap_or_default(),
            yes_or_no(article.is_stocked),
            yes_or_no(article.is_active),
            self.on_hand.get(&article.id).map(Quantity::to_string).unwrap_or_default(),
        ]
    }
}
