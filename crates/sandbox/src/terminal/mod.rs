//! Terminals that are played: each with a key, a journal, a line to the hub, and a customer who follows a script. They speak
//! the terminal channel (`docs/protocols/terminal-channel.md`) in words of their own.

mod bank;
mod channel;
mod engine;
pub mod page;
mod script;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

pub use bank::{Bank, Charge};
pub use engine::{Line, Screen};
pub use script::{Act, SCRIPTS, Script};

use self::engine::Engine;

/// How a terminal is played.
#[derive(Debug, Clone)]
pub struct Options {
    /// The hub, for example `http://127.0.0.1:8080`.
    pub hub: String,
    /// Its id at the hub.
    pub terminal_id: String,
    /// Its customer.
    pub script: Script,
    /// How long the customer takes.
    pub customer: Duration,
    /// How long a plug that a script pulls stays out.
    pub unplugged: Duration,
    /// How often what the hub has not kept is told again.
    pub tell_again: Duration,
    /// How far its clock is ahead.
    pub clock_ahead_ms: i64,
}

impl Options {
    /// A terminal with a quick customer.
    pub fn new(hub: impl Into<String>, terminal_id: impl Into<String>) -> Self {
        Self {
            hub: hub.into(),
            terminal_id: terminal_id.into(),
            script: Script::Approve,
            customer: Duration::from_millis(20),
            unplugged: Duration::from_millis(300),
            tell_again: Duration::from_secs(2),
            clock_ahead_ms: 0,
        }
    }
}

/// The identity of a terminal.
pub struct Key(Ed25519KeyPair);

impl Key {
    /// The key of 32 secret bytes; `None` if they make none.
    pub fn of(seed: [u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(&seed).ok().map(Self)
    }

    /// The public key, 32 bytes.
    pub fn public(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    /// Its signature of a text, in base64.
    pub fn sign(&self, text: &str) -> String {
        STANDARD.encode(self.0.sign(text.as_bytes()))
    }
}

/// A terminal that is switched on. Dropping it switches it off.
pub struct Terminal {
    parts: Arc<Parts>,
    task: JoinHandle<()>,
}

struct Parts {
    options: Mutex<Options>,
    key: Key,
    engine: Mutex<Engine>,
    /// Whether the plug is in.
    power: watch::Sender<bool>,
    /// Something waits to be said.
    news: Notify,
    /// The line is cut.
    cut: Notify,
    /// Whether the hub has let it in.
    online: watch::Sender<bool>,
    /// Why the hub did not let it in, the last time it did not.
    rejected: Mutex<Option<String>>,
}

impl Parts {
    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn options(&self) -> Options {
        self.options.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn act(&self, act: Act) {
        match act {
            Act::PullPlug => {
                // The journal first: once the plug is out nothing is said any more.
                self.engine().lose_power();
                self.power.send_replace(false);
            }
            Act::PutPlugBack => {
                self.engine().boot();
                self.power.send_replace(true);
            }
            Act::CutLine => self.cut.notify_one(),
            _ => self.engine().act(act),
        }
        self.news.notify_one();
    }
}

impl Terminal {
    /// Switches a terminal on. Its charges go to this bank.
    pub fn start(options: Options, key: Key, bank: Bank) -> Self {
        let engine = Mutex::new(Engine::new(bank, options.script));
        let parts = Arc::new(Parts {
            options: Mutex::new(options),
            key,
            engine,
            power: watch::Sender::new(true),
            news: Notify::new(),
            cut: Notify::new(),
            online: watch::Sender::new(false),
            rejected: Mutex::default(),
        });
        let task = tokio::spawn(channel::run(Arc::clone(&parts)));
        Self { parts, task }
    }

    /// Somebody does something.
    pub fn act(&self, act: Act) {
        self.parts.act(act);
    }

    /// From now on it is played like this.
    pub fn play(&self, script: Script) {
        self.parts.engine().script = script;
    }

    /// What is played. A script that pulls the plug is over once it was pulled, and customers are approved.
    pub fn script(&self) -> Script {
        self.parts.engine().script
    }

    /// From now on it calls this hub, from its next connection on.
    pub fn call(&self, hub: impl Into<String>) {
        self.parts.options.lock().unwrap_or_else(PoisonError::into_inner).hub = hub.into();
    }

    /// What its screen shows.
    pub fn screen(&self) -> Screen {
        self.parts.engine().screen.clone()
    }

    /// All commands that it remembers.
    pub fn journal(&self) -> Vec<Line> {
        self.parts.engine().journal()
    }

    /// Whether its plug is in.
    pub fn has_power(&self) -> bool {
        *self.parts.power.borrow()
    }

    /// Whether the hub has let it in.
    pub fn is_online(&self) -> bool {
        *self.parts.online.borrow()
    }

    /// Waits until the hub has let it in, or until it is offline.
    pub async fn wait_until_online(&self, is_online: bool) {
        // An error says that the terminal is gone, and it is not: it is held here.
        let _ = self.parts.online.subscribe().wait_for(|now| *now == is_online).await;
    }

    /// Why the hub did not let it in, the last time it did not.
    pub fn rejected(&self) -> Option<String> {
        self.parts.rejected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its public key.
    pub fn public_key(&self) -> Vec<u8> {
        self.parts.key.public()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.task.abort();
    }
}
