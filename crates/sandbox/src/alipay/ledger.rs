//! What the played Alipay knows: codes, trades, refunds, and who was charged. Amounts are fen. Time is passed in.

use std::collections::BTreeMap;

use super::wire::Problem;
use crate::paypay::Fault;

/// Trades kept. A sandbox that runs for weeks ends here and not by taking all memory.
const TRADES_MAX: usize = 1_000_000;
/// Refunds of one trade.
const REFUNDS_MAX: usize = 50;

/// Where a trade stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// There is a code that nobody has scanned: nobody but its maker knows of it.
    NotScanned,
    /// The customer has it on the phone.
    WaitBuyerPay,
    /// Paid.
    Success,
    /// Closed unpaid, or given back as a whole.
    Closed,
}

impl Status {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NotScanned => "NOT_SCANNED",
            Self::WaitBuyerPay => "WAIT_BUYER_PAY",
            Self::Success => "TRADE_SUCCESS",
            Self::Closed => "TRADE_CLOSED",
        }
    }
}

/// A refund.
#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub request_no: String,
    pub amount: i64,
}

/// All that there is under one out_trade_no.
#[derive(Debug, Clone)]
pub(super) struct Trade {
    pub number: u64,
    pub amount: i64,
    pub subject: String,
    pub notify_url: Option<String>,
    /// Until when a code can be scanned; none where the customer showed one.
    pub expires_at_ms: Option<i64>,
    pub status: Status,
    pub paid_at_ms: Option<i64>,
    pub refunds: Vec<Refund>,
}

impl Trade {
    pub fn refunded(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    /// The money taken and not given back. A cancel of a paid trade is in the refunds.
    fn net_amount(&self) -> i64 {
        if self.paid_at_ms.is_some() { self.amount - self.refunded() } else { 0 }
    }

    pub fn is_shown(&self) -> bool {
        self.expires_at_ms.is_some()
    }

    /// Whether a customer can pay it.
    fn is_open(&self, now_ms: i64) -> bool {
        let is_over = self.expires_at_ms.is_some_and(|at| now_ms >= at);
        matches!(self.status, Status::NotScanned | Status::WaitBuyerPay) && !is_over
    }
}

/// What the outside of a test sees of a trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// out_trade_no.
    pub reference: String,
    /// Where it stands.
    pub status: Status,
    /// The money taken from the customer and not given back, in fen.
    pub net_amount: i64,
}

/// A trade that is asked for.
pub(super) struct Wanted<'a> {
    pub reference: &'a str,
    pub amount: i64,
    pub subject: &'a str,
    pub notify_url: Option<&'a str>,
}

/// What a cancel did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Close,
    Refund,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    trades: BTreeMap<String, Trade>,
    last_number: u64,
}

/// The refund that a cancel makes.
const BY_CANCEL: &str = "cancel";

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

    fn add(&mut self, wanted: &Wanted<'_>, expires_at_ms: Option<i64>, status: Status) -> Result<Trade, Problem> {
        if self.trades.len() >= TRADES_MAX {
            return Err(Problem::UNAVAILABLE);
        }
        let trade = Trade {
            number: self.next_number(),
            amount: wanted.amount,
            subject: wanted.subject.to_owned(),
            notify_url: wanted.notify_url.map(str::to_owned),
            expires_at_ms,
            status,
            paid_at_ms: None,
            refunds: Vec::new(),
        };
        self.trades.insert(wanted.reference.to_owned(), trade.clone());
        Ok(trade)
    }

    /// Makes a code. The same again is the same code.
    pub fn precreate(&mut self, wanted: &Wanted<'_>, expires_at_ms: i64) -> Result<Trade, Problem> {
        match self.trades.get(wanted.reference) {
            Some(known) if known.status == Status::Success => Err(Problem::HAS_SUCCESS),
            Some(known) if known.status == Status::Closed => Err(Problem::HAS_CLOSE),
            Some(known) if known.is_shown() && known.amount == wanted.amount => Ok(known.clone()),
            Some(_) => Err(Problem::CONTEXT_INCONSISTENT),
            None => self.add(wanted, Some(expires_at_ms), Status::NotScanned),
        }
    }

    /// Charges the wallet whose code the customer showed. What the amount's fault says of the wallet is played here.
    pub fn pay(&mut self, wanted: &Wanted<'_>, now_ms: i64) -> Result<Trade, Problem> {
        if let Some(known) = self.trades.get(wanted.reference) {
            return match known.status {
                _ if known.amount != wanted.amount || known.is_shown() => Err(Problem::CONTEXT_INCONSISTENT),
                Status::Success => Err(Problem::HAS_SUCCESS),
                Status::Closed => Err(Problem::HAS_CLOSE),
                Status::WaitBuyerPay | Status::NotScanned => Ok(known.clone()),
            };
        }
        self.add(wanted, None, Status::WaitBuyerPay)?;
        match Fault::of_amount(wanted.amount) {
            Fault::Pend => Ok(self.find(wanted.reference)?.clone()),
            Fault::Decline => {
                self.confirm(wanted.reference, now_ms)?;
                Err(Problem::NO_MONEY)
            }
            _ => self.confirm(wanted.reference, now_ms),
        }
    }

    /// The customer scans the code, if there is one, and confirms. A wallet that refuses leaves a trade that is closed unpaid.
    pub fn confirm(&mut self, reference: &str, now_ms: i64) -> Result<Trade, Problem> {
        let trade = self.trades.get_mut(reference).ok_or(Problem::NOT_EXIST)?;
        if !trade.is_open(now_ms) {
            return Err(Problem::STATUS_ERROR);
        }
        if Fault::of_amount(trade.amount) == Fault::Decline {
            trade.status = Status::Closed;
        } else {
            (trade.status, trade.paid_at_ms) = (Status::Success, Some(now_ms));
        }
        Ok(trade.clone())
    }

    /// The customer scans the code and thinks.
    pub fn scan(&mut self, reference: &str, now_ms: i64) -> Result<Trade, Problem> {
        let trade = self.trades.get_mut(reference).ok_or(Problem::NOT_EXIST)?;
        if trade.status != Status::NotScanned || trade.expires_at_ms.is_some_and(|at| now_ms >= at) {
            return Err(Problem::STATUS_ERROR);
        }
        trade.status = Status::WaitBuyerPay;
        Ok(trade.clone())
    }

    /// The customer calls it off: the trade is closed unpaid.
    pub fn call_off(&mut self, reference: &str, now_ms: i64) -> Result<Trade, Problem> {
        let trade = self.trades.get_mut(reference).ok_or(Problem::NOT_EXIST)?;
        if !trade.is_open(now_ms) {
            return Err(Problem::STATUS_ERROR);
        }
        trade.status = Status::Closed;
        Ok(trade.clone())
    }

    /// What waits for a customer, the latest first.
    pub fn waiting(&self, count_max: usize, now_ms: i64) -> Vec<(String, Trade)> {
        let found = self.trades.iter().rev().filter(|(_, trade)| trade.is_open(now_ms));
        found.take(count_max).map(|(reference, trade)| (reference.clone(), trade.clone())).collect()
    }

    /// A trade as the shop may know it: one that nobody has scanned is not there.
    pub fn find(&self, reference: &str) -> Result<&Trade, Problem> {
        let trade = self.trades.get(reference).filter(|trade| trade.status != Status::NotScanned);
        trade.ok_or(Problem::NOT_EXIST)
    }

    /// The amount of whatever there is.
    pub fn amount(&self, reference: &str) -> Option<i64> {
        self.trades.get(reference).map(|trade| trade.amount)
    }

    /// Undoes what is not known to have been paid. Of a code that nobody has scanned the code ends; of nothing, nothing.
    pub fn cancel(&mut self, reference: &str, now_ms: i64) -> Result<Option<(Trade, Action)>, Problem> {
        let Some(trade) = self.trades.get_mut(reference) else { return Ok(None) };
        match trade.status {
            Status::NotScanned => {
                trade.expires_at_ms = Some(now_ms);
                Ok(None)
            }
            Status::WaitBuyerPay => {
                trade.status = Status::Closed;
                Ok(Some((trade.clone(), Action::Close)))
            }
            Status::Success if !trade.refunds.is_empty() => Err(Problem::REFUND_FEE_ERR),
            Status::Success => {
                trade.status = Status::Closed;
                trade.refunds.push(Refund { request_no: BY_CANCEL.to_owned(), amount: trade.amount });
                Ok(Some((trade.clone(), Action::Refund)))
            }
            // Once more it is the same cancel.
            Status::Closed => {
                let action = if trade.paid_at_ms.is_some() { Action::Refund } else { Action::Close };
                Ok(Some((trade.clone(), action)))
            }
        }
    }

    /// Gives money back; the second value says whether it was this request that did.
    pub fn refund(&mut self, reference: &str, request_no: &str, amount: i64) -> Result<(Trade, bool), Problem> {
        let trade = self.trades.get_mut(reference).filter(|trade| trade.status != Status::NotScanned);
        let trade = trade.ok_or(Problem::NOT_EXIST)?;
        if let Some(known) = trade.refunds.iter().find(|known| known.request_no == request_no) {
            return if known.amount == amount { Ok((trade.clone(), false)) } else { Err(Problem::DISCORDANT_REPEAT) };
        }
        if trade.status != Status::Success || trade.refunds.len() >= REFUNDS_MAX {
            return Err(Problem::STATUS_ERROR);
        }
        if trade.refunded() + amount > trade.amount {
            return Err(Problem::REFUND_TOO_MUCH);
        }
        trade.refunds.push(Refund { request_no: request_no.to_owned(), amount });
        if trade.refunded() == trade.amount {
            trade.status = Status::Closed;
        }
        Ok((trade.clone(), true))
    }

    /// All trades and codes.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |(reference, trade): (&String, &Trade)| Entry {
            reference: reference.clone(),
            status: trade.status,
            net_amount: trade.net_amount(),
        };
        self.trades.iter().map(entry).collect()
    }
}
