//! What a command names: found late, never another merchant's, and counters made only beside what they count.

use std::sync::{Arc, Mutex};

use domain::article::Article;
use domain::journal::LedgerAccount;
use domain::money::Currency;
use domain::work::{Key, Stop};
use storage::Failure;

use crate::support::command::{a_sale, act, an_article, article_id, insert_article, receive, sale_id, sell};
use crate::support::shop::{
    CONNECTION, LOCATION, MERCHANT, OTHER_LOCATION, OTHER_MERCHANT, OTHER_REGISTER, REGISTER, RICE, Shop, TEA, got,
    keyed, of, plain, refused,
};
use crate::support::store::all;

on!([sqlite postgres memory] [
    what_is_named_late_comes_first_in_the_next_batch_with_all_its_keys
    three_more_rounds_are_enough
    a_fourth_round_is_a_bug
    asking_again_for_what_was_named_is_a_bug
    a_round_leaves_no_trace
    copies_of_what_is_named_late_come_again_together
    the_records_of_another_merchant_are_not_found
    no_counter_is_made_for_the_ids_of_another_merchant
    a_record_that_another_merchant_has_is_taken
]);

fn what_is_named_late_comes_first_in_the_next_batch_with_all_its_keys(shop: &mut Shop) {
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let order = Arc::clone(&order);
        act("test.note", [], move |_, _| {
            order.lock().unwrap().push(name);
            Ok(())
        })
    };
    let noted = Arc::clone(&order);
    let late = act("test.late", [Key::Article(TEA)], move |work, _| {
        noted.lock().unwrap().push("late");
        work.require([Key::Article(TEA)])?;
        work.require([Key::Article(RICE)])?;
        Ok(work.articles.iter().map(|article| article.id).collect::<Vec<_>>())
    });
    let late = shop.send(keyed("k"), late);
    let beside = shop.send(plain(), note("beside"));
    shop.committer.step();
    got(beside).unwrap();
    let next = shop.send(plain(), note("next"));
    shop.committer.step();
    got(next).unwrap();
    assert_eq!(got(late).unwrap().reply.unwrap().unwrap(), [TEA, RICE]);
    assert_eq!(*order.lock().unwrap(), ["late", "beside", "late", "next"]);
}

/// Names one article more in each round, `rounds` times.
fn asks(shop: &mut Shop, rounds: u128) -> Result<u16, Failure> {
    let asks = act("test.ask", [], move |work, call| {
        let next = (0..rounds).map(|n| Key::Article(article_id(n))).find(|key| !work.is_known(key));
        work.emit(call, "test.asked", MERCHANT, &serde_json::json!({}));
        next.map_or(Ok(()), |key| Err(Stop::Needs(vec![key])))
    });
    shop.submit(keyed("k"), asks).map(|done| done.answer.status)
}

fn three_more_rounds_are_enough(shop: &mut Shop) {
    assert_eq!(asks(shop, 3), Ok(201));
}

fn a_fourth_round_is_a_bug(shop: &mut Shop) {
    let dump = shop.business();
    assert!(matches!(asks(shop, 4), Err(Failure::Internal(_))));
    assert_eq!(shop.business(), dump);
    assert!(all(&shop.store, "idempotency").is_empty());
}

fn asking_again_for_what_was_named_is_a_bug(shop: &mut Shop) {
    let again =
        act("test.again", [Key::Article(TEA)], |_, _| -> Result<(), _> { Err(Stop::Needs(vec![Key::Article(TEA)])) });
    assert!(matches!(shop.submit(plain(), again), Err(Failure::Internal(_))));
}

fn a_round_leaves_no_trace(shop: &mut Shop) {
    let dump = shop.dump();
    let late = act("test.late", [], move |work, call| {
        work.emit(call, "test.late", MERCHANT, &serde_json::json!({}));
        work.articles.insert(an_article(article_id(1)));
        work.require([Key::Article(RICE)])
    });
    let late = shop.send(keyed("k"), late);
    shop.committer.step();
    assert_eq!(shop.dump(), dump);
    shop.committer.step();
    got(late).unwrap();
}

fn copies_of_what_is_named_late_come_again_together(shop: &mut Shop) {
    // Cash for an open sale names the stock, the series and the balances late.
    shop.run(domain::sale::OpenSale { id: Some(sale_id(1)), sale: a_sale(&[(RICE, 1)]) });
    let pay = || domain::sale::AddCash { merchant: MERCHANT, sale: sale_id(1), amount_minor: None, given_minor: 100 };
    let [first, second] = [(); 2].map(|()| shop.send(keyed("k"), pay()));
    shop.drain();
    let (first, second) = (got(first).unwrap(), got(second).unwrap());
    assert_eq!(first.answer.status, 201);
    assert_eq!(first.answer, second.answer);
    assert_eq!(shop.on_hand(RICE), 99);
}

fn the_records_of_another_merchant_are_not_found(shop: &mut Shop) {
    let keys = [Key::Article(TEA), Key::Location(LOCATION), Key::Register(REGISTER), Key::Connection(CONNECTION)];
    let look = act("test.look", keys, |work, call| {
        let mine = call.merchant;
        Ok([
            work.articles.find(mine, &TEA).is_some(),
            work.articles.find_mut(mine, &TEA).is_some(),
            work.locations.find(mine, &LOCATION).is_some(),
            work.registers.find(mine, &REGISTER).is_some(),
            work.connections.find(mine, &CONNECTION).is_some(),
        ])
    });
    // In one batch with its owner, who has it loaded.
    let owner = shop.send(plain(), receive(TEA, 1));
    let look = shop.send(of(OTHER_MERCHANT), look);
    let theirs = shop.send(of(OTHER_MERCHANT), receive(TEA, 1));
    let sale = shop.send(of(OTHER_MERCHANT), sell(1, TEA));
    shop.committer.step();
    got(owner).unwrap();
    assert_eq!(got(look).unwrap().reply.unwrap().unwrap(), [false; 5]);
    assert_eq!(refused(got(theirs)), "article_not_found");
    assert_eq!(refused(got(sale)), "merchant_not_found");
    assert_eq!(shop.on_hand(TEA), 2);
}

fn no_counter_is_made_for_the_ids_of_another_merchant(shop: &mut Shop) {
    let theirs = article_id(1);
    let article = Article { merchant: OTHER_MERCHANT, ..an_article(theirs) };
    shop.submit(of(OTHER_MERCHANT), insert_article(article)).unwrap();
    let counters = |shop: &Shop| ["stock_level", "receipt_series", "balance"].map(|name| all(&shop.store, name));
    let before = counters(shop);
    let foreign = [
        Key::Register(OTHER_REGISTER),
        Key::Location(OTHER_LOCATION),
        Key::Article(theirs),
        Key::ReceiptSeries(OTHER_REGISTER),
        Key::StockLevel(OTHER_LOCATION, theirs),
        Key::StockLevel(OTHER_LOCATION, TEA),
        Key::StockLevel(LOCATION, theirs),
        Key::Balance(OTHER_MERCHANT, LedgerAccount::Tax, Currency::JPY),
        Key::Balance(OTHER_MERCHANT, LedgerAccount::Drawer(OTHER_REGISTER), Currency::JPY),
        Key::Balance(MERCHANT, LedgerAccount::Drawer(OTHER_REGISTER), Currency::JPY),
    ];
    let names = act("test.name", foreign, |work, call| {
        // Something to commit, so that what was made for it would stay.
        work.emit(call, "test.named", MERCHANT, &serde_json::json!({}));
        Ok(work.stock_levels.iter().count() + work.balances.iter().count() + work.receipt_series.iter().count())
    });
    assert_eq!(shop.run(names), 0);
    assert_eq!(counters(shop), before);
}

fn a_record_that_another_merchant_has_is_taken(shop: &mut Shop) {
    shop.run(domain::sale::OpenSale { id: Some(sale_id(1)), sale: a_sale(&[]) });
    let is_taken = act("test.look", [Key::Sale(sale_id(1))], |work, call| {
        Ok((work.sales.find(call.merchant, &sale_id(1)).is_some(), work.sales.is_taken(&sale_id(1))))
    });
    let seen = shop.submit(of(OTHER_MERCHANT), is_taken).unwrap().reply.unwrap().unwrap();
    assert_eq!(seen, (false, true));
}
