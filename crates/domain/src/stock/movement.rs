//! The entries of the stock ledger: what moved, why, and when.

use crate::id::{ArticleId, LocationId, MerchantId, MovementId, SaleId, StocktakeId, TransferId, UnreferencedReturnId};
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
    /// The first movement of those that were booked by hand with it, in one request; none where it follows from something else.
    pub document: Option<MovementId>,
    /// When the goods moved, where somebody says that it was before it was recorded.
    pub occurred_at: Option<Timestamp>,
    /// The other system that told of it, where it is a fact from elsewhere.
    pub origin: Option<String>,
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
    /// Goods came back without their sale.
    UnreferencedReturn(UnreferencedReturnId),
    /// What a count found more or less than the books said; or what is told late of the time before it, taken back, because
    /// the count has seen it.
    Count(StocktakeId),
    /// Goods left for another location.
    TransferOut(TransferId),
    /// Goods of a transfer arrived; or came back to where they had left.
    TransferIn(TransferId),
    /// Goods are gone, or can no longer be sold.
    WriteOff(WriteOffReason),
    /// Goods of a transfer never came: a write-off like any other, of what counts as arrived.
    TransferLoss(TransferId, WriteOffReason),
    /// A person put the books right, and says why.
    Correction,
}

impl MovementKind {
    /// The words of all kinds.
    pub const WORDS: [&str; 9] = [
        "receipt",
        "sale",
        "return",
        "unreferenced_return",
        "count",
        "transfer_out",
        "transfer_in",
        "write_off",
        "correction",
    ];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Sale(_) => "sale",
            Self::Return(_) => "return",
            Self::UnreferencedReturn(_) => "unreferenced_return",
            Self::Count(_) => "count",
            Self::TransferOut(_) => "transfer_out",
            Self::TransferIn(_) => "transfer_in",
            Self::WriteOff(_) | Self::TransferLoss(..) => "write_off",
            Self::Correction => "correction",
        }
    }

    /// The kind of that name, with what it carries.
    pub fn parse(text: &str, behind: Behind) -> Option<Self> {
        let kind = match (text, behind) {
            ("receipt", _) => Self::Receipt,
            ("sale", Behind { sale: Some(sale), .. }) => Self::Sale(sale),
            ("return", Behind { sale: Some(sale), .. }) => Self::Return(sale),
            ("unreferenced_return", Behind { unreferenced_return: Some(id), .. }) => Self::UnreferencedReturn(id),
            ("count", Behind { stocktake: Some(stocktake), .. }) => Self::Count(stocktake),
            ("transfer_out", Behind { transfer: Some(transfer), .. }) => Self::TransferOut(transfer),
            ("transfer_in", Behind { transfer: Some(transfer), .. }) => Self::TransferIn(transfer),
            ("write_off", Behind { transfer: Some(transfer), write_off_reason: Some(why), .. }) => {
                Self::TransferLoss(transfer, why)
            }
            ("write_off", Behind { write_off_reason: Some(why), .. }) => Self::WriteOff(why),
            ("correction", _) => Self::Correction,
            _ => return None,
        };
        // Nothing is behind it but what its kind carries.
        (kind.behind() == behind).then_some(kind)
    }

    /// What is behind it.
    pub const fn behind(self) -> Behind {
        let none =
            Behind { sale: None, stocktake: None, transfer: None, unreferenced_return: None, write_off_reason: None };
        match self {
            Self::Sale(sale) | Self::Return(sale) => Behind { sale: Some(sale), ..none },
            Self::UnreferencedReturn(id) => Behind { unreferenced_return: Some(id), ..none },
            Self::Count(stocktake) => Behind { stocktake: Some(stocktake), ..none },
            Self::TransferOut(transfer) | Self::TransferIn(transfer) => Behind { transfer: Some(transfer), ..none },
            Self::WriteOff(why) => Behind { write_off_reason: Some(why), ..none },
            Self::TransferLoss(transfer, why) => {
                Behind { transfer: Some(transfer), write_off_reason: Some(why), ..none }
            }
            Self::Receipt | Self::Correction => none,
        }
    }

    /// The stocktake behind it.
    pub const fn stocktake(self) -> Option<StocktakeId> {
        self.behind().stocktake
    }

    /// Why goods were written off.
    pub const fn write_off_reason(self) -> Option<WriteOffReason> {
        self.behind().write_off_reason
    }
}

/// What a movement follows from, each where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Behind {
    /// The sale that sold the goods or took them back.
    pub sale: Option<SaleId>,
    /// The stocktake that found them.
    pub stocktake: Option<StocktakeId>,
    /// The transfer they were on their way with.
    pub transfer: Option<TransferId>,
    /// What they came back with, without their sale.
    pub unreferenced_return: Option<UnreferencedReturnId>,
    /// Why they were written off.
    pub write_off_reason: Option<WriteOffReason>,
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
