//! A running server of a played provider.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::line::{Cut, Door};

/// How long a stopping server waits for requests that are being answered.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// Serves until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    scheme: &'static str,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Answers on this listener with these routes, which are told when the server is to stop.
    pub(crate) fn start(
        listener: TcpListener,
        routes: impl FnOnce(watch::Receiver<bool>) -> Router,
    ) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        Ok(Self::behind::<_, Cut>(Door::new(listener), addr, "http", routes))
    }

    /// As [`Server::start`], behind a door that is there already; `C` is what routes are told of a connection.
    pub(crate) fn behind<L, C>(
        door: L,
        addr: SocketAddr,
        scheme: &'static str,
        routes: impl FnOnce(watch::Receiver<bool>) -> Router,
    ) -> Self
    where
        L: Listener<Addr = SocketAddr>,
        C: for<'a> Connected<IncomingStream<'a, L>> + Sync,
    {
        let (stop, stopping) = watch::channel(false);
        let service = routes(stopping.clone()).into_make_service_with_connect_info::<C>();
        let mut signal = stopping;
        let server = axum::serve(door, service).with_graceful_shutdown(async move {
            // An error says that the handle is gone: that is a reason to stop too.
            let _ = signal.wait_for(|is_stopping| *is_stopping).await;
        });
        Self { addr, scheme, stop, task: tokio::spawn(async move { server.await }) }
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL for a connection's settings, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr)
    }

    /// Stops: no new connections, what is being answered may end within two seconds, what is held is let go.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(STOP_WAIT, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }

    /// Runs until the server ends by itself, which it does not do in health: for a program that is only a sandbox.
    pub async fn wait(mut self) -> io::Result<()> {
        (&mut self.task).await.map_err(io::Error::other)?
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
