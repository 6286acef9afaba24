//! `/v1/terminals`: devices come with a token and a key, show codes, and are paired, moved and retired.

use domain::id::ConnectionId;
use hub::terminal::{TRIES_MAX, TRIES_SPAN};
use reqwest::Method;
use serde_json::{Value, json};

use crate::matrix::connect;
use crate::support::device::{Device, code, enrolled, expect, seen_at, tell};
use crate::support::{Answer, On, TestHub};
use crate::world::text;

on_each_engine! {
    a_device_is_let_in_shows_a_code_and_is_paired,
    a_forged_device_is_not_let_in,
    wrong_used_and_expired_codes_do_not_pair,
    pairing_again_moves_and_a_register_that_alternates_is_refused,
    a_terminal_is_moved_unpaired_and_retired,
    another_merchants_terminal_shows_no_code,
    who_guesses_waits,
}

async fn a_hub(on: On) -> (TestHub, ConnectionId) {
    let hub = TestHub::start(on).await;
    let connection = connect(&hub, &hub.shop, "manual").await;
    (hub, connection)
}

async fn pair(hub: &TestHub, code: &str, register: usize) -> Answer {
    let body = json!({ "code": code, "register_id": hub.shop.registers[register] });
    hub.post(&hub.shop.cashier, "/v1/terminals/pair", body).await
}

async fn read(hub: &TestHub, id: &str) -> Value {
    hub.get(&hub.shop.viewer, &format!("/v1/terminals/{id}")).await.expect(200)
}

async fn facts(hub: &TestHub, id: &str) -> Vec<(String, Value)> {
    let history = hub.get(&hub.shop.viewer, &format!("/v1/terminals/{id}/history")).await.expect(200);
    let entries = history["data"].as_array().unwrap();
    entries.iter().map(|entry| (text(&entry["fact"]), entry["why"].clone())).collect()
}

fn fact(fact: &str, why: Option<&str>) -> (String, Value) {
    (fact.to_owned(), json!(why))
}

async fn a_device_is_let_in_shows_a_code_and_is_paired(on: On) {
    let (hub, connection) = a_hub(on).await;
    let device = Device::new(1);
    let expected = expect(&hub, &hub.shop, connection).await;
    assert_eq!((&expected["state"], &expected["device"]), (&json!("expected"), &Value::Null));
    let token = text(&expected["enrolment_token"]);
    let terminal = tell(&hub, "/v1/terminals/enrol", &device.arrival(&token)).await.expect(201);
    let id = text(&terminal["id"]);
    assert_eq!(id, text(&expected["id"]));
    assert_eq!(terminal["device"]["identity_key"], device.identity_key());
    assert_eq!((&terminal["device"]["serial"], &terminal["register_id"]), (&json!("S-1"), &Value::Null));
    let shown = code(&hub, &id, &device).await;
    assert!(read(&hub, &id).await["code_until"].is_string());
    let paired = pair(&hub, &shown.to_lowercase().replace('-', " "), 0).await.expect(200);
    assert_eq!(paired["register_id"], json!(hub.shop.registers[0]));
    assert_eq!((&paired["code_until"], &paired["location_id"]), (&Value::Null, &json!(hub.shop.location)));
    assert_eq!(facts(&hub, &id).await, [fact("enrolled", None), fact("paired", None)]);
    let listed = hub.get(&hub.shop.viewer, "/v1/terminals").await.expect(200);
    assert_eq!(listed["data"], json!([paired]));
    let path = format!("/v1/terminals/{id}/history?limit=1");
    let first = hub.get(&hub.shop.viewer, &path).await.expect(200);
    let next = format!("{path}&cursor={}", text(&first["next_cursor"]));
    let second = hub.get(&hub.shop.viewer, &next).await.expect(200);
    assert_eq!((&second["data"][0]["fact"], &second["next_cursor"]), (&json!("paired"), &Value::Null));
    // Neither token nor code is stored in the open.
    for (table, rows) in hub.rows().await {
        assert!(!rows.iter().any(|row| row.contains(&token) || row.contains(&shown)), "{table}");
    }
    hub.stop().await;
}

async fn a_forged_device_is_not_let_in(on: On) {
    let (hub, connection) = a_hub(on).await;
    let (device, thief) = (Device::new(1), Device::new(2));
    let token = text(&expect(&hub, &hub.shop, connection).await["enrolment_token"]);
    let mut arrival = device.arrival(&token);
    arrival["signature"] = json!(thief.sign(&format!("tillbridge-enrol:{token}")));
    tell(&hub, "/v1/terminals/enrol", &arrival).await.expect_problem(401, "signature_invalid");
    let mut odd = device.arrival(&token);
    odd["model"] = json!("cheap");
    let refused = tell(&hub, "/v1/terminals/enrol", &odd).await;
    refused.expect_problem(422, "terminal_model_unknown");
    assert!(refused.text().contains("virtual, headless"), "{}", refused.text());
    let mut odd = device.arrival(&token);
    odd["serial"] = json!("4111111111111111");
    tell(&hub, "/v1/terminals/enrol", &odd).await.expect_problem(400, "text_looks_like_card_number");
    let id = text(&tell(&hub, "/v1/terminals/enrol", &device.arrival(&token)).await.expect(201)["id"]);
    // The token is used up, and one key is one terminal.
    tell(&hub, "/v1/terminals/enrol", &thief.arrival(&token)).await.expect_problem(403, "enrolment_token_wrong");
    let other = text(&expect(&hub, &hub.shop, connection).await["enrolment_token"]);
    tell(&hub, "/v1/terminals/enrol", &device.arrival(&other)).await.expect_problem(409, "terminal_identity_key_taken");
    // A code is given to whoever has the key, and to a signature once.
    let (path, now) = (format!("/v1/terminals/{id}/code"), seen_at(&hub, &id).await);
    tell(&hub, &path, &thief.proof(&id, now + 1)).await.expect_problem(401, "signature_invalid");
    let proof = device.proof(&id, now + 1);
    tell(&hub, &path, &proof).await.expect(201);
    tell(&hub, &path, &proof).await.expect_problem(403, "terminal_proof_replayed");
    tell(&hub, &path, &device.proof(&id, now + 3_600_000)).await.expect_problem(403, "terminal_clock_off");
    let nobody = format!("trm_{}", "0".repeat(32));
    let path = format!("/v1/terminals/{nobody}/code");
    tell(&hub, &path, &device.proof(&nobody, now)).await.expect_problem(401, "signature_invalid");
    hub.stop().await;
}

async fn wrong_used_and_expired_codes_do_not_pair(on: On) {
    let (hub, connection) = a_hub(on).await;
    let device = Device::new(1);
    let id = enrolled(&hub, &hub.shop, connection, &device).await;
    pair(&hub, "0000-0000", 0).await.expect_problem(422, "pairing_code_wrong");
    pair(&hub, "not a code", 0).await.expect_problem(422, "pairing_code_wrong");
    let replaced = code(&hub, &id, &device).await;
    let shown = code(&hub, &id, &device).await;
    pair(&hub, &replaced, 0).await.expect_problem(422, "pairing_code_wrong");
    pair(&hub, &shown, 0).await.expect(200);
    pair(&hub, &shown, 1).await.expect_problem(422, "pairing_code_wrong");
    let shown = code(&hub, &id, &device).await;
    match on {
        On::Sqlite => hub.hand.advance(std::time::Duration::from_secs(5 * 60)),
        On::Postgres => hub.spoil("UPDATE terminal SET pairing_code_until = pairing_code_until - 300000").await,
    }
    pair(&hub, &shown, 1).await.expect_problem(409, "pairing_code_expired");
    assert_eq!(read(&hub, &id).await["register_id"], json!(hub.shop.registers[0]));
    hub.stop().await;
}

async fn pairing_again_moves_and_a_register_that_alternates_is_refused(on: On) {
    let (hub, connection) = a_hub(on).await;
    let (first, second) = (Device::new(1), Device::new(2));
    let one = enrolled(&hub, &hub.shop, connection, &first).await;
    let two = enrolled(&hub, &hub.shop, connection, &second).await;
    pair(&hub, &code(&hub, &one, &first).await, 0).await.expect(200);
    pair(&hub, &code(&hub, &two, &second).await, 0).await.expect(200);
    assert_eq!(read(&hub, &one).await["register_id"], Value::Null);
    assert_eq!(facts(&hub, &one).await.last(), Some(&fact("unpaired", Some("displaced"))));
    let events = hub.get(&hub.shop.viewer, "/v1/events?limit=100").await.expect(200);
    let told: Vec<_> =
        events["data"].as_array().unwrap().iter().map(|event| (&event["kind"], &event["subject"])).collect();
    let last = &told[told.len() - 2..];
    assert_eq!(last[0], (&json!("terminal.unpaired"), &json!(one)));
    assert_eq!(last[1], (&json!("terminal.paired"), &json!(two)));
    let shown = code(&hub, &one, &first).await;
    let refused = pair(&hub, &shown, 0).await;
    refused.expect_problem(409, "register_alternates");
    assert!(refused.text().contains(&two), "{}", refused.text());
    let path = format!("/v1/terminals/{two}/unpair");
    hub.post(&hub.shop.manager, &path, json!({})).await.expect(200);
    pair(&hub, &shown, 0).await.expect(200);
    hub.stop().await;
}

async fn a_terminal_is_moved_unpaired_and_retired(on: On) {
    let (hub, connection) = a_hub(on).await;
    let device = Device::new(1);
    let id = enrolled(&hub, &hub.shop, connection, &device).await;
    let to = |what: &str| format!("/v1/terminals/{id}/{what}");
    let change = hub.request(Method::PATCH, &format!("/v1/terminals/{id}")).auth(&hub.shop.manager);
    let renamed = change.json(&json!({ "name": " Till 2 " })).send().await.expect(200);
    assert_eq!(renamed["name"], "Till 2");
    let register = json!({ "register_id": hub.shop.registers[1] });
    hub.post(&hub.shop.cashier, &to("move"), register.clone()).await.expect_problem(403, "role_too_low");
    let moved = hub.post(&hub.shop.manager, &to("move"), register.clone()).await.expect(200);
    assert_eq!(moved["register_id"], register["register_id"]);
    hub.post(&hub.shop.manager, &to("unpair"), json!({})).await.expect(200);
    let again = hub.post(&hub.shop.manager, &to("unpair"), json!({})).await;
    again.expect_problem(409, "terminal_not_paired");
    hub.post(&hub.shop.manager, &to("move"), register.clone()).await.expect(200);
    let retired = hub.post(&hub.shop.manager, &to("retire"), json!({})).await.expect(200);
    assert_eq!((&retired["state"], &retired["register_id"]), (&json!("retired"), &Value::Null));
    assert!(retired["retired_at"].is_string() && retired["device"]["serial"] == "S-1");
    for (path, body) in [(to("move"), register), (to("retire"), json!({}))] {
        hub.post(&hub.shop.manager, &path, body).await.expect_problem(409, "terminal_retired");
    }
    let proof = device.proof(&id, seen_at(&hub, &id).await + 1);
    tell(&hub, &to("code"), &proof).await.expect_problem(409, "terminal_retired");
    hub.stop().await;
}

async fn another_merchants_terminal_shows_no_code(on: On) {
    let (hub, connection) = a_hub(on).await;
    let device = Device::new(1);
    let id = enrolled(&hub, &hub.shop, connection, &device).await;
    let shown = code(&hub, &id, &device).await;
    let body = json!({ "code": shown, "register_id": hub.other.registers[0] });
    hub.post(&hub.other.cashier, "/v1/terminals/pair", body).await.expect_problem(422, "pairing_code_wrong");
    let body = json!({ "code": shown, "register_id": hub.other.registers[0] });
    hub.post(&hub.shop.cashier, "/v1/terminals/pair", body).await.expect_problem(404, "register_not_found");
    pair(&hub, &shown, 0).await.expect(200);
    hub.stop().await;
}

async fn who_guesses_waits(on: On) {
    let (hub, connection) = a_hub(on).await;
    let device = Device::new(1);
    let id = enrolled(&hub, &hub.shop, connection, &device).await;
    let shown = code(&hub, &id, &device).await;
    for _ in 0..TRIES_MAX {
        pair(&hub, "0000-0000", 0).await.expect_problem(422, "pairing_code_wrong");
    }
    let refused = pair(&hub, &shown, 0).await;
    refused.expect_problem(429, "pairing_tries_exhausted");
    assert_eq!(refused.header("retry-after"), "300");
    let token = text(&expect(&hub, &hub.shop, connection).await["enrolment_token"]);
    let refused = tell(&hub, "/v1/terminals/enrol", &Device::new(2).arrival(&token)).await;
    refused.expect_problem(429, "pairing_tries_exhausted");
    hub.hand.advance(TRIES_SPAN);
    let shown = code(&hub, &id, &device).await;
    pair(&hub, &shown, 0).await.expect(200);
    hub.stop().await;
}
