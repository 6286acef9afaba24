//! `/v1/webhook-deliveries`, and what a receiver sees of them.

use std::time::Duration;

use domain::webhook_delivery::BeginTurn;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::receiver::{Reply, wait_until};
use crate::support::shop::run;
use crate::support::{On, Receiver, TestHub};
use crate::webhook_endpoint::{patch, path_of, subscribe};

on_each_engine! {
    an_event_is_delivered_and_signed,
    only_what_is_wanted_is_sent,
    what_fails_is_tried_again_later,
    a_receiver_that_asks_for_time_gets_it,
    an_endpoint_that_is_gone_is_switched_off,
    a_redirect_is_a_failure_and_nobody_follows_it,
    the_order_of_a_subject_is_kept_where_it_is_asked_for,
    an_endpoint_that_is_away_holds_nobody_up,
    a_restarted_hub_delivers_what_waits,
    a_hub_that_died_in_its_turn_is_followed_by_another,
    two_hubs_deliver_each_event_once_to_whoever_dedupes,
    dead_deliveries_are_redriven,
    what_was_on_its_way_to_a_deleted_endpoint_is_dead,
    an_inactive_endpoint_is_told_later,
    the_deliveries_of_another_merchant_are_not_there,
}

const PATH: &str = "/v1/webhook-deliveries";
const HOUR: Duration = Duration::from_secs(60 * 60);

async fn sell(hub: &TestHub) -> Value {
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201)
}

/// A change of price: one event about the article.
async fn reprice(hub: &TestHub, article: impl ToString, price: i64) {
    let request = hub.request(Method::PATCH, &format!("/v1/articles/{}", article.to_string()));
    request.auth(&hub.shop.manager).json(&json!({ "unit_price": price })).send().await.expect(200);
}

async fn deliveries(hub: &TestHub, query: &str) -> Vec<Value> {
    let listed = hub.get(&hub.shop.manager, &format!("{PATH}?limit=100{query}")).await.expect(200);
    listed["data"].as_array().unwrap().clone()
}

async fn wait_for_deliveries(hub: &TestHub, query: &str, count: usize) -> Vec<Value> {
    wait_until(query, async || deliveries(hub, query).await.len() == count).await;
    deliveries(hub, query).await
}

/// The first delivery, once it was tried so often.
async fn tried(hub: &TestHub, attempts: i64) -> Value {
    wait_until("it was tried", async || {
        deliveries(hub, "").await.first().is_some_and(|delivery| delivery["attempts"] == attempts)
    })
    .await;
    deliveries(hub, "").await.remove(0)
}

/// Time between what happened and what is due, in seconds.
fn delay_s(delivery: &Value) -> i64 {
    let at = |name: &str| delivery[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    at("due_at") - at("updated_at")
}

async fn an_event_is_delivered_and_signed(on: On) {
    let hub = TestHub::start(on).await;
    let receiver = Receiver::start().await;
    let made = subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    let sale = sell(&hub).await;
    let message = receiver.wait_for(1).await.remove(0);
    let events = hub.get(&hub.shop.viewer, "/v1/events?limit=100").await.expect(200);
    let is_it = |event: &&Value| event["kind"] == "sale.completed" && event["subject"] == sale["id"];
    let event = events["data"].as_array().unwrap().iter().find(is_it).unwrap();
    assert_eq!(
        message.json(),
        json!({
            "type": "sale.completed", "timestamp": event["created_at"], "id": event["id"], "seq": event["number"],
            "subject": sale["id"], "merchant": hub.shop.merchant.to_string(), "data": event["data"],
        })
    );
    assert_eq!(message.header("webhook-id"), event["id"]);
    assert_eq!(message.header("content-type"), "application/json");
    assert!(message.header("webhook-timestamp").parse::<i64>().is_ok());
    assert!(message.is_signed_by(made["secret"].as_str().unwrap()));
    assert!(message.is_signed_for(made["public_key"].as_str().unwrap()));
    let delivered = wait_for_deliveries(&hub, "&state=delivered", 1).await.remove(0);
    assert_eq!(
        (&delivered["attempts"], &delivered["status"], &delivered["reason"], &delivered["due_at"]),
        (&json!(1), &json!(204), &Value::Null, &Value::Null)
    );
    let path = format!("{PATH}/{}", delivered["id"].as_str().unwrap());
    assert_eq!(hub.get(&hub.shop.manager, &path).await.expect(200), delivered);
    let of_event = format!("&event_id={}&endpoint_id={}", event["id"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert_eq!(deliveries(&hub, &of_event).await, [delivered]);
    assert_eq!(receiver.count(), 1);
    hub.stop().await;
}

async fn only_what_is_wanted_is_sent(on: On) {
    let hub = TestHub::start(on).await;
    let (all, sales, none) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    let before = hub.running.app.reader.last_event_number(hub.shop.merchant).await.unwrap();
    subscribe(&hub, &all, json!([])).await;
    subscribe(&hub, &sales, json!(["sale.*"])).await;
    subscribe(&hub, &none, json!(["payment.*"])).await;
    sell(&hub).await;
    let last = hub.running.app.reader.last_event_number(hub.shop.merchant).await.unwrap();
    // All of them, without a gap: what is missing could be asked for.
    all.wait_for(usize::try_from(last - before).unwrap()).await;
    let mut numbers = all.numbers();
    numbers.sort_unstable();
    assert_eq!(numbers, (before + 1..=last).collect::<Vec<_>>());
    let kinds: Vec<Value> = sales.wait_for(1).await.iter().map(|message| message.json()["type"].clone()).collect();
    assert!(kinds.iter().all(|kind| kind.as_str().unwrap().starts_with("sale.")), "{kinds:?}");
    assert_eq!(none.count(), 0);
    hub.stop().await;
}

async fn what_fails_is_tried_again_later(on: On) {
    let hub = TestHub::start(on).await;
    let receiver = Receiver::start().await;
    subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    receiver.answer_next([Reply::Status(500), Reply::Status(404), Reply::Status(500)]);
    sell(&hub).await;
    for (attempts, status, seconds) in [(1, 500, 5), (2, 404, 30), (3, 500, 120)] {
        let delivery = tried(&hub, attempts).await;
        assert_eq!((&delivery["status"], &delivery["reason"]), (&json!(status), &json!("status_not_success")));
        assert!((seconds * 9 / 10 - 1..=seconds * 11 / 10 + 1).contains(&delay_s(&delivery)), "{delivery}");
        assert_eq!(receiver.count(), usize::try_from(attempts).unwrap());
        hub.let_pass(Duration::from_secs(u64::try_from(seconds * 11 / 10 + 1).unwrap())).await;
    }
    wait_for_deliveries(&hub, "&state=delivered", 1).await;
    let messages = receiver.messages();
    assert_eq!(messages.len(), 4);
    assert!(messages.iter().all(|message| message.header("webhook-id") == messages[0].header("webhook-id")));
    assert!(messages.iter().all(|message| message.body == messages[0].body));
    hub.stop().await;
}

async fn a_receiver_that_asks_for_time_gets_it(on: On) {
    for status in [429, 503] {
        let hub = TestHub::start(on).await;
        let (receiver, other) = (Receiver::start().await, Receiver::start().await);
        let made = subscribe(&hub, &receiver, json!(["sale.completed"])).await;
        receiver.answer_next([Reply::With(status, "retry-after", "3600".to_owned())]);
        sell(&hub).await;
        let delivery = tried(&hub, 1).await;
        assert_eq!((&delivery["reason"], delay_s(&delivery)), (&json!("overloaded"), 3_600));
        // New events wait, too; another endpoint of the same merchant is told of them meanwhile.
        subscribe(&hub, &other, json!(["sale.completed"])).await;
        hub.let_pass(HOUR - Duration::from_secs(60)).await;
        sell(&hub).await;
        other.wait_for(1).await;
        assert_eq!(receiver.count(), 1);
        assert!(hub.get(&hub.shop.manager, &path_of(&made)).await.expect(200)["paused_until"].is_string());
        hub.let_pass(Duration::from_secs(60)).await;
        receiver.wait_for(3).await;
        let of_receiver = format!("&state=delivered&endpoint_id={}", made["id"].as_str().unwrap());
        wait_for_deliveries(&hub, &of_receiver, 2).await;
        hub.stop().await;
    }
}

async fn an_endpoint_that_is_gone_is_switched_off(on: On) {
    let hub = TestHub::start(on).await;
    let receiver = Receiver::start().await;
    let made = subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    receiver.answer_next([Reply::Status(410)]);
    sell(&hub).await;
    let dead = wait_for_deliveries(&hub, "&state=dead", 1).await.remove(0);
    assert_eq!((&dead["reason"], &dead["status"]), (&json!("gone"), &json!(410)));
    let off = hub.get(&hub.shop.manager, &path_of(&made)).await.expect(200);
    assert_eq!((&off["is_active"], &off["disabled_reason"]), (&json!(false), &json!("gone")));
    let events = hub.get(&hub.shop.viewer, "/v1/events?limit=100").await.expect(200);
    let is_told = |event: &&Value| event["kind"] == "webhook_endpoint.disabled" && event["subject"] == made["id"];
    assert_eq!(events["data"].as_array().unwrap().iter().filter(is_told).count(), 1);
    hub.stop().await;
}

async fn a_redirect_is_a_failure_and_nobody_follows_it(on: On) {
    let hub = TestHub::start(on).await;
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    receiver.answer_next([301, 302, 307, 308].map(|status| Reply::With(status, "location", elsewhere.url())));
    sell(&hub).await;
    for attempts in 1..=4 {
        let delivery = tried(&hub, attempts).await;
        assert_eq!((&delivery["reason"], &delivery["state"]), (&json!("redirected"), &json!("pending")));
        hub.let_pass(HOUR).await;
    }
    wait_for_deliveries(&hub, "&state=delivered", 1).await;
    assert_eq!(elsewhere.count(), 0);
    hub.stop().await;
}

async fn the_order_of_a_subject_is_kept_where_it_is_asked_for(on: On) {
    let hub = TestHub::start(on).await;
    let (ordered, loose) = (Receiver::start().await, Receiver::start().await);
    for (receiver, is_ordered) in [(&ordered, true), (&loose, false)] {
        let body = json!({ "url": receiver.url(), "kinds": ["article.updated"], "is_ordered": is_ordered });
        hub.post(&hub.shop.manager, "/v1/webhook-endpoints", body).await.expect(201);
        receiver.answer_next([Reply::Status(500)]);
    }
    reprice(&hub, hub.shop.tea, 100).await;
    ordered.wait_for(1).await;
    loose.wait_for(1).await;
    for price in [200, 300] {
        reprice(&hub, hub.shop.tea, price).await;
    }
    reprice(&hub, hub.shop.bag, 7).await;
    // Of the tea nothing follows what failed, and the bag does not wait for the tea.
    loose.wait_for(4).await;
    ordered.wait_for(2).await;
    // What arrived is on record as well: an hour later it would come a second time.
    wait_for_deliveries(&hub, "&state=delivered", 4).await;
    hub.let_pass(HOUR).await;
    ordered.wait_for(5).await;
    loose.wait_for(5).await;
    let prices = |receiver: &Receiver| -> Vec<String> {
        let messages = receiver.messages().into_iter().map(|message| message.json());
        let of_tea = messages.filter(|message| message["subject"] == hub.shop.tea.to_string());
        of_tea.map(|message| message["data"]["unit_price"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(prices(&ordered), ["100", "100", "200", "300"]);
    let loose = prices(&loose);
    assert_eq!((loose[0].as_str(), loose[3].as_str()), ("100", "100"), "{loose:?}");
    hub.stop().await;
}

async fn an_endpoint_that_is_away_holds_nobody_up(on: On) {
    let hub = TestHub::start(on).await;
    let (away, well) = (Receiver::start().await, Receiver::start().await);
    away.answer(Reply::Held);
    let made = subscribe(&hub, &away, json!(["article.updated"])).await;
    subscribe(&hub, &well, json!(["article.updated"])).await;
    for price in 0..40 {
        reprice(&hub, hub.shop.tea, price).await;
    }
    away.wait_for(1).await;
    well.wait_for(40).await;
    // Everything arrived while the other still kept its first messages waiting.
    let of_away = format!("&endpoint_id={}", made["id"].as_str().unwrap());
    assert!(deliveries(&hub, &of_away).await.iter().all(|delivery| delivery["attempts"] == 0));
    away.let_go();
    hub.stop().await;
}

async fn a_restarted_hub_delivers_what_waits(on: On) {
    let hub = TestHub::start(on).await;
    let receiver = Receiver::start().await;
    subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    receiver.answer_next([Reply::With(503, "retry-after", "60".to_owned())]);
    sell(&hub).await;
    tried(&hub, 1).await;
    // Committed, and taken up or not: nothing of it was sent.
    sell(&hub).await;
    let hub = hub.restart().await;
    assert_eq!(receiver.count(), 1);
    hub.let_pass(Duration::from_secs(60)).await;
    receiver.wait_for(3).await;
    wait_for_deliveries(&hub, "&state=delivered", 2).await;
    hub.stop().await;
}

async fn a_hub_that_died_in_its_turn_is_followed_by_another(on: On) {
    let hub = TestHub::start(on).await;
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let made = subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    // As a hub that takes the turn and is never heard of again.
    let endpoint = made["id"].as_str().unwrap().parse().unwrap();
    assert!(run(&hub.running.app, hub.shop.merchant, BeginTurn { endpoint }).await.is_some());
    subscribe(&hub, &other, json!(["sale.completed"])).await;
    sell(&hub).await;
    other.wait_for(1).await;
    assert_eq!(receiver.count(), 0);
    hub.let_pass(Duration::from_secs(60)).await;
    receiver.wait_for(1).await;
    wait_for_deliveries(&hub, "&state=delivered", 2).await;
    hub.stop().await;
}

async fn two_hubs_deliver_each_event_once_to_whoever_dedupes(on: On) {
    if on == On::Sqlite {
        // One hub serves one file.
        return;
    }
    let hub = TestHub::start(on).await;
    let another = hub.another().await;
    let receiver = Receiver::start().await;
    subscribe(&hub, &receiver, json!(["article.updated"])).await;
    for price in 0..60 {
        reprice(&hub, hub.shop.tea, price).await;
    }
    wait_until("all were delivered", async || deliveries(&hub, "&state=delivered").await.len() == 60).await;
    let mut ids: Vec<String> =
        receiver.messages().iter().map(|message| message.header("webhook-id").to_owned()).collect();
    let sent = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), sent), (60, 60), "both are alive: nothing is sent twice");
    assert_eq!(deliveries(&hub, "").await.len(), 60);
    another.stop().await.unwrap();
    hub.stop().await;
}

async fn dead_deliveries_are_redriven(on: On) {
    let hub = TestHub::start(on).await;
    let receiver = Receiver::start().await;
    let made = subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    let redrive = format!("{PATH}/redrive");
    for body in [json!({ "endpoint_id": made["id"] }), json!({ "ids": [] })] {
        receiver.answer_next([Reply::Status(410)]);
        sell(&hub).await;
        let dead = wait_for_deliveries(&hub, "&state=dead", 1).await.remove(0);
        let body = if body["ids"].is_array() { json!({ "ids": [dead["id"]] }) } else { body };
        let redriven = hub.post(&hub.shop.manager, &redrive, body).await.expect(200);
        assert_eq!(redriven, json!({ "object": "webhook_redrive", "redriven": 1, "has_more": false }));
        let pending = wait_for_deliveries(&hub, "&state=pending", 1).await.remove(0);
        assert_eq!((&pending["id"], &pending["attempts"]), (&dead["id"], &json!(0)));
        patch(&hub, &made, json!({ "is_active": true })).await;
        wait_until("it arrived", async || deliveries(&hub, "&state=pending").await.is_empty()).await;
    }
    wait_for_deliveries(&hub, "&state=delivered", 2).await;
    let nothing = hub.post(&hub.shop.manager, &redrive, json!({ "endpoint_id": made["id"] })).await.expect(200);
    assert_eq!(nothing["redriven"], 0);
    for wrong in [json!({}), json!({ "ids": [], "endpoint_id": made["id"] })] {
        hub.post(&hub.shop.manager, &redrive, wrong).await.expect_problem(400, "body_invalid");
    }
    hub.get(&hub.shop.manager, &format!("{PATH}?state=lost")).await.expect_problem(400, "query_invalid");
    hub.stop().await;
}

async fn what_was_on_its_way_to_a_deleted_endpoint_is_dead(on: On) {
    let hub = TestHub::start(on).await;
    let receiver = Receiver::start().await;
    let made = subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    receiver.answer_next([Reply::Status(500)]);
    sell(&hub).await;
    tried(&hub, 1).await;
    hub.request(Method::DELETE, &path_of(&made)).auth(&hub.shop.manager).send().await.expect(200);
    hub.let_pass(HOUR).await;
    let dead = wait_for_deliveries(&hub, "&state=dead", 1).await.remove(0);
    assert_eq!((&dead["reason"], receiver.count()), (&json!("endpoint_deleted"), 1));
    hub.stop().await;
}

async fn an_inactive_endpoint_is_told_later(on: On) {
    let hub = TestHub::start(on).await;
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let made = subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    subscribe(&hub, &other, json!(["sale.completed"])).await;
    patch(&hub, &made, json!({ "is_active": false })).await;
    sell(&hub).await;
    other.wait_for(1).await;
    assert_eq!(receiver.count(), 0);
    patch(&hub, &made, json!({ "is_active": true })).await;
    assert_eq!(receiver.wait_for(1).await[0].body, other.messages()[0].body);
    hub.stop().await;
}

async fn the_deliveries_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let receiver = Receiver::start().await;
    let made = subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    sell(&hub).await;
    let delivery = wait_for_deliveries(&hub, "&state=delivered", 1).await.remove(0);
    let stranger = &hub.other.manager;
    let path = format!("{PATH}/{}", delivery["id"].as_str().unwrap());
    hub.get(stranger, &path).await.expect_problem(404, "webhook_delivery_not_found");
    let ids = json!({ "ids": [delivery["id"]] });
    let refused = hub.post(stranger, &format!("{PATH}/redrive"), ids).await;
    refused.expect_problem(404, "webhook_delivery_not_found");
    for query in ["".to_owned(), format!("?endpoint_id={}", made["id"].as_str().unwrap())] {
        assert_eq!(hub.get(stranger, &format!("{PATH}{query}")).await.expect(200)["data"], json!([]));
    }
    hub.stop().await;
}
