//! Promotions with their coupons.

use std::collections::BTreeMap;

use domain::id::{MerchantId, PromotionId};
use domain::promotion::{Coupon, Promotion, Standing};

use super::{PAGE_MAX, query, records};
use crate::cell::Cell;
use crate::error::EngineError;
use crate::reader::Reader;

impl Reader {
    /// One promotion.
    pub async fn find_promotion(&self, merchant: MerchantId, id: PromotionId) -> Result<Option<Standing>, EngineError> {
        let params = vec![Cell::display(merchant), Cell::display(id)];
        Ok(self.promotions("WHERE merchant_id = $1 AND id = $2", params).await?.into_iter().next())
    }

    /// A page of the merchant's promotions after an id.
    pub async fn list_promotions(
        &self,
        merchant: MerchantId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Standing>, EngineError> {
        let limit = Cell::Int(limit.clamp(1, PAGE_MAX));
        let params = vec![Cell::display(merchant), Cell::Text(after.to_owned().into()), limit];
        self.promotions("WHERE merchant_id = $1 AND id > $2 ORDER BY id LIMIT $3", params).await
    }

    /// The promotions that `tail` selects, and their coupons, as of one moment.
    async fn promotions(&self, tail: &str, params: Vec<Cell<'static>>) -> Result<Vec<Standing>, EngineError> {
        let coupons = format!("WHERE merchant_id = $1 AND code IN (SELECT coupon_code FROM promotion {tail})");
        let queries = vec![query::<Promotion>(tail, params.clone()), query::<Coupon>(&coupons, params)];
        let mut answers = self.run(queries).await?.into_iter();
        let promotions: Vec<Promotion> = records(answers.next().unwrap_or_default())?;
        let coupons: Vec<Coupon> = records(answers.next().unwrap_or_default())?;
        let mut coupons: BTreeMap<_, _> = coupons.into_iter().map(|coupon| (coupon.promotion, coupon)).collect();
        let standing = |promotion: Promotion| Standing { coupon: coupons.remove(&promotion.id), promotion };
        Ok(promotions.into_iter().map(standing).collect())
    }
}
