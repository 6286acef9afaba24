//! What a customer is given of a completed sale or of a return. That one was given is a record: the first of a kind is the
//! original, each later one says that it is a copy. The document is made from the sale or the return, which never change,
//! by this code alone: on the hub and in a register's browser.

mod content;
mod escpos;
#[cfg(test)]
mod golden;
mod html;
mod issue;
mod layout;
mod paper;
#[cfg(test)]
mod printer;
mod refusal;
mod return_invoice;
mod text;
mod words;

pub use content::{CivilTime, Discount, Line, Mismatch, OtherReceipt, Paid, PaidBy, Parts, Place, Receipt, paid_by};
pub use escpos::{DRAWER_PULSE, escpos};
pub use html::html;
pub use issue::IssueReceipt;
pub use paper::Columns;
pub use refusal::Refusal;
pub use return_invoice::{GivenBack, ReturnOf, ReturnParts};
pub use text::text;

use crate::id::{MerchantId, ReceiptId, SaleId};
use crate::locale::Locale;
use crate::time::Timestamp;
use crate::work::UnitOfWork;

/// Most receipts of one sale, and of one return: a printer that jams is tried again, one that loops is not.
pub const RECEIPTS_MAX: u32 = 50;
/// Longest name that a formal receipt is made out to, in characters.
pub const ADDRESSEE_CHARS_MAX: usize = 60;
/// Longest statement of what a formal receipt is for, in characters.
pub const PROVISO_CHARS_MAX: usize = 60;

/// That a receipt was given: what, of which sale or return of it, when, by whom.
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
    /// How often it was sent to a printer.
    pub print_count: u32,
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
    /// What is given with the money for goods that came back.
    Return {
        /// The return's number within the sale.
        number: u32,
    },
}

impl Kind {
    /// The word in the database and in the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Formal { .. } => "formal",
            Self::Return { .. } => "return",
        }
    }

    /// What a formal receipt says: to whom, and for what.
    pub fn texts(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Receipt | Self::Return { .. } => (None, None),
            Self::Formal { addressee, proviso } => (addressee.as_deref(), proviso.as_deref()),
        }
    }

    /// The kind of that name, with what a formal receipt says and which return it is about. `None` for another name, and
    /// where one has what belongs to another kind.
    pub fn parse(
        name: &str,
        addressee: Option<String>,
        proviso: Option<String>,
        return_number: Option<u32>,
    ) -> Option<Self> {
        match (name, addressee, proviso, return_number) {
            ("receipt", None, None, None) => Some(Self::Receipt),
            ("formal", addressee, proviso, None) => Some(Self::Formal { addressee, proviso }),
            ("return", None, None, Some(number)) => Some(Self::Return { number }),
            _ => None,
        }
    }

    /// Whether the two are of one kind, about the same sale or return: then only the first is an original.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.as_str(), self.return_number()) == (other.as_str(), other.return_number())
    }
}

/// The receipts of a sale, in the order they were given.
pub fn receipts_of(work: &UnitOfWork, merchant: MerchantId, sale: SaleId) -> impl Iterator<Item = &IssuedReceipt> {
    work.receipts.range(merchant, (sale, 0)..=(sale, u32::MAX))
}
