//! What happened to a terminal, entry after entry; nothing of it is ever changed.

use serde::{Deserialize, Serialize};

use super::{Terminal, store};
use crate::call::Call;
use crate::command;
use crate::id::{MerchantId, RegisterId, TerminalId};
use crate::time::Timestamp;
use crate::work::{Stop, UnitOfWork};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The terminal.
    pub terminal: TerminalId,
    /// 1, 2, 3 … within the terminal.
    pub number: u32,
    /// Whose it is.
    pub merchant: MerchantId,
    /// What happened.
    pub fact: Fact,
    /// Who did it, in the words of the audit chain.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Row version; an entry never changes.
    pub version: i64,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// A device came and proved its key.
    Enrolled,
    /// It takes payments for this register from now on.
    Paired(RegisterId),
    /// It does not any more.
    Unpaired(RegisterId, Why),
    /// It is not believed any more.
    Retired,
}

/// Why a pairing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Somebody asked for it.
    Asked,
    /// The terminal went to another register.
    Moved,
    /// Another terminal came to the register.
    Displaced,
    /// The terminal was retired.
    Retired,
}

impl Fact {
    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::Paired(_) => "paired",
            Self::Unpaired(..) => "unpaired",
            Self::Retired => "retired",
        }
    }

    /// The register it is about.
    pub const fn register(self) -> Option<RegisterId> {
        match self {
            Self::Paired(register) | Self::Unpaired(register, _) => Some(register),
            Self::Enrolled | Self::Retired => None,
        }
    }

    /// Why a pairing ended.
    pub const fn why(self) -> Option<Why> {
        match self {
            Self::Unpaired(_, why) => Some(why),
            Self::Enrolled | Self::Paired(_) | Self::Retired => None,
        }
    }
}

impl Why {
    const ALL: [Self; 4] = [Self::Asked, Self::Moved, Self::Displaced, Self::Retired];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Moved => "moved",
            Self::Displaced => "displaced",
            Self::Retired => "retired",
        }
    }

    /// The reason of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.as_str() == text)
    }
}

/// Writes an entry and the terminal as it now is.
pub(super) fn note(
    work: &mut UnitOfWork,
    call: &Call<'_>,
    mut terminal: Terminal,
    fact: Fact,
) -> Result<Terminal, Stop<command::Refusal>> {
    terminal.entry_count = terminal.entry_count.saturating_add(1);
    let (number, merchant, by) = (terminal.entry_count, terminal.merchant, call.actor.name.clone());
    work.terminal_entries.insert(Entry { terminal: terminal.id, number, merchant, fact, by, at: call.now, version: 1 });
    store(work, terminal)
}
