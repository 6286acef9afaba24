//! A hub without a listener and without threads of its own, on an embedded database: requests are handed to its routes, and
//! commits and reads happen on the thread of whoever asks. With a clock of a runtime whose time is paused it lives through
//! weeks of timeouts and inquiries in moments; the conformance suite plays providers to it so.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use connectors::Exchange;
use storage::reader::Reader;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::app::App;
use crate::clock::{Clock, RandomIds};
use crate::config::Config as Settings;
use crate::database::Database;
use crate::http;
use crate::provider::Providers;
use crate::serve::{Foundation, open_pepper, put_together, spawn_background};

/// A hub at work.
pub struct InProcess {
    /// What its handlers share.
    pub app: App,
    routes: Router,
    stop: watch::Sender<bool>,
    background: JoinSet<()>,
}

/// Starts a hub on the embedded database of these settings, which has to be there. It calls providers by this way.
pub async fn start(settings: &Settings, clock: Clock, exchange: Exchange) -> anyhow::Result<InProcess> {
    let database = Database::of(&settings.database);
    let Database::Sqlite(path, _) = &database else {
        anyhow::bail!("A hub in process has an embedded database. Leave database.url out.");
    };
    let reader = Reader::sqlite_in_place(path.clone());
    let pepper = open_pepper(settings, &reader).await?;
    let providers = Providers::over(exchange, &settings.provider, pepper.seal.clone());
    let committer = storage::committer::start_in_place(database.connect(&clock), Box::new(RandomIds::new()))?;
    let (stop, stopping) = watch::channel(false);
    let foundation = Foundation { clock, committer, reader, pepper, providers, is_tls: false, stopping };
    let app = put_together(settings, foundation).await?;
    let background = spawn_background(&app);
    Ok(InProcess { routes: http::router(app.clone()), app, stop, background })
}

impl InProcess {
    /// The hub's routes, as whoever is on the same machine reaches them.
    pub fn door(&self) -> Door {
        Door(self.routes.clone())
    }

    /// Stops: takes no more commands, and ends what the hub does by itself.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        self.app.committer.stop();
        self.background.shutdown().await;
    }
}

/// Where requests are handed in. Cheap to clone.
#[derive(Clone)]
pub struct Door(Router);

impl Door {
    /// Hands a request in.
    pub async fn take(&self, mut request: Request<Body>) -> Response<Body> {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        request.extensions_mut().insert(ConnectInfo(peer));
        match self.0.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
