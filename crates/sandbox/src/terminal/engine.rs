//! The terminal itself, without a line: what comes in, what the customer does, what goes out. What it has to remember lies in
//! a journal that a pulled plug does not touch; what it is doing just now does not survive one.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::bank::Bank;
use super::script::{Act, Script};

/// How many commands it remembers; the oldest go first. A day of a busy register has fewer.
const JOURNAL_MAX: usize = 2_000;
/// Wrong PINs after which a card is declined.
const PIN_TRIES: u32 = 3;

/// A command as the terminal remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// What was asked: the kind of a command, or `cancel`.
    pub kind: String,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// How it ended; none while it is under way.
    pub result: Option<Value>,
    /// The hub has said that it has the result.
    pub is_kept_by_hub: bool,
    /// The hub has said that it does not believe the result.
    pub is_rejected_by_hub: bool,
}

/// What the screen shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Screen {
    /// `offline`, `idle`, `pairing_code`, `amount`, `waiting_for_card`, `pin`, `online`, `approved`, `declined` or `cancelled`.
    pub step: String,
    /// The amount, in minor units, tip among it.
    pub amount_minor: i64,
    /// The tip in it.
    pub tip_minor: i64,
    /// Its currency.
    pub currency: String,
    /// The code that is shown.
    pub code: Option<String>,
    /// The register that it is paired with.
    pub register: Option<String>,
    /// What went wrong, in the hub's words.
    pub notice: Option<String>,
}

/// What it is doing just now.
#[derive(Debug, Clone)]
struct Current {
    id: String,
    kind: String,
    amount_minor: i64,
    currency: String,
    target: Option<String>,
    tip_minor: i64,
    wrong_pins: u32,
    has_inserted: bool,
    is_free: bool,
}

/// The terminal.
#[derive(Debug)]
pub(super) struct Engine {
    bank: Bank,
    pub script: Script,
    journal: Vec<Line>,
    current: Option<Current>,
    pub screen: Screen,
    /// The hub's clock minus its own.
    pub clock_offset_ms: i64,
    /// Messages that wait for the line.
    pub outbox: Vec<String>,
}

impl Engine {
    pub fn new(bank: Bank, script: Script) -> Self {
        let screen = Screen { step: "offline".to_owned(), ..Screen::default() };
        Self { bank, script, journal: Vec::new(), current: None, screen, clock_offset_ms: 0, outbox: Vec::new() }
    }

    pub fn journal(&self) -> Vec<Line> {
        self.journal.clone()
    }

    /// Whether it waits for a customer.
    pub fn waits_for_card(&self) -> bool {
        self.screen.step == "waiting_for_card"
    }

    fn say(&mut self, message: Value) {
        self.outbox.push(message.to_string());
    }

    fn show(&mut self, step: &str) {
        step.clone_into(&mut self.screen.step);
        if let Some(current) = &self.current {
            self.screen.amount_minor = current.amount_minor + current.tip_minor;
            self.screen.tip_minor = current.tip_minor;
            self.screen.currency.clone_from(&current.currency);
        }
    }

    /// The plug was pulled: what it was doing is gone, the journal stays.
    pub fn lose_power(&mut self) {
        self.current = None;
        self.outbox.clear();
        let register = self.screen.register.take();
        self.screen = Screen { step: "offline".to_owned(), register, ..Screen::default() };
    }

    /// The line broke: a card that was not yet presented is not asked for any more, because the hub cannot call it off.
    pub fn lose_line(&mut self) {
        self.outbox.clear();
        if let Some(current) = self.current.take() {
            self.end(&current.id, &json!({ "outcome": "cancelled", "reason": "connection_lost" }));
        }
        "offline".clone_into(&mut self.screen.step);
    }

    /// Power is back: what was begun and not ended is looked up at the bank.
    pub fn boot(&mut self) {
        let open: Vec<Line> = self.journal.iter().filter(|line| line.result.is_none()).cloned().collect();
        for line in open {
            let result = match self.bank.find(&line.id) {
                Some(charge) => {
                    approved(&charge.reference, charge.approved_minor, charge.approved_minor - line.amount_minor)
                }
                None => json!({ "outcome": "cancelled", "reason": "power_lost" }),
            };
            self.end(&line.id, &result);
        }
        self.outbox.clear();
    }

    /// It is let in: what the hub does not have yet is told again.
    pub fn welcome(&mut self, message: &Value, own_clock_ms: i64) {
        self.clock_offset_ms = message["at_ms"].as_i64().unwrap_or(own_clock_ms) - own_clock_ms;
        self.screen.register = message["register_name"].as_str().map(str::to_owned);
        self.screen.notice = message["clock_ahead_ms"].as_i64().map(|_| "clock_wrong".to_owned());
        self.show("idle");
        self.say(json!({ "type": "status", "battery_percent": 87, "is_charging": false, "screen": "idle" }));
        self.tell_again();
    }

    /// Tells all results that the hub has not kept.
    pub fn tell_again(&mut self) {
        let open = self.journal.iter().filter(|line| !line.is_kept_by_hub && !line.is_rejected_by_hub);
        let results: Vec<Value> = open.filter_map(message_of).collect();
        for result in results {
            self.say(result);
        }
    }

    /// A message of the hub.
    pub fn hear(&mut self, message: &Value, own_clock_ms: i64) {
        let id = message["id"].as_str().unwrap_or_default().to_owned();
        match message["type"].as_str().unwrap_or_default() {
            "command" => self.take(&id, message, own_clock_ms),
            "proceed" => self.proceed(&id),
            "cancel" => self.call_off(&id, message["target"].as_str().unwrap_or_default()),
            "inquiry" => self.answer(&id),
            "result_kept" => self.mark(&id, |line| line.is_kept_by_hub = true),
            "result_rejected" => self.mark(&id, |line| line.is_rejected_by_hub = true),
            "ping" => self.say(json!({ "type": "pong", "number": message["number"] })),
            "pairing_code" => {
                self.screen.code = message["code"].as_str().map(str::to_owned);
                self.show("pairing_code");
            }
            "paired" => {
                self.screen.register = message["register_name"].as_str().map(str::to_owned);
                self.screen.code = None;
                if self.current.is_none() {
                    self.show("idle");
                }
            }
            _ => {}
        }
    }

    fn mark(&mut self, id: &str, change: impl Fn(&mut Line)) {
        self.journal.iter_mut().filter(|line| line.id == id).for_each(change);
    }

    fn take(&mut self, id: &str, message: &Value, own_clock_ms: i64) {
        if let Some(line) = self.journal.iter().find(|line| line.id == id) {
            // Never a second time: what it came to is told again, if it has ended.
            if let Some(result) = message_of(line) {
                self.say(result);
            }
            return;
        }
        let begin_until = message["begin_until_ms"].as_i64().unwrap_or(i64::MAX);
        let kind = message["kind"].as_str().unwrap_or_default().to_owned();
        let is_known = matches!(kind.as_str(), "purchase" | "authorize" | "capture" | "refund" | "void");
        let refusal = match () {
            () if self.current.is_some() => Some("busy"),
            () if own_clock_ms + self.clock_offset_ms >= begin_until => Some("expired"),
            () if !is_known => Some("not_supported"),
            () => None,
        };
        if let Some(code) = refusal {
            return self.say(json!({ "type": "refused", "id": id, "code": code }));
        }
        let amount_minor = message["amount_minor"].as_i64().unwrap_or(0);
        let currency = message["currency"].as_str().unwrap_or_default().to_owned();
        self.remember(id, &kind, amount_minor);
        let shown = if self.script == Script::WrongAmount { amount_minor + 1 } else { amount_minor };
        self.say(json!({ "type": "accepted", "id": id, "amount_minor": shown, "currency": currency }));
        self.current = Some(Current {
            id: id.to_owned(),
            kind,
            amount_minor,
            currency,
            target: message["target"]["id"].as_str().map(str::to_owned),
            tip_minor: 0,
            wrong_pins: 0,
            has_inserted: false,
            is_free: false,
        });
        self.show("amount");
    }

    fn remember(&mut self, id: &str, kind: &str, amount_minor: i64) {
        if self.journal.len() >= JOURNAL_MAX {
            self.journal.remove(0);
        }
        let (id, kind) = (id.to_owned(), kind.to_owned());
        let is_new = (None, false, false);
        let (result, is_kept_by_hub, is_rejected_by_hub) = is_new;
        self.journal.push(Line { id, kind, amount_minor, result, is_kept_by_hub, is_rejected_by_hub });
    }

    fn proceed(&mut self, id: &str) {
        let Some(current) = self.current.as_mut().filter(|current| current.id == id) else { return };
        current.is_free = true;
        if matches!(current.kind.as_str(), "purchase" | "authorize") {
            self.progress("waiting_for_card");
        } else {
            self.progress("online");
            self.follow_up();
        }
    }

    fn progress(&mut self, step: &str) {
        self.show(step);
        if let Some(current) = &self.current {
            let message = json!({ "type": "progress", "id": current.id, "step": step });
            self.say(message);
        }
    }

    fn follow_up(&mut self) {
        let Some(current) = self.current.take() else { return };
        let target = current.target.as_deref().unwrap_or_default();
        let result = match self.bank.follow_up(&current.id, &current.kind, target, current.amount_minor) {
            Ok(()) => approved(&current.id[current.id.len().saturating_sub(12)..], current.amount_minor, 0),
            Err(reason) => json!({ "outcome": "declined", "reason": reason }),
        };
        self.end(&current.id, &result);
    }

    /// A person does something.
    pub fn act(&mut self, act: Act) {
        if act == Act::AskPairingCode {
            return self.say(json!({ "type": "pairing_code_wanted" }));
        }
        let is_waiting = self.waits_for_card();
        let Some(current) = self.current.as_mut().filter(|current| current.is_free) else { return };
        match act {
            Act::Tip(amount_minor) if is_waiting && amount_minor >= 0 => {
                current.tip_minor = amount_minor;
                self.show("waiting_for_card");
            }
            Act::Tap if is_waiting => self.go_online(),
            Act::TapDeclined if is_waiting => {
                self.finish(&json!({ "outcome": "declined", "reason": "insufficient_funds" }))
            }
            Act::Insert if is_waiting => {
                current.has_inserted = true;
                self.progress("pin");
            }
            Act::Pin { is_right: true } if self.screen.step == "pin" => self.go_online(),
            Act::Pin { is_right: false } if self.screen.step == "pin" => {
                current.wrong_pins += 1;
                if current.wrong_pins >= PIN_TRIES {
                    self.finish(&json!({ "outcome": "declined", "reason": "wrong_pin" }));
                } else {
                    self.progress("pin");
                }
            }
            Act::Cancel => self.finish(&json!({ "outcome": "cancelled", "reason": "customer" })),
            _ => {}
        }
    }

    fn go_online(&mut self) {
        self.progress("online");
        let Some(current) = self.current.clone() else { return };
        let approved_minor = current.amount_minor + current.tip_minor;
        let charge = self.bank.charge(&current.id, approved_minor, current.kind == "purchase");
        let mut result = approved(&charge.reference, approved_minor, current.tip_minor);
        if current.has_inserted {
            result["slip"]["entry_mode"] = json!("chip");
            result["slip"]["cvm"] = json!("410302");
        }
        self.finish(&result);
    }

    fn finish(&mut self, result: &Value) {
        if let Some(current) = self.current.take() {
            self.end(&current.id, result);
        }
    }

    /// A command has ended: it goes into the journal, and then out.
    fn end(&mut self, id: &str, result: &Value) {
        let Some(line) = self.journal.iter_mut().find(|line| line.id == id) else { return };
        line.result = Some(result.clone());
        let message = message_of(line);
        let step = result["outcome"].as_str().unwrap_or("idle").to_owned();
        self.show(&step);
        let Some(mut message) = message else { return };
        if self.script == Script::WrongCommand && line_is_money(&message) {
            message["id"] = json!(other_id(id));
        }
        let is_twice = self.script == Script::ResultTwice;
        self.say(message.clone());
        if is_twice {
            self.say(message);
        }
    }

    fn call_off(&mut self, id: &str, target: &str) {
        if let Some(line) = self.journal.iter().find(|line| line.id == id) {
            if let Some(message) = message_of(line) {
                self.say(message);
            }
            return;
        }
        let is_current = self.current.as_ref().is_some_and(|current| current.id == target);
        if is_current {
            self.finish(&json!({ "outcome": "cancelled", "reason": "cashier" }));
        }
        let known = self.journal.iter().find(|line| line.id == target);
        let is_approved =
            known.and_then(|line| line.result.as_ref()).is_some_and(|result| result["outcome"] == "approved");
        let outcome = match known {
            None => "unknown_command",
            Some(_) if is_approved => "too_late",
            Some(_) => "cancelled",
        };
        if known.is_none() {
            // It may still be on its way: it is refused when it comes.
            self.remember(target, "purchase", 0);
            self.mark(target, |line| {
                line.result = Some(json!({ "outcome": "cancelled", "reason": "cashier" }));
                line.is_kept_by_hub = true;
            });
        }
        self.remember(id, "cancel", 0);
        self.end(id, &json!({ "outcome": outcome }));
        if is_approved && let Some(message) = self.journal.iter().find(|line| line.id == target).and_then(message_of) {
            self.say(message);
        }
    }

    fn answer(&mut self, id: &str) {
        let line = self.journal.iter().find(|line| line.id == id);
        let message = match line.map(|line| (line, &line.result)) {
            None => json!({ "type": "inquiry_result", "id": id, "state": "unknown_command" }),
            Some((_, None)) => json!({ "type": "inquiry_result", "id": id, "state": "in_progress" }),
            Some((line, Some(result))) if line.kind == "cancel" => {
                json!({ "type": "inquiry_result", "id": id, "state": "ended", "cancel_outcome": result["outcome"] })
            }
            Some((line, Some(_))) => {
                json!({ "type": "inquiry_result", "id": id, "state": "ended", "result": message_of(line) })
            }
        };
        self.say(message);
    }
}

fn line_is_money(message: &Value) -> bool {
    message["type"] == "result"
}

/// The id of a command that was never asked of this terminal.
fn other_id(id: &str) -> String {
    let (payment, _) = id.rsplit_once('-').unwrap_or((id, "1"));
    format!("{payment}-9")
}

/// The message that tells how a command ended, if it has.
fn message_of(line: &Line) -> Option<Value> {
    let result = line.result.as_ref()?;
    if line.kind == "cancel" {
        return Some(json!({ "type": "cancel_result", "id": line.id, "outcome": result["outcome"] }));
    }
    let mut message = result.clone();
    message["type"] = json!("result");
    message["id"] = json!(line.id);
    Some(message)
}

fn approved(reference: &str, approved_minor: i64, tip_minor: i64) -> Value {
    let slip: BTreeMap<&str, &str> = [
        ("aid", "A0000000041010"),
        ("authorization_code", "A1B2C3"),
        ("card_last_four", "4444"),
        ("entry_mode", "contactless"),
        ("label", "MASTERCARD"),
        ("response_code", "00"),
        ("scheme", "Mastercard"),
        ("tvr", "0000008001"),
        // A hub keeps none of these.
        ("5A", "5555555555554444"),
        ("cardholder_name", "A CUSTOMER"),
    ]
    .into();
    json!({
        "outcome": "approved", "approved_minor": approved_minor, "tip_minor": tip_minor, "surcharge_minor": 0,
        "reference": reference, "slip": slip,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    fn a_command(id: &str) -> Value {
        json!({
            "type": "command", "id": id, "kind": "purchase", "amount_minor": 1_000, "currency": "JPY",
            "begin_until_ms": NOW + 5_000, "end_until_ms": NOW + 60_000,
        })
    }

    fn an_engine() -> Engine {
        let mut engine = Engine::new(Bank::default(), Script::Manual);
        engine.welcome(&json!({ "at_ms": NOW }), NOW);
        engine.outbox.clear();
        engine
    }

    /// What it says, in short.
    fn said(engine: &mut Engine) -> Vec<String> {
        let word = |message: &Value, name: &str| message[name].as_str().unwrap_or_default().to_owned();
        let short = |text: String| {
            let message: Value = serde_json::from_str(&text).unwrap();
            let words = ["type", "step", "outcome", "code"].map(|name| word(&message, name));
            words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
        };
        std::mem::take(&mut engine.outbox).into_iter().map(short).collect()
    }

    fn hear(engine: &mut Engine, message: &Value) -> Vec<String> {
        engine.hear(message, NOW);
        said(engine)
    }

    fn with_a_card_wanted() -> Engine {
        let mut engine = an_engine();
        hear(&mut engine, &a_command("a-1"));
        hear(&mut engine, &json!({ "type": "proceed", "id": "a-1" }));
        engine
    }

    #[test]
    fn no_card_is_taken_before_the_hub_says_so() {
        let mut engine = an_engine();
        assert_eq!(hear(&mut engine, &a_command("a-1")), ["accepted"]);
        engine.act(Act::Tap);
        assert!(said(&mut engine).is_empty() && engine.bank.all().is_empty());
        assert_eq!(hear(&mut engine, &json!({ "type": "proceed", "id": "a-1" })), ["progress waiting_for_card"]);
        engine.act(Act::Tap);
        assert_eq!(said(&mut engine), ["progress online", "result approved"]);
        assert_eq!(engine.bank.find("a-1").unwrap().net_minor(), 1_000);
    }

    #[test]
    fn a_command_is_done_once_and_told_again() {
        let mut engine = with_a_card_wanted();
        assert!(hear(&mut engine, &a_command("a-1")).is_empty());
        engine.act(Act::Tap);
        said(&mut engine);
        assert_eq!(hear(&mut engine, &a_command("a-1")), ["result approved"]);
        assert_eq!(engine.bank.all().len(), 1);
        engine.tell_again();
        assert_eq!(said(&mut engine), ["result approved"]);
        hear(&mut engine, &json!({ "type": "result_kept", "id": "a-1" }));
        engine.tell_again();
        assert!(said(&mut engine).is_empty());
    }

    #[test]
    fn it_refuses_a_second_command_and_one_that_came_too_late() {
        let mut engine = with_a_card_wanted();
        assert_eq!(hear(&mut engine, &a_command("b-1")), ["refused busy"]);
        engine.act(Act::Cancel);
        said(&mut engine);
        engine.hear(&a_command("c-1"), NOW + 5_000);
        assert_eq!(said(&mut engine), ["refused expired"]);
    }

    #[test]
    fn a_call_off_tells_the_truth() {
        let mut engine = with_a_card_wanted();
        let call_off = |id: &str, target: &str| json!({ "type": "cancel", "id": id, "target": target });
        assert_eq!(hear(&mut engine, &call_off("a-2", "a-1")), ["result cancelled", "cancel_result cancelled"]);
        assert_eq!(hear(&mut engine, &call_off("a-2", "a-1")), ["cancel_result cancelled"]);
        assert_eq!(hear(&mut engine, &call_off("b-2", "b-1")), ["cancel_result unknown_command"]);
        // It comes late, and takes nothing.
        assert_eq!(hear(&mut engine, &a_command("b-1")), ["result cancelled"]);
        let mut engine = with_a_card_wanted();
        engine.act(Act::Tap);
        said(&mut engine);
        assert_eq!(hear(&mut engine, &call_off("a-2", "a-1")), ["cancel_result too_late", "result approved"]);
        assert_eq!(engine.bank.find("a-1").unwrap().net_minor(), 1_000);
    }

    #[test]
    fn the_journal_lives_through_a_power_cut() {
        let mut engine = with_a_card_wanted();
        engine.lose_power();
        engine.boot();
        engine.welcome(&json!({ "at_ms": NOW }), NOW);
        assert_eq!(said(&mut engine), ["status", "result cancelled"]);
        hear(&mut engine, &a_command("b-1"));
        hear(&mut engine, &json!({ "type": "proceed", "id": "b-1" }));
        engine.act(Act::Tap);
        engine.lose_power();
        engine.boot();
        engine.welcome(&json!({ "at_ms": NOW }), NOW);
        assert_eq!(said(&mut engine).last().unwrap(), "result approved");
    }
}
