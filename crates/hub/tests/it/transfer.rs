//! `/v1/transfers`.

use serde_json::{Value, json};

use crate::support::shop::add_location;
use crate::support::{On, TestHub};

on_each_engine! {
    goods_are_sent_and_arrive_in_two_pieces,
    what_never_came_is_told_and_written_off,
    a_draft_is_put_right_and_given_up,
    what_breaks_a_rule_is_refused_and_changes_nothing,
    a_repeat_is_answered_with_the_same,
    the_transfers_of_another_merchant_are_not_there,
}

const PATH: &str = "/v1/transfers";

/// A draft of so many teas for another location; gives its path and where it goes.
async fn open(hub: &TestHub, teas: i64) -> (String, String) {
    let annexe = add_location(&hub.running.app, hub.shop.merchant).await.to_string();
    let lines = json!([{ "article_id": hub.shop.tea.to_string(), "quantity": teas }]);
    let body = json!({ "from_location_id": hub.shop.location.to_string(), "to_location_id": annexe, "lines": lines,
        "note": "weekend" });
    let opened = hub.post(&hub.shop.manager, PATH, body).await.expect(201);
    (format!("{PATH}/{}", opened["id"].as_str().unwrap()), annexe)
}

async fn step(hub: &TestHub, transfer: &str, step: &str, body: Value) -> Value {
    hub.post(&hub.shop.manager, &format!("{transfer}/{step}"), body).await.expect(200)
}

async fn on_hand(hub: &TestHub, location: &str) -> Value {
    let path = format!("/v1/stock-levels?location_id={location}&article_id={}", hub.shop.tea);
    let levels = hub.get(&hub.shop.viewer, &path).await.expect(200);
    levels["data"].get(0).map_or(json!("0"), |level| level["on_hand"].clone())
}

/// Kind and quantity of each movement of a transfer, the newest first.
async fn ledger(hub: &TestHub, transfer: &str) -> Vec<(String, String)> {
    let page = hub.get(&hub.shop.viewer, "/v1/stock-movements").await.expect(200);
    let of_transfer = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| transfer.ends_with(row["transfer_id"].as_str().unwrap_or("-")));
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    of_transfer.map(|row| (word(&row["kind"]), word(&row["quantity"]))).collect()
}

fn moved(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(kind, quantity)| ((*kind).to_owned(), (*quantity).to_owned())).collect()
}

async fn goods_are_sent_and_arrive_in_two_pieces(on: On) {
    let hub = TestHub::start(on).await;
    let tea = hub.shop.tea.to_string();
    let (transfer, annexe) = open(&hub, 4).await;
    assert_eq!(hub.tea_on_hand().await, "10");
    let sent = step(&hub, &transfer, "send", json!({})).await;
    assert_eq!((&sent["state"], &sent["in_transit_line_count"]), (&json!("sent"), &json!(1)));
    assert_eq!((hub.tea_on_hand().await.as_str(), on_hand(&hub, &annexe).await), ("6", json!("0")));
    let part = json!({ "lines": [{ "article_id": tea, "quantity": 3 }] });
    let part = hub.post(&hub.shop.cashier, &format!("{transfer}/receive"), part).await.expect(200);
    let line = json!({ "article_id": tea, "quantity": "4", "received": "3", "in_transit": "1", "missing": "0" });
    assert_eq!((&part["state"], &part["lines"]), (&json!("sent"), &json!([line])));
    let incoming = hub.get(&hub.shop.viewer, &format!("{PATH}?to_location_id={annexe}&state=sent")).await.expect(200);
    assert_eq!(incoming["data"][0]["id"], part["id"]);
    let closed = hub.post(&hub.shop.cashier, &format!("{transfer}/receive"), json!({})).await.expect(200);
    assert_eq!((&closed["state"], &closed["fate"]), (&json!("closed"), &Value::Null));
    assert_eq!((hub.tea_on_hand().await.as_str(), on_hand(&hub, &annexe).await), ("6", json!("4")));
    assert_eq!(hub.get(&hub.shop.viewer, &transfer).await.expect(200), closed);
    let rows = moved(&[("transfer_in", "1"), ("transfer_in", "3"), ("transfer_out", "-4")]);
    assert_eq!(ledger(&hub, &transfer).await, rows);
    let out = hub.get(&hub.shop.viewer, "/v1/stock-movements?kind=transfer_out").await.expect(200);
    assert_eq!((&out["data"][0]["transfer_id"], &out["data"][1]), (&closed["id"], &Value::Null));
    let kinds = hub.get(&hub.shop.viewer, "/v1/events?limit=100").await.expect(200);
    let kinds: Vec<&Value> = kinds["data"].as_array().unwrap().iter().map(|event| &event["kind"]).collect();
    let told = ["transfer.opened", "transfer.sent", "transfer.received", "transfer.received", "transfer.closed"];
    assert_eq!(kinds[kinds.len() - 5..], told);
    hub.stop().await;
}

async fn what_never_came_is_told_and_written_off(on: On) {
    let hub = TestHub::start(on).await;
    let (transfer, annexe) = open(&hub, 4).await;
    step(&hub, &transfer, "send", json!({})).await;
    step(&hub, &transfer, "receive", json!({ "lines": [{ "article_id": hub.shop.tea.to_string(), "quantity": 1 }] }))
        .await;
    let body = json!({ "fate": "written_off", "write_off_reason": "other", "reason": "fell off the lorry" });
    let closed = step(&hub, &transfer, "close", body).await;
    let facts = ["state", "fate", "write_off_reason", "reason"].map(|name| closed[name].as_str().unwrap());
    assert_eq!(facts, ["closed", "written_off", "other", "fell off the lorry"]);
    assert_eq!((&closed["missing_line_count"], &closed["lines"][0]["missing"]), (&json!(1), &json!("3")));
    assert_eq!((hub.tea_on_hand().await.as_str(), on_hand(&hub, &annexe).await), ("6", json!("1")));
    let rows = [("write_off", "-3"), ("transfer_in", "3"), ("transfer_in", "1"), ("transfer_out", "-4")];
    assert_eq!(ledger(&hub, &transfer).await, moved(&rows));
    let lost = hub.get(&hub.shop.viewer, "/v1/stock-movements?kind=write_off").await.expect(200);
    let row = &lost["data"][0];
    assert_eq!((&row["write_off_reason"], &row["reason"]), (&json!("other"), &json!("fell off the lorry")));
    let listed = hub.get(&hub.shop.viewer, &format!("{PATH}?has_missing=true")).await.expect(200);
    assert_eq!(listed["data"][0]["id"], closed["id"]);
    assert_eq!(hub.get(&hub.shop.viewer, &format!("{PATH}?has_missing=false")).await.expect(200)["data"], json!([]));
    hub.stop().await;
}

async fn a_draft_is_put_right_and_given_up(on: On) {
    let hub = TestHub::start(on).await;
    let (transfer, _) = open(&hub, 40).await;
    let send = format!("{transfer}/send");
    hub.post(&hub.shop.manager, &send, json!({})).await.expect_problem(409, "stock_insufficient");
    let patch = async |body: Value| {
        hub.request(reqwest::Method::PATCH, &transfer).auth(&hub.shop.manager).json(&body).send().await
    };
    let rice = hub.shop.rice.to_string();
    let changes = json!({ "note": "later", "lines": [
        { "article_id": hub.shop.tea.to_string(), "quantity": 0 }, { "article_id": rice, "quantity": 2 } ] });
    let changed = patch(changes).await.expect(200);
    assert_eq!((&changed["note"], &changed["line_count"]), (&json!("later"), &json!(1)));
    assert_eq!(changed["lines"][0]["article_id"], rice);
    assert_eq!(patch(json!({})).await.expect(200), changed);
    let cancelled = step(&hub, &transfer, "cancel", json!({})).await;
    assert_eq!(cancelled["state"], "cancelled");
    patch(json!({ "note": "again" })).await.expect_problem(409, "transfer_not_draft");
    hub.post(&hub.shop.manager, &send, json!({})).await.expect_problem(409, "transfer_not_draft");
    assert_eq!(hub.tea_on_hand().await, "10");
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused_and_changes_nothing(on: On) {
    let hub = TestHub::start(on).await;
    let (tea, here) = (hub.shop.tea.to_string(), hub.shop.location.to_string());
    let (transfer, annexe) = open(&hub, 4).await;
    step(&hub, &transfer, "send", json!({})).await;
    let mark = hub.mark().await;
    let one = json!([{ "article_id": tea, "quantity": 1 }]);
    for (status, code, body) in [
        (422, "transfer_locations_same", json!({ "from_location_id": here, "to_location_id": here, "lines": one })),
        (
            422,
            "transfer_line_count_out_of_range",
            json!({ "from_location_id": here, "to_location_id": annexe, "lines": [] }),
        ),
        (
            422,
            "transfer_article_repeated",
            json!({ "from_location_id": here, "to_location_id": annexe, "lines": [one[0], one[0]] }),
        ),
        (
            422,
            "transfer_note_too_long",
            json!({ "from_location_id": here, "to_location_id": annexe, "lines": one, "note": "x".repeat(201) }),
        ),
        (
            400,
            "body_invalid",
            json!({ "from_location_id": here, "to_location_id": annexe, "lines": [{ "quantity": 1 }] }),
        ),
    ] {
        hub.post(&hub.shop.manager, PATH, body).await.expect_problem(status, code);
    }
    let receive = format!("{transfer}/receive");
    for (status, code, line) in [
        (409, "transfer_exceeds_sent", json!({ "article_id": tea, "quantity": 5 })),
        (422, "quantity_out_of_range", json!({ "article_id": tea, "quantity": 0 })),
        (422, "transfer_article_unknown", json!({ "article_id": hub.shop.rice.to_string(), "quantity": 1 })),
        (422, "barcode_unknown", json!({ "barcode": "4901234567894", "quantity": 1 })),
    ] {
        hub.post(&hub.shop.cashier, &receive, json!({ "lines": [line] })).await.expect_problem(status, code);
    }
    let close = format!("{transfer}/close");
    for (status, code, body) in [
        (400, "body_invalid", json!({ "fate": "written_off" })),
        (400, "body_invalid", json!({ "fate": "brought_back", "write_off_reason": "stolen" })),
        (422, "reason_invalid", json!({ "fate": "written_off", "write_off_reason": "other" })),
    ] {
        hub.post(&hub.shop.manager, &close, body).await.expect_problem(status, code);
    }
    let back = json!({ "fate": "brought_back" });
    hub.post(&hub.shop.cashier, &close, back.clone()).await.expect_problem(403, "role_too_low");
    hub.get(&hub.shop.viewer, &format!("{PATH}?state=gone")).await.expect_problem(400, "query_invalid");
    assert_eq!(hub.mark().await, mark);
    hub.post(&hub.shop.manager, &close, back.clone()).await.expect(200);
    assert_eq!(hub.tea_on_hand().await, "10");
    hub.post(&hub.shop.manager, &close, back).await.expect_problem(409, "transfer_not_sent");
    hub.stop().await;
}

async fn a_repeat_is_answered_with_the_same(on: On) {
    let hub = TestHub::start(on).await;
    let (transfer, _) = open(&hub, 4).await;
    let send = async || {
        let request = hub.request(reqwest::Method::POST, &format!("{transfer}/send"));
        request.auth(&hub.shop.manager).key("van-1").json(&json!({})).send().await
    };
    let first = send().await;
    assert_eq!(first.bytes(), send().await.bytes());
    assert_eq!((first.status, hub.tea_on_hand().await.as_str()), (200, "6"));
    hub.stop().await;
}

async fn the_transfers_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let (transfer, _) = open(&hub, 4).await;
    let other = &hub.other.manager;
    for (path, body) in [
        ("send", json!({})),
        ("cancel", json!({})),
        ("receive", json!({})),
        ("close", json!({ "fate": "brought_back" })),
    ] {
        hub.post(other, &format!("{transfer}/{path}"), body).await.expect_problem(404, "transfer_not_found");
    }
    hub.get(other, &transfer).await.expect_problem(404, "transfer_not_found");
    assert_eq!(hub.get(other, PATH).await.expect(200)["data"], json!([]));
    hub.stop().await;
}
