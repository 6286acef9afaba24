//! `/v1/stock-levels` and `/v1/stock-movements`.

use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
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
        "on_hand": "2.5", "reserved": "0", "available": "2.5", "version": 2,
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
