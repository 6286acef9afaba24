//! Pages.

use serde_json::json;

use crate::support::{On, TestHub};

on_each_engine! {
    pages_follow_each_other_without_gap,
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

async fn a_wrong_query_is_refused(on: On) {
    let hub = TestHub::start(on).await;
    for wrong in [
        "/v1/articles?limit=0",
        "/v1/articles?limit=101",
        "/v1/articles?limit=x",
        "/v1/articles?cursor=x",
        "/v1/articles?cursor=' OR 1=1",
        "/v1/sales?cursor=art_00000000000000000000000000000001",
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
