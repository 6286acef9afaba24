//! The entries of the stock ledger: what moved, why, and when.

use crate::id::{ArticleId, LocationId, MerchantId, MovementId, SaleId, StocktakeId};
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
    /// What a count found more or less than the books said; or what is told late of the time before it, taken back, because
    /// the count has seen it.
    Count(StocktakeId),
    /// Goods are gone, or can no longer be sold.
    WriteOff(WriteOffReason),
    /// A person put the books right, and says why.
    Correction,
}

impl MovementKind {
    /// The words of all kinds.
    pub const WORDS: [&str; 6] = ["receipt", "sale", "return", "count", "write_off", "correction"];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Sale(_) => "sale",
            Self::Return(_) => "return",
            Self::Count(_) => "count",
            Self::WriteOff(_) => "write_off",
            Self::Correction => "correction",
        }
    }

    /// The kind of that name, with what it carries.
    pub fn parse(
        text: &str,
        sale: Option<SaleId>,
        stocktake: Option<StocktakeId>,
        why: Option<WriteOffReason>,
    ) -> Option<Self> {
        match (text, sale, stocktake, why) {
            ("receipt", None, None, None) => Some(Self::Receipt),
            ("sale", Some(sale), None, None) => Some(Self::Sale(sale)),
            ("return", Some(sale), None, None) => Some(Self::Return(sale)),
            ("count", None, Some(stocktake), None) => Some(Self::Count(stocktake)),
            ("write_off", None, None, Some(why)) => Some(Self::WriteOff(why)),
            ("correction", None, None, None) => Some(Self::Correction),
            _ => None,
        }
    }

    /// The sale behind it.
    pub const fn sale(self) -> Option<SaleId> {
        match self {
            Self::Sale(sale) | Self::Return(sale) => Some(sale),
            Self::Receipt | Self::Count(_) | Self::WriteOff(_) | Self::Correction => None,
        }
    }

    /// The stocktake behind it.
    pub const fn stocktake(self) -> Option<StocktakeId> {
        if let Self::Count(stocktake) = self { Some(stocktake) } else { None }
    }

    /// Why goods were written off.
    pub const fn write_off_reason(self) -> Option<WriteOffReason> {
        if let Self::WriteOff(why) = self { Some(why) } else { None }
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
