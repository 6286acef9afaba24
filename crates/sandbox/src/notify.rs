//! Notifications: signed over the very bytes that are sent, tried a few times, then given up, as real providers do.

use std::fmt::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use hmac::{Hmac, Mac};
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::CONTENT_TYPE;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::in_process::Receiver;
use crate::ledger::View;
use crate::wire::{Notification, ProviderId, encode, letters};

/// The header of the signature: lower-case hex of HMAC-SHA256 over the raw body.
pub const SIGNATURE_HEADER: &str = "x-sandbox-signature";
/// The pauses before the second to the fifth attempt. Short: a test that loses one waits less than two seconds in all.
const PAUSES_MS: [u64; 4] = [100, 200, 400, 800];
/// How long a receiver may take: it only has to store the notification.
const ATTEMPT_MS_MAX: u64 = 2_000;
/// The longest answer that is read: receivers answer with a word.
const ANSWER_BYTES_MAX: usize = 4 * 1024;
/// Attempts on their way at once: enough for a receiver on the same machine, no storm on it.
const ATTEMPTS_AT_ONCE_MAX: usize = 64;

/// Delivers what receivers may not take at once.
#[derive(Debug)]
pub(crate) struct Poster {
    client: Client<HttpConnector, Full<Bytes>>,
    places: Semaphore,
    /// Who takes it instead of the network.
    receiver: OnceLock<Receiver>,
}

impl Poster {
    pub fn new() -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            places: Semaphore::new(ATTEMPTS_AT_ONCE_MAX),
            receiver: OnceLock::new(),
        }
    }

    /// Delivers to this receiver, whatever the address. The first one stays.
    pub fn deliver_to(&self, receiver: Receiver) {
        let _ = self.receiver.set(receiver);
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Option<Response<Body>> {
        match self.receiver.get() {
            Some(receiver) => Some(receiver.take(request.map(Body::new)).await),
            None => Some(self.client.request(request).await.ok()?.map(Body::new)),
        }
    }

    /// Sends until the receiver answers 2xx or the attempts are used up.
    pub async fn deliver(&self, url: &str, signature: Option<(&'static str, &str)>, body: Bytes) {
        self.deliver_letter(url, &Letter::json(signature, body)).await;
    }

    /// Sends once; whether it was taken.
    pub async fn attempt(&self, url: &str, signature: Option<(&'static str, &str)>, body: Bytes) -> bool {
        self.attempt_letter(url, &Letter::json(signature, body)).await
    }

    /// Sends until the receiver takes it or the attempts are used up.
    pub async fn deliver_letter(&self, url: &str, letter: &Letter) {
        for pause_ms in PAUSES_MS.into_iter().map(Some).chain([None]) {
            if self.attempt_letter(url, letter).await {
                return;
            }
            if let Some(pause_ms) = pause_ms {
                sleep(Duration::from_millis(pause_ms)).await;
            }
        }
        tracing::warn!(url, "a notification was given up after {} attempts", PAUSES_MS.len() + 1);
    }

    /// Calls an address with GET until the receiver answers 200 or the attempts are used up.
    pub async fn call(&self, url: &str) {
        for pause_ms in PAUSES_MS.into_iter().map(Some).chain([None]) {
            if self.call_once(url).await {
                return;
            }
            if let Some(pause_ms) = pause_ms {
                sleep(Duration::from_millis(pause_ms)).await;
            }
        }
        tracing::warn!("a callback was given up after {} attempts", PAUSES_MS.len() + 1);
    }

    /// Calls an address with GET, once; whether it was taken.
    pub async fn call_once(&self, url: &str) -> bool {
        let Ok(_place) = self.places.acquire().await else { return false };
        let Ok(request) = hyper::Request::get(url).body(Full::new(Bytes::new())) else { return false };
        let answer = timeout(Duration::from_millis(ATTEMPT_MS_MAX), self.send(request)).await;
        matches!(answer, Ok(Some(response)) if response.status() == 200)
    }

    /// Sends once; whether it was taken.
    pub async fn attempt_letter(&self, url: &str, letter: &Letter) -> bool {
        let Ok(_place) = self.places.acquire().await else { return false };
        let mut request = hyper::Request::post(url).header(CONTENT_TYPE, letter.content_type);
        for (name, value) in &letter.headers {
            request = request.header(*name, value);
        }
        let Ok(request) = request.body(Full::new(letter.body.clone())) else { return false };
        let exchange = async {
            let response = self.send(request).await?;
            let is_success = response.status().is_success();
            let answer = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.ok()?.to_bytes();
            Some(is_success && letter.expected.is_none_or(|expected| answer == expected))
        };
        timeout(Duration::from_millis(ATTEMPT_MS_MAX), exchange).await.ok().flatten().unwrap_or(false)
    }
}

/// A notification, ready to be sent.
#[derive(Debug)]
pub(crate) struct Letter {
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    /// The very answer by which it counts as taken; any, where it is left out.
    pub expected: Option<&'static [u8]>,
}

impl Letter {
    fn json(signature: Option<(&'static str, &str)>, body: Bytes) -> Self {
        let headers = signature.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        Self { content_type: "application/json", headers, body, expected: None }
    }
}

/// Sends the notifications of the sandbox's own protocol.
#[derive(Debug)]
pub(crate) struct Notifier {
    poster: Poster,
    key: Hmac<Sha256>,
    boot: u32,
    sequence: AtomicU64,
}

impl Notifier {
    pub fn new(secret: &str, boot: u32) -> Self {
        Self {
            poster: Poster::new(),
            key: Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length"),
            boot,
            sequence: AtomicU64::new(0),
        }
    }

    /// Delivers to this receiver.
    pub fn deliver_to(&self, receiver: Receiver) {
        self.poster.deliver_to(receiver);
    }

    /// The next notification about a charge.
    pub fn compose(&self, reference: &str, view: &View) -> Bytes {
        let id = |prefix, number| ProviderId { prefix, boot: self.boot, number };
        let notification = Notification {
            id: id("ntf", self.sequence.fetch_add(1, Ordering::Relaxed) + 1),
            reference,
            charge_id: id("ch", view.id),
            kind: view.kind,
            status: view.status,
            amount: view.amount,
            approved_amount: view.approved,
            currency: letters(&view.currency),
            reason: view.reason,
        };
        Bytes::from(encode(&notification))
    }

    /// Delivers a notification.
    pub async fn deliver(&self, url: &str, body: Bytes) {
        let signature = self.sign(&body);
        self.poster.deliver(url, Some((SIGNATURE_HEADER, &signature)), body).await;
    }

    fn sign(&self, body: &[u8]) -> String {
        let mac = self.key.clone().chain_update(body).finalize().into_bytes();
        mac.iter().fold(String::with_capacity(mac.len() * 2), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hmac_sha256_in_hex() {
        // RFC 4231, test case 2.
        let notifier = Notifier::new("Jefe", 0);
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(notifier.sign(b"what do ya want for nothing?"), expected);
    }
}
