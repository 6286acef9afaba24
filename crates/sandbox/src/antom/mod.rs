//! Antom as it is played: the customer's code, with code of its own for every signature, a ledger of who was charged, and
//! faults by amount. `docs/guides/alipay.md` tells how to play the customer.

mod customer;
mod http;
mod ledger;
mod notify;
mod sign;
mod wire;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use ledger::{Entry, Status};

use crate::in_process::{InProcess, Receiver};
use crate::notify::Poster;
use crate::rsa::{self, Keys};
use crate::script::Script;
use crate::server::Server;
use crate::shared::boot_number;
use ledger::Ledger;

/// Things that wait to happen, each a sleeping task of about a kilobyte.
const SEQUELS_MAX: usize = 10_000;
/// Numbers of one run begin this far from those of another.
const NUMBERS_OF_A_RUN: u64 = 100_000_000;

/// Who the merchant is, and delays.
#[derive(Debug, Clone)]
pub struct Options {
    /// The merchant's client. One that begins `SANDBOX_` finds the paths of Antom's own sandbox.
    pub client_id: String,
    /// How long `slow_reply` waits with the answer.
    pub slow_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { client_id: "SANDBOX_5X00000000000000".to_owned(), slow_ms: 2_000 }
    }
}

impl Options {
    /// What a hub keeps as the credentials of its connection: the keys are for play and stand in the open.
    pub fn credentials(&self) -> String {
        format!("{}:{}:{}", self.client_id, rsa::MERCHANT.trim(), rsa::PROVIDER_PUBLIC.trim())
    }

    fn folder(&self) -> &'static str {
        if self.client_id.starts_with("SANDBOX_") { "/ams/sandbox/api/v1/" } else { "/ams/api/v1/" }
    }
}

/// The provider. Clones share one ledger; it outlives the servers in front of it.
#[derive(Debug, Clone)]
pub struct Antom {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    keys: Keys,
    /// One mutex, held for a few map operations and never across a wait.
    ledger: Mutex<Ledger>,
    script: Script,
    poster: Poster,
    places: Arc<Semaphore>,
}

impl Antom {
    /// A provider that has seen nobody yet.
    pub fn new(options: Options) -> Self {
        let shared = Shared {
            ledger: Mutex::new(Ledger::beginning_at(u64::from(boot_number()) * NUMBERS_OF_A_RUN)),
            keys: Keys::for_play(),
            script: Script::default(),
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

    /// The customer confirms a payment that waits. False if none does. Needs a runtime for the notification.
    pub fn pay(&self, reference: &str) -> bool {
        self.shared.decide(reference, true).is_ok()
    }

    /// The customer calls it off. False if there is nothing to call off. Needs a runtime for the notification.
    pub fn call_off(&self, reference: &str) -> bool {
        self.shared.decide(reference, false).is_ok()
    }

    /// A notification as the played Antom signs it, for the receiver at this path and from this client: its headers.
    pub fn notification(&self, path: &str, client_id: &str, time: &str, body: &str) -> String {
        sign::header(path, client_id, time, body, |text| self.shared.keys.sign(text))
    }

    /// All payments, by paymentRequestId.
    pub fn ledger(&self) -> Vec<Entry> {
        self.shared.ledger().entries()
    }
}

impl Shared {
    /// A panic of another holder leaves the state whole: no change spans two steps that could part.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
