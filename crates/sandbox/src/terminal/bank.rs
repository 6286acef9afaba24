//! The acquirer behind played terminals: who was charged, whatever became of the terminal and of the word about it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// The acquirer. Clones share one ledger.
#[derive(Debug, Clone, Default)]
pub struct Bank {
    charges: Arc<Mutex<BTreeMap<String, Charge>>>,
}

/// A charge as the acquirer has it, by the id of the command that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Charge {
    /// The acquirer's number of it.
    pub reference: String,
    /// What was approved, tip and surcharge among it.
    pub approved_minor: i64,
    /// What was taken of it.
    pub taken_minor: i64,
    /// What was given back.
    pub refunded_minor: i64,
    /// It was undone as a whole.
    pub is_voided: bool,
    /// What was done to it, by command id: each once.
    pub done: BTreeMap<String, i64>,
}

impl Charge {
    /// What the customer has paid in the end.
    pub const fn net_minor(&self) -> i64 {
        if self.is_voided { 0 } else { self.taken_minor - self.refunded_minor }
    }
}

impl Bank {
    fn charges(&self) -> MutexGuard<'_, BTreeMap<String, Charge>> {
        self.charges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Approves a charge. A command id is charged once, however often it is asked for.
    pub(super) fn charge(&self, id: &str, approved_minor: i64, is_taken: bool) -> Charge {
        let mut charges = self.charges();
        let reference = format!("{:06}", charges.len() + 1);
        let taken_minor = if is_taken { approved_minor } else { 0 };
        let fresh = Charge {
            reference,
            approved_minor,
            taken_minor,
            refunded_minor: 0,
            is_voided: false,
            done: BTreeMap::new(),
        };
        charges.entry(id.to_owned()).or_insert(fresh).clone()
    }

    /// The charge of a command.
    pub fn find(&self, id: &str) -> Option<Charge> {
        self.charges().get(id).cloned()
    }

    /// All charges, by the id of their command.
    pub fn all(&self) -> BTreeMap<String, Charge> {
        self.charges().clone()
    }

    /// Does something to a charge: `capture`, `refund` or `void`. Under one id it is done once. The error is why not.
    pub(super) fn follow_up(&self, id: &str, kind: &str, target: &str, amount_minor: i64) -> Result<(), &'static str> {
        let mut charges = self.charges();
        // What is refunded may be named by the capture that took it.
        let is_it = |known: &str, charge: &Charge| known == target || charge.done.contains_key(target);
        let found = charges.iter_mut().find(|(known, charge)| is_it(known, charge));
        let Some((_, charge)) = found else { return Err("target_unknown") };
        if charge.done.contains_key(id) {
            return Ok(());
        }
        match kind {
            "capture" if charge.taken_minor > 0 || charge.is_voided => return Err("already_captured"),
            "capture" if amount_minor <= charge.approved_minor => charge.taken_minor = amount_minor,
            "refund" if charge.is_voided || amount_minor > charge.taken_minor - charge.refunded_minor => {
                return Err("already_refunded");
            }
            "refund" => charge.refunded_minor += amount_minor,
            "void" if charge.is_voided || charge.refunded_minor > 0 => return Err("already_voided"),
            "void" => charge.is_voided = true,
            _ => return Err("not_supported"),
        }
        charge.done.insert(id.to_owned(), amount_minor);
        Ok(())
    }
}
