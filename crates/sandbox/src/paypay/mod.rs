//! PayPay as it is played: both protocols on one address, with code of its own for every signature, a ledger of who was
//! charged, and faults by amount. `docs/guides/paypay.md` tells how to play the customer.

mod customer;
mod fault;
mod http;
mod ledger;
mod notify;
mod sign;
mod wire;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use fault::{FAULTS, Fault, Row};
pub use ledger::{Entry, Status};

use crate::clock::{bounded, now_ms};
use crate::customer::Habit;
use crate::in_process::{InProcess, Receiver};
use crate::notify::Poster;
use crate::server::Server;
use crate::shared::boot_number;
use ledger::{Ledger, Now};

/// Things that wait to happen, each a sleeping task of about a kilobyte.
const SEQUELS_MAX: usize = 10_000;
/// Ids of one run begin this far from those of another.
const IDS_OF_A_RUN: u64 = 100_000_000;

/// Secrets, addresses and delays.
#[derive(Clone)]
pub struct Options {
    /// The key of the deployed API.
    pub api_key: String,
    /// The secret of the deployed API.
    pub api_secret: String,
    /// The id of the client of document 004.
    pub client_id: String,
    /// The secret of that client.
    pub client_secret: String,
    /// What notifications of document 004 are signed with.
    pub webhook_secret: String,
    /// For how long a token is taken.
    pub token_lives_s: i64,
    /// For how long a code can be paid.
    pub code_lives_s: i64,
    /// After how long a customer pays a code that is shown; never, unless the control API plays the customer, where it is
    /// left out.
    pub customer_ms: Option<u64>,
    /// After how long a cancel that was taken is carried out.
    pub cancel_ms: u64,
    /// How long `slow_reply` waits with the answer.
    pub slow_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            api_key: "paypay-key".to_owned(),
            api_secret: "paypay-secret".to_owned(),
            client_id: "paypay-client".to_owned(),
            client_secret: "paypay-client-secret".to_owned(),
            webhook_secret: "paypay-webhook-secret".to_owned(),
            token_lives_s: 3_600,
            code_lives_s: 300,
            customer_ms: None,
            cancel_ms: 200,
            slow_ms: 2_000,
        }
    }
}

impl Options {
    /// What a hub keeps as the credentials of a connection that speaks the deployed API.
    pub fn credentials_of_opa(&self) -> String {
        format!("{}:{}", self.api_key, self.api_secret)
    }

    /// What a hub keeps as the credentials of a connection that speaks document 004.
    pub fn credentials_of_oauth(&self) -> String {
        format!("{}:{}:{}", self.client_id, self.client_secret, self.webhook_secret)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("code_lives_s", &self.code_lives_s).finish_non_exhaustive()
    }
}

/// The provider. Clones share one ledger; it outlives the servers in front of it.
#[derive(Debug, Clone)]
pub struct PayPay {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    /// One mutex, held for a few map operations and never across a wait.
    ledger: Mutex<Ledger>,
    /// The faults that were played, by what they were played for: each is played once.
    played: Mutex<BTreeSet<String>>,
    tokens: Mutex<Tokens>,
    /// The options say how it begins.
    habit: Habit,
    addresses: Mutex<Addresses>,
    poster: Poster,
    places: Arc<Semaphore>,
}

/// Where notifications go. PayPay has them in the merchant's panel, not in a request.
#[derive(Debug, Default, Clone)]
struct Addresses {
    opa: Option<String>,
    oauth: Option<String>,
}

/// The tokens that were given: the words of each are its number.
#[derive(Debug, Default)]
struct Tokens {
    boot: u32,
    given: Vec<i64>,
}

impl PayPay {
    /// A provider that has seen nobody yet.
    pub fn new(options: Options) -> Self {
        let boot = boot_number();
        let shared = Shared {
            ledger: Mutex::new(Ledger::beginning_at(u64::from(boot) * IDS_OF_A_RUN)),
            played: Mutex::default(),
            tokens: Mutex::new(Tokens { boot, given: Vec::new() }),
            habit: Habit::new(options.customer_ms),
            addresses: Mutex::default(),
            poster: Poster::new(),
            places: Arc::new(Semaphore::new(SEQUELS_MAX)),
            options,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Answers in this process, and tells this receiver whatever it tells by itself.
    pub fn in_process(&self, receiver: Receiver) -> InProcess {
        self.shared.poster.deliver_to(receiver);
        InProcess::of(|stopping| http::router(Arc::clone(&self.shared), stopping))
    }

    /// Answers on this listener until the server is stopped or dropped.
    pub fn serve(&self, listener: TcpListener) -> io::Result<Server> {
        Server::start(listener, |stopping| http::router(Arc::clone(&self.shared), stopping))
    }

    /// Where notifications about what the deployed API was asked for go.
    pub fn notify_opa(&self, url: &str) {
        lock(&self.shared.addresses).opa = Some(url.to_owned());
    }

    /// Where notifications about what document 004's API was asked for go.
    pub fn notify_oauth(&self, url: &str) {
        lock(&self.shared.addresses).oauth = Some(url.to_owned());
    }

    /// The customer pays. False if there is nothing to pay. Needs a runtime for the notification.
    pub fn pay(&self, reference: &str) -> bool {
        self.shared.pay(reference).is_ok()
    }

    /// The customer calls it off. False if there is nothing to call off. Needs a runtime for the notification.
    pub fn call_off(&self, reference: &str) -> bool {
        self.shared.call_off(reference).is_ok()
    }

    /// All orders, by merchantPaymentId.
    pub fn ledger(&self) -> Vec<Entry> {
        let now = now();
        lock(&self.shared.ledger).entries(now)
    }

    /// From now on every token that was given is refused.
    pub fn end_tokens(&self) {
        lock(&self.shared.tokens).given.iter_mut().for_each(|until_s| *until_s = 0);
    }

    /// How many tokens were given.
    pub fn tokens_given(&self) -> usize {
        lock(&self.shared.tokens).given.len()
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// Whether a fault is to be played now: once for each thing that it spoils.
    fn is_first(&self, what: String) -> bool {
        lock(&self.played).insert(what)
    }
}

/// A panic of another holder leaves the state whole: no change spans two steps that could part.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> Now {
    Now { ms: now_ms() }
}
