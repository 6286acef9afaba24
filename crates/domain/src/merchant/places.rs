//! Shops and registers that a merchant opens. A location may be called otherwise later; a register may not: its name is the head
//! of its receipt numbers, and another register that took the old name would give the same numbers again.

use serde::Serialize;

use super::{Contact, Location, Refusal, Register};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::guard;
use crate::id::{LocationId, MerchantId, RegisterId};
use crate::text;
use crate::work::{Key, Stop, UnitOfWork};

/// Longest name of a location, in characters: it stands in one row of a receipt, or two.
pub const LOCATION_NAME_CHARS_MAX: usize = 60;
/// Longest name of a register, in characters: with the number behind it, it is read out and typed.
pub const REGISTER_NAME_CHARS_MAX: usize = 20;

/// Opens a location.
#[derive(Debug, Clone)]
pub struct OpenLocation {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Its name, as on the receipt.
    pub name: String,
    /// Where it is found.
    pub contact: Contact,
}

impl Command for OpenLocation {
    type Reply = Location;

    fn name(&self) -> &'static str {
        "location.open"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Location, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let merchant = work.merchants.find(call.merchant, &self.merchant).map(|merchant| merchant.id);
        let merchant = merchant.ok_or_else(|| not_found("merchant", self.merchant))?;
        let name = checked_location_name(&self.name)?.to_owned();
        self.contact.check()?;
        let id = LocationId::from_uuid(call.next_uuid());
        let location = Location { id, merchant, name, contact: self.contact.clone(), version: 1 };
        work.emit(call, "location.opened", id, &LocationOpened { name: &location.name });
        work.locations.insert(location.clone());
        Ok(location)
    }
}

/// Opens a register at a location. That no other register of the merchant has its name is a unique constraint of the
/// database.
#[derive(Debug, Clone)]
pub struct OpenRegister {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where it stands.
    pub location: LocationId,
    /// Its name, the head of its receipt numbers.
    pub name: String,
}

impl Command for OpenRegister {
    type Reply = Register;

    fn name(&self) -> &'static str {
        "register.open"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant), Key::Location(self.location)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Register, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let location = work.locations.find(call.merchant, &self.location);
        let location = location.ok_or_else(|| not_found("location", self.location))?.id;
        let name = self.name.trim();
        if !is_register_name(name) {
            return Err(Refusal::RegisterNameInvalid.into());
        }
        let id = RegisterId::from_uuid(call.next_uuid());
        let register = Register { id, merchant: call.merchant, location, name: name.to_owned(), version: 1 };
        work.emit(call, "register.opened", id, &RegisterOpened { location, name });
        work.registers.insert(register.clone());
        Ok(register)
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        let is_name = constraint == "register_name";
        is_name.then_some(command::Refusal::Merchant(Refusal::RegisterNameTaken))
    }
}

/// The name without the blanks around it, if a location may be called so.
pub(super) fn checked_location_name(name: &str) -> Result<&str, Refusal> {
    let name = name.trim();
    if !text::is_line(name, LOCATION_NAME_CHARS_MAX) {
        return Err(Refusal::LocationNameInvalid);
    }
    if guard::looks_like_card_number(name) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(name) }
}

/// Letters, digits and hyphens: what every printer has and nobody misreads. Too short for a card number.
fn is_register_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=REGISTER_NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(is_part)
        && !guard::looks_like_card_number(name)
}

#[derive(Serialize)]
struct LocationOpened<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct RegisterOpened<'a> {
    location: LocationId,
    name: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LOCATION, MERCHANT, OTHER_MERCHANT, World};

    fn a_location(name: &str) -> OpenLocation {
        OpenLocation { merchant: MERCHANT, name: name.to_owned(), contact: Contact::default() }
    }

    fn a_register(name: &str) -> OpenRegister {
        OpenRegister { merchant: MERCHANT, location: LOCATION, name: name.to_owned() }
    }

    #[test]
    fn a_merchant_opens_a_shop_with_a_register() {
        let mut world = World::new();
        let annexe = world.run(&a_location(" 別館 ")).unwrap();
        assert_eq!((annexe.name.as_str(), annexe.version), ("別館", 1));
        let register = world.run(&OpenRegister { location: annexe.id, ..a_register("B-1") }).unwrap();
        assert_eq!((register.location, register.name.as_str()), (annexe.id, "B-1"));
        assert_eq!(world.event_kinds(), ["location.opened", "register.opened"]);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let long = "x".repeat(LOCATION_NAME_CHARS_MAX + 1);
        for (code, name) in [
            ("location_name_invalid", ""),
            ("location_name_invalid", &long),
            ("text_looks_like_card_number", "4111111111111111"),
        ] {
            assert_eq!(World::new().refused(&a_location(name)).code(), code);
        }
        for name in ["", "K 1", "K\n1", "レジ", "K1234567890123456789x", "4111111111111111"] {
            assert_eq!(World::new().refused(&a_register(name)).code(), "register_name_invalid", "{name}");
        }
        let elsewhere = OpenRegister { location: crate::testing::OTHER_LOCATION, ..a_register("B1") };
        assert!(World::new().acting_as(Role::Cashier).refused(&elsewhere).code() == "role_too_low");
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&a_location("B")).code(), "role_too_low");
        assert_eq!(World::new().of_other_merchant().refused(&a_register("B1")).code(), "location_not_found");
        let theirs = OpenLocation { merchant: OTHER_MERCHANT, ..a_location("B") };
        assert_eq!(World::new().refused(&theirs).code(), "merchant_not_found");
        let taken = a_register("K1").unique_refusal("register_name").unwrap();
        assert_eq!(taken.code(), "register_name_taken");
        assert_eq!(a_register("K1").unique_refusal("register_pkey"), None);
    }
}
