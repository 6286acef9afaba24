//! A charge that an app on the register's own device takes. Nothing is sent by the hub: it hands out the launch once, after
//! the intent is durable, and takes what the app answered. The app cannot be asked, so whatever it does not say clearly is
//! a person's, who looks at the app's slip.

use super::change::{Change, Report, find_payment};
use super::settle::ask_person;
use super::task::{keys_for_outcome, settle_job};
use super::{Kind, Moved, Operation, OperationState, Outcome, Refusal, Why, Witness};
use crate::call::{Call, Role};
use crate::command::{self, Command, require_role};
use crate::id::PaymentId;
use crate::work::{Key, Stop, UnitOfWork};

/// The name of its connector.
pub const CARD_APP: &str = "card_app";

/// The number of the charge, which is all that the app does.
const CHARGE_NUMBER: u32 = 1;

/// Hands out the launch of the app: once, so that no customer is charged twice by a page that was loaded again.
#[derive(Debug, Clone)]
pub struct LaunchCardApp {
    /// Which payment.
    pub payment: PaymentId,
}

impl Command for LaunchCardApp {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.launch_card_app"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Payment(self.payment), Key::Job(settle_job(self.payment))]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let (change, charge) = begin(work, call, self.payment)?;
        if charge.state != OperationState::Recorded || charge.is_left_to_person {
            return Err(Refusal::AppAlreadyLaunched.into());
        }
        if let Some(known) = work.operations.find_mut(call.merchant, &charge.id) {
            known.mark_sent();
        }
        change.finish(work, call, charge.id, None)
    }
}

/// Takes what the app answered. What is unclear goes to a person at once.
#[derive(Debug, Clone)]
pub struct TellCardAppResult {
    /// Which payment.
    pub payment: PaymentId,
    /// What its connector read out of the answer.
    pub outcome: Outcome,
}

impl Command for TellCardAppResult {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        "payment.tell_card_app_result"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::Payment(self.payment), Key::Job(settle_job(self.payment))]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        require_role(call, Role::Cashier)?;
        let (change, charge) = begin(work, call, self.payment)?;
        if charge.state == OperationState::Recorded {
            return Err(Refusal::AppNotLaunched.into());
        }
        let report = Report { witness: Witness::Reply, outcome: self.outcome.clone(), is_unreachable: false };
        change.tell(work, call, &charge, report);
        let told = change.find(work, CHARGE_NUMBER);
        if let Some(told) = told.filter(|told| !told.state.is_definite() && !told.is_left_to_person) {
            ask_person(work, call, &told, Why::KeyedByHand);
        }
        change.finish(work, call, charge.id, None)
    }
}

/// The change, and the charge that the app takes.
fn begin(
    work: &UnitOfWork,
    call: &Call<'_>,
    payment: PaymentId,
) -> Result<(Change, Operation), Stop<command::Refusal>> {
    let payment = find_payment(work, call, payment)?;
    work.require(keys_for_outcome(&payment))?;
    let change = Change::begin(work, call, payment)?;
    if change.connection.provider != CARD_APP {
        return Err(Refusal::AppNotUsed.into());
    }
    let charge = change.find(work, CHARGE_NUMBER).filter(|charge| charge.kind == Kind::Purchase);
    charge.map(|charge| (change, charge)).ok_or_else(|| Refusal::AppNotUsed.into())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{approved, declined};
    use super::super::shop::{Shop, a_payment};
    use super::super::{AskRefund, Charged, CreatePayment, Profile, RecordOutcome, State, summarize};
    use super::*;
    use crate::exception::Kind::PaymentInDoubt;
    use crate::sale;
    use crate::testing::sale_id;

    fn a_shop() -> Shop {
        Shop::with_a_sale().through(CARD_APP, Profile::card_app())
    }

    fn launched(shop: &mut Shop) -> PaymentId {
        let asked = CreatePayment { sale: Some(sale_id(1)), amount_minor: None, ..a_payment() };
        let created = shop.run(&asked).unwrap();
        assert_eq!(created.tasks, [], "the hub sends nothing");
        let id = created.payment.id;
        let moved = shop.run(&LaunchCardApp { payment: id }).unwrap();
        assert_eq!((moved.payment.state, &moved.operations[0].state), (State::InProgress, &OperationState::Sent));
        id
    }

    fn tell(shop: &mut Shop, payment: PaymentId, outcome: Outcome) -> Moved {
        shop.run(&TellCardAppResult { payment, outcome }).unwrap()
    }

    #[test]
    fn the_launch_is_handed_out_once() {
        let mut shop = a_shop();
        let id = launched(&mut shop);
        assert_eq!(shop.refused(&LaunchCardApp { payment: id }), "app_already_launched");
        tell(&mut shop, id, declined("limit"));
        assert_eq!(shop.refused(&LaunchCardApp { payment: id }), "app_already_launched");
        let other = shop.create(None, Some(100)).payment.id;
        let early = TellCardAppResult { payment: other, outcome: approved(100) };
        assert_eq!(shop.refused(&early), "app_not_launched");
        let mut elsewhere = Shop::with_profile(Profile::manual());
        let id = elsewhere.create(None, Some(100)).payment.id;
        assert_eq!(elsewhere.refused(&LaunchCardApp { payment: id }), "app_not_used");
        elsewhere.acting_as(Role::Viewer);
        assert_eq!(elsewhere.refused(&LaunchCardApp { payment: id }), "role_too_low");
    }

    #[test]
    fn an_approval_completes_the_sale_and_a_decline_leaves_it_due() {
        let mut shop = a_shop();
        let id = launched(&mut shop);
        let moved = tell(&mut shop, id, approved(300));
        assert_eq!((moved.payment.state, shop.job(id).due_at), (State::Captured, None));
        assert_eq!(shop.world.standing(sale_id(1)).sale.state, sale::State::Completed);
        assert!(!shop.writes(|shop| drop(tell(shop, id, approved(300)))), "told twice it is the same");
        let mut shop = a_shop();
        let id = launched(&mut shop);
        assert_eq!(tell(&mut shop, id, declined("limit")).payment.state, State::Declined);
        assert_eq!(shop.pay_cash(), sale::State::Completed);
    }

    #[test]
    fn what_is_unclear_is_a_persons_at_once_and_never_a_failure() {
        let mut shop = a_shop();
        let id = launched(&mut shop);
        let moved = tell(&mut shop, id, Outcome::Unknown);
        assert_eq!(moved.payment.state, State::NeedsPerson);
        let charged = summarize(&moved.operations.iter().collect::<Vec<_>>()).customer_charged;
        assert_eq!((charged, shop.open_exceptions(id)), (Charged::Unknown, vec![PaymentInDoubt]));
        // The same part of the sale cannot be charged again meanwhile.
        let again = CreatePayment { sale: Some(sale_id(1)), amount_minor: None, ..a_payment() };
        assert_eq!(shop.refused(&again), "payment_in_doubt_or_under_way");
        let told = shop.tell(moved.operations[0].id, Witness::Person, approved(300)).payment;
        assert_eq!((told.state, shop.open_exceptions(id)), (State::Captured, Vec::new()));
    }

    #[test]
    fn silence_is_a_persons_when_the_time_is_over() {
        let mut shop = a_shop();
        let id = launched(&mut shop);
        let moved = shop.settle_when_due(id);
        assert_eq!((moved.payment.state, shop.open_exceptions(id)), (State::NeedsPerson, vec![PaymentInDoubt]));
        // The app speaks after all.
        let moved = tell(&mut shop, id, approved(300));
        assert_eq!((moved.payment.state, shop.open_exceptions(id)), (State::Captured, Vec::new()));
        let refund = AskRefund { payment: id, amount_minor: None, reason: String::new() };
        let asked = shop.run(&refund).unwrap();
        let by_hand = RecordOutcome {
            outcome: approved(300),
            ..shop.told(asked.operations[1].id, Witness::Person, Outcome::Unknown)
        };
        assert_eq!(shop.run(&by_hand).unwrap().payment.state, State::Refunded);
    }
}
