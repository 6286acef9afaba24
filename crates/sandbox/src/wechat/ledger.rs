//! What the played WeChat Pay knows: orders, refunds, and who was charged. Time is passed in.

use std::collections::BTreeMap;

use super::problem::Problem;
use crate::paypay::Fault;

/// Orders kept. A sandbox that runs for weeks ends here and not by taking all memory.
const ORDERS_MAX: usize = 1_000_000;
/// Refunds of one order.
const REFUNDS_MAX: usize = 50;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody has paid.
    NotPay,
    /// The customer is typing a password.
    UserPaying,
    /// Paid.
    Success,
    /// Closed before anybody paid.
    Closed,
    /// Reversed: what was paid is given back.
    Revoked,
    /// The wallet refused.
    PayError,
}

/// Which interface an order was made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interface {
    Mainland,
    Global,
    V2,
}

/// How an order is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The shop shows a code, until this time.
    Shown { until_ms: i64 },
    /// The customer showed one.
    Scanned,
}

#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub number: String,
    pub id: u64,
    pub amount: i64,
    pub notify_url: Option<String>,
}

/// All that there is under one out_trade_no.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub interface: Interface,
    pub way: Way,
    pub amount: i64,
    pub currency: String,
    pub state: State,
    /// None as long as nobody paid.
    pub transaction: Option<u64>,
    pub made_at_ms: i64,
    pub paid_at_ms: i64,
    pub refunds: Vec<Refund>,
    pub notify_url: Option<String>,
    pub description: String,
    /// The customer of a shown code has gone. Nobody is told, and until it is closed the code can be paid.
    pub is_left: bool,
}

impl Order {
    /// The money taken and not given back.
    fn net_amount(&self) -> i64 {
        if self.state == State::Success { self.amount - self.refunded() } else { 0 }
    }

    fn refunded(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    /// The provider's word for how it stands.
    pub fn trade_state(&self) -> &'static str {
        match self.state {
            State::Success if !self.refunds.is_empty() => "REFUND",
            State::Success => "SUCCESS",
            State::NotPay => "NOTPAY",
            State::UserPaying => "USERPAYING",
            State::Closed => "CLOSED",
            State::Revoked => "REVOKED",
            State::PayError => "PAYERROR",
        }
    }

    /// Whether a customer can pay it.
    fn is_open(&self, now_ms: i64) -> bool {
        match (self.way, self.state) {
            (Way::Shown { until_ms }, State::NotPay) => now_ms < until_ms,
            (Way::Scanned, State::UserPaying) => true,
            _ => false,
        }
    }

    pub fn fault(&self) -> Fault {
        Fault::of_amount(self.amount)
    }
}

/// What the outside of a test sees of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// out_trade_no.
    pub number: String,
    /// Where it stands.
    pub state: State,
    /// The money taken from the customer and not given back.
    pub net_amount: i64,
}

/// An order that is asked for.
pub(super) struct Wanted {
    pub interface: Interface,
    pub number: String,
    pub amount: i64,
    pub currency: String,
    pub description: String,
    pub notify_url: Option<String>,
}

/// A refund that is asked for.
pub(super) struct WantedRefund {
    pub order: String,
    pub number: String,
    pub amount: i64,
    pub total: i64,
    pub currency: String,
    pub notify_url: Option<String>,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    orders: BTreeMap<String, Order>,
    by_refund: BTreeMap<String, String>,
    last_id: u64,
}

impl Ledger {
    /// An empty one, whose ids are above this number.
    pub fn beginning_at(last_id: u64) -> Self {
        Self { last_id, ..Self::default() }
    }

    /// A number that no other thing of this ledger has.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn make(&mut self, wanted: &Wanted, way: Way, state: State, now_ms: i64) -> Result<(), Problem> {
        if self.orders.contains_key(&wanted.number) {
            return Err(Problem::OutTradeNoUsed);
        }
        if self.orders.len() >= ORDERS_MAX {
            return Err(Problem::SystemError);
        }
        let order = Order {
            interface: wanted.interface,
            way,
            amount: wanted.amount,
            currency: wanted.currency.clone(),
            state,
            transaction: None,
            made_at_ms: now_ms,
            paid_at_ms: 0,
            refunds: Vec::new(),
            notify_url: wanted.notify_url.clone(),
            description: wanted.description.clone(),
            is_left: false,
        };
        self.orders.insert(wanted.number.clone(), order);
        Ok(())
    }

    /// Makes an order whose code is shown until then.
    pub fn show(&mut self, wanted: &Wanted, until_ms: i64, now_ms: i64) -> Result<(), Problem> {
        self.make(wanted, Way::Shown { until_ms }, State::NotPay, now_ms)
    }

    /// Charges the wallet behind a scanned code, or asks its owner for a password first.
    pub fn charge(&mut self, wanted: &Wanted, asks_customer: bool, now_ms: i64) -> Result<Order, Problem> {
        self.make(wanted, Way::Scanned, State::UserPaying, now_ms)?;
        if asks_customer {
            return Err(Problem::UserPaying);
        }
        self.pay(&wanted.number, now_ms)
    }

    /// The customer pays. What the amount's fault says of the wallet is played here: a shown code can be tried again.
    pub fn pay(&mut self, number: &str, now_ms: i64) -> Result<Order, Problem> {
        let id = self.next_id();
        let order = self.orders.get_mut(number).ok_or(Problem::OrderNotExist)?;
        if !order.is_open(now_ms) {
            return Err(Problem::InvalidRequest);
        }
        if order.fault() == Fault::Decline {
            if order.way == Way::Scanned {
                order.state = State::PayError;
            }
            return Err(Problem::NotEnough);
        }
        (order.state, order.transaction, order.paid_at_ms) = (State::Success, Some(id), now_ms);
        Ok(order.clone())
    }

    /// The customer does not type the password.
    pub fn call_off(&mut self, number: &str) -> Result<Order, Problem> {
        let order = self.orders.get_mut(number).ok_or(Problem::OrderNotExist)?;
        if order.state != State::UserPaying {
            return Err(Problem::InvalidRequest);
        }
        order.state = State::PayError;
        Ok(order.clone())
    }

    /// The customer of a shown code goes away.
    pub fn leave(&mut self, number: &str, now_ms: i64) -> Result<(), Problem> {
        let order = self.orders.get_mut(number).ok_or(Problem::OrderNotExist)?;
        if order.is_left || !order.is_open(now_ms) {
            return Err(Problem::InvalidRequest);
        }
        order.is_left = true;
        Ok(())
    }

    /// What waits for a customer, the latest first.
    pub fn waiting(&self, count_max: usize, now_ms: i64) -> Vec<(String, Order)> {
        let found = self.orders.iter().rev().filter(|(_, order)| order.is_open(now_ms) && !order.is_left);
        found.take(count_max).map(|(number, order)| (number.clone(), order.clone())).collect()
    }

    /// An order by its number.
    pub fn find(&self, number: &str) -> Result<&Order, Problem> {
        self.orders.get(number).ok_or(Problem::OrderNotExist)
    }

    /// Closes an order that nobody has paid.
    pub fn close(&mut self, number: &str) -> Result<(), Problem> {
        let order = self.orders.get_mut(number).ok_or(Problem::OrderNotExist)?;
        match order.state {
            State::NotPay => order.state = State::Closed,
            State::Success => return Err(Problem::OrderPaid),
            State::Closed | State::Revoked => return Err(Problem::OrderClosed),
            State::UserPaying | State::PayError => return Err(Problem::InvalidRequest),
        }
        Ok(())
    }

    /// Undoes an order: paid or not. A second time is the same.
    pub fn reverse(&mut self, number: &str, hold_ms: i64, now_ms: i64) -> Result<(), Problem> {
        let order = self.orders.get_mut(number).ok_or(Problem::OrderNotExist)?;
        if order.way != Way::Scanned || !order.refunds.is_empty() || now_ms - order.made_at_ms < hold_ms {
            return Err(Problem::InvalidRequest);
        }
        order.state = State::Revoked;
        Ok(())
    }

    /// Gives money back. The same number is answered with the same refund; the second value says that it is new.
    pub fn refund(&mut self, wanted: &WantedRefund) -> Result<(Order, Refund, bool), Problem> {
        let id = self.next_id();
        let order = self.orders.get_mut(&wanted.order).ok_or(Problem::OrderNotExist)?;
        if let Some(known) = order.refunds.iter().find(|known| known.number == wanted.number) {
            let is_same = known.amount == wanted.amount;
            return if is_same { Ok((order.clone(), known.clone(), false)) } else { Err(Problem::InvalidRequest) };
        }
        let fits = order.state == State::Success && wanted.total == order.amount && wanted.currency == order.currency;
        let has_room = order.refunds.len() < REFUNDS_MAX && order.refunded() + wanted.amount <= order.amount;
        if !fits || !has_room || self.by_refund.contains_key(&wanted.number) {
            return Err(Problem::InvalidRequest);
        }
        let WantedRefund { number, amount, notify_url, .. } = wanted;
        let refund = Refund { number: number.clone(), id, amount: *amount, notify_url: notify_url.clone() };
        order.refunds.push(refund.clone());
        self.by_refund.insert(number.clone(), wanted.order.clone());
        Ok((order.clone(), refund, true))
    }

    /// A refund by its number, with its order and that one's number.
    pub fn find_refund(&self, number: &str) -> Result<(String, Order, Refund), Problem> {
        let of = self.by_refund.get(number).ok_or(Problem::RefundNotExist)?;
        let order = self.find(of)?;
        let refund = order.refunds.iter().find(|known| known.number == number).ok_or(Problem::RefundNotExist)?;
        Ok((of.clone(), order.clone(), refund.clone()))
    }

    /// All orders.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |(number, order): (&String, &Order)| Entry {
            number: number.clone(),
            state: order.state,
            net_amount: order.net_amount(),
        };
        self.orders.iter().map(entry).collect()
    }
}
