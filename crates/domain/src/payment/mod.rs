//! A payment and its operations. The payment's state is one total function of its operations; an operation moves only
//! through [`record_outcome`].

mod advice;
mod ask;
mod card_app;
mod change;
mod code;
mod consequence;
mod create;
mod exceptions;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod journey;
mod news;
mod operation;
mod outcome;
mod overrule;
mod profile;
mod refusal;
mod relay;
mod rules;
mod schedule;
mod settle;
#[cfg(test)]
pub(crate) mod shop;
mod slip;
mod state;
mod step;
#[cfg(test)]
mod story;
mod task;
mod text;
mod witness;

pub use advice::{Advice, Waiting, advice, waiting};
pub use ask::{AskCancel, AskCapture, AskRefund, AskVoid};
pub(crate) use ask::{ask_refund, refundable_minor};
pub use card_app::{CARD_APP, LaunchCardApp, TellCardAppResult};
pub use code::{CODE_CHARS_MAX, PresentedCode};
pub use create::{CreatePayment, REFERENCE_CHARS_MAX};
pub use operation::{Approval, Funding, Kind, Operation, Outcome, Reason, State as OperationState, Witness};
pub use outcome::RecordOutcome;
pub use overrule::{OVERRIDE_REASON_CHARS_MIN, Override, Verdict};
pub use profile::{Cutoff, LateApproval, Profile};
pub use refusal::Refusal;
pub use relay::{ClaimForTerminal, RecordResult};
pub use rules::{
    Ask, OPERATIONS_MAX, Refusal as RuleRefusal, late_approval_ask, may_cancel, may_capture, may_charge, may_refund,
    may_void,
};
pub use settle::Settle;
pub use slip::{SLIP_FIELDS, SLIP_TEXT_CHARS_MAX, Slip};
pub use state::{Charged, State, Summary, reversal_of, summarize};
pub use step::{Step, Why, due_after, is_overdue, next_step, read_inquiry};
pub use task::{Action, Moved, SEND_GRACE_MS, Task, keys_for_outcome, operations_of, settle_job};
pub use text::REASON_CHARS_MAX;
pub use witness::{Effect, record_outcome};

use crate::id::{ConnectionId, LocationId, MerchantId, PaymentId, RegisterId, SaleId, TenderId};
use crate::metadata::Metadata;
use crate::money::Currency;
use crate::time::Timestamp;

/// The electronic exchange behind one tender, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The shop it was taken in.
    pub location: LocationId,
    /// The register that asked for it.
    pub register: RegisterId,
    /// The sale and tender it pays, if it pays one.
    pub tender: Option<(SaleId, TenderId)>,
    /// With which credentials it is taken.
    pub connection: ConnectionId,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// What the register asked for, in minor units.
    pub asked_minor: i64,
    /// What the provider approved, in minor units; zero before an approval.
    pub approved_minor: i64,
    /// What was taken, in minor units.
    pub captured_minor: i64,
    /// What was given back by refunds that the provider approved, in minor units.
    pub refunded_minor: i64,
    /// Where it stands: always equal to the function of its operations.
    pub state: State,
    /// The state was told to the register as final and nothing charged. An approval after this is a late one.
    pub is_closed_uncharged: bool,
    /// How many operations it has.
    pub operation_count: u32,
    /// The register's own reference, free text.
    pub reference: String,
    /// The register scanned a code that the customer showed. The code itself is never stored.
    pub is_scanned: bool,
    /// The code that the register shows the customer, once the provider has made one.
    pub presented_code: Option<PresentedCode>,
    /// What a vendor notes on it.
    pub metadata: Metadata,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Row version.
    pub version: i64,
}
