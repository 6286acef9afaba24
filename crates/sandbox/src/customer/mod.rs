//! Where one plays the customers of all played wallets: a page for people, and the same as an API. A wallet joins by
//! implementing [`Wallet`] and being named where [`Customers`] are made.

mod habit;
mod http;
mod page;

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;

pub use self::habit::Habit;
use crate::server::Server;

/// So many waiting payments are told: as many as a person can look through.
pub(crate) const WAITING_MAX: usize = 100;

/// A played wallet, as its customers have it in their hands.
pub trait Wallet: Send + Sync {
    /// Its name in addresses: that of the hub's connector.
    fn name(&self) -> &'static str;

    /// Its name for people.
    fn label(&self) -> &'static str;

    /// The payments that wait for a customer, the latest first.
    fn waiting(&self) -> Vec<Waiting>;

    /// The customer pays. False if there is nothing to pay. Needs a runtime for the notification.
    fn approve(&self, reference: &str) -> bool;

    /// The customer calls it off. False if there is nothing to call off. Needs a runtime for the notification.
    fn decline(&self, reference: &str) -> bool;

    /// A code to be presented at the register, another one each time; `None` where the wallet has none.
    fn customer_code(&self) -> Option<String>;

    /// Whether customers pay by themselves what a shop shows; `None` where they pay by a code of their own only.
    fn habit(&self) -> Option<&Habit>;

    /// Every charge, for whoever holds another ledger against this one.
    fn charges(&self) -> Vec<Charge>;
}

/// A payment that waits for a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The reference of the one who asks for it.
    pub reference: String,
    /// In minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// What the shop says that it is for; often nothing.
    pub description: String,
    /// What the shop's code says; `None` where the customer's code was scanned and the phone asks whether to pay.
    pub shown: Option<String>,
}

/// A charge in a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The reference of the one who asked for it.
    pub reference: String,
    /// Taken and not given back, in minor units.
    pub net_amount: i64,
    /// Promised and not taken, in minor units.
    pub held_amount: i64,
}

/// The customers of some wallets. Clones are the same customers.
#[derive(Clone)]
pub struct Customers {
    wallets: Arc<Vec<Box<dyn Wallet>>>,
}

impl Customers {
    /// Of these wallets, in the order in which the page shows them.
    pub fn of(wallets: Vec<Box<dyn Wallet>>) -> Self {
        Self { wallets: Arc::new(wallets) }
    }

    /// Serves the page and its API on this listener until the server is stopped or dropped.
    pub fn serve(&self, listener: TcpListener) -> io::Result<Server> {
        Server::start(listener, |_| http::router(self.clone()))
    }

    /// From now on customers pay by themselves, or wait for somebody who plays them.
    pub fn set_pays_after_ms(&self, ms: Option<u64>) {
        self.wallets().filter_map(Wallet::habit).for_each(|habit| habit.set(ms));
    }

    fn wallets(&self) -> impl Iterator<Item = &dyn Wallet> {
        self.wallets.iter().map(AsRef::as_ref)
    }

    fn find(&self, name: &str) -> Option<&dyn Wallet> {
        self.wallets().find(|wallet| wallet.name() == name)
    }
}
