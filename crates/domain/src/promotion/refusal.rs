//! Why the rules of promotions say no.

use std::fmt;

use super::{
    ARTICLES_MAX, COUPON_CODE_CHARS_MAX, COUPON_USES_MAX, LOCATIONS_MAX, NAME_CHARS_MAX, PIECES_MAX, PROMOTIONS_MAX,
};
use crate::command;
use crate::work::Stop;

/// A rule of promotions that a request breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The merchant has as many promotions as one may have.
    TooMany,
    /// The name is blank, too long, or has control characters.
    NameInvalid,
    /// The name holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
    /// A number of the rule makes no sense.
    RuleInvalid,
    /// It ends before it begins.
    DatesInvalid,
    /// It names more articles or locations than one may.
    TooMuchNamed,
    /// A coupon's code is empty, too long, or has other characters than letters, digits and hyphens.
    CouponCodeInvalid,
    /// A coupon may be used 1 time or more.
    CouponUsesInvalid,
    /// Another promotion of the merchant has the code.
    CouponTaken,
    /// The promotion has no coupon whose uses could be limited.
    CouponMissing,
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooMany => "promotion_limit_reached",
            Self::NameInvalid => "promotion_name_invalid",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
            Self::RuleInvalid => "promotion_rule_invalid",
            Self::DatesInvalid => "promotion_dates_invalid",
            Self::TooMuchNamed => "promotion_names_too_much",
            Self::CouponCodeInvalid => "coupon_code_invalid",
            Self::CouponUsesInvalid => "coupon_uses_invalid",
            Self::CouponTaken => "coupon_taken",
            Self::CouponMissing => "coupon_missing",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => {
                write!(
                    f,
                    "A merchant has at most {PROMOTIONS_MAX} promotions. Give one that is over a new rule and new dates."
                )
            }
            Self::NameInvalid => write!(f, "A promotion's name is one line of 1 to {NAME_CHARS_MAX} characters."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The name holds what looks like a card number. Remove it: card numbers are never stored.")
            }
            Self::RuleInvalid => write!(
                f,
                "A part is 1 to 10000 basis points, an amount 1 or more; of 2 to {PIECES_MAX} pieces fewer are paid than \
                 taken, and a bundle has 2 to {PIECES_MAX} pieces and a price of 0 or more."
            ),
            Self::DatesInvalid => f.write_str("A promotion ends after it begins. Give a later end, or none."),
            Self::TooMuchNamed => {
                write!(f, "A promotion names at most {ARTICLES_MAX} articles and {LOCATIONS_MAX} locations.")
            }
            Self::CouponCodeInvalid => {
                write!(f, "A coupon's code is 1 to {COUPON_CODE_CHARS_MAX} letters, digits and hyphens.")
            }
            Self::CouponUsesInvalid => {
                write!(f, "A coupon can be used 1 to {COUPON_USES_MAX} times, or without a limit.")
            }
            Self::CouponTaken => f.write_str("Another promotion has this code. Choose another one."),
            Self::CouponMissing => f.write_str("The promotion has no coupon. Make a promotion with one."),
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Promotion(refusal))
    }
}
