//! Terminals: the devices that customers tap. A manager expects one; the device enrols with a key that never leaves it, shows
//! a code, and is paired with a register by it. A register has one terminal at most, and a terminal one register.

mod change;
mod connect;
mod enrol;
mod history;
mod join;
mod live;
mod offer;
mod pair;
mod refusal;
#[cfg(test)]
mod story;

pub use change::{RetireTerminal, UpdateTerminal};
pub use connect::ConnectTerminal;
pub use enrol::{EnrolTerminal, ExpectTerminal, INVITATION_MS, NewDevice};
pub use history::{Entry, Fact, Why};
pub use join::CLASH_MS;
pub(crate) use join::{Manner, join};
pub use live::{Live, NoteTerminal, SCREEN_CHARS_MAX};
pub use offer::{CODE_MS, OfferPairingCode, PROOF_SKEW_MS};
pub(crate) use pair::take_code;
pub use pair::{MoveTerminal, PairTerminal, UnpairTerminal};
pub use refusal::Refusal;

use crate::command::{self, not_found};
use crate::guard;
use crate::id::{ConnectionId, LocationId, MerchantId, RegisterId, TerminalId};
use crate::text;
use crate::time::Timestamp;
use crate::work::{Stop, UnitOfWork};

/// Longest name, in characters: a few words.
pub const NAME_CHARS_MAX: usize = 40;
/// Longest model, serial number or version, in characters: makers need half of it.
pub const DEVICE_TEXT_CHARS_MAX: usize = 64;
/// Bytes of an identity key: a public key of Ed25519 (RFC 8032, section 5.1.5).
pub const IDENTITY_KEY_BYTES: usize = 32;

/// One terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// Its id.
    pub id: TerminalId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The shop it is used in; with a register it is the shop of the register.
    pub location: LocationId,
    /// The connection that payments on it are taken with.
    pub connection: ConnectionId,
    /// What people call it.
    pub name: String,
    /// Whether there is a device, and which.
    pub state: State,
    /// The register it takes payments for.
    pub pairing: Option<Paired>,
    /// The pairing code that it shows.
    pub offer: Option<Offer>,
    /// The device's own time of the last proof that came without a connection; the next one has to be later.
    pub proved_at: Option<Timestamp>,
    /// How many connections to a hub it has had. What an older connection does is not believed.
    pub epoch: u32,
    /// When a hub last heard of the device.
    pub last_seen_at: Option<Timestamp>,
    /// How it is, as the hub at which it hangs told last.
    pub live: Live,
    /// How many entries its history has.
    pub entry_count: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// Row version.
    pub version: i64,
}

/// What is known of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// None came yet.
    Expected(Invitation),
    /// It has proved its key.
    Enrolled(Device),
    /// It is not believed any more, for good.
    Retired {
        /// The device, if one ever came.
        device: Option<Device>,
        /// Since when.
        at: Timestamp,
    },
}

/// What a device is let in with, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The keyed hash of the token.
    pub token: Vec<u8>,
    /// Until when it opens.
    pub until: Timestamp,
}

/// A device as it told of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its model, one of those that are allowed.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// The version of its firmware.
    pub firmware: String,
    /// The version of the program on it that talks to the hub.
    pub software: String,
    /// Its public key.
    pub identity_key: [u8; IDENTITY_KEY_BYTES],
    /// When it proved to have the other half of the key.
    pub enrolled_at: Timestamp,
}

/// With which register, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paired {
    /// The register.
    pub register: RegisterId,
    /// Since when.
    pub since: Timestamp,
}

/// A pairing code that a device shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The keyed hash of the code.
    pub code: Vec<u8>,
    /// Until when it pairs.
    pub until: Timestamp,
}

/// The place of a terminal beside a register: a row that is locked by whoever fills or empties it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairing {
    /// The register.
    pub register: RegisterId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// The terminal in it.
    pub terminal: Option<TerminalId>,
    /// The terminal that had to leave it for this one, and when.
    pub displaced: Option<(TerminalId, Timestamp)>,
    /// Row version.
    pub version: i64,
}

impl Pairing {
    /// The empty place beside a register.
    pub const fn empty(register: RegisterId, merchant: MerchantId) -> Self {
        Self { register, merchant, terminal: None, displaced: None, version: 1 }
    }
}

impl State {
    /// The word in the database and in the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Expected(_) => "expected",
            Self::Enrolled(_) => "enrolled",
            Self::Retired { .. } => "retired",
        }
    }

    /// The device, if one ever came.
    pub const fn device(&self) -> Option<&Device> {
        match self {
            Self::Expected(_) => None,
            Self::Enrolled(device) => Some(device),
            Self::Retired { device, .. } => device.as_ref(),
        }
    }
}

impl Terminal {
    /// The device that is let in.
    pub fn enrolled(&self) -> Result<&Device, Refusal> {
        match &self.state {
            State::Enrolled(device) => Ok(device),
            State::Expected(_) => Err(Refusal::NotEnrolled),
            State::Retired { .. } => Err(Refusal::Retired),
        }
    }
}

/// The merchant's terminal.
pub(crate) fn find_terminal(
    work: &UnitOfWork,
    merchant: MerchantId,
    id: TerminalId,
) -> Result<Terminal, Stop<command::Refusal>> {
    work.terminals.find(merchant, &id).cloned().ok_or_else(|| not_found("terminal", id))
}

/// Puts a changed terminal in the place of the one that was loaded.
fn store(work: &mut UnitOfWork, changed: Terminal) -> Result<Terminal, Stop<command::Refusal>> {
    let id = changed.id;
    work.terminals.replace(changed).cloned().ok_or_else(|| not_found("terminal", id))
}

/// A name without the blanks around it.
fn checked_name(name: &str) -> Result<String, Refusal> {
    checked(name, NAME_CHARS_MAX, Refusal::NameInvalid)
}

fn checked(text: &str, chars_max: usize, refusal: Refusal) -> Result<String, Refusal> {
    let text = text.trim();
    if !text::is_line(text, chars_max) {
        return Err(refusal);
    }
    if guard::looks_like_card_number(text) { Err(Refusal::TextLooksLikeCardNumber) } else { Ok(text.to_owned()) }
}
