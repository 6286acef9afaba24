//! Metadata, on every record that may have some.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, On, TestHub};

on_each_engine! {
    each_record_shows_what_was_noted_on_it,
    what_is_completed_or_voided_may_be_noted_on,
    an_exchange_takes_metadata_for_both_halves,
    of_a_customer_only_reading_tells_and_nothing_is_left_after_an_erasure,
    what_breaks_a_rule_is_refused_and_changes_nothing,
}

fn note() -> Value {
    json!({ "table": "4", "remark": "窓側" })
}

fn noted(mut body: Value) -> Value {
    body["metadata"] = note();
    body
}

async fn change(hub: &TestHub, words: &str, path: &str, metadata: Value) -> Answer {
    let body = json!({ "metadata": metadata });
    hub.request(Method::PATCH, &format!("{path}/metadata")).auth(words).json(&body).send().await
}

async fn read(hub: &TestHub, path: &str) -> Value {
    hub.get(&hub.shop.viewer, path).await.expect(200)
}

/// The data of the events about a subject that tell of its metadata.
async fn told(hub: &TestHub, subject: &str) -> Vec<Value> {
    let events = hub.get(&hub.shop.manager, "/v1/events?after=0&limit=100").await.expect(200);
    let all = events["data"].as_array().unwrap().iter();
    let of = all.filter(|event| event["kind"] == "metadata.changed" && event["subject"] == subject);
    of.map(|event| event["data"].clone()).collect()
}

fn id(record: &Value) -> String {
    record["id"].as_str().unwrap_or_else(|| panic!("{record}")).to_owned()
}

/// One of each record, made with metadata, and where it is read.
async fn records(hub: &TestHub) -> Vec<(Value, String)> {
    let shop = &hub.shop;
    let register = shop.registers[0].to_string();
    let connection = crate::matrix::connect(hub, shop, "manual").await;
    let annexe = crate::support::shop::add_location(&hub.running.app, shop.merchant).await;
    let article = json!({ "sku": "M-1", "name": "Mug", "unit_price": "500", "tax_class": "standard" });
    let transfer = json!({
        "from_location_id": shop.location, "to_location_id": annexe, "lines": [{ "article_id": shop.tea, "quantity": 1 }],
    });
    let payment = json!({ "register_id": register, "connection_id": connection, "amount_minor": 5 });
    let sold = id(&hub.post(&shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201));
    let back = json!({ "register_id": register, "lines": [{ "number": 1, "quantity": 1 }] });
    let mut records = Vec::new();
    for (path, body, place) in [
        ("/v1/articles".to_owned(), article, "articles"),
        ("/v1/sales".to_owned(), hub.a_sale(1, 150), "sales"),
        ("/v1/payments".to_owned(), payment, "payments"),
        (format!("/v1/sales/{sold}/returns"), back, "returns"),
        ("/v1/transfers".to_owned(), transfer, "transfers"),
        ("/v1/stocktakes".to_owned(), json!({ "location_id": shop.location }), "stocktakes"),
    ] {
        let made = hub.post(&shop.manager, &path, noted(body)).await.expect(201);
        let path = format!("/v1/{place}/{}", id(&made));
        records.push((made, path));
    }
    records
}

async fn each_record_shows_what_was_noted_on_it(on: On) {
    let hub = TestHub::start(on).await;
    let manager = &hub.shop.manager;
    for (made, path) in records(&hub).await {
        assert_eq!(made["metadata"], note(), "{path}");
        assert_eq!(read(&hub, &path).await["metadata"], note(), "{path}");
        let changed = change(&hub, manager, &path, json!({ "table": "5", "remark": null, "covers": "2" })).await;
        let after = json!({ "table": "5", "covers": "2" });
        let expected = json!({ "object": "metadata", "subject": made["id"], "metadata": after });
        assert_eq!(changed.expect(200), expected, "{path}");
        assert_eq!(read(&hub, &path).await["metadata"], after, "{path}");
        // Nothing changes, and nothing is told, when it is done again.
        change(&hub, manager, &path, json!({ "table": "5", "remark": null })).await.expect(200);
        let cleared = change(&hub, manager, &path, Value::Null).await.expect(200);
        assert_eq!(cleared["metadata"], json!({}), "{path}");
        assert_eq!(read(&hub, &path).await.get("metadata"), None, "{path}");
        let told = told(&hub, &id(&made)).await;
        let expected = [note(), after, json!({})].map(|metadata| json!({ "metadata": metadata }));
        assert_eq!(told, expected, "{path}");
    }
    hub.stop().await;
}

async fn what_is_completed_or_voided_may_be_noted_on(on: On) {
    let hub = TestHub::start(on).await;
    let cashier = &hub.shop.cashier;
    let rung = hub.post(cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let opened = hub.post(cashier, "/v1/sales", json!({ "register_id": hub.shop.registers[0] })).await.expect(201);
    hub.post(cashier, &format!("/v1/sales/{}/void", id(&opened)), json!({})).await.expect(200);
    for (sale, state) in [(rung, "completed"), (opened, "voided")] {
        assert_eq!(sale.get("metadata"), None);
        let path = format!("/v1/sales/{}", id(&sale));
        change(&hub, cashier, &path, json!({ "order": "A-17" })).await.expect(200);
        let read = read(&hub, &path).await;
        assert_eq!((&read["state"], &read["metadata"]), (&json!(state), &json!({ "order": "A-17" })));
    }
    let listed = hub.get(&hub.shop.viewer, "/v1/sales").await.expect(200);
    assert_eq!(listed["data"][0]["metadata"], json!({ "order": "A-17" }));
    hub.stop().await;
}

async fn an_exchange_takes_metadata_for_both_halves(on: On) {
    let hub = TestHub::start(on).await;
    let sold = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let body = json!({
        "register_id": hub.shop.registers[0],
        "return": { "sale_id": sold["id"], "lines": [{ "number": 1, "quantity": 1 }], "metadata": { "why": "size" } },
        "sale": { "lines": [{ "article_id": hub.shop.tea, "quantity": 1 }], "metadata": { "why": "fits" } },
    });
    let made = hub.post(&hub.shop.cashier, "/v1/exchanges", body).await.expect(201);
    let (back, sale) = (&made["return"], &made["sale"]);
    assert_eq!((&back["metadata"]["why"], &sale["metadata"]["why"]), (&json!("size"), &json!("fits")));
    assert_eq!(read(&hub, &format!("/v1/returns/{}", id(back))).await["metadata"], back["metadata"]);
    assert_eq!(read(&hub, &format!("/v1/sales/{}", id(sale))).await["metadata"], sale["metadata"]);
    hub.stop().await;
}

async fn of_a_customer_only_reading_tells_and_nothing_is_left_after_an_erasure(on: On) {
    let hub = TestHub::start(on).await;
    let (cashier, manager) = (&hub.shop.cashier, &hub.shop.manager);
    let secret = json!({ "allergy": "xq-peanut-xq" });
    let made = hub.post(cashier, "/v1/customers", json!({ "name": "Ume", "metadata": secret })).await;
    assert!(!made.text().contains("xq"), "{}", made.text());
    let path = format!("/v1/customers/{}", id(&made.expect(201)));
    assert_eq!(read(&hub, &path).await["metadata"], secret);
    let changed = change(&hub, cashier, &path, json!({ "card": "xq-gold-xq" })).await;
    assert!(!changed.text().contains("xq"), "{}", changed.text());
    changed.expect(200);
    assert_eq!(read(&hub, &path).await["metadata"]["card"], "xq-gold-xq");
    let update = json!({ "metadata": { "a": "b" } });
    let update = hub.request(Method::PATCH, &path).auth(cashier).json(&update).send().await;
    update.expect_problem(400, "body_invalid");
    hub.post(manager, &format!("{path}/erase"), json!({ "reason": "asked" })).await.expect(200);
    assert_eq!(read(&hub, &path).await.get("metadata"), None);
    change(&hub, cashier, &path, json!({ "a": "b" })).await.expect_problem(409, "customer_erased");
    for (table, rows) in hub.rows().await {
        assert!(!rows.iter().any(|row| row.contains("xq-")), "{table} still tells of somebody who was erased");
    }
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let (cashier, shop) = (&hub.shop.cashier, &hub.shop);
    let sale = hub.post(cashier, "/v1/sales", noted(hub.a_sale(1, 150))).await.expect(201);
    let path = format!("/v1/sales/{}", id(&sale));
    let many: Value = (0..19).map(|key| (format!("k{key}"), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    for (status, code, metadata) in [
        (422, "metadata_too_many_keys", many),
        (422, "metadata_key_invalid", json!({ "": "x" })),
        (422, "metadata_key_invalid", json!({ "k".repeat(41): "x" })),
        (422, "metadata_value_invalid", json!({ "k": "v".repeat(501) })),
        (400, "text_looks_like_card_number", json!({ "k": "4111 1111 1111 1111" })),
        (400, "text_looks_like_card_number", json!({ "4111111111111111": "k" })),
        (400, "body_invalid", json!({ "k": 1 })),
        (400, "body_invalid", json!(["k"])),
    ] {
        let answer = change(&hub, cashier, &path, metadata.clone()).await;
        assert!(!answer.text().contains("4111"), "{}", answer.text());
        answer.expect_problem(status, code);
        if code != "metadata_too_many_keys" {
            let mut body = hub.a_sale(1, 150);
            body["metadata"] = metadata;
            hub.post(cashier, "/v1/sales", body).await.expect_problem(status, code);
        }
    }
    let nothing = hub.request(Method::PATCH, &format!("{path}/metadata")).auth(cashier).json(&json!({})).send().await;
    nothing.expect_problem(400, "body_invalid");
    assert_eq!(read(&hub, &path).await["metadata"], note());
    assert_eq!(hub.get(&shop.viewer, "/v1/sales").await.expect(200)["data"].as_array().unwrap().len(), 1);
    change(&hub, &shop.viewer, &path, json!({})).await.expect_problem(403, "role_too_low");
    let article = format!("/v1/articles/{}", shop.tea);
    change(&hub, cashier, &article, json!({ "k": "v" })).await.expect_problem(403, "role_too_low");
    hub.stop().await;
}
