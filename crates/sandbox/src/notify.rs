//! Notifications: signed over the very bytes that are sent, tried a few times, then given up, as real providers do.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use hmac::{Hmac, Mac};
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::ledger::View;
use crate::wire::{Notification, ProviderId, encode, letters};

/// The header of the signature: lower-case hex of HMAC-SHA256 over the raw body.
pub const SIGNATURE_HEADER: &str = "x-sandbox-signature";
/// The pauses before the second to the fifth attempt. Short: a test that loses one waits less than two seconds in all.
const PAUSES_MS: [u64; 4] = [100, 200, 400, 800];
/// How long a receiver may take: it only has to store the notification.
const ATTEMPT_MS_MAX: u64 = 2_000;
/// Attempts on their way at once: enough for a receiver on the same machine, no storm on it.
const ATTEMPTS_AT_ONCE_MAX: usize = 64;

/// Delivers what receivers may not take at once.
#[derive(Debug)]
pub(crate) struct Poster {
    client: Client<HttpConnector, Full<Bytes>>,
    places: Semaphore,
}

impl Poster {
    pub fn new() -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            places: Semaphore::new(ATTEMPTS_AT_ONCE_MAX),
        }
    }

    /// Sends until the receiver answers 2xx or the attempts are used up.
    pub async fn deliver(&self, url: &str, signature: Option<(&'static str, &str)>, body: Bytes) {
        for pause_ms in PAUSES_MS.into_iter().map(Some).chain([None]) {
            if self.attempt(url, signature, body.clone()).await {
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
        let answer = timeout(Duration::from_millis(ATTEMPT_MS_MAX), self.client.request(request)).await;
        matches!(answer, Ok(Ok(response)) if response.status() == 200)
    }

    /// Sends once; whether it was taken.
    pub async fn attempt(&self, url: &str, signature: Option<(&'static str, &str)>, body: Bytes) -> bool {
        let Ok(_place) = self.places.acquire().await else { return false };
        let mut request = hyper::Request::post(url).header(CONTENT_TYPE, "application/json");
        if let Some((name, value)) = signature {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(Full::new(body)) else { return false };
        let answer = timeout(Duration::from_millis(ATTEMPT_MS_MAX), self.client.request(request)).await;
        matches!(answer, Ok(Ok(response)) if response.status().is_success())
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
