//! No answer before its commit is on the disk (I4). A hub on the embedded database runs under `strace`; in the order of its
//! system calls the answer to a writing request must begin after a sync of the log has returned that began after the
//! request's transaction was written to the log. That the test can fail is tested too, with a hub that does not sync.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and speaks to whoever runs it")]

#[allow(dead_code, reason = "the kill test uses all of it")]
#[path = "../kill/client.rs"]
mod client;
mod failing_disk;
#[allow(dead_code, reason = "the kill test uses all of it")]
#[path = "../kill/process.rs"]
mod process;
#[allow(dead_code, reason = "the kill test uses all of it")]
#[path = "../kill/random.rs"]
mod random;
#[allow(dead_code, reason = "the kill test uses all of it")]
#[path = "../kill/shop.rs"]
mod shop;
mod trace;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client::{Client, Request};
use process::{Folder, Hub, Place, free_addr};
use random::Random;
use shop::Shop;
use trace::Trace;

/// Connections that write at once.
const CONNECTIONS: usize = 16;
/// Requests of each.
const REQUESTS: usize = 30;
/// Requests of the lone caller.
const LONE_REQUESTS: usize = 60;
/// A key is this and seven digits.
const KEY_HEAD: &str = "durable-";
const KEY_BYTES: usize = KEY_HEAD.len() + 7;
/// Tracing makes a hub slow.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// False, and says so, where `strace` cannot be had.
fn has_strace() -> bool {
    let has = Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success());
    if !has {
        eprintln!("skipped: strace is not installed or may not trace here");
    }
    has
}

/// Clients, their keys in the order of the answers by the port of their connection, and what the hub did meanwhile.
struct Traced {
    keys: BTreeMap<u16, Vec<String>>,
    trace: Trace,
}

/// Runs a hub under `strace` while `connections` clients send `requests` each.
fn run(settings: &[(&str, &str)], connections: usize, requests: usize) -> Traced {
    let mut random = Random::of(Random::seed());
    let folder = Folder::new("tillbridge-durability-");
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let place = Place { data: folder.path().to_owned(), database: None, settings };
    let shops = shop::set_up(&place, "http://127.0.0.1:1");
    let (addr, file) = (free_addr(&mut random), folder.path().join("trace"));
    let mut hub = Hub::spawn(under_strace(&place, addr, &file), &place, addr);
    hub.wait_ready(READY_TIMEOUT).unwrap_or_else(|why| panic!("{why}\n{}", place.log_tail()));
    let article = first_article(addr, &shops[0]);
    let number = AtomicUsize::new(0);
    let keys = std::thread::scope(|scope| {
        let client = || write(addr, &shops[0], &article, &number, requests);
        let clients: Vec<_> = (0..connections).map(|_| scope.spawn(client)).collect();
        clients.into_iter().map(|client| client.join().expect("a client ends")).collect()
    });
    hub.terminate_child();
    assert!(hub.wait(STOP_TIMEOUT).is_some(), "the hub stops\n{}", place.log_tail());
    Traced { keys, trace: Trace::read(&file, KEY_HEAD.as_bytes(), KEY_BYTES) }
}

fn under_strace(place: &Place, addr: SocketAddr, file: &std::path::Path) -> Command {
    let mut hub = place.command("serve");
    hub.arg("--listen").arg(addr.to_string());
    let mut command = Command::new("strace");
    command.args(["-f", "-ttt", "-yy", "-xx", "-s", trace::BYTES_KEPT, "-e", trace::CALLS, "-o"]).arg(file);
    command.arg(hub.get_program()).args(hub.get_args()).current_dir(&place.data).stdin(std::process::Stdio::null());
    command.envs(hub.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

fn first_article(addr: SocketAddr, shop: &Shop) -> String {
    let mut client = Client::new(addr, &shop.api_key);
    let made = post(&mut client, "/v1/articles", "first-article", &article_body("first"));
    let article = made["id"].as_str().expect("an id").to_owned();
    post(&mut client, "/v1/stock-movements", "first-receipt", &receipt_body(shop, &article, 1_000_000));
    article
}

fn article_body(sku: &str) -> String {
    format!(r#"{{"sku":"{sku}","name":"Tea","unit_price":"150","tax_class":"reduced"}}"#)
}

fn receipt_body(shop: &Shop, article: &str, quantity: usize) -> String {
    let location = &shop.location;
    format!(r#"{{"location_id":"{location}","article_id":"{article}","kind":"receipt","quantity":"{quantity}"}}"#)
}

fn post(client: &mut Client, path: &str, key: &str, body: &str) -> serde_json::Value {
    assert!(client.connect(), "the hub is there");
    let answer = client.send(Request { method: "POST", path, key: Some(key), prefer: None, body }).expect("an answer");
    assert_eq!(answer.status, 201, "{path} {body}: {}", answer.words());
    answer.json()
}

/// One client: its port, and its keys in order.
fn write(addr: SocketAddr, shop: &Shop, article: &str, number: &AtomicUsize, requests: usize) -> (u16, Vec<String>) {
    let mut client = Client::new(addr, &shop.api_key);
    let (mut port, mut keys) = (None, Vec::new());
    for request in 0..requests {
        let key = format!("{KEY_HEAD}{:07}", number.fetch_add(1, Ordering::Relaxed));
        let (path, body) = match request % 3 {
            0 => ("/v1/articles", article_body(&key.replace(KEY_HEAD, "sku-"))),
            1 => ("/v1/stock-movements", receipt_body(shop, article, 1)),
            _ => ("/v1/sales", sale_body(shop, article)),
        };
        post(&mut client, path, &key, &body);
        let own = client.port().expect("the connection is kept");
        assert_eq!(*port.get_or_insert(own), own, "one connection for all");
        keys.push(key);
    }
    (port.expect("something was sent"), keys)
}

fn sale_body(shop: &Shop, article: &str) -> String {
    let register = &shop.registers[0];
    format!(
        r#"{{"register_id":"{register}","lines":[{{"article_id":"{article}","quantity":"1"}}],"tenders":[{{"kind":"cash","given_minor":1000}}]}}"#
    )
}

impl Traced {
    /// Each key with the begin of its answer.
    fn answers(&self) -> impl Iterator<Item = (&String, usize)> {
        self.keys.iter().flat_map(|(port, keys)| {
            let answers = self.trace.answers.get(port).expect("the trace has the connection");
            assert_eq!(answers.len(), keys.len(), "one answer for each request");
            assert!(answers.iter().all(|(_, status)| *status == 201));
            keys.iter().zip(answers.iter().map(|(begun, _)| *begun))
        })
    }

    /// The keys that were answered before their commit was on the disk.
    fn early_answers(&self) -> Vec<String> {
        let is_early = |key: &str, answered: usize| {
            let written =
                *self.trace.commits.get(key).unwrap_or_else(|| panic!("{key} was answered and never written"));
            self.trace.durable_at(written).is_none_or(|durable| durable > answered)
        };
        self.answers().filter(|(key, answered)| is_early(key, *answered)).map(|(key, _)| key.clone()).collect()
    }
}

#[test]
fn no_answer_begins_before_its_commit_is_synced() {
    let _alone = alone();
    if !has_strace() {
        return;
    }
    let traced = run(&[], CONNECTIONS, REQUESTS);
    let early = traced.early_answers();
    assert!(early.is_empty(), "{} answers before their sync, the first: {:?}", early.len(), early.first());
    eprintln!(
        "durability: {} answers, {} syncs of the log, {} writes to it",
        traced.answers().count(),
        traced.trace.syncs.len(),
        traced.trace.writes.len()
    );
    assert!(traced.trace.syncs.len() < CONNECTIONS * REQUESTS, "concurrent requests share their sync");
}

/// A lone caller shares with nobody: between two of its answers lies a sync of its own, after all that was written.
#[test]
fn each_lone_answer_has_a_sync_of_its_own() {
    let _alone = alone();
    if !has_strace() {
        return;
    }
    let traced = run(&[], 1, LONE_REQUESTS);
    assert_eq!(traced.early_answers(), Vec::<String>::new());
    let mut before = 0;
    for (key, answered) in traced.answers() {
        let written =
            traced.trace.writes.iter().copied().filter(|write| *write < answered).max().expect("it was written");
        assert!(written > before, "{key} was answered and nothing written");
        let is_synced = |(begun, ended): &(usize, usize)| *begun > written && *ended < answered;
        assert!(traced.trace.syncs.iter().any(is_synced), "{key} was answered without a sync of its own");
        before = answered;
    }
}

#[test]
fn a_hub_that_does_not_sync_is_found_out() {
    let _alone = alone();
    if !has_strace() {
        return;
    }
    let careless =
        [("TILLBRIDGE__DATABASE__SYNCHRONOUS", "normal"), ("TILLBRIDGE__DATABASE__DURABILITY", "accept_loss")];
    let traced = run(&careless, 4, 6);
    assert_eq!(traced.early_answers().len(), 24, "every answer of a hub that does not sync is early");
}
