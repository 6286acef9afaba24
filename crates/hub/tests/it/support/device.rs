//! A device of these tests: an Ed25519 key of its own, and what it signs with it.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::id::{ConnectionId, TerminalId};
use reqwest::Method;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use super::shop::Shop;
use super::{Answer, TestHub};

pub struct Device {
    pair: Ed25519KeyPair,
    pub serial: String,
}

impl Device {
    /// The device of a number; one number is one key.
    pub fn new(number: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap();
        Self { pair, serial: format!("S-{number}") }
    }

    /// A device that no other test has.
    pub fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut seed = [0xFF; 32];
        seed[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        Self { pair, serial: "S-0".to_owned() }
    }

    pub fn sign(&self, message: &str) -> String {
        STANDARD.encode(self.pair.sign(message.as_bytes()))
    }

    pub fn identity_key(&self) -> String {
        STANDARD.encode(self.pair.public_key())
    }

    /// What it sends to be let in with a token.
    pub fn arrival(&self, token: &str) -> Value {
        json!({
            "token": token, "identity_key": self.identity_key(), "signature": self.sign(&format!("tillbridge-enrol:{token}")),
            "model": "virtual", "serial": self.serial, "firmware": "1.0", "software": "1.1",
        })
    }

    /// What it sends to be given a code.
    pub fn proof(&self, terminal: &str, signed_at_ms: i64) -> Value {
        let signature = self.sign(&format!("tillbridge-code:{terminal}:{signed_at_ms}"));
        json!({ "signed_at_ms": signed_at_ms, "signature": signature })
    }
}

/// A POST of a device, which has no API key.
pub async fn tell(hub: &TestHub, path: &str, body: &Value) -> Answer {
    hub.request(Method::POST, path).json(body).send().await
}

/// A terminal that waits for its device, as the manager is told of it.
pub async fn expect(hub: &TestHub, shop: &Shop, connection: ConnectionId) -> Value {
    let body = json!({ "location_id": shop.location, "connection_id": connection, "name": "Counter" });
    hub.post(&shop.manager, "/v1/terminals", body).await.expect(201)
}

/// A terminal whose device has come; gives its id.
pub async fn enrolled(hub: &TestHub, shop: &Shop, connection: ConnectionId, device: &Device) -> String {
    let expected = expect(hub, shop, connection).await;
    let arrival = device.arrival(expected["enrolment_token"].as_str().unwrap());
    let terminal = tell(hub, "/v1/terminals/enrol", &arrival).await.expect(201);
    terminal["id"].as_str().unwrap().to_owned()
}

/// The time of the database that the terminal last heard, in milliseconds: a server's cannot be turned.
pub async fn seen_at(hub: &TestHub, terminal: &str) -> i64 {
    let id: TerminalId = terminal.parse().unwrap();
    let found = hub.running.app.reader.find_terminal_of_any(id).await.unwrap().unwrap();
    found.proved_at.max(found.last_seen_at).unwrap().0
}

/// The code that the terminal shows from now on.
pub async fn code(hub: &TestHub, terminal: &str, device: &Device) -> String {
    let proof = device.proof(terminal, seen_at(hub, terminal).await + 1);
    let code = tell(hub, &format!("/v1/terminals/{terminal}/code"), &proof).await.expect(201);
    code["code"].as_str().unwrap().to_owned()
}
