//! Somebody takes an exception.

use serde::Serialize;

use super::{Exception, Place, Refusal, check_text};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::work::{Key, Stop, UnitOfWork};

/// Longest name of an owner, in characters.
pub const OWNER_CHARS_MAX: usize = 100;

/// Says who acts on an open exception.
#[derive(Debug, Clone)]
pub struct AssignException {
    /// Which exception.
    pub place: Place,
    /// A person, a shift, a role: whoever reads the list knows who is meant.
    pub owner: String,
}

/// `exception.assigned`.
#[derive(Serialize)]
struct Assigned<'a> {
    kind: &'static str,
    about: &'a str,
    owner: &'a str,
    by: &'a str,
}

impl Command for AssignException {
    type Reply = Exception;

    fn name(&self) -> &'static str {
        "exception.assign"
    }

    fn keys(&self) -> Vec<Key> {
        self.place.key().into_iter().collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Exception, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let owner = check_text(&self.owner, 1..=OWNER_CHARS_MAX, Refusal::OwnerInvalid)?;
        let known = self.place.find_open(work, call.merchant)?;
        if known.owner == owner {
            return Ok(known.clone());
        }
        let key = (self.place.subject.clone(), self.place.kind);
        let known = work.exceptions.find_mut(call.merchant, &key).ok_or_else(|| not_found("exception", &self.place))?;
        known.owner = owner.to_owned();
        let assigned = known.clone();
        let by = call.actor.name.clone();
        let fact = Assigned { kind: assigned.kind.as_str(), about: &assigned.subject, owner, by: &by };
        work.emit(call, "exception.assigned", assigned.id, &fact);
        Ok(assigned)
    }
}
