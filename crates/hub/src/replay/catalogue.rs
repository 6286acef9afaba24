//! The articles that an export names: those that the catalogue has under their code, and those that are made for it.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::bail;
use domain::article::{CreateArticle, Described, Unit, check_sku};
use domain::id::ArticleId;
use domain::money::UnitPrice;
use storage::committer::Receipt;
use storage::read::article::SKUS_MAX;
use storage::reader::Reader;

use super::line::Line;
use super::map::Map;
use super::rule::Outcome;
use super::sender::Sender;

/// Codes of one file, at most: more than any shop has articles, in some 40 MiB.
const CODES_MAX: usize = 200_000;
/// Articles that are being made at a time: with the documents under way they fit into the queue.
const CREATED_AT_A_TIME: usize = 2_000;

/// What a code stands for.
enum Known {
    Article {
        id: ArticleId,
        unit: Unit,
        is_stocked: bool,
    },
    /// In a dry run it is not made.
    ToBeMade {
        is_stocked: bool,
    },
    /// Nothing of it can be recorded, for this reason.
    Refused(String),
}

/// The articles by their codes.
pub struct Catalogue {
    tax_class: String,
    unit: Unit,
    not_stocked: HashSet<String>,
    known: HashMap<String, Known>,
    waiting: Vec<Creation>,
    /// How many were made.
    pub created: u64,
}

/// A code that was not met before, with what the first lines tell of it.
struct Met {
    name: Option<String>,
    unit_price: Option<UnitPrice>,
}

/// An article that is being made.
struct Creation {
    code: String,
    is_stocked: bool,
    answer: Receipt<Described>,
}

impl Catalogue {
    /// A catalogue that makes articles as the map says.
    pub fn new(map: &Map) -> anyhow::Result<Self> {
        Ok(Self {
            tax_class: map.articles.tax_class.clone(),
            unit: map.unit()?,
            not_stocked: map.articles.not_stocked.iter().cloned().collect(),
            known: HashMap::new(),
            waiting: Vec::new(),
            created: 0,
        })
    }

    /// Looks up the code of each line, and has the articles made of those that have none: [`Catalogue::settle`] waits for
    /// them, and until then their lines cannot be recorded.
    pub async fn look_up(&mut self, lines: &[Line], reader: &Reader, sender: &Sender) -> anyhow::Result<()> {
        let mut met: BTreeMap<String, Met> = BTreeMap::new();
        for line in lines.iter().filter(|line| !self.known.contains_key(&line.code)) {
            let first = met.entry(line.code.clone()).or_insert(Met { name: None, unit_price: None });
            if first.name.is_none() && !line.name.is_empty() {
                first.name = Some(line.name.clone());
            }
            if first.unit_price.is_none() && line.unit_price.0 > 0 {
                first.unit_price = Some(line.unit_price);
            }
        }
        if self.known.len() + met.len() > CODES_MAX {
            bail!("The file has more than {CODES_MAX} codes: columns.code may be another column.");
        }
        let codes: Vec<String> = met.keys().cloned().collect();
        for codes in codes.chunks(SKUS_MAX) {
            for article in reader.list_articles_by_sku(sender.shop.merchant, codes).await? {
                met.remove(&article.sku);
                let known = if article.has_variants {
                    Known::Refused(format!("{} stands for its variants and is not sold itself", article.id))
                } else {
                    Known::Article { id: article.id, unit: article.unit, is_stocked: article.is_stocked }
                };
                self.known.insert(article.sku, known);
            }
        }
        self.create(met, sender).await
    }

    /// Many at once, so that they share their commits.
    async fn create(&mut self, met: BTreeMap<String, Met>, sender: &Sender) -> anyhow::Result<()> {
        for (code, Met { name, unit_price }) in met {
            let name = name.unwrap_or_else(|| code.clone());
            let unit_price = unit_price.unwrap_or(UnitPrice(0));
            let plain = CreateArticle::plain(sender.shop.merchant, &code, &name, unit_price, &self.tax_class);
            if let Err(refusal) = check_sku(&code) {
                self.known.insert(code, Known::Refused(format!("its article cannot be made: {refusal}")));
                continue;
            }
            let is_stocked = !self.not_stocked.contains(&code);
            if sender.is_dry() {
                self.created += 1;
                self.known.insert(code, Known::ToBeMade { is_stocked });
                continue;
            }
            if self.waiting.len() == CREATED_AT_A_TIME {
                self.settle().await?;
            }
            let answer = sender.send(CreateArticle { unit: self.unit, is_stocked, ..plain })?;
            self.waiting.push(Creation { code, is_stocked, answer });
        }
        Ok(())
    }

    /// Waits for the articles that are being made.
    pub async fn settle(&mut self) -> anyhow::Result<()> {
        for Creation { code, is_stocked, answer } in std::mem::take(&mut self.waiting) {
            let known = match Sender::receive(answer).await? {
                Ok(described) => {
                    self.created += 1;
                    Known::Article { id: described.article.id, unit: self.unit, is_stocked }
                }
                Err(refusal) => Known::Refused(format!("its article cannot be made: {refusal}")),
            };
            self.known.insert(code, known);
        }
        Ok(())
    }

    /// Whether a line can end as that, by what its article is; if not, why.
    pub fn check(&self, line: &Line, outcome: Outcome) -> Result<(), String> {
        let (unit, is_stocked) = match self.known.get(&line.code) {
            Some(Known::Article { unit, is_stocked, .. }) => (*unit, *is_stocked),
            Some(Known::ToBeMade { is_stocked }) => (self.unit, *is_stocked),
            Some(Known::Refused(why)) => return Err(why.clone()),
            None => return Err("its article is not known".to_owned()),
        };
        if !unit.can_have(line.quantity) {
            return Err("the article is sold by the piece, and the quantity has a fraction".to_owned());
        }
        if outcome == Outcome::WrittenOff && !is_stocked {
            return Err("the stock of the article is not counted: there is nothing to write off".to_owned());
        }
        Ok(())
    }

    /// The article of a line that was checked.
    pub fn article(&self, code: &str) -> Option<ArticleId> {
        match self.known.get(code) {
            Some(Known::Article { id, .. }) => Some(*id),
            Some(Known::ToBeMade { .. } | Known::Refused(_)) | None => None,
        }
    }

    /// How many codes the file has.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Codes that differ by case alone: they stay different articles, and a person may want to make one of them.
    pub fn merge_candidates(&self) -> Vec<Vec<String>> {
        let mut alike: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for code in self.known.keys() {
            alike.entry(code.to_lowercase()).or_default().push(code.clone());
        }
        let mut groups: Vec<Vec<String>> = alike.into_values().filter(|codes| codes.len() > 1).collect();
        groups.iter_mut().for_each(|codes| codes.sort_unstable());
        groups
    }
}
