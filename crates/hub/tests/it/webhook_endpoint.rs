//! `/v1/webhook-endpoints`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{On, Receiver, TestHub};

on_each_engine! {
    an_endpoint_is_made_changed_and_taken_away,
    the_secret_is_shown_once_and_never_stored,
    a_repeat_under_the_key_has_the_same_secret,
    two_secrets_sign_for_a_day,
    a_test_event_is_sent,
    a_url_that_leads_inside_is_refused,
    what_breaks_a_rule_is_refused,
    the_endpoints_of_another_merchant_are_not_there,
}

const PATH: &str = "/v1/webhook-endpoints";

pub async fn subscribe(hub: &TestHub, receiver: &Receiver, kinds: Value) -> Value {
    let body = json!({ "url": receiver.url(), "kinds": kinds });
    hub.post(&hub.shop.manager, PATH, body).await.expect(201)
}

pub fn path_of(record: &Value) -> String {
    format!("{PATH}/{}", record["id"].as_str().unwrap())
}

pub async fn patch(hub: &TestHub, endpoint: &Value, changes: Value) -> Value {
    let request = hub.request(Method::PATCH, &path_of(endpoint)).auth(&hub.shop.manager);
    request.json(&changes).send().await.expect(200)
}

async fn an_endpoint_is_made_changed_and_taken_away(on: On) {
    let hub = TestHub::start(on).await;
    let body = json!({ "url": "https://example.jp/hook?a=1", "kinds": ["sale.completed", "payment.*"],
        "description": "books", "is_ordered": true });
    let mut made = hub.post(&hub.shop.manager, PATH, body).await.expect(201);
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    made.as_object_mut().unwrap().remove("secret");
    assert_eq!(
        (&made["url"], &made["is_active"], &made["is_ordered"], &made["disabled_reason"]),
        (&json!("https://example.jp/hook?a=1"), &json!(true), &json!(true), &Value::Null)
    );
    let read = hub.get(&hub.shop.manager, &path_of(&made)).await.expect(200);
    assert_eq!((&read["id"], &read["public_key"], &read["kinds"]), (&made["id"], &made["public_key"], &made["kinds"]));

    let changed = patch(&hub, &made, json!({ "kinds": [], "is_active": false })).await;
    assert_eq!((&changed["kinds"], &changed["is_active"]), (&json!([]), &json!(false)));
    assert_eq!(changed["description"], "books");
    let listed = hub.get(&hub.shop.manager, PATH).await.expect(200);
    assert_eq!(listed["data"], json!([changed]));

    let gone = hub.request(Method::DELETE, &path_of(&made)).auth(&hub.shop.manager).send().await.expect(200);
    assert_eq!((&gone["is_active"], &gone["public_key"]), (&json!(false), &Value::Null));
    hub.get(&hub.shop.manager, &path_of(&made)).await.expect_problem(404, "webhook_endpoint_not_found");
    assert_eq!(hub.get(&hub.shop.manager, PATH).await.expect(200)["data"], json!([]));
    let events = hub.get(&hub.shop.viewer, "/v1/events?limit=100").await.expect(200);
    let told = events["data"].as_array().unwrap().iter().filter(|event| event["subject"] == made["id"]);
    let told: Vec<&str> = told.map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(told, ["webhook_endpoint.created", "webhook_endpoint.updated", "webhook_endpoint.deleted"]);
    hub.stop().await;
}

async fn the_secret_is_shown_once_and_never_stored(on: On) {
    let hub = TestHub::start(on).await;
    let receiver = Receiver::start().await;
    let made = subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    let secret = made["secret"].as_str().unwrap();
    for path in [PATH.to_owned(), path_of(&made), "/v1/events".to_owned()] {
        assert!(!hub.get(&hub.shop.manager, &path).await.text().contains("whsec_"), "{path}");
    }
    // Neither the words nor the bytes behind them are in the file, its answers for repeats included.
    let words = secret.strip_prefix("whsec_").unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, words).unwrap();
    if on == On::Sqlite {
        for file in std::fs::read_dir(hub.folder()).unwrap() {
            let content = std::fs::read(file.unwrap().path()).unwrap();
            let has = |needle: &[u8]| content.windows(needle.len()).any(|window| window == needle);
            assert!(!has(words.as_bytes()) && !has(&bytes));
        }
    }
    hub.stop().await;
}

async fn a_repeat_under_the_key_has_the_same_secret(on: On) {
    let hub = TestHub::start(on).await;
    let body = json!({ "url": "https://example.jp/", "description": "\"secret\":\"sealed:x\"" });
    let make = || hub.request(Method::POST, PATH).auth(&hub.shop.manager).key("one").json(&body).send();
    let (first, second) = (make().await, make().await);
    first.expect(201);
    assert_eq!(first.bytes(), second.bytes());
    assert_eq!(second.header("idempotent-replay"), "true");
    let listed = hub.get(&hub.shop.manager, PATH).await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    hub.stop().await;
}

async fn two_secrets_sign_for_a_day(on: On) {
    let hub = TestHub::start(on).await;
    let receiver = Receiver::start().await;
    let made = subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    let rotate = format!("{}/rotate-secret", path_of(&made));
    let rotated = hub.post(&hub.shop.manager, &rotate, json!({})).await.expect(200);
    let secret = |answer: &Value| answer["secret"].as_str().unwrap().to_owned();
    let public = |answer: &Value| answer["public_key"].as_str().unwrap().to_owned();
    assert_ne!(secret(&made), secret(&rotated));
    assert!(rotated["old_secret_until"].is_string());
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let both = receiver.wait_for(1).await.remove(0);
    for answer in [&made, &rotated] {
        assert!(both.is_signed_by(&secret(answer)) && both.is_signed_for(&public(answer)));
    }
    hub.let_pass(Duration::from_secs(24 * 60 * 60)).await;
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let new = receiver.wait_for(2).await.remove(1);
    assert!(new.is_signed_by(&secret(&rotated)) && new.is_signed_for(&public(&rotated)));
    assert!(!new.is_signed_by(&secret(&made)) && !new.is_signed_for(&public(&made)));
    hub.stop().await;
}

async fn a_test_event_is_sent(on: On) {
    let hub = TestHub::start(on).await;
    let receiver = Receiver::start().await;
    let made = subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    let path = format!("{}/test", path_of(&made));
    let delivery = hub.post(&hub.shop.manager, &path, json!({})).await.expect(201);
    assert_eq!((&delivery["kind"], &delivery["number"]), (&json!("webhook_endpoint.test"), &Value::Null));
    let message = receiver.wait_for(1).await.remove(0);
    assert_eq!(message.header("webhook-id"), delivery["event_id"]);
    assert_eq!(message.json()["type"], "webhook_endpoint.test");
    assert_eq!((&message.json()["seq"], &message.json()["data"]), (&Value::Null, &json!({})));
    assert!(message.is_signed_by(made["secret"].as_str().unwrap()));
    patch(&hub, &made, json!({ "is_active": false })).await;
    hub.post(&hub.shop.manager, &path, json!({})).await.expect_problem(409, "webhook_endpoint_inactive");
    hub.stop().await;
}

async fn a_url_that_leads_inside_is_refused(on: On) {
    // The tests' hub may call 127.0.0.0/8; every other hub calls nobody but the public.
    let hub = TestHub::start_with(on, |config| config.webhook.allowed_networks = Vec::new()).await;
    let mark = hub.mark().await;
    for (url, code) in [
        ("http://127.0.0.1:8080/", "webhook_url_refused"),
        ("https://127.0.0.1/", "webhook_url_refused"),
        ("https://2130706433/", "webhook_url_refused"),
        ("https://[::ffff:10.0.0.1]/", "webhook_url_refused"),
        ("https://169.254.169.254/latest/meta-data/", "webhook_url_refused"),
        ("http://example.jp/", "webhook_url_refused"),
        ("https://example.jp:25/", "webhook_url_refused"),
        ("https://user:secret@example.jp/", "webhook_url_invalid"),
        ("https://example.jp/#part", "webhook_url_invalid"),
        ("ftp://example.jp/", "webhook_url_invalid"),
        ("/hook", "webhook_url_invalid"),
        ("", "webhook_url_invalid"),
    ] {
        let refused = hub.post(&hub.shop.manager, PATH, json!({ "url": url })).await;
        refused.expect_problem(422, code);
        assert!(!refused.text().contains("user:secret"));
    }
    assert_eq!(hub.mark().await, mark);
    // A name is judged when it is called.
    let made = hub.post(&hub.shop.manager, PATH, json!({ "url": "https://localhost:9443/" })).await.expect(201);
    let delivery = hub.post(&hub.shop.manager, &format!("{}/test", path_of(&made)), json!({})).await.expect(201);
    let path = format!("/v1/webhook-deliveries/{}", delivery["id"].as_str().unwrap());
    crate::support::receiver::wait_until("it was tried", async || {
        hub.get(&hub.shop.manager, &path).await.expect(200)["attempts"] == 1
    })
    .await;
    assert_eq!(hub.get(&hub.shop.manager, &path).await.expect(200)["reason"], "address_refused");
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused(on: On) {
    let hub = TestHub::start(on).await;
    let mark = hub.mark().await;
    let url = "https://example.jp/";
    for (status, code, body) in [
        (422, "webhook_kinds_invalid", json!({ "url": url, "kinds": ["everything"] })),
        (422, "webhook_description_too_long", json!({ "url": url, "description": "x".repeat(201) })),
        (400, "text_looks_like_card_number", json!({ "url": url, "description": "4111 1111 1111 1111" })),
        (422, "webhook_url_too_long", json!({ "url": format!("{url}{}", "x".repeat(2_000)) })),
        (400, "body_invalid", json!({ "url": url, "secret": "whsec_mine" })),
        (400, "body_invalid", json!({})),
    ] {
        hub.post(&hub.shop.manager, PATH, body).await.expect_problem(status, code);
    }
    for key in [&hub.shop.viewer, &hub.shop.cashier] {
        hub.post(key, PATH, json!({ "url": url })).await.expect_problem(403, "role_too_low");
        hub.get(key, PATH).await.expect_problem(403, "role_too_low");
        hub.get(key, "/v1/webhook-deliveries").await.expect_problem(403, "role_too_low");
    }
    assert_eq!(hub.mark().await, mark);
    for _ in 0..100 {
        hub.post(&hub.shop.manager, PATH, json!({ "url": url, "is_active": false })).await.expect(201);
    }
    let refused = hub.post(&hub.shop.manager, PATH, json!({ "url": url })).await;
    refused.expect_problem(422, "webhook_endpoint_limit_reached");
    hub.stop().await;
}

async fn the_endpoints_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let made = hub.post(&hub.shop.manager, PATH, json!({ "url": "https://example.jp/" })).await.expect(201);
    let (path, stranger) = (path_of(&made), &hub.other.manager);
    let mark = hub.mark().await;
    let code = "webhook_endpoint_not_found";
    hub.get(stranger, &path).await.expect_problem(404, code);
    for method in [Method::PATCH, Method::DELETE] {
        hub.request(method, &path).auth(stranger).json(&json!({})).send().await.expect_problem(404, code);
    }
    for what in ["rotate-secret", "test"] {
        hub.post(stranger, &format!("{path}/{what}"), json!({})).await.expect_problem(404, code);
    }
    let redrive = json!({ "endpoint_id": made["id"] });
    hub.post(stranger, "/v1/webhook-deliveries/redrive", redrive).await.expect_problem(404, code);
    assert_eq!(hub.get(stranger, PATH).await.expect(200)["data"], json!([]));
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}
