//! Why the rules of sales say no.

use std::fmt;

use super::{
    COUPONS_MAX, DISCOUNT_REASON_CHARS_MAX, DISCOUNTS_MAX, LINES_MAX, NOTE_CHARS_MAX, PARKED_NAME_CHARS_MAX, State,
    TENDERS_MAX, WHOLE_BASIS_POINTS,
};
use crate::command;
use crate::id::ArticleId;
use crate::money::{AMOUNT_MINOR_MAX, Currency, Overflow, QUANTITY_MAX};
use crate::work::Stop;

/// A rule of sales that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A sale with the id that the register drew is there already.
    Exists,
    /// The sale is over.
    NotOpen {
        /// How it ended.
        state: State,
    },
    /// The sale does not wait to be taken up: somebody has, or it never was parked.
    NotParked {
        /// Where it stands.
        state: State,
    },
    /// The name of a parked sale is blank, too long, or has control characters.
    NameInvalid,
    /// There is nothing to sell.
    Empty,
    /// More lines than a sale may have.
    TooManyLines,
    /// More tenders than a sale may have.
    TooManyTenders,
    /// The quantity of a line is not positive or too large.
    QuantityOutOfRange,
    /// An amount is not positive, too large, or adds up to too much.
    AmountOutOfRange,
    /// The article stands for its variants and is not sold itself.
    ArticleHasVariants {
        /// Which one.
        article: ArticleId,
    },
    /// A part of a piece would be sold.
    QuantityNotWhole {
        /// Of which article.
        article: ArticleId,
    },
    /// The article is no longer sold.
    ArticleInactive {
        /// Which one.
        article: ArticleId,
    },
    /// The merchant's tax rules no longer have the article's class.
    TaxClassUnknown {
        /// Of which article.
        article: ArticleId,
    },
    /// The request or the article is in another currency than the sale.
    CurrencyMismatch {
        /// The currency of the sale.
        expected: Currency,
    },
    /// The note is too long.
    NoteTooLong,
    /// The note or a reason holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
    /// The customer handed over less than is to be paid with it.
    CashTooLittle {
        /// What is to be paid, in minor units.
        amount_minor: i64,
        /// What was handed over, in minor units.
        given_minor: i64,
    },
    /// More than the sale still owes.
    TenderExceedsDue {
        /// What is due, in minor units.
        due_minor: i64,
        /// What was asked for, in minor units.
        asked_minor: i64,
    },
    /// More than the return still owes.
    CreditExceedsOwed {
        /// What it owes, in minor units.
        owed_minor: i64,
        /// What was asked for, in minor units.
        asked_minor: i64,
    },
    /// All is paid.
    NothingDue,
    /// A payment of the sale is under way, or nobody can tell yet how it ended.
    PaymentUnderWay,
    /// A payment of the sale has been taken.
    HasPaidTender,
    /// The sale would cost less than is paid for it or held.
    TotalBelowTenders {
        /// What the sale would cost, in minor units.
        total_minor: i64,
    },
    /// More discounts by hand than a sale may have.
    TooManyDiscounts,
    /// A part of the price is not 1 to 10,000 basis points, or an amount is not positive.
    DiscountOutOfRange,
    /// The reason of a discount is missing or too long.
    DiscountReasonInvalid,
    /// The sale has no line of that number to take a discount off.
    DiscountLineUnknown {
        /// The number.
        number: u32,
    },
    /// What it is taken off costs less.
    DiscountExceedsAmount {
        /// What was asked for, in minor units.
        asked_minor: i64,
        /// What can be taken off, in minor units.
        amount_minor: i64,
    },
    /// Cashiers may not take so much off.
    DiscountBeyondLimit {
        /// How much they may, in basis points.
        limit: u32,
    },
    /// No coupon of the merchant has this code.
    CouponUnknown,
    /// The coupon is not given here, not yet or no longer.
    CouponNotValid,
    /// The coupon was given to as many sales as it may be.
    CouponUsedUp,
    /// The sale has the coupon already.
    CouponTwice,
    /// More coupons than a sale may have.
    TooManyCoupons,
    /// The tenders do not cover the total.
    NotPaid {
        /// What is due, in minor units.
        due_minor: i64,
    },
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Exists => "sale_exists",
            Self::NotOpen { .. } => "sale_not_open",
            Self::NotParked { .. } => "sale_not_parked",
            Self::NameInvalid => "sale_name_invalid",
            Self::Empty => "sale_empty",
            Self::TooManyLines => "sale_too_many_lines",
            Self::TooManyTenders => "sale_too_many_tenders",
            Self::QuantityOutOfRange => "quantity_out_of_range",
            Self::AmountOutOfRange => "amount_out_of_range",
            Self::ArticleHasVariants { .. } => "article_has_variants",
            Self::QuantityNotWhole { .. } => "quantity_not_whole",
            Self::ArticleInactive { .. } => "article_inactive",
            Self::TaxClassUnknown { .. } => "tax_class_unknown",
            Self::CurrencyMismatch { .. } => "currency_mismatch",
            Self::NoteTooLong => "note_too_long",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
            Self::CashTooLittle { .. } => "cash_too_little",
            Self::TenderExceedsDue { .. } => "tender_exceeds_due",
            Self::CreditExceedsOwed { .. } => "return_credit_exceeds_owed",
            Self::NothingDue => "sale_nothing_due",
            Self::PaymentUnderWay => "payment_in_doubt_or_under_way",
            Self::HasPaidTender => "sale_has_paid_tender",
            Self::TotalBelowTenders { .. } => "sale_total_below_tenders",
            Self::TooManyDiscounts => "sale_too_many_discounts",
            Self::DiscountOutOfRange => "discount_out_of_range",
            Self::DiscountReasonInvalid => "discount_reason_invalid",
            Self::DiscountLineUnknown { .. } => "discount_line_unknown",
            Self::DiscountExceedsAmount { .. } => "discount_exceeds_amount",
            Self::DiscountBeyondLimit { .. } => "discount_beyond_limit",
            Self::CouponUnknown => "coupon_unknown",
            Self::CouponNotValid => "coupon_not_valid",
            Self::CouponUsedUp => "coupon_used_up",
            Self::CouponTwice => "coupon_twice",
            Self::TooManyCoupons => "sale_too_many_coupons",
            Self::NotPaid { .. } => "sale_not_paid",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("There is a sale with this id. Read it, or draw a new id for a new sale."),
            Self::NotOpen { state: State::Parked } => {
                f.write_str("The sale is parked. Take it up at a register first.")
            }
            Self::NotOpen { state } => write!(f, "The sale is {} and cannot change. Open a new one.", state.as_str()),
            Self::NotParked { state } => {
                write!(f, "The sale is {}, not parked: somebody was faster. Look at the list again.", state.as_str())
            }
            Self::NameInvalid => {
                write!(f, "The name of a parked sale is one line of 1 to {PARKED_NAME_CHARS_MAX} characters.")
            }
            Self::Empty => f.write_str("The sale has no line. Add one."),
            Self::TooManyLines => write!(f, "A sale has at most {LINES_MAX} lines. Open another for the rest."),
            Self::TooManyTenders => write!(f, "A sale has at most {TENDERS_MAX} tenders. Void it and open another."),
            Self::QuantityOutOfRange => write!(f, "A quantity is 1 to {QUANTITY_MAX} thousandths of the unit."),
            Self::AmountOutOfRange => {
                write!(f, "An amount is 1 to {AMOUNT_MINOR_MAX} minor units, and so is the total.")
            }
            Self::ArticleHasVariants { article } => write!(f, "{article} stands for its variants. Sell one of them."),
            Self::QuantityNotWhole { article } => write!(f, "{article} is sold by the piece. Give a whole quantity."),
            Self::ArticleInactive { article } => write!(f, "{article} is no longer sold. Activate it or leave it out."),
            Self::TaxClassUnknown { article } => {
                write!(f, "The merchant's tax rules lack the class of {article}. Change the article or the rules.")
            }
            Self::CurrencyMismatch { expected } => write!(f, "This sale is in {expected}. Use {expected}."),
            Self::NoteTooLong => write!(f, "A note has at most {NOTE_CHARS_MAX} characters."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("A text holds what looks like a card number. Remove it: card numbers are never stored.")
            }
            Self::CashTooLittle { amount_minor, given_minor } => {
                write!(f, "{given_minor} given do not pay {amount_minor}. Take more, or name a smaller amount.")
            }
            Self::TenderExceedsDue { due_minor, asked_minor } => {
                write!(f, "{asked_minor} asked for, only {due_minor} due. Ask for that much at most.")
            }
            Self::CreditExceedsOwed { owed_minor, asked_minor } => {
                write!(f, "{asked_minor} asked for, the return owes only {owed_minor}. Pay the rest in another way.")
            }
            Self::NothingDue => f.write_str("Nothing is due: all of the sale is paid."),
            Self::PaymentUnderWay => {
                f.write_str("A payment of this sale is still being checked. Wait for its end, do not charge again.")
            }
            Self::HasPaidTender => {
                f.write_str("A part of this sale is paid. Void its payment first, or finish the sale.")
            }
            Self::TotalBelowTenders { total_minor } => {
                write!(f, "The sale would cost {total_minor}, less than its tenders. Void a tender first.")
            }
            Self::TooManyDiscounts => {
                write!(
                    f,
                    "A sale has at most {DISCOUNTS_MAX} discounts by hand. Take one back, or give one on the whole sale."
                )
            }
            Self::DiscountOutOfRange => {
                write!(f, "A discount is 1 to {WHOLE_BASIS_POINTS} basis points, or an amount of 1 minor unit or more.")
            }
            Self::DiscountReasonInvalid => {
                write!(f, "A discount has a reason: one line of at most {DISCOUNT_REASON_CHARS_MAX} characters.")
            }
            Self::DiscountLineUnknown { number } => {
                write!(f, "The sale has no line {number} to take a discount off. Look at its lines.")
            }
            Self::DiscountExceedsAmount { asked_minor, amount_minor } => {
                write!(f, "{asked_minor} cannot be taken off where only {amount_minor} are to be paid. Take off less.")
            }
            Self::DiscountBeyondLimit { limit } => {
                write!(f, "Cashiers take off at most {limit} basis points. Take off less, or use a manager's key.")
            }
            Self::CouponUnknown => f.write_str("There is no coupon with this code. Read it again."),
            Self::CouponNotValid => {
                f.write_str("The coupon is not valid here and now. Tell the customer its dates, and sell without it.")
            }
            Self::CouponUsedUp => f.write_str("The coupon has been used as often as it may be. Sell without it."),
            Self::CouponTwice => f.write_str("The sale has this coupon already. Nothing more is to be done."),
            Self::TooManyCoupons => write!(f, "A sale has at most {COUPONS_MAX} coupons. Take one off."),
            Self::NotPaid { due_minor } => write!(f, "{due_minor} are still due. Add tenders for all of it."),
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Sale(refusal))
    }
}

/// All numbers of a sale that can overflow are amounts.
impl From<Overflow> for Refusal {
    fn from(Overflow: Overflow) -> Self {
        Self::AmountOutOfRange
    }
}
