//! The drawer is opened: a command of its own, for which somebody answers in the audit chain. The pulse goes through the
//! printer that the drawer hangs on.

use serde::Serialize;

use super::{Content, PrintJob, Refusal};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{PrintJobId, PrinterId, RegisterId, SaleId};
use crate::operator;
use crate::printer::find_printer;
use crate::sale::{State, TenderKind, find_sale, tenders_of};
use crate::work::{Key, Stop, UnitOfWork};

/// Why a drawer is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrawerReason {
    /// Nothing was sold.
    NoSale,
    /// Notes are changed for coins.
    Change,
    /// Cash for a sale goes in, or change comes out.
    Sale(SaleId),
}

impl DrawerReason {
    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSale => "no_sale",
            Self::Change => "change",
            Self::Sale(_) => "sale",
        }
    }

    /// The sale that it is opened for.
    pub const fn sale(self) -> Option<SaleId> {
        match self {
            Self::NoSale | Self::Change => None,
            Self::Sale(sale) => Some(sale),
        }
    }

    /// The reason of that name; the one with a sale has to have one, and no other may.
    pub fn parse(name: &str, sale: Option<SaleId>) -> Option<Self> {
        match (name, sale) {
            ("no_sale", None) => Some(Self::NoSale),
            ("change", None) => Some(Self::Change),
            ("sale", Some(sale)) => Some(Self::Sale(sale)),
            _ => None,
        }
    }
}

/// Opens the drawer of a register.
#[derive(Debug, Clone)]
pub struct OpenDrawer {
    /// Which register's.
    pub register: RegisterId,
    /// The printer that the drawer hangs on.
    pub printer: PrinterId,
    /// Why.
    pub reason: DrawerReason,
}

impl OpenDrawer {
    /// A sale that is named is paid in cash, at least in part, at this register.
    fn check_reason(&self, work: &UnitOfWork, call: &Call<'_>) -> Result<(), Stop<command::Refusal>> {
        let Some(id) = self.reason.sale() else { return Ok(()) };
        let sale = find_sale(work, call.merchant, id)?;
        let is_cash = |kind| matches!(kind, TenderKind::Cash { .. });
        let has_cash = tenders_of(work, call.merchant, id).any(|tender| is_cash(tender.kind));
        let is_its = sale.register == self.register && sale.state != State::Voided && has_cash;
        if is_its { Ok(()) } else { Err(Refusal::DrawerSaleWithoutCash.into()) }
    }
}

impl Command for OpenDrawer {
    type Reply = PrintJob;

    fn name(&self) -> &'static str {
        "drawer.open"
    }

    fn keys(&self) -> Vec<Key> {
        let sale = self.reason.sale().map(Key::Sale);
        [Key::Register(self.register), Key::Printer(self.printer)].into_iter().chain(sale).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<PrintJob, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        work.require(self.keys())?;
        operator::require_register(call, self.register)?;
        if work.registers.find(call.merchant, &self.register).is_none() {
            return Err(not_found("register", self.register));
        }
        self.check_reason(work, call)?;
        let printer = find_printer(work, call.merchant, self.printer)?.clone();
        if printer.drawer_of != Some(self.register) {
            return Err(Refusal::DrawerMissing.into());
        }
        if !printer.is_active {
            return Err(Refusal::PrinterInactive.into());
        }
        let (register, reason) = (self.register, self.reason);
        let job = PrintJob::new(call, &printer, Content::Drawer { register, reason });
        let opened =
            Opened { reason: reason.as_str(), sale: reason.sale(), print_job: job.id, by: &call.actor.name.clone() };
        work.emit(call, "drawer.opened", register, &opened);
        work.print_jobs.insert(job.clone());
        Ok(job)
    }
}

#[derive(Serialize)]
struct Opened<'a> {
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sale: Option<SaleId>,
    print_job: PrintJobId,
    by: &'a str,
}
