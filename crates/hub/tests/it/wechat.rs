//! WeChat Pay, all three variants, against the played one: what a register sees, what a customer does, what is believed and
//! what never leaks.

use std::time::{Duration, Instant};

use connectors::Probe;
use domain::merchant::ConnectionSettings;
use hub::config::Hidden;
use hub::operator::NewConnection;
use serde_json::{Value, json};

use crate::world::{Reply, WECHAT_HOLD_MS, World, journey, on_both_engines, operations, text, wechat_options};

on_both_engines!(
    a_code_is_shown_and_paid,
    a_code_that_nobody_pays_is_closed,
    a_code_is_not_made_where_nobody_could_be_told,
    a_scanned_code_is_paid_and_leaves_no_trace,
    a_scanned_code_waits_for_a_password,
    a_cancel_that_comes_too_early_waits,
    a_password_that_nobody_types_is_given_up,
    a_void_is_a_reverse_of_what_was_scanned_and_a_refund_of_what_was_shown,
    v2_gives_back_by_its_certificate_and_to_nobody_without,
    a_notification_is_believed_once_and_only_by_its_signature,
    the_platform_replaces_its_key_while_the_hub_serves,
    a_refund_that_was_made_elsewhere_is_an_exception,
    credentials_are_sealed_and_tried,
);

const CODE: &str = "134567890123456789";
const WAIT: [(&str, &str); 1] = [("prefer", "wait=50")];
const MAINLAND: usize = 0;
const GLOBAL: usize = 1;
const V2: usize = 2;

impl World {
    /// A request of the shop's live key that waits for the end.
    async fn wechat_post(&self, path: &str, body: Value) -> Reply {
        self.post_as(&self.shop.live_manager, path, &self.fresh_key(), &WAIT, &body).await
    }

    async fn wechat_shown(&self, variant: usize, amount_minor: i64) -> Value {
        let body = self.payment_of(self.shop.wechat[variant], amount_minor);
        self.wechat_post("/v1/payments", body).await.expect(201)
    }

    async fn wechat_scanned(&self, variant: usize, amount_minor: i64) -> Value {
        let mut body = self.payment_of(self.shop.wechat[variant], amount_minor);
        body["customer_code"] = json!(CODE);
        self.wechat_post("/v1/payments", body).await.expect(201)
    }

    /// Asks for one whose customer has to type a password, and waits until that is known.
    async fn wechat_asked(&self, variant: usize, amount_minor: i64) -> String {
        let mut body = self.payment_of(self.shop.wechat[variant], amount_minor);
        body["customer_code"] = json!(CODE);
        let live = &self.shop.live_manager;
        let begun = self.post_as(live, "/v1/payments", &self.fresh_key(), &[], &body).await.expect(201);
        let id = text(&begun["id"]);
        let is_asked = |payment: &Value| payment["next_action"] == "ask_customer_to_confirm";
        self.wait_for_payment(&id, "to be confirmed", is_asked).await;
        id
    }

    fn wechat_net(&self, payment: &Value) -> i64 {
        let number = text(&payment["id"]).replace("pay_", "");
        self.wechat.ledger().iter().find(|entry| entry.number == number).map_or(0, |entry| entry.net_amount)
    }
}

async fn a_code_is_shown_and_paid(world: World) {
    for variant in [MAINLAND, GLOBAL] {
        let shown = world.wechat_shown(variant, 1_913).await;
        let id = text(&shown["id"]);
        assert_eq!((&shown["next_action"], &shown["state"]), (&json!("show_code"), &json!("in_progress")));
        assert!(text(&shown["presented_code"]["text"]).starts_with("weixin://wxpay/"));
        assert!(shown["presented_code"]["expires_at"].is_string());
        assert!(world.confirm(&id));
        let paid = world.get_as(&world.shop.live_manager, &format!("/v1/payments/{id}"), &WAIT).await.expect(200);
        assert_eq!((&paid["state"], &paid["next_action"]), (&json!("captured"), &json!("hand_over_goods")));
        assert!(text(&operations(&paid)[0]["provider_reference"]).starts_with("42"));
        assert_eq!(world.events_of(&id).await, ["payment.created", "payment.code_presented", "payment.captured"]);
    }
    world.close().await;
}

async fn a_code_that_nobody_pays_is_closed(world: World) {
    let id = text(&world.wechat_shown(MAINLAND, 1_913).await["id"]);
    let ended = world.wait_for_state(&id, "reversed").await;
    assert_eq!(ended["next_action"], "use_another_tender");
    assert!(!world.confirm(&id));
    world.wait_for_payment(&id, "told so", |payment| journey(payment)[0] == "purchase cancelled").await;
    // One that was lost on its way is closed, too.
    for digits in [903, 904, 905, 909, 921] {
        let ended = world.wechat_shown(GLOBAL, 3_000 + digits).await;
        assert_eq!(ended["customer_charged"], "no", "{digits}: {ended}");
        assert!(ended.get("presented_code").is_none());
    }
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn a_code_is_not_made_where_nobody_could_be_told(mut world: World) {
    world.change_settings(|settings| settings.provider.notify_base = None).await;
    let ended = world.wechat_shown(MAINLAND, 1_000).await;
    assert_eq!(
        (&ended["state"], &operations(&ended)[0]["reason"]),
        (&json!("not_sent"), &json!("notify_base_missing"))
    );
    // What a customer shows is told of by its answer.
    assert_eq!(world.wechat_scanned(GLOBAL, 1_000).await["state"], "captured");
    world.close().await;
}

async fn a_scanned_code_is_paid_and_leaves_no_trace(world: World) {
    let options = wechat_options();
    let secrets = [CODE, &options.apiv3_key, &options.api_key, "PRIVATE KEY"];
    for variant in [MAINLAND, GLOBAL, V2] {
        let paid = world.wechat_scanned(variant, 1_200).await;
        assert_eq!((&paid["state"], world.wechat_net(&paid)), (&json!("captured"), 1_200), "{paid}");
        assert_eq!(journey(&paid), ["purchase approved"]);
        // Its answer is lost: it is found again under its number.
        let found = world.wechat_scanned(variant, 1_903).await;
        assert_eq!((&found["state"], world.wechat_net(&found)), (&json!("captured"), 1_903), "{found}");
        let refused = world.wechat_scanned(variant, 1_901).await;
        assert_eq!(operations(&refused)[0]["reason"], "insufficient_funds");
        assert!(secrets.iter().all(|secret| !paid.to_string().contains(secret)));
    }
    let mut foreign = world.payment_of(world.shop.wechat[V2], 1_000);
    foreign["customer_code"] = json!("281234567890123456");
    let refused = world.wechat_post("/v1/payments", foreign).await.expect(201);
    assert_eq!(operations(&refused)[0]["reason"], "customer_code_invalid");
    for table in ["payment", "operation", "event", "audit", "job", "idempotency", "exception", "connection"] {
        let rows = world.rows_of(table).await;
        assert!(secrets.iter().all(|secret| !rows.contains(secret)), "{table}");
    }
    let shown = world.wechat_post("/v1/payments", world.payment_of(world.shop.wechat[V2], 1_000)).await;
    shown.expect_problem(422, "customer_code_missing");
    world.close().await;
}

async fn a_scanned_code_waits_for_a_password(world: World) {
    for variant in [GLOBAL, V2] {
        let id = world.wechat_asked(variant, 1_913).await;
        assert!(world.confirm(&id));
        world.wait_for_state(&id, "captured").await;
        let id = world.wechat_asked(variant, 2_913).await;
        assert!(world.wechat.call_off(&id.replace("pay_", "")));
        let ended = world.wait_for_state(&id, "declined").await;
        assert_eq!(ended["next_action"], "use_another_tender");
    }
    world.close().await;
}

async fn a_cancel_that_comes_too_early_waits(world: World) {
    let begun = Instant::now();
    let id = world.wechat_asked(GLOBAL, 1_913).await;
    let path = format!("/v1/payments/{id}/cancel");
    let live = &world.shop.live_manager;
    let body = json!({ "reason": "the customer went away" });
    let asked = world.post_as(live, &path, &world.fresh_key(), &[], &body).await.expect(200);
    if begun.elapsed() < Duration::from_millis(u64::try_from(WECHAT_HOLD_MS).unwrap()) {
        assert_eq!(operations(&asked)[1]["state"], "recorded", "{asked}");
    }
    let ended = world.wait_for_state(&id, "reversed").await;
    assert!(begun.elapsed() >= Duration::from_millis(u64::try_from(WECHAT_HOLD_MS).unwrap()));
    assert_eq!((&ended["customer_charged"], world.wechat_net(&ended)), (&json!("no"), 0));
    assert!(!world.confirm(&id));
    world.close().await;
}

async fn a_password_that_nobody_types_is_given_up(world: World) {
    for variant in [MAINLAND, V2] {
        let ended = world.wechat_scanned(variant, 1_913).await;
        assert_eq!((&ended["state"], &ended["customer_charged"]), (&json!("reversed"), &json!("no")), "{ended}");
        assert!(!world.confirm(&text(&ended["id"])));
    }
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn a_void_is_a_reverse_of_what_was_scanned_and_a_refund_of_what_was_shown(world: World) {
    let void = async |payment: &Value| {
        let path = format!("/v1/payments/{}/void", text(&payment["id"]));
        world.wechat_post(&path, json!({})).await.expect(200)
    };
    let scanned = void(&world.wechat_scanned(GLOBAL, 1_000).await).await;
    assert_eq!((&scanned["state"], world.wechat_net(&scanned)), (&json!("voided"), 0), "{scanned}");
    let number = text(&scanned["id"]).replace("pay_", "");
    let entry = world.wechat.ledger().into_iter().find(|entry| entry.number == number).unwrap();
    assert_eq!(entry.state, sandbox::wechat::State::Revoked);
    let shown = world.wechat_shown(MAINLAND, 1_913).await;
    assert!(world.confirm(&text(&shown["id"])));
    world.wait_for_state(&text(&shown["id"]), "captured").await;
    let voided = void(&shown).await;
    assert_eq!((&voided["state"], world.wechat_net(&voided)), (&json!("voided"), 0), "{voided}");
    assert!(text(&operations(&voided)[1]["provider_reference"]).starts_with("50"));
    world.close().await;
}

async fn v2_gives_back_by_its_certificate_and_to_nobody_without(world: World) {
    let paid = world.wechat_scanned(V2, 1_000).await;
    let path = format!("/v1/payments/{}/refunds", text(&paid["id"]));
    let refunded = world.wechat_post(&path, json!({ "amount_minor": 300 })).await.expect(201);
    assert_eq!((&refunded["state"], world.wechat_net(&refunded)), (&json!("partially_refunded"), 700), "{refunded}");
    // The same server without TLS sees no certificate: it takes money and gives none back.
    let mut operator = world.operator().await;
    let merchant = world.merchant_of(world.shop.wechat[V2]).await;
    let settings = ConnectionSettings { variant: "v2".to_owned(), ..ConnectionSettings::at(&world.wechat_url) };
    let credentials = Some(Hidden::new(world.wechat.credentials_of_v2()));
    let new = NewConnection { merchant, provider: "wechat".to_owned(), settings, credentials };
    let bare = operator.add_connection(new).await.unwrap();
    operator.close().await.unwrap();
    let mut body = world.payment_of(bare, 2_000);
    body["customer_code"] = json!(CODE);
    let paid = world.wechat_post("/v1/payments", body).await.expect(201);
    assert_eq!(paid["state"], "captured", "{paid}");
    let path = format!("/v1/payments/{}/refunds", text(&paid["id"]));
    let live = &world.shop.live_manager;
    world.post_as(live, &path, &world.fresh_key(), &[], &json!({})).await.expect(201);
    let id = text(&paid["id"]);
    let is_asked = |payment: &Value| operations(payment).get(1).is_some_and(|one| one["state"] == "unknown");
    let doubtful = world.wait_for_payment(&id, "in doubt", is_asked).await;
    assert_eq!((&doubtful["refunded_minor"], world.wechat_net(&doubtful)), (&json!(0), 2_000));
    world.stop_without_comparing().await;
}

async fn a_notification_is_believed_once_and_only_by_its_signature(world: World) {
    // Told twice; signed six minutes ago first; probed and forged first.
    for digits in [906, 907, 920] {
        let shown = world.wechat_shown(GLOBAL, 1_000 + digits).await;
        let id = text(&shown["id"]);
        let paid = world.wait_for_state(&id, "captured").await;
        assert_eq!(world.wechat_net(&paid), 1_000 + digits);
        assert_eq!(world.events_of(&id).await.last().map(String::as_str), Some("payment.captured"));
    }
    let shown = world.wechat_shown(GLOBAL, 1_913).await;
    let path = format!("/v1/webhooks/wechat/{}", world.shop.wechat[GLOBAL]);
    let news = json!({ "event_type": "TRANSACTION.SUCCESS", "resource": {} }).to_string().into_bytes();
    let post = async |path: &str, signature: &str| {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs().to_string();
        let mut headers = vec![("content-type", "application/json")];
        let signed = [
            ("wechatpay-timestamp", now.as_str()),
            ("wechatpay-nonce", "nonce"),
            ("wechatpay-serial", "PUB_KEY_ID_0000000000000000000000000000000001"),
            ("wechatpay-signature", signature),
        ];
        headers.extend(signed.into_iter().filter(|_| !signature.is_empty()));
        world.send("POST", path, &headers, Some(news.clone())).await.unwrap()
    };
    for signature in ["", "AAAA", "WECHATPAY/SIGNTEST/AAAA", "not base64"] {
        post(&path, signature).await.expect_problem(401, "signature_invalid");
    }
    // v2 tells nothing by itself.
    let v2 = format!("/v1/webhooks/wechat/{}", world.shop.wechat[V2]);
    post(&v2, "AAAA").await.expect_problem(404, "connection_not_found");
    assert_eq!(world.payment(&text(&shown["id"])).await["customer_charged"], "unknown");
    assert!(world.confirm(&text(&shown["id"])));
    world.wait_for_state(&text(&shown["id"]), "captured").await;
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn the_platform_replaces_its_key_while_the_hub_serves(world: World) {
    let operator = world.operator().await;
    let connection = world.shop.wechat[GLOBAL];
    let set = async |words: String| operator.set_credentials(connection, &Hidden::new(words), 0).await.unwrap();
    set(world.wechat.credentials_of_v3_in_rotation()).await;
    assert_eq!(world.wechat_scanned(GLOBAL, 1_000).await["state"], "captured");
    world.wechat.rotate();
    assert_eq!(world.wechat_scanned(GLOBAL, 1_000).await["state"], "captured");
    let shown = world.wechat_shown(GLOBAL, 1_913).await;
    assert!(world.confirm(&text(&shown["id"])));
    let paid = world.wait_for_state(&text(&shown["id"]), "captured").await;
    assert!(matches!(operations(&paid)[0]["witness"].as_str(), Some("notification" | "inquiry")), "{paid}");
    // Whoever does not know the new key believes nothing.
    set(world.wechat.credentials_of_v3()).await;
    let mut body = world.payment_of(connection, 1_000);
    body["customer_code"] = json!(CODE);
    let live = &world.shop.live_manager;
    let begun = world.post_as(live, "/v1/payments", &world.fresh_key(), &[], &body).await.expect(201);
    let id = text(&begun["id"]);
    let is_doubtful = |payment: &Value| payment["state"] == "in_doubt";
    let doubtful = world.wait_for_payment(&id, "in doubt", is_doubtful).await;
    assert_eq!(doubtful["customer_charged"], "unknown");
    set(world.wechat.credentials_of_v3_in_rotation()).await;
    world
        .wait_for_payment(&id, "known", |payment| matches!(payment["state"].as_str(), Some("captured" | "reversed")))
        .await;
    operator.close().await.unwrap();
    world.close().await;
}

async fn a_refund_that_was_made_elsewhere_is_an_exception(world: World) {
    let shown = world.wechat_shown(GLOBAL, 1_913).await;
    let id = text(&shown["id"]);
    assert!(world.confirm(&id));
    world.wait_for_state(&id, "captured").await;
    assert!(world.wechat.refund_by_hand(&id.replace("pay_", ""), 300));
    world.wait_until("told of", async || !world.exceptions().await.is_empty()).await;
    let exceptions = world.exceptions().await;
    let [(kind, exception)] = exceptions.as_slice() else { panic!("{exceptions:?}") };
    assert_eq!((kind.as_str(), &exception["at_risk_minor"]), ("not_asked_for", &json!(300)));
    assert_eq!(operations(&world.payment(&id).await).len(), 1);
    world.stop_without_comparing().await;
}

async fn credentials_are_sealed_and_tried(world: World) {
    for connection in world.shop.wechat {
        assert_eq!(world.probe(connection).await, Probe::Fine);
    }
    let operator = world.operator().await;
    let [_, global, v2] = world.shop.wechat;
    let (v3, old) = (world.wechat.credentials_of_v3(), world.wechat.credentials_of_v2());
    let options = wechat_options();
    let wrong_serial = v3.replace(&options.serial_no, "5157000000000000000000000000000000000000");
    operator.set_credentials(global, &Hidden::new(wrong_serial), 0).await.unwrap();
    assert_eq!(world.probe(global).await, Probe::CredentialsRefused);
    let refused = world.wechat_scanned(GLOBAL, 1_000).await;
    assert_eq!(operations(&refused)[0]["reason"], "credentials_refused_by_provider");
    let wrong_key = old.replace(&options.api_key, "another-key");
    operator.set_credentials(v2, &Hidden::new(wrong_key), 0).await.unwrap();
    assert_eq!(world.probe(v2).await, Probe::CredentialsRefused);
    // A merchant who entered WeChat's old key would believe no answer.
    let other = world.wechat.credentials_of_v3_in_rotation();
    let (_, next) = other.rsplit_once("PUB_KEY_ID").unwrap();
    let (head, _) = v3.split_once("PUB_KEY_ID").unwrap();
    let wrong_platform = format!("{head}PUB_KEY_ID{next}");
    operator.set_credentials(global, &Hidden::new(wrong_platform), 0).await.unwrap();
    assert_eq!(world.probe(global).await, Probe::NotUnderstood);
    let short = v3.replace(&options.apiv3_key, "testMchAPIv3Key0");
    operator.set_credentials(global, &Hidden::new(short), 0).await.unwrap();
    let refused = world.wechat_scanned(GLOBAL, 1_000).await;
    assert_eq!(operations(&refused)[0]["reason"], "connection_misconfigured");
    operator.set_credentials(global, &Hidden::new(v3), 0).await.unwrap();
    assert_eq!(world.wechat_scanned(GLOBAL, 1_000).await["state"], "captured");
    let rows = world.rows_of("connection").await;
    assert!(!rows.contains("PRIVATE KEY") && !rows.contains(&options.apiv3_key) && !rows.contains(&options.api_key));
    operator.close().await.unwrap();
    world.close().await;
}
