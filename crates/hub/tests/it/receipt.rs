//! `/v1/receipts`.

use futures::future::join_all;
use jiff::Zoned;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, On, TestHub};
use crate::world::{World, on_both_engines, text};

on_each_engine! {
    a_receipt_is_given_listed_read_and_printed,
    of_ten_at_the_same_time_one_is_the_original,
    two_hundred_copies_of_a_request_give_one_receipt,
    what_breaks_a_rule_is_refused_and_changes_nothing,
    receipts_of_another_merchant_are_not_there,
    a_printed_number_finds_its_sale,
    a_page_is_closed_to_everything_else,
}

on_both_engines!(
    a_receipt_names_who_took_the_money,
    a_return_has_receipts_of_its_own,
    the_receipt_of_a_return_follows_its_refund,
    receipts_of_another_merchants_return_are_not_there,
);

/// Two teas and a bag, sold for cash.
async fn a_sold(hub: &TestHub) -> String {
    let mut sale = hub.a_sale(2, 500);
    let bag = json!({ "article_id": hub.shop.bag.to_string(), "quantity": 1 });
    sale["lines"].as_array_mut().unwrap().push(bag);
    text(&hub.post(&hub.shop.cashier, "/v1/sales", sale).await.expect(201)["id"])
}

/// An instant as the clock of the shop shows it.
fn in_tokyo(at: &Value) -> Zoned {
    at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().in_tz("Asia/Tokyo").unwrap()
}

async fn give(hub: &TestHub, sale: &str, body: Value) -> Answer {
    hub.post(&hub.shop.cashier, &format!("/v1/sales/{sale}/receipts"), body).await
}

async fn patch(hub: &TestHub, path: &str, body: Value) {
    hub.request(Method::PATCH, path).auth(&hub.shop.manager).json(&body).send().await.expect(200);
}

async fn a_receipt_is_given_listed_read_and_printed(on: On) {
    let hub = TestHub::start(on).await;
    let issuer = json!({ "legal_name": "株式会社角店", "registration_number": "T5835678256246" });
    patch(&hub, "/v1/merchant", issuer).await;
    let contact = json!({ "address": ["東京都中央区銀座1-2-3"], "phone": "03-1234-5678" });
    patch(&hub, &format!("/v1/locations/{}", hub.shop.location), contact).await;
    let sale = a_sold(&hub).await;
    let given = give(&hub, &sale, json!({ "kind": "receipt" })).await.expect(201);
    let expected = json!({
        "id": given["id"], "object": "receipt", "sale_id": sale, "return_id": null, "number": 1, "kind": "receipt", "is_copy": false,
        "addressee": null, "proviso": null, "locale": "ja", "issued_by": hub.shop.cashier_key.to_string(),
        "created_at": given["created_at"],
    });
    assert_eq!(given, expected);
    let formal = json!({ "kind": "formal", "addressee": "株式会社橋", "proviso": "お茶代", "locale": "en" });
    let formal = give(&hub, &sale, formal).await.expect(201);
    assert_eq!((&formal["number"], &formal["is_copy"]), (&json!(2), &json!(false)));
    let list = hub.get(&hub.shop.viewer, &format!("/v1/sales/{sale}/receipts")).await.expect(200);
    assert_eq!(list["data"], json!([given, formal]));

    let path = format!("/v1/receipts/{}", text(&given["id"]));
    let read = hub.get(&hub.shop.viewer, &path).await.expect(200);
    let sold = hub.get(&hub.shop.viewer, &format!("/v1/sales/{sale}")).await.expect(200);
    let (sold_at, issued_at) = (in_tokyo(&sold["closed_at"]), in_tokyo(&given["created_at"]));
    let content = json!({
        "receipt_number": "T1-00000001",
        "sold_at_local": sold_at.strftime("%Y-%m-%dT%H:%M").to_string(),
        "issued_at_local": issued_at.strftime("%Y-%m-%dT%H:%M").to_string(),
        "merchant": "Corner Shop", "legal_name": "株式会社角店", "registration_number": "T5835678256246",
        "is_qualified_invoice": true, "location": "Ginza", "address": ["東京都中央区銀座1-2-3"],
        "phone": "03-1234-5678", "register": "T1", "consumption": "take_away", "currency": "JPY", "prices_include_tax": true,
        "lines": [
            { "name": "tea", "quantity": "2", "unit_price": "150", "amount_minor": 300, "discounts": [], "tax_rate_basis_points": 800,
              "is_reduced": true },
            { "name": "bag", "quantity": "1", "unit_price": "5", "amount_minor": 5, "discounts": [], "tax_rate_basis_points": 1000,
              "is_reduced": false },
        ],
        "taxes": [
            { "rate_basis_points": 800, "net_minor": 278, "tax_minor": 22, "gross_minor": 300 },
            { "rate_basis_points": 1000, "net_minor": 5, "tax_minor": 0, "gross_minor": 5 },
        ],
        "total_minor": 305, "tax_minor": 22,
        "tenders": [{ "kind": "cash", "amount_minor": 305, "given_minor": 500, "change_minor": 195 }],
        "needs_revenue_stamp": false,
    });
    assert_eq!(read["content"], content);

    let printed = hub.get(&hub.shop.viewer, &format!("{path}/document?format=text&columns=32")).await;
    assert_eq!((printed.status, printed.header("content-type")), (200, "text/plain; charset=utf-8"));
    let date = sold_at.strftime("%Y年%-m月%-d日 %H:%M").to_string();
    for part in ["登録番号 T5835678256246", &date, "tea※", "合計                       305円"] {
        assert!(printed.text().contains(part), "{part}\n{}", printed.text());
    }
    let formal = format!("/v1/receipts/{}/document", text(&formal["id"]));
    let english = hub.get(&hub.shop.viewer, &format!("{formal}?format=text")).await.text();
    assert!(english.contains("To: 株式会社橋") && english.contains("For: お茶代"), "{english}");
    let page = hub.get(&hub.shop.viewer, &format!("{formal}?locale=ja")).await.text();
    assert!(page.contains("<p class=\"to\">株式会社橋 様</p>"), "{page}");
    let bytes = hub.get(&hub.shop.viewer, &format!("{path}/document?format=escpos")).await;
    assert_eq!(bytes.header("content-type"), "application/octet-stream");
    assert!(bytes.body.starts_with(b"\x1b@") && bytes.body.ends_with(b"\x1dV\x42\x00"));
    hub.stop().await;
}

async fn of_ten_at_the_same_time_one_is_the_original(on: On) {
    let hub = TestHub::start(on).await;
    let sale = a_sold(&hub).await;
    let answers = join_all((0..10).map(|_| give(&hub, &sale, json!({ "kind": "receipt" })))).await;
    let given: Vec<Value> = answers.iter().map(|answer| answer.expect(201)).collect();
    assert_eq!(given.iter().filter(|receipt| receipt["is_copy"] == false).count(), 1);
    let mut numbers: Vec<i64> = given.iter().map(|receipt| receipt["number"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=10).collect::<Vec<i64>>());
    let original = given.iter().find(|receipt| receipt["is_copy"] == false).unwrap();
    assert_eq!(original["number"], 1);
    let copy = given.iter().find(|receipt| receipt["is_copy"] == true).unwrap();
    let printed = |receipt: &Value| format!("/v1/receipts/{}/document?format=text", text(&receipt["id"]));
    assert!(hub.get(&hub.shop.viewer, &printed(copy)).await.text().contains("*** 再発行 ***"));
    assert!(!hub.get(&hub.shop.viewer, &printed(original)).await.text().contains("再発行"));
    hub.stop().await;
}

async fn two_hundred_copies_of_a_request_give_one_receipt(on: On) {
    let hub = TestHub::start(on).await;
    let path = format!("/v1/sales/{}/receipts", a_sold(&hub).await);
    let body = json!({ "kind": "formal", "addressee": "株式会社橋" });
    let send = || hub.request(Method::POST, &path).auth(&hub.shop.cashier).key("printer").json(&body).send();
    let answers = join_all((0..200).map(|_| send())).await;
    let whole: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!whole.is_empty());
    assert!(whole.iter().all(|answer| answer.bytes() == whole[0].bytes()));
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(409, "idempotency_key_in_flight");
    }
    assert_eq!(hub.get(&hub.shop.viewer, &path).await.expect(200)["data"].as_array().unwrap().len(), 1);
    let events = hub.get(&hub.shop.viewer, "/v1/events?limit=100").await.expect(200);
    let issued = events["data"].as_array().unwrap().iter().filter(|event| event["kind"] == "receipt.issued");
    assert_eq!(issued.count(), 1);
    assert!(!events.to_string().contains("株式会社橋"), "to whom it was made out stays in the record");
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let sale = a_sold(&hub).await;
    let mut draft = hub.a_sale(1, 0);
    draft.as_object_mut().unwrap().remove("tenders");
    let open = text(&hub.post(&hub.shop.cashier, "/v1/sales", draft).await.expect(201)["id"]);
    let mark = hub.mark().await;
    give(&hub, &open, json!({ "kind": "receipt" })).await.expect_problem(409, "sale_not_completed");
    let (nobody, long) = (format!("sal_{:032x}", 7), "x".repeat(61));
    give(&hub, &nobody, json!({ "kind": "receipt" })).await.expect_problem(404, "sale_not_found");
    for (status, code, body) in [
        (400, "body_invalid", json!({})),
        (400, "body_invalid", json!({ "kind": "invoice" })),
        (400, "body_invalid", json!({ "kind": "receipt", "addressee": "橋" })),
        (400, "body_invalid", json!({ "kind": "receipt", "locale": "fr" })),
        (422, "receipt_addressee_invalid", json!({ "kind": "formal", "addressee": long })),
        (422, "receipt_addressee_invalid", json!({ "kind": "formal", "addressee": "\u{1b}p" })),
        (422, "receipt_proviso_invalid", json!({ "kind": "formal", "proviso": " " })),
        (400, "text_looks_like_card_number", json!({ "kind": "formal", "addressee": "4111 1111 1111 1111" })),
        (
            400,
            "text_looks_like_card_number",
            json!({ "kind": "formal", "proviso": "４１１１１１１１１１１１１１１１" }),
        ),
    ] {
        let answer = give(&hub, &sale, body).await;
        answer.expect_problem(status, code);
        assert!(!answer.text().contains("1111") && !answer.text().contains("１１１１"), "{}", answer.text());
    }
    let path = format!("/v1/sales/{sale}/receipts");
    let body = json!({ "kind": "receipt" });
    hub.post(&hub.shop.viewer, &path, body.clone()).await.expect_problem(403, "role_too_low");
    let bare = hub.request(Method::POST, &path).auth(&hub.shop.cashier).json(&body).send().await;
    bare.expect_problem(400, "idempotency_key_missing");
    assert_eq!(hub.mark().await, mark);

    let given = text(&give(&hub, &sale, body).await.expect(201)["id"]);
    for wrong in ["columns=40", "columns=x", "format=pdf", "locale=fr", "colour=1"] {
        let answer = hub.get(&hub.shop.viewer, &format!("/v1/receipts/{given}/document?{wrong}")).await;
        answer.expect_problem(400, "query_invalid");
    }
    hub.stop().await;
}

async fn receipts_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let sale = a_sold(&hub).await;
    let given = text(&give(&hub, &sale, json!({ "kind": "receipt" })).await.expect(201)["id"]);
    let (key, mark) = (&hub.other.manager, hub.mark().await);
    let path = format!("/v1/sales/{sale}/receipts");
    hub.get(key, &path).await.expect_problem(404, "sale_not_found");
    hub.post(key, &path, json!({ "kind": "receipt" })).await.expect_problem(404, "sale_not_found");
    for path in [format!("/v1/receipts/{given}"), format!("/v1/receipts/{given}/document")] {
        hub.get(key, &path).await.expect_problem(404, "receipt_not_found");
        hub.request(Method::GET, &path).send().await.expect_problem(401, "key_missing");
    }
    let number = hub.get(key, "/v1/sales?receipt_number=T1-00000001").await.expect(200);
    assert_eq!(number["data"], json!([]));
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}

async fn a_printed_number_finds_its_sale(on: On) {
    let hub = TestHub::start(on).await;
    let sales = [a_sold(&hub).await, a_sold(&hub).await];
    for (sale, number) in sales.iter().zip(["T1-00000001", "T1-00000002"]) {
        let found = hub.get(&hub.shop.viewer, &format!("/v1/sales?receipt_number={number}")).await.expect(200);
        assert_eq!(found["data"].as_array().unwrap().len(), 1);
        assert_eq!((&found["data"][0]["id"], &found["next_cursor"]), (&json!(sale), &Value::Null));
    }
    let none = hub.get(&hub.shop.viewer, "/v1/sales?receipt_number=T1-00000003").await.expect(200);
    assert_eq!(none["data"], json!([]));
    let paged = format!("/v1/sales?receipt_number=T1-00000001&cursor={}", sales[0]);
    hub.get(&hub.shop.viewer, &paged).await.expect_problem(400, "query_invalid");
    hub.stop().await;
}

async fn a_page_is_closed_to_everything_else(on: On) {
    let hub = TestHub::start(on).await;
    let rename = json!({ "name": "<script>alert(1)</script>" });
    patch(&hub, &format!("/v1/articles/{}", hub.shop.tea), rename).await;
    let sale = a_sold(&hub).await;
    let given = text(&give(&hub, &sale, json!({ "kind": "receipt" })).await.expect(201)["id"]);
    let page = hub.get(&hub.shop.viewer, &format!("/v1/receipts/{given}/document")).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.header("content-security-policy"), "default-src 'none'; style-src 'unsafe-inline'");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.text().contains("&lt;script&gt;alert(1)&lt;/script&gt;※"));
    assert!(!page.text().contains("<script"));
    hub.stop().await;
}

async fn a_receipt_names_who_took_the_money(world: World) {
    let article = world.stocked_article(500, 10).await;
    let sale = world.open_sale(&article, 2).await;
    let payment = json!({
        "register_id": world.shop.register.to_string(),
        "connection_id": world.shop.sandbox.to_string(),
        "sale_id": sale,
    });
    let payment = world.post_and_wait("/v1/payments", &payment).await.expect(201);
    let reference = &payment["operations"][0]["provider_reference"];
    assert!(reference.is_string(), "{payment}");
    let given = world.post(&format!("/v1/sales/{sale}/receipts"), &json!({ "kind": "receipt" })).await.expect(201);
    let read = world.get(&format!("/v1/receipts/{}", text(&given["id"]))).await.expect(200);
    let tender = json!({
        "kind": "electronic", "amount_minor": 1_000, "provider": "sandbox", "provider_reference": reference,
    });
    assert_eq!(read["content"]["tenders"], json!([tender]));
    world.close().await;
}

/// Two pieces of 500 yen with 10 % tax, of which one came back; the sale and the return.
async fn a_return(world: &World, is_cash: bool, fault: &[(&str, &str)]) -> (String, Value) {
    let article = world.stocked_article(500, 10).await;
    let sale = world.open_sale(&article, 2).await;
    let register = world.shop.register.to_string();
    if is_cash {
        let cash = json!({ "kind": "cash", "given_minor": 1_000 });
        world.post(&format!("/v1/sales/{sale}/tenders"), &cash).await.expect(200);
    } else {
        let payment = json!({
            "register_id": register, "connection_id": world.shop.sandbox.to_string(), "sale_id": sale,
        });
        world.post_and_wait("/v1/payments", &payment).await.expect(201);
    }
    let back = json!({ "register_id": register, "lines": [{ "number": 1, "quantity": 1 }] });
    let (path, key) = (format!("/v1/sales/{sale}/returns"), world.fresh_key());
    (sale, world.post_as(&world.shop.cashier, &path, &key, fault, &back).await.expect(201))
}

async fn a_return_has_receipts_of_its_own(world: World) {
    let (sale, returned) = a_return(&world, true, &[]).await;
    let path = format!("/v1/returns/{}/receipts", text(&returned["id"]));
    let first = world.post(&path, &json!({})).await.expect(201);
    let copy = world.post(&path, &json!({ "locale": "en" })).await.expect(201);
    assert_eq!(
        (&first["kind"], &first["return_id"], &first["sale_id"]),
        (&json!("return"), &returned["id"], &json!(sale))
    );
    assert_eq!((&first["is_copy"], &copy["is_copy"]), (&json!(false), &json!(true)));
    // The sale has its own original, and neither list has the other's.
    let of_sale = world.post(&format!("/v1/sales/{sale}/receipts"), &json!({ "kind": "receipt" })).await.expect(201);
    assert_eq!(of_sale["is_copy"], false);
    assert_eq!(world.get(&path).await.expect(200)["data"], json!([first, copy]));
    assert_eq!(world.get(&format!("/v1/sales/{sale}/receipts")).await.expect(200)["data"], json!([of_sale]));

    let read = world.get(&format!("/v1/receipts/{}", text(&first["id"]))).await.expect(200);
    let content = &read["content"];
    assert_eq!((&content["receipt_number"], &content["total_minor"]), (&json!("A1-00000002"), &json!(500)));
    assert_eq!(content["return"]["sale_receipt_number"], "A1-00000001");
    assert_eq!(content["return"]["refunds"], json!([{ "kind": "cash", "amount_minor": 500 }]));
    assert_eq!((&content["return"]["due_minor"], &content["tenders"]), (&json!(0), &json!([])));
    let printed = world.get(&format!("/v1/receipts/{}/document?format=text", text(&copy["id"]))).await;
    let printed = String::from_utf8(printed.bytes).unwrap();
    for part in ["Return receipt", "*** COPY ***", "A1-00000001", "Cash back"] {
        assert!(printed.contains(part), "{part}\n{printed}");
    }
    let viewer = world.post_as(&world.shop.viewer, &path, &world.fresh_key(), &[], &json!({})).await;
    viewer.expect_problem(403, "role_too_low");
    let unknown = text(&returned["id"]).replace("-1", "-2");
    world.post(&format!("/v1/returns/{unknown}/receipts"), &json!({})).await.expect_problem(404, "return_not_found");
    world.get(&format!("/v1/returns/{unknown}/receipts")).await.expect_problem(404, "return_not_found");
    world.close().await;
}

async fn the_receipt_of_a_return_follows_its_refund(world: World) {
    let (_, returned) = a_return(&world, false, &[("x-sandbox-fault", "lose_reply")]).await;
    let id = text(&returned["id"]);
    let given = world.post(&format!("/v1/returns/{id}/receipts"), &json!({})).await.expect(201);
    let wait = [("prefer", "wait=50")];
    world.get_as(&world.shop.viewer, &format!("/v1/returns/{id}"), &wait).await.expect(200);
    let read = world.get(&format!("/v1/receipts/{}", text(&given["id"]))).await.expect(200);
    let refund = &read["content"]["return"]["refunds"][0];
    assert_eq!((&refund["is_pending"], &refund["provider"]), (&json!(false), &json!("sandbox")));
    assert!(refund["provider_reference"].is_string(), "{refund}");
    world.close().await;
}

async fn receipts_of_another_merchants_return_are_not_there(world: World) {
    let (_, returned) = a_return(&world, true, &[]).await;
    let path = format!("/v1/returns/{}/receipts", text(&returned["id"]));
    let other = &world.other_shop.manager;
    world.post_as(other, &path, &world.fresh_key(), &[], &json!({})).await.expect_problem(404, "return_not_found");
    world.get_as(other, &path, &[]).await.expect_problem(404, "return_not_found");
    assert_eq!(world.get(&path).await.expect(200)["data"], json!([]));
    world.close().await;
}
