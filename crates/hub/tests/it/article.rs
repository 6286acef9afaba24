//! `/v1/articles`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
    an_article_is_made_read_and_changed,
    a_stale_change_is_refused,
    what_breaks_a_rule_is_refused_and_changes_nothing,
    a_cashier_keeps_no_articles,
    what_is_told_of_an_article_is_kept_beside_it,
    a_sale_takes_the_price_that_holds,
    variants_are_articles_of_their_own,
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
        "names": {}, "description": "", "image_urls": [], "unit": "piece", "unit_price": "150.25", "prices": [],
        "currency": "JPY", "tax_class": "reduced", "eat_in_tax_class": null, "is_stocked": true, "is_active": true,
        "variant_of": null, "options": null, "has_variants": false,
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
        (400, "body_invalid", json!({ "unit": "pound" })),
        (400, "body_invalid", json!({ "options": { "size": "M" } })),
        (404, "article_not_found", json!({ "variant_of": hub.other.tea.to_string(), "options": { "size": "M" } })),
        (
            422,
            "article_variant_of_stocked",
            json!({ "variant_of": hub.shop.tea.to_string(), "options": { "size": "M" } }),
        ),
        (422, "article_language_invalid", json!({ "names": { "English": "Rice ball" } })),
        (422, "article_description_invalid", json!({ "description": "x".repeat(2_001) })),
        (422, "article_image_url_invalid", json!({ "image_urls": ["javascript:alert(1)"] })),
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

async fn what_is_told_of_an_article_is_kept_beside_it(on: On) {
    let hub = TestHub::start(on).await;
    let key = &hub.shop.manager;
    let told = json!({
        "names": { "en": "Rice ball", "zh-Hans": "饭团" },
        "description": "With salmon.\nKeep it cool.",
        "image_urls": ["https://example.com/onigiri.png"],
    });
    let mut article = an_article();
    article.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
    let made = hub.post(key, "/v1/articles", article).await.expect(201);
    let path = format!("/v1/articles/{}", made["id"].as_str().unwrap());
    for (field, value) in told.as_object().unwrap() {
        assert_eq!(&made[field], value);
    }
    let change = json!({ "names": {}, "description": "x".repeat(2_000), "image_urls": [] });
    let changed = hub.request(Method::PATCH, &path).auth(key).json(&change).send().await.expect(200);
    assert_eq!((&changed["names"], &changed["version"]), (&json!({}), &json!(2)));
    let names: serde_json::Map<_, _> = ('a'..='k').map(|c| (format!("e{c}"), json!("ご".repeat(200)))).collect();
    let long = json!({ "description": "茶".repeat(2_000), "names": names,
        "image_urls": vec![format!("https://example.com/{}", "x".repeat(470)); 10] });
    let brief = hub.request(Method::PATCH, &path).auth(key).json(&long).send().await.expect(200);
    let whole = hub.get(key, &path).await.expect(200);
    assert!(brief.get("description").is_none());
    assert_eq!((&whole["description"], &whole["version"]), (&long["description"], &brief["version"]));
    let by_sku = hub.get(key, "/v1/articles?sku=4900000000001").await.expect(200);
    assert_eq!(by_sku["data"], json!([whole]));
    assert_eq!(hub.get(key, "/v1/articles?sku=TEA").await.expect(200)["data"], json!([]));
    for wrong in ["sku=tea&barcode=4011", "sku=tea&cursor=art_00000000000000000000000000000001"] {
        hub.get(key, &format!("/v1/articles?{wrong}")).await.expect_problem(400, "query_invalid");
    }
    let other = hub.get(&hub.other.manager, &path).await;
    other.expect_problem(404, "article_not_found");
    hub.stop().await;
}

async fn a_sale_takes_the_price_that_holds(on: On) {
    let hub = TestHub::start(on).await;
    let (key, shop) = (&hub.shop.manager, &hub.shop);
    let path = format!("/v1/articles/{}", shop.bag);
    let change = |prices: Value| hub.request(Method::PATCH, &path).auth(key).json(&json!({ "prices": prices }));
    let price = |location: Option<&str>, price: &str, from: &str| json!({ "location_id": location, "unit_price": price, "valid_from": from, "valid_until": null });
    let here = shop.location.to_string();
    let everywhere = [price(None, "80", "2020-01-01T00:00:00.000Z"), price(None, "90", "2999-01-01T00:00:00.000Z")];
    let nearest = price(Some(&here), "70", "2019-01-01T00:00:00.000Z");
    let total = async || {
        let sale = json!({ "register_id": shop.registers[0].to_string(), "lines": [{ "article_id": shop.bag.to_string(), "quantity": 1 }] });
        hub.post(&shop.cashier, "/v1/sales", sale).await.expect(201)["total_minor"].clone()
    };
    assert_ne!(total().await, 80);
    assert_eq!(change(json!(everywhere)).send().await.expect(200)["prices"], json!(everywhere));
    assert_eq!(total().await, 80);
    let [now, later] = everywhere;
    change(json!([nearest, later, now])).send().await.expect(200);
    assert_eq!(total().await, 70);
    let mark = hub.mark().await;
    for (status, code, wrong) in [
        (400, "body_invalid", json!([{ "unit_price": "80", "valid_from": "tomorrow" }])),
        (
            422,
            "article_price_never_holds",
            json!([{ "unit_price": "80", "valid_from": "2026-01-01T00:00:00+09:00", "valid_until": "2025-12-31T15:00:00Z" }]),
        ),
        (
            404,
            "location_not_found",
            json!([{ "unit_price": "80", "valid_from": "2026-01-01T00:00:00Z", "location_id": hub.other.location.to_string() }]),
        ),
    ] {
        change(wrong).send().await.expect_problem(status, code);
    }
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}

async fn variants_are_articles_of_their_own(on: On) {
    let hub = TestHub::start(on).await;
    let (key, shop) = (&hub.shop.manager, &hub.shop);
    let variant = |sku: &str, size: &str| {
        json!({ "sku": sku, "name": "Bag", "unit_price": "5", "tax_class": "standard",
            "variant_of": shop.bag.to_string(), "options": { "size": size } })
    };
    let small = hub.post(key, "/v1/articles", variant("bag-s", "S")).await.expect(201);
    assert_eq!((&small["variant_of"], &small["options"]), (&json!(shop.bag.to_string()), &json!({ "size": "S" })));
    hub.post(key, "/v1/articles", variant("bag-s2", "S")).await.expect_problem(409, "article_options_taken");
    let medium = hub.post(key, "/v1/articles", variant("bag-m", "M")).await.expect(201);
    let listed = hub.get(key, &format!("/v1/articles?variant_of={}", shop.bag)).await.expect(200);
    assert_eq!(listed["data"], json!([small, medium]));
    let sale = |article: &str, quantity: &str| json!({ "register_id": shop.registers[0].to_string(), "lines": [{ "article_id": article, "quantity": quantity }] });
    let whole = hub.post(&shop.cashier, "/v1/sales", sale(&shop.bag.to_string(), "1")).await;
    whole.expect_problem(409, "article_has_variants");
    let small = small["id"].as_str().unwrap();
    hub.post(&shop.cashier, "/v1/sales", sale(small, "0.5")).await.expect_problem(422, "quantity_not_whole");
    hub.stop().await;
}
