//! The played providers of a world: behind sockets, or in this very process, where the hub hands its requests to them and they
//! hand theirs to the hub.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::HOST;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use connectors::{BODY_BYTES_MAX, Exchange, Telling};
use domain::time::Timestamp;
use hub::app::App;
use hub::clock::Clock;
use hub::database::{Durability, Synchronous};
use hub::in_process::{self, Door};
use sandbox::acquirer::Acquirer;
use sandbox::alipay::Alipay;
use sandbox::antom::Antom;
use sandbox::paypay::PayPay;
use sandbox::wechat::WeChat;
use sandbox::{Handle, Receiver, Sandbox};
use tokio::net::TcpListener;

use super::shop::{Urls, acquirer_options, alipay_options, antom_options, options, paypay_options, wechat_options};
use super::{Hub, World};

/// Where a hub in process is, for whoever has to be told an address.
pub const HUB: &str = "http://hub.test";
/// When a world in process begins: noon in Tokyo, on a day that is after all that its set-up wrote.
const BEGINNING: Timestamp = Timestamp(4_102_714_800_000);

/// The providers.
pub struct Players {
    pub sandbox: Sandbox,
    pub paypay: PayPay,
    pub acquirer: Acquirer,
    pub wechat: WeChat,
    pub alipay: Alipay,
    pub antom: Antom,
}

/// Where they are, and what keeps them there.
pub struct Seats {
    pub urls: Urls,
    pub server: Option<Handle>,
    pub servers: Vec<sandbox::Server>,
}

impl Players {
    /// Providers that have seen nobody yet.
    pub fn new() -> Self {
        Self {
            sandbox: Sandbox::new(options()),
            paypay: PayPay::new(paypay_options()),
            acquirer: Acquirer::new(acquirer_options()),
            wechat: WeChat::new(wechat_options()),
            alipay: Alipay::new(alipay_options()),
            antom: Antom::new(antom_options()),
        }
    }

    /// Serves all of them.
    pub async fn serve(&self) -> Seats {
        let server = self.sandbox.serve(a_listener().await).unwrap();
        let paypay = self.paypay.serve(a_listener().await).unwrap();
        let acquirer = self.acquirer.serve(a_listener().await).unwrap();
        let wechat = self.wechat.serve(a_listener().await).unwrap();
        let wechat_tls = self.wechat.serve_tls(a_listener().await).unwrap();
        let alipay = self.alipay.serve(a_listener().await).unwrap();
        let antom = self.antom.serve(a_listener().await).unwrap();
        let urls = Urls {
            sandbox: server.base_url(),
            paypay: paypay.base_url(),
            wechat: [wechat.base_url(), wechat_tls.base_url()],
            alipay: alipay.base_url(),
            antom: antom.base_url(),
            gateway: format!("{}/paynet", acquirer.base_url()),
        };
        Seats { urls, server: Some(server), servers: vec![paypay, acquirer, wechat, wechat_tls, alipay, antom] }
    }
}

async fn a_listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

impl Seats {
    /// Names without machines behind them.
    pub fn in_process() -> Self {
        let at = |name: &str| format!("http://{name}.test");
        let urls = Urls {
            sandbox: at("sandbox"),
            paypay: at("paypay"),
            wechat: [at("wechat"), "https://wechat.test".to_owned()],
            alipay: at("alipay"),
            antom: at("antom"),
            gateway: format!("{}/paynet", at("gateway")),
        };
        Self { urls, server: None, servers: Vec::new() }
    }
}

impl World {
    /// Starts a hub in this process; the clocks of hub and providers follow the runtime's.
    pub(super) async fn start_in_process(&mut self) {
        self.be_called_at(HUB.to_owned());
        self.settings.database.synchronous = Synchronous::Off;
        self.settings.database.durability = Durability::AcceptLoss;
        sandbox::follow_runtime(BEGINNING.0);
        let door = Arc::new(Mutex::new(None));
        let exchange = Exchange::in_process(Arc::new(self.network(&door)));
        let hub = in_process::start(&self.settings, Clock::of_runtime(BEGINNING), exchange).await.unwrap();
        *door.lock().unwrap() = Some(hub.door());
        self.hub = Some(Hub::InProcess(InProcess { hub, door }));
    }

    fn network(&self, door: &Arc<Mutex<Option<Door>>>) -> Network {
        let door = Arc::clone(door);
        let receiver = Receiver::new(move |request| {
            let door = door.lock().unwrap().clone();
            Box::pin(async move {
                match door {
                    Some(door) => door.take(request).await,
                    None => answer(StatusCode::SERVICE_UNAVAILABLE),
                }
            })
        });
        Network {
            sandbox: self.sandbox.in_process(receiver.clone()),
            paypay: self.paypay.in_process(receiver.clone()),
            acquirer: self.acquirer.in_process(receiver.clone()),
            wechat: self.wechat.in_process(receiver.clone()),
            alipay: self.alipay.in_process(receiver.clone()),
            antom: self.antom.in_process(receiver),
        }
    }
}

fn answer(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A hub in this process.
pub struct InProcess {
    hub: in_process::InProcess,
    /// Where providers reach it; taken away in the end, because each of them would keep the other.
    door: Arc<Mutex<Option<Door>>>,
}

/// An answer of the hub, whichever way it came.
pub struct Told {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl InProcess {
    pub fn app(&self) -> &App {
        &self.hub.app
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Told {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.hub.door().take(request.body(Body::from(body)).unwrap()).await;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Told { status: parts.status.as_u16(), headers: parts.headers, bytes }
    }

    pub async fn stop(self) {
        self.door.lock().unwrap().take();
        self.hub.stop().await;
    }
}

/// What stands for the network: by the name of the machine it finds the provider.
struct Network {
    sandbox: sandbox::InProcess,
    paypay: sandbox::InProcess,
    acquirer: sandbox::InProcess,
    wechat: sandbox::InProcess,
    alipay: sandbox::InProcess,
    antom: sandbox::InProcess,
}

impl connectors::InProcess for Network {
    fn take(&self, request: connectors::Request) -> Telling<'_> {
        Box::pin(async move {
            let patience = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0).max(1));
            match tokio::time::timeout(patience, self.exchange(request)).await {
                Ok(told) => told,
                Err(_) => connectors::Told::Lost("the answer took too long".to_owned()),
            }
        })
    }
}

impl Network {
    fn find(&self, host: &str) -> Option<&sandbox::InProcess> {
        match host {
            "sandbox.test" => Some(&self.sandbox),
            "paypay.test" => Some(&self.paypay),
            "gateway.test" => Some(&self.acquirer),
            "wechat.test" => Some(&self.wechat),
            "alipay.test" => Some(&self.alipay),
            "antom.test" => Some(&self.antom),
            _ => None,
        }
    }

    async fn exchange(&self, request: connectors::Request) -> connectors::Told {
        let url = reqwest::Url::parse(&request.url).unwrap();
        let host = url.host_str().unwrap_or_default();
        let Some(provider) = self.find(host) else {
            return connectors::Told::NotSent(format!("nobody is called {host}"));
        };
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let mut built = Request::builder().method(request.method.as_str()).uri(path).header(HOST, host);
        for (name, value) in request.headers {
            built = built.header(name, value);
        }
        let built = built.body(Body::from(request.body)).unwrap();
        match provider.take(built, request.identity.is_some()).await {
            Some(response) => told(response).await,
            None => connectors::Told::Lost("the connection was reset".to_owned()),
        }
    }
}

async fn told(response: Response<Body>) -> connectors::Told {
    let (parts, body) = response.into_parts();
    let headers = parts.headers.iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let headers = headers.collect();
    match to_bytes(body, BODY_BYTES_MAX).await {
        Ok(body) => connectors::Told::Response(connectors::Response {
            status: parts.status.as_u16(),
            headers,
            body: body.to_vec(),
        }),
        Err(error) => connectors::Told::Lost(error.to_string()),
    }
}
