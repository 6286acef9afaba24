//! Changes of a terminal, and its end.

use serde::Serialize;

use super::history::{Fact, Why, note};
use super::join::part;
use super::{Refusal, State, Terminal, checked_name, find_terminal, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{ConnectionId, TerminalId};
use crate::work::{Key, Stop, UnitOfWork};

/// Changes what is given and leaves the rest as it is.
#[derive(Debug, Clone)]
pub struct UpdateTerminal {
    /// Which terminal.
    pub id: TerminalId,
    /// What people call it.
    pub name: Option<String>,
    /// The connection that payments on it are taken with from now on.
    pub connection: Option<ConnectionId>,
}

/// `terminal.updated`.
#[derive(Serialize)]
struct Updated<'a> {
    name: &'a str,
    connection: ConnectionId,
}

impl Command for UpdateTerminal {
    type Reply = Terminal;

    fn name(&self) -> &'static str {
        "terminal.update"
    }

    fn keys(&self) -> Vec<Key> {
        self.connection.map(Key::Connection).into_iter().chain([Key::Terminal(self.id)]).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Terminal, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        work.require(self.keys())?;
        let mut terminal = find_terminal(work, call.merchant, self.id)?;
        if matches!(terminal.state, State::Retired { .. }) {
            return Err(Refusal::Retired.into());
        }
        if let Some(name) = &self.name {
            terminal.name = checked_name(name)?;
        }
        if let Some(id) = self.connection {
            work.connections.find(call.merchant, &id).ok_or_else(|| not_found("connection", id))?;
            terminal.connection = id;
        }
        let stored = store(work, terminal)?;
        let told = Updated { name: &stored.name, connection: stored.connection };
        work.emit(call, "terminal.updated", stored.id, &told);
        Ok(stored)
    }
}

/// Believes a terminal no more, for good: it was stolen, sold, or is broken. What it took stays with its payments.
#[derive(Debug, Clone)]
pub struct RetireTerminal {
    /// Which terminal.
    pub terminal: TerminalId,
}

impl Command for RetireTerminal {
    type Reply = Terminal;

    fn name(&self) -> &'static str {
        "terminal.retire"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Terminal(self.terminal)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Terminal, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let terminal = find_terminal(work, call.merchant, self.terminal)?;
        let device = match &terminal.state {
            State::Retired { .. } => return Err(Refusal::Retired.into()),
            State::Expected(_) => None,
            State::Enrolled(device) => Some(device.clone()),
        };
        let mut keys = vec![Key::Terminal(self.terminal)];
        keys.extend(
            terminal.pairing.iter().flat_map(|paired| [Key::Register(paired.register), Key::Pairing(paired.register)]),
        );
        work.require(keys)?;
        let terminal = part(work, call, terminal, Why::Retired)?;
        let state = State::Retired { device, at: call.now };
        work.emit(call, "terminal.retired", terminal.id, &serde_json::json!({}));
        note(work, call, Terminal { state, offer: None, ..terminal }, Fact::Retired)
    }
}
