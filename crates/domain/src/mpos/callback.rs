//! Callbacks: the end of a charge, and of what was asked of an order later, is told to the software by an HTTP GET, 30
//! times over 14 days at most. Each try is written down before it is made, so that a hub that dies leaves none out; one that
//! dies behind it makes it twice, which the receivers of this API know of.

use super::MposOrder;
use super::standing::{Standing, standing_of};
use crate::call::{Call, Role};
use crate::command::{self, Command, not_found, require_role};
use crate::id::MposEndpointId;
use crate::payment::{Moved, Operation, Payment};
use crate::time::Timestamp;
use crate::work::{Key, Stop, UnitOfWork};

/// Tries to tell one thing: the documents' number.
pub const CALLBACK_TRIES_MAX: u32 = 30;
/// The pause after the first try. The schedule is not published: each pause is longer than the one before by the same
/// part, and all of them together are the documents' 14 days.
const PAUSE_MS_FIRST: i64 = 10_000;
/// By how much, in thousandths.
const GROWTH: i64 = 1_457;
const THOUSAND: i64 = 1_000;
/// How long until it is looked again whether there is anything to tell, at first and at most: an order ends in seconds, and
/// one that is left to a person in hours.
const LOOK_AGAIN_MS: std::ops::RangeInclusive<i64> = 500..=10 * 60 * 1_000;
/// The part of the time waited so far that is waited further.
const WAITED_PER_PAUSE: i64 = 8;

/// What is to be told of an order now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Where it stands with the operation that it is told of.
    pub standing: Standing,
    /// Where it is told.
    pub url: String,
}

/// The first thing that was not told yet and has ended, if somebody wants to hear of it.
pub fn told_now(order: &MposOrder, payment: &Payment, operations: &[Operation]) -> Option<Told> {
    let not_told = operations.iter().filter(|one| one.id.number > order.told && !is_own(one));
    let mut ends = not_told.map(|one| standing_of(payment, operations, one.id.number));
    // One after the other: what has not ended is waited for.
    let standing = ends.next()??;
    let url = order.url_for(standing.operation)?.to_owned();
    standing.status.is_told().then_some(Told { standing, url })
}

/// Since when something is waited for whose end is to be told.
pub fn waiting_since(order: &MposOrder, operations: &[Operation]) -> Option<Timestamp> {
    let is_wanted =
        |one: &&Operation| one.id.number > order.told && !is_own(one) && order.url_for(one.id.number).is_some();
    operations.iter().find(is_wanted).map(|one| one.recorded_at)
}

/// What the hub does by itself, to undo what is in doubt, nobody asked for.
fn is_own(operation: &Operation) -> bool {
    operation.kind == crate::payment::Kind::Reversal
}

/// Takes a try, before it is made; or puts the order off, where there is nothing to tell.
#[derive(Debug, Clone)]
pub struct ClaimCallback {
    /// Whose order.
    pub endpoint: MposEndpointId,
    /// Which one.
    pub client_order_id: String,
    /// The version that the caller saw: two hubs that saw the same make one try.
    pub version: i64,
    /// Whether there is something to tell.
    pub has_news: bool,
    /// Since when something is waited for that is told at its end; `None` where nothing is.
    pub waiting_since: Option<Timestamp>,
}

impl Command for ClaimCallback {
    type Reply = bool;

    fn name(&self) -> &'static str {
        "mpos_order.claim_callback"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::MposOrder(self.endpoint, self.client_order_id.clone())]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<bool, Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        let known = find_order(work, call, self.endpoint, &self.client_order_id)?;
        if known.version != self.version || known.due_at.is_none_or(|at| at > call.now) {
            return Ok(false);
        }
        let order = change_order(work, call, self.endpoint, &self.client_order_id)?;
        let tries = order.tries.saturating_add(1);
        if !self.has_news {
            order.due_at = self.waiting_since.map(|since| call.now.plus_ms(look_again_ms(call.now.ms_since(since))));
        } else if tries >= CALLBACK_TRIES_MAX {
            (order.tries, order.due_at) = (tries, None);
        } else {
            (order.tries, order.due_at) = (tries, Some(call.now.plus_ms(pause_ms(tries))));
        }
        Ok(self.has_news)
    }
}

/// A try was taken: it is told of the next thing, if there is one.
#[derive(Debug, Clone)]
pub struct EndCallback {
    /// Whose order.
    pub endpoint: MposEndpointId,
    /// Which one.
    pub client_order_id: String,
    /// What was told.
    pub operation: u32,
}

impl Command for EndCallback {
    type Reply = ();

    fn name(&self) -> &'static str {
        "mpos_order.end_callback"
    }

    fn keys(&self) -> Vec<Key> {
        vec![Key::MposOrder(self.endpoint, self.client_order_id.clone())]
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<(), Stop<command::Refusal>> {
        require_role(call, Role::System)?;
        if find_order(work, call, self.endpoint, &self.client_order_id)?.told < self.operation {
            let order = change_order(work, call, self.endpoint, &self.client_order_id)?;
            (order.told, order.tries, order.due_at) = (self.operation, 0, Some(call.now));
        }
        Ok(())
    }
}

/// A command about an order's payment; what comes of it is told.
#[derive(Debug, Clone)]
pub struct Followed<C> {
    /// Whose order.
    pub endpoint: MposEndpointId,
    /// Which one.
    pub client_order_id: String,
    /// What is asked.
    pub command: C,
}

impl<C: Command<Reply = Moved>> Command for Followed<C> {
    type Reply = Moved;

    fn name(&self) -> &'static str {
        self.command.name()
    }

    fn keys(&self) -> Vec<Key> {
        let order = Key::MposOrder(self.endpoint, self.client_order_id.clone());
        self.command.keys().into_iter().chain([order]).collect()
    }

    fn decide(&self, work: &mut UnitOfWork, call: &mut Call<'_>) -> Result<Moved, Stop<command::Refusal>> {
        work.require([Key::MposOrder(self.endpoint, self.client_order_id.clone())])?;
        let moved = self.command.decide(work, call)?;
        if find_order(work, call, self.endpoint, &self.client_order_id)?.notify_url.is_some() {
            change_order(work, call, self.endpoint, &self.client_order_id)?.due_at = Some(call.now);
        }
        Ok(moved)
    }
}

fn find_order<'a>(
    work: &'a UnitOfWork,
    call: &Call<'_>,
    endpoint: MposEndpointId,
    client_order_id: &str,
) -> Result<&'a MposOrder, Stop<command::Refusal>> {
    let key = (endpoint, client_order_id.to_owned());
    work.mpos_orders.find(call.merchant, &key).ok_or_else(|| not_found("mpos_order", client_order_id))
}

fn change_order<'a>(
    work: &'a mut UnitOfWork,
    call: &Call<'_>,
    endpoint: MposEndpointId,
    client_order_id: &str,
) -> Result<&'a mut MposOrder, Stop<command::Refusal>> {
    let key = (endpoint, client_order_id.to_owned());
    work.mpos_orders.find_mut(call.merchant, &key).ok_or_else(|| not_found("mpos_order", client_order_id))
}

/// What is waited for is looked at the less often the longer it takes.
fn look_again_ms(waited_ms: i64) -> i64 {
    waited_ms.wrapping_div(WAITED_PER_PAUSE).clamp(*LOOK_AGAIN_MS.start(), *LOOK_AGAIN_MS.end())
}

/// The pause after so many tries.
fn pause_ms(tries: u32) -> i64 {
    let longer = |pause: i64, _| pause.saturating_mul(GROWTH).wrapping_div(THOUSAND);
    (1..tries).fold(PAUSE_MS_FIRST, longer)
}

/// When it is told again after so many tries, from the first one on.
#[cfg(test)]
fn told_within(tries: u32) -> Timestamp {
    Timestamp((1..tries).map(pause_ms).sum())
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::super::order::tests::{an_order, shop};
    use super::*;
    use crate::payment::shop::Shop;
    use crate::payment::{Approval, AskRefund, Outcome, Witness};
    use crate::testing::MERCHANT;

    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

    fn order(shop: &Shop) -> MposOrder {
        let key = (an_order("1").endpoint, "1".to_owned());
        shop.world.database.mpos_orders.find(MERCHANT, &key).unwrap().clone()
    }

    fn claim(shop: &Shop, has_news: bool) -> ClaimCallback {
        let MposOrder { endpoint, client_order_id, version, .. } = order(shop);
        ClaimCallback { endpoint, client_order_id, version, has_news, waiting_since: None }
    }

    fn ended(shop: &Shop, operation: u32) -> EndCallback {
        let MposOrder { endpoint, client_order_id, .. } = order(shop);
        EndCallback { endpoint, client_order_id, operation }
    }

    fn approved(approved_minor: i64) -> Outcome {
        Outcome::Approved(Approval { approved_minor, provider_reference: None, funding: None })
    }

    #[test]
    fn thirty_tries_are_made_over_fourteen_days() {
        let last = told_within(CALLBACK_TRIES_MAX).0;
        assert!((13 * DAY_MS..=14 * DAY_MS).contains(&last), "{last}");
        let (mut shop, _) = shop();
        let begun = shop.run(&an_order("1")).unwrap();
        shop.tell(begun.moved.operations[0].id, Witness::Reply, approved(1_000));
        let mut tries = 0;
        while let Some(due_at) = order(&shop).due_at {
            shop.advance_ms(due_at.ms_since(shop.now));
            assert!(shop.run(&claim(&shop, true)).unwrap());
            tries += 1;
        }
        assert_eq!((tries, order(&shop).tries, order(&shop).told), (CALLBACK_TRIES_MAX, CALLBACK_TRIES_MAX, 0));
    }

    #[test]
    fn what_is_under_way_is_looked_at_again_and_ever_less_often() {
        let (mut shop, _) = shop();
        shop.run(&an_order("1")).unwrap();
        let wait = |shop: &Shop, since: Timestamp| ClaimCallback { waiting_since: Some(since), ..claim(shop, false) };
        let begun_at = shop.now;
        assert!(!shop.run(&wait(&shop, begun_at)).unwrap());
        assert_eq!(order(&shop).due_at, Some(begun_at.plus_ms(500)));
        shop.advance_ms(80_000);
        shop.run(&wait(&shop, begun_at)).unwrap();
        assert_eq!(order(&shop).due_at, Some(shop.now.plus_ms(10_000)));
        shop.advance_ms(DAY_MS);
        shop.run(&wait(&shop, begun_at)).unwrap();
        assert_eq!(order(&shop).due_at, Some(shop.now.plus_ms(600_000)));
    }

    #[test]
    fn one_of_two_hubs_takes_a_try_and_nobody_before_it_is_due() {
        let (mut shop, _) = shop();
        shop.run(&an_order("1")).unwrap();
        let seen = claim(&shop, true);
        assert!(shop.run(&seen).unwrap());
        assert!(!shop.run(&seen).unwrap());
        assert!(!shop.run(&claim(&shop, true)).unwrap());
    }

    #[test]
    fn what_ended_is_told_one_after_the_other_and_each_where_it_is_wanted() {
        let (mut shop, _) = shop();
        let begun = shop.run(&an_order("1")).unwrap();
        let news = |shop: &Shop, moved: &Moved| told_now(&order(shop), &moved.payment, &moved.operations);
        assert_eq!(news(&shop, &begun.moved), None);
        let paid = shop.tell(begun.moved.operations[0].id, Witness::Reply, approved(1_000));
        let told = news(&shop, &paid).unwrap();
        assert_eq!((told.url.as_str(), told.standing.status), ("https://app.test/end", Status::Approved));
        shop.run(&claim(&shop, true)).unwrap();
        shop.run(&ended(&shop, 1)).unwrap();
        assert_eq!(news(&shop, &paid), None);
        shop.run(&claim(&shop, false)).unwrap();
        assert_eq!((order(&shop).due_at, order(&shop).told), (None, 1));
        let refund = AskRefund { payment: paid.payment.id, amount_minor: None, reason: String::new() };
        let MposOrder { endpoint, client_order_id, .. } = order(&shop);
        let asked = shop.run(&Followed { endpoint, client_order_id, command: refund }).unwrap();
        assert!(order(&shop).due_at.is_some());
        assert_eq!(news(&shop, &asked), None);
        let back = shop.tell(asked.operations[1].id, Witness::Reply, approved(1_000));
        let told = news(&shop, &back).unwrap();
        assert_eq!((told.url.as_str(), told.standing.stage.as_str()), ("https://app.test/all", "reversal"));
    }
}
