//! `/v1/stock-levels` and `/v1/stock-movements`.

use domain::id::ArticleId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, On, TestHub};

on_each_engine! {
    a_threshold_tells_when_it_is_time_to_reorder,
    a_threshold_is_set_by_a_manager_of_the_merchant,
    goods_come_in_and_levels_are_corrected,
    what_breaks_a_rule_is_refused_and_changes_nothing,
}

fn a_receipt(hub: &TestHub) -> Value {
    json!({
        "location_id": hub.shop.location.to_string(), "article_id": hub.shop.rice.to_string(), "kind": "receipt",
        "quantity": "2.5",
    })
}

async fn goods_come_in_and_levels_are_corrected(on: On) {
    let hub = TestHub::start(on).await;
    let key = &hub.shop.manager;
    let level = json!({
        "object": "stock_level", "location_id": hub.shop.location.to_string(), "article_id": hub.shop.rice.to_string(),
        "on_hand": "2.5", "reserved": "0", "available": "2.5", "reorder_at": null, "is_limited": true, "version": 2,
    });
    let made = hub.post(key, "/v1/stock-movements", a_receipt(&hub)).await.expect(201);
    let mut expected = json!({
        "id": made["id"], "object": "stock_movement", "location_id": hub.shop.location.to_string(),
        "article_id": hub.shop.rice.to_string(), "kind": "receipt", "quantity": "2.5", "reason": "",
        "created_at": made["created_at"], "stock_level": level,
    });
    expected["stock_level"]["version"] = made["stock_level"]["version"].clone();
    assert_eq!(made, expected);
    let mut correction = a_receipt(&hub);
    correction["kind"] = json!("adjustment");
    correction["quantity"] = json!(-1);
    correction["reason"] = json!("counted");
    correction["expected_on_hand"] = json!("2.5");
    let corrected = hub.post(key, "/v1/stock-movements", correction.clone()).await.expect(201);
    assert_eq!(corrected["stock_level"]["on_hand"], "1.5");
    hub.post(key, "/v1/stock-movements", correction).await.expect_problem(409, "stock_stale");
    let path = format!("/v1/stock-levels?location_id={}", hub.shop.location);
    let levels = hub.get(&hub.shop.viewer, &path).await.expect(200);
    let on_hand: Vec<&Value> = levels["data"].as_array().unwrap().iter().map(|level| &level["on_hand"]).collect();
    assert_eq!(on_hand, [&json!("10"), &json!("1.5")]);
    hub.stop().await;
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

async fn what_breaks_a_rule_is_refused_and_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let mark = hub.mark().await;
    let bag = hub.shop.bag.to_string();
    let other = hub.other.location.to_string();
    for (status, code, change) in [
        (422, "quantity_out_of_range", json!({ "quantity": "0" })),
        (422, "quantity_out_of_range", json!({ "quantity": "-1" })),
        (422, "quantity_out_of_range", json!({ "quantity": "1000000000.001" })),
        (400, "body_invalid", json!({ "quantity": "9223372036854775808" })),
        (400, "body_invalid", json!({ "quantity": 0.5 })),
        (400, "body_invalid", json!({ "kind": "sale" })),
        (422, "reason_invalid", json!({ "kind": "adjustment" })),
        (409, "stock_negative", json!({ "kind": "adjustment", "quantity": "-1", "reason": "broken" })),
        (422, "article_not_stocked", json!({ "article_id": bag })),
        (404, "location_not_found", json!({ "location_id": other })),
        (400, "text_looks_like_card_number", json!({ "reason": "4111-1111-1111-1111" })),
    ] {
        let mut movement = a_receipt(&hub);
        movement.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = hub.post(&hub.shop.manager, "/v1/stock-movements", movement).await;
        answer.expect_problem(status, code);
        assert!(!answer.text().contains("4111"));
    }
    hub.post(&hub.shop.cashier, "/v1/stock-movements", a_receipt(&hub)).await.expect_problem(403, "role_too_low");
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}
