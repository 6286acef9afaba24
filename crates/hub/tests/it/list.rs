//! Pages.

use serde_json::json;

use crate::support::{On, TestHub};

on_each_engine! {
    pages_follow_each_other_without_gap,
    sales_are_listed_from_the_newest_back,
    a_wrong_query_is_refused,
}

async fn pages_follow_each_other_without_gap(on: On) {
    let hub = TestHub::start(on).await;
    for number in 0..4 {
        let article = json!({ "sku": format!("s{number}"), "name": "x", "unit_price": 1, "tax_class": "none" });
        hub.post(&hub.shop.manager, "/v1/articles", article).await.expect(201);
    }
    let mut skus = Vec::new();
    let mut path = "/v1/articles?limit=3".to_owned();
    loop {
        let page = hub.get(&hub.shop.viewer, &path).await.expect(200);
        assert_eq!(page["object"], "list");
        skus.extend(page["data"].as_array().unwrap().iter().map(|article| article["sku"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/articles?limit=3&cursor={cursor}");
    }
    skus.sort();
    assert_eq!(skus, ["bag", "rice", "s0", "s1", "s2", "s3", "tea"]);
    hub.stop().await;
}

async fn sales_are_listed_from_the_newest_back(on: On) {
    let hub = TestHub::start(on).await;
    let mut sold = Vec::new();
    for _ in 0..5 {
        let sale = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
        sold.push(sale["id"].as_str().unwrap().to_owned());
    }
    hub.post(&hub.other.cashier, "/v1/sales", json!({ "register_id": hub.other.registers[0].to_string() }))
        .await
        .expect(201);
    for (order, is_turned) in [("order=asc", false), ("order=desc", true)] {
        let (mut listed, mut path) = (Vec::new(), format!("/v1/sales?limit=2&{order}"));
        loop {
            let page = hub.get(&hub.shop.viewer, &path).await.expect(200);
            listed.extend(page["data"].as_array().unwrap().iter().map(|sale| sale["id"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/v1/sales?limit=2&{order}&cursor={cursor}");
        }
        if is_turned {
            listed.reverse();
        }
        assert_eq!(listed, sold, "{order}");
    }
    hub.stop().await;
}

async fn a_wrong_query_is_refused(on: On) {
    let hub = TestHub::start(on).await;
    for wrong in [
        "/v1/articles?limit=0",
        "/v1/articles?limit=101",
        "/v1/articles?limit=x",
        "/v1/articles?cursor=x",
        "/v1/articles?cursor=' OR 1=1",
        "/v1/sales?cursor=art_00000000000000000000000000000001",
        "/v1/sales?order=newest",
        "/v1/registers?colour=green",
        "/v1/stock-levels",
        "/v1/stock-levels?location_id=4111111111111111",
        "/v1/events?after=x",
        "/v1/exceptions?cursor=x",
    ] {
        let answer = hub.get(&hub.shop.viewer, wrong).await;
        answer.expect_problem(400, "query_invalid");
        assert!(!answer.text().contains("4111"));
    }
    hub.stop().await;
}
