//! The end of a world: the faults stop, people and the settlement file settle what is left, and then everything agrees.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::OperationId;
use domain::payment::{Kind, Outcome, Reason, RecordOutcome, State, Witness};
use domain::sale::{State as SaleState, TenderState};
use domain::time::Timestamp;
use storage::Cell;

use crate::mirror::{Checked, Mirror, Op, Pay, Stand, bytes, found, int, must, payment_text, sale_text};
use crate::people::overrule;
use crate::sender::Record;
use crate::wish::{Ask, payment_id};
use crate::world::{Happening, JUMP_MS, RESOLVED_MS, ROUND_MS, Wish, World};

impl World {
    pub fn calm(&mut self) -> Checked {
        self.is_calm = true;
        self.note(|| "all faults end".to_owned());
        self.is_out.iter_mut().for_each(|is_out| *is_out = false);
        let jumps = if self.has_jumped { 3 * JUMP_MS } else { 0 };
        self.plan(RESOLVED_MS + jumps, Happening::Deadline);
        for wish in 0..self.wishes.len() {
            if self.wishes[wish].answer.is_some() && self.rng.chance(150) {
                let in_ms = self.rng.between(100, 20_000);
                self.plan(in_ms, Happening::Send(wish));
            }
        }
        Ok(())
    }

    /// A manager ends the doubts that were left to a person, with a look at the provider's portal.
    pub fn go_round(&mut self) -> Checked {
        // A promise of funds holds its part of the sale for as long as nobody takes or leaves it.
        let was_voided = |pay: &Pay| pay.ops.iter().any(|op| op.kind == Kind::Void);
        let is_promise = |pay: &Pay| pay.state == State::Authorized && pay.sale.is_some() && !was_voided(pay);
        let open = self.mirror.payments.iter().filter(|(_, pay)| !pay.state.is_final() || is_promise(pay));
        let open: Vec<u128> = open.map(|(payment, _)| *payment).collect();
        if !open.is_empty() {
            self.plan(ROUND_MS, Happening::Round);
        }
        for payment in open {
            let pay = self.mirror.payments[&payment].clone();
            match pay.state {
                State::NeedsPerson => overrule(self, payment, &pay, 0)?,
                State::Authorized => drop(self.wish(pay.merchant, Ask::Void { payment }, false)?),
                _ => {}
            }
        }
        Ok(())
    }

    /// The settlement file comes, for the payments about which a person spoke.
    pub fn settle_all(&mut self) -> Checked {
        for payment in self.spoken.clone() {
            let Some(pay) = self.mirror.payments.get(&payment) else { continue };
            let (merchant, provider) = (pay.merchant, self.connections[&pay.connection]);
            let known: BTreeSet<u32> = pay.ops.iter().map(|op| op.number).collect();
            let mut lines = self.providers[provider].settlement_of(payment);
            let has_line: BTreeSet<u32> = lines.iter().map(|(number, _)| *number).collect();
            // What is not in the file did not happen.
            let missing =
                known.difference(&has_line).map(|number| (*number, Outcome::Declined(Reason("none".to_owned()))));
            lines.extend(missing);
            for (number, outcome) in lines {
                if !known.contains(&number) {
                    continue;
                }
                let command = RecordOutcome {
                    operation: OperationId { payment: payment_id(payment), number },
                    witness: Witness::Settlement,
                    outcome,
                    presented: None,
                    asked_at: Timestamp(self.clock()),
                    is_unreachable: false,
                    fence: None,
                    hint: Vec::new(),
                };
                let merchant = self.shops[merchant].merchant;
                self.record(0, Record { merchant, command, wish: None, tries: 0 })?;
            }
        }
        Ok(())
    }

    /// All answers that were given are still there, to the byte.
    pub fn check_answers(&mut self) -> Checked {
        let given: Vec<&Wish> = self.wishes.iter().filter(|wish| wish.answer.is_some()).collect();
        let mut keys = Vec::new();
        for wish in &given {
            keys.push(Cell::display(self.shops[wish.merchant].merchant));
            keys.push(Cell::Text(wish.key.clone().into()));
        }
        if keys.is_empty() {
            return Ok(());
        }
        let rows = self.disk.read_answers(keys);
        must!(
            rows.len() == given.len(),
            "I4 what is answered is durable",
            "answers",
            "{} of {}",
            rows.len(),
            given.len()
        );
        for (wish, row) in given.into_iter().zip(rows) {
            let Some((status, body)) = &wish.answer else { continue };
            let is_same = int(&row, 4) == i64::from(*status) && bytes(&row, 6) == body;
            must!(is_same, "I4 what is answered is durable", &wish.key, "{row:?}");
        }
        Ok(())
    }

    /// Once the faults have stopped, each doubt has an end or an owner in time.
    pub fn check_resolved(&mut self) -> Checked {
        for (payment, pay) in &self.mirror.payments {
            let is_undone = pay.ops.iter().any(|op| op.kind == Kind::Reversal && op.stand == Stand::Approved);
            let is_over = |op: &Op| op.stand.is_definite() || (op.kind.is_charge() && is_undone);
            let subject = payment_text(*payment);
            must!(
                pay.ops.iter().all(is_over) || self.mirror.has_exception(&subject),
                "I11 resolved in time",
                subject,
                "neither final nor a person's: {pay:?}"
            );
        }
        Ok(())
    }

    pub fn check_at_rest(&mut self) -> Checked {
        self.check_resolved()?;
        for wish in &self.wishes {
            must!(wish.answer.is_some(), "I11 every request is answered", &wish.key, "{:?} was not", wish.ask);
        }
        self.check_answers()?;
        self.check_providers()?;
        self.check_shops()?;
        let mut again = Mirror::new(self.mirror.merchants.clone());
        again.called_off.clone_from(&self.mirror.called_off);
        again.observe(&self.disk.read_all(), false)?;
        if let Some(words) = difference(&self.mirror, &again) {
            return Err(found("I4 what is durable stays", "disk", words));
        }
        let report = self.disk.with(|memory| {
            memory.fault = None;
            storage::check::check(memory)
        });
        let report = report.map_err(|error| found("check", "disk", error.to_string()))?;
        match report.findings.first() {
            Some(finding) => {
                Err(found("check finds it", &finding.subject, format!("{}: {}", finding.rule, finding.words)))
            }
            None => Ok(()),
        }
    }

    /// The provider's books and ours agree, or a person knows.
    pub fn check_providers(&self) -> Checked {
        for (payment, pay) in &self.mirror.payments {
            let provider = &self.providers[self.connections[&pay.connection]];
            let net: i64 = provider.charges_of(*payment).map(|(_, charge)| charge.net()).sum();
            let held: i64 = provider.charges_of(*payment).map(|(_, charge)| charge.held()).sum();
            let subject = payment_text(*payment);
            if self.mirror.has_exception(&subject) {
                continue;
            }
            must!(net >= 0, "I1 refunds stay within the capture", subject, "{} given back too much", -net);
            must!(
                net == pay.net(),
                "I3 the provider agrees",
                subject,
                "the provider has {net} of the customer's money, we say {} ({:?})",
                pay.net(),
                pay.state
            );
            let own = if pay.state == State::Authorized { pay.approved } else { 0 };
            must!(held == own, "I3 the provider agrees", subject, "the provider holds {held}, we say {own}: {pay:?}");
        }
        Ok(())
    }

    pub fn check_shops(&self) -> Checked {
        for (sale, deal) in &self.mirror.sales {
            let pays = deal.tenders.values().filter(|one| one.state == TenderState::Pending);
            let mut pending = pays.filter_map(|one| one.payment);
            let has_owner = |payment: u128| self.mirror.has_exception(&payment_text(payment));
            let subject = sale_text(*sale);
            must!(pending.all(has_owner), "I11 a sale waits for a person only", subject, "{deal:?}");
        }
        let mut open = BTreeMap::new();
        for (sale, deal) in &self.mirror.sales {
            match deal.state {
                SaleState::Open => {
                    *open.entry(deal.register).or_insert(0) += deal.cash();
                    let has_held = deal.held.values().any(|quantity| *quantity != 0);
                    let subject = sale_text(*sale);
                    let is_kept = has_held && !deal.has_pending();
                    must!(!is_kept, "I6 a forgotten sale holds no stock", subject, "{deal:?}");
                }
                SaleState::Parked | SaleState::Completed | SaleState::Voided => {}
            }
        }
        for shop in &self.shops {
            for register in &shop.registers {
                let id = register.uuid().as_u128();
                let seen = self.cash.get(&id).copied().unwrap_or(0);
                let merchant = self.shops.iter().position(|other| other.merchant == shop.merchant).unwrap_or(0);
                let booked = self.mirror.balances.get(&(merchant, format!("drawer:{register}"))).map_or(0, |own| own.0);
                let in_open = open.get(&id).copied().unwrap_or(0);
                must!(
                    seen == booked + in_open,
                    "I7 the drawer holds the cash",
                    register,
                    "{seen} went in, {booked} booked, {in_open} in open sales"
                );
            }
        }
        Ok(())
    }
}

pub fn difference(one: &Mirror, other: &Mirror) -> Option<String> {
    let words = [
        (one.payments == other.payments, "payments"),
        (one.sales == other.sales, "sales"),
        (one.levels == other.levels, "stock"),
        (one.balances == other.balances, "balances"),
        (one.events == other.events, "events"),
        (one.answers == other.answers, "answers"),
        (one.jobs == other.jobs, "jobs"),
        (one.exceptions == other.exceptions, "exceptions"),
    ];
    words.into_iter().find(|(is_same, _)| !is_same).map(|(_, words)| format!("the {words} are not what was committed"))
}
