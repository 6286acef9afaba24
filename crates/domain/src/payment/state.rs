//! Where a payment stands, as one total function of its operations: nothing else is remembered, so the stored state can
//! always be recomputed. However the witnesses contradict each other, `refunded <= captured <= approved`.

use super::operation::{Kind, Operation, State as OperationState};

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Asked for; the customer or the provider is working on it.
    InProgress,
    /// Nobody can tell yet whether the customer was charged.
    InDoubt,
    /// The rules have no further step: a person has to find out.
    NeedsPerson,
    /// Funds are promised, not taken.
    Authorized,
    /// Money was taken.
    Captured,
    /// A part of the money was given back.
    PartiallyRefunded,
    /// All of it was given back by refunds.
    Refunded,
    /// The charge was undone before cut-off.
    Voided,
    /// A charge in doubt was undone.
    Reversed,
    /// Refused; nothing charged.
    Declined,
    /// Called off; nothing charged.
    Cancelled,
    /// The request did not reach the provider; nothing charged.
    NotSent,
}

impl State {
    /// All states.
    pub const ALL: [Self; 12] = [
        Self::InProgress,
        Self::InDoubt,
        Self::NeedsPerson,
        Self::Authorized,
        Self::Captured,
        Self::PartiallyRefunded,
        Self::Refunded,
        Self::Voided,
        Self::Reversed,
        Self::Declined,
        Self::Cancelled,
        Self::NotSent,
    ];

    /// The word in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::InDoubt => "in_doubt",
            Self::NeedsPerson => "needs_person",
            Self::Authorized => "authorized",
            Self::Captured => "captured",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Voided => "voided",
            Self::Reversed => "reversed",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::NotSent => "not_sent",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether a register may stop asking: only somebody's new wish, or a witness who comes late, changes it from here.
    /// `NeedsPerson` is not final, a person still has to say.
    pub const fn is_final(self) -> bool {
        match self {
            Self::InProgress | Self::InDoubt | Self::NeedsPerson => false,
            Self::Authorized
            | Self::Captured
            | Self::PartiallyRefunded
            | Self::Refunded
            | Self::Voided
            | Self::Reversed
            | Self::Declined
            | Self::Cancelled
            | Self::NotSent => true,
        }
    }
}

/// Whether the customer's money is with us, promised or taken, after all that was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Charged {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// Nobody can tell yet.
    Unknown,
}

impl Charged {
    /// All answers.
    pub const ALL: [Self; 3] = [Self::Yes, Self::No, Self::Unknown];

    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// What the operations of a payment amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Where the payment stands.
    pub state: State,
    /// What the provider approved, in minor units. Stays when the charge is undone.
    pub approved_minor: i64,
    /// What was taken and not undone by a void or reversal, in minor units. Refunds do not lessen it.
    pub captured_minor: i64,
    /// What approved refunds gave back, in minor units.
    pub refunded_minor: i64,
    /// Whether the customer's money is with us.
    pub customer_charged: Charged,
}

/// Sums a payment up. The order of the operations does not matter.
///
/// A charge and its reversal may both be approved. Whether the reversal undid the charge, or the charge was approved
/// later, is not told by which of them we heard of first: replies and notifications overtake each other. What counts is
/// how much the provider says the reversal undid. As long as it did not say so, the money is held to be taken: a refund
/// of money that was not there is declined and looked at, a customer's money that nobody knows of is not.
pub fn summarize(operations: &[&Operation]) -> Summary {
    let Some(charge) = charge_of(operations) else { return NOTHING_ASKED };
    let money = Money::of(charge, operations);
    let doubts = Doubts::of(charge, operations);
    let state = state_of(charge, &money, &doubts);
    Summary {
        state,
        approved_minor: money.approved_minor,
        captured_minor: money.captured_minor,
        refunded_minor: money.refunded_minor,
        customer_charged: charged_of(state, &money, &doubts),
    }
}

/// The reversal of operation `target` that says most: an approved one, else one still under way, else a refused one.
pub fn reversal_of<'a>(operations: &[&'a Operation], target: u32) -> Option<&'a Operation> {
    let reversals = operations.iter().filter(|one| one.kind == Kind::Reversal && one.target == Some(target));
    reversals.copied().max_by_key(|one| (Standing::of(one), one.id.number))
}

/// The operation that asked the customer for money; the first one, should there be more.
pub(super) fn charge_of<'a>(operations: &[&'a Operation]) -> Option<&'a Operation> {
    operations.iter().copied().filter(|one| one.kind.is_charge()).min_by_key(|one| one.id.number)
}

/// A payment whose charge is not yet recorded.
const NOTHING_ASKED: Summary = Summary {
    state: State::InProgress,
    approved_minor: 0,
    captured_minor: 0,
    refunded_minor: 0,
    customer_charged: Charged::No,
};

/// How far an operation is, from what matters least to what settles the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Refused,
    InFlight,
    InDoubt,
    LeftToPerson,
    Done,
}

impl Standing {
    const fn of(operation: &Operation) -> Self {
        match &operation.state {
            OperationState::Approved(_) => Self::Done,
            OperationState::Declined(_) | OperationState::Cancelled | OperationState::NotSent(_) => Self::Refused,
            _ if operation.is_left_to_person => Self::LeftToPerson,
            OperationState::Unknown | OperationState::NotFound => Self::InDoubt,
            OperationState::Recorded | OperationState::Sent | OperationState::Pending => Self::InFlight,
        }
    }

    /// The furthest of all operations of a kind; `Refused` when there is none, for both leave things as they were.
    fn of_all(operations: &[&Operation], kind: Kind) -> Self {
        operations.iter().filter(|one| one.kind == kind).map(|one| Self::of(one)).max().unwrap_or(Self::Refused)
    }
}

/// The money that definite witnesses speak of, in minor units.
struct Money {
    /// A charge or a capture was approved, be it for nothing.
    is_approved: bool,
    /// Money was taken, not only promised.
    is_taken: bool,
    approved_minor: i64,
    captured_minor: i64,
    refunded_minor: i64,
    /// What of the approved money was not undone.
    held_minor: i64,
}

impl Money {
    fn of(charge: &Operation, operations: &[&Operation]) -> Self {
        let has_capture = Standing::of_all(operations, Kind::Capture) == Standing::Done;
        let has_charge = Standing::of(charge) == Standing::Done;
        let is_purchase = charge.kind == Kind::Purchase;
        let promised = charge.approved_minor();
        let taken = if is_purchase { promised } else { approved_sum(operations, Kind::Capture) };
        // A provider may take more than it promised (a tip): then it approved that much.
        let approved = promised.max(taken);
        let undone = match Standing::of_all(operations, Kind::Void) {
            Standing::Done => approved,
            Standing::Refused | Standing::InFlight | Standing::InDoubt | Standing::LeftToPerson => {
                approved_sum(operations, Kind::Reversal)
            }
        };
        let captured = taken.saturating_sub(undone).max(0);
        Self {
            is_approved: has_charge || has_capture,
            is_taken: (is_purchase && has_charge) || has_capture,
            approved_minor: approved,
            captured_minor: captured,
            // More can only be given back when witnesses contradict each other: an exception is open then.
            refunded_minor: approved_sum(operations, Kind::Refund).min(captured),
            held_minor: approved.saturating_sub(undone).max(0),
        }
    }

    /// What is with us in the end.
    fn net_minor(&self) -> i64 {
        if self.is_taken { self.captured_minor.saturating_sub(self.refunded_minor) } else { self.held_minor }
    }
}

fn approved_sum(operations: &[&Operation], kind: Kind) -> i64 {
    operations.iter().filter(|one| one.kind == kind).fold(0, |sum: i64, one| sum.saturating_add(one.approved_minor()))
}

/// What is not certain. A refund under way is none: it changes nothing before it is approved.
struct Doubts {
    charge: Standing,
    reversal: Standing,
    void: Standing,
    capture: Standing,
}

impl Doubts {
    fn of(charge: &Operation, operations: &[&Operation]) -> Self {
        Self {
            charge: Standing::of(charge),
            reversal: Standing::of_all(operations, Kind::Reversal),
            void: Standing::of_all(operations, Kind::Void),
            capture: Standing::of_all(operations, Kind::Capture),
        }
    }

    /// How uncertain it is whether an approved charge still stands. A reversal on its way may undo it at any moment, so
    /// nobody should hand over goods on it; a void was asked for after the goods, it counts only once it is in doubt.
    fn about_undoing(&self) -> Option<State> {
        undecided(self.reversal).or(undecided(self.void).filter(|state| *state != State::InProgress))
    }
}

/// The state for something that has no end yet.
const fn undecided(standing: Standing) -> Option<State> {
    match standing {
        Standing::InFlight => Some(State::InProgress),
        Standing::InDoubt => Some(State::InDoubt),
        Standing::LeftToPerson => Some(State::NeedsPerson),
        Standing::Refused | Standing::Done => None,
    }
}

fn state_of(charge: &Operation, money: &Money, doubts: &Doubts) -> State {
    if doubts.void == Standing::Done {
        State::Voided
    } else if doubts.reversal == Standing::Done && money.held_minor == 0 {
        State::Reversed
    } else if !money.is_approved {
        state_without_approval(charge, doubts)
    } else if let Some(state) = doubts.about_undoing() {
        state
    } else if money.is_taken {
        state_of_taken(money)
    } else {
        undecided(doubts.capture).filter(|state| *state != State::InProgress).unwrap_or(State::Authorized)
    }
}

/// A definite no stands whatever a reversal does: there was nothing to undo.
fn state_without_approval(charge: &Operation, doubts: &Doubts) -> State {
    match &charge.state {
        OperationState::Declined(_) => State::Declined,
        OperationState::Cancelled => State::Cancelled,
        OperationState::NotSent(_) => State::NotSent,
        OperationState::Recorded
        | OperationState::Sent
        | OperationState::Unknown
        | OperationState::NotFound
        | OperationState::Pending
        | OperationState::Approved(_) => undecided(doubts.charge.max(doubts.reversal)).unwrap_or(State::InDoubt),
    }
}

const fn state_of_taken(money: &Money) -> State {
    if money.refunded_minor == 0 {
        State::Captured
    } else if money.refunded_minor < money.captured_minor {
        State::PartiallyRefunded
    } else {
        State::Refunded
    }
}

fn charged_of(state: State, money: &Money, doubts: &Doubts) -> Charged {
    match state {
        State::Voided | State::Reversed | State::Declined | State::Cancelled | State::NotSent => Charged::No,
        State::InProgress | State::InDoubt | State::NeedsPerson
            if !money.is_approved || doubts.about_undoing().is_some() =>
        {
            Charged::Unknown
        }
        State::InProgress
        | State::InDoubt
        | State::NeedsPerson
        | State::Authorized
        | State::Captured
        | State::PartiallyRefunded
        | State::Refunded => {
            if money.net_minor() > 0 {
                Charged::Yes
            } else {
                Charged::No
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{an_operation, outcomes, witnesses};
    use super::super::witness::record_outcome;
    use super::*;
    use Kind::{Authorize, Capture, Purchase, Refund, Reversal, Void};
    use OperationState::{Cancelled, NotFound, Pending, Recorded, Sent, Unknown};

    fn numbered(operations: Vec<Operation>) -> Vec<Operation> {
        let mut number = 0;
        let mut with_number = |mut one: Operation| {
            number += 1;
            one.id.number = number;
            one
        };
        operations.into_iter().map(&mut with_number).collect()
    }

    fn summary_of(operations: Vec<Operation>) -> Summary {
        let operations = numbered(operations);
        let mut refs: Vec<&Operation> = operations.iter().collect();
        let forth = summarize(&refs);
        refs.reverse();
        assert_eq!(forth, summarize(&refs), "the order matters: {operations:?}");
        forth
    }

    fn op(kind: Kind, state: OperationState) -> Operation {
        an_operation(kind, 1).in_state(state)
    }

    fn yes(kind: Kind, approved_minor: i64) -> Operation {
        an_operation(kind, 1).approved_for(approved_minor)
    }

    fn no(kind: Kind) -> Operation {
        an_operation(kind, 1).declined()
    }

    #[test]
    fn the_state_is_this_function_of_the_operations() {
        use Charged::{No, Unknown as Perhaps, Yes};
        // Operations, state, approved, captured, refunded, customer charged.
        let cases: Vec<(Vec<Operation>, State, [i64; 3], Charged)> = vec![
            (vec![], State::InProgress, [0; 3], No),
            // The charge alone.
            (vec![op(Purchase, Recorded)], State::InProgress, [0; 3], Perhaps),
            (vec![op(Purchase, Sent)], State::InProgress, [0; 3], Perhaps),
            (vec![op(Purchase, Pending)], State::InProgress, [0; 3], Perhaps),
            (vec![op(Purchase, Unknown)], State::InDoubt, [0; 3], Perhaps),
            (vec![op(Purchase, NotFound)], State::InDoubt, [0; 3], Perhaps),
            (vec![op(Purchase, Unknown).left_to_person()], State::NeedsPerson, [0; 3], Perhaps),
            (vec![op(Purchase, Pending).left_to_person()], State::NeedsPerson, [0; 3], Perhaps),
            (vec![no(Purchase).left_to_person()], State::Declined, [0; 3], No),
            (vec![op(Purchase, Cancelled)], State::Cancelled, [0; 3], No),
            (
                vec![op(Purchase, OperationState::NotSent(super::super::Reason(String::new())))],
                State::NotSent,
                [0; 3],
                No,
            ),
            (vec![yes(Purchase, 1_000)], State::Captured, [1_000, 1_000, 0], Yes),
            (vec![yes(Purchase, 0)], State::Captured, [0; 3], No),
            (vec![yes(Purchase, -5)], State::Captured, [0; 3], No),
            (vec![yes(Authorize, 1_000)], State::Authorized, [1_000, 0, 0], Yes),
            // Captures.
            (vec![yes(Authorize, 1_000), op(Capture, Sent)], State::Authorized, [1_000, 0, 0], Yes),
            (vec![yes(Authorize, 1_000), op(Capture, Unknown)], State::InDoubt, [1_000, 0, 0], Yes),
            (
                vec![yes(Authorize, 1_000), op(Capture, Unknown).left_to_person()],
                State::NeedsPerson,
                [1_000, 0, 0],
                Yes,
            ),
            (vec![yes(Authorize, 1_000), no(Capture)], State::Authorized, [1_000, 0, 0], Yes),
            (vec![yes(Authorize, 1_000), yes(Capture, 800)], State::Captured, [1_000, 800, 0], Yes),
            (vec![yes(Authorize, 1_000), yes(Capture, 1_100)], State::Captured, [1_100, 1_100, 0], Yes),
            (vec![no(Authorize), yes(Capture, 800)], State::Captured, [800, 800, 0], Yes),
            // Voids.
            (vec![yes(Purchase, 1_000), op(Void, Sent)], State::Captured, [1_000, 1_000, 0], Yes),
            (vec![yes(Purchase, 1_000), op(Void, Unknown)], State::InDoubt, [1_000, 1_000, 0], Perhaps),
            (
                vec![yes(Purchase, 1_000), op(Void, Unknown).left_to_person()],
                State::NeedsPerson,
                [1_000, 1_000, 0],
                Perhaps,
            ),
            (vec![yes(Purchase, 1_000), no(Void)], State::Captured, [1_000, 1_000, 0], Yes),
            (vec![yes(Purchase, 1_000), yes(Void, 1_000)], State::Voided, [1_000, 0, 0], No),
            (vec![yes(Authorize, 1_000), yes(Void, 0)], State::Voided, [1_000, 0, 0], No),
            (vec![yes(Authorize, 1_000), yes(Capture, 800), yes(Void, 800)], State::Voided, [1_000, 0, 0], No),
            // Refunds.
            (vec![yes(Purchase, 1_000), op(Refund, Unknown)], State::Captured, [1_000, 1_000, 0], Yes),
            (vec![yes(Purchase, 1_000), no(Refund)], State::Captured, [1_000, 1_000, 0], Yes),
            (vec![yes(Purchase, 1_000), yes(Refund, 300)], State::PartiallyRefunded, [1_000, 1_000, 300], Yes),
            (
                vec![yes(Purchase, 1_000), yes(Refund, 300), yes(Refund, 700)],
                State::Refunded,
                [1_000, 1_000, 1_000],
                No,
            ),
            (vec![yes(Authorize, 1_000), yes(Capture, 800), yes(Refund, 800)], State::Refunded, [1_000, 800, 800], No),
            (
                vec![yes(Purchase, 1_000), yes(Refund, 700), yes(Refund, 700)],
                State::Refunded,
                [1_000, 1_000, 1_000],
                No,
            ),
            // Reversals of a charge that was not approved.
            (vec![op(Purchase, Pending), op(Reversal, Sent)], State::InProgress, [0; 3], Perhaps),
            (vec![op(Purchase, Unknown), op(Reversal, Sent)], State::InDoubt, [0; 3], Perhaps),
            (vec![op(Purchase, Pending), op(Reversal, Unknown)], State::InDoubt, [0; 3], Perhaps),
            (vec![op(Purchase, Unknown), op(Reversal, Unknown).left_to_person()], State::NeedsPerson, [0; 3], Perhaps),
            (vec![op(Purchase, NotFound), no(Reversal)], State::InDoubt, [0; 3], Perhaps),
            (vec![op(Purchase, NotFound).left_to_person(), no(Reversal)], State::NeedsPerson, [0; 3], Perhaps),
            (vec![op(Purchase, Pending), no(Reversal)], State::InProgress, [0; 3], Perhaps),
            (vec![op(Purchase, Unknown), yes(Reversal, 0)], State::Reversed, [0; 3], No),
            (vec![op(Purchase, Unknown).left_to_person(), yes(Reversal, 0)], State::Reversed, [0; 3], No),
            (vec![op(Purchase, Pending), no(Reversal), yes(Reversal, 0)], State::Reversed, [0; 3], No),
            (vec![op(Purchase, Cancelled), yes(Reversal, 0)], State::Reversed, [0; 3], No),
            (vec![no(Purchase), op(Reversal, Unknown)], State::Declined, [0; 3], No),
            // Reversals of a charge that was approved, before or after.
            (vec![yes(Purchase, 1_000), op(Reversal, Sent)], State::InProgress, [1_000, 1_000, 0], Perhaps),
            (vec![yes(Purchase, 1_000), op(Reversal, Unknown)], State::InDoubt, [1_000, 1_000, 0], Perhaps),
            (vec![yes(Purchase, 1_000), no(Reversal)], State::Captured, [1_000, 1_000, 0], Yes),
            (vec![yes(Purchase, 1_000), yes(Reversal, 1_000)], State::Reversed, [1_000, 0, 0], No),
            (vec![yes(Authorize, 1_000), yes(Reversal, 1_000)], State::Reversed, [1_000, 0, 0], No),
            (vec![yes(Purchase, 1_000), yes(Reversal, 0)], State::Captured, [1_000, 1_000, 0], Yes),
            (vec![yes(Purchase, 1_000), yes(Reversal, 400)], State::Captured, [1_000, 600, 0], Yes),
            (vec![yes(Authorize, 1_000), yes(Reversal, 0)], State::Authorized, [1_000, 0, 0], Yes),
            (vec![yes(Authorize, 1_000), yes(Reversal, 0), yes(Void, 0)], State::Voided, [1_000, 0, 0], No),
            (
                vec![yes(Purchase, 1_000), yes(Reversal, 0), yes(Refund, 1_000)],
                State::Refunded,
                [1_000, 1_000, 1_000],
                No,
            ),
            // What only contradicting witnesses bring about.
            (vec![yes(Purchase, 1_000), yes(Void, 1_000), yes(Refund, 1_000)], State::Voided, [1_000, 0, 0], No),
            (
                vec![yes(Purchase, i64::MAX), yes(Refund, i64::MAX), yes(Refund, i64::MAX)],
                State::Refunded,
                [i64::MAX; 3],
                No,
            ),
        ];
        for (operations, state, [approved_minor, captured_minor, refunded_minor], customer_charged) in cases {
            let words: Vec<_> = operations.iter().map(|one| (one.kind, one.state.clone())).collect();
            let expected = Summary { state, approved_minor, captured_minor, refunded_minor, customer_charged };
            assert_eq!(summary_of(operations), expected, "{words:?}");
        }
    }

    #[test]
    fn the_reversal_that_says_most_is_found() {
        let operations = numbered(vec![op(Purchase, Unknown), no(Reversal), yes(Reversal, 0), op(Reversal, Sent)]);
        let refs: Vec<&Operation> = operations.iter().collect();
        assert_eq!(reversal_of(&refs, 1).map(|one| one.id.number), Some(3));
        assert_eq!(reversal_of(&refs, 2), None);
    }

    #[test]
    fn every_state_has_one_word() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        assert_eq!(State::parse("failed"), None);
    }

    proptest! {
        /// Operations of any kind in any state, whether or not the rules would allow them.
        #[test]
        fn any_combination_has_a_possible_summary(
            stories in prop::collection::vec(
                (0..Kind::ALL.len(), any::<bool>(), prop::collection::vec((witnesses(), outcomes()), 0..4)), 0..7),
        ) {
            let tell = |(kind, is_left, reports): (usize, bool, Vec<_>)| {
                let mut one = Operation { is_left_to_person: is_left, ..an_operation(Kind::ALL[kind], 1) };
                for (witness, outcome) in reports {
                    record_outcome(&mut one, witness, outcome);
                }
                one
            };
            let summary = summary_of(stories.into_iter().map(tell).collect());
            prop_assert!(0 <= summary.refunded_minor, "{summary:?}");
            prop_assert!(summary.refunded_minor <= summary.captured_minor, "{summary:?}");
            prop_assert!(summary.captured_minor <= summary.approved_minor, "{summary:?}");
            if summary.state.is_final() {
                prop_assert!(summary.customer_charged != Charged::Unknown, "{summary:?}");
            }
        }
    }
}
