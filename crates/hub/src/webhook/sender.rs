//! Makes the request of a webhook, once. Follows no redirect, uses no proxy, and connects to nobody but whom the resolver
//! of the connection itself has let pass.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::time::Timestamp;
use domain::webhook_delivery::Told;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, redirect};

use super::address::{Addresses, Reach};
use crate::http::json::JSON;

/// From the first byte to the last of an answer: a receiver takes the message and answers, and works later.
const TIMEOUT: Duration = Duration::from_secs(15);
/// A machine that does not take a connection in this time is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than the usual keep-alive of servers, and short enough that a name is asked for again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Idle connections kept for each receiver: as many as sixteen endpoints have requests at the same time, for many endpoints may
/// lead to one host.
const IDLE_PER_HOST_MAX: usize = 16 * super::worker::REQUESTS_PER_ENDPOINT_MAX;
/// Bytes of an answer's body that are taken, so that the connection serves the next message; nobody reads them.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Finds the addresses of a name.
pub trait Lookup: Send + Sync {
    /// The addresses that the name has now.
    fn look_up(&self, name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>>;
}

/// Asks as every program on this machine does.
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn look_up(&self, name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

/// A message that is ready to be sent.
pub struct Outgoing {
    /// The message id: the same at each attempt.
    pub id: String,
    /// When this attempt is made, in seconds.
    pub timestamp_s: i64,
    /// The header `webhook-signature`.
    pub signature: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends messages. Clones share their connections.
#[derive(Clone)]
pub struct Sender {
    addresses: Addresses,
    anywhere: Client,
    inside: Client,
}

impl Sender {
    /// Without a connection yet. The process must have a default crypto provider.
    pub fn try_new(addresses: Addresses, lookup: Arc<dyn Lookup>) -> Result<Self, reqwest::Error> {
        let client = |reach| client(Gate { addresses: addresses.clone(), reach, lookup: Arc::clone(&lookup) });
        Ok(Self { anywhere: client(Reach::Anywhere)?, inside: client(Reach::Inside)?, addresses })
    }

    /// Sends a message, and says what came of it at `now`.
    pub async fn send(&self, url: &str, message: Outgoing, now: Timestamp) -> Told {
        // Judged again: the settings may have changed since it was registered.
        let Ok(target) = self.addresses.judge(url) else { return Told::AddressRefused };
        let request = self
            .client(target.reach)
            .post(target.url)
            .header(CONTENT_TYPE, JSON)
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.timestamp_s)
            .header("webhook-signature", message.signature)
            .body(message.body);
        self.told_by(request, now).await
    }

    /// Calls an address with GET, and says what came of it at `now`.
    pub async fn call(&self, url: &str, now: Timestamp) -> Told {
        let Ok(target) = self.addresses.judge(url) else { return Told::AddressRefused };
        self.told_by(self.client(target.reach).get(target.url), now).await
    }

    const fn client(&self, reach: Reach) -> &Client {
        match reach {
            Reach::Anywhere => &self.anywhere,
            Reach::Inside => &self.inside,
        }
    }

    async fn told_by(&self, request: RequestBuilder, now: Timestamp) -> Told {
        match request.send().await {
            Ok(response) => {
                let retry_after_ms = retry_after_ms(response.headers(), now);
                let status = response.status().as_u16();
                drain(response).await;
                Told::Answered { status, retry_after_ms }
            }
            Err(error) if is_refused(&error) => Told::AddressRefused,
            Err(error) if error.is_timeout() => Told::TimedOut,
            Err(_) => Told::NotReached,
        }
    }
}

fn client(gate: Gate) -> Result<Client, reqwest::Error> {
    Client::builder()
        .dns_resolver(Arc::new(gate))
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .tcp_nodelay(true)
        .timeout(TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .user_agent(concat!("tillbridge/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// The resolver of the connections: nobody it does not let pass is connected to, however often a name changes its mind.
struct Gate {
    addresses: Addresses,
    reach: Reach,
    lookup: Arc<dyn Lookup>,
}

/// A name has no address that may be called.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address that may be called")]
struct Refused;

impl Resolve for Gate {
    fn resolve(&self, name: Name) -> Resolving {
        let (addresses, reach) = (self.addresses.clone(), self.reach);
        let found = self.lookup.look_up(name.as_str().to_owned());
        Box::pin(async move {
            let mut found = found.await?;
            found.retain(|address| addresses.may_call(*address, reach));
            if found.is_empty() {
                return Err(Refused.into());
            }
            let found: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(found)
        })
    }
}

fn is_refused(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<Refused>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Takes what the receiver says beside its status, as long as it is little.
async fn drain(mut response: Response) {
    let mut taken = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        taken += chunk.len();
        if taken > BODY_BYTES_MAX {
            return;
        }
    }
}

/// `Retry-After`, in seconds or as a date, in milliseconds from now.
fn retry_after_ms(headers: &HeaderMap, now: Timestamp) -> Option<i64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(i64::from(seconds) * 1_000);
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
    Some(Timestamp(at).ms_since(now).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp(784_111_777_000 - 60_000);
        for (text, ms) in [
            ("120", Some(120_000)),
            ("0", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(60_000)),
            ("Sun, 06 Nov 1993 08:49:37 GMT", None),
            ("Sat, 06 Nov 1993 08:49:37 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("99999999999", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            assert_eq!(retry_after_ms(&headers, now), ms, "{text}");
        }
        assert_eq!(retry_after_ms(&HeaderMap::new(), now), None);
    }
}
