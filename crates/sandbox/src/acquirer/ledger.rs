//! What the played bank knows: orders, what was asked of each, and who was charged. Time is passed in.

use std::collections::{BTreeMap, BTreeSet};

use super::card::Card;
use super::fault::{Amounts, Fault, Leg};
use super::wire::Problem;

/// Orders kept. A sandbox that runs for weeks ends here and not by taking all memory.
const ORDERS_MAX: usize = 1_000_000;
/// Requests of one order: one cannot be given back in smaller parts.
const STAGES_MAX: usize = 100;

/// What an order was asked for, in the words of `transaction-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Charged in one step.
    Sale,
    /// Promised.
    Preauth,
    /// Taken of a promise.
    Capture,
    /// A promise given back.
    Cancel,
    /// Money given back.
    Reversal,
}

impl Stage {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Preauth => "preauth",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Reversal => "reversal",
        }
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Approved,
    /// Refused by the bank.
    Declined,
    /// What the reader gave could not be read.
    Error,
    /// Worked on.
    Processing,
}

impl Status {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Error => "error",
            Self::Processing => "processing",
        }
    }
}

/// One request of an order.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub serial: u64,
    pub stage: Stage,
    pub status: Status,
}

/// All that there is under one `client_orderid`.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub id: u64,
    pub currency: String,
    /// What it was begun with, in minor units.
    pub initial: i64,
    /// What is left of it: promised or taken, and not given back.
    pub amount: i64,
    pub requests: Vec<Request>,
    pub card: Option<Card>,
    /// The second leg of a chip card is waited for.
    pub awaits_advice: bool,
    pub is_advised: bool,
    pub wants_pin: bool,
    pub callback_url: Option<String>,
    /// The bank takes until then.
    pub pends_until_ms: Option<i64>,
    pub captured: i64,
    pub returned: i64,
    /// How often its status was asked, before the advice and after.
    pub looks: (u32, u32),
}

impl Order {
    pub fn last(&self) -> (Stage, Status) {
        self.requests.last().map_or((Stage::Sale, Status::Processing), |last| (last.stage, last.status))
    }

    fn charge(&self) -> Status {
        self.requests.first().map_or(Status::Processing, |first| first.status)
    }

    /// The bank's answer to the charge, once nothing is waited for.
    fn settle(&mut self, amounts: Amounts, now_ms: i64) {
        let is_over = self.pends_until_ms.is_none_or(|until| until <= now_ms);
        if self.charge() != Status::Processing || self.awaits_advice || !is_over {
            return;
        }
        let fault = amounts.fault(self.initial);
        self.wants_pin = fault == Fault::AskPin && self.card.is_some_and(|card| card.pin != Some(true));
        let status = match self.card {
            None => Status::Error,
            Some(_) if fault == Fault::Decline || self.wants_pin => Status::Declined,
            Some(_) => Status::Approved,
        };
        if let Some(first) = self.requests.first_mut() {
            first.status = status;
            if status == Status::Approved && first.stage == Stage::Sale {
                self.captured = self.initial;
            }
        }
    }

    fn is_preauth(&self) -> bool {
        self.requests.first().is_some_and(|first| first.stage == Stage::Preauth)
    }

    fn is_cancelled(&self) -> bool {
        self.requests.iter().any(|request| request.stage == Stage::Cancel)
    }
}

/// What the outside of a test sees of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `client_orderid`
    pub reference: String,
    /// What it was asked for last.
    pub stage: Stage,
    /// Where that stands.
    pub status: Status,
    /// The money taken from the customer and not given back.
    pub net_amount: i64,
    /// The money that is promised and not taken.
    pub held_amount: i64,
}

/// A charge that is asked for.
pub(super) struct Wanted<'a> {
    pub stage: Stage,
    pub reference: &'a str,
    pub minor: i64,
    pub currency: &'a str,
    pub card: Option<Card>,
    pub callback_url: Option<&'a str>,
    pub pend_ms: i64,
}

/// What a day amounts to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Day {
    pub number: u64,
    pub sales: (u64, i64),
    pub reversals: (u64, i64),
}

/// Everything.
#[derive(Debug)]
pub(super) struct Ledger {
    amounts: Amounts,
    orders: BTreeMap<String, Order>,
    nonces: BTreeSet<String>,
    last_id: u64,
    days: BTreeMap<String, Day>,
    day: Day,
}

impl Ledger {
    /// An empty one, whose ids are above this number.
    pub fn beginning_at(last_id: u64, amounts: Amounts) -> Self {
        Self {
            amounts,
            orders: BTreeMap::new(),
            nonces: BTreeSet::new(),
            last_id,
            days: BTreeMap::new(),
            day: Day::default(),
        }
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Whether a nonce is used for the first time.
    pub fn take_nonce(&mut self, nonce: String) -> bool {
        self.nonces.len() < ORDERS_MAX && self.nonces.insert(nonce)
    }

    /// Begins an order; under a reference that was used it is refused.
    pub fn begin(&mut self, wanted: &Wanted<'_>, now_ms: i64) -> Result<Order, Problem> {
        if self.orders.contains_key(wanted.reference) || self.orders.len() >= ORDERS_MAX {
            return Err(Problem::state("client_orderid was used"));
        }
        let (id, serial) = (self.next_id(), self.next_id());
        let is_pending = self.amounts.fault(wanted.minor) == Fault::Pend;
        let mut order = Order {
            id,
            currency: wanted.currency.to_owned(),
            initial: wanted.minor,
            amount: wanted.minor,
            requests: vec![Request { serial, stage: wanted.stage, status: Status::Processing }],
            card: wanted.card,
            awaits_advice: wanted.card.is_some_and(|card| card.is_chip),
            is_advised: false,
            wants_pin: false,
            callback_url: wanted.callback_url.map(str::to_owned),
            pends_until_ms: is_pending.then_some(now_ms + wanted.pend_ms),
            captured: 0,
            returned: 0,
            looks: (0, 0),
        };
        order.settle(self.amounts, now_ms);
        self.note_charge(&order);
        self.orders.insert(wanted.reference.to_owned(), order.clone());
        Ok(order)
    }

    fn note_charge(&mut self, order: &Order) {
        if order.last() == (Stage::Sale, Status::Approved) {
            self.day.sales = (self.day.sales.0 + 1, self.day.sales.1 + order.initial);
        }
    }

    /// The order, with what time has brought; the second value says that its charge has just ended.
    pub fn find(&mut self, reference: &str, id: &str, now_ms: i64) -> Result<(&mut Order, bool), Problem> {
        let amounts = self.amounts;
        let order = self.orders.get_mut(reference).ok_or_else(Problem::not_found)?;
        if !id.is_empty() && id != order.id.to_string() {
            return Err(Problem::not_found());
        }
        let before = order.charge();
        order.settle(amounts, now_ms);
        let has_ended = before == Status::Processing && order.charge() != Status::Processing;
        if has_ended && order.last() == (Stage::Sale, Status::Approved) {
            self.day.sales = (self.day.sales.0 + 1, self.day.sales.1 + order.initial);
        }
        Ok((order, has_ended))
    }

    /// Takes what the card said to the issuer's answer. A second one is the same.
    pub fn advise(&mut self, reference: &str, card: Option<Card>, now_ms: i64) -> Result<(Order, bool), Problem> {
        let (order, _) = self.find(reference, "", now_ms)?;
        if !order.card.is_some_and(|card| card.is_chip) {
            return Err(Problem::state("the order awaits no advice"));
        }
        order.is_advised = true;
        order.awaits_advice = false;
        if card.is_none() {
            order.card = None;
        }
        let (order, has_ended) = self.find(reference, "", now_ms)?;
        Ok((order.clone(), has_ended))
    }

    /// The fault of a look at the status: the first one before the advice, and the first one after.
    pub fn look(&mut self, reference: &str) -> Fault {
        let fault = self.orders.get(reference).map_or(Fault::None, |order| self.amounts.fault(order.initial));
        let Some(order) = self.orders.get_mut(reference) else { return Fault::None };
        let (looks, leg) = if order.is_advised {
            (&mut order.looks.1, Leg::StatusAfterAdvice)
        } else {
            (&mut order.looks.0, Leg::FirstStatus)
        };
        *looks += 1;
        if *looks == 1 { fault.on(leg) } else { Fault::None }
    }

    fn change(
        &mut self,
        reference: &str,
        id: &str,
        now_ms: i64,
        decide: impl FnOnce(&mut Order) -> Result<(Stage, i64), Problem>,
    ) -> Result<Order, Problem> {
        let serial = self.next_id();
        let (order, _) = self.find(reference, id, now_ms)?;
        if order.charge() != Status::Approved || order.requests.len() >= STAGES_MAX {
            return Err(Problem::state("the order is not in a final successful status"));
        }
        let (stage, minor) = decide(order)?;
        order.requests.push(Request { serial, stage, status: Status::Approved });
        let order = order.clone();
        match stage {
            Stage::Reversal => self.day.reversals = (self.day.reversals.0 + 1, self.day.reversals.1 + minor),
            Stage::Capture => self.day.sales = (self.day.sales.0 + 1, self.day.sales.1 + minor),
            Stage::Sale | Stage::Preauth | Stage::Cancel => {}
        }
        Ok(order)
    }

    /// Takes what was promised, or a part of it.
    pub fn capture(&mut self, reference: &str, id: &str, minor: Option<i64>, now_ms: i64) -> Result<Order, Problem> {
        self.change(reference, id, now_ms, |order| {
            let minor = minor.unwrap_or(order.initial);
            if !order.is_preauth() || order.captured > 0 || order.is_cancelled() || minor > order.initial {
                return Err(Problem::state("nothing to capture"));
            }
            (order.captured, order.amount) = (minor, minor);
            Ok((Stage::Capture, minor))
        })
    }

    /// Gives back: a promise in whole, money in whole or in part.
    pub fn give_back(&mut self, reference: &str, id: &str, minor: Option<i64>, now_ms: i64) -> Result<Order, Problem> {
        self.change(reference, id, now_ms, |order| {
            if order.is_preauth() && order.captured == 0 {
                if order.is_cancelled() {
                    return Err(Problem::state("nothing to give back"));
                }
                order.amount = 0;
                return Ok((Stage::Cancel, 0));
            }
            let left = order.captured - order.returned;
            let minor = minor.unwrap_or(left);
            if minor == 0 || minor > left {
                return Err(Problem::state("more than is left"));
            }
            order.returned += minor;
            order.amount = left - minor;
            Ok((Stage::Reversal, minor))
        })
    }

    /// Takes an approved sale or capture out of the clearing, whole.
    pub fn void(&mut self, reference: &str, id: &str, now_ms: i64) -> Result<Order, Problem> {
        self.change(reference, id, now_ms, |order| {
            if order.captured == 0 || order.returned > 0 {
                return Err(Problem::state("nothing to void"));
            }
            (order.returned, order.amount) = (order.captured, 0);
            Ok((Stage::Reversal, order.captured))
        })
    }

    /// Closes the day; the same request is answered with the same day.
    pub fn close_day(&mut self, request: &str) -> Day {
        if let Some(closed) = self.days.get(request) {
            return *closed;
        }
        let closed = Day { number: self.next_id(), ..self.day };
        self.day = Day::default();
        if self.days.len() < ORDERS_MAX {
            self.days.insert(request.to_owned(), closed);
        }
        closed
    }

    /// All orders.
    pub fn entries(&mut self, now_ms: i64) -> Vec<Entry> {
        let amounts = self.amounts;
        let entry = |(reference, order): (&String, &mut Order)| {
            order.settle(amounts, now_ms);
            let (stage, status) = order.last();
            let is_held = order.is_preauth()
                && order.charge() == Status::Approved
                && order.captured == 0
                && !order.is_cancelled();
            Entry {
                reference: reference.clone(),
                stage,
                status,
                net_amount: order.captured - order.returned,
                held_amount: if is_held { order.initial } else { 0 },
            }
        };
        self.orders.iter_mut().map(entry).collect()
    }
}
