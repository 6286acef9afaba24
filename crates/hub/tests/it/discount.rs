//! `/v1/sales/{id}/discounts`, and discounts in the body of a sale.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
    a_sale_is_rung_with_discounts_and_its_receipt_tells_them,
    discounts_are_given_and_taken_back,
    what_comes_back_is_worth_what_was_paid_for_it,
    beyond_the_limit_of_the_merchant_a_manager_is_needed,
    what_breaks_a_rule_is_refused_and_changes_nothing,
}

/// Two teas of 150 yen and a bag of 5 yen, with these discounts, paid in cash.
fn a_sale(hub: &TestHub, discounts: Value) -> Value {
    let mut sale = hub.a_sale(2, 1_000);
    let bag = json!({ "article_id": hub.shop.bag.to_string(), "quantity": 1 });
    sale["lines"].as_array_mut().unwrap().push(bag);
    sale["discounts"] = discounts;
    sale
}

/// The path of an open sale of the same goods.
async fn an_open_sale(hub: &TestHub) -> String {
    let mut draft = a_sale(hub, json!([]));
    draft.as_object_mut().unwrap().remove("tenders");
    let opened = hub.post(&hub.shop.cashier, "/v1/sales", draft).await.expect(201);
    format!("/v1/sales/{}", opened["id"].as_str().unwrap())
}

async fn a_sale_is_rung_with_discounts_and_its_receipt_tells_them(on: On) {
    let hub = TestHub::start(on).await;
    let discounts = json!([
        { "line_number": 1, "amount_minor": 20, "reason": "dented" },
        { "basis_points": 300, "reason": "regular customer" },
    ]);
    let sold = hub.post(&hub.shop.cashier, "/v1/sales", a_sale(&hub, discounts)).await.expect(201);
    // 3 % of 280 and 5 yen are 9 yen, of which the bag bears none.
    assert_eq!((&sold["total_minor"], &sold["state"]), (&json!(276), &json!("completed")));
    let given_by = &sold["discounts"][0]["given_by"];
    assert!(given_by.as_str().unwrap().starts_with("key_"));
    let expected = json!([
        { "kind": "by_hand", "number": 1, "line_number": 1, "basis_points": null, "asked_minor": 20,
          "reason": "dented", "given_by": given_by, "amount_minor": 20 },
        { "kind": "by_hand", "number": 2, "line_number": null, "basis_points": 300, "asked_minor": null,
          "reason": "regular customer", "given_by": given_by, "amount_minor": 9 },
    ]);
    assert_eq!(sold["discounts"], expected);
    let line = &sold["lines"][0];
    assert_eq!((&line["amount_minor"], &line["discount_minor"]), (&json!(300), &json!(29)));
    let shares = json!([
        { "kind": "by_hand", "number": 1, "name": "dented", "amount_minor": 20 },
        { "kind": "by_hand", "number": 2, "name": "regular customer", "amount_minor": 9 },
    ]);
    assert_eq!((&line["discounts"], sold["lines"][1].get("discount_minor")), (&shares, None));
    let path = format!("/v1/sales/{}", sold["id"].as_str().unwrap());
    assert_eq!(hub.get(&hub.shop.viewer, &path).await.expect(200), sold);
    let receipt = hub
        .post(&hub.shop.cashier, &format!("{path}/receipts"), json!({ "kind": "receipt", "locale": "en" }))
        .await
        .expect(201);
    let receipt = format!("/v1/receipts/{}", receipt["id"].as_str().unwrap());
    let content = &hub.get(&hub.shop.viewer, &receipt).await.expect(200)["content"];
    let shown = json!([{ "promotion": null, "basis_points": null, "amount_minor": 20 }, { "promotion": null, "basis_points": 300, "amount_minor": 9 }]);
    assert_eq!(content["lines"][0]["discounts"], shown);
    let text = hub.get(&hub.shop.viewer, &format!("{receipt}/document?format=text")).await.text().to_owned();
    for words in ["Discount 3%", "-¥9", "Before discounts", "-¥29", "¥276"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("dented"), "{text}");
    let report = hub.get(&hub.shop.viewer, "/v1/reports/day").await.expect(200);
    let day = &report["currencies"][0];
    assert_eq!(day["discounts"], json!({ "count": 1, "amount_minor": 29 }));
    assert_eq!((&day["taxes"], &day["sales"]["gross_minor"]), (&sold["taxes"], &json!(276)));
    hub.stop().await;
}

async fn discounts_are_given_and_taken_back(on: On) {
    let hub = TestHub::start(on).await;
    let (key, sale) = (&hub.shop.cashier, an_open_sale(&hub).await);
    let discounts = format!("{sale}/discounts");
    let given = hub.post(key, &discounts, json!({ "basis_points": 1_000, "reason": "late" })).await.expect(200);
    assert_eq!((&given["total_minor"], &given["discounts"][0]["amount_minor"]), (&json!(274), &json!(31)));
    let taken = hub.request(Method::DELETE, &format!("{discounts}/1")).auth(key).send().await.expect(200);
    assert_eq!((&taken["total_minor"], taken.get("discounts")), (&json!(305), None));
    let again = hub.request(Method::DELETE, &format!("{discounts}/1")).auth(key).send().await;
    again.expect_problem(404, "sale_discount_not_found");
    let again = hub.post(key, &discounts, json!({ "amount_minor": 5, "reason": "late" })).await.expect(200);
    assert_eq!(again["discounts"][0]["number"], 2);
    let cash = json!({ "kind": "cash", "given_minor": 300 });
    let paid = hub.post(key, &format!("{sale}/tenders"), cash).await.expect(200);
    assert_eq!((&paid["state"], &paid["total_minor"]), (&json!("completed"), &json!(300)));
    let late = hub.post(key, &discounts, json!({ "amount_minor": 5, "reason": "late" })).await;
    late.expect_problem(409, "sale_not_open");
    hub.stop().await;
}

async fn what_comes_back_is_worth_what_was_paid_for_it(on: On) {
    let hub = TestHub::start(on).await;
    let discounts = json!([{ "amount_minor": 25, "reason": "dented" }]);
    let sold = hub.post(&hub.shop.cashier, "/v1/sales", a_sale(&hub, discounts)).await.expect(201);
    let path = format!("/v1/sales/{}/returns", sold["id"].as_str().unwrap());
    let mut worth = Vec::new();
    for (number, quantity) in [(1, 1), (1, 1), (2, 1)] {
        let lines = json!([{ "number": number, "quantity": quantity }]);
        let back = json!({ "register_id": hub.shop.registers[0].to_string(), "lines": lines });
        let made = hub.post(&hub.shop.cashier, &path, back).await.expect(201);
        worth.push(made["total_minor"].as_i64().unwrap());
    }
    assert_eq!((worth, hub.drawers().await), (vec![137, 138, 5], 0));
    hub.stop().await;
}

async fn beyond_the_limit_of_the_merchant_a_manager_is_needed(on: On) {
    let hub = TestHub::start(on).await;
    let fifth = || json!([{ "basis_points": 2_000, "reason": "display piece" }]);
    let refused = hub.post(&hub.shop.cashier, "/v1/sales", a_sale(&hub, fifth())).await;
    refused.expect_problem(403, "discount_beyond_limit");
    hub.post(&hub.shop.manager, "/v1/sales", a_sale(&hub, fifth())).await.expect(201);
    let limit = |points: i64| json!({ "discount_limit_basis_points": points });
    let patch = |key: &str, points| hub.request(Method::PATCH, "/v1/merchant").auth(key).json(&limit(points)).send();
    patch(&hub.shop.cashier, 2_000).await.expect_problem(403, "role_too_low");
    patch(&hub.shop.manager, 10_001).await.expect_problem(422, "discount_limit_out_of_range");
    assert_eq!(patch(&hub.shop.manager, 2_000).await.expect(200)["discount_limit_basis_points"], 2_000);
    hub.post(&hub.shop.cashier, "/v1/sales", a_sale(&hub, fifth())).await.expect(201);
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let (key, sale) = (&hub.shop.cashier, an_open_sale(&hub).await);
    let discounts = format!("{sale}/discounts");
    let part = json!({ "kind": "cash", "given_minor": 290, "amount_minor": 290 });
    hub.post(key, &format!("{sale}/tenders"), part).await.expect(200);
    let mark = hub.mark().await;
    for (status, code, wrong) in [
        (400, "body_invalid", json!({ "reason": "x" })),
        (400, "body_invalid", json!({ "basis_points": 1, "amount_minor": 1, "reason": "x" })),
        (400, "body_invalid", json!({ "basis_points": 1.5, "reason": "x" })),
        (400, "body_invalid", json!({ "basis_points": 100 })),
        (422, "discount_out_of_range", json!({ "basis_points": 0, "reason": "x" })),
        (422, "discount_out_of_range", json!({ "amount_minor": -5, "reason": "x" })),
        (422, "discount_reason_invalid", json!({ "amount_minor": 5, "reason": "" })),
        (422, "discount_line_unknown", json!({ "line_number": 9, "amount_minor": 5, "reason": "x" })),
        (422, "discount_exceeds_amount", json!({ "line_number": 2, "amount_minor": 6, "reason": "x" })),
        (403, "discount_beyond_limit", json!({ "amount_minor": 32, "reason": "x" })),
        (409, "sale_total_below_tenders", json!({ "amount_minor": 16, "reason": "x" })),
        (400, "text_looks_like_card_number", json!({ "amount_minor": 5, "reason": "4111 1111 1111 1111" })),
    ] {
        let answer = hub.post(key, &discounts, wrong).await;
        answer.expect_problem(status, code);
        assert!(!answer.text().contains("4111"), "{}", answer.text());
    }
    let some = json!({ "amount_minor": 5, "reason": "x" });
    let keyless = hub.request(Method::POST, &discounts).auth(key).json(&some).send().await;
    keyless.expect_problem(400, "idempotency_key_missing");
    hub.post(&hub.shop.viewer, &discounts, some.clone()).await.expect_problem(403, "role_too_low");
    hub.post(&hub.other.manager, &discounts, some).await.expect_problem(404, "sale_not_found");
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}
