//! Random journeys of payments and sales through the commands. [`Shop::run`] checks after each of them that payments are
//! the sum of their operations, that the provider owes what is with us, that tenders, stock and journal add up, that
//! money that came late has its exception and its refund in the same commit, and that a refused command leaves no trace.

use proptest::prelude::*;
use proptest::sample::Index;

use super::fixture::{approved, outcomes, witnesses};
use super::shop::{Shop, a_payment};
use super::*;
use crate::exception;
use crate::sale::{AddCash, ExpireReservation, RESERVATION_MS, VoidSale};
use crate::testing::{BAG, MERCHANT, TEA, line, sale_id};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Happening {
    Create {
        sale: Option<u128>,
        amount_minor: Option<i64>,
        is_two_step: bool,
    },
    /// What is told of some operation, by whom, and with the fence of the last task, an old one, or none.
    Tell {
        payment: Index,
        operation: Index,
        witness: Witness,
        outcome: Outcome,
        lease: Lease,
        is_unreachable: bool,
    },
    /// The provider does as it was asked, and the sender tells.
    Comply(Index),
    Refund(Index, Option<i64>),
    Void(Index),
    Cancel(Index),
    Capture(Index, Option<i64>),
    Override(Index, Verdict),
    Settle(Index, bool),
    SettleWhenDue(Index),
    PayCash(u128, Option<i64>),
    VoidSale(u128),
    Expire(u128),
    Wait(i64),
}

#[derive(Debug, Clone, Copy)]
enum Lease {
    Current,
    Lost,
    None,
}

/// The shop, and the requests that were handed out and not answered.
struct Journey {
    shop: Shop,
    tasks: Vec<Task>,
}

impl Journey {
    fn happen(&mut self, happening: Happening) {
        let payments: Vec<PaymentId> = self.shop.payments().iter().map(|payment| payment.id).collect();
        let pick = |index: Index| *index.get(&payments);
        let reason = || "because".to_owned();
        match happening {
            Happening::Create { sale, amount_minor, is_two_step } => {
                let amount_minor = if sale.is_none() { amount_minor.or(Some(1_000)) } else { amount_minor };
                let create = CreatePayment { sale: sale.map(sale_id), amount_minor, is_two_step, ..a_payment() };
                self.run(&create);
            }
            Happening::Tell { payment, operation, witness, outcome, lease, is_unreachable } => {
                let id = pick(payment);
                let operation = operation.get(&self.shop.operations(id)).id;
                let current = self.shop.job(id).fence;
                let fence = match lease {
                    Lease::Current => Some(current),
                    Lease::Lost => Some(current - 1),
                    Lease::None => None,
                };
                let told = RecordOutcome { fence, is_unreachable, ..self.shop.told(operation, witness, outcome) };
                self.run(&told);
            }
            Happening::Comply(index) => {
                if !self.tasks.is_empty() {
                    let task = self.tasks.remove(index.index(self.tasks.len()));
                    let moved = self.shop.reply(&task, approved(task.operation.asked_minor));
                    self.tasks.extend(moved.tasks);
                }
            }
            Happening::Refund(index, amount_minor) => {
                let payment = pick(index);
                self.run(&AskRefund { payment, amount_minor, reason: reason() });
            }
            Happening::Void(index) => {
                let payment = pick(index);
                self.run(&AskVoid { payment, reason: reason() });
            }
            Happening::Cancel(index) => {
                let payment = pick(index);
                self.run(&AskCancel { payment, reason: reason() });
            }
            Happening::Capture(index, amount_minor) => {
                let payment = pick(index);
                self.run(&AskCapture { payment, amount_minor });
            }
            Happening::Override(index, verdict) => {
                let payment = pick(index);
                self.run(&Override { payment, verdict, reason: reason() });
            }
            Happening::Settle(index, expected_due) => {
                let payment = pick(index);
                self.run(&Settle { payment, expected_due });
            }
            Happening::SettleWhenDue(index) => {
                let id = pick(index);
                if self.shop.job(id).due_at.is_some() {
                    let moved = self.shop.settle_when_due(id);
                    self.tasks.extend(moved.tasks);
                }
            }
            Happening::PayCash(sale, amount_minor) => {
                let (sale, given_minor) = (sale_id(sale), 1_000_000);
                drop(self.shop.run(&AddCash { merchant: MERCHANT, sale, amount_minor, given_minor }));
            }
            Happening::VoidSale(sale) => drop(self.shop.run(&VoidSale { merchant: MERCHANT, sale: sale_id(sale) })),
            Happening::Expire(sale) => drop(self.shop.run(&ExpireReservation { sale: sale_id(sale), fence: None })),
            Happening::Wait(ms) => self.shop.advance_ms(ms),
        }
    }

    /// Runs a command; whether it is refused does not matter here.
    fn run<C: crate::command::Command<Reply = Moved>>(&mut self, command: &C) {
        if let Ok(moved) = self.shop.run(command) {
            self.tasks.extend(moved.tasks);
        }
    }

    /// Nobody answers any more. Whatever has no end then has an exception with an owner.
    fn end(&mut self) {
        for payment in self.shop.payments() {
            for _ in 0..60 {
                if self.shop.job(payment.id).due_at.is_some() {
                    self.shop.settle_when_due(payment.id);
                    self.shop.advance_ms(600_000);
                }
            }
            assert_eq!(self.shop.job(payment.id).due_at, None, "the job ends");
            self.check_end(payment.id);
        }
    }

    fn check_end(&self, id: PaymentId) {
        let operations = self.shop.operations(id);
        let refs: Vec<&Operation> = operations.iter().collect();
        let is_undone = |one: &&Operation| {
            reversal_of(&refs, one.id.number).is_some_and(|reversal| reversal.state.approval().is_some())
        };
        let is_in_doubt = refs.iter().any(|one| !one.state.is_definite() && !is_undone(one));
        let is_told = self.shop.open_exceptions(id).contains(&exception::Kind::PaymentInDoubt);
        assert!(!is_in_doubt || is_told, "{operations:?}");
        assert!(is_in_doubt || !is_told, "nobody is bothered without need: {operations:?}");
    }
}

fn amounts() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![2 => Just(None), 1 => prop::sample::select(vec![100, 500, 1_000]).prop_map(Some), 1 => (1..1_500_i64).prop_map(Some)]
}

fn happenings() -> impl Strategy<Value = Happening> {
    let which = any::<Index>;
    let sale = || 1..4_u128;
    let lease = prop::sample::select(vec![Lease::Current, Lease::Lost, Lease::None]);
    let verdict = prop::sample::select(vec![Verdict::Charged, Verdict::NotCharged]);
    prop_oneof![
        6 => (prop::option::weighted(0.7, sale()), amounts(), prop::bool::weighted(0.3))
            .prop_map(|(sale, amount_minor, is_two_step)| Happening::Create { sale, amount_minor, is_two_step }),
        8 => (which(), which(), witnesses(), outcomes(), lease, prop::bool::ANY).prop_map(
            |(payment, operation, witness, outcome, lease, is_unreachable)| Happening::Tell {
                payment, operation, witness, outcome, lease, is_unreachable,
            }),
        6 => which().prop_map(Happening::Comply),
        2 => (which(), amounts()).prop_map(|(payment, amount)| Happening::Refund(payment, amount)),
        1 => which().prop_map(Happening::Void),
        1 => which().prop_map(Happening::Cancel),
        2 => (which(), amounts()).prop_map(|(payment, amount)| Happening::Capture(payment, amount)),
        1 => (which(), verdict).prop_map(|(payment, verdict)| Happening::Override(payment, verdict)),
        1 => (which(), prop::bool::ANY).prop_map(|(payment, expected_due)| Happening::Settle(payment, expected_due)),
        3 => which().prop_map(Happening::SettleWhenDue),
        1 => (sale(), amounts()).prop_map(|(sale, amount)| Happening::PayCash(sale, amount)),
        1 => sale().prop_map(Happening::VoidSale),
        1 => sale().prop_map(Happening::Expire),
        1 => (0..RESERVATION_MS).prop_map(Happening::Wait),
    ]
}

fn profiles() -> impl Strategy<Value = Profile> {
    let blind = Profile { has_inquiry: false, has_reversal: false, ..Profile::sandbox() };
    let without_inquiry = Profile { has_inquiry: false, ..Profile::sandbox() };
    let without_reversal = Profile { has_reversal: false, ..Profile::sandbox() };
    let asking = Profile { late_approval: LateApproval::AskPerson, ..Profile::sandbox() };
    let sandbox = Profile::sandbox();
    prop::sample::select(vec![
        sandbox.clone(),
        sandbox,
        blind,
        without_inquiry,
        without_reversal,
        asking,
        Profile::manual(),
    ])
}

proptest! {
    #[test]
    fn whatever_happens_money_stock_and_books_agree(
        profile in profiles(),
        happenings in prop::collection::vec(happenings(), 1..50),
    ) {
        let mut journey = Journey { shop: Shop::with_profile(profile), tasks: Vec::new() };
        (1..4).for_each(|number| journey.shop.world.open_sale(number, &[line(BAG, 100_000), line(TEA, 2_000)]));
        journey.run(&a_payment());
        happenings.into_iter().for_each(|happening| journey.happen(happening));
        journey.end();
    }
}
