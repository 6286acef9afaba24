//! `/v1/unreferenced-returns`.

use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
    a_manager_takes_goods_back_without_their_sale,
    the_day_and_the_shift_tell_of_it,
    what_breaks_a_rule_is_refused_and_changes_nothing,
    those_of_another_merchant_are_not_there,
}

const PATH: &str = "/v1/unreferenced-returns";

fn a_return(hub: &TestHub, line: Value) -> Value {
    let mut body = json!({ "article_id": hub.shop.tea.to_string(), "quantity": 1 });
    body.as_object_mut().unwrap().extend(line.as_object().unwrap().clone());
    json!({ "register_id": hub.shop.registers[0].to_string(), "lines": [body], "reason": "the receipt was lost" })
}

async fn a_manager_takes_goods_back_without_their_sale(on: On) {
    let hub = TestHub::start(on).await;
    let made = hub.post(&hub.shop.manager, PATH, a_return(&hub, json!({ "quantity": 2 }))).await.expect(201);
    let expected = json!({
        "id": made["id"], "object": "unreferenced_return", "register_id": hub.shop.registers[0].to_string(),
        "location_id": hub.shop.location.to_string(), "operator_id": null, "shift_id": null, "currency": "JPY",
        "total_minor": 300, "tax_minor": 22,
        "taxes": [{ "rate_basis_points": 800, "net_minor": 278, "tax_minor": 22, "gross_minor": 300 }],
        "lines": [{
            "article_id": hub.shop.tea.to_string(), "name": "tea", "quantity": "2", "unit_price": "150", "price_reason": "",
            "tax_rate_basis_points": 800, "amount_minor": 300, "is_restocked": true,
        }],
        "receipt_number": "T1-00000001", "reason": "the receipt was lost", "created_at": made["created_at"],
    });
    assert_eq!(made, expected);
    assert_eq!((hub.tea_on_hand().await.as_str(), hub.drawers().await), ("12", -300));
    let read = hub.get(&hub.shop.viewer, &format!("{PATH}/{}", made["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(read, made);
    assert_eq!(hub.get(&hub.shop.viewer, PATH).await.expect(200)["data"], json!([made]));
    let ledger = hub.get(&hub.shop.viewer, "/v1/stock-movements?kind=unreferenced_return").await.expect(200);
    let row = &ledger["data"][0];
    assert_eq!((&row["quantity"], &row["unreferenced_return_id"]), (&json!("2"), &made["id"]));
    let dearer = json!({ "unit_price": "180", "price_reason": "bought before the price fell", "is_restocked": false });
    let dearer = hub.post(&hub.shop.manager, PATH, a_return(&hub, dearer)).await.expect(201);
    assert_eq!((&dearer["total_minor"], &dearer["lines"][0]["is_restocked"]), (&json!(180), &json!(false)));
    assert_eq!((hub.tea_on_hand().await.as_str(), hub.drawers().await), ("12", -480));
    hub.stop().await;
}

async fn the_day_and_the_shift_tell_of_it(on: On) {
    let hub = TestHub::start(on).await;
    let register = hub.shop.registers[0].to_string();
    let opening = json!({ "register_id": register, "float": [{ "value_minor": 100, "pieces": 50 }] });
    let shift = hub.post(&hub.shop.cashier, "/v1/shifts", opening).await.expect(201);
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(2, 300)).await.expect(201);
    let made = hub.post(&hub.shop.manager, PATH, a_return(&hub, json!({}))).await.expect(201);
    assert_eq!(made["shift_id"], shift["id"]);
    let unreferenced = json!({ "count": 1, "gross_minor": 150, "net_minor": 139, "tax_minor": 11 });
    let day = hub.get(&hub.shop.viewer, "/v1/reports/day").await.expect(200);
    let of_day = &day["currencies"][0];
    assert_eq!((&of_day["unreferenced_returns"], &of_day["returns"]["count"]), (&unreferenced, &json!(0)));
    let cash = &of_day["tenders"]["cash"];
    assert_eq!((&cash["refunded_minor"], &cash["net_minor"]), (&json!(150), &json!(150)));
    assert_eq!((&day["receipts"][0]["count"], hub.drawers().await), (&json!(2), 5_150));
    let report = format!("/v1/shifts/{}/report", shift["id"].as_str().unwrap());
    let report = hub.get(&hub.shop.manager, &report).await.expect(200);
    assert!(report.to_string().contains(&format!(r#""unreferenced_returns":{unreferenced}"#)), "{report:#}");
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let mark = hub.mark().await;
    for (status, code, line) in [
        (422, "unreferenced_return_price_needs_reason", json!({ "unit_price": "151" })),
        (422, "unit_price_out_of_range", json!({ "unit_price": "-1" })),
        (422, "quantity_out_of_range", json!({ "quantity": 0 })),
        (422, "quantity_not_whole", json!({ "quantity": "0.5" })),
        (400, "text_looks_like_card_number", json!({ "price_reason": "4111 1111 1111 1111" })),
        (400, "body_invalid", json!({ "barcode": "4901234567894" })),
        (404, "article_not_found", json!({ "article_id": hub.other.tea.to_string() })),
    ] {
        hub.post(&hub.shop.manager, PATH, a_return(&hub, line)).await.expect_problem(status, code);
    }
    let body = |reason: &str, lines: Value| json!({ "register_id": hub.shop.registers[0].to_string(), "lines": lines, "reason": reason });
    let none = body("lost", json!([]));
    hub.post(&hub.shop.manager, PATH, none).await.expect_problem(422, "unreferenced_return_line_count_out_of_range");
    let line = json!([{ "article_id": hub.shop.tea.to_string(), "quantity": 1 }]);
    hub.post(&hub.shop.manager, PATH, body(" ", line)).await.expect_problem(422, "reason_invalid");
    hub.post(&hub.shop.cashier, PATH, a_return(&hub, json!({}))).await.expect_problem(403, "role_too_low");
    let bare = hub.request(reqwest::Method::POST, PATH).auth(&hub.shop.manager).json(&a_return(&hub, json!({})));
    bare.send().await.expect_problem(400, "idempotency_key_missing");
    assert_eq!((hub.mark().await, hub.drawers().await), (mark, 0));
    hub.stop().await;
}

async fn those_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let made = hub.post(&hub.shop.manager, PATH, a_return(&hub, json!({}))).await.expect(201);
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    hub.get(&hub.other.manager, &path).await.expect_problem(404, "unreferenced_return_not_found");
    assert_eq!(hub.get(&hub.other.manager, PATH).await.expect(200)["data"], json!([]));
    hub.post(&hub.other.manager, PATH, a_return(&hub, json!({}))).await.expect_problem(404, "register_not_found");
    hub.stop().await;
}
