//! Coupons on a sale: put on it, taken off again, and counted. A sale has a coupon from the moment it is put on it, so that
//! nobody is promised a price that somebody else has used up by the time of payment.

use serde::{Deserialize, Serialize};

use super::complete::complete_if_paid;
use super::read::{find_merchant, find_open};
use super::reprice::{live_lines, reprice_by_promotions, require_within_limit};
use super::{Refusal, Sale, Standing, standing};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{LocationId, MerchantId, PromotionId, SaleId};
use crate::promotion::{CouponCode, find_coupon};
use crate::work::{Key, Stop, UnitOfWork};

/// Most coupons of a sale: a customer shows a few.
pub const COUPONS_MAX: usize = 5;

/// A coupon that a sale has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponTaken {
    /// Its code.
    pub code: CouponCode,
    /// What it gives.
    pub promotion: PromotionId,
}

/// Puts a coupon on an open sale. If the rest is paid already, the sale is completed.
#[derive(Debug, Clone)]
pub struct AddCoupon {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// On which sale.
    pub sale: SaleId,
    /// The code as it was typed or read.
    pub code: String,
}

impl Command for AddCoupon {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.add_coupon"
    }

    fn keys(&self) -> Vec<Key> {
        keys(self.merchant, self.sale, &self.code)
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let mut sale = find_open(work, call.merchant, self.sale)?.clone();
        let merchant = find_merchant(work, call, self.merchant)?.clone();
        let taken = look_up(work, call, sale.location, &self.code)?;
        put(&mut sale, taken.clone())?;
        count(work, call.merchant, &taken.code, 1);
        reprice_by_promotions(work, call, &mut sale)?;
        require_within_limit(call, &sale, &live_lines(work, &sale), &merchant)?;
        let data = Changed { code: &taken.code, promotion: taken.promotion, total_minor: sale.total_minor };
        work.emit(call, "sale.coupon_added", self.sale, &data);
        work.sales.replace(sale);
        complete_if_paid(work, call, self.sale)?;
        standing(work, call.merchant, self.sale)
    }
}

/// Takes a coupon off an open sale: it can be used for another one. If what is given without it is paid already, the sale is
/// completed.
#[derive(Debug, Clone)]
pub struct RemoveCoupon {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Off which sale.
    pub sale: SaleId,
    /// The code as it was typed or read.
    pub code: String,
}

impl Command for RemoveCoupon {
    type Reply = Standing;

    fn name(&self) -> &'static str {
        "sale.remove_coupon"
    }

    fn keys(&self) -> Vec<Key> {
        keys(self.merchant, self.sale, &self.code)
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Standing, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let mut sale = find_open(work, call.merchant, self.sale)?.clone();
        let code = CouponCode::parse(&self.code).map_err(|_| Refusal::CouponUnknown)?;
        let place = sale.discounts.coupons.iter().position(|taken| taken.code == code);
        let taken = sale.discounts.coupons.remove(place.ok_or_else(|| not_found("sale_coupon", &code))?);
        work.require([Key::Coupon(call.merchant, code.clone())])?;
        count(work, call.merchant, &code, -1);
        reprice_by_promotions(work, call, &mut sale)?;
        let data = Changed { code: &code, promotion: taken.promotion, total_minor: sale.total_minor };
        work.emit(call, "sale.coupon_removed", self.sale, &data);
        work.sales.replace(sale);
        complete_if_paid(work, call, self.sale)?;
        standing(work, call.merchant, self.sale)
    }
}

/// What a change of the coupons of a sale needs at least.
fn keys(merchant: MerchantId, sale: SaleId, code: &String) -> Vec<Key> {
    let head = [Key::Merchant(merchant), Key::Promotions(merchant), Key::Sale(sale)];
    head.into_iter().chain(coupon_keys(merchant, std::slice::from_ref(code))).collect()
}

/// The rows of coupons; what is no code names none.
pub(super) fn coupon_keys(merchant: MerchantId, codes: &[String]) -> impl Iterator<Item = Key> + '_ {
    let codes = codes.iter().take(COUPONS_MAX).filter_map(|code| CouponCode::parse(code).ok());
    codes.map(move |code| Key::Coupon(merchant, code))
}

/// The coupon of that code, if it may be given at the location now.
pub(super) fn look_up(
    work: &UnitOfWork,
    call: &Call<'_>,
    location: LocationId,
    code: &str,
) -> Result<CouponTaken, Stop<command::Refusal>> {
    let code = CouponCode::parse(code).map_err(|_| Refusal::CouponUnknown)?;
    work.require([Key::Coupon(call.merchant, code.clone())])?;
    let coupon = find_coupon(work, call.merchant, &code).ok_or(Refusal::CouponUnknown)?;
    let promotion = work.promotions.find(call.merchant, &(call.merchant, coupon.promotion));
    if !promotion.is_some_and(|promotion| promotion.is_given(location, call.now)) {
        return Err(Refusal::CouponNotValid.into());
    }
    if coupon.is_used_up() {
        return Err(Refusal::CouponUsedUp.into());
    }
    Ok(CouponTaken { code, promotion: coupon.promotion })
}

/// Notes on the sale that it has the coupon.
pub(super) fn put(sale: &mut Sale, taken: CouponTaken) -> Result<(), Refusal> {
    let coupons = &mut sale.discounts.coupons;
    if coupons.iter().any(|other| other.code == taken.code) {
        return Err(Refusal::CouponTwice);
    }
    if coupons.len() >= COUPONS_MAX {
        return Err(Refusal::TooManyCoupons);
    }
    coupons.push(taken);
    Ok(())
}

/// Counts the coupons of a sale that is new.
pub(super) fn count_all(work: &mut UnitOfWork, sale: &Sale) {
    for taken in &sale.discounts.coupons {
        count(work, sale.merchant, &taken.code, 1);
    }
}

/// The coupons of a sale.
pub(crate) fn coupons_of(sale: &Sale) -> impl Iterator<Item = Key> + '_ {
    sale.discounts.coupons.iter().map(|taken| Key::Coupon(sale.merchant, taken.code.clone()))
}

/// Takes back the uses of a sale that is given up, or of which all has come back.
pub(crate) fn give_coupons_back(work: &mut UnitOfWork, sale: &Sale) -> Result<(), Stop<command::Refusal>> {
    work.require(coupons_of(sale))?;
    sale.discounts.coupons.iter().for_each(|taken| count(work, sale.merchant, &taken.code, -1));
    Ok(())
}

fn count(work: &mut UnitOfWork, merchant: MerchantId, code: &CouponCode, change: i64) {
    if let Some(coupon) = work.coupons.find_mut(merchant, &(merchant, code.clone())) {
        coupon.use_count = coupon.use_count.saturating_add(change);
    }
}

#[derive(Serialize)]
struct Changed<'a> {
    code: &'a CouponCode,
    promotion: PromotionId,
    total_minor: i64,
}
