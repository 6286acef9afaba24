//! The same key gives the same bytes, and its effect once.

use domain::work::Key;
use storage::{Claim, Committed, Envelope, Failure, Idempotency};

use crate::support::command::{act, receive, sale_id, sell};
use crate::support::rows::cell;
use crate::support::shop::{MERCHANT, OTHER_MERCHANT, RICE, Shop, TEA, claim, got, int, keyed, of, plain};
use crate::support::store::all;

on!([sqlite postgres memory] [
    a_replay_gives_the_same_bytes_and_has_no_effect
    other_content_under_a_key_is_refused_and_changes_nothing
    a_refusal_is_replayed_although_stock_came_meanwhile
    a_second_copy_in_a_batch_gets_the_bytes_of_the_first
    other_content_under_a_key_in_one_batch_is_refused
    a_key_of_another_merchant_is_another_key
    a_command_without_a_key_is_done_each_time
    a_failure_leaves_the_key_free
    what_is_answered_later_is_in_flight_until_it_is_settled
    a_second_copy_in_a_batch_of_what_is_answered_later_is_in_flight
    whether_the_answer_follows_later_is_for_the_first_copy_to_say
    a_key_is_settled_once
    two_that_settle_a_key_in_one_batch_give_the_same_bytes
    a_refusal_of_what_is_answered_later_is_its_answer
    a_replay_beside_new_work_is_read_in_the_same_batch
]);

fn bytes<R: std::fmt::Debug>(committed: &Committed<R>) -> &str {
    std::str::from_utf8(&committed.answer.body).unwrap()
}

fn other_content(key: &str) -> Envelope {
    let claim = Claim { fingerprint: [2; 32], ..claim(key) };
    Envelope { idempotency: Idempotency::Answer(claim), ..plain() }
}

fn later(key: &str) -> Envelope {
    Envelope { idempotency: Idempotency::AnswerLater(claim(key)), ..plain() }
}

fn settling(key: &str) -> Envelope {
    Envelope { idempotency: Idempotency::Settle(key.to_owned()), ..plain() }
}

fn a_replay_gives_the_same_bytes_and_has_no_effect(shop: &mut Shop) {
    let first = shop.submit(keyed("k"), receive(RICE, 5)).unwrap();
    let dump = shop.dump();
    let again = shop.submit(keyed("k"), receive(RICE, 5)).unwrap();
    assert_eq!(first.answer, again.answer);
    assert!(first.reply.is_some() && again.reply.is_none());
    assert_eq!(shop.dump(), dump);
    assert_eq!(shop.on_hand(RICE), 105);
}

fn other_content_under_a_key_is_refused_and_changes_nothing(shop: &mut Shop) {
    shop.submit(keyed("k"), receive(RICE, 5)).unwrap();
    let dump = shop.dump();
    assert_eq!(shop.submit(other_content("k"), receive(RICE, 6)).unwrap_err(), Failure::KeyReused);
    assert_eq!(shop.dump(), dump);
}

fn a_refusal_is_replayed_although_stock_came_meanwhile(shop: &mut Shop) {
    shop.run(sell(1, TEA));
    let first = shop.submit(keyed("k"), sell(2, TEA)).unwrap();
    assert_eq!((first.answer.status, bytes(&first)), (409, "stock_insufficient"));
    shop.run(receive(TEA, 10));
    let again = shop.submit(keyed("k"), sell(2, TEA)).unwrap();
    assert_eq!(again.answer, first.answer);
    assert_eq!(shop.on_hand(TEA), 10);
}

fn a_second_copy_in_a_batch_gets_the_bytes_of_the_first(shop: &mut Shop) {
    let copies = [(); 3].map(|()| shop.send(keyed("k"), receive(RICE, 1)));
    shop.drain();
    let [first, second, third] = copies.map(|copy| got(copy).unwrap());
    assert_eq!(first.answer, second.answer);
    assert_eq!(first.answer, third.answer);
    assert_eq!([first.reply.is_some(), second.reply.is_some(), third.reply.is_some()], [true, false, false]);
    assert_eq!(shop.on_hand(RICE), 101);
}

fn other_content_under_a_key_in_one_batch_is_refused(shop: &mut Shop) {
    let first = shop.send(keyed("k"), receive(RICE, 1));
    let other = shop.send(other_content("k"), receive(RICE, 2));
    shop.drain();
    assert!(got(first).is_ok());
    assert_eq!(got(other).unwrap_err(), Failure::KeyReused);
    assert_eq!(shop.on_hand(RICE), 101);
}

fn a_key_of_another_merchant_is_another_key(shop: &mut Shop) {
    let note = |merchant| {
        act("test.note", [], move |work, call| {
            work.emit(call, "test.noted", merchant, &serde_json::json!({}));
            Ok(merchant)
        })
    };
    let with_key = |merchant| Envelope { idempotency: Idempotency::Answer(claim("k")), ..of(merchant) };
    let ours = shop.send(with_key(MERCHANT), note(MERCHANT));
    let theirs = shop.send(with_key(OTHER_MERCHANT), note(OTHER_MERCHANT));
    shop.drain();
    assert_eq!(got(ours).unwrap().reply.unwrap().unwrap(), MERCHANT);
    assert_eq!(got(theirs).unwrap().reply.unwrap().unwrap(), OTHER_MERCHANT);
    assert_eq!(
        shop.submit(with_key(MERCHANT), note(MERCHANT)).unwrap().answer.body,
        format!("{MERCHANT:?}").into_bytes()
    );
}

fn a_command_without_a_key_is_done_each_time(shop: &mut Shop) {
    for _ in 0..3 {
        shop.submit(plain(), receive(RICE, 1)).unwrap();
    }
    assert_eq!(shop.on_hand(RICE), 103);
    assert!(all(&shop.store, "idempotency").is_empty());
}

fn a_failure_leaves_the_key_free(shop: &mut Shop) {
    let panics = act("test.panic", [], |_, _| -> Result<(), _> { panic!("planted") });
    let beside = shop.send(keyed("beside"), receive(RICE, 1));
    assert!(matches!(shop.submit(keyed("k"), panics), Err(Failure::Internal(_))));
    got(beside).unwrap();
    let keys: Vec<_> = all(&shop.store, "idempotency").into_iter().map(|row| row[1].clone()).collect();
    assert_eq!(keys, [storage::Cell::text("beside")]);
    // The same key with other content: nothing was left that it could be compared with.
    shop.submit(other_content("k"), receive(RICE, 1)).unwrap();
    assert_eq!(shop.on_hand(RICE), 102);
}

fn what_is_answered_later_is_in_flight_until_it_is_settled(shop: &mut Shop) {
    let first = shop.submit(later("k"), receive(RICE, 1)).unwrap();
    let moved = first.reply.unwrap().unwrap();
    assert_eq!(moved[0].level.on_hand.0, 101_000);
    let in_flight = Failure::InFlight { subject: "it".to_owned() };
    assert_eq!(shop.submit(later("k"), receive(RICE, 1)).unwrap_err(), in_flight);
    let settled = shop.submit(settling("k"), receive(RICE, 2)).unwrap();
    let replayed = shop.submit(later("k"), receive(RICE, 1)).unwrap();
    assert_eq!(replayed.answer, settled.answer);
    assert_eq!(shop.on_hand(RICE), 103);
}

fn a_second_copy_in_a_batch_of_what_is_answered_later_is_in_flight(shop: &mut Shop) {
    let copies = [(); 2].map(|()| shop.send(later("k"), receive(RICE, 1)));
    shop.drain();
    let [first, second] = copies.map(got);
    assert!(first.unwrap().reply.is_some());
    assert_eq!(second.unwrap_err(), Failure::InFlight { subject: "it".to_owned() });
    assert_eq!(shop.on_hand(RICE), 101);
}

/// The kill test found it: the copy was given the bytes of the moment, and later the key those of the end.
fn whether_the_answer_follows_later_is_for_the_first_copy_to_say(shop: &mut Shop) {
    let (first, second) = (shop.send(later("k"), receive(RICE, 1)), shop.send(keyed("k"), receive(RICE, 1)));
    shop.drain();
    assert!(got(first).unwrap().reply.is_some());
    assert_eq!(got(second).unwrap_err(), Failure::InFlight { subject: "it".to_owned() });
    let (first, second) = (shop.send(keyed("l"), receive(RICE, 1)), shop.send(later("l"), receive(RICE, 1)));
    shop.drain();
    assert_eq!(got(first).unwrap().answer, got(second).unwrap().answer);
    assert_eq!(shop.on_hand(RICE), 102);
}

fn a_key_is_settled_once(shop: &mut Shop) {
    shop.submit(later("k"), receive(RICE, 1)).unwrap();
    let first = shop.submit(settling("k"), receive(RICE, 1)).unwrap();
    let second = shop.submit(settling("k"), receive(RICE, 1)).unwrap();
    assert_eq!(first.answer, second.answer);
    assert!(second.reply.is_some(), "it had its effect all the same");
    assert_eq!(shop.on_hand(RICE), 103);
    assert_eq!(shop.submit(later("k"), receive(RICE, 1)).unwrap().answer, first.answer);
}

fn two_that_settle_a_key_in_one_batch_give_the_same_bytes(shop: &mut Shop) {
    shop.submit(later("k"), receive(RICE, 1)).unwrap();
    let both = [(); 2].map(|()| shop.send(settling("k"), receive(RICE, 1)));
    shop.drain();
    let [first, second] = both.map(|one| got(one).unwrap());
    assert_eq!(first.answer, second.answer);
    assert_eq!(shop.on_hand(RICE), 103);
    assert_eq!(shop.submit(later("k"), receive(RICE, 1)).unwrap().answer, first.answer);
}

fn a_refusal_of_what_is_answered_later_is_its_answer(shop: &mut Shop) {
    shop.run(sell(1, TEA));
    let first = shop.submit(later("k"), sell(2, TEA)).unwrap();
    assert_eq!(bytes(&first), "stock_insufficient");
    assert_eq!(shop.submit(later("k"), sell(2, TEA)).unwrap().answer, first.answer);
    let stored = all(&shop.store, "idempotency");
    assert_eq!(int(cell("idempotency", &stored[0], "status")), 409);
}

fn a_replay_beside_new_work_is_read_in_the_same_batch(shop: &mut Shop) {
    let first = shop.submit(keyed("old"), receive(RICE, 1)).unwrap();
    let sees = act("test.look", [Key::Sale(sale_id(1))], |work, _| Ok(work.sales.iter().count()));
    let (again, new, look) =
        (shop.send(keyed("old"), receive(RICE, 1)), shop.send(keyed("new"), sell(1, RICE)), shop.send(plain(), sees));
    shop.committer.step();
    assert_eq!(got(again).unwrap().answer, first.answer);
    assert_eq!(got(new).unwrap().answer.status, 201);
    assert_eq!(got(look).unwrap().reply.unwrap().unwrap(), 1);
}
