//! An mPOS gateway with a bank behind it, as it is played: code of its own for every signature and cipher, a ledger of who was
//! charged, and faults by amount. `docs/guides/mpos-gateway.md` tells how it behaves.

mod card;
mod dukpt;
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
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use card::{PIN, PlayedReader, Reader, Swipe};
pub use dukpt::{Cipher, Variant};
pub use fault::{Amounts, DOCUMENTED, FAULTS, Fault, Leg, Row};
pub use ledger::{Entry, Stage, Status};

use crate::clock::now_ms;
use crate::in_process::{InProcess, Receiver};
use crate::notify::Poster;
use crate::options::DELAY_MS_MAX;
use crate::server::Server;
use crate::shared::boot_number;
use ledger::Ledger;

/// Things that wait to happen, each a sleeping task of about a kilobyte.
const SEQUELS_MAX: usize = 10_000;
/// Ids of one run begin this far from those of another.
const IDS_OF_A_RUN: u64 = 100_000_000;

/// Credentials, readers and delays.
#[derive(Clone)]
pub struct Options {
    /// The merchant's login.
    pub login: String,
    /// The endpoint, a number.
    pub endpoint: String,
    /// The group of endpoints, a number.
    pub group: String,
    /// The merchant's control key.
    pub control_key: String,
    /// The readers whose keys the bank has.
    pub readers: Vec<Reader>,
    /// Which amounts play what.
    pub amounts: Amounts,
    /// How long a slow reply or a stall waits with the answer.
    pub slow_ms: u64,
    /// How long the bank takes where it takes its time.
    pub pend_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        let tdes = |variant, first_ksn: &str| Reader {
            first_ksn: first_ksn.to_owned(),
            bdk: "0123456789ABCDEFFEDCBA9876543210".to_owned(),
            cipher: Cipher::Tdes(variant),
        };
        let aes = Reader {
            first_ksn: "123456789012345600000000".to_owned(),
            bdk: "FEDCBA9876543210F1F1F1F1F1F1F1F1".to_owned(),
            cipher: Cipher::Aes,
        };
        Self {
            login: "merchantlogin".to_owned(),
            endpoint: "1111".to_owned(),
            group: "77".to_owned(),
            control_key: "B17F59B4-A7DC-41B4-8FF9-37D986B43D20".to_owned(),
            readers: vec![tdes(Variant::Data, "FFFF9876543210E00000"), tdes(Variant::Pin, "FFFF9876543211000000"), aes],
            amounts: Amounts::ByDigits,
            slow_ms: 70_000,
            pend_ms: 3_000,
        }
    }
}

impl Options {
    /// What a hub keeps as the credentials of its connection: `<login>:<endpoint id>:<control key>`.
    pub fn credentials(&self) -> String {
        format!("{}:{}:{}", self.login, self.endpoint, self.control_key)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("endpoint", &self.endpoint)
            .field("amounts", &self.amounts)
            .finish_non_exhaustive()
    }
}

/// The gateway. Clones share one ledger; it outlives the servers in front of it.
#[derive(Debug, Clone)]
pub struct Acquirer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    /// One mutex, held for a few map operations and never across a wait.
    ledger: Mutex<Ledger>,
    /// The faults that were played, by what they were played for: each is played once.
    played: Mutex<BTreeSet<String>>,
    poster: Poster,
    places: Arc<Semaphore>,
}

impl Acquirer {
    /// A gateway that has seen nobody yet.
    pub fn new(options: Options) -> Self {
        let shared = Shared {
            ledger: Mutex::new(Ledger::beginning_at(u64::from(boot_number()) * IDS_OF_A_RUN, options.amounts)),
            played: Mutex::default(),
            poster: Poster::new(),
            places: Arc::new(Semaphore::new(SEQUELS_MAX)),
            options,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Answers in this process, and tells this receiver whatever it tells by itself.
    pub fn in_process(&self, receiver: Receiver) -> InProcess {
        self.shared.poster.deliver_to(receiver);
        InProcess::of(|stopping| http::router(Arc::clone(&self.shared), String::new(), stopping))
    }

    /// Answers on this listener until the server is stopped or dropped. Its base URL, for a connection, is that of the server
    /// with `/paynet` behind it.
    pub fn serve(&self, listener: TcpListener) -> io::Result<Server> {
        let base = format!("http://{}", listener.local_addr()?);
        Server::start(listener, |stopping| http::router(Arc::clone(&self.shared), base, stopping))
    }

    /// All orders, by `client_orderid`.
    pub fn ledger(&self) -> Vec<Entry> {
        lock(&self.shared.ledger).entries(now_ms())
    }
}

impl Shared {
    /// Whether a fault is to be played now: once for each thing that it spoils.
    fn is_first(&self, what: String) -> bool {
        lock(&self.played).insert(what)
    }
}

/// A panic of another holder leaves the state whole: no change spans two steps that could part.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const fn bounded(ms: u64) -> Duration {
    Duration::from_millis(if ms > STALL_MS_MAX { STALL_MS_MAX } else { ms })
}

/// The longest stall: a little above the 70 seconds of the vendor's test page, which [`DELAY_MS_MAX`] would cut.
const STALL_MS_MAX: u64 = DELAY_MS_MAX + 20_000;
