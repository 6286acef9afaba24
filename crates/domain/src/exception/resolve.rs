//! Somebody has dealt with an exception.

use super::{Exception, Kind, Place, Refusal, check_text, keep};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::work::{Key, Stop, UnitOfWork};

/// Shortest account of how an exception ended, in characters: less says nothing.
pub const RESOLUTION_CHARS_MIN: usize = 3;
/// Longest account of how an exception ended, in characters: a sentence or two.
pub const RESOLUTION_CHARS_MAX: usize = 500;

/// Closes an open exception. It changes no money and no stock: what has to be put right is put right by its own command,
/// and if the cause comes back the exception is opened again.
#[derive(Debug, Clone)]
pub struct ResolveException {
    /// Which exception.
    pub place: Place,
    /// How it ended: what was found, what was done, with whom.
    pub reason: String,
}

impl Command for ResolveException {
    type Reply = Exception;

    fn name(&self) -> &'static str {
        "exception.resolve"
    }

    fn keys(&self) -> Vec<Key> {
        self.place.key().into_iter().collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Exception, Stop<command::Refusal>> {
        require_role(call, Role::Manager)?;
        let reason = check_text(&self.reason, RESOLUTION_CHARS_MIN..=RESOLUTION_CHARS_MAX, Refusal::ReasonInvalid)?;
        if self.place.find_open(work, call.merchant)?.kind == Kind::PaymentInDoubt {
            return Err(Refusal::NeedsOutcome.into());
        }
        keep::resolve(work, call, &self.place.subject, self.place.kind, reason);
        self.place.find(work, call.merchant).cloned().ok_or_else(|| not_found("exception", &self.place))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::exception::AssignException;
    use crate::id::ExceptionId;
    use crate::testing::{MERCHANT, NOW, World, payment_id, sale_id};

    fn a_place(kind: Kind) -> Place {
        let subject = if kind == Kind::Oversold { sale_id(1).to_string() } else { payment_id(1).to_string() };
        Place { subject, kind }
    }

    fn a_world(kind: Kind) -> World {
        let mut world = World::new();
        let Place { subject, kind } = a_place(kind);
        world.database.exceptions.put_loaded(Exception {
            id: ExceptionId::from_uuid(Uuid::from_u128(9)),
            merchant: MERCHANT,
            kind,
            subject,
            reason: "Look it up.".to_owned(),
            owner: "manager".to_owned(),
            at_risk_minor: 300,
            resolution: None,
            opened_at: NOW,
            resolved_at: None,
            version: 1,
        });
        world
    }

    fn resolve(kind: Kind, reason: &str) -> ResolveException {
        ResolveException { place: a_place(kind), reason: reason.to_owned() }
    }

    fn assign(kind: Kind, owner: &str) -> AssignException {
        AssignException { place: a_place(kind), owner: owner.to_owned() }
    }

    fn events(world: &World) -> Vec<(&'static str, String)> {
        world.database.events.rows().iter().map(|event| (event.kind, event.data.clone())).collect()
    }

    #[test]
    fn a_manager_takes_it_and_says_how_it_ended() {
        for kind in [Kind::Oversold, Kind::WitnessesContradict, Kind::NotAskedFor, Kind::LateApproval] {
            let mut world = a_world(kind);
            let taken = world.run(&assign(kind, " Aiko ")).unwrap();
            assert_eq!((taken.owner.as_str(), taken.version, taken.resolved_at), ("Aiko", 2, None));
            assert_eq!(world.run(&assign(kind, "Aiko")).unwrap(), taken);
            let ended = world.run(&resolve(kind, "The portal shows one charge.")).unwrap();
            assert_eq!(
                (ended.resolution.as_deref(), ended.resolved_at),
                (Some("The portal shows one charge."), Some(NOW))
            );
            let (word, about) = (kind.as_str(), a_place(kind).subject);
            assert_eq!(
                events(&world),
                [
                    (
                        "exception.assigned",
                        format!(r#"{{"kind":"{word}","about":"{about}","owner":"Aiko","by":"test"}}"#)
                    ),
                    (
                        "exception.resolved",
                        format!(
                            r#"{{"kind":"{word}","about":"{about}","resolution":"The portal shows one charge.","by":"test"}}"#
                        )
                    ),
                ]
            );
            assert_eq!(world.refused(&resolve(kind, "again")).code(), "exception_already_resolved");
            assert_eq!(world.refused(&assign(kind, "Ben")).code(), "exception_already_resolved");
        }
    }

    #[test]
    fn words_do_not_end_a_doubt() {
        let mut world = a_world(Kind::PaymentInDoubt);
        assert_eq!(world.refused(&resolve(Kind::PaymentInDoubt, "never mind")).code(), "exception_needs_outcome");
        assert_eq!(world.run(&assign(Kind::PaymentInDoubt, "Aiko")).unwrap().owner, "Aiko");
    }

    #[test]
    fn what_is_said_has_to_say_something_and_no_card_number() {
        let mut world = a_world(Kind::Oversold);
        let card = "4111 1111 1111 1111";
        for (reason, code) in [
            ("", "exception_reason_invalid"),
            ("  ok  ", "exception_reason_invalid"),
            (card, "text_looks_like_card_number"),
        ] {
            assert_eq!(world.refused(&resolve(Kind::Oversold, reason)).code(), code, "{reason}");
        }
        assert_eq!(
            world.refused(&resolve(Kind::Oversold, &"x".repeat(RESOLUTION_CHARS_MAX + 1))).code(),
            "exception_reason_invalid"
        );
        for (owner, code) in [(" ", "exception_owner_invalid"), (card, "text_looks_like_card_number")] {
            assert_eq!(world.refused(&assign(Kind::Oversold, owner)).code(), code, "{owner}");
        }
    }

    #[test]
    fn only_a_manager_of_the_merchant_deals_with_it() {
        let mut world = a_world(Kind::Oversold).acting_as(Role::Cashier);
        assert_eq!(world.refused(&resolve(Kind::Oversold, "done")).code(), "role_too_low");
        assert_eq!(world.refused(&assign(Kind::Oversold, "me")).code(), "role_too_low");
        let mut world = a_world(Kind::Oversold).of_other_merchant();
        assert_eq!(world.refused(&resolve(Kind::Oversold, "done")).code(), "exception_not_found");
        assert_eq!(world.refused(&assign(Kind::Oversold, "me")).code(), "exception_not_found");
    }
}
