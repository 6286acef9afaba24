//! What every handler and worker of one hub shares.

use std::sync::{Arc, Mutex, PoisonError};

use domain::id::IdSource;
use storage::Handle;
use storage::reader::Reader;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::clock::{Clock, RandomIds};
use crate::connection::Door;
use crate::database::{Durability, Weaknesses};
use crate::disk::Disk;
use crate::http::REQUESTS_MAX;
use crate::http::auth::Auth;
use crate::http::event::STREAMS_MAX;
use crate::http::health::Pulse;
use crate::http::limit::Limit;
use crate::mpos::Mpos;
use crate::pepper::Pepper;
use crate::print::Printing;
use crate::provider::Providers;
use crate::relay::Lines;
use crate::shop::Shops;
use crate::smartconnect::Smartconnect;
use crate::terminal::Terminals;
use crate::waits::Waits;
use crate::webhook::Webhooks;

/// One hub. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The parts of a hub.
pub struct Parts {
    /// Tells the time.
    pub clock: Clock,
    /// Takes commands.
    pub committer: Handle,
    /// Reads beside the committer.
    pub reader: Reader,
    /// The server's own secret.
    pub pepper: Pepper,
    /// Who is let in.
    pub auth: Auth,
    /// How many requests a key may make.
    pub rate_limit: Option<Limit>,
    /// Where registers stand.
    pub shops: Shops,
    /// The hub's side of all providers.
    pub providers: Providers,
    /// The hub's side of all receivers of webhooks.
    pub webhooks: Webhooks,
    /// The hub's side of all printers.
    pub printing: Printing,
    /// The terminals that hang on this hub.
    pub lines: Lines,
    /// The hub's side of all terminals.
    pub terminals: Terminals,
    /// The hub's side of POS software without a key.
    pub smartconnect: Smartconnect,
    /// What the mPOS gateway API shares.
    pub mpos: Mpos,
    /// The idempotency keys whose answer is waited for.
    pub waits: Waits,
    /// Whether a weak database makes the hub not ready.
    pub durability: Durability,
    /// What weakens the database.
    pub weaknesses: Weaknesses,
    /// How much room there is.
    pub disk: Disk,
    /// Whether the database answers, as last seen.
    pub pulse: Pulse,
    /// A proxy stands in front: a peer on loopback is not a local one then.
    pub is_behind_proxy: bool,
    /// True from the moment the hub begins to stop.
    pub stopping: watch::Receiver<bool>,
    /// Places of requests at work.
    pub requests: Semaphore,
    /// Places of event streams.
    pub streams: Arc<Semaphore>,
    /// Connections.
    pub door: Door,
    ids: Mutex<RandomIds>,
}

/// What a hub is put together from.
pub struct Ingredients {
    /// Tells the time.
    pub clock: Clock,
    /// Takes commands.
    pub committer: Handle,
    /// Reads beside the committer.
    pub reader: Reader,
    /// The server's own secret.
    pub pepper: Pepper,
    /// How many requests a key may make.
    pub rate_limit: Option<Limit>,
    /// The hub's side of all providers.
    pub providers: Providers,
    /// The hub's side of all receivers of webhooks.
    pub webhooks: Webhooks,
    /// The hub's side of all printers.
    pub printing: Printing,
    /// The hub's side of all terminals.
    pub terminals: Terminals,
    /// The hub's side of POS software without a key.
    pub smartconnect: Smartconnect,
    /// Whether a weak database makes the hub not ready.
    pub durability: Durability,
    /// What weakens the database.
    pub weaknesses: Weaknesses,
    /// How much room there is.
    pub disk: Disk,
    /// A proxy stands in front.
    pub is_behind_proxy: bool,
    /// True from the moment the hub begins to stop.
    pub stopping: watch::Receiver<bool>,
}

impl App {
    /// A hub of these ingredients.
    pub fn new(ingredients: Ingredients) -> Self {
        let Ingredients {
            clock,
            committer,
            reader,
            pepper,
            rate_limit,
            providers,
            webhooks,
            printing,
            terminals,
            smartconnect,
            durability,
            weaknesses,
            disk,
            is_behind_proxy,
            stopping,
        } = ingredients;
        Self(Arc::new(Parts {
            auth: Auth::default(),
            shops: Shops::default(),
            mpos: Mpos::default(),
            lines: Lines::default(),
            waits: Waits::default(),
            pulse: Pulse::default(),
            requests: Semaphore::new(REQUESTS_MAX),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            door: Door::new(),
            ids: Mutex::default(),
            clock,
            committer,
            reader,
            pepper,
            rate_limit,
            providers,
            webhooks,
            printing,
            terminals,
            smartconnect,
            durability,
            weaknesses,
            disk,
            is_behind_proxy,
            stopping,
        }))
    }

    /// A fresh id for what a handler has to name before it is decided.
    pub fn next_uuid(&self) -> Uuid {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).next(self.clock.now())
    }

    /// Whether the hub is stopping.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}
