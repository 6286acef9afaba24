//! The entries of the stock ledger: what moved, why, and when.

use crate::id::{ArticleId, LocationId, MerchantId, MovementId, SaleId};
use crate::money::Quantity;
use crate::time::Timestamp;

/// One immutable stock ledger entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// Its id.
    pub id: MovementId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Where.
    pub location: LocationId,
    /// What.
    pub article: ArticleId,
    /// Why.
    pub kind: MovementKind,
    /// The change of `on_hand`: negative when goods leave.
    pub quantity: Quantity,
    /// A person's reason; empty where the kind says it all.
    pub reason: String,
    /// When the goods moved, where somebody says that it was before it was recorded.
    pub occurred_at: Option<Timestamp>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

impl Movement {
    /// When the goods moved, as far as anybody knows.
    pub fn moved_at(&self) -> Timestamp {
        self.occurred_at.unwrap_or(self.recorded_at)
    }
}

/// Why stock moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovementKind {
    /// Goods came in.
    Receipt,
    /// Goods were sold.
    Sale(SaleId),
    /// Goods of a sale came back.
    Return(SaleId),
    /// Goods are gone, or can no longer be sold.
    WriteOff(WriteOffReason),
    /// A person put the books right, and says why.
    Correction,
}

impl MovementKind {
    /// The words of all kinds.
    pub const WORDS: [&str; 5] = ["receipt", "sale", "return", "write_off", "correction"];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Sale(_) => "sale",
            Self::Return(_) => "return",
            Self::WriteOff(_) => "write_off",
            Self::Correction => "correction",
        }
    }

    /// The kind of that name, with what it carries.
    pub fn parse(text: &str, sale: Option<SaleId>, why: Option<WriteOffReason>) -> Option<Self> {
        match (text, sale, why) {
            ("receipt", None, None) => Some(Self::Receipt),
            ("sale", Some(sale), None) => Some(Self::Sale(sale)),
            ("return", Some(sale), None) => Some(Self::Return(sale)),
            ("write_off", None, Some(why)) => Some(Self::WriteOff(why)),
            ("correction", None, None) => Some(Self::Correction),
            _ => None,
        }
    }

    /// The sale behind it.
    pub const fn sale(self) -> Option<SaleId> {
        match self {
            Self::Sale(sale) | Self::Return(sale) => Some(sale),
            Self::Receipt | Self::WriteOff(_) | Self::Correction => None,
        }
    }

    /// Why goods were written off.
    pub const fn write_off_reason(self) -> Option<WriteOffReason> {
        match self {
            Self::WriteOff(why) => Some(why),
            Self::Receipt | Self::Sale(_) | Self::Return(_) | Self::Correction => None,
        }
    }
}

/// Why goods were written off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOffReason {
    /// Broken, soiled, torn.
    Damaged,
    /// Too old to be sold.
    Expired,
    /// Taken without paying.
    Stolen,
    /// Shown, tasted or given away.
    Sample,
    /// Something else, which the reason tells.
    Other,
}

impl WriteOffReason {
    const ALL: [Self; 5] = [Self::Damaged, Self::Expired, Self::Stolen, Self::Sample, Self::Other];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Expired => "expired",
            Self::Stolen => "stolen",
            Self::Sample => "sample",
            Self::Other => "other",
        }
    }

    /// The reason of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.as_str() == text)
    }
}
