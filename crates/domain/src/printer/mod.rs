//! Printers: where receipts come out, and what the drawers hang on. The hub sends to one in the shop's network itself, or a
//! print agent beside the printer fetches what is to be printed.

mod change;
mod create;
mod refusal;

pub use change::UpdatePrinter;
pub use create::CreatePrinter;
pub use refusal::Refusal;

use crate::command::{self, not_found};
use crate::guard;
use crate::id::{LocationId, MerchantId, PrinterId, RegisterId};
use crate::receipt::Columns;
use crate::text;
use crate::time::Timestamp;
use crate::work::{Stop, UnitOfWork};

/// Longest name, in characters: a few words.
pub const NAME_CHARS_MAX: usize = 40;
/// Longest host, in characters: what DNS allows.
pub const HOST_CHARS_MAX: usize = 253;

/// One printer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printer {
    /// Its id.
    pub id: PrinterId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Where it stands.
    pub location: LocationId,
    /// Its name.
    pub name: String,
    /// How many characters fit into a row of its paper.
    pub columns: Columns,
    /// How it is reached.
    pub way: Way,
    /// The register whose drawer hangs on it.
    pub drawer_of: Option<RegisterId>,
    /// Whether anything is printed there.
    pub is_active: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// How a printer is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The hub sends bytes to it over TCP. Whether the address may be called is seen at each connection.
    Network {
        /// Name or address.
        host: String,
        /// Port; printers listen on 9100.
        port: u16,
    },
    /// A print agent, or the register, fetches them.
    Pull,
}

impl Way {
    /// The word in the database and in the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Network { .. } => "network",
            Self::Pull => "pull",
        }
    }
}

/// The merchant's printer.
pub(crate) fn find_printer(
    work: &UnitOfWork,
    merchant: MerchantId,
    id: PrinterId,
) -> Result<&Printer, Stop<command::Refusal>> {
    work.printers.find(merchant, &id).ok_or_else(|| not_found("printer", id))
}

/// A name without the blanks around it.
fn checked_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if !text::is_line(name, NAME_CHARS_MAX) {
        return Err(Refusal::NameInvalid);
    }
    if guard::looks_like_card_number(name) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(name.to_owned()) }
}

fn check_way(way: &Way) -> Result<(), Refusal> {
    let Way::Network { host, port } = way else { return Ok(()) };
    let is_host = (1..=HOST_CHARS_MAX).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'));
    if is_host && *port > 0 { Ok(()) } else { Err(Refusal::AddressInvalid) }
}

/// A drawer and the printer it hangs on stand in one place.
fn check_drawer(work: &UnitOfWork, printer: &Printer) -> Result<(), Stop<command::Refusal>> {
    let Some(register) = printer.drawer_of else { return Ok(()) };
    let found = work.registers.find(printer.merchant, &register).ok_or_else(|| not_found("register", register))?;
    if found.location == printer.location { Ok(()) } else { Err(Refusal::DrawerElsewhere.into()) }
}
