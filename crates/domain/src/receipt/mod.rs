//! What a customer is given of a completed sale. That one was given is a record: the first of a kind is the original, each
//! later one says that it is a copy. The document is made from the sale, which never changes, by this code alone: on the hub
//! and in a register's browser.

mod content;
mod escpos;
#[cfg(test)]
mod golden;
mod html;
mod issue;
mod layout;
mod paper;
mod qr;
mod refusal;
mod text;
mod words;

pub use content::{CivilTime, Line, Mismatch, Paid, PaidBy, Parts, Place, Receipt, paid_by};
pub use escpos::escpos;
pub use html::html;
pub use issue::IssueReceipt;
pub use paper::Columns;
pub use refusal::Refusal;
pub use text::text;

use crate::id::{MerchantId, ReceiptId, SaleId};
use crate::locale::Locale;
use crate::time::Timestamp;
use crate::work::UnitOfWork;

/// Most receipts of one sale: a printer that jams is tried again, one that loops is not.
pub const RECEIPTS_MAX: u32 = 50;
/// Longest name that a formal receipt is made out to, in characters.
pub const ADDRESSEE_CHARS_MAX: usize = 60;
/// Longest statement of what a formal receipt is for, in characters.
pub const PROVISO_CHARS_MAX: usize = 60;

/// That a receipt was given: what, of which sale, when, by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedReceipt {
    /// The sale.
    pub sale: SaleId,
    /// 1, 2, 3 … within the sale.
    pub number: u32,
    /// Its id.
    pub id: ReceiptId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What was given.
    pub kind: Kind,
    /// Whether one of the kind was given before.
    pub is_copy: bool,
    /// In which language.
    pub locale: Locale,
    /// Who gave it: the id of the API key, as a rule.
    pub issued_by: String,
    /// When.
    pub issued_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// What is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// What comes out of the register.
    Receipt,
    /// 領収書: made out to somebody, for somebody's books.
    Formal {
        /// To whom; without it there is a line to write on.
        addressee: Option<String>,
        /// For what (但し書き); without it for goods.
        proviso: Option<String>,
    },
}

impl Kind {
    /// The word in the database and in the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Formal { .. } => "formal",
        }
    }

    /// What a formal receipt says: to whom, and for what.
    pub fn texts(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Receipt => (None, None),
            Self::Formal { addressee, proviso } => (addressee.as_deref(), proviso.as_deref()),
        }
    }

    /// The kind of that name, with what a formal receipt says. `None` for another name, and for a plain receipt that would
    /// say it.
    pub fn parse(name: &str, addressee: Option<String>, proviso: Option<String>) -> Option<Self> {
        match name {
            "receipt" if addressee.is_none() && proviso.is_none() => Some(Self::Receipt),
            "formal" => Some(Self::Formal { addressee, proviso }),
            _ => None,
        }
    }
}

/// The receipts of a sale, in the order they were given.
pub fn receipts_of(work: &UnitOfWork, merchant: MerchantId, sale: SaleId) -> impl Iterator<Item = &IssuedReceipt> {
    work.receipts.range(merchant, (sale, 0)..=(sale, u32::MAX))
}
