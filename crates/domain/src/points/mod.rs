//! Loyalty points: a ledger per customer, and its balance on a row that is locked for each change, so that two registers
//! never spend the same points, and a balance is never below zero.

mod change;
mod ledger;
mod refusal;
mod rule;
#[cfg(test)]
mod story;

pub use change::{ChangePoints, Wish};
pub(crate) use ledger::{earn, points_key, take_back};
pub use refusal::Refusal;
pub use rule::{MINOR_PER_POINT_MAX, PointsRule, share_of_return};

use crate::id::{CustomerId, MerchantId, ReturnId, SaleId};
use crate::time::Timestamp;

/// Most points of one change by hand: more is a slip of the finger.
pub const POINTS_MAX: i64 = 1_000_000_000;
/// Longest reason, in characters: one line of a list.
pub const POINTS_REASON_CHARS_MAX: usize = 100;

/// What a customer has. Made with the customer, so that there is always a row to lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointsBalance {
    /// Whose points.
    pub customer: CustomerId,
    /// Whose customer.
    pub merchant: MerchantId,
    /// How many; never below zero.
    pub points: i64,
    /// How many entries the ledger has.
    pub entry_count: u32,
    /// Row version.
    pub version: i64,
}

impl PointsBalance {
    /// Of a customer who has none yet.
    pub const fn zero(customer: CustomerId, merchant: MerchantId) -> Self {
        Self { customer, merchant, points: 0, entry_count: 0, version: 1 }
    }
}

/// One entry of the ledger of a customer; never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointsEntry {
    /// Whose points.
    pub customer: CustomerId,
    /// 1, 2, 3 … within the customer.
    pub number: u32,
    /// Whose customer.
    pub merchant: MerchantId,
    /// Where it comes from.
    pub kind: EntryKind,
    /// The change.
    pub points: i64,
    /// What the customer has after it.
    pub balance: i64,
    /// Who did it: the id of the API key, as a rule.
    pub by: String,
    /// When.
    pub recorded_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// Where an entry comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// Bought. A sale earns once.
    Earned {
        /// What.
        sale: SaleId,
    },
    /// Brought back. A return takes back once.
    TakenBack {
        /// By which return.
        origin: ReturnId,
        /// What was to be taken back and was spent before.
        not_recovered: i64,
    },
    /// Spent.
    Redeemed {
        /// What on, if somebody says; guarded against card numbers.
        reason: String,
    },
    /// Put right by hand.
    Adjusted {
        /// Why; guarded against card numbers.
        reason: String,
    },
}

impl EntryKind {
    /// The word in the database and in the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Earned { .. } => "earned",
            Self::TakenBack { .. } => "taken_back",
            Self::Redeemed { .. } => "redeemed",
            Self::Adjusted { .. } => "adjusted",
        }
    }

    /// The sale that earned.
    pub const fn sale(&self) -> Option<SaleId> {
        if let Self::Earned { sale } = self { Some(*sale) } else { None }
    }

    /// The return that took back.
    pub const fn origin(&self) -> Option<ReturnId> {
        if let Self::TakenBack { origin, .. } = self { Some(*origin) } else { None }
    }

    /// What was to be taken back and was spent before.
    pub const fn not_recovered(&self) -> i64 {
        if let Self::TakenBack { not_recovered, .. } = self { *not_recovered } else { 0 }
    }

    /// What somebody wrote down with it.
    pub fn reason(&self) -> &str {
        match self {
            Self::Earned { .. } | Self::TakenBack { .. } => "",
            Self::Redeemed { reason } | Self::Adjusted { reason } => reason,
        }
    }
}
