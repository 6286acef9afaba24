//! One thing asked of a provider within a payment: a durable intent with its own state, which only
//! [`super::record_outcome`] moves once a witness has spoken.

use super::slip::Slip;
use crate::id::{ConnectionId, MerchantId, OperationId, TerminalId};
use crate::time::Timestamp;

/// What is asked of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Promise of funds.
    Authorize,
    /// Take what an authorization promised.
    Capture,
    /// Promise and take in one step.
    Purchase,
    /// Undo an approved charge before cut-off.
    Void,
    /// Give money back after capture.
    Refund,
    /// Undo of a charge whose outcome is not known, or that still waits for the customer.
    Reversal,
}

impl Kind {
    /// All kinds, in the order of the database words.
    pub const ALL: [Self; 6] =
        [Self::Authorize, Self::Capture, Self::Purchase, Self::Void, Self::Refund, Self::Reversal];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Purchase => "purchase",
            Self::Void => "void",
            Self::Refund => "refund",
            Self::Reversal => "reversal",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether the operation asks the customer for money or for the promise of it.
    pub const fn is_charge(self) -> bool {
        matches!(self, Self::Authorize | Self::Purchase)
    }
}

/// Why money did not move. The texts are codes of the API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason(pub String);

/// What a provider, a device or a person can say about an operation. The only vocabulary between connectors and rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It happened, for this much.
    Approved(Approval),
    /// It may still happen: the customer is asked, or the provider works on it.
    Pending,
    /// It will not happen.
    Declined(Reason),
    /// It was called off before money moved.
    Cancelled,
    /// No byte of the request left, or the provider was not reached: nothing happened.
    NotSent(Reason),
    /// Nobody can tell yet.
    Unknown,
    /// The provider does not know the reference. Says nothing before its finality window has passed.
    NotFound,
}

/// The facts of an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// What the provider approved, in minor units; may differ from what was asked (tip, surcharge, partial approval).
    /// Of a reversal: what it undid. Zero when it found nothing to undo, or does not say: a charge that is approved all
    /// the same then counts as money taken ([`super::summarize`]).
    pub approved_minor: i64,
    /// The provider's own id for it, for later operations and for settlement.
    pub provider_reference: Option<String>,
    /// Who pays the amount, where the provider says so: wallets give discounts of their own.
    pub funding: Option<Funding>,
}

/// Who pays an approved amount, in minor units. Facts of the provider: none is derived from another, because a coupon of
/// the merchant's makes what we receive less than what customer and provider pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Funding {
    /// What left the customer's wallet.
    pub paid_by_customer_minor: i64,
    /// What the provider adds from its own pocket: a discount that costs the merchant nothing.
    pub paid_by_provider_minor: i64,
    /// What the provider owes us for it, before its fees.
    pub receivable_minor: i64,
}

/// Who told us an outcome, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Witness {
    /// The answer to the request itself.
    Reply,
    /// What the provider sent by itself.
    Notification,
    /// The answer to a question about the operation.
    Inquiry,
    /// An operator, with a reason.
    Person,
    /// The settlement file: the last arbiter.
    Settlement,
}

impl Witness {
    /// All witnesses, from the weakest to the strongest.
    pub const ALL: [Self; 5] = [Self::Reply, Self::Notification, Self::Inquiry, Self::Person, Self::Settlement];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Notification => "notification",
            Self::Inquiry => "inquiry",
            Self::Person => "person",
            Self::Settlement => "settlement",
        }
    }

    /// The witness of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|witness| witness.as_str() == text)
    }
}

/// Where an operation stands. Moves only forward through [`super::record_outcome`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The intent is durable; nothing is known to have left.
    Recorded,
    /// Handed to the sender.
    Sent,
    /// A witness could not tell.
    Unknown,
    /// An inquiry did not find it. Proves something only when it was made after the provider's finality window:
    /// [`super::read_inquiry`] sees to that.
    NotFound,
    /// The provider knows it and has not finished.
    Pending,
    /// Nothing left, or the provider was not reached.
    NotSent(Reason),
    /// Called off.
    Cancelled,
    /// Refused.
    Declined(Reason),
    /// Done.
    Approved(Approval),
}

impl State {
    /// The word in the database and in the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::NotFound => "not_found",
            Self::Pending => "pending",
            Self::NotSent(_) => "not_sent",
            Self::Cancelled => "cancelled",
            Self::Declined(_) => "declined",
            Self::Approved(_) => "approved",
        }
    }

    /// Whether a witness has said for certain what happened.
    pub const fn is_definite(&self) -> bool {
        match self {
            Self::Recorded | Self::Sent | Self::Unknown | Self::NotFound | Self::Pending => false,
            Self::NotSent(_) | Self::Cancelled | Self::Declined(_) | Self::Approved(_) => true,
        }
    }

    /// The facts of the approval, if it was approved.
    pub const fn approval(&self) -> Option<&Approval> {
        match self {
            Self::Approved(approval) => Some(approval),
            Self::Recorded
            | Self::Sent
            | Self::Unknown
            | Self::NotFound
            | Self::Pending
            | Self::NotSent(_)
            | Self::Cancelled
            | Self::Declined(_) => None,
        }
    }
}

/// One operation as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Payment and number; its text is the provider reference.
    pub id: OperationId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// With which credentials it is asked.
    pub connection: ConnectionId,
    /// What is asked.
    pub kind: Kind,
    /// The operation that this one captures, voids, refunds or reverses.
    pub target: Option<u32>,
    /// What was asked, in minor units.
    pub asked_minor: i64,
    /// Where it stands.
    pub state: State,
    /// The strongest witness of `state`, when a witness has spoken.
    pub witness: Option<Witness>,
    /// Two definite witnesses contradicted each other, or two approvals named different amounts.
    pub is_contradicted: bool,
    /// [`super::next_step`] had no further step and a person was asked. Stays set, and says nothing once the state is
    /// definite.
    pub is_left_to_person: bool,
    /// When the intent became durable.
    pub recorded_at: Timestamp,
    /// From when `resolve_by` counts: the last moment at which the provider was found unreachable, else `recorded_at`.
    pub doubt_since: Timestamp,
    /// Inquiries made and sends repeated so far.
    pub asked_count: u32,
    /// The terminal that it is for, where it goes over a terminal's channel. Never changes.
    pub terminal: Option<TerminalId>,
    /// What the terminal told for the customer's receipt; the first that was told.
    pub slip: Option<Box<Slip>>,
    /// Row version.
    pub version: i64,
}

impl Operation {
    /// What the provider approved, in minor units; zero unless it is approved, and never negative.
    pub fn approved_minor(&self) -> i64 {
        self.state.approval().map_or(0, |approval| approval.approved_minor.max(0))
    }

    /// Notes that the request was handed to the sender. Does nothing when a witness was faster.
    pub fn mark_sent(&mut self) {
        if self.state == State::Recorded {
            self.state = State::Sent;
        }
    }
}
