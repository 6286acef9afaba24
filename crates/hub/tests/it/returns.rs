//! `/v1/sales/{id}/returns` and `/v1/returns`. `World::close` compares the hub with the provider's ledger, and the database
//! with itself.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::world::{World, on_both_engines, text};

on_both_engines!(
    what_was_charged_goes_back_by_the_provider,
    a_refund_whose_reply_is_lost_is_waited_for,
    what_the_provider_refuses_is_given_back_in_cash_by_a_manager,
    ten_customers_with_one_receipt_take_back_what_was_sold,
    a_return_sent_two_hundred_times_is_made_once,
    returns_are_listed_and_read,
    what_breaks_a_rule_is_refused_and_changes_nothing,
    nobody_returns_what_another_merchant_sold,
);

/// Two pieces of 500 yen with 10 % tax.
async fn a_sale(world: &World) -> (String, String) {
    let article = world.stocked_article(500, 10).await;
    (world.open_sale(&article, 2).await, article)
}

async fn sold_for_cash(world: &World) -> (String, String) {
    let (sale, article) = a_sale(world).await;
    let cash = json!({ "kind": "cash", "given_minor": 1_000 });
    world.post(&format!("/v1/sales/{sale}/tenders"), &cash).await.expect(200);
    (sale, article)
}

/// The sale, its payment and its article.
async fn sold_electronically(world: &World) -> (String, String, String) {
    let (sale, article) = a_sale(world).await;
    let body = json!({
        "register_id": world.shop.register.to_string(), "connection_id": world.shop.sandbox.to_string(), "sale_id": sale,
    });
    let payment = world.post_and_wait("/v1/payments", &body).await.expect(201);
    assert_eq!(payment["state"], "captured");
    (sale, text(&payment["id"]), article)
}

fn returns(sale: &str) -> String {
    format!("/v1/sales/{sale}/returns")
}

fn back(world: &World, quantity: i64) -> Value {
    json!({ "register_id": world.shop.register.to_string(), "lines": [{ "number": 1, "quantity": quantity }] })
}

async fn create_with_fault(world: &World, sale: &str, fault: &str) -> Value {
    let (headers, body) = ([("x-sandbox-fault", fault)], back(world, 1));
    let reply = world.post_as(&world.shop.cashier, &returns(sale), &world.fresh_key(), &headers, &body).await;
    reply.expect(201)
}

/// The return once nothing of it is on its way.
async fn wait_for_end(world: &World, id: &str) -> Value {
    let path = format!("/v1/returns/{id}");
    world.get_as(&world.shop.viewer, &path, &[("prefer", "wait=50")]).await.expect(200)
}

async fn what_was_charged_goes_back_by_the_provider(world: World) {
    let (sale, payment, article) = sold_electronically(&world).await;
    let made = world.post(&returns(&sale), &back(&world, 1)).await.expect(201);
    assert_eq!((&made["next_action"], &made["due_minor"]), (&json!("wait"), &json!(0)));
    let ended = wait_for_end(&world, &text(&made["id"])).await;
    let expected = json!({
        "id": format!("ret_{}-1", sale.strip_prefix("sal_").unwrap()), "object": "return", "sale_id": sale,
        "register_id": world.shop.register.to_string(), "location_id": world.shop.location.to_string(),
        "currency": "JPY", "total_minor": 500, "tax_minor": 45, "due_minor": 0, "next_action": "none",
        "message": {
            "en": "The money for the returned goods has gone back.", "ja": "返品分の返金は完了しました。",
        },
        "taxes": [{ "rate_basis_points": 1_000, "net_minor": 455, "tax_minor": 45, "gross_minor": 500 }],
        "lines": [{
            "number": 1, "article_id": article, "name": "Tea", "quantity": "1", "tax_rate_basis_points": 1_000,
            "amount_minor": 500, "is_restocked": true,
        }],
        "refunds": [{
            "number": 1, "kind": "electronic", "state": "paid", "amount_minor": 500, "register_id": null,
            "payment_id": payment, "operation_number": 2, "created_at": made["created_at"],
        }],
        "receipt_number": "A1-00000002", "reason": "", "created_at": made["created_at"],
    });
    assert_eq!(ended, expected);
    assert_eq!(world.on_hand(&article).await, "9");
    let read = world.get(&format!("/v1/sales/{sale}")).await.expect(200);
    assert_eq!((&read["lines"][0]["quantity"], &read["lines"][0]["returned"]), (&json!("2"), &json!("1")));
    let kinds = world.events_of(&text(&made["id"])).await;
    assert_eq!(kinds, ["return.created", "return.refund_asked"]);
    world.close().await;
}

async fn a_refund_whose_reply_is_lost_is_waited_for(world: World) {
    let (sale, payment, _) = sold_electronically(&world).await;
    let made = create_with_fault(&world, &sale, "lose_reply").await;
    let ended = wait_for_end(&world, &text(&made["id"])).await;
    assert_eq!((&ended["refunds"][0]["state"], &ended["next_action"]), (&json!("paid"), &json!("none")));
    assert_eq!(world.payment(&payment).await["refunded_minor"], 500);
    world.close().await;
}

async fn what_the_provider_refuses_is_given_back_in_cash_by_a_manager(world: World) {
    let (sale, payment, _) = sold_electronically(&world).await;
    let made = create_with_fault(&world, &sale, "decline").await;
    let ended = wait_for_end(&world, &text(&made["id"])).await;
    assert_eq!((&ended["due_minor"], &ended["next_action"]), (&json!(500), &json!("give_back")));
    assert_eq!(world.exceptions().await.len(), 1);
    let path = format!("/v1/returns/{}/refunds", text(&made["id"]));
    let refund = |kind: Value| json!({ "register_id": world.shop.register.to_string(), "refund": kind });
    let cash = refund(json!({ "kind": "cash" }));
    let cashier = world.post_as(&world.shop.cashier, &path, &world.fresh_key(), &[], &cash).await;
    cashier.expect_problem(403, "return_cash_needs_manager");
    let too_much = refund(json!({ "kind": "electronic", "payment_id": payment, "amount_minor": 501 }));
    world.post(&path, &too_much).await.expect_problem(422, "return_refund_exceeds_due");
    let paid = world.post(&path, &cash).await.expect(201);
    assert_eq!((&paid["due_minor"], &paid["refunds"][1]["state"]), (&json!(0), &json!("paid")));
    world.post(&path, &cash).await.expect_problem(409, "return_nothing_due");
    world.close().await;
}

async fn ten_customers_with_one_receipt_take_back_what_was_sold(world: World) {
    let (sale, article) = sold_for_cash(&world).await;
    let (path, body) = (returns(&sale), back(&world, 1));
    let replies = join_all((0..10).map(|_| world.post(&path, &body))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 2);
    for refused in replies.iter().filter(|reply| reply.status != 201) {
        refused.expect_problem(409, "return_exceeds_sold");
    }
    assert_eq!(world.on_hand(&article).await, "10");
    let listed = world.get(&path).await.expect(200);
    let numbers: Vec<_> = listed["data"].as_array().unwrap().iter().map(|one| text(&one["receipt_number"])).collect();
    assert_eq!(numbers, ["A1-00000002", "A1-00000003"]);
    world.close().await;
}

async fn a_return_sent_two_hundred_times_is_made_once(world: World) {
    let (sale, article) = sold_for_cash(&world).await;
    let (path, body, key) = (returns(&sale), back(&world, 1), world.fresh_key());
    let first = world.post_as(&world.shop.cashier, &path, &key, &[], &body).await;
    assert_eq!(first.status, 201);
    let again = join_all((0..200).map(|_| world.post_as(&world.shop.cashier, &path, &key, &[], &body))).await;
    assert!(again.iter().all(|reply| reply.is_replay && reply.bytes == first.bytes));
    assert_eq!(world.on_hand(&article).await, "9");
    world.close().await;
}

async fn returns_are_listed_and_read(world: World) {
    let (sale, _) = sold_for_cash(&world).await;
    assert_eq!(world.get(&returns(&sale)).await.expect(200)["data"], json!([]));
    let made = world.post(&returns(&sale), &back(&world, 2)).await.expect(201);
    assert_eq!(made["refunds"][0]["register_id"], world.shop.register.to_string());
    assert_eq!(world.get(&returns(&sale)).await.expect(200)["data"], json!([made]));
    assert_eq!(wait_for_end(&world, &text(&made["id"])).await, made);
    world.close().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(world: World) {
    let (sale, article) = sold_for_cash(&world).await;
    let with = |name: &str, value: Value| {
        let mut body = back(&world, 1);
        body[name] = value;
        body
    };
    let line = |number: i64, quantity: Value| with("lines", json!([{ "number": number, "quantity": quantity }]));
    for (status, code, body) in [
        (409, "return_exceeds_sold", line(1, json!("2.001"))),
        (409, "return_exceeds_sold", line(1, json!(0))),
        (422, "return_line_unknown", line(2, json!(1))),
        (422, "return_empty", with("lines", json!([]))),
        (
            422,
            "return_line_repeated",
            with("lines", json!([{ "number": 1, "quantity": 1 }, { "number": 1, "quantity": 1 }])),
        ),
        (400, "text_looks_like_card_number", with("reason", json!("4111111111111111"))),
        (422, "reason_invalid", with("reason", json!("x".repeat(501)))),
        (422, "return_refund_exceeds_due", with("refunds", json!([{ "kind": "cash", "amount_minor": 501 }]))),
        (422, "amount_out_of_range", with("refunds", json!([{ "kind": "cash", "amount_minor": 0 }]))),
        (
            422,
            "return_payment_elsewhere",
            with("refunds", json!([{ "kind": "electronic", "payment_id": format!("pay_{:032x}", 1) }])),
        ),
        (404, "register_not_found", with("register_id", json!(format!("reg_{:032x}", 1)))),
        (400, "body_invalid", with("colour", json!("red"))),
        (400, "body_invalid", with("refunds", json!([{ "kind": "cheque" }]))),
    ] {
        let reply = world.post(&returns(&sale), &body).await;
        reply.expect_problem(status, code);
        assert!(!String::from_utf8_lossy(&reply.bytes).contains("4111"));
    }
    let (open, _) = a_sale(&world).await;
    world.post(&returns(&open), &back(&world, 1)).await.expect_problem(409, "return_sale_not_completed");
    let viewer = world.post_as(&world.shop.viewer, &returns(&sale), &world.fresh_key(), &[], &back(&world, 1)).await;
    viewer.expect_problem(403, "role_too_low");
    assert_eq!(world.on_hand(&article).await, "8");
    assert_eq!(world.get(&returns(&sale)).await.expect(200)["data"], json!([]));
    world.close().await;
}

async fn nobody_returns_what_another_merchant_sold(world: World) {
    let (sale, _) = sold_for_cash(&world).await;
    let made = world.post(&returns(&sale), &back(&world, 1)).await.expect(201);
    let (other, id) = (&world.other_shop, text(&made["id"]));
    let mut body = back(&world, 1);
    body["register_id"] = json!(other.register.to_string());
    let post = |path: String, body: Value| {
        let key = world.fresh_key();
        let world = &world;
        async move { world.post_as(&other.manager, &path, &key, &[], &body).await }
    };
    post(returns(&sale), body).await.expect_problem(404, "sale_not_found");
    let refund = json!({ "register_id": other.register.to_string(), "refund": { "kind": "cash" } });
    post(format!("/v1/returns/{id}/refunds"), refund).await.expect_problem(404, "return_not_found");
    for (path, code) in [(returns(&sale), "sale_not_found"), (format!("/v1/returns/{id}"), "return_not_found")] {
        world.get_as(&other.manager, &path, &[]).await.expect_problem(404, code);
    }
    for nonsense in ["ret_x-1", "ret_00000000000000000000000000000000-0", "sal_1"] {
        world.get(&format!("/v1/returns/{nonsense}")).await.expect_problem(404, "return_not_found");
    }
    world.close().await;
}
