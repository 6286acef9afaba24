//! How a hub starts, is secured and stops.

use std::time::Duration;

use hub::clock::{Clock, Hand};
use hub::config::Config;
use hub::serve;
use serde_json::json;

use crate::support::hub::NOON;
use crate::support::{On, TestHub};

on_each_engine! {
    requests_at_work_are_finished_when_the_hub_stops,
}

async fn requests_at_work_are_finished_when_the_hub_stops(on: On) {
    let hub = TestHub::start(on).await;
    let (base, words, sale) = (hub.running.base_url(), hub.shop.cashier.clone(), hub.a_sale(1, 150));
    let client = hub.client.clone();
    let work = (0..8).map(|number| {
        let request = client.post(format!("{base}/v1/sales")).bearer_auth(&words);
        request.header("idempotency-key", format!("stop-{number}")).json(&sale).send()
    });
    let work = tokio::spawn(futures::future::join_all(work.collect::<Vec<_>>()));
    tokio::task::yield_now().await;
    hub.stop().await;
    for outcome in work.await.unwrap() {
        // Taken and finished, told that the hub stops, or not taken at all: never left without an answer.
        match outcome {
            Ok(response) => assert!(matches!(response.status().as_u16(), 201 | 503), "{}", response.status()),
            Err(error) => assert!(error.is_connect() || error.is_request(), "{error}"),
        }
    }
}

fn settings(folder: &std::path::Path, change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::for_test(folder);
    change(&mut config);
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_is_refused_where_others_can_reach_it() {
    let folder = tempfile::tempdir().unwrap();
    let open = settings(folder.path(), |config| config.serve.listen = "0.0.0.0:0".parse().unwrap());
    let error = serve::start(&open, Clock::system()).await.err().expect("it is refused");
    assert!(error.to_string().contains("serve.behind_proxy"), "{error}");
    let proxied = settings(folder.path(), |config| {
        config.serve.listen = "0.0.0.0:0".parse().unwrap();
        config.serve.behind_proxy = true;
    });
    serve::start(&proxied, Clock::system()).await.unwrap().stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_hub_serves_one_file() {
    let hub = TestHub::start(On::Sqlite).await;
    let storage_folder = hub.folder().to_owned();
    let second = settings(&storage_folder, |_| {});
    let error = serve::start(&second, Clock::system()).await.err().expect("it is refused");
    assert!(error.to_string().contains("is served by process"), "{error}");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_its_pepper_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path(), |_| {});
    let hand = Hand::at(NOON);
    let running = serve::start(&config, hand.clock()).await.unwrap();
    crate::support::shop::Shop::set_up(&running.app, "Shop").await;
    running.stop().await.unwrap();
    std::fs::remove_file(folder.path().join("pepper")).unwrap();
    let error = serve::start(&config, hand.clock()).await.err().expect("it is refused");
    assert!(error.to_string().contains("pepper"), "{error}");
    assert!(!folder.path().join("pepper").exists(), "the next start is refused as well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let write = |name: &str| {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned(), "localhost".to_owned()]).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        std::fs::write(&cert, made.cert.pem()).unwrap();
        reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()
    };
    let first = write("first.example");
    let config = settings(folder.path(), |config| {
        config.serve.tls_cert = Some(cert.clone());
        config.serve.tls_key = Some(key.clone());
    });
    let running = serve::start(&config, Clock::system()).await.unwrap();
    let url = format!("https://localhost:{}/healthz", running.addr.port());
    let is_trusted = async |root: reqwest::Certificate| {
        let client = reqwest::Client::builder().tls_certs_only([root]).build().unwrap();
        client.get(&url).send().await.is_ok()
    };
    assert!(running.base_url().starts_with("https://"));
    assert!(is_trusted(first.clone()).await);
    let second = write("second.example");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !is_trusted(second.clone()).await {
        assert!(tokio::time::Instant::now() < deadline, "the new certificate is in effect within seconds");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(!is_trusted(first).await);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path(), |_| {});
    let hand = Hand::at(NOON);
    let running = serve::start(&config, hand.clock()).await.unwrap();
    let shop = crate::support::shop::Shop::set_up(&running.app, "Shop").await;
    let client = reqwest::Client::new();
    let sell = async |base: String| {
        let body = json!({
            "register_id": shop.registers[0].to_string(),
            "lines": [{ "article_id": shop.tea.to_string(), "quantity": "1" }],
            "tenders": [{ "kind": "cash", "given_minor": 150 }],
        });
        let request = client.post(format!("{base}/v1/sales")).bearer_auth(&shop.cashier);
        request.header("idempotency-key", "k1").json(&body).send().await.unwrap().bytes().await.unwrap()
    };
    let first = sell(running.base_url()).await;
    running.stop().await.unwrap();
    let running = serve::start(&config, hand.clock()).await.unwrap();
    assert_eq!(sell(running.base_url()).await, first);
    running.stop().await.unwrap();
}
