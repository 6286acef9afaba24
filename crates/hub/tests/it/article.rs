//! `/v1/articles`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
    an_article_is_made_read_and_changed,
    a_stale_change_is_refused,
    what_breaks_a_rule_is_refused_and_changes_nothing,
    a_cashier_keeps_no_articles,
}

fn an_article() -> Value {
    json!({ "sku": "4900000000001", "name": "Onigiri", "unit_price": "150.25", "tax_class": "reduced" })
}

async fn an_article_is_made_read_and_changed(on: On) {
    let hub = TestHub::start(on).await;
    let key = &hub.shop.manager;
    let made = hub.post(key, "/v1/articles", an_article()).await.expect(201);
    let path = format!("/v1/articles/{}", made["id"].as_str().unwrap());
    let expected = json!({
        "id": made["id"], "object": "article", "sku": "4900000000001", "barcodes": [], "name": "Onigiri",
        "unit_price": "150.25",
        "currency": "JPY", "tax_class": "reduced", "eat_in_tax_class": null, "is_stocked": true, "is_active": true,
        "created_at": made["created_at"], "version": 1,
    });
    assert_eq!(made, expected);
    let read = hub.get(&hub.shop.viewer, &path).await;
    assert_eq!(read.expect(200), expected);
    assert_eq!(read.header("etag"), "\"1\"");
    let change = json!({ "unit_price": 160, "is_active": false });
    let changed = hub.request(Method::PATCH, &path).auth(key).header("if-match", "\"1\"").json(&change).send().await;
    let changed = changed.expect(200);
    assert_eq!(
        (&changed["unit_price"], &changed["is_active"], &changed["version"]),
        (&json!("160"), &json!(false), &json!(2))
    );
    assert_eq!(hub.get(key, &path).await.expect(200), changed);
    hub.stop().await;
}

async fn a_stale_change_is_refused(on: On) {
    let hub = TestHub::start(on).await;
    let path = format!("/v1/articles/{}", hub.shop.tea);
    let change = |tag: &str| {
        let request = hub.request(Method::PATCH, &path).auth(&hub.shop.manager).header("if-match", tag);
        request.json(&json!({ "name": "Green tea" }))
    };
    let mark = hub.mark().await;
    change("\"7\"").send().await.expect_problem(412, "version_stale");
    for wrong in ["7", "\"x\"", "W/\"1\"", "\"1\", \"2\""] {
        change(wrong).send().await.expect_problem(400, "if_match_invalid");
    }
    assert_eq!(hub.mark().await, mark);
    change("*").send().await.expect(200);
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let mark = hub.mark().await;
    let long = "x".repeat(201);
    for (status, code, change) in [
        (409, "article_sku_taken", json!({ "sku": "tea" })),
        (422, "article_sku_invalid", json!({ "sku": "" })),
        (422, "article_name_invalid", json!({ "name": long })),
        (422, "barcode_invalid", json!({ "barcodes": ["4.90123E+12"] })),
        (422, "barcode_check_digit_wrong", json!({ "barcodes": ["4901234567895"] })),
        (422, "article_too_many_barcodes", json!({ "barcodes": (0..21).map(|n| n.to_string()).collect::<Vec<_>>() })),
        (400, "text_looks_like_card_number", json!({ "barcodes": ["4111-1111-1111-1111"] })),
        (422, "tax_class_unknown", json!({ "tax_class": "luxury" })),
        (422, "currency_mismatch", json!({ "currency": "USD" })),
        (422, "unit_price_out_of_range", json!({ "unit_price": -1 })),
        (422, "unit_price_out_of_range", json!({ "unit_price": "100000000001" })),
        (400, "body_invalid", json!({ "unit_price": 150.25 })),
        (400, "body_invalid", json!({ "unit_price": "1.23456" })),
        (400, "body_invalid", json!({ "unit_price": 1_000_000_000_000_000_000_i64 })),
        (400, "body_invalid", json!({ "currency": "yen" })),
        (400, "body_invalid", json!({ "colour": "green" })),
        (400, "body_invalid", json!({ "sku": 7 })),
        (400, "text_looks_like_card_number", json!({ "name": "4111 1111 1111 1111" })),
    ] {
        let mut article = an_article();
        article.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = hub.post(&hub.shop.manager, "/v1/articles", article).await;
        answer.expect_problem(status, code);
        assert!(!answer.text().contains("4111"), "{}", answer.text());
    }
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}

async fn a_cashier_keeps_no_articles(on: On) {
    let hub = TestHub::start(on).await;
    let mark = hub.mark().await;
    for key in [&hub.shop.viewer, &hub.shop.cashier] {
        hub.post(key, "/v1/articles", an_article()).await.expect_problem(403, "role_too_low");
    }
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}
