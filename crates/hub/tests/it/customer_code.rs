//! `/v1/customer-codes/recognize`, and payments that leave the choice of the connection to the code: a wallet that is known
//! is charged, and whatever may be two things is asked about and charges nobody.

use domain::customer_code::{Alphabet, Rule};
use domain::id::ConnectionId;
use domain::merchant::ConnectionSettings;
use hub::config::Hidden;
use hub::operator::NewConnection;
use serde_json::{Value, json};

use crate::world::{Reply, World, on_both_engines, paypay_options};

on_both_engines!(
    a_code_of_a_wallet_finds_its_connection_and_is_charged,
    what_is_no_code_of_a_customer_charges_nobody,
    a_code_that_two_connections_take_is_asked_about,
    the_merchants_own_rows_go_first,
    a_test_key_reaches_the_played_provider_and_a_live_key_does_not,
);

/// Twenty-four digits that begin as PayPay's do.
const PAYPAY: &str = "900081818812345678901234";
const ALIPAY: &str = "281234567890123456";
const JKOPAY: &str = "22ABCDEFGH12345678";
const WAIT: [(&str, &str); 1] = [("prefer", "wait=50")];

impl World {
    async fn recognized(&self, key: &str, code: &str) -> Value {
        let body = json!({ "customer_code": code });
        let reply = self.post_as(key, "/v1/customer-codes/recognize", &self.fresh_key(), &[], &body).await;
        let told = reply.expect(200);
        assert!(!told.to_string().contains(code), "{told}");
        told
    }

    async fn pay_by_code(&self, key: &str, code: &str) -> Reply {
        let body = json!({ "register_id": self.shop.register, "amount_minor": 1_200, "customer_code": code });
        let reply = self.post_as(key, "/v1/payments", &self.fresh_key(), &WAIT, &body).await;
        assert!(!reply.json().to_string().contains(code));
        reply
    }

    /// Another connection with the played PayPay that takes scanned codes.
    async fn add_paypay(&self, is_test: bool) -> ConnectionId {
        let merchant = self.merchant().await;
        let variant = "oauth".to_owned();
        let settings = ConnectionSettings { variant, is_test, ..ConnectionSettings::at(&self.paypay_url) };
        let credentials = Some(Hidden::new(paypay_options().credentials_of_oauth()));
        let mut operator = self.operator().await;
        let new = NewConnection { merchant, provider: "paypay".to_owned(), settings, credentials };
        let id = operator.add_connection(new).await.unwrap();
        operator.close().await.unwrap();
        id
    }
}

fn names(told: &Value) -> Vec<String> {
    let candidates = told["candidates"].as_array().unwrap();
    let name = |one: &Value| one.get("wallet").unwrap_or(&one["kind"]).as_str().unwrap().to_owned();
    candidates.iter().map(name).collect()
}

async fn a_code_of_a_wallet_finds_its_connection_and_is_charged(world: World) {
    let live = &world.shop.live_manager;
    let told = world.recognized(live, PAYPAY).await;
    assert_eq!((&told["next_action"], &told["connection_id"]), (&json!("pay"), &json!(world.shop.oauth)));
    assert_eq!(told["candidates"][0]["name"], json!({ "en": "PayPay", "ja": "PayPay" }));
    assert_eq!(told["candidates"][0]["connection_ids"], json!([world.shop.oauth]));
    let paid = world.pay_by_code(live, PAYPAY).await.expect(201);
    assert_eq!((&paid["state"], &paid["connection_id"]), (&json!("captured"), &json!(world.shop.oauth)));
    world.close().await;
}

async fn what_is_no_code_of_a_customer_charges_nobody(world: World) {
    let live = &world.shop.live_manager;
    for (code, next, status, problem, names_of) in [
        (JKOPAY, "use_another_tender", 422, "customer_code_not_taken", &["jkopay"][..]),
        ("4901234567894", "ring_article", 422, "customer_code_of_article", &["article"]),
        ("00020101021153033926304ABCD", "ask_for_customers_code", 422, "customer_code_of_shop", &["merchant_code"]),
        ("4000056655665556", "take_no_card_number", 422, "customer_code_of_card", &["card_number"]),
        ("77123", "scan_again", 422, "customer_code_unknown", &[]),
        // As long as Alipay's shortest, and a Mastercard of the second series.
        ("2500000000000001", "choose_connection", 409, "customer_code_ambiguous", &["alipay", "card_number"]),
    ] {
        let told = world.recognized(live, code).await;
        assert_eq!((&told["next_action"], &told["connection_id"]), (&json!(next), &Value::Null), "{told}");
        assert_eq!(names(&told), names_of);
        let refused = world.pay_by_code(live, code).await;
        refused.expect_problem(status, problem);
        assert_eq!(refused.json()["candidates"], told["candidates"]);
    }
    let body = json!({ "register_id": world.shop.register, "amount_minor": 1 });
    world.post("/v1/payments", &body).await.expect_problem(400, "body_invalid");
    for wrong in [json!(""), json!("a b"), json!(7), json!("x".repeat(513)), Value::Null] {
        let reply = world.post("/v1/customer-codes/recognize", &json!({ "customer_code": wrong })).await;
        reply.expect_problem(400, "body_invalid");
    }
    let viewer = json!({ "customer_code": PAYPAY });
    let reply = world.post_as(&world.shop.viewer, "/v1/customer-codes/recognize", "k", &[], &viewer).await;
    reply.expect_problem(403, "role_too_low");
    assert_eq!(world.get("/v1/payments").await.expect(200)["data"], json!([]));
    world.close().await;
}

async fn a_code_that_two_connections_take_is_asked_about(world: World) {
    let live = &world.shop.live_manager;
    let (key, first) = (
        world.fresh_key(),
        json!({ "register_id": world.shop.register, "amount_minor": 500, "customer_code": PAYPAY }),
    );
    let paid = world.post_as(live, "/v1/payments", &key, &WAIT, &first).await;
    assert_eq!(paid.expect(201)["state"], "captured");
    let other = world.add_paypay(false).await;
    // What was charged before is told again, and not asked about.
    let again = world.post_as(live, "/v1/payments", &key, &WAIT, &first).await;
    assert!(again.is_replay && again.bytes == paid.bytes);
    let refused = world.pay_by_code(live, PAYPAY).await;
    refused.expect_problem(409, "customer_code_ambiguous");
    let candidates = &refused.json()["candidates"];
    assert_eq!(candidates[0]["connection_ids"].as_array().unwrap().len(), 2, "{candidates}");
    assert_eq!(world.get("/v1/payments").await.expect(200)["data"].as_array().unwrap().len(), 1);
    // The answer to the question.
    let mut body = world.payment_of(other, 1_200);
    body["customer_code"] = json!(PAYPAY);
    let paid = world.post_as(live, "/v1/payments", &world.fresh_key(), &WAIT, &body).await.expect(201);
    assert_eq!((&paid["state"], &paid["connection_id"]), (&json!("captured"), &json!(other)));
    world.close().await;
}

async fn the_merchants_own_rows_go_first(mut world: World) {
    let merchant = world.merchant().await;
    let rule = Rule::new("28", 18..=18, Alphabet::Digits, Some("paypay")).unwrap();
    world
        .change_settings(|settings| {
            settings.provider.customer_codes.insert(merchant, vec![rule]);
        })
        .await;
    let paid = world.pay_by_code(&world.shop.live_manager, ALIPAY).await.expect(201);
    assert_eq!(paid["connection_id"], json!(world.shop.oauth));
    let other = json!({ "customer_code": ALIPAY });
    let reply = world.post_as(&world.other_shop.live_manager, "/v1/customer-codes/recognize", "k", &[], &other).await;
    assert_eq!(names(&reply.expect(200)), ["alipay"], "rows are the merchant's own");
    world.close().await;
}

async fn a_test_key_reaches_the_played_provider_and_a_live_key_does_not(world: World) {
    assert_eq!(world.recognized(&world.shop.manager, PAYPAY).await["next_action"], "use_another_tender");
    let played = world.add_paypay(true).await;
    let paid = world.pay_by_code(&world.shop.manager, PAYPAY).await.expect(201);
    assert_eq!((&paid["state"], &paid["connection_id"]), (&json!("captured"), &json!(played)));
    let live = &world.shop.live_manager;
    let body = world.payment_of(played, 1_000);
    let refused = world.post_as(live, "/v1/payments", &world.fresh_key(), &[], &body).await;
    refused.expect_problem(403, "key_environment_mismatch");
    let paid = world.pay_by_code(live, PAYPAY).await.expect(201);
    assert_eq!(paid["connection_id"], json!(world.shop.oauth));
    let listed = world.get("/v1/connections").await.expect(200);
    let keys = |id: ConnectionId| {
        let found = listed["data"].as_array().unwrap().iter().find(|one| one["id"] == json!(id)).unwrap();
        (found["keys"].clone(), found["has_scan"].clone())
    };
    assert_eq!(keys(played), (json!("test"), json!(true)));
    assert_eq!(keys(world.shop.opa), (json!("live"), json!(false)));
    assert_eq!(keys(world.shop.manual), (json!("any"), json!(false)));
    world.close().await;
}
