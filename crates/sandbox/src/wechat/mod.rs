//! WeChat Pay as it is played: APIv3 of both places and v2, with code of its own for every signature, a ledger of who was
//! charged, and faults by amount. It signs its answers and notifications, and gives nothing back over v2 to whoever does not
//! show the merchant's certificate. `docs/guides/wechat.md` tells how to play the customer.

mod clock;
mod customer;
mod desk;
mod http;
mod keys;
mod ledger;
mod notify;
mod problem;
mod sign;
mod tls;
mod v2;
mod v3;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use ledger::{Entry, State};

use crate::clock::now_ms;
use crate::customer::Habit;
use crate::in_process::{InProcess, Receiver};
use crate::line::{Door, Peer, TlsDoor};
use crate::notify::Poster;
use crate::options::DELAY_MS_MAX;
use crate::server::Server;
use crate::shared::boot_number;
use ledger::Ledger;
use sign::Key;
use tls::Certificates;

/// Things that wait to happen, each a sleeping task of about a kilobyte.
const SEQUELS_MAX: usize = 10_000;
/// Ids of one run begin this far from those of another.
const IDS_OF_A_RUN: u64 = 100_000_000;

/// Secrets and delays.
#[derive(Clone)]
pub struct Options {
    /// The merchant's application.
    pub appid: String,
    /// The merchant's number.
    pub mchid: String,
    /// Of the merchant's API certificate.
    pub serial_no: String,
    /// What notifications are sealed with: 32 bytes. The control API takes it as a bearer token.
    pub apiv3_key: String,
    /// What v2 is signed with.
    pub api_key: String,
    /// What the interface of mainland China takes. The real one takes yuan only.
    pub mainland_currency: String,
    /// After how long a customer pays a code that is shown; never, unless the control API plays the customer, where it is
    /// left out.
    pub customer_ms: Option<u64>,
    /// How long `slow_reply` waits with the answer.
    pub slow_ms: u64,
    /// How soon after its pay call an order may be reversed.
    pub undo_hold_ms: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            appid: "wx0000000000000001".to_owned(),
            mchid: "1900000109".to_owned(),
            serial_no: "5157F09EFDC096DE15EBE81A47057A7232F1B8E1".to_owned(),
            apiv3_key: "wechat-apiv3-key-of-the-sandbox0".to_owned(),
            api_key: "wechat-api-key-of-the-sandbox000".to_owned(),
            mainland_currency: "CNY".to_owned(),
            customer_ms: None,
            slow_ms: 2_000,
            undo_hold_ms: 15_000,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("mchid", &self.mchid).finish_non_exhaustive()
    }
}

/// The provider. Clones share one ledger; it outlives the servers in front of it.
#[derive(Debug, Clone)]
pub struct WeChat {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    merchant: Key,
    platform: [Key; 2],
    /// The second of the platform's keys is in use.
    is_rotated: AtomicBool,
    certificates: Certificates,
    /// One mutex, held for a few map operations and never across a wait.
    ledger: Mutex<Ledger>,
    /// The faults that were played, by what they were played for: each is played once.
    played: Mutex<BTreeSet<String>>,
    /// The options say how it begins.
    habit: Habit,
    poster: Poster,
    places: Arc<Semaphore>,
    boot: u32,
    nonces: AtomicU64,
}

impl WeChat {
    /// A provider that has seen nobody yet.
    pub fn new(options: Options) -> Self {
        let boot = boot_number();
        let shared = Shared {
            merchant: keys::merchant(&options.serial_no),
            platform: keys::platform(),
            is_rotated: AtomicBool::new(false),
            certificates: Certificates::new(&options.mchid),
            ledger: Mutex::new(Ledger::beginning_at(u64::from(boot) * IDS_OF_A_RUN)),
            played: Mutex::default(),
            habit: Habit::new(options.customer_ms),
            poster: Poster::new(),
            places: Arc::new(Semaphore::new(SEQUELS_MAX)),
            boot,
            nonces: AtomicU64::new(0),
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
        let addr = listener.local_addr()?;
        let routes = |stopping| http::router(Arc::clone(&self.shared), stopping);
        Ok(Server::behind::<_, Peer>(Door::new(listener), addr, "http", routes))
    }

    /// As [`WeChat::serve`], over TLS.
    pub fn serve_tls(&self, listener: TcpListener) -> io::Result<Server> {
        let addr = listener.local_addr()?;
        let door = TlsDoor::new(listener, self.shared.certificates.acceptor());
        let routes = |stopping| http::router(Arc::clone(&self.shared), stopping);
        Ok(Server::behind::<_, Peer>(door, addr, "https", routes))
    }

    /// What a hub keeps as the credentials of a connection that speaks APIv3, with the keys of the platform that it is told
    /// of.
    pub fn credentials_of_v3(&self) -> String {
        self.v3(&[(keys::PLATFORM, keys::PLATFORM_PUBLIC)])
    }

    /// As [`WeChat::credentials_of_v3`], with the platform's next key beside the one of now.
    pub fn credentials_of_v3_in_rotation(&self) -> String {
        self.v3(&[(keys::PLATFORM, keys::PLATFORM_PUBLIC), (keys::NEXT_PLATFORM, keys::NEXT_PLATFORM_PUBLIC)])
    }

    fn v3(&self, platform: &[(&str, &str)]) -> String {
        let Options { appid, mchid, serial_no, apiv3_key, .. } = &self.shared.options;
        let keys: String = platform.iter().map(|(id, pem)| format!("{id} = '''\n{pem}'''\n")).collect();
        format!(
            "appid = \"{appid}\"\nmchid = \"{mchid}\"\nserial_no = \"{serial_no}\"\napiv3_key = \"{apiv3_key}\"\n\
             merchant_category_code = \"5814\"\nprivate_key = '''\n{}'''\n[platform_keys]\n{keys}",
            keys::MERCHANT
        )
    }

    /// What a hub keeps as the credentials of a connection that speaks v2. Its certificate is another one at each start.
    pub fn credentials_of_v2(&self) -> String {
        let Options { appid, mchid, api_key, .. } = &self.shared.options;
        let Certificates { authority, client_certificate, client_key, .. } = &self.shared.certificates;
        format!(
            "appid = \"{appid}\"\nmch_id = \"{mchid}\"\napi_key = \"{api_key}\"\nsign_type = \"HMAC-SHA256\"\n\
             client_certificate = '''\n{client_certificate}'''\nclient_key = '''\n{client_key}'''\n\
             server_authority = '''\n{authority}'''\n"
        )
    }

    /// From now on the platform signs with its next key.
    pub fn rotate(&self) {
        self.shared.is_rotated.store(true, Ordering::Release);
    }

    /// The customer pays. False if there is nothing to pay. Needs a runtime for the notification.
    pub fn pay(&self, number: &str) -> bool {
        self.shared.pay(number).is_ok()
    }

    /// The customer does not type the password. False if none was asked for.
    pub fn call_off(&self, number: &str) -> bool {
        self.shared.ledger().call_off(number).is_ok()
    }

    /// The merchant gives money back in the platform's own pages. False if there is nothing to give back. Needs a runtime for
    /// the notification.
    pub fn refund_by_hand(&self, number: &str, amount: i64) -> bool {
        self.shared.refund_by_hand(number, amount).is_ok()
    }

    /// All orders, by out_trade_no.
    pub fn ledger(&self) -> Vec<Entry> {
        self.shared.ledger().entries()
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// The key that the platform signs with now.
    fn platform(&self) -> &Key {
        &self.platform[usize::from(self.is_rotated.load(Ordering::Acquire))]
    }

    /// A text that was not used before, of so many characters.
    fn nonce(&self, characters: usize) -> String {
        let number = self.nonces.fetch_add(1, Ordering::Relaxed);
        let text = format!("{:08x}{number:024x}", self.boot);
        // The end is what changes.
        text[text.len() - characters.min(text.len())..].to_owned()
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

fn bounded(ms: u64) -> Duration {
    Duration::from_millis(ms.min(DELAY_MS_MAX))
}

#[cfg(test)]
mod tests {
    use crate::paypay::FAULTS;

    #[test]
    fn the_guide_prints_the_faults() {
        let guide = include_str!("../../../../docs/guides/wechat.md");
        for row in &FAULTS {
            let line = format!("| {} | `{}` |", row.digits, row.name);
            assert!(guide.contains(&line), "the guide lacks: {line}");
        }
    }
}
