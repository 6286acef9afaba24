//! Each fault as a caller sees it, over a plain socket and with text bodies: no struct of the sandbox is used to read it.

use std::io;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use sandbox::{Handle, Options, Sandbox};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// Longer than any delay of [`quick`], shorter than a person's patience.
const PATIENCE: Duration = Duration::from_secs(5);
const SLOW_MS: u64 = 300;

fn quick() -> Options {
    let (secret, notify_secret) = ("s3".to_owned(), "n3".to_owned());
    Options {
        secret,
        notify_secret,
        latency_ms: 0,
        slow_ms: SLOW_MS,
        late_ms: 300,
        pend_ms: 100,
        unreachable_ms: 200,
        hold_ms: 300,
    }
}

struct Shop {
    server: Handle,
    notify_url: String,
    notifications: mpsc::Receiver<(HeaderMap, Bytes)>,
}

impl Shop {
    async fn open() -> Self {
        Self::open_with(quick()).await
    }

    async fn open_with(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = sandbox::serve(listener, options).await.expect("the sandbox serves");
        let (notify_url, notifications) = receiver().await;
        Self { server, notify_url, notifications }
    }

    async fn call(&self, request: &str, body: &Value, fault: Option<&str>) -> io::Result<(u16, Value)> {
        let fault = fault.map(|name| format!("X-Sandbox-Fault: {name}\r\n")).unwrap_or_default();
        let headers = format!("Authorization: Bearer s3\r\nContent-Type: application/json\r\n{fault}");
        raw(&self.server, request, &headers, &body.to_string()).await
    }

    async fn charge(&self, reference: &str, amount: i64) -> io::Result<(u16, Value)> {
        self.charge_with(reference, "purchase", amount, None).await
    }

    async fn charge_with(
        &self,
        reference: &str,
        kind: &str,
        amount: i64,
        fault: Option<&str>,
    ) -> io::Result<(u16, Value)> {
        let url = &self.notify_url;
        let body =
            json!({"reference": reference, "kind": kind, "amount": amount, "currency": "JPY", "notify_url": url});
        self.call("POST /charges", &body, fault).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(&format!("POST {path}"), &body, None).await.expect("an answer")
    }

    async fn inquire(&self, reference: &str) -> (u16, Value) {
        self.call(&format!("GET /operations/{reference}"), &json!({}), None).await.expect("an answer")
    }

    async fn status(&self, reference: &str) -> String {
        let (_, told) = self.inquire(reference).await;
        told["status"].as_str().or(told["error"].as_str()).expect("a status or an error").to_owned()
    }

    fn net(&self, reference: &str) -> i64 {
        self.server.sandbox().net_amount(reference)
    }

    async fn notification(&mut self) -> Value {
        let (_, body) =
            timeout(PATIENCE, self.notifications.recv()).await.expect("in time").expect("the receiver lives");
        serde_json::from_slice(&body).expect("JSON")
    }
}

/// Takes notifications and hands them to the test.
async fn receiver() -> (String, mpsc::Receiver<(HeaderMap, Bytes)>) {
    let (sender, notifications) = mpsc::channel(16);
    let take = async |State(sender): State<mpsc::Sender<(HeaderMap, Bytes)>>, headers: HeaderMap, body: Bytes| {
        sender.send((headers, body)).await.expect("the test listens");
        StatusCode::NO_CONTENT
    };
    let router = axum::Router::new().route("/notify", axum::routing::post(take)).with_state(sender);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/notify", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, notifications)
}

async fn raw(server: &Handle, request: &str, headers: &str, body: &str) -> io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(server.addr()).await?;
    let length = body.len();
    let text = format!(
        "{request} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await?;
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    Ok((status, serde_json::from_str(body).unwrap_or_default()))
}

fn is_reset(answer: &io::Result<(u16, Value)>) -> bool {
    answer.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn an_ordinary_charge_is_approved_and_repeated_word_for_word() {
    let shop = Shop::open().await;
    let first = shop.charge("a", 1200).await.expect("an answer");
    assert_eq!(
        (first.0, first.1["status"].as_str(), first.1["approved_amount"].as_i64()),
        (200, Some("approved"), Some(1200))
    );
    assert_eq!(shop.charge("a", 1200).await.expect("an answer"), first);
    assert_eq!(shop.net("a"), 1200);
    let (status, problem) = shop.charge("a", 1201).await.expect("an answer");
    assert_eq!((status, problem["error"].as_str()), (409, Some("reference_conflict")));
}

#[tokio::test]
async fn strangers_and_sloppy_bodies_are_refused() {
    let shop = Shop::open().await;
    let json = "Content-Type: application/json\r\n";
    let good = r#"{"reference":"a","kind":"purchase","amount":5,"currency":"JPY"}"#;
    let (status, _) = raw(&shop.server, "POST /charges", json, good).await.expect("an answer");
    assert_eq!(status, 401);
    let authorized = format!("Authorization: Bearer s3\r\n{json}");
    for (body, expected) in [
        (r#"{"reference":"a","kind":"purchase","amount":5,"currency":"JPY","tip":1}"#, 400),
        (r#"{"reference":"a","kind":"purchase","amount":5.0,"currency":"JPY"}"#, 400),
        (r#"{"reference":"a b","kind":"purchase","amount":5,"currency":"JPY"}"#, 422),
        (r#"{"reference":"a","kind":"purchase","amount":0,"currency":"JPY"}"#, 422),
        (r#"{"reference":"a","kind":"purchase","amount":5,"currency":"yen"}"#, 422),
        ("", 400),
    ] {
        let (status, _) = raw(&shop.server, "POST /charges", &authorized, body).await.expect("an answer");
        assert_eq!(status, expected, "{body}");
    }
    let (status, _) =
        raw(&shop.server, "POST /charges", "Authorization: Bearer s3\r\n", good).await.expect("an answer");
    assert_eq!(status, 415);
    let (status, _) = shop.charge_with("a", "purchase", 5, Some("typo")).await.expect("an answer");
    assert_eq!(status, 422);
    assert!(shop.server.ledger().is_empty());
}

#[tokio::test]
async fn decline_takes_nothing() {
    let shop = Shop::open().await;
    let (_, told) = shop.charge("a", 5_901).await.expect("an answer");
    assert_eq!((told["status"].as_str(), told["reason"].as_str()), (Some("declined"), Some("insufficient_funds")));
    assert_eq!(shop.net("a"), 0);
}

#[tokio::test]
async fn pend_approve_is_approved_and_notified_later() {
    let mut shop = Shop::open().await;
    let (_, told) = shop.charge("a", 902).await.expect("an answer");
    assert_eq!((told["status"].as_str(), shop.net("a")), (Some("pending"), 0));
    let news = shop.notification().await;
    assert_eq!(
        (news["reference"].as_str(), news["status"].as_str(), news["approved_amount"].as_i64()),
        (Some("a"), Some("approved"), Some(902))
    );
    assert_eq!((shop.status("a").await.as_str(), shop.net("a")), ("approved", 902));
}

#[tokio::test]
async fn lose_reply_charges_and_resets_once() {
    let shop = Shop::open().await;
    assert!(is_reset(&shop.charge("a", 903).await));
    assert_eq!((shop.status("a").await.as_str(), shop.net("a")), ("approved", 903));
    assert_eq!(shop.charge("a", 903).await.expect("an answer").0, 200);
    assert_eq!(shop.net("a"), 903);
}

#[tokio::test]
async fn slow_reply_charges_first() {
    let shop = Shop::open().await;
    let start = Instant::now();
    let (answer, ()) = tokio::join!(shop.charge("a", 904), async {
        while shop.net("a") == 0 {
            sleep(Duration::from_millis(5)).await;
        }
        assert!(start.elapsed() < Duration::from_millis(SLOW_MS), "charged before the answer");
    });
    assert_eq!(answer.expect("an answer").1["status"], "approved");
    assert!(start.elapsed() >= Duration::from_millis(SLOW_MS));
}

#[tokio::test]
async fn error_after_charge_has_charged() {
    let shop = Shop::open().await;
    assert_eq!(shop.charge("a", 905).await.expect("an answer").0, 500);
    assert_eq!((shop.status("a").await.as_str(), shop.net("a")), ("approved", 905));
}

#[tokio::test]
async fn duplicate_notification_comes_twice_with_one_id() {
    let mut shop = Shop::open().await;
    shop.charge("a", 906).await.expect("an answer");
    let (first, second) = (shop.notification().await, shop.notification().await);
    assert!(first["id"].is_string());
    assert_eq!(first, second);
}

#[tokio::test]
async fn notification_first_comes_before_the_reply() {
    let mut shop = Shop::open().await;
    shop.charge("a", 907).await.expect("an answer");
    let (_, body) = shop.notifications.try_recv().expect("it is here before the reply");
    assert_eq!(serde_json::from_slice::<Value>(&body).expect("JSON")["status"], "approved");
}

#[tokio::test]
async fn contradict_denies_a_charge_that_was_made() {
    let mut shop = Shop::open().await;
    assert_eq!(shop.charge("a", 908).await.expect("an answer").1["status"], "declined");
    assert_eq!(shop.notification().await["status"], "approved");
    assert_eq!((shop.status("a").await.as_str(), shop.net("a")), ("approved", 908));
}

#[tokio::test]
async fn never_answer_holds_the_line_and_charges_nothing() {
    let shop = Shop::open().await;
    let start = Instant::now();
    assert!(is_reset(&shop.charge("a", 909).await));
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!((shop.status("a").await.as_str(), shop.net("a")), ("not_found", 0));
}

#[tokio::test]
async fn unreachable_resets_a_while_and_then_works() {
    let shop = Shop::open().await;
    assert!(is_reset(&shop.charge("a", 910).await));
    let inquiry = shop.call("GET /operations/a", &json!({}), None).await;
    assert!(is_reset(&inquiry));
    sleep(Duration::from_millis(250)).await;
    assert_eq!((shop.status("a").await.as_str(), shop.net("a")), ("not_found", 0));
    assert_eq!(shop.charge("a", 910).await.expect("an answer").1["status"], "approved");
}

#[tokio::test]
async fn late_approval_moves_money_after_an_accepted_reversal() {
    let mut shop = Shop::open().await;
    assert!(is_reset(&shop.charge("a", 911).await));
    assert_eq!(shop.status("a").await, "not_found");
    let (_, reversal) = shop.post("/charges/a/reverse", json!({"reversal_reference": "a-2"})).await;
    assert_eq!((reversal["status"].as_str(), shop.net("a")), (Some("approved"), 0));
    assert_eq!(shop.notification().await["status"], "approved");
    assert_eq!((shop.status("a").await.as_str(), shop.net("a")), ("approved", 911));
}

#[tokio::test]
async fn partial_approves_half() {
    let shop = Shop::open().await;
    assert_eq!(shop.charge("a", 1_912).await.expect("an answer").1["approved_amount"], 956);
    assert_eq!(shop.net("a"), 956);
}

#[tokio::test]
async fn pend_waits_for_the_customer() {
    let mut shop = Shop::open().await;
    shop.charge("a", 913).await.expect("an answer");
    shop.charge("b", 913).await.expect("an answer");
    assert_eq!(shop.status("a").await, "pending");
    let (_, told) = shop.post("/control/charges/a/approve", json!({})).await;
    assert_eq!((told["status"].as_str(), shop.net("a")), (Some("approved"), 913));
    assert_eq!(shop.notification().await["status"], "approved");
    assert!(shop.server.sandbox().decline("b"));
    assert_eq!(shop.notification().await["reason"], "customer_declined");
    assert_eq!(shop.post("/control/charges/a/decline", json!({})).await.0, 409);
}

#[tokio::test]
async fn pend_decline_is_declined_later() {
    let mut shop = Shop::open().await;
    shop.charge("a", 914).await.expect("an answer");
    assert_eq!(shop.notification().await["status"], "declined");
    assert_eq!(shop.net("a"), 0);
}

#[tokio::test]
async fn a_reversed_pending_charge_is_notified_and_stays_reversed() {
    let mut shop = Shop::open().await;
    shop.charge("a", 902).await.expect("an answer");
    shop.post("/charges/a/reverse", json!({"reversal_reference": "a-2"})).await;
    assert_eq!(shop.notification().await["status"], "reversed");
    sleep(Duration::from_millis(150)).await;
    assert_eq!((shop.status("a").await.as_str(), shop.net("a")), ("reversed", 0));
}

#[tokio::test]
async fn the_header_is_stronger_than_the_amount() {
    let shop = Shop::open().await;
    let (_, told) = shop.charge_with("a", "purchase", 901, Some("none")).await.expect("an answer");
    assert_eq!(told["status"], "approved");
    let (_, told) = shop.charge_with("b", "purchase", 5, Some("decline")).await.expect("an answer");
    assert_eq!(told["status"], "declined");
}

#[tokio::test]
async fn operations_play_faults_by_header_only() {
    let shop = Shop::open().await;
    shop.charge_with("a", "purchase", 2_000, None).await.expect("an answer");
    let refund = json!({"refund_reference": "r", "charge_reference": "a", "amount": 903});
    assert!(is_reset(&shop.call("POST /refunds", &refund, Some("lose_reply")).await));
    assert_eq!((shop.status("r").await.as_str(), shop.net("a")), ("approved", 1_097));
    let (_, again) = shop.post("/refunds", refund).await;
    assert_eq!((again["status"].as_str(), again["charge_reference"].as_str()), (Some("approved"), Some("a")));
    let capture = json!({"capture_reference": "c", "amount": 1});
    let answer = shop.call("POST /charges/a/capture", &capture, Some("pend")).await.expect("an answer");
    assert_eq!(answer.0, 422);
}

#[tokio::test]
async fn authorize_capture_and_void_keep_the_books() {
    let shop = Shop::open().await;
    shop.charge_with("a", "authorize", 2_000, None).await.expect("an answer");
    assert_eq!(shop.net("a"), 0);
    shop.post("/charges/a/capture", json!({"capture_reference": "c", "amount": 1_500})).await;
    assert_eq!(shop.net("a"), 1_500);
    shop.charge_with("b", "authorize", 2_000, None).await.expect("an answer");
    let (_, told) = shop.post("/charges/b/void", json!({"void_reference": "v"})).await;
    assert_eq!(told["status"], "approved");
    assert_eq!(shop.status("b").await, "voided");
    let (_, told) = shop.post("/charges/zz/void", json!({"void_reference": "w"})).await;
    assert_eq!(told["reason"], "charge_not_found");
    let (_, ledger) = shop.call("GET /ledger", &json!({}), None).await.expect("an answer");
    assert_eq!(ledger["totals"], json!([{"currency": "JPY", "charges": 2, "net_amount": 1_500}]));
    assert_eq!(ledger["charged"][1]["state"], "voided");
}

#[tokio::test]
async fn notifications_are_signed_over_the_raw_body_and_retried() {
    let mut shop = Shop::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    shop.notify_url = format!("http://{}/notify", listener.local_addr().expect("an address"));
    shop.charge("a", 902).await.expect("an answer");
    let refused = take_notification(&listener, "503 Service Unavailable").await;
    let text = take_notification(&listener, "204 No Content").await;
    assert_eq!(text, refused, "a retry is the same to the byte");
    let (head, body) = text.split_once("\r\n\r\n").expect("a body");
    let signature = head.lines().find_map(|line| line.strip_prefix("x-sandbox-signature: ")).expect("a signature");
    assert_eq!(signature, hex_hmac(b"n3", body.as_bytes()));
}

/// One request as text, answered with this status.
async fn take_notification(listener: &TcpListener, status: &str) -> String {
    let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.expect("in time").expect("a connection");
    let mut text = String::new();
    while !text.ends_with('}') {
        let mut buffer = [0_u8; 1_024];
        let length = timeout(PATIENCE, stream.read(&mut buffer)).await.expect("in time").expect("bytes");
        text.push_str(std::str::from_utf8(&buffer[..length]).expect("text"));
    }
    let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.expect("sent");
    text
}

fn hex_hmac(key: &[u8], body: &[u8]) -> String {
    use hmac::{Hmac, Mac};
    let mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("any key").chain_update(body).finalize();
    mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn the_whole_provider_can_be_out_of_reach() {
    let shop = Shop::open().await;
    assert_eq!(shop.post("/control/unreachable", json!({"ms": 100})).await.0, 200);
    assert!(is_reset(&shop.charge("a", 5).await));
    sleep(Duration::from_millis(150)).await;
    assert_eq!(shop.charge("a", 5).await.expect("an answer").0, 200);
    assert_eq!(shop.post("/control/unreachable", json!({"ms": 60_001})).await.0, 422);
}

#[tokio::test]
async fn the_ledger_outlives_the_server_and_a_stop_lets_go_of_held_lines() {
    let provider = Sandbox::new(Options { hold_ms: 60_000, ..quick() });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let server = provider.serve(listener).expect("the sandbox serves");
    let addr = server.addr();
    let headers = "Authorization: Bearer s3\r\nContent-Type: application/json\r\n";
    let body = r#"{"reference":"a","kind":"purchase","amount":5,"currency":"JPY"}"#;
    raw(&server, "POST /charges", headers, body).await.expect("an answer");
    let mut held = TcpStream::connect(addr).await.expect("a connection");
    let request = body.replace("\"a\"", "\"b\"").replace(":5,", ":909,");
    let length = request.len();
    let text = format!("POST /charges HTTP/1.1\r\nHost: s\r\n{headers}Content-Length: {length}\r\n\r\n{request}");
    held.write_all(text.as_bytes()).await.expect("sent");
    sleep(Duration::from_millis(50)).await;
    timeout(Duration::from_secs(1), server.stop()).await.expect("the held line was let go");
    assert!(TcpStream::connect(addr).await.is_err(), "refused while stopped");
    let again = provider.serve(TcpListener::bind(addr).await.expect("the port is free again")).expect("it serves");
    assert_eq!(again.ledger()[0].net_amount, 5);
}
