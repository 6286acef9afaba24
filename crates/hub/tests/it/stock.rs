//! `/v1/stock-levels`.

use domain::id::ArticleId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, On, TestHub};

on_each_engine! {
    a_threshold_tells_when_it_is_time_to_reorder,
    a_threshold_is_set_by_a_manager_of_the_merchant,
}

fn threshold(hub: &TestHub, article: ArticleId) -> String {
    format!("/v1/stock-levels/{}/{article}/threshold", hub.shop.location)
}

async fn set(hub: &TestHub, key: &str, path: &str, body: Value) -> Answer {
    hub.request(Method::PUT, path).auth(key).json(&body).send().await
}

async fn below(hub: &TestHub, words: &str) -> Vec<Value> {
    let path = format!("/v1/stock-levels?location_id={}&below_threshold=true", hub.shop.location);
    hub.get(words, &path).await.expect(200)["data"].as_array().unwrap().clone()
}

async fn crossings(hub: &TestHub) -> Vec<Value> {
    let events = hub.get(&hub.shop.viewer, "/v1/events?limit=100").await.expect(200);
    let of_kind = |event: &&Value| event["kind"] == "stock.below_threshold";
    events["data"].as_array().unwrap().iter().filter(of_kind).map(|event| event["data"].clone()).collect()
}

async fn a_threshold_tells_when_it_is_time_to_reorder(on: On) {
    let hub = TestHub::start(on).await;
    let path = threshold(&hub, hub.shop.tea);
    let level = set(&hub, &hub.shop.manager, &path, json!({ "reorder_at": "8" })).await.expect(200);
    assert_eq!((&level["reorder_at"], &level["is_limited"]), (&json!("8"), &json!(false)));
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(2, 300)).await.expect(201);
    assert!(below(&hub, &hub.shop.viewer).await.is_empty());
    for _ in 0..2 {
        hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    }
    let location = hub.shop.location.to_string();
    assert_eq!(crossings(&hub).await, [json!({ "location": location, "available": "7", "reorder_at": "8" })]);
    let found = below(&hub, &hub.shop.viewer).await;
    assert_eq!((found.len(), &found[0]["available"], &found[0]["is_limited"]), (1, &json!("6"), &json!(true)));
    set(&hub, &hub.shop.manager, &path, json!({ "reorder_at": null })).await.expect(200);
    assert!(below(&hub, &hub.shop.viewer).await.is_empty());
    hub.stop().await;
}

async fn a_threshold_is_set_by_a_manager_of_the_merchant(on: On) {
    let hub = TestHub::start(on).await;
    let (manager, body) = (&hub.shop.manager, json!({ "reorder_at": "8" }));
    let mark = hub.mark().await;
    let tea = threshold(&hub, hub.shop.tea);
    set(&hub, &hub.shop.cashier, &tea, body.clone()).await.expect_problem(403, "role_too_low");
    set(&hub, &hub.other.manager, &tea, body.clone()).await.expect_problem(404, "article_not_found");
    let elsewhere = format!("/v1/stock-levels/{}/{}/threshold", hub.other.location, hub.shop.tea);
    set(&hub, manager, &elsewhere, body.clone()).await.expect_problem(404, "location_not_found");
    let bag = threshold(&hub, hub.shop.bag);
    set(&hub, manager, &bag, body.clone()).await.expect_problem(422, "article_not_stocked");
    for (status, code, body) in [
        (400, "body_invalid", json!({})),
        (400, "body_invalid", json!({ "reorder_at": 0.5 })),
        (400, "body_invalid", json!({ "reorder_at": "8", "unit": "kg" })),
        (422, "quantity_out_of_range", json!({ "reorder_at": "-1" })),
        (422, "quantity_out_of_range", json!({ "reorder_at": "1000000000.001" })),
    ] {
        set(&hub, manager, &tea, body).await.expect_problem(status, code);
    }
    assert_eq!(hub.mark().await, mark);
    set(&hub, manager, &tea, json!({ "reorder_at": "11" })).await.expect(200);
    let of_other = format!("/v1/stock-levels?location_id={}&below_threshold=true", hub.shop.location);
    hub.get(&hub.other.viewer, &of_other).await.expect_problem(404, "location_not_found");
    let both = format!("{of_other}&article_id={}", hub.shop.tea);
    hub.get(&hub.shop.viewer, &both).await.expect_problem(400, "query_invalid");
    hub.stop().await;
}
