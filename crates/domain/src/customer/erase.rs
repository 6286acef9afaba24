//! The end of what is known of a customer. What was sold stays, with an id that leads to nobody.

use serde::{Deserialize, Serialize};

use super::external::put;
use super::{Customer, State, WholeCustomer, find_customer};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::CustomerId;
use crate::work::{Key, Stop, UnitOfWork};

/// Why a customer was erased. A choice, not a text: a text might say who it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureReason {
    /// The customer asked for it.
    Asked,
    /// It is not needed any more, or may not be kept for longer.
    NotNeeded,
    /// It was entered by mistake, or twice.
    Mistake,
}

impl ErasureReason {
    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::NotNeeded => "not_needed",
            Self::Mistake => "mistake",
        }
    }

    /// The reason of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Asked, Self::NotNeeded, Self::Mistake].into_iter().find(|reason| reason.as_str() == text)
    }
}

/// Erases all that is known of a customer, for good. Done again it changes nothing.
#[derive(Debug, Clone)]
pub struct EraseCustomer {
    /// Which customer.
    pub customer: CustomerId,
    /// Why.
    pub reason: ErasureReason,
}

/// `customer.erased`.
#[derive(Serialize)]
struct Erased {
    reason: ErasureReason,
}

impl Command for EraseCustomer {
    type Reply = WholeCustomer;

    fn name(&self) -> &'static str {
        "customer.erase"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Customer(self.customer), Key::ExternalIds(self.customer)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WholeCustomer, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let before = find_customer(work, call.merchant, self.customer)?.clone();
        if before.person().is_none() {
            return Ok(WholeCustomer { customer: before, external_ids: Vec::new() });
        }
        put(work, call.merchant, self.customer, &[])?;
        let state = State::Erased { at: call.now, reason: self.reason };
        let erased = work.customers.replace(Customer { state, ..before });
        let customer = erased.ok_or_else(|| not_found("customer", self.customer))?.clone();
        work.emit(call, "customer.erased", self.customer, &Erased { reason: self.reason });
        Ok(WholeCustomer { customer, external_ids: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customer::{CreateCustomer, ExternalId, NewPerson, UpdateCustomer};
    use crate::testing::{MERCHANT, NOW, World};

    fn a_customer(world: &mut World) -> CustomerId {
        let person = NewPerson { name: Some(Some("Aiko".to_owned())), ..NewPerson::default() };
        let external_ids = vec![ExternalId { system: "webshop".to_owned(), id: "aiko@example.jp".to_owned() }];
        world.run(&CreateCustomer { merchant: MERCHANT, person, external_ids }).unwrap().customer.id
    }

    fn erase(customer: CustomerId) -> EraseCustomer {
        EraseCustomer { customer, reason: ErasureReason::Asked }
    }

    #[test]
    fn nothing_is_known_afterwards_and_nothing_comes_back() {
        let mut world = World::new();
        let customer = a_customer(&mut world);
        world.advance_ms(5);
        let erased = world.run(&erase(customer)).unwrap();
        assert_eq!(erased.customer.state, State::Erased { at: NOW.plus_ms(5), reason: ErasureReason::Asked });
        assert!(world.database.external_ids.iter().all(|slot| slot.held.is_none()));
        assert_eq!(world.database.events.rows().last().unwrap().data, r#"{"reason":"asked"}"#);
        world.advance_ms(5);
        let again = EraseCustomer { reason: ErasureReason::Mistake, ..erase(customer) };
        assert_eq!(world.run(&again).unwrap(), erased, "what changes nothing leaves no trace");
        let person = NewPerson { name: Some(Some("Aiko".to_owned())), ..NewPerson::default() };
        let (expected_version, external_ids) = (None, None);
        let update = UpdateCustomer { merchant: MERCHANT, customer, expected_version, person, external_ids };
        assert_eq!(world.refused(&update).code(), "customer_erased");
    }

    #[test]
    fn only_a_manager_erases_and_only_an_own_customer() {
        let mut world = World::new();
        let customer = a_customer(&mut world);
        assert_eq!(world.clone().acting_as(Role::Cashier).refused(&erase(customer)).code(), "role_too_low");
        assert_eq!(world.of_other_merchant().refused(&erase(customer)).code(), "customer_not_found");
    }
}
