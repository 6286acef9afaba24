//! `/v1/merchant`, `/v1/locations` and `/v1/registers`: what a merchant opens, and what receipts say of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, On, TestHub};

on_each_engine! {
    a_merchant_says_who_it_is,
    a_location_says_where_it_is,
    a_manager_opens_a_shop_and_its_registers_sell,
    one_of_ten_who_open_a_register_gets_its_name,
    what_breaks_a_rule_is_refused_and_changes_nothing,
}

async fn patch(hub: &TestHub, key: &str, path: &str, body: Value) -> Answer {
    hub.request(Method::PATCH, path).auth(key).json(&body).send().await
}

async fn a_merchant_says_who_it_is(on: On) {
    let hub = TestHub::start(on).await;
    let key = &hub.shop.manager;
    let read = hub.get(&hub.shop.viewer, "/v1/merchant").await;
    assert_eq!(read.header("etag"), "\"1\"");
    let created_at = &read.json()["created_at"];
    let expected = json!({
        "id": hub.shop.merchant.to_string(), "object": "merchant", "name": "Corner Shop", "currency": "JPY",
        "time_zone": "Asia/Tokyo", "prices_include_tax": true, "legal_name": null, "registration_number": null,
        "is_sole_proprietor": false, "discount_limit_basis_points": 1_000, "calling_code": 81, "minor_per_point": null, "created_at": created_at, "version": 1,
    });
    assert_eq!(read.expect(200), expected);
    let issuer = json!({ "legal_name": "株式会社角店", "registration_number": "T5835678256246" });
    let changed = patch(&hub, key, "/v1/merchant", issuer).await.expect(200);
    assert_eq!(changed["registration_number"], "T5835678256246");
    let emptied = hub.request(Method::PATCH, "/v1/merchant").auth(key).header("if-match", "\"2\"");
    let emptied = emptied.json(&json!({ "legal_name": null })).send().await.expect(200);
    assert_eq!(
        (&emptied["legal_name"], &emptied["registration_number"], &emptied["version"]),
        (&Value::Null, &json!("T5835678256246"), &json!(3))
    );
    assert_eq!(hub.get(key, "/v1/merchant").await.expect(200), emptied);
    let alone = json!({ "registration_number": "T1835678256246", "is_sole_proprietor": true });
    assert_eq!(patch(&hub, key, "/v1/merchant", alone).await.expect(200)["is_sole_proprietor"], true);
    assert_eq!(hub.get(&hub.other.viewer, "/v1/merchant").await.expect(200)["registration_number"], Value::Null);
    hub.stop().await;
}

async fn a_location_says_where_it_is(on: On) {
    let hub = TestHub::start(on).await;
    let (key, path) = (&hub.shop.manager, format!("/v1/locations/{}", hub.shop.location));
    let contact = json!({ "address": ["〒104-0061", "東京都中央区銀座1-2-3"], "phone": "03-1234-5678" });
    let changed = patch(&hub, key, &path, contact).await.expect(200);
    let expected = json!({
        "id": hub.shop.location.to_string(), "object": "location", "name": "Ginza",
        "address": ["〒104-0061", "東京都中央区銀座1-2-3"], "phone": "03-1234-5678", "version": 2,
    });
    assert_eq!(changed, expected);
    let read = hub.get(&hub.shop.viewer, &path).await;
    assert_eq!((read.expect(200), read.header("etag")), (expected.clone(), "\"2\""));
    assert_eq!(hub.get(&hub.shop.viewer, "/v1/locations").await.expect(200)["data"], json!([expected]));
    let silent = patch(&hub, key, &path, json!({ "address": [], "phone": null })).await.expect(200);
    assert_eq!((&silent["address"], &silent["phone"]), (&json!([]), &Value::Null));
    let theirs = patch(&hub, &hub.other.manager, &path, json!({ "address": ["x"] })).await;
    theirs.expect_problem(404, "location_not_found");
    hub.get(&hub.other.viewer, &path).await.expect_problem(404, "location_not_found");
    hub.stop().await;
}

async fn a_manager_opens_a_shop_and_its_registers_sell(on: On) {
    let hub = TestHub::start(on).await;
    let key = &hub.shop.manager;
    let annexe = json!({ "name": "別館", "address": ["東京都中央区銀座4-5-6"] });
    let annexe = hub.post(key, "/v1/locations", annexe).await.expect(201);
    let expected = json!({
        "id": annexe["id"], "object": "location", "name": "別館", "address": ["東京都中央区銀座4-5-6"], "phone": null,
        "version": 1,
    });
    assert_eq!(annexe, expected);
    let register = json!({ "location_id": annexe["id"], "name": "B1" });
    let register = hub.post(key, "/v1/registers", register).await.expect(201);
    assert_eq!((&register["location_id"], &register["name"]), (&annexe["id"], &json!("B1")));
    let listed = hub.get(&hub.shop.viewer, "/v1/registers").await.expect(200);
    assert!(listed["data"].as_array().unwrap().contains(&register), "{listed}");
    let sale = json!({
        "register_id": register["id"], "lines": [{ "article_id": hub.shop.bag, "quantity": 1 }],
        "tenders": [{ "kind": "cash", "given_minor": 100 }],
    });
    let sale = hub.post(&hub.shop.cashier, "/v1/sales", sale).await.expect(201);
    assert_eq!((&sale["receipt_number"], &sale["location_id"]), (&json!("B1-00000001"), &annexe["id"]));
    let path = format!("/v1/locations/{}", annexe["id"].as_str().unwrap());
    let renamed = patch(&hub, key, &path, json!({ "name": "銀座別館" })).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["version"]), (&json!("銀座別館"), &json!(2)));
    for (status, code, path, body) in [
        (422, "location_name_invalid", "/v1/locations", json!({ "name": " " })),
        (400, "text_looks_like_card_number", "/v1/locations", json!({ "name": "4111111111111111" })),
        (422, "phone_invalid", "/v1/locations", json!({ "name": "C", "phone": "call us" })),
        (422, "register_name_invalid", "/v1/registers", json!({ "location_id": annexe["id"], "name": "レジ" })),
        (409, "register_name_taken", "/v1/registers", json!({ "location_id": annexe["id"], "name": "B1" })),
        (404, "location_not_found", "/v1/registers", json!({ "location_id": hub.other.location, "name": "B2" })),
    ] {
        hub.post(key, path, body.clone()).await.expect_problem(status, code);
        hub.post(&hub.shop.cashier, path, body).await.expect_problem(403, "role_too_low");
    }
    hub.stop().await;
}

async fn one_of_ten_who_open_a_register_gets_its_name(on: On) {
    let hub = TestHub::start(on).await;
    let body = json!({ "location_id": hub.shop.location, "name": "Z9" });
    let answers = (0..10).map(|_| hub.post(&hub.shop.manager, "/v1/registers", body.clone()));
    let answers = futures::future::join_all(answers).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    answers
        .iter()
        .filter(|answer| answer.status != 201)
        .for_each(|answer| answer.expect_problem(409, "register_name_taken"));
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let (key, mark) = (&hub.shop.manager, hub.mark().await);
    let location = format!("/v1/locations/{}", hub.shop.location);
    for (status, code, path, body) in [
        (422, "registration_number_invalid", "/v1/merchant", json!({ "registration_number": "5835678256246" })),
        (
            422,
            "registration_number_check_digit_wrong",
            "/v1/merchant",
            json!({ "registration_number": "T1835678256246" }),
        ),
        (422, "legal_name_invalid", "/v1/merchant", json!({ "legal_name": "" })),
        (400, "text_looks_like_card_number", "/v1/merchant", json!({ "legal_name": "4111 1111 1111 1111" })),
        (400, "body_invalid", "/v1/merchant", json!({ "name": "Other" })),
        (422, "address_invalid", &location, json!({ "address": ["1", "2", "3", "4", "5"] })),
        (422, "phone_invalid", &location, json!({ "phone": "call us" })),
        (400, "text_looks_like_card_number", &location, json!({ "address": ["4111 1111 1111 1111"] })),
        (400, "body_invalid", &location, json!({ "address": "Ginza" })),
    ] {
        let answer = patch(&hub, key, path, body.clone()).await;
        answer.expect_problem(status, code);
        assert!(!answer.text().contains("4111"), "{}", answer.text());
        patch(&hub, &hub.shop.cashier, path, body).await.expect_problem(403, "role_too_low");
    }
    for path in ["/v1/merchant", &location] {
        let stale = hub.request(Method::PATCH, path).auth(key).header("if-match", "\"7\"");
        stale.json(&json!({})).send().await.expect_problem(412, "version_stale");
    }
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}
