//! A played provider without a socket: requests are handed to its routes, and what it tells by itself is handed to a receiver.
//! For a runtime whose time is paused, which a socket would let pass in the middle of an exchange.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use futures::future::BoxFuture;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;

use crate::line::{Cut, Peer};

type Take = dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync;

/// Takes what a provider tells by itself.
#[derive(Clone)]
pub struct Receiver(Arc<Take>);

impl Receiver {
    /// One that does this with each notification.
    pub fn new(take: impl Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    pub(crate) async fn take(&self, request: Request<Body>) -> Response<Body> {
        (self.0)(request).await
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// The routes of a provider.
#[derive(Debug)]
pub struct InProcess {
    routes: TowerToHyperService<Router>,
    /// Never told to stop: what a handler holds, its caller lets go.
    _stop: watch::Sender<bool>,
}

impl InProcess {
    pub(crate) fn of(routes: impl FnOnce(watch::Receiver<bool>) -> Router) -> Self {
        let (stop, stopping) = watch::channel(false);
        Self { routes: TowerToHyperService::new(routes(stopping)), _stop: stop }
    }

    /// Hands a request in, from somebody who shows the merchant's certificate or does not. Gives nothing where a connection
    /// would be reset.
    pub async fn take(&self, mut request: Request<Body>, has_certificate: bool) -> Option<Response<Body>> {
        let cut = Cut::default();
        request.extensions_mut().insert(ConnectInfo(cut.clone()));
        request.extensions_mut().insert(ConnectInfo(Peer { cut: cut.clone(), has_certificate }));
        let response = match self.routes.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        (!cut.is_cut()).then_some(response)
    }
}
