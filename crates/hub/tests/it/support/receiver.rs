//! A receiver of webhooks: it keeps what it was sent, and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Above everything that these tests wait for, on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks at something that has to come about.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How it answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// With this status.
    Status(u16),
    /// With this status and a header.
    With(u16, &'static str, String),
    /// Not before it is let go.
    Held,
}

/// What it was sent.
#[derive(Debug, Clone)]
pub struct Message {
    /// What stands behind the question mark.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Message {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn signed(&self) -> Vec<u8> {
        let head = format!("{}.{}.", self.header("webhook-id"), self.header("webhook-timestamp"));
        [head.as_bytes(), &self.body].concat()
    }

    fn signatures(&self, version: &str) -> Vec<Vec<u8>> {
        let parts = self.header("webhook-signature").split(' ').filter_map(|part| part.split_once(','));
        parts.filter(|(of, _)| *of == version).map(|(_, text)| STANDARD.decode(text).unwrap()).collect()
    }

    /// Whether one of its signatures is of this secret, `whsec_…`.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mac = || Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(self.signed());
        self.signatures("v1").iter().any(|signature| mac().verify_slice(signature).is_ok())
    }

    /// Whether one of its signatures is of this public key, `whpk_…`.
    pub fn is_signed_for(&self, public: &str) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, STANDARD.decode(public.strip_prefix("whpk_").unwrap()).unwrap());
        self.signatures("v1a").iter().any(|signature| key.verify(&self.signed(), signature).is_ok())
    }
}

#[derive(Default)]
struct Kept {
    messages: Vec<Message>,
    script: VecDeque<Reply>,
    otherwise: Option<Reply>,
    release: watch::Sender<bool>,
}

/// A receiver on loopback.
pub struct Receiver {
    pub addr: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    server: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        Self::at("127.0.0.1:0").await
    }

    /// One at this address.
    pub async fn at(addr: &str) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let (addr, kept) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Kept::default())));
        let router = Router::new().fallback(receive).with_state(Arc::clone(&kept));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { addr, kept, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.addr)
    }

    /// Answers the next messages so.
    pub fn answer_next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.kept.lock().unwrap().script.extend(replies);
    }

    /// Answers everything so from now on.
    pub fn answer(&self, reply: Reply) {
        self.kept.lock().unwrap().otherwise = Some(reply);
    }

    /// Lets go what is held.
    pub fn let_go(&self) {
        self.kept.lock().unwrap().release.send_replace(true);
    }

    pub fn messages(&self) -> Vec<Message> {
        self.kept.lock().unwrap().messages.clone()
    }

    pub fn count(&self) -> usize {
        self.kept.lock().unwrap().messages.len()
    }

    /// The `seq` of each message, in the order they came.
    pub fn numbers(&self) -> Vec<i64> {
        self.messages().iter().filter_map(|message| message.json()["seq"].as_i64()).collect()
    }

    /// Waits until it was sent so many messages.
    pub async fn wait_for(&self, count: usize) -> Vec<Message> {
        wait_until("the receiver was sent enough", async || self.count() >= count).await;
        self.messages()
    }
}

async fn receive(State(kept): State<Arc<Mutex<Kept>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let query = uri.query().unwrap_or_default().to_owned();
    let (reply, mut released) = {
        let mut kept = kept.lock().unwrap();
        kept.messages.push(Message { query, headers, body: body.to_vec() });
        let next = kept.script.pop_front();
        let reply = next.or_else(|| kept.otherwise.clone()).unwrap_or(Reply::Status(204));
        (reply, kept.release.subscribe())
    };
    match reply {
        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Reply::With(status, name, value) => (StatusCode::from_u16(status).unwrap(), [(name, value)]).into_response(),
        Reply::Held => {
            let _ = released.wait_for(|is_released| *is_released).await;
            StatusCode::OK.into_response()
        }
    }
}

/// Waits until something is so.
pub async fn wait_until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
