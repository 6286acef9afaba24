//! What was sold: a sale with its lines and tenders. Immutable once completed.

mod complete;
mod coupon;
mod customer;
mod discount;
mod draft;
mod expire;
mod give;
mod line;
mod open;
mod park;
#[cfg(test)]
mod promoted;
mod read;
mod receipt_number;
mod record;
mod refusal;
mod reprice;
mod return_credit;
mod ring;
#[cfg(test)]
mod story;
mod switch;
#[cfg(test)]
mod tax_of_receipts;
mod tender;
mod void;

pub use complete::{complete, sale_completion_keys};
pub use coupon::{AddCoupon, COUPONS_MAX, CouponTaken, RemoveCoupon};
pub(crate) use coupon::{coupons_of, give_coupons_back};
pub use customer::PutCustomer;
pub use discount::{
    Cause, DISCOUNT_REASON_CHARS_MAX, DISCOUNTS_MAX, Discount, Discounts, NewDiscount, PromotionGiven, Reduction,
    Share, Target, WHOLE_BASIS_POINTS,
};
pub(crate) use draft::check_goods;
pub use draft::{NewLine, NewSale};
pub use expire::{ExpireReservation, Expiry};
pub use give::{AddDiscount, RemoveDiscount};
pub use line::{AddLine, RemoveLine};
pub use open::OpenSale;
pub use park::{PARKED_NAME_CHARS_MAX, PARKED_RESERVATION_MS, ParkSale, ParkedSale, TakeUpSale};
pub(crate) use read::find_sale;
pub use read::{Standing, due_minor, lines_of, reservations_of, standing, tenders_of};
pub(crate) use receipt_number::next_receipt_number;
pub use record::RecordSale;
pub use refusal::Refusal;
pub use return_credit::AddReturnCredit;
pub(crate) use return_credit::pay_with_credit;
pub use ring::{NewTender, RingSale};
pub use switch::SwitchConsumption;
pub use tender::{AddCash, Settled, hold_tender, settle_tender};
pub use void::VoidSale;
#[cfg(test)]
pub(crate) use {discount::give, reprice::set_totals};
pub(crate) use {
    open::open,
    ring::{credits, price_on_the_spot, require_credits, ring},
};

use crate::elsewhere::Elsewhere;
use crate::id::{
    ArticleId, CustomerId, LocationId, MerchantId, OperatorId, PaymentId, RegisterId, ReturnId, SaleId, TenderId,
};
use crate::job::{self, JobId};
use crate::metadata::Metadata;
use crate::money::{Currency, Quantity, UnitPrice};
use crate::points::PointsRule;
use crate::tax::{TaxRate, TaxTerms};
use crate::time::Timestamp;

/// Most lines of a sale, those that were removed again included: what one unit of work carries.
pub const LINES_MAX: u32 = 500;

/// Most tenders of a sale, those that failed included: a table may split its bill, a broken register may not loop.
pub const TENDERS_MAX: usize = 50;

/// Longest note, in characters: a few sentences, not a document.
pub const NOTE_CHARS_MAX: usize = 500;

/// How long an open sale is promised its stock after its last new line: long enough to pay, short enough not to keep
/// others from buying what a forgotten cart holds.
pub const RESERVATION_MS: i64 = 15 * 60 * 1_000;

/// How soon a reservation that ran out during a payment is looked at again: a payment in doubt takes minutes.
pub const RESERVATION_RECHECK_MS: i64 = 60 * 1_000;

/// One sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// Its id; the register may draw it when the cart is opened, so that a repeated request doubles nothing.
    pub id: SaleId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Where it was made.
    pub location: LocationId,
    /// The register that rang it.
    pub register: RegisterId,
    /// Who was signed in there when it was opened.
    pub operator: Option<OperatorId>,
    /// Who buys, if that is known.
    pub buyer: Option<Buyer>,
    /// The number of the register's shift that it was completed in.
    pub shift: Option<u32>,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// How its amounts become tax: the merchant's rules when it was opened.
    pub tax_terms: TaxTerms,
    /// Where its goods are eaten.
    pub consumption: Consumption,
    /// Where it stands.
    pub state: State,
    /// What the customer owes, tax included, in minor units.
    pub total_minor: i64,
    /// The tax within or on top, in minor units.
    pub tax_minor: i64,
    /// What is taken off its prices.
    pub discounts: Discounts,
    /// How many lines it has had.
    pub line_count: u32,
    /// The receipt number, once completed: `<register name>-<number>`.
    pub receipt_number: Option<String>,
    /// What a vendor notes on it.
    pub metadata: Metadata,
    /// Free text of the register; guarded against card numbers.
    pub note: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was completed or voided.
    pub closed_at: Option<Timestamp>,
    /// That it was made elsewhere: then it was opened and closed when it was made there.
    pub elsewhere: Option<Elsewhere>,
    /// When the promise of stock ends, while the sale is open and no payment of it is under way.
    pub reserved_until: Timestamp,
    /// Row version.
    pub version: i64,
}

/// Whose a sale is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buyer {
    /// The customer.
    pub customer: CustomerId,
    /// The merchant's rule of points when the customer was put on the sale.
    pub points: Option<PointsRule>,
}

impl Sale {
    /// Who buys, if that is known.
    pub fn customer(&self) -> Option<CustomerId> {
        self.buyer.map(|buyer| buyer.customer)
    }

    /// Who earns how many points by it once it is completed; `None` where no points are given.
    pub fn points(&self) -> Option<(CustomerId, i64)> {
        let buyer = self.buyer?;
        Some((buyer.customer, buyer.points?.earned(self.total_minor)))
    }

    /// The job that ends its promise of stock.
    pub fn expiry_job(id: SaleId) -> JobId {
        JobId { kind: job::Kind::ExpireReservation, subject: id.to_string() }
    }
}

/// Where the goods of a sale are eaten. In Japan food that is taken away bears the reduced rate, and the standard rate where
/// it is eaten in the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consumption {
    /// Taken along.
    #[default]
    TakeAway,
    /// In the shop.
    EatIn,
}

impl Consumption {
    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TakeAway => "take_away",
            Self::EatIn => "eat_in",
        }
    }

    /// The consumption of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::TakeAway, Self::EatIn].into_iter().find(|consumption| consumption.as_str() == text)
    }
}

/// Where a sale stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Lines and tenders may be added.
    Open,
    /// Set aside with a name, until a register of its location takes it up.
    Parked,
    /// Paid in full; stock has moved.
    Completed,
    /// Given up before it was paid.
    Voided,
}

impl State {
    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Parked => "parked",
            Self::Completed => "completed",
            Self::Voided => "voided",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Parked, Self::Completed, Self::Voided].into_iter().find(|state| state.as_str() == text)
    }
}

/// One line of a sale. Price, name and tax are those of the moment of sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleLine {
    /// The sale.
    pub sale: SaleId,
    /// 1, 2, 3 … within the sale.
    pub number: u32,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What was sold.
    pub article: ArticleId,
    /// Its name then.
    pub name: String,
    /// How much.
    pub quantity: Quantity,
    /// Price of one unit then.
    pub unit_price: UnitPrice,
    /// Tax class then.
    pub tax_class: String,
    /// Tax rate then.
    pub tax_rate: TaxRate,
    /// `quantity x unit_price`, rounded once, in minor units.
    pub amount_minor: i64,
    /// What is taken off it, in minor units: the sale's discounts say why. Never more than the amount.
    pub discount_minor: i64,
    /// Whether the article's stock is counted.
    pub is_stocked: bool,
    /// Taken off the sale again before it was paid.
    pub is_removed: bool,
    /// Row version.
    pub version: i64,
}

impl SaleLine {
    /// What is left of its amount after its discounts, in minor units.
    pub const fn discounted_minor(&self) -> i64 {
        self.amount_minor.saturating_sub(self.discount_minor)
    }
}

/// How a part of a sale is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tender {
    /// The sale.
    pub sale: SaleId,
    /// Its id.
    pub id: TenderId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What it is made of.
    pub kind: TenderKind,
    /// The part of the sale's total that it pays, in minor units.
    pub amount_minor: i64,
    /// Where it stands.
    pub state: TenderState,
    /// Row version.
    pub version: i64,
}

/// What a tender is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenderKind {
    /// Coins and notes.
    Cash {
        /// What the customer handed over, in minor units.
        given_minor: i64,
        /// What went back, in minor units: `given - amount`.
        change_minor: i64,
    },
    /// A payment.
    Electronic {
        /// Which one.
        payment: PaymentId,
    },
    /// What a return still owed.
    ReturnCredit {
        /// Which return.
        origin: ReturnId,
        /// How much of it goes back to cash that somebody paid once, in minor units: so much a cashier may give as cash
        /// again.
        cash_minor: i64,
    },
    /// What was paid elsewhere, in whatever way.
    Recorded,
}

impl TenderKind {
    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cash { .. } => "cash",
            Self::Electronic { .. } => "electronic",
            Self::ReturnCredit { .. } => "return_credit",
            Self::Recorded => "recorded",
        }
    }
}

/// Where a tender stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TenderState {
    /// Its payment is under way or in doubt: the amount is held.
    Pending,
    /// Paid.
    Paid,
    /// Its payment came to nothing: the amount is due again.
    Failed,
}

impl TenderState {
    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Paid, Self::Failed].into_iter().find(|state| state.as_str() == text)
    }
}
