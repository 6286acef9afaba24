//! `/healthz`, `/readyz` and `/metrics`.

use hub::database::{Durability, Synchronous};
use reqwest::Method;
use serde_json::json;

use crate::support::{On, TestHub};

on_each_engine! {
    a_hub_in_health_is_ready,
    metrics_are_for_the_machine_and_for_managers,
    behind_a_proxy_nobody_is_local,
}

async fn a_hub_in_health_is_ready(on: On) {
    let hub = TestHub::start(on).await;
    assert_eq!(hub.request(Method::GET, "/healthz").send().await.expect(200), json!({ "status": "ok" }));
    let ready = hub.request(Method::GET, "/readyz").send().await.expect(200);
    assert_eq!(
        ready,
        json!({ "status": "ready", "reasons": [], "is_loss_accepted": false, "is_disk_nearly_full": false })
    );
    hub.stop().await;
}

async fn metrics_are_for_the_machine_and_for_managers(on: On) {
    let hub = TestHub::start(on).await;
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let metrics = hub.request(Method::GET, "/metrics").send().await;
    assert_eq!(metrics.status, 200);
    for name in [
        "tillbridge_http_request_seconds_bucket",
        "route=\"/v1/sales\"",
        "tillbridge_batch_commands",
        "tillbridge_commands_waiting",
    ] {
        assert!(metrics.text().contains(name), "{name}");
    }
    hub.stop().await;
}

async fn behind_a_proxy_nobody_is_local(on: On) {
    let hub = TestHub::start_with(on, |config| config.serve.behind_proxy = true).await;
    hub.request(Method::GET, "/metrics").send().await.expect_problem(401, "key_missing");
    hub.get(&hub.shop.cashier, "/metrics").await.expect_problem(403, "role_too_low");
    for key in [&hub.shop.manager, &hub.shop.system] {
        assert_eq!(hub.get(key, "/metrics").await.status, 200);
    }
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_may_lose_answers_makes_the_hub_not_ready() {
    let hub = TestHub::start_with(On::Sqlite, |config| config.database.synchronous = Synchronous::Normal).await;
    let ready = hub.request(Method::GET, "/readyz").send().await.expect(503);
    assert_eq!(
        ready,
        json!({ "status": "not_ready", "reasons": ["durability_weak"], "is_loss_accepted": false, "is_disk_nearly_full": false })
    );
    hub.stop().await;
    let accept = |config: &mut hub::config::Config| {
        config.database.synchronous = Synchronous::Normal;
        config.database.durability = Durability::AcceptLoss;
    };
    let hub = TestHub::start_with(On::Sqlite, accept).await;
    let ready = hub.request(Method::GET, "/readyz").send().await.expect(200);
    assert_eq!(
        ready,
        json!({ "status": "ready", "reasons": [], "is_loss_accepted": true, "is_disk_nearly_full": false })
    );
    hub.stop().await;
}
