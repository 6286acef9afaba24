//! A new customer.

use serde::Serialize;

use super::external::{held, put};
use super::{Customer, ExternalId, NewPerson, Person, Refusal, State, WholeCustomer};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{CustomerId, MerchantId};
use crate::points::PointsBalance;
use crate::work::{Key, Stop, UnitOfWork};

/// Makes a customer, of whom as much is known as is told: a card with a number on it is enough. That no other customer has
/// one of its external ids is a unique constraint of the database.
#[derive(Debug, Clone)]
pub struct CreateCustomer {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// What is told.
    pub person: NewPerson,
    /// What other systems call it.
    pub external_ids: Vec<ExternalId>,
}

/// `customer.created`. Who it is is not told.
#[derive(Serialize)]
struct Created {
    is_marketing_allowed: bool,
}

impl Command for CreateCustomer {
    type Reply = WholeCustomer;

    fn name(&self) -> &'static str {
        "customer.create"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WholeCustomer, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let merchant = work.merchants.find(call.merchant, &self.merchant);
        let merchant = merchant.ok_or_else(|| not_found("merchant", self.merchant))?;
        let calling_code = merchant.customers.calling_code(merchant.currency);
        let person = self.person.apply(Person::default(), calling_code, call.now)?;
        let created = Created { is_marketing_allowed: person.is_marketing_allowed() };
        let id = CustomerId::from_uuid(call.next_uuid());
        let customer =
            Customer { id, merchant: call.merchant, state: State::Known(person), created_at: call.now, version: 1 };
        put(work, call.merchant, id, &self.external_ids)?;
        work.customers.insert(customer.clone());
        work.points_balances.insert(PointsBalance::zero(id, call.merchant));
        work.emit(call, "customer.created", id, &created);
        Ok(WholeCustomer { customer, external_ids: held(work, call.merchant, id) })
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        Refusal::of_constraint(constraint).map(command::Refusal::Customer)
    }
}
