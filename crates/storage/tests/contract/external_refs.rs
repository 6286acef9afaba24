//! External references as they lie in a store: each kind goes in and comes back, and one that stands for nothing is found.

use domain::external_ref::{AddExternalRef, Kind, Referred, Subject};
use domain::sale::{OpenSale, Standing};
use storage::{Cell, Row};

use crate::audit::tamper;
use crate::support::command::{a_sale, receive, sale_id, sell};
use crate::support::rows::cell;
use crate::support::shop::{MERCHANT, RICE, Shop, plain, refused};
use crate::support::store::all;

on!([sqlite postgres memory] [
    a_record_is_known_under_several_ids
    of_two_that_come_together_one_has_it
    what_stands_for_nothing_is_found
]);

fn opening(number: u128, id: &str) -> Referred<OpenSale> {
    Referred {
        merchant: MERCHANT,
        command: OpenSale { id: Some(sale_id(number)), sale: a_sale(&[(RICE, 1)]) },
        kind: Kind::Sale,
        refs: vec![("shop".to_owned(), id.to_owned())],
        subject: |standing: &Standing| Some(Subject::Sale(standing.sale.id)),
    }
}

fn known(shop: &Shop) -> Vec<(String, String)> {
    let text = |row: &Row, column| format!("{:?}", cell("external_ref", row, column));
    all(&shop.store, "external_ref").iter().map(|row| (text(row, "external_id"), text(row, "kind"))).collect()
}

fn a_record_is_known_under_several_ids(shop: &mut Shop) {
    shop.run(opening(1, "1001"));
    let subject = Subject::Sale(sale_id(1));
    let add = |id: &str| AddExternalRef { merchant: MERCHANT, subject, system: "shop".to_owned(), id: id.to_owned() };
    shop.run(add("A 2"));
    shop.run(add("1001"));
    let note = Referred {
        merchant: MERCHANT,
        command: receive(RICE, 1),
        kind: Kind::Movement,
        refs: vec![("shop".to_owned(), "1001".to_owned())],
        subject: |moved: &Vec<domain::stock::Moved>| moved.first().map(|first| Subject::Movement(first.movement.id)),
    };
    shop.run(note);
    assert_eq!(known(shop).len(), 3);
}

fn of_two_that_come_together_one_has_it(shop: &mut Shop) {
    let (first, second) = (shop.send(plain(), opening(1, "1001")), shop.send(plain(), opening(2, "1001")));
    shop.drain();
    assert!(crate::support::shop::got(first).unwrap().reply.unwrap().is_ok());
    assert_eq!(refused(crate::support::shop::got(second)), "external_ref_taken");
    assert_eq!((known(shop).len(), all(&shop.store, "sale").len()), (1, 1));
}

fn what_stands_for_nothing_is_found(shop: &mut Shop) {
    shop.run(sell(1, RICE));
    shop.run(opening(2, "1001"));
    let (any, nobody) = (|_: &Row| true, Cell::display(sale_id(3)));
    tamper(shop, "external_ref", "subject_id", nobody, any, &["row_readable"]);
    tamper(shop, "external_ref", "read_with", Cell::text("x"), any, &["row_readable"]);
    let gone = all(&shop.store, "external_ref").remove(0);
    let mut tampered = gone.clone();
    tampered[4] = Cell::display(sale_id(3));
    tampered[5] = Cell::display(sale_id(3));
    shop.store.put("external_ref", &tampered);
    let found: Vec<&str> = shop.store.check().findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(found, ["external_ref_subject"]);
    shop.store.put("external_ref", &gone);
}
