//! Signing in, in two steps around the slow look at the PIN: the try is counted, the PIN is looked at outside of any
//! transaction, and what came of it is written down. A hub that dies in between has counted a try too many, never one too
//! few.

use serde::Serialize;

use super::{ATTEMPTS_MAX, LOCK_MS, LOCK_MS_MAX, Operator, PinHash, Refusal, find_operator, store};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::{OperatorId, RegisterId};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Counts a try at the PIN, if one may be made. The fifth of five wrong ones in a row locks the operator, from the moment
/// it is made.
#[derive(Debug, Clone)]
pub struct BeginSignIn {
    /// Who says so.
    pub id: OperatorId,
    /// At which register.
    pub register: RegisterId,
}

impl Command for BeginSignIn {
    type Reply = Operator;

    fn name(&self) -> &'static str {
        "operator.begin_sign_in"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Register(self.register), Key::Operator(self.id)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Operator, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        if work.registers.find(call.merchant, &self.register).is_none() {
            return Err(not_found("register", self.register));
        }
        let operator = find_operator(work, call.merchant, self.id)?.clone();
        if !operator.is_active {
            return Err(Refusal::Inactive.into());
        }
        if let Some(until) = operator.lock(call.now) {
            return Err(Refusal::locked(call.now, until).into());
        }
        let attempts = operator.attempts.saturating_add(1);
        let locked_until = lock_ms(attempts).map(|ms| call.now.plus_ms(ms));
        store(work, Operator { attempts, locked_until, ..operator })
    }
}

/// How long this try locks, if it is wrong; `None` where there are more.
fn lock_ms(attempts: u32) -> Option<i64> {
    if !attempts.is_multiple_of(ATTEMPTS_MAX) {
        return None;
    }
    let locks_before = (attempts / ATTEMPTS_MAX).saturating_sub(1);
    Some(2_i64.saturating_pow(locks_before).saturating_mul(LOCK_MS).min(LOCK_MS_MAX))
}

/// Writes down what came of the look at the PIN.
#[derive(Debug, Clone)]
pub struct EndSignIn {
    /// Who.
    pub id: OperatorId,
    /// At which register.
    pub register: RegisterId,
    /// The hash that the PIN was compared with.
    pub compared_with: PinHash,
    /// Whether it was the PIN.
    pub is_right: bool,
}

/// What a sign-in ends with. A wrong PIN is no refusal here: what it leaves behind has to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// The operator is signed in.
    Done(Operator),
    /// It was not the PIN.
    Wrong,
}

impl Command for EndSignIn {
    type Reply = SignIn;

    fn name(&self) -> &'static str {
        "operator.end_sign_in"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Operator(self.id)]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<SignIn, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let operator = find_operator(work, call.merchant, self.id)?.clone();
        // A manager may have set another PIN or switched the operator off since the try was counted.
        let is_right = self.is_right && operator.pin == self.compared_with && operator.is_active;
        let Operator { attempts, locked_until, .. } = operator;
        if !is_right {
            let failed = Failed { register: self.register, attempts, locked_until };
            work.emit(call, "operator.sign_in_failed", self.id, &failed);
            return Ok(SignIn::Wrong);
        }
        let operator = store(work, Operator { attempts: 0, locked_until: None, ..operator })?;
        work.emit(call, "operator.signed_in", self.id, &Entered { register: self.register });
        Ok(SignIn::Done(operator))
    }
}

#[derive(Serialize)]
struct Failed {
    register: RegisterId,
    attempts: u32,
    /// Milliseconds UTC.
    locked_until: Option<Timestamp>,
}

#[derive(Serialize)]
struct Entered {
    register: RegisterId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::{CreateOperator, OperatorRole, UpdateOperator};
    use crate::testing::{MERCHANT, NOW, REGISTER, World};

    fn pin() -> PinHash {
        PinHash::new("hash of 1234".to_owned())
    }

    fn a_world() -> (World, OperatorId) {
        let mut world = World::new();
        let (code, name) = ("1".to_owned(), "Aiko".to_owned());
        let create =
            CreateOperator { merchant: MERCHANT, code, name, role: OperatorRole::Cashier, pin: pin(), badge: None };
        let id = world.run(&create).unwrap().id;
        (world.acting_as(Role::Cashier), id)
    }

    fn try_pin(world: &mut World, id: OperatorId, is_right: bool) -> Result<SignIn, command::Refusal> {
        let compared_with = world.run(&BeginSignIn { id, register: REGISTER })?.pin;
        world.run(&EndSignIn { id, register: REGISTER, compared_with, is_right })
    }

    fn an_update(id: OperatorId) -> UpdateOperator {
        let (name, role, pin, badge, is_active) = (None, None, None, None, None);
        UpdateOperator { id, expected_version: None, name, role, pin, badge, is_active }
    }

    #[test]
    fn a_right_pin_clears_the_count() {
        let (mut world, id) = a_world();
        for _ in 0..3 {
            for _ in 1..ATTEMPTS_MAX {
                assert_eq!(try_pin(&mut world, id, false), Ok(SignIn::Wrong));
            }
            let Ok(SignIn::Done(operator)) = try_pin(&mut world, id, true) else { panic!("signed in") };
            assert_eq!((operator.attempts, operator.locked_until), (0, None));
        }
        assert_eq!(world.event_kinds().last(), Some(&"operator.signed_in"));
    }

    #[test]
    fn five_wrong_pins_lock_for_a_while_and_the_next_five_for_longer() {
        let (mut world, id) = a_world();
        for lock_ms in [LOCK_MS, 2 * LOCK_MS, 4 * LOCK_MS] {
            for _ in 0..ATTEMPTS_MAX {
                assert_eq!(try_pin(&mut world, id, false), Ok(SignIn::Wrong));
            }
            assert_eq!(try_pin(&mut world, id, true).unwrap_err().code(), "operator_locked");
            world.advance_ms(lock_ms - 1);
            assert_eq!(try_pin(&mut world, id, true).unwrap_err().code(), "operator_locked");
            world.advance_ms(1);
        }
        assert!(matches!(try_pin(&mut world, id, true), Ok(SignIn::Done(_))));
    }

    #[test]
    fn a_lock_has_a_longest() {
        assert_eq!([4, 5, 6, 10].map(lock_ms), [None, Some(LOCK_MS), None, Some(2 * LOCK_MS)]);
        assert_eq!(lock_ms(u32::MAX - u32::MAX % ATTEMPTS_MAX), Some(LOCK_MS_MAX));
    }

    #[test]
    fn tries_that_are_made_at_once_are_no_more_than_five() {
        let (mut world, id) = a_world();
        for _ in 0..ATTEMPTS_MAX {
            world.run(&BeginSignIn { id, register: REGISTER }).unwrap();
        }
        assert_eq!(world.refused(&BeginSignIn { id, register: REGISTER }).code(), "operator_locked");
    }

    #[test]
    fn a_new_pin_ends_the_lock_and_what_was_compared_with_the_old_one() {
        let (mut world, id) = a_world();
        for _ in 0..ATTEMPTS_MAX {
            try_pin(&mut world, id, false).unwrap();
        }
        let mut world = world.acting_as(Role::Manager);
        let new = PinHash::new("hash of 4321".to_owned());
        let changed = world.run(&UpdateOperator { pin: Some(new.clone()), ..an_update(id) }).unwrap();
        assert_eq!((changed.attempts, changed.locked_until), (0, None));
        let late = EndSignIn { id, register: REGISTER, compared_with: pin(), is_right: true };
        assert_eq!(world.run(&late), Ok(SignIn::Wrong));
        assert!(matches!(world.run(&EndSignIn { compared_with: new, ..late }), Ok(SignIn::Done(_))));
    }

    #[test]
    fn who_was_switched_off_does_not_sign_in() {
        let (world, id) = a_world();
        let mut world = world.acting_as(Role::Manager);
        world.run(&UpdateOperator { is_active: Some(false), ..an_update(id) }).unwrap();
        assert_eq!(try_pin(&mut world, id, true).unwrap_err().code(), "operator_inactive");
        let running = EndSignIn { id, register: REGISTER, compared_with: pin(), is_right: true };
        assert_eq!(world.run(&running), Ok(SignIn::Wrong));
    }

    #[test]
    fn only_given_fields_change_and_only_for_the_own_merchant() {
        let (world, id) = a_world();
        let mut world = world.acting_as(Role::Manager);
        let before = world.run(&an_update(id)).unwrap();
        assert_eq!((before.version, before.created_at), (1, NOW));
        let changed = world.run(&UpdateOperator {
            expected_version: Some(1),
            role: Some(OperatorRole::Manager),
            badge: Some(Some("B1".to_owned())),
            ..an_update(id)
        });
        assert_eq!(
            changed.unwrap(),
            Operator { role: OperatorRole::Manager, badge: Some("B1".to_owned()), version: 2, ..before }
        );
        let stale = UpdateOperator { expected_version: Some(1), ..an_update(id) };
        assert_eq!(world.refused(&stale).code(), "version_stale");
        let nowhere = RegisterId::from_uuid(uuid::Uuid::nil());
        assert_eq!(world.refused(&BeginSignIn { id, register: nowhere }).code(), "register_not_found");
        assert_eq!(world.clone().acting_as(Role::Cashier).refused(&an_update(id)).code(), "role_too_low");
        assert_eq!(world.of_other_merchant().refused(&an_update(id)).code(), "operator_not_found");
    }
}
