//! Bodies that are wrong or too large, and clients that are too slow.

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::StreamBody;
use hub::http::REQUESTS_MAX;
use hub::http::auth::BELIEVED_FOR;
use hub::http::event::STREAMS_MAX;
use hub::http::limit::Config;
use hyper::body::Frame;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{On, TestHub};

on_each_engine! {
    a_body_that_is_not_what_it_should_be_is_refused,
    a_body_of_ten_megabytes_is_refused,
    an_unknown_path_or_method_is_a_problem_too,
    a_request_id_is_taken_if_it_is_decent,
    clients_that_never_end_hold_nobody,
    too_much_work_is_refused_at_once,
    a_key_that_runs_wild_is_slowed_and_no_other,
}

async fn a_key_that_runs_wild_is_slowed_and_no_other(on: On) {
    let hub = TestHub::start_with(on, |config| config.rate_limit = Config { per_second: 1, burst: 3 }).await;
    let ring =
        || hub.request(Method::POST, "/v1/sales").auth(&hub.shop.cashier).key("wild").json(&hub.a_sale(1, 150)).send();
    let first = ring().await;
    first.expect(201);
    assert_eq!((first.header("ratelimit-policy"), first.header("ratelimit")), ("\"key\";q=3;w=3", "\"key\";r=2;t=1"));
    for left in [1, 0] {
        assert_eq!(ring().await.header("ratelimit"), format!("\"key\";r={left};t={}", 3 - left));
    }
    let mark = hub.mark().await;
    let refused = ring().await;
    refused.expect_problem(429, "rate_limited");
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("1", "\"key\";r=0;t=3"));
    assert_eq!(hub.mark().await, mark);
    // Nobody else is slowed, and what asks for no key has no limit.
    hub.get(&hub.shop.viewer, "/v1/sales").await.expect(200);
    for _ in 0..5 {
        let live = hub.request(Method::GET, "/healthz").send().await;
        assert_eq!((live.status, live.header("ratelimit")), (200, ""));
    }
    // What is believed of a key is looked up again before its bucket has been forgotten.
    hub.hand.advance(Duration::from_secs(1));
    assert_eq!(ring().await.header("idempotent-replay"), "true");
    ring().await.expect_problem(429, "rate_limited");
    hub.hand.advance(BELIEVED_FOR);
    assert_eq!(ring().await.header("ratelimit"), "\"key\";r=2;t=1");
    hub.stop().await;
}

async fn too_much_work_is_refused_at_once(on: On) {
    let hub = TestHub::start(on).await;
    let app = hub.running.app.clone();
    let mark = hub.mark().await;
    let places = app.requests.try_acquire_many(u32::try_from(REQUESTS_MAX).unwrap()).unwrap();
    let refused = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await;
    refused.expect_problem(503, "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    drop(places);
    let streams = app.streams.try_acquire_many(u32::try_from(STREAMS_MAX).unwrap()).unwrap();
    let refused = hub.get(&hub.shop.viewer, "/v1/events/stream").await;
    refused.expect_problem(503, "streams_exhausted");
    drop(streams);
    assert_eq!(hub.mark().await, mark);
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    hub.stop().await;
}

async fn a_body_that_is_not_what_it_should_be_is_refused(on: On) {
    let hub = TestHub::start(on).await;
    let mark = hub.mark().await;
    let post =
        |body: &'static str| hub.request(Method::POST, "/v1/sales").auth(&hub.shop.cashier).fresh_key().raw(body);
    for wrong in ["{", "", "[]", "null", "7", "\"x\"", "{}{}", "{\"register_id\":}", "\u{feff}{}", "{\"a\":1,}"] {
        post(wrong).send().await.expect_problem(400, "body_invalid");
    }
    let deep = hub.request(Method::POST, "/v1/sales").auth(&hub.shop.cashier).fresh_key().raw("[".repeat(20_000));
    deep.send().await.expect_problem(400, "body_invalid");
    let bytes = hub.request(Method::POST, "/v1/sales").auth(&hub.shop.cashier).fresh_key().raw(vec![0xff; 10]);
    bytes.send().await.expect_problem(400, "body_invalid");
    let answer = post(r#"{"register_id":"reg_1","colour":"4111111111111111"}"#).send().await;
    answer.expect_problem(400, "body_invalid");
    assert!(!answer.text().contains("4111"));
    let plain = hub.request(Method::POST, "/v1/sales").auth(&hub.shop.cashier).fresh_key();
    let plain = plain.header("content-type", "text/plain").raw("{}");
    plain.send().await.expect_problem(415, "content_type_unsupported");
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}

async fn a_body_of_ten_megabytes_is_refused(on: On) {
    let hub = TestHub::start(on).await;
    let mark = hub.mark().await;
    // One byte too many, with and without a length that is said beforehand.
    let post = || hub.request(Method::POST, "/v1/sales").auth(&hub.shop.cashier).fresh_key();
    post().raw("x".repeat(64 * 1024 + 1)).send().await.expect_problem(413, "body_too_large");
    let chunk = || Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![b' '; 1_024])));
    let chunks = StreamBody::new(futures::stream::iter((0..80).map(move |_| chunk())));
    let answer = post().raw(reqwest::Body::wrap(chunks)).send().await;
    answer.expect_problem(413, "body_too_large");
    post().raw("x".repeat(10 * 1024 * 1024)).send().await.expect_problem(413, "body_too_large");
    // Who says that so many come and sends none is answered, too.
    let mut socket = TcpStream::connect(hub.running.addr).await.unwrap();
    let head = format!(
        "POST /v1/sales HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: k\r\n\
         content-type: application/json\r\ncontent-length: 10485760\r\n\r\n",
        hub.shop.cashier
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}

async fn an_unknown_path_or_method_is_a_problem_too(on: On) {
    let hub = TestHub::start(on).await;
    hub.request(Method::GET, "/v1/nothing").send().await.expect_problem(404, "route_not_found");
    hub.request(Method::PUT, "/v1/sales").send().await.expect_problem(405, "method_not_allowed");
    hub.get(&hub.shop.viewer, "/v1/articles/%ff").await.expect_problem(404, "route_not_found");
    hub.get(&hub.shop.viewer, "/v1/articles/ART_1").await.expect_problem(404, "article_not_found");
    hub.stop().await;
}

async fn a_request_id_is_taken_if_it_is_decent(on: On) {
    let hub = TestHub::start(on).await;
    let ask = async |id: &str| {
        let request = hub.request(Method::GET, "/healthz").header("x-request-id", id);
        request.send().await.header("x-request-id").to_owned()
    };
    assert_eq!(ask("till-7:42").await, "till-7:42");
    for wrong in ["4111111111111111", "a b", "", &"x".repeat(65)] {
        assert!(ask(wrong).await.starts_with("req_"), "{wrong}");
    }
    hub.stop().await;
}

async fn clients_that_never_end_hold_nobody(on: On) {
    let hub = TestHub::start(on).await;
    let mark = hub.mark().await;
    let mut held = Vec::new();
    for number in 0..200 {
        let mut socket = TcpStream::connect(hub.running.addr).await.unwrap();
        let text = match number % 3 {
            // Nothing at all, half a head, a head without its body.
            0 => String::new(),
            1 => "POST /v1/sales HTTP/1.1\r\nhost: x\r\n".to_owned(),
            _ => format!(
                "POST /v1/sales HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: k{number}\r\n\
                 content-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
                hub.shop.cashier
            ),
        };
        socket.write_all(text.as_bytes()).await.unwrap();
        held.push(socket);
    }
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    // Whoever began and did not go on is cut off; a body that does not come is answered first.
    let mut cut_off = 0;
    for (number, mut socket) in held.into_iter().enumerate() {
        if number % 3 == 0 {
            continue;
        }
        let mut answer = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut answer)).await;
        end.expect("a client that does not go on is cut off").ok();
        if number % 3 == 2 {
            assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
        }
        cut_off += 1;
    }
    assert_eq!(cut_off, 133);
    let changes = hub.mark().await[0] - mark[0];
    assert_eq!(changes, 1, "only the whole sale");
    assert_eq!(hub.get(&hub.shop.viewer, "/v1/sales").await.expect(200)["next_cursor"], json!(null));
    hub.stop().await;
}
