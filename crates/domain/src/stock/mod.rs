//! Stock: a level per location and article, a ledger of movements, and reservations of open sales. A level's `on_hand`
//! is the sum of its movements and its `reserved` the sum of its reservations, always.

mod ledger;
mod level;
mod move_stock;
mod movement;
mod record;
mod refusal;
mod threshold;
mod transit;

pub(crate) use ledger::enter_count;
pub(crate) use level::{release, require_available, require_counted, reserve, sell, take_back, take_back_unreferenced};
pub use move_stock::{Booking, LATE_MS_MAX, LINES_MAX, MoveStock, Moved, NewMovement, REASON_CHARS_MAX};
pub use movement::{Behind, Movement, MovementKind, WriteOffReason};
pub use record::{FlagNegativeStock, RECORDED_LINES_MAX, RecordWriteOff, ToldWriteOff};
pub use refusal::Refusal;
pub use threshold::SetThreshold;
pub(crate) use transit::{book_in, send_off, write_off_lost};

use crate::id::{ArticleId, LocationId, MerchantId, SaleId, StocktakeId};
use crate::money::Quantity;
use crate::time::Timestamp;

/// So little, in thousandths, is always worth a word to the customer: what one of them may well take at once.
pub const LIMITED_MAX: Quantity = Quantity(3_000);

/// What lies on the shelf of one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLevel {
    /// Where.
    pub location: LocationId,
    /// What.
    pub article: ArticleId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Counted; always the sum of the movements.
    pub on_hand: Quantity,
    /// Promised to open sales; always the sum of the held reservations.
    pub reserved: Quantity,
    /// The threshold: when less than this is available it is time to reorder. None where nobody set one.
    pub reorder_at: Option<Quantity>,
    /// The last count that is in the books: what moved before it the count has seen.
    pub last_count: Option<LastCount>,
    /// How many movements were entered with an earlier time than that of their entry.
    pub backdated: i64,
    /// Row version.
    pub version: i64,
}

/// A count that is in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastCount {
    /// Of which stocktake.
    pub stocktake: StocktakeId,
    /// When the shelf was seen.
    pub at: Timestamp,
}

impl StockLevel {
    /// A level that nothing has moved yet.
    pub const fn zero(location: LocationId, article: ArticleId, merchant: MerchantId) -> Self {
        let (on_hand, reserved, reorder_at) = (Quantity::ZERO, Quantity::ZERO, None);
        Self { location, article, merchant, on_hand, reserved, reorder_at, last_count: None, backdated: 0, version: 1 }
    }

    /// What may still be promised: `on_hand - reserved`; negative after an oversell.
    pub const fn available(&self) -> Quantity {
        Quantity(self.on_hand.0.saturating_sub(self.reserved.0))
    }

    /// Whether less is available than the threshold asks for.
    pub fn is_below_threshold(&self) -> bool {
        self.reorder_at.is_some_and(|reorder_at| self.available() < reorder_at)
    }

    /// Whether a customer who wants several should hear that there may not be enough: at or below the threshold, or at most
    /// [`LIMITED_MAX`] where none is set.
    pub fn is_limited(&self) -> bool {
        self.available() <= self.reorder_at.unwrap_or(LIMITED_MAX)
    }
}

/// Stock promised to an open sale, one row per sale and article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The sale it belongs to.
    pub sale: SaleId,
    /// What is promised.
    pub article: ArticleId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Where.
    pub location: LocationId,
    /// How much is held now; zero once released or sold.
    pub quantity: Quantity,
    /// Row version.
    pub version: i64,
}
