//! The beginning of every sale, rung at once or left open: checked, priced and taxed, before anything is changed.

use super::coupon::{coupon_keys, look_up, put};
use super::customer::buyer;
use super::discount::{NewDiscount, apply, give};
use super::reprice::{promote_lines, require_within_limit, set_totals};
use super::{Consumption, Discounts, LINES_MAX, NOTE_CHARS_MAX, Refusal, Sale, SaleLine, State};
use crate::article::{self, Article, ArticleRef, Picked, Unit};
use crate::call::Call;
use crate::command::{self, not_found};
use crate::guard;
use crate::id::{CustomerId, LocationId, MerchantId, RegisterId, SaleId};
use crate::merchant::Merchant;
use crate::metadata::Metadata;
use crate::money::{Currency, QUANTITY_MAX, Quantity, line_amount};
use crate::operator::require_register_at;
use crate::tax::TaxRules;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// A line that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    /// What is sold.
    pub article: ArticleRef,
    /// How much.
    pub quantity: Quantity,
}

/// What a new sale is asked to be, rung at once or left open.
#[derive(Debug, Clone)]
pub struct NewSale {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where the register stands, so that its stock can be named before the register is read.
    pub location: LocationId,
    /// The register that rings it.
    pub register: RegisterId,
    /// Its lines, in order.
    pub lines: Vec<NewLine>,
    /// Where its goods are eaten.
    pub consumption: Consumption,
    /// The codes of the coupons that the customer shows.
    pub coupons: Vec<String>,
    /// Who buys, if that is known.
    pub customer: Option<CustomerId>,
    /// What is taken off, in order; a line is named by its place, from 1.
    pub discounts: Vec<NewDiscount>,
    /// Free text of the register.
    pub note: String,
}

impl NewSale {
    /// The records that pricing needs, and the level of each article, so that the sale can be decided in one go. The
    /// level of an article whose stock is not counted is named too: nobody knows which it is before it is loaded. The
    /// article of a barcode is named when the barcode is loaded, and a line beyond the last that a sale may have is not
    /// named at all.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        let head = [
            Key::Merchant(self.merchant),
            Key::Promotions(self.merchant),
            Key::Location(self.location),
            Key::Register(self.register),
        ];
        let of_line = |line: &NewLine| match line.article {
            ArticleRef::Id(article) => [Some(Key::Article(article)), Some(Key::StockLevel(self.location, article))],
            ArticleRef::Barcode(_) => [line.article.key(self.merchant), None],
        };
        let coupons = coupon_keys(self.merchant, &self.coupons);
        head.into_iter()
            .chain(self.customer.map(Key::Customer))
            .chain(coupons)
            .chain(self.lines.iter().take(LINES_MAX as usize).flat_map(of_line).flatten())
    }

    /// The sale and its lines, if the rules allow them. Changes nothing, and does not look at stock.
    pub(super) fn price(
        &self,
        id: SaleId,
        work: &UnitOfWork,
        call: &Call<'_>,
    ) -> Result<(Sale, Vec<SaleLine>), Stop<command::Refusal>> {
        if work.sales.is_taken(&id) {
            return Err(Refusal::Exists.into());
        }
        check_note(&self.note)?;
        if self.lines.len() > LINES_MAX as usize {
            return Err(Refusal::TooManyLines.into());
        }
        let merchant = work.merchants.find(call.merchant, &self.merchant);
        let merchant = merchant.ok_or_else(|| not_found("merchant", self.merchant))?;
        require_register_at(work, call, self.register, self.location)?;
        let buyer = buyer(work, merchant, self.customer)?;
        let mut sale = Sale { buyer, ..self.empty_sale(id, merchant, call) };
        let mut lines = Vec::with_capacity(self.lines.len());
        for picked in self.pick(work, call)? {
            lines.push(price_line(work, &merchant.tax, &mut sale, picked, call.now)?);
        }
        for code in &self.coupons {
            put(&mut sale, look_up(work, call, self.location, code)?)?;
        }
        promote_lines(work, call, &mut sale, &lines)?;
        if !sale.discounts.is_empty() {
            apply(&mut sale, &mut lines)?;
        }
        for discount in &self.discounts {
            give(&mut sale, &mut lines, discount, &call.actor.name, call.actor.role)?;
        }
        require_within_limit(call, &sale, &lines, merchant)?;
        set_totals(&mut sale, &lines)?;
        Ok((sale, lines))
    }

    /// What each line sells. Articles that are named by a barcode are loaded next, all at once.
    fn pick(&self, work: &UnitOfWork, call: &Call<'_>) -> Result<Vec<Picked>, Stop<command::Refusal>> {
        let pick = |line: &NewLine| line.article.pick(work, call.merchant, line.quantity);
        let picked = self.lines.iter().map(pick).collect::<Result<Vec<_>, _>>()?;
        let ids = picked.iter().map(|picked| picked.article);
        work.require(ids.flat_map(|id| [Key::Article(id), Key::StockLevel(self.location, id)]))?;
        Ok(picked)
    }

    fn empty_sale(&self, id: SaleId, merchant: &Merchant, call: &Call<'_>) -> Sale {
        Sale {
            id,
            merchant: merchant.id,
            location: self.location,
            register: self.register,
            operator: call.operator(),
            buyer: None,
            shift: None,
            currency: merchant.currency,
            tax_terms: merchant.tax.terms(),
            consumption: self.consumption,
            state: State::Open,
            total_minor: 0,
            tax_minor: 0,
            discounts: Discounts::default(),
            metadata: Metadata::default(),
            line_count: 0,
            receipt_number: None,
            note: self.note.clone(),
            opened_at: call.now,
            closed_at: None,
            elsewhere: None,
            reserved_until: call.now,
            version: 1,
        }
    }
}

/// The next line of the sale, as the article stands now. Counts it on the sale.
pub(super) fn price_line(
    work: &UnitOfWork,
    rules: &TaxRules,
    sale: &mut Sale,
    picked: Picked,
    now: Timestamp,
) -> Result<SaleLine, Stop<command::Refusal>> {
    let Picked { article, quantity, unit_price } = picked;
    let found = work.articles.find(sale.merchant, &article);
    let article = found.ok_or_else(|| not_found("article", article))?;
    check_line(article, sale, quantity)?;
    if unit_price.is_some() && article.unit != Unit::Piece {
        return Err(article::Refusal::BarcodePriceNeedsPiece.into());
    }
    let tax_class = article.tax_class_when(sale.consumption);
    let tax_rate = rules.rate(tax_class).ok_or(Refusal::TaxClassUnknown { article: article.id })?;
    let unit_price = unit_price.unwrap_or_else(|| article.price_at(sale.location, now));
    sale.line_count = sale.line_count.saturating_add(1);
    Ok(SaleLine {
        sale: sale.id,
        number: sale.line_count,
        merchant: sale.merchant,
        article: article.id,
        name: article.name.clone(),
        quantity,
        unit_price,
        tax_class: tax_class.to_owned(),
        tax_rate,
        amount_minor: line_amount(quantity, unit_price).map_err(Refusal::from)?,
        discount_minor: 0,
        is_stocked: article.is_stocked,
        is_removed: false,
        version: 1,
    })
}

fn check_line(article: &Article, sale: &Sale, quantity: Quantity) -> Result<(), Refusal> {
    if sale.line_count >= LINES_MAX {
        return Err(Refusal::TooManyLines);
    }
    check_goods(article, sale.currency, quantity)?;
    if article.is_active { Ok(()) } else { Err(Refusal::ArticleInactive { article: article.id }) }
}

/// Goes on only if so much of an article can pass the counter for this currency, whichever way it goes.
pub(crate) fn check_goods(article: &Article, currency: Currency, quantity: Quantity) -> Result<(), Refusal> {
    if !(1..=QUANTITY_MAX).contains(&quantity.0) {
        return Err(Refusal::QuantityOutOfRange);
    }
    if !article.unit.can_have(quantity) {
        return Err(Refusal::QuantityNotWhole { article: article.id });
    }
    if article.has_variants {
        return Err(Refusal::ArticleHasVariants { article: article.id });
    }
    if article.currency == currency { Ok(()) } else { Err(Refusal::CurrencyMismatch { expected: currency }) }
}

fn check_note(note: &str) -> Result<(), Refusal> {
    if note.chars().count() > NOTE_CHARS_MAX {
        return Err(Refusal::NoteTooLong);
    }
    if guard::looks_like_card_number(note) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(()) }
}
