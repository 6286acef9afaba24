//! `/v1/shifts`: counts, cash that comes and goes, X and Z.

use reqwest::Method;
use serde_json::{Value, json};

use crate::operator::{an_operator, post_as, sign_in};
use crate::support::{On, TestHub};

on_each_engine! {
    a_shift_is_opened_sold_in_counted_and_closed,
    the_z_report_stays_what_it_was_and_what_came_after_is_in_the_next,
    a_register_has_one_open_shift_and_a_repeat_opens_no_other,
    who_counts_is_not_told_and_a_manager_pays_out,
    what_breaks_a_rule_is_refused,
    the_shifts_of_another_merchant_are_not_there,
}

const PATH: &str = "/v1/shifts";

async fn open(hub: &TestHub, float: i64) -> Value {
    let body = json!({ "register_id": hub.shop.registers[0].to_string(), "float": pieces(float) });
    hub.post(&hub.shop.cashier, PATH, body).await.expect(201)
}

fn pieces(amount: i64) -> Value {
    json!([{ "value_minor": 1, "pieces": amount % 100 }, { "value_minor": 100, "pieces": amount / 100 }])
}

fn path_of(shift: &Value, tail: &str) -> String {
    format!("{PATH}/{}{tail}", shift["id"].as_str().unwrap())
}

async fn close(hub: &TestHub, shift: &Value, counted: i64, deposited: i64) -> Value {
    let body = json!({ "count": pieces(counted), "deposited_minor": deposited, "note": "counted twice" });
    hub.post(&hub.shop.cashier, &path_of(shift, "/close"), body).await.expect(200)
}

async fn report(hub: &TestHub, shift: &Value) -> Value {
    hub.get(&hub.shop.manager, &path_of(shift, "/report")).await.expect(200)
}

async fn give_back_a_tea(hub: &TestHub, sale: &Value) {
    let path = format!("/v1/sales/{}/returns", sale["id"].as_str().unwrap());
    let body = json!({ "register_id": hub.shop.registers[0].to_string(),
        "lines": [{ "number": 1, "quantity": "1" }], "reason": "stale" });
    hub.post(&hub.shop.cashier, &path, body).await.expect(201);
}

async fn a_shift_is_opened_sold_in_counted_and_closed(on: On) {
    let hub = TestHub::start(on).await;
    let before = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    assert_eq!(before["shift_id"], Value::Null);
    let shift = open(&hub, 10_000).await;
    assert_eq!(
        (&shift["number"], &shift["float_minor"], &shift["brought_minor"], &shift["is_open"], &shift["closing"]),
        (&json!(1), &json!(10_000), &json!(9_850), &json!(true), &Value::Null)
    );
    let sale = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(2, 1_000)).await.expect(201);
    assert_eq!(sale["shift_id"], shift["id"]);
    give_back_a_tea(&hub, &sale).await;
    let stamps = json!({ "direction": "out", "purpose": "expense", "amount_minor": 500, "reason": "stamps" });
    let moved = hub.post(&hub.shop.manager, &path_of(&shift, "/cash-movements"), stamps).await.expect(201);
    assert_eq!((&moved["number"], &moved["purpose"]), (&json!(1), &json!("expense")));
    let x = report(&hub, &shift).await;
    assert_eq!((&x["kind"], &x["drawer"]["expected_minor"]), (&json!("x"), &json!(9_650)));

    let closed = close(&hub, &shift, 9_640, 8_640).await;
    let closing = &closed["closing"];
    assert_eq!(
        (&closing["counted_minor"], &closing["expected_minor"], &closing["difference_minor"]),
        (&json!(9_640), &json!(9_650), &json!(-10))
    );
    assert_eq!(hub.drawers().await, 1_000);
    let z = report(&hub, &shift).await;
    assert_eq!(
        z["drawer"],
        json!({ "carried_minor": 150, "brought_minor": 9_850, "opening_difference_minor": 0, "sales_minor": 300,
            "refunds_minor": 150, "paid_in_minor": 0, "paid_out_minor": 500, "expected_minor": 9_650 })
    );
    let totals = &z["totals"];
    assert_eq!((&totals["sales"]["gross_minor"], &totals["returns"]["gross_minor"]), (&json!(300), &json!(150)));
    assert_eq!(
        (&totals["tenders"]["cash"]["given_minor"], &totals["taxes"][0]["tax_minor"]),
        (&json!(1_000), &json!(22))
    );
    assert_eq!((&z["receipts"]["count"], &z["receipts"]["first"]), (&json!(2), &json!("T1-00000002")));
    assert_eq!((z["cash_movements"].as_array().unwrap().len(), &z["in_doubt"]), (1, &json!([])));
    hub.stop().await;
}

async fn the_z_report_stays_what_it_was_and_what_came_after_is_in_the_next(on: On) {
    let hub = TestHub::start(on).await;
    let shift = open(&hub, 0).await;
    let sale = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(2, 300)).await.expect(201);
    close(&hub, &shift, 300, 300).await;
    let z = report(&hub, &shift).await;
    give_back_a_tea(&hub, &sale).await;
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(3, 450)).await.expect(201);
    assert_eq!(report(&hub, &shift).await, z);
    let next = open(&hub, 300).await;
    assert_eq!((&next["number"], &next["opening_difference_minor"]), (&json!(2), &json!(0)));
    let x = report(&hub, &next).await;
    assert_eq!((&x["drawer"]["sales_minor"], &x["drawer"]["refunds_minor"]), (&json!(450), &json!(150)));
    let listed = hub.get(&hub.shop.viewer, PATH).await.expect(200);
    let numbers: Vec<_> = listed["data"].as_array().unwrap().iter().map(|shift| &shift["number"]).collect();
    assert_eq!(numbers, [1, 2]);
    let first = hub.get(&hub.shop.viewer, &format!("{PATH}?limit=1")).await.expect(200);
    let rest = format!("{PATH}?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(hub.get(&hub.shop.viewer, &rest).await.expect(200)["data"][0]["number"], 2);
    let elsewhere = format!("{PATH}?register_id={}", hub.shop.registers[1]);
    assert_eq!(hub.get(&hub.shop.viewer, &elsewhere).await.expect(200)["data"], json!([]));
    hub.stop().await;
}

async fn a_register_has_one_open_shift_and_a_repeat_opens_no_other(on: On) {
    let hub = TestHub::start(on).await;
    let body = json!({ "register_id": hub.shop.registers[0].to_string(), "float": [] });
    let open = |_| hub.post(&hub.shop.cashier, PATH, body.clone());
    let answers = futures::future::join_all((0..8).map(open)).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(201), count(409)), (1, 7));
    for refused in answers.iter().filter(|answer| answer.status == 409) {
        refused.expect_problem(409, "shift_already_open");
    }
    // A repeat under one key is one shift, and its bytes.
    let other = json!({ "register_id": hub.shop.registers[1].to_string(), "float": [] });
    let make = || hub.request(Method::POST, PATH).auth(&hub.shop.cashier).key("one").json(&other).send();
    let (first, second) = (make().await, make().await);
    first.expect(201);
    assert_eq!(first.bytes(), second.bytes());
    hub.stop().await;
}

async fn who_counts_is_not_told_and_a_manager_pays_out(on: On) {
    let hub = TestHub::start(on).await;
    let shift = open(&hub, 1_000).await;
    let x = path_of(&shift, "/report");
    hub.get(&hub.shop.cashier, &x).await.expect_problem(403, "role_too_low");
    let chief = an_operator(&hub, "9", "manager").await;
    let chief = sign_in(&hub, &chief).await;
    let movements = path_of(&shift, "/cash-movements");
    let bank = json!({ "direction": "out", "purpose": "bank", "amount_minor": 100, "reason": "coins" });
    hub.post(&hub.shop.cashier, &movements, bank.clone()).await.expect_problem(403, "role_too_low");
    let moved = post_as(&hub, &chief, &movements, &bank).await.expect(201);
    assert!(moved["moved_by"].as_str().unwrap().starts_with("opr_"));
    let drop = json!({ "direction": "out", "purpose": "safe", "amount_minor": 100, "reason": "a drop" });
    hub.post(&hub.shop.cashier, &movements, drop).await.expect(201);
    close(&hub, &shift, 800, 0).await;
    hub.get(&hub.shop.cashier, &x).await.expect(200);
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused(on: On) {
    let hub = TestHub::start(on).await;
    let shift = open(&hub, 1_000).await;
    let (movements, close_path) = (path_of(&shift, "/cash-movements"), path_of(&shift, "/close"));
    let movement = |amount: i64, reason: &str| json!({ "direction": "in", "purpose": "safe", "amount_minor": amount, "reason": reason });
    let twice = json!([{ "value_minor": 100, "pieces": 1 }, { "value_minor": 100, "pieces": 1 }]);
    let register = hub.shop.registers[1].to_string();
    for (path, status, code, wrong) in [
        (PATH, 422, "shift_count_invalid", json!({ "register_id": register, "float": twice })),
        (PATH, 404, "register_not_found", json!({ "register_id": hub.other.registers[0].to_string(), "float": [] })),
        (&movements, 422, "amount_out_of_range", movement(0, "change")),
        (&movements, 422, "shift_reason_invalid", movement(1, "")),
        (&movements, 400, "text_looks_like_card_number", movement(1, "4111 1111 1111 1111")),
        (&close_path, 422, "shift_deposit_exceeds_count", json!({ "count": [], "deposited_minor": 1 })),
    ] {
        let request = hub.request(Method::POST, path).auth(&hub.shop.manager).fresh_key();
        request.raw(wrong.to_string()).send().await.expect_problem(status, code);
    }
    let keyless = hub.request(Method::POST, &close_path).auth(&hub.shop.cashier).json(&json!({ "count": [] }));
    keyless.send().await.expect_problem(400, "idempotency_key_missing");
    close(&hub, &shift, 1_000, 0).await;
    hub.post(&hub.shop.cashier, &close_path, json!({ "count": [] })).await.expect_problem(409, "shift_closed");
    hub.post(&hub.shop.cashier, &movements, movement(1, "change")).await.expect_problem(409, "shift_closed");
    hub.stop().await;
}

async fn the_shifts_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let shift = open(&hub, 1_000).await;
    let mark = hub.mark().await;
    for tail in ["", "/report"] {
        hub.get(&hub.other.manager, &path_of(&shift, tail)).await.expect_problem(404, "shift_not_found");
    }
    let movement = json!({ "direction": "in", "purpose": "safe", "amount_minor": 1, "reason": "change" });
    for (tail, body) in [("/close", json!({ "count": [] })), ("/cash-movements", movement)] {
        hub.post(&hub.other.manager, &path_of(&shift, tail), body).await.expect_problem(404, "shift_not_found");
    }
    assert_eq!(hub.get(&hub.other.manager, PATH).await.expect(200)["data"], json!([]));
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}
