//! `/v1/exchanges`, and returns that pay for other goods. `World::close` compares the hub with the provider's ledger, and the
//! database with itself.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::world::{World, on_both_engines, text};

on_both_engines!(
    dearer_goods_are_paid_with_the_difference,
    cheaper_goods_leave_something_that_goes_back_as_it_was_paid,
    the_difference_is_paid_by_card_later,
    a_credit_that_ten_registers_spend_is_spent_once,
    an_exchange_sent_many_times_is_made_once,
    a_voided_sale_makes_the_return_owe_again,
    what_a_charge_paid_goes_back_by_it_through_an_exchange,
    both_receipts_name_each_other_and_the_reports_add_up,
    what_breaks_a_rule_is_refused_and_changes_nothing,
    nobody_spends_what_another_merchant_owes,
);

/// An article of 500 yen, two of which were sold for cash.
async fn sold_for_cash(world: &World) -> (String, String) {
    let article = world.stocked_article(500, 10).await;
    let sale = world.open_sale(&article, 2).await;
    let cash = json!({ "kind": "cash", "given_minor": 1_000 });
    world.post(&format!("/v1/sales/{sale}/tenders"), &cash).await.expect(200);
    (sale, article)
}

async fn sold_electronically(world: &World) -> (String, String, String) {
    let article = world.stocked_article(500, 10).await;
    let sale = world.open_sale(&article, 2).await;
    let payment = charge(world, &sale).await;
    (sale, payment, article)
}

/// A payment that takes what is due of a sale.
async fn charge(world: &World, sale: &str) -> String {
    let body = json!({
        "register_id": world.shop.register.to_string(), "connection_id": world.shop.sandbox.to_string(), "sale_id": sale,
    });
    let payment = world.post_and_wait("/v1/payments", &body).await.expect(201);
    assert_eq!(payment["state"], "captured");
    text(&payment["id"])
}

fn exchange(world: &World, sale: &str, back: i64, article: &str, take: i64) -> Value {
    json!({
        "register_id": world.shop.register.to_string(),
        "return": { "sale_id": sale, "lines": [{ "number": 1, "quantity": back }] },
        "sale": { "lines": [{ "article_id": article, "quantity": take }] },
    })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

/// A return of one piece whose worth stays owed.
async fn owed(world: &World, sale: &str) -> String {
    let body = json!({
        "register_id": world.shop.register.to_string(), "lines": [{ "number": 1, "quantity": 1 }], "refunds": [],
    });
    let made = world.post(&format!("/v1/sales/{sale}/returns"), &body).await.expect(201);
    assert_eq!((&made["due_minor"], &made["next_action"]), (&json!(500), &json!("give_back")));
    text(&made["id"])
}

fn credit(origin: &str) -> Value {
    json!({ "kind": "return_credit", "return_id": origin })
}

fn ring(world: &World, article: &str, pieces: i64, tenders: Value) -> Value {
    json!({
        "register_id": world.shop.register.to_string(), "lines": [{ "article_id": article, "quantity": pieces }],
        "tenders": tenders,
    })
}

async fn due_of(world: &World, origin: &str) -> Value {
    world.get(&format!("/v1/returns/{origin}")).await.expect(200)["due_minor"].clone()
}

async fn dearer_goods_are_paid_with_the_difference(world: World) {
    let (sale, article) = sold_for_cash(&world).await;
    let cash = json!([{ "kind": "cash", "given_minor": 1_500 }]);
    let made = world.post("/v1/exchanges", &with(exchange(&world, &sale, 1, &article, 3), "tenders", cash)).await;
    let made = made.expect(201);
    let (back, sold) = (&made["return"], &made["sale"]);
    assert_eq!(
        (&back["total_minor"], &back["due_minor"], &back["next_action"]),
        (&json!(500), &json!(0), &json!("none"))
    );
    assert_eq!((&sold["state"], &sold["total_minor"]), (&json!("completed"), &json!(1_500)));
    let credited = json!({
        "id": sold["tenders"][0]["id"], "kind": "return_credit", "state": "paid", "amount_minor": 500, "given_minor": null,
        "change_minor": null, "payment_id": null, "return_id": back["id"],
    });
    assert_eq!((&sold["tenders"][0], &sold["tenders"][1]["change_minor"]), (&credited, &json!(500)));
    let refund = json!({
        "number": 1, "kind": "return_credit", "state": "paid", "amount_minor": 500, "register_id": null, "payment_id": null,
        "operation_number": null, "credit_sale_id": sold["id"], "created_at": back["created_at"],
    });
    assert_eq!(back["refunds"], json!([refund]));
    assert_eq!((&back["receipt_number"], &sold["receipt_number"]), (&json!("A1-00000002"), &json!("A1-00000003")));
    assert_eq!(world.on_hand(&article).await, "6");
    // Both are read as they were answered.
    let read = world.get(&format!("/v1/returns/{}", text(&back["id"]))).await.expect(200);
    assert_eq!(&read, back);
    assert_eq!(world.get(&format!("/v1/sales/{}", text(&sold["id"]))).await.expect(200)["tenders"], sold["tenders"]);
    world.close().await;
}

async fn cheaper_goods_leave_something_that_goes_back_as_it_was_paid(world: World) {
    let (sale, payment, article) = sold_electronically(&world).await;
    let made = world.post("/v1/exchanges", &exchange(&world, &sale, 2, &article, 1)).await.expect(201);
    assert_eq!(made["sale"]["state"], "completed");
    let back = world
        .get_as(&world.shop.viewer, &format!("/v1/returns/{}", text(&made["return"]["id"])), &[("prefer", "wait=50")])
        .await
        .expect(200);
    let kinds: Vec<_> =
        back["refunds"].as_array().unwrap().iter().map(|one| (text(&one["kind"]), text(&one["state"]))).collect();
    let expected =
        [("return_credit", "paid"), ("electronic", "paid")].map(|(kind, state)| (kind.to_owned(), state.to_owned()));
    assert_eq!((kinds, &back["due_minor"]), (expected.to_vec(), &json!(0)));
    assert_eq!(world.payment(&payment).await["refunded_minor"], 500);
    world.close().await;
}

async fn the_difference_is_paid_by_card_later(world: World) {
    let (sale, article) = sold_for_cash(&world).await;
    let made = world.post("/v1/exchanges", &exchange(&world, &sale, 1, &article, 2)).await.expect(201);
    let id = text(&made["sale"]["id"]);
    assert_eq!((&made["sale"]["state"], &made["sale"]["due_minor"]), (&json!("open"), &json!(500)));
    charge(&world, &id).await;
    assert_eq!(world.get(&format!("/v1/sales/{id}")).await.expect(200)["state"], "completed");
    let kinds = world.events_of(&id).await;
    assert_eq!(kinds, ["sale.opened", "tender.paid", "sale.completed"]);
    world.close().await;
}

async fn a_credit_that_ten_registers_spend_is_spent_once(world: World) {
    let (sale, article) = sold_for_cash(&world).await;
    let origin = owed(&world, &sale).await;
    let body = ring(&world, &article, 1, json!([credit(&origin)]));
    let replies = join_all((0..10).map(|_| world.post("/v1/sales", &body))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
    for refused in replies.iter().filter(|reply| reply.status != 201) {
        refused.expect_problem(409, "return_nothing_due");
    }
    assert_eq!((due_of(&world, &origin).await, world.on_hand(&article).await), (json!(0), "8".to_owned()));
    let refund = json!({ "register_id": world.shop.register.to_string(), "refund": { "kind": "cash" } });
    world.post(&format!("/v1/returns/{origin}/refunds"), &refund).await.expect_problem(409, "return_nothing_due");
    world.close().await;
}

async fn an_exchange_sent_many_times_is_made_once(world: World) {
    let (sale, article) = sold_for_cash(&world).await;
    let (body, key) = (exchange(&world, &sale, 1, &article, 1), world.fresh_key());
    let first = world.post_as(&world.shop.cashier, "/v1/exchanges", &key, &[], &body).await;
    assert_eq!(first.status, 201);
    let again = join_all((0..50).map(|_| world.post_as(&world.shop.cashier, "/v1/exchanges", &key, &[], &body))).await;
    assert!(again.iter().all(|reply| reply.is_replay && reply.bytes == first.bytes));
    assert_eq!(world.on_hand(&article).await, "8");
    world.close().await;
}

async fn a_voided_sale_makes_the_return_owe_again(world: World) {
    let (sale, article) = sold_for_cash(&world).await;
    let origin = owed(&world, &sale).await;
    let open = world.open_sale(&article, 3).await;
    let tender = world.post(&format!("/v1/sales/{open}/tenders"), &credit(&origin)).await.expect(200);
    assert_eq!((&tender["due_minor"], due_of(&world, &origin).await), (&json!(1_000), json!(0)));
    let voided = world.post(&format!("/v1/sales/{open}/void"), &json!({})).await.expect(200);
    assert_eq!((&voided["state"], &voided["tenders"][0]["state"]), (&json!("voided"), &json!("failed")));
    assert_eq!(due_of(&world, &origin).await, json!(500));
    let kinds = world.events_of(&origin).await;
    assert_eq!(kinds, ["return.created", "return.refund_asked", "return.credit_released"]);
    world.post("/v1/sales", &ring(&world, &article, 1, json!([credit(&origin)]))).await.expect(201);
    world.close().await;
}

async fn what_a_charge_paid_goes_back_by_it_through_an_exchange(world: World) {
    let (sale, payment, article) = sold_electronically(&world).await;
    let mut last = sale;
    // An exchange of an exchange of an exchange.
    for _ in 0..3 {
        let made = world.post("/v1/exchanges", &exchange(&world, &last, 1, &article, 1)).await.expect(201);
        last = text(&made["sale"]["id"]);
    }
    let path = format!("/v1/sales/{last}/returns");
    let back = json!({ "register_id": world.shop.register.to_string(), "lines": [{ "number": 1, "quantity": 1 }] });
    let in_cash = with(back.clone(), "refunds", json!([{ "kind": "cash" }]));
    let cashier = world.post_as(&world.shop.cashier, &path, &world.fresh_key(), &[], &in_cash).await;
    cashier.expect_problem(403, "return_cash_needs_manager");
    let made = world.post(&path, &back).await.expect(201);
    assert_eq!(made["refunds"][0]["payment_id"], payment.as_str());
    world.wait_for_payment(&payment, "refunded", |payment| payment["refunded_minor"] == 500).await;
    world.close().await;
}

async fn both_receipts_name_each_other_and_the_reports_add_up(world: World) {
    let (sale, article) = sold_for_cash(&world).await;
    let made = world.post("/v1/exchanges", &exchange(&world, &sale, 2, &article, 1)).await.expect(201);
    let (back, sold) = (text(&made["return"]["id"]), text(&made["sale"]["id"]));
    let receipt = async |path: String, kind: Value| {
        let issued = world.post(&path, &kind).await.expect(201);
        world.get(&format!("/v1/receipts/{}", text(&issued["id"]))).await.expect(200)["content"].clone()
    };
    let of_sale = receipt(format!("/v1/sales/{sold}/receipts"), json!({ "kind": "receipt" })).await;
    let credit = json!({ "kind": "return_credit", "amount_minor": 500, "return_receipt_number": "A1-00000002" });
    assert_eq!((&of_sale["tenders"], &of_sale["receipt_number"]), (&json!([credit]), &json!("A1-00000003")));
    let of_return = receipt(format!("/v1/returns/{back}/receipts"), json!({})).await;
    let credited = json!({ "kind": "return_credit", "amount_minor": 500, "receipt_number": "A1-00000003" });
    let refunds = json!([credited, { "kind": "cash", "amount_minor": 500 }]);
    assert_eq!((&of_return["return"]["refunds"], &of_return["total_minor"]), (&refunds, &json!(1_000)));
    let day = world.get("/v1/reports/day").await.expect(200)["currencies"][0].clone();
    assert_eq!((&day["sales"]["gross_minor"], &day["returns"]["gross_minor"]), (&json!(1_500), &json!(1_000)));
    assert_eq!(day["tenders"]["return_credit"], json!({ "count": 1, "amount_minor": 500 }));
    assert_eq!(day["tenders"]["cash"]["net_minor"], 500);
    world.close().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(world: World) {
    let (sale, article) = sold_for_cash(&world).await;
    let plain = exchange(&world, &sale, 1, &article, 1);
    let nobody = json!({ "kind": "return_credit", "return_id": format!("ret_{:032x}-1", 1) });
    for (status, code, body) in [
        (409, "return_exceeds_sold", exchange(&world, &sale, 3, &article, 1)),
        (409, "stock_insufficient", exchange(&world, &sale, 1, &article, 10)),
        (409, "sale_nothing_due", with(plain.clone(), "tenders", json!([{ "kind": "cash", "given_minor": 500 }]))),
        (422, "sale_not_paid", with(exchange(&world, &sale, 1, &article, 2), "tenders", json!([]))),
        (404, "return_not_found", with(exchange(&world, &sale, 1, &article, 2), "tenders", json!([nobody]))),
        (404, "register_not_found", with(plain.clone(), "register_id", json!(format!("reg_{:032x}", 1)))),
        (400, "body_invalid", with(plain.clone(), "tenders", json!([{ "kind": "return_credit" }]))),
        (400, "body_invalid", with(plain.clone(), "colour", json!("red"))),
    ] {
        world.post("/v1/exchanges", &body).await.expect_problem(status, code);
    }
    let viewer = world.post_as(&world.shop.viewer, "/v1/exchanges", &world.fresh_key(), &[], &plain).await;
    viewer.expect_problem(403, "role_too_low");
    assert_eq!(world.on_hand(&article).await, "8");
    assert_eq!(world.get(&format!("/v1/sales/{sale}/returns")).await.expect(200)["data"], json!([]));
    let origin = owed(&world, &sale).await;
    let dear = ring(&world, &article, 2, json!([with(credit(&origin), "amount_minor", json!(501))]));
    world.post("/v1/sales", &dear).await.expect_problem(422, "return_credit_exceeds_owed");
    world.close().await;
}

async fn nobody_spends_what_another_merchant_owes(world: World) {
    let (sale, _) = sold_for_cash(&world).await;
    let origin = owed(&world, &sale).await;
    let other = &world.other_shop;
    let draft = json!({ "register_id": other.register.to_string(), "lines": [], "tenders": [credit(&origin)] });
    let open = json!({ "register_id": other.register.to_string() });
    let post =
        async |path: &str, body: &Value| world.post_as(&other.manager, path, &world.fresh_key(), &[], body).await;
    post("/v1/sales", &draft).await.expect_problem(404, "return_not_found");
    let open = text(&post("/v1/sales", &open).await.expect(201)["id"]);
    post(&format!("/v1/sales/{open}/tenders"), &credit(&origin)).await.expect_problem(404, "return_not_found");
    assert_eq!(due_of(&world, &origin).await, json!(500));
    world.close().await;
}
