//! What the machine does next about an operation that has no end yet. A charge is never sent a second time, neither
//! under its own reference nor under a new one; everything else is repeated under the same reference until it is known.

use std::fmt;

use super::operation::{Kind, Operation, Outcome, State};
use super::profile::Profile;
use crate::time::Timestamp;

/// The next step of the settle job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing before `at`.
    Wait {
        /// When to look again.
        at: Timestamp,
    },
    /// Ask the provider how it ended.
    Inquire,
    /// Send the same request again under the same reference. Never for a charge.
    Send,
    /// No hub claimed it for its terminal in time: it was not sent.
    NotClaimed,
    /// Record a reversal of this charge and send it.
    Reverse,
    /// Open an exception, set `is_left_to_person`, and come back at [`due_after`].
    AskPerson(Why),
    /// The job ends.
    Done,
}

/// Why the machine has no further step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// An operator keyed it into a terminal and has not told how it went.
    KeyedByHand,
    /// The provider can neither be asked nor undo.
    NoInquiry,
    /// The provider does not know the charge after its finality window, and cannot undo.
    NotFound,
    /// The customer or the provider did not come to an end in time, and the provider cannot undo.
    NeverFinished,
    /// The provider refused to undo a charge that nobody can tell the outcome of.
    ReversalRefused,
    /// The provider was not to be had for as long as the profile allows.
    GivenUp,
}

impl Why {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyedByHand => "keyed_by_hand",
            Self::NoInquiry => "no_inquiry",
            Self::NotFound => "not_found",
            Self::NeverFinished => "never_finished",
            Self::ReversalRefused => "reversal_refused",
            Self::GivenUp => "given_up",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyedByHand => {
                "Nobody has told how it went on the terminal. Look at its slip or journal and record the result."
            }
            Self::NoInquiry => {
                "The provider cannot be asked how it ended. Look it up in the provider's portal and record the result."
            }
            Self::NotFound => {
                "The provider does not know the charge and cannot undo it. Check the provider's portal and record the \
                 result."
            }
            Self::NeverFinished => {
                "The charge has not ended in time and the provider cannot undo it. Check with the customer and in the \
                 provider's portal, then record the result."
            }
            Self::ReversalRefused => {
                "The provider refused to undo the charge and does not tell its outcome. Check the provider's portal \
                 and record the result."
            }
            Self::GivenUp => {
                "The provider could not be reached for too long. Check the provider's portal and record the result."
            }
        })
    }
}

/// What to do now that the operation's settle job is due. `reversal` is the state of the reversal of this operation, if
/// there is one ([`super::reversal_of`]).
pub fn next_step(operation: &Operation, reversal: Option<&State>, profile: &Profile, now: Timestamp) -> Step {
    let age_ms = now.ms_since(operation.recorded_at);
    if operation.state.is_definite() || is_undone(operation, reversal, profile, age_ms) {
        return Step::Done;
    }
    if awaits_reply(&operation.state) && age_ms < profile.answer_timeout_ms {
        return Step::Wait { at: operation.recorded_at.plus_ms(profile.answer_timeout_ms) };
    }
    let is_given_up = age_ms >= profile.give_up_ms;
    if profile.is_relayed && operation.state == State::Recorded && !is_given_up {
        return step_of_unclaimed(operation, profile, now);
    }
    if operation.is_left_to_person {
        // The person may be slow and the provider come back: asking does no harm.
        return if profile.has_inquiry && !is_given_up { Step::Inquire } else { Step::Done };
    }
    if profile.is_keyed_by_hand {
        Step::AskPerson(Why::KeyedByHand)
    } else if is_given_up {
        Step::AskPerson(Why::GivenUp)
    } else if operation.kind.is_charge() {
        step_of_charge(operation, reversal, profile, now)
    } else {
        step_of_follow_up(operation, profile, age_ms)
    }
}

/// A reversal waits for the terminal to come back, because the charge may be going on there; of everything else it is
/// certain that nothing left, and the register can go on.
fn step_of_unclaimed(operation: &Operation, profile: &Profile, now: Timestamp) -> Step {
    match operation.kind {
        Kind::Reversal => Step::Wait { at: due_after(operation, profile, now) },
        Kind::Authorize | Kind::Capture | Kind::Purchase | Kind::Void | Kind::Refund => Step::NotClaimed,
    }
}

/// What the answer to an inquiry that left at `asked_at` proves. Before the finality window the request may still be on
/// its way, so that the provider does not find it means nothing. Every inquiry's outcome passes here before
/// [`super::record_outcome`]: the state `NotFound` then always is one of after the window.
pub fn read_inquiry(outcome: Outcome, operation: &Operation, profile: &Profile, asked_at: Timestamp) -> Outcome {
    match outcome {
        Outcome::NotFound if asked_at.ms_since(operation.recorded_at) < profile.finality_window_ms => Outcome::Unknown,
        Outcome::NotFound
        | Outcome::Approved(_)
        | Outcome::Pending
        | Outcome::Declined(_)
        | Outcome::Cancelled
        | Outcome::NotSent(_)
        | Outcome::Unknown => outcome,
    }
}

/// Whether a person should have an exception by now, while the machine goes on. Ask it only while [`next_step`] is not
/// `Done`. A customer who takes the time that the profile grants is no doubt yet.
pub fn is_overdue(operation: &Operation, profile: &Profile, now: Timestamp) -> bool {
    !operation.state.is_definite() && now >= resolve_at(operation, profile)
}

/// When the settle job is due again after a step was taken at `now`. The pause grows with the age of the operation, and
/// never leaps over an instant at which the step changes.
pub fn due_after(operation: &Operation, profile: &Profile, now: Timestamp) -> Timestamp {
    let reply_at = operation.recorded_at.plus_ms(profile.answer_timeout_ms);
    if awaits_reply(&operation.state) && now < reply_at {
        return reply_at;
    }
    let turning_points = [
        operation.recorded_at.plus_ms(profile.finality_window_ms),
        operation.recorded_at.plus_ms(profile.poll_horizon_ms),
        operation.recorded_at.plus_ms(profile.give_up_ms),
        resolve_at(operation, profile),
    ];
    let after_pause = now.plus_ms(pause_ms(operation, profile, now));
    turning_points.into_iter().filter(|at| *at > now).fold(after_pause, Timestamp::min)
}

/// The part of an operation's age that it waits: an eighth adds at most that much to the time an answer takes.
const AGE_PER_PAUSE: i64 = 8;

fn pause_ms(operation: &Operation, profile: &Profile, now: Timestamp) -> i64 {
    let part_of_age = now.ms_since(operation.recorded_at).wrapping_div(AGE_PER_PAUSE);
    // At least a millisecond, or a profile with a zero would spin.
    part_of_age.min(profile.poll_period_ms_max).max(profile.poll_period_ms).max(1)
}

fn resolve_at(operation: &Operation, profile: &Profile) -> Timestamp {
    let from = match operation.state {
        State::Pending => operation.doubt_since.max(operation.recorded_at.plus_ms(profile.poll_horizon_ms)),
        State::Recorded
        | State::Sent
        | State::Unknown
        | State::NotFound
        | State::NotSent(_)
        | State::Cancelled
        | State::Declined(_)
        | State::Approved(_) => operation.doubt_since,
    };
    from.plus_ms(profile.resolve_by_ms)
}

const fn awaits_reply(state: &State) -> bool {
    matches!(state, State::Recorded | State::Sent)
}

/// Whether an approved reversal leaves nothing to ask. Where it found nothing to undo, the charge may still have been
/// on its way: it is asked after until an inquiry of after the finality window does not find it.
fn is_undone(operation: &Operation, reversal: Option<&State>, profile: &Profile, age_ms: i64) -> bool {
    let Some(approval) = reversal.and_then(State::approval) else { return false };
    approval.approved_minor > 0
        || !profile.has_inquiry
        || age_ms >= profile.give_up_ms
        || is_known_absent(operation, profile, age_ms)
}

fn is_known_absent(operation: &Operation, profile: &Profile, age_ms: i64) -> bool {
    operation.state == State::NotFound && age_ms >= profile.finality_window_ms
}

fn step_of_charge(operation: &Operation, reversal: Option<&State>, profile: &Profile, now: Timestamp) -> Step {
    let age_ms = now.ms_since(operation.recorded_at);
    if is_known_absent(operation, profile, age_ms) {
        return undo(operation, reversal, profile, now, Why::NotFound);
    }
    if age_ms >= profile.poll_horizon_ms {
        return undo(operation, reversal, profile, now, Why::NeverFinished);
    }
    match (profile.has_inquiry, &operation.state) {
        (true, _) => Step::Inquire,
        // The provider has it and will tell by itself; the customer gets the time that the profile grants.
        (false, State::Pending) => Step::Wait { at: operation.recorded_at.plus_ms(profile.poll_horizon_ms) },
        (false, _) => undo(operation, reversal, profile, now, Why::NoInquiry),
    }
}

/// Undo the charge if that can be done and was not tried yet; `why` is what a person is told otherwise.
fn undo(operation: &Operation, reversal: Option<&State>, profile: &Profile, now: Timestamp, why: Why) -> Step {
    match reversal {
        None if profile.has_reversal => Step::Reverse,
        None => Step::AskPerson(why),
        // It was refused, perhaps because the charge went through: a provider that knows the charge may still say so.
        Some(reversal) if reversal.is_definite() && reversal.approval().is_none() => {
            let is_worth_asking = profile.has_inquiry && operation.state != State::NotFound;
            if is_worth_asking { Step::Inquire } else { Step::AskPerson(Why::ReversalRefused) }
        }
        // It has a job of its own. Until that ends, or if it undid nothing, the charge is asked after.
        Some(_) if profile.has_inquiry => Step::Inquire,
        Some(_) => Step::Wait { at: due_after(operation, profile, now) },
    }
}

/// Captures, voids, refunds and reversals: providers take a repeat under the same reference for the same one. So these
/// are never undone, only asked after and repeated.
fn step_of_follow_up(operation: &Operation, profile: &Profile, age_ms: i64) -> Step {
    let is_lost = is_known_absent(operation, profile, age_ms);
    if profile.has_inquiry && !is_lost { Step::Inquire } else { Step::Send }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{RECORDED_AT, an_operation, approved};
    use super::super::operation::{Approval, Kind, Reason};
    use super::*;
    use Kind::{Capture, Purchase, Refund, Reversal, Void};
    use State::{NotFound, Pending, Recorded, Sent, Unknown};

    const SANDBOX: Profile = Profile::sandbox();
    const WITHOUT_INQUIRY: Profile = Profile { has_inquiry: false, ..SANDBOX };
    const WITHOUT_REVERSAL: Profile = Profile { has_reversal: false, ..SANDBOX };
    const WITH_NEITHER: Profile = Profile { has_inquiry: false, has_reversal: false, ..SANDBOX };
    const TERMINAL: Profile = Profile::terminal();
    const MANUAL: Profile = Profile::manual();

    fn at(age_ms: i64) -> Timestamp {
        RECORDED_AT.plus_ms(age_ms)
    }

    fn wait(age_ms: i64) -> Step {
        Step::Wait { at: at(age_ms) }
    }

    fn undid(approved_minor: i64) -> State {
        State::Approved(Approval { approved_minor, provider_reference: None, funding: None })
    }

    fn refused() -> State {
        State::Declined(Reason("too_late".to_owned()))
    }

    #[test]
    fn the_step_of_a_charge_is_read_off_this_table() {
        use Step::{AskPerson, Done, Inquire, Reverse};
        // State, its reversal, profile, age, step.
        let cases = [
            (Recorded, None, SANDBOX, 0, wait(1_000)),
            (Sent, None, SANDBOX, 999, wait(1_000)),
            (Sent, None, SANDBOX, 1_000, Inquire),
            (Recorded, None, SANDBOX, 1_000, Inquire),
            (Sent, None, WITHOUT_INQUIRY, 1_000, Reverse),
            (Sent, None, WITH_NEITHER, 1_000, AskPerson(Why::NoInquiry)),
            (Unknown, None, SANDBOX, 10, Inquire),
            (Unknown, None, SANDBOX, 19_999, Inquire),
            (Unknown, None, SANDBOX, 20_000, Reverse),
            (Unknown, None, WITHOUT_REVERSAL, 20_000, AskPerson(Why::NeverFinished)),
            (Unknown, None, WITHOUT_INQUIRY, 10, Reverse),
            (Pending, None, SANDBOX, 19_999, Inquire),
            (Pending, None, SANDBOX, 20_000, Reverse),
            (Pending, None, WITHOUT_INQUIRY, 10, wait(20_000)),
            (Pending, None, WITHOUT_INQUIRY, 20_000, Reverse),
            (NotFound, None, SANDBOX, 1_499, Inquire),
            (NotFound, None, SANDBOX, 1_500, Reverse),
            (NotFound, None, WITHOUT_REVERSAL, 1_500, AskPerson(Why::NotFound)),
            (Unknown, None, SANDBOX, 3_600_000, AskPerson(Why::GivenUp)),
            // A reversal is on its way: the charge is asked after, or left to it.
            (Unknown, Some(Sent), SANDBOX, 20_000, Inquire),
            (NotFound, Some(Unknown), SANDBOX, 20_000, Inquire),
            (Unknown, Some(Sent), WITHOUT_INQUIRY, 800, wait(1_000)),
            (Unknown, Some(Sent), SANDBOX, 3_600_000, AskPerson(Why::GivenUp)),
            // It was refused.
            (NotFound, Some(refused()), SANDBOX, 1_500, AskPerson(Why::ReversalRefused)),
            (Unknown, Some(refused()), SANDBOX, 20_000, Inquire),
            (Unknown, Some(refused()), WITHOUT_INQUIRY, 2_000, AskPerson(Why::ReversalRefused)),
            // It was done: what it undid is over, and what it did not find is asked after for the finality window.
            (Unknown, Some(undid(1_000)), SANDBOX, 10, Done),
            (Unknown, Some(undid(0)), SANDBOX, 20_000, Inquire),
            (NotFound, Some(undid(0)), SANDBOX, 1_499, Inquire),
            (NotFound, Some(undid(0)), SANDBOX, 1_500, Done),
            (Unknown, Some(undid(0)), WITHOUT_INQUIRY, 20_000, Done),
            (Unknown, Some(undid(0)), SANDBOX, 3_600_000, Done),
            // Definite.
            (undid(1_000), None, SANDBOX, 0, Done),
            (refused(), Some(Unknown), SANDBOX, 0, Done),
            // A stand-alone terminal.
            (Recorded, None, MANUAL, 0, wait(900_000)),
            (Recorded, None, MANUAL, 900_000, AskPerson(Why::KeyedByHand)),
        ];
        for (state, reversal, profile, age_ms, step) in cases {
            let charge = an_operation(Purchase, 1).in_state(state.clone());
            let label = format!("{state:?} {reversal:?} at {age_ms} of {profile:?}");
            assert_eq!(next_step(&charge, reversal.as_ref(), &profile, at(age_ms)), step, "{label}");
        }
    }

    #[test]
    fn what_follows_a_charge_is_repeated_and_never_undone() {
        use Step::{AskPerson, Inquire, Send};
        let cases = [
            (Sent, SANDBOX, 999, wait(1_000)),
            (Sent, SANDBOX, 1_000, Inquire),
            (Unknown, SANDBOX, 30_000, Inquire),
            (Pending, SANDBOX, 30_000, Inquire),
            (NotFound, SANDBOX, 1_499, Inquire),
            (NotFound, SANDBOX, 1_500, Send),
            (Unknown, WITHOUT_INQUIRY, 1_000, Send),
            (Unknown, WITH_NEITHER, 1_000, Send),
            (Unknown, SANDBOX, 3_600_000, AskPerson(Why::GivenUp)),
            (Recorded, MANUAL, 900_000, AskPerson(Why::KeyedByHand)),
        ];
        for kind in [Capture, Void, Refund, Reversal] {
            for (state, profile, age_ms, step) in cases.clone() {
                let operation = an_operation(kind, 2).in_state(state.clone());
                assert_eq!(next_step(&operation, None, &profile, at(age_ms)), step, "{kind:?} {state:?} at {age_ms}");
            }
        }
    }

    #[test]
    fn what_is_left_to_a_person_is_still_asked_after_where_that_is_possible() {
        let charge = an_operation(Purchase, 1).in_state(Unknown).left_to_person();
        assert_eq!(next_step(&charge, None, &WITHOUT_REVERSAL, at(30_000)), Step::Inquire);
        assert_eq!(next_step(&charge, None, &WITHOUT_REVERSAL, at(3_600_000)), Step::Done);
        assert_eq!(next_step(&charge, None, &MANUAL, at(1_000_000)), Step::Done);
    }

    #[test]
    fn not_found_proves_nothing_before_the_finality_window() {
        let charge = an_operation(Purchase, 1);
        assert_eq!(read_inquiry(Outcome::NotFound, &charge, &SANDBOX, at(1_499)), Outcome::Unknown);
        assert_eq!(read_inquiry(Outcome::NotFound, &charge, &SANDBOX, at(1_500)), Outcome::NotFound);
        assert_eq!(read_inquiry(approved(5), &charge, &SANDBOX, at(0)), approved(5));
    }

    #[test]
    fn the_doubt_is_overdue_counted_from_when_the_provider_could_be_reached() {
        let mut charge = an_operation(Purchase, 1).in_state(Unknown);
        assert!(!is_overdue(&charge, &SANDBOX, at(29_999)));
        assert!(is_overdue(&charge, &SANDBOX, at(30_000)));
        charge.doubt_since = at(60_000);
        assert!(!is_overdue(&charge, &SANDBOX, at(89_999)));
        assert!(is_overdue(&charge, &SANDBOX, at(90_000)));
        assert!(!is_overdue(&charge.approved_for(1), &SANDBOX, at(90_000)));
        // The customer was given 20 seconds; the doubt begins then.
        let pending = an_operation(Purchase, 1).in_state(Pending);
        assert!(!is_overdue(&pending, &SANDBOX, at(49_999)));
        assert!(is_overdue(&pending, &SANDBOX, at(50_000)));
    }

    #[test]
    fn the_pause_grows_with_age_and_stops_at_each_turning_point() {
        let cases = [
            (Recorded, 0, 1_000),
            (Unknown, 0, 200),
            (Unknown, 1_000, 1_200),
            (Unknown, 1_400, 1_500),
            (Unknown, 8_000, 9_000),
            (Unknown, 19_000, 20_000),
            (Unknown, 29_000, 30_000),
            (Unknown, 1_000_000, 1_002_000),
            (Unknown, -600_000, -599_800),
        ];
        for (state, now, due) in cases {
            let charge = an_operation(Purchase, 1).in_state(state.clone());
            assert_eq!(due_after(&charge, &SANDBOX, at(now)), at(due), "{state:?} at {now}");
        }
    }

    #[test]
    fn against_a_silent_provider_a_person_is_asked_in_time_and_the_job_ends() {
        for profile in [SANDBOX, WITHOUT_INQUIRY, WITHOUT_REVERSAL, WITH_NEITHER, MANUAL, TERMINAL] {
            for kind in Kind::ALL {
                // What was not claimed for its terminal ends by that.
                let state = if profile.is_relayed { Sent } else { Recorded };
                let mut operation = an_operation(kind, 1).in_state(state);
                let (mut now, mut reversal, mut steps) = (RECORDED_AT, None, 0);
                loop {
                    // Nobody hears of it any later than this, whether by an exception that is overdue or by the step.
                    let is_told = operation.is_left_to_person || is_overdue(&operation, &profile, now);
                    assert!(is_told || now < at(profile.resolve_by_ms), "{kind:?} {profile:?} at {now:?}");
                    match next_step(&operation, reversal.as_ref(), &profile, now) {
                        Step::Done => break,
                        Step::AskPerson(_) => operation.is_left_to_person = true,
                        Step::Reverse => reversal = Some(Unknown),
                        Step::Inquire | Step::Send => operation.state = Unknown,
                        Step::Wait { .. } => {}
                        Step::NotClaimed => panic!("{kind:?} was claimed"),
                    }
                    now = due_after(&operation, &profile, now);
                    steps += 1;
                }
                assert!(operation.is_left_to_person, "{kind:?} {profile:?}");
                assert!(steps < 2_000, "{steps} steps of {kind:?} {profile:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_charge_is_never_sent_again_and_the_job_always_moves_on(
            kind in prop::sample::select(Kind::ALL.to_vec()),
            state in prop::sample::select(vec![Recorded, Sent, Unknown, NotFound, Pending]),
            reversal in prop::option::of(prop::sample::select(vec![Sent, Unknown, refused(), undid(0), undid(9)])),
            profile in prop::sample::select(vec![SANDBOX, WITHOUT_INQUIRY, WITHOUT_REVERSAL, WITH_NEITHER, MANUAL, TERMINAL]),
            is_left_to_person: bool,
            age_ms in prop_oneof![-1_000_000..5_000_000_i64, any::<i64>()],
        ) {
            let operation = Operation { is_left_to_person, ..an_operation(kind, 1).in_state(state) };
            let now = at(age_ms);
            match next_step(&operation, reversal.as_ref(), &profile, now) {
                Step::Send => prop_assert!(!kind.is_charge() && !profile.is_keyed_by_hand),
                Step::Reverse => prop_assert!(kind.is_charge() && profile.has_reversal && reversal.is_none()),
                Step::Inquire => prop_assert!(profile.has_inquiry),
                Step::Wait { at } => prop_assert!(at > now),
                Step::AskPerson(_) => prop_assert!(!is_left_to_person),
                Step::NotClaimed => prop_assert!(profile.is_relayed && operation.state == Recorded),
                Step::Done => {}
            }
            prop_assert!(due_after(&operation, &profile, now) > now || now.0 == i64::MAX);
        }
    }
}
