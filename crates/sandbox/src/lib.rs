//! A payment provider on the laptop: its own wire format, its own ledger of who was charged, and faults on demand.
//! Shares no code with `connectors`: a shared struct would make both sides wrong together.
//! The wire format and the faults are described in `docs/guides/sandbox.md`.

pub mod acquirer;
pub mod alipay;
pub mod antom;
mod clock;
pub mod customer;
mod fault;
mod http;
mod in_process;
mod ledger;
mod line;
mod notify;
mod options;
pub mod paypay;
mod rsa;
mod script;
mod server;
mod shared;
pub mod terminal;
pub mod wechat;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

pub use clock::follow_runtime;
pub use fault::{FAULT_HEADER, FAULTS, Fault, Row};
pub use in_process::{InProcess, Receiver};
pub use ledger::{Entry, Status, Total};
pub use notify::SIGNATURE_HEADER;
pub use options::{DELAY_MS_MAX, Options};
pub use server::Server;

use crate::http::Front;
use crate::shared::Shared;

/// The provider. Clones share one ledger; it outlives the servers in front of it, so a test can stop the server (then
/// connections are refused), let time pass, and serve the same ledger again.
#[derive(Debug, Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

impl Sandbox {
    /// A provider with an empty ledger.
    pub fn new(options: Options) -> Self {
        Self { shared: Arc::new(Shared::new(options)) }
    }

    /// Answers on this listener until the handle is stopped or dropped.
    pub fn serve(&self, listener: TcpListener) -> io::Result<Handle> {
        let front = |stopping| http::router(Front { shared: Arc::clone(&self.shared), stopping });
        Ok(Handle { server: Server::start(listener, front)?, sandbox: self.clone() })
    }

    /// Answers in this process, and tells this receiver whatever it tells by itself.
    pub fn in_process(&self, receiver: Receiver) -> InProcess {
        self.shared.deliver_to(receiver);
        InProcess::of(|stopping| http::router(Front { shared: Arc::clone(&self.shared), stopping }))
    }

    /// The money taken from the customer under one charge reference and not given back.
    pub fn net_amount(&self, reference: &str) -> i64 {
        self.shared.ledger().net_amount(reference)
    }

    /// All charges in the order of their references.
    pub fn ledger(&self) -> Vec<Entry> {
        self.shared.ledger().entries(None, usize::MAX)
    }

    /// The money taken and not given back, by currency.
    pub fn totals(&self) -> Vec<Total> {
        self.shared.ledger().totals()
    }

    /// The customer approves a pending charge. False if it is not pending. Needs a runtime for the notification.
    pub fn approve(&self, reference: &str) -> bool {
        self.shared.play(reference, None).is_ok()
    }

    /// The customer declines a pending charge. False if it is not pending. Needs a runtime for the notification.
    pub fn decline(&self, reference: &str) -> bool {
        self.shared.play(reference, Some("customer_declined")).is_ok()
    }

    /// From now on, for so long, every call of the provider's API is reset. False above [`DELAY_MS_MAX`].
    pub fn go_unreachable(&self, ms: u64) -> bool {
        self.shared.go_unreachable(ms)
    }
}

/// A running server. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Handle {
    server: Server,
    sandbox: Sandbox,
}

impl Handle {
    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The base URL for a connection's settings, without a slash at the end.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// The provider behind the server.
    pub const fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// All charges in the order of their references.
    pub fn ledger(&self) -> Vec<Entry> {
        self.sandbox.ledger()
    }

    /// Stops: no new connections, what is being answered may end within two seconds, what is held is let go.
    pub async fn stop(self) {
        self.server.stop().await;
    }

    /// Runs until the server ends by itself, which it does not do in health: for a program that is only a sandbox.
    pub async fn wait(self) -> io::Result<()> {
        self.server.wait().await
    }
}

/// A new provider, serving on this listener.
pub async fn serve(listener: TcpListener, options: Options) -> io::Result<Handle> {
    Sandbox::new(options).serve(listener)
}
