//! No sequence of what the rules and the machine allow reaches an impossible payment, whatever the witnesses say in
//! between, in whatever order.

use proptest::prelude::*;

use super::fixture::{RECORDED_AT, an_operation, approved, outcomes, witnesses};
use super::*;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Happening {
    Ask(Kind, Option<i64>),
    Tell(usize, Witness, Outcome),
    JobDue(usize),
    TimePasses(i64),
}

struct Story {
    operations: Vec<Operation>,
    now: Timestamp,
    profile: Profile,
}

impl Story {
    fn begin(kind: Kind, profile: Profile) -> Self {
        Self { operations: vec![an_operation(kind, 1)], now: RECORDED_AT, profile }
    }

    fn refs(&self) -> Vec<&Operation> {
        self.operations.iter().collect()
    }

    fn record(&mut self, ask: Ask) {
        let number = u32::try_from(self.operations.len()).expect("a short story") + 1;
        let mut operation = an_operation(ask.kind, number).asking_for(ask.asked_minor);
        operation.target = ask.target;
        operation.recorded_at = self.now;
        self.operations.push(operation);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::TimePasses(ms) => self.now = self.now.plus_ms(ms),
            Happening::Ask(kind, amount) => {
                let (refs, profile, now) = (self.refs(), &self.profile, self.now);
                let asked = match kind {
                    Kind::Authorize | Kind::Purchase => return,
                    Kind::Capture => may_capture(&refs, profile, amount, now),
                    Kind::Void => may_void(&refs, profile, now),
                    Kind::Refund => may_refund(&refs, profile, amount, now),
                    Kind::Reversal => may_cancel(&refs, profile),
                };
                if let Ok(ask) = asked {
                    self.record(ask);
                }
            }
            Happening::Tell(index, witness, outcome) => {
                let index = index % self.operations.len();
                record_outcome(&mut self.operations[index], witness, outcome);
            }
            Happening::JobDue(index) => self.settle(index % self.operations.len()),
        }
    }

    fn settle(&mut self, index: usize) {
        let refs = self.refs();
        let operation = &self.operations[index];
        let reversal = reversal_of(&refs, operation.id.number).map(|one| &one.state);
        match next_step(operation, reversal, &self.profile, self.now) {
            Step::Reverse => {
                let target = Some(operation.id.number);
                self.record(Ask { kind: Kind::Reversal, target, asked_minor: operation.asked_minor });
            }
            Step::AskPerson(_) => self.operations[index].is_left_to_person = true,
            Step::Wait { .. } | Step::Inquire | Step::Send | Step::NotClaimed | Step::Done => {}
        }
    }

    /// What approved operations moved, without the bounds that the summary puts on contradictions.
    fn moved(&self, kind: Kind) -> i64 {
        self.operations.iter().filter(|one| one.kind == kind).map(Operation::approved_minor).sum()
    }

    fn check(&self, before: Option<Summary>) -> Result<Summary, TestCaseError> {
        let summary = summarize(&self.refs());
        prop_assert!(0 <= summary.refunded_minor && summary.refunded_minor <= summary.captured_minor, "{summary:?}");
        prop_assert!(summary.captured_minor <= summary.approved_minor, "{summary:?}");
        let is_open = |one: &&Operation| one.kind == Kind::Refund && !one.state.is_definite();
        let open: i64 = self.operations.iter().filter(is_open).map(|one| one.asked_minor).sum();
        if self.operations.iter().all(|one| !one.is_contradicted) {
            prop_assert_eq!(summary.refunded_minor, self.moved(Kind::Refund), "more went back than was taken");
            let is_two_step = self.operations[0].kind == Kind::Authorize;
            prop_assert!(!is_two_step || self.moved(Kind::Capture) <= self.moved(Kind::Authorize), "captured twice");
            if summary.state != State::Voided {
                prop_assert!(summary.refunded_minor + open <= summary.captured_minor, "{:?}", summary);
            }
            if let Some(before) = before.filter(|before| before.state == State::Voided) {
                prop_assert_eq!(before.state, summary.state);
            }
        }
        // Money that is with us is never shown as not charged, and doubt never as an end.
        let charge = &self.operations[0];
        let is_reversed =
            self.operations.iter().any(|one| one.kind == Kind::Reversal && one.state.approval().is_some());
        if !charge.state.is_definite() && !is_reversed && self.moved(Kind::Capture) == 0 {
            prop_assert!(!summary.state.is_final(), "{summary:?}");
            prop_assert_eq!(summary.customer_charged, Charged::Unknown);
        }
        Ok(summary)
    }
}

/// Outcomes as a sound provider gives them: it gives back no more than it was asked to.
fn bounded(operations: &[Operation], happening: Happening) -> Happening {
    match happening {
        Happening::Tell(index, witness, Outcome::Approved(approval)) => {
            let one = &operations[index % operations.len()];
            let approved_minor = match one.kind {
                Kind::Refund | Kind::Capture | Kind::Void => one.asked_minor,
                Kind::Authorize | Kind::Purchase | Kind::Reversal => approval.approved_minor,
            };
            Happening::Tell(index, witness, Outcome::Approved(Approval { approved_minor, ..approval }))
        }
        other => other,
    }
}

/// Approvals often, so that many stories get far; they are for what was asked, see [`bounded`].
fn reports() -> impl Strategy<Value = Outcome> {
    prop_oneof![1 => Just(approved(1_000)), 1 => outcomes()]
}

fn happenings() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (prop::sample::select(Kind::ALL.to_vec()), prop::option::of(1..1_500_i64))
            .prop_map(|(kind, amount)| Happening::Ask(kind, amount)),
        3 => (0..8_usize, witnesses(), reports())
            .prop_map(|(index, witness, outcome)| Happening::Tell(index, witness, outcome)),
        2 => (0..8_usize).prop_map(Happening::JobDue),
        1 => (0..30_000_i64).prop_map(Happening::TimePasses),
    ]
}

fn profiles() -> impl Strategy<Value = Profile> {
    let without_partial = Profile { has_partial_refund: false, ..Profile::sandbox() };
    let blind = Profile { has_inquiry: false, has_reversal: false, ..Profile::sandbox() };
    prop::sample::select(vec![Profile::sandbox(), without_partial, blind, Profile::manual()])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_sequence_reaches_an_impossible_payment(
        kind in prop::sample::select(vec![Kind::Authorize, Kind::Purchase]),
        profile in profiles(),
        happenings in prop::collection::vec(happenings(), 1..40),
    ) {
        let mut story = Story::begin(kind, profile);
        let mut before = None;
        for happening in happenings {
            let happening = bounded(&story.operations, happening);
            story.happen(happening);
            before = Some(story.check(before)?);
        }
    }
}
