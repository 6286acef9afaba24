//! The card app on the register's device: launched once, after the intent is durable, and believed only where it speaks
//! clearly. Everything else is a person's, and never a second charge.

use domain::id::ConnectionId;
use domain::merchant::ConnectionSettings;
use hub::operator::NewConnection;
use serde_json::{Value, json};

use crate::world::{Reply, World, journey, on_both_engines, operations, text};

on_both_engines!(
    the_app_is_launched_once_and_its_approval_pays_the_sale,
    what_the_app_does_not_say_clearly_is_a_persons,
    nothing_of_a_card_is_kept_of_what_the_app_says,
    only_what_the_app_takes_is_launched,
);

impl World {
    async fn add_card_app(&self) -> ConnectionId {
        let merchant = text(&self.get("/v1/merchant").await.expect(200)["id"]).parse().unwrap();
        let settings = ConnectionSettings { is_test: true, ..ConnectionSettings::default() };
        let mut operator = self.operator().await;
        let new = NewConnection { merchant, provider: "card_app".to_owned(), settings, credentials: None };
        let id = operator.add_connection(new).await.unwrap();
        operator.close().await.unwrap();
        id
    }

    async fn launch(&self, payment: &str) -> Reply {
        self.post(&format!("/v1/payments/{payment}/app-launch"), &json!({})).await
    }

    async fn tell(&self, payment: &str, more: Value) -> Reply {
        let mut body = json!({ "contract": 1 });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post(&format!("/v1/payments/{payment}/app-result"), &body).await
    }
}

async fn the_app_is_launched_once_and_its_approval_pays_the_sale(world: World) {
    let app = world.add_card_app().await;
    let article = world.stocked_article(500, 10).await;
    let sale = world.open_sale(&article, 2).await;
    let mut body = world.payment_of(app, 1_000);
    body["sale_id"] = json!(sale);
    let asked = world.post("/v1/payments", &body).await.expect(201);
    let id = text(&asked["id"]);
    assert_eq!((&asked["next_action"], journey(&asked)), (&json!("wait"), vec!["purchase recorded".to_owned()]));
    let (path, key) = (format!("/v1/payments/{id}/app-launch"), world.fresh_key());
    let first = world.post_as(&world.shop.cashier, &path, &key, &[], &json!({})).await;
    let expected = json!({
        "object": "app_launch", "payment_id": id, "contract": 1, "amount": 1_000, "currency": "JPY",
        "transaction_id": World::charge_of(&id),
    });
    assert_eq!(first.expect(200), expected);
    assert_eq!(journey(&world.payment(&id).await), ["purchase sent"]);
    let again = world.post_as(&world.shop.cashier, &path, &key, &[], &json!({})).await;
    assert!(again.is_replay && again.bytes == first.bytes);
    // A page that was loaded again draws another key.
    world.launch(&id).await.expect_problem(409, "app_already_launched");
    let told = json!({ "status": "success", "approval_code": "APP123" });
    let paid = world.tell(&id, told.clone()).await.expect(200);
    assert_eq!((&paid["state"], &paid["next_action"]), (&json!("captured"), &json!("hand_over_goods")));
    assert_eq!(operations(&paid)[0]["provider_reference"], "APP123");
    assert_eq!(world.get(&format!("/v1/sales/{sale}")).await.expect(200)["state"], "completed");
    assert_eq!(world.tell(&id, told).await.expect(200)["version"], paid["version"], "told twice it is the same");
    world.launch(&id).await.expect_problem(409, "app_already_launched");
    world.close().await;
}

async fn what_the_app_does_not_say_clearly_is_a_persons(world: World) {
    let app = world.add_card_app().await;
    let launched = async || {
        let id = text(&world.post("/v1/payments", &world.payment_of(app, 700)).await.expect(201)["id"]);
        world.launch(&id).await.expect(200);
        id
    };
    let id = launched().await;
    let declined = world.tell(&id, json!({ "status": "declined", "reason": "limit" })).await.expect(200);
    assert_eq!((&declined["state"], &operations(&declined)[0]["reason"]), (&json!("declined"), &json!("limit")));
    for unclear in [
        json!({ "status": "success" }),
        json!({ "status": "success", "approval_code": "" }),
        json!({ "status": "error", "reason": "E-17" }),
        json!({ "is_cancelled": true }),
        json!({}),
        json!({ "status": "finished", "approval_code": "APP123" }),
    ] {
        let id = launched().await;
        let told = world.tell(&id, unclear.clone()).await.expect(200);
        assert_eq!(
            (&told["state"], &told["customer_charged"]),
            (&json!("needs_person"), &json!("unknown")),
            "{unclear}"
        );
        assert_eq!(told["next_action"], "ask_manager");
        let exceptions = world.exceptions().await;
        assert_eq!((exceptions.len(), exceptions[0].0.as_str()), (1, "payment_in_doubt"));
        // The person has the app's slip.
        let slip = json!({ "outcome": "approved", "provider_reference": "APP124" });
        let paid = world.post(&format!("/v1/payments/{id}/outcome"), &slip).await.expect(200);
        assert_eq!((&paid["state"], operations(&paid)[0]["witness"].clone()), (&json!("captured"), json!("person")));
        assert!(world.exceptions().await.is_empty());
    }
    let id = launched().await;
    let body = json!({ "contract": 2, "status": "success", "approval_code": "APP123" });
    let refused = world.post(&format!("/v1/payments/{id}/app-result"), &body).await;
    refused.expect_problem(422, "app_contract_unknown");
    assert_eq!(journey(&world.payment(&id).await), ["purchase sent"]);
    world.tell(&id, json!({ "status": "declined" })).await.expect(200);
    world.close().await;
}

async fn nothing_of_a_card_is_kept_of_what_the_app_says(world: World) {
    let app = world.add_card_app().await;
    const PAN: &str = "4000056655665556";
    for told in [
        json!({ "status": "declined", "reason": format!("card {PAN}") }),
        json!({ "status": "success", "approval_code": PAN }),
        json!({ "status": PAN }),
    ] {
        let id = text(&world.post("/v1/payments", &world.payment_of(app, 700)).await.expect(201)["id"]);
        world.launch(&id).await.expect(200);
        let answer = world.tell(&id, told).await.expect(200);
        assert!(!answer.to_string().contains(PAN), "{answer}");
    }
    for table in ["payment", "operation", "event", "audit", "idempotency", "exception"] {
        assert!(!world.rows_of(table).await.contains(PAN), "{table}");
    }
    world.close().await;
}

async fn only_what_the_app_takes_is_launched(world: World) {
    let id = world.begin_payment(world.shop.manual, 500).await;
    world.launch(&id).await.expect_problem(422, "app_not_used");
    world.tell(&id, json!({ "status": "declined" })).await.expect_problem(422, "app_not_used");
    world.post(&format!("/v1/payments/{id}/outcome"), &json!({ "outcome": "cancelled" })).await.expect(200);
    let app = world.add_card_app().await;
    let asked = world.post("/v1/payments", &world.payment_of(app, 700)).await.expect(201);
    let id = text(&asked["id"]);
    world.tell(&id, json!({ "status": "declined" })).await.expect_problem(409, "app_not_launched");
    let path = format!("/v1/payments/{id}/app-launch");
    world.post_as(&world.shop.viewer, &path, "k", &[], &json!({})).await.expect_problem(403, "role_too_low");
    let live = world.post_as(&world.shop.live_manager, &path, "k", &[], &json!({})).await;
    live.expect_problem(403, "key_environment_mismatch");
    let others = world.post_as(&world.other_shop.manager, &path, "k", &[], &json!({})).await;
    others.expect_problem(404, "payment_not_found");
    world.launch(&id).await.expect(200);
    world.tell(&id, json!({ "status": "declined" })).await.expect(200);
    world.close().await;
}
