//! `Idempotency-Key`.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, On, TestHub};

on_each_engine! {
    a_repeat_is_answered_byte_for_byte,
    two_hundred_copies_make_one_sale,
    a_refusal_is_an_answer_too,
    other_content_under_a_key_is_refused,
    a_key_belongs_to_its_merchant,
    a_post_that_moves_stock_needs_a_key,
    what_is_no_answer_is_not_kept,
}

async fn sell(hub: &TestHub, key: &str, body: &Value) -> Answer {
    hub.request(Method::POST, "/v1/sales").auth(&hub.shop.cashier).key(key).json(body).send().await
}

async fn a_repeat_is_answered_byte_for_byte(on: On) {
    let hub = TestHub::start(on).await;
    let first = sell(&hub, "k1", &hub.a_sale(1, 500)).await;
    first.expect(201);
    assert_eq!(first.header("idempotent-replay"), "");
    let mark = hub.mark().await;
    for key in ["k1", "\"k1\""] {
        let again = sell(&hub, key, &hub.a_sale(1, 500)).await;
        assert_eq!(again.bytes(), first.bytes());
        assert_eq!(again.header("idempotent-replay"), "true");
    }
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}

async fn two_hundred_copies_make_one_sale(on: On) {
    let hub = TestHub::start(on).await;
    let sale = hub.a_sale(1, 500);
    let answers = join_all((0..200).map(|_| sell(&hub, "double tap", &sale))).await;
    assert!(answers.iter().all(|answer| answer.status == 400), "a blank is no visible character");
    let answers = join_all((0..200).map(|_| sell(&hub, "double-tap", &sale))).await;
    // A copy may be told that the first one is still at work, and asks again.
    let whole: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!whole.is_empty());
    for answer in &whole {
        assert_eq!(answer.bytes(), whole[0].bytes());
    }
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(409, "idempotency_key_in_flight");
        assert_eq!(answer.header("retry-after"), "1");
    }
    let sales = hub.get(&hub.shop.viewer, "/v1/sales").await.expect(200);
    assert_eq!(sales["data"].as_array().unwrap().len(), 1);
    assert_eq!(hub.tea_on_hand().await, "9");
    hub.stop().await;
}

async fn a_refusal_is_an_answer_too(on: On) {
    let hub = TestHub::start(on).await;
    let refused = sell(&hub, "k1", &hub.a_sale(11, 5_000)).await;
    refused.expect_problem(409, "stock_insufficient");
    let receipt = json!({
        "location_id": hub.shop.location.to_string(), "article_id": hub.shop.tea.to_string(), "kind": "receipt",
        "quantity": "90",
    });
    hub.post(&hub.shop.manager, "/v1/stock-movements", receipt).await.expect(201);
    // The delayed copy of a refused sale does not sell after a restock.
    let again = sell(&hub, "k1", &hub.a_sale(11, 5_000)).await;
    assert_eq!(again.bytes(), refused.bytes());
    assert_eq!(hub.tea_on_hand().await, "100");
    sell(&hub, "k2", &hub.a_sale(11, 5_000)).await.expect(201);
    hub.stop().await;
}

async fn other_content_under_a_key_is_refused(on: On) {
    let hub = TestHub::start(on).await;
    let first = sell(&hub, "k1", &hub.a_sale(1, 500)).await;
    let mark = hub.mark().await;
    sell(&hub, "k1", &hub.a_sale(1, 501)).await.expect_problem(422, "idempotency_key_reused");
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let void = hub.request(Method::POST, &format!("/v1/sales/{id}/void")).auth(&hub.shop.cashier).key("k1");
    void.json(&hub.a_sale(1, 500)).send().await.expect_problem(400, "body_invalid");
    let void = hub.request(Method::POST, &format!("/v1/sales/{id}/void")).auth(&hub.shop.cashier).key("k1");
    void.send().await.expect_problem(422, "idempotency_key_reused");
    assert_eq!(sell(&hub, "k1", &hub.a_sale(1, 500)).await.bytes(), first.bytes());
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}

async fn a_key_belongs_to_its_merchant(on: On) {
    let hub = TestHub::start(on).await;
    let first = sell(&hub, "k1", &hub.a_sale(1, 500)).await;
    let mut sale = hub.a_sale(1, 500);
    sale["register_id"] = json!(hub.other.registers[0].to_string());
    sale["lines"][0]["article_id"] = json!(hub.other.tea.to_string());
    let request = hub.request(Method::POST, "/v1/sales").auth(&hub.other.cashier).key("k1").json(&sale);
    let other = request.send().await.expect(201);
    assert_ne!(other["id"], first.json()["id"]);
    hub.stop().await;
}

async fn a_post_that_moves_stock_needs_a_key(on: On) {
    let hub = TestHub::start(on).await;
    let mark = hub.mark().await;
    for path in ["/v1/sales", "/v1/stock-movements"] {
        let request = hub.request(Method::POST, path).auth(&hub.shop.manager).json(&hub.a_sale(1, 500));
        request.send().await.expect_problem(400, "idempotency_key_missing");
    }
    for wrong in ["", "a b", "\"\"", &"x".repeat(256)] {
        sell(&hub, wrong, &hub.a_sale(1, 500)).await.expect_problem(400, "idempotency_key_invalid");
    }
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}

async fn what_is_no_answer_is_not_kept(on: On) {
    let hub = TestHub::start(on).await;
    sell(&hub, "k1", &json!({ "register": 1 })).await.expect_problem(400, "body_invalid");
    let request = hub.request(Method::POST, "/v1/sales").auth(&hub.shop.viewer).key("k1").json(&hub.a_sale(1, 500));
    request.send().await.expect_problem(403, "role_too_low");
    sell(&hub, "k1", &hub.a_sale(1, 500)).await.expect(201);
    hub.stop().await;
}
