//! What a hub sends to providers, what becomes of it in the network, and how it comes back: by reply, not at all, or by a
//! notification.

use domain::id::{MerchantId, OperationId};
use domain::payment::{
    Action, Moved, Operation, OperationState, Outcome, Reason, RecordOutcome, State, Witness, keys_for_outcome,
};
use domain::time::Timestamp;
use storage::{Answer, Idempotency};

use crate::hub::{Call, Waiter};
use crate::mirror::{Checked, found, must, payment_text};
use crate::provider::{Reference, Request};
use crate::telling::tell_request;
use crate::wish::{Said, Wait, payment_id, say_payment};
use crate::world::{Happening, World};

/// An outcome on its way into the books.
#[derive(Clone)]
pub struct Record {
    pub merchant: MerchantId,
    pub command: RecordOutcome,
    pub wish: Option<usize>,
    pub tries: u32,
}

#[derive(Clone)]
pub struct Notice {
    pub provider: usize,
    pub reference: Reference,
    pub outcome: Outcome,
    pub is_owed: bool,
}

impl World {
    /// Starts what a commit left to be done.
    pub fn perform(&mut self, hub: usize, said: Said, wish: Option<usize>) {
        let mut wish = wish;
        for task in said.tasks {
            self.calls += 1;
            let (call, epoch) = (self.calls, self.hubs[hub].epoch);
            self.hubs[hub].calls.insert(call, Call { task: Box::new(task), wish: wish.take() });
            let in_ms = self.rng.between(0, 4);
            self.plan(in_ms, Happening::Depart(hub, epoch, call));
        }
    }

    pub fn depart(&mut self, hub: usize, call: u64) -> Checked {
        let Some(Call { task, .. }) = self.hubs[hub].calls.get(&call) else { return Ok(()) };
        let operation = &task.operation;
        let request = Request {
            reference: (operation.id.payment.uuid().as_u128(), operation.id.number),
            kind: operation.kind,
            target: operation.target,
            asked: operation.asked_minor,
            is_inquiry: task.what == Action::Inquire,
        };
        let is_first =
            matches!(operation.state, OperationState::Recorded | OperationState::Sent) && operation.asked_count == 0;
        let timeout = task.connection.profile.answer_timeout_ms;
        let provider = self.connections.get(&task.connection.id.uuid().as_u128()).copied();
        let Some(provider) = provider else { return Err(found("I9 no crossing", "task", "an unknown connection")) };
        if !request.is_inquiry {
            self.check_intent(&request)?;
        }
        let epoch = self.hubs[hub].epoch;
        if self.strikes(self.weather.refuse) {
            let reason = || Outcome::NotSent(Reason("provider_unreachable".to_owned()));
            let outcome = if is_first && !request.is_inquiry { reason() } else { Outcome::Unknown };
            self.note(|| format!("    {} cannot be sent", tell_request(&request)));
            return self.replied(hub, call, outcome, true);
        }
        self.plan(timeout, Happening::Timeout(hub, epoch, call));
        let is_lost = self.strikes(self.weather.lose);
        self.tally.lost += u64::from(is_lost);
        self.note(|| {
            format!("    {} leaves hub {hub}{}", tell_request(&request), if is_lost { " and is lost" } else { "" })
        });
        if !is_lost {
            let in_ms = self.transit();
            let arrive = |is_copy| Happening::Arrive { hub, epoch, call, provider, request, is_copy };
            self.plan(in_ms, arrive(false));
            if self.strikes(self.weather.repeat) {
                let in_ms = self.transit();
                self.plan(in_ms, arrive(true));
            }
        }
        Ok(())
    }

    pub fn transit(&mut self) -> i64 {
        if self.strikes(self.weather.stuck) {
            return self.rng.between(3_000, 40_000);
        }
        if self.strikes(self.weather.slow) { self.rng.between(100, 2_500) } else { self.rng.between(5, 60) }
    }

    /// What leaves the hub was durable before.
    pub fn check_intent(&mut self, request: &Request) -> Checked {
        let (payment, number) = request.reference;
        let known = self.mirror.payments.get(&payment).and_then(|pay| pay.ops.iter().find(|op| op.number == number));
        let is_durable =
            known.is_some_and(|op| (op.kind, op.target, op.asked) == (request.kind, request.target, request.asked));
        must!(is_durable, "I2 intent first", payment_text(payment), "{request:?} is sent, durable is {known:?}");
        Ok(())
    }

    pub fn arrive(
        &mut self,
        hub: usize,
        epoch: u32,
        call: u64,
        provider: usize,
        request: &Request,
        is_copy: bool,
    ) -> Checked {
        if self.is_out[provider] && !self.is_calm {
            return Ok(());
        }
        let (outcome, sequel) = self.providers[provider].serve(request, &mut self.rng)?;
        self.note(|| format!("    {} reaches provider {provider}: {outcome:?} {sequel:?}", tell_request(request)));
        let reference = request.reference;
        if sequel.is_pending {
            if self.rng.chance(850) {
                let (in_ms, is_yes) = (self.rng.between(200, 26_000), self.rng.chance(700));
                self.plan(in_ms, Happening::Decide(provider, reference, is_yes));
            }
            if self.rng.chance(400) {
                self.notify(provider, reference, false);
            }
        }
        if sequel.is_news && (sequel.is_owed || self.rng.chance(if request.kind.is_charge() { 500 } else { 150 })) {
            self.notify(provider, reference, sequel.is_owed);
        }
        if is_copy || self.strikes(self.weather.lose_reply) {
            return Ok(());
        }
        let in_ms = self.transit();
        self.plan(in_ms, Happening::Reply { hub, epoch, call, outcome });
        Ok(())
    }

    /// A notification sets out, once or more often, with what the books say now.
    pub fn notify(&mut self, provider: usize, reference: Reference, is_owed: bool) {
        let outcome = self.providers[provider].find(reference);
        let notice = Notice { provider, reference, outcome, is_owed };
        let hurry = self.strikes(self.weather.hurry);
        if !is_owed && self.strikes(self.weather.deaf) {
            return;
        }
        let in_ms = if hurry { 1 } else { self.rng.between(20, 6_000) };
        self.plan(in_ms, Happening::Tell(Box::new(notice.clone())));
        while self.strikes(self.weather.repeat) {
            let in_ms = self.rng.between(1, 12_000);
            self.plan(in_ms, Happening::Tell(Box::new(notice.clone())));
        }
    }

    pub fn decide(&mut self, provider: usize, reference: Reference, is_yes: bool) -> Checked {
        if self.providers[provider].decide(reference, is_yes) {
            self.note(|| format!("    the customer of {} says {is_yes}", payment_text(reference.0)));
            if self.rng.chance(600) {
                self.notify(provider, reference, false);
            }
        }
        Ok(())
    }

    pub fn tell(&mut self, notice: Notice) -> Checked {
        let Some(hub) = self.live_hub() else {
            if notice.is_owed {
                self.plan(1_100, Happening::Tell(Box::new(notice)));
            }
            return Ok(());
        };
        let command = RecordOutcome {
            operation: OperationId { payment: payment_id(notice.reference.0), number: notice.reference.1 },
            witness: Witness::Notification,
            outcome: notice.outcome.clone(),
            presented: None,
            asked_at: Timestamp(self.clock()),
            is_unreachable: false,
            fence: None,
            hint: Vec::new(),
        };
        let owner = self.mirror.connections.iter().find(|(id, _)| self.connections.get(*id) == Some(&notice.provider));
        let owner = owner.map_or(0, |(_, conn)| conn.merchant);
        self.note(|| format!("    a notification tells of {}: {:?}", payment_text(notice.reference.0), notice.outcome));
        if self.strikes(15) {
            let stranger = self.shops[1 - owner].merchant;
            let envelope = self.envelope(stranger, 2, "notice", Idempotency::None);
            let Some((handle, _)) = &self.hubs[hub].live else { return Ok(()) };
            let wait = handle.send(envelope, command.clone(), |_| Answer::default()).map(Wait::Payment);
            self.wait(hub, Waiter::Foreign, wait)?;
        }
        let envelope = self.envelope(self.shops[owner].merchant, 2, "notice", Idempotency::None);
        let Some((handle, _)) = &self.hubs[hub].live else { return Ok(()) };
        let wait = handle.send(envelope, command, |_| Answer::default()).map(Wait::Payment);
        self.wait(hub, Waiter::Notice(notice), wait)
    }

    /// A reply has come, or none in time.
    pub fn replied(&mut self, hub: usize, call: u64, outcome: Outcome, is_unreachable: bool) -> Checked {
        let Some(Call { task, wish }) = self.hubs[hub].calls.remove(&call) else { return Ok(()) };
        let command = RecordOutcome {
            operation: task.operation.id,
            witness: if task.what == Action::Send { Witness::Reply } else { Witness::Inquiry },
            outcome,
            presented: None,
            asked_at: task.handed_out_at,
            is_unreachable,
            fence: Some(task.fence),
            hint: keys_for_outcome(&task.payment),
        };
        self.note(|| format!("    hub {hub} hears of {}: {:?}", command.operation, command.outcome));
        self.record(hub, Record { merchant: task.payment.merchant, command, wish, tries: 0 })
    }

    pub fn record(&mut self, hub: usize, record: Record) -> Checked {
        let settles = record.wish.map(|wish| Idempotency::Settle(self.wishes[wish].key.clone()));
        let envelope = self.envelope(record.merchant, 2, "sender", settles.unwrap_or_default());
        let Some((handle, _)) = &self.hubs[hub].live else { return Ok(()) };
        let has_caller = record.wish.is_some();
        let wait = handle.send(envelope, record.command.clone(), move |reply| match reply {
            Ok(moved) if has_caller && is_at_rest(moved) => say_payment(Ok(moved)),
            _ => Answer::default(),
        });
        self.wait(hub, Waiter::Outcome(Box::new(record)), wait.map(Wait::Payment))
    }
}

/// A request whose caller waits is answered when nothing is under way.
pub fn is_at_rest(moved: &Moved) -> bool {
    let is_over = |operation: &Operation| operation.kind.is_charge() || operation.state.is_definite();
    moved.payment.state == State::NeedsPerson
        || (moved.payment.state.is_final() && moved.operations.iter().all(is_over))
}
