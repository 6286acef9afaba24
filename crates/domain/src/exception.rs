//! Exceptions: what needs a person, with owner and reason.

use crate::id::{ExceptionId, MerchantId};
use crate::time::Timestamp;

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
    /// A provider told of an operation that this hub did not ask for.
    NotAskedFor,
    /// A job failed again and again.
    JobFailed,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::PaymentInDoubt,
        Self::LateApproval,
        Self::WitnessesContradict,
        Self::RefundFailed,
        Self::Oversold,
        Self::NotAskedFor,
        Self::JobFailed,
    ];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaymentInDoubt => "payment_in_doubt",
            Self::LateApproval => "late_approval",
            Self::WitnessesContradict => "witnesses_contradict",
            Self::RefundFailed => "refund_failed",
            Self::Oversold => "oversold",
            Self::NotAskedFor => "not_asked_for",
            Self::JobFailed => "job_failed",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
