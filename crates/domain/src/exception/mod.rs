//! Exceptions: what needs a person, with owner and reason. Of each kind a record has at most one, opened again when its
//! cause comes back.

mod assign;
mod keep;
mod refusal;
mod resolve;

use std::fmt;
use std::ops::RangeInclusive;

use crate::command::{self, not_found};
use crate::guard;
use crate::id::{ExceptionId, MerchantId, PaymentId, PrintJobId, SaleId, StocktakeId, TerminalId};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

pub use assign::{AssignException, OWNER_CHARS_MAX};
pub(crate) use keep::{find_open, open, resolve};
pub use refusal::Refusal;
pub use resolve::{RESOLUTION_CHARS_MAX, RESOLUTION_CHARS_MIN, ResolveException};

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its id.
    pub id: ExceptionId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What is wrong.
    pub kind: Kind,
    /// The id of the record it is about.
    pub subject: String,
    /// What happened and what to do, in one or two sentences.
    pub reason: String,
    /// Who has to act: a role until somebody takes it.
    pub owner: String,
    /// Money that may be lost, in minor units of the merchant's currency.
    pub at_risk_minor: i64,
    /// Why it is over; `None` while it is open.
    pub resolution: Option<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// Row version.
    pub version: i64,
}

/// The kinds of exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nobody can tell whether the customer was charged, and the rules have no further step.
    PaymentInDoubt,
    /// Money moved after everybody was told it did not.
    LateApproval,
    /// Two definite witnesses contradict each other.
    WitnessesContradict,
    /// A refund or void was asked for and did not happen.
    RefundFailed,
    /// A sale was completed although its promise of stock had run out and nothing was left.
    Oversold,
    /// A count found less than is promised to open sales.
    StockNegative,
    /// A provider told of an operation that this hub did not ask for.
    NotAskedFor,
    /// A job failed again and again.
    JobFailed,
    /// Something was not printed, or nobody knows whether it was.
    PrintFailed,
    /// Two registers seem to go by one id: the terminal is paired with both in turn.
    RegisterClash,
}

/// What an exception is kept under: the record it is about, and its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The id of the record it is about.
    pub subject: String,
    /// What is wrong with it.
    pub kind: Kind,
}

impl Place {
    /// The record whose lock covers its exceptions.
    fn key(&self) -> Option<Key> {
        let payment = self.subject.parse::<PaymentId>().map(Key::Payment).ok();
        let sale = || self.subject.parse::<SaleId>().map(Key::Sale).ok();
        let stocktake = || self.subject.parse::<StocktakeId>().map(Key::Stocktake).ok();
        let print_job = || self.subject.parse::<PrintJobId>().map(Key::PrintJob).ok();
        let terminal = || self.subject.parse::<TerminalId>().map(Key::Terminal).ok();
        payment.or_else(sale).or_else(stocktake).or_else(print_job).or_else(terminal)
    }

    /// The exception, if it is the merchant's.
    fn find<'a>(&self, work: &'a UnitOfWork, merchant: MerchantId) -> Option<&'a Exception> {
        work.exceptions.find(merchant, &(self.subject.clone(), self.kind))
    }

    /// The exception that a person wants to act on.
    fn find_open<'a>(
        &self,
        work: &'a UnitOfWork,
        merchant: MerchantId,
    ) -> Result<&'a Exception, Stop<command::Refusal>> {
        match self.find(work, merchant) {
            None => Err(not_found("exception", self)),
            Some(Exception { resolved_at: Some(_), .. }) => Err(Refusal::AlreadyResolved.into()),
            Some(open) => Ok(open),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind.as_str(), self.subject)
    }
}

/// What a person says of an exception, without the blanks around it.
fn check_text(text: &str, chars: RangeInclusive<usize>, refusal: Refusal) -> Result<&str, Refusal> {
    let text = text.trim();
    if !chars.contains(&text.chars().count()) {
        return Err(refusal);
    }
    if guard::looks_like_card_number(text) {
        return Err(Refusal::TextLooksLikeCardNumber);
    }
    Ok(text)
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::PaymentInDoubt,
        Self::LateApproval,
        Self::WitnessesContradict,
        Self::RefundFailed,
        Self::Oversold,
        Self::StockNegative,
        Self::NotAskedFor,
        Self::JobFailed,
        Self::PrintFailed,
        Self::RegisterClash,
    ];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentInDoubt => "payment_in_doubt",
            Self::LateApproval => "late_approval",
            Self::WitnessesContradict => "witnesses_contradict",
            Self::RefundFailed => "refund_failed",
            Self::Oversold => "oversold",
            Self::StockNegative => "stock_negative",
            Self::NotAskedFor => "not_asked_for",
            Self::JobFailed => "job_failed",
            Self::PrintFailed => "print_failed",
            Self::RegisterClash => "register_clash",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
