//! Why the rules of returns say no.

use std::fmt;

use super::{REFUNDS_MAX, RETURNS_MAX};
use crate::command;
use crate::id::PaymentId;
use crate::money::{AMOUNT_MINOR_MAX, Overflow, Quantity};
use crate::payment::REASON_CHARS_MAX;
use crate::sale::State;
use crate::work::Stop;

/// A rule of returns that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Only what was sold comes back.
    SaleNotCompleted {
        /// Where the sale stands.
        state: State,
    },
    /// Nothing is said to come back.
    Empty,
    /// The sale has no such line.
    LineUnknown {
        /// Which number was given.
        number: u32,
    },
    /// A line is named twice.
    LineRepeated {
        /// Which one.
        number: u32,
    },
    /// More than is left to come back of a line, or nothing.
    QuantityNotReturnable {
        /// Of which line.
        number: u32,
        /// How much may come back.
        returnable: Quantity,
    },
    /// The sale has had too many returns.
    TooManyReturns,
    /// The return has had too many refunds.
    TooManyRefunds,
    /// The reason is too long.
    ReasonInvalid,
    /// The reason holds what looks like a card number; it is not repeated here.
    TextLooksLikeCardNumber,
    /// An amount is not positive, too large, or adds up to too much.
    AmountOutOfRange,
    /// All is given back, or on its way.
    NothingDue,
    /// More than is owed.
    RefundExceedsDue {
        /// What is due, in minor units.
        due_minor: i64,
        /// What was asked for, in minor units.
        asked_minor: i64,
    },
    /// The ways in which the sale was paid do not take all of it back.
    WayNeeded {
        /// What is left, in minor units.
        missing_minor: i64,
    },
    /// The payment pays another sale that has nothing to do with this one, or nothing of it was taken.
    PaymentElsewhere {
        /// Which one.
        payment: PaymentId,
    },
    /// More cash than the sale was paid with needs a manager.
    CashNeedsManager {
        /// How much a cashier may give, in minor units.
        cash_minor: i64,
    },
}

impl Refusal {
    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SaleNotCompleted { .. } => "return_sale_not_completed",
            Self::Empty => "return_empty",
            Self::LineUnknown { .. } => "return_line_unknown",
            Self::LineRepeated { .. } => "return_line_repeated",
            Self::QuantityNotReturnable { .. } => "return_exceeds_sold",
            Self::TooManyReturns => "return_limit_reached",
            Self::TooManyRefunds => "return_refund_limit_reached",
            Self::ReasonInvalid => "reason_invalid",
            Self::TextLooksLikeCardNumber => "text_looks_like_card_number",
            Self::AmountOutOfRange => "amount_out_of_range",
            Self::NothingDue => "return_nothing_due",
            Self::RefundExceedsDue { .. } => "return_refund_exceeds_due",
            Self::WayNeeded { .. } => "return_way_needed",
            Self::PaymentElsewhere { .. } => "return_payment_elsewhere",
            Self::CashNeedsManager { .. } => "return_cash_needs_manager",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SaleNotCompleted { state } => {
                write!(f, "The sale is {}: nothing of it can come back. Take lines off it, or void it.", state.as_str())
            }
            Self::Empty => f.write_str("No line comes back. Name at least one line of the sale."),
            Self::LineUnknown { number } => write!(f, "The sale has no line {number}. Read the sale for its lines."),
            Self::LineRepeated { number } => write!(f, "Line {number} is named twice. Name it once with the sum."),
            Self::QuantityNotReturnable { number, returnable } => {
                write!(
                    f,
                    "Of line {number} 1 to {} thousandths may come back. Take back no more than that.",
                    returnable.0
                )
            }
            Self::TooManyReturns => {
                write!(
                    f,
                    "The sale has had {RETURNS_MAX} returns, that is the limit. Take the rest back in one by hand."
                )
            }
            Self::TooManyRefunds => {
                write!(f, "The return has had {REFUNDS_MAX} refunds, that is the limit. Give the rest back by hand.")
            }
            Self::ReasonInvalid => write!(f, "A reason has at most {REASON_CHARS_MAX} characters."),
            Self::TextLooksLikeCardNumber => {
                f.write_str("The reason holds what looks like a card number. Remove it: card numbers are never stored.")
            }
            Self::AmountOutOfRange => write!(f, "An amount is 1 to {AMOUNT_MINOR_MAX} minor units."),
            Self::NothingDue => {
                f.write_str("Nothing is due: all of it is given back, on its way, or spent. Read the return.")
            }
            Self::RefundExceedsDue { due_minor, asked_minor } => {
                write!(f, "{asked_minor} asked for, only {due_minor} are owed. Give back that much at most.")
            }
            Self::WayNeeded { missing_minor } => write!(
                f,
                "The ways in which the sale was paid cannot take {missing_minor} back now. Say in `refunds` how the \
                 money goes back."
            ),
            Self::PaymentElsewhere { payment } => {
                write!(f, "{payment} did not pay for these goods. Name a payment of the sale, or give cash.")
            }
            Self::CashNeedsManager { cash_minor } => write!(
                f,
                "Only {cash_minor} of what is left was paid in cash. More cash than that needs the key of a manager."
            ),
        }
    }
}

impl From<Refusal> for Stop<command::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(command::Refusal::Return(refusal))
    }
}

/// All numbers of a return that can overflow are amounts.
impl From<Overflow> for Refusal {
    fn from(Overflow: Overflow) -> Self {
        Self::AmountOutOfRange
    }
}
