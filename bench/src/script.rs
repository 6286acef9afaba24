//! The requests that registers send: payments and whole cash sales. The same script is played to subject and floor.

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request};
use serde_json::json;

use crate::load::Script;
use crate::random::{Ids, Random, Zipf};
use crate::world::{GIVEN_MINOR, Shop, World};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// A merchant and the key of its registers.
#[derive(Debug)]
pub struct Caller {
    shop: Shop,
    authorization: HeaderValue,
    zipf: Zipf,
}

/// The merchants that a row uses, each with its key.
#[derive(Debug, Clone)]
pub struct Callers(Arc<[Arc<Caller>]>);

impl Callers {
    /// The first `count` merchants of the world.
    pub fn new(world: &World, keys: &[String], count: usize) -> anyhow::Result<Self> {
        let callers = world.shops.iter().zip(keys).take(count).map(|(shop, key)| {
            let authorization = HeaderValue::from_str(&format!("Bearer {key}"))?;
            anyhow::Ok(Arc::new(Caller { shop: shop.clone(), authorization, zipf: Zipf::over(shop.articles.len()) }))
        });
        let callers = callers.collect::<anyhow::Result<Vec<_>>>()?;
        anyhow::ensure!(callers.len() == count, "the world has fewer than {count} merchants with a key");
        Ok(Self(callers.into()))
    }

    /// The first `count` of them.
    pub fn first(&self, count: usize) -> Self {
        Self(self.0.iter().take(count).cloned().collect())
    }

    /// The `Authorization` of the merchant, if it is one of them.
    pub fn authorization_of(&self, merchant: &str) -> Option<HeaderValue> {
        let caller = self.0.iter().find(|caller| caller.shop.merchant.to_string() == merchant)?;
        Some(caller.authorization.clone())
    }

    /// The last of them: a merchant with one register and one article.
    pub fn last(&self) -> Self {
        Self(self.0.iter().rev().take(1).cloned().collect())
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A payment by a stand-alone terminal: the intent is durable and nothing is sent.
    ManualPayment,
    /// A payment by the sandbox, answered when it has ended.
    SandboxPayment,
    /// A whole paid sale of one line.
    Sale,
}

/// One connection's requests.
pub struct Till {
    callers: Callers,
    work: Work,
    /// The merchant, where the connection belongs to one; else each request chooses.
    fixed: Option<usize>,
    random: Random,
    ids: Ids,
}

impl Till {
    /// The script of the connection of this number. With `is_pinned` it belongs to one merchant.
    pub fn new(callers: &Callers, work: Work, connection: usize, is_pinned: bool) -> Self {
        let seed = connection as u64 + 10;
        let fixed = is_pinned.then(|| connection % callers.0.len());
        Self { callers: callers.clone(), work, fixed, random: Random::new(seed), ids: Ids::new(seed << 20) }
    }

    fn body(&mut self, merchant: usize) -> Vec<u8> {
        let shop = &self.callers.0[merchant].shop;
        let register = shop.registers[self.random.below(shop.registers.len())];
        let body = match self.work {
            Work::ManualPayment | Work::SandboxPayment => json!({
                "register_id": register,
                "connection_id": if self.work == Work::ManualPayment { shop.manual } else { shop.sandbox },
                // The sandbox plays a fault for amounts that end in 900 to 999.
                "amount_minor": 100 + self.random.below(800),
                "currency": "JPY",
                "reference": format!("order {}", self.random.below(1_000_000)),
            }),
            Work::Sale => json!({
                "register_id": register,
                "lines": [{
                    "article_id": shop.articles[self.callers.0[merchant].zipf.choose(&mut self.random)],
                    "quantity": "1",
                }],
                "tenders": [{ "kind": "cash", "given_minor": GIVEN_MINOR }],
            }),
        };
        body.to_string().into_bytes()
    }
}

impl Script for Till {
    fn next(&mut self) -> Request<Full<Bytes>> {
        let merchant = self.fixed.unwrap_or_else(|| self.random.below(self.callers.0.len()));
        let body = self.body(merchant);
        let path = if self.work == Work::Sale { "/v1/sales" } else { "/v1/payments" };
        let key = self.ids.draw().hyphenated().to_string();
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = hyper::Uri::from_static(path);
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(AUTHORIZATION, self.callers.0[merchant].authorization.clone());
        if let Ok(key) = HeaderValue::from_str(&key) {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        if self.work == Work::SandboxPayment {
            headers.insert(PREFER, HeaderValue::from_static("wait=10"));
        }
        request
    }
}
