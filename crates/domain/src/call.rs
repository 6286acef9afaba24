//! Who asks for a change and when: everything a decision may not find out by itself.

use std::fmt;

use uuid::Uuid;

use crate::id::{IdSource, MerchantId, OperatorId};
use crate::operator::SignedIn;
use crate::time::Timestamp;

/// The frame of one decision.
pub struct Call<'a> {
    /// The time of the batch: one reading for all its commands.
    pub now: Timestamp,
    /// The merchant whose records this command may see.
    pub merchant: MerchantId,
    /// Who answers for it in the audit chain.
    pub actor: &'a Actor,
    ids: &'a mut dyn IdSource,
}

impl<'a> Call<'a> {
    /// A frame at `now` for `actor` of `merchant`.
    pub fn new(now: Timestamp, merchant: MerchantId, actor: &'a Actor, ids: &'a mut dyn IdSource) -> Self {
        Self { now, merchant, actor, ids }
    }

    /// A fresh UUID for a record that this command makes.
    pub fn next_uuid(&mut self) -> Uuid {
        self.ids.next(self.now)
    }

    /// Who works at the register, if somebody is signed in there.
    pub fn operator(&self) -> Option<OperatorId> {
        self.actor.operator.map(|signed_in| signed_in.operator)
    }
}

/// Who did it: an API key, an operator, or a part of the hub itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// An id or the name of the part, for example `key_…` or `worker`; of an operator the own id, a blank, and the id of
    /// the key of the register.
    pub name: String,
    /// What the actor may do.
    pub role: Role,
    /// Who is signed in at the register that asks.
    pub operator: Option<SignedIn>,
}

impl Actor {
    /// A key, or a part of the hub.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self { name: name.into(), role, operator: None }
    }
}

/// Roles, each with all that the ones before it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Sells and takes payments.
    Cashier,
    /// Refunds, voids, overrides, keeps articles and stock.
    Manager,
    /// The hub's own workers, imports and the operator of the installation.
    System,
}

impl Role {
    /// The word that stands in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Cashier => "cashier",
            Self::Manager => "manager",
            Self::System => "system",
        }
    }

    /// The role of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Viewer, Self::Cashier, Self::Manager, Self::System].into_iter().find(|role| role.as_str() == text)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
