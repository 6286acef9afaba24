//! Other or more things that are known of a customer.

use serde::Serialize;

use super::external::{held, put};
use super::{Customer, ExternalId, NewPerson, Refusal, State, WholeCustomer, find_customer};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role, require_version};
use crate::id::{CustomerId, MerchantId};
use crate::work::{Key, Stop, UnitOfWork};

/// Changes the fields that are given.
#[derive(Debug, Clone)]
pub struct UpdateCustomer {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Which customer.
    pub customer: CustomerId,
    /// The version that the caller read; without it the last one to write wins.
    pub expected_version: Option<i64>,
    /// What is told.
    pub person: NewPerson,
    /// All that other systems call it from now on.
    pub external_ids: Option<Vec<ExternalId>>,
}

/// `customer.updated`. What changed is not told: who may know reads it.
#[derive(Serialize)]
struct Updated {
    version: i64,
    is_marketing_allowed: bool,
}

impl Command for UpdateCustomer {
    type Reply = WholeCustomer;

    fn name(&self) -> &'static str {
        "customer.update"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant), Key::Customer(self.customer), Key::ExternalIds(self.customer)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<WholeCustomer, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let merchant = work.merchants.find(call.merchant, &self.merchant);
        let merchant = merchant.ok_or_else(|| not_found("merchant", self.merchant))?;
        let calling_code = merchant.customers.calling_code(merchant.currency);
        let before = find_customer(work, call.merchant, self.customer)?.clone();
        let known = before.known()?;
        require_version(self.expected_version, before.version)?;
        let person = self.person.apply(known.clone(), calling_code, call.now)?;
        let had = held(work, call.merchant, self.customer);
        if let Some(wanted) = &self.external_ids {
            put(work, call.merchant, self.customer, wanted)?;
        }
        let external_ids = held(work, call.merchant, self.customer);
        if person == *known && external_ids == had {
            return Ok(WholeCustomer { customer: before, external_ids });
        }
        let is_marketing_allowed = person.is_marketing_allowed();
        // The row changes with its external ids, too: its version is that of all that is read of it.
        let changed = work.customers.replace(Customer { state: State::Known(person), ..before });
        let customer = changed.ok_or_else(|| not_found("customer", self.customer))?.clone();
        let data = Updated { version: customer.version, is_marketing_allowed };
        work.emit(call, "customer.updated", self.customer, &data);
        Ok(WholeCustomer { customer, external_ids })
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        Refusal::of_constraint(constraint).map(command::Refusal::Customer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::customer::{CreateCustomer, NewConsent};
    use crate::testing::{MERCHANT, NOW, OTHER_MERCHANT, World};
    use crate::time::Timestamp;

    fn external(system: &str, id: &str) -> ExternalId {
        ExternalId { system: system.to_owned(), id: id.to_owned() }
    }

    fn aiko() -> NewPerson {
        NewPerson {
            name: Some(Some(" 山田 愛子 ".to_owned())),
            email: Some(Some("Aiko@Example.JP".to_owned())),
            phone: Some(Some("090-1234-5678".to_owned())),
            note: Some("likes it hot".to_owned()),
            ..NewPerson::default()
        }
    }

    fn a_create() -> CreateCustomer {
        CreateCustomer { merchant: MERCHANT, person: aiko(), external_ids: vec![external("webshop", "C-1")] }
    }

    fn update(customer: CustomerId, person: NewPerson) -> UpdateCustomer {
        UpdateCustomer { merchant: MERCHANT, customer, expected_version: None, person, external_ids: None }
    }

    #[test]
    fn what_was_told_is_kept_in_one_spelling_and_told_to_nobody() {
        let mut world = World::new().acting_as(Role::Cashier);
        let whole = world.run(&a_create()).unwrap();
        let person = whole.customer.person().unwrap();
        assert_eq!(person.name.as_deref(), Some("山田 愛子"));
        assert_eq!(person.email.as_deref(), Some("aiko@example.jp"));
        assert_eq!(person.phone.as_deref(), Some("+819012345678"));
        assert_eq!((whole.external_ids, whole.customer.version), (vec![external("webshop", "C-1")], 1));
        assert_eq!(world.database.events.rows()[0].data, r#"{"is_marketing_allowed":false}"#);
        assert!(!format!("{:?}{:?}", world.database, a_create()).contains("愛子"));
        assert!(!format!("{:?}{:?}", world.database, a_create()).contains("C-1"));
    }

    #[test]
    fn only_given_fields_change_and_none_empties() {
        let mut world = World::new();
        let made = world.run(&a_create()).unwrap();
        let id = made.customer.id;
        let same = world.run(&update(id, aiko())).unwrap();
        assert_eq!(same, made, "what changes nothing leaves no trace");
        let emptied = NewPerson { phone: Some(None), note: Some(String::new()), ..NewPerson::default() };
        let changed = world.run(&update(id, emptied)).unwrap();
        let person = changed.customer.person().unwrap();
        assert_eq!((person.phone.as_deref(), person.email.as_deref()), (None, Some("aiko@example.jp")));
        assert_eq!((person.note.as_str(), changed.customer.version), ("", 2));
        let stale = UpdateCustomer { expected_version: Some(1), ..update(id, aiko()) };
        assert_eq!(world.refused(&stale).code(), "version_stale");
        assert_eq!(world.event_kinds(), ["customer.created", "customer.updated"]);
    }

    #[test]
    fn a_consent_says_when_and_where_it_was_given() {
        let mut world = World::new();
        let id = world.run(&a_create()).unwrap().customer.id;
        let say = |is_given, at, source: &str| {
            let consent = NewConsent { is_given, at, source: source.to_owned() };
            update(id, NewPerson { marketing: Some(Some(consent)), ..NewPerson::default() })
        };
        let yes = world.run(&say(true, None, "register")).unwrap();
        assert!(yes.customer.person().unwrap().is_marketing_allowed());
        assert_eq!(yes.customer.person().unwrap().marketing.as_ref().unwrap().at, NOW);
        let no = world.run(&say(false, Some(Timestamp(1)), "letter")).unwrap();
        assert!(!no.customer.person().unwrap().is_marketing_allowed());
        for wrong in
            [say(true, Some(NOW.plus_ms(1)), "register"), say(true, None, " "), say(true, None, &"x".repeat(41))]
        {
            assert_eq!(world.refused(&wrong).code(), "customer_consent_invalid");
        }
        assert_eq!(world.refused(&say(true, None, "4111111111111111")).code(), "text_looks_like_card_number");
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let name = |name: &str| NewPerson { name: Some(Some(name.to_owned())), ..NewPerson::default() };
        let email = |email: &str| NewPerson { email: Some(Some(email.to_owned())), ..NewPerson::default() };
        let phone = |phone: &str| NewPerson { phone: Some(Some(phone.to_owned())), ..NewPerson::default() };
        let note = |note: &str| NewPerson { note: Some(note.to_owned()), ..NewPerson::default() };
        let ids = |ids: Vec<ExternalId>| CreateCustomer { external_ids: ids, ..a_create() };
        for (code, wrong) in [
            ("customer_name_invalid", name(" ")),
            ("customer_name_invalid", name(&"x".repeat(101))),
            ("customer_name_invalid", name("a\nb")),
            ("text_looks_like_card_number", name("4111 1111 1111 1111")),
            ("customer_email_invalid", email("aiko")),
            ("customer_phone_invalid", phone("12")),
            ("customer_note_too_long", note(&"x".repeat(501))),
            ("text_looks_like_card_number", note("4111 1111 1111 1111")),
        ] {
            assert_eq!(World::new().refused(&CreateCustomer { person: wrong.clone(), ..a_create() }).code(), code);
            let mut world = World::new();
            let id = world.run(&a_create()).unwrap().customer.id;
            assert_eq!(world.refused(&update(id, wrong)).code(), code);
        }
        for (code, wrong) in [
            ("customer_external_id_invalid", ids(vec![external("", "1")])),
            ("customer_external_id_invalid", ids(vec![external("Web Shop", "1")])),
            ("customer_external_id_invalid", ids(vec![external("webshop", " ")])),
            ("customer_external_id_invalid", ids(vec![external("webshop", &"1".repeat(101))])),
            ("text_looks_like_card_number", ids(vec![external("webshop", "4111111111111111")])),
            ("customer_too_many_external_ids", ids((0..11).map(|n| external("webshop", &n.to_string())).collect())),
            ("merchant_not_found", CreateCustomer { merchant: OTHER_MERCHANT, ..a_create() }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Viewer).refused(&a_create()).code(), "role_too_low");
        let nobody = CustomerId::from_uuid(uuid::Uuid::nil());
        assert_eq!(World::new().refused(&update(nobody, aiko())).code(), "customer_not_found");
        assert_eq!(
            a_create().unique_refusal("customer_external_id_held").unwrap().code(),
            "customer_external_id_taken"
        );
        assert_eq!(a_create().unique_refusal("operator_code"), None);
    }

    #[test]
    fn another_merchants_customer_is_not_there() {
        let mut world = World::new();
        let id = world.run(&a_create()).unwrap().customer.id;
        let strange = UpdateCustomer { merchant: OTHER_MERCHANT, ..update(id, aiko()) };
        assert_eq!(world.of_other_merchant().refused(&strange).code(), "customer_not_found");
    }

    proptest! {
        /// However often they are given anew, a customer has exactly the ids last given, and no row ever passes through
        /// the id of another one.
        #[test]
        fn external_ids_are_those_last_given(lists in prop::collection::vec(prop::collection::vec(0..12_u32, 0..=10), 1..6)) {
            let mut world = World::new();
            let id = world.run(&CreateCustomer { external_ids: Vec::new(), ..a_create() }).unwrap().customer.id;
            for list in lists {
                let wanted: Vec<ExternalId> = list.iter().map(|n| external("webshop", &n.to_string())).collect();
                let before: Vec<_> = world.database.external_ids.iter().cloned().collect();
                let changes = UpdateCustomer { external_ids: Some(wanted.clone()), ..update(id, NewPerson::default()) };
                let mut now = world.run(&changes).unwrap().external_ids;
                for slot in world.database.external_ids.iter() {
                    let had = before.iter().find(|old| old.number == slot.number).and_then(|old| old.held.clone());
                    let is_moved = before.iter().any(|old| old.number != slot.number && old.held.is_some() && old.held == slot.held);
                    prop_assert!(had == slot.held || !is_moved);
                }
                now.sort();
                let mut wanted = wanted;
                wanted.sort();
                wanted.dedup();
                prop_assert_eq!(now, wanted);
            }
        }
    }
}
