//! A provider with its own books of who was charged: idempotent by reference, with tombstones for what was reversed before
//! it came, and with the vices of the kinds in the field. Written without a look at the sandbox.

use std::collections::{BTreeMap, BTreeSet};

use domain::payment::{Approval, Kind, LateApproval, Outcome, Profile, Reason};

use crate::mirror::{Checked, must, payment_text};
use crate::rng::Rng;

/// Payment and number: the reference of an operation.
pub type Reference = (u128, u32);

/// A kind of provider.
#[derive(Debug, Clone)]
pub struct Flavor {
    pub name: &'static str,
    pub profile: Profile,
    /// A reversal that comes before its charge keeps it from happening.
    pub has_tombstones: bool,
    /// It does not count what it refunds.
    pub is_lax: bool,
}

/// The kinds, with timings short enough for a world of minutes and polls few enough for a million payments.
pub fn flavors() -> Vec<Flavor> {
    let base = Profile {
        poll_period_ms: 1_500,
        poll_period_ms_max: 120_000,
        poll_horizon_ms: 20_000,
        // Long enough for an inquiry and the next step after it to fall into it: a step too early must show.
        finality_window_ms: 8_000,
        give_up_ms: 300_000,
        ..Profile::sandbox()
    };
    let flavor = |name, profile, has_tombstones, is_lax| Flavor { name, profile, has_tombstones, is_lax };
    vec![
        flavor("whole", base.clone(), true, false),
        flavor("lax", base.clone(), true, true),
        flavor("forgetful", base.clone(), false, true),
        flavor("no inquiry", Profile { has_inquiry: false, ..base.clone() }, true, false),
        flavor("no reversal", Profile { has_reversal: false, ..base.clone() }, true, true),
        flavor("blind", Profile { has_inquiry: false, has_reversal: false, ..base.clone() }, true, false),
        flavor(
            "stubborn",
            Profile { has_partial_refund: false, late_approval: LateApproval::AskPerson, ..base.clone() },
            false,
            false,
        ),
        flavor(
            "by hand",
            Profile { answer_timeout_ms: 20_000, finality_window_ms: 20_000, ..Profile::manual() },
            true,
            false,
        ),
    ]
}

/// A request as it arrives.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    pub reference: Reference,
    pub kind: Kind,
    pub target: Option<u32>,
    pub asked: i64,
    pub is_inquiry: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Pending,
    Approved,
    Declined,
    /// Called off before it was approved.
    Cancelled,
}

/// One charge in the books.
#[derive(Debug, Clone)]
pub struct Charge {
    status: Status,
    is_two_step: bool,
    asked: i64,
    approved: i64,
    taken: i64,
    refunded: i64,
    is_undone: bool,
    /// The reply says that it was declined.
    is_denied: bool,
}

impl Charge {
    /// The customer's money that the shop has.
    pub fn net(&self) -> i64 {
        if self.is_undone { 0 } else { self.taken - self.refunded }
    }

    /// The customer's money that is only promised.
    pub fn held(&self) -> i64 {
        if self.is_undone || !self.is_two_step || self.taken > 0 { 0 } else { self.approved }
    }

    fn outcome(&self) -> Outcome {
        match self.status {
            Status::Pending => Outcome::Pending,
            Status::Approved => approved(self.approved),
            Status::Declined => Outcome::Declined(Reason("insufficient_funds".to_owned())),
            Status::Cancelled => Outcome::Cancelled,
        }
    }
}

fn approved(amount: i64) -> Outcome {
    Outcome::Approved(Approval { approved_minor: amount, provider_reference: None, funding: None })
}

/// What a request sets off beside its reply.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sequel {
    /// A pending charge is decided later.
    pub is_pending: bool,
    /// Something came to its end: worth a notification.
    pub is_news: bool,
    /// The provider tells of it until it is heard: the reply was wrong, or the shop believes it undone.
    pub is_owed: bool,
}

pub struct Provider {
    pub flavor: Flavor,
    charges: BTreeMap<Reference, Charge>,
    follow_ups: BTreeMap<Reference, (Kind, Outcome)>,
    tombstones: BTreeSet<Reference>,
    /// Charges that a reversal did not find.
    missed: BTreeSet<Reference>,
    charged: BTreeMap<u128, u32>,
}

impl Provider {
    pub fn new(flavor: Flavor) -> Self {
        Self {
            flavor,
            charges: BTreeMap::new(),
            follow_ups: BTreeMap::new(),
            tombstones: BTreeSet::new(),
            missed: BTreeSet::new(),
            charged: BTreeMap::new(),
        }
    }

    /// All charges of a payment: one, or something is wrong.
    pub fn charges_of(&self, payment: u128) -> impl Iterator<Item = (&Reference, &Charge)> {
        self.charges.range((payment, 0)..=(payment, u32::MAX))
    }

    /// What the settlement file says of a payment.
    pub fn settlement_of(&self, payment: u128) -> Vec<(u32, Outcome)> {
        let range = (payment, 0)..=(payment, u32::MAX);
        let charges = self.charges.range(range.clone()).map(|((_, number), charge)| (*number, charge.outcome()));
        let others = self.follow_ups.range(range).map(|((_, number), (_, outcome))| (*number, outcome.clone()));
        charges.chain(others).filter(|(_, outcome)| !matches!(outcome, Outcome::Pending)).collect()
    }

    /// Answers a request.
    pub fn serve(&mut self, request: &Request, rng: &mut Rng) -> Result<(Outcome, Sequel), crate::mirror::Finding> {
        if request.is_inquiry {
            return Ok((self.find(request.reference), Sequel::default()));
        }
        if request.kind.is_charge() {
            return self.take_charge(request, rng);
        }
        if let Some((_, known)) = self.follow_ups.get(&request.reference) {
            return Ok((known.clone(), Sequel::default()));
        }
        let target = (request.reference.0, request.target.unwrap_or(0));
        let outcome = match request.kind {
            Kind::Reversal => self.reverse(target),
            Kind::Void => self.undo(target),
            Kind::Capture => self.capture(target, request.asked),
            Kind::Refund => self.refund(target, request.asked),
            Kind::Authorize | Kind::Purchase => Outcome::Unknown,
        };
        self.follow_ups.insert(request.reference, (request.kind, outcome.clone()));
        Ok((outcome, Sequel { is_pending: false, is_news: true, is_owed: false }))
    }

    /// What is told about a reference.
    pub fn find(&self, reference: Reference) -> Outcome {
        if let Some(charge) = self.charges.get(&reference) {
            return charge.outcome();
        }
        self.follow_ups.get(&reference).map_or(Outcome::NotFound, |(_, outcome)| outcome.clone())
    }

    /// The customer makes up their mind.
    pub fn decide(&mut self, reference: Reference, is_yes: bool) -> bool {
        let Some(charge) = self.charges.get_mut(&reference).filter(|charge| charge.status == Status::Pending) else {
            return false;
        };
        if is_yes {
            approve(charge, charge.asked);
        } else {
            charge.status = Status::Declined;
        }
        true
    }

    fn take_charge(&mut self, request: &Request, rng: &mut Rng) -> Result<(Outcome, Sequel), crate::mirror::Finding> {
        if let Some(known) = self.charges.get(&request.reference) {
            let told = if known.is_denied { declined() } else { known.outcome() };
            return Ok((told, Sequel::default()));
        }
        self.check_once(request.reference)?;
        let mut charge = Charge {
            status: Status::Declined,
            is_two_step: request.kind == Kind::Authorize,
            asked: request.asked,
            approved: 0,
            taken: 0,
            refunded: 0,
            is_undone: false,
            is_denied: false,
        };
        let mut sequel = Sequel { is_pending: false, is_news: true, is_owed: self.missed.contains(&request.reference) };
        if !self.tombstones.contains(&request.reference) {
            match rng.below(100) {
                0..70 => approve(&mut charge, request.asked),
                70..74 => approve(&mut charge, (request.asked / 2).max(1)),
                74..76 => {
                    approve(&mut charge, request.asked);
                    (charge.is_denied, sequel.is_owed) = (true, true);
                }
                76..88 => (charge.status, sequel.is_pending) = (Status::Pending, true),
                _ => {}
            }
        }
        let told = if charge.is_denied { declined() } else { charge.outcome() };
        self.charges.insert(request.reference, charge);
        Ok((told, sequel))
    }

    /// One wish, one reference: whatever is retried goes under the first.
    fn check_once(&mut self, reference: Reference) -> Checked {
        let first = *self.charged.entry(reference.0).or_insert(reference.1);
        must!(
            first == reference.1,
            "I1 a charge is asked for once",
            payment_text(reference.0),
            "charged under operation {first} and under {}",
            reference.1
        );
        Ok(())
    }

    fn reverse(&mut self, target: Reference) -> Outcome {
        let Some(charge) = self.charges.get_mut(&target) else {
            if self.flavor.has_tombstones {
                self.tombstones.insert(target);
            }
            self.missed.insert(target);
            return approved(0);
        };
        match charge.status {
            Status::Pending => {
                charge.status = Status::Cancelled;
                approved(0)
            }
            Status::Approved if charge.refunded > 0 => declined(),
            Status::Approved if !charge.is_undone => {
                charge.is_undone = true;
                approved(charge.approved)
            }
            Status::Approved | Status::Declined | Status::Cancelled => approved(0),
        }
    }

    fn undo(&mut self, target: Reference) -> Outcome {
        match self.charges.get_mut(&target) {
            Some(charge) if charge.status == Status::Approved && charge.refunded == 0 && !charge.is_undone => {
                charge.is_undone = true;
                approved(if charge.taken > 0 { charge.taken } else { charge.approved })
            }
            _ => declined(),
        }
    }

    fn capture(&mut self, target: Reference, asked: i64) -> Outcome {
        match self.charges.get_mut(&target) {
            Some(charge) if charge.held() >= asked && asked > 0 => {
                charge.taken = asked;
                approved(asked)
            }
            _ => declined(),
        }
    }

    /// A refund names the operation that took the money, a charge or its capture.
    fn refund(&mut self, target: Reference, asked: i64) -> Outcome {
        let is_lax = self.flavor.is_lax;
        let charge = self.charges.range_mut((target.0, 0)..=(target.0, u32::MAX)).next().map(|(_, charge)| charge);
        match charge {
            Some(charge) if charge.taken > 0 && !charge.is_undone && (is_lax || charge.net() >= asked) => {
                charge.refunded += asked;
                approved(asked)
            }
            _ => declined(),
        }
    }

    /// Books a charge that an operator keyed into the terminal.
    pub fn key_in(&mut self, reference: Reference, kind: Kind, asked: i64, is_yes: bool) -> Outcome {
        if kind.is_charge() {
            let charge = self.charges.entry(reference).or_insert(Charge {
                status: Status::Declined,
                is_two_step: false,
                asked,
                approved: 0,
                taken: 0,
                refunded: 0,
                is_undone: false,
                is_denied: false,
            });
            if is_yes && charge.status == Status::Declined {
                approve(charge, asked);
            }
            return charge.outcome();
        }
        if let Some((_, known)) = self.follow_ups.get(&reference) {
            return known.clone();
        }
        let outcome = match kind {
            Kind::Void => self.undo((reference.0, 1)),
            Kind::Refund => self.refund((reference.0, 1), asked),
            Kind::Capture | Kind::Reversal | Kind::Authorize | Kind::Purchase => declined(),
        };
        self.follow_ups.insert(reference, (kind, outcome.clone()));
        outcome
    }
}

fn approve(charge: &mut Charge, amount: i64) {
    charge.status = Status::Approved;
    charge.approved = amount;
    if !charge.is_two_step {
        charge.taken = amount;
    }
}

fn declined() -> Outcome {
    Outcome::Declined(Reason("not_possible".to_owned()))
}
