//! How a terminal is, as the hub at which it hangs tells it: for people and for other hubs. No decision about money hangs on it.

use serde::{Deserialize, Serialize};

use super::{Terminal, find_terminal, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::TerminalId;
use crate::work::{Key, Stop, UnitOfWork};

/// Longest word for what a screen shows.
pub const SCREEN_CHARS_MAX: usize = 32;

/// How a terminal is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// It hangs on a hub.
    pub is_online: bool,
    /// The part of its battery that is left, 0 to 100; none where it has none.
    pub battery_percent: Option<u8>,
    /// Whether it is being charged.
    pub is_charging: Option<bool>,
    /// What its screen shows, in a word.
    pub screen: Option<String>,
    /// From a command to its acceptance, in microseconds: half of its latest commands took no longer.
    pub latency_p50_us: Option<i64>,
    /// The same of 99 in a hundred.
    pub latency_p99_us: Option<i64>,
}

/// Notes how a terminal is. What an older connection says is passed over.
#[derive(Debug, Clone)]
pub struct NoteTerminal {
    /// Which terminal.
    pub terminal: TerminalId,
    /// The number of the connection that tells.
    pub epoch: u32,
    /// How it is.
    pub live: Live,
}

impl Command for NoteTerminal {
    type Reply = Terminal;

    fn name(&self) -> &'static str {
        "terminal.note"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Terminal(self.terminal)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Terminal, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let terminal = find_terminal(work, call.merchant, self.terminal)?;
        if terminal.epoch != self.epoch {
            return Ok(terminal);
        }
        store(work, Terminal { live: self.live.clone(), last_seen_at: Some(call.now), ..terminal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TERMINAL, World};

    #[test]
    fn an_older_connection_says_nothing_any_more() {
        let mut world = World::new().acting_as(Role::System).with_a_terminal();
        let live = Live { is_online: true, battery_percent: Some(80), ..Live::default() };
        let note = |epoch| NoteTerminal { terminal: TERMINAL, epoch, live: live.clone() };
        assert_eq!(world.run(&note(1)).unwrap().live, Live::default());
        assert_eq!(world.run(&note(0)).unwrap().live, live);
        let other = world.clone().of_other_merchant().run(&note(0)).unwrap_err();
        assert_eq!(other.code(), "terminal_not_found");
    }
}
