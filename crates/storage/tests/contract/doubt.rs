//! The database goes away, at any moment, also between COMMIT and its answer: nobody is answered twice, nothing is lost
//! and nothing is doubled.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use storage::committer::{Committer, Connect};
use storage::memory::Fault;
use storage::{EngineError, Failure};

use crate::support::command::{receive, sell};
use crate::support::faulty::{Cut, Line, scripted};
use crate::support::rows::cell;
use crate::support::shop::{Ids, RICE, Shop, TEA, got, int, keyed, plain};
use crate::support::store::{all, connect_postgres, on_server};

on!([sqlite postgres memory] [
    a_batch_that_others_got_in_the_way_of_is_run_again
    a_batch_that_others_always_get_in_the_way_of_is_unavailable
    a_batch_whose_connection_is_lost_is_run_again
    a_database_that_is_away_is_unavailable_until_it_is_back
    a_loss_while_commands_run_alone_is_made_good
]);

on!(@only in_memory memory [
    a_fault_at_any_operation_is_made_good
    the_committer_waits_for_the_database_before_it_answers_an_unknown_commit
]);

on!(@only over_a_line postgres [
    a_line_that_breaks_before_the_commit_arrives
    a_line_that_breaks_after_the_commit_was_answered
    a_line_that_breaks_during_the_commit
    a_commit_that_arrives_after_its_client_has_gone
    a_line_that_breaks_at_any_message
    a_server_that_ends_sessions_at_random
]);

/// A new committer on the shop's store.
fn reopen(shop: &mut Shop, connect: Connect) {
    static NEXT: AtomicU32 = AtomicU32::new(100);
    let ids = Ids::new(NEXT.fetch_add(1, Ordering::Relaxed).into());
    let (handle, committer) = Committer::new(connect, Box::new(ids)).unwrap();
    (shop.handle, shop.committer) = (handle, committer);
}

/// Nine that come in, and one that asks for more than there is: each is answered, has its effect once, and is replayed.
fn ten_commands_are_done_once(shop: &mut Shop, round: u32) {
    let (before, moved) = (shop.on_hand(RICE), all(&shop.store, "movement").len());
    let key = |n: u32| format!("{round} {n}");
    let sent: Vec<_> = (0..9).map(|n| shop.send(keyed(&key(n)), receive(RICE, 1))).collect();
    let greedy = || {
        let mut sale = sell(u128::from(round), TEA);
        sale.sale.lines[0].quantity.0 = 1_000_000;
        sale
    };
    let refused = shop.send(keyed(&key(9)), greedy());
    shop.drain();
    let answers: Vec<_> = sent.into_iter().map(|answer| got(answer).unwrap().answer).collect();
    let refusal = got(refused).unwrap().answer;
    assert_eq!(refusal.status, 409);
    assert_eq!(shop.on_hand(RICE), before + 9);
    assert_eq!(all(&shop.store, "movement").len(), moved + 9);
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(shop.submit(keyed(&key(n as u32)), receive(RICE, 1)).unwrap().answer, *answer);
    }
    assert_eq!(shop.submit(keyed(&key(9)), greedy()).unwrap().answer, refusal);
    assert_eq!(shop.on_hand(RICE), before + 9);
}

fn failing(shop: &mut Shop, script: impl FnMut(&str) -> Option<EngineError> + Send + 'static) {
    let connect = shop.store.connect();
    reopen(shop, scripted(connect, script));
}

/// Fails so many times at an operation.
fn times(count: u32, at: &'static str, error: fn(String) -> EngineError) -> impl FnMut(&str) -> Option<EngineError> {
    let mut left = count;
    move |operation| {
        (operation == at && left > 0).then(|| {
            left -= 1;
            error("planted".to_owned())
        })
    }
}

fn a_batch_that_others_got_in_the_way_of_is_run_again(shop: &mut Shop) {
    for (round, at) in ["begin", "read", "write", "commit"].into_iter().enumerate() {
        failing(shop, times(3, at, EngineError::Conflict));
        ten_commands_are_done_once(shop, round as u32);
    }
}

fn a_batch_that_others_always_get_in_the_way_of_is_unavailable(shop: &mut Shop) {
    let dump = shop.dump();
    failing(shop, times(u32::MAX, "write", EngineError::Conflict));
    let sent = [shop.send(keyed("a"), receive(RICE, 1)), shop.send(keyed("b"), receive(RICE, 1))];
    shop.drain();
    for answer in sent {
        assert_eq!(got(answer).unwrap_err(), Failure::Unavailable("planted".to_owned()));
    }
    assert_eq!(shop.dump(), dump);
}

fn a_batch_whose_connection_is_lost_is_run_again(shop: &mut Shop) {
    for (round, at) in ["begin", "read", "write", "commit"].into_iter().enumerate() {
        failing(shop, times(2, at, EngineError::Lost));
        ten_commands_are_done_once(shop, round as u32);
    }
}

fn a_database_that_is_away_is_unavailable_until_it_is_back(shop: &mut Shop) {
    let is_away = Arc::new(Mutex::new(false));
    let away = Arc::clone(&is_away);
    failing(shop, move |_| away.lock().unwrap().then(|| EngineError::Lost("planted".to_owned())));
    *is_away.lock().unwrap() = true;
    for _ in 0..2 {
        let outcome = shop.submit(keyed("k"), receive(RICE, 1));
        assert!(matches!(outcome, Err(Failure::Unavailable(_))));
    }
    *is_away.lock().unwrap() = false;
    assert_eq!(shop.submit(keyed("k"), receive(RICE, 1)).unwrap().answer.status, 201);
    assert_eq!(shop.on_hand(RICE), 101);
}

fn a_loss_while_commands_run_alone_is_made_good(shop: &mut Shop) {
    // The third write of the commands that run one by one is lost.
    let mut writes = 0;
    failing(shop, move |operation| {
        writes += u32::from(operation == "write");
        match (operation, writes) {
            ("write", 1) => Some(EngineError::Engine("planted".to_owned())),
            ("write", 5) => Some(EngineError::Lost("planted".to_owned())),
            _ => None,
        }
    });
    ten_commands_are_done_once(shop, 1);
}

fn a_fault_at_any_operation_is_made_good(shop: &mut Shop) {
    let mut round = 0;
    for fault in [Fault::Lost, Fault::Conflict, Fault::LostAfterCommit] {
        for operations_before in 0..8 {
            shop.store.memory().with(|memory| memory.fault = Some((operations_before, fault)));
            round += 1;
            ten_commands_are_done_once(shop, round);
            shop.store.memory().with(|memory| memory.fault = None);
        }
    }
}

fn the_committer_waits_for_the_database_before_it_answers_an_unknown_commit(shop: &mut Shop) {
    // The commit happens, its answer is lost, and the database does not come back for a while.
    let (memory, mut has_struck, mut refusals) = (shop.store.memory().clone(), false, 0);
    failing(shop, move |operation| match operation {
        "commit" if !has_struck => {
            (has_struck, refusals) = (true, 5);
            memory.with(|memory| memory.fault = Some((0, Fault::LostAfterCommit)));
            None
        }
        "connect" if refusals > 0 => {
            refusals -= 1;
            Some(EngineError::Lost("away".to_owned()))
        }
        _ => None,
    });
    ten_commands_are_done_once(shop, 1);
}

fn over_a_line(shop: &mut Shop) -> Line {
    let line = Line::to(shop.store.url());
    reopen(shop, connect_postgres(line.url.clone()));
    line
}

fn with_cuts(shop: &mut Shop, rounds: std::ops::Range<u32>, cut: Cut) {
    let line = over_a_line(shop);
    for round in rounds {
        line.cut(cut);
        ten_commands_are_done_once(shop, round);
        assert!(line.was_cut());
    }
}

fn a_line_that_breaks_before_the_commit_arrives(shop: &mut Shop) {
    with_cuts(shop, 0..5, Cut::BeforeCommit);
}

fn a_line_that_breaks_after_the_commit_was_answered(shop: &mut Shop) {
    with_cuts(shop, 0..5, Cut::AfterCommit);
}

fn a_line_that_breaks_during_the_commit(shop: &mut Shop) {
    with_cuts(shop, 0..20, Cut::DuringCommit);
}

fn a_commit_that_arrives_after_its_client_has_gone(shop: &mut Shop) {
    // Longer than the committer waits for a lock, so it asks more than once.
    with_cuts(shop, 0..1, Cut::Late(2_600));
    with_cuts(shop, 1..6, Cut::Late(50));
}

fn a_line_that_breaks_at_any_message(shop: &mut Shop) {
    let line = over_a_line(shop);
    for before in 0..12 {
        line.cut(Cut::Message(before));
        ten_commands_are_done_once(shop, before);
        line.cut(Cut::Never);
    }
}

fn a_server_that_ends_sessions_at_random(shop: &mut Shop) {
    let (before, url) = (shop.on_hand(RICE), shop.store.url().to_owned());
    let is_over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let killer = std::thread::spawn(move || {
        let mut kills = 0;
        while !over.load(Ordering::Relaxed) {
            let rows = on_server(
                &url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND application_name = 'tillbridge committer'",
                &[],
            );
            kills += rows.len();
        }
        kills
    });
    for n in 0..30 {
        let key = format!("key {n}");
        // As a register does: again under the same key until there is an answer.
        while let Err(failure) = shop.submit(keyed(&key), receive(RICE, 1)) {
            assert!(matches!(failure, Failure::Unavailable(_)), "{failure}");
        }
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(killer.join().unwrap() > 0);
    shop.submit(plain(), sell(1, RICE)).unwrap();
    assert_eq!(shop.on_hand(RICE), before + 29);
    let events = all(&shop.store, "event");
    assert_eq!(
        int(cell("event", events.last().unwrap(), "number")),
        events.iter().filter(|row| row[0] == events.last().unwrap()[0]).count() as i64
    );
}
