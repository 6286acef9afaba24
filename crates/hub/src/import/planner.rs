//! Decides what becomes of each line, on the shadow, before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use domain::article::{CreateArticle, Described, NewDetails, Refusal as ArticleRefusal, Unit, UpdateArticle, Variant};
use domain::command::Refusal;
use domain::external_ref;
use domain::id::{ArticleId, LocationId};
use domain::money::Quantity;

use super::difference::difference;
use super::issue::{Class, Issue};
use super::line::{Goods, Line, Role, Whole};
use super::opening;
use super::plan::{Entry, OPENING_STOCK, Outcome, Steps, shown_sku};
use super::shadow::Shadow;
use super::sheet::Sheet;

/// Decides what becomes of lines.
pub struct Planner<'a> {
    shadow: Shadow,
    sheet: &'a Sheet,
    location: Option<LocationId>,
    tax_class: Option<String>,
    /// The first line that was taken with a sku.
    taken: BTreeMap<String, (u64, [u8; 32])>,
    /// The lines that articles of the file come from.
    lines_of: BTreeMap<ArticleId, u64>,
    /// What stands for the variants, by what the lines call it.
    wholes: BTreeMap<String, ArticleId>,
    entries: Vec<Entry>,
}

impl<'a> Planner<'a> {
    /// Begins a plan on a shadow.
    pub fn new(shadow: Shadow, sheet: &'a Sheet, location: Option<LocationId>, tax_class: Option<String>) -> Self {
        Self {
            shadow,
            sheet,
            location,
            tax_class,
            taken: BTreeMap::new(),
            lines_of: BTreeMap::new(),
            wholes: BTreeMap::new(),
            entries: Vec::new(),
        }
    }

    /// Plans all lines: first what stands for variants, then the others, in the order of the file.
    pub fn plan(mut self, lines: Vec<Line>) -> (Vec<Entry>, Shadow) {
        let skus: BTreeSet<String> = lines.iter().map(|line| line.sku.clone()).collect();
        let is_whole = |line: &Line| line.goods.as_ref().is_some_and(|goods| goods.role == Role::Whole);
        let (wholes, others): (Vec<Line>, Vec<Line>) = lines.into_iter().partition(is_whole);
        for line in wholes {
            let (id, sku) = (line.id.clone(), line.sku.clone());
            if let Some(article) = self.add(line, &skus) {
                self.wholes.insert(sku, article);
                self.wholes.insert(format!("id:{id}"), article);
            }
        }
        for line in others {
            self.add(line, &skus);
        }
        self.leave_out_empty_wholes();
        self.entries.sort_by_key(|entry| (entry.line, !entry.is_implied));
        (self.entries, self.shadow)
    }

    fn add(&mut self, line: Line, skus: &BTreeSet<String>) -> Option<ArticleId> {
        let Line { number, fingerprint, sku, name, goods, issues, is_sku_given, .. } = line;
        let mut entry = Entry {
            line: number,
            sku,
            name,
            is_implied: false,
            outcome: Outcome::Refused,
            changes: Vec::new(),
            issues,
            steps: None,
        };
        let article = goods.and_then(|goods| {
            if !is_sku_given {
                self.take_known_sku(&mut entry, &goods);
            }
            self.settle(&mut entry, goods, fingerprint, skus)
        });
        self.entries.push(entry);
        article
    }

    /// Goods without a sku of their own are those that have their barcode already.
    fn take_known_sku(&self, entry: &mut Entry, goods: &Goods) {
        let known = goods.barcodes.iter().find_map(|barcode| self.shadow.holder(barcode));
        if let Some(known) = known.filter(|known| !self.taken.contains_key(&known.sku)) {
            entry.sku.clone_from(&known.sku);
        }
    }

    fn settle(
        &mut self,
        entry: &mut Entry,
        goods: Goods,
        fingerprint: [u8; 32],
        skus: &BTreeSet<String>,
    ) -> Option<ArticleId> {
        if let Some((first, same)) = self.taken.get(&entry.sku) {
            let what = format!("line {first} has it");
            if *same == fingerprint {
                entry.outcome = Outcome::Unchanged;
                entry.issues.push(Issue::new(Class::LineTwice, None, what));
            } else {
                entry.refuse(Issue::new(Class::SkuTwice, None, what));
            }
            return None;
        }
        let known = self.shadow.find(&entry.sku).map(|known| self.shadow.described(known));
        let decided = match known {
            Some(known) => self.update(entry, &goods, &known),
            None => self.create(entry, &goods, skus),
        };
        let mut steps = match decided {
            Ok(steps) => steps,
            Err(issue) => {
                entry.refuse(issue);
                return None;
            }
        };
        self.taken.insert(entry.sku.clone(), (entry.line, fingerprint));
        self.lines_of.insert(steps.article, entry.line);
        steps.stock = self.stock(entry, &goods, steps.article);
        entry.outcome = outcome(&steps);
        let article = steps.article;
        entry.steps = Some(steps);
        Some(article)
    }

    fn create(&mut self, entry: &mut Entry, goods: &Goods, skus: &BTreeSet<String>) -> Result<Steps, Issue> {
        let tax_class = goods.tax_class.clone().or_else(|| self.tax_class.clone());
        let tax_column = self.sheet.places.tax.first().and_then(|place| self.sheet.header(*place));
        let tax_class = tax_class.ok_or_else(|| Issue::new(Class::TaxMissing, tax_column, ""))?;
        let merchant = self.sheet.merchant.id;
        let unit_price = goods.unit_price.unwrap_or_default();
        let plain = CreateArticle::plain(merchant, &entry.sku, &entry.name, unit_price, &tax_class);
        let is_whole = goods.role == Role::Whole;
        let mut create = CreateArticle {
            barcodes: texts(goods),
            unit: goods.unit.unwrap_or(Unit::Piece),
            eat_in_tax_class: goods.eat_in_tax_class.clone().flatten(),
            is_stocked: !is_whole && goods.is_stocked.unwrap_or(true),
            details: NewDetails { description: goods.description.clone(), ..NewDetails::default() },
            ..plain
        };
        if let Role::Variant { of, options } = &goods.role {
            let of = self.whole(entry, &create, of, skus)?;
            create.variant = Some(Variant { of, options: options.clone() });
        }
        let article = match self.shadow.create(&create) {
            Err(Refusal::Article(ArticleRefusal::DescriptionInvalid)) => {
                self.leave_description_out(entry);
                create.details.description = None;
                self.shadow.create(&create)
            }
            decided => decided,
        };
        let article = article.map_err(|refusal| self.told(&refusal, goods, None))?;
        let update = self.switch_off(goods, article.id)?;
        Ok(Steps { article: article.id, create: Some(create), update, stock: None })
    }

    /// An article is made as one that may be sold; one that may not is switched off at once.
    fn switch_off(&mut self, goods: &Goods, article: ArticleId) -> Result<Option<UpdateArticle>, Issue> {
        if goods.is_active != Some(false) {
            return Ok(None);
        }
        let nothing = UpdateArticle::nothing(self.sheet.merchant.id, article);
        let update = UpdateArticle { is_active: Some(false), ..nothing };
        self.shadow.decide(&update).map_err(|refusal| Issue::of_rule(&refusal, None))?;
        Ok(Some(update))
    }

    /// The article that stands for the variants: that of a line, or one that is made for the first of them.
    fn whole(
        &mut self,
        entry: &Entry,
        variant: &CreateArticle,
        of: &Whole,
        skus: &BTreeSet<String>,
    ) -> Result<ArticleId, Issue> {
        let (group, name) = match of {
            Whole::Line(named) => {
                let known = self.wholes.get(named).copied().or_else(|| self.shadow.find(named).map(|known| known.id));
                let column = self.sheet.places.parent.and_then(|place| self.sheet.header(place));
                return known.ok_or_else(|| Issue::quoting(Class::WholeMissing, column, named));
            }
            Whole::Group { group, name } => (group, name),
        };
        if let Some(known) = self.wholes.get(group) {
            return Ok(*known);
        }
        // Where one of the variants is called like the group, what stands for all of them is called otherwise.
        let sku = if skus.contains(group) { format!("{group}-variants") } else { group.clone() };
        if let Some(known) = self.shadow.find(&sku).map(|known| known.id) {
            self.wholes.insert(group.clone(), known);
            return Ok(known);
        }
        let plain = CreateArticle::plain(variant.merchant, &sku, name, variant.unit_price, &variant.tax_class);
        let create = CreateArticle { unit: variant.unit, is_stocked: false, ..plain };
        let article = self.shadow.create(&create).map_err(|refusal| Issue::of_rule(&refusal, None))?.id;
        self.wholes.insert(group.clone(), article);
        let steps = Steps { article, create: Some(create), update: None, stock: None };
        self.entries.push(Entry {
            line: entry.line,
            sku,
            name: name.clone(),
            is_implied: true,
            outcome: Outcome::Created,
            changes: Vec::new(),
            issues: Vec::new(),
            steps: Some(steps),
        });
        Ok(article)
    }

    fn update(&mut self, entry: &mut Entry, goods: &Goods, known: &Described) -> Result<Steps, Issue> {
        if let Some(unit) = goods.unit.filter(|unit| *unit != known.article.unit) {
            let what = format!("{} in the file, {} in the hub", unit.as_str(), known.article.unit.as_str());
            return Err(Issue::new(Class::UnitDiffers, None, what));
        }
        let (mut update, changes) = difference(&entry.name, goods, known);
        let Some(first) = update.as_ref() else {
            return Ok(Steps { article: known.article.id, create: None, update: None, stock: None });
        };
        entry.changes = changes;
        let decided = match self.shadow.decide(first) {
            Err(Refusal::Article(ArticleRefusal::DescriptionInvalid)) => {
                self.leave_description_out(entry);
                let goods = Goods { description: None, ..goods.clone() };
                (update, entry.changes) = difference(&entry.name, &goods, known);
                update.as_ref().map_or(Ok(()), |update| self.shadow.decide(update).map(drop))
            }
            decided => decided.map(drop),
        };
        decided.map_err(|refusal| self.told(&refusal, goods, Some(known.article.id)))?;
        Ok(Steps { article: known.article.id, create: None, update, stock: None })
    }

    fn leave_description_out(&self, entry: &mut Entry) {
        let column = self.sheet.places.description.and_then(|place| self.sheet.header(place));
        let what = ArticleRefusal::DescriptionInvalid.to_string();
        entry.issues.push(Issue::new(Class::DescriptionLeftOut, column, what));
    }

    /// A refusal, with who has the barcode where somebody has.
    fn told(&self, refusal: &Refusal, goods: &Goods, own: Option<ArticleId>) -> Issue {
        let column = |places: &[usize]| places.first().and_then(|place| self.sheet.header(*place));
        if *refusal != Refusal::Article(ArticleRefusal::BarcodeTaken) {
            return Issue::of_rule(refusal, None);
        }
        let holders = goods.barcodes.iter().filter_map(|barcode| Some((barcode, self.shadow.holder(barcode)?)));
        let Some((barcode, holder)) = holders.into_iter().find(|(_, holder)| Some(holder.id) != own) else {
            return Issue::of_rule(refusal, column(&self.sheet.places.barcodes));
        };
        let sku = shown_sku(&holder.sku);
        match self.lines_of.get(&holder.id) {
            Some(line) => {
                let what = format!("{barcode} is on line {line}, {sku}, too");
                Issue::new(Class::BarcodeTwice, column(&self.sheet.places.barcodes), what)
            }
            None => {
                let what = format!("{barcode} is on the article {sku}");
                Issue::new(Class::BarcodeTaken, column(&self.sheet.places.barcodes), what)
            }
        }
    }

    /// The opening stock that comes in, if nothing keeps it out.
    fn stock(&mut self, entry: &mut Entry, goods: &Goods, article: ArticleId) -> Option<Quantity> {
        let (quantity, location) = goods.stock.zip(self.location)?;
        let column = self.sheet.places.stock.first().and_then(|place| self.sheet.header(*place));
        let known = self.shadow.article(article)?;
        let on_hand = self.shadow.on_hand(location, article);
        let (unit, is_stocked) = (known.unit, known.is_stocked);
        let kept_out = if !is_stocked {
            Some((Class::StockNotCounted, quantity.to_string()))
        } else if !unit.can_have(quantity) {
            Some((Class::StockNotWhole, quantity.to_string()))
        } else if on_hand == Quantity::ZERO {
            None
        } else if on_hand == quantity {
            return None;
        } else {
            Some((Class::StockOnHand, format!("{on_hand} on hand, {quantity} in the file")))
        };
        if let Some((class, what)) = kept_out {
            entry.issues.push(Issue::new(class, column, what));
            return None;
        }
        let receipt = opening::receipt(self.sheet.merchant.id, location, article, quantity);
        match self.shadow.decide(&receipt) {
            Ok(_) => {
                entry.changes.push(format!("{OPENING_STOCK} {quantity}"));
                Some(quantity)
            }
            // It came in with an earlier run, and was sold since.
            Err(Refusal::ExternalRef(external_ref::Refusal::Taken { .. })) => None,
            Err(refusal) => {
                entry.issues.push(Issue::of_stock_rule(&refusal, column));
                None
            }
        }
    }

    /// What was to stand for variants of which none is taken is not made.
    fn leave_out_empty_wholes(&mut self) {
        let variant_of = |entry: &Entry| {
            let create = entry.steps.as_ref()?.create.as_ref()?;
            create.variant.as_ref().map(|variant| variant.of)
        };
        let needed: BTreeSet<ArticleId> = self.entries.iter().filter_map(variant_of).collect();
        self.entries.retain(|entry| {
            !entry.is_implied || entry.steps.as_ref().is_some_and(|steps| needed.contains(&steps.article))
        });
    }
}

fn texts(goods: &Goods) -> Vec<String> {
    goods.barcodes.iter().map(|barcode| barcode.as_str().to_owned()).collect()
}

fn outcome(steps: &Steps) -> Outcome {
    match (&steps.create, &steps.update, steps.stock) {
        (Some(_), _, _) => Outcome::Created,
        (None, None, None) => Outcome::Unchanged,
        _ => Outcome::Updated,
    }
}
