//! Changes of a printer.

use super::create::Told;
use super::{Printer, Way, check_drawer, check_way, checked_name, find_printer};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{PrinterId, RegisterId};
use crate::receipt::Columns;
use crate::work::{Key, Stop, UnitOfWork};

/// Changes what is given and leaves the rest as it is.
#[derive(Debug, Clone)]
pub struct UpdatePrinter {
    /// Which printer.
    pub id: PrinterId,
    /// Its name.
    pub name: Option<String>,
    /// How many characters fit into a row.
    pub columns: Option<Columns>,
    /// How it is reached.
    pub way: Option<Way>,
    /// The register whose drawer hangs on it, or none any more.
    pub drawer_of: Option<Option<RegisterId>>,
    /// Whether anything is printed there.
    pub is_active: Option<bool>,
}

impl UpdatePrinter {
    /// A change of nothing yet.
    pub const fn of(id: PrinterId) -> Self {
        Self { id, name: None, columns: None, way: None, drawer_of: None, is_active: None }
    }
}

impl Command for UpdatePrinter {
    type Reply = Printer;

    fn name(&self) -> &'static str {
        "printer.update"
    }

    fn keys(&self) -> Vec<Key> {
        let register = self.drawer_of.flatten().map(Key::Register);
        [Key::Printer(self.id)].into_iter().chain(register).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Printer, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        work.require(self.keys())?;
        let mut printer = find_printer(work, call.merchant, self.id)?.clone();
        if let Some(name) = &self.name {
            printer.name = checked_name(name)?;
        }
        if let Some(way) = &self.way {
            check_way(way)?;
            printer.way = way.clone();
        }
        printer.columns = self.columns.unwrap_or(printer.columns);
        printer.is_active = self.is_active.unwrap_or(printer.is_active);
        if let Some(drawer_of) = self.drawer_of {
            printer.drawer_of = drawer_of;
            check_drawer(work, &printer)?;
        }
        let stored = work.printers.replace(printer).cloned().ok_or_else(|| not_found("printer", self.id))?;
        work.emit(call, "printer.updated", stored.id, &Told::of(&stored));
        Ok(stored)
    }
}
