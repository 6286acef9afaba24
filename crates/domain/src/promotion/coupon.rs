//! Coupons: codes that a customer shows to be given a promotion. How often one was used is counted on a row of its own, which
//! each sale that takes it locks.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::guard;
use crate::id::{MerchantId, PromotionId};
use crate::work::UnitOfWork;

/// Longest code of a coupon, in characters: what is read aloud or typed at a till.
pub const COUPON_CODE_CHARS_MAX: usize = 40;
/// Most sales that a coupon may be limited to.
pub const COUPON_USES_MAX: i64 = 1_000_000_000;

/// A code in its one spelling: capital letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CouponCode(String);

impl CouponCode {
    /// The code that a customer shows: its letters may be small, and blanks around it do not count.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim().to_ascii_uppercase();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_plain || !(1..=COUPON_CODE_CHARS_MAX).contains(&text.len()) {
            return Err(Refusal::CouponCodeInvalid);
        }
        if guard::looks_like_card_number(&text) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(Self(text)) }
    }

    /// The code as it stands in the database: it was checked when it was written.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for CouponCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A code, what it is for, and how often it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coupon {
    /// Whose it is.
    pub merchant: MerchantId,
    /// The code; no other promotion of the merchant has it.
    pub code: CouponCode,
    /// What it gives.
    pub promotion: PromotionId,
    /// To how many sales it may be given, if there is a limit.
    pub uses_max: Option<i64>,
    /// How many sales have it: those that are open, parked or completed.
    pub use_count: i64,
    /// Row version.
    pub version: i64,
}

impl Coupon {
    /// Whether it was given to as many sales as it may be.
    pub fn is_used_up(&self) -> bool {
        self.uses_max.is_some_and(|most| self.use_count >= most)
    }
}

/// A coupon that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCoupon {
    /// Its code, as the merchant wrote it.
    pub code: String,
    /// To how many sales it may be given, if there is a limit.
    pub uses_max: Option<i64>,
}

/// Goes on only if a coupon may be limited like this.
pub(super) fn check_uses(uses_max: Option<i64>) -> Result<(), Refusal> {
    if uses_max.is_none_or(|most| (1..=COUPON_USES_MAX).contains(&most)) {
        Ok(())
    } else {
        Err(Refusal::CouponUsesInvalid)
    }
}

/// The coupon of that code.
pub(crate) fn find_coupon<'a>(work: &'a UnitOfWork, merchant: MerchantId, code: &CouponCode) -> Option<&'a Coupon> {
    work.coupons.find(merchant, &(merchant, code.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_spelling() {
        for (text, code) in [("spring-10", "SPRING-10"), (" Tea5 ", "TEA5"), ("0", "0")] {
            assert_eq!(CouponCode::parse(text).unwrap().to_string(), code);
        }
        let long = "A".repeat(COUPON_CODE_CHARS_MAX + 1);
        for text in ["", "  ", "10 %", "お茶", "a b", "x_1", long.as_str()] {
            assert_eq!(CouponCode::parse(text), Err(Refusal::CouponCodeInvalid), "{text}");
        }
        assert_eq!(CouponCode::parse("4111-1111-1111-1111"), Err(Refusal::TextLooksLikeCardNumber));
    }
}
