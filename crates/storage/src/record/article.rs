//! Articles, what is told of them, and the codes on them.

use domain::article::{Article, ArticleDetails, Barcode, Details, Label, Price, Unit, Variant};
use domain::money::{Currency, UnitPrice};
use domain::time::Timestamp;

use super::{BOOL, INT, Stored, TEXT, json, metadata, metadata_cell, table};
use crate::cell::Cell;
use crate::error::Corrupt;
use crate::table::{RowReader, Table};

impl Stored for Article {
    const TABLE: &'static Table = &Table {
        name: "article",
        key_len: 1,
        is_locked: false,
        unique: &[
            ("article_sku", &["merchant_id", "sku"]),
            ("article_variant", &["merchant_id", "variant_of", "options"]),
        ],
        columns: &[
            ("id", TEXT),
            ("merchant_id", TEXT),
            ("sku", TEXT),
            ("barcodes", TEXT),
            ("name", TEXT),
            ("unit_price", INT),
            ("currency", TEXT),
            ("tax_class", TEXT),
            ("is_stocked", BOOL),
            ("is_active", BOOL),
            ("created_at", INT),
            ("eat_in_tax_class", TEXT),
            ("unit", TEXT),
            ("prices", TEXT),
            ("variant_of", TEXT),
            ("options", TEXT),
            ("has_variants", BOOL),
            ("metadata", TEXT),
            ("version", INT),
        ],
    };

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let variant = self.variant.as_ref();
        cells.extend([
            Cell::display(self.id),
            Cell::display(self.merchant),
            Cell::text(&self.sku),
            barcodes(&self.barcodes),
            Cell::text(&self.name),
            Cell::Int(self.unit_price.0),
            Cell::display(self.currency),
            Cell::text(&self.tax_class),
            Cell::Bool(self.is_stocked),
            Cell::Bool(self.is_active),
            Cell::Int(self.created_at.0),
            Cell::option(self.eat_in_tax_class.as_deref(), Cell::text),
            Cell::text(self.unit.as_str()),
            prices(&self.prices),
            Cell::option(variant, |variant| Cell::display(variant.of)),
            Cell::option(variant, |variant| json(&variant.options)),
            Cell::Bool(self.has_variants),
            metadata_cell(&self.metadata),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            id: row.parse()?,
            merchant: row.parse()?,
            sku: row.text()?,
            barcodes: row.text()?.split_whitespace().map(|code| Barcode::stored(code.to_owned())).collect(),
            name: row.text()?,
            unit_price: UnitPrice(row.int()?),
            currency: row.word(Currency::parse)?,
            tax_class: row.text()?,
            is_stocked: row.bool()?,
            is_active: row.bool()?,
            created_at: Timestamp(row.int()?),
            eat_in_tax_class: row.text_option()?,
            unit: row.word(Unit::parse)?,
            prices: row.word_option(|text| serde_json::from_str(text).ok())?.unwrap_or_default(),
            variant: variant(row)?,
            has_variants: row.bool()?,
            metadata: metadata(row)?,
            version: row.int()?,
        })
    }
}

/// No code has a blank in it.
fn barcodes(barcodes: &[Barcode]) -> Cell<'static> {
    Cell::Text(barcodes.iter().map(Barcode::as_str).collect::<Vec<_>>().join(" ").into())
}

/// Most articles have none, and no sale should read a document to learn it.
fn prices(prices: &[Price]) -> Cell<'static> {
    if prices.is_empty() { Cell::Null } else { json(&prices) }
}

fn variant(row: &mut RowReader) -> Result<Option<Variant>, Corrupt> {
    match (row.parse_option()?, row.word_option(|text| serde_json::from_str(text).ok())?) {
        (None, None) => Ok(None),
        (Some(of), Some(options)) => Ok(Some(Variant { of, options })),
        _ => row.make_no_sense(),
    }
}

impl Stored for ArticleDetails {
    const TABLE: &'static Table = &table(
        "article_details",
        1,
        false,
        &[
            ("article_id", TEXT),
            ("merchant_id", TEXT),
            ("names", TEXT),
            ("description", TEXT),
            ("image_urls", TEXT),
            ("version", INT),
        ],
    );

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        let Details { names, description, image_urls } = &self.details;
        cells.extend([
            Cell::display(self.article),
            Cell::display(self.merchant),
            json(names),
            Cell::text(description),
            json(image_urls),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        let (article, merchant) = (row.parse()?, row.parse()?);
        let details = Details { names: row.json()?, description: row.text()?, image_urls: row.json()? };
        Ok(Self { article, merchant, details, version: row.int()? })
    }
}

impl Stored for Label {
    const TABLE: &'static Table =
        &table("barcode", 2, false, &[("merchant_id", TEXT), ("code", TEXT), ("article_id", TEXT), ("version", INT)]);

    fn write<'a>(&'a self, cells: &mut Vec<Cell<'a>>) {
        cells.extend([
            Cell::display(self.merchant),
            Cell::text(self.barcode.as_str()),
            Cell::option(self.article, Cell::display),
            Cell::Int(self.version),
        ]);
    }

    fn read(row: &mut RowReader) -> Result<Self, Corrupt> {
        Ok(Self {
            merchant: row.parse()?,
            barcode: Barcode::stored(row.text()?),
            article: row.parse_option()?,
            version: row.int()?,
        })
    }
}
