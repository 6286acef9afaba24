//! One hub as a process: it starts, takes what waits as batches, answers, does jobs, and dies at any step with all that
//! it had in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::id::{IdSource, MerchantId};
use domain::payment::{Settle, Task};
use domain::sale::ExpireReservation;
use domain::time::Timestamp;
use storage::committer::Committer;
use storage::memory::{Crash, Fault};
use storage::{Answer, Cell, Envelope, Failure, Handle, Idempotency, Lane};
use uuid::Uuid;

use crate::mirror::{Checked, Finding, found, must, payment_text, sale_text};
use crate::sender::{Notice, Record};
use crate::telling::{tell_ask, tell_row};
use crate::wish::{Said, Wait, payment_id, sale_id};
use crate::world::{BEGIN, DAY_MS, HELD_MS, Happening, LOOK_MS, Wish, World};

/// Somebody who waits for the committer.
pub enum Waiter {
    Wish(usize),
    /// A copy of a key with other content.
    Reuse(usize),
    /// The answer of a key that was left open.
    Close(usize),
    Outcome(Box<Record>),
    Notice(Notice),
    Job(bool, u128),
    /// A piece of closing a stocktake.
    Closing,
    /// Somebody else's notification names our operation.
    Foreign,
}

/// A request that a hub has open.
pub struct Call {
    pub task: Box<Task>,
    pub wish: Option<usize>,
}

pub struct Hub {
    pub live: Option<(Handle, Committer)>,
    pub epoch: u32,
    pub waiting: Vec<(Waiter, Wait)>,
    pub calls: BTreeMap<u64, Call>,
    /// Wishes whose caller waits for the payment's end.
    pub waits: BTreeSet<usize>,
    pub is_step_due: bool,
    pub worker_at: Option<i64>,
    pub at_work: BTreeSet<(bool, u128)>,
}

/// Fresh ids for one hub: they grow with time, and the jitter that the committer draws from them is none.
struct Ids(Arc<AtomicU64>);

impl IdSource for Ids {
    fn next(&mut self, now: Timestamp) -> Uuid {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        let spread = (count.wrapping_mul(0x9e37_79b9) >> 8) & 0xfff;
        let high = ((now.0 as u64) << 16) | 0x7000 | spread;
        Uuid::from_u64_pair(high, 0x8000_0000_0000_0000 | (count * 20 + 12))
    }
}

impl World {
    pub fn start(&mut self, hub: usize) -> Checked {
        let disk = self.disk.clone();
        let connect = Box::new(move || Ok(disk.connect()));
        let started = Committer::new(connect, Box::new(Ids(Arc::clone(&self.ids))));
        let live = started.map_err(|error| found("I0 no internal error", "start", error.to_string()))?;
        self.hubs[hub].live = Some(live);
        self.note(|| format!("hub {hub} starts"));
        self.call_workers();
        Ok(())
    }

    /// The process dies: all that it had in memory is gone.
    pub fn die(&mut self, hub: usize) -> Checked {
        self.tally.deaths += 1;
        self.disk.with(|memory| memory.recover());
        let dead = &mut self.hubs[hub];
        dead.live = None;
        dead.epoch += 1;
        dead.is_step_due = false;
        dead.worker_at = None;
        dead.calls.clear();
        dead.at_work.clear();
        let waits = std::mem::take(&mut dead.waits);
        let waiting = std::mem::take(&mut dead.waiting);
        self.look()?;
        let waiting = self.hear_last_words(waiting)?;
        let asked = waiting.into_iter().filter_map(|(waiter, _)| match waiter {
            Waiter::Wish(wish) | Waiter::Close(wish) => Some(wish),
            Waiter::Notice(notice) if notice.is_owed => {
                self.agenda.insert((self.now + 900, u64::MAX - self.order), Happening::Tell(Box::new(notice)));
                self.order += 1;
                None
            }
            _ => None,
        });
        let again: BTreeSet<usize> = asked.chain(waits).collect();
        for wish in again {
            let in_ms = self.rng.between(300, 4_000);
            self.plan(in_ms, Happening::Send(wish));
        }
        let in_ms = self.rng.between(50, 6_000);
        self.plan(in_ms, Happening::Start(hub));
        self.check_answers()
    }

    /// What was answered before the process died has left the house: it must be durable. Gives those who heard nothing.
    pub fn hear_last_words(&mut self, waiting: Vec<(Waiter, Wait)>) -> Result<Vec<(Waiter, Wait)>, Finding> {
        let mut silent = Vec::new();
        for (waiter, mut wait) in waiting {
            match (&waiter, wait.poll()) {
                (Waiter::Wish(wish), Some(Ok(said))) if !self.wishes[*wish].is_later => {
                    self.acknowledge(*wish, &said.answer)?;
                }
                _ => silent.push((waiter, wait)),
            }
        }
        Ok(silent)
    }

    pub fn envelope(&self, merchant: MerchantId, actor: usize, request_id: &str, idempotency: Idempotency) -> Envelope {
        Envelope {
            merchant,
            actor: Arc::clone(&self.actors[actor]),
            request_id: request_id.to_owned(),
            idempotency,
            lane: Lane::Interactive,
            weight: 0,
        }
    }

    /// Somebody waits for the committer from now on; it takes what came together as one batch.
    pub fn wait(&mut self, hub: usize, waiter: Waiter, wait: Result<Wait, Failure>) -> Checked {
        let wait = wait.map_err(internal)?;
        self.hubs[hub].waiting.push((waiter, wait));
        self.call_committer(hub);
        Ok(())
    }

    pub fn call_committer(&mut self, hub: usize) {
        if !self.hubs[hub].is_step_due {
            self.hubs[hub].is_step_due = true;
            let in_ms = self.rng.between(1, self.sync_ms);
            let epoch = self.hubs[hub].epoch;
            self.plan(in_ms, Happening::Step(hub, epoch));
        }
    }

    pub fn step(&mut self, hub: usize) -> Checked {
        self.hubs[hub].is_step_due = false;
        let clock = self.clock();
        let fault = self.draw_fault();
        self.tally.batches += 1;
        self.tally.faults += u64::from(fault.is_some());
        if let Some(fault) = fault {
            self.note(|| format!("hub {hub} meets {fault:?}"));
        }
        self.disk.with(|memory| {
            memory.now = Timestamp(clock);
            memory.fault = fault;
        });
        if self.strikes(self.weather.fault / 8) {
            self.disk.log().storm = self.rng.between(1, 4) as u32;
        }
        let Some((handle, committer)) = self.hubs[hub].live.as_mut() else { return Ok(()) };
        if handle.waiting() == 0 {
            return Ok(());
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| committer.step()));
        let is_more = handle.waiting() > 0;
        self.disk.log().storm = 0;
        match outcome {
            Ok(_) => {}
            Err(payload) if payload.is::<Crash>() => {
                self.note(|| format!("hub {hub} crashes"));
                return self.die(hub);
            }
            Err(payload) => resume_unwind(payload),
        }
        self.look()?;
        if is_more {
            self.call_committer(hub);
        }
        self.collect(hub)
    }

    pub fn draw_fault(&mut self) -> Option<(u32, Fault)> {
        let left = self.rng.below(10) as u32;
        if self.strikes(self.weather.crash) {
            return Some((left, self.rng.pick(&[Fault::Crash, Fault::CrashAfterCommit])));
        }
        if self.strikes(self.weather.fault) {
            return Some((left, self.rng.pick(&[Fault::Lost, Fault::LostAfterCommit, Fault::Conflict])));
        }
        None
    }

    /// Takes in what became durable.
    pub fn look(&mut self) -> Checked {
        for written in self.disk.look() {
            for (table, row) in &written {
                if table.name == "audit"
                    && let Some(Cell::Bytes(hash)) = row.get(8)
                {
                    let head = hash.first_chunk::<8>().map_or(0, |head| u64::from_be_bytes(*head));
                    self.digest(head);
                }
            }
            if self.history.is_some() {
                for (table, row) in &written {
                    if let Some(words) = tell_row(table.name, row) {
                        self.note(|| format!("    durable: {words}"));
                    }
                }
            }
            self.mirror.observe(&written, true)?;
        }
        self.call_workers();
        Ok(())
    }

    /// Hands the answers to those who wait.
    pub fn collect(&mut self, hub: usize) -> Checked {
        let mut still = Vec::new();
        let mut done = Vec::new();
        for (waiter, mut wait) in std::mem::take(&mut self.hubs[hub].waiting) {
            match wait.poll() {
                None => still.push((waiter, wait)),
                Some(outcome) => done.push((waiter, outcome)),
            }
        }
        self.hubs[hub].waiting = still;
        done.into_iter().try_for_each(|(waiter, outcome)| self.answered(hub, waiter, outcome))
    }

    pub fn answered(&mut self, hub: usize, waiter: Waiter, outcome: Result<Said, Failure>) -> Checked {
        if let Err(failure @ Failure::Internal(_)) = outcome {
            let (subject, what) = self.describe(&waiter);
            let finding = internal(failure);
            return Err(Finding { subject, words: format!("{} ({what})", finding.words), ..finding });
        }
        match waiter {
            Waiter::Wish(wish) => self.wish_answered(hub, wish, outcome),
            Waiter::Close(wish) => match outcome {
                Ok(said) => {
                    self.hubs[hub].waits.remove(&wish);
                    self.acknowledge(wish, &said.answer)?;
                    self.perform(hub, said, None);
                    Ok(())
                }
                Err(_) => {
                    self.hubs[hub].waits.remove(&wish);
                    self.plan(700, Happening::Send(wish));
                    Ok(())
                }
            },
            Waiter::Reuse(wish) => {
                let is_right = matches!(outcome, Err(Failure::KeyReused | Failure::Unavailable(_)));
                let key = &self.wishes[wish].key;
                must!(is_right, "I5 a key is used once", key, "other content under the key was not refused");
                Ok(())
            }
            Waiter::Outcome(mut record) => match outcome {
                Ok(said) => {
                    if let Some(wish) = record.wish
                        && said.answer.status != 0
                    {
                        self.hubs[hub].waits.remove(&wish);
                        self.acknowledge(wish, &said.answer)?;
                    }
                    self.perform(hub, said, None);
                    Ok(())
                }
                Err(_) if record.tries < 5 => {
                    record.tries += 1;
                    let epoch = self.hubs[hub].epoch;
                    self.plan(50 << record.tries, Happening::Again(hub, epoch, record));
                    Ok(())
                }
                Err(_) => Ok(()),
            },
            Waiter::Notice(notice) => {
                match outcome {
                    Ok(said) => self.perform(hub, said, None),
                    Err(_) if notice.is_owed => self.plan(1_500, Happening::Tell(Box::new(notice))),
                    Err(_) => {}
                }
                Ok(())
            }
            Waiter::Foreign => {
                let is_told = outcome.is_ok_and(|said| said.has_moved);
                must!(!is_told, "I9 no crossing", "notification", "another merchant's notification moved a payment");
                Ok(())
            }
            // If it was not done the next look does it.
            Waiter::Closing => Ok(()),
            Waiter::Job(settles, subject) => {
                self.hubs[hub].at_work.remove(&(settles, subject));
                if let Ok(said) = outcome {
                    self.perform(hub, said, None);
                }
                self.call_workers();
                Ok(())
            }
        }
    }

    /// Whom something went wrong for, and what.
    pub fn describe(&self, waiter: &Waiter) -> (String, String) {
        match waiter {
            Waiter::Wish(wish) | Waiter::Reuse(wish) | Waiter::Close(wish) => {
                let Wish { key, ask, .. } = &self.wishes[*wish];
                (key.clone(), tell_ask(ask))
            }
            Waiter::Outcome(record) => {
                (record.command.operation.payment.to_string(), format!("{:?}", record.command.outcome))
            }
            Waiter::Notice(notice) => (payment_text(notice.reference.0), format!("{:?}", notice.outcome)),
            Waiter::Job(true, payment) => (payment_text(*payment), "its job".to_owned()),
            Waiter::Job(false, sale) => (sale_text(*sale), "its job".to_owned()),
            Waiter::Closing => ("stocktake".to_owned(), "a piece of closing".to_owned()),
            Waiter::Foreign => ("notification".to_owned(), "of another merchant".to_owned()),
        }
    }

    /// Calls each hub's worker to the next job that is due.
    pub fn call_workers(&mut self) {
        if self.hubs.iter().all(|hub| hub.live.is_none()) {
            return;
        }
        let clock = self.clock();
        for hub in 0..self.hubs.len() {
            let Hub { live, at_work, worker_at, .. } = &self.hubs[hub];
            if live.is_none() {
                continue;
            }
            let is_waiting = |(_, settles, subject, _): &&(i64, bool, u128, usize)| {
                !at_work.contains(&(*settles, *subject)) && (*settles || !self.is_held_for_ever(*subject))
            };
            let next = self.mirror.due.iter().find(is_waiting);
            let Some((due, ..)) = next else { continue };
            let at = self.now + (due - clock).max(1);
            if worker_at.is_none_or(|planned| planned > at + LOOK_MS) {
                let at = at + self.rng.between(0, LOOK_MS);
                self.hubs[hub].worker_at = Some(at);
                let epoch = self.hubs[hub].epoch;
                self.plan(at - self.now, Happening::Work(hub, epoch));
            }
        }
    }

    /// Long after the day, only a payment that is a person's keeps a sale from its end, and the job that looks after its
    /// stock comes for as long.
    pub fn is_held_for_ever(&self, sale: u128) -> bool {
        self.now > BEGIN + DAY_MS + HELD_MS && self.mirror.sales.get(&sale).is_some_and(|deal| deal.has_pending())
    }

    pub fn work(&mut self, hub: usize) -> Checked {
        if self.hubs[hub].worker_at != Some(self.now) {
            // Called away to an earlier job meanwhile.
            return Ok(());
        }
        self.hubs[hub].worker_at = None;
        let clock = self.clock();
        let due: Vec<(bool, u128, usize)> = (self.mirror.due.iter())
            .take_while(|(due, ..)| *due <= clock)
            .map(|(_, settles, subject, merchant)| (*settles, *subject, *merchant))
            .filter(|(settles, subject, _)| !self.hubs[hub].at_work.contains(&(*settles, *subject)))
            .take(128)
            .collect();
        for (settles, subject, merchant) in due {
            let merchant = self.shops[merchant].merchant;
            let envelope = self.envelope(merchant, 2, "job", Idempotency::None);
            let Some((handle, _)) = &self.hubs[hub].live else { return Ok(()) };
            let wait = if settles {
                let command = Settle { payment: payment_id(subject), expected_due: true };
                handle.send(envelope, command, |_| Answer::default()).map(Wait::Payment)
            } else {
                let command = ExpireReservation { sale: sale_id(subject), fence: None };
                handle.send(envelope, command, |_| Answer::default()).map(Wait::Expiry)
            };
            self.hubs[hub].at_work.insert((settles, subject));
            self.wait(hub, Waiter::Job(settles, subject), wait)?;
        }
        self.call_workers();
        Ok(())
    }
}

pub fn internal(failure: Failure) -> Finding {
    let words = failure.to_string();
    let invariant = if words.contains("event") { "I8 an event number is used once" } else { "I0 no internal error" };
    found(invariant, "committer", words)
}
