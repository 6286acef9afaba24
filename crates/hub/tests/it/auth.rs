//! Who is let in.

use std::time::Duration;

use domain::id::ApiKeyId;
use domain::merchant::RevokeApiKey;
use hub::api_key::{self, Environment};
use hub::http::auth::BELIEVED_FOR;
use reqwest::Method;

use crate::support::shop::run;
use crate::support::{On, TestHub};

on_each_engine! {
    only_a_known_key_is_let_in,
    a_revoked_key_is_out_within_seconds,
    every_route_but_health_and_pages_asks_who_is_calling,
}

async fn only_a_known_key_is_let_in(on: On) {
    let hub = TestHub::start(on).await;
    let path = "/v1/articles";
    let request = |header: &str| hub.request(Method::GET, path).header("authorization", header);
    hub.request(Method::GET, path).send().await.expect_problem(401, "key_missing");
    request("Basic abc").send().await.expect_problem(401, "key_missing");
    request("Bearer tb_live_1_2_3").send().await.expect_problem(401, "key_malformed");
    let mistyped = hub.shop.viewer.replace("tb_test_", "tb_live_");
    request(&format!("Bearer {mistyped}")).send().await.expect_problem(401, "key_malformed");
    let unknown = api_key::draw(Environment::Live, ApiKeyId::from_uuid(uuid::Uuid::from_u128(7)));
    let answer = request(&format!("Bearer {unknown}")).send().await;
    answer.expect_problem(401, "key_unknown");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    // Another secret under a known id.
    let forged = api_key::draw(Environment::Test, hub.shop.cashier_key);
    request(&format!("Bearer {forged}")).send().await.expect_problem(401, "key_unknown");
    request(&format!("bearer {}", hub.shop.viewer)).send().await.expect(200);
    hub.stop().await;
}

async fn a_revoked_key_is_out_within_seconds(on: On) {
    let hub = TestHub::start(on).await;
    let path = "/v1/articles";
    hub.get(&hub.shop.cashier, path).await.expect(200);
    run(&hub.running.app, hub.shop.merchant, RevokeApiKey { id: hub.shop.cashier_key }).await;
    // A clock on the wall that is set back does not keep the key alive.
    hub.hand.jump(-600_000);
    hub.hand.advance(BELIEVED_FOR);
    hub.get(&hub.shop.cashier, path).await.expect_problem(401, "key_revoked");
    hub.hand.advance(Duration::from_secs(60));
    hub.get(&hub.shop.cashier, path).await.expect_problem(401, "key_revoked");
    hub.get(&hub.shop.manager, path).await.expect(200);
    hub.stop().await;
}

async fn every_route_but_health_and_pages_asks_who_is_calling(on: On) {
    let hub = TestHub::start(on).await;
    for route in hub::http::routes() {
        let is_open =
            // Pages hold no data.
            matches!(route.path, "/" | "/docs" | "/card-app" | "/healthz" | "/readyz" | "/metrics")
            || route.path.starts_with("/v1/webhooks/")
            // A request there is signed with the key of its endpoint.
            || route.path.contains("/mapi/v1/") || route.path.contains("/api/v2/")
            // A terminal proves its key over the channel.
            || route.path == "/v1/terminal-channel"
            // A device signs what it asks; POS software without a key is let in by what its register goes by.
            || matches!(route.path, "/v1/terminals/enrol" | "/v1/terminals/{id}/code")
            || route.path.starts_with("/POS/");
        if is_open {
            continue;
        }
        let path = route.path.replace("{id}", "x").replace("{number}", "1");
        hub.request(route.method, &path).send().await.expect_problem(401, "key_missing");
    }
    hub.stop().await;
}
