//! A new printer.

use serde::Serialize;

use super::{Printer, Way, check_drawer, check_way, checked_name};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{LocationId, MerchantId, PrinterId, RegisterId};
use crate::receipt::Columns;
use crate::work::{Key, Stop, UnitOfWork};

/// Makes a printer.
#[derive(Debug, Clone)]
pub struct CreatePrinter {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Where it stands.
    pub location: LocationId,
    /// Its name.
    pub name: String,
    /// How many characters fit into a row.
    pub columns: Columns,
    /// How it is reached.
    pub way: Way,
    /// The register whose drawer hangs on it.
    pub drawer_of: Option<RegisterId>,
}

/// `printer.created` and `printer.updated`. Where it is in the network is the shop's business.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    location: LocationId,
    name: &'a str,
    kind: &'static str,
    is_active: bool,
}

impl<'a> Told<'a> {
    pub(super) fn of(printer: &'a Printer) -> Self {
        let Printer { location, name, is_active, way, .. } = printer;
        Self { location: *location, name, kind: way.as_str(), is_active: *is_active }
    }
}

impl Command for CreatePrinter {
    type Reply = Printer;

    fn name(&self) -> &'static str {
        "printer.create"
    }

    fn keys(&self) -> Vec<Key> {
        let register = self.drawer_of.map(Key::Register);
        [Key::Merchant(self.merchant), Key::Location(self.location)].into_iter().chain(register).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Printer, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        work.require(self.keys())?;
        if work.locations.find(call.merchant, &self.location).is_none() {
            return Err(not_found("location", self.location));
        }
        check_way(&self.way)?;
        let printer = Printer {
            id: PrinterId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            location: self.location,
            name: checked_name(&self.name)?,
            columns: self.columns,
            way: self.way.clone(),
            drawer_of: self.drawer_of,
            is_active: true,
            created_at: call.now,
            version: 1,
        };
        check_drawer(work, &printer)?;
        work.printers.insert(printer.clone());
        work.emit(call, "printer.created", printer.id, &Told::of(&printer));
        Ok(printer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::printer::UpdatePrinter;
    use crate::testing::{LOCATION, MERCHANT, OTHER_LOCATION, REGISTER, World};

    fn a_printer() -> CreatePrinter {
        CreatePrinter {
            merchant: MERCHANT,
            location: LOCATION,
            name: " Counter ".to_owned(),
            columns: Columns::Wide,
            way: Way::Network { host: "192.168.1.50".to_owned(), port: 9_100 },
            drawer_of: Some(REGISTER),
        }
    }

    fn host(host: &str, port: u16) -> CreatePrinter {
        CreatePrinter { way: Way::Network { host: host.to_owned(), port }, ..a_printer() }
    }

    #[test]
    fn a_printer_is_made_changed_and_switched_off() {
        let mut world = World::new();
        let printer = world.run(&a_printer()).unwrap();
        assert_eq!((printer.name.as_str(), printer.is_active), ("Counter", true));
        let change = UpdatePrinter { way: Some(Way::Pull), is_active: Some(false), ..UpdatePrinter::of(printer.id) };
        let changed = world.run(&change).unwrap();
        assert_eq!((&changed.way, changed.is_active, changed.drawer_of), (&Way::Pull, false, Some(REGISTER)));
        let change = UpdatePrinter { drawer_of: Some(None), ..UpdatePrinter::of(printer.id) };
        assert_eq!(world.run(&change).unwrap().drawer_of, None);
        assert_eq!(world.event_kinds(), ["printer.created", "printer.updated", "printer.updated"]);
        assert!(!world.database.events.rows()[0].data.contains("192.168"));
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        for (code, wrong) in [
            ("printer_name_invalid", CreatePrinter { name: " ".to_owned(), ..a_printer() }),
            ("text_looks_like_card_number", CreatePrinter { name: "4111111111111111".to_owned(), ..a_printer() }),
            ("printer_address_invalid", host("", 9_100)),
            ("printer_address_invalid", host("a b", 9_100)),
            ("printer_address_invalid", host("user@host", 9_100)),
            ("printer_address_invalid", host("192.168.1.50", 0)),
            ("printer_drawer_elsewhere", CreatePrinter { location: OTHER_LOCATION, ..a_printer() }),
        ] {
            assert_eq!(World::new().refused(&wrong).code(), code);
        }
        assert_eq!(World::new().acting_as(Role::Cashier).refused(&a_printer()).code(), "role_too_low");
        assert_eq!(World::new().of_other_merchant().refused(&a_printer()).code(), "location_not_found");
    }
}
