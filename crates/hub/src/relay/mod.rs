//! Terminals that hang on this hub: `channel` lets a device in and hears what it says, `line` is what the rest of the hub says
//! to it through, `worker` finds what payments have for it, and `result` records what it tells.
//!
//! A terminal hangs on one hub, a register perhaps on another one. What is to be done stands in the database; the hub that
//! holds the line claims it. Nothing depends on who was woken.

pub mod channel;
pub mod line;
mod pairing;
pub mod result;
pub mod state;
pub mod worker;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use domain::call::{Actor, Role};
use domain::id::{MerchantId, OperationId, TerminalId};
use tokio::sync::{Notify, Semaphore};

use self::line::Line;
use crate::rounds::AtWork;

/// Terminals on one hub: each costs a socket and a few kilobytes. Below the connections that a hub takes, so that registers
/// find a place too.
pub const LINES_MAX: usize = 12_288;
/// Devices that are proving who they are at the same time: a whole chain comes back at once after a break, and each costs a
/// verification and a commit.
const HANDSHAKES_MAX: usize = 1_024;
/// Operations that are seen to at the same time.
const OPERATIONS_MAX: usize = 4_096;

/// The terminals that hang on this hub.
pub struct Lines {
    lines: RwLock<HashMap<TerminalId, Arc<Line>>>,
    /// How many of them each merchant has.
    merchants: RwLock<HashMap<MerchantId, usize>>,
    /// Something has changed that the relay should look at.
    pub wake: Notify,
    handshakes: Semaphore,
    at_work: AtWork<OperationId>,
    actor: Arc<Actor>,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            lines: RwLock::default(),
            merchants: RwLock::default(),
            wake: Notify::new(),
            handshakes: Semaphore::new(HANDSHAKES_MAX),
            at_work: AtWork::new(OPERATIONS_MAX),
            actor: Arc::new(Actor::new("terminals", Role::System)),
        }
    }
}

impl Lines {
    /// The line of a terminal, if it hangs on this hub.
    pub fn find(&self, terminal: TerminalId) -> Option<Arc<Line>> {
        self.lines.read().unwrap_or_else(PoisonError::into_inner).get(&terminal).cloned()
    }

    /// How many terminals hang on this hub.
    pub fn count(&self) -> usize {
        self.lines.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The lines of these merchants.
    fn of(&self, merchants: &BTreeSet<MerchantId>) -> Vec<Arc<Line>> {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        lines.values().filter(|line| merchants.contains(&line.merchant)).cloned().collect()
    }

    /// Those of the merchants that have a terminal on this hub.
    fn served(&self, merchants: &[MerchantId]) -> BTreeSet<MerchantId> {
        let served = self.merchants.read().unwrap_or_else(PoisonError::into_inner);
        merchants.iter().copied().filter(|merchant| served.contains_key(merchant)).collect()
    }

    fn count_merchant(&self, merchant: MerchantId, is_more: bool) {
        let mut merchants = self.merchants.write().unwrap_or_else(PoisonError::into_inner);
        let count = merchants.entry(merchant).or_insert(0);
        *count = if is_more { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            merchants.remove(&merchant);
        }
    }

    /// A terminal hangs on this hub from now on. Its older line is closed. False when there is no room.
    fn enter(&self, line: &Arc<Line>) -> bool {
        let mut lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LINES_MAX && !lines.contains_key(&line.terminal) {
            return false;
        }
        match lines.get(&line.terminal) {
            // Two came in at once, and the database made this one the older of them.
            Some(newer) if newer.epoch > line.epoch => return false,
            Some(older) => older.close("replaced"),
            None => self.count_merchant(line.merchant, true),
        }
        lines.insert(line.terminal, Arc::clone(line));
        drop(lines);
        self.wake.notify_one();
        true
    }

    /// A line has ended. A newer one of the same terminal stays.
    fn leave(&self, line: &Line) {
        let mut lines = self.lines.write().unwrap_or_else(PoisonError::into_inner);
        if lines.get(&line.terminal).is_some_and(|known| known.epoch == line.epoch) {
            lines.remove(&line.terminal);
            self.count_merchant(line.merchant, false);
        }
    }
}
