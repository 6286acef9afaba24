//! Where a shop is found: what a receipt says below its name.

use serde::Serialize;

use super::places::checked_location_name;
use super::{Location, Refusal};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role, require_version};
use crate::guard;
use crate::id::LocationId;
use crate::text;
use crate::work::{Key, Stop, UnitOfWork};

/// Most lines of an address: postcode, town, street, building.
pub const ADDRESS_LINES_MAX: usize = 4;
/// Longest line of an address, in characters.
pub const ADDRESS_LINE_CHARS_MAX: usize = 60;
/// Longest telephone number, in characters: fifteen digits with the country's, and their separators.
pub const PHONE_CHARS_MAX: usize = 20;

/// Where a shop is found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// The lines of its address, from the top; none where it is not said.
    pub address: Vec<String>,
    /// Its telephone number.
    pub phone: Option<String>,
}

impl Contact {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let is_line = |line: &String| text::is_line(line, ADDRESS_LINE_CHARS_MAX);
        if self.address.len() > ADDRESS_LINES_MAX || !self.address.iter().all(is_line) {
            return Err(Refusal::AddressInvalid);
        }
        if self.phone.as_deref().is_some_and(|phone| !is_phone(phone)) {
            return Err(Refusal::PhoneInvalid);
        }
        let mut texts = self.address.iter().chain(&self.phone);
        if texts.any(|text| guard::looks_like_card_number(text)) {
            return Err(Refusal::TextLooksLikeCardNumber);
        }
        Ok(())
    }
}

fn is_phone(phone: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'-' | b'+' | b'(' | b')');
    (1..=PHONE_CHARS_MAX).contains(&phone.len()) && phone.bytes().all(is_part)
}

/// Changes the fields that are given; a telephone number that is given as `None` is taken away.
#[derive(Debug, Clone)]
pub struct UpdateLocation {
    /// Which location.
    pub location: LocationId,
    /// The version that the caller read; without it the last one to write wins.
    pub expected_version: Option<i64>,
    /// What it is called from now on.
    pub name: Option<String>,
    /// All lines of the address from now on.
    pub address: Option<Vec<String>>,
    /// The new telephone number.
    pub phone: Option<Option<String>>,
}

impl Command for UpdateLocation {
    type Reply = Location;

    fn name(&self) -> &'static str {
        "location.update"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Location(self.location)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Location, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let missing = || not_found("location", self.location);
        let before = work.locations.find(call.merchant, &self.location).ok_or_else(missing)?;
        require_version(self.expected_version, before.version)?;
        let address = self.address.clone().unwrap_or_else(|| before.contact.address.clone());
        let phone = self.phone.clone().unwrap_or_else(|| before.contact.phone.clone());
        let contact = Contact { address, phone };
        contact.check()?;
        let name = self.name.as_deref().map_or(Ok(before.name.as_str()), checked_location_name)?.to_owned();
        if contact == before.contact && name == before.name {
            return Ok(before.clone());
        }
        let location = work.locations.find_mut(call.merchant, &self.location).ok_or_else(missing)?;
        (location.name, location.contact) = (name, contact);
        let location = location.clone();
        let Contact { address, phone } = &location.contact;
        let data = Updated { version: location.version, name: &location.name, address, phone: phone.as_deref() };
        work.emit(call, "location.updated", location.id, &data);
        Ok(location)
    }
}

#[derive(Serialize)]
struct Updated<'a> {
    version: i64,
    name: &'a str,
    address: &'a [String],
    phone: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LOCATION, World};

    fn an_update() -> UpdateLocation {
        UpdateLocation { location: LOCATION, expected_version: None, name: None, address: None, phone: None }
    }

    fn at(lines: &[&str]) -> UpdateLocation {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        UpdateLocation { address: Some(lines), ..an_update() }
    }

    fn calling(phone: &str) -> UpdateLocation {
        UpdateLocation { phone: Some(Some(phone.to_owned())), ..an_update() }
    }

    #[test]
    fn a_shop_says_where_it_is_found() {
        let mut world = World::new();
        world.run(&at(&["東京都台東区上野1-2-3", "茶ビル1F"])).unwrap();
        let location = world.run(&calling("03-1234-5678")).unwrap();
        let address = vec!["東京都台東区上野1-2-3".to_owned(), "茶ビル1F".to_owned()];
        assert_eq!(location.contact, Contact { address, phone: Some("03-1234-5678".to_owned()) });
        assert_eq!(world.run(&calling("03-1234-5678")).unwrap().version, 3, "what changes nothing leaves no trace");
        let silent = UpdateLocation { phone: Some(None), expected_version: Some(3), ..at(&[]) };
        assert_eq!(world.run(&silent).unwrap().contact, Contact::default());
        assert_eq!(world.event_kinds(), ["location.updated"; 3]);
    }

    #[test]
    fn a_shop_may_be_called_otherwise() {
        let mut world = World::new();
        let called = |name: &str| UpdateLocation { name: Some(name.to_owned()), ..an_update() };
        let location = world.run(&called(" 上野本店 ")).unwrap();
        assert_eq!((location.name.as_str(), location.version), ("上野本店", 2));
        assert_eq!(world.run(&called("上野本店")).unwrap().version, 2, "what changes nothing leaves no trace");
        assert_eq!(world.refused(&called("")).code(), "location_name_invalid");
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let long = "x".repeat(61);
        for (code, wrong) in [
            ("address_invalid", at(&["1", "2", "3", "4", "5"])),
            ("address_invalid", at(&["1", ""])),
            ("address_invalid", at(&[&long])),
            ("address_invalid", at(&["a\nb"])),
            ("text_looks_like_card_number", at(&["4111 1111 1111 1111"])),
            ("phone_invalid", calling("")),
            ("phone_invalid", calling("03-1234-5678 ext. 9")),
            ("phone_invalid", calling("000000000000000000000")),
            ("text_looks_like_card_number", calling("4111111111111111")),
            ("version_stale", UpdateLocation { expected_version: Some(7), ..at(&["1"]) }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().of_other_merchant().refused(&at(&["1"])).code(), "location_not_found");
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&at(&["1"])).code(), "role_too_low");
    }
}
