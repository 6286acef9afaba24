//! A device that connects to a hub.

use super::{DEVICE_TEXT_CHARS_MAX, Live, Refusal, State, Terminal, checked, find_terminal, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::TerminalId;
use crate::work::{Key, Stop, UnitOfWork};

/// Begins a connection, which ends the one before: its number is the fence that all writes of a connection carry.
#[derive(Debug, Clone)]
pub struct ConnectTerminal {
    /// Which terminal.
    pub terminal: TerminalId,
    /// The version of its firmware.
    pub firmware: String,
    /// The version of the program on it that talks to the hub.
    pub software: String,
}

impl Command for ConnectTerminal {
    type Reply = Terminal;

    fn name(&self) -> &'static str {
        "terminal.connect"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Terminal(self.terminal)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Terminal, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let mut terminal = find_terminal(work, call.merchant, self.terminal)?;
        let mut device = terminal.enrolled()?.clone();
        device.firmware = checked(&self.firmware, DEVICE_TEXT_CHARS_MAX, Refusal::DeviceTextInvalid)?;
        device.software = checked(&self.software, DEVICE_TEXT_CHARS_MAX, Refusal::DeviceTextInvalid)?;
        terminal.state = State::Enrolled(device);
        terminal.epoch = terminal.epoch.saturating_add(1);
        terminal.last_seen_at = Some(call.now);
        terminal.live = Live { is_online: true, ..terminal.live };
        store(work, terminal)
    }
}
