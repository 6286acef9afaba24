//! A request to a hub under test, and its answer, which is held against the contract.

use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::contract;

/// A request that is put together.
pub struct Request {
    method: Method,
    path: String,
    inner: reqwest::RequestBuilder,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(client: &reqwest::Client, base: &str, method: Method, path: &str) -> Self {
        let inner = client.request(method.clone(), format!("{base}{path}"));
        Self { method, path: path.to_owned(), inner }
    }

    /// Signs it with the words of an API key.
    pub fn auth(self, words: &str) -> Self {
        self.header("authorization", &format!("Bearer {words}"))
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.inner = self.inner.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    pub fn json(mut self, body: &Value) -> Self {
        self.inner = self.inner.json(body);
        self
    }

    /// A body that need not be JSON.
    pub fn raw(self, body: impl Into<reqwest::Body>) -> Self {
        let mut request = self.header("content-type", "application/json");
        request.inner = request.inner.body(body);
        request
    }

    /// An idempotency key.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// An idempotency key that no other request has.
    pub fn fresh_key(self) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let key = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.key(&key)
    }

    pub async fn send(self) -> Answer {
        let response = self.inner.send().await.expect("the hub answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("the answer is whole").to_vec();
        let answer = Answer { status, headers, body };
        contract::check(self.method.as_str(), &self.path, status, answer.header("content-type"), &answer.body);
        assert!(!answer.header("x-request-id").is_empty(), "every answer has a request id");
        answer
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of an answer that has to have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// Whether it is a problem with this status and code.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, code: &str) {
        let body = self.expect(status);
        assert_eq!(body["code"], code, "{body:#}");
        assert_eq!(body["status"], status);
        assert_eq!(self.header("content-type"), "application/problem+json");
    }

    /// What a repeat under the same key has to have in common with the first answer.
    pub fn bytes(&self) -> (u16, &str, &[u8]) {
        (self.status, self.header("content-type"), &self.body)
    }
}
