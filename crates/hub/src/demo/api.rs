//! The hub as a register sees it: requests and answers over HTTP, nothing else.

use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;

/// The longest that a register waits for an answer: above the longest `Prefer: wait` below.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a register prefers to wait for a payment.
pub const PATIENCE: &str = "wait=30";

/// Calls a hub with one API key.
pub struct Api {
    client: reqwest::Client,
    base_url: String,
    key: String,
}

/// What is sent.
pub struct Post<'a> {
    /// Where to.
    pub path: &'a str,
    /// The idempotency key.
    pub key: &'a str,
    /// The body.
    pub body: Value,
}

/// What came back.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

/// An article as the shop knows it.
pub struct Article {
    /// Its id.
    pub id: String,
    /// Of a piece or a kilogram.
    pub price_minor: i64,
    /// In thousandths.
    pub opening: i64,
}

/// A sale as far as the demo reads it.
#[derive(Debug, Clone, Deserialize)]
pub struct Sale {
    pub id: String,
    pub state: String,
    pub register_id: String,
    pub total_minor: i64,
    pub due_minor: Option<i64>,
    pub receipt_number: Option<String>,
    #[serde(default)]
    pub taxes: Vec<Tax>,
    #[serde(default)]
    pub lines: Vec<Line>,
    #[serde(default)]
    pub tenders: Vec<Tender>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Tax {
    pub rate_basis_points: u32,
    pub net_minor: i64,
    pub tax_minor: i64,
    pub gross_minor: i64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    pub number: u32,
    pub article_id: String,
    pub quantity: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Tender {
    pub kind: String,
    pub state: String,
    pub amount_minor: i64,
}

/// A return as far as the demo reads it.
#[derive(Debug, Clone, Deserialize)]
pub struct Return {
    pub id: String,
    pub total_minor: i64,
    pub next_action: String,
    pub lines: Vec<Line>,
    pub refunds: Vec<Refund>,
    pub receipt_number: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Refund {
    pub kind: String,
}

/// A payment as far as the demo reads it.
#[derive(Debug, Clone, Deserialize)]
pub struct Payment {
    pub id: String,
    pub state: String,
    pub connection_id: String,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    #[serde(default)]
    pub next_action: String,
    #[serde(default)]
    pub customer_charged: String,
    #[serde(default)]
    pub operations: Vec<Operation>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Operation {
    pub witness: Option<String>,
}

impl Api {
    /// Calls the hub there with this key.
    pub fn try_new(base_url: &str, key: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).timeout(TIMEOUT).build()?;
        Ok(Self { client, base_url: base_url.to_owned(), key: key.to_owned() })
    }

    /// The words of the key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Reads one thing.
    pub async fn get<T: for<'de> Deserialize<'de>>(&self, path: &str) -> anyhow::Result<T> {
        self.get_with(path, None).await
    }

    /// Reads one thing, and would rather wait until it is at rest.
    pub async fn get_at_rest<T: for<'de> Deserialize<'de>>(&self, path: &str) -> anyhow::Result<T> {
        self.get_with(path, Some(PATIENCE)).await
    }

    async fn get_with<T: for<'de> Deserialize<'de>>(&self, path: &str, prefer: Option<&str>) -> anyhow::Result<T> {
        let mut request = self.client.get(format!("{}{path}", self.base_url)).bearer_auth(&self.key);
        if let Some(prefer) = prefer {
            request = request.header("prefer", prefer);
        }
        let response = request.send().await.with_context(|| format!("GET {path}"))?;
        let answer = Answer { status: response.status().as_u16(), bytes: response.bytes().await?.to_vec() };
        answer.read(200).with_context(|| format!("GET {path}"))
    }

    /// Reads a list that has one page only.
    pub async fn list_once<T: for<'de> Deserialize<'de>>(&self, path: &str) -> anyhow::Result<Vec<T>> {
        #[derive(Deserialize)]
        struct Whole<T> {
            data: Vec<T>,
        }
        self.get::<Whole<T>>(path).await.map(|whole| whole.data)
    }

    /// Reads all pages of a list.
    pub async fn list<T: for<'de> Deserialize<'de>>(&self, path: &str) -> anyhow::Result<Vec<T>> {
        #[derive(Deserialize)]
        struct Page<T> {
            data: Vec<T>,
            next_cursor: Option<String>,
        }
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let page: Page<T> = self.get(&format!("{path}{joint}limit=100{cursor}")).await?;
            all.extend(page.data);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }

    /// Asks for something.
    pub async fn post(&self, post: &Post<'_>) -> anyhow::Result<Answer> {
        self.send(post, &[]).await
    }

    /// Asks for money, and would rather wait for the end; the sandbox plays `fault`.
    pub async fn post_payment(&self, post: &Post<'_>, fault: &str) -> anyhow::Result<Payment> {
        let answer = self.send(post, &[("prefer", PATIENCE), (sandbox::FAULT_HEADER, fault)]).await?;
        let mut payment: Payment = answer.read(201)?;
        // A hub answers before a payment is at rest only when the patience is over.
        while matches!(payment.next_action.as_str(), "wait" | "check_now") {
            payment = self.get_at_rest(&format!("/v1/payments/{}", payment.id)).await?;
        }
        Ok(payment)
    }

    async fn send(&self, post: &Post<'_>, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let url = format!("{}{}", self.base_url, post.path);
        let mut request =
            self.client.post(url).bearer_auth(&self.key).header("idempotency-key", post.key).json(&post.body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.with_context(|| format!("POST {}", post.path))?;
        Ok(Answer { status: response.status().as_u16(), bytes: response.bytes().await?.to_vec() })
    }

    /// Changes something.
    pub async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = self.client.patch(format!("{}{path}", self.base_url)).bearer_auth(&self.key).json(body);
        let response = request.send().await.with_context(|| format!("PATCH {path}"))?;
        Ok(Answer { status: response.status().as_u16(), bytes: response.bytes().await?.to_vec() })
    }

    /// Sets something.
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = self.client.put(format!("{}{path}", self.base_url)).bearer_auth(&self.key).json(body);
        let response = request.send().await.with_context(|| format!("PUT {path}"))?;
        Ok(Answer { status: response.status().as_u16(), bytes: response.bytes().await?.to_vec() })
    }

    /// Takes something away.
    pub async fn delete(&self, path: &str, key: &str) -> anyhow::Result<Answer> {
        let request = self.client.delete(format!("{}{path}", self.base_url)).bearer_auth(&self.key);
        let response = request.header("idempotency-key", key).send().await.with_context(|| format!("DELETE {path}"))?;
        Ok(Answer { status: response.status().as_u16(), bytes: response.bytes().await?.to_vec() })
    }
}

impl Answer {
    /// The body, if the status is the expected one.
    pub fn read<T: for<'de> Deserialize<'de>>(&self, status: u16) -> anyhow::Result<T> {
        if self.status != status {
            bail!("expected status {status}, got {}: {}", self.status, String::from_utf8_lossy(&self.bytes));
        }
        serde_json::from_slice(&self.bytes)
            .with_context(|| format!("not the expected answer: {}", String::from_utf8_lossy(&self.bytes)))
    }

    /// The stable code of a problem.
    pub fn code(&self) -> String {
        #[derive(Deserialize)]
        struct Problem {
            code: String,
        }
        serde_json::from_slice::<Problem>(&self.bytes).map(|problem| problem.code).unwrap_or_default()
    }
}
