//! Alipay against the played one, in a shop that counts in yuan: what a register sees, what a customer does, what a
//! notification is worth, and what never leaks.

use connectors::Probe;
use hub::config::Hidden;
use serde_json::{Value, json};

use crate::world::{Kind, Reply, World, alipay_options, journey, on_both_engines, operations, text};

on_both_engines!(in "CNY":
    a_code_is_shown_scanned_paid_and_shown_again,
    a_code_that_nobody_scans_is_cancelled_and_cannot_be_paid,
    a_code_that_was_lost_on_its_way_is_undone_and_nobody_is_charged,
    a_customer_who_pays_in_the_last_moment_has_paid,
    a_scanned_code_is_paid_and_leaves_no_trace,
    a_scanned_code_waits_for_the_customer,
    a_void_gives_all_back_and_refunds_come_in_parts,
    a_notification_pays_once_however_often_and_late_it_comes,
    a_notification_that_is_not_alipays_or_not_for_us_changes_nothing,
    a_refund_from_the_portal_is_kept_once_and_a_person_is_asked,
    credentials_are_sealed_and_replaced_while_the_hub_serves,
);

const CODE: &str = "287654321098765432";
const WAIT: [(&str, &str); 1] = [("prefer", "wait=50")];

impl World {
    async fn ask_alipay(&self, path: &str, body: Value) -> Reply {
        self.post_as(&self.shop.live_manager, path, &self.fresh_key(), &WAIT, &body).await
    }

    async fn shown_by_alipay(&self, amount_minor: i64) -> Value {
        self.ask_alipay("/v1/payments", self.payment_of(self.shop.alipay, amount_minor)).await.expect(201)
    }

    async fn scanned_by_alipay(&self, amount_minor: i64) -> Value {
        let mut body = self.payment_of(self.shop.alipay, amount_minor);
        body["customer_code"] = json!(CODE);
        self.ask_alipay("/v1/payments", body).await.expect(201)
    }

    fn net_at_alipay(&self, payment: &Value) -> i64 {
        let reference = Self::charge_of(&text(&payment["id"]));
        self.alipay.ledger().iter().find(|entry| entry.reference == reference).map_or(0, |entry| entry.net_amount)
    }
}

async fn a_code_is_shown_scanned_paid_and_shown_again(world: World) {
    let shown = world.shown_by_alipay(1_913).await;
    let id = text(&shown["id"]);
    assert_eq!((&shown["next_action"], &shown["currency"]), (&json!("show_code"), &json!("CNY")));
    assert!(text(&shown["presented_code"]["text"]).starts_with("https://qr.alipay.com/"));
    assert!(shown["presented_code"]["expires_at"].is_string());
    // Until somebody scans it Alipay knows of no trade; then of one that waits.
    let is_asked = |payment: &Value| operations(payment)[0]["asked_count"].as_i64() > Some(1);
    let asked = world.wait_for_payment(&id, "asked about", is_asked).await;
    assert_eq!((&asked["next_action"], &asked["presented_code"]), (&json!("show_code"), &shown["presented_code"]));
    assert!(world.alipay.scan(&World::charge_of(&id)));
    assert_eq!(world.payment(&id).await["state"], "in_progress");
    assert!(world.alipay.pay(&World::charge_of(&id)));
    let paid = world.wait_for_state(&id, "captured").await;
    assert_eq!((paid["captured_minor"].as_i64(), world.net_at_alipay(&paid)), (Some(1_913), 1_913));
    assert_eq!(text(&operations(&paid)[0]["provider_reference"]).len(), 28);
    assert_eq!(world.events_of(&id).await, ["payment.created", "payment.code_presented", "payment.captured"]);
    world.close().await;
}

async fn a_code_that_nobody_scans_is_cancelled_and_cannot_be_paid(world: World) {
    let id = text(&world.shown_by_alipay(1_913).await["id"]);
    let ended = world.wait_for_state(&id, "reversed").await;
    assert_eq!((&ended["next_action"], &ended["customer_charged"]), (&json!("use_another_tender"), &json!("no")));
    assert!(!world.alipay.pay(&World::charge_of(&id)));
    // One that was scanned and not confirmed is closed.
    let id = text(&world.shown_by_alipay(2_913).await["id"]);
    assert!(world.alipay.scan(&World::charge_of(&id)));
    let body = json!({ "reason": "pays in cash" });
    let ended = world.ask_alipay(&format!("/v1/payments/{id}/cancel"), body).await.expect(200);
    assert_eq!((&ended["state"], &ended["customer_charged"]), (&json!("reversed"), &json!("no")));
    assert!(!world.alipay.pay(&World::charge_of(&id)));
    world.wait_for_payment(&id, "told so", |payment| journey(payment)[0] == "purchase cancelled").await;
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn a_code_that_was_lost_on_its_way_is_undone_and_nobody_is_charged(world: World) {
    for digits in [903, 904, 905, 909, 921] {
        let ended = world.shown_by_alipay(3_000 + digits).await;
        assert_eq!(ended["customer_charged"], "no", "{digits}: {ended}");
        assert!(matches!(ended["state"].as_str(), Some("reversed" | "cancelled")), "{digits}: {ended}");
        assert!(ended.get("presented_code").is_none());
        assert_eq!(world.net_at_alipay(&ended), 0);
    }
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn a_customer_who_pays_in_the_last_moment_has_paid(world: World) {
    let id = text(&world.shown_by_alipay(1_913).await["id"]);
    assert!(world.alipay.pay(&World::charge_of(&id)));
    let path = format!("/v1/payments/{id}/cancel");
    let cancelled = world.ask_alipay(&path, json!({ "reason": "went away" })).await;
    // Either the payment was there first, or the cancel found it paid and gave it back.
    let payment = match cancelled.status {
        200 => world.wait_for_payment(&id, "at rest", |payment| payment["state"] != "in_progress").await,
        _ => world.wait_for_state(&id, "captured").await,
    };
    let expected = if payment["state"] == "captured" { ("yes", 1_913) } else { ("no", 0) };
    assert_eq!((text(&payment["customer_charged"]).as_str(), world.net_at_alipay(&payment)), expected);
    world.close().await;
}

async fn a_scanned_code_is_paid_and_leaves_no_trace(world: World) {
    let paid = world.scanned_by_alipay(1_200).await;
    assert_eq!((&paid["state"], world.net_at_alipay(&paid)), (&json!("captured"), 1_200));
    assert_eq!(journey(&paid), ["purchase approved"]);
    // Its answer is lost, or says that nobody knows: it is found again under our reference.
    for amount in [1_903, 1_905] {
        let found = world.scanned_by_alipay(amount).await;
        assert_eq!((&found["state"], world.net_at_alipay(&found)), (&json!("captured"), amount));
    }
    let refused = world.scanned_by_alipay(1_901).await;
    assert_eq!((&refused["state"], world.net_at_alipay(&refused)), (&json!("declined"), 0));
    assert_eq!(operations(&refused)[0]["reason"], "insufficient_funds");
    let key = &sandbox::alipay::Options::private_key()[100..160];
    for table in ["payment", "operation", "event", "audit", "job", "idempotency", "exception", "connection"] {
        let rows = world.rows_of(table).await;
        assert!([CODE, key].iter().all(|secret| !rows.contains(secret)), "{table}");
    }
    let events = json!(world.events().await).to_string();
    assert!(!events.contains(CODE) && !paid.to_string().contains(CODE));
    world.close().await;
}

async fn a_scanned_code_waits_for_the_customer(world: World) {
    let mut body = world.payment_of(world.shop.alipay, 1_913);
    body["customer_code"] = json!(CODE);
    let live = &world.shop.live_manager;
    let begun = world.post_as(live, "/v1/payments", &world.fresh_key(), &[], &body).await.expect(201);
    let id = text(&begun["id"]);
    let is_asked = |payment: &Value| payment["next_action"] == "ask_customer_to_confirm";
    world.wait_for_payment(&id, "to be confirmed", is_asked).await;
    assert!(world.alipay.pay(&World::charge_of(&id)));
    world.wait_for_state(&id, "captured").await;
    world.close().await;
}

async fn a_void_gives_all_back_and_refunds_come_in_parts(world: World) {
    let id = text(&world.scanned_by_alipay(1_000).await["id"]);
    let voided = world.ask_alipay(&format!("/v1/payments/{id}/void"), json!({})).await.expect(200);
    assert_eq!((&voided["state"], world.net_at_alipay(&voided)), (&json!("voided"), 0));
    let id = text(&world.scanned_by_alipay(2_000).await["id"]);
    for (part, left) in [(500, 1_500), (903, 597), (597, 0)] {
        let path = format!("/v1/payments/{id}/refunds");
        world.ask_alipay(&path, json!({ "amount_minor": part })).await.expect(201);
        let is_given_back = |payment: &Value| payment["refunded_minor"] == 2_000 - left;
        let payment = world.wait_for_payment(&id, "given back", is_given_back).await;
        assert_eq!(world.net_at_alipay(&payment), left);
    }
    world.close().await;
}

/// A payment that waits for its customer, and the address of its notifications.
async fn a_waiting_payment(world: &World) -> (String, String) {
    let id = text(&world.shown_by_alipay(1_913).await["id"]);
    assert!(world.alipay.scan(&World::charge_of(&id)));
    (id, format!("/v1/webhooks/alipay/{}", world.shop.alipay))
}

async fn notify(world: &World, path: &str, form: &str) -> Reply {
    let headers = [("content-type", "application/x-www-form-urlencoded; text/html; charset=utf-8")];
    world.send("POST", path, &headers, Some(form.as_bytes().to_vec())).await.unwrap()
}

/// A notification of the played Alipay, with something else in it.
fn news(world: &World, id: &str, status: &str, other: &[(&str, &str)]) -> String {
    let (options, reference) = (alipay_options(), World::charge_of(id));
    let mut fields = vec![
        ("app_id", options.app_id.as_str()),
        ("charset", "utf-8"),
        ("notify_time", "2026-01-28 10:30:00"),
        ("out_trade_no", reference.as_str()),
        ("seller_id", options.seller_id.as_str()),
        ("sign_type", "RSA2"),
        ("subject", "珈琲 & more"),
        ("total_amount", "19.13"),
        ("trade_no", "2026012800000000000000000001"),
        ("trade_status", status),
    ];
    fields.retain(|(name, _)| other.iter().all(|(other, _)| other != name));
    fields.extend_from_slice(other);
    world.alipay.notification(&fields)
}

async fn a_notification_pays_once_however_often_and_late_it_comes(world: World) {
    let (id, path) = a_waiting_payment(&world).await;
    assert!(world.alipay.pay(&World::charge_of(&id)));
    let right = news(&world, &id, "TRADE_SUCCESS", &[]);
    for _ in 0..3 {
        let taken = notify(&world, &path, &right).await;
        // Alipay wants to hear the one word.
        assert_eq!((taken.status, taken.bytes.as_slice()), (200, b"success".as_slice()));
    }
    world.wait_for_state(&id, "captured").await;
    // Older news than what is known is no news.
    notify(&world, &path, &news(&world, &id, "WAIT_BUYER_PAY", &[])).await.expect(200);
    let paid = world.payment(&id).await;
    assert_eq!((&paid["state"], &paid["captured_minor"]), (&json!("captured"), &json!(1_913)));
    let kinds = world.events_of(&id).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "payment.captured").count(), 1);
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn a_notification_that_is_not_alipays_or_not_for_us_changes_nothing(world: World) {
    let (id, path) = a_waiting_payment(&world).await;
    let right = news(&world, &id, "TRADE_SUCCESS", &[]);
    let unsigned = right.split("&sign=").next().unwrap().to_owned();
    let altered = right.replace("19.13", "19.14");
    let added = format!("{right}&receipt_amount=1.00");
    let twice = format!("{right}&sign=AAAA");
    let for_another_app = news(&world, &id, "TRADE_SUCCESS", &[("app_id", "2021000000000002")]);
    for wrong in [&unsigned, &altered, &added, &twice, &for_another_app, ""] {
        notify(&world, &path, wrong).await.expect_problem(401, "signature_invalid");
    }
    // Rightly signed, and not about a payment of this connection.
    notify(&world, &path, &news(&world, "pay_00000000000000000000000000000001", "TRADE_SUCCESS", &[]))
        .await
        .expect_problem(404, "payment_not_found");
    let others = format!("/v1/webhooks/alipay/{}", world.other_shop.alipay);
    notify(&world, &others, &right).await.expect_problem(404, "payment_not_found");
    let of_sandbox = format!("/v1/webhooks/alipay/{}", world.shop.sandbox);
    notify(&world, &of_sandbox, &right).await.expect_problem(404, "connection_not_found");
    assert_eq!(world.payment(&id).await["state"], "in_progress");
    assert!(world.alipay.pay(&World::charge_of(&id)));
    world.wait_for_state(&id, "captured").await;
    world.close().await;
}

async fn a_refund_from_the_portal_is_kept_once_and_a_person_is_asked(world: World) {
    let (id, path) = a_waiting_payment(&world).await;
    assert!(world.alipay.pay(&World::charge_of(&id)));
    world.wait_for_state(&id, "captured").await;
    let told = [("out_biz_no", "portal-1"), ("refund_fee", "3.00"), ("buyer_logon_id", "a***@example.com")];
    for _ in 0..2 {
        notify(&world, &path, &news(&world, &id, "TRADE_SUCCESS", &told)).await.expect(200);
    }
    let live = &world.shop.live_manager;
    let of_payment = format!("/v1/provider-notices?kind=refund&payment_id={id}");
    let kept = world.get_as(live, &of_payment, &[]).await.expect(200)["data"].clone();
    assert_eq!(kept.as_array().map(Vec::len), Some(1), "{kept}");
    let kept = &kept[0];
    assert_eq!((&kept["amount_minor"], &kept["is_signed"]), (&json!(300), &json!(true)));
    assert_eq!(kept["fields"]["out_biz_no"], "portal-1");
    assert!(kept["fields"]["buyer_logon_id"].is_null() && kept["fields"]["sign"].is_null());
    let one = format!("/v1/provider-notices/{}", text(&kept["id"]));
    assert_eq!(&world.get_as(live, &one, &[]).await.expect(200), kept);
    world.get_as(&world.other_shop.live_manager, &one, &[]).await.expect_problem(404, "provider_notice_not_found");
    let exceptions = world.exceptions().await;
    let [(kind, exception)] = exceptions.as_slice() else { panic!("{exceptions:?}") };
    assert_eq!((kind.as_str(), &exception["at_risk_minor"]), ("not_asked_for", &json!(300)));
    assert_eq!((&exception["subject"], operations(&world.payment(&id).await).len()), (&json!(id), 1));
    // A complaint names no trade.
    let options = alipay_options();
    let complaint = world.alipay.notification(&[
        ("app_id", options.app_id.as_str()),
        ("msg_method", "alipay.merchant.tradecomplain.changed"),
        ("notify_id", "n-1"),
        ("seller_id", options.seller_id.as_str()),
    ]);
    notify(&world, &path, &complaint).await.expect(200);
    let disputes = world.get_as(live, "/v1/provider-notices?kind=dispute", &[]).await.expect(200);
    assert_eq!((&disputes["data"][0]["notice_id"], &disputes["data"][0]["payment_id"]), (&json!("n-1"), &Value::Null));
    world.close().await;
}

async fn credentials_are_sealed_and_replaced_while_the_hub_serves(world: World) {
    let operator = world.operator().await;
    let right = alipay_options().credentials();
    let set = async |words: &str| {
        operator.set_credentials(world.shop.alipay, &Hidden::new(words.to_owned()), 0).await.unwrap()
    };
    // Another app: Alipay refuses it, and nothing was done.
    let other_app = right.replace(&alipay_options().app_id, "2021000000000002");
    assert_eq!(set(&other_app).await, 1);
    let refused = world.scanned_by_alipay(1_000).await;
    assert_eq!(operations(&refused)[0]["reason"], "credentials_refused_by_provider");
    assert_eq!(world.probe(world.shop.alipay).await, Probe::CredentialsRefused);
    // A key that is not a key: nothing is sent.
    assert_eq!(set("2021000000000001:nonsense:nonsense").await, 2);
    let refused = world.scanned_by_alipay(1_000).await;
    assert_eq!(operations(&refused)[0]["reason"], "connection_misconfigured");
    assert_eq!(set(&right).await, 3);
    assert_eq!(world.probe(world.shop.alipay).await, Probe::Fine);
    assert_eq!(world.scanned_by_alipay(1_000).await["state"], "captured");
    let rows = world.rows_of("connection").await;
    assert!(!rows.contains(&right[100..160]));
    operator.close().await.unwrap();
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_counts_in_yen_is_told_that_alipay_does_not() {
    let Some(world) = World::open(Kind::Sqlite).await else { return };
    let refused = world.shown_by_alipay(1_000).await;
    assert_eq!((&refused["state"], &refused["customer_charged"]), (&json!("not_sent"), &json!("no")));
    assert_eq!(operations(&refused)[0]["reason"], "currency_not_supported_by_provider");
    assert!(world.alipay.ledger().is_empty());
    world.close().await;
}
