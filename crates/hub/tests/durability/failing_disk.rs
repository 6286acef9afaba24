//! A disk that fails inside a commit: nobody can tell what reached it, so the hub ends. The next one finds every answer
//! that was given, and of what was not answered all or nothing.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::client::{Answer, Client, Request};
use super::process::{Folder, Hub, Place, free_addr};
use super::random::Random;
use super::shop::{self, Shop};
use super::{READY_TIMEOUT, alone, article_body, first_article, has_strace, receipt_body, sale_body};

const CONNECTIONS: usize = 8;
/// Requests of each client, at most: the disk fails long before.
const REQUESTS: usize = 500;
/// Commits that the disk still takes.
const GOOD_CALLS: usize = 60;
/// Receipts of the shelf before the load.
const FIRST_UNITS: i64 = 1_000_000;
/// The signal of a process that ends itself on purpose.
const ABORTED: i32 = 6;
const END_TIMEOUT: Duration = Duration::from_secs(60);

struct Sent {
    key: String,
    path: &'static str,
    body: String,
    answer: Option<Answer>,
}

/// Runs a hub whose system call on the log fails from some time on.
fn fail(call: &str, error: &str, good_calls: usize) {
    let _alone = alone();
    if !has_strace() {
        return;
    }
    let mut random = Random::of(Random::seed());
    let folder = Folder::new("tillbridge-failing-disk-");
    let place = Place { data: folder.path().to_owned(), database: None, settings: Vec::new() };
    let shop = &shop::set_up(&place, "http://127.0.0.1:1")[0];
    let addr = free_addr(&mut random);
    let mut hub = Hub::spawn(on_failing_disk(&place, addr, call, error, good_calls), &place, addr);
    hub.wait_ready(READY_TIMEOUT).unwrap_or_else(|why| panic!("{why}\n{}", place.log_tail()));
    let article = &first_article(addr, shop);
    let number = &AtomicUsize::new(0);
    let sent: Vec<Sent> = std::thread::scope(|scope| {
        let client = || write_until_the_end(addr, shop, article, number);
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect()
    });
    let status = hub.wait(END_TIMEOUT).unwrap_or_else(|| panic!("the hub goes on\n{}", place.log_tail()));
    let log = place.log_tail();
    assert_eq!(status.signal(), Some(ABORTED), "{status}\n{log}");
    assert!(log.contains("The disk failed inside COMMIT"), "{log}");
    let answered = sent.iter().filter(|one| one.answer.is_some()).count();
    assert!(answered > 0 && answered < sent.len(), "{answered} of {} were answered", sent.len());

    let mut hub = Hub::start(&place, addr);
    hub.wait_ready(READY_TIMEOUT).unwrap_or_else(|why| panic!("{why}\n{}", place.log_tail()));
    let mut client = Client::new(addr, &shop.api_key);
    for one in &sent {
        let mut ask = || {
            assert!(client.connect());
            client.send(one.request()).expect("an answer")
        };
        let (now, again) = (ask(), ask());
        assert_eq!(now, again);
        assert_eq!(now.status, 201, "{} {}: {}", one.path, one.body, now.words());
        assert!(one.answer.as_ref().is_none_or(|before| *before == now), "{}: {}", one.key, now.words());
    }
    let count = |path: &str| sent.iter().filter(|one| one.path == path).count() as i64;
    let path = format!("/v1/stock-levels?location_id={}&article_id={article}", shop.location);
    let level = client.send(Request::get(&path)).expect("an answer").json();
    let expected = FIRST_UNITS + count("/v1/stock-movements") - count("/v1/sales");
    assert_eq!(level["data"][0]["on_hand"], expected.to_string());
    let check = place.check();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    eprintln!("{error} in {call}: {answered} answers kept, {} requests without one done once", sent.len() - answered);
}

impl Sent {
    fn request(&self) -> Request<'_> {
        Request { method: "POST", path: self.path, key: Some(&self.key), prefer: None, body: &self.body }
    }
}

fn on_failing_disk(place: &Place, addr: SocketAddr, call: &str, error: &str, good_calls: usize) -> Command {
    let mut hub = place.command("serve");
    hub.arg("--listen").arg(addr.to_string());
    let mut command = Command::new("strace");
    let wal = place.data.join("tillbridge.db-wal");
    let inject = format!("inject={call}:error={error}:when={good_calls}+");
    command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject, "-P"]).arg(wal);
    command.arg(hub.get_program()).args(hub.get_args()).current_dir(&place.data).stdin(std::process::Stdio::null());
    command
}

fn write_until_the_end(addr: SocketAddr, shop: &Shop, article: &str, number: &AtomicUsize) -> Vec<Sent> {
    let mut client = Client::new(addr, &shop.api_key);
    let mut all = Vec::new();
    for request in 0..REQUESTS {
        let key = format!("disk-{:06}", number.fetch_add(1, Ordering::Relaxed));
        let (path, body) = match request % 3 {
            0 => ("/v1/articles", article_body(&key)),
            1 => ("/v1/stock-movements", receipt_body(shop, article, 1)),
            _ => ("/v1/sales", sale_body(shop, article)),
        };
        if !client.connect() {
            break;
        }
        let mut sent = Sent { key, path, body, answer: None };
        sent.answer = client.send(sent.request()).ok();
        let is_over = sent.answer.is_none();
        all.push(sent);
        if is_over {
            break;
        }
    }
    all
}

#[test]
fn a_sync_that_fails_ends_the_hub_and_loses_no_answer() {
    fail("fdatasync,fsync", "EIO", GOOD_CALLS);
}

#[test]
fn a_full_disk_ends_the_hub_and_loses_no_answer() {
    // Some ten writes make one commit.
    fail("pwrite64", "ENOSPC", GOOD_CALLS * 10);
}
