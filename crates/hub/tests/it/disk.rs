//! A disk that is nearly full: nothing new is begun, and what is under way is ended.

use serde_json::{Value, json};

use crate::support::hub::postgres_server;
use crate::support::{On, TestHub};
use crate::world::{Kind, World, text};

/// More than any disk has, in MiB.
const TOO_MUCH_MIB: u64 = 1 << 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_new_is_begun_and_what_is_under_way_is_ended() {
    let mut world = World::open(Kind::Sqlite).await.expect("SQLite is there");
    let pending = world.begin_payment(world.shop.sandbox, 1_913).await;
    world.wait_for_payment(&pending, "pending", |payment| payment["operations"][0]["state"] == "pending").await;
    let doubted = world.begin_payment(world.shop.slow_to_settle, 1_909).await;
    let captured = world.begin_payment(world.shop.sandbox, 700).await;
    world.wait_for_state(&captured, "captured").await;
    let (payment, key) = (world.payment_of(world.shop.sandbox, 300), world.fresh_key());
    let manager = world.shop.manager.clone();
    let first = world.post_as(&manager, "/v1/payments", &key, &[], &payment).await;
    first.expect(201);
    let article = world.stocked_article(100, 5).await;

    let room = std::mem::replace(&mut world.settings_mut().database.free_mib_min, TOO_MUCH_MIB);
    world.restart().await;
    let sale = json!({
        "register_id": world.shop.register.to_string(),
        "lines": [{ "article_id": article, "quantity": 1 }],
        "tenders": [{ "kind": "cash", "given_minor": 100 }],
    });
    let later = world.fresh_key();
    for (path, body) in [("/v1/payments", &payment), ("/v1/sales", &sale)] {
        let refused = world.post_as(&manager, path, &later, &[], body).await;
        refused.expect_problem(503, "disk_nearly_full");
        assert_eq!(refused.retry_after.as_deref(), Some("30"));
    }
    // What was begun before is answered as before.
    let again = world.post_as(&manager, "/v1/payments", &key, &[], &payment).await;
    assert_eq!((again.status, again.is_replay, again.bytes), (201, true, first.bytes));
    // Outcomes, inquiries, reversals and refunds go on, and everything is read.
    assert!(world.sandbox.approve(&World::charge_of(&pending)));
    world.wait_for_state(&pending, "captured").await;
    world.wait_for_state(&doubted, "reversed").await;
    world.post_and_wait(&format!("/v1/payments/{captured}/refunds"), &json!({})).await.expect(201);
    world.wait_for_state(&captured, "refunded").await;
    let ready = world.get("/readyz").await.expect(200);
    assert_eq!((&ready["status"], &ready["is_disk_nearly_full"]), (&json!("ready"), &json!(true)));
    // Other hubs of this process write into the same recorder.
    let is_told = async || metrics(&world).await.contains("tillbridge_disk_nearly_full 1");
    world.wait_until("told by a metric", is_told).await;

    world.settings_mut().database.free_mib_min = room;
    world.restart().await;
    let taken = world.post_as(&manager, "/v1/sales", &later, &[], &sale).await;
    assert!(!taken.is_replay);
    assert_eq!(text(&taken.expect(201)["state"]), "completed");
    world.close().await;
}

async fn metrics(world: &World) -> String {
    let answer = reqwest::get(format!("{}/metrics", world.base_url())).await.unwrap();
    answer.text().await.unwrap()
}

/// The disk of a server is not the hub's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_of_a_server_is_not_looked_at() {
    if postgres_server().is_none() {
        println!("skipped: TILLBRIDGE_TEST_POSTGRES names no server");
        return;
    }
    let hub = TestHub::start_with(On::Postgres, |config| config.database.free_mib_min = TOO_MUCH_MIB).await;
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let ready: Value = hub.request(reqwest::Method::GET, "/readyz").send().await.expect(200);
    assert_eq!(ready["is_disk_nearly_full"], false);
    hub.stop().await;
}
