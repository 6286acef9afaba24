//! Goods that come back. A return is tied to the lines of its sale: it moves stock and books at once, and the shop owes
//! the customer its worth until that is given back. All returns of a sale together never give back more than was paid.

mod advice;
mod create;
mod credit;
mod exchange;
mod history;
mod paid_with;
mod record;
mod refund;
mod refusal;
#[cfg(test)]
mod story;
#[cfg(test)]
mod story_of_exchanges;
mod worth;

pub use advice::Advice;
pub use create::{CreateReturn, NewReturnLine};
pub(crate) use credit::{CreditGiven, credit_keys, find_return, give_credit, owed, release_credit};
pub use exchange::{Exchange, Exchanged};
pub use history::{History, Standing, is_wholly_returned, returned};
pub use paid_with::SALES_BEHIND_MAX;
pub use record::RecordReturn;
pub use refund::{AddRefund, NewRefund, Way};
pub use refusal::Refusal;
pub use worth::{Returned, worth};

use crate::elsewhere::Elsewhere;
use crate::id::{ArticleId, LocationId, MerchantId, OperationId, RegisterId, ReturnId, SaleId, TenderId};
use crate::metadata::Metadata;
use crate::money::{Currency, Quantity};
use crate::payment::{OperationState, Task};
use crate::tax::TaxRate;
use crate::time::Timestamp;

/// Most returns of one sale: a customer may come back a few times, a broken register may not loop.
pub const RETURNS_MAX: u32 = 50;

/// Most refunds of one return, those that failed included.
pub const REFUNDS_MAX: u32 = 50;

/// One return of a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// The sale, and its number within it.
    pub id: ReturnId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Where the goods came back.
    pub location: LocationId,
    /// The register that took them.
    pub register: RegisterId,
    /// The number of that register's shift.
    pub shift: Option<u32>,
    /// The currency of all its amounts: the sale's.
    pub currency: Currency,
    /// What the shop owes for it, tax included, in minor units.
    pub total_minor: i64,
    /// The tax of it, in minor units.
    pub tax_minor: i64,
    /// Its number in the series of the register's receipts.
    pub receipt_number: String,
    /// Why, if the customer says; guarded against card numbers.
    pub reason: String,
    /// What a vendor notes on it.
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
    /// That it was made elsewhere.
    pub elsewhere: Option<Elsewhere>,
    /// Row version.
    pub version: i64,
}

/// What came back of one line of the sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnLine {
    /// The return.
    pub origin: ReturnId,
    /// The number of the line of the sale.
    pub number: u32,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What came back.
    pub article: ArticleId,
    /// Its name on the sale.
    pub name: String,
    /// How much came back.
    pub quantity: Quantity,
    /// Tax rate of the line.
    pub tax_rate: TaxRate,
    /// Its part of the line's amount as priced, discounts taken off, in minor units.
    pub amount_minor: i64,
    /// It goes back on the shelf; what is spoilt does not.
    pub is_restocked: bool,
    /// Row version.
    pub version: i64,
}

/// How a part of what a return owes is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The return.
    pub origin: ReturnId,
    /// 1, 2, 3 … within the return.
    pub number: u32,
    /// Whose it is.
    pub merchant: MerchantId,
    /// In which way.
    pub kind: RefundKind,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// In which way money is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundKind {
    /// Coins and notes.
    Cash {
        /// Out of whose drawer.
        register: RegisterId,
        /// The number of that register's shift.
        shift: Option<u32>,
    },
    /// By the provider that took it.
    Electronic {
        /// The refund of the payment.
        operation: OperationId,
    },
    /// As a part of what other goods cost.
    ReturnCredit {
        /// The sale of those goods.
        sale: SaleId,
        /// Its tender that is paid with it.
        tender: TenderId,
        /// How much of it goes back to cash that somebody paid once, in minor units.
        cash_minor: i64,
        /// When that sale was given up and the amount was due again, if it was.
        released_at: Option<Timestamp>,
    },
    /// Elsewhere, in whatever way.
    Recorded,
}

impl RefundKind {
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

/// Where a refund stands: a function of its operation, or of whether its credit was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundState {
    /// The provider has not said for certain. The amount counts as given back, so that nobody pays it twice.
    Pending,
    /// The customer has it, in minor units.
    Paid(i64),
    /// The provider refused: the amount is due again.
    Failed,
}

impl RefundState {
    /// How its operation has ended, or that it has not.
    fn of(amount_minor: i64, operation: &OperationState) -> Self {
        match operation {
            OperationState::Approved(approval) => Self::Paid(amount_minor.min(approval.approved_minor)),
            OperationState::Declined(_) | OperationState::Cancelled | OperationState::NotSent(_) => Self::Failed,
            OperationState::Recorded
            | OperationState::Sent
            | OperationState::Pending
            | OperationState::Unknown
            | OperationState::NotFound => Self::Pending,
        }
    }

    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid(_) => "paid",
            Self::Failed => "failed",
        }
    }
}

/// A return as a command leaves it, with what the sender has to do after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The return with its parts.
    pub standing: Standing,
    /// What is to be asked of providers.
    pub tasks: Vec<Task>,
}
