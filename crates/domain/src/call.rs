//! Who asks for a change and when: everything a decision may not find out by itself.

use std::fmt;

use uuid::Uuid;

use crate::id::{IdSource, MerchantId};
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
}

/// Who did it: an API key, an operator, or a part of the hub itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// An id or the name of the part, for example `key_…` or `worker`.
    pub name: String,
    /// What the actor may do.
    pub role: Role,
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
