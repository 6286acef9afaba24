//! A change of an operator: another name, role, badge or PIN, or its end.

use serde::Serialize;

use super::{Operator, OperatorRole, PinHash, Refusal, check_badge, check_name, find_operator, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role, require_version};
use crate::id::OperatorId;
use crate::work::{Key, Stop, UnitOfWork};

/// Changes the fields that are given. A new PIN ends the lock, and all that the old one opened.
#[derive(Debug, Clone)]
pub struct UpdateOperator {
    /// Which operator.
    pub id: OperatorId,
    /// The version that the caller read; without it the last one to write wins.
    pub expected_version: Option<i64>,
    /// The new name.
    pub name: Option<String>,
    /// The new role.
    pub role: Option<OperatorRole>,
    /// The hash of the new PIN.
    pub pin: Option<PinHash>,
    /// The new badge, or none.
    pub badge: Option<Option<String>>,
    /// Whether the operator may sign in from now on.
    pub is_active: Option<bool>,
}

impl UpdateOperator {
    fn apply(&self, mut operator: Operator) -> Result<Operator, Refusal> {
        if let Some(name) = &self.name {
            check_name(name)?;
            operator.name.clone_from(name);
        }
        if let Some(badge) = &self.badge {
            badge.as_deref().map_or(Ok(()), check_badge)?;
            operator.badge.clone_from(badge);
        }
        if let Some(pin) = &self.pin {
            operator = Operator { pin: pin.clone(), attempts: 0, locked_until: None, ..operator };
        }
        operator.role = self.role.unwrap_or(operator.role);
        operator.is_active = self.is_active.unwrap_or(operator.is_active);
        Ok(operator)
    }
}

impl Command for UpdateOperator {
    type Reply = Operator;

    fn name(&self) -> &'static str {
        "operator.update"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Operator(self.id)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Operator, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let before = find_operator(work, call.merchant, self.id)?.clone();
        require_version(self.expected_version, before.version)?;
        let changed = self.apply(before.clone())?;
        if changed == before {
            return Ok(changed);
        }
        let operator = store(work, changed)?;
        let Operator { version, role, is_active, .. } = operator;
        let data = Updated { version, role, is_active, is_pin_new: self.pin.is_some() };
        work.emit(call, "operator.updated", self.id, &data);
        Ok(operator)
    }

    fn unique_refusal(&self, constraint: &str) -> Option<command::Refusal> {
        Refusal::of_constraint(constraint).map(command::Refusal::Operator)
    }
}

#[derive(Serialize)]
struct Updated {
    version: i64,
    role: OperatorRole,
    is_active: bool,
    is_pin_new: bool,
}
