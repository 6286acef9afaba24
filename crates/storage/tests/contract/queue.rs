//! Who waits, for how long, and how much is done in one go. Seen in the simulator's memory, where a step is a batch.

use std::sync::{Arc, Mutex};

use domain::work::Key;
use storage::{Envelope, Failure, Lane};

use crate::support::command::{Do, act, article_id, receive};
use crate::support::shop::{MERCHANT, OTHER_MERCHANT, RICE, Shop, encode, got, of, plain};

on!([memory] [
    a_full_queue_says_so_at_once
    one_merchant_has_half_of_the_queue_at_most
    bulk_work_has_half_of_the_queue_at_most
    a_batch_has_256_commands_at_most
    a_batch_has_128_commands_at_most_while_fewer_than_256_wait
    a_batch_names_8192_records_at_most
    a_batch_brings_4_mebibytes_at_most
    a_command_larger_than_any_batch_goes_alone
    interactive_work_goes_first_and_bulk_work_fills_up
    one_batch_in_four_has_a_bulk_command
    errands_wait_for_three_batches_at_most
    a_committer_that_ends_leaves_nobody_waiting
    a_stopped_queue_is_emptied_and_takes_no_more
    what_is_named_late_stands_first
]);

const QUEUE_MAX: usize = 8_192;

type Log = Arc<Mutex<Vec<u32>>>;

fn note(
    log: &Log,
    number: u32,
) -> Do<
    impl Fn(
        &mut domain::work::UnitOfWork,
        &mut domain::call::Call<'_>,
    ) -> Result<(), domain::work::Stop<domain::command::Refusal>>
    + use<>,
> {
    let log = Arc::clone(log);
    act("test.note", [], move |_, _| {
        log.lock().unwrap().push(number);
        Ok(())
    })
}

fn bulk() -> Envelope {
    Envelope { lane: Lane::Bulk, ..plain() }
}

/// Does one batch and says what was in it.
fn batch(shop: &mut Shop, log: &Log) -> Vec<u32> {
    log.lock().unwrap().clear();
    shop.committer.step();
    log.lock().unwrap().clone()
}

fn a_full_queue_says_so_at_once(shop: &mut Shop) {
    let log = Log::default();
    let sent: Vec<_> = (0..QUEUE_MAX)
        .map(|n| shop.send(of(if n % 2 == 0 { MERCHANT } else { OTHER_MERCHANT }), note(&log, 0)))
        .collect();
    let third = domain::id::MerchantId::from_uuid(uuid::Uuid::from_u128(3));
    assert_eq!(shop.handle.send(of(third), note(&log, 0), encode).unwrap_err(), Failure::Overloaded);
    shop.committer.step();
    shop.handle.send(of(third), note(&log, 0), encode).unwrap();
    shop.drain();
    sent.into_iter().for_each(|answer| drop(got(answer).unwrap()));
}

fn one_merchant_has_half_of_the_queue_at_most(shop: &mut Shop) {
    let log = Log::default();
    let sent: Vec<_> =
        (0..QUEUE_MAX / 2).map(|n| shop.send(if n % 2 == 0 { plain() } else { bulk() }, note(&log, 0))).collect();
    assert_eq!(shop.handle.send(plain(), note(&log, 0), encode).unwrap_err(), Failure::Overloaded);
    assert_eq!(shop.handle.send(bulk(), note(&log, 0), encode).unwrap_err(), Failure::Overloaded);
    shop.handle.send(of(OTHER_MERCHANT), note(&log, 0), encode).unwrap();
    shop.drain();
    shop.handle.send(plain(), note(&log, 0), encode).unwrap();
    drop(sent);
    shop.drain();
}

fn bulk_work_has_half_of_the_queue_at_most(shop: &mut Shop) {
    let log = Log::default();
    let _sent: Vec<_> = (0..QUEUE_MAX / 2).map(|_| shop.send(bulk(), note(&log, 0))).collect();
    let other = of(OTHER_MERCHANT);
    let bulk = Envelope { lane: Lane::Bulk, ..other.clone() };
    assert_eq!(shop.handle.send(bulk, note(&log, 0), encode).unwrap_err(), Failure::Overloaded);
    shop.handle.send(other, note(&log, 0), encode).unwrap();
    shop.drain();
}

fn a_batch_has_256_commands_at_most(shop: &mut Shop) {
    let log = Log::default();
    let _sent: Vec<_> = (0..300).map(|n| shop.send(plain(), note(&log, n))).collect();
    assert_eq!(batch(shop, &log), (0..256).collect::<Vec<_>>());
    assert_eq!(batch(shop, &log), (256..300).collect::<Vec<_>>());
}

fn a_batch_has_128_commands_at_most_while_fewer_than_256_wait(shop: &mut Shop) {
    let log = Log::default();
    let _sent: Vec<_> = (0..255).map(|n| shop.send(plain(), note(&log, n))).collect();
    assert_eq!(batch(shop, &log), (0..128).collect::<Vec<_>>());
    assert_eq!(batch(shop, &log), (128..255).collect::<Vec<_>>());
}

fn naming(
    log: &Log,
    number: u32,
    records: u128,
) -> Do<
    impl Fn(
        &mut domain::work::UnitOfWork,
        &mut domain::call::Call<'_>,
    ) -> Result<(), domain::work::Stop<domain::command::Refusal>>
    + use<>,
> {
    let log = Arc::clone(log);
    act("test.name", (0..records).map(|n| Key::Article(article_id(n))), move |_, _| {
        log.lock().unwrap().push(number);
        Ok(())
    })
}

fn a_batch_names_8192_records_at_most(shop: &mut Shop) {
    let log = Log::default();
    let _sent: Vec<_> = (0..10).map(|n| shop.send(plain(), naming(&log, n, 1_000))).collect();
    assert_eq!(batch(shop, &log), (0..8).collect::<Vec<_>>());
    assert_eq!(batch(shop, &log), [8, 9]);
}

fn a_batch_brings_4_mebibytes_at_most(shop: &mut Shop) {
    let log = Log::default();
    let heavy = Envelope { weight: 1024 * 1024, ..plain() };
    let _sent: Vec<_> = (0..5).map(|n| shop.send(heavy.clone(), note(&log, n))).collect();
    assert_eq!(batch(shop, &log), [0, 1, 2, 3]);
    assert_eq!(batch(shop, &log), [4]);
}

fn a_command_larger_than_any_batch_goes_alone(shop: &mut Shop) {
    let log = Log::default();
    let huge = Envelope { weight: 64 * 1024 * 1024, ..plain() };
    let _sent = [shop.send(plain(), note(&log, 0)), shop.send(huge, note(&log, 1)), shop.send(plain(), note(&log, 2))];
    assert_eq!(batch(shop, &log), [0]);
    assert_eq!(batch(shop, &log), [1]);
    assert_eq!(batch(shop, &log), [2]);
}

fn interactive_work_goes_first_and_bulk_work_fills_up(shop: &mut Shop) {
    let log = Log::default();
    let _bulk: Vec<_> = (0..300).map(|n| shop.send(bulk(), note(&log, 1_000 + n))).collect();
    let _sent: Vec<_> = (0..100).map(|n| shop.send(plain(), note(&log, n))).collect();
    assert_eq!(batch(shop, &log), (0..100).chain(1_000..1_156).collect::<Vec<_>>());
    assert_eq!(batch(shop, &log), (1_156..1_284).collect::<Vec<_>>());
    assert_eq!(batch(shop, &log), (1_284..1_300).collect::<Vec<_>>());
}

fn one_batch_in_four_has_a_bulk_command(shop: &mut Shop) {
    let log = Log::default();
    let mut sent = Vec::new();
    for n in 0..8 {
        sent.push(shop.send(bulk(), note(&log, 1_000 + n)));
    }
    let mut bulk_per_batch = Vec::new();
    for _ in 0..16 {
        // Somebody always waits.
        while shop.handle.waiting() < 8 + 600 {
            sent.push(shop.send(plain(), note(&log, 0)));
        }
        let done = batch(shop, &log);
        assert_eq!(done.len(), 256);
        bulk_per_batch.push(done.iter().filter(|number| **number >= 1_000).count());
    }
    assert!(bulk_per_batch.windows(4).all(|four| four.iter().sum::<usize>() >= 1), "{bulk_per_batch:?}");
    assert!(bulk_per_batch.iter().all(|count| *count <= 1), "{bulk_per_batch:?}");
    shop.drain();
}

fn errands_wait_for_three_batches_at_most(shop: &mut Shop) {
    let log = Log::default();
    let mut check = Box::pin(storage::durability::check(&shop.handle));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(check.as_mut().poll(&mut context).is_pending());
    let handle = shop.handle.clone();
    let mut steps = 0;
    while check.as_mut().poll(&mut context).is_pending() {
        while handle.waiting() < 600 {
            drop(handle.send(plain(), note(&log, 0), encode).unwrap());
        }
        shop.committer.step();
        steps += 1;
        assert!(steps <= 4);
    }
    drop(check);
    shop.drain();
}

fn a_committer_that_ends_leaves_nobody_waiting(shop: &mut Shop) {
    let command = shop.send(plain(), receive(RICE, 1));
    let handle = shop.handle.clone();
    let connect = shop.store.connect();
    let (_, other) = storage::committer::Committer::new(connect, Box::new(crate::support::shop::Ids::new(9))).unwrap();
    drop(std::mem::replace(&mut shop.committer, other));
    assert!(command.blocking_recv().is_err());
    assert_eq!(handle.send(plain(), receive(RICE, 1), encode).unwrap_err(), Failure::Stopping);
}

fn a_stopped_queue_is_emptied_and_takes_no_more(shop: &mut Shop) {
    let command = shop.send(plain(), receive(RICE, 1));
    shop.handle.stop();
    assert_eq!(shop.handle.send(plain(), receive(RICE, 1), encode).unwrap_err(), Failure::Stopping);
    assert!(shop.committer.step());
    got(command).unwrap();
    assert!(!shop.committer.step());
}

fn what_is_named_late_stands_first(shop: &mut Shop) {
    let log = Log::default();
    let noted = Arc::clone(&log);
    let late = act("test.late", [], move |work, _| {
        work.require([Key::Article(RICE)])?;
        noted.lock().unwrap().push(7);
        Ok(())
    });
    let _late = shop.send(bulk(), late);
    assert_eq!(batch(shop, &log), [0; 0]);
    let _sent: Vec<_> = (100..500).map(|n| shop.send(plain(), note(&log, n))).collect();
    assert_eq!(batch(shop, &log)[..2], [7, 100]);
    shop.drain();
}
