//! A new promotion.

use serde::Serialize;

use super::coupon::{check_uses, find_coupon};
use super::{
    ARTICLES_MAX, Coupon, CouponCode, LOCATIONS_MAX, NewCoupon, PROMOTIONS_MAX, Promotion, Refusal, Rule, Standing,
    promotions_of,
};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{ArticleId, LocationId, MerchantId, PromotionId};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// What a promotion is asked to be.
#[derive(Debug, Clone)]
pub struct NewPromotion {
    /// Its name, as on the receipt.
    pub name: String,
    /// What it gives.
    pub rule: Rule,
    /// To which articles; to all where there is none.
    pub articles: Vec<ArticleId>,
    /// Where; everywhere where there is none.
    pub locations: Vec<LocationId>,
    /// The coupon by which it is given; without one it is given to everybody.
    pub coupon: Option<NewCoupon>,
    /// Its turn: the lowest is first.
    pub priority: u32,
    /// From when on; from now on where it is left out.
    pub valid_from: Option<Timestamp>,
    /// The first instant after it, if it has an end.
    pub valid_until: Option<Timestamp>,
    /// Whether it is given at all.
    pub is_active: bool,
}

/// Makes a promotion. Two hubs that make the last two at once may make one too many: the limit keeps a sale's reading small
/// and need not be exact.
#[derive(Debug, Clone)]
pub struct CreatePromotion {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// What it is asked to be.
    pub promotion: NewPromotion,
}

impl Command for CreatePromotion {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "promotion.create"
    }

    fn keys(&self) -> Vec<Key> {
        let NewPromotion { rule, articles, locations, coupon, .. } = &self.promotion;
        let head = [Key::Merchant(self.merchant), Key::Promotions(self.merchant)];
        let code = coupon.as_ref().and_then(|coupon| CouponCode::parse(&coupon.code).ok());
        let coupon = code.map(|code| Key::Coupon(self.merchant, code));
        head.into_iter().chain(coupon).chain(named_keys(Some(rule), articles, locations)).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        if work.merchants.find(call.merchant, &self.merchant).is_none() {
            return Err(not_found("merchant", self.merchant));
        }
        if promotions_of(work, call.merchant).count() >= PROMOTIONS_MAX {
            return Err(Refusal::TooMany.into());
        }
        let new = &self.promotion;
        let id = PromotionId::from_uuid(call.next_uuid());
        let coupon = new.coupon.as_ref().map(|coupon| coupon.draw(work, call, id)).transpose()?;
        let promotion = Promotion {
            merchant: call.merchant,
            id,
            name: new.name.clone(),
            rule: new.rule.clone(),
            articles: new.articles.clone(),
            locations: new.locations.clone(),
            coupon: coupon.as_ref().map(|coupon| coupon.code.clone()),
            priority: new.priority,
            valid_from: new.valid_from.unwrap_or(call.now),
            valid_until: new.valid_until,
            is_active: new.is_active,
            created_at: call.now,
            version: 1,
        };
        promotion.check()?;
        require_named(work, &promotion)?;
        work.promotions.insert(promotion.clone());
        coupon.iter().for_each(|coupon| work.coupons.insert(coupon.clone()));
        work.emit(call, "promotion.created", promotion.id, &Fact::of(&promotion));
        Ok(Standing { promotion, coupon })
    }
}

impl NewCoupon {
    /// The coupon, if its code is nobody's yet.
    fn draw(
        &self,
        work: &UnitOfWork,
        call: &Call<'_>,
        promotion: PromotionId,
    ) -> Result<Coupon, Stop<command::Refusal>> {
        let (merchant, uses_max) = (call.merchant, self.uses_max);
        let code = CouponCode::parse(&self.code)?;
        check_uses(uses_max)?;
        work.require([Key::Coupon(merchant, code.clone())])?;
        if find_coupon(work, merchant, &code).is_some() {
            return Err(Refusal::CouponTaken.into());
        }
        Ok(Coupon { merchant, code, promotion, uses_max, use_count: 0, version: 1 })
    }
}

/// What a promotion names; nothing beyond what one may name.
pub(super) fn named_keys(rule: Option<&Rule>, articles: &[ArticleId], locations: &[LocationId]) -> Vec<Key> {
    let pieces = match rule {
        Some(Rule::Bundle { pieces, .. }) => pieces.as_slice(),
        Some(Rule::Percent { .. } | Rule::AmountOff { .. } | Rule::TakeAndPay { .. }) | None => &[],
    };
    let articles = articles.iter().chain(pieces).take(ARTICLES_MAX.saturating_mul(2)).map(|id| Key::Article(*id));
    articles.chain(locations.iter().take(LOCATIONS_MAX).map(|id| Key::Location(*id))).collect()
}

/// Goes on only if all that it names is there and is the merchant's.
pub(super) fn require_named(work: &UnitOfWork, promotion: &Promotion) -> Result<(), Stop<command::Refusal>> {
    let Promotion { merchant, rule, articles, locations, .. } = promotion;
    let keys = named_keys(Some(rule), articles, locations);
    work.require(keys.iter().cloned())?;
    for key in keys {
        match key {
            Key::Article(id) if work.articles.find(*merchant, &id).is_none() => return Err(not_found("article", id)),
            Key::Location(id) if work.locations.find(*merchant, &id).is_none() => {
                return Err(not_found("location", id));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the events of a promotion tell.
#[derive(Serialize)]
pub(super) struct Fact<'a> {
    version: i64,
    name: &'a str,
    rule: &'a Rule,
    is_active: bool,
}

impl<'a> Fact<'a> {
    pub(super) fn of(promotion: &'a Promotion) -> Self {
        let Promotion { version, name, rule, is_active, .. } = promotion;
        Self { version: *version, name, rule, is_active: *is_active }
    }
}
