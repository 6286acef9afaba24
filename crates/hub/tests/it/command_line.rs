//! The command line as an operator meets it: what it prints for people and for programs, and how it ends.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::hub::postgres_server;
use crate::support::{On, Receiver, TestHub};

on_each_engine! {
    the_exit_status_says_how_it_ended,
    events_are_printed_from_a_number_on,
    events_are_followed,
    the_day_is_reported_as_the_api_does,
    events_are_heard_and_handed_on,
    lists_are_for_people_and_for_programs,
    no_command_makes_a_pepper_for_a_database_that_had_one,
}

async fn the_exit_status_says_how_it_ended(on: On) {
    let hub = TestHub::start(on).await;
    let program = hub.program();
    program.run("check").await.expect(0);
    program.run("--help").await.expect(0);
    for words in
        ["chek", "check --date", "doubt why pay_1", "report day 2025-02-30", "events", "doubt list --merchant mer_1"]
    {
        let refused = program.run(words).await.refused();
        assert!(!refused.is_empty(), "{words}");
    }
    if on == On::Sqlite {
        let nowhere = program.place("nowhere");
        for words in ["check", "doubt list", "report day", "events", "merchants list"] {
            let refused = program.run(&format!("{words} --data {}", nowhere.display())).await.refused();
            assert!(refused.contains("There is no database"), "{words}: {refused}");
        }
        assert!(!nowhere.exists());
    }
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_finds_something_ends_with_one() {
    if postgres_server().is_none() {
        println!("skipped: TILLBRIDGE_TEST_POSTGRES names no server");
        return;
    }
    let hub = TestHub::start(On::Postgres).await;
    hub.spoil("UPDATE stock_level SET on_hand = on_hand + 1").await;
    let found = hub.program().run("check").await.expect(1);
    assert!(found.contains("stock_on_hand"), "{found}");
    hub.spoil("UPDATE stock_level SET on_hand = on_hand - 1").await;
    hub.stop().await;
}

async fn events_are_printed_from_a_number_on(on: On) {
    let hub = TestHub::start(on).await;
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let (program, merchant) = (hub.program(), hub.shop.merchant);
    let all = hub.get(&hub.shop.viewer, "/v1/events?limit=100").await.expect(200);
    let all = all["data"].as_array().unwrap();
    let printed = program.run(&format!("events --merchant {merchant} --json")).await.expect(0);
    let printed: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(&printed, all, "as the API tells them");
    let last = all.last().unwrap()["number"].as_i64().unwrap();
    let rest = program.run(&format!("events --merchant {merchant} --after {} --json", last - 2)).await.expect(0);
    assert_eq!(rest.lines().count(), 2);
    let sales = program.run(&format!("events --merchant {merchant} --kind sale.completed")).await.expect(0);
    assert!(sales.lines().count() == 1 && sales.contains(" +09:00  sale.completed "), "{sales}");
    let first = program.run(&format!("events --merchant {merchant} --count 1 --json")).await.json();
    assert_eq!(first["number"], 1);
    let refused = program.run("events").await.refused();
    assert!(refused.contains("--merchant"), "there are two: {refused}");
    hub.stop().await;
}

async fn events_are_followed(on: On) {
    let hub = TestHub::start(on).await;
    let last = hub.running.app.reader.last_event_number(hub.shop.merchant).await.unwrap();
    let words = format!("events --merchant {} --after {last} --follow --kind sale.completed --json", hub.shop.merchant);
    let program = hub.program();
    let mut child = program.start(&words);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let sale = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.expect("it is told");
        let event: Value = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
        assert_eq!(event["subject"], sale["id"]);
    }
    child.kill().await.unwrap();
    hub.stop().await;
}

async fn the_day_is_reported_as_the_api_does(on: On) {
    let hub = TestHub::start(on).await;
    for teas in 1..=3 {
        hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(teas, 500)).await.expect(201);
    }
    let (program, merchant) = (hub.program(), hub.shop.merchant);
    // A server has a clock of its own, which nobody turns.
    let asked = hub.get(&hub.shop.viewer, "/v1/reports/day").await.expect(200);
    let date = asked["date"].as_str().unwrap();
    let told = program.run(&format!("report day {date} --merchant {merchant} --json")).await.json();
    assert_eq!(told, asked);
    let words = program.run(&format!("report day {date} --merchant {merchant}")).await.expect(0);
    let lines: Vec<Vec<&str>> = words.lines().map(|line| line.split_whitespace().collect()).collect();
    for line in [
        vec!["Corner", "Shop,", date, "(Asia/Tokyo)"],
        vec!["sold", "3", "¥900"],
        vec!["8", "%", "¥834", "¥66", "¥900"],
        vec!["cash", "3", "¥900"],
        vec!["Nothing", "is", "in", "doubt,", "and", "nothing", "needs", "a", "person."],
    ] {
        assert!(lines.contains(&line), "no {line:?} in\n{words}");
    }
    let empty = program.run(&format!("report day 2020-02-29 --merchant {merchant}")).await.expect(0);
    assert!(empty.lines().any(|line| line.split_whitespace().eq(["sold", "0", "¥0"])), "{empty}");
    hub.stop().await;
}

async fn events_are_heard_and_handed_on(on: On) {
    let hub = TestHub::start(on).await;
    let receiver = Receiver::start().await;
    let secret = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
    let last = hub.running.app.reader.last_event_number(hub.shop.merchant).await.unwrap();
    let words = format!(
        "listen --hub {} --key {} --after {last} --kind sale.completed --count 2 --json --forward-to {} --secret {secret}",
        hub.running.base_url(),
        hub.shop.viewer,
        receiver.url()
    );
    let program = hub.program();
    let child = program.start(&words);
    let mut sales = Vec::new();
    for _ in 0..2 {
        let sale = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
        sales.push(sale["id"].as_str().unwrap().to_owned());
    }
    let messages = receiver.wait_for(2).await;
    for (message, sale) in messages.iter().zip(&sales) {
        assert!(message.is_signed_by(secret));
        let body = message.json();
        assert_eq!((&body["type"], &body["subject"]), (&json!("sale.completed"), &json!(sale)));
        assert_eq!(body["merchant"], hub.shop.merchant.to_string());
        assert_eq!(message.header("webhook-id"), body["id"].as_str().unwrap());
        assert!(body["seq"].as_i64().unwrap() > last && body["data"].is_object(), "{body}");
    }
    let ended = child.wait_with_output().await.unwrap();
    let told = String::from_utf8(ended.stdout).unwrap();
    assert!(ended.status.success(), "it ends after two");
    let heard: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(heard.iter().map(|event| event["subject"].as_str().unwrap()).collect::<Vec<_>>(), sales);
    assert!(String::from_utf8(ended.stderr).unwrap().contains("answered 204 No Content"));
    let refused = program.run(&format!("listen --hub {} --key tb_test_x", hub.running.base_url())).await.refused();
    assert!(refused.contains("does not know the key"), "{refused}");
    hub.stop().await;
}

async fn lists_are_for_people_and_for_programs(on: On) {
    let hub = TestHub::start(on).await;
    let (program, merchant) = (hub.program(), hub.shop.merchant.to_string());
    let listed = program.run("merchants list --json").await.expect(0);
    let merchants: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let own = json!({ "id": merchant, "name": "Corner Shop", "currency": "JPY", "zone": "Asia/Tokyo" });
    assert!(merchants.len() == 2 && merchants.contains(&own), "{listed}");
    let key = hub.shop.cashier_key.to_string();
    let keys = program.run(&format!("keys list --merchant {merchant} --json")).await.expect(0);
    let is_cashier = |line: &str| line.contains(&key) && line.contains("\"role\":\"cashier\"");
    assert!(keys.lines().any(is_cashier), "{keys}");
    program.run(&format!("keys revoke {key}")).await.expect(0);
    let keys = program.run(&format!("keys list --merchant {merchant}")).await.expect(0);
    assert!(keys.lines().any(|line| line.contains(&key) && line.contains("revoked")), "{keys}");
    let hub_address = "http://127.0.0.1:8090";
    let added = format!("connections add --merchant {merchant} --provider sandbox --base-url {hub_address}");
    let connection = program.run(&added).await.expect(0);
    let listed = program.run(&format!("connections list --merchant {merchant} --json")).await.json();
    assert_eq!((listed["id"].as_str().unwrap(), &listed["base_url"]), (connection.trim(), &json!(hub_address)));
    hub.stop().await;
}

async fn no_command_makes_a_pepper_for_a_database_that_had_one(on: On) {
    let hub = TestHub::start(on).await;
    let pepper = hub.folder().join("pepper");
    let kept = std::fs::read(&pepper).unwrap();
    std::fs::remove_file(&pepper).unwrap();
    let words = format!("connections add --merchant {} --provider manual", hub.shop.merchant);
    let refused = hub.program().run(&words).await.refused();
    assert!(refused.contains("none of them would be let in") && !pepper.exists(), "{refused}");
    std::fs::write(&pepper, kept).unwrap();
    hub.program().run(&words).await.expect(0);
    hub.stop().await;
}
