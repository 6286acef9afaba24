//! PayPay, both protocols, against the played one: what a register sees, what a customer does, and what never leaks.

use connectors::Probe;
use hmac::{Hmac, Mac};
use hub::config::{Config, Hidden};
use serde_json::{Value, json};

use crate::world::{Kind, Reply, World, journey, on_both_engines, operations, paypay_options, text};

on_both_engines!(
    a_code_is_shown_paid_and_shown_again,
    a_code_that_nobody_pays_is_withdrawn_and_not_cancelled,
    a_cashier_withdraws_a_code_at_once,
    a_code_that_was_lost_on_its_way_is_undone_and_nobody_is_charged,
    a_customer_who_pays_in_the_last_moment_has_paid,
    a_scanned_code_is_paid_and_leaves_no_trace,
    a_scanned_code_waits_for_the_customer,
    the_deployed_api_takes_no_scanned_code,
    a_void_is_a_cancel_and_refunds_come_in_parts,
    an_authorization_is_captured_in_part_and_another_reverted,
    a_token_that_ended_is_fetched_anew,
    the_notification_of_document_004_pays,
    a_hint_is_believed_only_after_asking,
    credentials_are_sealed_and_replaced_while_the_hub_serves,
    a_hint_from_another_network_is_refused,
);

const CODE: &str = "281234567890123456";
const WAIT: [(&str, &str); 1] = [("prefer", "wait=50")];

impl World {
    async fn live(&self, path: &str, body: Value) -> Reply {
        self.post_as(&self.shop.live_manager, path, &self.fresh_key(), &WAIT, &body).await
    }

    /// Asks PayPay as it is deployed for money, and waits for the code.
    async fn shown(&self, amount_minor: i64) -> Value {
        self.live("/v1/payments", self.payment_of(self.shop.opa, amount_minor)).await.expect(201)
    }

    async fn scanned(&self, amount_minor: i64) -> Value {
        let mut body = self.payment_of(self.shop.oauth, amount_minor);
        body["customer_code"] = json!(CODE);
        self.live("/v1/payments", body).await.expect(201)
    }

    fn net(&self, payment: &Value) -> i64 {
        let reference = Self::charge_of(&text(&payment["id"]));
        self.paypay.ledger().iter().find(|entry| entry.reference == reference).map_or(0, |entry| entry.net_amount)
    }
}

async fn a_code_is_shown_paid_and_shown_again(world: World) {
    let key = world.fresh_key();
    let body = world.payment_of(world.shop.opa, 1_913);
    let first = world.post_as(&world.shop.live_manager, "/v1/payments", &key, &WAIT, &body).await;
    let shown = first.expect(201);
    let id = text(&shown["id"]);
    assert_eq!((&shown["next_action"], &shown["state"]), (&json!("show_code"), &json!("in_progress")));
    assert!(text(&shown["presented_code"]["text"]).starts_with("https://qr.paypay.ne.jp/"));
    assert!(shown["presented_code"]["expires_at"].is_string());
    let again = world.post_as(&world.shop.live_manager, "/v1/payments", &key, &WAIT, &body).await;
    assert!(again.is_replay && again.bytes == first.bytes);
    assert_eq!(world.payment(&id).await["presented_code"], shown["presented_code"]);
    assert!(world.paypay.pay(&World::charge_of(&id)));
    let paid = world.get_as(&world.shop.live_manager, &format!("/v1/payments/{id}"), &WAIT).await.expect(200);
    assert_eq!((&paid["state"], &paid["next_action"]), (&json!("captured"), &json!("hand_over_goods")));
    assert_eq!(paid["presented_code"], shown["presented_code"]);
    assert!(text(&operations(&paid)[0]["provider_reference"]).starts_with("PP-PAY-"));
    assert_eq!(world.events_of(&id).await, ["payment.created", "payment.code_presented", "payment.captured"]);
    world.close().await;
}

async fn a_code_that_nobody_pays_is_withdrawn_and_not_cancelled(world: World) {
    let id = text(&world.shown(1_913).await["id"]);
    let ended = world.wait_for_state(&id, "reversed").await;
    assert_eq!(ended["next_action"], "use_another_tender");
    // A cancel would leave it payable.
    assert!(!world.paypay.pay(&World::charge_of(&id)));
    world.wait_for_payment(&id, "told so", |payment| journey(payment)[0] == "purchase cancelled").await;
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn a_cashier_withdraws_a_code_at_once(world: World) {
    let shown = world.shown(2_913).await;
    let id = text(&shown["id"]);
    let body = json!({ "reason": "pays in cash" });
    let ended = world.live(&format!("/v1/payments/{id}/cancel"), body).await.expect(200);
    assert_eq!((&ended["state"], &ended["customer_charged"]), (&json!("reversed"), &json!("no")));
    assert!(!world.paypay.pay(&World::charge_of(&id)));
    world.close().await;
}

async fn a_code_that_was_lost_on_its_way_is_undone_and_nobody_is_charged(world: World) {
    for digits in [903, 904, 905, 909, 921] {
        let ended = world.shown(3_000 + digits).await;
        assert_eq!(ended["customer_charged"], "no", "{digits}: {ended}");
        assert!(matches!(ended["state"].as_str(), Some("reversed" | "cancelled")), "{digits}: {ended}");
        assert!(ended.get("presented_code").is_none());
        assert_eq!(world.net(&ended), 0);
    }
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn a_customer_who_pays_in_the_last_moment_has_paid(world: World) {
    let shown = world.shown(1_913).await;
    let id = text(&shown["id"]);
    assert!(world.paypay.pay(&World::charge_of(&id)));
    let cancelled = world.live(&format!("/v1/payments/{id}/cancel"), json!({ "reason": "went away" })).await;
    assert!(matches!(cancelled.status, 200 | 409), "{}", cancelled.json());
    let paid = world.wait_for_state(&id, "captured").await;
    assert_eq!((paid["captured_minor"].as_i64(), world.net(&paid)), (Some(1_913), 1_913));
    world.close().await;
}

async fn a_scanned_code_is_paid_and_leaves_no_trace(world: World) {
    let paid = world.scanned(1_200).await;
    assert_eq!((&paid["state"], world.net(&paid)), (&json!("captured"), 1_200));
    assert_eq!(journey(&paid), ["purchase approved"]);
    // Its answer is lost: it is found again under our reference.
    let found = world.scanned(1_903).await;
    assert_eq!((&found["state"], world.net(&found)), (&json!("captured"), 1_903));
    for table in ["payment", "operation", "event", "audit", "job", "idempotency", "exception", "connection"] {
        let rows = world.rows_of(table).await;
        let secrets = [CODE, "paypay-client-secret", "paypay-webhook-secret"];
        assert!(secrets.iter().all(|secret| !rows.contains(secret)), "{table}");
    }
    let events = json!(world.events().await).to_string();
    assert!(!events.contains(CODE) && !paid.to_string().contains(CODE));
    world.close().await;
}

async fn a_scanned_code_waits_for_the_customer(world: World) {
    let mut body = world.payment_of(world.shop.oauth, 1_913);
    body["customer_code"] = json!(CODE);
    let live = &world.shop.live_manager;
    let begun = world.post_as(live, "/v1/payments", &world.fresh_key(), &[], &body).await.expect(201);
    let id = text(&begun["id"]);
    let is_asked = |payment: &Value| payment["next_action"] == "ask_customer_to_confirm";
    world.wait_for_payment(&id, "to be confirmed", is_asked).await;
    assert!(world.paypay.pay(&World::charge_of(&id)));
    world.wait_for_state(&id, "captured").await;
    world.close().await;
}

async fn the_deployed_api_takes_no_scanned_code(world: World) {
    let mut body = world.payment_of(world.shop.opa, 1_200);
    body["customer_code"] = json!(CODE);
    world.live("/v1/payments", body.clone()).await.expect_problem(422, "customer_code_not_supported");
    for wrong in [json!("28123 no code"), json!(28_123_456_789_i64), json!("")] {
        body["customer_code"] = wrong;
        let refused = world.live("/v1/payments", body.clone()).await;
        refused.expect_problem(400, "body_invalid");
        assert!(!refused.json().to_string().contains("28123"), "what was scanned is not repeated");
    }
    world.close().await;
}

async fn a_void_is_a_cancel_and_refunds_come_in_parts(world: World) {
    let id = text(&world.shown(1_000).await["id"]);
    world.wait_for_state(&id, "captured").await;
    let voided = world.live(&format!("/v1/payments/{id}/void"), json!({})).await.expect(200);
    assert_eq!((&voided["state"], world.net(&voided)), (&json!("voided"), 0));
    // It was taken at once, and carried out a little later.
    let void = &operations(&voided)[1];
    assert_eq!((&void["kind"], &void["witness"]), (&json!("void"), &json!("inquiry")));
    let id = text(&world.shown(2_000).await["id"]);
    world.wait_for_state(&id, "captured").await;
    for (part, left) in [(500, 1_500), (903, 597), (597, 0)] {
        let path = format!("/v1/payments/{id}/refunds");
        world.live(&path, json!({ "amount_minor": part })).await.expect(201);
        let is_given_back = |payment: &Value| payment["refunded_minor"] == 2_000 - left;
        let payment = world.wait_for_payment(&id, "given back", is_given_back).await;
        assert_eq!(world.net(&payment), left);
    }
    world.close().await;
}

async fn an_authorization_is_captured_in_part_and_another_reverted(world: World) {
    let mut body = world.payment_of(world.shop.opa, 3_000);
    body["capture"] = json!("manual");
    let [first, second] = [
        world.live("/v1/payments", body.clone()).await.expect(201),
        world.live("/v1/payments", body).await.expect(201),
    ];
    let (first, second) = (text(&first["id"]), text(&second["id"]));
    world.wait_for_state(&first, "authorized").await;
    let captured = world.live(&format!("/v1/payments/{first}/capture"), json!({ "amount_minor": 2_000 })).await;
    let captured = captured.expect(200);
    assert_eq!((&captured["state"], world.net(&captured)), (&json!("captured"), 2_000));
    world.wait_for_state(&second, "authorized").await;
    let voided = world.live(&format!("/v1/payments/{second}/void"), json!({})).await.expect(200);
    assert_eq!((&voided["state"], world.net(&voided)), (&json!("voided"), 0));
    world.close().await;
}

async fn a_token_that_ended_is_fetched_anew(world: World) {
    assert_eq!(world.scanned(1_000).await["state"], "captured");
    assert_eq!(world.scanned(2_000).await["state"], "captured");
    assert_eq!(world.paypay.tokens_given(), 1, "one token serves all");
    world.paypay.end_tokens();
    // The provider refuses it: nothing was done, and the next request brings a fresh one.
    let refused = world.scanned(3_000).await;
    assert_eq!((&refused["state"], &refused["next_action"]), (&json!("not_sent"), &json!("try_again")));
    assert_eq!(world.scanned(3_000).await["state"], "captured");
    assert_eq!(world.paypay.tokens_given(), 2);
    world.close().await;
}

/// The few lines that document 004 prints.
pub fn signature(body: &str, secret: &str) -> String {
    let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub async fn notify(world: &World, path: &str, body: &str, signed: Option<&str>) -> Reply {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(signed.map(|signature| ("x-paypay-signature", signature)));
    world.send("POST", path, &headers, Some(body.as_bytes().to_vec())).await.unwrap()
}

async fn the_notification_of_document_004_pays(world: World) {
    let mut body = world.payment_of(world.shop.oauth, 10_000);
    body["customer_code"] = json!(CODE);
    body["amount_minor"] = json!(10_913);
    let live = &world.shop.live_manager;
    let begun = world.post_as(live, "/v1/payments", &world.fresh_key(), &[], &body).await.expect(201);
    let id = text(&begun["id"]);
    world.wait_for_payment(&id, "pending", |payment| operations(payment)[0]["state"] == "pending").await;
    let reference = World::charge_of(&id);
    assert!(world.paypay.pay(&reference));
    let news = format!(
        r#"{{"merchantPaymentId": "{reference}", "paymentId": "PP-PAY-67890", "status": "COMPLETED", "amount": {{"amount": 10913, "currency": "JPY"}}, "timestamp": "2026-01-28T10:30:00Z"}}"#
    );
    let secret = paypay_options().webhook_secret;
    let (right, path) = (signature(&news, &secret), "/v1/webhooks/paypay");
    for wrong in [None, Some(""), Some("zz"), Some(&signature(&news, "another")[..]), Some(&right.to_uppercase()[1..])]
    {
        notify(&world, path, &news, wrong).await.expect_problem(401, "signature_invalid");
    }
    notify(&world, path, &format!("{news} "), Some(&right)).await.expect_problem(401, "signature_invalid");
    for _ in 0..3 {
        assert_eq!(notify(&world, path, &news, Some(&right)).await.expect(200), json!({}));
    }
    let with_connection = format!("{path}/{}", world.shop.oauth);
    notify(&world, &with_connection, &news, Some(&right)).await.expect(200);
    assert_eq!(world.wait_for_state(&id, "captured").await["captured_minor"], 10_913);
    assert_eq!(world.events_of(&id).await.iter().filter(|kind| *kind == "payment.captured").count(), 1);
    // The example of the document itself is about nothing of ours.
    let example = r#"{"merchantPaymentId":"ORDER-12345","paymentId":"PP-PAY-67890","status":"COMPLETED","amount":{"amount":10000,"currency":"JPY"},"timestamp":"2026-01-28T10:30:00Z"}"#;
    let right = signature(example, &secret);
    notify(&world, path, example, Some(&right)).await.expect_problem(404, "payment_not_found");
    notify(&world, path, "[]", Some(&signature("[]", &secret))).await.expect_problem(400, "body_invalid");
    notify(&world, "/v1/webhooks/nobody", example, Some(&right)).await.expect_problem(404, "connection_not_found");
    world.close().await;
}

async fn a_hint_is_believed_only_after_asking(world: World) {
    let shown = world.shown(1_913).await;
    let id = text(&shown["id"]);
    let reference = World::charge_of(&id);
    let path = format!("/v1/webhooks/paypay/{}", world.shop.opa);
    let hint = json!({ "notification_type": "Transaction", "merchant_order_id": reference, "state": "COMPLETED", "order_amount": "1913" });
    notify(&world, &path, &hint.to_string(), None).await.expect(200);
    // Nobody has paid, whatever it says.
    let is_asked = |payment: &Value| operations(payment)[0]["asked_count"].as_i64() > Some(0);
    assert_eq!(world.wait_for_payment(&id, "asked about", is_asked).await["customer_charged"], "unknown");
    assert!(world.paypay.pay(&reference));
    notify(&world, &path, &hint.to_string(), None).await.expect(200);
    let paid = world.wait_for_state(&id, "captured").await;
    assert_eq!(operations(&paid)[0]["witness"], "inquiry");
    let file = json!({ "notification_type": "file.created", "fileType": "transaction_recon", "path": "/x" });
    notify(&world, &path, &file.to_string(), None).await.expect(200);
    world.close().await;
}

async fn a_hint_from_another_network_is_refused(mut world: World) {
    let connection = world.shop.opa;
    let path = format!("/v1/webhooks/paypay/{connection}");
    let file = json!({
        "notification_type": "file.created", "notification_id": "N-1", "fileType": "transaction_recon", "path": "/x",
    });
    let file = file.to_string();
    let kept = async |world: &World| {
        let kept = world.get_as(&world.shop.live_manager, "/v1/provider-notices", &[]).await.expect(200);
        kept["data"].as_array().unwrap().clone()
    };
    let send = async |world: &World, forwarded: &str| {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", forwarded)];
        world.send("POST", &path, &headers, Some(file.as_bytes().to_vec())).await.unwrap()
    };
    // Nobody has signed it, and anybody may send it: it is answered and not kept.
    send(&world, "").await.expect(200);
    assert!(kept(&world).await.is_empty());
    let networks = |network: &str| std::collections::BTreeMap::from([(connection, vec![network.parse().unwrap()])]);
    world.change_settings(|settings| settings.provider.notify_networks = networks("52.68.128.8/32")).await;
    // Without a proxy of ours the header is anybody's word.
    send(&world, "52.68.128.8").await.expect_problem(401, "signature_invalid");
    world.change_settings(|settings| settings.serve.behind_proxy = true).await;
    send(&world, "10.0.0.1, 52.68.128.8").await.expect(200);
    for other in ["52.68.128.8, 10.0.0.1", "", "somewhere"] {
        send(&world, other).await.expect_problem(401, "signature_invalid");
    }
    let loopback = |settings: &mut Config| {
        settings.serve.behind_proxy = false;
        settings.provider.notify_networks = networks("127.0.0.0/8");
    };
    world.change_settings(loopback).await;
    send(&world, "").await.expect(200);
    let kept = kept(&world).await;
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!((&kept[0]["kind"], &kept[0]["is_signed"]), (&json!("settlement"), &json!(false)));
    assert_eq!(kept[0]["fields"]["path"], "/x");
    world.close().await;
}

async fn credentials_are_sealed_and_replaced_while_the_hub_serves(world: World) {
    let operator = world.operator().await;
    let secret = paypay_options().webhook_secret;
    let before = paypay_options().credentials_of_oauth();
    let set = async |words: &str, keep_old_ms: i64| {
        operator.set_credentials(world.shop.oauth, &Hidden::new(words.to_owned()), keep_old_ms).await.unwrap()
    };
    // Those of the settings are right; sealed ones are stronger.
    assert_eq!(set("client:wrong:secret", 0).await, 1);
    let refused = world.scanned(1_000).await;
    assert_eq!(operations(&refused)[0]["reason"], "credentials_refused_by_provider");
    assert_eq!(set(&before, 0).await, 2);
    assert_eq!(world.scanned(1_000).await["state"], "captured");
    // The webhook secret is replaced, and PayPay goes on signing with the old one for a while.
    let after = before.replace(&secret, "another-webhook-secret");
    assert_eq!(set(&after, 3_600_000).await, 3);
    let paid = world.scanned(2_000).await;
    let news = json!({
        "merchantPaymentId": World::charge_of(&text(&paid["id"])), "paymentId": operations(&paid)[0]["provider_reference"],
        "status": "COMPLETED", "amount": { "amount": 2_000, "currency": "JPY" }, "timestamp": "2026-01-28T10:30:00Z",
    });
    let news = news.to_string();
    for words in [&secret[..], "another-webhook-secret"] {
        notify(&world, "/v1/webhooks/paypay", &news, Some(&signature(&news, words))).await.expect(200);
    }
    let stranger = signature(&news, "a stranger's");
    notify(&world, "/v1/webhooks/paypay", &news, Some(&stranger)).await.expect_problem(401, "signature_invalid");
    let old = signature(&news, &secret);
    assert_eq!(set(&after, 3_600_000).await, 4);
    notify(&world, "/v1/webhooks/paypay", &news, Some(&old)).await.expect_problem(401, "signature_invalid");
    assert_eq!(world.probe(world.shop.oauth).await, Probe::Fine);
    assert_eq!(world.probe(world.shop.opa).await, Probe::Fine);
    assert_eq!(world.probe(world.shop.sandbox).await, Probe::Fine);
    operator.set_credentials(world.shop.opa, &Hidden::new("key:wrong".to_owned()), 0).await.unwrap();
    assert_eq!(world.probe(world.shop.opa).await, Probe::CredentialsRefused);
    let rows = world.rows_of("connection").await;
    assert!(!rows.contains("webhook-secret") && !rows.contains(paypay_options().client_secret.as_str()));
    operator.close().await.unwrap();
    world.close().await;
}

/// The requests of document 004, byte for byte, and its answers field for field.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_of_document_004_work_against_the_played_one() {
    let Some(world) = World::open(Kind::Sqlite).await else { return };
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let options = paypay_options();
    let token: Value = http
        .post(format!("{}/oauth2/token", world.paypay_url))
        .basic_auth(&options.client_id, Some(&options.client_secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = text(&token["access_token"]);
    let call = async |method: &str, path: &str, body: &'static str| -> Value {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = http.request(method, format!("{}{path}", world.paypay_url)).bearer_auth(&token);
        let request = request.header("content-type", "application/json").body(body);
        request.send().await.unwrap().json().await.unwrap()
    };
    let done = json!({ "code": "SUCCESS", "message": "Success" });
    // The items do not sum up to the amount: that is nobody's business.
    let code = r#"{
  "merchantPaymentId": "ORDER-12344",
  "amount": {
    "amount": 10000,
    "currency": "JPY"
  },
  "codeType": "ORDER_QR",
  "orderDescription": "Coffee x2, Sandwich x1",
  "orderItems": [
    {
      "name": "Coffee",
      "quantity": 2,
      "unitPrice": {"amount": 500, "currency": "JPY"}
    }
  ]
}"#;
    let made = call("POST", "/v2/codes", code).await;
    assert_eq!(made["resultInfo"], done);
    let names: Vec<&String> = made["data"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["codeId", "deeplink", "url"]);
    let payment = r#"{
  "merchantPaymentId": "ORDER-12345",
  "userAuthorizationId": "USER-AUTH-001",
  "amount": {
    "amount": 10000,
    "currency": "JPY"
  },
  "orderDescription": "Coffee x2, Sandwich x1"
}"#;
    let yen = json!({ "amount": 10_000, "currency": "JPY" });
    let paid = call("POST", "/v2/payments", payment).await;
    let id = text(&paid["data"]["paymentId"]);
    assert_eq!(paid, json!({ "resultInfo": done, "data": { "paymentId": id, "status": "COMPLETED", "amount": yen } }));
    let expected = json!({
        "paymentId": id, "status": "COMPLETED", "amount": yen, "merchantPaymentId": "ORDER-12345",
        "userAuthorizationId": "USER-AUTH-001", "storeId": "STORE-001",
    });
    let asked = call("GET", &format!("/v2/payments/{id}"), "").await;
    assert_eq!(asked, json!({ "resultInfo": done, "data": expected }));
    let refund = json!({
        "merchantRefundId": "REFUND-001", "paymentId": id, "amount": yen, "reason": "Customer requested refund",
    });
    let request = http.post(format!("{}/v2/refunds", world.paypay_url)).bearer_auth(&token).json(&refund);
    let refunded: Value = request.send().await.unwrap().json().await.unwrap();
    let refund_id = text(&refunded["data"]["refundId"]);
    let expected = json!({ "refundId": refund_id, "status": "COMPLETED", "amount": yen });
    assert_eq!(refunded, json!({ "resultInfo": done, "data": expected }));
    let field = call(
        "POST",
        "/v2/payments",
        r#"{"merchantPaymentId":"ORDER-1","userAuthorizationId":"U","amount":{"amount":1,"currency":"JPY"},"tip":1}"#,
    )
    .await;
    assert_eq!(field["resultInfo"]["code"], "INVALID_REQUEST_PARAMS", "what nobody knows is refused");
    world.stop_without_comparing().await;
}
