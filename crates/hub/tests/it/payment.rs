//! `/v1/payments`: what can be asked, what is refused, and that one key has one answer.

use std::time::Duration;

use domain::id::ConnectionId;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::contract;
use crate::world::{PATIENCE, Reply, World, check_words, journey, on_both_engines, operations, text};

on_both_engines!(
    a_payment_completes_its_sale_in_one_commit,
    nothing_else_pays_a_sale_while_a_payment_of_it_is_open,
    a_sale_whose_payment_was_declined_is_paid_in_cash,
    the_rest_of_a_partial_approval_is_due_again,
    a_charge_given_up_leaves_the_sale_to_another_tender_and_comes_back_if_it_was_late,
    amounts_and_texts_have_bounds,
    a_refund_gives_back_a_part_or_all,
    two_refunds_under_two_keys_never_give_back_too_much,
    a_refund_that_the_provider_declines_needs_a_person,
    a_void_undoes_the_charge,
    a_pending_charge_can_be_cancelled,
    an_authorization_is_captured_in_part,
    an_authorization_is_voided,
    an_override_as_charged_holds,
    a_charge_that_an_override_called_off_is_given_back_when_it_comes,
    a_terminal_keyed_by_hand_is_told_about,
    a_terminal_keyed_by_hand_that_nobody_tells_about_needs_a_person,
    a_waiting_request_is_answered_at_rest_and_repeated_byte_for_byte,
    a_copy_is_in_flight_while_the_first_waits,
    a_key_whose_caller_went_away_gets_its_answer,
    what_is_committed_is_sent_whoever_goes_away,
    a_key_that_a_dead_hub_left_open_gets_its_answer,
    what_a_stopping_hub_answers_is_what_the_key_has,
    two_hundred_copies_are_one_payment,
    a_key_is_for_one_request,
    a_read_waits_for_rest,
    another_merchants_payments_are_not_there,
    a_key_reaches_what_its_environment_allows,
    roles_are_kept,
    a_restart_in_the_middle_of_doubt_loses_nothing,
    the_stream_tells_a_payment_in_order,
    payments_are_listed_page_by_page,
);

fn sub(id: &str, action: &str) -> String {
    format!("/v1/payments/{id}/{action}")
}

fn of_sale(world: &World, sale: &str) -> Value {
    json!({
        "register_id": world.shop.register.to_string(),
        "connection_id": world.shop.sandbox.to_string(),
        "sale_id": sale,
    })
}

fn with_sale(mut body: Value, sale: &str) -> Value {
    body["sale_id"] = json!(sale);
    body
}

async fn create_with_fault(world: &World, body: &Value, fault: &str) -> String {
    let headers = [("x-sandbox-fault", fault)];
    let reply = world.post_as(&world.shop.manager, "/v1/payments", &world.fresh_key(), &headers, body).await;
    text(&reply.expect(201)["id"])
}

async fn captured(world: &World, connection: ConnectionId, amount: i64) -> String {
    let payment = world.post_and_wait("/v1/payments", &world.payment_of(connection, amount)).await.expect(201);
    assert_eq!(payment["state"], "captured", "{payment}");
    text(&payment["id"])
}

async fn pending(world: &World, connection: ConnectionId, amount: i64) -> String {
    let id = create_with_fault(world, &world.payment_of(connection, amount), "pend").await;
    wait_for_pending(world, &id).await;
    id
}

async fn wait_for_pending(world: &World, id: &str) {
    world.wait_for_payment(id, "pending", |payment| operations(payment)[0]["state"] == "pending").await;
}

async fn sale(world: &World, id: &str) -> Value {
    world.get(&format!("/v1/sales/{id}")).await.expect(200)
}

async fn a_payment_completes_its_sale_in_one_commit(world: World) {
    let article = world.stocked_article(500, 10).await;
    let sale_id = world.open_sale(&article, 2).await;
    assert_eq!(world.on_hand(&article).await, "10");
    let payment = world.post_and_wait("/v1/payments", &of_sale(&world, &sale_id)).await.expect(201);
    assert_eq!((&payment["state"], &payment["captured_minor"]), (&json!("captured"), &json!(1_000)));
    assert_eq!(payment["sale_id"], *sale_id);
    let done = sale(&world, &sale_id).await;
    assert_eq!((&done["state"], &done["due_minor"]), (&json!("completed"), &json!(0)));
    assert_eq!(done["receipt_number"], "A1-00000001");
    let tender = &done["tenders"][0];
    assert_eq!((&tender["kind"], &tender["state"]), (&json!("electronic"), &json!("paid")));
    assert_eq!((&tender["payment_id"], &tender["id"]), (&payment["id"], &payment["tender_id"]));
    assert_eq!(world.on_hand(&article).await, "8");
    let events = world.events().await;
    let at = |kind: &str| events.iter().position(|event| event["kind"] == kind).unwrap();
    let (paid, completed) = (at("payment.captured"), at("sale.completed"));
    assert!(paid < completed);
    assert!(events[paid..=completed].iter().all(|event| event["created_at"] == events[paid]["created_at"]));
    world.close().await;
}

async fn nothing_else_pays_a_sale_while_a_payment_of_it_is_open(world: World) {
    let article = world.stocked_article(500, 10).await;
    let sale_id = world.open_sale(&article, 1).await;
    let first = create_with_fault(&world, &of_sale(&world, &sale_id), "pend").await;
    wait_for_pending(&world, &first).await;
    let code = "payment_in_doubt_or_under_way";
    world.post("/v1/payments", &of_sale(&world, &sale_id)).await.expect_problem(409, code);
    let cash = json!({ "kind": "cash", "given_minor": 500 });
    world.post(&format!("/v1/sales/{sale_id}/tenders"), &cash).await.expect_problem(409, code);
    world.post(&format!("/v1/sales/{sale_id}/void"), &json!({})).await.expect_problem(409, code);
    assert_eq!(sale(&world, &sale_id).await["state"], "open");
    assert!(world.sandbox.approve(&World::charge_of(&first)));
    world.wait_for_state(&first, "captured").await;
    assert_eq!(sale(&world, &sale_id).await["state"], "completed");
    world.post("/v1/payments", &of_sale(&world, &sale_id)).await.expect_problem(409, "sale_not_open");
    world.close().await;
}

async fn a_sale_whose_payment_was_declined_is_paid_in_cash(world: World) {
    let article = world.stocked_article(500, 10).await;
    let sale_id = world.open_sale(&article, 1).await;
    let declined = create_with_fault(&world, &of_sale(&world, &sale_id), "decline").await;
    world.wait_for_state(&declined, "declined").await;
    assert_eq!(sale(&world, &sale_id).await["due_minor"], 500);
    let cash = json!({ "kind": "cash", "given_minor": 1_000 });
    let done = world.post(&format!("/v1/sales/{sale_id}/tenders"), &cash).await.expect(200);
    assert_eq!(done["state"], "completed", "{done}");
    let states: Vec<String> = done["tenders"].as_array().unwrap().iter().map(|one| text(&one["state"])).collect();
    assert!(states.contains(&"failed".to_owned()) && states.contains(&"paid".to_owned()), "{states:?}");
    world.close().await;
}

async fn the_rest_of_a_partial_approval_is_due_again(world: World) {
    let article = world.stocked_article(500, 10).await;
    let sale_id = world.open_sale(&article, 2).await;
    let half = create_with_fault(&world, &of_sale(&world, &sale_id), "partial").await;
    assert_eq!(world.wait_for_state(&half, "captured").await["captured_minor"], 500);
    let open = sale(&world, &sale_id).await;
    assert_eq!((&open["state"], &open["due_minor"]), (&json!("open"), &json!(500)));
    let rest = world.post_and_wait("/v1/payments", &of_sale(&world, &sale_id)).await.expect(201);
    assert_eq!(rest["captured_minor"], 500);
    assert_eq!(sale(&world, &sale_id).await["state"], "completed");
    world.close().await;
}

async fn a_charge_given_up_leaves_the_sale_to_another_tender_and_comes_back_if_it_was_late(world: World) {
    let article = world.stocked_article(500, 10).await;
    let sale_id = world.open_sale(&article, 1).await;
    let body = with_sale(world.payment_of(world.shop.hasty, 500), &sale_id);
    let late = create_with_fault(&world, &body, "late_approval").await;
    world.wait_for_state(&late, "reversed").await;
    let cash = json!({ "kind": "cash", "given_minor": 500 });
    world.post(&format!("/v1/sales/{sale_id}/tenders"), &cash).await.expect(200);
    let payment = world.wait_for_state(&late, "refunded").await;
    assert_eq!(payment["refunded_minor"], 500);
    let done = sale(&world, &sale_id).await;
    let paid: i64 = done["tenders"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["state"] == "paid")
        .map(|one| one["amount_minor"].as_i64().unwrap())
        .sum();
    assert_eq!((&done["state"], paid), (&json!("completed"), 500));
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn amounts_and_texts_have_bounds(world: World) {
    let article = world.stocked_article(500, 10).await;
    let sale_id = world.open_sale(&article, 1).await;
    let with = |more: Value| {
        let mut body = world.payment_of(world.shop.sandbox, 100);
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let long = "x".repeat(201);
    for (more, status, code) in [
        (json!({ "amount_minor": 0 }), 422, "amount_not_positive"),
        (json!({ "amount_minor": -5 }), 422, "amount_not_positive"),
        (json!({ "amount_minor": 9_000_000_000_000_000_i64 }), 422, "amount_too_large"),
        (json!({ "amount_minor": null }), 422, "amount_missing"),
        (json!({ "amount_minor": 1.5 }), 400, "body_invalid"),
        (json!({ "amount_minor": "100" }), 400, "body_invalid"),
        (json!({ "colour": "red" }), 400, "body_invalid"),
        (json!({ "capture": "later" }), 400, "body_invalid"),
        (json!({ "currency": "USD" }), 422, "currency_mismatch"),
        (json!({ "currency": "XXX" }), 400, "body_invalid"),
        (json!({ "reference": long }), 422, "reference_too_long"),
        (json!({ "reference": "card 4111 1111 1111 1111" }), 400, "text_looks_like_card_number"),
        (json!({ "sale_id": sale_id, "amount_minor": 501 }), 422, "tender_exceeds_due"),
        (json!({ "sale_id": sale_id, "amount_minor": 0 }), 422, "amount_out_of_range"),
        (json!({ "sale_id": "sal_00000000000000000000000000000001" }), 404, "sale_not_found"),
        (json!({ "register_id": "reg_00000000000000000000000000000001" }), 404, "register_not_found"),
        (json!({ "connection_id": "con_00000000000000000000000000000001" }), 404, "connection_not_found"),
        (
            json!({ "connection_id": world.shop.manual.to_string(), "capture": "manual" }),
            422,
            "authorize_not_supported",
        ),
    ] {
        let reply = world.post("/v1/payments", &with(more.clone())).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{more}");
        assert!(!String::from_utf8_lossy(&reply.bytes).contains("4111"));
    }
    assert!(world.sandbox.ledger().is_empty());
    let missing = world
        .send(
            "POST",
            "/v1/payments",
            &[("authorization", &format!("Bearer {}", world.shop.cashier)), ("content-type", "application/json")],
            Some(with(json!({})).to_string().into_bytes()),
        )
        .await
        .unwrap();
    missing.expect_problem(400, "idempotency_key_missing");
    // A refusal of the rules is an answer, and is repeated; the smallest and the whole amount are taken.
    let key = world.fresh_key();
    let refused = with(json!({ "amount_minor": 0 }));
    let first = world.post_as(&world.shop.cashier, "/v1/payments", &key, &[], &refused).await;
    let again = world.post_as(&world.shop.cashier, "/v1/payments", &key, &[("prefer", "wait=5")], &refused).await;
    assert_eq!((first.status, &first.bytes, first.is_replay), (again.status, &again.bytes, false));
    assert!(again.is_replay);
    captured(&world, world.shop.sandbox, 1).await;
    let all = world.post_and_wait("/v1/payments", &with(json!({ "sale_id": sale_id, "amount_minor": 500 }))).await;
    assert_eq!(all.expect(201)["state"], "captured");
    world.close().await;
}

async fn a_refund_gives_back_a_part_or_all(world: World) {
    let id = captured(&world, world.shop.sandbox, 1_000).await;
    let charge = World::charge_of(&id);
    let part = world
        .post_and_wait(&sub(&id, "refunds"), &json!({ "amount_minor": 300, "reason": "scratched" }))
        .await
        .expect(201);
    assert_eq!((&part["state"], &part["customer_charged"]), (&json!("partially_refunded"), &json!("yes")));
    assert_eq!(world.sandbox.net_amount(&charge), 700);
    for (amount, code) in [(701, "refund_exceeds_captured"), (0, "amount_not_positive"), (-1, "amount_not_positive")] {
        world.post(&sub(&id, "refunds"), &json!({ "amount_minor": amount })).await.expect_problem(422, code);
    }
    world
        .post(&sub(&id, "refunds"), &json!({ "reason": "4111-1111-1111-1111" }))
        .await
        .expect_problem(400, "text_looks_like_card_number");
    world.post(&sub(&id, "void"), &json!({})).await.expect_problem(409, "payment_not_voidable");
    let rest = world.post_and_wait(&sub(&id, "refunds"), &json!({})).await.expect(201);
    assert_eq!((&rest["state"], &rest["refunded_minor"]), (&json!("refunded"), &json!(1_000)));
    assert_eq!((&rest["customer_charged"], &rest["next_action"]), (&json!("no"), &json!("give_refund_slip")));
    assert_eq!(world.sandbox.net_amount(&charge), 0);
    world.post(&sub(&id, "refunds"), &json!({})).await.expect_problem(422, "refund_exceeds_captured");
    assert_eq!(
        world.events_of(&id).await,
        [
            "payment.created",
            "payment.captured",
            "payment.refund_asked",
            "payment.partially_refunded",
            "payment.refund_asked",
            "payment.refunded",
        ]
    );
    world.close().await;
}

async fn two_refunds_under_two_keys_never_give_back_too_much(world: World) {
    let id = captured(&world, world.shop.sandbox, 1_000).await;
    let body = json!({ "amount_minor": 600 });
    let path = sub(&id, "refunds");
    let replies = join_all((0..8).map(|_| world.post_and_wait(&path, &body))).await;
    let (taken, refused): (Vec<Reply>, Vec<Reply>) = replies.into_iter().partition(|reply| reply.status == 201);
    assert_eq!(taken.len(), 1);
    for reply in refused {
        reply.expect_problem(422, "refund_exceeds_captured");
    }
    world.wait_for_state(&id, "partially_refunded").await;
    assert_eq!(world.sandbox.net_amount(&World::charge_of(&id)), 400);
    world.close().await;
}

async fn a_refund_that_the_provider_declines_needs_a_person(world: World) {
    let id = captured(&world, world.shop.sandbox, 1_000).await;
    let (key, headers) = (world.fresh_key(), [("x-sandbox-fault", "decline"), ("prefer", "wait=50")]);
    let declined =
        world.post_as(&world.shop.manager, &sub(&id, "refunds"), &key, &headers, &json!({})).await.expect(201);
    assert_eq!((&declined["state"], &declined["customer_charged"]), (&json!("captured"), &json!("yes")));
    assert_eq!(journey(&declined), ["purchase approved", "refund declined"]);
    let exceptions = world.exceptions().await;
    assert_eq!((exceptions.len(), exceptions[0].0.as_str()), (1, "refund_failed"));
    let again = world.post_and_wait(&sub(&id, "refunds"), &json!({})).await.expect(201);
    assert_eq!(again["state"], "refunded");
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn a_void_undoes_the_charge(world: World) {
    let article = world.stocked_article(500, 10).await;
    let sale_id = world.open_sale(&article, 2).await;
    let mut half = of_sale(&world, &sale_id);
    half["amount_minor"] = json!(400);
    let id = text(&world.post_and_wait("/v1/payments", &half).await.expect(201)["id"]);
    let voided = world.post_and_wait(&sub(&id, "void"), &json!({ "reason": "wrong card" })).await.expect(200);
    assert_eq!((&voided["state"], &voided["next_action"]), (&json!("voided"), &json!("give_void_slip")));
    assert_eq!((&voided["customer_charged"], &voided["captured_minor"]), (&json!("no"), &json!(0)));
    assert_eq!(world.sandbox.net_amount(&World::charge_of(&id)), 0);
    assert_eq!(sale(&world, &sale_id).await["due_minor"], 1_000);
    world.post(&sub(&id, "void"), &json!({})).await.expect_problem(409, "payment_not_voidable");
    world.post(&sub(&id, "refunds"), &json!({})).await.expect_problem(409, "payment_not_captured");
    world.close().await;
}

async fn a_pending_charge_can_be_cancelled(world: World) {
    let id = pending(&world, world.shop.sandbox, 1_000).await;
    let body = json!({ "reason": "the customer left" });
    let cancelled = world
        .post_as(&world.shop.cashier, &sub(&id, "cancel"), &world.fresh_key(), &[("prefer", "wait=50")], &body)
        .await;
    let cancelled = cancelled.expect(200);
    assert!(["reversed", "cancelled"].contains(&text(&cancelled["state"]).as_str()), "{cancelled}");
    assert_eq!(
        (&cancelled["customer_charged"], &cancelled["next_action"]),
        (&json!("no"), &json!("use_another_tender"))
    );
    world.post(&sub(&id, "cancel"), &json!({})).await.expect_problem(409, "payment_already_final");
    let id = captured(&world, world.shop.sandbox, 1_000).await;
    world.post(&sub(&id, "cancel"), &json!({})).await.expect_problem(409, "payment_already_final");
    // An open sale whose payment was called off is paid anew.
    let article = world.stocked_article(500, 10).await;
    let sale_id = world.open_sale(&article, 1).await;
    let first = create_with_fault(&world, &of_sale(&world, &sale_id), "pend").await;
    wait_for_pending(&world, &first).await;
    world.post_and_wait(&sub(&first, "cancel"), &json!({})).await.expect(200);
    let second = world.post_and_wait("/v1/payments", &of_sale(&world, &sale_id)).await.expect(201);
    assert_eq!(second["state"], "captured");
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn an_authorization_is_captured_in_part(world: World) {
    let mut body = world.payment_of(world.shop.sandbox, 1_000);
    body["capture"] = json!("manual");
    let authorized = world.post_and_wait("/v1/payments", &body).await.expect(201);
    assert_eq!(
        (&authorized["state"], &authorized["next_action"]),
        (&json!("authorized"), &json!("capture_when_ready"))
    );
    assert_eq!((&authorized["customer_charged"], &authorized["captured_minor"]), (&json!("yes"), &json!(0)));
    let id = text(&authorized["id"]);
    world.post(&sub(&id, "refunds"), &json!({})).await.expect_problem(409, "payment_not_captured");
    world
        .post(&sub(&id, "capture"), &json!({ "amount_minor": 1_001 }))
        .await
        .expect_problem(422, "capture_exceeds_authorized");
    world.post(&sub(&id, "capture"), &json!({ "amount_minor": 0 })).await.expect_problem(422, "amount_not_positive");
    let taken = world.post_and_wait(&sub(&id, "capture"), &json!({ "amount_minor": 700 })).await.expect(200);
    assert_eq!((&taken["state"], &taken["captured_minor"]), (&json!("captured"), &json!(700)));
    assert_eq!(world.sandbox.net_amount(&World::charge_of(&id)), 700);
    world.post(&sub(&id, "capture"), &json!({})).await.expect_problem(409, "payment_not_authorized");
    let back = world.post_and_wait(&sub(&id, "refunds"), &json!({})).await.expect(201);
    assert_eq!((&back["state"], &back["refunded_minor"]), (&json!("refunded"), &json!(700)));
    let id = captured(&world, world.shop.sandbox, 1_000).await;
    world.post(&sub(&id, "capture"), &json!({})).await.expect_problem(409, "payment_not_authorized");
    world.close().await;
}

async fn an_authorization_is_voided(world: World) {
    let mut body = world.payment_of(world.shop.sandbox, 1_000);
    body["capture"] = json!("manual");
    let id = text(&world.post_and_wait("/v1/payments", &body).await.expect(201)["id"]);
    let voided = world.post_and_wait(&sub(&id, "void"), &json!({})).await.expect(200);
    assert_eq!((&voided["state"], &voided["customer_charged"]), (&json!("voided"), &json!("no")));
    world.post(&sub(&id, "capture"), &json!({})).await.expect_problem(409, "payment_not_authorized");
    world.close().await;
}

async fn an_override_as_charged_holds(world: World) {
    let id = pending(&world, world.shop.sandbox, 1_000).await;
    for (body, status, code) in [
        (json!({ "outcome": "charged", "reason": "ok" }), 422, "reason_invalid"),
        (json!({ "outcome": "charged" }), 400, "body_invalid"),
        (json!({ "outcome": "perhaps", "reason": "who knows" }), 400, "body_invalid"),
    ] {
        world.post(&sub(&id, "override"), &body).await.expect_problem(status, code);
    }
    let body = json!({ "outcome": "charged", "reason": "slip 0042 shown by the customer" });
    let payment = world.post(&sub(&id, "override"), &body).await.expect(200);
    assert_eq!((&payment["state"], &operations(&payment)[0]["witness"]), (&json!("captured"), &json!("person")));
    world.post(&sub(&id, "override"), &body).await.expect_problem(409, "payment_already_final");
    // The provider comes to the same end.
    assert!(world.sandbox.approve(&World::charge_of(&id)));
    assert_eq!(world.wait_for_state(&id, "captured").await["captured_minor"], 1_000);
    assert!(world.events_of(&id).await.contains(&"payment.overridden".to_owned()));
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn a_charge_that_an_override_called_off_is_given_back_when_it_comes(world: World) {
    let id = pending(&world, world.shop.sandbox, 1_000).await;
    let body = json!({ "outcome": "not_charged", "reason": "the customer's app says so" });
    let payment = world.post(&sub(&id, "override"), &body).await.expect(200);
    assert_eq!((&payment["state"], &payment["customer_charged"]), (&json!("declined"), &json!("no")));
    assert!(world.sandbox.approve(&World::charge_of(&id)));
    let payment = world.wait_for_state(&id, "refunded").await;
    assert_eq!(journey(&payment), ["purchase approved", "refund approved"]);
    assert_eq!(world.sandbox.net_amount(&World::charge_of(&id)), 0);
    // The manager's word and the provider's contradict each other: that stays for a person.
    let open: Vec<String> = world.exceptions().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(open, ["witnesses_contradict"]);
    world.close().await;
}

async fn a_terminal_keyed_by_hand_is_told_about(world: World) {
    let article = world.stocked_article(500, 10).await;
    let sale_id = world.open_sale(&article, 2).await;
    let body = with_sale(world.payment_of(world.shop.manual, 1_000), &sale_id);
    let id = text(&world.post("/v1/payments", &body).await.expect(201)["id"]);
    let cashier = &world.shop.cashier;
    let tell = async |body: Value| world.post_as(cashier, &sub(&id, "outcome"), &world.fresh_key(), &[], &body).await;
    let long = "9".repeat(65);
    for (body, status, code) in [
        (json!({ "outcome": "approved", "operation_number": 2 }), 404, "operation_not_found"),
        (json!({ "outcome": "lost" }), 400, "body_invalid"),
        (json!({ "outcome": "approved", "provider_reference": long }), 400, "body_invalid"),
        (
            json!({ "outcome": "approved", "provider_reference": "4111 1111 1111 1111" }),
            400,
            "text_looks_like_card_number",
        ),
        (json!({ "outcome": "approved", "amount_minor": -1 }), 422, "amount_out_of_range"),
    ] {
        tell(body).await.expect_problem(status, code);
    }
    assert_eq!(world.payment(&id).await["state"], "in_progress");
    let told = tell(json!({ "outcome": "approved", "provider_reference": "slip 0042" })).await.expect(200);
    assert_eq!(
        (&told["state"], &operations(&told)[0]["provider_reference"]),
        (&json!("captured"), &json!("slip 0042"))
    );
    assert_eq!(sale(&world, &sale_id).await["state"], "completed");
    // Its refund is keyed by hand, too.
    let refund = world.post(&sub(&id, "refunds"), &json!({ "amount_minor": 400 })).await.expect(201);
    assert_eq!(journey(&refund)[1], "refund recorded");
    let told = tell(json!({ "outcome": "approved", "operation_number": 2 })).await.expect(200);
    assert_eq!((&told["state"], &told["refunded_minor"]), (&json!("partially_refunded"), &json!(400)));
    for (outcome, state) in [("declined", "declined"), ("cancelled", "cancelled")] {
        let id = world.begin_payment(world.shop.manual, 500).await;
        let told = world.post(&sub(&id, "outcome"), &json!({ "outcome": outcome })).await.expect(200);
        assert_eq!((&told["state"], &told["customer_charged"]), (&json!(state), &json!("no")));
        world.post(&sub(&id, "cancel"), &json!({})).await.expect_problem(409, "payment_already_final");
    }
    let id = world.begin_payment(world.shop.manual, 500).await;
    world.post(&sub(&id, "cancel"), &json!({})).await.expect_problem(422, "cancel_not_supported");
    world.post(&sub(&id, "outcome"), &json!({ "outcome": "approved", "amount_minor": 450 })).await.expect(200);
    assert_eq!(world.payment(&id).await["captured_minor"], 450);
    // A cashier's word about a charge that a machine asks after is none.
    let id = pending(&world, world.shop.sandbox, 1_000).await;
    let word = json!({ "outcome": "approved" });
    let by_cashier = world.post_as(cashier, &sub(&id, "outcome"), &world.fresh_key(), &[], &word).await;
    by_cashier.expect_problem(403, "role_too_low");
    assert!(world.sandbox.approve(&World::charge_of(&id)));
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn a_terminal_keyed_by_hand_that_nobody_tells_about_needs_a_person(world: World) {
    let id = world.begin_payment(world.shop.slip, 500).await;
    let payment = world.wait_for_state(&id, "needs_person").await;
    assert_eq!((&payment["customer_charged"], &payment["next_action"]), (&json!("unknown"), &json!("ask_manager")));
    let exceptions = world.exceptions().await;
    assert_eq!((exceptions.len(), exceptions[0].0.as_str()), (1, "payment_in_doubt"));
    assert_eq!(exceptions[0].1["subject"], *id);
    let told = world.post(&sub(&id, "outcome"), &json!({ "outcome": "approved" })).await.expect(200);
    assert_eq!(told["state"], "captured");
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn a_waiting_request_is_answered_at_rest_and_repeated_byte_for_byte(world: World) {
    for (amount, state) in [(1_200, "captured"), (1_901, "declined"), (1_902, "captured"), (1_903, "captured")] {
        let (key, body) = (world.fresh_key(), world.payment_of(world.shop.sandbox, amount));
        let waits = [("prefer", "wait=50")];
        let first = world.post_as(&world.shop.cashier, "/v1/payments", &key, &waits, &body).await;
        assert_eq!(first.expect(201)["state"], state);
        assert!(!first.is_replay);
        for headers in [&waits[..], &[], &[("prefer", "wait=1")]] {
            let again = world.post_as(&world.shop.cashier, "/v1/payments", &key, headers, &body).await;
            assert_eq!((again.status, &again.bytes, again.is_replay), (201, &first.bytes, true), "{amount}");
        }
    }
    // Whose patience is over is answered with what is known; the key has that answer for good.
    let (key, body) = (world.fresh_key(), world.payment_of(world.shop.sandbox, 1_913));
    let short = world.post_as(&world.shop.cashier, "/v1/payments", &key, &[("prefer", "wait=1")], &body).await;
    let id = text(&short.expect(201)["id"]);
    assert_eq!(short.json()["state"], "in_progress");
    assert!(world.sandbox.approve(&World::charge_of(&id)));
    world.wait_for_state(&id, "captured").await;
    let again = world.post_as(&world.shop.cashier, "/v1/payments", &key, &[("prefer", "wait=50")], &body).await;
    assert_eq!((&again.bytes, again.is_replay), (&short.bytes, true));
    // Refunds and captures wait as well.
    let (key, part) = (world.fresh_key(), json!({ "amount_minor": 13 }));
    let refund = world.post_as(&world.shop.manager, &sub(&id, "refunds"), &key, &[("prefer", "wait=50")], &part).await;
    assert_eq!(refund.expect(201)["state"], "partially_refunded");
    let again = world.post_as(&world.shop.manager, &sub(&id, "refunds"), &key, &[], &part).await;
    assert_eq!((&again.bytes, again.is_replay), (&refund.bytes, true));
    world.close().await;
}

/// The only payment there is, once there is one.
async fn only_payment(world: &World) -> String {
    let found = std::sync::Mutex::new(None);
    let look = async || {
        let list = world.get("/v1/payments").await.expect(200);
        let first = list["data"].as_array().unwrap().first().map(|payment| text(&payment["id"]));
        let is_there = first.is_some();
        *found.lock().unwrap() = first;
        is_there
    };
    world.wait_until("a payment", look).await;
    found.into_inner().unwrap().unwrap()
}

async fn a_copy_is_in_flight_while_the_first_waits(world: World) {
    let (key, body) = (world.fresh_key(), world.payment_of(world.shop.sandbox, 1_913));
    let waits = [("prefer", "wait=50")];
    let first = world.post_as(&world.shop.cashier, "/v1/payments", &key, &waits, &body);
    let meanwhile = async {
        let id = only_payment(&world).await;
        wait_for_pending(&world, &id).await;
        for headers in [&waits[..], &[]] {
            let copy = world.post_as(&world.shop.cashier, "/v1/payments", &key, headers, &body).await;
            copy.expect_problem(409, "idempotency_key_in_flight");
            assert!(copy.retry_after.is_some() && copy.json()["detail"].as_str().unwrap().contains(&id));
        }
        assert!(world.sandbox.approve(&World::charge_of(&id)));
    };
    let (first, ()) = tokio::join!(first, meanwhile);
    assert_eq!(first.expect(201)["state"], "captured");
    let again = world.post_as(&world.shop.cashier, "/v1/payments", &key, &waits, &body).await;
    assert_eq!((&again.bytes, again.is_replay), (&first.bytes, true));
    world.close().await;
}

/// Sends a request that waits and goes away once the payment is pending.
async fn go_away(world: &World, key: &str, body: &Value) -> String {
    let waits = [("prefer", "wait=50")];
    let id = tokio::select! {
        reply = world.post_as(&world.shop.cashier, "/v1/payments", key, &waits, body) => panic!("{reply:?}"),
        id = async {
            let id = only_payment(world).await;
            wait_for_pending(world, &id).await;
            id
        } => id,
    };
    id
}

/// Repeats a request until it is no longer in flight.
async fn repeat(world: &World, key: &str, body: &Value) -> Reply {
    let begun = std::time::Instant::now();
    loop {
        let reply = world.post_as(&world.shop.cashier, "/v1/payments", key, &[], body).await;
        if reply.status != 409 {
            return reply;
        }
        reply.expect_problem(409, "idempotency_key_in_flight");
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn a_key_whose_caller_went_away_gets_its_answer(world: World) {
    let (key, body) = (world.fresh_key(), world.payment_of(world.shop.sandbox, 1_913));
    let id = go_away(&world, &key, &body).await;
    let begun = std::time::Instant::now();
    let answer = repeat(&world, &key, &body).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "the hub notices that nobody waits any more");
    assert_eq!(
        (answer.expect(201)["id"].as_str(), &answer.json()["state"]),
        (Some(id.as_str()), &json!("in_progress"))
    );
    assert!(world.sandbox.approve(&World::charge_of(&id)));
    world.wait_for_state(&id, "captured").await;
    let again = world.post_as(&world.shop.cashier, "/v1/payments", &key, &[("prefer", "wait=50")], &body).await;
    assert_eq!((&again.bytes, again.is_replay), (&answer.bytes, true));
    world.close().await;
}

async fn what_is_committed_is_sent_whoever_goes_away(world: World) {
    // The moment between the commit and the request is short: callers that go away after any time will hit it.
    let callers = (0..60_u64).map(|turn| {
        let (world, key) = (&world, world.fresh_key());
        async move {
            let body = world.payment_of(world.shop.sandbox, 1_200);
            let headers: &[(&str, &str)] = if turn % 2 == 0 { &[("prefer", "wait=50")] } else { &[] };
            let asked = world.post_as(&world.shop.cashier, "/v1/payments", &key, headers, &body);
            let _ = tokio::time::timeout(Duration::from_micros(turn * 500), asked).await;
        }
    });
    join_all(callers).await;
    // The hub may still be reading what the last of them sent: one more payment, and all before it are there.
    captured(&world, world.shop.sandbox, 100).await;
    for payment in world.get("/v1/payments?limit=100").await.expect(200)["data"].as_array().unwrap() {
        let payment = world.wait_for_state(&text(&payment["id"]), "captured").await;
        assert_eq!(journey(&payment), ["purchase approved"]);
    }
    world.close().await;
}

async fn a_key_that_a_dead_hub_left_open_gets_its_answer(mut world: World) {
    let (key, body) = (world.fresh_key(), world.payment_of(world.shop.sandbox, 1_913));
    let id = go_away(&world, &key, &body).await;
    world.restart().await;
    let answer = repeat(&world, &key, &body).await;
    assert_eq!(answer.expect(201)["id"], *id);
    assert!(world.sandbox.approve(&World::charge_of(&id)));
    world.wait_for_state(&id, "captured").await;
    world.restart().await;
    let again = repeat(&world, &key, &body).await;
    assert_eq!((&again.bytes, again.is_replay), (&answer.bytes, true));
    world.close().await;
}

async fn what_a_stopping_hub_answers_is_what_the_key_has(mut world: World) {
    let (key, body) = (world.fresh_key(), world.payment_of(world.shop.sandbox, 1_913));
    let (api_key, base_url) = (world.shop.cashier.clone(), world.base_url());
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(format!("{base_url}/v1/payments"));
    let request = request.bearer_auth(api_key).header("idempotency-key", &key).header("prefer", "wait=50");
    let request = request.header("content-type", "application/json").body(body.to_string());
    let waiting = tokio::spawn(async move {
        let response = request.send().await.ok()?;
        Some((response.status().as_u16(), response.bytes().await.ok()?.to_vec()))
    });
    let id = only_payment(&world).await;
    wait_for_pending(&world, &id).await;
    world.restart().await;
    let told = waiting.await.unwrap();
    let answer = repeat(&world, &key, &body).await;
    if let Some((201, bytes)) = told {
        assert_eq!(bytes, answer.bytes);
    }
    assert_eq!(answer.expect(201)["id"], *id);
    assert!(world.sandbox.approve(&World::charge_of(&id)));
    world.wait_for_state(&id, "captured").await;
    world.close().await;
}

async fn two_hundred_copies_are_one_payment(world: World) {
    for prefer in [None, Some("wait=50")] {
        let before = world.sandbox.ledger().len();
        let (key, body) = (world.fresh_key(), world.payment_of(world.shop.sandbox, 1_200));
        let headers: Vec<(&str, &str)> = prefer.into_iter().map(|wait| ("prefer", wait)).collect();
        let copies = (0..200).map(|_| world.post_as(&world.shop.cashier, "/v1/payments", &key, &headers, &body));
        let replies = join_all(copies).await;
        let answers: Vec<&Reply> = replies.iter().filter(|reply| reply.status != 409).collect();
        assert!(!answers.is_empty());
        assert_eq!(answers.iter().filter(|reply| !reply.is_replay).count(), 1);
        for answer in &answers {
            assert_eq!((answer.status, &answer.bytes), (201, &answers[0].bytes));
        }
        for reply in replies.iter().filter(|reply| reply.status == 409) {
            assert!(prefer.is_some());
            reply.expect_problem(409, "idempotency_key_in_flight");
        }
        let id = text(&answers[0].json()["id"]);
        world.wait_for_state(&id, "captured").await;
        assert_eq!(repeat(&world, &key, &body).await.bytes, answers[0].bytes);
        assert_eq!(world.sandbox.ledger().len(), before + 1);
    }
    world.close().await;
}

async fn a_key_is_for_one_request(world: World) {
    let (key, body) = (world.fresh_key(), world.payment_of(world.shop.sandbox, 1_200));
    let first = world.post_as(&world.shop.cashier, "/v1/payments", &key, &[], &body).await;
    let id = text(&first.expect(201)["id"]);
    let other = world.payment_of(world.shop.sandbox, 1_300);
    let code = "idempotency_key_reused";
    world.post_as(&world.shop.cashier, "/v1/payments", &key, &[], &other).await.expect_problem(422, code);
    world.wait_for_state(&id, "captured").await;
    world.post_as(&world.shop.manager, &sub(&id, "refunds"), &key, &[], &json!({})).await.expect_problem(422, code);
    // Another merchant's key of the same words is another key.
    let shop = &world.other_shop;
    let body = json!({
        "register_id": shop.register.to_string(), "connection_id": shop.sandbox.to_string(), "amount_minor": 1_300,
    });
    let theirs = world.post_as(&shop.cashier, "/v1/payments", &key, &[("prefer", "wait=50")], &body).await;
    assert!(theirs.expect(201)["id"] != *id && !theirs.is_replay);
    world.close().await;
}

async fn a_read_waits_for_rest(world: World) {
    let id = pending(&world, world.shop.sandbox, 1_000).await;
    let path = format!("/v1/payments/{id}");
    let short = world.get_as(&world.shop.viewer, &path, &[("prefer", "wait=1")]).await;
    assert_eq!(short.expect(200)["state"], "in_progress");
    let waiting = world.get_as(&world.shop.viewer, &path, &[("prefer", "wait=50")]);
    let begun = std::time::Instant::now();
    let (done, ()) = tokio::join!(waiting, async { assert!(world.sandbox.approve(&World::charge_of(&id))) });
    assert_eq!(done.expect(200)["state"], "captured");
    assert!(begun.elapsed() < Duration::from_secs(40));
    let at_rest = world.get_as(&world.shop.viewer, &path, &[("prefer", "wait=50")]).await;
    assert_eq!(at_rest.expect(200)["state"], "captured");
    world
        .get_as(&world.shop.viewer, "/v1/payments/pay_00000000000000000000000000000001", &[("prefer", "wait=50")])
        .await
        .expect_problem(404, "payment_not_found");
    // Somebody who wants to know now has the provider asked now.
    let id = pending(&world, world.shop.sandbox, 1_000).await;
    assert!(world.sandbox.approve(&World::charge_of(&id)));
    let checked = world.post_and_wait(&sub(&id, "check"), &json!({})).await.expect(200);
    assert_eq!(checked["state"], "captured");
    world.close().await;
}

async fn another_merchants_payments_are_not_there(world: World) {
    let id = captured(&world, world.shop.sandbox, 1_000).await;
    let article = world.stocked_article(500, 10).await;
    let sale_id = world.open_sale(&article, 1).await;
    let them = &world.other_shop;
    let get = world.get_as(&them.manager, &format!("/v1/payments/{id}"), &[]).await;
    get.expect_problem(404, "payment_not_found");
    let list = world.get_as(&them.manager, "/v1/payments", &[]).await.expect(200);
    assert_eq!(list["data"], json!([]));
    for (action, body) in [
        ("check", json!({})),
        ("capture", json!({})),
        ("cancel", json!({})),
        ("void", json!({})),
        ("refunds", json!({})),
        ("outcome", json!({ "outcome": "approved" })),
        ("override", json!({ "outcome": "charged", "reason": "because" })),
    ] {
        for id in [id.as_str(), "pay_00000000000000000000000000000001", "whatever"] {
            let reply = world.post_as(&them.manager, &sub(id, action), &world.fresh_key(), &[], &body).await;
            reply.expect_problem(404, "payment_not_found");
        }
    }
    let theirs = json!({
        "register_id": them.register.to_string(), "connection_id": them.sandbox.to_string(), "amount_minor": 100,
    });
    for (name, value, code) in [
        ("register_id", world.shop.register.to_string(), "register_not_found"),
        ("connection_id", world.shop.sandbox.to_string(), "connection_not_found"),
        ("sale_id", sale_id, "sale_not_found"),
    ] {
        let mut body = theirs.clone();
        body[name] = json!(value);
        let reply = world.post_as(&them.manager, "/v1/payments", &world.fresh_key(), &[], &body).await;
        reply.expect_problem(404, code);
    }
    assert_eq!(world.payment(&id).await["state"], "captured");
    world.close().await;
}

async fn a_key_reaches_what_its_environment_allows(world: World) {
    let live = &world.shop.live_manager;
    let code = "key_environment_mismatch";
    let sandboxed = world.payment_of(world.shop.sandbox, 1_000);
    world.post_as(live, "/v1/payments", &world.fresh_key(), &[], &sandboxed).await.expect_problem(403, code);
    let real = world.payment_of(world.shop.live, 1_000);
    world.post("/v1/payments", &real).await.expect_problem(403, code);
    // What a key may not begin it may not go on with.
    let id = captured(&world, world.shop.sandbox, 1_000).await;
    for (action, body) in [
        ("check", json!({})),
        ("capture", json!({})),
        ("cancel", json!({})),
        ("void", json!({})),
        ("refunds", json!({})),
        ("outcome", json!({ "outcome": "approved" })),
        ("override", json!({ "outcome": "charged", "reason": "because" })),
    ] {
        let reply = world.post_as(live, &sub(&id, action), &world.fresh_key(), &[], &body).await;
        reply.expect_problem(403, code);
    }
    assert_eq!(world.sandbox.net_amount(&World::charge_of(&id)), 1_000);
    // What is keyed by hand concerns no provider.
    for key in [live, &world.shop.manager] {
        let by_hand = world.payment_of(world.shop.manual, 1_000);
        let begun = world.post_as(key, "/v1/payments", &world.fresh_key(), &[], &by_hand).await.expect(201);
        let path = sub(&text(&begun["id"]), "outcome");
        let told = world.post_as(key, &path, &world.fresh_key(), &[], &json!({ "outcome": "approved" })).await;
        assert_eq!(told.expect(200)["state"], "captured");
    }
    world.close().await;
}

async fn roles_are_kept(world: World) {
    let id = captured(&world, world.shop.sandbox, 1_000).await;
    let code = "role_too_low";
    let post =
        async |key: &str, path: &str, body: Value| world.post_as(key, path, &world.fresh_key(), &[], &body).await;
    let body = world.payment_of(world.shop.sandbox, 1_000);
    post(&world.shop.viewer, "/v1/payments", body).await.expect_problem(403, code);
    for action in ["check", "capture", "cancel", "void", "refunds"] {
        post(&world.shop.viewer, &sub(&id, action), json!({})).await.expect_problem(403, code);
    }
    for (action, body) in [
        ("void", json!({})),
        ("refunds", json!({})),
        ("override", json!({ "outcome": "charged", "reason": "because" })),
    ] {
        post(&world.shop.cashier, &sub(&id, action), body).await.expect_problem(403, code);
    }
    assert_eq!(world.get_as(&world.shop.viewer, &format!("/v1/payments/{id}"), &[]).await.status, 200);
    world.send("GET", &format!("/v1/payments/{id}"), &[], None).await.unwrap().expect_problem(401, "key_missing");
    world.close().await;
}

async fn a_restart_in_the_middle_of_doubt_loses_nothing(mut world: World) {
    let ids = [
        // The reply is lost, and the provider is away from then on.
        world.begin_payment(world.shop.sandbox, 1_903).await,
        // Nothing is recorded and nothing answered.
        world.begin_payment(world.shop.hasty, 1_909).await,
        // The customer takes the time.
        pending(&world, world.shop.sandbox, 1_000).await,
    ];
    world.stop().await;
    // Decided while no hub listens: the notification is lost.
    assert!(world.sandbox.approve(&World::charge_of(&ids[2])));
    world.start().await;
    world
        .wait_for_payment(&ids[0], "settled", |payment| {
            matches!(payment["state"].as_str(), Some("captured" | "reversed"))
        })
        .await;
    world.wait_for_state(&ids[1], "reversed").await;
    world.wait_for_state(&ids[2], "captured").await;
    assert!(world.exceptions().await.is_empty());
    world.close().await;
}

async fn the_stream_tells_a_payment_in_order(world: World) {
    let last = world.events().await.len();
    let url = format!("{}/v1/events/stream?after={last}", world.base_url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut response = client.get(url).bearer_auth(&world.shop.viewer).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let id = world.begin_payment(world.shop.sandbox, 1_903).await;
    let read = async {
        let mut told = String::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            told.push_str(&String::from_utf8_lossy(&chunk));
            if told.contains("payment.captured") && told.ends_with("\n\n") {
                return told;
            }
        }
        panic!("the stream ended: {told}");
    };
    let told = tokio::time::timeout(PATIENCE, read).await.unwrap();
    let field = |name: &str| -> Vec<String> {
        told.lines().filter_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned()).collect()
    };
    assert_eq!(field("event:"), ["payment.created", "payment.in_doubt", "payment.captured"]);
    let numbers: Vec<usize> = field("id:").iter().map(|number| number.parse().unwrap()).collect();
    assert_eq!(numbers, (last + 1..=last + 3).collect::<Vec<_>>());
    let data: Vec<Value> = field("data:").iter().map(|data| serde_json::from_str(data).unwrap()).collect();
    assert!(data.iter().all(|event| event["subject"] == *id));
    assert_eq!(
        (&data[1]["data"]["state"], &data[1]["data"]["customer_charged"]),
        (&json!("in_doubt"), &json!("unknown"))
    );
    assert_eq!(
        (&data[2]["data"]["captured_minor"], &data[2]["data"]["customer_charged"]),
        (&json!(1_903), &json!("yes"))
    );
    world.close().await;
}

async fn payments_are_listed_page_by_page(world: World) {
    let mut ids = Vec::new();
    for amount in [100, 200, 300] {
        ids.push(captured(&world, world.shop.sandbox, amount).await);
    }
    let first = world.get("/v1/payments?limit=2").await.expect(200);
    let second = world.get(&format!("/v1/payments?limit=2&cursor={}", text(&first["next_cursor"]))).await.expect(200);
    let listed: Vec<String> = [&first, &second]
        .iter()
        .flat_map(|page| page["data"].as_array().unwrap())
        .map(|one| text(&one["id"]))
        .collect();
    assert_eq!((listed, &second["next_cursor"]), (ids, &Value::Null));
    world.get("/v1/payments?limit=0").await.expect_problem(400, "query_invalid");
    world.get("/v1/payments?state=captured").await.expect_problem(400, "query_invalid");
    world.close().await;
}

#[test]
fn the_examples_of_the_document_are_what_it_says() {
    let document = contract::document();
    let mut count = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let examples = response["content"]["application/json"]["examples"].as_object();
                for example in examples.into_iter().flat_map(serde_json::Map::values) {
                    let body = example["value"].to_string();
                    contract::check(method, path, status.parse().unwrap(), "application/json", body.as_bytes());
                    if path.starts_with("/v1/payments") {
                        check_words(&example["value"]);
                    }
                    count += 1;
                }
            }
        }
    }
    assert!(count > 0);
}
