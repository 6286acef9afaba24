//! `POST /v1/webhooks/{provider}/{connection_id}`.

use domain::id::ConnectionId;
use serde_json::{Value, json};

use crate::world::{Reply, World, on_both_engines, operations, sign};

on_both_engines!(
    a_notification_without_the_right_signature_changes_nothing,
    a_signed_notification_is_merged_once,
    a_notification_about_nothing_of_ours_is_told_so,
    a_connection_speaks_of_its_own_payments_only,
    what_the_provider_did_by_itself_becomes_an_exception,
);

pub fn route(connection: ConnectionId) -> String {
    format!("/v1/webhooks/sandbox/{connection}")
}

/// A notification in the sandbox's words.
pub fn news(reference: &str, status: &str, approved: i64) -> Vec<u8> {
    let body = json!({
        "id": "ntf_1", "reference": reference, "charge_id": "ch_1", "kind": "purchase", "status": status,
        "amount": approved, "approved_amount": approved, "currency": "JPY",
    });
    body.to_string().into_bytes()
}

pub async fn notify(world: &World, path: &str, body: &[u8], signatures: &[&str]) -> Reply {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(signatures.iter().map(|signature| ("x-sandbox-signature", *signature)));
    world.send("POST", path, &headers, Some(body.to_vec())).await.unwrap()
}

async fn a_pending_payment(world: &World) -> String {
    let id = world.begin_payment(world.shop.sandbox, 1_913).await;
    let is_pending = |payment: &Value| operations(payment)[0]["state"] == "pending";
    world.wait_for_payment(&id, "pending", is_pending).await;
    id
}

async fn a_notification_without_the_right_signature_changes_nothing(world: World) {
    let id = a_pending_payment(&world).await;
    let (before, events) = (world.payment(&id).await, world.events().await.len());
    let body = news(&World::charge_of(&id), "approved", 1_913);
    let good = sign(&body);
    let (other, cut) = (sign(b"another body"), &good[1..]);
    let path = route(world.shop.sandbox);
    let wrong: [&[&str]; 6] = [&[], &[&other], &[cut], &[""], &["zz"], &[&good, &good]];
    for signatures in wrong {
        let reply = notify(&world, &path, &body, signatures).await;
        reply.expect_problem(401, "signature_invalid");
    }
    let mut changed = body.clone();
    changed.push(b' ');
    notify(&world, &path, &changed, &[&good]).await.expect_problem(401, "signature_invalid");
    // No credentials of this connection are configured.
    notify(&world, &route(world.shop.live), &body, &[&good]).await.expect_problem(404, "connection_not_found");
    let after = world.payment(&id).await;
    assert_eq!((&after["state"], &after["captured_minor"]), (&before["state"], &before["captured_minor"]));
    assert_eq!(world.events().await.len(), events);
    assert!(world.sandbox.approve(&World::charge_of(&id)));
    world.wait_for_state(&id, "captured").await;
    world.close().await;
}

async fn a_signed_notification_is_merged_once(world: World) {
    let id = a_pending_payment(&world).await;
    let body = news(&World::charge_of(&id), "approved", 1_913);
    let path = route(world.shop.sandbox);
    assert!(world.sandbox.approve(&World::charge_of(&id)));
    assert_eq!(notify(&world, &path, &body, &[&sign(&body)]).await.expect(200), json!({}));
    world.wait_for_state(&id, "captured").await;
    let events = world.events_of(&id).await;
    for _ in 0..3 {
        notify(&world, &path, &body, &[&sign(&body)]).await.expect(200);
    }
    // Older news than what is known is no news.
    let older = news(&World::charge_of(&id), "pending", 0);
    notify(&world, &path, &older, &[&sign(&older)]).await.expect(200);
    assert_eq!(world.payment(&id).await["state"], "captured");
    assert_eq!(world.events_of(&id).await, events);
    assert_eq!(events, ["payment.created", "payment.captured"]);
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn a_notification_about_nothing_of_ours_is_told_so(world: World) {
    let path = route(world.shop.sandbox);
    let signed = async |path: &str, body: &[u8]| notify(&world, path, body, &[&sign(body)]).await;
    let nobody = "pay_00000000000000000000000000000001-1";
    signed(&path, &news(nobody, "approved", 5)).await.expect_problem(404, "payment_not_found");
    signed(&path, &news("order 66", "approved", 5)).await.expect_problem(404, "payment_not_found");
    signed(&path, b"{\"id\":").await.expect_problem(400, "body_invalid");
    signed(&path, b"").await.expect_problem(400, "body_invalid");
    let body = news(nobody, "approved", 5);
    for path in [
        "/v1/webhooks/sandbox/con_00000000000000000000000000000001".to_owned(),
        "/v1/webhooks/sandbox/whoever".to_owned(),
        format!("/v1/webhooks/manual/{}", world.shop.sandbox),
        format!("/v1/webhooks/sandbox/{}", world.shop.manual),
        format!("/v1/webhooks/manual/{}", world.shop.manual),
    ] {
        signed(&path, &body).await.expect_problem(404, "connection_not_found");
    }
    world.close().await;
}

async fn a_connection_speaks_of_its_own_payments_only(world: World) {
    let id = a_pending_payment(&world).await;
    let body = news(&World::charge_of(&id), "approved", 1_913);
    // The same secret: it is the connection that decides.
    for connection in [world.shop.hasty, world.other_shop.sandbox] {
        let reply = notify(&world, &route(connection), &body, &[&sign(&body)]).await;
        reply.expect_problem(404, "payment_not_found");
    }
    assert_eq!(world.payment(&id).await["state"], "in_progress");
    assert!(world.sandbox.approve(&World::charge_of(&id)));
    world.wait_for_state(&id, "captured").await;
    world.close().await;
}

async fn what_the_provider_did_by_itself_becomes_an_exception(world: World) {
    let id = world.begin_payment(world.shop.sandbox, 1_200).await;
    world.wait_for_state(&id, "captured").await;
    let body = news(&format!("{id}-7"), "approved", 300);
    notify(&world, &route(world.shop.sandbox), &body, &[&sign(&body)]).await.expect(200);
    let exceptions = world.exceptions().await;
    let [(kind, exception)] = exceptions.as_slice() else { panic!("{exceptions:?}") };
    assert_eq!((kind.as_str(), &exception["at_risk_minor"]), ("not_asked_for", &json!(300)));
    assert_eq!(operations(&world.payment(&id).await).len(), 1);
    world.close().await;
}
