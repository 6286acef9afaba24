//! Hears a hub's events as they come, and hands each on to a URL of a developer's own, in the form and with the signatures of
//! webhooks. Needs a key and the hub's address, and no endpoint: nothing of the hub is changed, and nothing is sent again.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use domain::id::{EventId, MerchantId};
use domain::time::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode, redirect};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::clock::Clock;
use crate::http::json;
use crate::webhook::message::Message;
use crate::webhook::signature::{self, SigningKeys};

/// How long a receiver has for its answer: as long as for a webhook.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// A machine that does not take a connection in this time is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause before a hub is asked again whose stream broke off.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Bytes of an event that are kept while its end has not come; ours are a few kilobytes.
const EVENT_BYTES_MAX: usize = 1024 * 1024;
/// The hub says every 15 seconds that it is alive. After this silence the stream is given up.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// An event as the hub tells it.
#[derive(Debug, Deserialize)]
pub struct Heard {
    /// Its id.
    pub id: EventId,
    /// Its number.
    pub number: i64,
    /// Its kind.
    pub kind: String,
    /// The id of the record it is about.
    pub subject: String,
    /// What it tells.
    pub data: Option<Box<RawValue>>,
    /// When it was recorded.
    pub created_at: String,
    /// The line that it came in.
    #[serde(skip)]
    pub line: String,
}

/// Where events come from.
pub struct Hub {
    client: Client,
    base: String,
    key: String,
    /// The number of the last event that was heard; without one the next event is the first.
    after: Option<i64>,
    open: Option<Stream>,
    has_been_open: bool,
}

/// A stream that is open.
struct Stream {
    response: Response,
    waiting: Vec<u8>,
}

#[derive(Deserialize)]
struct MerchantIn {
    id: MerchantId,
}

impl Hub {
    /// A hub at this address, from the events after a number on.
    pub fn try_new(base: &str, key: String, after: Option<i64>) -> anyhow::Result<Self> {
        crate::tls::install_provider();
        let client = Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(SILENCE_MAX).build()?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), key, after, open: None, has_been_open: false })
    }

    /// Whose events these are.
    pub async fn merchant(&self) -> anyhow::Result<MerchantId> {
        let response = self.get("/v1/merchant").await?;
        let merchant: MerchantIn = response.json().await.context("The hub did not say whose key it is")?;
        Ok(merchant.id)
    }

    async fn get(&self, path: &str) -> anyhow::Result<Response> {
        let url = format!("{}{path}", self.base);
        let response = self.client.get(&url).bearer_auth(&self.key).send().await;
        let response = response.with_context(|| format!("The hub cannot be reached at {}", self.base))?;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::UNAUTHORIZED => {
                bail!("The hub does not know the key. Give one that `tillbridge keys add` printed.")
            }
            status => bail!("The hub answered {status} to {path}."),
        }
    }

    /// The stream from where the last one ended. A hub that was there before and is away now is waited for: it is being
    /// started again, perhaps by whoever is trying the receiver.
    async fn connect(&mut self) -> anyhow::Result<Option<Stream>> {
        match self.get(&self.path()).await {
            Ok(response) => {
                self.has_been_open = true;
                Ok(Some(Stream { response, waiting: Vec::new() }))
            }
            Err(error) if self.has_been_open && error.is::<reqwest::Error>() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The next event, however long it takes. A stream that breaks off is taken up where it was; `None` says that it did.
    pub async fn next(&mut self) -> anyhow::Result<Option<Heard>> {
        let stream = match self.open.take() {
            Some(stream) => Some(stream),
            None => self.connect().await?,
        };
        let Some(mut stream) = stream else {
            tokio::time::sleep(AGAIN_AFTER).await;
            return Ok(None);
        };
        loop {
            while let Some(block) = stream.take_block() {
                if let Some(heard) = heard(&block)? {
                    self.after = Some(heard.number);
                    self.open = Some(stream);
                    return Ok(Some(heard));
                }
            }
            match stream.response.chunk().await {
                Ok(Some(bytes)) if stream.waiting.len() + bytes.len() <= EVENT_BYTES_MAX => {
                    stream.waiting.extend_from_slice(&bytes);
                }
                Ok(Some(_)) => bail!("The hub sent an event of more than {EVENT_BYTES_MAX} bytes."),
                Ok(None) | Err(_) => {
                    tokio::time::sleep(AGAIN_AFTER).await;
                    return Ok(None);
                }
            }
        }
    }

    fn path(&self) -> String {
        match self.after {
            Some(after) => format!("/v1/events/stream?after={after}"),
            None => "/v1/events/stream".to_owned(),
        }
    }
}

impl Stream {
    /// The lines up to the next empty one, if that has come.
    fn take_block(&mut self) -> Option<Vec<u8>> {
        let end = self.waiting.windows(2).position(|two| two == b"\n\n")?;
        let rest = self.waiting.split_off(end + 2);
        Some(std::mem::replace(&mut self.waiting, rest))
    }
}

/// The event of a block of a stream; a sign of life has none.
fn heard(block: &[u8]) -> anyhow::Result<Option<Heard>> {
    let text = std::str::from_utf8(block).context("The hub sent what is no text")?;
    let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
    if data.is_empty() {
        return Ok(None);
    }
    let line = data.join("\n");
    let heard: Heard = serde_json::from_str(&line).context("The hub sent an event that cannot be understood")?;
    Ok(Some(Heard { line, ..heard }))
}

/// Where events are handed on to.
pub struct Receiver {
    client: Client,
    url: String,
    keys: [SigningKeys; 1],
    merchant: MerchantId,
    clock: Clock,
}

/// What became of a message.
pub enum Answer {
    /// With this status, after so long.
    Status(StatusCode, Duration),
    /// Nobody answered.
    None(String),
}

impl Receiver {
    /// A receiver that verifies with this secret, or with a fresh one.
    pub fn try_new(url: &str, secret: Option<&str>, merchant: MerchantId) -> anyhow::Result<Self> {
        reqwest::Url::parse(url)
            .with_context(|| format!("{url:?} is no URL, for example http://127.0.0.1:3000/webhooks"))?;
        let keys = match secret {
            Some(words) => SigningKeys::of_words(words).context(
                "The secret is not one of the hub's: whsec_ and 32 bytes in base64, as an endpoint is given it.",
            )?,
            None => SigningKeys::of(&signature::draw()).context("A secret could not be drawn")?,
        };
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(ANSWER_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("tillbridge/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, url: url.to_owned(), keys: [keys], merchant, clock: Clock::system() })
    }

    /// The secret and the public key that the receiver verifies with.
    pub fn words(&self) -> (String, String) {
        let [keys] = &self.keys;
        (keys.secret_words(), keys.public_words())
    }

    /// Hands an event on, once.
    pub async fn send(&self, heard: &Heard) -> anyhow::Result<Answer> {
        let at: jiff::Timestamp = heard.created_at.parse().context("The event has no time")?;
        let body = json::to_bytes(&Message {
            r#type: &heard.kind,
            timestamp: Timestamp(at.as_millisecond()),
            id: heard.id,
            seq: Some(heard.number),
            subject: &heard.subject,
            merchant: self.merchant,
            data: heard.data.as_deref(),
        });
        let (id, now_s) = (heard.id.to_string(), self.clock.now().0.div_euclid(1_000));
        let signature = signature::header(&self.keys, &id, now_s, &body);
        let begun = Instant::now();
        let request = self.client.post(&self.url).header(CONTENT_TYPE, json::JSON).header("webhook-id", id);
        let request = request.header("webhook-timestamp", now_s).header("webhook-signature", signature);
        Ok(match request.body(body).send().await {
            Ok(response) => Answer::Status(response.status(), begun.elapsed()),
            Err(error) if error.is_timeout() => Answer::None("it did not answer in time".to_owned()),
            Err(_) => Answer::None("nobody listens there".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = "id: 7\nevent: sale.completed\ndata: {\"id\":\"evt_00000000000000000000000000000001\",\"number\":7,\
                         \"kind\":\"sale.completed\",\"subject\":\"sal_1\",\"data\":{\"a\":1},\
                         \"created_at\":\"2026-11-22T06:48:33.323Z\"}\n\n";

    #[test]
    fn an_event_is_taken_out_of_its_block() {
        let event = heard(EVENT.as_bytes()).unwrap().unwrap();
        assert_eq!((event.number, event.kind.as_str(), event.subject.as_str()), (7, "sale.completed", "sal_1"));
        assert_eq!(event.data.unwrap().get(), r#"{"a":1}"#);
        assert!(heard(b":\n\n").unwrap().is_none());
        assert!(heard(b"data: {}\n\n").is_err());
    }
}
