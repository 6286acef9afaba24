//! Coupons: each counts the sales that have it.

use std::collections::BTreeMap;

use domain::id::MerchantId;
use domain::promotion::{Coupon, CouponCode};
use domain::sale::{Sale, State};

use super::Report;
use super::source::{Source, Walk};
use crate::error::EngineError;
use crate::record::Stored;
use crate::table::RowReader;

/// The uses that the sales speak of.
#[derive(Default)]
pub(super) struct Coupons {
    uses: BTreeMap<(MerchantId, CouponCode), i64>,
}

impl Coupons {
    /// One that was voided has given its coupons back, and one of which nothing is kept.
    pub(super) fn note(&mut self, sale: &Sale, is_kept: bool) {
        if sale.state != State::Voided && is_kept {
            for taken in &sale.discounts.coupons {
                *self.uses.entry((sale.merchant, taken.code.clone())).or_default() += 1;
            }
        }
    }

    /// Compares them with what is counted.
    pub(super) fn check(mut self, source: &mut dyn Source, report: &mut Report) -> Result<(), EngineError> {
        let mut walk = Walk::new(Coupon::TABLE);
        while let Some(row) = walk.next(source)? {
            report.rows += 1;
            let coupon = Coupon::read(&mut RowReader::new(Coupon::TABLE, row))?;
            let uses = self.uses.remove(&(coupon.merchant, coupon.code.clone())).unwrap_or(0);
            report.expect_equal("coupon_uses", &coupon.code, &coupon.use_count, &uses);
        }
        for ((_, code), uses) in self.uses {
            report.find("coupon_uses", &code, format!("{uses} sales have it, and it is not there"));
        }
        Ok(())
    }
}
