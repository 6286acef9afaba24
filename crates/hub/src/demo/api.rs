//! The hub as a register sees it: requests and answers over HTTP, nothing else. What is not answered, or answered with a 5xx,
//! is sent again with the same idempotency key until it is: nothing happens twice. That is all a register has to do so
//! that a hub that dies, or a second one that takes over, is nothing to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

/// The longest that a register waits for an answer: above the longest `Prefer: wait` below.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a register prefers to wait for a payment.
const PATIENCE: &str = "wait=30";
/// How long a request is sent again before the register gives up: a hub is started again in less.
const REPEAT_FOR: Duration = Duration::from_secs(60);
/// The pause before a request is sent again, at first and at most.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Calls a hub with one API key.
pub struct Api {
    client: reqwest::Client,
    base_url: String,
    key: String,
    repeated: AtomicU64,
}

/// What is asked for.
pub struct Post<'a> {
    /// Where.
    pub path: &'a str,
    /// The idempotency key.
    pub key: &'a str,
    /// The body.
    pub body: Value,
}

/// A request, ready to be sent any number of times.
struct Ask<'a> {
    method: Method,
    path: &'a str,
    body: Option<&'a Value>,
    headers: Vec<(&'static str, &'a str)>,
}

/// What came back.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

impl Api {
    /// Calls the hub there with this key.
    pub fn try_new(base_url: &str, key: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).timeout(TIMEOUT).build()?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        Ok(Self { client, base_url, key: key.to_owned(), repeated: AtomicU64::new(0) })
    }

    /// The words of the key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How many requests had to be sent again so far.
    pub fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// Reads one thing.
    pub async fn get<T: for<'de> Deserialize<'de>>(&self, path: &str) -> anyhow::Result<T> {
        self.get_with(path, Vec::new()).await
    }

    /// Reads one thing, and would rather wait until it is at rest.
    pub async fn get_at_rest<T: for<'de> Deserialize<'de>>(&self, path: &str) -> anyhow::Result<T> {
        self.get_with(path, vec![("prefer", PATIENCE)]).await
    }

    async fn get_with<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        headers: Vec<(&'static str, &str)>,
    ) -> anyhow::Result<T> {
        let answer = self.send(&Ask { method: Method::GET, path, body: None, headers }).await?;
        answer.read(200).with_context(|| format!("GET {path}"))
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
        self.post_with(post, Vec::new()).await
    }

    /// Asks for money, and would rather wait for the end; the sandbox plays `fault`.
    pub async fn post_for_money(&self, post: &Post<'_>, fault: &str) -> anyhow::Result<Answer> {
        self.post_with(post, vec![("prefer", PATIENCE), (sandbox::FAULT_HEADER, fault)]).await
    }

    async fn post_with<'a>(
        &self,
        post: &'a Post<'_>,
        mut headers: Vec<(&'static str, &'a str)>,
    ) -> anyhow::Result<Answer> {
        headers.push(("idempotency-key", post.key));
        self.send(&Ask { method: Method::POST, path: post.path, body: Some(&post.body), headers }).await
    }

    /// Sets or changes something: the same again changes nothing.
    pub async fn change(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(&Ask { method, path, body: Some(body), headers: Vec::new() }).await
    }

    /// Takes something away.
    pub async fn delete(&self, path: &str, key: &str) -> anyhow::Result<Answer> {
        let headers = vec![("idempotency-key", key)];
        self.send(&Ask { method: Method::DELETE, path, body: None, headers }).await
    }

    /// Sends a request, again and again until somebody answers.
    async fn send(&self, ask: &Ask<'_>) -> anyhow::Result<Answer> {
        let give_up_at = Instant::now() + REPEAT_FOR;
        let mut pause = PAUSE_MIN;
        loop {
            let failure = match self.send_once(ask).await {
                Ok(answer) if !answer.asks_to_repeat() => return Ok(answer),
                Ok(answer) => answer.words(),
                Err(error) => format!("{:#}", anyhow::Error::from(error)),
            };
            if Instant::now() >= give_up_at {
                bail!("{} {}: {failure}", ask.method, ask.path);
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn send_once(&self, ask: &Ask<'_>) -> Result<Answer, reqwest::Error> {
        let url = format!("{}{}", self.base_url, ask.path);
        let mut request = self.client.request(ask.method.clone(), url).bearer_auth(&self.key);
        if let Some(body) = ask.body {
            request = request.json(body);
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        Ok(Answer { status: response.status().as_u16(), bytes: response.bytes().await?.to_vec() })
    }
}

impl Answer {
    /// Nobody knows yet what became of the request, or it was too much at once.
    fn asks_to_repeat(&self) -> bool {
        self.status >= 500 || self.status == 429 || self.code() == "idempotency_key_in_flight"
    }

    fn words(&self) -> String {
        format!("status {}: {}", self.status, String::from_utf8_lossy(&self.bytes))
    }

    /// The body, if the status is the expected one.
    pub fn read<T: for<'de> Deserialize<'de>>(&self, status: u16) -> anyhow::Result<T> {
        if self.status != status {
            bail!("expected status {status}, got {}", self.words());
        }
        serde_json::from_slice(&self.bytes).with_context(|| format!("not the expected answer: {}", self.words()))
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
