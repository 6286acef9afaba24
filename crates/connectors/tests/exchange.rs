//! What the exchange says about requests that go wrong, against a server of raw sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connectors::{BODY_BYTES_MAX, Exchange, ExchangeError, Identity, Method, Request, Told};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn exchange() -> Exchange {
    // A second installation by another test of this process is refused, and just as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Exchange::try_new().expect("an exchange")
}

fn post(url: String) -> Request {
    let headers = vec![("content-type", "application/json".to_owned())];
    Request { method: Method::Post, url, headers, body: b"{}".to_vec(), timeout_ms: 400, identity: None }
}

/// Serves each request of each connection with the next of `answers`; without one left it closes without an answer.
/// Counts the requests.
async fn server(answers: Vec<String>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/charges", listener.local_addr().expect("an address"));
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            while read_request(&mut stream).await {
                let Some(answer) = answers.get(counter.fetch_add(1, Ordering::SeqCst)) else { break };
                stream.write_all(answer.as_bytes()).await.expect("the client listens");
            }
        }
    });
    (url, seen)
}

async fn read_request(stream: &mut TcpStream) -> bool {
    let mut text = Vec::new();
    while !text.ends_with(b"{}") {
        let mut buffer = [0; 1_024];
        match stream.read(&mut buffer).await {
            Ok(length) if length > 0 => text.extend_from_slice(&buffer[..length]),
            _ => return false,
        }
    }
    true
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nx-word: yes\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn an_answer_is_told_whole_and_the_connection_is_used_again() {
    let (url, seen) = server(vec![ok("one"), ok("two")]).await;
    let exchange = exchange();
    for expected in ["one", "two"] {
        let Told::Response(response) = exchange.send(post(url.clone())).await else { panic!("no answer") };
        assert_eq!((response.status, response.body.as_slice()), (200, expected.as_bytes()));
        assert!(response.headers.contains(&("x-word".to_owned(), "yes".to_owned())));
    }
    // The server takes one connection at a time, so the second request came on the first one's.
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refused_connection_has_sent_nothing() {
    // Port 1 belongs to a service that nobody has run for decades, and no test is given it as a free port.
    let url = "http://127.0.0.1:1/".to_owned();
    assert!(matches!(exchange().send(post(url)).await, Told::NotSent(_)));
}

#[tokio::test]
async fn an_address_that_is_none_has_sent_nothing() {
    for url in ["", "not a url", "ftp://127.0.0.1/"] {
        let told = exchange().send(post(url.to_owned())).await;
        assert!(matches!(told, Told::NotSent(_)), "{url}: {told:?}");
    }
}

#[tokio::test]
async fn a_client_certificate_that_is_none_has_sent_nothing() {
    let (url, seen) = server(vec![ok("one")]).await;
    let part = |text: &str| text.to_owned();
    let identity = Identity { certificate: part("no certificate"), key: part("no key"), authority: None };
    assert_eq!(format!("{identity:?}"), "***");
    let told = exchange().send(Request { identity: Some(identity), ..post(url) }).await;
    assert!(matches!(told, Told::NotSent(_)));
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_post_that_lost_its_answer_is_not_repeated() {
    // The first answer puts the connection into the pool; the second request is read there and left without an answer.
    let (url, seen) = server(vec![ok("one")]).await;
    let exchange = exchange();
    assert!(matches!(exchange.send(post(url.clone())).await, Told::Response(_)));
    assert!(matches!(exchange.send(post(url)).await, Told::Lost(_)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    assert!(matches!(exchange().send(post(url)).await, Told::Lost(_)));
}

#[tokio::test]
async fn an_answer_cut_short_or_too_long_is_lost() {
    let huge = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(BODY_BYTES_MAX + 1));
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_owned();
    for answer in [huge, short] {
        let (url, _) = server(vec![answer]).await;
        assert!(matches!(exchange().send(post(url)).await, Told::Lost(_)));
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let redirect = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_owned();
    let (url, seen) = server(vec![redirect]).await;
    let Told::Response(response) = exchange().send(post(url)).await else { panic!("no answer") };
    assert_eq!((response.status, seen.load(Ordering::SeqCst)), (307, 1));
}

#[test]
fn the_error_says_what_is_missing() {
    assert!(ExchangeError::NoCryptoProvider.to_string().contains("crypto provider"));
}
