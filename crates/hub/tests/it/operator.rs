//! `/v1/operators`, and what operators do.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use storage::Cell;

use crate::support::request::Answer;
use crate::support::{On, TestHub};

on_each_engine! {
    an_operator_is_made_changed_and_listed,
    what_an_operator_does_is_on_the_sale_and_in_the_audit_chain,
    a_manager_allows_with_a_pin_what_the_key_may_not_do,
    a_token_works_with_its_key_and_at_its_register_until_it_ends,
    five_wrong_pins_lock_whoever_asks_and_however_many_at_once,
    the_pin_and_the_badge_are_nowhere,
    what_breaks_a_rule_is_refused,
    the_operators_of_another_merchant_are_not_there,
}

const PATH: &str = "/v1/operators";

pub async fn an_operator(hub: &TestHub, code: &str, role: &str) -> Value {
    let body = json!({ "code": code, "name": format!("Operator {code}"), "role": role, "pin": "2580" });
    hub.post(&hub.shop.manager, PATH, body).await.expect(201)
}

async fn try_pin(hub: &TestHub, operator: &Value, pin: &str) -> Answer {
    let body = json!({ "register_id": hub.shop.registers[0].to_string(), "operator_id": operator["id"], "pin": pin });
    hub.post(&hub.shop.cashier, "/v1/operators/sign-in", body).await
}

/// The token of an operator who signs in at the first register with the cashier's key.
pub async fn sign_in(hub: &TestHub, operator: &Value) -> String {
    try_pin(hub, operator, "2580").await.expect(200)["token"].as_str().unwrap().to_owned()
}

/// A POST with the cashier's key and an operator's token.
pub async fn post_as(hub: &TestHub, token: &str, path: &str, body: &Value) -> Answer {
    let request = hub.request(Method::POST, path).auth(&hub.shop.cashier).header("tillbridge-operator", token);
    request.fresh_key().json(body).send().await
}

async fn patch(hub: &TestHub, operator: &Value, changes: Value) -> Answer {
    let path = format!("{PATH}/{}", operator["id"].as_str().unwrap());
    hub.request(Method::PATCH, &path).auth(&hub.shop.manager).json(&changes).send().await
}

async fn an_operator_is_made_changed_and_listed(on: On) {
    let hub = TestHub::start(on).await;
    let made = an_operator(&hub, "aiko", "cashier").await;
    assert_eq!(
        (&made["code"], &made["role"], &made["has_badge"], &made["is_active"], &made["locked_until"]),
        (&json!("AIKO"), &json!("cashier"), &json!(false), &json!(true), &Value::Null)
    );
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    let read = hub.get(&hub.shop.viewer, &path).await;
    assert_eq!((read.header("etag"), read.expect(200)), ("\"1\"", made.clone()));
    let changed = patch(&hub, &made, json!({ "role": "manager", "badge": "B-7", "name": "Aiko" })).await.expect(200);
    assert_eq!((&changed["role"], &changed["has_badge"]), (&json!("manager"), &json!(true)));
    let stale = hub.request(Method::PATCH, &path).auth(&hub.shop.manager).header("if-match", "\"1\"");
    stale.json(&json!({ "name": "Ben" })).send().await.expect_problem(412, "version_stale");
    let second = an_operator(&hub, "ben", "cashier").await;
    let listed = hub.get(&hub.shop.cashier, PATH).await.expect(200);
    assert_eq!(listed["data"], json!([changed, second]));
    hub.stop().await;
}

async fn what_an_operator_does_is_on_the_sale_and_in_the_audit_chain(on: On) {
    let hub = TestHub::start(on).await;
    let aiko = an_operator(&hub, "aiko", "cashier").await;
    let token = sign_in(&hub, &aiko).await;
    let sale = post_as(&hub, &token, "/v1/sales", &hub.a_sale(1, 150)).await.expect(201);
    assert_eq!(sale["operator_id"], aiko["id"]);
    let sql = "SELECT actor FROM audit WHERE merchant_id = $1 AND command = $2";
    let params = vec![Cell::display(hub.shop.merchant), Cell::text("sale.ring")];
    let rows = hub.running.app.reader.query(sql, params).await.unwrap();
    let expected = format!("{} {}", aiko["id"].as_str().unwrap(), hub.shop.cashier_key);
    assert_eq!(rows, [[Cell::Text(expected.into())]]);
    let without = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    assert_eq!(without["operator_id"], Value::Null);
    hub.stop().await;
}

async fn a_manager_allows_with_a_pin_what_the_key_may_not_do(on: On) {
    let hub = TestHub::start(on).await;
    let (aiko, chief) = (an_operator(&hub, "1", "cashier").await, an_operator(&hub, "9", "manager").await);
    let (aiko, chief) = (sign_in(&hub, &aiko).await, sign_in(&hub, &chief).await);
    let movement = json!({ "location_id": hub.shop.location.to_string(), "article_id": hub.shop.tea.to_string(),
        "kind": "correction", "quantity": "1", "reason": "found one" });
    let path = "/v1/stock-movements";
    hub.post(&hub.shop.cashier, path, movement.clone()).await.expect_problem(403, "role_too_low");
    post_as(&hub, &aiko, path, &movement).await.expect_problem(403, "role_too_low");
    post_as(&hub, &chief, path, &movement).await.expect(201);
    // The person's role counts, also where the key has a higher one.
    let asked = json!({ "register_id": hub.shop.registers[0].to_string(), "code": "1", "pin": "2580" });
    let token = hub.post(&hub.shop.manager, "/v1/operators/sign-in", asked).await.expect(200);
    let request = hub.request(Method::POST, path).auth(&hub.shop.manager).fresh_key().json(&movement);
    let token = token["token"].as_str().unwrap();
    request.header("tillbridge-operator", token).send().await.expect_problem(403, "role_too_low");
    hub.stop().await;
}

async fn a_token_works_with_its_key_and_at_its_register_until_it_ends(on: On) {
    let hub = TestHub::start(on).await;
    let aiko = an_operator(&hub, "aiko", "cashier").await;
    let token = sign_in(&hub, &aiko).await;
    let mut elsewhere = hub.a_sale(1, 150);
    elsewhere["register_id"] = json!(hub.shop.registers[1].to_string());
    post_as(&hub, &token, "/v1/sales", &elsewhere).await.expect_problem(403, "operator_elsewhere");
    let with = |key: &str, token: &str| {
        hub.request(Method::GET, "/v1/articles").auth(key).header("tillbridge-operator", token).send()
    };
    with(&hub.shop.cashier, &token).await.expect(200);
    let forged = format!("{}{}", &token[..token.len() - 1], if token.ends_with('0') { '1' } else { '0' });
    for (key, wrong) in [
        (&hub.shop.manager, token.as_str()),
        (&hub.shop.viewer, &token),
        (&hub.other.cashier, &token),
        (&hub.shop.cashier, &forged),
        (&hub.shop.cashier, "tbo"),
    ] {
        with(key, wrong).await.expect_problem(401, "operator_token_invalid");
    }
    hub.hand.advance(Duration::from_secs(60 * 60));
    with(&hub.shop.cashier, &token).await.expect_problem(401, "operator_token_invalid");
    let token = sign_in(&hub, &aiko).await;
    patch(&hub, &aiko, json!({ "pin": "99999999" })).await.expect(200);
    with(&hub.shop.cashier, &token).await.expect_problem(401, "operator_token_invalid");
    let token = try_pin(&hub, &aiko, "99999999").await.expect(200)["token"].as_str().unwrap().to_owned();
    patch(&hub, &aiko, json!({ "is_active": false })).await.expect(200);
    with(&hub.shop.cashier, &token).await.expect_problem(401, "operator_token_invalid");
    try_pin(&hub, &aiko, "99999999").await.expect_problem(409, "operator_inactive");
    hub.stop().await;
}

async fn five_wrong_pins_lock_whoever_asks_and_however_many_at_once(on: On) {
    let hub = TestHub::start(on).await;
    let aiko = an_operator(&hub, "aiko", "cashier").await;
    let tries = futures::future::join_all((0..8).map(|n| try_pin_owned(&hub, &aiko, format!("000{n}")))).await;
    let count = |code: &str| tries.iter().filter(|answer| answer.json()["code"] == code).count();
    assert_eq!((count("operator_pin_wrong"), count("operator_locked")), (5, 3));
    let hub = hub.restart().await;
    try_pin(&hub, &aiko, "2580").await.expect_problem(409, "operator_locked");
    let read = hub.get(&hub.shop.viewer, &format!("{PATH}/{}", aiko["id"].as_str().unwrap())).await.expect(200);
    assert!(read["locked_until"].is_string());
    patch(&hub, &aiko, json!({ "pin": "2580" })).await.expect(200);
    try_pin(&hub, &aiko, "2580").await.expect(200);
    hub.stop().await;
}

async fn try_pin_owned(hub: &TestHub, operator: &Value, pin: String) -> Answer {
    try_pin(hub, operator, &pin).await
}

async fn the_pin_and_the_badge_are_nowhere(on: On) {
    let hub = TestHub::start(on).await;
    let (pin, badge) = ("73519264", "BADGE-73519264-X");
    let body = json!({ "code": "aiko", "name": "Aiko", "role": "cashier", "pin": pin, "badge": badge });
    let made = hub.request(Method::POST, PATH).auth(&hub.shop.manager).key("one").json(&body).send().await;
    made.expect(201);
    let register = hub.shop.registers[0].to_string();
    let asked = json!({ "register_id": register, "badge": badge, "pin": pin });
    let entered = hub.request(Method::POST, "/v1/operators/sign-in").auth(&hub.shop.cashier).key("two");
    let entered = entered.json(&asked).send().await;
    let token = entered.expect(200)["token"].as_str().unwrap().to_owned();
    for answer in [made, entered, hub.get(&hub.shop.manager, PATH).await, hub.get(&hub.shop.viewer, "/v1/events").await]
    {
        assert!(!answer.text().contains(pin) && !answer.text().contains(badge), "{}", answer.text());
    }
    if on == On::Sqlite {
        for file in std::fs::read_dir(hub.folder()).unwrap() {
            let content = std::fs::read(file.unwrap().path()).unwrap();
            let has = |needle: &str| content.windows(needle.len()).any(|window| window == needle.as_bytes());
            assert!(!has(&format!("\"{pin}")) && !has(&token));
        }
    }
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused(on: On) {
    let hub = TestHub::start(on).await;
    let aiko = an_operator(&hub, "aiko", "cashier").await;
    patch(&hub, &aiko, json!({ "badge": "B1" })).await.expect(200);
    let ben = an_operator(&hub, "ben", "cashier").await;
    let new = |code: &str, pin: &str, badge: Value| json!({ "code": code, "name": "X", "role": "cashier", "pin": pin, "badge": badge });
    for (status, code, wrong) in [
        (409, "operator_code_taken", new("AIKO", "1234", Value::Null)),
        (409, "operator_badge_taken", new("c", "1234", json!("B1"))),
        (422, "operator_code_invalid", new("", "1234", Value::Null)),
        (422, "operator_pin_invalid", new("c", "123", Value::Null)),
        (422, "operator_pin_invalid", new("c", "123456789", Value::Null)),
        (422, "operator_pin_invalid", new("c", "１２３４", Value::Null)),
    ] {
        let request = hub.request(Method::POST, PATH).auth(&hub.shop.manager).raw(wrong.to_string());
        request.send().await.expect_problem(status, code);
    }
    patch(&hub, &ben, json!({ "badge": "B1" })).await.expect_problem(409, "operator_badge_taken");
    hub.post(&hub.shop.cashier, PATH, new("c", "1234", Value::Null)).await.expect_problem(403, "role_too_low");
    let register = hub.shop.registers[0].to_string();
    for (status, code, wrong) in [
        (400, "body_invalid", json!({ "register_id": register, "pin": "1" })),
        (400, "body_invalid", json!({ "register_id": register, "pin": "1", "code": "a", "badge": "b" })),
        (400, "body_invalid", json!({ "register_id": register, "pin": "1", "code": "a", "lifetime_minutes": 961 })),
        (404, "operator_not_found", json!({ "register_id": register, "pin": "1", "code": "nobody" })),
        (404, "operator_not_found", json!({ "register_id": register, "pin": "1", "badge": "nobody's" })),
        (
            404,
            "register_not_found",
            json!({ "register_id": hub.other.registers[0].to_string(), "pin": "1", "code": "ben" }),
        ),
        (403, "operator_pin_wrong", json!({ "register_id": register, "pin": "", "code": "ben" })),
    ] {
        let request = hub.request(Method::POST, "/v1/operators/sign-in").auth(&hub.shop.cashier).raw(wrong.to_string());
        request.send().await.expect_problem(status, code);
    }
    hub.stop().await;
}

async fn the_operators_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let aiko = an_operator(&hub, "aiko", "manager").await;
    let path = format!("{PATH}/{}", aiko["id"].as_str().unwrap());
    hub.get(&hub.other.manager, &path).await.expect_problem(404, "operator_not_found");
    let rename = hub.request(Method::PATCH, &path).auth(&hub.other.manager).json(&json!({ "name": "X" }));
    rename.send().await.expect_problem(404, "operator_not_found");
    for who in [json!({ "operator_id": aiko["id"] }), json!({ "code": "aiko" })] {
        let mut asked = who;
        asked["register_id"] = json!(hub.other.registers[0].to_string());
        asked["pin"] = json!("2580");
        let answer = hub.post(&hub.other.cashier, "/v1/operators/sign-in", asked).await;
        answer.expect_problem(404, "operator_not_found");
    }
    assert_eq!(hub.get(&hub.other.manager, PATH).await.expect(200)["data"], json!([]));
    hub.stop().await;
}
