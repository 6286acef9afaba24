//! `/v1/customers/{id}/points`, and the sales and returns behind them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::customer::a_customer;
use crate::support::request::Answer;
use crate::support::{On, TestHub};

on_each_engine! {
    points_are_earned_spent_and_taken_back,
    a_repeat_counts_once,
    two_registers_do_not_spend_the_same_points,
    the_ledger_is_paged_from_the_newest_back,
    roles_and_rules_are_kept,
}

/// One point for 100 yen.
async fn rule(hub: &TestHub, minor_per_point: Value) -> Answer {
    let request = hub.request(Method::PATCH, "/v1/merchant").auth(&hub.shop.manager);
    request.json(&json!({ "minor_per_point": minor_per_point })).send().await
}

async fn a_regular(hub: &TestHub) -> String {
    rule(hub, json!(100)).await.expect(200);
    a_customer(hub, json!({ "name": "Aiko" })).await
}

fn path(customer: &str) -> String {
    format!("/v1/customers/{customer}/points")
}

fn a_sale(hub: &TestHub, customer: &str, teas: i64) -> Value {
    let mut sale = hub.a_sale(teas, teas * 150);
    sale["customer_id"] = json!(customer);
    sale
}

async fn points(hub: &TestHub, customer: &str) -> i64 {
    let read = hub.get(&hub.shop.viewer, &format!("/v1/customers/{customer}")).await.expect(200);
    read["points"].as_i64().unwrap()
}

async fn change(hub: &TestHub, words: &str, customer: &str, kind: &str, points: i64) -> Answer {
    hub.post(words, &path(customer), json!({ "kind": kind, "points": points, "reason": "voucher" })).await
}

async fn points_are_earned_spent_and_taken_back(on: On) {
    let hub = TestHub::start(on).await;
    let aiko = a_regular(&hub).await;
    let sale = hub.post(&hub.shop.cashier, "/v1/sales", a_sale(&hub, &aiko, 3)).await.expect(201);
    assert_eq!((&sale["points_earned"], points(&hub, &aiko).await), (&json!(4), 4));
    let redeemed = change(&hub, &hub.shop.cashier, &aiko, "redeem", 3).await.expect(201);
    assert_eq!(
        redeemed,
        json!({
            "object": "points_entry", "customer_id": aiko, "number": 2, "kind": "redeemed", "points": -3, "balance": 1,
            "sale_id": null, "return_id": null, "not_recovered": 0, "reason": "voucher",
            "changed_by": hub.shop.cashier_key.to_string(), "created_at": redeemed["created_at"],
        })
    );
    let origin = json!({ "register_id": hub.shop.registers[0].to_string(), "lines": [{ "number": 1, "quantity": 3 }] });
    let back = format!("/v1/sales/{}/returns", sale["id"].as_str().unwrap());
    let back = hub.post(&hub.shop.cashier, &back, origin).await.expect(201);
    let list = hub.get(&hub.shop.viewer, &path(&aiko)).await.expect(200);
    let told: Vec<_> = list["data"].as_array().unwrap().iter().map(|one| (&one["kind"], &one["points"])).collect();
    assert_eq!(
        told,
        [(&json!("taken_back"), &json!(-1)), (&json!("redeemed"), &json!(-3)), (&json!("earned"), &json!(4))]
    );
    assert_eq!((&list["data"][0]["not_recovered"], &list["data"][0]["return_id"]), (&json!(3), &back["id"]));
    assert_eq!(list["data"][2]["sale_id"], sale["id"]);
    // Without a rule, and without a customer, nothing is said of points.
    let nobody = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    rule(&hub, Value::Null).await.expect(200);
    let ruleless = hub.post(&hub.shop.cashier, "/v1/sales", a_sale(&hub, &aiko, 1)).await.expect(201);
    assert_eq!((nobody.get("points_earned"), ruleless.get("points_earned")), (None, None));
    assert_eq!(points(&hub, &aiko).await, 0);
    hub.stop().await;
}

async fn a_repeat_counts_once(on: On) {
    let hub = TestHub::start(on).await;
    let aiko = a_regular(&hub).await;
    let send = |path: String, key: &'static str, body: Value| {
        hub.request(Method::POST, &path).auth(&hub.shop.manager).key(key).json(&body).send()
    };
    let adjust = json!({ "kind": "adjust", "points": 10, "reason": "welcome" });
    for (path, key, body) in [
        ("/v1/sales".to_owned(), "s-1", a_sale(&hub, &aiko, 2)),
        (path(&aiko), "p-1", adjust),
        (path(&aiko), "p-2", json!({ "kind": "redeem", "points": 4 })),
    ] {
        let first = send(path.clone(), key, body.clone()).await;
        assert_eq!(first.status, 201, "{}", first.text());
        let again = tokio::join!(send(path.clone(), key, body.clone()), send(path, key, body));
        assert_eq!((again.0.bytes(), again.1.bytes()), (first.bytes(), first.bytes()));
    }
    assert_eq!(points(&hub, &aiko).await, 3 + 10 - 4);
    let keyless = hub.request(Method::POST, &path(&aiko)).auth(&hub.shop.cashier);
    let keyless = keyless.json(&json!({ "kind": "redeem", "points": 1 })).send().await;
    keyless.expect_problem(400, "idempotency_key_missing");
    hub.stop().await;
}

async fn two_registers_do_not_spend_the_same_points(on: On) {
    let hub = TestHub::start(on).await;
    let aiko = a_regular(&hub).await;
    change(&hub, &hub.shop.manager, &aiko, "adjust", 10).await.expect(201);
    let tries = (0..8).map(|_| change(&hub, &hub.shop.cashier, &aiko, "redeem", 3));
    let answers = futures::future::join_all(tries).await;
    let done = answers.iter().filter(|answer| answer.status == 201).count();
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.expect_problem(409, "points_insufficient");
    }
    assert_eq!((done, points(&hub, &aiko).await), (3, 1));
    hub.stop().await;
}

async fn the_ledger_is_paged_from_the_newest_back(on: On) {
    let hub = TestHub::start(on).await;
    let aiko = a_regular(&hub).await;
    for points in 1..=5 {
        change(&hub, &hub.shop.manager, &aiko, "adjust", points).await.expect(201);
    }
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = hub.get(&hub.shop.viewer, &format!("{}?limit=2{cursor}", path(&aiko))).await.expect(200);
        seen.extend(page["data"].as_array().unwrap().iter().map(|one| one["number"].as_i64().unwrap()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    hub.get(&hub.shop.viewer, &format!("{}?cursor=x", path(&aiko))).await.expect_problem(400, "query_invalid");
    hub.stop().await;
}

async fn roles_and_rules_are_kept(on: On) {
    let hub = TestHub::start(on).await;
    let aiko = a_regular(&hub).await;
    let (cashier, manager) = (&hub.shop.cashier, &hub.shop.manager);
    change(&hub, &hub.shop.viewer, &aiko, "redeem", 1).await.expect_problem(403, "role_too_low");
    change(&hub, cashier, &aiko, "adjust", 1).await.expect_problem(403, "role_too_low");
    change(&hub, cashier, &aiko, "redeem", 1).await.expect_problem(409, "points_insufficient");
    change(&hub, manager, &aiko, "adjust", -1).await.expect_problem(409, "points_insufficient");
    change(&hub, manager, &aiko, "adjust", 0).await.expect_problem(422, "points_out_of_range");
    let reasonless = hub.post(manager, &path(&aiko), json!({ "kind": "adjust", "points": 1 })).await;
    reasonless.expect_problem(422, "points_reason_invalid");
    rule(&hub, json!(0)).await.expect_problem(422, "points_rule_out_of_range");
    change(&hub, &hub.other.manager, &aiko, "adjust", 1).await.expect_problem(404, "customer_not_found");
    hub.get(&hub.other.manager, &path(&aiko)).await.expect_problem(404, "customer_not_found");
    let erased = hub.post(manager, &format!("/v1/customers/{aiko}/erase"), json!({ "reason": "asked" })).await;
    erased.expect(200);
    change(&hub, manager, &aiko, "adjust", 1).await.expect_problem(409, "customer_erased");
    hub.stop().await;
}
