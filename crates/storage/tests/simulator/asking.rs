//! Requests on their way to a hub and their answers: sent again whenever no answer came, sometimes though one came, and
//! sometimes with other content under the same key.

use domain::payment::Settle;
use storage::{Answer, Claim, Failure, Idempotency};

use crate::hub::Waiter;
use crate::mirror::{Checked, Finding, found, id_of, must, payment_text};
use crate::telling::tell_ask;
use crate::wish::{Ask, Said, Wait, payment_id, say_payment};
use crate::world::{Happening, Wish, World};

impl World {
    /// Makes a wish and sends it.
    pub fn wish(&mut self, merchant: usize, ask: Ask, is_foreign: bool) -> Result<usize, Finding> {
        let own = self.wishes.iter().filter(|wish| wish.merchant == merchant).count();
        // Both merchants use the same keys.
        let key = format!("k{own}");
        let is_later = ask.is_about_payment() && self.rng.chance(400);
        if let Ask::Cancel { payment } = ask
            && !is_foreign
        {
            self.mirror.called_off.insert(payment);
        }
        if let Ask::Overrule { payment, .. } | Ask::Keyed { payment, .. } = ask
            && !is_foreign
        {
            self.spoken.insert(payment);
        }
        self.wishes.push(Wish { merchant, key, ask, is_later, is_foreign, answer: None });
        let wish = self.wishes.len() - 1;
        self.send(wish)?;
        Ok(wish)
    }

    pub fn claim(&self, wish: usize, is_other: bool) -> Claim {
        let Wish { merchant, key, .. } = &self.wishes[wish];
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&(wish as u64).to_be_bytes());
        fingerprint[8] = *merchant as u8;
        fingerprint[9] = u8::from(is_other);
        Claim { key: key.clone(), fingerprint }
    }

    pub fn live_hub(&mut self) -> Option<usize> {
        let live: Vec<usize> = (0..self.hubs.len()).filter(|hub| self.hubs[*hub].live.is_some()).collect();
        if live.is_empty() { None } else { Some(self.rng.pick(&live)) }
    }

    pub fn send(&mut self, wish: usize) -> Checked {
        let Some(hub) = self.live_hub() else {
            self.plan(400, Happening::Send(wish));
            return Ok(());
        };
        self.send_to(hub, wish)?;
        if self.strikes(self.weather.repeat / 4) {
            // The same request twice, perhaps in one batch.
            self.send_to(hub, wish)?;
        }
        Ok(())
    }

    pub fn send_to(&mut self, hub: usize, wish: usize) -> Checked {
        let claim = self.claim(wish, false);
        let Wish { merchant, ref key, ref ask, is_later, .. } = self.wishes[wish];
        let idempotency = if is_later { Idempotency::AnswerLater(claim) } else { Idempotency::Answer(claim) };
        let actor = if matches!(ask, Ask::Keyed { .. }) { 0 } else { 1 };
        let envelope = self.envelope(self.shops[merchant].merchant, actor, key, idempotency);
        let Some((handle, _)) = &self.hubs[hub].live else { return Ok(()) };
        let wait = ask.send(handle, envelope, &self.shops[merchant], key);
        self.note_wish(hub, wish);
        self.wait(hub, Waiter::Wish(wish), wait)
    }

    pub fn note_wish(&mut self, hub: usize, wish: usize) {
        if self.history.is_some() {
            let Wish { merchant, key, ask, is_later, .. } = &self.wishes[wish];
            let later = if *is_later { " and waits" } else { "" };
            let words = format!("merchant {merchant} asks of hub {hub} under {key}{later}: {}", tell_ask(ask));
            self.note(|| words);
        }
    }

    pub fn wish_answered(&mut self, hub: usize, wish: usize, outcome: Result<Said, Failure>) -> Checked {
        match outcome {
            Ok(said) => {
                let is_open = self.wishes[wish].is_later && !said.is_replay && said.answer.status < 400;
                if is_open {
                    self.hubs[hub].waits.insert(wish);
                    let (patience, epoch) = (self.rng.between(300, 5_000), self.hubs[hub].epoch);
                    self.plan(patience, Happening::Close(hub, epoch, wish));
                    self.perform(hub, said, Some(wish));
                } else {
                    self.acknowledge(wish, &said.answer)?;
                    self.perform(hub, said, None);
                }
            }
            Err(Failure::InFlight { .. }) => {
                if self.hubs.iter().any(|hub| hub.waits.contains(&wish)) {
                    self.plan(900, Happening::Send(wish));
                } else {
                    self.close(hub, wish)?;
                }
            }
            Err(Failure::KeyReused) => {
                return Err(found("I5 a key is used once", &self.wishes[wish].key, "the same content was refused"));
            }
            Err(_) => {
                let in_ms = self.rng.between(200, 3_000);
                self.plan(in_ms, Happening::Send(wish));
            }
        }
        Ok(())
    }

    /// Gives the answer of a key that was left open: the payment as it stands.
    pub fn close(&mut self, hub: usize, wish: usize) -> Checked {
        let Wish { merchant, ref key, .. } = self.wishes[wish];
        let stored = self.mirror.answers.get(&(merchant, key.clone()));
        let Some(payment) = stored.map(|stored| id_of(&stored.subject)).filter(|id| *id != 0) else {
            let words = "a key in flight names no payment";
            return Err(found("I5 a key is used once", key, words));
        };
        let envelope = self.envelope(self.shops[merchant].merchant, 1, "close", Idempotency::Settle(key.clone()));
        let Some((handle, _)) = &self.hubs[hub].live else { return Ok(()) };
        let command = Settle { payment: payment_id(payment), expected_due: true };
        let wait = handle.send(envelope, command, say_payment).map(Wait::Payment);
        self.wait(hub, Waiter::Close(wish), wait)
    }

    /// The hub has answered: it is durable, and the same as ever.
    pub fn acknowledge(&mut self, wish: usize, answer: &Answer) -> Checked {
        let Wish { merchant, ref key, ref ask, is_foreign, .. } = self.wishes[wish];
        let stored = self.mirror.answers.get(&(merchant, key.clone()));
        let is_durable =
            stored.is_some_and(|stored| stored.status == i64::from(answer.status) && stored.body == answer.body);
        must!(is_durable, "I4 what is answered is durable", key, "answered {answer:?}, stored {stored:?}");
        if let Some((status, body)) = &self.wishes[wish].answer {
            let is_same = (*status, body) == (answer.status, &answer.body);
            must!(is_same, "I5 the same answer to the byte", key, "{answer:?}");
            self.tally.replays += 1;
        } else {
            let (key, ask) = (key.clone(), ask.clone());
            let is_done = answer.status < 400;
            if is_foreign {
                must!(!is_done, "I9 no crossing", subject_of(&ask), "{ask:?} was done for another merchant");
            } else if is_done {
                self.feel(&ask, &String::from_utf8_lossy(&answer.body));
            }
            self.wishes[wish].answer = Some((answer.status, answer.body.clone()));
            self.note(|| format!("    {key} is answered {} {}", answer.status, String::from_utf8_lossy(&answer.body)));
        }
        if self.strikes(self.weather.repeat / 2) {
            // The answer was lost on its way.
            let in_ms = self.rng.between(1, 9_000);
            self.plan(in_ms, Happening::Send(wish));
        }
        if self.strikes(30) {
            self.reuse(wish)?;
        }
        Ok(())
    }

    /// The key again, with other content.
    pub fn reuse(&mut self, wish: usize) -> Checked {
        let Some(hub) = self.live_hub() else { return Ok(()) };
        let Wish { merchant, ref ask, .. } = self.wishes[wish];
        let claim = self.claim(wish, true);
        let envelope = self.envelope(self.shops[merchant].merchant, 1, "reuse", Idempotency::Answer(claim));
        let Some((handle, _)) = &self.hubs[hub].live else { return Ok(()) };
        let wait = ask.send(handle, envelope, &self.shops[merchant], "other content");
        self.wait(hub, Waiter::Reuse(wish), wait)
    }

    /// Coins change hands.
    pub fn feel(&mut self, ask: &Ask, said: &str) {
        match *ask {
            Ask::Ring { register, total, .. } => *self.cash.entry(register).or_default() += total,
            // The answer comes after that of the void: the coins are on the counter and go back at once.
            Ask::Cash { sale, .. } if self.voided.contains(&sale) => {}
            Ask::Cash { sale, register, amount, .. } => {
                *self.cash.entry(register).or_default() += amount;
                self.cash_of_sale.entry(sale).or_insert((register, 0)).1 += amount;
            }
            Ask::VoidSale { sale } => {
                self.voided.insert(sale);
                if let Some((register, amount)) = self.cash_of_sale.remove(&sale) {
                    *self.cash.entry(register).or_default() -= amount;
                }
            }
            Ask::Return { register, .. } | Ask::Exchange { register, .. } => {
                let cash: i64 = said.rsplit(' ').next().and_then(|cash| cash.parse().ok()).unwrap_or(0);
                *self.cash.entry(register).or_default() -= cash;
            }
            _ => {}
        }
    }
}

pub fn subject_of(ask: &Ask) -> String {
    match ask {
        Ask::Refund { payment, .. }
        | Ask::Void { payment }
        | Ask::Cancel { payment }
        | Ask::Capture { payment, .. } => payment_text(*payment),
        _ => "request".to_owned(),
    }
}
