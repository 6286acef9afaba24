//! `/v1/exceptions`.

use std::time::Duration;

use domain::id::SaleId;
use domain::sale::ExpireReservation;
use serde_json::json;

use crate::support::shop::run;
use crate::support::{On, TestHub};

on_each_engine! {
    what_was_oversold_is_listed_for_a_person,
}

async fn what_was_oversold_is_listed_for_a_person(on: On) {
    let hub = TestHub::start(on).await;
    let key = &hub.shop.cashier;
    assert_eq!(
        hub.get(key, "/v1/exceptions").await.expect(200),
        json!({ "object": "list", "data": [], "next_cursor": null })
    );
    let mut draft = hub.a_sale(10, 0);
    draft.as_object_mut().unwrap().remove("tenders");
    let opened = hub.post(key, "/v1/sales", draft).await.expect(201);
    let id: SaleId = opened["id"].as_str().unwrap().parse().unwrap();
    if on == On::Postgres {
        // The time of a batch is the server's, which no test can turn.
        return hub.stop().await;
    }
    hub.hand.advance(Duration::from_secs(15 * 60));
    run(&hub.running.app, hub.shop.merchant, ExpireReservation { sale: id, fence: None }).await;
    hub.post(key, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let cash = json!({ "kind": "cash", "given_minor": 1_500 });
    hub.post(key, &format!("/v1/sales/{id}/tenders"), cash).await.expect(200);
    let listed = hub.get(key, "/v1/exceptions").await.expect(200);
    let exception = &listed["data"][0];
    assert_eq!((&exception["kind"], &exception["subject"]), (&json!("oversold"), &json!(id.to_string())));
    assert_eq!((&exception["owner"], &exception["currency"]), (&json!("manager"), &json!("JPY")));
    hub.stop().await;
}
