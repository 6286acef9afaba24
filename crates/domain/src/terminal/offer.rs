//! The code that a terminal shows so that somebody types it at a register.

use super::{Offer, Refusal, Terminal, find_terminal, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::TerminalId;
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// How long a pairing code pairs, in milliseconds.
pub const CODE_MS: i64 = 5 * 60 * 1_000;
/// How far the clock of a device may be off the hub's where it signs a time, in milliseconds.
pub const PROOF_SKEW_MS: i64 = 10 * 60 * 1_000;

/// Takes a new code in the place of the one before. The hub drew it; here comes its keyed hash.
#[derive(Debug, Clone)]
pub struct OfferPairingCode {
    /// Which terminal shows it.
    pub terminal: TerminalId,
    /// The keyed hash of the code.
    pub code: Vec<u8>,
    /// The device's own time, if it proved its key by signing one; `None` over a connection that is proved already.
    pub proved_at: Option<Timestamp>,
}

impl Command for OfferPairingCode {
    type Reply = Terminal;

    fn name(&self) -> &'static str {
        "terminal.offer_pairing_code"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Terminal(self.terminal)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Terminal, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let mut terminal = find_terminal(work, call.merchant, self.terminal)?;
        terminal.enrolled()?;
        if let Some(proved_at) = self.proved_at {
            check_proof(&terminal, proved_at, call.now)?;
            terminal.proved_at = Some(proved_at);
        }
        terminal.offer = Some(Offer { code: self.code.clone(), until: call.now.plus_ms(CODE_MS) });
        terminal.last_seen_at = Some(call.now);
        store(work, terminal)
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        (constraint == "terminal_pairing_code").then_some(command::Refusal::Terminal(Refusal::PairingCodeTaken))
    }
}

/// A signed time is good once, and only near the hub's own: what was heard on the way opens nothing.
fn check_proof(terminal: &Terminal, proved_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    let earliest = now.plus_ms(PROOF_SKEW_MS.saturating_neg());
    if proved_at < earliest || proved_at > now.plus_ms(PROOF_SKEW_MS) {
        return Err(Refusal::ClockOff { now });
    }
    if terminal.proved_at.is_some_and(|last| proved_at <= last) { Err(Refusal::ProofReplayed) } else { Ok(()) }
}
