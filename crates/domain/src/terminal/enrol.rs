//! How a device comes to its terminal: a manager expects it and is given a token, once; the device brings the token and a
//! key of its own.

use serde::Serialize;

use super::history::{Fact, note};
use super::{
    DEVICE_TEXT_CHARS_MAX, Device, IDENTITY_KEY_BYTES, Invitation, Live, Refusal, State, Terminal, checked,
    checked_name, find_terminal,
};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{ConnectionId, LocationId, MerchantId, TerminalId};
use crate::work::{Key, Stop, UnitOfWork};

/// How long a token opens, in milliseconds: a day, so that a device that is unpacked in the evening is let in the next morning.
pub const INVITATION_MS: i64 = 24 * 60 * 60 * 1_000;

/// Makes a terminal that no device has come for.
#[derive(Debug, Clone)]
pub struct ExpectTerminal {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// The shop it is for.
    pub location: LocationId,
    /// The connection that payments on it are taken with.
    pub connection: ConnectionId,
    /// What people call it.
    pub name: String,
    /// The keyed hash of the token that the device will bring.
    pub token: Vec<u8>,
}

/// `terminal.expected`.
#[derive(Serialize)]
struct Expected<'a> {
    location: LocationId,
    connection: ConnectionId,
    name: &'a str,
}

impl Command for ExpectTerminal {
    type Reply = Terminal;

    fn name(&self) -> &'static str {
        "terminal.expect"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant), Key::Location(self.location), Key::Connection(self.connection)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Terminal, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let (location, connection) = (self.location, self.connection);
        work.locations.find(call.merchant, &location).ok_or_else(|| not_found("location", location))?;
        work.connections.find(call.merchant, &connection).ok_or_else(|| not_found("connection", connection))?;
        let name = checked_name(&self.name)?;
        let terminal = Terminal {
            id: TerminalId::from_uuid(call.next_uuid()),
            merchant: call.merchant,
            location,
            connection,
            name,
            state: State::Expected(Invitation { token: self.token.clone(), until: call.now.plus_ms(INVITATION_MS) }),
            pairing: None,
            offer: None,
            proved_at: None,
            epoch: 0,
            last_seen_at: None,
            live: Live::default(),
            entry_count: 0,
            created_at: call.now,
            version: 1,
        };
        work.terminals.insert(terminal.clone());
        work.emit(call, "terminal.expected", terminal.id, &Expected { location, connection, name: &terminal.name });
        Ok(terminal)
    }
}

/// Lets a device in for good. That it has the other half of its key was seen before.
#[derive(Debug, Clone)]
pub struct EnrolTerminal {
    /// The terminal that the token is for.
    pub terminal: TerminalId,
    /// The keyed hash of the token that it brought.
    pub token: Vec<u8>,
    /// What it told of itself.
    pub device: NewDevice,
}

/// What a device tells of itself.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// Its model. That it is one of those that are allowed was seen before.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// The version of its firmware.
    pub firmware: String,
    /// The version of the program on it that talks to the hub.
    pub software: String,
    /// Its public key.
    pub identity_key: [u8; IDENTITY_KEY_BYTES],
}

/// `terminal.enrolled`.
#[derive(Serialize)]
struct Enrolled<'a> {
    model: &'a str,
    serial: &'a str,
}

impl Command for EnrolTerminal {
    type Reply = Terminal;

    fn name(&self) -> &'static str {
        "terminal.enrol"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Terminal(self.terminal)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Terminal, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let terminal = find_terminal(work, call.merchant, self.terminal)?;
        self.check_token(&terminal, call)?;
        let device = self.device(call)?;
        work.emit(call, "terminal.enrolled", terminal.id, &Enrolled { model: &device.model, serial: &device.serial });
        let (state, last_seen_at) = (State::Enrolled(device), Some(call.now));
        note(work, call, Terminal { state, last_seen_at, ..terminal }, Fact::Enrolled)
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        (constraint == "terminal_identity_key").then_some(command::Refusal::Terminal(Refusal::IdentityKeyTaken))
    }
}

impl EnrolTerminal {
    fn check_token(&self, terminal: &Terminal, call: &Call<'_>) -> Result<(), Refusal> {
        match &terminal.state {
            State::Expected(invitation) if invitation.token != self.token => Err(Refusal::EnrolmentTokenWrong),
            State::Expected(invitation) if invitation.until <= call.now => Err(Refusal::EnrolmentTokenExpired),
            State::Expected(_) => Ok(()),
            State::Enrolled(_) => Err(Refusal::AlreadyEnrolled),
            State::Retired { .. } => Err(Refusal::Retired),
        }
    }

    fn device(&self, call: &Call<'_>) -> Result<Device, Refusal> {
        let NewDevice { model, serial, firmware, software, identity_key } = &self.device;
        let text = |text: &str| checked(text, DEVICE_TEXT_CHARS_MAX, Refusal::DeviceTextInvalid);
        Ok(Device {
            model: text(model)?,
            serial: text(serial)?,
            firmware: text(firmware)?,
            software: text(software)?,
            identity_key: *identity_key,
            enrolled_at: call.now,
        })
    }
}
