//! `tillbridge backup` beside a hub under load, and `tillbridge restore` elsewhere.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hub::clock::Clock;
use hub::config::Config;
use hub::serve;
use serde_json::json;
use storage::reader::Reader;
use tokio::sync::Mutex;

use crate::support::hub::postgres_server;
use crate::support::receiver::wait_until;
use crate::support::{On, TestHub};

/// Registers that sell while the backup is made.
const REGISTERS: usize = 8;
/// Sales before it begins.
const SALES_BEFORE: usize = 300;

/// The sales that the hub has answered for, and whether there shall be more.
#[derive(Default)]
struct Trade {
    sold: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

/// Sells bags, which nobody counts, until the trade is over.
async fn sell(
    client: reqwest::Client,
    url: String,
    key: String,
    body: serde_json::Value,
    trade: Arc<Trade>,
    name: usize,
) {
    for number in 0.. {
        if trade.is_over.load(Ordering::Relaxed) {
            return;
        }
        let request = client.post(&url).bearer_auth(&key).header("idempotency-key", format!("load-{name}-{number}"));
        let response = request.json(&body).send().await.unwrap();
        assert_eq!(response.status(), 201);
        let sale: serde_json::Value = response.json().await.unwrap();
        trade.sold.lock().await.push(sale["id"].as_str().unwrap().to_owned());
    }
}

fn begin_trade(hub: &TestHub) -> (Arc<Trade>, Vec<tokio::task::JoinHandle<()>>) {
    let trade = Arc::new(Trade::default());
    let body = json!({
        "register_id": hub.shop.registers[0].to_string(),
        "lines": [{ "article_id": hub.shop.bag.to_string(), "quantity": "1" }],
        "tenders": [{ "kind": "cash", "given_minor": 5 }],
    });
    let url = format!("{}/v1/sales", hub.running.base_url());
    let register = |name| {
        let (client, url, key) = (hub.client.clone(), url.clone(), hub.shop.cashier.clone());
        tokio::spawn(sell(client, url, key, body.clone(), Arc::clone(&trade), name))
    };
    let registers = (0..REGISTERS).map(register).collect();
    (trade, registers)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_has_everything_that_was_answered_before_it() {
    let hub = TestHub::start(On::Sqlite).await;
    let program = hub.program();
    let (trade, registers) = begin_trade(&hub);
    wait_until("there is trade", async || trade.sold.lock().await.len() >= SALES_BEFORE).await;
    let answered = trade.sold.lock().await.clone();
    let (backup, data) = (program.place("backup"), program.place("restored"));
    let made = program.run(&format!("backup {} --json", backup.display())).await.json();
    assert_eq!(made["backup"]["pepper"], "included");
    // The trade went on all the while, and goes on.
    let so_far = trade.sold.lock().await.len();
    assert!(so_far > answered.len());
    wait_until("trade goes on", async || trade.sold.lock().await.len() > so_far).await;
    trade.is_over.store(true, Ordering::Relaxed);
    for register in registers {
        register.await.unwrap();
    }
    assert_eq!(mode(&backup), 0o700);
    for file in ["tillbridge.db", "pepper", "backup.json"] {
        assert_eq!(mode(&backup.join(file)), 0o600, "{file}");
    }
    assert_eq!(std::fs::read_dir(&backup).unwrap().count(), 3, "one file is the database, without a log beside it");

    let restored = program.run(&format!("restore {} --data {}", backup.display(), data.display())).await.expect(0);
    assert!(restored.contains("Clean: everything holds."), "{restored}");
    let checked = program.run(&format!("check --data {} --json", data.display())).await.json();
    assert_eq!(checked["is_clean"], true);
    let reader = Reader::sqlite(data.join("tillbridge.db"));
    for sale in &answered {
        let found = reader.find_sale(hub.shop.merchant, sale.parse().unwrap()).await.unwrap();
        assert!(found.is_some(), "{sale} was answered before the backup began");
    }
    // The hub opens what was restored, and its keys are those of before.
    let running = serve::start(&Config::for_test(&data), Clock::system()).await.unwrap();
    let url = format!("{}/v1/sales/{}", running.base_url(), answered[0]);
    assert_eq!(hub.client.get(url).bearer_auth(&hub.shop.cashier).send().await.unwrap().status(), 200);
    running.stop().await.unwrap();
    println!("{} sales before the backup, {} while it was made", answered.len(), so_far - answered.len());
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_whole_or_not_empty_is_refused() {
    let hub = TestHub::start(On::Sqlite).await;
    let program = hub.program();
    let (backup, data) = (program.place("backup"), program.place("restored"));
    let (backup_word, data_word) = (backup.display(), data.display());
    program.run(&format!("backup {backup_word} --without-pepper")).await.expect(0);
    assert!(!backup.join("pepper").exists());
    let refused = program.run(&format!("backup {backup_word}")).await.refused();
    assert!(refused.contains("is there already"), "{refused}");
    let refused = program.run(&format!("restore {backup_word} --data {}", hub.folder().display())).await.refused();
    assert!(refused.contains("is not empty"), "{refused}");
    let nothing = program.place("nothing");
    let refused = program.run(&format!("restore {} --data {data_word}", nothing.display())).await.refused();
    assert!(refused.contains("is no backup"), "{refused}");
    let refused = program.run(&format!("backup {backup_word}-2 --data {}", nothing.display())).await.refused();
    assert!(refused.contains("There is no database"), "{refused}");

    let database = backup.join("tillbridge.db");
    let whole = std::fs::read(&database).unwrap();
    std::fs::write(&database, &whole[..whole.len() - 1]).unwrap();
    let refused = program.run(&format!("restore {backup_word} --data {data_word}")).await.refused();
    assert!(refused.contains("is not the one that was backed up"), "{refused}");
    assert!(!data.exists(), "nothing is left of what was refused");

    let description = std::fs::read_to_string(backup.join("backup.json")).unwrap();
    std::fs::write(&database, &whole).unwrap();
    let newer = with_number(&description, "\"schema\": ", "9999");
    std::fs::write(backup.join("backup.json"), newer).unwrap();
    let refused = program.run(&format!("restore {backup_word} --data {data_word}")).await.refused();
    assert!(refused.contains("newer than this program"), "{refused}");
    std::fs::write(backup.join("backup.json"), description).unwrap();
    let restored = program.run(&format!("restore {backup_word} --data {data_word}")).await.expect(0);
    assert!(restored.contains("put the file `pepper` into the folder"), "{restored}");
    hub.stop().await;
}

/// The text with another number behind a name.
fn with_number(text: &str, name: &str, number: &str) -> String {
    let (head, rest) = text.split_once(name).unwrap();
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{head}{name}{number}{rest}")
}

/// A program of PostgreSQL's own, where its package has put it.
fn tool(name: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> =
        versions.filter_map(|version| Some(version.ok()?.path().join("bin").join(name))).collect();
    found.sort();
    found.into_iter().rfind(|path| path.exists())
}

/// The commands of docs/guides/backup-and-restore.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_a_server_is_restored() {
    let (Some(dump), Some(restore), Some(_)) = (tool("pg_dump"), tool("pg_restore"), postgres_server()) else {
        println!("skipped: TILLBRIDGE_TEST_POSTGRES names no server, or its tools are not on this machine");
        return;
    };
    let (hub, empty) = (TestHub::start(On::Postgres).await, TestHub::start(On::Postgres).await);
    let sale = hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let (url, restored) = (hub.database_url(), empty.database_url());
    empty.spoil("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await;
    let (program, other) = (hub.program(), empty.program());
    let file = program.place("tillbridge.dump");
    let run = async |tool: &Path, words: &[&str]| {
        let ended = tokio::process::Command::new(tool).args(words).arg(&file).output().await.unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    run(&dump, &["--format=custom", "--dbname", &url, "--file"]).await;
    run(&restore, &["--exit-on-error", "--single-transaction", "--no-owner", "--dbname", &restored]).await;
    assert_eq!(other.run("check --json").await.json()["is_clean"], true);
    let words = format!("events --merchant {} --kind sale.completed --json", hub.shop.merchant);
    assert_eq!(other.run(&words).await.json()["subject"], sale["id"]);
    hub.stop().await;
    empty.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_left_to_its_own_tools() {
    if postgres_server().is_none() {
        println!("skipped: TILLBRIDGE_TEST_POSTGRES names no server");
        return;
    }
    let hub = TestHub::start(On::Postgres).await;
    let program = hub.program();
    let refused = program.run(&format!("backup {}", program.place("backup").display())).await.refused();
    assert!(refused.contains("pg_dump") && refused.contains("pepper"), "{refused}");
    assert!(!program.place("backup").exists());
    hub.stop().await;
}
