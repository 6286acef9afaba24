//! `/v1/events`.

use std::time::Duration;

use domain::merchant::RevokeApiKey;
use hub::http::auth::BELIEVED_FOR;
use serde_json::{Value, json};

use crate::support::shop::run;
use crate::support::{On, TestHub};

on_each_engine! {
    events_are_read_by_number_without_gap,
    a_stream_tells_what_is_committed,
    a_stream_ends_when_the_key_is_revoked,
    streams_end_when_the_hub_stops,
}

async fn events_are_read_by_number_without_gap(on: On) {
    let hub = TestHub::start(on).await;
    let sold = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let mut after = json!("0");
    let mut numbers = Vec::new();
    let mut last = Value::Null;
    while let Some(number) = after.as_str() {
        let page = hub.get(&hub.shop.viewer, &format!("/v1/events?limit=3&after={number}")).await.expect(200);
        for event in page["data"].as_array().unwrap() {
            numbers.push(event["number"].as_i64().unwrap());
            last = event.clone();
        }
        after = page["next_cursor"].clone();
    }
    let count = i64::try_from(numbers.len()).unwrap();
    assert_eq!(numbers, (1..=count).collect::<Vec<_>>());
    assert_eq!((&last["kind"], &last["subject"]), (&json!("sale.completed"), &sold["id"]));
    assert_eq!(last["data"]["receipt_number"], "T1-00000001");
    hub.stop().await;
}

/// A stream as it arrives.
struct Stream {
    response: reqwest::Response,
    text: String,
}

impl Stream {
    async fn open(hub: &TestHub, words: &str, query: &str, last: Option<&str>) -> Self {
        let url = format!("{}/v1/events/stream{query}", hub.running.base_url());
        let mut request = hub.client.get(url).bearer_auth(words);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// Reads on until the text holds `words`.
    async fn read_until(&mut self, words: &str) {
        while !self.text.contains(words) {
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await;
            let chunk = chunk.unwrap_or_else(|_| panic!("no {words} in {}", self.text)).unwrap();
            self.text.push_str(&String::from_utf8_lossy(&chunk.expect("the stream goes on")));
        }
    }

    async fn read_to_end(&mut self) {
        while let Ok(Some(_)) = self.response.chunk().await {}
    }
}

async fn a_stream_tells_what_is_committed(on: On) {
    let hub = TestHub::start(on).await;
    let [first, _] = hub.mark().await;
    let mut stream = Stream::open(&hub, &hub.shop.viewer, "", None).await;
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    stream.read_until("\n\n").await;
    assert!(stream.text.starts_with(&format!("id: {}\nevent: sale.completed\ndata: {{", first + 1)), "{}", stream.text);
    // From the beginning, and from where a browser was.
    let mut all = Stream::open(&hub, &hub.shop.viewer, "?after=0", None).await;
    all.read_until("event: sale.completed").await;
    assert!(all.text.starts_with("id: 1\n"));
    let mut rest = Stream::open(&hub, &hub.shop.viewer, "?after=0", Some(&first.to_string())).await;
    rest.read_until("event: sale.completed").await;
    assert!(rest.text.starts_with(&format!("id: {}\n", first + 1)));
    // Nothing of another merchant.
    let mut other = Stream::open(&hub, &hub.other.viewer, "?after=0", None).await;
    other.read_until("article.created").await;
    assert!(!other.text.contains("sale.completed"));
    drop((stream, all, rest, other));
    hub.stop().await;
}

async fn a_stream_ends_when_the_key_is_revoked(on: On) {
    let hub = TestHub::start(on).await;
    let mut stream = Stream::open(&hub, &hub.shop.cashier, "?after=0", None).await;
    stream.read_until("article.created").await;
    run(&hub.running.app, hub.shop.merchant, RevokeApiKey { id: hub.shop.cashier_key }).await;
    hub.hand.advance(BELIEVED_FOR);
    stream.read_to_end().await;
    hub.stop().await;
}

async fn streams_end_when_the_hub_stops(on: On) {
    let hub = TestHub::start(on).await;
    let mut stream = Stream::open(&hub, &hub.shop.viewer, "", None).await;
    let (stopped, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(9), hub.stop()), stream.read_to_end());
    stopped.expect("no stream holds the hub");
}
