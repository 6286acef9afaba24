//! What keeps a hub alive for years: old rows go, the clock of batches never runs back, and a weak setting is seen.

use domain::job::{self, Job, JobId};
use domain::time::Timestamp;
use domain::work::Key;
use storage::durability::{Durability, check};
use storage::sqlite::Sqlite;
use storage::{Cell, Failure};

use crate::support::command::{act, receive, sell};
use crate::support::rows::cell;
use crate::support::shop::{MERCHANT, RICE, Shop, int, keyed, plain, text};
use crate::support::store::{OPENING, Place, all, block_on};

on!([sqlite postgres memory] [
    answers_are_deleted_after_thirty_days
    more_than_one_page_is_pruned
    finished_jobs_of_old_records_are_deleted
    the_writer_says_that_it_is_durable
]);

on!(@only sqlite_only sqlite [
    the_time_of_a_batch_never_runs_back
    the_time_of_a_batch_does_not_run_back_over_a_restart
    a_weak_setting_of_the_writer_is_seen
    the_log_of_the_file_stays_short
]);

on!(@only postgres_only postgres [rows_of_batches_are_deleted_after_a_day]);

pub const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// Waits for something that the committer does, and steps the committer meanwhile.
fn with_steps<T>(shop: &mut Shop, future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
        shop.committer.step();
    }
}

pub fn prune(shop: &mut Shop, now: i64) -> Result<u64, Failure> {
    let handle = shop.handle.clone();
    with_steps(shop, async move { handle.prune(Timestamp(now)).await })
}

/// The time by which the store stamps its rows.
pub fn now(shop: &mut Shop) -> i64 {
    shop.run(act("test.now", [], |_, call| Ok(call.now.0)))
}

fn answers_are_deleted_after_thirty_days(shop: &mut Shop) {
    shop.submit(keyed("k"), receive(RICE, 1)).unwrap();
    let now = now(shop);
    let batches = all(&shop.store, "batch").len() as u64;
    prune(shop, now + 29 * DAY_MS).unwrap();
    let before = shop.business();
    assert_eq!(all(&shop.store, "idempotency").len(), 1);
    assert_eq!(prune(shop, now + 31 * DAY_MS).unwrap(), 1);
    assert_eq!(all(&shop.store, "idempotency"), Vec::<storage::Row>::new());
    assert_eq!(shop.business(), before, "nothing but answers ({batches} batches before)");
    shop.submit(keyed("k"), receive(RICE, 1)).unwrap();
    assert_eq!(shop.on_hand(RICE), 102);
}

fn more_than_one_page_is_pruned(shop: &mut Shop) {
    let sent: Vec<_> =
        (0..2_500).map(|n| shop.send(keyed(&format!("old {n}")), act("test.nothing", [], |_, _| Ok(())))).collect();
    shop.drain();
    drop(sent);
    let old = now(shop);
    prune(shop, old + 2 * DAY_MS).unwrap();
    // On PostgreSQL the clock is the server's: what is young is made old by hand there.
    shop.store.set_clock(OPENING + 20 * DAY_MS);
    let _young: Vec<_> =
        (0..50).map(|n| shop.send(keyed(&format!("old {n} young")), act("test.nothing", [], |_, _| Ok(())))).collect();
    shop.drain();
    if let Place::Postgres(_) = shop.store.place {
        let params = [Cell::Int(20 * DAY_MS)];
        shop.store.execute("UPDATE idempotency SET created_at = created_at + $1 WHERE key LIKE '% young'", &params);
    }
    assert_eq!(all(&shop.store, "idempotency").len(), 2_550);
    let batches = all(&shop.store, "batch").len() as u64;
    let deleted = prune(shop, old + 31 * DAY_MS).unwrap();
    assert!((2_500..=2_500 + batches).contains(&deleted), "{deleted}");
    let left = all(&shop.store, "idempotency");
    assert_eq!(left.len(), 50);
    assert!(left.iter().all(|row| text(cell("idempotency", row, "key")).ends_with("young")));
}

fn finished_jobs_of_old_records_are_deleted(shop: &mut Shop) {
    let at = now(shop);
    let subject = |age_days: i64, number: u32| format!("sal_{:012x}7000800000{number:010x}", at - age_days * DAY_MS);
    let jobs = [(8, None), (8, Some(at)), (6, None), (0, None), (400, Some(at + DAY_MS)), (400, None)];
    for (number, (age_days, due_at)) in jobs.into_iter().enumerate() {
        let id = JobId { kind: job::Kind::ExpireReservation, subject: subject(age_days, number as u32) };
        shop.run(act("test.job", [Key::Job(id.clone())], move |work, _| {
            let due_at = due_at.map(Timestamp);
            work.jobs.insert(Job { id: id.clone(), merchant: MERCHANT, due_at, fence: 3, attempts: 1, version: 1 });
            Ok(())
        }));
    }
    prune(shop, at).unwrap();
    let left: Vec<_> = all(&shop.store, "job").iter().map(|row| text(&row[1]).to_owned()).collect();
    assert_eq!(left, [subject(400, 4), subject(8, 1), subject(6, 2), subject(0, 3)]);
}

fn the_writer_says_that_it_is_durable(shop: &mut Shop) {
    let handle = shop.handle.clone();
    let durability = with_steps(shop, async move { check(&handle).await }).unwrap();
    assert_eq!(durability, Durability::default());
    if let (Some(reader), Place::Postgres(_)) = (shop.store.reader(), &shop.store.place) {
        assert_eq!(block_on(reader.weak_server_settings()).unwrap(), [""; 0]);
    }
}

fn rows_of_batches_are_deleted_after_a_day(shop: &mut Shop) {
    shop.run(receive(RICE, 1));
    let now = now(shop);
    let count = all(&shop.store, "batch").len() as u64;
    assert!(count > 0);
    assert_eq!(prune(shop, now + DAY_MS / 2).unwrap(), 0);
    assert_eq!(prune(shop, now + DAY_MS + 60_000).unwrap(), count);
    assert!(all(&shop.store, "batch").is_empty());
}

fn the_time_of_a_batch_never_runs_back(shop: &mut Shop) {
    shop.store.set_clock(OPENING + 5_000);
    assert_eq!(now(shop), OPENING + 5_000);
    shop.store.set_clock(OPENING);
    assert_eq!(now(shop), OPENING + 5_000);
    shop.store.set_clock(OPENING + 6_000);
    assert_eq!(now(shop), OPENING + 6_000);
}

fn the_time_of_a_batch_does_not_run_back_over_a_restart(shop: &mut Shop) {
    shop.store.set_clock(OPENING + 5_000);
    shop.run(sell(1, RICE));
    shop.store.set_clock(OPENING);
    let (handle, committer) =
        storage::committer::Committer::new(shop.store.connect(), Box::new(crate::support::shop::Ids::new(2))).unwrap();
    (shop.handle, shop.committer) = (handle, committer);
    shop.run(sell(2, RICE));
    let sales = all(&shop.store, "sale");
    let opened: Vec<_> = sales.iter().map(|row| int(cell("sale", row, "opened_at"))).collect();
    assert_eq!(opened, [OPENING + 5_000, OPENING + 5_000]);
}

fn a_weak_setting_of_the_writer_is_seen(shop: &mut Shop) {
    for (level, weaknesses) in
        [("OFF", vec!["synchronous = 0"]), ("NORMAL", vec!["synchronous = 1"]), ("EXTRA", vec![])]
    {
        let path = shop.store.path();
        let clock: storage::sqlite::Clock = std::sync::Arc::new(|| Timestamp(OPENING));
        let connect =
            Box::new(move || Ok(Box::new(Sqlite::open(&path, level, clock.clone())?) as Box<dyn storage::Engine>));
        let (handle, committer) =
            storage::committer::Committer::new(connect, Box::new(crate::support::shop::Ids::new(2))).unwrap();
        (shop.handle, shop.committer) = (handle, committer);
        let handle = shop.handle.clone();
        let found = with_steps(shop, async move { check(&handle).await }).unwrap();
        assert_eq!(found.weaknesses, weaknesses);
    }
    let _ = plain();
}

fn the_log_of_the_file_stays_short(shop: &mut Shop) {
    const EVENTS: usize = 1_000;
    const MIB: u64 = 1024 * 1024;
    let before = all(&shop.store, "event").len();
    let file = shop.store.path();
    let size = |suffix: &str| std::fs::metadata(format!("{}{suffix}", file.display())).map_or(0, |file| file.len());
    let mut longest = 0;
    for _ in 0..40 {
        let tell = act("test.tell", [], |work, call| {
            for _ in 0..EVENTS {
                work.emit(call, "test.told", RICE, &"x".repeat(4_000));
            }
            Ok(())
        });
        shop.run(tell);
        longest = longest.max(size("-wal"));
    }
    // 160 MiB were written.
    assert!(longest < 70 * MIB, "{longest}");
    assert!(size("") > 80 * MIB, "{}", size(""));
    assert_eq!(all(&shop.store, "event").len(), before + 40 * EVENTS);
}
