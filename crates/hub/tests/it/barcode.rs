//! What is scanned: the codes on articles, and lines that name their article by one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
    an_article_is_found_by_any_spelling_of_its_code,
    a_code_moves_when_it_is_taken_off,
    scanned_goods_are_sold,
    a_label_of_a_scale_says_its_price,
    a_scanned_sale_is_replayed_when_the_code_is_gone,
    the_codes_of_another_merchant_are_not_there,
}

const JAN: &str = "4901234567894";

async fn label(hub: &TestHub, article: impl ToString, barcodes: Value) -> Value {
    let path = format!("/v1/articles/{}", article.to_string());
    let change = json!({ "barcodes": barcodes });
    hub.request(Method::PATCH, &path).auth(&hub.shop.manager).json(&change).send().await.expect(200)
}

async fn found(hub: &TestHub, key: &str, barcode: &str) -> Vec<Value> {
    let answer = hub.get(key, &format!("/v1/articles?barcode={barcode}")).await.expect(200);
    answer["data"].as_array().unwrap().iter().map(|article| article["id"].clone()).collect()
}

fn scanned(hub: &TestHub, barcode: &str) -> Value {
    json!({
        "register_id": hub.shop.registers[0].to_string(),
        "lines": [{ "barcode": barcode, "quantity": 2 }],
        "tenders": [{ "kind": "cash", "given_minor": 300 }],
    })
}

async fn an_article_is_found_by_any_spelling_of_its_code(on: On) {
    let hub = TestHub::start(on).await;
    let tea = label(&hub, hub.shop.tea, json!([JAN, "0036000291452", "tea-1", format!("0{JAN}")])).await;
    assert_eq!(tea["barcodes"], json!([JAN, "0036000291452", "tea-1"]));
    assert_eq!(hub.get(&hub.shop.viewer, &format!("/v1/articles/{}", hub.shop.tea)).await.expect(200), tea);
    for spelling in [JAN, "04901234567894", "036000291452", "tea-1"] {
        assert_eq!(found(&hub, &hub.shop.viewer, spelling).await, [json!(hub.shop.tea.to_string())], "{spelling}");
    }
    assert!(found(&hub, &hub.shop.viewer, "49012347").await.is_empty());
    let ruined = hub.get(&hub.shop.viewer, "/v1/articles?barcode=4901234567895").await;
    ruined.expect_problem(400, "query_invalid");
    hub.stop().await;
}

async fn a_code_moves_when_it_is_taken_off(on: On) {
    let hub = TestHub::start(on).await;
    label(&hub, hub.shop.tea, json!([JAN])).await;
    let path = format!("/v1/articles/{}", hub.shop.bag);
    let change = json!({ "barcodes": [JAN], "name": "sack" });
    let taken = hub.request(Method::PATCH, &path).auth(&hub.shop.manager).json(&change).send().await;
    taken.expect_problem(409, "barcode_taken");
    assert_eq!(hub.get(&hub.shop.viewer, &path).await.expect(200)["name"], "bag");
    label(&hub, hub.shop.tea, json!([])).await;
    assert!(found(&hub, &hub.shop.viewer, JAN).await.is_empty());
    label(&hub, hub.shop.bag, json!([JAN])).await;
    assert_eq!(found(&hub, &hub.shop.viewer, JAN).await, [json!(hub.shop.bag.to_string())]);
    hub.stop().await;
}

async fn scanned_goods_are_sold(on: On) {
    let hub = TestHub::start(on).await;
    label(&hub, hub.shop.tea, json!([JAN])).await;
    let key = &hub.shop.cashier;
    let sold = hub.post(key, "/v1/sales", scanned(&hub, "04901234567894")).await.expect(201);
    assert_eq!((&sold["state"], &sold["total_minor"]), (&json!("completed"), &json!(300)));
    assert_eq!(sold["lines"][0]["article_id"], hub.shop.tea.to_string());
    assert_eq!(hub.tea_on_hand().await, "8");

    let draft = json!({ "register_id": hub.shop.registers[0].to_string() });
    let open = hub.post(key, "/v1/sales", draft).await.expect(201);
    let lines = format!("/v1/sales/{}/lines", open["id"].as_str().unwrap());
    let one = hub.post(key, &lines, json!({ "barcode": JAN, "quantity": 1 })).await.expect(200);
    assert_eq!(one["lines"][0]["article_id"], hub.shop.tea.to_string());

    let mark = hub.mark().await;
    for (status, code, line) in [
        (422, "barcode_unknown", json!({ "barcode": "49012347", "quantity": 1 })),
        (422, "barcode_check_digit_wrong", json!({ "barcode": "4901234567895", "quantity": 1 })),
        (422, "barcode_invalid", json!({ "barcode": " ", "quantity": 1 })),
        (400, "body_invalid", json!({ "quantity": 1 })),
        (400, "body_invalid", json!({ "barcode": JAN, "article_id": hub.shop.tea.to_string(), "quantity": 1 })),
    ] {
        hub.post(key, &lines, line.clone()).await.expect_problem(status, code);
        let sale = json!({ "register_id": hub.shop.registers[0].to_string(), "lines": [line] });
        hub.post(key, "/v1/sales", sale).await.expect_problem(status, code);
    }
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}

/// The register repeats the request of a sale that has happened: it gets that sale, whatever became of the code.
async fn a_label_of_a_scale_says_its_price(on: On) {
    let hub = TestHub::start(on).await;
    label(&hub, hub.shop.tea, json!(["0212345PPPPP"])).await;
    let line = json!({ "barcode": "0212345003503", "quantity": 2 });
    let sale = json!({ "register_id": hub.shop.registers[0].to_string(), "lines": [line] });
    let sold = hub.post(&hub.shop.cashier, "/v1/sales", sale).await.expect(201);
    assert_eq!((&sold["lines"][0]["unit_price"], &sold["total_minor"]), (&json!("350"), &json!(700)));
    let tea = json!(hub.shop.tea.to_string());
    assert_eq!(found(&hub, &hub.shop.viewer, "0212345003503").await, [tea]);
    assert!(found(&hub, &hub.other.viewer, "0212345003503").await.is_empty());
    hub.stop().await;
}

async fn a_scanned_sale_is_replayed_when_the_code_is_gone(on: On) {
    let hub = TestHub::start(on).await;
    label(&hub, hub.shop.tea, json!([JAN])).await;
    let body = scanned(&hub, JAN);
    let send = || async {
        let request = hub.request(Method::POST, "/v1/sales").auth(&hub.shop.cashier);
        request.header("idempotency-key", "scanned").json(&body).send().await
    };
    let sold = send().await.expect(201);
    label(&hub, hub.shop.tea, json!([])).await;
    assert_eq!(send().await.expect(201), sold);
    assert_eq!(hub.tea_on_hand().await, "8");
    hub.post(&hub.shop.cashier, "/v1/sales", body.clone()).await.expect_problem(422, "barcode_unknown");
    hub.stop().await;
}

async fn the_codes_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    label(&hub, hub.shop.tea, json!([JAN])).await;
    let other = &hub.other;
    assert!(found(&hub, &other.viewer, JAN).await.is_empty());
    let theirs = format!("/v1/articles/{}", other.tea);
    let change = json!({ "barcodes": [JAN] });
    hub.request(Method::PATCH, &theirs).auth(&other.manager).json(&change).send().await.expect(200);
    assert_eq!(found(&hub, &hub.shop.viewer, JAN).await, [json!(hub.shop.tea.to_string())]);
    assert_eq!(found(&hub, &other.viewer, JAN).await, [json!(other.tea.to_string())]);
    hub.stop().await;
}
