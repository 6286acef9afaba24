//! Who buys, as far as it is known. Everything that tells of a person is in one place, [`Person`], and is gone once the
//! customer was erased; what is told to others (events, audit, answers that are kept) never has any of it.

mod change;
mod contact;
mod create;
mod erase;
mod external;
mod person;
mod refusal;
mod rules;

pub use change::UpdateCustomer;
pub use contact::{EMAIL_CHARS_MAX, normal_email, normal_phone};
pub use create::CreateCustomer;
pub use erase::{EraseCustomer, ErasureReason};
pub use external::{EXTERNAL_IDS_MAX, ExternalId, ExternalIdSlot};
pub use person::{CONSENT_SOURCE_CHARS_MAX, Consent, NAME_CHARS_MAX, NOTE_CHARS_MAX, NewConsent, NewPerson, Person};
pub use refusal::Refusal;
pub use rules::{CALLING_CODE_MAX, CustomerRules};

use crate::command::{self, not_found};
use crate::id::{CustomerId, MerchantId};
use crate::time::Timestamp;
use crate::work::{Stop, UnitOfWork};

/// One customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What is known.
    pub state: State,
    /// When it was made.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// What is known of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// What the customer told.
    Known(Person),
    /// Nothing any more.
    Erased {
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: ErasureReason,
    },
}

impl Customer {
    /// What is known, unless it was erased.
    pub const fn person(&self) -> Option<&Person> {
        match &self.state {
            State::Known(person) => Some(person),
            State::Erased { .. } => None,
        }
    }

    /// What is known, or the refusal that nothing is any more.
    pub(crate) fn known(&self) -> Result<&Person, Refusal> {
        self.person().ok_or(Refusal::Erased)
    }
}

/// A customer with the ids that other systems have for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeCustomer {
    /// The customer.
    pub customer: Customer,
    /// Its ids elsewhere, in the order of their places.
    pub external_ids: Vec<ExternalId>,
}

/// The customer of that id, if the merchant has it.
pub(crate) fn find_customer(
    work: &UnitOfWork,
    merchant: MerchantId,
    id: CustomerId,
) -> Result<&Customer, Stop<command::Refusal>> {
    work.customers.find(merchant, &id).ok_or_else(|| not_found("customer", id))
}
