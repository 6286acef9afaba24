//! Who was charged how much. The truth a test compares the hub with: it is changed only here, and a reference once
//! answered is answered the same for ever.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::ops::Bound;
use std::sync::Arc;

use serde::Serialize;
use tokio::time::Instant;

/// Charges and operations kept. All is in memory: at about 450 bytes each this is a little over two gigabytes.
const RECORDS_MAX: usize = 5_000_000;
/// References that are out of reach, or were. Only tests make them.
const ABSENT_MAX: usize = 100_000;
/// A discount of the provider is one part in so many.
const DISCOUNT_PART: i64 = 10;

/// What a charge asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Promise and take in one step.
    Purchase,
    /// Promise only.
    Authorize,
    /// Take what was promised.
    Capture,
    /// Give money back.
    Refund,
    /// Undo, whatever became of the charge.
    Reversal,
    /// Undo an approved charge.
    Void,
}

/// Where a charge or an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The customer is asked.
    Pending,
    /// Done.
    Approved,
    /// Refused.
    Declined,
    /// Undone by a reversal, perhaps before it arrived.
    Reversed,
    /// Undone by a void.
    Voided,
    /// Not to be seen from outside yet; will be approved whatever happens.
    Late,
}

/// What becomes of a new charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    Approve,
    ApproveHalf,
    ApproveWithDiscount,
    ApproveLate,
    ApproveButDenyIt,
    Decline,
    Pend,
}

/// Three capital letters.
pub(crate) type Currency = [u8; 3];

/// A charge as it was asked for.
#[derive(Debug)]
pub(crate) struct ChargeAsk<'a> {
    pub reference: &'a str,
    pub kind: Kind,
    pub amount: i64,
    pub currency: Currency,
    pub notify_url: Option<&'a str>,
}

/// A capture, void, refund or reversal as it was asked for. A void and a reversal have no amount: they undo all.
#[derive(Debug)]
pub(crate) struct OperationAsk<'a> {
    pub reference: &'a str,
    pub kind: Kind,
    pub charge: &'a str,
    pub amount: Option<i64>,
}

/// Why the ledger has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The reference was used for something else.
    Conflict,
    /// No room; see `RECORDS_MAX` and `ABSENT_MAX`.
    Full,
    /// Nothing known under this reference.
    NotFound,
    /// Only a pending charge can be played.
    NotPending,
    /// The charge exists but must not be seen yet.
    Hidden,
}

/// What the outside is told about a charge or an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    pub id: u64,
    pub kind: Kind,
    pub status: Status,
    pub amount: i64,
    pub approved: i64,
    pub captured: i64,
    pub refunded: i64,
    /// What of the approved amount the provider pays itself.
    pub paid_by_provider: i64,
    pub currency: Currency,
    pub reason: Option<&'static str>,
}

/// An answer, and whether the reference was new. Faults are played for new references only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub view: View,
    pub is_new: bool,
    /// A reversal ended a charge that was still pending: that is worth a notification.
    pub has_ended_pending: bool,
}

#[derive(Debug)]
struct Charge {
    view: View,
    /// The answer that every repeat gets.
    first: View,
    notify_url: Option<Arc<str>>,
    /// A reversal came first: nothing is known but that the charge must not happen.
    is_tombstone: bool,
}

#[derive(Debug)]
struct Operation {
    view: View,
    charge: Box<str>,
}

/// One charge in the snapshot of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The caller's reference.
    pub reference: String,
    /// Money taken from the customer and not given back.
    pub net_amount: i64,
    /// Money promised and not taken.
    pub held_amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// What was approved.
    pub approved: i64,
    /// What was taken.
    pub captured: i64,
    /// What was given back by refunds.
    pub refunded: i64,
    /// Where it stands.
    pub state: Status,
}

/// All money taken in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Total {
    /// ISO 4217.
    pub currency: String,
    /// How many charges.
    pub charges: u64,
    /// Money taken from customers and not given back.
    pub net_amount: i64,
}

/// The books of the provider.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    charges: BTreeMap<Box<str>, Charge>,
    operations: BTreeMap<Box<str>, Operation>,
    /// Until when a reference is out of reach. The row stays, so that the fault is played once.
    absent: BTreeMap<Box<str>, Instant>,
    id_last: u64,
    /// The address used last: callers use one for all, and it is kept once.
    notify_url_last: Option<Arc<str>>,
}

impl Ledger {
    /// Records a charge, or gives the first answer again.
    pub fn charge(&mut self, ask: &ChargeAsk<'_>, plan: Plan) -> Result<Answer, Refusal> {
        if self.operations.contains_key(ask.reference) {
            return Err(Refusal::Conflict);
        }
        let is_full = self.is_full();
        let (id, url) = (self.id_last + 1, self.shared_url(ask.notify_url));
        match self.charges.entry(ask.reference.into()) {
            Slot::Occupied(mut slot) if slot.get().is_tombstone => {
                *slot.get_mut() = Charge::too_late(ask, slot.get().view.id, url);
                Ok(Answer::repeated(slot.get().first))
            }
            Slot::Occupied(slot) => slot.get().repeat(ask),
            Slot::Vacant(_) if is_full => Err(Refusal::Full),
            Slot::Vacant(slot) => {
                self.id_last = id;
                Ok(Answer::new(slot.insert(Charge::new(ask, plan, id, url)).first))
            }
        }
    }

    /// Records a capture, void, refund or reversal, or gives the first answer again. A refusal is an answer too.
    pub fn operate(&mut self, ask: &OperationAsk<'_>, is_declined_by_fault: bool) -> Result<Answer, Refusal> {
        if let Some(known) = self.operations.get(ask.reference) {
            let is_same = known.view.kind == ask.kind
                && *known.charge == *ask.charge
                && ask.amount.is_none_or(|amount| amount == known.view.amount);
            return if is_same { Ok(Answer::repeated(known.view)) } else { Err(Refusal::Conflict) };
        }
        if self.charges.contains_key(ask.reference) {
            return Err(Refusal::Conflict);
        }
        if self.is_full() {
            return Err(Refusal::Full);
        }
        let was_pending = self.charges.get(ask.charge).is_some_and(|charge| charge.view.status == Status::Pending);
        let moved = if is_declined_by_fault { Err("declined_by_fault") } else { self.apply(ask) };
        let view = self.operation_view(ask, moved);
        self.operations.insert(ask.reference.into(), Operation { view, charge: ask.charge.into() });
        let has_ended_pending = was_pending && moved.is_ok();
        Ok(Answer { view, is_new: true, has_ended_pending })
    }

    /// A pending charge is decided: by the customer, played by the control API, or by a fault.
    pub fn decide(&mut self, reference: &str, reason: Option<&'static str>) -> Result<View, Refusal> {
        let charge = self.charges.get_mut(reference).ok_or(Refusal::NotFound)?;
        if charge.view.status != Status::Pending {
            return Err(Refusal::NotPending);
        }
        match reason {
            None => charge.view.approve(charge.view.amount),
            Some(reason) => charge.view.decline(reason),
        }
        Ok(charge.view)
    }

    /// The money of a late charge moves, whatever was answered meanwhile.
    pub fn surface(&mut self, reference: &str) {
        if let Some(charge) = self.charges.get_mut(reference)
            && charge.view.status == Status::Late
        {
            charge.view.approve(charge.view.amount);
        }
    }

    /// What is told about a charge.
    pub fn find_charge(&self, reference: &str) -> Option<View> {
        self.charges.get(reference).map(|charge| charge.view).filter(|view| view.status != Status::Late)
    }

    /// What is told about anything, by its own reference, with the charge that it is about.
    pub fn find(&self, reference: &str) -> Option<(View, Option<&str>)> {
        let operation = self.operations.get(reference).map(|operation| (operation.view, Some(&*operation.charge)));
        operation.or_else(|| self.find_charge(reference).map(|view| (view, None)))
    }

    /// Where the news about a charge goes, and the news.
    pub fn news(&self, reference: &str) -> Option<(Arc<str>, View)> {
        let charge = self.charges.get(reference)?;
        Some((charge.notify_url.clone()?, charge.view))
    }

    /// Whether the reference was answered, or would be but for a fault.
    pub fn is_known(&self, reference: &str) -> bool {
        self.charges.contains_key(reference) || self.operations.contains_key(reference)
    }

    /// Whether connections about this reference are reset.
    pub fn is_absent(&self, reference: &str, now: Instant) -> bool {
        self.absent.get(reference).is_some_and(|until| now < *until)
    }

    /// Puts a reference out of reach, once. Says whether this was the time.
    pub fn go_absent(&mut self, reference: &str, until: Instant) -> Result<bool, Refusal> {
        if self.is_known(reference) || self.absent.contains_key(reference) {
            return Ok(false);
        }
        if self.absent.len() >= ABSENT_MAX {
            return Err(Refusal::Full);
        }
        self.absent.insert(reference.into(), until);
        Ok(true)
    }

    /// The net money taken under one reference.
    pub fn net_amount(&self, reference: &str) -> i64 {
        self.charges.get(reference).map_or(0, |charge| charge.view.net())
    }

    /// Charges in the order of their references, after one, at most so many.
    pub fn entries(&self, after: Option<&str>, limit: usize) -> Vec<Entry> {
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.charges
            .range::<str, _>((lower, Bound::Unbounded))
            .take(limit)
            .map(|(key, charge)| entry(key, charge))
            .collect()
    }

    /// The money taken, by currency.
    pub fn totals(&self) -> Vec<Total> {
        let mut sums: BTreeMap<Currency, (u64, i64)> = BTreeMap::new();
        for charge in self.charges.values().filter(|charge| !charge.is_tombstone) {
            let sum = sums.entry(charge.view.currency).or_default();
            *sum = (sum.0 + 1, sum.1 + charge.view.net());
        }
        let total = |(currency, (charges, net_amount))| Total { currency: text(currency), charges, net_amount };
        sums.into_iter().map(total).collect()
    }

    fn is_full(&self) -> bool {
        self.charges.len() + self.operations.len() >= RECORDS_MAX
    }

    fn shared_url(&mut self, url: Option<&str>) -> Option<Arc<str>> {
        let url = url?;
        if self.notify_url_last.as_deref() != Some(url) {
            self.notify_url_last = Some(url.into());
        }
        self.notify_url_last.clone()
    }

    /// Moves the money of an operation: how much it was about, or why not.
    fn apply(&mut self, ask: &OperationAsk<'_>) -> Result<i64, &'static str> {
        if ask.kind == Kind::Reversal {
            return Ok(self.reverse(ask.charge));
        }
        let charge = self.charges.get_mut(ask.charge).filter(|charge| charge.view.status != Status::Late);
        let view = &mut charge.ok_or("charge_not_found")?.view;
        let amount = ask.amount.unwrap_or(0);
        match ask.kind {
            Kind::Capture => view.capture(amount),
            Kind::Refund => view.refund(amount),
            Kind::Void => view.void(),
            Kind::Purchase | Kind::Authorize | Kind::Reversal => Err("not_an_operation"),
        }
    }

    /// A reversal works whatever became of the charge, also before it arrives: then a tombstone keeps it from happening.
    fn reverse(&mut self, reference: &str) -> i64 {
        match self.charges.get_mut(reference) {
            Some(charge) => charge.view.reverse(),
            None => {
                self.id_last += 1;
                self.charges.insert(reference.into(), Charge::tombstone(self.id_last));
                0
            }
        }
    }

    fn operation_view(&mut self, ask: &OperationAsk<'_>, moved: Result<i64, &'static str>) -> View {
        self.id_last += 1;
        let currency = self.charges.get(ask.charge).map_or(NO_CURRENCY, |charge| charge.view.currency);
        let mut view = View::pending(self.id_last, ask.kind, ask.amount.unwrap_or(0), currency);
        match moved {
            Ok(amount) => (view.status, view.approved) = (Status::Approved, amount),
            Err(reason) => view.decline(reason),
        }
        view
    }
}

/// What stands for the currency of a charge that never arrived: the code for "no currency".
const NO_CURRENCY: Currency = *b"XXX";

impl Charge {
    fn new(ask: &ChargeAsk<'_>, plan: Plan, id: u64, notify_url: Option<Arc<str>>) -> Self {
        let mut view = View::pending(id, ask.kind, ask.amount, ask.currency);
        match plan {
            Plan::Approve | Plan::ApproveButDenyIt => view.approve(ask.amount),
            Plan::ApproveHalf => view.approve(ask.amount / 2),
            Plan::ApproveWithDiscount => {
                view.approve(ask.amount);
                view.paid_by_provider = ask.amount / DISCOUNT_PART;
            }
            Plan::Decline => view.decline("insufficient_funds"),
            Plan::ApproveLate => view.status = Status::Late,
            Plan::Pend => {}
        }
        let mut first = view;
        match plan {
            Plan::ApproveButDenyIt => first.decline("insufficient_funds"),
            Plan::ApproveLate => first.approve(ask.amount),
            Plan::Approve | Plan::ApproveHalf | Plan::ApproveWithDiscount | Plan::Decline | Plan::Pend => {}
        }
        Self { view, first, notify_url, is_tombstone: false }
    }

    fn tombstone(id: u64) -> Self {
        let mut view = View::pending(id, Kind::Purchase, 0, NO_CURRENCY);
        view.status = Status::Reversed;
        Self { view, first: view, notify_url: None, is_tombstone: true }
    }

    /// A charge that arrived after its reversal.
    fn too_late(ask: &ChargeAsk<'_>, id: u64, notify_url: Option<Arc<str>>) -> Self {
        let mut view = View::pending(id, ask.kind, ask.amount, ask.currency);
        view.decline("already_reversed");
        Self { view, first: view, notify_url, is_tombstone: false }
    }

    /// Where to send notifications is not part of what was asked: a caller may have moved.
    fn repeat(&self, ask: &ChargeAsk<'_>) -> Result<Answer, Refusal> {
        if (self.view.kind, self.view.amount, self.view.currency) != (ask.kind, ask.amount, ask.currency) {
            return Err(Refusal::Conflict);
        }
        if self.view.status == Status::Late {
            return Err(Refusal::Hidden);
        }
        Ok(Answer::repeated(self.first))
    }
}

impl Answer {
    const fn new(view: View) -> Self {
        Self { view, is_new: true, has_ended_pending: false }
    }

    const fn repeated(view: View) -> Self {
        Self { view, is_new: false, has_ended_pending: false }
    }
}

impl View {
    const fn pending(id: u64, kind: Kind, amount: i64, currency: Currency) -> Self {
        let status = Status::Pending;
        Self {
            id,
            kind,
            status,
            amount,
            approved: 0,
            captured: 0,
            refunded: 0,
            paid_by_provider: 0,
            currency,
            reason: None,
        }
    }

    fn approve(&mut self, amount: i64) {
        self.status = Status::Approved;
        self.approved = amount;
        self.captured = if self.kind == Kind::Purchase { amount } else { 0 };
        self.reason = None;
    }

    fn decline(&mut self, reason: &'static str) {
        self.status = Status::Declined;
        (self.approved, self.captured) = (0, 0);
        self.reason = Some(reason);
    }

    fn capture(&mut self, amount: i64) -> Result<i64, &'static str> {
        if self.kind != Kind::Authorize || self.status != Status::Approved {
            return Err("not_capturable");
        }
        if amount > self.approved - self.captured {
            return Err("over_capture");
        }
        self.captured += amount;
        Ok(amount)
    }

    fn refund(&mut self, amount: i64) -> Result<i64, &'static str> {
        if self.status != Status::Approved {
            return Err("not_refundable");
        }
        if amount > self.captured - self.refunded {
            return Err("over_refund");
        }
        self.refunded += amount;
        Ok(amount)
    }

    fn void(&mut self) -> Result<i64, &'static str> {
        if self.status != Status::Approved {
            return Err("not_voidable");
        }
        if self.refunded > 0 {
            return Err("already_refunded");
        }
        if self.kind == Kind::Authorize && self.captured > 0 {
            return Err("already_captured");
        }
        self.status = Status::Voided;
        Ok(self.approved)
    }

    /// Gives back what is left; a late charge pays no heed.
    fn reverse(&mut self) -> i64 {
        match self.status {
            Status::Approved => {
                self.status = Status::Reversed;
                self.approved - self.refunded
            }
            Status::Pending => {
                self.status = Status::Reversed;
                0
            }
            Status::Declined | Status::Reversed | Status::Voided | Status::Late => 0,
        }
    }

    const fn net(&self) -> i64 {
        match self.status {
            Status::Approved => self.captured - self.refunded,
            Status::Pending | Status::Declined | Status::Reversed | Status::Voided | Status::Late => 0,
        }
    }

    const fn held(&self) -> i64 {
        match self.status {
            Status::Approved => self.approved - self.captured,
            Status::Pending | Status::Declined | Status::Reversed | Status::Voided | Status::Late => 0,
        }
    }
}

fn entry(reference: &str, charge: &Charge) -> Entry {
    let view = &charge.view;
    Entry {
        reference: reference.to_owned(),
        net_amount: view.net(),
        held_amount: view.held(),
        currency: text(view.currency),
        approved: view.approved,
        captured: view.captured,
        refunded: view.refunded,
        state: view.status,
    }
}

fn text(currency: Currency) -> String {
    currency.iter().map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(reference: &str, kind: Kind, amount: i64) -> ChargeAsk<'_> {
        ChargeAsk { reference, kind, amount, currency: *b"JPY", notify_url: None }
    }

    fn operate(ledger: &mut Ledger, kind: Kind, reference: &str, amount: Option<i64>) -> View {
        let ask = OperationAsk { reference, kind, charge: "a", amount };
        ledger.operate(&ask, false).expect("the reference is free").view
    }

    #[test]
    fn a_purchase_takes_money_once_however_often_it_is_sent() {
        let mut ledger = Ledger::default();
        assert!(ledger.charge(&ask("a", Kind::Purchase, 500), Plan::Approve).expect("room").is_new);
        assert!(!ledger.charge(&ask("a", Kind::Purchase, 500), Plan::Approve).expect("room").is_new);
        assert_eq!(ledger.net_amount("a"), 500);
        let other = ledger.charge(&ask("a", Kind::Purchase, 501), Plan::Approve);
        assert_eq!(other.err(), Some(Refusal::Conflict));
    }

    #[test]
    fn refunds_never_pass_what_was_taken() {
        let mut ledger = Ledger::default();
        ledger.charge(&ask("a", Kind::Purchase, 500), Plan::Approve).expect("room");
        assert_eq!(operate(&mut ledger, Kind::Refund, "r1", Some(300)).status, Status::Approved);
        assert_eq!(operate(&mut ledger, Kind::Refund, "r2", Some(300)).reason, Some("over_refund"));
        assert_eq!(operate(&mut ledger, Kind::Refund, "r1", Some(300)).status, Status::Approved);
        assert_eq!(ledger.net_amount("a"), 200);
    }

    #[test]
    fn an_authorization_takes_nothing_before_its_capture() {
        let mut ledger = Ledger::default();
        ledger.charge(&ask("a", Kind::Authorize, 500), Plan::Approve).expect("room");
        assert_eq!((ledger.net_amount("a"), ledger.entries(None, 9)[0].held_amount), (0, 500));
        assert_eq!(operate(&mut ledger, Kind::Capture, "c1", Some(501)).reason, Some("over_capture"));
        assert_eq!(operate(&mut ledger, Kind::Capture, "c2", Some(400)).status, Status::Approved);
        assert_eq!(operate(&mut ledger, Kind::Void, "v1", None).reason, Some("already_captured"));
        assert_eq!(ledger.net_amount("a"), 400);
    }

    #[test]
    fn a_reversal_that_comes_first_keeps_the_charge_from_happening() {
        let mut ledger = Ledger::default();
        assert_eq!(operate(&mut ledger, Kind::Reversal, "v", None).status, Status::Approved);
        let answer = ledger.charge(&ask("a", Kind::Purchase, 500), Plan::Approve).expect("room");
        assert_eq!((answer.view.status, answer.view.reason), (Status::Declined, Some("already_reversed")));
        assert_eq!(ledger.net_amount("a"), 0);
    }

    #[test]
    fn a_late_charge_moves_money_after_its_reversal() {
        let mut ledger = Ledger::default();
        ledger.charge(&ask("a", Kind::Purchase, 500), Plan::ApproveLate).expect("room");
        assert_eq!(ledger.find_charge("a"), None);
        assert_eq!(operate(&mut ledger, Kind::Reversal, "v", None).status, Status::Approved);
        assert_eq!(ledger.net_amount("a"), 0);
        ledger.surface("a");
        assert_eq!(ledger.net_amount("a"), 500);
        assert_eq!(operate(&mut ledger, Kind::Refund, "r", Some(500)).status, Status::Approved);
        assert_eq!(ledger.net_amount("a"), 0);
    }
}
