//! A change of a promotion. Sales that were given it keep what they were given; open ones are worked out anew when their lines
//! change next.

use super::coupon::{check_uses, find_coupon};
use super::create::{Fact, named_keys, require_named};
use super::{Coupon, CouponCode, Promotion, Refusal, Rule, Standing};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role, require_version};
use crate::id::{ArticleId, LocationId, MerchantId, PromotionId};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Changes the fields that are given; an end that is given as `None` is taken away.
#[derive(Debug, Clone)]
pub struct UpdatePromotion {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which promotion.
    pub id: PromotionId,
    /// The version that the caller read; without it the last one to write wins.
    pub expected_version: Option<i64>,
    /// The new name.
    pub name: Option<String>,
    /// What it gives from now on.
    pub rule: Option<Rule>,
    /// All articles that it is for from now on.
    pub articles: Option<Vec<ArticleId>>,
    /// All places where it is given from now on.
    pub locations: Option<Vec<LocationId>>,
    /// To how many sales its coupon may be given from now on.
    pub uses_max: Option<Option<i64>>,
    /// Its new turn.
    pub priority: Option<u32>,
    /// Its new beginning.
    pub valid_from: Option<Timestamp>,
    /// Its new end.
    pub valid_until: Option<Option<Timestamp>>,
    /// Whether it is given at all from now on.
    pub is_active: Option<bool>,
}

impl UpdatePromotion {
    fn limit(&self, coupon: Option<Coupon>) -> Result<Option<Coupon>, Refusal> {
        let Some(uses_max) = self.uses_max else { return Ok(coupon) };
        check_uses(uses_max)?;
        let coupon = coupon.ok_or(Refusal::CouponMissing)?;
        Ok(Some(Coupon { uses_max, ..coupon }))
    }

    fn apply(&self, mut promotion: Promotion) -> Promotion {
        promotion.name = self.name.clone().unwrap_or(promotion.name);
        promotion.rule = self.rule.clone().unwrap_or(promotion.rule);
        promotion.articles = self.articles.clone().unwrap_or(promotion.articles);
        promotion.locations = self.locations.clone().unwrap_or(promotion.locations);
        promotion.priority = self.priority.unwrap_or(promotion.priority);
        promotion.valid_from = self.valid_from.unwrap_or(promotion.valid_from);
        promotion.valid_until = self.valid_until.unwrap_or(promotion.valid_until);
        promotion.is_active = self.is_active.unwrap_or(promotion.is_active);
        promotion
    }
}

impl Command for UpdatePromotion {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "promotion.update"
    }

    fn keys(&self) -> Vec<Key> {
        let (articles, locations) = (self.articles.as_deref(), self.locations.as_deref());
        let named = named_keys(self.rule.as_ref(), articles.unwrap_or_default(), locations.unwrap_or_default());
        std::iter::once(Key::Promotions(self.merchant)).chain(named).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let missing = || not_found("promotion", self.id);
        let before = work.promotions.find(call.merchant, &(call.merchant, self.id)).ok_or_else(missing)?.clone();
        require_version(self.expected_version, before.version)?;
        let changed = self.apply(before.clone());
        changed.check()?;
        require_named(work, &changed)?;
        let before_uses = coupon_of(work, &before)?;
        let coupon = self.limit(before_uses.clone())?;
        if changed == before && coupon == before_uses {
            return Ok(Standing { promotion: changed, coupon });
        }
        let coupon = coupon.and_then(|coupon| work.coupons.replace(coupon).cloned());
        let promotion = work.promotions.replace(changed).ok_or_else(missing)?.clone();
        work.emit(call, "promotion.updated", promotion.id, &Fact::of(&promotion));
        Ok(Standing { promotion, coupon })
    }
}

/// The coupon of a promotion, if it has one.
fn coupon_of(work: &UnitOfWork, promotion: &Promotion) -> Result<Option<Coupon>, Stop<command::Refusal>> {
    let key = |code: &CouponCode| Key::Coupon(promotion.merchant, code.clone());
    work.require(promotion.coupon.iter().map(key))?;
    Ok(promotion.coupon.as_ref().and_then(|code| find_coupon(work, promotion.merchant, code)).cloned())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::promotion::{CreatePromotion, NewCoupon, NewPromotion, PROMOTIONS_MAX};
    use crate::testing::{LOCATION, MERCHANT, NOW, OTHER_MERCHANT, RICE, TEA, World};

    fn a_create() -> CreatePromotion {
        let promotion = NewPromotion {
            name: "Tea week".to_owned(),
            rule: Rule::Percent { basis_points: 1_000 },
            articles: vec![TEA],
            locations: vec![LOCATION],
            coupon: None,
            priority: 10,
            valid_from: None,
            valid_until: Some(NOW.plus_ms(1)),
            is_active: true,
        };
        CreatePromotion { merchant: MERCHANT, promotion }
    }

    fn a_coupon(code: &str, uses_max: Option<i64>) -> NewCoupon {
        NewCoupon { code: code.to_owned(), uses_max }
    }

    fn with(change: impl FnOnce(&mut NewPromotion)) -> CreatePromotion {
        let mut create = a_create();
        change(&mut create.promotion);
        create
    }

    fn an_update(id: PromotionId) -> UpdatePromotion {
        UpdatePromotion {
            merchant: MERCHANT,
            id,
            expected_version: None,
            name: None,
            rule: None,
            articles: None,
            locations: None,
            uses_max: None,
            priority: None,
            valid_from: None,
            valid_until: None,
            is_active: None,
        }
    }

    #[test]
    fn a_promotion_is_made_and_changed() {
        let mut world = World::new();
        let made = world.run(&a_create()).unwrap().promotion;
        assert_eq!((made.valid_from, made.version), (NOW, 1));
        let update = an_update(made.id);
        assert_eq!(world.run(&UpdatePromotion { is_active: Some(true), ..update.clone() }).unwrap().promotion, made);
        let rule = Rule::Bundle { pieces: vec![TEA, RICE], price_minor: 600 };
        let changed = UpdatePromotion {
            expected_version: Some(1),
            rule: Some(rule.clone()),
            articles: Some(Vec::new()),
            valid_until: Some(None),
            ..update
        };
        let changed = world.run(&changed).unwrap().promotion;
        assert_eq!(changed, Promotion { rule, articles: Vec::new(), valid_until: None, version: 2, ..made });
        assert_eq!(world.event_kinds(), ["promotion.created", "promotion.updated"]);
    }

    #[test]
    fn a_code_is_one_promotions_and_its_limit_can_change() {
        let mut world = World::new();
        let made = world.run(&with(|new| new.coupon = Some(a_coupon("tea-10", Some(1))))).unwrap();
        let coupon = made.coupon.unwrap();
        assert_eq!((coupon.code.to_string(), coupon.uses_max, coupon.use_count), ("TEA-10".to_owned(), Some(1), 0));
        let again = with(|new| new.coupon = Some(a_coupon("TEA-10", None)));
        assert_eq!(world.refused(&again).code(), "coupon_taken");
        let update = UpdatePromotion { uses_max: Some(None), ..an_update(made.promotion.id) };
        let changed = world.run(&update).unwrap();
        assert_eq!((changed.coupon.unwrap().uses_max, changed.promotion.version), (None, 2));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let nobody = ArticleId::from_uuid(Uuid::nil());
        let rule = |rule: Rule| with(|new| new.rule = rule);
        for (code, wrong) in [
            ("promotion_name_invalid", with(|new| new.name = " ".to_owned())),
            ("promotion_name_invalid", with(|new| new.name = "x".repeat(61))),
            ("text_looks_like_card_number", with(|new| new.name = "4111 1111 1111 1111".to_owned())),
            ("promotion_dates_invalid", with(|new| new.valid_until = Some(NOW))),
            ("promotion_names_too_much", with(|new| new.articles = vec![TEA; 201])),
            ("promotion_names_too_much", with(|new| new.locations = vec![LOCATION; 201])),
            ("promotion_rule_invalid", rule(Rule::Percent { basis_points: 0 })),
            ("promotion_rule_invalid", rule(Rule::Percent { basis_points: 10_001 })),
            ("promotion_rule_invalid", rule(Rule::AmountOff { amount_minor: 0 })),
            ("promotion_rule_invalid", rule(Rule::TakeAndPay { take: 3, pay: 3 })),
            ("promotion_rule_invalid", rule(Rule::TakeAndPay { take: 101, pay: 3 })),
            ("promotion_rule_invalid", rule(Rule::Bundle { pieces: vec![TEA], price_minor: 1 })),
            ("promotion_rule_invalid", rule(Rule::Bundle { pieces: vec![TEA; 101], price_minor: 1 })),
            ("promotion_rule_invalid", rule(Rule::Bundle { pieces: vec![TEA, RICE], price_minor: -1 })),
            ("coupon_code_invalid", with(|new| new.coupon = Some(a_coupon("10 %", None)))),
            ("coupon_uses_invalid", with(|new| new.coupon = Some(a_coupon("TEA", Some(0))))),
            ("article_not_found", rule(Rule::Bundle { pieces: vec![TEA, nobody], price_minor: 1 })),
            ("article_not_found", with(|new| new.articles = vec![nobody])),
            ("location_not_found", with(|new| new.locations = vec![LocationId::from_uuid(Uuid::nil())])),
            ("merchant_not_found", CreatePromotion { merchant: OTHER_MERCHANT, ..a_create() }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&a_create()).code(), "role_too_low");
        let mut world = World::new();
        let id = world.run(&a_create()).unwrap().promotion.id;
        let update = || an_update(id);
        for (code, wrong) in [
            ("version_stale", UpdatePromotion { expected_version: Some(2), ..update() }),
            ("promotion_dates_invalid", UpdatePromotion { valid_from: Some(NOW.plus_ms(1)), ..update() }),
            ("article_not_found", UpdatePromotion { articles: Some(vec![nobody]), ..update() }),
            ("coupon_missing", UpdatePromotion { uses_max: Some(None), ..update() }),
            ("promotion_not_found", an_update(PromotionId::from_uuid(Uuid::nil()))),
        ] {
            assert_eq!(world.refused(&wrong).code(), code);
        }
        assert_eq!(world.clone().acting_as(Role::Cashier).refused(&update()).code(), "role_too_low");
        assert_eq!(world.of_other_merchant().refused(&update()).code(), "promotion_not_found");
    }

    #[test]
    fn a_merchant_has_no_more_promotions_than_a_sale_can_read() {
        let mut world = World::new();
        (0..PROMOTIONS_MAX).for_each(|_| drop(world.run(&a_create()).unwrap()));
        assert_eq!(world.refused(&a_create()).code(), "promotion_limit_reached");
    }
}
