//! The one file that talks to providers. It sends a request once and tells apart "no byte has left" from "nobody knows".

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::redirect;

use sha2::{Digest, Sha256};

use crate::contract::{Identity, Method, Request, Response, Told};

/// The largest answer that is read: a hundred times the largest honest one.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// A machine that does not take a connection in this time is out of reach; the till is waiting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest wait for an answer, whatever the profile says. A terminal relay that waits for the customer needs two minutes.
const TIMEOUT_MS_MAX: u64 = 180_000;
/// Shorter than the usual keep-alive of servers (60 s and more): a connection that the server is about to close must not
/// be used, because a charge that meets the closing is in doubt.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Idle connections kept for each provider: as many as the requests of a busy hub that are on their way at once.
const IDLE_PER_HOST_MAX: usize = 256;
/// Client certificates whose connections are kept: more than the merchants of a hub have. Beyond it the memory begins anew,
/// and a connection costs a handshake.
const IDENTITIES_MAX: usize = 64;
/// Headers kept of an answer.
const HEADERS_MAX: usize = 64;

/// What is known of a request in the end, once it is known.
pub type Telling<'a> = Pin<Box<dyn Future<Output = Told> + Send + 'a>>;

/// Providers that are played in this very process: no byte goes over a network. It keeps the request's time limit itself.
pub trait InProcess: Send + Sync {
    /// Takes a request, once.
    fn take(&self, request: Request) -> Telling<'_>;
}

/// The way to providers. Clones share it.
#[derive(Debug, Clone)]
pub struct Exchange {
    way: Way,
}

#[derive(Clone)]
enum Way {
    Network(Pools),
    InProcess(Arc<dyn InProcess>),
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network(_) => "Network",
            Self::InProcess(_) => "InProcess",
        })
    }
}

/// Pools of connections.
#[derive(Clone)]
struct Pools {
    client: reqwest::Client,
    /// The pools of those who show a certificate, by its hash: a connection must not be used for another merchant.
    identified: Arc<Mutex<HashMap<[u8; 32], reqwest::Client>>>,
}

/// Why there is no exchange. Found at start.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The program installs the crypto provider of the process; it has not done so yet.
    #[error("no TLS crypto provider is installed for the process")]
    NoCryptoProvider,
    /// The client could not be built.
    #[error("the HTTP client could not be built")]
    Client(#[source] reqwest::Error),
}

impl Exchange {
    /// Over the network, with no connection yet. The process must have a default crypto provider.
    pub fn try_new() -> Result<Self, ExchangeError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(ExchangeError::NoCryptoProvider);
        }
        let client = builder().build().map_err(ExchangeError::Client)?;
        Ok(Self { way: Way::Network(Pools { client, identified: Arc::default() }) })
    }

    /// To providers that are played in this process.
    pub fn in_process(providers: Arc<dyn InProcess>) -> Self {
        Self { way: Way::InProcess(providers) }
    }

    /// Sends a request, once.
    pub async fn send(&self, request: Request) -> Told {
        match &self.way {
            Way::Network(pools) => pools.send(request).await,
            Way::InProcess(providers) => providers.take(request).await,
        }
    }
}

impl Pools {
    async fn send(&self, mut request: Request) -> Told {
        let client = match request.identity.take() {
            None => self.client.clone(),
            Some(identity) => match self.client_of(&identity) {
                Ok(client) => client,
                Err(error) => return Told::NotSent(chain(&error)),
            },
        };
        let request = match to_reqwest(request) {
            Ok(request) => request,
            Err(why) => return Told::NotSent(why),
        };
        match client.execute(request).await {
            Ok(response) => read(response).await,
            Err(error) => told_of(error),
        }
    }

    /// The pool of those who show this certificate.
    fn client_of(&self, identity: &Identity) -> Result<reqwest::Client, reqwest::Error> {
        let hash = identity.hash();
        let known = self.identified.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        if let Some(client) = known {
            return Ok(client);
        }
        let pem = format!("{}\n{}", identity.certificate, identity.key);
        let mut builder = builder().identity(reqwest::Identity::from_pem(pem.as_bytes())?);
        if let Some(authority) = &identity.authority {
            builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(authority.as_bytes())?);
        }
        let client = builder.build()?;
        let mut identified = self.identified.lock().unwrap_or_else(PoisonError::into_inner);
        if identified.len() >= IDENTITIES_MAX {
            identified.clear();
        }
        Ok(identified.entry(hash).or_insert(client).clone())
    }
}

impl Identity {
    fn hash(&self) -> [u8; 32] {
        let authority = self.authority.as_deref().unwrap_or_default();
        let mut hash = Sha256::new();
        for part in [&self.certificate, &self.key, authority] {
            // No part runs into the next: PEM has no zero byte.
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.finalize().into()
    }
}

/// What every pool has in common.
fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        // A request that was written is never written again. What is left below is hyper's: a request that no byte of
        // was written for, because its pooled connection turned out to be closed, goes out on another one.
        .retry(reqwest::retry::never())
        // HTTP/2 would let a server refuse single streams, and one lost connection would put all its charges in doubt.
        .http1_only()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .user_agent(concat!("tillbridge/", env!("CARGO_PKG_VERSION")))
}

fn to_reqwest(request: Request) -> Result<reqwest::Request, String> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Delete => reqwest::Method::DELETE,
    };
    // The texts of these errors do not quote what they refuse.
    let url = reqwest::Url::parse(&request.url).map_err(|error| error.to_string())?;
    let mut built = reqwest::Request::new(method, url);
    for (name, value) in request.headers {
        let value = HeaderValue::from_str(&value).map_err(|error| error.to_string())?;
        built.headers_mut().insert(HeaderName::from_static(name), value);
    }
    if !request.body.is_empty() {
        *built.body_mut() = Some(request.body.into());
    }
    let timeout_ms = u64::try_from(request.timeout_ms).unwrap_or(0).clamp(1, TIMEOUT_MS_MAX);
    *built.timeout_mut() = Some(Duration::from_millis(timeout_ms));
    Ok(built)
}

/// A connection that did not come about, TLS included, has carried no byte of the request. Of every other failure, the
/// timeout of the whole included, that cannot be said.
fn told_of(error: reqwest::Error) -> Told {
    let is_before_the_first_byte = error.is_connect() || error.is_builder();
    let text = chain(&error.without_url());
    if is_before_the_first_byte { Told::NotSent(text) } else { Told::Lost(text) }
}

async fn read(mut response: reqwest::Response) -> Told {
    let status = response.status().as_u16();
    let headers = response.headers().iter().take(HEADERS_MAX);
    let headers = headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let headers = headers.collect();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= BODY_BYTES_MAX => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Told::Lost(format!("the answer has more than {BODY_BYTES_MAX} bytes")),
            Ok(None) => return Told::Response(Response { status, headers, body }),
            Err(error) => return Told::Lost(chain(&error.without_url())),
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
