//! Alipay in China as it is played: the gateway with RSA2, with code of its own for every signature, a ledger of who was
//! charged, and faults by amount. `docs/guides/alipay.md` tells how to play the customer.

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

pub(crate) use customer::code as customer_code;
pub use ledger::{Entry, Status};

use crate::clock::now_ms;
use crate::customer::Habit;
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
    /// The merchant's app.
    pub app_id: String,
    /// The merchant's own number.
    pub seller_id: String,
    /// For how long a code can be scanned, where the request does not say.
    pub code_lives_ms: i64,
    /// After how long a customer pays a code that is shown; never, unless the control API plays the customer, where it is
    /// left out.
    pub customer_ms: Option<u64>,
    /// How long `slow_reply` waits with the answer.
    pub slow_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            app_id: "2021000000000001".to_owned(),
            seller_id: "2088000000000001".to_owned(),
            code_lives_ms: 2 * 3_600 * 1_000,
            customer_ms: None,
            slow_ms: 2_000,
        }
    }
}

impl Options {
    /// What a hub keeps as the credentials of its connection: the keys are for play and stand in the open.
    pub fn credentials(&self) -> String {
        format!("{}:{}:{}", self.app_id, Self::private_key(), Self::public_key())
    }

    /// What the merchant's program signs with: PKCS#8 in base64.
    pub fn private_key() -> &'static str {
        rsa::MERCHANT.trim()
    }

    /// What it verifies the played Alipay by: SPKI in base64.
    pub fn public_key() -> &'static str {
        rsa::PROVIDER_PUBLIC.trim()
    }
}

/// The provider. Clones share one ledger; it outlives the servers in front of it.
#[derive(Debug, Clone)]
pub struct Alipay {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    keys: Keys,
    /// One mutex, held for a few map operations and never across a wait.
    ledger: Mutex<Ledger>,
    script: Script,
    /// The options say how it begins.
    habit: Habit,
    poster: Poster,
    places: Arc<Semaphore>,
}

impl Alipay {
    /// A provider that has seen nobody yet.
    pub fn new(options: Options) -> Self {
        let shared = Shared {
            ledger: Mutex::new(Ledger::beginning_at(u64::from(boot_number()) * NUMBERS_OF_A_RUN)),
            keys: Keys::for_play(),
            script: Script::default(),
            habit: Habit::new(options.customer_ms),
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

    /// The customer scans the code, if one is shown, and pays. False if there is nothing to pay. Needs a runtime for the
    /// notification.
    pub fn pay(&self, reference: &str) -> bool {
        self.shared.confirm(reference).is_ok()
    }

    /// The customer calls it off. False if there is nothing to call off.
    pub fn call_off(&self, reference: &str) -> bool {
        self.shared.ledger().call_off(reference, now_ms()).is_ok()
    }

    /// The customer scans the code and thinks. False if there is nothing to scan.
    pub fn scan(&self, reference: &str) -> bool {
        self.shared.ledger().scan(reference, now_ms()).is_ok()
    }

    /// A notification about a trade, signed as the played Alipay signs: its fields, and what is to stand in them instead.
    pub fn notification(&self, fields: &[(&str, &str)]) -> String {
        let fields: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        sign::notification(&fields, |text| self.shared.keys.sign(text))
    }

    /// All trades and codes, by out_trade_no.
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
