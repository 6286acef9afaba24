//! What the clients saw: every request of which a byte may have left, and every answer. It is only ever added to. What it
//! says of a request is held against whatever any hub says of it later.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::client::{Answer, Silence};

/// The problems that are never stored: the request may be repeated under its key.
const NOT_STORED: [(u16, &str); 5] = [
    (409, "idempotency_key_in_flight"),
    (503, "overloaded"),
    (503, "request_timeout"),
    (503, "database_unavailable"),
    (503, "stopping"),
];
/// Complaints that are kept: the first say what is wrong.
const COMPLAINTS_MAX: usize = 50;

/// What a request asks, as far as its effect has to be found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A new article.
    Article,
    /// Goods arrive or a count is corrected, in thousandths.
    Movement { article: String, quantity: i64 },
    /// A sale with its lines, rung at once or left open.
    Sale { lines: Vec<(String, i64)> },
    /// One line more.
    Line { sale: String, article: String, quantity: i64 },
    /// Cash for all that is due.
    Cash,
    /// A payment.
    Payment { amount: Option<i64> },
    /// A follow-up of a payment.
    Operation,
}

/// A request of which a byte may have left.
#[derive(Debug)]
pub struct Asked {
    pub cycle: u32,
    pub shop: usize,
    pub key: String,
    pub path: String,
    pub body: String,
    pub what: What,
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    /// The answer that every later one has to equal.
    first: Option<Answer>,
    answers: u32,
    silences: u32,
}

impl Asked {
    /// A request that is about to be sent.
    pub fn new(cycle: u32, shop: usize, key: String, path: String, body: String, what: What) -> Arc<Self> {
        Arc::new(Self { cycle, shop, key, path, body, what, heard: Mutex::default() })
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().expect("no holder panics")
    }

    /// The answer that stands.
    pub fn answer(&self) -> Option<Answer> {
        self.heard().first.clone()
    }

    /// Whether it was done: answered, and not refused.
    pub fn is_done(&self) -> bool {
        self.heard().first.as_ref().is_some_and(|answer| answer.status < 300)
    }

    /// A text of the answer's JSON, if it was done.
    pub fn text(&self, name: &str) -> Option<String> {
        let answer = self.answer().filter(|answer| answer.status < 300)?;
        Some(answer.json()[name].as_str()?.to_owned())
    }

    /// How it stands in the log.
    pub fn words(&self) -> String {
        let Self { cycle, key, path, body, .. } = self;
        let heard = self.heard();
        let first = heard.first.as_ref().map_or("no answer".to_owned(), Answer::words);
        format!(
            "POST {path} {body} (key {key}, cycle {cycle}, {} answers, {} silences): {first}",
            heard.answers, heard.silences
        )
    }
}

/// The log of a run.
#[derive(Default)]
pub struct Log {
    asked: Mutex<Vec<Arc<Asked>>>,
    complaints: Mutex<Vec<String>>,
    pub sent: AtomicUsize,
    pub answered: AtomicUsize,
    pub unanswered: AtomicUsize,
    pub unavailable: AtomicUsize,
}

/// What came of sending a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// The first answer that stands.
    First,
    /// The same once more.
    Again,
    /// Nothing that stands: to be repeated.
    Open,
}

impl Log {
    /// Notes a request that is about to be sent.
    pub fn add(&self, asked: &Arc<Asked>) {
        self.asked.lock().expect("no holder panics").push(Arc::clone(asked));
    }

    /// The requests from `from` on.
    pub fn since(&self, from: usize) -> Vec<Arc<Asked>> {
        self.asked.lock().expect("no holder panics")[from..].to_vec()
    }

    /// How many requests there are.
    pub fn len(&self) -> usize {
        self.asked.lock().expect("no holder panics").len()
    }

    /// One of them.
    pub fn get(&self, index: usize) -> Arc<Asked> {
        Arc::clone(&self.asked.lock().expect("no holder panics")[index])
    }

    /// Notes what is wrong.
    pub fn complain(&self, words: String) {
        let mut complaints = self.complaints.lock().expect("no holder panics");
        if complaints.len() < COMPLAINTS_MAX {
            complaints.push(words);
        }
    }

    /// All that is wrong so far.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().expect("no holder panics").clone()
    }

    /// Holds what was heard against what was heard before.
    pub fn hear(&self, asked: &Asked, heard: Result<Answer, Silence>) -> News {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let answer = match heard {
            Ok(answer) => answer,
            Err(silence) => {
                asked.heard().silences += 1;
                self.unanswered.fetch_add(1, Ordering::Relaxed);
                if silence == Silence::TimedOut {
                    self.complain(format!("A living hub does not answer: {}", asked.words()));
                }
                return News::Open;
            }
        };
        let problem = answer.json();
        let code = problem["code"].as_str().unwrap_or_default();
        if NOT_STORED.contains(&(answer.status, code)) {
            if answer.status == 503 {
                self.unavailable.fetch_add(1, Ordering::Relaxed);
            }
            return News::Open;
        }
        if !(200..300).contains(&answer.status) && !is_refusal(answer.status, code) {
            self.complain(format!("Not an answer to expect: {} to {}", answer.words(), asked.words()));
            return News::Open;
        }
        self.answered.fetch_add(1, Ordering::Relaxed);
        let mut before = asked.heard();
        before.answers += 1;
        match &before.first {
            None => {
                before.first = Some(answer);
                News::First
            }
            Some(first) if *first == answer => News::Again,
            Some(_) => {
                drop(before);
                self.complain(format!("Answered with {}\n    and before: {}", answer.words(), asked.words()));
                News::Again
            }
        }
    }
}

/// Whether it can be the rules' own no. All that the clients name was answered before, so nothing is ever not found, and
/// they make no mistakes of form.
fn is_refusal(status: u16, code: &str) -> bool {
    matches!(status, 409 | 422) && code != "idempotency_key_reused" && !code.ends_with("_invalid")
}
