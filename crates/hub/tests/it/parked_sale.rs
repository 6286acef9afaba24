//! `/v1/parked-sales`, `/v1/sales/{id}/park` and `/take-up`.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::world::{World, on_both_engines, text};

on_both_engines!(
    a_sale_is_parked_listed_taken_up_and_paid,
    of_ten_registers_one_takes_it_up,
    what_breaks_a_rule_is_refused_and_changes_nothing,
    parked_sales_of_another_merchant_are_not_there,
);

/// Two pieces of 500 yen.
async fn a_sale(world: &World) -> (String, String) {
    let article = world.stocked_article(500, 10).await;
    (world.open_sale(&article, 2).await, article)
}

async fn parked(world: &World, name: &str) -> (String, String) {
    let (sale, article) = a_sale(world).await;
    world.post(&format!("/v1/sales/{sale}/park"), &json!({ "name": name })).await.expect(200);
    (sale, article)
}

fn here(world: &World) -> Value {
    json!({ "register_id": world.shop.register.to_string() })
}

async fn a_sale_is_parked_listed_taken_up_and_paid(world: World) {
    let (sale, article) = a_sale(&world).await;
    let path = format!("/v1/sales/{sale}");
    let (park, cash) = (json!({ "name": "青いコート" }), json!({ "kind": "cash", "given_minor": 1_000 }));
    let answer = world.post(&format!("{path}/park"), &park).await.expect(200);
    assert_eq!((&answer["state"], &answer["total_minor"]), (&json!("parked"), &json!(1_000)));
    let location = world.shop.location.to_string();
    let list = world.get(&format!("/v1/parked-sales?location_id={location}")).await.expect(200);
    let expected = json!({
        "object": "parked_sale", "sale_id": sale, "name": "青いコート", "location_id": location,
        "register_id": world.shop.register.to_string(), "currency": "JPY", "total_minor": 1_000,
        "parked_by": list["data"][0]["parked_by"], "parked_at": list["data"][0]["parked_at"],
        "reserved_until": list["data"][0]["reserved_until"],
    });
    assert_eq!(list["data"], json!([expected]));
    // Its goods stay promised, and nobody pays for it meanwhile.
    let level = world.get(&format!("/v1/stock-levels?location_id={location}&article_id={article}")).await;
    if level.status == 200 {
        assert_eq!(level.expect(200)["data"][0]["reserved"], "2");
    }
    world.post(&format!("{path}/tenders"), &cash).await.expect_problem(409, "sale_not_open");
    let taken = world.post(&format!("{path}/take-up"), &here(&world)).await.expect(200);
    assert_eq!(taken["state"], "open");
    assert_eq!(world.get("/v1/parked-sales").await.expect(200)["data"], json!([]));
    assert_eq!(world.post(&format!("{path}/tenders"), &cash).await.expect(200)["state"], "completed");
    assert_eq!(world.on_hand(&article).await, "8");
    let kinds = world.events_of(&sale).await;
    assert_eq!(kinds[..3], ["sale.opened", "sale.parked", "sale.taken_up"]);
    world.close().await;
}

async fn of_ten_registers_one_takes_it_up(world: World) {
    let (sale, _) = parked(&world, "table 4").await;
    let (path, body) = (format!("/v1/sales/{sale}/take-up"), here(&world));
    let replies = join_all((0..10).map(|_| world.post(&path, &body))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    for refused in replies.iter().filter(|reply| reply.status != 200) {
        refused.expect_problem(409, "sale_not_parked");
    }
    world.close().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(world: World) {
    let (sale, _) = a_sale(&world).await;
    let (park, take_up) = (format!("/v1/sales/{sale}/park"), format!("/v1/sales/{sale}/take-up"));
    world.post(&take_up, &here(&world)).await.expect_problem(409, "sale_not_parked");
    for (status, code, body) in [
        (422, "sale_name_invalid", json!({ "name": "" })),
        (422, "sale_name_invalid", json!({ "name": "x".repeat(41) })),
        (400, "text_looks_like_card_number", json!({ "name": "4111111111111111" })),
        (400, "body_invalid", json!({})),
        (400, "body_invalid", json!({ "name": "x", "colour": "red" })),
    ] {
        let reply = world.post(&park, &body).await;
        reply.expect_problem(status, code);
        assert!(!String::from_utf8_lossy(&reply.bytes).contains("4111"));
    }
    let viewer = world.post_as(&world.shop.viewer, &park, &world.fresh_key(), &[], &json!({ "name": "x" })).await;
    viewer.expect_problem(403, "role_too_low");
    let part = json!({ "kind": "cash", "given_minor": 100, "amount_minor": 100 });
    world.post(&format!("/v1/sales/{sale}/tenders"), &part).await.expect(200);
    world.post(&park, &json!({ "name": "x" })).await.expect_problem(409, "sale_has_paid_tender");
    assert_eq!(world.get("/v1/parked-sales").await.expect(200)["data"], json!([]));
    let (waiting, _) = parked(&world, "table 4").await;
    let nowhere = json!({ "register_id": format!("reg_{:032x}", 1) });
    let path = format!("/v1/sales/{waiting}/take-up");
    world.post(&path, &nowhere).await.expect_problem(404, "register_not_found");
    let elsewhere = format!("/v1/parked-sales?location_id=loc_{:032x}", 1);
    world.get(&elsewhere).await.expect_problem(404, "location_not_found");
    world.close().await;
}

async fn parked_sales_of_another_merchant_are_not_there(world: World) {
    let (sale, _) = parked(&world, "table 4").await;
    let other = &world.other_shop;
    let body = json!({ "register_id": other.register.to_string() });
    let path = format!("/v1/sales/{sale}/take-up");
    world.post_as(&other.manager, &path, &world.fresh_key(), &[], &body).await.expect_problem(404, "sale_not_found");
    let path = format!("/v1/sales/{sale}/park");
    let reply = world.post_as(&other.manager, &path, &world.fresh_key(), &[], &json!({ "name": "x" })).await;
    reply.expect_problem(404, "sale_not_found");
    assert_eq!(world.get_as(&other.manager, "/v1/parked-sales", &[]).await.expect(200)["data"], json!([]));
    let location = world.shop.location.to_string();
    let path = format!("/v1/parked-sales?location_id={location}");
    world.get_as(&other.manager, &path, &[]).await.expect_problem(404, "location_not_found");
    assert_eq!(text(&world.get("/v1/parked-sales").await.expect(200)["data"][0]["sale_id"]), sale);
    world.close().await;
}
