//! Each fault of the provider, from the request to rest: what the cashier is told at every look, what the provider took, and
//! that nobody is charged twice. `World::close` compares ledger and hub, and the database with itself.

use serde_json::{Value, json};

use crate::world::{World, journey, on_both_engines, operations, text};

on_both_engines!(
    an_approved_charge_is_captured,
    a_declined_charge_asks_for_another_tender,
    a_pending_charge_waits_for_the_customer,
    a_pending_charge_ends_by_its_notification,
    a_pending_charge_that_never_ends_is_undone,
    a_lost_reply_is_found_out,
    an_answer_after_the_timeout_is_found_out,
    an_error_after_the_charge_is_found_out,
    a_duplicate_notification_changes_nothing,
    a_notification_may_come_before_the_reply,
    a_contradiction_is_given_back_and_shown,
    a_charge_that_is_never_answered_is_undone,
    a_provider_that_is_away_for_a_reference_has_charged_nobody,
    a_provider_that_is_away_after_the_charge_is_asked_until_it_is_back,
    a_provider_that_refuses_connections_got_nothing,
    a_late_approval_is_given_back_in_the_commit_that_learned_of_it,
    a_late_approval_is_left_to_a_person_where_the_profile_says_so,
    a_partial_approval_is_taken_as_it_is,
    a_discount_of_the_provider_costs_the_shop_nothing,
    a_refund_whose_reply_is_lost_is_given_back_once,
    doubt_that_lasts_is_shown_to_a_person_until_it_is_settled,
);

/// The profile's `resolve_by`, in milliseconds, of `sandbox` and of `hasty`.
const RESOLVE_BY_MS: (i64, i64) = (30_000, 20_000);

/// How long it took from the intent to the event, by the hub's own clock.
async fn ms_until(world: &World, payment: &str, kind: &str) -> i64 {
    let events = world.events().await;
    let at = |wanted: &str| {
        let event = events.iter().find(|event| event["subject"] == payment && event["kind"] == wanted);
        let at = text(&event.unwrap_or_else(|| panic!("no {wanted}"))["created_at"]);
        at.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    };
    at(kind) - at("payment.created")
}

async fn assert_no_exceptions(world: &World) {
    assert_eq!(world.exceptions().await, Vec::new());
}

async fn an_approved_charge_is_captured(world: World) {
    let id = world.begin_payment(world.shop.sandbox, 1_200).await;
    let payment = world.wait_for_state(&id, "captured").await;
    assert_eq!(journey(&payment), ["purchase approved"]);
    for (name, amount) in
        [("asked_minor", 1_200), ("approved_minor", 1_200), ("captured_minor", 1_200), ("refunded_minor", 0)]
    {
        assert_eq!(payment[name], amount, "{name}");
    }
    assert_eq!(payment["message"]["en"], "Paid. Hand over the goods and the receipt.");
    assert_eq!(payment["message"]["ja"], "お支払いが完了しました。商品とレシートをお渡しください。");
    assert_eq!(world.events_of(&id).await, ["payment.created", "payment.captured"]);
    assert_no_exceptions(&world).await;
    world.close().await;
}

async fn a_declined_charge_asks_for_another_tender(world: World) {
    let id = world.begin_payment(world.shop.sandbox, 1_901).await;
    let payment = world.wait_for_state(&id, "declined").await;
    assert_eq!(payment["next_action"], "use_another_tender");
    assert_eq!(operations(&payment)[0]["reason"], "insufficient_funds");
    assert_eq!(world.events_of(&id).await, ["payment.created", "payment.declined"]);
    assert_no_exceptions(&world).await;
    world.close().await;
}

async fn a_pending_charge_waits_for_the_customer(world: World) {
    for (is_approved, state) in [(true, "captured"), (false, "declined")] {
        let id = world.begin_payment(world.shop.sandbox, 1_913).await;
        let is_pending = |payment: &Value| operations(payment)[0]["state"] == "pending";
        let pending = world.wait_for_payment(&id, "pending", is_pending).await;
        assert_eq!((&pending["state"], &pending["next_action"]), (&json!("in_progress"), &json!("wait")));
        let charge = World::charge_of(&id);
        assert!(if is_approved { world.sandbox.approve(&charge) } else { world.sandbox.decline(&charge) });
        let payment = world.wait_for_state(&id, state).await;
        assert_eq!(operations(&payment).len(), 1, "{payment}");
    }
    assert_no_exceptions(&world).await;
    world.close().await;
}

async fn a_pending_charge_ends_by_its_notification(world: World) {
    for (amount, state) in [(1_902, "captured"), (1_914, "declined")] {
        let id = world.begin_payment(world.shop.sandbox, amount).await;
        world.wait_for_state(&id, state).await;
        assert_eq!(world.events_of(&id).await, ["payment.created".to_owned(), format!("payment.{state}")]);
    }
    world.close().await;
}

async fn a_pending_charge_that_never_ends_is_undone(world: World) {
    let id = world.begin_payment(world.shop.hasty, 1_913).await;
    let payment = world.wait_for_state(&id, "reversed").await;
    assert_eq!(journey(&payment)[1], "reversal approved");
    assert!(ms_until(&world, &id, "payment.reversed").await < RESOLVE_BY_MS.1);
    assert_no_exceptions(&world).await;
    world.close().await;
}

async fn a_lost_reply_is_found_out(world: World) {
    found_out(world, 1_903, "sandbox").await;
}

async fn an_answer_after_the_timeout_is_found_out(world: World) {
    found_out(world, 1_904, "hasty").await;
}

async fn an_error_after_the_charge_is_found_out(world: World) {
    found_out(world, 1_905, "sandbox").await;
}

/// The provider has charged and nobody heard so: first in doubt, then found out, charged once.
async fn found_out(world: World, amount: i64, connection: &str) {
    let connection = if connection == "hasty" { world.shop.hasty } else { world.shop.sandbox };
    let id = world.begin_payment(connection, amount).await;
    let payment = world.wait_for_state(&id, "captured").await;
    assert_eq!(journey(&payment), ["purchase approved"]);
    assert_eq!(world.events_of(&id).await, ["payment.created", "payment.in_doubt", "payment.captured"]);
    assert!(ms_until(&world, &id, "payment.captured").await < RESOLVE_BY_MS.1);
    assert_eq!(world.sandbox.net_amount(&World::charge_of(&id)), amount);
    assert_no_exceptions(&world).await;
    world.close().await;
}

async fn a_duplicate_notification_changes_nothing(world: World) {
    let id = world.begin_payment(world.shop.sandbox, 1_906).await;
    world.wait_for_state(&id, "captured").await;
    // The first of the two brings its stronger witness; whatever else comes leaves everything as it is.
    let is_noted = |payment: &Value| operations(payment)[0]["witness"] == "notification";
    world.wait_for_payment(&id, "notified", is_noted).await;
    assert_eq!(world.events_of(&id).await, ["payment.created", "payment.captured"]);
    assert_no_exceptions(&world).await;
    world.close().await;
}

async fn a_notification_may_come_before_the_reply(world: World) {
    let id = world.begin_payment(world.shop.sandbox, 1_907).await;
    let payment = world.wait_for_state(&id, "captured").await;
    assert_eq!(operations(&payment)[0]["witness"], "notification");
    assert_eq!(world.events_of(&id).await, ["payment.created", "payment.captured"]);
    assert_no_exceptions(&world).await;
    world.close().await;
}

async fn a_contradiction_is_given_back_and_shown(world: World) {
    let id = world.begin_payment(world.shop.sandbox, 1_908).await;
    let has_contradiction = async || {
        world.payment(&id).await;
        world.exceptions().await.iter().any(|(kind, _)| kind == "witnesses_contradict")
    };
    world.wait_until("contradicted", has_contradiction).await;
    // The notification may have overtaken the reply: then nobody was ever told that nothing was charged.
    let was_told_off = world.events_of(&id).await.iter().any(|kind| kind == "payment.declined");
    if was_told_off {
        let payment = world.wait_for_state(&id, "refunded").await;
        assert_eq!(journey(&payment), ["purchase approved", "refund approved"]);
        assert_given_back_at_once(&world, &id).await;
    } else {
        assert_eq!(journey(&world.wait_for_state(&id, "captured").await), ["purchase approved"]);
    }
    let open: Vec<String> = world.exceptions().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(open, ["witnesses_contradict"]);
    world.close().await;
}

async fn a_charge_that_is_never_answered_is_undone(world: World) {
    undone(world, 1_909).await;
}

async fn a_provider_that_is_away_for_a_reference_has_charged_nobody(world: World) {
    undone(world, 1_910).await;
}

/// The provider never had the charge: after its finality window it is undone all the same, so that it cannot come late.
async fn undone(world: World, amount: i64) {
    let id = world.begin_payment(world.shop.hasty, amount).await;
    let payment = world.wait_for_state(&id, "reversed").await;
    assert_eq!(journey(&payment)[1], "reversal approved");
    assert_eq!(payment["next_action"], "use_another_tender");
    assert_eq!(
        world.events_of(&id).await,
        ["payment.created", "payment.in_doubt", "payment.reversal_asked", "payment.reversed"]
    );
    assert!(ms_until(&world, &id, "payment.reversed").await < RESOLVE_BY_MS.1);
    assert_no_exceptions(&world).await;
    world.close().await;
}

async fn a_provider_that_is_away_after_the_charge_is_asked_until_it_is_back(world: World) {
    let id = world.begin_payment(world.shop.sandbox, 1_903).await;
    assert!(world.sandbox.go_unreachable(2_000));
    let in_doubt = world.wait_for_payment(&id, "in doubt", |payment| payment["state"] != "in_progress").await;
    if in_doubt["state"] == "in_doubt" {
        assert_eq!(
            in_doubt["message"]["en"],
            "We do not know yet whether the customer was charged. Checking. Do not charge again."
        );
        assert_eq!(
            in_doubt["message"]["ja"],
            "お客様に請求されたかどうか、まだ分かりません。確認中です。再度の請求はしないでください。"
        );
        world.post(&format!("/v1/payments/{id}/refunds"), &json!({})).await.expect_problem(409, "payment_in_doubt");
    }
    // Whether the request got there before the provider went away is the provider's secret; the hub finds out either way.
    let payment = world.wait_for_payment(&id, "settled", |payment| payment["state"] != "in_doubt").await;
    assert!(
        ["captured", "reversed", "in_progress", "not_sent"].contains(&text(&payment["state"]).as_str()),
        "{payment}"
    );
    world.close().await;
}

async fn a_provider_that_refuses_connections_got_nothing(mut world: World) {
    let addr = world.unplug_provider().await;
    let id = world.begin_payment(world.shop.sandbox, 1_200).await;
    let payment = world.wait_for_state(&id, "not_sent").await;
    assert_eq!((&payment["next_action"], &payment["customer_charged"]), (&json!("try_again"), &json!("no")));
    world.plug_provider_in(addr).await;
    let again = world.begin_payment(world.shop.sandbox, 1_200).await;
    world.wait_for_state(&again, "captured").await;
    assert_eq!(world.sandbox.net_amount(&World::charge_of(&id)), 0);
    world.close().await;
}

/// News, late approval and refund intent stand under consecutive numbers of one instant: one commit.
async fn assert_given_back_at_once(world: &World, payment: &str) {
    let events = world.events().await;
    let of_payment: Vec<&Value> = events.iter().filter(|event| event["subject"] == payment).collect();
    let place = of_payment.iter().position(|event| event["kind"] == "payment.captured");
    let news = &of_payment[place.expect("the news of the approval")..];
    let kinds: Vec<String> = news.iter().take(3).map(|event| text(&event["kind"])).collect();
    assert_eq!(kinds, ["payment.captured", "payment.approved_late", "payment.refund_asked"]);
    let at = &news[0]["created_at"];
    assert!(news.iter().take(3).all(|event| event["created_at"] == *at), "{news:?}");
    let is_opened = |event: &Value| {
        event["kind"] == "exception.opened" && event["data"]["about"] == payment && event["created_at"] == *at
    };
    assert!(events.iter().any(|event| is_opened(event) && event["data"]["kind"] == "late_approval"), "{events:?}");
}

async fn a_late_approval_is_given_back_in_the_commit_that_learned_of_it(world: World) {
    let id = world.begin_payment(world.shop.hasty, 1_911).await;
    let off = world.wait_for_state(&id, "reversed").await;
    assert_eq!((&off["customer_charged"], &off["next_action"]), (&json!("no"), &json!("use_another_tender")));
    let payment = world.wait_for_state(&id, "refunded").await;
    let journey = journey(&payment);
    assert_eq!(
        (&*journey[0], &*journey[1], &*journey[2]),
        ("purchase approved", "reversal approved", "refund approved")
    );
    assert_given_back_at_once(&world, &id).await;
    // The customer has the money back: nobody has to act any more.
    assert_no_exceptions(&world).await;
    world.close().await;
}

async fn a_late_approval_is_left_to_a_person_where_the_profile_says_so(world: World) {
    let id = world.begin_payment(world.shop.careful, 1_911).await;
    world.wait_for_state(&id, "reversed").await;
    let payment = world.wait_for_state(&id, "captured").await;
    assert_eq!((&payment["customer_charged"], &payment["next_action"]), (&json!("yes"), &json!("ask_manager")));
    assert_eq!(operations(&payment).len(), 2, "{payment}");
    let exceptions = world.exceptions().await;
    let [(kind, exception)] = exceptions.as_slice() else { panic!("{exceptions:?}") };
    assert_eq!(
        (kind.as_str(), &exception["at_risk_minor"], &exception["owner"]),
        ("late_approval", &json!(1_911), &json!("manager"))
    );
    let refund = world.post_and_wait(&format!("/v1/payments/{id}/refunds"), &json!({ "reason": "came late" })).await;
    assert_eq!(refund.expect(201)["state"], "refunded");
    assert_no_exceptions(&world).await;
    world.close().await;
}

async fn a_discount_of_the_provider_costs_the_shop_nothing(world: World) {
    let id = world.begin_payment(world.shop.sandbox, 1_915).await;
    let payment = world.wait_for_state(&id, "captured").await;
    assert_eq!((&payment["approved_minor"], &payment["captured_minor"]), (&json!(1_915), &json!(1_915)));
    let funding = json!({ "paid_by_customer_minor": 1_724, "paid_by_provider_minor": 191, "receivable_minor": 1_915 });
    assert_eq!(operations(&payment)[0]["funding"], funding);
    let id = world.begin_payment(world.shop.sandbox, 1_200).await;
    let payment = world.wait_for_state(&id, "captured").await;
    assert!(operations(&payment)[0].get("funding").is_none(), "left out where nobody says it");
    world.close().await;
}

async fn a_partial_approval_is_taken_as_it_is(world: World) {
    let id = world.begin_payment(world.shop.sandbox, 1_912).await;
    let payment = world.wait_for_state(&id, "captured").await;
    assert_eq!(
        (&payment["asked_minor"], &payment["approved_minor"], &payment["captured_minor"]),
        (&json!(1_912), &json!(956), &json!(956))
    );
    world.close().await;
}

async fn a_refund_whose_reply_is_lost_is_given_back_once(world: World) {
    for fault in ["lose_reply", "error_after_charge", "slow_reply", "never_answer"] {
        let id = world.begin_payment(world.shop.hasty, 1_000).await;
        world.wait_for_state(&id, "captured").await;
        let path = format!("/v1/payments/{id}/refunds");
        let (key, headers) = (world.fresh_key(), [("x-sandbox-fault", fault)]);
        let asked = world.post_as(&world.shop.manager, &path, &key, &headers, &json!({ "amount_minor": 400 })).await;
        asked.expect(201);
        let payment = world.wait_for_state(&id, "partially_refunded").await;
        assert_eq!((operations(&payment).len(), &payment["refunded_minor"]), (2, &json!(400)), "{fault}: {payment}");
        assert_eq!(world.sandbox.net_amount(&World::charge_of(&id)), 600, "{fault}");
    }
    assert_no_exceptions(&world).await;
    world.close().await;
}

async fn doubt_that_lasts_is_shown_to_a_person_until_it_is_settled(world: World) {
    let id = world.begin_payment(world.shop.slow_to_settle, 1_909).await;
    let is_shown = async || {
        let payment = world.payment(&id).await;
        assert_ne!(payment["customer_charged"], "yes");
        world.exceptions().await.iter().any(|(kind, one)| kind == "payment_in_doubt" && one["subject"] == *id)
    };
    world.wait_until("shown", is_shown).await;
    let payment = world.wait_for_state(&id, "reversed").await;
    assert_eq!(payment["customer_charged"], "no");
    assert_no_exceptions(&world).await;
    world.close().await;
}
