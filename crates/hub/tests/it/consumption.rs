//! Goods that are eaten in the shop: `consumption` of a sale, `eat_in_tax_class` of an article.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, On, TestHub};

on_each_engine! {
    the_same_tea_bears_another_tax_eaten_in,
    an_open_sale_is_switched,
}

async fn patch(hub: &TestHub, path: &str, body: Value) -> Answer {
    hub.request(Method::PATCH, path).auth(&hub.shop.manager).json(&body).send().await
}

/// From now on the tea is at the standard rate eaten in.
async fn a_cafe(hub: &TestHub) {
    let path = format!("/v1/articles/{}", hub.shop.tea);
    let changed = patch(hub, &path, json!({ "eat_in_tax_class": "standard" })).await.expect(200);
    assert_eq!((&changed["tax_class"], &changed["eat_in_tax_class"]), (&json!("reduced"), &json!("standard")));
    patch(hub, &path, json!({ "eat_in_tax_class": "luxury" })).await.expect_problem(422, "tax_class_unknown");
}

async fn the_same_tea_bears_another_tax_eaten_in(on: On) {
    let hub = TestHub::start(on).await;
    a_cafe(&hub).await;
    let taken = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(2, 300)).await.expect(201);
    assert_eq!((&taken["tax_minor"], taken.get("consumption")), (&json!(22), None));
    let mut sale = hub.a_sale(2, 300);
    sale["consumption"] = json!("eat_in");
    let eaten = hub.post(&hub.shop.cashier, "/v1/sales", sale).await.expect(201);
    assert_eq!((&eaten["tax_minor"], &eaten["consumption"]), (&json!(27), &json!("eat_in")));
    assert_eq!(eaten["lines"][0]["tax_class"], "standard");
    let path = format!("/v1/sales/{}/receipts", eaten["id"].as_str().unwrap());
    let receipt = hub.post(&hub.shop.cashier, &path, json!({ "kind": "receipt", "locale": "en" })).await.expect(201);
    let receipt = format!("/v1/receipts/{}", receipt["id"].as_str().unwrap());
    assert_eq!(hub.get(&hub.shop.viewer, &receipt).await.expect(200)["content"]["consumption"], "eat_in");
    let text = hub.get(&hub.shop.viewer, &format!("{receipt}/document?format=text")).await.text().to_owned();
    assert!(text.contains("Eaten in") && !text.contains("Reduced"), "{text}");
    hub.stop().await;
}

async fn an_open_sale_is_switched(on: On) {
    let hub = TestHub::start(on).await;
    a_cafe(&hub).await;
    let mut draft = hub.a_sale(2, 0);
    draft.as_object_mut().unwrap().remove("tenders");
    let opened = hub.post(&hub.shop.cashier, "/v1/sales", draft).await.expect(201);
    let path = format!("/v1/sales/{}", opened["id"].as_str().unwrap());
    let switched = patch(&hub, &path, json!({ "consumption": "eat_in" })).await.expect(200);
    let told = (&switched["total_minor"], &switched["tax_minor"], &switched["lines"][0]["tax_rate_basis_points"]);
    assert_eq!(told, (&json!(300), &json!(27), &json!(1_000)));
    patch(&hub, &path, json!({ "consumption": "on_the_way" })).await.expect_problem(400, "body_invalid");
    patch(&hub, &path, json!({})).await.expect_problem(400, "body_invalid");
    let eat_in = json!({ "consumption": "take_away" });
    let theirs = hub.request(Method::PATCH, &path).auth(&hub.other.manager).json(&eat_in).send().await;
    theirs.expect_problem(404, "sale_not_found");
    let reader = hub.request(Method::PATCH, &path).auth(&hub.shop.viewer).json(&eat_in).send().await;
    reader.expect_problem(403, "role_too_low");
    hub.post(&hub.shop.cashier, &format!("{path}/void"), json!({})).await.expect(200);
    patch(&hub, &path, eat_in).await.expect_problem(409, "sale_not_open");
    hub.stop().await;
}
