//! The catalogue: each code stands for the article that has it, and for no other.

use std::collections::BTreeMap;

use domain::article::{Article, Label};

use super::Report;
use super::source::{Source, Walk};
use crate::error::EngineError;
use crate::record::Stored;
use crate::table::RowReader;

/// Compares the codes of the articles with what the codes stand for.
pub fn barcodes(source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
    let mut articles = BTreeMap::new();
    let mut walk = Walk::new(Article::TABLE);
    while let Some(row) = walk.next(source)? {
        report.rows += 1;
        let article = Article::read(&mut RowReader::new(Article::TABLE, row))?;
        for barcode in article.barcodes {
            if let Some(other) = articles.insert((article.merchant, barcode.clone()), article.id) {
                report.find("barcode_of_one_article", article.id, format!("{barcode} is on {other}, too"));
            }
        }
    }
    let mut walk = Walk::new(Label::TABLE);
    while let Some(row) = walk.next(source)? {
        report.rows += 1;
        let label = Label::read(&mut RowReader::new(Label::TABLE, row))?;
        let article = articles.remove(&(label.merchant, label.barcode.clone()));
        report.expect_equal("barcode_article", &label.barcode, &label.article, &article);
    }
    for ((_, barcode), article) in articles {
        report.find("barcode_article", article, format!("{barcode} is on the article and is not found by it"));
    }
    Ok(())
}
