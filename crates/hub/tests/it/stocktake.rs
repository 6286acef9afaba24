//! `/v1/stocktakes`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, On, TestHub};

on_each_engine! {
    the_shop_sells_on_while_it_is_counted,
    a_device_that_was_away_tells_of_its_count_later,
    what_nobody_counted_is_set_to_zero_piece_by_piece,
    what_breaks_a_rule_is_refused_and_changes_nothing,
    the_stocktakes_of_another_merchant_are_not_there,
}

const PATH: &str = "/v1/stocktakes";

async fn open(hub: &TestHub, change: Value) -> String {
    let mut body = json!({ "location_id": hub.shop.location.to_string() });
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let opened = hub.post(&hub.shop.manager, PATH, body).await.expect(201);
    format!("{PATH}/{}", opened["id"].as_str().unwrap())
}

async fn count(hub: &TestHub, stocktake: &str, lines: Value) -> Answer {
    hub.post(&hub.shop.cashier, &format!("{stocktake}/lines"), json!({ "counted_by": "Aiko", "lines": lines })).await
}

async fn close(hub: &TestHub, stocktake: &str, uncounted: &str) -> Value {
    let asked = hub.post(&hub.shop.manager, &format!("{stocktake}/close"), json!({ "uncounted": uncounted })).await;
    assert_eq!(asked.expect(202)["state"], "closing");
    let waiting = hub.request(Method::GET, stocktake).auth(&hub.shop.viewer).header("prefer", "wait=50");
    let closed = waiting.send().await.expect(200);
    assert_eq!(closed["state"], "closed", "{closed}");
    closed
}

async fn on_hand(hub: &TestHub, article: impl ToString) -> Value {
    let path = format!("/v1/stock-levels?location_id={}&article_id={}", hub.shop.location, article.to_string());
    hub.get(&hub.shop.viewer, &path).await.expect(200)["data"][0]["on_hand"].clone()
}

async fn lines(hub: &TestHub, stocktake: &str, query: &str) -> Vec<Value> {
    let page = hub.get(&hub.shop.viewer, &format!("{stocktake}/lines{query}")).await.expect(200);
    page["data"].as_array().unwrap().clone()
}

/// Books something that came in, and tells when.
async fn receive(hub: &TestHub, quantity: &str) -> Value {
    let body = json!({ "location_id": hub.shop.location.to_string(), "article_id": hub.shop.tea.to_string(),
        "kind": "receipt", "quantity": quantity });
    let received = hub.post(&hub.shop.manager, "/v1/stock-movements", body).await.expect(201);
    hub.hand.advance(Duration::from_secs(60));
    received["recorded_at"].clone()
}

async fn the_shop_sells_on_while_it_is_counted(on: On) {
    let hub = TestHub::start(on).await;
    let tea = hub.shop.tea.to_string();
    let stocktake = open(&hub, json!({ "note": "month end" })).await;
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    // Nine by the books, eight on the shelves: five and three.
    count(&hub, &stocktake, json!([{ "article_id": tea, "counted": 5 }])).await.expect(201);
    let counted =
        count(&hub, &stocktake, json!([{ "article_id": tea, "counted": 3, "mode": "add" }])).await.expect(201);
    assert_eq!(counted["outdated_article_ids"], json!([]));
    let tally = json!({ "uncounted": 0, "counted": 1, "finished": 0, "different": 0 });
    assert_eq!((&counted["stocktake"]["lines"], &counted["stocktake"]["is_everything"]), (&tally, &json!(true)));
    for _ in 0..2 {
        hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    }
    let line = lines(&hub, &stocktake, "?state=counted").await.remove(0);
    let expected = json!({
        "object": "stocktake_line", "article_id": tea, "state": "counted", "counted": "8", "expected": "9",
        "difference": "-1", "counted_at": line["counted_at"], "counted_by": "Aiko",
    });
    assert_eq!(line, expected);
    let closed = close(&hub, &stocktake, "leave").await;
    assert_eq!(closed["lines"], json!({ "uncounted": 0, "counted": 1, "finished": 1, "different": 1 }));
    assert_eq!(on_hand(&hub, &tea).await, "6");
    let line = lines(&hub, &stocktake, "").await.remove(0);
    assert_eq!((&line["state"], &line["expected"], &line["difference"]), (&json!("booked"), &json!("9"), &json!("-1")));
    let entered = hub.get(&hub.shop.viewer, "/v1/stock-movements?kind=count").await.expect(200)["data"].clone();
    assert_eq!(entered.as_array().unwrap().len(), 1);
    assert_eq!((&entered[0]["quantity"], &entered[0]["stocktake_id"]), (&json!("-1"), &closed["id"]));
    let listed = hub.get(&hub.shop.viewer, &format!("{PATH}?state=closed")).await.expect(200);
    assert_eq!(listed["data"], json!([closed]));
    assert_eq!(hub.get(&hub.shop.viewer, &format!("{PATH}?state=open")).await.expect(200)["data"], json!([]));
    hub.stop().await;
}

async fn a_device_that_was_away_tells_of_its_count_later(on: On) {
    let hub = TestHub::start(on).await;
    let tea = hub.shop.tea.to_string();
    let stocktake = open(&hub, json!({ "articles": [{ "article_id": tea }] })).await;
    receive(&hub, "1").await;
    let seen_at = receive(&hub, "2").await;
    receive(&hub, "4").await;
    // Thirteen by the books at that moment, twelve on the shelf.
    let late = json!([{ "article_id": tea, "counted": 12, "counted_at": seen_at }]);
    count(&hub, &stocktake, late.clone()).await.expect(201);
    assert_eq!(lines(&hub, &stocktake, "").await[0]["expected"], "13");
    close(&hub, &stocktake, "leave").await;
    assert_eq!(on_hand(&hub, &tea).await, "16");
    // What is told only now of the time before the count, the count has seen.
    let body = json!({ "location_id": hub.shop.location.to_string(), "article_id": tea, "kind": "write_off",
        "write_off_reason": "stolen", "quantity": -3, "occurred_at": seen_at });
    hub.post(&hub.shop.manager, "/v1/stock-movements", body).await.expect(201);
    assert_eq!(on_hand(&hub, &tea).await, "16");
    // An older count does not take the place of a newer one.
    let again = open(&hub, json!({})).await;
    count(&hub, &again, json!([{ "article_id": tea, "counted": 16 }])).await.expect(201);
    let told = count(&hub, &again, late).await.expect(201);
    assert_eq!(told["outdated_article_ids"], json!([tea]));
    hub.stop().await;
}

async fn what_nobody_counted_is_set_to_zero_piece_by_piece(on: On) {
    let hub = TestHub::start(on).await;
    let mut delivery = Vec::new();
    for number in 0..205 {
        let body = json!({ "sku": format!("S{number}"), "name": "Cup", "unit_price": "300", "tax_class": "standard" });
        let article = hub.post(&hub.shop.manager, "/v1/articles", body).await.expect(201);
        delivery.push(json!({ "article_id": article["id"], "quantity": 2 }));
    }
    let note = json!({ "location_id": hub.shop.location.to_string(), "kind": "receipt", "lines": delivery });
    hub.post(&hub.shop.manager, "/v1/stock-movements", note).await.expect(201);
    let stocktake = open(&hub, json!({})).await;
    let uncounted = hub.get(&hub.shop.viewer, &format!("{stocktake}/uncounted?limit=2")).await.expect(200);
    assert_eq!(uncounted["data"][0]["article_id"], hub.shop.tea.to_string());
    let first = &delivery[0]["article_id"];
    count(&hub, &stocktake, json!([{ "article_id": first, "counted": 3 }])).await.expect(201);
    let closed = close(&hub, &stocktake, "zero").await;
    assert_eq!(closed["lines"], json!({ "uncounted": 0, "counted": 206, "finished": 206, "different": 206 }));
    assert_eq!(on_hand(&hub, first.as_str().unwrap()).await, "3");
    for article in [hub.shop.tea.to_string(), delivery[204]["article_id"].as_str().unwrap().to_owned()] {
        assert_eq!(on_hand(&hub, article).await, "0");
    }
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let (tea, bag) = (hub.shop.tea.to_string(), hub.shop.bag.to_string());
    let stocktake = open(&hub, json!({})).await;
    let mark = hub.mark().await;
    for (status, code, line) in [
        (400, "body_invalid", json!({ "counted": 1 })),
        (400, "body_invalid", json!({ "article_id": tea })),
        (400, "body_invalid", json!({ "article_id": tea, "counted": 1, "mode": "guess" })),
        (422, "quantity_out_of_range", json!({ "article_id": tea, "counted": -1 })),
        (
            422,
            "counted_at_out_of_range",
            json!({ "article_id": tea, "counted": 1, "counted_at": "2099-01-01T00:00:00Z" }),
        ),
        (
            422,
            "counted_at_out_of_range",
            json!({ "article_id": tea, "counted": 1, "counted_at": "2020-01-01T00:00:00Z" }),
        ),
        (422, "article_not_stocked", json!({ "article_id": bag, "counted": 1 })),
        (422, "barcode_unknown", json!({ "barcode": "4901234567894", "counted": 1 })),
    ] {
        count(&hub, &stocktake, json!([line])).await.expect_problem(status, code);
    }
    count(&hub, &stocktake, json!([])).await.expect_problem(422, "stocktake_line_count_out_of_range");
    let lines = json!([{ "article_id": tea, "counted": 1 }]);
    for (status, code, by) in
        [(422, "counted_by_invalid", " "), (400, "text_looks_like_card_number", "4111 1111 1111 1111")]
    {
        let body = json!({ "counted_by": by, "lines": lines });
        hub.post(&hub.shop.cashier, &format!("{stocktake}/lines"), body).await.expect_problem(status, code);
    }
    let (closing, leave) = (format!("{stocktake}/close"), json!({ "uncounted": "leave" }));
    hub.post(&hub.shop.manager, &closing, leave.clone()).await.expect_problem(409, "stocktake_empty");
    hub.post(&hub.shop.manager, &closing, json!({})).await.expect_problem(400, "body_invalid");
    hub.post(&hub.shop.cashier, &closing, leave.clone()).await.expect_problem(403, "role_too_low");
    let long = json!({ "location_id": hub.shop.location.to_string(), "note": "x".repeat(201) });
    hub.post(&hub.shop.manager, PATH, long).await.expect_problem(422, "stocktake_note_too_long");
    for wrong in [format!("{PATH}?state=done"), format!("{stocktake}/lines?state=done"), format!("{PATH}?cursor=x")] {
        hub.get(&hub.shop.viewer, &wrong).await.expect_problem(400, "query_invalid");
    }
    assert_eq!(hub.mark().await, mark);
    hub.post(&hub.shop.manager, &format!("{stocktake}/cancel"), json!({})).await.expect(200);
    count(&hub, &stocktake, lines).await.expect_problem(409, "stocktake_not_open");
    hub.post(&hub.shop.manager, &closing, leave).await.expect_problem(409, "stocktake_not_open");
    hub.stop().await;
}

async fn the_stocktakes_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let stocktake = open(&hub, json!({})).await;
    let other = &hub.other.manager;
    let lines = json!({ "lines": [{ "article_id": hub.other.tea.to_string(), "counted": 1 }] });
    for (path, body) in [("cancel", json!({})), ("close", json!({ "uncounted": "zero" })), ("lines", lines)] {
        let path = format!("{stocktake}/{path}");
        hub.post(other, &path, body).await.expect_problem(404, "stocktake_not_found");
    }
    for path in [stocktake.clone(), format!("{stocktake}/lines"), format!("{stocktake}/uncounted")] {
        hub.get(other, &path).await.expect_problem(404, "stocktake_not_found");
    }
    assert_eq!(hub.get(other, PATH).await.expect(200)["data"], json!([]));
    let here = json!({ "location_id": hub.shop.location.to_string() });
    hub.post(other, PATH, here).await.expect_problem(404, "location_not_found");
    let own = json!({ "lines": [{ "article_id": hub.other.tea.to_string(), "counted": 1 }] });
    let foreign = hub.post(&hub.shop.cashier, &format!("{stocktake}/lines"), own).await;
    foreign.expect_problem(404, "article_not_found");
    hub.stop().await;
}
