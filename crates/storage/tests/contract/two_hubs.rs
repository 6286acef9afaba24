//! Two committers on one PostgreSQL: what one does while the other decides is seen, waited for, or run again.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::article::UpdateArticle;
use domain::command::{Command, Refusal};
use domain::id::ArticleId;
use domain::money::UnitPrice;
use domain::work::Key;
use storage::committer::Committer;
use storage::{Cell, Handle};

use super::exchanges::{owe, spend};
use super::people::open_shift;
use crate::support::command::{
    a_promotion, act, an_article, article_id, insert_article, receive, sell, sell_with_coupon,
};
use crate::support::rows::cell;
use crate::support::shop::{Ids, LOCATION, MERCHANT, RICE, Shop, TEA, encode, got, keyed, plain, refused};
use crate::support::store::all;

on!([postgres] [
    a_change_that_another_hub_made_meanwhile_is_seen_by_a_second_run
    a_key_that_two_hubs_get_is_done_once
    a_key_that_another_hub_took_meanwhile_gives_its_bytes
    a_record_that_two_hubs_make_is_made_once
    a_record_that_another_hub_made_meanwhile_is_found_by_a_second_run
    a_code_that_two_hubs_put_on_goods_is_on_one_article
    a_shift_that_two_hubs_open_is_opened_once
    a_coupon_for_one_sale_that_two_hubs_take_is_on_one_sale
    a_credit_that_two_hubs_spend_pays_one_sale
    a_level_that_two_hubs_change_loses_nothing
    an_event_has_one_number_whoever_wrote_it
    a_hub_hears_what_another_has_committed
]);

fn another_hub(shop: &Shop) -> (Handle, Committer) {
    Committer::new(shop.store.connect(), Box::new(Ids::new(2))).unwrap()
}

fn price(yen: i64) -> UpdateArticle {
    UpdateArticle { unit_price: Some(UnitPrice(yen * 10_000)), ..UpdateArticle::nothing(MERCHANT, TEA) }
}

fn label(article: ArticleId) -> UpdateArticle {
    UpdateArticle { article, barcodes: Some(vec!["4901234567894".to_owned()]), unit_price: None, ..price(0) }
}

fn a_code_that_two_hubs_put_on_goods_is_on_one_article(shop: &mut Shop) {
    let other = Mutex::new(Some(another_hub(shop)));
    let overtaken = act("test.label", label(RICE).keys(), move |work, call| {
        // A code that stands for nothing has no row that could be locked.
        if let Some((handle, mut committer)) = other.lock().unwrap().take() {
            let answer = handle.send(plain(), label(TEA), encode).unwrap();
            committer.step();
            got(answer).unwrap();
        }
        label(RICE).decide(work, call)
    });
    assert_eq!(refused(shop.submit(plain(), overtaken)), "barcode_taken");
    let codes = all(&shop.store, "barcode");
    assert_eq!(codes.len(), 1);
    assert_eq!(*cell("barcode", &codes[0], "article_id"), Cell::display(TEA));
}

/// The other hub comes while this one holds the coupon, and has to wait.
fn a_coupon_for_one_sale_that_two_hubs_take_is_on_one_sale(shop: &mut Shop) {
    shop.run(a_promotion("ONCE", 1));
    let (handle, mut committer) = another_hub(shop);
    let second = handle.send(plain(), sell_with_coupon(2, "ONCE"), encode).unwrap();
    let (begin, begun) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        begun.recv().unwrap();
        committer.step();
    });
    let first = sell_with_coupon(1, "ONCE");
    let first = act("test.first", first.keys(), move |work, call| {
        let _ = begin.send(());
        first.decide(work, call)
    });
    assert_eq!(shop.run(first).sale.discounts.amount_minor(), 50);
    thread.join().unwrap();
    assert_eq!(refused(got(second)), "coupon_used_up");
    let coupons = all(&shop.store, "coupon");
    assert_eq!(*cell("coupon", &coupons[0], "use_count"), Cell::Int(1));
}

/// The other hub comes while this one holds the sale whose return owes, and has to wait.
fn a_credit_that_two_hubs_spend_pays_one_sale(shop: &mut Shop) {
    owe(shop);
    let (handle, mut committer) = another_hub(shop);
    let second = handle.send(plain(), spend(3), encode).unwrap();
    let (begin, begun) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        begun.recv().unwrap();
        committer.step();
    });
    let first = act("test.first", spend(2).keys(), move |work, call| {
        let _ = begin.send(());
        spend(2).decide(work, call)
    });
    assert_eq!(shop.run(first).due_minor, 0);
    thread.join().unwrap();
    assert_eq!(refused(got(second)), "return_nothing_due");
    assert_eq!(all(&shop.store, "refund").len(), 1);
}

fn a_change_that_another_hub_made_meanwhile_is_seen_by_a_second_run(shop: &mut Shop) {
    let other = Mutex::new(Some(another_hub(shop)));
    let runs = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&runs);
    let rename = act("test.rename", [Key::Article(TEA)], move |work, _| {
        count.fetch_add(1, Ordering::Relaxed);
        let seen = work.articles.find(MERCHANT, &TEA).unwrap().unit_price;
        // An article is not locked: the other hub changes it between this hub's load and its write.
        if let Some((handle, mut committer)) = other.lock().unwrap().take() {
            let answer = handle.send(plain(), price(777), encode).unwrap();
            committer.step();
            got(answer).unwrap();
        }
        work.articles.find_mut(MERCHANT, &TEA).unwrap().name = "Sencha".to_owned();
        Ok(seen)
    });
    assert_eq!(shop.run(rename), UnitPrice(7_770_000));
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    let articles = all(&shop.store, "article");
    let tea = articles.iter().find(|row| row[0] == Cell::display(TEA)).unwrap();
    assert_eq!(*cell("article", tea, "name"), Cell::text("Sencha"));
    assert_eq!(*cell("article", tea, "unit_price"), Cell::Int(7_770_000));
    assert_eq!(*cell("article", tea, "version"), Cell::Int(3));
}

/// Runs a command that waits in its decision until another hub is at the same point or beyond.
fn a_key_that_two_hubs_get_is_done_once(shop: &mut Shop) {
    let (handle, mut committer) = another_hub(shop);
    let second = handle.send(keyed("k"), receive(RICE, 1), encode).unwrap();
    let (begin, begun) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        begun.recv().unwrap();
        committer.step();
    });
    let first = act("test.first", [Key::StockLevel(LOCATION, RICE)], move |_, _| {
        // This hub has looked the key up and holds the level; the other one may try now, and has to wait.
        let _ = begin.send(());
        Ok("first")
    });
    let first = shop.submit(keyed("k"), first).unwrap();
    thread.join().unwrap();
    let second = got(second).unwrap();
    assert_eq!(second.answer, first.answer);
    assert!(second.reply.is_none());
    assert_eq!(shop.on_hand(RICE), 100);
}

fn a_key_that_another_hub_took_meanwhile_gives_its_bytes(shop: &mut Shop) {
    let other = Mutex::new(Some(another_hub(shop)));
    let (taken, answer) = std::sync::mpsc::channel();
    // Nothing that both lock: only the key itself tells that the other hub was here.
    let overtaken = act("test.overtaken", [], move |work, _| {
        if let Some((handle, mut committer)) = other.lock().unwrap().take() {
            let sent = handle.send(keyed("k"), insert_article(an_article(article_id(1))), encode).unwrap();
            committer.step();
            let _ = taken.send(got(sent).unwrap().answer);
        }
        work.articles.insert(an_article(article_id(2)));
        Ok(())
    });
    let beside = shop.send(plain(), receive(RICE, 1));
    let late = shop.submit(keyed("k"), overtaken).unwrap();
    got(beside).unwrap();
    assert_eq!((late.answer, late.reply.is_none()), (answer.recv().unwrap(), true));
    assert_eq!((all(&shop.store, "article").len(), shop.on_hand(RICE)), (3, 101));
}

fn a_record_that_two_hubs_make_is_made_once(shop: &mut Shop) {
    let (handle, mut committer) = another_hub(shop);
    let second = handle.send(keyed("b"), sell(1, RICE), encode).unwrap();
    let (begin, begun) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        begun.recv().unwrap();
        committer.step();
    });
    let wait = act("test.wait", [], move |_, _| {
        let _ = begin.send(());
        Ok(())
    });
    // In one batch with the sale: the other hub looks for the sale before this one has made it.
    let (first, wait) = (shop.send(keyed("a"), sell(1, RICE)), shop.send(plain(), wait));
    shop.drain();
    got(wait).unwrap();
    thread.join().unwrap();
    assert_eq!(got(first).unwrap().answer.status, 201);
    assert_eq!(refused(got(second)), "sale_exists");
    assert_eq!(shop.on_hand(RICE), 99);
}

fn a_record_that_another_hub_made_meanwhile_is_found_by_a_second_run(shop: &mut Shop) {
    let other = Mutex::new(Some(another_hub(shop)));
    let article = article_id(1);
    // A record that is not there yet cannot be locked, and nothing else that it needs is.
    let overtaken = act("test.overtaken", [Key::Article(article)], move |work, call| {
        if let Some((handle, mut committer)) = other.lock().unwrap().take() {
            let answer = handle.send(plain(), insert_article(an_article(article)), encode).unwrap();
            committer.step();
            got(answer).unwrap();
        }
        if work.articles.find(call.merchant, &article).is_some() {
            return Err(Refusal::StaleVersion { given: 0, current: 1 }.into());
        }
        work.articles.insert(an_article(article));
        Ok(())
    });
    assert_eq!(refused(shop.submit(keyed("k"), overtaken)), "version_stale");
}

fn a_shift_that_two_hubs_open_is_opened_once(shop: &mut Shop) {
    let (handle, mut committer) = another_hub(shop);
    let second = handle.send(plain(), open_shift(500), encode).unwrap();
    let (begin, begun) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        begun.recv().unwrap();
        committer.step();
    });
    let hold = act("test.hold", open_shift(0).keys(), move |_, _| {
        // This hub holds the register's series; the other one may try now, and has to wait.
        let _ = begin.send(());
        Ok(())
    });
    let (hold, first) = (shop.send(plain(), hold), shop.send(plain(), open_shift(500)));
    shop.drain();
    got(hold).unwrap();
    thread.join().unwrap();
    assert_eq!(got(first).unwrap().answer.status, 201);
    assert_eq!(refused(got(second)), "shift_already_open");
    assert_eq!(all(&shop.store, "shift").len(), 1);
}

fn a_level_that_two_hubs_change_loses_nothing(shop: &mut Shop) {
    let (handle, mut committer) = another_hub(shop);
    let sent: Vec<_> = (0..1_000).map(|_| handle.send(plain(), receive(RICE, 1), encode).unwrap()).collect();
    let thread = std::thread::spawn(move || {
        while handle.waiting() > 0 {
            committer.step();
        }
    });
    let own: Vec<_> = (0..1_000).map(|_| shop.send(plain(), receive(RICE, 1))).collect();
    shop.drain();
    thread.join().unwrap();
    for answer in sent.into_iter().chain(own) {
        assert_eq!(got(answer).unwrap().answer.status, 201);
    }
    assert_eq!(shop.on_hand(RICE), 2_100);
}

fn an_event_has_one_number_whoever_wrote_it(shop: &mut Shop) {
    let (handle, mut committer) = another_hub(shop);
    let thread = std::thread::spawn(move || {
        for n in 0..100 {
            let article = insert_article(an_article(article_id(n)));
            let answer = handle.send(plain(), article, encode).unwrap();
            committer.step();
            got(answer).unwrap();
        }
    });
    for n in 100..200 {
        shop.run(insert_article(an_article(article_id(n))));
    }
    thread.join().unwrap();
    assert_eq!(all(&shop.store, "article").len(), 202);
}

/// Nothing looks by itself here: what is heard came by the bell.
fn a_hub_hears_what_another_has_committed(shop: &mut Shop) {
    let (handle, mut committer) = another_hub(shop);
    let here = shop.handle.clone();
    let (url, other_url) = (shop.store.url().to_owned(), shop.store.url().to_owned());
    let mut commits = here.commits();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let other = handle.clone();
    runtime.spawn(async move { storage::bell::keep(&url, &here).await });
    runtime.spawn(async move { storage::bell::keep(&other_url, &other).await });
    // Whether the other one is there is looked at every few seconds: sell until it rings.
    let begun = Instant::now();
    let heard = loop {
        assert!(begun.elapsed() < Duration::from_secs(30), "the bell is not heard");
        let answer = handle.send(plain(), receive(TEA, 1), encode).unwrap();
        committer.step();
        got(answer).unwrap();
        let next = runtime.block_on(async { tokio::time::timeout(Duration::from_millis(200), commits.recv()).await });
        if let Ok(Ok(merchants)) = next {
            break merchants;
        }
    };
    assert_eq!(heard.to_vec(), [MERCHANT]);
}
