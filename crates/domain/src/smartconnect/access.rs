//! Whether a merchant lets POS software in that has no key, and from where.

use serde::Serialize;

use super::Refusal;
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::MerchantId;
use crate::work::{Key, Stop, UnitOfWork};

/// Most networks that a merchant names: more than a chain has lines.
pub const NETWORKS_MAX: usize = 50;

/// A merchant's choice; without one nobody is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Whose it is.
    pub merchant: MerchantId,
    /// Whether anybody is let in.
    pub is_on: bool,
    /// The networks that requests may come from, such as `203.0.113.0/24`; none stands for everywhere.
    pub networks: Vec<String>,
    /// Row version.
    pub version: i64,
}

impl Access {
    /// Nobody is let in.
    pub const fn off(merchant: MerchantId) -> Self {
        Self { merchant, is_on: false, networks: Vec::new(), version: 1 }
    }
}

/// Sets it.
#[derive(Debug, Clone)]
pub struct SetAccess {
    /// The caller's merchant.
    pub merchant: MerchantId,
    /// Whether anybody is let in.
    pub is_on: bool,
    /// From where; that each is a network was seen before.
    pub networks: Vec<String>,
}

/// `smartconnect.access_set`.
#[derive(Serialize)]
struct Told {
    is_on: bool,
    network_count: usize,
}

impl Command for SetAccess {
    type Reply = Access;

    fn name(&self) -> &'static str {
        "smartconnect.set_access"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Merchant(self.merchant), Key::SmartconnectAccess(self.merchant)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Access, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        if self.networks.len() > NETWORKS_MAX {
            return Err(Refusal::TooManyNetworks.into());
        }
        let access = work.smartconnect_access.find_mut(call.merchant, &self.merchant);
        let access = access.ok_or_else(|| not_found("merchant", self.merchant))?;
        (access.is_on, access.networks) = (self.is_on, self.networks.clone());
        let stored = access.clone();
        let told = Told { is_on: stored.is_on, network_count: stored.networks.len() };
        work.emit(call, "smartconnect.access_set", self.merchant, &told);
        Ok(stored)
    }
}
