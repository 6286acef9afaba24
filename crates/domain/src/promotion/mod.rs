//! Promotions: dated rules of a merchant by which goods cost less. They are worked out over the lines of a sale whenever those
//! change; a sale keeps what it was given, whatever becomes of the rule. One with a coupon is given to the sales that have its
//! code.

mod coupon;
mod create;
mod evaluate;
mod refusal;
mod update;

pub(crate) use coupon::find_coupon;
pub use coupon::{COUPON_CODE_CHARS_MAX, COUPON_USES_MAX, Coupon, CouponCode, NewCoupon};
pub use create::{CreatePromotion, NewPromotion};
pub(crate) use evaluate::evaluate;
pub use refusal::Refusal;
pub use update::UpdatePromotion;

use serde::{Deserialize, Serialize};

use crate::guard;
use crate::id::{ArticleId, LocationId, MerchantId, PromotionId};
use crate::money::AMOUNT_MINOR_MAX;
use crate::sale::WHOLE_BASIS_POINTS;
use crate::text;
use crate::time::Timestamp;
use crate::work::UnitOfWork;

/// Most promotions of a merchant, those that are over included: all are read with each sale that has lines to price. One
/// that is over is given a new rule and new dates.
pub const PROMOTIONS_MAX: usize = 200;
/// Longest name, in characters: one row of a receipt.
pub const NAME_CHARS_MAX: usize = 60;
/// Most articles that a promotion names: an assortment, not a catalogue.
pub const ARTICLES_MAX: usize = 200;
/// Most locations that a promotion names.
pub const LOCATIONS_MAX: usize = 200;
/// Most pieces that are taken or that make a bundle: what a customer carries.
pub const PIECES_MAX: u32 = 100;

/// A dated rule by which goods cost less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// Whose it is.
    pub merchant: MerchantId,
    /// Its id.
    pub id: PromotionId,
    /// Its name, as on the receipt.
    pub name: String,
    /// What it gives.
    pub rule: Rule,
    /// To which articles; to all where there is none. A bundle names its own.
    pub articles: Vec<ArticleId>,
    /// Where; everywhere where there is none.
    pub locations: Vec<LocationId>,
    /// The code by which it is given; without one it is given to everybody.
    pub coupon: Option<CouponCode>,
    /// Its turn: the lowest is first, and among equal ones the lowest id.
    pub priority: u32,
    /// From when on.
    pub valid_from: Timestamp,
    /// The first instant after it, if it has an end.
    pub valid_until: Option<Timestamp>,
    /// Whether it is given at all.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// A promotion with its coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The promotion.
    pub promotion: Promotion,
    /// Its coupon, if it is given by one.
    pub coupon: Option<Coupon>,
}

/// What a promotion gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// A part off each line.
    Percent {
        /// The part, 1 to 10,000 basis points.
        basis_points: u32,
    },
    /// An amount off each unit, no more than it costs.
    AmountOff {
        /// The amount, in minor units as priced.
        amount_minor: i64,
    },
    /// Take so many pieces and pay fewer: of each group, from the dearest piece down, the cheapest go free.
    TakeAndPay {
        /// How many pieces make a group.
        take: u32,
        /// How many of them are paid.
        pay: u32,
    },
    /// These pieces together for a price.
    Bundle {
        /// The article of each piece; one that is named twice is taken twice.
        pieces: Vec<ArticleId>,
        /// What they cost together, in minor units as priced.
        price_minor: i64,
    },
}

impl Promotion {
    /// Whether it is given there and then.
    pub fn is_given(&self, location: LocationId, now: Timestamp) -> bool {
        let is_dated = self.valid_from <= now && self.valid_until.is_none_or(|until| now < until);
        let is_here = self.locations.is_empty() || self.locations.contains(&location);
        self.is_active && is_dated && is_here
    }

    /// Whether it is for an article.
    pub fn is_for(&self, article: ArticleId) -> bool {
        self.articles.is_empty() || self.articles.contains(&article)
    }

    fn check(&self) -> Result<(), Refusal> {
        if !text::is_line(&self.name, NAME_CHARS_MAX) {
            return Err(Refusal::NameInvalid);
        }
        if guard::looks_like_card_number(&self.name) {
            return Err(Refusal::TextLooksLikeCardNumber);
        }
        if self.articles.len() > ARTICLES_MAX || self.locations.len() > LOCATIONS_MAX {
            return Err(Refusal::TooMuchNamed);
        }
        if self.valid_until.is_some_and(|until| until <= self.valid_from) {
            return Err(Refusal::DatesInvalid);
        }
        if self.rule.is_sound() { Ok(()) } else { Err(Refusal::RuleInvalid) }
    }
}

impl Rule {
    fn is_sound(&self) -> bool {
        match self {
            Self::Percent { basis_points } => (1..=WHOLE_BASIS_POINTS).contains(basis_points),
            Self::AmountOff { amount_minor } => (1..=AMOUNT_MINOR_MAX).contains(amount_minor),
            Self::TakeAndPay { take, pay } => (2..=PIECES_MAX).contains(take) && (1..*take).contains(pay),
            Self::Bundle { pieces, price_minor } => {
                (2..=PIECES_MAX as usize).contains(&pieces.len()) && (0..=AMOUNT_MINOR_MAX).contains(price_minor)
            }
        }
    }
}

/// The promotions of a merchant, in the order of their ids.
pub(crate) fn promotions_of(work: &UnitOfWork, merchant: MerchantId) -> impl Iterator<Item = &Promotion> {
    let (first, last) = (PromotionId::from_uuid(uuid::Uuid::nil()), PromotionId::from_uuid(uuid::Uuid::max()));
    work.promotions.range(merchant, (merchant, first)..=(merchant, last))
}
