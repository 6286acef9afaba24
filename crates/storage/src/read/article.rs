//! Articles with what is told of them.

use std::collections::BTreeMap;

use domain::article::{Article, ArticleDetails, Barcode, Described};
use domain::id::{ArticleId, MerchantId};

use super::{PAGE_MAX, query, records};
use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;

/// Skus that articles are looked up by at a time: as many as a page has records.
pub const SKUS_MAX: usize = PAGE_MAX as usize;

impl Reader {
    /// One article.
    pub async fn find_article(&self, merchant: MerchantId, id: ArticleId) -> Result<Option<Described>, EngineError> {
        self.first_article("WHERE id = $1 AND merchant_id = $2", vec![Cell::display(id), Cell::display(merchant)]).await
    }

    /// The article that has a barcode, or a pattern that the code was printed by.
    pub async fn find_article_by_barcode(
        &self,
        merchant: MerchantId,
        barcode: &Barcode,
    ) -> Result<Option<Described>, EngineError> {
        let tail =
            "WHERE id = (SELECT article_id FROM barcode WHERE merchant_id = $1 AND code = $2) AND merchant_id = $1";
        let patterns = barcode.patterns().into_iter().map(|(pattern, _)| pattern);
        for barcode in std::iter::once(barcode.clone()).chain(patterns) {
            let found = self.first_article(tail, vec![Cell::display(merchant), Cell::display(barcode)]).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The article that has a sku, its case as it was given.
    pub async fn find_article_by_sku(&self, merchant: MerchantId, sku: &str) -> Result<Option<Described>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::Text(sku.to_owned().into())];
        self.first_article("WHERE merchant_id = $1 AND sku = $2", params).await
    }

    /// The articles that have one of these skus, at most a page of them, their case as it was given.
    pub async fn list_articles_by_sku(
        &self,
        merchant: MerchantId,
        skus: &[String],
    ) -> Result<Vec<Article>, EngineError> {
        let skus = &skus[..skus.len().min(SKUS_MAX)];
        if skus.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (2..skus.len() + 2).map(|place| format!("${place}")).collect();
        let tail = format!("WHERE merchant_id = $1 AND sku IN ({}) ORDER BY sku", places.join(", "));
        let skus = skus.iter().map(|sku| Cell::Text(sku.clone().into()));
        self.list(&tail, std::iter::once(Cell::display(merchant)).chain(skus).collect()).await
    }

    /// A page of the merchant's articles after an id.
    pub async fn list_articles(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Described>, EngineError> {
        let limit = Cell::Int(limit.clamp(1, PAGE_MAX));
        let params = vec![Cell::display(merchant), Cell::Text(after.to_owned().into()), limit];
        self.articles("WHERE merchant_id = $1 AND id > $2 ORDER BY id LIMIT $3", params).await
    }

    /// A page of the variants of an article after an id.
    pub async fn list_variants(
        &self,
        merchant: MerchantId,
        of: ArticleId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Described>, EngineError> {
        let limit = Cell::Int(limit.clamp(1, PAGE_MAX));
        let params = vec![Cell::display(merchant), Cell::display(of), Cell::Text(after.to_owned().into()), limit];
        let tail = "WHERE merchant_id = $1 AND variant_of = $2 AND id > $3 ORDER BY id LIMIT $4";
        self.articles(tail, params).await
    }

    async fn first_article(&self, tail: &str, params: Vec<Cell<'static>>) -> Result<Option<Described>, EngineError> {
        Ok(self.articles(tail, params).await?.into_iter().next())
    }

    /// The articles that `tail` selects, and what is told of them, as of one moment.
    async fn articles(&self, tail: &str, params: Vec<Cell<'static>>) -> Result<Vec<Described>, EngineError> {
        let told = format!("WHERE article_id IN (SELECT id FROM article {tail})");
        let queries = vec![query::<Article>(tail, params.clone()), query::<ArticleDetails>(&told, params)];
        let mut answers = self.run(queries).await?.into_iter();
        let articles: Vec<Article> = records(answers.next().unwrap_or_default())?;
        let told: Vec<ArticleDetails> = records(answers.next().unwrap_or_default())?;
        let mut told: BTreeMap<ArticleId, _> = told.into_iter().map(|told| (told.article, told.details)).collect();
        let described = |article: Article| Described { details: told.remove(&article.id).unwrap_or_default(), article };
        Ok(articles.into_iter().map(described).collect())
    }
}
