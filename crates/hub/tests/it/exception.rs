//! `/v1/exceptions`.

use std::time::Duration;

use domain::id::SaleId;
use domain::sale::ExpireReservation;
use serde_json::{Value, json};

use crate::notification::{news, notify, route};
use crate::support::shop::run;
use crate::support::{On, TestHub};
use crate::world::{World, on_both_engines, sign, text};

on_each_engine! {
    what_was_oversold_is_listed_for_a_person,
}

on_both_engines!(a_manager_takes_an_exception_and_says_how_it_ended);

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

async fn a_manager_takes_an_exception_and_says_how_it_ended(world: World) {
    let id = world.begin_payment(world.shop.sandbox, 1_200).await;
    world.wait_for_state(&id, "captured").await;
    let body = news(&format!("{id}-7"), "approved", 300);
    notify(&world, &route(world.shop.sandbox), &body, &[&sign(&body)]).await.expect(200);
    let (_, exception) = world.exceptions().await.remove(0);
    let path = format!("/v1/exceptions/{}", text(&exception["id"]));
    assert_eq!(world.get(&path).await.expect(200), exception);

    let to = |what: &str| format!("{path}/{what}");
    let taken = world.post(&to("assign"), &json!({ "owner": "Aiko" })).await.expect(200);
    assert_eq!((&taken["owner"], &taken["state"], &taken["version"]), (&json!("Aiko"), &json!("open"), &json!(2)));
    for (what, body, status, code) in [
        ("assign", json!({ "owner": " " }), 422, "exception_owner_invalid"),
        ("resolve", json!({ "reason": "ok" }), 422, "exception_reason_invalid"),
        ("resolve", json!({ "reason": "4111 1111 1111 1111" }), 400, "text_looks_like_card_number"),
        ("resolve", json!({}), 400, "body_invalid"),
    ] {
        world.post(&to(what), &body).await.expect_problem(status, code);
    }
    let reason = json!({ "reason": "Keyed on the device for another till." });
    let key = world.fresh_key();
    world
        .post_as(&world.other_shop.manager, &to("resolve"), &key, &[], &reason)
        .await
        .expect_problem(404, "exception_not_found");
    world.post_as(&world.shop.cashier, &to("resolve"), &key, &[], &reason).await.expect_problem(403, "role_too_low");
    let ended = world.post(&to("resolve"), &reason).await.expect(200);
    assert_eq!((&ended["state"], &ended["resolution"]), (&json!("resolved"), &reason["reason"]));
    assert!(world.exceptions().await.is_empty());
    let resolved = world.get("/v1/exceptions?state=resolved").await.expect(200);
    assert_eq!(resolved["data"], json!([ended]));
    world.post(&to("resolve"), &reason).await.expect_problem(409, "exception_already_resolved");
    assert_eq!(
        world.events_of(&text(&exception["id"])).await,
        ["exception.opened", "exception.assigned", "exception.resolved"]
    );

    // The provider tells of it once more: the cause is back.
    let body = news(&format!("{id}-7"), "approved", 301);
    notify(&world, &route(world.shop.sandbox), &body, &[&sign(&body)]).await.expect(200);
    let (_, again) = world.exceptions().await.remove(0);
    assert_eq!((&again["id"], &again["owner"], &again["resolution"]), (&ended["id"], &json!("manager"), &Value::Null));
    world.close().await;
}
