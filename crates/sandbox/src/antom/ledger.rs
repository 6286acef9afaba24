//! What the played Antom knows: payments, refunds, and who was charged. Amounts are in the smallest unit. Time is passed in.

use std::collections::BTreeMap;

use super::wire::Problem;
use crate::paypay::Fault;

/// Payments kept. A sandbox that runs for weeks ends here and not by taking all memory.
const PAYMENTS_MAX: usize = 1_000_000;
/// Refunds of one payment.
const REFUNDS_MAX: usize = 50;

/// Where a payment stands, in the provider's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The customer has to confirm.
    Processing,
    /// Paid.
    Success,
    /// Refused.
    Fail,
    /// Cancelled, and given back if it was paid.
    Cancelled,
}

impl Status {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Fail => "FAIL",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// A refund.
#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub request_id: String,
    pub number: u64,
    pub amount: i64,
}

/// All that there is under one paymentRequestId.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub number: u64,
    pub amount: i64,
    pub currency: String,
    pub description: String,
    pub notify_url: Option<String>,
    pub status: Status,
    pub created_at_ms: i64,
    pub refunds: Vec<Refund>,
}

impl Payment {
    fn refunded(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    /// The money taken and not given back.
    fn net_amount(&self) -> i64 {
        if self.status == Status::Success { self.amount - self.refunded() } else { 0 }
    }
}

/// What the outside of a test sees of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// paymentRequestId.
    pub reference: String,
    /// Where it stands.
    pub status: Status,
    /// The money taken from the customer and not given back.
    pub net_amount: i64,
}

/// A payment that is asked for.
pub(super) struct Wanted<'a> {
    pub reference: &'a str,
    pub amount: i64,
    pub currency: &'a str,
    pub description: &'a str,
    pub notify_url: Option<&'a str>,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    payments: BTreeMap<String, Payment>,
    /// By refundRequestId: under which paymentRequestId it is.
    by_refund: BTreeMap<String, String>,
    /// By Antom's number of a payment.
    by_number: BTreeMap<u64, String>,
    last_number: u64,
}

impl Ledger {
    /// An empty one, whose numbers are above this one.
    pub fn beginning_at(last_number: u64) -> Self {
        Self { last_number, ..Self::default() }
    }

    /// A number that no other thing of this ledger has.
    pub fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Charges a wallet. The same request again is answered with what became of it; the second value says that it is new.
    /// What the amount's fault says of the wallet is played here.
    pub fn pay(&mut self, wanted: &Wanted<'_>, now_ms: i64) -> Result<(Payment, bool), Problem> {
        if let Some(known) = self.payments.get(wanted.reference) {
            let is_same = known.amount == wanted.amount && known.currency == wanted.currency;
            return if is_same { Ok((known.clone(), false)) } else { Err(Problem::REPEAT_INCONSISTENT) };
        }
        if self.payments.len() >= PAYMENTS_MAX {
            return Err(Problem::UNKNOWN);
        }
        let payment = Payment {
            number: self.next_number(),
            amount: wanted.amount,
            currency: wanted.currency.to_owned(),
            description: wanted.description.to_owned(),
            notify_url: wanted.notify_url.map(str::to_owned),
            status: match Fault::of_amount(wanted.amount) {
                Fault::Pend => Status::Processing,
                Fault::Decline => Status::Fail,
                _ => Status::Success,
            },
            created_at_ms: now_ms,
            refunds: Vec::new(),
        };
        self.by_number.insert(payment.number, wanted.reference.to_owned());
        self.payments.insert(wanted.reference.to_owned(), payment.clone());
        Ok((payment, true))
    }

    /// The customer decides on a payment that waits.
    pub fn decide(&mut self, reference: &str, is_confirmed: bool) -> Result<Payment, Problem> {
        let payment = self.payments.get_mut(reference).ok_or(Problem::NOT_EXIST)?;
        if payment.status != Status::Processing {
            return Err(Problem::STATUS_INVALID);
        }
        payment.status = if is_confirmed { Status::Success } else { Status::Fail };
        Ok(payment.clone())
    }

    /// What waits for a customer, the latest first.
    pub fn waiting(&self, count_max: usize) -> Vec<(String, Payment)> {
        let found = self.payments.iter().rev().filter(|(_, payment)| payment.status == Status::Processing);
        found.take(count_max).map(|(reference, payment)| (reference.clone(), payment.clone())).collect()
    }

    /// A payment by paymentRequestId.
    pub fn find(&self, reference: &str) -> Result<&Payment, Problem> {
        self.payments.get(reference).ok_or(Problem::NOT_EXIST)
    }

    /// Undoes a payment, paid or not. A second time is the same.
    pub fn cancel(&mut self, reference: &str) -> Result<Payment, Problem> {
        let payment = self.payments.get_mut(reference).ok_or(Problem::NOT_EXIST)?;
        match payment.status {
            Status::Success if !payment.refunds.is_empty() => Err(Problem::STATUS_INVALID),
            Status::Fail => Err(Problem::STATUS_INVALID),
            Status::Processing | Status::Success | Status::Cancelled => {
                payment.status = Status::Cancelled;
                Ok(payment.clone())
            }
        }
    }

    /// Gives money back. The same request again is the same refund.
    pub fn refund(&mut self, number: u64, request_id: &str, amount: (i64, &str)) -> Result<Refund, Problem> {
        let refund_number = self.next_number();
        let (reference, (amount, currency)) = (self.by_number.get(&number).ok_or(Problem::NOT_EXIST)?, amount);
        let payment = self.payments.get_mut(reference).ok_or(Problem::NOT_EXIST)?;
        if let Some(known) = payment.refunds.iter().find(|known| known.request_id == request_id) {
            return if known.amount == amount { Ok(known.clone()) } else { Err(Problem::REPEAT_INCONSISTENT) };
        }
        match payment.status {
            Status::Success => {}
            Status::Cancelled => return Err(Problem::CANCELED),
            Status::Processing | Status::Fail => return Err(Problem::STATUS_INVALID),
        }
        let is_too_much = payment.refunded() + amount > payment.amount || payment.refunds.len() >= REFUNDS_MAX;
        if is_too_much || payment.currency != currency {
            return Err(Problem::REFUND_EXCEED);
        }
        let refund = Refund { request_id: request_id.to_owned(), number: refund_number, amount };
        payment.refunds.push(refund.clone());
        self.by_refund.insert(request_id.to_owned(), reference.clone());
        Ok(refund)
    }

    /// A refund by refundRequestId, and its payment.
    pub fn find_refund(&self, request_id: &str) -> Result<(&Payment, &Refund), Problem> {
        let payment = self.by_refund.get(request_id).and_then(|reference| self.payments.get(reference));
        let payment = payment.ok_or(Problem::REFUND_NOT_EXIST)?;
        let refund = payment.refunds.iter().find(|refund| refund.request_id == request_id);
        refund.map(|refund| (payment, refund)).ok_or(Problem::REFUND_NOT_EXIST)
    }

    /// All payments.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |(reference, payment): (&String, &Payment)| Entry {
            reference: reference.clone(),
            status: payment.status,
            net_amount: payment.net_amount(),
        };
        self.payments.iter().map(entry).collect()
    }
}
