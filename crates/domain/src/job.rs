//! Jobs: durable pieces of work with a due time and a lease. The fence is a number that grows with each lease; a write
//! of a worker that lost its lease carries an old one and changes nothing.

use crate::id::MerchantId;
use crate::time::Timestamp;

/// One durable piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Kind and subject, for example `settle:pay_…-1`: one job per subject.
    pub id: JobId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// When it is to be done next; `None` once it is done.
    pub due_at: Option<Timestamp>,
    /// The fencing number of the last lease; 0 before the first.
    pub fence: i64,
    /// How often it was leased.
    pub attempts: i64,
    /// Row version.
    pub version: i64,
}

/// Which job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId {
    /// What is to be done.
    pub kind: Kind,
    /// The id of the record it is about.
    pub subject: String,
}

/// The kinds of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Bring an operation to an end: send it, ask after it, or undo it.
    Settle,
    /// Take back the promise of stock of a sale that nobody paid.
    ExpireReservation,
    /// Send an endpoint what is due to it. Its deliveries know when each is due; the job is the lease, so that one hub
    /// at a time sends to an endpoint: at rest it is not due, and one that is due was left by a hub that died.
    DeliverWebhooks,
    /// Bring the counts of a stocktake into the books, a piece at a time.
    CloseStocktake,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Settle, Self::ExpireReservation, Self::DeliverWebhooks, Self::CloseStocktake];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::ExpireReservation => "expire_reservation",
            Self::DeliverWebhooks => "deliver_webhooks",
            Self::CloseStocktake => "close_stocktake",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
