//! No request crosses a merchant: whatever it names of another one is not there.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{On, TestHub};

on_each_engine! {
    the_records_of_another_merchant_are_not_there,
    the_lists_of_a_merchant_have_only_its_own,
}

async fn the_records_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let mut draft = hub.a_sale(1, 150);
    draft.as_object_mut().unwrap().remove("tenders");
    let open = hub.post(&hub.shop.cashier, "/v1/sales", draft).await.expect(201);
    let (sale, other) = (open["id"].as_str().unwrap(), &hub.other);
    let mark = hub.mark().await;
    let (tea, location, register) =
        (hub.shop.tea.to_string(), hub.shop.location.to_string(), hub.shop.registers[0].to_string());
    let own_register = other.registers[0].to_string();
    let line = |article: &str| json!({ "article_id": article, "quantity": 1 });
    let cash = json!({ "kind": "cash", "given_minor": 150 });
    let movement = |place: &str, article: &str| json!({ "location_id": place, "article_id": article, "kind": "receipt", "quantity": 1 });
    let cases: Vec<(Method, String, Value, &str)> = vec![
        (Method::GET, format!("/v1/articles/{tea}"), Value::Null, "article"),
        (Method::PATCH, format!("/v1/articles/{tea}"), json!({ "is_active": false }), "article"),
        (Method::GET, format!("/v1/stock-levels?location_id={location}"), Value::Null, "location"),
        (
            Method::GET,
            format!("/v1/stock-levels?location_id={}&article_id={tea}", other.location),
            Value::Null,
            "article",
        ),
        (Method::POST, "/v1/stock-movements".to_owned(), movement(&location, &other.tea.to_string()), "location"),
        (Method::POST, "/v1/stock-movements".to_owned(), movement(&other.location.to_string(), &tea), "article"),
        (Method::POST, "/v1/sales".to_owned(), json!({ "register_id": register }), "register"),
        (
            Method::POST,
            "/v1/sales".to_owned(),
            json!({ "register_id": own_register, "lines": [line(&tea)] }),
            "article",
        ),
        (Method::GET, format!("/v1/sales/{sale}"), Value::Null, "sale"),
        (Method::POST, format!("/v1/sales/{sale}/lines"), line(&other.tea.to_string()), "sale"),
        (Method::DELETE, format!("/v1/sales/{sale}/lines/1"), Value::Null, "sale"),
        (Method::POST, format!("/v1/sales/{sale}/tenders"), cash, "sale"),
        (Method::POST, format!("/v1/sales/{sale}/void"), json!({}), "sale"),
        (Method::GET, format!("/v1/payments/pay_{:032x}", 1), Value::Null, "payment"),
    ];
    for (method, path, body, noun) in cases {
        let request = hub.request(method.clone(), &path).auth(&other.manager).fresh_key();
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await;
        answer.expect_problem(404, &format!("{noun}_not_found"));
    }
    // An id that the other merchant drew is taken, and nothing is told of it.
    let taken = json!({ "id": sale, "register_id": own_register });
    hub.post(&other.cashier, "/v1/sales", taken).await.expect_problem(409, "sale_exists");
    assert_eq!(hub.mark().await, mark);
    hub.stop().await;
}

async fn the_lists_of_a_merchant_have_only_its_own(on: On) {
    let hub = TestHub::start(on).await;
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    for path in ["/v1/sales", "/v1/payments", "/v1/connections", "/v1/exceptions"] {
        assert_eq!(hub.get(&hub.other.manager, path).await.expect(200)["data"], json!([]), "{path}");
    }
    let own = [
        ("/v1/articles", hub.other.tea.to_string()),
        ("/v1/locations", hub.other.location.to_string()),
        ("/v1/registers", hub.other.registers[0].to_string()),
    ];
    for (path, first) in own {
        assert_eq!(hub.get(&hub.other.viewer, path).await.expect(200)["data"][0]["id"], first, "{path}");
    }
    let events = hub.get(&hub.other.viewer, "/v1/events").await.expect(200);
    let is_of_a_sale = |event: &Value| event["kind"].as_str().unwrap().starts_with("sale.");
    assert!(!events["data"].as_array().unwrap().iter().any(is_of_a_sale));
    hub.stop().await;
}
