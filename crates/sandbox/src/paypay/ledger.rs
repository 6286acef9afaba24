//! What the played PayPay knows: codes, payments, refunds, and who was charged. Time is passed in.

use std::collections::BTreeMap;

use super::fault::Fault;
use super::sign::Protocol;
use super::wire::Problem;

/// Orders kept. A sandbox that runs for weeks ends here and not by taking all memory.
const ORDERS_MAX: usize = 1_000_000;
/// Refunds of one payment.
const REFUNDS_MAX: usize = 50;

/// Where a payment stands, in the provider's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not yet paid.
    Created,
    /// Promised.
    Authorized,
    /// Paid.
    Completed,
    /// Given back in whole or in part.
    Refunded,
    /// Refused, or undone by a cancel.
    Failed,
    /// Called off, or a promise that was reverted.
    Canceled,
}

impl Status {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Authorized => "AUTHORIZED",
            Self::Completed => "COMPLETED",
            Self::Refunded => "REFUNDED",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
        }
    }
}

/// A code that the shop shows.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub id: u64,
    pub expires_at_s: i64,
    pub is_deleted: bool,
}

/// A refund.
#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub reference: String,
    pub id: u64,
    pub amount: i64,
}

/// All that there is under one merchantPaymentId.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub protocol: Protocol,
    pub amount: i64,
    pub is_authorization: bool,
    /// None where the customer's wallet was charged directly.
    pub code: Option<Code>,
    pub user_authorization_id: Option<String>,
    pub description: String,
    pub status: Status,
    /// None as long as nobody paid.
    pub payment_id: Option<u64>,
    pub accepted_at_s: i64,
    pub captured: i64,
    pub refunds: Vec<Refund>,
    /// A cancel was taken: carried out at this time, or as soon as somebody pays.
    pub cancel_at_ms: Option<i64>,
    pub requested_at: i64,
}

impl Order {
    /// The money taken and not given back.
    fn net_amount(&self) -> i64 {
        match self.status {
            Status::Completed | Status::Refunded => self.captured - self.refunded(),
            Status::Created | Status::Authorized | Status::Failed | Status::Canceled => 0,
        }
    }

    fn refunded(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    /// Carries a cancel out whose time has come.
    fn settle(&mut self, now_ms: i64) {
        if self.cancel_at_ms.is_none_or(|at| at > now_ms) {
            return;
        }
        match self.status {
            Status::Completed => self.status = Status::Failed,
            Status::Authorized => self.status = Status::Canceled,
            Status::Created | Status::Refunded | Status::Failed | Status::Canceled => {}
        }
    }

    /// The amount that is told of it.
    pub fn told_amount(&self) -> i64 {
        if self.captured > 0 { self.captured } else { self.amount }
    }

    fn is_over(&self, now_s: i64) -> bool {
        self.code.as_ref().is_some_and(|code| code.is_deleted || now_s >= code.expires_at_s)
    }
}

/// What the outside of a test sees of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// merchantPaymentId.
    pub reference: String,
    /// Where it stands.
    pub status: Status,
    /// The money taken from the customer and not given back.
    pub net_amount: i64,
    /// The money that is promised and not taken.
    pub held_amount: i64,
}

/// A charge that is asked for.
pub(super) struct Wanted<'a> {
    pub protocol: Protocol,
    pub reference: &'a str,
    pub amount: i64,
    pub is_authorization: bool,
    pub description: &'a str,
    pub requested_at: i64,
}

/// The time, both ways that it is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub ms: i64,
}

impl Now {
    pub const fn s(self) -> i64 {
        self.ms / 1_000
    }
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    orders: BTreeMap<String, Order>,
    by_code: BTreeMap<u64, String>,
    by_payment: BTreeMap<u64, String>,
    by_refund: BTreeMap<String, u64>,
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

    fn check_room(&self) -> Result<(), Problem> {
        if self.orders.len() < ORDERS_MAX { Ok(()) } else { Err(Problem::SERVICE_ERROR) }
    }

    /// Makes a code. The same reference is refused, as the provider does it.
    pub fn make_code(&mut self, wanted: &Wanted<'_>, lives_s: i64, now: Now) -> Result<Order, Problem> {
        if self.orders.contains_key(wanted.reference) {
            return Err(Problem::DUPLICATE_CODE);
        }
        self.check_room()?;
        let id = self.next_id();
        let order =
            Order { code: Some(Code { id, expires_at_s: now.s() + lives_s, is_deleted: false }), ..order(wanted) };
        self.by_code.insert(id, wanted.reference.to_owned());
        self.orders.insert(wanted.reference.to_owned(), order.clone());
        Ok(order)
    }

    /// Charges a wallet. The same reference is answered with what became of it; the second value says that it is new.
    pub fn charge(&mut self, wanted: &Wanted<'_>, user: &str, pends: bool, now: Now) -> Result<(Order, bool), Problem> {
        if let Some(known) = self.orders.get_mut(wanted.reference) {
            known.settle(now.ms);
            let is_same = known.code.is_none() && known.amount == wanted.amount;
            return if is_same { Ok((known.clone(), false)) } else { Err(Problem::INVALID) };
        }
        self.check_room()?;
        let order = Order { user_authorization_id: Some(user.to_owned()), ..order(wanted) };
        self.orders.insert(wanted.reference.to_owned(), order);
        if !pends {
            self.pay(wanted.reference, now)?;
        }
        Ok((self.find(wanted.reference, now)?.clone(), true))
    }

    /// The customer pays. What the amount's fault says of the wallet is played here.
    pub fn pay(&mut self, reference: &str, now: Now) -> Result<Order, Problem> {
        let id = self.next_id();
        let order = self.orders.get_mut(reference).ok_or(Problem::NOT_FOUND)?;
        if order.status != Status::Created || order.is_over(now.s()) {
            return Err(Problem::INVALID);
        }
        order.payment_id = Some(id);
        order.accepted_at_s = now.s();
        if Fault::of_amount(order.amount) == Fault::Decline {
            order.status = Status::Failed;
        } else if order.is_authorization {
            order.status = Status::Authorized;
        } else {
            order.status = Status::Completed;
            order.captured = order.amount;
        }
        order.settle(now.ms);
        let order = order.clone();
        self.by_payment.insert(id, reference.to_owned());
        Ok(order)
    }

    /// The customer calls it off.
    pub fn call_off(&mut self, reference: &str, now: Now) -> Result<Order, Problem> {
        let order = self.orders.get_mut(reference).ok_or(Problem::NOT_FOUND)?;
        if order.status != Status::Created || order.is_over(now.s()) {
            return Err(Problem::INVALID);
        }
        order.status = Status::Canceled;
        Ok(order.clone())
    }

    /// An order by merchantPaymentId.
    pub fn find(&mut self, reference: &str, now: Now) -> Result<&Order, Problem> {
        let order = self.orders.get_mut(reference).ok_or(Problem::NOT_FOUND)?;
        order.settle(now.ms);
        Ok(order)
    }

    /// What waits for a customer, the latest first.
    pub fn waiting(&mut self, count_max: usize, now: Now) -> Vec<(String, Order)> {
        let is_waiting =
            |order: &Order| order.status == Status::Created && order.cancel_at_ms.is_none() && !order.is_over(now.s());
        let found = self.orders.iter().rev().filter(|(_, order)| is_waiting(order));
        found.take(count_max).map(|(reference, order)| (reference.clone(), order.clone())).collect()
    }

    /// A payment by code, as it is asked after.
    pub fn find_by_code(&mut self, reference: &str, now: Now) -> Result<&Order, Problem> {
        let order = self.orders.get_mut(reference).filter(|order| order.code.is_some());
        let order = order.ok_or(Problem::CODE_PAYMENT_NOT_FOUND)?;
        order.settle(now.ms);
        if order.status == Status::Created && order.is_over(now.s()) {
            return Err(Problem::CODE_PAYMENT_NOT_FOUND);
        }
        Ok(order)
    }

    /// The merchantPaymentId behind the provider's own id of a payment.
    pub fn reference_of(&self, payment_id: u64) -> Option<String> {
        self.by_payment.get(&payment_id).cloned()
    }

    /// The merchantPaymentId behind a code.
    pub fn reference_of_code(&self, code_id: u64) -> Option<String> {
        self.by_code.get(&code_id).cloned()
    }

    /// Withdraws a code that nobody has paid.
    pub fn delete_code(&mut self, code_id: u64) -> Result<(), Problem> {
        let reference = self.reference_of_code(code_id).ok_or(Problem::CODE_NOT_FOUND)?;
        let order = self.orders.get_mut(&reference).ok_or(Problem::CODE_NOT_FOUND)?;
        if order.status != Status::Created {
            return Err(Problem::CODE_PAID);
        }
        if let Some(code) = &mut order.code {
            code.is_deleted = true;
        }
        Ok(())
    }

    /// Takes a cancel; it is carried out `delay_ms` later, and of what is not paid yet once somebody pays.
    pub fn cancel(&mut self, reference: &str, delay_ms: i64, now: Now) -> Result<(), Problem> {
        let order = self.orders.get_mut(reference).ok_or(Problem::NOT_FOUND)?;
        if order.status == Status::Refunded || !order.refunds.is_empty() {
            return Err(Problem::NOT_CANCELABLE);
        }
        // Taken again it is the same cancel.
        order.cancel_at_ms = order.cancel_at_ms.or(Some(now.ms + delay_ms));
        Ok(())
    }

    /// Takes what was promised, or a part of it.
    pub fn capture(&mut self, reference: &str, amount: i64, now: Now) -> Result<Order, Problem> {
        let order = self.orders.get_mut(reference).ok_or(Problem::NOT_FOUND)?;
        order.settle(now.ms);
        match order.status {
            Status::Authorized if amount > order.amount => Err(Problem::INVALID),
            Status::Authorized => {
                (order.status, order.captured) = (Status::Completed, amount);
                Ok(order.clone())
            }
            Status::Completed | Status::Refunded => Err(Problem::ALREADY_CAPTURED),
            Status::Created | Status::Failed | Status::Canceled => Err(Problem::ORDER_EXPIRED),
        }
    }

    /// Gives a promise back. A second time is the same.
    pub fn revert(&mut self, payment_id: u64, now: Now) -> Result<Order, Problem> {
        let reference = self.reference_of(payment_id).ok_or(Problem::NOT_FOUND)?;
        let order = self.orders.get_mut(&reference).ok_or(Problem::NOT_FOUND)?;
        order.settle(now.ms);
        match order.status {
            Status::Authorized | Status::Canceled => {
                order.status = Status::Canceled;
                Ok(order.clone())
            }
            _ => Err(Problem::NOT_REVERSIBLE),
        }
    }

    /// Gives money back. The same reference is answered with the same refund; the second value says that it is new.
    pub fn refund(&mut self, refund: &str, payment_id: u64, amount: i64, now: Now) -> Result<(Refund, bool), Problem> {
        let id = self.next_id();
        let reference = self.reference_of(payment_id).ok_or(Problem::NOT_FOUND)?;
        let order = self.orders.get_mut(&reference).ok_or(Problem::NOT_FOUND)?;
        order.settle(now.ms);
        if let Some(known) = order.refunds.iter().find(|known| known.reference == refund) {
            return if known.amount == amount { Ok((known.clone(), false)) } else { Err(Problem::INVALID) };
        }
        let is_paid = matches!(order.status, Status::Completed | Status::Refunded);
        let has_room = order.refunds.len() < REFUNDS_MAX && order.refunded() + amount <= order.captured;
        if !is_paid || !has_room || order.cancel_at_ms.is_some() {
            return Err(Problem::INVALID);
        }
        let made = Refund { reference: refund.to_owned(), id, amount };
        order.refunds.push(made.clone());
        order.status = Status::Refunded;
        self.by_refund.insert(refund.to_owned(), payment_id);
        Ok((made, true))
    }

    /// A refund by its reference, and by its payment where that is named; with the provider's id of the payment.
    pub fn find_refund(&self, refund: &str, payment_id: Option<u64>) -> Result<(u64, Refund), Problem> {
        let payment_id = payment_id.or_else(|| self.by_refund.get(refund).copied()).ok_or(Problem::REFUND_NOT_FOUND)?;
        let order = self.reference_of(payment_id).and_then(|reference| self.orders.get(&reference));
        let found = order.and_then(|order| order.refunds.iter().find(|known| known.reference == refund));
        found.cloned().map(|found| (payment_id, found)).ok_or(Problem::REFUND_NOT_FOUND)
    }

    /// All orders.
    pub fn entries(&mut self, now: Now) -> Vec<Entry> {
        let orders = self.orders.iter_mut().map(|(reference, order)| {
            order.settle(now.ms);
            let held_amount = if order.status == Status::Authorized { order.amount } else { 0 };
            Entry { reference: reference.clone(), status: order.status, net_amount: order.net_amount(), held_amount }
        });
        orders.collect()
    }
}

fn order(wanted: &Wanted<'_>) -> Order {
    Order {
        protocol: wanted.protocol,
        amount: wanted.amount,
        is_authorization: wanted.is_authorization,
        code: None,
        user_authorization_id: None,
        description: wanted.description.to_owned(),
        status: Status::Created,
        payment_id: None,
        accepted_at_s: 0,
        captured: 0,
        refunds: Vec::new(),
        cancel_at_ms: None,
        requested_at: wanted.requested_at,
    }
}
