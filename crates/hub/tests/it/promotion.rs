//! `/v1/promotions`, and what sales are given by them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
    a_promotion_is_made_read_listed_and_changed,
    sales_are_given_their_promotions,
    a_coupon_is_given_to_so_many_sales_and_no_more,
    what_breaks_a_rule_is_refused_and_changes_nothing,
}

/// Three teas for the price of two.
fn three_for_two(hub: &TestHub) -> Value {
    json!({
        "name": "Three teas for two", "rule": { "kind": "take_and_pay", "take": 3, "pay": 2 },
        "article_ids": [hub.shop.tea.to_string()],
    })
}

async fn make(hub: &TestHub, body: Value) -> Value {
    hub.post(&hub.shop.manager, "/v1/promotions", body).await.expect(201)
}

async fn a_promotion_is_made_read_listed_and_changed(on: On) {
    let hub = TestHub::start(on).await;
    let pieces = [hub.shop.tea.to_string(), hub.shop.bag.to_string()];
    let body = json!({
        "name": "お茶と袋", "rule": { "kind": "bundle", "pieces": pieces, "price_minor": 140 },
        "location_ids": [hub.shop.location.to_string()], "priority": 7,
        "valid_from": "2025-12-01T00:00:00+09:00", "valid_until": "2025-12-24T00:00:00+09:00",
    });
    let made = make(&hub, body).await;
    let expected = json!({
        "id": made["id"], "object": "promotion", "name": "お茶と袋",
        "rule": { "kind": "bundle", "pieces": pieces, "price_minor": 140 }, "article_ids": [],
        "location_ids": [hub.shop.location.to_string()], "coupon": null, "priority": 7,
        "valid_from": "2025-11-30T15:00:00.000Z",
        "valid_until": "2025-12-23T15:00:00.000Z", "is_active": true, "created_at": made["created_at"], "version": 1,
    });
    assert_eq!(made, expected);
    let path = format!("/v1/promotions/{}", made["id"].as_str().unwrap());
    let read = hub.get(&hub.shop.viewer, &path).await;
    assert_eq!(read.header("etag"), "\"1\"");
    assert_eq!(read.expect(200), made);
    assert_eq!(hub.get(&hub.shop.viewer, "/v1/promotions").await.expect(200)["data"], json!([made]));
    let changes = json!({ "valid_until": null, "is_active": false });
    let change = hub.request(Method::PATCH, &path).auth(&hub.shop.manager).header("if-match", "\"1\"");
    let changed = change.json(&changes).send().await.expect(200);
    assert_eq!((&changed["valid_until"], &changed["is_active"]), (&Value::Null, &json!(false)));
    let stale = hub.request(Method::PATCH, &path).auth(&hub.shop.manager).header("if-match", "\"1\"");
    stale.json(&changes).send().await.expect_problem(412, "version_stale");
    hub.get(&hub.other.viewer, &path).await.expect_problem(404, "promotion_not_found");
    assert_eq!(hub.get(&hub.other.viewer, "/v1/promotions").await.expect(200)["data"], json!([]));
    let theirs = hub.request(Method::PATCH, &path).auth(&hub.other.manager).json(&json!({ "priority": 1 }));
    theirs.send().await.expect_problem(404, "promotion_not_found");
    hub.stop().await;
}

async fn sales_are_given_their_promotions(on: On) {
    let hub = TestHub::start(on).await;
    let promotion = make(&hub, three_for_two(&hub)).await;
    let sold = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(3, 300)).await.expect(201);
    assert_eq!((&sold["total_minor"], &sold["tax_minor"]), (&json!(300), &json!(22)));
    let given = json!([{
        "kind": "promotion", "promotion_id": promotion["id"], "name": "Three teas for two", "amount_minor": 150,
    }]);
    assert_eq!((&sold["discounts"], &sold["lines"][0]["discounts"]), (&given, &given));
    let path = format!("/v1/sales/{}", sold["id"].as_str().unwrap());
    let off = json!({ "is_active": false, "name": "Over" });
    let one = format!("/v1/promotions/{}", promotion["id"].as_str().unwrap());
    hub.request(Method::PATCH, &one).auth(&hub.shop.manager).json(&off).send().await.expect(200);
    assert_eq!(hub.get(&hub.shop.viewer, &path).await.expect(200), sold, "a sale keeps what it was given");
    let full = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(3, 450)).await.expect(201);
    assert_eq!((&full["total_minor"], full.get("discounts")), (&json!(450), None));
    let receipt = hub.post(&hub.shop.cashier, &format!("{path}/receipts"), json!({ "kind": "receipt" })).await;
    let receipt = format!("/v1/receipts/{}", receipt.expect(201)["id"].as_str().unwrap());
    let content = &hub.get(&hub.shop.viewer, &receipt).await.expect(200)["content"];
    assert_eq!(content["lines"][0]["discounts"][0]["promotion"], "Three teas for two");
    let text = hub.get(&hub.shop.viewer, &format!("{receipt}/document?format=text")).await.text().to_owned();
    assert!(text.contains("Three teas for two"), "{text}");
    // Of three that cost 300 yen together each comes back for 100.
    let lines = json!([{ "number": 1, "quantity": 1 }]);
    let back = json!({ "register_id": hub.shop.registers[0].to_string(), "lines": lines });
    let back = hub.post(&hub.shop.cashier, &format!("{path}/returns"), back).await.expect(201);
    assert_eq!(back["total_minor"], 100);
    hub.stop().await;
}

async fn a_coupon_is_given_to_so_many_sales_and_no_more(on: On) {
    let hub = TestHub::start(on).await;
    let mut body = three_for_two(&hub);
    body["coupon"] = json!({ "code": "tea-3", "uses_max": 1 });
    let promotion = make(&hub, body.clone()).await;
    assert_eq!(promotion["coupon"], json!({ "code": "TEA-3", "uses_max": 1, "use_count": 0 }));
    hub.post(&hub.shop.manager, "/v1/promotions", body).await.expect_problem(409, "coupon_taken");
    let full = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(3, 450)).await.expect(201);
    assert_eq!((&full["total_minor"], full.get("coupons")), (&json!(450), None));

    let mut open = hub.a_sale(3, 0);
    open.as_object_mut().unwrap().remove("tenders");
    let open = hub.post(&hub.shop.cashier, "/v1/sales", open).await.expect(201);
    let coupons = format!("/v1/sales/{}/coupons", open["id"].as_str().unwrap());
    let shown = hub.post(&hub.shop.cashier, &coupons, json!({ "code": " Tea-3 " })).await.expect(200);
    assert_eq!((&shown["total_minor"], &shown["coupons"]), (&json!(300), &json!(["TEA-3"])));

    let mut ring = hub.a_sale(3, 300);
    ring["coupons"] = json!(["tea-3"]);
    hub.post(&hub.shop.cashier, "/v1/sales", ring.clone()).await.expect_problem(409, "coupon_used_up");
    let one = format!("{coupons}/TEA-3");
    let off = hub.request(Method::DELETE, &one).auth(&hub.shop.cashier).send().await.expect(200);
    assert_eq!((&off["total_minor"], off.get("coupons")), (&json!(450), None));
    hub.request(Method::DELETE, &one).auth(&hub.shop.cashier).send().await.expect_problem(404, "sale_coupon_not_found");
    let rung = hub.post(&hub.shop.cashier, "/v1/sales", ring).await.expect(201);
    assert_eq!((&rung["total_minor"], &rung["coupons"]), (&json!(300), &json!(["TEA-3"])));

    let path = format!("/v1/promotions/{}", promotion["id"].as_str().unwrap());
    assert_eq!(hub.get(&hub.shop.viewer, &path).await.expect(200)["coupon"]["use_count"], 1);
    let more = hub.request(Method::PATCH, &path).auth(&hub.shop.manager).json(&json!({ "coupon_uses_max": null }));
    assert_eq!(more.send().await.expect(200)["coupon"], json!({ "code": "TEA-3", "uses_max": null, "use_count": 1 }));
    hub.post(&hub.shop.cashier, &coupons, json!({ "code": "WINTER" })).await.expect_problem(422, "coupon_unknown");
    // Another merchant's code is nobody's here.
    let theirs = json!({ "register_id": hub.other.registers[0].to_string(), "coupons": ["TEA-3"] });
    hub.post(&hub.other.cashier, "/v1/sales", theirs).await.expect_problem(422, "coupon_unknown");
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let mark = hub.mark().await;
    let theirs = hub.other.tea.to_string();
    for (status, code, change) in [
        (422, "promotion_name_invalid", json!({ "name": "" })),
        (400, "text_looks_like_card_number", json!({ "name": "4111 1111 1111 1111" })),
        (422, "promotion_rule_invalid", json!({ "rule": { "kind": "take_and_pay", "take": 2, "pay": 2 } })),
        (422, "promotion_rule_invalid", json!({ "rule": { "kind": "percent", "basis_points": 0 } })),
        (400, "body_invalid", json!({ "rule": { "kind": "percent", "basis_points": 1.5 } })),
        (400, "body_invalid", json!({ "rule": { "kind": "gift" } })),
        (400, "body_invalid", json!({ "valid_from": "tomorrow" })),
        (
            422,
            "promotion_dates_invalid",
            json!({ "valid_from": "2025-12-02T00:00:00Z", "valid_until": "2025-12-01T00:00:00Z" }),
        ),
        (404, "article_not_found", json!({ "article_ids": [theirs] })),
        (404, "location_not_found", json!({ "location_ids": [hub.other.location.to_string()] })),
    ] {
        let mut body = three_for_two(&hub);
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        hub.post(&hub.shop.manager, "/v1/promotions", body).await.expect_problem(status, code);
    }
    hub.post(&hub.shop.cashier, "/v1/promotions", three_for_two(&hub)).await.expect_problem(403, "role_too_low");
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}
