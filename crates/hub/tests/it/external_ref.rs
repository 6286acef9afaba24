//! `/v1/external-refs`, and references on the records that have them.

use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
    a_sale_is_found_by_the_id_of_another_system,
    money_and_what_comes_back_of_it_are_found_too,
    a_delivery_note_is_found_with_all_its_lines,
    an_id_stands_for_one_record_of_a_kind,
    what_breaks_a_rule_is_refused_and_changes_nothing,
    the_references_of_another_merchant_are_not_there,
}

const PATH: &str = "/v1/external-refs";

fn order(id: &str) -> Value {
    json!([{ "system": "web-shop", "id": id }])
}

/// A body with the reference to an order.
fn known(mut body: Value, id: &str) -> Value {
    body["external_refs"] = order(id);
    body
}

async fn found(hub: &TestHub, words: &str, list: &str, id: &str) -> Vec<Value> {
    let path = format!("/v1/{list}?external_system=web-shop&external_id={id}");
    hub.get(words, &path).await.expect(200)["data"].as_array().unwrap().clone()
}

async fn add(hub: &TestHub, subject: &Value, id: &str) -> crate::support::Answer {
    hub.post(&hub.shop.cashier, PATH, json!({ "subject": subject, "system": "web-shop", "id": id })).await
}

async fn a_sale_is_found_by_the_id_of_another_system(on: On) {
    let hub = TestHub::start(on).await;
    let (cashier, viewer) = (&hub.shop.cashier, &hub.shop.viewer);
    let rung = hub.post(cashier, "/v1/sales", known(hub.a_sale(1, 150), "1001")).await.expect(201);
    let open = json!({ "register_id": hub.shop.registers[0].to_string() });
    let opened = hub.post(cashier, "/v1/sales", known(open, "1002")).await.expect(201);
    hub.post(cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    for (sale, id) in [(&rung, "1001"), (&opened, "1002")] {
        let listed = found(&hub, viewer, "sales", id).await;
        assert_eq!((listed.len(), &listed[0]["id"]), (1, &sale["id"]));
        let read = hub.get(viewer, &format!("/v1/sales/{}", sale["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(read["external_refs"], order(id));
    }
    assert_eq!(found(&hub, viewer, "sales", "1003").await, Vec::<Value>::new());
    let added = add(&hub, &rung["id"], "1003").await.expect(201);
    let expected =
        json!({ "object": "external_ref", "kind": "sale", "subject": rung["id"], "system": "web-shop", "id": "1003" });
    assert_eq!(added, expected);
    assert_eq!(found(&hub, viewer, "sales", "1003").await[0]["id"], rung["id"]);
    let of_sale = hub.get(viewer, &format!("{PATH}?subject={}", rung["id"].as_str().unwrap())).await.expect(200);
    let ids: Vec<&Value> = of_sale["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, ["1001", "1003"]);
    let of_order = hub.get(viewer, &format!("{PATH}?system=web-shop&id=1003")).await.expect(200);
    assert_eq!(of_order["data"], json!([expected]));
    hub.stop().await;
}

async fn money_and_what_comes_back_of_it_are_found_too(on: On) {
    let hub = TestHub::start(on).await;
    let (manager, viewer) = (&hub.shop.manager, &hub.shop.viewer);
    let connection = crate::matrix::connect(&hub, &hub.shop, "manual").await.to_string();
    let register = hub.shop.registers[0].to_string();
    let charge = json!({ "register_id": register, "connection_id": connection, "amount_minor": 300 });
    let payment = hub.post(manager, "/v1/payments", known(charge, "1001")).await.expect(201);
    let path = format!("/v1/payments/{}", payment["id"].as_str().unwrap());
    hub.post(manager, &format!("{path}/outcome"), json!({ "outcome": "approved" })).await.expect(200);
    let refund = known(json!({ "amount_minor": 100 }), "1001");
    hub.post(manager, &format!("{path}/refunds"), refund).await.expect(201);
    let read = hub.get(viewer, &path).await.expect(200);
    assert_eq!((&read["external_refs"], &read["operations"][0]["external_refs"]), (&order("1001"), &Value::Null));
    assert_eq!(read["operations"][1]["external_refs"], order("1001"));
    assert_eq!(found(&hub, viewer, "payments", "1001").await[0]["id"], payment["id"]);

    let sold = hub.post(manager, "/v1/sales", hub.a_sale(2, 300)).await.expect(201);
    let sale = format!("/v1/sales/{}", sold["id"].as_str().unwrap());
    let back = json!({ "register_id": register, "lines": [{ "number": 1, "quantity": 1 }] });
    let back = hub.post(manager, &format!("{sale}/returns"), known(back, "1001")).await.expect(201);
    let listed = found(&hub, viewer, "returns", "1001").await;
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &back["id"]));
    let read = hub.get(viewer, &format!("/v1/returns/{}", back["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(read["external_refs"], order("1001"));
    let of_sale = hub.get(viewer, &format!("{sale}/returns")).await.expect(200);
    assert_eq!(of_sale["data"][0]["external_refs"], order("1001"));
    assert_eq!(hub.get(viewer, &sale).await.expect(200)["external_refs"], Value::Null);

    // The same number stands for one record of each kind.
    let all = hub.get(viewer, &format!("{PATH}?system=web-shop&id=1001")).await.expect(200);
    let kinds: Vec<&Value> = all["data"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["payment", "refund", "return"]);
    assert_eq!(all["data"][1]["subject"], format!("{}-2", payment["id"].as_str().unwrap()));
    hub.stop().await;
}

async fn a_delivery_note_is_found_with_all_its_lines(on: On) {
    let hub = TestHub::start(on).await;
    let (manager, viewer) = (&hub.shop.manager, &hub.shop.viewer);
    let (tea, rice) = (hub.shop.tea.to_string(), hub.shop.rice.to_string());
    let note = json!({ "location_id": hub.shop.location.to_string(), "kind": "receipt",
        "lines": [{ "article_id": rice, "quantity": 2 }, { "article_id": tea, "quantity": 1 }] });
    hub.post(manager, "/v1/stock-movements", note.clone()).await.expect(201);
    let booked = hub.post(manager, "/v1/stock-movements", known(note.clone(), "DN-7")).await.expect(201);
    let listed = found(&hub, viewer, "stock-movements", "DN-7").await;
    let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&listed), ids(booked["movements"].as_array().unwrap()));
    assert!(listed.iter().all(|row| row["external_refs"] == order("DN-7")));
    let ledger = hub.get(viewer, "/v1/stock-movements?limit=4").await.expect(200);
    let shown: Vec<&Value> = ledger["data"].as_array().unwrap().iter().map(|row| &row["external_refs"]).collect();
    assert_eq!(shown, [&order("DN-7"), &order("DN-7"), &Value::Null, &Value::Null]);
    // A note that is sent twice under two keys is booked once.
    let again = hub.post(manager, "/v1/stock-movements", known(note, "DN-7")).await;
    again.expect_problem(409, "external_ref_taken");
    assert!(again.text().contains(listed[0]["id"].as_str().unwrap()));
    assert_eq!(hub.tea_on_hand().await, "12");
    let id = listed[0]["id"].clone();
    add(&hub, &id, "DN-8").await.expect_problem(422, "external_ref_subject_immutable");
    let annexe = crate::support::shop::add_location(&hub.running.app, hub.shop.merchant).await.to_string();
    let transfer = json!({ "from_location_id": hub.shop.location.to_string(), "to_location_id": annexe,
        "lines": [{ "article_id": tea, "quantity": 1 }] });
    let opened = hub.post(manager, "/v1/transfers", known(transfer, "DN-7")).await.expect(201);
    assert_eq!(found(&hub, viewer, "transfers", "DN-7").await[0]["id"], opened["id"]);
    let read = hub.get(viewer, &format!("/v1/transfers/{}", opened["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(read["external_refs"], order("DN-7"));
    hub.stop().await;
}

async fn an_id_stands_for_one_record_of_a_kind(on: On) {
    let hub = TestHub::start(on).await;
    let first = hub.post(&hub.shop.cashier, "/v1/sales", known(hub.a_sale(1, 150), "1001")).await.expect(201);
    let mark = hub.mark().await;
    let second = hub.post(&hub.shop.cashier, "/v1/sales", known(hub.a_sale(1, 150), "1001")).await;
    second.expect_problem(409, "external_ref_taken");
    assert!(second.text().contains(first["id"].as_str().unwrap()));
    assert_eq!((hub.mark().await, hub.tea_on_hand().await.as_str()), (mark, "9"));
    let other = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    add(&hub, &other["id"], "1001").await.expect_problem(409, "external_ref_taken");
    add(&hub, &first["id"], "1001").await.expect(201);
    // Of many at once one has it.
    let sales = (0..8).map(|_| hub.post(&hub.shop.cashier, "/v1/sales", known(hub.a_sale(1, 150), "1002")));
    let answers = futures::future::join_all(sales).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!((made, hub.tea_on_hand().await.as_str()), (1, "7"));
    assert!(
        answers
            .iter()
            .filter(|answer| answer.status != 201)
            .all(|answer| answer.json()["code"] == "external_ref_taken")
    );
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let sold = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let mark = hub.mark().await;
    for (status, code, refs) in [
        (422, "external_ref_system_invalid", json!([{ "system": "Web Shop", "id": "1" }])),
        (422, "external_ref_id_invalid", json!([{ "system": "web-shop", "id": " " }])),
        (400, "text_looks_like_card_number", json!([{ "system": "web-shop", "id": "4111 1111 1111 1111" }])),
        (
            422,
            "external_ref_too_many",
            Value::Array((0..11).map(|id| json!({ "system": "a", "id": id.to_string() })).collect()),
        ),
        (400, "body_invalid", json!([{ "system": "web-shop" }])),
    ] {
        let mut body = hub.a_sale(1, 150);
        body["external_refs"] = refs;
        hub.post(&hub.shop.cashier, "/v1/sales", body).await.expect_problem(status, code);
    }
    add(&hub, &json!("art_00000000000000000000000000000001"), "1").await.expect_problem(400, "body_invalid");
    let body = json!({ "subject": sold["id"], "system": "web-shop", "id": "1" });
    hub.post(&hub.shop.viewer, PATH, body).await.expect_problem(403, "role_too_low");
    for wrong in [
        "/v1/sales?external_system=web-shop",
        "/v1/sales?external_system=web-shop&external_id=1&receipt_number=T1-1",
        "/v1/payments?external_system=web-shop&external_id=1&in_doubt=true",
        "/v1/stock-movements?external_system=web-shop&external_id=1&kind=receipt",
        "/v1/transfers?external_system=web-shop&external_id=1&state=sent",
        "/v1/returns?external_system=web-shop",
        "/v1/external-refs",
        "/v1/external-refs?subject=sal_1",
        "/v1/external-refs?system=Web&id=1",
    ] {
        hub.get(&hub.shop.viewer, wrong).await.expect_problem(400, "query_invalid");
    }
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}

async fn the_references_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let sold = hub.post(&hub.shop.cashier, "/v1/sales", known(hub.a_sale(1, 150), "1001")).await.expect(201);
    let other = &hub.other.manager;
    assert_eq!(found(&hub, other, "sales", "1001").await, Vec::<Value>::new());
    for query in ["system=web-shop&id=1001".to_owned(), format!("subject={}", sold["id"].as_str().unwrap())] {
        assert_eq!(hub.get(other, &format!("{PATH}?{query}")).await.expect(200)["data"], json!([]));
    }
    let body = json!({ "subject": sold["id"], "system": "web-shop", "id": "1" });
    hub.post(other, PATH, body).await.expect_problem(404, "sale_not_found");
    // What one merchant has told, the other may tell of its own.
    let body = json!({ "register_id": hub.other.registers[0].to_string() });
    hub.post(other, "/v1/sales", known(body, "1001")).await.expect(201);
    hub.stop().await;
}
