//! What the merchant's catalogue would be: a copy in memory, on which the hub's own commands decide. So the plan knows every rule,
//! and none is written down twice.

use std::collections::{BTreeMap, BTreeSet};

use domain::article::{Article, ArticleDetails, Barcode, Described, Details, Label, Refusal as ArticleRefusal};
use domain::call::{Actor, Call, Role};
use domain::command::{Command, Refusal};
use domain::external_ref::{self, ExternalRef};
use domain::id::{ArticleId, LocationId};
use domain::merchant::{Location, Merchant};
use domain::money::Quantity;
use domain::stock::StockLevel;
use domain::time::Timestamp;
use domain::work::{Key, Stop, UnitOfWork};
use storage::read::PAGE_MAX;
use storage::reader::Reader;

use super::opening;
use crate::clock::RandomIds;

/// How often a command may name more records before it is a bug: as often as the committer lets it.
const ROUNDS_MAX: usize = 4;

/// The catalogue as it would be.
pub struct Shadow {
    work: UnitOfWork,
    merchant: Merchant,
    actor: Actor,
    ids: RandomIds,
    now: Timestamp,
    by_sku: BTreeMap<String, ArticleId>,
    options: BTreeSet<(ArticleId, BTreeMap<String, String>)>,
}

impl Shadow {
    /// The merchant's catalogue as it stands, and what is on hand at the location.
    pub async fn load(
        reader: &Reader,
        merchant: &Merchant,
        location: Option<&Location>,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let mut shadow = Self {
            work: UnitOfWork::default(),
            merchant: merchant.clone(),
            actor: Actor::new("import", Role::System),
            ids: RandomIds::new(),
            now,
            by_sku: BTreeMap::new(),
            options: BTreeSet::new(),
        };
        shadow.work.merchants.put_loaded(merchant.clone());
        let mut after = String::new();
        loop {
            let page = reader.list_articles(merchant.id, &after, PAGE_MAX).await?;
            let Some(last) = page.last() else { break };
            after = last.article.id.to_string();
            page.into_iter().for_each(|described| shadow.put(described));
        }
        if let Some(location) = location {
            shadow.load_levels(reader, location).await?;
        }
        Ok(shadow)
    }

    async fn load_levels(&mut self, reader: &Reader, location: &Location) -> anyhow::Result<()> {
        self.work.locations.put_loaded(location.clone());
        let mut after = String::new();
        loop {
            let page = reader.list_stock_levels(self.merchant.id, location.id, None, &after, PAGE_MAX).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.article.to_string();
            page.into_iter().for_each(|level| self.work.stock_levels.put_loaded(level));
        }
    }

    /// Looks up whether the opening stock of these articles has come in before.
    pub async fn load_openings(
        &mut self,
        reader: &Reader,
        location: LocationId,
        articles: impl Iterator<Item = ArticleId>,
    ) -> anyhow::Result<()> {
        let (merchant, kind) = (self.merchant.id, external_ref::Kind::Movement);
        for article in articles {
            let Some(external) = opening::reference(location, article) else { continue };
            if let Some(subject) = reader.find_external_subject(merchant, &external, kind).await? {
                let created_at = self.now;
                self.work.external_refs.put_loaded(ExternalRef { merchant, external, subject, created_at, version: 1 });
            }
        }
        Ok(())
    }

    fn put(&mut self, Described { article, details }: Described) {
        let merchant = self.merchant.id;
        for barcode in &article.barcodes {
            let label = Label { merchant, barcode: barcode.clone(), article: Some(article.id), version: 1 };
            self.work.labels.put_loaded(label);
        }
        if details != Details::default() {
            self.work.article_details.put_loaded(ArticleDetails { article: article.id, merchant, details, version: 1 });
        }
        self.note(&article);
        self.work.articles.put_loaded(article);
    }

    fn note(&mut self, article: &Article) {
        self.by_sku.insert(article.sku.clone(), article.id);
        if let Some(variant) = &article.variant {
            self.options.insert((variant.of, variant.options.clone()));
        }
    }

    /// The article with this sku, its case as it is.
    pub fn find(&self, sku: &str) -> Option<&Article> {
        self.article(*self.by_sku.get(sku)?)
    }

    /// One article.
    pub fn article(&self, id: ArticleId) -> Option<&Article> {
        self.work.articles.find(self.merchant.id, &id)
    }

    /// The article that has this barcode.
    pub fn holder(&self, barcode: &Barcode) -> Option<&Article> {
        let label = self.work.labels.find(self.merchant.id, &(self.merchant.id, barcode.clone()))?;
        self.article(label.article?)
    }

    /// An article with what is told of it.
    pub fn described(&self, article: &Article) -> Described {
        let told = self.work.article_details.find(self.merchant.id, &article.id);
        let details = told.map(|told| told.details.clone()).unwrap_or_default();
        Described { article: article.clone(), details }
    }

    /// What is on hand of it at a location.
    pub fn on_hand(&self, location: LocationId, article: ArticleId) -> Quantity {
        let level = self.work.stock_levels.find(self.merchant.id, &(location, article));
        level.map_or(Quantity::ZERO, |level| level.on_hand)
    }

    /// All skus that there are.
    pub fn skus(&self) -> impl Iterator<Item = &str> {
        self.by_sku.keys().map(String::as_str)
    }

    /// Lets a command that makes an article decide; what the database's unique constraints say is asked first.
    pub fn create(&mut self, create: &domain::article::CreateArticle) -> Result<Article, Refusal> {
        if self.by_sku.contains_key(&create.sku) {
            return Err(Refusal::Article(ArticleRefusal::SkuTaken));
        }
        let options = create.variant.as_ref().map(|variant| (variant.of, variant.options.clone()));
        if options.is_some_and(|options| self.options.contains(&options)) {
            return Err(Refusal::Article(ArticleRefusal::OptionsTaken));
        }
        let article = self.decide(create)?.article;
        self.note(&article);
        Ok(article)
    }

    /// Lets a command decide. What it refuses leaves no trace.
    pub fn decide<C: Command>(&mut self, command: &C) -> Result<C::Reply, Refusal> {
        for key in command.keys() {
            self.look_for(key);
        }
        for _ in 0..ROUNDS_MAX {
            self.work.begin_command();
            let mut call = Call::new(self.now, self.merchant.id, &self.actor, &mut self.ids);
            match command.decide(&mut self.work, &mut call) {
                Ok(reply) => {
                    // Nobody is told of what would happen.
                    self.work.events = domain::work::Log::default();
                    self.work.movements = domain::work::Log::default();
                    return Ok(reply);
                }
                Err(Stop::Refused(refusal)) => {
                    self.work.undo_command();
                    return Err(refusal);
                }
                Err(Stop::Needs(keys)) => {
                    self.work.undo_command();
                    keys.into_iter().for_each(|key| self.look_for(key));
                }
            }
        }
        Err(Refusal::NotFound { noun: "record", id: command.name().to_owned() })
    }

    /// All there is has been loaded: what is not here now is not in the database. Counters come into being when they are named.
    fn look_for(&mut self, key: Key) {
        if let Key::StockLevel(location, article) = key
            && self.work.may_make_zero(self.merchant.id, &key)
            && !self.work.stock_levels.is_taken(&(location, article))
        {
            self.work.stock_levels.put_loaded(StockLevel::zero(location, article, self.merchant.id));
        }
        self.work.set_known(key);
    }
}
