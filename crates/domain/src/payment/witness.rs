//! What a witness says about an operation is merged into what is known. The merge is a join: any order and any
//! repetition of the same reports ends in the same state, witness, facts and contradiction.

use super::operation::{Approval, Kind, Operation, Outcome, State, Witness};

/// What a report did to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: all of it was known. There is nothing to store.
    Nothing,
    /// More is known, to be stored; whether the operation has ended is as before.
    Noted,
    /// The first definite word: the operation has ended.
    Ended,
    /// The first definite word against another: an exception belongs in the same commit. If the operation was held to
    /// have moved no money, it now has.
    Contradicted,
}

/// Merges what `witness` says. Total: there is no report that may not come in any state.
///
/// A definite word beats an indefinite one, and `Approved` beats every other: money that moved must not be overlooked.
/// Between equals the stronger witness is believed.
pub fn record_outcome(operation: &mut Operation, witness: Witness, outcome: Outcome) -> Effect {
    let told = state_told(operation.kind, outcome);
    let was_definite = operation.state.is_definite();
    let is_contradiction = !operation.is_contradicted && contradict(&operation.state, &told);
    let has_grown = join(operation, witness, told);
    if is_contradiction {
        operation.is_contradicted = true;
        Effect::Contradicted
    } else if !has_grown {
        Effect::Nothing
    } else if operation.state.is_definite() && !was_definite {
        Effect::Ended
    } else {
        Effect::Noted
    }
}

/// The state that a report speaks for.
fn state_told(kind: Kind, outcome: Outcome) -> State {
    match outcome {
        Outcome::Approved(approval) => State::Approved(approval),
        Outcome::Pending => State::Pending,
        Outcome::Declined(reason) => State::Declined(reason),
        Outcome::Cancelled => State::Cancelled,
        // A reversal that did not get through is still owed, under the same reference. Ending it here would leave the
        // charge in doubt with nothing on the way, or make one new operation for each minute of an outage.
        Outcome::NotSent(_) if kind == Kind::Reversal => State::Unknown,
        Outcome::NotSent(reason) => State::NotSent(reason),
        Outcome::Unknown => State::Unknown,
        Outcome::NotFound => State::NotFound,
    }
}

/// Whether one says that money moved and the other that it did not, or that it was another amount.
fn contradict(known: &State, told: &State) -> bool {
    match (known.approval(), told.approval()) {
        (Some(known), Some(told)) => known.approved_minor != told.approved_minor,
        (Some(_), None) => told.is_definite(),
        (None, Some(_)) => known.is_definite(),
        (None, None) => false,
    }
}

/// Puts the greater of what is known and what is told into the operation; whether that changed it.
fn join(operation: &mut Operation, witness: Witness, told: State) -> bool {
    if rank(&told) < rank(&operation.state) {
        return false;
    }
    if rank(&told) > rank(&operation.state) {
        operation.state = told;
        operation.witness = Some(witness);
        return true;
    }
    match (&mut operation.state, told) {
        (State::Approved(known), State::Approved(told)) => join_approvals(known, &mut operation.witness, told, witness),
        (known, told) => {
            let is_greater = (Some(witness), reason(&told)) > (operation.witness, reason(known));
            if is_greater {
                *known = told;
                operation.witness = Some(witness);
            }
            is_greater
        }
    }
}

/// The amount is that of the stronger witness, or the larger one; the reference and who pays are joined by themselves,
/// because a strong witness often names neither, and then the weaker one's reference is still needed for a refund.
fn join_approvals(known: &mut Approval, by: &mut Option<Witness>, told: Approval, witness: Witness) -> bool {
    let has_better_amount = (Some(witness), told.approved_minor) > (*by, known.approved_minor);
    let has_better_reference = told.provider_reference > known.provider_reference;
    if has_better_amount {
        known.approved_minor = told.approved_minor;
        *by = Some(witness);
    }
    if has_better_reference {
        known.provider_reference = told.provider_reference;
    }
    let has_better_funding = told.funding > known.funding;
    if has_better_funding {
        known.funding = told.funding;
    }
    has_better_amount || has_better_reference || has_better_funding
}

/// The place in the order of the join. The words that no money moved are ordered too, so that the end does not hang on
/// which came first: one that the provider gave stands above one that says it was not reached.
const fn rank(state: &State) -> u8 {
    match state {
        State::Recorded => 0,
        State::Sent => 1,
        State::Unknown => 2,
        State::NotFound => 3,
        State::Pending => 4,
        State::NotSent(_) => 5,
        State::Cancelled => 6,
        State::Declined(_) => 7,
        State::Approved(_) => 8,
    }
}

/// The text that tells two states of one rank apart.
const fn reason(state: &State) -> Option<&str> {
    match state {
        State::NotSent(reason) | State::Declined(reason) => Some(reason.0.as_str()),
        State::Recorded
        | State::Sent
        | State::Unknown
        | State::NotFound
        | State::Pending
        | State::Cancelled
        | State::Approved(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{an_operation, approved, declined, not_sent, outcomes, witnesses};
    use super::*;

    type Report = (Witness, Outcome);

    fn all_outcomes() -> Vec<Outcome> {
        let reference = |text: &str| Some(text.to_owned());
        vec![
            Outcome::Unknown,
            Outcome::NotFound,
            Outcome::Pending,
            not_sent("no_route"),
            not_sent("refused"),
            Outcome::Cancelled,
            declined("insufficient_funds"),
            declined("limit"),
            approved(900),
            approved(1_000),
            Outcome::Approved(Approval { approved_minor: 1_000, provider_reference: reference("a"), funding: None }),
            Outcome::Approved(Approval { approved_minor: 1_000, provider_reference: reference("b"), funding: None }),
        ]
    }

    fn all_reports() -> Vec<Report> {
        let by_all = |outcome: Outcome| Witness::ALL.into_iter().map(move |witness| (witness, outcome.clone()));
        all_outcomes().into_iter().flat_map(by_all).collect()
    }

    fn after(kind: Kind, reports: &[&Report]) -> (Operation, Vec<Effect>) {
        let mut operation = an_operation(kind, 1);
        operation.mark_sent();
        let tell = |report: &&Report| record_outcome(&mut operation, report.0, report.1.clone());
        let effects = reports.iter().map(tell).collect();
        (operation, effects)
    }

    #[test]
    fn every_pair_ends_the_same_in_either_order_and_when_repeated() {
        let reports = all_reports();
        for kind in Kind::ALL {
            for a in &reports {
                for b in &reports {
                    let (forth, _) = after(kind, &[a, b]);
                    assert_eq!(forth, after(kind, &[b, a]).0, "{kind:?} {a:?} {b:?}");
                    let (again, effects) = after(kind, &[a, b, a, b, b, a]);
                    assert_eq!(forth, again, "{kind:?} {a:?} {b:?}");
                    assert!(effects.iter().skip(2).all(|effect| *effect == Effect::Nothing), "{a:?} {b:?} {effects:?}");
                }
            }
        }
    }

    #[test]
    fn every_triple_ends_the_same_when_turned() {
        // One strong and one weak witness for each outcome: all orders of three then fit into a second.
        let reports: Vec<Report> = all_reports()
            .into_iter()
            .filter(|(witness, _)| matches!(witness, Witness::Reply | Witness::Inquiry))
            .collect();
        for a in &reports {
            for b in &reports {
                for c in &reports {
                    let (end, _) = after(Kind::Purchase, &[a, b, c]);
                    assert_eq!(end, after(Kind::Purchase, &[b, c, a]).0, "{a:?} {b:?} {c:?}");
                    assert_eq!(end, after(Kind::Purchase, &[c, a, b]).0, "{a:?} {b:?} {c:?}");
                }
            }
        }
    }

    #[test]
    fn the_second_report_moves_the_state_by_this_table() {
        use Effect::{Contradicted, Ended, Noted, Nothing};
        // What the reply said, what the notification says, the state then, the effect.
        let cases = [
            (Outcome::Unknown, Outcome::Unknown, "unknown", Noted),
            (Outcome::Unknown, Outcome::NotFound, "not_found", Noted),
            (Outcome::Unknown, Outcome::Pending, "pending", Noted),
            (Outcome::NotFound, Outcome::Unknown, "not_found", Nothing),
            (Outcome::Pending, Outcome::Unknown, "pending", Nothing),
            (Outcome::Pending, Outcome::NotFound, "pending", Nothing),
            (Outcome::Pending, declined("limit"), "declined", Ended),
            (Outcome::Pending, Outcome::Cancelled, "cancelled", Ended),
            (Outcome::Unknown, not_sent("refused"), "not_sent", Ended),
            (Outcome::Unknown, approved(1_000), "approved", Ended),
            (declined("limit"), Outcome::Pending, "declined", Nothing),
            (approved(1_000), Outcome::Pending, "approved", Nothing),
            (approved(1_000), Outcome::NotFound, "approved", Nothing),
            (declined("limit"), Outcome::Cancelled, "declined", Nothing),
            (Outcome::Cancelled, declined("limit"), "declined", Noted),
            (not_sent("refused"), Outcome::Cancelled, "cancelled", Noted),
            (declined("limit"), approved(1_000), "approved", Contradicted),
            (Outcome::Cancelled, approved(1_000), "approved", Contradicted),
            (not_sent("refused"), approved(1_000), "approved", Contradicted),
            (approved(1_000), declined("limit"), "approved", Contradicted),
            (approved(1_000), Outcome::Cancelled, "approved", Contradicted),
            (approved(1_000), approved(900), "approved", Contradicted),
            (approved(1_000), approved(1_000), "approved", Noted),
        ];
        for (reply, notification, state, effect) in cases {
            let label = format!("{reply:?} then {notification:?}");
            let (first, second) = ((Witness::Reply, reply), (Witness::Notification, notification));
            let (operation, effects) = after(Kind::Purchase, &[&first, &second]);
            assert_eq!((operation.state.as_str(), effects.last()), (state, Some(&effect)), "{label}");
            assert_eq!(operation.is_contradicted, effect == Contradicted, "{label}");
        }
    }

    #[test]
    fn the_stronger_witness_names_the_amount_and_a_weaker_one_may_name_the_reference() {
        let named = Approval { approved_minor: 1_000, provider_reference: Some("p-1".to_owned()), funding: None };
        let reports = [(Witness::Reply, Outcome::Approved(named)), (Witness::Settlement, approved(900))];
        let (operation, _) = after(Kind::Purchase, &[&reports[0], &reports[1]]);
        let expected = Approval { approved_minor: 900, provider_reference: Some("p-1".to_owned()), funding: None };
        assert_eq!(operation.state, State::Approved(expected));
        assert_eq!(operation.witness, Some(Witness::Settlement));
        assert!(operation.is_contradicted);
    }

    #[test]
    fn a_reversal_that_was_not_sent_is_still_owed() {
        let (operation, effects) = after(Kind::Reversal, &[&(Witness::Reply, not_sent("refused"))]);
        assert_eq!((operation.state, effects), (State::Unknown, vec![Effect::Noted]));
    }

    proptest! {
        #[test]
        fn any_order_and_repetition_ends_the_same(
            (first, second) in prop::collection::vec((witnesses(), outcomes()), 1..8).prop_flat_map(|reports| {
                let repeated = reports.iter().chain(&reports).cloned().collect::<Vec<_>>();
                // Every report at least once, in any order, with any of them a second time.
                (Just(reports.clone()), Just(repeated).prop_shuffle(), 0..=reports.len()).prop_map(
                    |(reports, mut shuffled, extra)| {
                        let mut left = extra;
                        let mut seen: Vec<Report> = Vec::new();
                        shuffled.retain(|report| {
                            let is_new = seen.iter().filter(|one| *one == report).count()
                                < reports.iter().filter(|one| *one == report).count();
                            let is_kept = is_new || left > 0;
                            if !is_new { left = left.saturating_sub(1); }
                            seen.push(report.clone());
                            is_kept
                        });
                        (reports, shuffled)
                    })
            }),
            number in 0..Kind::ALL.len(),
        ) {
            let kind = Kind::ALL[number];
            let (one, effects) = after(kind, &first.iter().collect::<Vec<_>>());
            let (other, other_effects) = after(kind, &second.iter().collect::<Vec<_>>());
            prop_assert_eq!(&one, &other);
            for effects in [effects, other_effects] {
                let count = |wanted| effects.iter().filter(|effect| **effect == wanted).count();
                prop_assert!(count(Effect::Ended) == usize::from(one.state.is_definite()));
                prop_assert!(count(Effect::Contradicted) == usize::from(one.is_contradicted));
            }
        }
    }
}
