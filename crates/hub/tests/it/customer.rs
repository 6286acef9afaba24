//! `/v1/customers`, and what is bought by them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::request::Answer;
use crate::support::{On, TestHub};

on_each_engine! {
    a_customer_is_made_read_changed_and_found,
    what_is_kept_for_repeats_tells_of_nobody,
    an_id_of_another_system_leads_to_one_customer,
    a_sale_has_a_customer_and_is_found_by_it,
    nothing_that_tells_of_a_person_is_left_after_an_erasure,
    roles_and_rules_are_kept,
    the_customers_of_another_merchant_are_not_there,
}

const PATH: &str = "/v1/customers";

fn aiko() -> Value {
    json!({
        "name": "Aiko Yamadera", "email": "Aiko.Yamadera@Example.JP", "phone": "090-1234-9876", "language": "ja",
        "marketing_consent": { "is_given": true, "source": "web form" }, "note": "Likes her tea hot.",
        "external_ids": [{ "system": "webshop", "id": "yamadera-77" }],
    })
}

pub async fn a_customer(hub: &TestHub, told: Value) -> String {
    let made = hub.post(&hub.shop.cashier, PATH, told).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn patch(hub: &TestHub, id: &str, changes: Value) -> Answer {
    hub.request(Method::PATCH, &format!("{PATH}/{id}")).auth(&hub.shop.cashier).fresh_key().json(&changes).send().await
}

async fn erase(hub: &TestHub, id: &str) -> Answer {
    hub.post(&hub.shop.manager, &format!("{PATH}/{id}/erase"), json!({ "reason": "asked" })).await
}

async fn found(hub: &TestHub, filter: &str) -> Vec<String> {
    let list = hub.get(&hub.shop.viewer, &format!("{PATH}?{filter}")).await.expect(200);
    let ids = list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
    ids.collect()
}

async fn a_customer_is_made_read_changed_and_found(on: On) {
    let hub = TestHub::start(on).await;
    let made = hub.post(&hub.shop.cashier, PATH, aiko()).await.expect(201);
    let id = made["id"].as_str().unwrap();
    let read = hub.get(&hub.shop.viewer, &format!("{PATH}/{id}")).await;
    assert_eq!(read.header("etag"), "\"1\"");
    let at = &made["created_at"];
    assert_eq!(
        read.json(),
        json!({
            "id": id, "object": "customer", "is_erased": false, "erased_at": null, "erasure_reason": null,
            "created_at": at, "version": 1, "name": "Aiko Yamadera", "email": "aiko.yamadera@example.jp",
            "phone": "+819012349876", "language": "ja", "note": "Likes her tea hot.",
            "marketing_consent": { "is_given": true, "at": at, "source": "web form" },
            "external_ids": [{ "system": "webshop", "id": "yamadera-77" }], "points": 0,
        })
    );
    let second = a_customer(&hub, json!({ "email": "aiko.yamadera@example.jp", "phone": "03-1234-5678" })).await;
    for (filter, ids) in [
        ("email=AIKO.yamadera@example.jp", vec![id, &second]),
        ("email=AIKO.yamadera@example.jp&limit=1", vec![id]),
        ("email=nobody@example.jp", vec![]),
        ("phone=090+1234+9876", vec![id]),
        ("phone=%2B81+90-1234-9876", vec![id]),
        ("phone=0312345678", vec![&second]),
        ("external_system=webshop&external_id=yamadera-77", vec![id]),
        ("external_system=tills&external_id=yamadera-77", vec![]),
        ("limit=100", vec![id, &second]),
    ] {
        assert_eq!(found(&hub, filter).await, ids, "{filter}");
    }
    for wrong in ["email=x&phone=1", "email=aiko", "phone=12", "external_id=x", "external_system=x", "cursor=x"] {
        hub.get(&hub.shop.viewer, &format!("{PATH}?{wrong}")).await.expect_problem(400, "query_invalid");
    }
    let stale = hub.request(Method::PATCH, &format!("{PATH}/{id}")).auth(&hub.shop.cashier).header("if-match", "\"7\"");
    stale.json(&json!({ "note": "" })).send().await.expect_problem(412, "version_stale");
    let changed =
        patch(&hub, id, json!({ "phone": null, "marketing_consent": null, "language": "en" })).await.expect(200);
    assert_eq!(changed["version"], 2);
    let read = hub.get(&hub.shop.viewer, &format!("{PATH}/{id}")).await.expect(200);
    assert_eq!((&read["phone"], &read["marketing_consent"]), (&Value::Null, &Value::Null));
    assert_eq!((&read["language"], &read["name"]), (&json!("en"), &json!("Aiko Yamadera")));
    hub.stop().await;
}

async fn what_is_kept_for_repeats_tells_of_nobody(on: On) {
    let hub = TestHub::start(on).await;
    let post = || hub.request(Method::POST, PATH).auth(&hub.shop.cashier).key("c-1").json(&aiko()).send();
    let (first, again) = (post().await, post().await);
    assert_eq!(first.bytes(), again.bytes());
    assert_eq!(again.header("idempotent-replay"), "true");
    let made = first.expect(201);
    let names: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(names, ["created_at", "erased_at", "erasure_reason", "id", "is_erased", "object", "version"]);
    let id = made["id"].as_str().unwrap();
    let request = hub.get(&hub.shop.cashier, "/v1/requests/c-1").await;
    assert!(!request.text().contains("amadera"), "{}", request.text());
    // A refusal is kept, too.
    let taken = hub.post(&hub.shop.cashier, PATH, aiko()).await;
    taken.expect_problem(409, "customer_external_id_taken");
    assert!(!taken.text().contains("amadera"));
    erase(&hub, id).await.expect(200);
    let after = post().await;
    assert_eq!(first.bytes(), after.bytes(), "the same answer as ever");
    hub.stop().await;
}

async fn an_id_of_another_system_leads_to_one_customer(on: On) {
    let hub = TestHub::start(on).await;
    let first = a_customer(&hub, aiko()).await;
    let second = a_customer(&hub, json!({ "external_ids": [{ "system": "tills", "id": "1" }] })).await;
    let both =
        json!({ "external_ids": [{ "system": "webshop", "id": "yamadera-77" }, { "system": "tills", "id": "1" }] });
    patch(&hub, &second, both.clone()).await.expect_problem(409, "customer_external_id_taken");
    let own = json!({ "external_ids": [{ "system": "tills", "id": "2" }, { "system": "tills", "id": "3" }] });
    patch(&hub, &first, own).await.expect(200);
    patch(&hub, &second, both).await.expect(200);
    assert_eq!(found(&hub, "external_system=webshop&external_id=yamadera-77").await, [second.as_str()]);
    assert_eq!(found(&hub, "external_system=tills&external_id=3").await, [first.as_str()]);
    // Another merchant may have the same.
    hub.post(&hub.other.cashier, PATH, aiko()).await.expect(201);
    // What an erased customer had is free again.
    erase(&hub, &second).await.expect(200);
    a_customer(&hub, aiko()).await;
    hub.stop().await;
}

async fn a_sale_has_a_customer_and_is_found_by_it(on: On) {
    let hub = TestHub::start(on).await;
    let (aiko, ben) = (a_customer(&hub, aiko()).await, a_customer(&hub, json!({})).await);
    let with = |customer: &str, tenders: bool| {
        let mut sale = hub.a_sale(1, 150);
        sale["customer_id"] = json!(customer);
        if !tenders {
            sale.as_object_mut().unwrap().remove("tenders");
        }
        sale
    };
    let mut sales = Vec::new();
    for customer in [&aiko, &ben, &aiko] {
        let sale = hub.post(&hub.shop.cashier, "/v1/sales", with(customer, true)).await.expect(201);
        assert_eq!(sale["customer_id"], json!(customer));
        sales.push(sale["id"].as_str().unwrap().to_owned());
    }
    let without = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    assert_eq!(without.get("customer_id"), None);
    for (query, ids) in [
        (format!("customer_id={aiko}"), vec![&sales[0], &sales[2]]),
        (format!("customer_id={aiko}&order=desc"), vec![&sales[2], &sales[0]]),
        (format!("customer_id={aiko}&limit=1&cursor={}", sales[0]), vec![&sales[2]]),
        (format!("customer_id={aiko}&order=desc&cursor={}", sales[2]), vec![&sales[0]]),
        (format!("customer_id={ben}"), vec![&sales[1]]),
    ] {
        let list = hub.get(&hub.shop.viewer, &format!("/v1/sales?{query}")).await.expect(200);
        let listed: Vec<&str> =
            list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(listed, ids, "{query}");
    }
    let both = format!("/v1/sales?customer_id={ben}&receipt_number=T1-1");
    hub.get(&hub.shop.viewer, &both).await.expect_problem(400, "query_invalid");
    // Put on an open sale, changed and taken off.
    let open = hub.post(&hub.shop.cashier, "/v1/sales", with(&aiko, false)).await.expect(201);
    let path = format!("/v1/sales/{}", open["id"].as_str().unwrap());
    let change = async |body: Value| hub.request(Method::PATCH, &path).auth(&hub.shop.cashier).json(&body).send().await;
    assert_eq!(change(json!({ "customer_id": ben })).await.expect(200)["customer_id"], json!(ben));
    assert_eq!(change(json!({ "customer_id": null })).await.expect(200).get("customer_id"), None);
    for wrong in [json!({}), json!({ "customer_id": ben, "consumption": "eat_in" })] {
        change(wrong).await.expect_problem(400, "body_invalid");
    }
    erase(&hub, &ben).await.expect(200);
    change(json!({ "customer_id": ben })).await.expect_problem(409, "customer_erased");
    let refused = hub.post(&hub.shop.cashier, "/v1/sales", with(&ben, true)).await;
    refused.expect_problem(409, "customer_erased");
    let list = hub.get(&hub.shop.viewer, &format!("/v1/sales?customer_id={ben}")).await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "what was sold stays");
    hub.stop().await;
}

/// What would give Aiko away, in any case of letters.
const TRACES: [&str; 5] = ["yamadera", "12349876", "1234-9876", "tea hot", "web form"];

fn trace_in(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    TRACES.into_iter().find(|trace| text.contains(trace))
}

/// Every text and every byte of every table.
async fn trace_in_rows(hub: &TestHub) -> Option<String> {
    let of = async |table: &str| {
        let rows = hub.table(table).await;
        let cells = rows.iter().flatten().map(|cell| match cell {
            storage::Cell::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        });
        cells.collect::<Vec<String>>().join("\n")
    };
    for (table, _) in hub.rows().await {
        if let Some(trace) = trace_in(&of(&table).await) {
            return Some(format!("{trace} in {table}"));
        }
    }
    trace_in(&of("idempotency").await).map(|trace| format!("{trace} in idempotency"))
}

async fn nothing_that_tells_of_a_person_is_left_after_an_erasure(on: On) {
    let hub = TestHub::start(on).await;
    let others: Vec<Value> =
        (0..30).map(|n| json!({ "name": format!("Somebody {n}"), "note": "n".repeat(200) })).collect();
    for told in &others {
        a_customer(&hub, told.clone()).await;
    }
    let id = a_customer(&hub, aiko()).await;
    // What was known before, and is not any more, goes as well.
    patch(&hub, &id, json!({ "name": "Aiko Yamadera-Ueda", "note": "No more tea hot." })).await.expect(200);
    patch(&hub, &id, json!({ "phone": "+1 212 555 0123" })).await.expect(200);
    patch(&hub, &id, json!({ "external_ids": [] })).await.expect(200);
    for told in &others {
        a_customer(&hub, told.clone()).await;
    }
    let mut sale = hub.a_sale(1, 150);
    sale["customer_id"] = json!(id);
    hub.post(&hub.shop.cashier, "/v1/sales", sale).await.expect(201);
    assert!(trace_in_rows(&hub).await.is_some(), "the test finds what is there");
    let erased = erase(&hub, &id).await.expect(200);
    assert_eq!((&erased["is_erased"], &erased["erasure_reason"]), (&json!(true), &json!("asked")));
    assert_eq!(trace_in_rows(&hub).await, None);
    if on == On::Sqlite {
        let mut is_database_there = false;
        for file in std::fs::read_dir(hub.folder()).unwrap() {
            let path = file.unwrap().path();
            let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            is_database_there |= content.contains("Somebody 29");
            assert_eq!(trace_in(&content), None, "{}", path.display());
        }
        assert!(is_database_there);
    }
    let read = hub.get(&hub.shop.viewer, &format!("{PATH}/{id}")).await.expect(200);
    assert_eq!((&read["name"], &read["note"], &read["external_ids"]), (&Value::Null, &json!(""), &json!([])));
    assert_eq!(read["erased_at"], erased["erased_at"]);
    assert!(found(&hub, "email=aiko.yamadera@example.jp").await.is_empty());
    patch(&hub, &id, json!({ "name": "Aiko" })).await.expect_problem(409, "customer_erased");
    assert_eq!(erase(&hub, &id).await.expect(200), erased, "again it changes nothing");
    hub.stop().await;
}

async fn roles_and_rules_are_kept(on: On) {
    let hub = TestHub::start(on).await;
    let id = a_customer(&hub, json!({})).await;
    let path = format!("{PATH}/{id}");
    hub.post(&hub.shop.viewer, PATH, json!({})).await.expect_problem(403, "role_too_low");
    let reason = json!({ "reason": "asked" });
    hub.post(&hub.shop.cashier, &format!("{path}/erase"), reason).await.expect_problem(403, "role_too_low");
    hub.post(&hub.shop.manager, &format!("{path}/erase"), json!({})).await.expect_problem(400, "body_invalid");
    for (told, code) in [
        (json!({ "name": " " }), "customer_name_invalid"),
        (json!({ "email": "aiko" }), "customer_email_invalid"),
        (json!({ "phone": "12" }), "customer_phone_invalid"),
        (json!({ "external_ids": [{ "system": "Shop", "id": "1" }] }), "customer_external_id_invalid"),
        (json!({ "marketing_consent": { "is_given": true, "source": "" } }), "customer_consent_invalid"),
    ] {
        hub.post(&hub.shop.cashier, PATH, told.clone()).await.expect_problem(422, code);
        patch(&hub, &id, told).await.expect_problem(422, code);
    }
    let merchant = async |code: Value| {
        let request = hub.request(Method::PATCH, "/v1/merchant").auth(&hub.shop.manager);
        request.json(&json!({ "calling_code": code })).send().await
    };
    merchant(json!(0)).await.expect_problem(422, "calling_code_invalid");
    assert_eq!(merchant(json!(49)).await.expect(200)["calling_code"], 49);
    patch(&hub, &id, json!({ "phone": "030 901820" })).await.expect(200);
    assert_eq!(hub.get(&hub.shop.viewer, &path).await.expect(200)["phone"], "+4930901820");
    assert_eq!(merchant(Value::Null).await.expect(200)["calling_code"], 81);
    hub.stop().await;
}

async fn the_customers_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let id = a_customer(&hub, aiko()).await;
    let path = format!("{PATH}/{id}");
    hub.get(&hub.other.manager, &path).await.expect_problem(404, "customer_not_found");
    let change = hub.request(Method::PATCH, &path).auth(&hub.other.manager).json(&json!({ "note": "x" }));
    change.send().await.expect_problem(404, "customer_not_found");
    let reason = json!({ "reason": "mistake" });
    hub.post(&hub.other.manager, &format!("{path}/erase"), reason).await.expect_problem(404, "customer_not_found");
    for filter in ["", "?email=aiko.yamadera@example.jp", "?phone=09012349876"] {
        let list = hub.get(&hub.other.manager, &format!("{PATH}{filter}")).await.expect(200);
        assert_eq!(list["data"], json!([]));
    }
    let list = hub.get(&hub.other.manager, &format!("/v1/sales?customer_id={id}")).await.expect(200);
    assert_eq!(list["data"], json!([]));
    hub.stop().await;
}
