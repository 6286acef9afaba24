//! `/v1/sales`.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
    a_sale_is_rung_in_one_request,
    a_sale_is_opened_changed_and_paid_in_parts,
    a_voided_sale_gives_its_stock_back,
    ten_teas_and_fifty_buyers_make_ten_sales,
    a_sale_of_many_lines_is_answered_without_them_and_read_with_them,
    what_breaks_a_rule_is_refused_and_changes_nothing,
}

async fn a_sale_is_rung_in_one_request(on: On) {
    let hub = TestHub::start(on).await;
    let sold = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(2, 1_000)).await.expect(201);
    let expected = json!({
        "id": sold["id"], "object": "sale", "state": "completed", "register_id": hub.shop.registers[0].to_string(),
        "location_id": hub.shop.location.to_string(), "operator_id": null, "shift_id": null, "currency": "JPY", "total_minor": 300,
        "tax_minor": 22, "due_minor": 0,
        "taxes": [{ "rate_basis_points": 800, "net_minor": 278, "tax_minor": 22, "gross_minor": 300 }],
        "lines": [{
            "number": 1, "article_id": hub.shop.tea.to_string(), "name": "tea", "quantity": "2", "unit_price": "150",
            "tax_class": "reduced", "tax_rate_basis_points": 800, "amount_minor": 300,
        }],
        "tenders": [{
            "id": sold["tenders"][0]["id"], "kind": "cash", "state": "paid", "amount_minor": 300, "given_minor": 1000,
            "change_minor": 700, "payment_id": null,
        }],
        "receipt_number": "T1-00000001", "note": "", "created_at": sold["created_at"],
        "closed_at": sold["closed_at"], "version": 1,
    });
    assert_eq!(sold, expected);
    let path = format!("/v1/sales/{}", sold["id"].as_str().unwrap());
    assert_eq!(hub.get(&hub.shop.viewer, &path).await.expect(200), expected);
    assert_eq!(hub.tea_on_hand().await, "8");
    let listed = hub.get(&hub.shop.viewer, "/v1/sales").await.expect(200);
    assert_eq!(listed["data"][0]["receipt_number"], "T1-00000001");
    hub.stop().await;
}

async fn a_sale_is_opened_changed_and_paid_in_parts(on: On) {
    let hub = TestHub::start(on).await;
    let key = &hub.shop.cashier;
    let id = format!("sal_{:032x}", 0xabc);
    let draft =
        json!({ "id": id, "register_id": hub.shop.registers[1].to_string(), "note": "table 4", "currency": "JPY" });
    let opened = hub.post(key, "/v1/sales", draft).await.expect(201);
    assert_eq!((&opened["id"], &opened["state"], &opened["lines"]), (&json!(id), &json!("open"), &json!([])));
    let path = format!("/v1/sales/{id}");
    let line = |article: String, quantity: &str| json!({ "article_id": article, "quantity": quantity });
    let lines = format!("{path}/lines");
    hub.post(key, &lines, line(hub.shop.tea.to_string(), "3")).await.expect(200);
    let two = hub.post(key, &lines, line(hub.shop.bag.to_string(), "2")).await.expect(200);
    assert_eq!((&two["total_minor"], &two["due_minor"]), (&json!(460), &json!(460)));
    let removed = hub.request(Method::DELETE, &format!("{lines}/2")).auth(key).send().await.expect(200);
    assert_eq!((&removed["total_minor"], removed["lines"].as_array().unwrap().len()), (&json!(450), 1));
    let tenders = format!("{path}/tenders");
    let part = json!({ "kind": "cash", "given_minor": 200, "amount_minor": 200 });
    let half = hub.post(key, &tenders, part).await.expect(200);
    assert_eq!((&half["state"], &half["due_minor"]), (&json!("open"), &json!(250)));
    assert_eq!(hub.tea_on_hand().await, "10");
    let rest = json!({ "kind": "cash", "given_minor": 500 });
    let paid = hub.post(key, &tenders, rest).await.expect(200);
    assert_eq!((&paid["state"], &paid["receipt_number"]), (&json!("completed"), &json!("T2-00000001")));
    let changes: Vec<&Value> =
        paid["tenders"].as_array().unwrap().iter().map(|tender| &tender["change_minor"]).collect();
    assert_eq!(changes, [&json!(0), &json!(250)]);
    assert_eq!(hub.tea_on_hand().await, "7");
    assert_eq!(hub.get(key, &path).await.expect(200), paid);
    hub.stop().await;
}

async fn a_voided_sale_gives_its_stock_back(on: On) {
    let hub = TestHub::start(on).await;
    let key = &hub.shop.cashier;
    let mut draft = hub.a_sale(10, 0);
    draft.as_object_mut().unwrap().remove("tenders");
    let opened = hub.post(key, "/v1/sales", draft).await.expect(201);
    hub.post(key, "/v1/sales", hub.a_sale(1, 150)).await.expect_problem(409, "stock_insufficient");
    let path = format!("/v1/sales/{}/void", opened["id"].as_str().unwrap());
    let voided = hub.request(Method::POST, &path).auth(key).fresh_key().send().await.expect(200);
    assert_eq!(voided["state"], "voided");
    hub.post(key, &path, json!({})).await.expect_problem(409, "sale_not_open");
    hub.post(key, "/v1/sales", hub.a_sale(10, 1_500)).await.expect(201);
    hub.stop().await;
}

async fn ten_teas_and_fifty_buyers_make_ten_sales(on: On) {
    let hub = TestHub::start(on).await;
    let buy = || hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150));
    let answers = join_all((0..50).map(|_| buy())).await;
    let sold: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(sold.len(), 10);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(409, "stock_insufficient");
    }
    let mut numbers: Vec<String> =
        sold.iter().map(|answer| answer.json()["receipt_number"].as_str().unwrap().to_owned()).collect();
    numbers.sort();
    let expected: Vec<String> = (1..=10).map(|number| format!("T1-{number:08}")).collect();
    assert_eq!(numbers, expected);
    assert_eq!(hub.tea_on_hand().await, "0");
    hub.stop().await;
}

async fn a_sale_of_many_lines_is_answered_without_them_and_read_with_them(on: On) {
    let hub = TestHub::start(on).await;
    let line = json!({ "article_id": hub.shop.bag.to_string(), "quantity": 1 });
    let mut sale = hub.a_sale(1, 100_000);
    sale["lines"] = Value::Array(vec![line; 400]);
    let sold = hub.post(&hub.shop.cashier, "/v1/sales", sale).await;
    assert!(sold.body.len() <= 16 * 1024);
    let sold = sold.expect(201);
    assert_eq!((&sold["lines"], &sold["total_minor"]), (&Value::Null, &json!(2_000)));
    let path = format!("/v1/sales/{}", sold["id"].as_str().unwrap());
    assert_eq!(hub.get(&hub.shop.cashier, &path).await.expect(200)["lines"].as_array().unwrap().len(), 400);
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let mark = hub.mark().await;
    let cash = |given: Value| json!({ "tenders": [{ "kind": "cash", "given_minor": given }] });
    let lines =
        |quantity: Value| json!({ "lines": [{ "article_id": hub.shop.tea.to_string(), "quantity": quantity }] });
    let split = json!({ "tenders": [{ "kind": "cash", "given_minor": 500, "amount_minor": 301 }] });
    let nobody = format!("reg_{:032x}", 7);
    for (status, code, change) in [
        (422, "currency_mismatch", json!({ "currency": "USD" })),
        (422, "cash_too_little", cash(json!(299))),
        (422, "cash_too_little", cash(json!(-1))),
        (422, "amount_out_of_range", cash(json!(1_000_000_000_000_001_i64))),
        (400, "body_invalid", cash(json!(9_223_372_036_854_775_808_u64))),
        (400, "body_invalid", cash(json!(300.0))),
        (400, "body_invalid", cash(json!("300"))),
        (422, "tender_exceeds_due", split),
        (422, "sale_not_paid", json!({ "tenders": [] })),
        (422, "sale_empty", json!({ "lines": [], "tenders": [] })),
        (422, "quantity_out_of_range", lines(json!("-2"))),
        (422, "quantity_out_of_range", lines(json!("0"))),
        (400, "body_invalid", lines(json!("1e3"))),
        (400, "body_invalid", lines(json!("99999999999999999999"))),
        (409, "stock_insufficient", lines(json!("11"))),
        (400, "body_invalid", json!({ "tenders": [{ "kind": "gold", "given_minor": 1 }] })),
        (400, "body_invalid", json!({ "tenders": [{ "kind": "cash", "given_minor": 1, "tip": 1 }] })),
        (400, "body_invalid", json!({ "register_id": "T1" })),
        (400, "body_invalid", json!({ "register_id": hub.shop.location.to_string() })),
        (404, "register_not_found", json!({ "register_id": nobody })),
        (422, "note_too_long", json!({ "note": "x".repeat(501) })),
        (400, "text_looks_like_card_number", json!({ "note": "card 4111 1111 1111 1111" })),
        (400, "body_invalid", json!({ "4111111111111111": 1 })),
    ] {
        let mut sale = hub.a_sale(2, 300);
        sale.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = hub.post(&hub.shop.cashier, "/v1/sales", sale).await;
        answer.expect_problem(status, code);
        assert!(!answer.text().contains("4111"), "{}", answer.text());
    }
    hub.post(&hub.shop.viewer, "/v1/sales", hub.a_sale(1, 150)).await.expect_problem(403, "role_too_low");
    assert_eq!(hub.mark().await, mark);
    assert_eq!(hub.tea_on_hand().await, "10");
    hub.stop().await;
}
