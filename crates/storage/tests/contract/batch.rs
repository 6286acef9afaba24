//! A bad command hurts itself alone, and a good one sees what the ones before it did.

use domain::article::{CreateArticle, Described};
use domain::exception::{self, Exception};
use domain::id::ExceptionId;
use domain::money::{Quantity, UnitPrice};
use domain::work::Key;
use storage::{Cell, Failure};

use crate::support::command::{act, an_article, article_id, insert_article, receive, sell};
use crate::support::rows::{cell, table};
use crate::support::shop::{LOCATION, MERCHANT, RICE, Shop, TEA, got, keyed, plain, refused};
use crate::support::store::all;

on!([sqlite postgres memory] [
    a_later_command_sees_what_an_earlier_one_did
    a_panic_hurts_itself_alone
    a_refused_command_leaves_no_trace
    a_unique_violation_is_the_refusal_of_its_command_alone
    of_two_new_records_with_one_unique_name_the_first_is_made
    a_unique_violation_that_nobody_expects_is_an_error_of_its_command_alone
    a_refusal_of_a_unique_violation_is_replayed
    a_panic_while_a_unique_violation_is_put_into_words_hurts_itself_alone
    a_broken_write_hurts_itself_alone
    of_two_articles_with_one_code_the_first_is_made
    a_corrupt_row_refuses_only_those_who_name_it
    a_record_is_changed_by_many_commands_of_a_batch
    what_is_written_is_read_back
    text_of_any_kind_comes_back_as_it_was
]);

fn create(sku: &str) -> CreateArticle {
    CreateArticle::plain(MERCHANT, sku, "Onigiri", UnitPrice(1_500_000), "reduced")
}

fn a_later_command_sees_what_an_earlier_one_did(shop: &mut Shop) {
    let (first, second) = (shop.send(keyed("a"), sell(1, TEA)), shop.send(keyed("b"), sell(2, TEA)));
    shop.committer.step();
    assert_eq!(got(first).unwrap().answer.status, 201);
    assert_eq!(refused(got(second)), "stock_insufficient");
    assert_eq!(shop.on_hand(TEA), 0);
}

fn a_panic_hurts_itself_alone(shop: &mut Shop) {
    let before = shop.send(keyed("a"), receive(RICE, 1));
    let key = (LOCATION, RICE);
    let panics = act("test.panic", [Key::StockLevel(LOCATION, RICE)], move |work, call| -> Result<(), _> {
        work.stock_levels.find_mut(MERCHANT, &key).unwrap().on_hand = Quantity(7);
        work.emit(call, "test.lied", RICE, &serde_json::json!({}));
        work.articles.insert(an_article(article_id(1)));
        panic!("planted")
    });
    let panics = shop.send(keyed("b"), panics);
    let after = shop.send(keyed("c"), receive(RICE, 1));
    shop.committer.step();
    assert!(matches!(got(panics), Err(Failure::Internal(_))));
    assert_eq!([got(before), got(after)].map(|outcome| outcome.unwrap().answer.status), [201, 201]);
    assert_eq!(shop.on_hand(RICE), 102);
    assert_eq!(all(&shop.store, "article").len(), 2);
}

fn a_refused_command_leaves_no_trace(shop: &mut Shop) {
    let business = shop.business();
    let keys = [Key::StockLevel(LOCATION, RICE)];
    let refuses = act("test.refuse", keys, move |work, call| -> Result<(), _> {
        work.stock_levels.find_mut(MERCHANT, &(LOCATION, RICE)).unwrap().on_hand = Quantity(7);
        work.articles.insert(an_article(article_id(1)));
        work.emit(call, "test.lied", RICE, &serde_json::json!({}));
        Err(domain::command::not_found("truth", "it"))
    });
    assert_eq!(refused(shop.submit(keyed("k"), refuses)), "truth_not_found");
    assert_eq!(shop.business(), business);
    assert_eq!(all(&shop.store, "idempotency").len(), 1);
}

fn a_unique_violation_is_the_refusal_of_its_command_alone(shop: &mut Shop) {
    shop.run(create("taken"));
    let answers: Vec<_> = (0..256)
        .map(|n| {
            let sku = if n == 100 { "taken".to_owned() } else { format!("sku {n}") };
            shop.send(keyed(&format!("key {n}")), create(&sku))
        })
        .collect();
    shop.committer.step();
    for (n, answer) in answers.into_iter().enumerate() {
        let outcome = got(answer);
        if n == 100 {
            assert_eq!(refused(outcome), "article_sku_taken");
        } else {
            assert_eq!(outcome.unwrap().reply.unwrap().unwrap().article.sku, format!("sku {n}"));
        }
    }
    assert_eq!(all(&shop.store, "article").len(), 2 + 1 + 255);
}

fn of_two_new_records_with_one_unique_name_the_first_is_made(shop: &mut Shop) {
    let (first, second) = (shop.send(plain(), create("one")), shop.send(plain(), create("one")));
    shop.drain();
    assert!(got(first).unwrap().reply.unwrap().is_ok());
    assert_eq!(refused(got(second)), "article_sku_taken");
}

fn of_two_articles_with_one_code_the_first_is_made(shop: &mut Shop) {
    let coded = |sku: &str| CreateArticle { barcodes: vec!["4901234567894".to_owned()], ..create(sku) };
    let (first, second) = (shop.send(plain(), coded("one")), shop.send(plain(), coded("two")));
    shop.committer.step();
    assert!(got(first).unwrap().reply.unwrap().is_ok());
    assert_eq!(refused(got(second)), "barcode_taken");
    assert_eq!(all(&shop.store, "barcode").len(), 1);
}

fn a_unique_violation_that_nobody_expects_is_an_error_of_its_command_alone(shop: &mut Shop) {
    let register = act("test.insert_register", [Key::Location(LOCATION)], |work, call| {
        let id = domain::id::RegisterId::from_uuid(call.next_uuid());
        let name = "K1".to_owned();
        work.registers.insert(domain::merchant::Register {
            id,
            merchant: MERCHANT,
            location: LOCATION,
            name,
            version: 1,
        });
        Ok(())
    });
    let (bad, good) = (shop.send(keyed("a"), register), shop.send(keyed("b"), receive(RICE, 1)));
    shop.drain();
    assert_eq!(got(bad).unwrap_err(), Failure::Internal("unique constraint register_name".to_owned()));
    got(good).unwrap();
}

fn a_refusal_of_a_unique_violation_is_replayed(shop: &mut Shop) {
    let article = shop.run(create("taken")).article;
    let first = shop.submit(keyed("k"), create("taken")).unwrap();
    let rename = act("test.rename", [Key::Article(article.id)], move |work, _| {
        work.articles.find_mut(MERCHANT, &article.id).unwrap().sku = "free".to_owned();
        Ok(())
    });
    shop.run(rename);
    assert_eq!(shop.submit(keyed("k"), create("taken")).unwrap().answer, first.answer);
}

fn a_panic_while_a_unique_violation_is_put_into_words_hurts_itself_alone(shop: &mut Shop) {
    shop.run(create("taken"));
    let wordless = shop
        .handle
        .send(keyed("k"), create("taken"), |reply: Result<&Described, _>| match reply {
            Ok(_) => storage::Answer::default(),
            Err(_) => panic!("planted"),
        })
        .unwrap();
    let good = shop.send(keyed("b"), receive(RICE, 1));
    shop.drain();
    assert!(matches!(got(wordless), Err(Failure::Internal(_))));
    got(good).unwrap();
}

fn a_broken_write_hurts_itself_alone(shop: &mut Shop) {
    let answers: Vec<_> = (0..256)
        .map(|n| {
            // The hundredth makes a record under the id of one that stands.
            let id = if n == 100 { TEA } else { article_id(n) };
            shop.send(keyed(&format!("key {n}")), insert_article(an_article(id)))
        })
        .collect();
    shop.committer.step();
    for (n, answer) in answers.into_iter().enumerate() {
        match got(answer) {
            Ok(done) => assert_eq!((done.answer.status, n != 100), (201, true)),
            Err(failure) => assert!(n == 100 && matches!(failure, Failure::Internal(_)), "{n}: {failure}"),
        }
    }
    assert_eq!(all(&shop.store, "article").len(), 2 + 255);
    assert_eq!(all(&shop.store, "idempotency").len(), 255);
}

fn a_corrupt_row_refuses_only_those_who_name_it(shop: &mut Shop) {
    let mut row = all(&shop.store, "article").into_iter().find(|row| row[0] == Cell::display(TEA)).unwrap();
    let whole = row.clone();
    row[table("article").position("currency").unwrap()] = Cell::text("yen, I think");
    shop.store.put("article", &row);
    let (bad, good) = (shop.send(keyed("a"), receive(TEA, 1)), shop.send(keyed("b"), receive(RICE, 1)));
    shop.drain();
    let Err(Failure::Internal(words)) = got(bad) else { panic!("not refused") };
    assert!(words.contains("article") && words.contains("currency"), "{words}");
    got(good).unwrap();
    shop.store.put("article", &whole);
    shop.submit(keyed("a"), receive(TEA, 1)).unwrap();
}

fn a_record_is_changed_by_many_commands_of_a_batch(shop: &mut Shop) {
    let answers: Vec<_> = (0..256).map(|_| shop.send(plain(), receive(RICE, 1))).collect();
    shop.committer.step();
    let last = answers.into_iter().map(|answer| got(answer).unwrap().reply.unwrap().unwrap()).last().unwrap();
    assert_eq!(last[0].level.on_hand, Quantity(356_000));
    let levels = all(&shop.store, "stock_level");
    let level = levels.iter().find(|row| row[1] == Cell::display(RICE)).unwrap();
    assert_eq!(*cell("stock_level", level, "version"), Cell::Int(last[0].level.version));
}

fn what_is_written_is_read_back(shop: &mut Shop) {
    let written = shop.run(create("back"));
    let written = written.article;
    let id = written.id;
    let read = act("test.read", [Key::Article(id)], move |work, _| Ok(work.articles.find(MERCHANT, &id).cloned()));
    assert_eq!(shop.run(read), Some(written));
}

fn text_of_any_kind_comes_back_as_it_was(shop: &mut Shop) {
    for (n, words) in
        ["", "お茶 ☕", "'; DROP TABLE sale; --", "line\nline\ttab", "\u{1}\u{7f}", "%_\\"].into_iter().enumerate()
    {
        let id = ExceptionId::from_uuid(uuid::Uuid::from_u128(n as u128));
        let subject = format!("pay_{n}");
        let exception = Exception {
            id,
            merchant: MERCHANT,
            kind: exception::Kind::JobFailed,
            subject: subject.clone(),
            reason: words.to_owned(),
            owner: "manager".to_owned(),
            at_risk_minor: i64::MAX,
            resolution: Some(words.to_owned()),
            opened_at: domain::time::Timestamp(0),
            resolved_at: None,
            version: 1,
        };
        shop.run(act("test.except", [], move |work, _| {
            work.exceptions.insert(exception.clone());
            Ok(())
        }));
        let rows = all(&shop.store, "exception");
        let row = rows.iter().find(|row| row[0] == Cell::text(&subject)).unwrap();
        assert_eq!(*cell("exception", row, "reason"), Cell::text(words));
        assert_eq!(*cell("exception", row, "resolution"), Cell::text(words));
        assert_eq!(*cell("exception", row, "at_risk_minor"), Cell::Int(i64::MAX));
    }
}
