//! `/v1/requests/{id}`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
    a_lost_answer_is_found_by_its_key,
    what_a_request_changed_is_found_by_its_id,
    what_another_merchant_asked_is_not_there,
}

async fn a_lost_answer_is_found_by_its_key(on: On) {
    let hub = TestHub::start(on).await;
    let ring = |key: &'static str, teas: i64| {
        let request = hub.request(Method::POST, "/v1/sales").auth(&hub.shop.cashier).key(key);
        request.json(&hub.a_sale(teas, 150)).send()
    };
    let sale = ring("till-1/7", 1).await.expect(201);
    ring("till-1/8", 11).await.expect_problem(409, "stock_insufficient");
    let read = async |key: &str| hub.get(&hub.shop.viewer, &format!("/v1/requests/{key}")).await;
    let done = read("till-1%2F7").await.expect(200);
    assert_eq!((&done["id"], &done["outcome"]), (&json!("till-1/7"), &json!("done")));
    assert_eq!((&done["answer"]["status"], &done["answer"]["subject"]), (&json!(201), &sale["id"]));
    assert_eq!((&done["answer"]["code"], &done["changes"]), (&Value::Null, &json!([])));
    let refused = read("till-1%2F8").await.expect(200);
    assert_eq!((&refused["outcome"], &refused["answer"]["status"]), (&json!("refused"), &json!(409)));
    assert_eq!(
        (&refused["answer"]["code"], &refused["answer"]["subject"]),
        (&json!("stock_insufficient"), &Value::Null)
    );
    read("till-1%2F9").await.expect_problem(404, "request_not_found");
    hub.stop().await;
}

async fn what_a_request_changed_is_found_by_its_id(on: On) {
    let hub = TestHub::start(on).await;
    let ring = |given: i64| {
        let request = hub.request(Method::POST, "/v1/sales").auth(&hub.shop.cashier).fresh_key();
        request.header("x-request-id", "till-1:42").json(&hub.a_sale(1, given)).send()
    };
    let first = ring(150).await.expect(201);
    ring(1).await.expect(422);
    let second = ring(150).await.expect(201);
    let read = hub.get(&hub.shop.viewer, "/v1/requests/till-1:42").await.expect(200);
    assert_eq!((&read["outcome"], &read["answer"]), (&json!("done"), &Value::Null));
    let changes = read["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2, "a refusal changes nothing");
    for (change, sale) in changes.iter().zip([&first, &second]) {
        assert_eq!(
            (&change["command"], &change["actor"]),
            (&json!("sale.ring"), &json!(hub.shop.cashier_key.to_string()))
        );
        let told: Vec<(&Value, &Value)> =
            change["events"].as_array().unwrap().iter().map(|event| (&event["kind"], &event["subject"])).collect();
        assert_eq!(told, [(&json!("sale.completed"), &sale["id"])]);
    }
    assert_eq!(changes[1]["number"].as_i64().unwrap(), changes[0]["number"].as_i64().unwrap() + 1);
    // A request that brings no id of its own is known by the one that it was given.
    let drawn = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await;
    let read = hub.get(&hub.shop.viewer, &format!("/v1/requests/{}", drawn.header("x-request-id"))).await.expect(200);
    assert_eq!(read["changes"][0]["events"][0]["subject"], drawn.json()["id"]);
    hub.stop().await;
}

async fn what_another_merchant_asked_is_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let request = hub.request(Method::POST, "/v1/sales").auth(&hub.shop.cashier).key("one");
    request.header("x-request-id", "two").json(&hub.a_sale(1, 150)).send().await.expect(201);
    for id in ["one", "two"] {
        hub.get(&hub.shop.viewer, &format!("/v1/requests/{id}")).await.expect(200);
        hub.get(&hub.other.system, &format!("/v1/requests/{id}")).await.expect_problem(404, "request_not_found");
    }
    hub.stop().await;
}
