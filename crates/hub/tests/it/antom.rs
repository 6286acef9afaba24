//! Antom against the played one: the code of any wallet, what a notification is worth, and what never leaks.

use connectors::Probe;
use hub::config::{Config, Hidden};
use serde_json::{Value, json};

use crate::world::{Reply, World, antom_options, journey, on_both_engines, text};

on_both_engines!(
    a_scanned_code_is_paid_and_leaves_no_trace,
    a_scanned_code_waits_for_the_customer_and_is_cancelled_in_the_end,
    a_void_is_a_cancel_and_refunds_come_in_parts,
    a_notification_pays_once_however_often_and_late_it_comes,
    a_notification_that_is_not_antoms_or_not_for_us_changes_nothing,
    a_notification_is_signed_over_the_path_before_the_proxy,
    a_refund_from_the_portal_is_kept_once_and_one_of_ours_is_not,
    credentials_are_sealed_and_replaced_while_the_hub_serves,
);

const CODE: &str = "281234567890123456";
const WAIT: [(&str, &str); 1] = [("prefer", "wait=50")];

impl World {
    async fn ask_antom(&self, path: &str, body: Value) -> Reply {
        self.post_as(&self.shop.live_manager, path, &self.fresh_key(), &WAIT, &body).await
    }

    async fn scanned_by_antom(&self, amount_minor: i64) -> Value {
        let mut body = self.payment_of(self.shop.antom, amount_minor);
        body["customer_code"] = json!(CODE);
        self.ask_antom("/v1/payments", body).await.expect(201)
    }

    /// A payment that waits for its customer.
    async fn waiting_at_antom(&self) -> String {
        let mut body = self.payment_of(self.shop.antom, 1_913);
        body["customer_code"] = json!(CODE);
        let live = &self.shop.live_manager;
        let begun = self.post_as(live, "/v1/payments", &self.fresh_key(), &[], &body).await.expect(201);
        let id = text(&begun["id"]);
        let is_asked = |payment: &Value| payment["next_action"] == "ask_customer_to_confirm";
        self.wait_for_payment(&id, "to be confirmed", is_asked).await;
        id
    }

    fn net_at_antom(&self, payment: &Value) -> i64 {
        let reference = Self::charge_of(&text(&payment["id"]));
        self.antom.ledger().iter().find(|entry| entry.reference == reference).map_or(0, |entry| entry.net_amount)
    }
}

async fn a_scanned_code_is_paid_and_leaves_no_trace(world: World) {
    let paid = world.scanned_by_antom(1_200).await;
    assert_eq!((&paid["state"], world.net_at_antom(&paid)), (&json!("captured"), 1_200));
    assert_eq!(journey(&paid), ["purchase approved"]);
    // Its answer is lost, or says that nobody knows: it is found again under our reference.
    for amount in [1_903, 1_905] {
        let found = world.scanned_by_antom(amount).await;
        assert_eq!((&found["state"], world.net_at_antom(&found)), (&json!("captured"), amount));
    }
    let refused = world.scanned_by_antom(1_901).await;
    assert_eq!((&refused["state"], world.net_at_antom(&refused)), (&json!("declined"), 0));
    let without = world.payment_of(world.shop.antom, 1_200);
    world.ask_antom("/v1/payments", without).await.expect_problem(422, "customer_code_missing");
    let key = &antom_options().credentials()[100..160];
    for table in ["payment", "operation", "event", "audit", "job", "idempotency", "exception", "connection"] {
        let rows = world.rows_of(table).await;
        assert!([CODE, key].iter().all(|secret| !rows.contains(secret)), "{table}");
    }
    let events = json!(world.events().await).to_string();
    assert!(!events.contains(CODE) && !paid.to_string().contains(CODE));
    world.close().await;
}

async fn a_scanned_code_waits_for_the_customer_and_is_cancelled_in_the_end(world: World) {
    let id = world.waiting_at_antom().await;
    assert!(world.antom.pay(&World::charge_of(&id)));
    world.wait_for_state(&id, "captured").await;
    // One whose customer calls it off, and one whose customer does nothing.
    let id = world.waiting_at_antom().await;
    assert!(world.antom.call_off(&World::charge_of(&id)));
    world.wait_for_state(&id, "declined").await;
    let id = world.waiting_at_antom().await;
    let ended = world.wait_for_state(&id, "reversed").await;
    assert_eq!((&ended["customer_charged"], world.net_at_antom(&ended)), (&json!("no"), 0));
    assert!(!world.antom.pay(&World::charge_of(&id)));
    world.close().await;
}

async fn a_void_is_a_cancel_and_refunds_come_in_parts(world: World) {
    let id = text(&world.scanned_by_antom(1_000).await["id"]);
    let voided = world.ask_antom(&format!("/v1/payments/{id}/void"), json!({})).await.expect(200);
    assert_eq!((&voided["state"], world.net_at_antom(&voided)), (&json!("voided"), 0));
    let id = text(&world.scanned_by_antom(2_000).await["id"]);
    for (part, left) in [(500, 1_500), (903, 597), (597, 0)] {
        let path = format!("/v1/payments/{id}/refunds");
        world.ask_antom(&path, json!({ "amount_minor": part })).await.expect(201);
        let is_given_back = |payment: &Value| payment["refunded_minor"] == 2_000 - left;
        let payment = world.wait_for_payment(&id, "given back", is_given_back).await;
        assert_eq!(world.net_at_antom(&payment), left);
    }
    world.close().await;
}

const TIME: &str = "2026-01-28T10:30:00+08:00";

fn news(id: &str, kind: &str) -> String {
    let body = json!({
        "notifyType": kind, "result": { "resultCode": "SUCCESS", "resultStatus": "S", "resultMessage": "success" },
        "paymentRequestId": World::charge_of(id), "paymentId": "2026012800000000000000000001",
        "paymentAmount": { "value": "1913", "currency": "JPY" }, "paymentCreateTime": TIME,
    });
    body.to_string()
}

async fn notify(world: &World, path: &str, body: &str, client_id: &str, signature: &str) -> Reply {
    let headers = [
        ("content-type", "application/json; charset=UTF-8"),
        ("client-id", client_id),
        ("request-time", TIME),
        ("signature", signature),
    ];
    world.send("POST", path, &headers, Some(body.as_bytes().to_vec())).await.unwrap()
}

async fn a_notification_pays_once_however_often_and_late_it_comes(world: World) {
    let id = world.waiting_at_antom().await;
    assert!(world.antom.pay(&World::charge_of(&id)));
    let (path, client) = (format!("/v1/webhooks/antom/{}", world.shop.antom), antom_options().client_id);
    let (right, older) = (news(&id, "PAYMENT_RESULT"), news(&id, "PAYMENT_PENDING"));
    for body in [&right, &right, &older, &right] {
        let signature = world.antom.notification(&path, &client, TIME, body);
        let taken = notify(&world, &path, body, &client, &signature).await.expect(200);
        assert_eq!(taken["result"]["resultStatus"], "S");
    }
    let paid = world.wait_for_state(&id, "captured").await;
    assert_eq!((&paid["captured_minor"], world.net_at_antom(&paid)), (&json!(1_913), 1_913));
    let kinds = world.events_of(&id).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "payment.captured").count(), 1);
    world.close().await;
}

async fn a_refund_from_the_portal_is_kept_once_and_one_of_ours_is_not(world: World) {
    let id = text(&world.scanned_by_antom(1_200).await["id"]);
    let (path, client) = (format!("/v1/webhooks/antom/{}", world.shop.antom), antom_options().client_id);
    let refund = |request_id: &str| {
        let told = json!({
            "notifyType": "REFUND_RESULT", "paymentRequestId": World::charge_of(&id), "refundRequestId": request_id,
            "refundAmount": { "value": "300", "currency": "JPY" }, "refundStatus": "SUCCESS",
        });
        told.to_string()
    };
    for body in [refund("portal-1"), refund("portal-1"), refund(&World::charge_of(&id))] {
        let signature = world.antom.notification(&path, &client, TIME, &body);
        notify(&world, &path, &body, &client, &signature).await.expect(200);
    }
    let kept = world.get_as(&world.shop.live_manager, "/v1/provider-notices", &[]).await.expect(200)["data"].clone();
    assert_eq!(kept.as_array().map(Vec::len), Some(1), "{kept}");
    assert_eq!((&kept[0]["payment_id"], &kept[0]["amount_minor"]), (&json!(id), &json!(300)));
    assert_eq!(kept[0]["fields"]["refundStatus"], "SUCCESS");
    let exceptions = world.exceptions().await;
    let [(kind, exception)] = exceptions.as_slice() else { panic!("{exceptions:?}") };
    assert_eq!((kind.as_str(), &exception["at_risk_minor"]), ("not_asked_for", &json!(300)));
    world.close().await;
}

async fn a_notification_that_is_not_antoms_or_not_for_us_changes_nothing(world: World) {
    let id = world.waiting_at_antom().await;
    let (path, client) = (format!("/v1/webhooks/antom/{}", world.shop.antom), antom_options().client_id);
    let body = news(&id, "PAYMENT_RESULT");
    let right = world.antom.notification(&path, &client, TIME, &body);
    let elsewhere = world.antom.notification("/v1/webhooks/antom/con_1", &client, TIME, &body);
    for wrong in ["", "algorithm=RSA256,keyVersion=1,signature=AAAA", &elsewhere, &right.replace("RSA256", "RSA512")] {
        notify(&world, &path, &body, &client, wrong).await.expect_problem(401, "signature_invalid");
    }
    notify(&world, &path, &format!("{body} "), &client, &right).await.expect_problem(401, "signature_invalid");
    let other = "SANDBOX_5X00000000000001";
    let for_other = world.antom.notification(&path, other, TIME, &body);
    notify(&world, &path, &body, other, &for_other).await.expect_problem(401, "signature_invalid");
    // Rightly signed, and not about a payment of this connection.
    let others = format!("/v1/webhooks/antom/{}", world.other_shop.antom);
    let signature = world.antom.notification(&others, &client, TIME, &body);
    notify(&world, &others, &body, &client, &signature).await.expect_problem(404, "payment_not_found");
    assert_eq!(world.payment(&id).await["customer_charged"], "unknown");
    assert!(world.antom.pay(&World::charge_of(&id)));
    world.wait_for_state(&id, "captured").await;
    world.close().await;
}

async fn a_notification_is_signed_over_the_path_before_the_proxy(mut world: World) {
    let base = |settings: &mut Config| settings.provider.notify_base = Some("https://pay.example.jp/hub/".to_owned());
    world.change_settings(base).await;
    let id = world.waiting_at_antom().await;
    assert!(world.antom.pay(&World::charge_of(&id)));
    let (path, client) = (format!("/v1/webhooks/antom/{}", world.shop.antom), antom_options().client_id);
    let body = news(&id, "PAYMENT_RESULT");
    let of_ours = world.antom.notification(&path, &client, TIME, &body);
    notify(&world, &path, &body, &client, &of_ours).await.expect_problem(401, "signature_invalid");
    let of_theirs = world.antom.notification(&format!("/hub{path}"), &client, TIME, &body);
    notify(&world, &path, &body, &client, &of_theirs).await.expect(200);
    world.wait_for_state(&id, "captured").await;
    world.close().await;
}

async fn credentials_are_sealed_and_replaced_while_the_hub_serves(world: World) {
    let operator = world.operator().await;
    let right = antom_options().credentials();
    let set = async |words: &str| {
        operator.set_credentials(world.shop.antom, &Hidden::new(words.to_owned()), 0).await.unwrap()
    };
    let other_client = right.replace(&antom_options().client_id, "SANDBOX_5X00000000000001");
    assert_eq!(set(&other_client).await, 1);
    assert_eq!(world.probe(world.shop.antom).await, Probe::CredentialsRefused);
    assert_eq!(set(&right).await, 2);
    assert_eq!(world.probe(world.shop.antom).await, Probe::Fine);
    assert_eq!(world.scanned_by_antom(1_000).await["state"], "captured");
    let rows = world.rows_of("connection").await;
    assert!(!rows.contains(&right[100..160]));
    operator.close().await.unwrap();
    world.close().await;
}
